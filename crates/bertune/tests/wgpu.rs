//! Parity with transformers, and with the other backends, on wgpu.
//!
//! Few models: a GPU backend compiles kernels for each new shape.

mod parity;

type B = bertune::backend::Wgpu;

#[test]
fn forward_equals_transformers() {
    parity::forward_equals_transformers::<B>(1e-4, 2);
}

#[test]
fn masked_lm_equals_transformers() {
    parity::masked_lm_equals_transformers::<bertune::backend::Autodiff<B>>(1e-3);
}

#[test]
fn packed_sequences_equal_single_ones() {
    parity::packed_sequences_equal_single_ones::<B>(1e-4, 1);
}

#[test]
fn twenty_steps_give_the_recorded_losses() {
    parity::twenty_steps_give_the_recorded_losses::<bertune::backend::Autodiff<B>>(1e-3);
}

#[test]
fn adapters_equal_peft() {
    parity::adapters_equal_peft::<bertune::backend::Autodiff<B>>(1e-3);
}
