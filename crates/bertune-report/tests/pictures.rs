//! Pictures and pages are well-formed, stand alone, and say in text what they show.
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;

use bertune_report::{Comparison, Figure, comparison_page, gaps, learning_curves, scores_by_size};
use common::{Shape, comparison, usual};
use roxmltree::{Document, Node, ParsingOptions};

const SVG: &str = "http://www.w3.org/2000/svg";

fn pictures(comparison: &Comparison) -> [Figure; 3] {
    [learning_curves(comparison), scores_by_size(comparison), gaps(comparison)]
}

fn parsed(text: &str) -> Document<'_> {
    let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
    Document::parse_with_options(text, options).unwrap()
}

/// Everything that a comparison may lack: runs, seeds, sizes, the reference, defined scores.
fn odd_ones() -> Vec<Comparison> {
    let shape = |_: &str, _, _| Shape { score: 0.5, flat_from: 20, gap: 0.0 };
    let one = comparison(&["full"], &[8], 1, shape);
    let mut empty = usual();
    empty.cells.clear();
    let mut undefined = usual();
    for cell in &mut undefined.cells {
        cell.score = None;
        for point in &mut cell.curve {
            (point.train_score, point.validation_score) = (None, None);
        }
    }
    let mut half = usual();
    half.cells.retain(|cell| cell.examples < 300 || cell.seed == 1);
    let mut named = usual();
    named.data = "a <b> & \"c\" \u{1}.csv".into();
    named.methods[0].label = "<script>alert(1)</script>".into();
    vec![usual(), one, empty, undefined, half, named]
}

#[test]
fn every_picture_is_a_well_formed_file_that_describes_itself() {
    for comparison in odd_ones() {
        for picture in pictures(&comparison) {
            let svg = picture.to_svg();
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
            let document = parsed(&svg);
            let root = document.root_element();
            assert!(root.has_tag_name((SVG, "svg")));
            assert_eq!(root.attribute("role"), Some("img"));
            for name in ["title", "desc"] {
                let text = root.children().find(|child| child.has_tag_name((SVG, name)));
                assert!(text.unwrap().attribute("id").is_some(), "{name}");
            }
        }
    }
}

#[test]
fn nothing_is_drawn_beyond_the_edge() {
    for comparison in odd_ones() {
        for picture in pictures(&comparison) {
            let svg = picture.to_svg();
            let document = parsed(&svg);
            let root = document.root_element();
            let side = |name: &str| root.attribute(name).unwrap().parse::<f64>().unwrap();
            for text in document.descendants().filter(|node| node.has_tag_name((SVG, "text"))) {
                let (x, y) = place(text);
                assert!((0.0..=side("width")).contains(&x), "{x}: {:?}", text.text());
                assert!((0.0..=side("height")).contains(&y), "{y}: {:?}", text.text());
            }
        }
    }
}

/// Where an element stands, with the shift of the group that it is in.
fn place(node: Node<'_, '_>) -> (f64, f64) {
    let number = |name: &str| node.attribute(name).unwrap().parse::<f64>().unwrap();
    let shift =
        node.ancestors().find_map(|node| node.attribute("transform")).unwrap_or("translate(0 0)");
    let shift =
        shift.trim_start_matches("translate(").trim_end_matches(')').split_once(' ').unwrap();
    let [dx, dy] = [shift.0, shift.1].map(|shift| shift.parse::<f64>().unwrap());
    (number("x") + dx, number("y") + dy)
}

#[test]
fn the_page_is_well_formed_and_needs_nothing_else() {
    for comparison in odd_ones() {
        let html = comparison_page(&comparison).to_html();
        let document = parsed(&html);
        for node in document.descendants().filter(Node::is_element) {
            let name = node.tag_name().name();
            assert!(!["script", "link", "img", "iframe", "object"].contains(&name), "{name}");
            for attribute in node.attributes() {
                let is_plain = !["src", "href", "onload", "onclick"].contains(&attribute.name());
                assert!(is_plain, "{name} has {}", attribute.name());
            }
        }
        let style = document.descendants().find(|node| node.has_tag_name("style")).unwrap();
        let css = style.text().unwrap();
        assert!(!css.contains("url(") && !css.contains("@import"));
    }
}

#[test]
fn each_picture_of_the_page_has_a_description_and_a_table() {
    let html = comparison_page(&usual()).to_html();
    let document = parsed(&html);
    let all =
        |name: &'static str| document.descendants().filter(move |node| node.has_tag_name(name));
    assert_eq!(all("h1").count(), 1);
    assert_eq!(all("figure").count(), 3);
    for figure in all("figure") {
        assert_eq!(figure.descendants().filter(|node| node.has_tag_name("table")).count(), 1);
    }
    for svg in all("svg") {
        let is_described = svg.attribute("aria-label").is_some_and(|text| text.len() > 20);
        assert!(is_described || svg.attribute("aria-hidden") == Some("true"));
    }
    let mut ids: Vec<_> = document.descendants().filter_map(|node| node.attribute("id")).collect();
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count, "no id occurs twice");
}

/// Where `BERTUNE_LOOK` names a folder, the usual page and pictures are written into it, to be
/// looked at.
#[test]
fn pictures_can_be_looked_at() {
    let Some(folder) = std::env::var_os("BERTUNE_LOOK") else { return };
    let folder = std::path::Path::new(&folder);
    let names = ["curves.svg", "scores.svg", "gap.svg"];
    for (name, picture) in names.iter().zip(pictures(&usual())) {
        std::fs::write(folder.join(name), picture.to_svg()).unwrap();
    }
    std::fs::write(folder.join("index.html"), comparison_page(&usual()).to_html()).unwrap();
}
