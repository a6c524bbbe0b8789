use crate::count::count;

/// What users should know of a run of so many steps that begins: of a warm-up that is longer, and of
/// tensors that gradual unfreezing never comes to.
pub(crate) fn doubts(steps: usize, warmup_steps: Option<usize>, unreached: usize) -> Vec<String> {
    let warmup = warmup_steps.filter(|warmup| *warmup >= steps).map(|warmup| {
        format!(
            "The warm-up of {} is not over when the run is, after {steps}: the learning rate never \
             reaches its peak",
            count(warmup, "step")
        )
    });
    let unfreezing = (unreached > 0).then(|| {
        format!(
            "Gradual unfreezing leaves {unreached} tensors as they are: it does not come down to them \
             in {}",
            count(steps, "step")
        )
    });
    warmup.into_iter().chain(unfreezing).collect()
}
