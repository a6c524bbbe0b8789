use burn_core::module::Param;
use burn_core::tensor::{Tensor, TensorData, backend::Backend};

use crate::{BertConfig, BertModel};

/// How sharply a new head looks at its neighbour: the square of the slope of its queries and keys.
const SHARPNESS: f64 = 4.0;

/// The wave with the longest period has this many positions times 2π.
const LONGEST: f64 = 10_000.0;

impl<B: Backend> BertModel<B> {
    /// A new model whose heads of the first layer look at neighbours.
    ///
    /// The position embeddings become waves ([Vaswani et al.,
    /// 2017](https://arxiv.org/abs/1706.03762)) as large as the other embeddings, and to the random
    /// queries and keys of the first layer comes what makes head 0 look one token back, head 1 one
    /// token ahead, head 2 two back, and so on. All of it is learned further. A model that is
    /// pretrained from here need not find first that neighbours matter, which takes it long.
    #[must_use]
    pub fn looking_at_neighbours(mut self, config: &BertConfig) -> Self {
        let positions = self.embeddings.position_embeddings.weight;
        let waves = waves(config.max_position_embeddings, config.hidden_size);
        let amplitude = std::f64::consts::SQRT_2 * config.initializer_range;
        let waves = waves.into_iter().map(|value| (value * amplitude) as f32).collect();
        let shape = [config.max_position_embeddings, config.hidden_size];
        self.embeddings.position_embeddings.weight = replaced(positions, |_, device| {
            Tensor::from_data(TensorData::new(waves, shape), device)
        });
        if let Some(first) = self.encoder.layer.first_mut() {
            let attention = &mut first.attention.self_attention;
            let [query, key] = look(config.hidden_size, config.num_attention_heads);
            for (map, pattern) in [(&mut attention.query, query), (&mut attention.key, key)] {
                let data = TensorData::new(pattern, [config.hidden_size; 2]);
                let add = |weight, device: &B::Device| weight + Tensor::from_data(data, device);
                map.weight = replaced(map.weight.clone(), add);
            }
        }
        self
    }
}

/// The same parameter with another value.
fn replaced<B: Backend>(
    parameter: Param<Tensor<B, 2>>,
    value: impl FnOnce(Tensor<B, 2>, &B::Device) -> Tensor<B, 2>,
) -> Param<Tensor<B, 2>> {
    // Without the graph: what is loaded begins one.
    let old = parameter.val().detach().set_require_grad(false);
    let (id, new) = (parameter.id, value(old, &parameter.lazy_device()));
    parameter.transform_for_load(new, id)
}

/// Radians from a position to the next of the wave that a pair of columns holds.
fn frequency(pair: usize, width: usize) -> f64 {
    LONGEST.powf(-2.0 * pair as f64 / width as f64)
}

/// Sines in even columns and cosines in odd ones, `[positions, width]`.
fn waves(positions: usize, width: usize) -> Vec<f64> {
    let of = |position: usize| {
        (0..width).map(move |column| {
            let angle = position as f64 * frequency(column / 2, width);
            if column.is_multiple_of(2) { angle.sin() } else { angle.cos() }
        })
    };
    (0..positions).flat_map(of).collect()
}

/// How far the token that a head looks at lies ahead: -1, 1, -2, 2, …
fn distance(head: usize) -> f64 {
    let far = (head / 2 + 1) as f64;
    if head.is_multiple_of(2) { -far } else { far }
}

/// What is added to the weights of queries and of keys, `[width, width]` each: each head's keys are the
/// quickest waves, and its queries are the same waves at the token that it looks at.
fn look(width: usize, heads: usize) -> [Vec<f32>; 2] {
    let dim = width / heads;
    let slope = SHARPNESS.sqrt();
    let (mut query, mut key) = (vec![0.0; width * width], vec![0.0; width * width]);
    for head in 0..heads {
        for pair in 0..dim / 2 {
            let turn = frequency(pair, width) * distance(head);
            let (sin, cos) = ((slope * turn.sin()) as f32, (slope * turn.cos()) as f32);
            let [even, odd] = [2 * pair, 2 * pair + 1];
            let place = |row: usize, column: usize| (head * dim + row) * width + column;
            key[place(even, even)] = slope as f32;
            key[place(odd, odd)] = slope as f32;
            query[place(even, even)] = cos;
            query[place(even, odd)] = sin;
            query[place(odd, odd)] = cos;
            query[place(odd, even)] = -sin;
        }
    }
    [query, key]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The products of queries and keys are largest where the head looks.
    #[test]
    fn heads_look_where_they_should() {
        let (width, heads, positions) = (64, 4, 40);
        let (waves, [query, key]) = (waves(positions, width), look(width, heads));
        let dim = width / heads;
        let project = |weight: &[f32], head: usize, position: usize| -> Vec<f64> {
            let x = &waves[position * width..][..width];
            let row = |row: usize| &weight[(head * dim + row) * width..][..width];
            let dot = |w: &[f32]| w.iter().zip(x).map(|(&w, x)| f64::from(w) * x).sum();
            (0..dim).map(|r| dot(row(r))).collect()
        };
        for head in 0..heads {
            for position in 10..30usize {
                let from = project(&query, head, position);
                let score = |to: usize| -> f64 {
                    project(&key, head, to).iter().zip(&from).map(|(a, b)| a * b).sum()
                };
                let best = (0..positions).max_by(|&a, &b| score(a).total_cmp(&score(b)));
                let expected = position.checked_add_signed(distance(head) as isize);
                assert_eq!(best, expected, "head {head} at {position}");
            }
        }
    }
}
