use std::fs::File;
use std::io::{self, BufWriter, Seek, Write};
use std::path::Path;

use bertune_mapped::MappedFile;
use bertune_tokenize::Encoding;
use tempfile::{Builder, NamedTempFile};

use crate::flat_tokens::FlatTokens;
use crate::token_digest::TokenDigest;
use crate::token_view::TokenView;

/// What a file of tokens begins with.
const MAGIC: &[u8; 8] = b"BERTTOKS";

/// Counted up when the bytes come to mean something else. A machine whose bytes stand the other
/// way round reads another number, and makes the file anew.
const VERSION: u64 = 2;

/// Magic, version, key, the SHA-256 of what follows the header, then the numbers of examples,
/// sequences and tokens: a multiple of eight bytes, so that all that follows is aligned.
const HEADER: usize = 8 + 8 + 32 + 32 + 8 + 8 + 8;

/// What a file of tokens was made of.
pub(crate) type Key = [u8; 32];

/// A file of tokens, mapped into memory: the header, then what [`FlatTokens`] has, in the
/// machine's own order of bytes.
#[derive(Debug)]
pub(crate) struct TokenFile {
    map: MappedFile,
    counts: Counts,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Counts {
    examples: usize,
    sequences: usize,
    tokens: usize,
}

impl TokenFile {
    /// The file, if it is whole, and has this version and this key.
    pub(crate) fn open(path: &Path, key: &Key) -> Option<Self> {
        let map = MappedFile::open(path).ok()?;
        let counts = Counts::read(&map)?;
        let file = Self { map, counts };
        let mut digest = TokenDigest::default();
        // Casts fail only where memory is not aligned, which mapped memory is.
        bytemuck::try_cast_slice::<u8, u64>(&file.map).ok()?;
        digest.add_tokens(file.view().tokens);
        let is_whole = file.map[..HEADER] == header(key, &digest.finish(file.view()), counts);
        (is_whole && file.view().is_sound()).then_some(file)
    }

    pub(crate) fn view(&self) -> TokenView<'_> {
        let Counts { sequences, tokens, .. } = self.counts;
        let (tokens, ends) = self.map[HEADER..].split_at(8 * tokens);
        let (sequence_ends, example_ends) = ends.split_at(8 * sequences);
        TokenView {
            tokens: bytemuck::cast_slice(tokens),
            sequence_ends: bytemuck::cast_slice(sequence_ends),
            example_ends: Some(bytemuck::cast_slice(example_ends)),
            selected: None,
        }
    }

    /// The SHA-256 that the file proved to have.
    pub(crate) fn digest(&self) -> [u8; 32] {
        let mut digest = [0; 32];
        digest.copy_from_slice(&self.map[48..80]);
        digest
    }
}

impl Counts {
    /// The counts of a file whose length they explain.
    fn read(file: &[u8]) -> Option<Self> {
        let count = |at: usize| {
            let bytes = file.get(at..)?.first_chunk()?;
            usize::try_from(u64::from_ne_bytes(*bytes)).ok()
        };
        let counts = Self { examples: count(80)?, sequences: count(88)?, tokens: count(96)? };
        let numbers = counts.examples.checked_add(counts.sequences)?.checked_add(counts.tokens)?;
        let length = numbers.checked_mul(8)?.checked_add(HEADER)?;
        (length == file.len()).then_some(counts)
    }
}

fn header(key: &Key, digest: &[u8; 32], counts: Counts) -> Vec<u8> {
    let Counts { examples, sequences, tokens } = counts;
    let counts = [examples, sequences, tokens].map(|count| (count as u64).to_ne_bytes());
    [&MAGIC[..], &VERSION.to_ne_bytes(), key, digest, &counts.concat()].concat()
}

/// Writes a file of tokens, example by example, of which only the ends stay in memory.
pub(crate) struct TokenWriter {
    file: BufWriter<NamedTempFile>,
    digest: TokenDigest,
    tokens: usize,
    ends: FlatTokens,
}

impl TokenWriter {
    /// A file beside the place that it will have.
    pub(crate) fn create_in(folder: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let mut file = BufWriter::new(new_file_in(folder)?);
        file.write_all(&[0; HEADER])?;
        Ok(Self { file, digest: TokenDigest::default(), tokens: 0, ends: FlatTokens::default() })
    }

    /// Adds an example.
    pub(crate) fn push(&mut self, sequences: &[Encoding]) -> io::Result<()> {
        self.ends.push(sequences);
        self.digest.add_tokens(&self.ends.tokens);
        self.file.write_all(bytemuck::cast_slice(&self.ends.tokens))?;
        self.tokens += self.ends.tokens.len() / 2;
        self.ends.tokens.clear();
        Ok(())
    }

