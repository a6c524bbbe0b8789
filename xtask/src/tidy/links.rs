//! Links in Markdown lead somewhere.

use std::path::Path;

use super::house::{House, TextFile, normalized};

/// The links to files of ours that are not there.
pub(crate) fn faults(house: &House) -> Vec<String> {
    house.files_ending(".md").flat_map(|file| faults_of(file, house)).collect()
}

fn faults_of(file: &TextFile, house: &House) -> Vec<String> {
    let leads_nowhere = |target: &str| {
        let path = Path::new(&file.path).with_file_name("").join(target);
        normalized(&path).is_none_or(|path| house.paths.binary_search(&path).is_err())
    };
    local_links(&file.text)
        .into_iter()
        .filter(|(_, target)| leads_nowhere(target))
        .map(|(line, target)| format!("{}:{line}: the link to {target} leads nowhere", file.path))
        .collect()
}

/// The targets of `](target)` that are paths, with their lines; code blocks are left out.
fn local_links(markdown: &str) -> Vec<(usize, &str)> {
    let mut links = Vec::new();
    let mut in_code = false;
    for (index, line) in markdown.lines().enumerate() {
        in_code ^= line.trim_start().starts_with("```");
        if !in_code {
            let targets = line.split("](").skip(1).filter_map(local_target);
            links.extend(targets.map(|target| (index + 1, target)));
        }
    }
    links
}

/// The path in what stands after `](`, without title and anchor.
fn local_target(rest: &str) -> Option<&str> {
    let (target, _) = rest.split_once(')')?;
    let target = target.split(' ').next().unwrap_or(target).trim_matches(['<', '>']);
    let (path, _) = target.split_once('#').unwrap_or((target, ""));
    let is_elsewhere = path.contains("://") || path.starts_with("mailto:");
    (!path.is_empty() && !is_elsewhere).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        let others = [("docs/user/a.md", ""), ("README.md", ""), ("x/y.rs", "")];
        let files: Vec<_> = others.into_iter().chain([("docs/index.md", text)]).collect();
        assert_eq!(faults(&House::of_files(&files)), expected, "{text}");
    }

    #[test]
    fn a_link_that_leads_nowhere_is_found() {
        check("[a](user/a.md)", &[]);
        check("\n[a](b.md)", &["docs/index.md:2: the link to b.md leads nowhere"]);
        check(
            "[a](../../README.md)",
            &["docs/index.md:1: the link to ../../README.md leads nowhere"],
        );
        check("[a](user/a.md) [b](/x)", &["docs/index.md:1: the link to /x leads nowhere"]);
    }

    #[test]
    fn links_that_lead_somewhere_pass() {
        check("[a](../README.md#top) [b](#here) ![c](user/a.md \"title\") [d](../x)", &[]);
        check("[a](https://example.com/b.md) [b](mailto:a@b.c)", &[]);
        check("```\n[a](b.md)\n```", &[]);
    }
}
