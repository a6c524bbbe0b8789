use crate::Table;
use crate::legend::Legend;
use crate::markup::{escaped, length};

/// The colours and strokes of all pictures, for light and for dark surroundings.
pub(crate) const STYLE: &str = include_str!("picture.css");

/// The distance between drawings, and from the edge.
const ROOM: f64 = 20.0;

/// A picture with what it says in words and in numbers: one SVG file, or a part of a [`Page`](crate::Page).
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// What it is called in addresses; letters only.
    pub(crate) id: &'static str,
    /// What it shows.
    pub(crate) title: String,
    /// How to read it.
    pub(crate) caption: String,
    pub(crate) legend: Legend,
    /// What is drawn where there is room.
    pub(crate) wide: Vec<Drawing>,
    /// What is drawn on a phone; the same if absent.
    pub(crate) narrow: Option<Vec<Drawing>>,
    /// The same in numbers.
    pub(crate) table: Table,
}

/// A part of a picture that is drawn in one piece.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Drawing {
    pub(crate) width: f64,
    pub(crate) height: f64,
    /// What it shows, for those who do not see it.
    pub(crate) description: String,
    pub(crate) body: String,
}

impl Figure {
    /// The picture as a file of its own.
    pub fn to_svg(&self) -> String {
        let columns = self.columns();
        let title_width = 9.6 * self.title.chars().count() as f64;
        let (mut y, mut width) = (74.0, self.legend.width().max(title_width) + 2.0 * ROOM);
        let mut drawn = String::new();
        for row in self.wide.chunks(columns) {
            let mut x = ROOM;
            for drawing in row {
                let (left, top, body) = (length(x), length(y), &drawing.body);
                drawn += &format!("<g transform=\"translate({left} {top})\">{body}</g>\n");
                x += drawing.width + ROOM;
            }
            width = width.max(x);
            y += row.iter().map(|drawing| drawing.height).fold(0.0, f64::max) + ROOM;
        }
        let (width, height) = (length(width), length(y));
        let legend = self.legend.to_svg(ROOM, 54.0);
        let described: Vec<_> = self.wide.iter().map(|part| part.description.as_str()).collect();
        let (title, described) = (escaped(&self.title), escaped(&described.join(" ")));
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
             width=\"{width}\" height=\"{height}\" role=\"img\" \
             aria-labelledby=\"title description\">\n\
             <title id=\"title\">{title}</title>\n<desc id=\"description\">{described}</desc>\n\
             <style>\n{STYLE}</style>\n<rect class=\"paper\" width=\"{width}\" height=\"{height}\"/>\n\
             <text class=\"title\" x=\"{ROOM}\" y=\"32\">{title}</text>\n{legend}\n{drawn}</svg>\n"
        )
    }

    /// The picture as a part of a page.
    pub(crate) fn to_html(&self) -> String {
        let (id, title, caption) = (self.id, escaped(&self.title), escaped(&self.caption));
        let drawings = match &self.narrow {
            Some(narrow) => panels("wide", &self.wide, 1) + &panels("narrow", narrow, 1),
            None => panels("", &self.wide, self.columns()),
        };
        format!(
            "<figure id=\"{id}\" aria-labelledby=\"{id}-title\">\n<h3 id=\"{id}-title\">{title}</h3>\n\
             {}\n{drawings}<figcaption>{caption}</figcaption>\n<details><summary>The same in \
             numbers</summary>\n{}</details>\n</figure>\n",
            self.legend.to_html(),
            self.table.to_html()
        )
    }

    /// How many drawings stand side by side.
    fn columns(&self) -> usize {
        let is_small = self.wide.iter().all(|drawing| drawing.width < 400.0);
        if is_small && self.wide.len() > 1 { 2 } else { 1 }
    }
}

fn panels(class: &str, drawings: &[Drawing], columns: usize) -> String {
    let drawings: String = drawings.iter().map(Drawing::to_html).collect();
    format!("<div class=\"panels of-{columns} {class}\">\n{drawings}</div>\n")
}

impl Drawing {
    fn to_html(&self) -> String {
        let (width, height) = (length(self.width), length(self.height));
        let (described, body) = (escaped(&self.description), &self.body);
        // Beyond this its letters are larger than those around it.
        let most = length(1.2 * self.width);
        format!(
            "<svg viewBox=\"0 0 {width} {height}\" style=\"max-width: {most}px\" role=\"img\" \
             aria-label=\"{described}\">{body}</svg>\n"
        )
    }
}
