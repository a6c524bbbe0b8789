//! A crate is named after what it does.

use super::house::House;

const EMPTY_NAMES: [&str; 7] = ["common", "core", "prelude", "shared", "types", "util", "utils"];

/// The crates whose name says nothing.
pub(crate) fn faults(house: &House) -> Vec<String> {
    let says_nothing = |name: &str| EMPTY_NAMES.contains(&name.trim_start_matches("bertune-"));
    let named = house.packages.iter().filter(|package| says_nothing(&package.name));
    named
        .map(|package| format!("crates: {} is named after nothing it does", package.name))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_for_everything_is_found() {
        for name in ["bertune-utils", "bertune-common", "core", "bertune-prelude"] {
            let expected = format!("crates: {name} is named after nothing it does");
            assert_eq!(faults(&House::of_package(name, &[])), [expected]);
        }
        assert!(faults(&House::of_package("bertune-data", &[])).is_empty());
    }
}
