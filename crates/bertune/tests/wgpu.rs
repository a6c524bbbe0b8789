//! Parity with transformers on the wgpu backend.

mod parity;

type B = bertune::backend::Wgpu;

#[test]
fn forward_equals_transformers() {
    parity::forward_equals_transformers::<B>(1e-4);
}

#[test]
fn steps_agree_with_the_recorded_losses() {
    parity::losses_equal_torch::<bertune::backend::Autodiff<B>>(1e-3);
}
