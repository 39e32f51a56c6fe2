//! LSTM, GRU and vanilla RNN over whole sequences, equations as in the ONNX operator specification.
//!
//! `x: [time, batch, features]` (or `[batch, time, features]`), weights `w: [directions, gates · hidden, features]`,
//! `r: [directions, gates · hidden, hidden]`, bias `[directions, 2 · gates · hidden]` (input half, then recurrent half).
//! Output `y: [time, directions, batch, hidden]` (or `[batch, time, directions, hidden]`), final states
//! `[directions, batch, hidden]` (or `[batch, directions, hidden]`).

use super::conv::limited;
use super::{floats, optional_floats, tensor};
use tonegraft_model::Tensor;
use tonegraft_model::op::{Direction, Recurrent};

/// Gates in ONNX order: input, output, forget, cell.
pub(super) fn lstm(
    recurrent: &Recurrent,
    input_forget: bool,
    arguments: &[Option<&Tensor>],
) -> Result<Vec<Tensor>, String> {
    let layer = Layer::new(recurrent, 4, arguments, &["Sigmoid", "Tanh", "Tanh"])?;
    let hidden = layer.hidden;
    let peepholes = optional_floats(arguments, 7, "the peephole weight", &[layer.directions, 3 * hidden])?;
    let mut cell = layer.start(arguments, 6, "the start cell state")?;
    let (y, h) = layer.run(arguments, |direction, input, state, row| {
        let cell = &mut cell[row * hidden..][..hidden];
        let (w, r) = (
            layer.gates_of_input(direction, input),
            layer.gates_of_state(direction, state),
        );
        let pre = |gate: usize, unit: usize| w[gate * hidden + unit] + r[gate * hidden + unit];
        let peep = |gate: usize, unit: usize| peepholes.map_or(0.0, |p| p[(direction * 3 + gate) * hidden + unit]);
        let [f, g, h] = layer.activations(direction);
        for unit in 0..hidden {
            let i = f.apply(layer.clip(pre(0, unit) + peep(0, unit) * cell[unit]));
            let forget = if input_forget {
                1.0 - i
            } else {
                f.apply(layer.clip(pre(2, unit) + peep(2, unit) * cell[unit]))
            };
            let c = g.apply(layer.clip(pre(3, unit)));
            cell[unit] = forget * cell[unit] + i * c;
            let o = f.apply(layer.clip(pre(1, unit) + peep(1, unit) * cell[unit]));
            state[unit] = o * h.apply(cell[unit]);
        }
    })?;
    Ok(vec![y, h, layer.state_tensor(cell)?])
}

/// Gates in ONNX order: update, reset, hidden.
pub(super) fn gru(
    recurrent: &Recurrent,
    linear_before_reset: bool,
    arguments: &[Option<&Tensor>],
) -> Result<Vec<Tensor>, String> {
    let layer = Layer::new(recurrent, 3, arguments, &["Sigmoid", "Tanh"])?;
    let hidden = layer.hidden;
    let (y, h) = layer.run(arguments, |direction, input, state, _| {
        let w = layer.gates_of_input(direction, input);
        let r = layer.gates_of_state(direction, state);
        let [f, g, _] = layer.activations(direction);
        let gate = |gate: usize, unit: usize| f.apply(layer.clip(w[gate * hidden + unit] + r[gate * hidden + unit]));
        let z: Vec<f32> = (0..hidden).map(|unit| gate(0, unit)).collect();
        let reset: Vec<f32> = (0..hidden).map(|unit| gate(1, unit)).collect();
        let recurrent: Vec<f32> = if linear_before_reset {
            (0..hidden).map(|unit| reset[unit] * r[2 * hidden + unit]).collect()
        } else {
            let gated: Vec<f32> = state.iter().zip(&reset).map(|(state, reset)| state * reset).collect();
            layer.gates_of_state(direction, &gated)[2 * hidden..].to_vec()
        };
        for unit in 0..hidden {
            let candidate = g.apply(layer.clip(w[2 * hidden + unit] + recurrent[unit]));
            state[unit] = (1.0 - z[unit]) * candidate + z[unit] * state[unit];
        }
    })?;
    Ok(vec![y, h])
}

