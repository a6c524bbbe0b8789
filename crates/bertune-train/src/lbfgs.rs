use std::collections::VecDeque;

/// More steps than a minimum takes.
const MOST_STEPS: usize = 1000;

/// How many steps the search remembers.
const MEMORY: usize = 10;

/// Where a convex function is lowest, up to a slope of `tolerance` in every direction: L-BFGS ([Liu
/// and Nocedal, 1989](https://doi.org/10.1007/BF01589116)) from `start`.
///
/// `objective` gives the value and the slope of a place.
pub(crate) fn minimise(
    objective: impl Fn(&[f64]) -> (f64, Vec<f64>),
    start: Vec<f64>,
    tolerance: f64,
) -> Vec<f64> {
    let (value, slope) = objective(&start);
    let mut here = Place { at: start, value, slope };
    let mut memory = Memory::default();
    for _ in 0..MOST_STEPS {
        if here.slope.iter().all(|slope| slope.abs() <= tolerance) {
            break;
        }
        let direction = memory.direction(&here.slope);
        let Some(next) = line_search(&objective, &here, &direction) else { break };
        memory.add(difference(&next.at, &here.at), difference(&next.slope, &here.slope));
        here = next;
    }
    here.at
}

/// A place that a search has reached.
struct Place {
    at: Vec<f64>,
    value: f64,
    slope: Vec<f64>,
}

/// Goes as far in a direction as the value falls in proportion; nowhere if it does not fall.
fn line_search(
    objective: impl Fn(&[f64]) -> (f64, Vec<f64>),
    from: &Place,
    direction: &[f64],
) -> Option<Place> {
    const ENOUGH: f64 = 1e-4;
    const HALVINGS: i32 = 40;
    let fall = dot(&from.slope, direction);
    (0..HALVINGS).map(|halvings| 0.5f64.powi(halvings)).find_map(|step| {
        let mut at = from.at.clone();
        add_scaled(&mut at, step, direction);
        let (value, slope) = objective(&at);
        let falls = value < from.value + ENOUGH * step * fall;
        falls.then_some(Place { at, value, slope })
    })
}

/// The last steps and how the slope changed with them: what L-BFGS knows of the curvature.
#[derive(Default)]
struct Memory(VecDeque<(Vec<f64>, Vec<f64>)>);

impl Memory {
    fn add(&mut self, step: Vec<f64>, change: Vec<f64>) {
        if dot(&step, &change) > 0.0 {
            self.0.push_back((step, change));
        }
        if self.0.len() > MEMORY {
            self.0.pop_front();
        }
    }

    /// Downhill, as the curvature has it: the recursion of two loops.
    fn direction(&self, slope: &[f64]) -> Vec<f64> {
        let mut direction: Vec<f64> = slope.iter().map(|slope| -slope).collect();
        let mut shares = Vec::new();
        for (step, change) in self.0.iter().rev() {
            let share = dot(step, &direction) / dot(step, change);
            add_scaled(&mut direction, -share, change);
            shares.push(share);
        }
        let scale = match self.0.back() {
            Some((step, change)) => dot(step, change) / dot(change, change),
            // The first step is short: nothing is known of the curvature.
            None => 1.0 / dot(slope, slope).sqrt().max(1.0),
        };
        direction.iter_mut().for_each(|value| *value *= scale);
        for ((step, change), share) in self.0.iter().zip(shares.into_iter().rev()) {
            let other = dot(change, &direction) / dot(step, change);
            add_scaled(&mut direction, share - other, step);
        }
        direction
    }
}

/// The inner product, summed in four lanes.
pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    const LANES: usize = 4;
    let (a_lanes, b_lanes) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest = a_lanes.remainder().iter().zip(b_lanes.remainder());
    let rest: f64 = rest.map(|(a, b)| a * b).sum();
    let mut sums = [0.0; LANES];
    for (a, b) in a_lanes.zip(b_lanes) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    sums.iter().sum::<f64>() + rest
}

/// Adds multiples of some numbers to others.
pub(crate) fn add_scaled(to: &mut [f64], scale: f64, values: &[f64]) {
    to.iter_mut().zip(values).for_each(|(to, value)| *to += scale * value);
}

fn difference(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a - b).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bowl_is_lowest_at_its_bottom() {
        let bowl = |at: &[f64]| {
            let (x, y) = (at[0] - 3.0, at[1] + 2.0);
            (x * x + 100.0 * y * y + x * y, vec![2.0 * x + y, 200.0 * y + x])
        };
        let lowest = minimise(bowl, vec![0.0, 0.0], 1e-9);
        assert!((lowest[0] - 3.0).abs() < 1e-8 && (lowest[1] + 2.0).abs() < 1e-8, "{lowest:?}");
        assert_eq!(minimise(bowl, lowest.clone(), 1e-9), lowest);
    }
}
