//! The operations of low-rank changes, and what a frozen weight does not cost.

use super::*;

/// `x · weightᵀ + scale · dropout(x) · aᵀ · bᵀ`, in Burn's own operations.
fn definition(
    [x, weight, a, b]: [Tensor<Reference, 2>; 4],
    scale: f64,
    dropout: Option<Dropout>,
) -> Tensor<Reference, 2> {
    let dropped = wrap::<Reference, 2>(primitive::dropout::<Reference>(unwrap(x.clone()), dropout));
    let low_rank = dropped.matmul(a.transpose()).matmul(b.transpose());
    x.matmul(weight.transpose()) + low_rank * scale
}

fn ours<B: BertOps>(
    [x, weight, a, b]: [Tensor<B, 2>; 4],
    scale: f64,
    dropout: Option<Dropout>,
) -> Tensor<B, 2> {
    let y = ops::project(x.clone(), weight, Precision::F32);
    ops::add_project(y, ops::dropout_project(x, a, dropout), b, scale)
}

#[test]
fn a_low_rank_change_equals_its_definition() {
    for [tokens, input, output, rank] in
        [[1, 6, 5, 1], [70, 24, 12, 3], [200, 48, 80, 8], [65, 76, 32, 32]]
    {
        let inputs = [[tokens, input], [output, input], [rank, input], [output, rank]];
        let mut seed = 0;
        let inputs = inputs.map(|shape| {
            seed += 1;
            random(&shape, seed)
        });
        for dropout in dropouts() {
            let expected =
                run::<Reference, 4, 0>(&inputs, &[], |x, []| definition(x, 0.7, dropout));
            let flex = run::<Autodiff<Flex>, 4, 0>(&inputs, &[], |x, []| ours(x, 0.7, dropout));
            let ndarray = run::<Reference, 4, 0>(&inputs, &[], |x, []| ours(x, 0.7, dropout));
            let case = format!("{tokens} {input} {output} {rank} {dropout:?}");
            assert_close(&flex, &expected, &format!("flex {case}"));
            assert_close(&ndarray, &expected, &format!("ndarray {case}"));
        }
    }
}

/// What learns has the gradient that it has beside a weight that learns too, bit for bit.
#[test]
fn a_frozen_weight_has_no_gradient_and_changes_no_other() {
    let device = Default::default();
    let gradients = |learns: bool| {
        let input = |shape: [usize; 2], seed| {
            Tensor::<Autodiff<Flex>, 2>::from_data(random(&shape, seed), &device)
        };
        let x = input([70, 24], 1).require_grad();
        let weight = input([12, 24], 2).set_require_grad(learns);
        let (a, b) = (input([3, 24], 3).require_grad(), input([12, 3], 4).require_grad());
        let inputs = [x.clone(), weight.clone(), a.clone(), b.clone()];
        let y = ours(inputs, 0.7, dropouts()[1]);
        let grads = (y.clone() * y).sum().backward();
        assert_eq!(weight.grad(&grads).is_some(), learns);
        [x, a, b].map(|x| x.grad(&grads).unwrap().into_data())
    };
    assert_eq!(gradients(false), gradients(true));
}

/// A layer's first low-rank change has an input that nobody asks the gradient of.
#[test]
fn an_input_that_does_not_learn_has_no_gradient() {
    let device = Default::default();
    let input = |shape: [usize; 2], seed| {
        Tensor::<Autodiff<Flex>, 2>::from_data(random(&shape, seed), &device)
    };
    let (x, weight) = (input([70, 24], 1), input([12, 24], 2));
    let (a, b) = (input([3, 24], 3).require_grad(), input([12, 3], 4).require_grad());
    let y = ours([x.clone(), weight.clone(), a.clone(), b.clone()], 0.7, None);
    let grads = y.sum().backward();
    assert!(x.grad(&grads).is_none() && weight.grad(&grads).is_none());
    assert!(a.grad(&grads).is_some() && b.grad(&grads).is_some());
}
