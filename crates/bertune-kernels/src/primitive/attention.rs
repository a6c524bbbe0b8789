use burn_core::tensor::{
    Int, Tensor, TensorData, activation::softmax, backend::Backend, ops::FloatTensor,
};

use super::{dropout::mask, unwrap, wrap};
use crate::{Dropout, Sequences, dropout};

pub(crate) fn varlen_attention<B: Backend>(
    query: FloatTensor<B>,
    key: FloatTensor<B>,
    value: FloatTensor<B>,
    sequences: &Sequences,
    heads: usize,
    dropout: Option<Dropout>,
) -> FloatTensor<B> {
    let query = wrap::<B, 2>(query);
    let padding = Padding::new(&query, sequences, heads);
    let [query, key, value] = [query, wrap(key), wrap(value)].map(|x| padding.pad(x));
    let probabilities = padding.probabilities(query, key);
    let dropped = padding.drop(probabilities, dropout);
    unwrap(padding.unpad(dropped.matmul(value)))
}

pub(crate) fn varlen_attention_backward<B: Backend>(
    grad: FloatTensor<B>,
    query: FloatTensor<B>,
    key: FloatTensor<B>,
    value: FloatTensor<B>,
    sequences: &Sequences,
    heads: usize,
    dropout: Option<Dropout>,
) -> [FloatTensor<B>; 3] {
    let query = wrap::<B, 2>(query);
    let padding = Padding::new(&query, sequences, heads);
    let [query, key, value] = [query, wrap(key), wrap(value)].map(|x| padding.pad(x));
    let grad = padding.pad(wrap(grad)) * padding.is_token.clone().float().unsqueeze_dim::<4>(3);
    let gradients = padding.gradients(grad, [query, key, value], |x| padding.drop(x, dropout));
    gradients.map(|x| unwrap(padding.unpad(x)))
}

/// How packed tokens become `[sequences, heads, longest, dim]` and come back.
pub(super) struct Padding<B: Backend> {
    /// For each padded place the packed token that stands there, 0 if none does,
    /// `[sequences · longest]`.
    token_of_place: Tensor<B, 1, Int>,
    /// For each packed token its padded place, `[tokens]`.
    place_of_token: Tensor<B, 1, Int>,
    /// 1 where a token stands, `[sequences, 1, longest]`.
    is_token: Tensor<B, 3, Int>,
    /// `[sequences, heads, longest, dim]`.
    shape: [usize; 4],
    /// One over the square root of `dim`.
    scale: f64,
}

impl<B: Backend> Padding<B> {
    pub(super) fn new(packed: &Tensor<B, 2>, sequences: &Sequences, heads: usize) -> Self {
        let (count, longest) = (sequences.len(), sequences.longest());
        let dim = packed.dims()[1] / heads;
        let mut token_of_place = vec![0i32; count * longest];
        let mut is_token = vec![0i32; count * longest];
        let mut place_of_token = Vec::with_capacity(sequences.tokens());
        for (sequence, range) in sequences.ranges().enumerate() {
            for (position, token) in range.enumerate() {
                let place = sequence * longest + position;
                token_of_place[place] = token as i32;
                is_token[place] = 1;
                place_of_token.push(place as i32);
            }
        }
        let device = packed.device();
        let vector = |ids: Vec<i32>| {
            let shape = [ids.len()];
            Tensor::<B, 1, Int>::from_data(TensorData::new(ids, shape), &device)
        };
        Self {
            token_of_place: vector(token_of_place),
            place_of_token: vector(place_of_token),
            is_token: vector(is_token).reshape([count, 1, longest]),
            shape: [count, heads, longest, dim],
            scale: (dim as f64).sqrt().recip(),
        }
    }

    pub(super) fn pad(&self, packed: Tensor<B, 2>) -> Tensor<B, 4> {
        let [sequences, heads, longest, dim] = self.shape;
        packed
            .select(0, self.token_of_place.clone())
            .reshape([sequences, longest, heads, dim])
            .swap_dims(1, 2)
    }

    pub(super) fn unpad(&self, padded: Tensor<B, 4>) -> Tensor<B, 2> {
        let [sequences, heads, longest, dim] = self.shape;
        padded
            .swap_dims(1, 2)
            .reshape([sequences * longest, heads * dim])
            .select(0, self.place_of_token.clone())
    }

    /// `[sequences, heads · dim]` → `[sequences, heads, 1, dim]`.
    pub(super) fn split(&self, rows: Tensor<B, 2>) -> Tensor<B, 4> {
        let [sequences, heads, _, dim] = self.shape;
        rows.reshape([sequences, heads, 1, dim])
    }

    /// What undoes [`split`](Self::split).
    pub(super) fn join(&self, rows: Tensor<B, 4>) -> Tensor<B, 2> {
        let [sequences, heads, _, dim] = self.shape;
        rows.reshape([sequences, heads * dim])
    }

    /// → `[sequences, heads, queries, longest]`, zero for keys where no token stands.
    pub(super) fn probabilities(&self, query: Tensor<B, 4>, key: Tensor<B, 4>) -> Tensor<B, 4> {
        let scores = query.matmul(key.swap_dims(2, 3)) * self.scale;
        let absent = self.is_token.clone().float().sub_scalar(1.0).mul_scalar(1e30);
        softmax(scores + absent.unsqueeze_dim::<4>(1), 3)
    }

    /// The gradients of queries, keys and values, where `drop` is the dropout of probabilities.
    pub(super) fn gradients(
        &self,
        grad: Tensor<B, 4>,
        [query, key, value]: [Tensor<B, 4>; 3],
        drop: impl Fn(Tensor<B, 4>) -> Tensor<B, 4>,
    ) -> [Tensor<B, 4>; 3] {
        let probabilities = self.probabilities(query.clone(), key.clone());
        let dropped = drop(probabilities.clone());
        let grad_value = dropped.swap_dims(2, 3).matmul(grad.clone());
        let grad_probabilities = drop(grad.matmul(value.swap_dims(2, 3)));
        let expected = (grad_probabilities.clone() * probabilities.clone()).sum_dim(3);
        let grad_scores = probabilities * (grad_probabilities - expected) * self.scale;
        let grad_query = grad_scores.clone().matmul(key);
        [grad_query, grad_scores.swap_dims(2, 3).matmul(query), grad_value]
    }

    fn drop(&self, probabilities: Tensor<B, 4>, dropout: Option<Dropout>) -> Tensor<B, 4> {
        match dropout {
            Some(dropout) => probabilities * mask(self.indices(), dropout),
            None => probabilities,
        }
    }

    /// Dropout of the probabilities of each sequence's first token alone.
    pub(super) fn drop_first(
        &self,
        probabilities: Tensor<B, 4>,
        dropout: Option<Dropout>,
    ) -> Tensor<B, 4> {
        match dropout {
            Some(dropout) => probabilities * mask(self.indices().narrow(2, 0, 1), dropout),
            None => probabilities,
        }
    }

    /// The index of each probability under [`dropout::ATTENTION_STRIDE`].
    fn indices(&self) -> Tensor<B, 4, Int> {
        let [sequences, heads, longest, _] = self.shape;
        let device = self.token_of_place.device();
        let arange = |n: usize| Tensor::<B, 1, Int>::arange(0..n as i64, &device);
        let token = self.token_of_place.clone().reshape([sequences, 1, longest, 1]);
        let head = arange(heads).reshape([1, heads, 1, 1]);
        let row = token.mul_scalar(heads as i64) + head;
        row.mul_scalar(i64::from(dropout::ATTENTION_STRIDE))
            + arange(longest).reshape([1, 1, 1, longest])
    }
}
