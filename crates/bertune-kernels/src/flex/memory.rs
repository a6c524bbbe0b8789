/// Asks the C library to keep freed buffers of this process for reuse.
///
/// glibc returns large buffers to the kernel as soon as they are freed, and a training step frees
/// and takes the same gigabytes again and again: faulting them in anew costs up to a third of a
/// step. A program calls this once at its start; a library never does, for it changes the whole
/// process. Where the C library is not glibc, nothing happens.
pub fn keep_freed_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // No number is enough for trimming, which looks at all that is free together: of a step's buffers
    // that may be more than an int can say. -1 switches it off.
    for (option, value) in [(libc::M_MMAP_THRESHOLD, i32::MAX), (libc::M_TRIM_THRESHOLD, -1)] {
        // SAFETY: mallopt only sets a number of the allocator; both options take any int.
        unsafe { libc::mallopt(option, value) };
    }
}
