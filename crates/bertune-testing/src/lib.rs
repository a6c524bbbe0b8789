//! Goldens, gradient checks and faults for bertune's own tests.
