//! Goldens for bertune's own tests: what transformers computes for models that
//! `tools/bert_goldens.py` made.
#![cfg_attr(doctest, doc = include_str!("../README.md"))]

mod golden;
mod real_models;

pub use golden::{Golden, goldens, lora_goldens, masked_lm_goldens};
pub use real_models::real_model;
