//! A batch in parts, which threads take through a layer each by itself.

use std::mem::MaybeUninit;
use std::ops::Range;

use rayon::prelude::*;

use crate::flex::slices::Unwritten;
use crate::{LayerRows, Sequences};

/// Tokens of a part at most, if it is not a single sequence: few enough that what a layer computes of
/// them stays near the processor.
const TOKENS: usize = 256;

/// Consecutive sequences of a batch.
struct Part {
    /// Where their tokens are among all of the batch.
    tokens: Range<usize>,
    /// The sequences by themselves.
    sequences: Sequences,
}

/// The rows that `compute` gives for each part: of its states, its sequences, and the place of its
/// rows, all of which it writes.
///
/// Parts are computed beside each other, and what a thread has not got a part for it takes from
/// within another's.
pub(super) fn in_parts(
    states: &[f32],
    sequences: &Sequences,
    rows: LayerRows,
    compute: impl Fn(&[f32], &Sequences, &mut [MaybeUninit<f32>]) + Sync,
) -> Vec<f32> {
    let width = states.len() / sequences.tokens().max(1);
    let rows_of = |sequences: &Sequences| match rows {
        LayerRows::All => sequences.tokens(),
        LayerRows::Firsts => sequences.len(),
    };
    let mut out = Unwritten::new(rows_of(sequences) * width);
    let mut rest = out.places();
    let parts: Vec<_> = parts(sequences)
        .into_iter()
        .map(|part| {
            let len = rows_of(&part.sequences) * width;
            (part, rest.split_off_mut(..len).unwrap_or_default())
        })
        .collect();
    parts.into_par_iter().for_each(|(Part { tokens, sequences }, place)| {
        compute(&states[tokens.start * width..tokens.end * width], &sequences, place);
    });
    // SAFETY: the parts are all sequences, and `compute` writes the rows of each.
    unsafe { out.written() }
}

/// All sequences, in parts of no more than [`TOKENS`].
fn parts(sequences: &Sequences) -> Vec<Part> {
    let mut parts = Vec::new();
    let (mut start, mut offsets) = (0, vec![0]);
    let mut finish = |start: usize, offsets: &mut Vec<usize>| {
        let end = start + offsets.last().unwrap_or(&0);
        if offsets.len() > 1 {
            parts.push(Part { tokens: start..end, sequences: Sequences::new(offsets) });
        }
        offsets.truncate(1);
        end
    };
    for range in sequences.ranges() {
        if range.end - start > TOKENS {
            start = finish(start, &mut offsets);
        }
        offsets.push(range.end - start);
    }
    finish(start, &mut offsets);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_all_sequences_in_their_order() {
        let lengths = [3, TOKENS, 1, 0, TOKENS + 5, 0, 7, TOKENS - 7, 1];
        let mut offsets = vec![0];
        for length in lengths {
            offsets.push(offsets[offsets.len() - 1] + length);
        }
        let parts = parts(&Sequences::new(&offsets));
        let lengths_of = |part: &Part| part.sequences.ranges().map(|r| r.len()).collect::<Vec<_>>();
        assert_eq!(parts.iter().flat_map(lengths_of).collect::<Vec<_>>(), lengths);
        let mut end = 0;
        for part in &parts {
            assert_eq!(part.tokens, end..end + part.sequences.tokens());
            let filled = lengths_of(part).iter().filter(|&&length| length > 0).count();
            assert!(part.sequences.tokens() <= TOKENS || filled == 1);
            end = part.tokens.end;
        }
        assert_eq!((end, parts.len()), (offsets[lengths.len()], 6));
    }

    #[test]
    fn no_sequence_is_no_part() {
        assert!(parts(&Sequences::new(&[0])).is_empty());
    }
}
