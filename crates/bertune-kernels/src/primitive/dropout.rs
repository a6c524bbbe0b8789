use burn_core::tensor::{ElementConversion, Int, Tensor, backend::Backend, ops::FloatTensor};

use super::{unwrap, wrap};
use crate::dropout::{Dropout, MULTIPLIERS};

pub(crate) fn dropout<B: Backend>(x: FloatTensor<B>, dropout: Option<Dropout>) -> FloatTensor<B> {
    let Some(dropout) = dropout else { return x };
    let x = wrap::<B, 2>(x);
    let [rows, columns] = x.dims();
    let indices = Tensor::arange(0..(rows * columns) as i64, &x.device()).reshape([rows, columns]);
    unwrap(x * mask(indices, dropout))
}

/// What each element is multiplied with, drawn by the element's index: 0 or the scale.
///
/// The arithmetic of [`hash`](crate::dropout::hash) on integer tensors: of 32 bits, which wrap by
/// themselves, or of 64, which are cut to 32 bits after each product.
pub(super) fn mask<B: Backend, const D: usize>(
    indices: Tensor<B, D, Int>,
    dropout: Dropout,
) -> Tensor<B, D> {
    let (low, high) = dropout.key.halves();
    let x = xor(cut(indices), low);
    let x = x.clone().bitwise_xor(shift_right(x, 16));
    let x = cut(x.mul_scalar(signed::<B>(MULTIPLIERS[0])));
    let x = xor(x, high);
    let x = x.clone().bitwise_xor(shift_right(x, 15));
    let x = cut(x.mul_scalar(signed::<B>(MULTIPLIERS[1])));
    let x = x.clone().bitwise_xor(shift_right(x, 15));
    let x = cut(x.mul_scalar(signed::<B>(MULTIPLIERS[2])));
    let x = x.clone().bitwise_xor(shift_right(x, 14));
    let kept = shift_right(x, 8).lower_elem(i64::from(dropout.threshold()));
    kept.float().mul_scalar(dropout.scale())
}

const fn is_wide<B: Backend>() -> bool {
    size_of::<B::IntElem>() == 8
}

/// The same 32 bits as this backend's integer.
fn signed<B: Backend>(bits: u32) -> B::IntElem {
    let value = if is_wide::<B>() { i64::from(bits) } else { i64::from(bits as i32) };
    value.elem()
}

fn cut<B: Backend, const D: usize>(x: Tensor<B, D, Int>) -> Tensor<B, D, Int> {
    if is_wide::<B>() { x.bitwise_and_scalar(signed::<B>(u32::MAX)) } else { x }
}

fn xor<B: Backend, const D: usize>(x: Tensor<B, D, Int>, bits: u32) -> Tensor<B, D, Int> {
    x.bitwise_xor_scalar(signed::<B>(bits))
}

/// A shift that fills with zeros: the copies of the sign are masked off.
fn shift_right<B: Backend, const D: usize>(x: Tensor<B, D, Int>, bits: u32) -> Tensor<B, D, Int> {
    x.bitwise_right_shift_scalar(i64::from(bits).elem::<B::IntElem>())
        .bitwise_and_scalar(signed::<B>(u32::MAX >> bits))
}
