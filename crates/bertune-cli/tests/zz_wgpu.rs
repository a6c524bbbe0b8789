//! Temporary.
use bertune::backend::{Flex, Wgpu};
use bertune::burn::tensor::{Tensor, TensorData, backend::Backend};
fn data(rows: usize, cols: usize) -> TensorData {
    TensorData::new((0..rows * cols).map(|i| ((i * 7919 % 1000) as f32) / 500.0 - 1.0).collect::<Vec<f32>>(), [rows, cols])
}
fn run<B: Backend>(m: usize, k: usize, n: usize, how: usize) -> Vec<f32> {
    let d = Default::default();
    let x = Tensor::<B, 2>::from_data(data(m, k), &d);
    let w = Tensor::<B, 2>::from_data(data(n, k), &d);
    let b = Tensor::<B, 2>::from_data(data(1, n), &d);
    let y = match how {
        0 => x.matmul(w.transpose()),
        1 => x.matmul(w.transpose()) + b,
        2 => (x.matmul(w.transpose()) + b).tanh(),
        3 => { let i = bertune::burn::tensor::Tensor::<B, 1, bertune::burn::tensor::Int>::from_ints([0], &d); (x.select(0, i).matmul(w.transpose()) + b).tanh() }
        _ => { let wt = Tensor::<B, 2>::from_data(w.transpose().into_data(), &d); x.matmul(wt) }
    };
    y.into_data().iter::<f32>().collect()
}
#[test]
fn zz() {
    for (m, k, n) in [(1, 384, 384), (1, 384, 2), (2, 384, 384), (1, 32, 32), (5, 384, 384)] {
        for how in 0..5 {
            if how == 3 && m > 1 { continue; }
            let (a, b) = (run::<Wgpu>(m, k, n, how), run::<Flex>(m, k, n, how));
            let diff = a.iter().zip(&b).map(|(x, y)| (x - y).abs()).fold(0f32, f32::max);
            println!("{m}x{k}x{n} how {how}: {diff:e}   {:?} {:?}", &a[..2], &b[..2]);
        }
    }
}
