//! Parity with transformers on the flex backend.

mod parity;

type B = bertune::backend::Flex;

#[test]
fn forward_equals_transformers() {
    parity::forward_equals_transformers::<B>(1e-5, usize::MAX);
}

#[test]
fn packed_sequences_equal_single_ones() {
    parity::packed_sequences_equal_single_ones::<B>(1e-5, usize::MAX);
}

#[test]
fn masked_lm_equals_transformers() {
    parity::masked_lm_equals_transformers::<bertune::backend::Autodiff<B>>(1e-5);
}

#[test]
fn adapters_equal_peft() {
    parity::adapters_equal_peft::<bertune::backend::Autodiff<B>>(1e-5);
}

#[test]
fn gradients_equal_transformers() {
    parity::gradients_equal_transformers::<bertune::backend::Autodiff<B>>(1e-4);
}

#[test]
fn steps_equal_torch() {
    parity::steps_equal_torch::<bertune::backend::Autodiff<B>>(1e-5);
}

#[test]
fn twenty_steps_give_the_recorded_losses() {
    parity::twenty_steps_give_the_recorded_losses::<bertune::backend::Autodiff<B>>(1e-4);
}

/// The same where the processor has fewer instructions than this one.
#[cfg(target_arch = "x86_64")]
#[test]
fn fewer_instructions_give_the_same() {
    use std::{env, process::Command};
    for limit in ["avx2", "baseline"] {
        let mut tests = Command::new(env::current_exe().expect("this program"));
        tests.args(["--exact", "forward_equals_transformers", "gradients_equal_transformers"]);
        tests.arg("twenty_steps_give_the_recorded_losses").env("BERTUNE_SIMD", limit);
        let output = tests.output().expect("tests");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.contains("3 passed"), "{limit}: {said}");
    }
}

#[test]
fn twenty_steps_of_bf16_give_nearly_the_recorded_losses() {
    use bertune::{BertOps, kernels::Precision};
    let losses = parity::losses_of_twenty_steps::<bertune::backend::Autodiff<B>>(Precision::Bf16);
    let worst = parity::distance_to_the_recorded(&losses);
    assert!(worst < 3e-2, "{worst:e} off: {losses:.6?}");
    assert_eq!(worst > 1e-4, B::has_precision(Precision::Bf16), "{worst:e} off");
}
