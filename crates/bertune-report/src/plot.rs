use crate::axis::Axis;
use crate::markup::{escaped, length};

/// Where a plot lies in its drawing, with its axes.
#[derive(Clone, Debug)]
pub(crate) struct Plot {
    pub(crate) left: f64,
    pub(crate) right: f64,
    pub(crate) top: f64,
    pub(crate) bottom: f64,
    pub(crate) x: Axis,
    pub(crate) y: Axis,
}

impl Plot {
    /// Where a number of the horizontal axis lies.
    pub(crate) fn x(&self, number: f64) -> f64 {
        self.left + self.x.share(number) * (self.right - self.left)
    }

    /// Where a number of the vertical axis lies; what is beyond it lies on its end.
    pub(crate) fn y(&self, number: f64) -> f64 {
        self.bottom - self.y.share(number).clamp(0.0, 1.0) * (self.bottom - self.top)
    }

    /// Both axes with their numbers, lines across from the vertical one, and their titles.
    pub(crate) fn frame(&self) -> String {
        let (left, right, bottom) = (length(self.left), length(self.right), length(self.bottom));
        let across = self.y.ticks.iter().map(|(number, text)| {
            let y = length(self.y(*number));
            format!(
                "<path class=\"grid\" d=\"M{left} {y}H{right}\"/>\
                 <text class=\"soft end\" x=\"{}\" y=\"{}\">{text}</text>",
                length(self.left - 7.0),
                length(self.y(*number) + 4.0),
            )
        });
        let base = format!("<path class=\"base\" d=\"M{left} {bottom}H{right}\"/>");
        let below = self.ticks_with_room().into_iter().map(|(x, text)| {
            let (x, end) = (length(x), length(self.bottom + 4.0));
            let y = length(self.bottom + 17.0);
            format!(
                "<path class=\"base\" d=\"M{x} {bottom}V{end}\"/>\
                 <text class=\"soft middle\" x=\"{x}\" y=\"{y}\">{text}</text>"
            )
        });
        let title = format!(
            "<text class=\"soft middle\" x=\"{}\" y=\"{}\">{}</text>",
            length((self.left + self.right) / 2.0),
            length(self.bottom + 34.0),
            escaped(&self.x.title)
        );
        across.chain([base]).chain(below).chain([title]).collect()
    }

    /// The horizontal axis' numbers, but for those that would run into the one to the right.
    fn ticks_with_room(&self) -> Vec<(f64, &str)> {
        const ROOM: f64 = 34.0;
        let mut kept: Vec<(f64, &str)> = Vec::new();
        for (number, text) in self.x.ticks.iter().rev() {
            let x = self.x(*number);
            if kept.last().is_none_or(|(right, _)| right - x >= ROOM) {
                kept.push((x, text));
            }
        }
        kept
    }
}

/// A line through points.
pub(crate) fn path(points: &[(f64, f64)]) -> String {
    let step = |(i, (x, y)): (usize, &(f64, f64))| {
        format!("{}{} {}", if i == 0 { 'M' } else { 'L' }, length(*x), length(*y))
    };
    points.iter().enumerate().map(step).collect()
}
