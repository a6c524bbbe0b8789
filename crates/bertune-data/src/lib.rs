//! Labelled tables to ragged, padding-free batches in host memory.

mod batch_plan;
mod dataset;
mod packed_batch;
mod prefetch;

pub use batch_plan::BatchPlan;
pub use dataset::Dataset;
pub use packed_batch::PackedBatch;
pub use prefetch::Prefetch;
