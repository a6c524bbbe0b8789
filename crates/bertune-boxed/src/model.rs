//! The files of the model.

/// Their names and what is in them.
pub(crate) static FILES: [(&str, &[u8]); 6] = [
    ("config.json", include_bytes!("../model/config.json")),
    ("model.safetensors", include_bytes!("../model/model.safetensors")),
    ("README.md", include_bytes!("../model/README.md")),
    ("tokenizer.json", include_bytes!("../model/tokenizer.json")),
    ("tokenizer_config.json", include_bytes!("../model/tokenizer_config.json")),
    ("vocab.txt", include_bytes!("../model/vocab.txt")),
];
