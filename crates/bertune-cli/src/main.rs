//! The bertune program.

fn main() {}
