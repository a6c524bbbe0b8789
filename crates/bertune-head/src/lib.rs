//! Classification heads on the BERT encoder, and their losses.
