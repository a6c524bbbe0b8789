/// How the numbers of safetensors files come into memory.
#[derive(Clone, Copy)]
pub(crate) enum Access {
    /// A copy, when they are wanted.
    Read,
    /// In place.
    Map,
}
