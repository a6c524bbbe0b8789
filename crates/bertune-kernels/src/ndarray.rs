//! ndarray keeps the default bodies.

use burn_ndarray::NdArray;

use crate::BertOps;

impl BertOps for NdArray {}
