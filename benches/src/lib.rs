//! Benchmarks of bertune.
