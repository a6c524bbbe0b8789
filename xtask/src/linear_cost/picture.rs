//! Lines over logarithmic axes, as SVG.

use super::Line;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 440.0;

/// Left, right, top and bottom of the axes.
const FRAME: [f64; 4] = [70.0, 620.0, 20.0, 380.0];

/// Colours that are told apart in any eye: those of Okabe and Ito.
const COLOURS: [&str; 6] = ["#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9"];

/// Milliseconds over tokens, one line for each length, and a dashed one of equal cost a token.
pub(super) fn draw(tokens: &[usize], lines: &[Line]) -> String {
    let axes = Axes::of(tokens, lines);
    let mut parts = vec![format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         font-family=\"sans-serif\" font-size=\"13\">\n<rect width=\"100%\" height=\"100%\" \
         fill=\"white\"/>"
    )];
    parts.extend(tokens.iter().map(|&tokens| axes.vertical(tokens)));
    parts.extend(axes.decades().map(|milliseconds| axes.horizontal(milliseconds)));
    parts.push(axes.equal_cost());
    parts.extend(lines.iter().enumerate().map(|(i, line)| axes.line(i, tokens, line)));
    parts.push(label((FRAME[0] + FRAME[1]) / 2.0, HEIGHT - 15.0, "middle", "tokens in a batch"));
    parts.push(label(FRAME[1] + 10.0, FRAME[2] + 5.0, "start", "tokens each"));
    parts.push(label(8.0, FRAME[2] + 5.0, "start", "ms"));
    parts.push("</svg>\n".to_owned());
    parts.join("\n")
}

/// What the edges of the picture stand for.
struct Axes {
    tokens: [f64; 2],
    milliseconds: [f64; 2],
}

impl Axes {
    fn of(tokens: &[usize], lines: &[Line]) -> Self {
        let range = |values: &mut dyn Iterator<Item = f64>| {
            values.fold([f64::INFINITY, 0.0], |[low, high], x| [x.min(low), x.max(high)])
        };
        let times = lines.iter().flat_map(|line| line.milliseconds.iter().copied());
        Self {
            tokens: range(&mut tokens.iter().map(|&tokens| tokens as f64)),
            milliseconds: range(&mut times.into_iter()),
        }
    }

    fn x(&self, tokens: f64) -> f64 {
        FRAME[0] + (FRAME[1] - FRAME[0]) * share(tokens, self.tokens)
    }

    fn y(&self, milliseconds: f64) -> f64 {
        FRAME[3] - (FRAME[3] - FRAME[2]) * share(milliseconds, self.milliseconds)
    }

    /// The powers of ten within the picture.
    fn decades(&self) -> impl Iterator<Item = f64> {
        let [low, high] = self.milliseconds;
        (-3..7).map(|power| 10f64.powi(power)).filter(move |value| (low..=high).contains(value))
    }

    fn vertical(&self, tokens: usize) -> String {
        let x = self.x(tokens as f64);
        let name = if tokens >= 1024 { format!("{}k", tokens / 1024) } else { tokens.to_string() };
        let rule = rule([x, FRAME[2], x, FRAME[3]]);
        format!("{rule}\n{}", label(x, FRAME[3] + 20.0, "middle", &name))
    }

    fn horizontal(&self, milliseconds: f64) -> String {
        let y = self.y(milliseconds);
        let rule = rule([FRAME[0], y, FRAME[1], y]);
        format!("{rule}\n{}", label(FRAME[0] - 8.0, y + 4.0, "end", &milliseconds.to_string()))
    }

    /// From the middle of the left edge, as steep as linear cost is.
    fn equal_cost(&self) -> String {
        let [low, high] = self.tokens;
        let start = self.milliseconds[0];
        let end = start * high / low;
        format!(
            "<path d=\"M{:.1} {:.1}L{:.1} {:.1}\" stroke=\"#888\" stroke-dasharray=\"6 5\" \
             fill=\"none\"/>",
            self.x(low),
            self.y(start),
            self.x(high),
            self.y(end)
        )
    }

    fn line(&self, i: usize, tokens: &[usize], line: &Line) -> String {
        let colour = COLOURS[i % COLOURS.len()];
        let points = tokens.iter().zip(&line.milliseconds);
        let points = points.map(|(&x, &y)| format!("{:.1},{:.1}", self.x(x as f64), self.y(y)));
        let points = points.collect::<Vec<_>>().join(" ");
        let y = FRAME[2] + 28.0 + 20.0 * i as f64;
        format!(
            "<polyline points=\"{points}\" stroke=\"{colour}\" stroke-width=\"2\" \
             fill=\"none\"/>\n<path d=\"M{} {y}h24\" stroke=\"{colour}\" stroke-width=\"2\"/>\n{}",
            FRAME[1] + 12.0,
            label(FRAME[1] + 44.0, y + 4.0, "start", &line.length.to_string())
        )
    }
}

/// Where a value lies between two, by its logarithm.
fn share(value: f64, [low, high]: [f64; 2]) -> f64 {
    if high > low { (value / low).ln() / (high / low).ln() } else { 0.5 }
}

fn rule([x1, y1, x2, y2]: [f64; 4]) -> String {
    format!("<path d=\"M{x1:.1} {y1:.1}L{x2:.1} {y2:.1}\" stroke=\"#ddd\"/>")
}

fn label(x: f64, y: f64, anchor: &str, text: &str) -> String {
    format!("<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{text}</text>")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_corners_of_the_picture_are_the_least_and_the_most() {
        let lines = [Line { length: 16, milliseconds: vec![10.0, 100.0] }];
        let picture = draw(&[1024, 65536], &lines);
        assert!(picture.contains("points=\"70.0,380.0 620.0,20.0\""), "{picture}");
        assert!(picture.contains(">64k<") && picture.contains(">16<"), "{picture}");
    }
}
