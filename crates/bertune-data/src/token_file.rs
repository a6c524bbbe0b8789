use bertune_tokenize::Encoding;
use sha2::{Digest, Sha256};

/// What a file of tokens begins with.
const MAGIC: &[u8; 8] = b"BERTTOKS";

/// Counted up when the bytes come to mean something else.
const VERSION: u32 = 1;

/// Magic, version, key, the SHA-256 of what follows the header, examples and tokens.
const HEADER: usize = 8 + 4 + 32 + 32 + 8 + 8;

/// What a file of tokens was made of.
pub(crate) type Key = [u8; 32];

/// The bytes of a file: the header, then the length of each example, then the ids of all tokens,
/// then their types, each number in four bytes, little-endian. Offsets are left out.
pub(crate) fn encode(key: &Key, encodings: &[Encoding]) -> Vec<u8> {
    let tokens: usize = encodings.iter().map(Encoding::len).sum();
    let lengths = encodings.iter().map(|encoding| encoding.len() as u32);
    let ids = encodings.iter().flat_map(|encoding| encoding.input_ids.iter().copied());
    let types = encodings.iter().flat_map(|encoding| encoding.token_type_ids.iter().copied());
    let body: Vec<u8> = lengths.chain(ids).chain(types).flat_map(u32::to_le_bytes).collect();
    let mut file = header(key, &body, encodings.len() as u64, tokens as u64);
    file.extend(body);
    file
}

fn header(key: &Key, body: &[u8], examples: u64, tokens: u64) -> Vec<u8> {
    let (version, digest) = (VERSION.to_le_bytes(), Sha256::digest(body));
    let (examples, tokens) = (examples.to_le_bytes(), tokens.to_le_bytes());
    [&MAGIC[..], &version, key, &digest, &examples, &tokens].concat()
}

/// The examples of a file with this key; none if it is of another kind, version or key, or not
/// whole.
pub(crate) fn decode(key: &Key, file: &[u8]) -> Option<Vec<Encoding>> {
    let (head, body) = file.split_at_checked(HEADER)?;
    let examples = u64::from_le_bytes(*head.get(HEADER - 16..)?.first_chunk()?);
    let tokens = u64::from_le_bytes(*head.last_chunk()?);
    if head != header(key, body, examples, tokens) {
        return None;
    }
    let numbers = examples.checked_add(tokens.checked_mul(2)?)?;
    if body.len() as u64 != numbers.checked_mul(4)? {
        return None;
    }
    let (lengths, rest) = body.split_at(4 * examples as usize);
    let (ids, types) = rest.split_at(4 * tokens as usize);
    let (mut ids, mut types) = (numbers_of(ids), numbers_of(types));
    let example = |length: u32| {
        let input_ids: Vec<u32> = ids.by_ref().take(length as usize).collect();
        let token_type_ids: Vec<u32> = types.by_ref().take(length as usize).collect();
        let is_whole = input_ids.len() == length as usize;
        is_whole.then_some(Encoding { input_ids, token_type_ids, offsets: Vec::new() })
    };
    let encodings: Option<Vec<_>> = numbers_of(lengths).map(example).collect();
    encodings.filter(|_| ids.next().is_none())
}

fn numbers_of(bytes: &[u8]) -> impl Iterator<Item = u32> {
    bytes.as_chunks().0.iter().map(|&number| u32::from_le_bytes(number))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEY: Key = [7; 32];

    fn encodings() -> impl Strategy<Value = Vec<Encoding>> {
        let tokens = prop::collection::vec((any::<u32>(), 0u32..2), 0..9);
        let encoding = tokens.prop_map(|tokens| {
            let (input_ids, token_type_ids) = tokens.into_iter().unzip();
            Encoding { input_ids, token_type_ids, offsets: Vec::new() }
        });
        prop::collection::vec(encoding, 0..9)
    }

    proptest! {
        #[test]
        fn any_tokens_read_back(encodings in encodings()) {
            prop_assert_eq!(decode(&KEY, &encode(&KEY, &encodings)), Some(encodings));
        }

        #[test]
        fn a_changed_byte_is_noticed(encodings in encodings(), place: prop::sample::Index, bits in 1u8..) {
            let mut file = encode(&KEY, &encodings);
            let place = place.index(file.len());
            file[place] ^= bits;
            prop_assert_eq!(decode(&KEY, &file), None);
        }

        #[test]
        fn a_file_of_another_length_is_noticed(encodings in encodings(), length: prop::sample::Index) {
            let mut file = encode(&KEY, &encodings);
            prop_assert_eq!(decode(&KEY, &file[..length.index(file.len())]), None);
            file.push(0);
            prop_assert_eq!(decode(&KEY, &file), None);
        }
    }

    #[test]
    fn counts_that_contradict_the_lengths_are_noticed() {
        let body: Vec<u8> = [3u32, 1, 1].into_iter().flat_map(u32::to_le_bytes).collect();
        for (examples, tokens) in [(1, 1), (3, 0), (u64::MAX, 2), (2, u64::MAX)] {
            let file = [header(&KEY, &body, examples, tokens), body.clone()].concat();
            assert_eq!(decode(&KEY, &file), None, "{examples} examples, {tokens} tokens");
        }
    }

    #[test]
    fn a_file_of_another_key_is_not_used() {
        assert_eq!(decode(&[8; 32], &encode(&KEY, &[])), None);
    }
}
