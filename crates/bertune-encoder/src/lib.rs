//! BERT: embeddings, encoder layers and pooler, on packed tokens.
