use crate::figure::STYLE;
use crate::markup::escaped;
use crate::{Figure, Finding, Table};

const PAGE_STYLE: &str = include_str!("page.css");

/// A page that needs nothing beside itself: no scripts, no fonts, no links to elsewhere.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// Its title.
    pub title: String,
    /// What it is about, in a sentence or two.
    pub lead: String,
    /// What stands on it, in order.
    pub blocks: Vec<Block>,
    /// The last line.
    pub footer: String,
}

/// A part of a page.
#[derive(Clone, Debug, PartialEq)]
pub enum Block {
    /// The heading of a section.
    Heading(String),
    /// A paragraph.
    Paragraph(String),
    /// Names, each with what it means.
    Terms(Vec<(String, String)>),
    /// A question with its answer.
    Finding(Finding),
    /// A picture.
    Figure(Figure),
    /// A table.
    Table(Table),
    /// Something to type.
    Command(String),
}

impl Page {
    /// The page as an HTML file, which is well-formed XML too.
    pub fn to_html(&self) -> String {
        let (title, lead, footer) =
            (escaped(&self.title), escaped(&self.lead), escaped(&self.footer));
        let blocks: String = self.blocks.iter().map(Block::to_html).collect();
        format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n\
             <meta name=\"color-scheme\" content=\"light dark\"/>\n<title>{title}</title>\n\
             <style>\n{STYLE}{PAGE_STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n\
             <p class=\"lead\">{lead}</p>\n{blocks}</main>\n<footer>{footer}</footer>\n</body>\n\
             </html>\n"
        )
    }
}

impl Block {
    fn to_html(&self) -> String {
        match self {
            Self::Heading(text) => format!("<h2>{}</h2>\n", escaped(text)),
            Self::Paragraph(text) => format!("<p>{}</p>\n", escaped(text)),
            Self::Terms(terms) => {
                let terms = terms.iter().map(|(term, meaning)| {
                    format!("<dt>{}</dt><dd>{}</dd>\n", escaped(term), escaped(meaning))
                });
                format!("<dl>\n{}</dl>\n", terms.collect::<String>())
            }
            Self::Finding(finding) => finding_html(finding),
            Self::Figure(figure) => figure.to_html(),
            Self::Table(table) => table.to_html(),
            Self::Command(command) => format!("<pre><code>{}</code></pre>\n", escaped(command)),
        }
    }
}

fn finding_html(finding: &Finding) -> String {
    let details = finding.details.iter().map(|detail| format!("<li>{}</li>\n", escaped(detail)));
    let details: String = details.collect();
    let list = if details.is_empty() {
        String::new()
    } else {
        format!(
            "<details open=\"open\"><summary>In detail</summary>\n<ul>\n{details}</ul>\n</details>\n"
        )
    };
    format!(
        "<section class=\"finding\">\n<h2>{}</h2>\n<p>{}</p>\n{list}</section>\n",
        escaped(&finding.question),
        escaped(&finding.answer)
    )
}
