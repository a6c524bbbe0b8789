//! The commands of the user guide run as they are printed.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "tests")]

#[expect(dead_code, reason = "the program is run by a shell here")]
mod common;

use std::fs;
use std::path::Path;
use std::process::Command;

use common::Place;

/// The blocks of a page that are marked as commands.
fn commands(page: &str) -> Vec<&str> {
    let blocks = page.split("```sh\n").skip(1);
    blocks.map(|block| block.split("```").next().unwrap()).collect()
}

/// A folder with the files that the guide names.
fn place() -> Place {
    let place = Place::new();
    place.write_model("bert-folder");
    place.write("wiki.txt", "the old king was seen by a young queen .\n\n".repeat(60));
    let rows = place.read("train.csv");
    for name in ["validation.csv", "test.csv"] {
        place.write(name, &rows);
    }
    place
}

#[test]
fn every_command_of_the_guide_runs_as_printed() {
    let docs = Path::new("../../docs");
    let pages = fs::read_dir(docs.join("guide")).unwrap().map(|entry| entry.unwrap().path());
    let program = Path::new(env!("CARGO_BIN_EXE_bertune")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    let mut run = 0;
    for page in pages.chain([docs.join("guide.md")]) {
        let place = place();
        for command in commands(&fs::read_to_string(&page).unwrap()) {
            let mut shell = Command::new("sh");
            shell.args(["-e", "-c", command]).current_dir(place.path("")).env("PATH", &path);
            let output = shell.output().unwrap();
            let error = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{}: {command}{error}", page.display());
            run += 1;
        }
    }
    assert!(run >= 10, "only {run} commands");
}
