//! Labelled tables to ragged, padding-free batches in host memory.
