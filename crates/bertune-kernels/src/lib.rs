//! The fused operations that decide the speed of BERT, as an extension of Burn's backend trait.
