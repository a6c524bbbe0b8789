/// Asks the C library to keep freed buffers of this process for reuse.
///
/// glibc returns large buffers to the kernel as soon as they are freed, and a training step frees
/// and takes the same gigabytes again and again: faulting them in anew costs up to a third of a
/// step. A program calls this once at its start; a library never does, for it changes the whole
/// process. Where the C library is not glibc, nothing happens.
pub fn keep_freed_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    for option in [libc::M_MMAP_THRESHOLD, libc::M_TRIM_THRESHOLD] {
        // SAFETY: mallopt only sets a number of the allocator; both options take any int.
        unsafe { libc::mallopt(option, i32::MAX) };
    }
}