/// `h = f(w · x + r · h + b)`.
pub(super) fn rnn(recurrent: &Recurrent, arguments: &[Option<&Tensor>]) -> Result<Vec<Tensor>, String> {
    let layer = Layer::new(recurrent, 1, arguments, &["Tanh"])?;
    let (y, h) = layer.run(arguments, |direction, input, state, _| {
        let (w, r) = (
            layer.gates_of_input(direction, input),
            layer.gates_of_state(direction, state),
        );
        let [f, ..] = layer.activations(direction);
        for (unit, state) in state.iter_mut().enumerate() {
            *state = f.apply(layer.clip(w[unit] + r[unit]));
        }
    })?;
    Ok(vec![y, h])
}

#[derive(Clone, Copy)]
enum Activation {
    Sigmoid,
    Tanh,
    Relu,
}

impl Activation {
    fn from_name(name: &str) -> Result<Self, String> {
        match name {
            "Sigmoid" => Ok(Self::Sigmoid),
            "Tanh" => Ok(Self::Tanh),
            "Relu" => Ok(Self::Relu),
            other => Err(format!(
                "the activation '{other}' of a recurrent layer is not known; use Sigmoid, Tanh or Relu"
            )),
        }
    }

    fn apply(self, x: f32) -> f32 {
        match self {
            Self::Sigmoid => 1.0 / (1.0 + (-x).exp()),
            Self::Tanh => x.tanh(),
            Self::Relu => x.max(0.0),
        }
    }
}

/// Shapes, checked once, and views of the weights.
struct Layer<'a> {
    gates: usize,
    hidden: usize,
    directions: usize,
    direction: Direction,
    batch_first: bool,
    time: usize,
    batch: usize,
    features: usize,
    x: &'a [f32],
    w: &'a [f32],
    r: &'a [f32],
    bias: Option<&'a [f32]>,
    activations: Vec<Activation>,
    clip: Option<f32>,
}