    /// Puts the file in its place, whole.
    pub(crate) fn finish(self, path: &Path, key: &Key) -> io::Result<()> {
        let Self { mut file, digest, tokens, ends } = self;
        file.write_all(bytemuck::cast_slice(&ends.sequence_ends))?;
        file.write_all(bytemuck::cast_slice(&ends.example_ends))?;
        let (sequences, examples) = (ends.sequence_ends.len(), ends.example_ends.len());
        let counts = Counts { examples, sequences, tokens };
        let header = header(key, &digest.finish(ends.view()), counts);
        let mut file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.rewind()?;
        file.write_all(&header)?;
        file.persist(path).map_err(|error| error.error).map(|_: File| ())
    }
}

/// A file for a while, which has the permissions of any new file.
fn new_file_in(folder: &Path) -> io::Result<NamedTempFile> {
    let mut builder = Builder::new();
    permit(&mut builder);
    builder.tempfile_in(folder)
}

/// Permits all that the umask does.
#[cfg(unix)]
fn permit(builder: &mut Builder<'_, '_>) {
    use std::os::unix::fs::PermissionsExt;
    builder.permissions(std::fs::Permissions::from_mode(0o666));
}

#[cfg(not(unix))]
fn permit(_: &mut Builder<'_, '_>) {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEY: Key = [7; 32];

    fn examples() -> impl Strategy<Value = Vec<Vec<Encoding>>> {
        let tokens = prop::collection::vec((any::<u32>(), 0u32..2), 0..9);
        let sequence = tokens.prop_map(|tokens| {
            let (input_ids, token_type_ids) = tokens.into_iter().unzip();
            Encoding { input_ids, token_type_ids, offsets: Vec::new() }
        });
        prop::collection::vec(prop::collection::vec(sequence, 1..4), 0..9)
    }

    /// The bytes of a file of these examples.
    fn written(examples: &[Vec<Encoding>]) -> io::Result<Vec<u8>> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("tokens");
        let mut writer = TokenWriter::create_in(folder.path())?;
        for example in examples {
            writer.push(example)?;
        }
        writer.finish(&path, &KEY)?;
        std::fs::read(path)
    }

    /// The file of these bytes, if it opens.
    fn opened(bytes: &[u8], key: &Key) -> io::Result<Option<TokenFile>> {
        let file = NamedTempFile::new()?;
        std::fs::write(file.path(), bytes)?;
        Ok(TokenFile::open(file.path(), key))
    }

    proptest! {
        #[test]
        fn any_tokens_read_back(examples in examples()) {
            let file = opened(&written(&examples)?, &KEY)?;
            let mut expected = FlatTokens::default();
            examples.iter().for_each(|example| expected.push(example));
            prop_assert_eq!(file.as_ref().map(TokenFile::view), Some(expected.view()));
        }

        #[test]
        fn a_changed_byte_is_noticed(examples in examples(), place: prop::sample::Index, bits in 1u8..) {
            let mut bytes = written(&examples)?;
            let place = place.index(bytes.len());
            bytes[place] ^= bits;
            prop_assert!(opened(&bytes, &KEY)?.is_none());
        }

        #[test]
        fn a_file_of_another_length_is_noticed(examples in examples(), length: prop::sample::Index) {
            let mut bytes = written(&examples)?;
            prop_assert!(opened(&bytes[..length.index(bytes.len())], &KEY)?.is_none());
            bytes.push(0);
            prop_assert!(opened(&bytes, &KEY)?.is_none());
        }
    }

    #[test]
    fn counts_that_contradict_the_ends_are_noticed() {
        let tokens = [3u32, 0];
        for (sequence_ends, example_ends) in
            [(&[1u64, 1][..], &[1u64, 1][..]), (&[2], &[1]), (&[], &[0]), (&[1], &[1, 0])]
        {
            let example_ends = Some(example_ends);
            let view = TokenView { tokens: &tokens, sequence_ends, example_ends, selected: None };
            assert!(!view.is_sound(), "{view:?}");
        }
        let example_ends = Some(&[0, 2][..]);
        let view =
            TokenView { tokens: &tokens, sequence_ends: &[0, 1], example_ends, selected: None };
        assert!(view.is_sound());
    }

    #[cfg(unix)]
    #[test]
    fn a_file_has_the_permissions_of_any_new_one() -> io::Result<()> {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir()?;
        let mode = |name: &str| {
            let file = std::fs::metadata(folder.path().join(name))?;
            Ok::<_, io::Error>(file.permissions().mode())
        };
        TokenWriter::create_in(folder.path())?.finish(&folder.path().join("tokens"), &KEY)?;
        std::fs::write(folder.path().join("usual"), "")?;
        assert_eq!(mode("tokens")?, mode("usual")?);
        Ok(())
    }

    #[test]
    fn a_file_of_another_key_is_not_used() -> io::Result<()> {
        assert!(opened(&written(&[])?, &[8; 32])?.is_none());
        Ok(())
    }
}
