//! A fine-tuned checkpoint to labels and probabilities; no optimizer, no autodiff.