impl<'a> Layer<'a> {
    fn new(
        recurrent: &Recurrent,
        gates: usize,
        arguments: &[Option<&'a Tensor>],
        default_activations: &[&str],
    ) -> Result<Self, String> {
        let (x_shape, x) = floats(arguments, 0, "the signal")?;
        let &[first, second, features] = x_shape else {
            return Err(format!("the signal has shape {x_shape:?}"));
        };
        let (time, batch) = if recurrent.batch_first {
            (second, first)
        } else {
            (first, second)
        };
        let hidden = recurrent.hidden;
        let directions = if recurrent.direction == Direction::Bidirectional {
            2
        } else {
            1
        };
        let weight = |index, what: &str, columns| {
            optional_floats(arguments, index, what, &[directions, gates * hidden, columns])?
                .ok_or_else(|| format!("{what} is missing"))
        };
        if arguments.get(4).copied().flatten().is_some_and(|lens| {
            lens.as_i64()
                .is_none_or(|lens| lens.iter().any(|len| usize::try_from(*len).ok() != Some(time)))
        }) {
            return Err("sequence lengths that differ from the signal's are not supported".to_owned());
        }
        let names: Vec<String> = match &recurrent.activations {
            Some(names) => names.clone(),
            None => default_activations
                .iter()
                .cycle()
                .take(directions * default_activations.len())
                .map(|n| (*n).to_owned())
                .collect(),
        };
        if names.len() != directions * default_activations.len() {
            return Err(format!(
                "{} activations are named, {} are needed",
                names.len(),
                directions * default_activations.len()
            ));
        }
        Ok(Self {
            gates,
            hidden,
            directions,
            direction: recurrent.direction,
            batch_first: recurrent.batch_first,
            time,
            batch,
            features,
            x,
            w: weight(1, "the input weight", features)?,
            r: weight(2, "the recurrent weight", hidden)?,
            bias: optional_floats(arguments, 3, "the bias", &[directions, 2 * gates * hidden])?,
            activations: names
                .iter()
                .map(|name| Activation::from_name(name))
                .collect::<Result<_, _>>()?,
            clip: recurrent.clip,
        })
    }

    fn activations(&self, direction: usize) -> [Activation; 3] {
        let per_direction = self.activations.len() / self.directions;
        std::array::from_fn(|index| self.activations[direction * per_direction + index.min(per_direction - 1)])
    }

    fn clip(&self, x: f32) -> f32 {
        self.clip.map_or(x, |bound| x.clamp(-bound, bound))
    }

    /// `[gates · hidden]`: `w · x + input bias`.
    fn gates_of_input(&self, direction: usize, input: &[f32]) -> Vec<f32> {
        self.product(self.w, self.features, direction, input, 0)
    }

    /// `[gates · hidden]`: `r · h + recurrent bias`.
    fn gates_of_state(&self, direction: usize, state: &[f32]) -> Vec<f32> {
        self.product(self.r, self.hidden, direction, state, 1)
    }

    fn product(&self, matrix: &[f32], columns: usize, direction: usize, vector: &[f32], half: usize) -> Vec<f32> {
        let rows = self.gates * self.hidden;
        (0..rows)
            .map(|row| {
                let bias = self.bias.map_or(0.0, |bias| bias[(direction * 2 + half) * rows + row]);
                let weights = &matrix[(direction * rows + row) * columns..][..columns];
                weights
                    .iter()
                    .zip(vector)
                    .fold(bias, |sum, (weight, value)| sum + weight * value)
            })
            .collect()
    }

    /// Start state `[directions · batch · hidden]`, from argument `index` or zeros; states are `[batch, directions, hidden]`
    /// where the batch stands first.
    fn start(&self, arguments: &[Option<&Tensor>], index: usize, what: &str) -> Result<Vec<f32>, String> {
        let (outer, inner) = if self.batch_first {
            (self.batch, self.directions)
        } else {
            (self.directions, self.batch)
        };
        let given = optional_floats(arguments, index, what, &[outer, inner, self.hidden])?;
        let Some(given) = given else {
            return Ok(vec![0.0; outer * inner * self.hidden]);
        };
        Ok(if self.batch_first {
            swap_outer(given, outer, inner, self.hidden)
        } else {
            given.to_vec()
        })
    }

    fn state_tensor(&self, state: Vec<f32>) -> Result<Tensor, String> {
        if self.batch_first {
            let swapped = swap_outer(&state, self.directions, self.batch, self.hidden);
            tensor(vec![self.batch, self.directions, self.hidden], swapped)
        } else {
            tensor(vec![self.directions, self.batch, self.hidden], state)
        }
    }

    /// Steps through time; `step(direction, input [features], state [hidden], direction · batch + row)` updates the state.
    fn run(
        &self,
        arguments: &[Option<&Tensor>],
        mut step: impl FnMut(usize, &[f32], &mut [f32], usize),
    ) -> Result<(Tensor, Tensor), String> {
        let mut state = self.start(arguments, 5, "the start state")?;
        let mut y = vec![0.0; limited(&[self.time, self.directions, self.batch, self.hidden])?];
        for direction in 0..self.directions {
            let backwards = self.direction == Direction::Reverse || direction == 1;
            for tick in 0..self.time {
                let time = if backwards { self.time - 1 - tick } else { tick };
                for batch in 0..self.batch {
                    let frame = if self.batch_first {
                        batch * self.time + time
                    } else {
                        time * self.batch + batch
                    };
                    let input = &self.x[frame * self.features..][..self.features];
                    let row = direction * self.batch + batch;
                    let state = &mut state[row * self.hidden..][..self.hidden];
                    step(direction, input, state, row);
                    let place = if self.batch_first {
                        frame * self.directions + direction
                    } else {
                        (time * self.directions + direction) * self.batch + batch
                    };
                    y[place * self.hidden..][..self.hidden].copy_from_slice(state);
                }
            }
        }
        let shape = if self.batch_first {
            vec![self.batch, self.time, self.directions, self.hidden]
        } else {
            vec![self.time, self.directions, self.batch, self.hidden]
        };
        Ok((tensor(shape, y)?, self.state_tensor(state)?))
    }
}

/// `[a, b, c] -> [b, a, c]`.
fn swap_outer(data: &[f32], a: usize, b: usize, c: usize) -> Vec<f32> {
    (0..b)
        .flat_map(|j| (0..a).flat_map(move |i| data[(i * b + j) * c..][..c].iter().copied()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recurrent(hidden: usize, direction: Direction) -> Recurrent {
        Recurrent {
            hidden,
            direction,
            batch_first: false,
            activations: None,
            clip: None,
        }
    }

    fn series(shape: &[usize], data: &[f32]) -> Tensor {
        Tensor::f32(shape.to_vec(), data.to_vec()).expect("consistent")
    }

    #[test]
    fn one_unit_lstm_by_hand() {
        let x = series(&[2, 1, 1], &[0.5, -1.0]);
        let w = series(&[1, 4, 1], &[0.1, 0.2, 0.3, 0.4]);
        let r = series(&[1, 4, 1], &[0.5, 0.6, 0.7, 0.8]);
        let out = lstm(
            &recurrent(1, Direction::Forward),
            false,
            &[Some(&x), Some(&w), Some(&r)],
        )
        .expect("fits");
        let sigmoid = |x: f32| 1.0 / (1.0 + (-x).exp());
        let (mut h, mut c) = (0.0f32, 0.0f32);
        let mut expected = Vec::new();
        for x in [0.5f32, -1.0] {
            let i = sigmoid(0.1 * x + 0.5 * h);
            let o = sigmoid(0.2 * x + 0.6 * h);
            let f = sigmoid(0.3 * x + 0.7 * h);
            let g = (0.4 * x + 0.8 * h).tanh();
            c = f * c + i * g;
            h = o * c.tanh();
            expected.push(h);
        }
        assert_eq!(out[0].shape(), [2, 1, 1, 1]);
        for (got, expected) in out[0].as_f32().expect("float").iter().zip(&expected) {
            assert!((got - expected).abs() < 1e-7);
        }
        assert!((out[2].as_f32().expect("float")[0] - c).abs() < 1e-7);
    }

    #[test]
    fn reverse_is_forward_on_the_reversed_signal() {
        let x = [0.3f32, -0.2, 0.9, 0.1];
        let reversed: Vec<f32> = x.iter().rev().copied().collect();
        let w = series(&[1, 3, 1], &[0.4, -0.3, 0.8]);
        let r = series(&[1, 3, 1], &[0.2, 0.5, -0.6]);
        let b = series(&[1, 6], &[0.1, 0.0, -0.1, 0.2, 0.3, 0.05]);
        for linear in [false, true] {
            let run = |x: &[f32], direction| {
                gru(
                    &recurrent(1, direction),
                    linear,
                    &[Some(&series(&[4, 1, 1], x)), Some(&w), Some(&r), Some(&b)],
                )
                .expect("fits")[0]
                    .as_f32()
                    .expect("float")
                    .to_vec()
            };
            let mut backwards = run(&reversed, Direction::Forward);
            backwards.reverse();
            assert_eq!(run(&x, Direction::Reverse), backwards);
        }
    }

    #[test]
    fn reset_gate_before_and_after_the_product_differ_once_there_is_a_recurrent_bias() {
        let x = series(&[2, 1, 1], &[0.5, -1.0]);
        let w = series(&[1, 3, 1], &[0.1, 0.2, 0.3]);
        let r = series(&[1, 3, 1], &[0.5, 0.6, 0.7]);
        let b = series(&[1, 6], &[0.0, 0.0, 0.0, 0.0, 0.0, 1.0]);
        let run = |linear| {
            gru(
                &recurrent(1, Direction::Forward),
                linear,
                &[Some(&x), Some(&w), Some(&r), Some(&b)],
            )
            .expect("fits")
        };
        assert_ne!(run(false)[0], run(true)[0]);
    }

    #[test]
    fn wrong_weights_are_refused_with_both_shapes() {
        let x = series(&[1, 1, 1], &[0.0]);
        let w = series(&[1, 4, 2], &[0.0; 8]);
        let r = series(&[1, 4, 1], &[0.0; 4]);
        let error = lstm(
            &recurrent(1, Direction::Forward),
            false,
            &[Some(&x), Some(&w), Some(&r)],
        )
        .expect_err("shape");
        assert!(error.contains("[1, 4, 2]") && error.contains("[1, 4, 1]"), "{error}");
    }
}
