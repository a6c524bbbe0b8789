use std::time::Instant;

use bertune::BertOps;
use bertune::backend::Flex;
use bertune::burn::tensor::{Distribution, Tensor};
use bertune::kernels::Precision;

/// What this machine reaches in the best case, per second.
#[derive(Clone, Copy, Debug)]
pub struct Machine {
    /// Floating-point operations of a large square product.
    pub flops: f64,
    /// Bytes that a pass over three large arrays reads and writes.
    pub bytes: f64,
}

const SIDE: usize = 1536;

/// Numbers of one array: more than any cache holds.
const NUMBERS: usize = 1 << 24;

impl Machine {
    /// Measures it, with products of this precision.
    pub fn measure(precision: Precision) -> Self {
        Self { flops: products(precision), bytes: passes() }
    }
}

fn products(precision: Precision) -> f64 {
    let matrix = || {
        let normal = Distribution::Normal(0.0, 1.0);
        let tensor = Tensor::<Flex, 2>::random([SIDE, SIDE], normal, &Default::default());
        tensor.into_primitive().tensor()
    };
    let (a, b) = (matrix(), matrix());
    let seconds = fastest(|| drop(Flex::project(a.clone(), b.clone(), precision)));
    2.0 * (SIDE as f64).powi(3) / seconds
}

fn passes() -> f64 {
    let threads = std::thread::available_parallelism().map_or(1, |threads| threads.get());
    let [mut a, b, c] = [0.0f32, 1.0, 2.0].map(|value| vec![value; NUMBERS]);
    let seconds = fastest(|| {
        std::thread::scope(|scope| {
            let size = NUMBERS.div_ceil(threads);
            for ((a, b), c) in a.chunks_mut(size).zip(b.chunks(size)).zip(c.chunks(size)) {
                scope.spawn(move || {
                    for ((a, b), c) in a.iter_mut().zip(b).zip(c) {
                        *a = b + 3.0 * c;
                    }
                });
            }
        });
    });
    assert_eq!(a[NUMBERS / 2], 7.0);
    (3 * 4 * NUMBERS) as f64 / seconds
}

/// The seconds of the fastest of some runs.
fn fastest(mut run: impl FnMut()) -> f64 {
    let time = |_| {
        let began = Instant::now();
        run();
        began.elapsed().as_secs_f64()
    };
    (0..8).map(time).fold(f64::INFINITY, f64::min)
}
