//! What a run gives on a machine with other threads or other instructions.

#![cfg(not(any(feature = "ndarray", feature = "wgpu", feature = "cuda")))]
#![expect(clippy::unwrap_used, reason = "tests")]

#[expect(dead_code, reason = "all of these runs have an environment")]
mod common;

use common::Place;

/// The weights after a run with dropout, in an environment.
fn weights(place: &Place, (variable, value): (&str, &str), flags: &str) -> Vec<u8> {
    let run = format!(
        "train --model model --train train.csv --validation train.csv --epochs 4 --batch-size 12 \
         --hidden-dropout 0.1 --attention-dropout 0.1 --classifier-dropout 0.1 --quiet \
         --overwrite --output out {flags}"
    );
    let output = place.command(&run).env(variable, value).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    place.read("out/model.safetensors")
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let place = Place::new();
    for precision in ["f32", "bf16"] {
        let flags = format!("--learning-rate 2e-3 --precision {precision}");
        let of = |threads| weights(&place, ("RAYON_NUM_THREADS", threads), &flags);
        let alone = of("1");
        for threads in ["2", "5"] {
            assert!(of(threads) == alone, "{threads} threads, {precision}");
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[test]
fn fewer_instructions_differ_by_rounding_only() {
    let place = Place::new();
    let numbers = |limit| -> Vec<f32> {
        // AdamW would make a step of what is nothing but rounding.
        let flags = "--learning-rate 0.05 --optimizer sgd";
        let file = weights(&place, ("BERTUNE_SIMD", limit), flags);
        // After the header and its length, all numbers of all tensors.
        let (length, rest) = file.split_first_chunk().unwrap();
        let numbers = &rest[u64::from_le_bytes(*length) as usize..];
        numbers.as_chunks().0.iter().map(|four| f32::from_le_bytes(*four)).collect()
    };
    let all = numbers("");
    for limit in ["avx2", "baseline"] {
        let fewer = numbers(limit);
        let distances = all.iter().zip(&fewer).map(|(a, b)| (a - b).abs());
        let worst = distances.max_by(f32::total_cmp).unwrap();
        assert!(worst <= 1e-5, "{limit}: {worst:e}");
    }
}
