//! Text, or a pair of texts, to BERT token ids with offsets.
//!
//! [`BertTokenizer`] reads the tokenizer of a Hugging Face folder (`tokenizer.json`, or
//! `vocab.txt` with `tokenizer_config.json`) and gives the same ids, token types and offsets as
//! the fast tokenizer of Python's transformers. An [`Encoding`] holds real tokens only: padding
//! is left to whoever needs it, even where the folder's own `tokenizer.json` asks for it.
//!
//! # Examples
//!
//! ```
//! use bertune_tokenize::{BertTokenizer, Limits, VocabSettings};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let vocab_txt = folder.path().join("vocab.txt");
//! std::fs::write(&vocab_txt, "[PAD]\n[UNK]\n[CLS]\n[SEP]\nhow\nare\nyou\n##r\n?\nfine\n")?;
//! let tokenizer = BertTokenizer::from_vocab(&vocab_txt, &VocabSettings::default())?;
//!
//! let question = tokenizer.encode("How are you?", Limits::default())?;
//! assert_eq!(question.input_ids, [2, 4, 5, 6, 8, 3]);
//! assert_eq!(question.offsets[3], (8, 11));
//!
//! let pair = tokenizer.encode(("How are you?", "fine"), Limits::default())?;
//! assert_eq!(pair.input_ids, [2, 4, 5, 6, 8, 3, 9, 3]);
//! assert_eq!(pair.token_type_ids, [0, 0, 0, 0, 0, 0, 1, 1]);
//! # Ok(())
//! # }
//! ```

mod check;
mod encoding;
mod error;
mod files;
mod limits;
mod save;
mod text_input;
mod tokenizer;
mod tokenizer_config;
mod train;
mod vocab;

pub use encoding::Encoding;
pub use error::TokenizeError;
pub use limits::{Limits, Truncation};
pub use text_input::TextInput;
pub use tokenizer::BertTokenizer;
pub use vocab::VocabSettings;
