/// Text as it may stand in SVG and HTML, in content and in quoted attributes.
pub(crate) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            // XML has no way to write most control characters.
            control if control.is_control() && !matches!(control, '\n' | '\t') => {
                escaped.push('\u{fffd}');
            }
            '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            other => escaped.push(other),
        }
    }
    escaped
}

/// A length in a picture: a tenth of a unit is finer than anybody sees.
pub(crate) fn length(length: f64) -> String {
    let rounded = format!("{length:.1}");
    let short = rounded.strip_suffix(".0").unwrap_or(&rounded);
    if short == "-0" { "0".into() } else { short.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_can_end_no_element_and_no_attribute() {
        assert_eq!(escaped("a<b> & \"c\" 'd'"), "a&lt;b&gt; &amp; &quot;c&quot; &#39;d&#39;");
        assert_eq!(escaped("a\u{1}\u{ffff}\n"), "a\u{fffd}\u{fffd}\n");
    }

    #[test]
    fn lengths_are_short() {
        assert_eq!([12.0, 12.34, -0.02, -3.06].map(length), ["12", "12.3", "0", "-3.1"]);
    }
}
