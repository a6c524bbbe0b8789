//! Only the kernels, and the mapping of files, may be unsafe.

use super::house::{House, TextFile};
use super::rust_code::{code_only, words};

const UNSAFE: [&str; 2] = ["crates/bertune-kernels/", "crates/bertune-mapped/"];

/// The uses of `unsafe` elsewhere, tests included.
pub(crate) fn faults(house: &House) -> Vec<String> {
    let elsewhere = |file: &&TextFile| !UNSAFE.iter().any(|folder| file.path.starts_with(folder));
    house.files_ending(".rs").filter(elsewhere).flat_map(faults_of).collect()
}

fn faults_of(file: &TextFile) -> Vec<String> {
    let code = code_only(&file.text);
    let unsafe_words = words(&code).filter(|(_, word)| *word == "unsafe");
    unsafe_words
        .map(|(line, _)| {
            format!("{}:{line}: only bertune-kernels and bertune-mapped may be unsafe", file.path)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unsafe_code_outside_the_kernels_is_found() {
        let text = "// unsafe\n#![deny(unsafe_code)]\nunsafe { a() }\n";
        let house = House::of_files(&[("crates/bertune-kernels/src/a.rs", text), ("b.rs", text)]);
        assert_eq!(
            faults(&house),
            ["b.rs:3: only bertune-kernels and bertune-mapped may be unsafe"]
        );
    }
}
