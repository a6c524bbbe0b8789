/// `; did you mean '…'?` with the name most like the one asked for, or nothing if none is like it.
///
/// Like it is a name that differs in no more than every third character, or in case only.
pub(crate) fn suggestion<'a>(asked: &str, names: impl Iterator<Item = &'a str>) -> String {
    let asked = asked.trim().to_lowercase();
    let distance = |name: &str| edit_distance(&asked, &name.trim().to_lowercase());
    names
        .map(|name| (distance(name), name.trim()))
        .min_by_key(|&(distance, _)| distance)
        .filter(|&(distance, _)| distance <= asked.chars().count() / 3)
        .map(|(_, name)| format!("; did you mean '{name}'?"))
        .unwrap_or_default()
}

/// The distance of Levenshtein (1966).
fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, a) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, &b) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_count_edits() {
        assert_eq!(edit_distance("labl", "label"), 1);
        assert_eq!(edit_distance("", "abc"), 3);
        assert_eq!(edit_distance("kitten", "sitting"), 3);
    }

    #[test]
    fn only_a_like_name_is_suggested() {
        let of = |asked| suggestion(asked, ["text", "Label"].into_iter());
        assert_eq!(of("txt"), "; did you mean 'text'?");
        assert_eq!(of("label"), "; did you mean 'Label'?");
        assert_eq!(of("2"), "");
        assert_eq!(of("sentence"), "");
    }
}
