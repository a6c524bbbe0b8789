//! Text, or a pair of texts, to BERT token ids with offsets.
