use regex::Regex;

/// A pattern of names; else what is wrong with it, without the picture of where.
pub(crate) fn compiled(pattern: &str) -> Result<Regex, String> {
    Regex::new(pattern).map_err(|error| {
        let text = error.to_string();
        text.lines().last().unwrap_or(&text).trim_start_matches("error: ").to_owned()
    })
}
