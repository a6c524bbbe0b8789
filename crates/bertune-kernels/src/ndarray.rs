//! ndarray keeps the default bodies.

use burn_ndarray::NdArray;

use crate::{BertOps, OptimizerOps};

impl BertOps for NdArray {}

impl OptimizerOps for NdArray {}
