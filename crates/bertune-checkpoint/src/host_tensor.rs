/// A tensor in host memory: 32-bit floats, the last dimension contiguous.
#[derive(Clone, Debug, PartialEq)]
pub struct HostTensor {
    /// The size of each dimension.
    pub shape: Vec<usize>,
    /// As many values as the product of the shape, row-major.
    pub values: Vec<f32>,
}
