use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use bertune_tokenize::{BertTokenizer, Limits};
use sha2::{Digest, Sha256};

use crate::token_file::{Key, TokenFile, TokenWriter};
use crate::token_store::TokenStore;
use crate::{DataError, Dataset, LabelledRows};

/// A folder that keeps the tokens of texts, so that they are made once for many runs.
///
/// Each file is named after the SHA-256 of what it was made of: the files that the tokenizer
/// saves, the limits, and the texts in their order. It is written beside and renamed, so that it
/// is there whole or not at all. One that is damaged, or of another version, is made anew.
///
/// A file is mapped into memory, so that tokens need not fit into it: those of a batch are read
/// from the file when it is packed.
#[derive(Clone, Debug)]
pub struct TokenCache {
    folder: PathBuf,
}

impl TokenCache {
    /// The cache in a folder, which is made when there is something to keep.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// As [`Dataset::read`], but with the tokens from the cache if they are there, and kept in it
    /// if not. If they are there, no text is read.
    ///
    /// # Errors
    ///
    /// Those of [`Dataset::read`], and if the cache cannot be written.
    pub fn dataset(
        &self,
        tokenizer: &BertTokenizer,
        limits: Limits,
        rows: &LabelledRows,
    ) -> Result<Dataset, DataError> {
        let key = key(tokenizer, limits, rows)?;
        let path = self.folder.join(format!("{}.tokens", hex(&key)));
        let file = match TokenFile::open(&path, &key) {
            Some(file) => file,
            None => self.keep(&path, &key, tokenizer, limits, rows)?,
        };
        Ok(Dataset::of_rows(TokenStore::in_file(file), rows))
    }

    /// Writes the tokens, and gives them as they are in the file.
    fn keep(
        &self,
        path: &Path,
        key: &Key,
        tokenizer: &BertTokenizer,
        limits: Limits,
        rows: &LabelledRows,
    ) -> Result<TokenFile, DataError> {
        let failed = |source| DataError::TokenCache { path: self.folder.clone(), source };
        let mut writer = TokenWriter::create_in(&self.folder).map_err(failed)?;
        rows.tokenize(tokenizer, limits, |example| writer.push(&example).map_err(failed))?;
        writer.finish(path, key).map_err(failed)?;
        let damaged = || failed(io::Error::other("the file is not as it was written"));
        TokenFile::open(path, key).ok_or_else(damaged)
    }
}

/// What decides which tokens rows have.
fn key(tokenizer: &BertTokenizer, limits: Limits, rows: &LabelledRows) -> Result<Key, DataError> {
    let mut hash = Sha256::new();
    // Each part is preceded by its length, so that no two lists of parts are the same bytes.
    let mut add = |part: &[u8]| {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    };
    add(env!("CARGO_PKG_VERSION").as_bytes());
    for file in tokenizer_files(tokenizer)? {
        add(&file);
    }
    add(format!("{limits:?}").as_bytes());
    add(rows.texts());
    Ok(hash.finalize().into())
}

/// The files that a tokenizer saves, which say all that it does.
fn tokenizer_files(tokenizer: &BertTokenizer) -> Result<Vec<Vec<u8>>, DataError> {
    let in_temporary = |source: io::Error| {
        let path = std::env::temp_dir();
        DataError::TokenCache { path, source }
    };
    let folder = tempfile::tempdir().map_err(in_temporary)?;
    tokenizer.save(folder.path()).map_err(DataError::Tokenizer)?;
    let names = ["tokenizer.json", "tokenizer_config.json"];
    let read = |name| fs::read(folder.path().join(name)).map_err(in_temporary);
    names.into_iter().map(read).collect()
}

fn hex(key: &Key) -> String {
    key.iter().map(|byte| format!("{byte:02x}")).collect()
}
