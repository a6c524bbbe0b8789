use std::f64::consts::TAU;

use burn_core::module::{Param, ParamId};
use burn_core::tensor::{Shape, Tensor, TensorData, backend::Backend};

/// New weights as a pure function of a seed and the parameter's name.
///
/// They are the same on every backend and in any order of creation, and they are drawn only when
/// they are first used, so that a parameter that a checkpoint replaces costs nothing.
#[derive(Clone, Debug)]
pub struct Initializer {
    key: u64,
    standard_deviation: f64,
}

impl Initializer {
    /// Normal weights of mean zero and this standard deviation (`initializer_range`).
    pub fn new(seed: u64, standard_deviation: f64) -> Self {
        Self { key: mix(seed), standard_deviation }
    }

    /// The initialiser of the part called `name`.
    pub fn at(&self, name: &str) -> Self {
        let key = name.bytes().fold(self.key, |key, byte| mix(key ^ u64::from(byte)));
        Self { key, ..self.clone() }
    }

    /// A parameter of normal weights.
    pub fn normal<B: Backend, const D: usize>(
        &self,
        shape: [usize; D],
        device: &B::Device,
    ) -> Param<Tensor<B, D>> {
        let Self { key, standard_deviation } = *self;
        parameter(shape, device, move |n| normal(key, standard_deviation, n))
    }

    /// A parameter of uniform weights between `-bound` and `bound`.
    pub fn uniform<B: Backend, const D: usize>(
        &self,
        shape: [usize; D],
        bound: f64,
        device: &B::Device,
    ) -> Param<Tensor<B, D>> {
        let key = self.key;
        parameter(shape, device, move |n| uniforms(key, bound, n))
    }

    /// A parameter that is zero.
    pub fn zeros<B: Backend, const D: usize>(
        &self,
        shape: [usize; D],
        device: &B::Device,
    ) -> Param<Tensor<B, D>> {
        parameter(shape, device, |n| vec![0.0; n])
    }

    /// A parameter that is one.
    pub fn ones<B: Backend, const D: usize>(
        &self,
        shape: [usize; D],
        device: &B::Device,
    ) -> Param<Tensor<B, D>> {
        parameter(shape, device, |n| vec![1.0; n])
    }
}

/// A parameter whose values are made when it is first used.
fn parameter<B: Backend, const D: usize>(
    shape: [usize; D],
    device: &B::Device,
    values: impl Fn(usize) -> Vec<f32> + Send + Sync + 'static,
) -> Param<Tensor<B, D>> {
    let elements = shape.iter().product();
    let init = move |device: &B::Device, require_grad| {
        let data = TensorData::new(values(elements), shape);
        Tensor::from_data(data, device).set_require_grad(require_grad)
    };
    Param::uninitialized(ParamId::new(), init, device.clone(), true, Shape::from(shape))
}

/// The `i`th of independent uniform numbers in `0..1`.
fn uniform(key: u64, i: u64) -> f64 {
    (mix(key ^ mix(i)) >> 11) as f64 / (1u64 << 53) as f64
}

fn uniforms(key: u64, bound: f64, n: usize) -> Vec<f32> {
    (0..n as u64).map(|i| ((2.0 * uniform(key, i) - 1.0) * bound) as f32).collect()
}

/// Independent normal numbers by the transform of Box and Muller (1958).
fn normal(key: u64, standard_deviation: f64, n: usize) -> Vec<f32> {
    let pair = |i: u64| {
        let radius = (-2.0 * (1.0 - uniform(key, 2 * i)).ln()).sqrt() * standard_deviation;
        let (sin, cos) = (TAU * uniform(key, 2 * i + 1)).sin_cos();
        [(radius * cos) as f32, (radius * sin) as f32]
    };
    (0..n.div_ceil(2) as u64).flat_map(pair).take(n).collect()
}

/// The finaliser of SplitMix64 (Steele, Lea and Flood, 2014).
fn mix(value: u64) -> u64 {
    let z = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_normal() {
        let x = normal(mix(3), 0.02, 200_001);
        let n = x.len() as f64;
        let mean = x.iter().map(|&x| f64::from(x)).sum::<f64>() / n;
        let moment = |p: i32| x.iter().map(|&x| (f64::from(x) - mean).powi(p)).sum::<f64>() / n;
        let sd = moment(2).sqrt();
        assert!(mean.abs() < 2e-4 && (sd / 0.02 - 1.0).abs() < 0.01, "{mean} {sd}");
        let kurtosis = moment(4) / sd.powi(4);
        assert!((kurtosis - 3.0).abs() < 0.06, "{kurtosis}");
    }

    #[test]
    fn uniform_numbers_fill_their_range_evenly() {
        let x = uniforms(mix(3), 0.5, 100_000);
        assert!(x.iter().all(|x| (-0.5..=0.5).contains(x)));
        let moment = |p: i32| x.iter().map(|&x| f64::from(x).powi(p)).sum::<f64>() / x.len() as f64;
        assert!(moment(1).abs() < 0.005 && (moment(2) * 12.0 - 1.0).abs() < 0.02);
    }

    #[test]
    fn each_name_has_its_own_numbers_and_always_the_same() {
        let initializer = Initializer::new(1, 1.0);
        let draw = |name| normal(initializer.at(name).key, 1.0, 8);
        assert_eq!(draw("query"), draw("query"));
        assert_ne!(draw("query"), draw("key"));
        assert_ne!(draw("a"), normal(Initializer::new(2, 1.0).at("a").key, 1.0, 8));
    }
}
