//! The training loop is one page.

use super::house::{House, TextFile};
use super::rust_code::code_only;

const FILE: &str = "crates/bertune-train/src/learn.rs";

/// The body has fewer lines than this.
const PAGE: usize = 60;

/// A `learn` that is too long, or not where it should be.
pub(crate) fn faults(house: &House) -> Vec<String> {
    let file = house.files.iter().find(|file| file.path == FILE);
    match file.and_then(body_length) {
        None => vec![format!("{FILE}: the function learn is not there")],
        Some(lines) if lines >= PAGE => {
            vec![format!("{FILE}: the body of learn has {lines} lines; {PAGE} are too many")]
        }
        Some(_) => Vec::new(),
    }
}

/// The lines between the braces of `learn`.
fn body_length(file: &TextFile) -> Option<usize> {
    let code = code_only(&file.text);
    let function = ["fn learn<", "fn learn("].iter().find_map(|start| code.find(start))?;
    let body = &code[function + code[function..].find('{')?..];
    let mut depth = 0_usize;
    let end = body.find(|character| {
        depth = match character {
            '{' => depth + 1,
            '}' => depth - 1,
            _ => depth,
        };
        depth == 0
    })?;
    Some(body[..end].matches('\n').count().saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: usize, expected: &[&str]) {
        let body = "    step({ \"}\" }); // }\n".repeat(body);
        let text =
            format!("//! learn\n\npub fn learn<B>(\n) -> B\n{{\n{body}}}\n\nfn a() {{\n}}\n");
        assert_eq!(faults(&House::of_files(&[(FILE, &text)])), expected);
    }

    #[test]
    fn a_loop_longer_than_a_page_is_found() {
        check(59, &[]);
        check(60, &[&format!("{FILE}: the body of learn has 60 lines; 60 are too many")]);
    }

    #[test]
    fn a_loop_that_has_moved_is_found() {
        let found = faults(&House::of_files(&[(FILE, "fn learned() {}")]));
        assert_eq!(found, [format!("{FILE}: the function learn is not there")]);
    }
}
