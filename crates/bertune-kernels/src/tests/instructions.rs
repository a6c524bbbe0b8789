//! All tests once more with fewer instructions than this processor has.

use std::process::Command;

use crate::flex::simd::LIMIT;

#[test]
fn fewer_instructions_pass_the_same_tests() {
    if std::env::var_os(LIMIT).is_some() {
        return;
    }
    for level in ["avx2", "baseline"] {
        let mut tests = Command::new(std::env::current_exe().unwrap());
        let output = tests.env(LIMIT, level).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{level}: {said}");
        assert!(said.contains("attention_equals_its_definition ... ok"), "{level}: {said}");
    }
}
