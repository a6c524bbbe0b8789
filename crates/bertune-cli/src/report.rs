/// An error and its causes in one line, without what an outer message already says.
pub(crate) fn in_one_line(error: &anyhow::Error) -> String {
    let told = error.chain().fold(String::new(), |told, cause| {
        let cause = cause.to_string();
        match told.as_str() {
            "" => cause,
            told if told.contains(&cause) || repeats_its_end(told, &cause) => told.to_owned(),
            told => format!("{told}: {cause}"),
        }
    });
    told.trim_end().to_owned()
}

/// Whether a cause begins with what the message ends with, as a parser's error does that adds the
/// line which the message has told before.
fn repeats_its_end(told: &str, cause: &str) -> bool {
    told.rsplit(": ").next().is_some_and(|end| cause.starts_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(messages: &[&'static str], expected: &str) {
        let (cause, outer) = messages.split_last().unwrap();
        let error = outer
            .iter()
            .rev()
            .fold(anyhow::Error::msg(*cause), |error, message| error.context(*message));
        assert_eq!(in_one_line(&error), expected);
    }

    #[test]
    fn a_cause_is_told_once() {
        check(&["no file"], "no file");
        check(&["cannot read x", "no file"], "cannot read x: no file");
        check(&["cannot read x: no file", "no file"], "cannot read x: no file");
        check(
            &["x, line 1: expected value", "expected value at line 1"],
            "x, line 1: expected value",
        );
    }
}
