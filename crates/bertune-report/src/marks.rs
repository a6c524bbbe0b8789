use crate::markup::length;

/// How many colours and marks there are; a method of a higher number begins anew.
const COLOURS: usize = 6;

/// The class that gives an element the colour of a method.
pub(crate) fn colour(colour: usize) -> String {
    format!("c{}", colour % COLOURS)
}

/// Whether a mark is drawn full or as its edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fill {
    Full,
    Edge,
}

/// A method's mark: each has a shape of its own, so that colours are not needed to tell them apart.
pub(crate) fn mark(number: usize, (x, y): (f64, f64), fill: Fill) -> String {
    let class = format!("{} {}", colour(number), if fill == Fill::Full { "full" } else { "edge" });
    let polygon = |corners: &[(f64, f64)]| {
        let corner = |(dx, dy): &(f64, f64)| format!("{},{}", length(x + dx), length(y + dy));
        let corners: Vec<_> = corners.iter().map(corner).collect();
        format!("<polygon class=\"{class}\" points=\"{}\"/>", corners.join(" "))
    };
    match number % COLOURS {
        0 => polygon(&[(-3.6, -3.6), (3.6, -3.6), (3.6, 3.6), (-3.6, 3.6)]),
        1 => polygon(&[(0.0, -4.8), (4.6, 3.4), (-4.6, 3.4)]),
        2 => format!(
            "<circle class=\"{class}\" cx=\"{}\" cy=\"{}\" r=\"4.2\"/>",
            length(x),
            length(y)
        ),
        3 => polygon(&[(0.0, -5.2), (5.2, 0.0), (0.0, 5.2), (-5.2, 0.0)]),
        4 => polygon(&[(0.0, 4.8), (4.6, -3.4), (-4.6, -3.4)]),
        _ => polygon(&[(-4.8, -1.4), (0.0, -5.0), (4.8, -1.4), (3.0, 4.2), (-3.0, 4.2)]),
    }
}
