//! Each crate uses those below it only.

use super::house::{House, Package};

/// Which of our crates each of our crates may use; `docs/architecture.md` says the same in words.
const ARROWS: [(&str, &[&str]); 15] = [
    ("bertune-tokenize", &[]),
    ("bertune-mapped", &[]),
    ("bertune-data", &["bertune-tokenize", "bertune-mapped"]),
    ("bertune-kernels", &[]),
    ("bertune-checkpoint", &["bertune-mapped"]),
    ("bertune-boxed", &["bertune-checkpoint"]),
    ("bertune-metrics", &[]),
    ("bertune-encoder", &["bertune-kernels", "bertune-checkpoint"]),
    ("bertune-head", &["bertune-encoder", "bertune-kernels", "bertune-checkpoint"]),
    ("bertune-train", &BELOW_A_RUN),
    ("bertune-predict", &BELOW_A_RUN),
    ("bertune-report", &["bertune-metrics"]),
    (
        "bertune",
        &[
            "bertune-tokenize",
            "bertune-data",
            "bertune-kernels",
            "bertune-checkpoint",
            "bertune-boxed",
            "bertune-metrics",
            "bertune-encoder",
            "bertune-head",
            "bertune-train",
            "bertune-predict",
            "bertune-report",
        ],
    ),
    ("bertune-cli", &["bertune"]),
    ("bertune-testing", &[]),
];

const BELOW_A_RUN: [&str; 7] = [
    "bertune-tokenize",
    "bertune-data",
    "bertune-kernels",
    "bertune-checkpoint",
    "bertune-metrics",
    "bertune-encoder",
    "bertune-head",
];

/// The crates that know no tensors.
const WITHOUT_TENSORS: [&str; 5] =
    ["bertune-tokenize", "bertune-mapped", "bertune-data", "bertune-metrics", "bertune-report"];

/// The dependencies that point the wrong way.
pub(crate) fn faults(house: &House) -> Vec<String> {
    house.packages.iter().filter(|package| package.is_in_crates).flat_map(faults_of).collect()
}

fn faults_of(package: &Package) -> Vec<String> {
    let name = &package.name;
    let Some((_, allowed)) = ARROWS.iter().find(|(from, _)| from == name) else {
        return vec![format!("crates: {name} is new; draw its arrows in xtask/src/tidy/arrows.rs")];
    };
    let is_ours = |to: &str| to == "bertune" || to.starts_with("bertune-");
    let has_tensors = |to: &str| to.starts_with("burn") || to.starts_with("cubecl");
    let is_wrong = |to: &str| {
        let upwards = is_ours(to) && to != name && !allowed.contains(&to);
        upwards || has_tensors(to) && WITHOUT_TENSORS.contains(&name.as_str())
    };
    let wrong = package.dependencies.iter().filter(|to| is_wrong(to));
    wrong.map(|to| format!("crates: {name} may not depend on {to}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, dependencies: &[&str], expected: &[&str]) {
        assert_eq!(faults(&House::of_package(name, dependencies)), expected);
    }

    #[test]
    fn arrows_point_one_way() {
        check("bertune-data", &["bertune-tokenize", "csv"], &[]);
        check("bertune-kernels", &["burn-core"], &[]);
        let upwards = "crates: bertune-tokenize may not depend on bertune-data";
        check("bertune-tokenize", &["bertune-data"], &[upwards]);
        let tensors = "crates: bertune-data may not depend on burn-core";
        check("bertune-data", &["burn-core"], &[tensors]);
        let loops = "crates: bertune-predict may not depend on bertune-train";
        check("bertune-predict", &["bertune-train"], &[loops]);
        let tests = "crates: bertune may not depend on bertune-testing";
        check("bertune", &["bertune-testing"], &[tests]);
    }

    #[test]
    fn a_new_crate_has_to_be_drawn() {
        let line = "crates: bertune-new is new; draw its arrows in xtask/src/tidy/arrows.rs";
        check("bertune-new", &[], &[line]);
    }
}
