use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};

use anyhow::{anyhow, bail};
use bertune::BertOps;
use bertune::burn::tensor::Tensor;

/// Something to do on a device, whatever its backend.
pub(crate) trait Job {
    /// What it gives.
    type Output;

    /// Does it.
    fn run<B: BertOps>(self, device: &B::Device) -> anyhow::Result<Self::Output>;
}

/// The names that `--device` may take, with what they are and whether they were compiled in.
pub(crate) const DEVICES: [(&str, &str, bool); 4] = [
    ("flex", "the fast CPU backend", cfg!(feature = "flex")),
    ("ndarray", "the CPU backend on the ndarray crate", cfg!(feature = "ndarray")),
    ("wgpu", "any GPU through Vulkan, Metal or DirectX", cfg!(feature = "wgpu")),
    ("cuda", "NVIDIA GPUs", cfg!(feature = "cuda")),
];

/// The device that is used where none is named: the first that was compiled in.
pub(crate) fn default_name() -> String {
    let first = DEVICES.iter().find(|(_, _, compiled)| *compiled);
    first.map_or("none", |(name, ..)| name).to_owned()
}

/// Does a job on the device called `name`: `flex`, `ndarray`, `wgpu`, `cuda`, the last two with
/// an optional number, as `cuda:1`.
pub(crate) fn dispatch<J: Job>(name: &str, job: J) -> anyhow::Result<J::Output> {
    let (kind, number) = split(name)?;
    match kind {
        #[cfg(feature = "flex")]
        "flex" => on::<bertune::backend::Flex, J>(name, Default::default(), job),
        #[cfg(feature = "ndarray")]
        "ndarray" => on::<bertune::backend::NdArray, J>(name, Default::default(), job),
        #[cfg(feature = "wgpu")]
        "wgpu" => on::<bertune::backend::Wgpu, J>(name, bertune::backend::wgpu_device(number), job),
        #[cfg(feature = "cuda")]
        "cuda" => on::<bertune::backend::Cuda, J>(name, bertune::backend::cuda_device(number), job),
        _ => {
            let _ = (number, job);
            Err(not_compiled_in(kind))
        }
    }
}

/// Checks that there is such a device in this program; whether it works here, [`dispatch`] finds.
pub(crate) fn check(name: &str) -> anyhow::Result<()> {
    let (kind, _) = split(name)?;
    let is_there = DEVICES.iter().any(|&(known, _, compiled)| known == kind && compiled);
    if is_there { Ok(()) } else { Err(not_compiled_in(kind)) }
}

fn not_compiled_in(kind: &str) -> anyhow::Error {
    anyhow!(
        "the device '{kind}' is not compiled into this program, which has {}; build it with \
         --features {kind}",
        compiled()
    )
}

/// The kind of a device and its number.
fn split(name: &str) -> anyhow::Result<(&str, Option<usize>)> {
    let (kind, number) = match name.split_once(':') {
        Some((kind, number)) => (kind, Some(number.parse())),
        None => (name, None),
    };
    let is_known = DEVICES.iter().any(|(known, ..)| *known == kind);
    let has_numbers = matches!(kind, "wgpu" | "cuda");
    match number {
        _ if !is_known => bail!(
            "there is no device '{name}'; this program has {}, and can be built with {}",
            compiled(),
            list(|_| true)
        ),
        None => Ok((kind, None)),
        Some(Ok(number)) if has_numbers => Ok((kind, Some(number))),
        Some(_) => bail!("there is no device '{name}'; say wgpu:N or cuda:N to choose among GPUs"),
    }
}

fn compiled() -> String {
    list(|compiled| compiled)
}

fn list(shown: impl Fn(bool) -> bool) -> String {
    let names = DEVICES.iter().filter(|(_, _, compiled)| shown(*compiled));
    names.map(|(name, ..)| *name).collect::<Vec<_>>().join(", ")
}

fn on<B: BertOps, J: Job>(name: &str, device: B::Device, job: J) -> anyhow::Result<J::Output> {
    try_out::<B>(name, &device)?;
    job.run::<B>(&device)
}

/// Computes something small: a GPU backend without a GPU panics here, quietly.
fn try_out<B: BertOps>(name: &str, device: &B::Device) -> anyhow::Result<()> {
    let compute = || Tensor::<B, 1>::from_floats([1.0, 2.0], device).sum().into_data();
    first_panic(compute).map_or(Ok(()), |why| bail!("the device {name} cannot be used here: {why}"))
}

/// What the first panic during `compute` says, on any thread: those that follow only tell of it.
fn first_panic<T>(compute: impl FnOnce() -> T) -> Option<String> {
    let first = Arc::new(OnceLock::new());
    let told = first.clone();
    let usual_hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        told.set(beginning(panic.payload_as_str().unwrap_or("it does not say why"))).ok();
    }));
    let result = catch_unwind(AssertUnwindSafe(compute));
    std::panic::set_hook(usual_hook);
    result.err().map(|_| first.get().cloned().unwrap_or_default())
}

/// The first line that says something, cut where it grows long.
fn beginning(message: &str) -> String {
    const LONGEST: usize = 80;
    let line = message.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_kind_and_perhaps_a_number() {
        assert_eq!(split("flex").unwrap(), ("flex", None));
        assert_eq!(split("cuda:1").unwrap(), ("cuda", Some(1)));
        for unknown in ["", "gpu", "flex:0", "cuda:", "cuda:-1", "wgpu:x"] {
            assert!(split(unknown).is_err(), "{unknown}");
        }
    }

    #[test]
    fn the_first_panic_of_any_thread_is_told() {
        let compute = || {
            let thread = std::thread::spawn(|| panic!("\nno driver\nand more"));
            thread.join().expect("the thread ends well");
        };
        assert_eq!(first_panic(compute).as_deref(), Some("no driver"));
        assert_eq!(first_panic(|| ()), None);
        assert_eq!(beginning(&"é".repeat(81)), format!("{}…", "é".repeat(80)));
    }
}
