use bertune_kernels::BertOps;
use burn_core::module::{AutodiffModule, ModuleVisitor, Param};
use burn_core::tensor::backend::AutodiffBackend;
use burn_core::tensor::{Tensor, TensorPrimitive};

type Inner<B> = <B as AutodiffBackend>::InnerBackend;

/// The global norm of the gradients of all parameters, on the host.
pub fn global_norm<B, M>(model: &M, gradients: &B::Gradients) -> f64
where
    B: AutodiffBackend<InnerBackend: BertOps>,
    M: AutodiffModule<B>,
{
    let mut squares = Squares::<'_, B> { gradients, sums: Vec::new() };
    model.visit(&mut squares);
    if squares.sums.is_empty() {
        return 0.0;
    }
    let sums = Tensor::cat(squares.sums, 0).into_data();
    sums.iter::<f64>().sum::<f64>().sqrt()
}

/// Collects one sum of squares for each gradient, on the device.
struct Squares<'a, B: AutodiffBackend> {
    gradients: &'a B::Gradients,
    sums: Vec<Tensor<Inner<B>, 1>>,
}

impl<B: AutodiffBackend<InnerBackend: BertOps>> ModuleVisitor<B> for Squares<'_, B> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        if let Some(gradient) = param.val().grad(self.gradients) {
            let sum = <Inner<B> as BertOps>::sum_of_squares(gradient.into_primitive().tensor());
            self.sums.push(Tensor::from_primitive(TensorPrimitive::Float(sum)));
        }
    }
}

/// What gradients of this global norm are multiplied with so that none is longer than
/// `max_grad_norm`, as PyTorch's `clip_grad_norm_` does; 0 is no limit.
pub fn clipping_scale(gradient_norm: f64, max_grad_norm: f64) -> f64 {
    if max_grad_norm == 0.0 { 1.0 } else { (max_grad_norm / (gradient_norm + 1e-6)).min(1.0) }
}
