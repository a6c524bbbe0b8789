//! The rules of the house that a program can check, one file each.

use anyhow::{Result, bail};

use self::house::House;
use crate::process;

mod arrows;
mod backend_names;
mod crate_facts;
mod crate_names;
mod file_length;
mod house;
mod links;
mod loop_length;
mod machine_paths;
mod predict_tree;
mod rust_code;
mod unsafe_code;

/// Prints what breaks a rule, and fails if anything does.
pub(crate) fn run() -> Result<()> {
    println!("\nChecking the rules of the house");
    let faults = faults(&House::read(&process::root())?);
    for fault in &faults {
        println!("{fault}");
    }
    match faults.len() {
        0 => Ok(()),
        1 => bail!("a rule of the house is broken; see the line above"),
        count => bail!("rules of the house are broken; see the {count} lines above"),
    }
}

fn faults(house: &House) -> Vec<String> {
    let rules: [fn(&House) -> Vec<String>; 10] = [
        arrows::faults,
        predict_tree::faults,
        backend_names::faults,
        crate_names::faults,
        crate_facts::faults,
        file_length::faults,
        loop_length::faults,
        unsafe_code::faults,
        links::faults,
        machine_paths::faults,
    ];
    rules.iter().flat_map(|rule| rule(house)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_house_is_in_order() {
        let faults = faults(&House::read(&process::root()).unwrap());
        assert!(faults.is_empty(), "\n{}", faults.join("\n"));
    }
}
