/// One text, or a pair of texts, as the user gave it.
///
/// # Examples
///
/// ```
/// use bertune_tokenize::TextInput;
///
/// assert_eq!(TextInput::from("one").text_pair, None);
/// assert_eq!(TextInput::from(("one", "two")).text_pair, Some("two"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextInput<'a> {
    /// The text, or the first text of the pair.
    pub text: &'a str,
    /// The second text of the pair; an empty one still makes a pair, as it does in
    /// the batches of transformers.
    pub text_pair: Option<&'a str>,
}

impl<'a> From<&'a str> for TextInput<'a> {
    fn from(text: &'a str) -> Self {
        Self { text, text_pair: None }
    }
}

impl<'a> From<(&'a str, &'a str)> for TextInput<'a> {
    fn from((text, text_pair): (&'a str, &'a str)) -> Self {
        Self { text, text_pair: Some(text_pair) }
    }
}
