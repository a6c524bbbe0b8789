//! Hugging Face checkpoint folders: find, read and write them.
