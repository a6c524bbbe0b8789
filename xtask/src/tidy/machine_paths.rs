//! No file holds a path of somebody's machine.

use super::house::{House, TextFile};

/// Written in two parts, so that this file passes.
const FOLDERS: [&str; 6] = [
    concat!("/", "home/"),
    concat!("/", "root/"),
    concat!("/", "tmp/"),
    concat!("/", "work/"),
    concat!("/", "Users/"),
    concat!("C:\\", "Users\\"),
];

/// The lines with a path that exists on one machine only.
pub(crate) fn faults(house: &House) -> Vec<String> {
    house.files.iter().flat_map(faults_of).collect()
}

fn faults_of(file: &TextFile) -> Vec<String> {
    let lines = file.text.lines().enumerate();
    let found = lines.filter_map(|(index, line)| Some((index + 1, folder_in(line)?)));
    found
        .map(|(line, folder)| format!("{}:{line}: has a path of one machine: {folder}…", file.path))
        .collect()
}

fn folder_in(line: &str) -> Option<&'static str> {
    FOLDERS
        .into_iter()
        .find(|folder| line.match_indices(folder).any(|(at, _)| starts_a_path(&line[..at])))
}

/// Whether a path can start after this: not in the midst of an address or a longer path.
fn starts_a_path(before: &str) -> bool {
    let goes_on = |c: char| c.is_alphanumeric() || "_-.~/}$".contains(c);
    !before.ends_with(goes_on)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(folder: &str, expected: usize) {
        let text = format!("a\nb {folder}x\n");
        assert_eq!(faults(&House::of_files(&[("a.toml", &text)])).len(), expected, "{text}");
    }

    #[test]
    fn a_path_of_one_machine_is_found() {
        for folder in FOLDERS {
            check(folder, 1);
            check(&format!("= \"{folder}"), 1);
        }
        let found = faults(&House::of_files(&[("a.toml", concat!("\n= /", "root/x"))]));
        assert_eq!(found, [concat!("a.toml:2: has a path of one machine: /", "root/…")]);
    }

    #[test]
    fn addresses_and_longer_paths_pass() {
        check(concat!("https://example.com/", "work/"), 0);
        check(concat!("${HOME}/", "work/"), 0);
        check(concat!("./", "tmp/"), 0);
        check("target/tmp/", 0);
    }
}
