/// A buffer that several tasks write to, each its own part.
#[derive(Clone, Copy)]
pub(super) struct Shared(pub(super) *mut f32);

// SAFETY: a pointer may cross threads; those who write through it promise disjoint parts.
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

impl Shared {
    /// # Safety
    ///
    /// `index` must lie within the buffer.
    pub(super) unsafe fn at(self, index: usize) -> *mut f32 {
        // SAFETY: by the caller's promise.
        unsafe { self.0.add(index) }
    }
}
