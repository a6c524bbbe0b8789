use crate::Comparison;
use crate::marks::{Fill, mark};
use crate::markup::{escaped, length};

/// Which mark belongs to which name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Legend(pub(crate) Vec<(usize, String)>);

impl Legend {
    /// The methods of a comparison.
    pub(crate) fn of(comparison: &Comparison) -> Self {
        let methods = comparison.methods.iter();
        Self(methods.map(|method| (method.colour, method.label.clone())).collect())
    }

    /// The legend as a list of a page.
    pub(crate) fn to_html(&self) -> String {
        let entries = self.0.iter().map(|(colour, name)| {
            let mark = mark(*colour, (8.0, 8.0), Fill::Full);
            format!(
                "<li><svg viewBox=\"0 0 16 16\" width=\"16\" height=\"16\" aria-hidden=\"true\">\
                 {mark}</svg>{}</li>",
                escaped(name)
            )
        });
        format!("<ul class=\"legend\">{}</ul>", entries.collect::<String>())
    }

    /// How wide a row of a drawing is that holds it.
    pub(crate) fn width(&self) -> f64 {
        self.0.iter().map(|(_, name)| width_of(name)).sum()
    }

    /// The legend in a row of a drawing, from `left` on at the height `y`.
    pub(crate) fn to_svg(&self, left: f64, y: f64) -> String {
        let mut x = left;
        let mut drawn = String::new();
        for (colour, name) in &self.0 {
            let text = (length(x + 11.0), length(y + 4.0), escaped(name));
            drawn += &mark(*colour, (x + 4.0, y), Fill::Full);
            drawn += &format!("<text x=\"{}\" y=\"{}\">{}</text>", text.0, text.1, text.2);
            x += width_of(name);
        }
        drawn
    }
}

/// About how much room a mark and its name take.
fn width_of(name: &str) -> f64 {
    32.0 + 6.6 * name.chars().count() as f64
}
