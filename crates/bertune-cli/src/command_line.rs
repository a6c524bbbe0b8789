/// The command that was typed, as a shell reads it.
pub(crate) fn typed() -> String {
    as_typed(std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()))
}

/// A command of this program, as a shell reads it.
pub(crate) fn as_typed(words: impl IntoIterator<Item = String>) -> String {
    let words = words.into_iter().map(|word| quoted(&word));
    ["bertune".to_owned()].into_iter().chain(words).collect::<Vec<_>>().join(" ")
}

/// A word in quotes, if a shell would read it otherwise.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "-_./,:=@%+".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_a_shell_would_change_are_quoted() {
        assert_eq!(quoted("--sizes=64,all"), "--sizes=64,all");
        assert_eq!(quoted("#1 String"), "'#1 String'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
    }
}
