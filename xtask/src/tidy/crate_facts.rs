//! Every package says what it is: description and licence, and a README in `crates/`.

use super::house::{House, Package, TextFile};

/// What the manifests lack.
pub(crate) fn faults(house: &House) -> Vec<String> {
    house.packages.iter().flat_map(|package| faults_of(package, house)).collect()
}

fn faults_of(package: &Package, house: &House) -> Vec<String> {
    let name = &package.name;
    let needed = |key: &str| key != "readme" || package.is_in_crates;
    let lacks = package.lacks.iter().filter(|key| needed(key));
    let mut faults: Vec<String> =
        lacks.map(|key| format!("{name}: its Cargo.toml has no {key}")).collect();
    let readme = format!("crates/{name}/README.md");
    let is_written = |file: &TextFile| file.path == readme && !file.text.trim().is_empty();
    if package.is_in_crates && !house.files.iter().any(is_written) {
        faults.push(format!("{readme}: is not there, or empty"));
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    fn house(lacks: &[&'static str], files: &[(&str, &str)]) -> House {
        let mut house = House::of_package("bertune-data", &[]);
        house.packages[0].lacks = lacks.to_vec();
        House { packages: house.packages, ..House::of_files(files) }
    }

    #[test]
    fn what_a_package_does_not_say_is_found() {
        let readme = [("crates/bertune-data/README.md", "# bertune-data")];
        assert!(faults(&house(&[], &readme)).is_empty());
        let found = faults(&house(&["license", "readme"], &readme));
        let expected =
            ["license", "readme"].map(|key| format!("bertune-data: its Cargo.toml has no {key}"));
        assert_eq!(found, expected);
    }

    #[test]
    fn an_empty_readme_is_found() {
        let expected = ["crates/bertune-data/README.md: is not there, or empty"];
        assert_eq!(faults(&house(&[], &[])), expected);
        assert_eq!(faults(&house(&[], &[("crates/bertune-data/README.md", "\n")])), expected);
    }

    #[test]
    fn tools_need_no_readme() {
        let mut house = house(&["readme"], &[]);
        house.packages[0].is_in_crates = false;
        assert!(faults(&house).is_empty());
    }
}
