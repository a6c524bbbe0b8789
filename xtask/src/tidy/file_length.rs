//! Source files stay short enough to be read at one sitting.

use super::house::House;

const LONGEST: usize = 450;

/// The source files that are too long.
pub(crate) fn faults(house: &House) -> Vec<String> {
    let lengths = house.files_ending(".rs").map(|file| (&file.path, file.text.lines().count()));
    lengths
        .filter(|(_, lines)| *lines > LONGEST)
        .map(|(path, lines)| {
            format!("{path}: has {lines} lines, more than {LONGEST}; give a concept its own file")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_too_long_is_found() {
        let (long, fits) = ("//\n".repeat(LONGEST + 1), "//\n".repeat(LONGEST));
        let found = faults(&House::of_files(&[("a.rs", &long), ("b.rs", &fits), ("c.md", &long)]));
        assert_eq!(found, ["a.rs: has 451 lines, more than 450; give a concept its own file"]);
    }
}
