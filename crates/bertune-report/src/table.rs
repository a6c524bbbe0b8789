use serde::Serialize;

use crate::markup::escaped;

/// A table of text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Table {
    /// What it shows.
    pub caption: String,
    /// The names of the columns.
    pub head: Vec<String>,
    /// The rows, each of as many cells as there are columns; the first one names the row.
    pub rows: Vec<Vec<String>>,
    /// The column whose changes divide the table into parts, if one does.
    pub part_by: Option<usize>,
}

impl Table {
    /// The table in HTML, in a box that scrolls where it is too wide.
    pub(crate) fn to_html(&self) -> String {
        let caption = escaped(&self.caption);
        let head = self.head.iter().map(|name| format!("<th scope=\"col\">{}</th>", escaped(name)));
        let rows = (0..self.rows.len()).map(|row| self.row_html(row));
        format!(
            "<div class=\"scrolls\" role=\"region\" tabindex=\"0\" aria-label=\"{caption}\">\
             <table><caption>{caption}</caption><thead><tr>{}</tr></thead>\n<tbody>\n{}</tbody>\
             </table></div>\n",
            head.collect::<String>(),
            rows.collect::<String>()
        )
    }

    fn row_html(&self, row: usize) -> String {
        let cells = self.rows[row].iter().enumerate().map(|(i, cell)| match i {
            0 => format!("<th scope=\"row\">{}</th>", escaped(cell)),
            _ => format!("<td>{}</td>", escaped(cell)),
        });
        let class = if self.begins_part(row) { " class=\"part\"" } else { "" };
        format!("<tr{class}>{}</tr>\n", cells.collect::<String>())
    }

    fn begins_part(&self, row: usize) -> bool {
        let part = |row: usize| self.rows[row].get(self.part_by?);
        row > 0 && part(row) != part(row - 1)
    }
}
