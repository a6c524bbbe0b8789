/// Names that a text column usually has, the likeliest first.
pub(crate) const TEXT_NAMES: [&str; 16] = [
    "text",
    "sentence",
    "sentence1",
    "text_a",
    "question1",
    "premise",
    "question",
    "content",
    "review",
    "message",
    "comment",
    "title",
    "body",
    "utterance",
    "query",
    "tweet",
];

/// Names that the columns of a pair usually have, the likeliest first.
pub(crate) const PAIR_NAMES: [(&str, &str); 7] = [
    ("text", "text_pair"),
    ("sentence1", "sentence2"),
    ("text_a", "text_b"),
    ("question1", "question2"),
    ("premise", "hypothesis"),
    ("question", "sentence"),
    ("#1 String", "#2 String"),
];

/// Names that a label column usually has, the likeliest first.
pub(crate) const LABEL_NAMES: [&str; 10] = [
    "label",
    "labels",
    "gold_label",
    "class",
    "category",
    "intent",
    "target",
    "sentiment",
    "quality",
    "is_duplicate",
];

/// Whether a field is a name, whatever its case and the spaces around it.
pub(crate) fn is_named(field: &str, name: &str) -> bool {
    field.trim().eq_ignore_ascii_case(name)
}
