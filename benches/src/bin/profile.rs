//! Where the time and the memory of a training step go: `cargo xtask profile`.
//!
//! `profile SHAPE SEQUENCES LENGTHS [PRECISION]`, as `step` takes them. Each part of a step is timed by
//! itself and set beside its floor: its multiplications at the rate of a large square product, or its
//! bytes at the rate of a pass over memory, whichever takes longer. What the parts leave of a whole step
//! is its last row.
#![expect(clippy::print_stdout, reason = "a benchmark")]

use anyhow::Result;
use bertune::backend::keep_freed_memory;
use bertune_benches::{Case, Machine, Part, median, parts, times_of_steps};
use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Steps that count.
const STEPS: usize = 7;

fn main() -> Result<()> {
    keep_freed_memory();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let case = Case::parse(&arguments)?;
    let machine = Machine::measure(case.precision);
    println!(
        "{} tokens in {} sequences; large products {:.0} GFLOP/s, memory {:.1} GB/s\n",
        case.tokens(),
        case.lengths.len(),
        machine.flops / 1e9,
        machine.bytes / 1e9
    );
    let parts = parts(&case);
    MEMORY.reset_peak_usage();
    let whole = median(&times_of_steps(&case, STEPS)?);
    print_times(&parts, &machine, whole);
    print_memory(&case, MEMORY.peak_usage_as_mb().into());
    Ok(())
}

fn print_times(parts: &[Part], machine: &Machine, whole: f64) {
    println!("| part | times | ms a step | share | floor, ms | of its floor |");
    println!("| --- | --- | --- | --- | --- | --- |");
    let row = |name: &str, times: String, ms: f64, floor: Option<f64>| {
        let share = 100.0 * ms / whole;
        let floor = floor.map(|floor| (format!("{floor:.1}"), format!("{:.2} ×", ms / floor)));
        let (floor, ratio) = floor.unwrap_or(("–".into(), "–".into()));
        println!("| {name} | {times} | {ms:.1} | {share:.1} % | {floor} | {ratio} |");
    };
    for part in parts {
        row(part.name, part.times.to_string(), part.milliseconds(), Some(part.floor(machine)));
    }
    let sum: f64 = parts.iter().map(Part::milliseconds).sum();
    let floor: f64 = parts.iter().map(|part| part.floor(machine)).sum();
    row("elsewhere", "–".into(), whole - sum, None);
    row("whole step", "1".into(), whole, Some(floor));
}

fn print_memory(case: &Case, peak: f64) {
    let megabytes = |numbers: usize| numbers as f64 * 4.0 / (1 << 20) as f64;
    let parameters = megabytes(case.parameters());
    let gradients = megabytes(case.parameters() - case.word_rows_without_gradient());
    println!("\n| memory at its peak | MB |\n| --- | --- |");
    println!("| parameters | {parameters:.0} |");
    println!("| moments of AdamW | {:.0} |", 2.0 * parameters);
    println!("| gradients | {gradients:.0} |");
    println!(
        "| what forward keeps for backward, and buffers | {:.0} |",
        peak - 3.0 * parameters - gradients
    );
    println!("| together | {peak:.0} |");
}
