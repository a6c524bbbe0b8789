use bertune::BertOps;
use bertune::backend::Flex;
use bertune::kernels::Precision;

use super::{F, Part, copy, matrix, vector};

/// A product by a weight with all of its gradients, as [`bertune::kernels::ops::project`] has it, or
/// with a bias as [`bertune::kernels::ops::linear`].
pub(super) struct Product {
    rows: usize,
    from: usize,
    to: usize,
    precision: Precision,
    bias: Option<F>,
    onto: Option<F>,
}

impl Product {
    /// From `[rows, from]` to `[rows, to]`.
    pub(super) fn new([rows, from, to]: [usize; 3], precision: Precision) -> Self {
        Self { rows, from, to, precision, bias: None, onto: None }
    }

    /// The product adds a bias, and sums its gradient up.
    pub(super) fn with_bias(self) -> Self {
        Self { bias: Some(vector(self.to)), ..self }
    }

    /// The gradient of what is multiplied is added to one that this has from elsewhere.
    pub(super) fn onto_gradient(self) -> Self {
        Self { onto: Some(matrix([self.rows, self.from])), ..self }
    }

    pub(super) fn part(self, name: &'static str, times: usize) -> Part {
        let Self { rows, from, to, precision, bias, onto } = self;
        let (x, weight, grad) = (matrix([rows, from]), matrix([to, from]), matrix([rows, to]));
        let flops = 6.0 * (rows * from * to) as f64;
        let numbers = 3 * (rows * from + from * to + rows * to);
        let in_place = || onto.as_ref().map(copy);
        Part::using_up(name, times, flops, numbers as f64, in_place, |onto| {
            let (x, weight, grad) = (|| x.clone(), || weight.clone(), || grad.clone());
            drop(match &bias {
                Some(bias) => Flex::project_bias(x(), weight(), bias.clone(), precision),
                None => Flex::project(x(), weight(), precision),
            });
            drop(Flex::project_input_gradient(grad(), weight(), onto, precision));
            drop(Flex::project_weight_gradient(grad(), x(), precision));
            if bias.is_some() {
                drop(Flex::sum_rows(grad()));
            }
        })
    }
}
