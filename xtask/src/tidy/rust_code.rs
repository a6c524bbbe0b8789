//! Rust source with everything blanked that is not code: comments, strings, tests.

/// The source with comments and the insides of literals as blanks; lines keep their numbers.
pub(crate) fn code_only(source: &str) -> String {
    let source: Vec<char> = source.chars().collect();
    let mut code = source.clone();
    let mut at = 0;
    while at < source.len() {
        let end = at + length_of_non_code(&source[..at], &source[at..]);
        blank(&mut code[at..end]);
        at = end.max(at + 1);
    }
    code.into_iter().collect()
}

/// Code without the items marked `#[cfg(test)]` or `#[cfg(all(test, …))]`.
pub(crate) fn without_tests(code: &str) -> String {
    let mut code = code.to_owned();
    let mark = |code: &str| code.find("#[cfg(test)]").or_else(|| code.find("#[cfg(all(test,"));
    while let Some(start) = mark(&code) {
        let end = start + length_of_item(&code[start..]);
        let blanks = code[start..end].replace(|c| c != '\n', " ");
        code.replace_range(start..end, &blanks);
    }
    code
}

/// The words of the code with the numbers of their lines.
pub(crate) fn words(code: &str) -> impl Iterator<Item = (usize, &str)> {
    code.lines().enumerate().flat_map(|(index, line)| {
        let words = line.split(|c: char| !is_word(c)).filter(|word| !word.is_empty());
        words.map(move |word| (index + 1, word))
    })
}

/// How many characters at the start of `rest` are a comment or a literal: 0 where code goes on.
fn length_of_non_code(before: &[char], rest: &[char]) -> usize {
    match rest {
        ['/', '/', ..] => rest.iter().position(|&c| c == '\n').unwrap_or(rest.len()),
        ['/', '*', ..] => length_of_block_comment(rest),
        ['"', ..] => length_of_quoted(rest, '"'),
        ['\'', '\\', ..] | ['\'', _, '\'', ..] => length_of_quoted(rest, '\''),
        ['r', '"' | '#', ..] if !ends_a_word(before) => length_of_raw_string(rest),
        _ => 0,
    }
}

/// Whether the letter that comes next goes on with a word; the `b` and `c` of literals are none.
fn ends_a_word(before: &[char]) -> bool {
    match before {
        [.., previous, 'b' | 'c'] => is_word(*previous),
        ['b' | 'c'] => false,
        [.., previous] => is_word(*previous),
        [] => false,
    }
}

fn length_of_block_comment(rest: &[char]) -> usize {
    let (mut at, mut depth) = (0, 0_usize);
    while at < rest.len() {
        match &rest[at..] {
            ['/', '*', ..] => (at, depth) = (at + 2, depth + 1),
            ['*', '/', ..] => (at, depth) = (at + 2, depth - 1),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

fn length_of_quoted(rest: &[char], quote: char) -> usize {
    let mut at = 1;
    while at < rest.len() && rest[at] != quote {
        at += if rest[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(rest.len())
}

/// 0 for a raw name such as `r#type`.
fn length_of_raw_string(rest: &[char]) -> usize {
    let hashes = rest[1..].iter().take_while(|&&c| c == '#').count();
    if rest.get(1 + hashes) != Some(&'"') {
        return 0;
    }
    let mut end = vec!['#'; hashes + 1];
    end[0] = '"';
    let start = hashes + 2;
    let inside = rest[start..].windows(end.len()).position(|window| window == end);
    inside.map_or(rest.len(), |inside| start + inside + end.len())
}

/// From an attribute to the end of what it stands on: the closing brace, or a semicolon.
fn length_of_item(code: &str) -> usize {
    let mut depth = 0_usize;
    for (at, character) in code.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth <= 1 => return at + 1,
            '}' => depth -= 1,
            ';' if depth == 0 => return at + 1,
            _ => {}
        }
    }
    code.len()
}

fn blank(code: &mut [char]) {
    for character in code.iter_mut().filter(|character| **character != '\n') {
        *character = ' ';
    }
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(source: &str, expected: &str) {
        let code = without_tests(&code_only(source));
        let found: Vec<_> = words(&code).map(|(_, word)| word).collect();
        assert_eq!(found.join(" "), expected, "{source}");
    }

    #[test]
    fn only_code_is_left() {
        check("a // b", "a");
        check("a /* b /* c */ d */ e", "a e");
        check("/// a\nb", "b");
        check(r#"a "b \" c" d"#, "a d");
        check(r##"a r#"b " c"# d"##, "a d");
        check(r##"a br#"b " c"# d"##, "a b d");
        check("a r#type b", "a r type b");
        check("for\"b\" c", "for c");
        check("a 'b' c '\\'' d '\"' e", "a c d e");
        check("fn a<'b>(c: &'b str)", "fn a b c b str");
        check("a \"b", "a");
        check("é \"ü\" ß", "é ß");
    }

    #[test]
    fn tests_are_left_out() {
        check("a\n#[cfg(test)]\nmod tests { fn b() { c } }\nd", "a d");
        check("#[cfg(test)]\nmod tests;\na", "a");
        check("#[cfg(all(test, feature = \"x\"))]\nmod tests;\na", "a");
        check("#[cfg(not(test))] a", "cfg not test a");
    }

    #[test]
    fn words_know_their_lines() {
        let code = code_only("a\n/* b\n */ c \"d\ne\" f");
        assert_eq!(words(&code).collect::<Vec<_>>(), [(1, "a"), (3, "c"), (4, "f")]);
    }
}
