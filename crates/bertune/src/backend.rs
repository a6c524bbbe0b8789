//! The backends, one feature each, and [`Default`](DefaultBackend), the fastest that is there.

/// A backend that also computes gradients.
pub use burn_autodiff::Autodiff;

/// The fast CPU backend.
#[cfg(feature = "flex")]
pub use burn_flex::Flex;

/// The CPU backend on the `ndarray` crate.
#[cfg(feature = "ndarray")]
pub type NdArray = burn_ndarray::NdArray<f32>;

/// Any GPU through Vulkan, Metal or DirectX.
#[cfg(feature = "wgpu")]
pub use burn_wgpu::Wgpu;

/// NVIDIA GPUs.
#[cfg(feature = "cuda")]
pub use burn_cuda::Cuda;

/// The first that was compiled in of CUDA, WGPU, Flex and ndarray: what examples run on.
#[cfg(feature = "cuda")]
pub type DefaultBackend = Cuda;
/// The first that was compiled in of CUDA, WGPU, Flex and ndarray: what examples run on.
#[cfg(all(feature = "wgpu", not(feature = "cuda")))]
pub type DefaultBackend = Wgpu;
/// The first that was compiled in of CUDA, WGPU, Flex and ndarray: what examples run on.
#[cfg(all(feature = "flex", not(any(feature = "cuda", feature = "wgpu"))))]
pub type DefaultBackend = Flex;
/// The first that was compiled in of CUDA, WGPU, Flex and ndarray: what examples run on.
#[cfg(all(feature = "ndarray", not(any(feature = "cuda", feature = "wgpu", feature = "flex"))))]
pub type DefaultBackend = NdArray;

/// Asks the C library to keep freed buffers for reuse, which makes training on Flex faster.
#[cfg(feature = "flex")]
pub use bertune_kernels::keep_freed_memory;

/// The GPU of this number, from 0; the one that the system prefers if there is no number.
#[cfg(feature = "wgpu")]
pub fn wgpu_device(number: Option<usize>) -> burn_wgpu::WgpuDevice {
    number.map_or_else(Default::default, burn_wgpu::WgpuDevice::DiscreteGpu)
}

/// The NVIDIA GPU of this number, from 0.
#[cfg(feature = "cuda")]
pub fn cuda_device(number: Option<usize>) -> burn_cuda::CudaDevice {
    burn_cuda::CudaDevice::new(number.unwrap_or(0))
}
