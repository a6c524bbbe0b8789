//! What comes of runs of the program.

use crate::common::Place;

/// What the program printed on standard output, if it went well.
pub fn succeed(place: &Place, arguments: &str) -> String {
    let output = place.run(arguments);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments}: {error}");
    String::from_utf8(output.stdout).unwrap()
}
