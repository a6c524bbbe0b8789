//! Blocks of results by AMX, the tile registers that Intel's server processors have from 2023 on.
//!
//! Rust has no stable functions for AMX yet, so the instructions stand here.

use std::arch::asm;
use std::arch::x86_64::__cpuid_count;
use std::marker::PhantomData;

use super::pack::Tile;

/// The kernel's name for "may I use the tile registers", and theirs.
const REQUEST_PERMISSION: libc::c_int = 0x1023;
const TILE_DATA: libc::c_int = 18;

/// Whether the processor has tiles of bf16 and Linux lets this process use them.
pub(super) fn is_available() -> bool {
    // CPUID leaf 7: bit 22 is AMX-BF16, bit 24 AMX-TILE.
    let features = __cpuid_count(7, 0).edx;
    let has_tiles = features & (1 << 22) != 0 && features & (1 << 24) != 0;
    // SAFETY: the call asks for the use of registers and touches no memory; a kernel that does not
    // know it says so.
    has_tiles && unsafe { libc::syscall(libc::SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA) } == 0
}

/// How the tile registers are shaped: all as 16 rows of 64 bytes.
#[repr(C, align(64))]
struct Shape {
    palette: u8,
    start_row: u8,
    reserved: [u8; 14],
    bytes_per_row: [u16; 16],
    rows: [u8; 16],
}

static SHAPE: Shape = Shape {
    palette: 1,
    start_row: 0,
    reserved: [0; 14],
    bytes_per_row: [64, 64, 64, 64, 64, 64, 64, 64, 0, 0, 0, 0, 0, 0, 0, 0],
    rows: [16, 16, 16, 16, 16, 16, 16, 16, 0, 0, 0, 0, 0, 0, 0, 0],
};

/// As long as it lives, the tile registers of this thread can be used.
pub(super) struct Configured {
    /// The registers are the thread's own.
    of_thread: PhantomData<*const ()>,
}

impl Configured {
    /// # Safety
    ///
    /// [`is_available`].
    pub(super) unsafe fn new() -> Self {
        // SAFETY: the processor has the instruction, and the shape is one that it takes.
        unsafe { asm!("ldtilecfg [{}]", in(reg) &raw const SHAPE, options(nostack, readonly)) };
        Self { of_thread: PhantomData }
    }
}

impl Drop for Configured {
    fn drop(&mut self) {
        // SAFETY: whoever made `self` had the instruction.
        unsafe { asm!("tilerelease", options(nostack, nomem)) };
    }
}

/// `out = a · b`, or `out += a · b`, of 32 rows and columns.
///
/// # Safety
///
/// A [`Configured`] lives on this thread; `out` is valid for 32 rows of 32 elements,
/// `row_stride` apart, and initialised to add to it.
pub(super) unsafe fn block(out: *mut f32, row_stride: usize, a: &[Tile], b: &[Tile], add: bool) {
    assert_eq!(a.len(), b.len(), "tiles of both factors");
    let row_bytes = row_stride * size_of::<f32>();
    // SAFETY: each round of the loop reads two tiles of both factors, as many as there are; the
    // caller vouches for the block at `out`.
    unsafe {
        asm!(
            "test {add:e}, {add:e}",
            "jz 3f",
            "tileloadd tmm0, [{top} + {row_bytes}]",
            "tileloadd tmm1, [{top} + {row_bytes} + 64]",
            "tileloadd tmm2, [{bottom} + {row_bytes}]",
            "tileloadd tmm3, [{bottom} + {row_bytes} + 64]",
            "jmp 4f",
            "3:",
            "tilezero tmm0",
            "tilezero tmm1",
            "tilezero tmm2",
            "tilezero tmm3",
            "4:",
            "test {rounds}, {rounds}",
            "jz 5f",
            "2:",
            "tileloadd tmm4, [{a} + {tile_row}]",
            "tileloadd tmm6, [{b} + {tile_row}]",
            "tdpbf16ps tmm0, tmm4, tmm6",
            "tileloadd tmm7, [{b} + {tile_row} + 1024]",
            "tdpbf16ps tmm1, tmm4, tmm7",
            "tileloadd tmm5, [{a} + {tile_row} + 1024]",
            "tdpbf16ps tmm2, tmm5, tmm6",
            "tdpbf16ps tmm3, tmm5, tmm7",
            "add {a}, 2048",
            "add {b}, 2048",
            "dec {rounds}",
            "jnz 2b",
            "5:",
            "tilestored [{top} + {row_bytes}], tmm0",
            "tilestored [{top} + {row_bytes} + 64], tmm1",
            "tilestored [{bottom} + {row_bytes}], tmm2",
            "tilestored [{bottom} + {row_bytes} + 64], tmm3",
            add = in(reg) u32::from(add),
            top = in(reg) out,
            bottom = in(reg) out.add(16 * row_stride),
            row_bytes = in(reg) row_bytes,
            tile_row = in(reg) 64usize,
            a = inout(reg) a.as_ptr() => _,
            b = inout(reg) b.as_ptr() => _,
            rounds = inout(reg) a.len() / 2 => _,
            out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
            out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
            options(nostack),
        );
    }
}
