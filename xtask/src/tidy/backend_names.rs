//! Libraries are generic: only the kernels, the facade and the program name a backend.

use super::house::{House, TextFile};
use super::rust_code::{code_only, without_tests, words};

const BACKENDS: [&str; 4] = ["Flex", "NdArray", "Wgpu", "Cuda"];

const MAY_NAME_THEM: [&str; 4] = [
    "crates/bertune-kernels/",
    "crates/bertune/",
    "crates/bertune-cli/",
    "crates/bertune-testing/",
];

/// The backends named in code of libraries; tests and comments may.
pub(crate) fn faults(house: &House) -> Vec<String> {
    house.files_ending(".rs").filter(|file| is_library(&file.path)).flat_map(faults_of).collect()
}

fn is_library(path: &str) -> bool {
    let is_test = path.ends_with("/tests.rs") || path.contains("/tests/");
    let may = MAY_NAME_THEM.iter().any(|folder| path.starts_with(folder));
    path.starts_with("crates/") && path.contains("/src/") && !is_test && !may
}

fn faults_of(file: &TextFile) -> Vec<String> {
    let code = without_tests(&code_only(&file.text));
    let named = words(&code).filter(|(_, word)| BACKENDS.contains(word));
    named
        .map(|(line, word)| {
            format!("{}:{line}: names the backend {word}; be generic over it", file.path)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, text: &str, expected: &[&str]) {
        assert_eq!(faults(&House::of_files(&[(path, text)])), expected, "{path}");
    }

    #[test]
    fn a_backend_named_in_a_library_is_found() {
        let path = "crates/bertune-head/src/loss.rs";
        let found = format!("{path}:2: names the backend Flex; be generic over it");
        check(path, "// loss\nuse burn_flex::Flex;", &[&found]);
        check("crates/bertune-kernels/src/flex/mod.rs", "use burn_flex::Flex;", &[]);
    }

    #[test]
    fn tests_and_comments_may_name_it() {
        let path = "crates/bertune-head/src/loss.rs";
        check(path, "//! on Flex\n#[cfg(test)]\nmod tests { type B = Flex; }", &[]);
        check("crates/bertune-head/src/tests.rs", "type B = Flex;", &[]);
        check("crates/bertune-head/tests/loss.rs", "type B = Flex;", &[]);
    }
}
