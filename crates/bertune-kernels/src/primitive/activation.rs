use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_PI, PI};

use burn_core::tensor::{Tensor, backend::Backend, ops::FloatTensor};

use super::{row, sum_rows, unwrap, wrap};
use crate::Activation;

/// The cubic coefficient of GELU's tanh approximation.
const CUBIC: f64 = 0.044715;

pub(crate) fn bias_activation<B: Backend>(
    x: FloatTensor<B>,
    bias: FloatTensor<B>,
    activation: Activation,
) -> FloatTensor<B> {
    let x = wrap::<B, 2>(x) + row::<B>(bias);
    unwrap(match activation {
        Activation::Gelu => x.clone() * normal_cdf(x),
        Activation::GeluTanh => x.clone() * (tanh_inner(x).tanh() + 1.0) * 0.5,
        Activation::Relu => x.clamp_min(0.0),
    })
}

pub(crate) fn bias_activation_backward<B: Backend>(
    grad: FloatTensor<B>,
    x: FloatTensor<B>,
    bias: FloatTensor<B>,
    activation: Activation,
) -> [FloatTensor<B>; 2] {
    let x = wrap::<B, 2>(x) + row::<B>(bias);
    let grad = unwrap(wrap::<B, 2>(grad) * derivative(x, activation));
    [grad.clone(), sum_rows::<B>(grad)]
}

fn derivative<B: Backend>(x: Tensor<B, 2>, activation: Activation) -> Tensor<B, 2> {
    match activation {
        Activation::Gelu => {
            let density = (x.clone().square() * -0.5).exp() * (0.5 * PI.recip()).sqrt();
            normal_cdf(x.clone()) + x * density
        }
        Activation::GeluTanh => {
            let tanh = tanh_inner(x.clone()).tanh();
            let slope = (x.clone().square() * (3.0 * CUBIC) + 1.0) * FRAC_2_PI.sqrt();
            let sech_squared = tanh.clone().square() * -1.0 + 1.0;
            (tanh + 1.0) * 0.5 + x * sech_squared * slope * 0.5
        }
        Activation::Relu => x.greater_elem(0.0).float(),
    }
}

fn normal_cdf<B: Backend>(x: Tensor<B, 2>) -> Tensor<B, 2> {
    ((x * FRAC_1_SQRT_2).erf() + 1.0) * 0.5
}

fn tanh_inner<B: Backend>(x: Tensor<B, 2>) -> Tensor<B, 2> {
    (x.clone() + x.clone().square() * x * CUBIC) * FRAC_2_PI.sqrt()
}
