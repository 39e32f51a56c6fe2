//! What each function computes, as plain loops in double precision.

use super::{Direction, Function, Reduction};
use crate::{Cell, gru, lstm, rnn};

/// Value, and the magnitude that rounding is relative to (the sum of the magnitudes it is made of; 0 if it is exact).
pub type Number = (f64, f64);

/// All results; inputs of the lengths that [`Function::inputs`] says, in a function whose sizes fit.
pub fn run(function: &Function, inputs: &[&[f32]]) -> Vec<Number> {
    let x = inputs[0];
    match function {
        Function::Dense {
            rows,
            inputs,
            outputs,
            weights,
            bias,
        } => table(&[*rows, *outputs], |at| {
            let products = (0..*inputs).map(|i| product(x[at[0] * inputs + i], weights[at[1] * inputs + i]));
            sum(products.chain(bias.iter().map(|bias| f64::from(bias[at[1]]))))
        }),
        Function::Conv { .. } => convolution(function, x),
        Function::ConvTranspose { .. } => transposed(function, x),
        Function::MatMul {
            a_batch,
            b_batch,
            m,
            k,
            n,
            ..
        } => table(&[a_batch.len(), *m, *n], |at| {
            let a = &x[(a_batch[at[0]] * m + at[1]) * k..];
            let b = &inputs[1][b_batch[at[0]] * k * n + at[2]..];
            sum((0..*k).map(|i| product(a[i], b[i * n])))
        }),
        Function::Recurrent { .. } => recurrent(function, inputs),
        Function::Softmax { outer, len, inner, log } => lines(x, *outer, *len, *inner, |x| {
            let max = x.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let total: f64 = x.iter().map(|x| (x - max).exp()).sum();
            x.iter()
                .map(|x| {
                    let value = x - max - total.ln();
                    if *log {
                        (value, x.abs() + max.abs() + total.ln())
                    } else {
                        (value.exp(), 1.0)
                    }
                })
                .collect()
        }),
        Function::LayerNorm {
            outer,
            len,
            epsilon,
            scale,
            bias,
        } => lines(x, *outer, *len, 1, |x| {
            standardised(x, *epsilon)
                .enumerate()
                .map(|(i, number)| scaled(number, scale[i], bias.as_ref().map_or(0.0, |bias| bias[i])))
                .collect()
        }),
        Function::InstanceNorm {
            outer,
            channels,
            len,
            epsilon,
            scale,
            bias,
        } => (0..outer * channels)
            .flat_map(|row| {
                let x: Vec<f64> = x[row * len..(row + 1) * len].iter().map(|x| f64::from(*x)).collect();
                let (scale, bias) = (
                    scale[row % channels],
                    bias.as_ref().map_or(0.0, |bias| bias[row % channels]),
                );
                standardised(&x, *epsilon)
                    .map(|number| scaled(number, scale, bias))
                    .collect::<Vec<_>>()
            })
            .collect(),
        Function::Reduce { shape, axes, reduction } => {
            let kept = |at: &[usize]| -> Vec<usize> {
                (0..at.len())
                    .map(|axis| if axes[axis] { 0 } else { at[axis] })
                    .collect()
            };
            let result: Vec<usize> = (0..shape.len())
                .map(|axis| if axes[axis] { 1 } else { shape[axis] })
                .collect();
            let mut members = vec![Vec::new(); result.iter().product()];
            for (i, x) in x.iter().enumerate() {
                members[flat(&result, &kept(&indices(shape, i)))].push(f64::from(*x));
            }
            members.iter().map(|members| reduced(*reduction, members)).collect()
        }
        Function::ArgReduce {
            outer,
            len,
            inner,
            max,
            last,
        } => table(&[*outer, *inner], |at| {
            let value = |i: usize| x[(at[0] * len + i) * inner + at[1]];
            let mut best = 0;
            for i in 1..*len {
                let better = if *max {
                    value(i) > value(best)
                } else {
                    value(i) < value(best)
                };
                if better || (*last && value(i) == value(best)) {
                    best = i;
                }
            }
            (number(best), 0.0)
        }),
        Function::MaxPool { .. } => pool(function, x),
        Function::Sparse {
            offsets,
            sources,
            weights,
            ..
        } => offsets
            .windows(2)
            .map(|range| {
                let terms = range[0] as usize..range[1] as usize;
                sum(terms.map(|i| product(x[sources[i] as usize], weights[i])))
            })
            .collect(),
        Function::Lookup {
            rows,
            width,
            table: of,
            indices,
        } => table(&[*indices, *width], |at| {
            (f64::from(of[place(x[at[0]], *rows) * width + at[1]]), 0.0)
        }),
        Function::GatherElements {
            shape,
            axis,
            index_shape,
        } => table(index_shape, |at| {
            let mut from = at.to_vec();
            from[*axis] = place(inputs[1][flat(index_shape, at)], shape[*axis]);
            (f64::from(x[flat(shape, &from)]), 0.0)
        }),
        Function::GatherAxis {
            outer,
            len,
            inner,
            indices,
        } => table(&[*outer, *indices, *inner], |at| {
            let from = (at[0] * len + place(inputs[1][at[1]], *len)) * inner + at[2];
            (f64::from(x[from]), 0.0)
        }),
        Function::Dft { .. } => fourier(function, x),
        Function::CumSum {
            outer,
            len,
            inner,
            exclusive,
            reverse,
        } => lines(x, *outer, *len, *inner, |x| {
            (0..x.len())
                .map(|i| {
                    let counts = |j: &usize| if *reverse { *j >= i } else { *j <= i };
                    sum((0..x.len())
                        .filter(counts)
                        .filter(|j| !exclusive || *j != i)
                        .map(|j| x[j]))
                })
                .collect()
        }),
    }
}

fn product(a: f32, b: f32) -> f64 {
    f64::from(a) * f64::from(b)
}

fn sum(terms: impl Iterator<Item = f64>) -> Number {
    terms.fold((0.0, 0.0), |(sum, magnitude), term| {
        (sum + term, magnitude + term.abs())
    })
}

/// Small whole numbers.
#[allow(clippy::cast_precision_loss)]
fn number(i: usize) -> f64 {
    i as f64
}

fn indices(shape: &[usize], flat: usize) -> Vec<usize> {
    let mut rest = flat;
    let mut at: Vec<usize> = shape
        .iter()
        .rev()
        .map(|size| {
            let i = rest % size;
            rest /= size;
            i
        })
        .collect();
    at.reverse();
    at
}

fn flat(shape: &[usize], at: &[usize]) -> usize {
    shape.iter().zip(at).fold(0, |flat, (size, i)| flat * size + i)
}

/// `f` of all indices, row-major.
fn table<T>(shape: &[usize], f: impl Fn(&[usize]) -> T) -> Vec<T> {
    (0..shape.iter().product()).map(|i| f(&indices(shape, i))).collect()
}

/// `f` of every line along the middle axis, which gives a line of the same length.
fn lines(x: &[f32], outer: usize, len: usize, inner: usize, f: impl Fn(&[f64]) -> Vec<Number>) -> Vec<Number> {
    let results = table(&[outer, inner], |at| {
        let line: Vec<f64> = (0..len)
            .map(|i| f64::from(x[(at[0] * len + i) * inner + at[1]]))
            .collect();
        f(&line)
    });
    table(&[outer, len, inner], |at| results[at[0] * inner + at[2]][at[1]])
}

fn standardised(x: &[f64], epsilon: f32) -> impl Iterator<Item = Number> {
    let mean = x.iter().sum::<f64>() / number(x.len());
    let variance = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / number(x.len());
    let scale = 1.0 / (variance + f64::from(epsilon)).sqrt();
    let largest = x.iter().fold(0.0, |max: f64, x| max.max(x.abs()));
    x.iter().map(move |x| ((x - mean) * scale, largest * scale))
}

fn scaled((value, magnitude): Number, scale: f32, bias: f32) -> Number {
    let (scale, bias) = (f64::from(scale), f64::from(bias));
    (value * scale + bias, magnitude * scale.abs() + bias.abs())
}

fn reduced(reduction: Reduction, x: &[f64]) -> Number {
    let all = sum(x.iter().copied());
    let squares = sum(x.iter().map(|x| x * x));
    let max = x.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    match reduction {
        Reduction::Sum => all,
        Reduction::Mean => (all.0 / number(x.len()), all.1 / number(x.len())),
        Reduction::Max => (max, 0.0),
        Reduction::Min => (x.iter().copied().fold(f64::INFINITY, f64::min), 0.0),
        Reduction::Prod => {
            let product: f64 = x.iter().product();
            (product, product.abs())
        }
        Reduction::L1 => (all.1, all.1),
        Reduction::L2 => (squares.0.sqrt(), squares.0.sqrt()),
        Reduction::SumSquare => squares,
        // The logarithm's slope: what its argument's rounding becomes.
        Reduction::LogSum => (all.0.ln(), 1.0 + all.1 / all.0.abs()),
        Reduction::LogSumExp => {
            let total: f64 = x.iter().map(|x| (x - max).exp()).sum();
            (total.ln() + max, 1.0 + max.abs() + total.ln())
        }
    }
}

/// The row that an index means.
fn place(index: f32, rows: usize) -> usize {
    let rows = i64::try_from(rows).expect("few rows");
    #[allow(clippy::cast_possible_truncation)]
    let index = index.floor() as i64;
    let from_start = if index < 0 { index.saturating_add(rows) } else { index };
    usize::try_from(from_start.clamp(0, rows - 1)).expect("not negative")
}

/// Where tap `k` of output `at` reads, if that is inside.
fn reads(at: usize, k: usize, stride: usize, dilation: usize, pad: i64, size: usize) -> Option<usize> {
    let from = i64::try_from(at * stride + k * dilation).expect("small") - pad;
    usize::try_from(from).ok().filter(|from| *from < size)
}

fn convolution(function: &Function, x: &[f32]) -> Vec<Number> {
    let Function::Conv {
        batch,
        groups,
        inputs,
        outputs,
        size,
        taps,
        strides,
        dilations,
        pads,
        weights,
        bias,
    } = function
    else {
        unreachable!("called for convolutions")
    };
    let [height, width] = function
        .window()
        .and_then(|window| window.output_size())
        .expect("sizes fit");
    let (group_inputs, group_outputs) = (inputs / groups, outputs / groups);
    table(&[*batch, *outputs, height, width], |at| {
        let mut terms: Vec<f64> = bias.iter().map(|bias| f64::from(bias[at[1]])).collect();
        for i in 0..group_inputs {
            for tap in table(taps, <[usize]>::to_vec) {
                let row = reads(at[2], tap[0], strides[0], dilations[0], pads[0], size[0]);
                let column = reads(at[3], tap[1], strides[1], dilations[1], pads[1], size[1]);
                if let (Some(row), Some(column)) = (row, column) {
                    let channel = at[1] / group_outputs * group_inputs + i;
                    let from = flat(&[*batch, *inputs, size[0], size[1]], &[at[0], channel, row, column]);
                    let weight = flat(&[*outputs, group_inputs, taps[0], taps[1]], &[at[1], i, tap[0], tap[1]]);
                    terms.push(product(x[from], weights[weight]));
                }
            }
        }
        sum(terms.into_iter())
    })
}

fn transposed(function: &Function, x: &[f32]) -> Vec<Number> {
    let Function::ConvTranspose {
        batch,
        groups,
        inputs,
        outputs,
        size,
        taps,
        strides,
        dilations,
        pads,
        output_size,
        weights,
        bias,
    } = function
    else {
        unreachable!("called for transposed convolutions")
    };
    let (group_inputs, group_outputs) = (inputs / groups, outputs / groups);
    let shape = [*batch, *outputs, output_size[0], output_size[1]];
    let start = |at: &[usize]| sum(bias.iter().map(|bias| f64::from(bias[at[1]])));
    let mut results = table(&shape, start);
    // Every input element, times every tap, to where it belongs.
    for (from, x) in x.iter().enumerate() {
        let at = indices(&[*batch, *inputs, size[0], size[1]], from);
        for o in 0..group_outputs {
            for tap in table(taps, <[usize]>::to_vec) {
                let to = |axis: usize| {
                    let full =
                        i64::try_from(at[2 + axis] * strides[axis] + tap[axis] * dilations[axis]).expect("small");
                    usize::try_from(full - pads[axis])
                        .ok()
                        .filter(|to| *to < output_size[axis])
                };
                if let (Some(row), Some(column)) = (to(0), to(1)) {
                    let weight = flat(&[*inputs, group_outputs, taps[0], taps[1]], &[at[1], o, tap[0], tap[1]]);
                    let output = at[1] / group_inputs * group_outputs + o;
                    let term = product(*x, weights[weight]);
                    let result = &mut results[flat(&shape, &[at[0], output, row, column])];
                    *result = (result.0 + term, result.1 + term.abs());
                }
            }
        }
    }
    results
}

fn pool(function: &Function, x: &[f32]) -> Vec<Number> {
    let Function::MaxPool {
        batch,
        channels,
        size,
        taps,
        strides,
        dilations,
        pads,
    } = function
    else {
        unreachable!("called for pools")
    };
    let [height, width] = function
        .window()
        .and_then(|window| window.output_size())
        .expect("sizes fit");
    table(&[batch * channels, height, width], |at| {
        let mut largest = f64::NEG_INFINITY;
        for tap in table(taps, <[usize]>::to_vec) {
            let row = reads(at[1], tap[0], strides[0], dilations[0], pads[0], size[0]);
            let column = reads(at[2], tap[1], strides[1], dilations[1], pads[1], size[1]);
            if let (Some(row), Some(column)) = (row, column) {
                largest = largest.max(f64::from(x[(at[0] * size[0] + row) * size[1] + column]));
            }
        }
        (largest, 0.0)
    })
}

fn fourier(function: &Function, x: &[f32]) -> Vec<Number> {
    let Function::Dft {
        outer,
        length,
        inner,
        input_length,
        complex_in,
        onesided,
        inverse,
    } = function
    else {
        unreachable!("called for transforms")
    };
    let parts = if *complex_in { 2 } else { 1 };
    let half = length / 2 + 1;
    let (takes, gives) = match (onesided, inverse) {
        (false, _) => (*length, *length),
        (true, false) => (*length, half),
        (true, true) => (half, *length),
    };
    let real = *onesided && *inverse;
    let sign = if *inverse { 1.0 } else { -1.0 };
    let scale = if *inverse { 1.0 / number(*length) } else { 1.0 };
    let given = |at: &[usize], i: usize| -> (f64, f64) {
        let first = ((at[0] * input_length + i) * inner + at[2]) * parts;
        (
            f64::from(x[first]),
            if *complex_in { f64::from(x[first + 1]) } else { 0.0 },
        )
    };
    let shape = [*outer, gives, *inner, if real { 1 } else { 2 }];
    table(&shape, |at| {
        let (mut terms, mut magnitude) = (Vec::new(), 0.0);
        for i in 0..takes.min(*input_length) {
            let (re, im) = given(at, i);
            let angle = sign * std::f64::consts::TAU * number(i * at[1] % length) / number(*length);
            let (sin, cos) = angle.sin_cos();
            // In the spectrum of a real signal every bin but the first (and the last of an even length) stands for two.
            let twice = real && i > 0 && 2 * i < *length;
            let weight = scale * if twice { 2.0 } else { 1.0 };
            magnitude += (re.abs() + im.abs()) * weight;
            terms.push(
                weight
                    * if at[3] == 0 {
                        re * cos - im * sin
                    } else {
                        re * sin + im * cos
                    },
            );
        }
        // Every step of a fast transform rounds relative to what it adds, not to what is left of it.
        (terms.iter().sum(), magnitude)
    })
}

fn recurrent(function: &Function, given: &[&[f32]]) -> Vec<Number> {
    let Function::Recurrent {
        cell,
        direction,
        steps,
        batch,
        inputs,
        hidden,
        w,
        r,
        b,
        h0,
        c0,
    } = function
    else {
        unreachable!("called for recurrent layers")
    };
    let (steps, batch, inputs, hidden) = (*steps, *batch, *inputs, *hidden);
    let (count, gates) = (direction.count(), cell.gates());
    let all = count * batch * hidden;
    let mut results = vec![(0.0, 1.0); (steps + if *cell == Cell::Lstm { 2 } else { 1 }) * all];
    let zeros = vec![0.0; all];
    let h_start = if *h0 { given[1] } else { &zeros };
    let c_start = if *c0 { given[given.len() - 1] } else { &zeros };
    for side in 0..count {
        let backwards = *direction == Direction::Reverse || side == 1;
        let time = |step: usize| if backwards { steps - 1 - step } else { step };
        let w = &w[side * gates * hidden * inputs..][..gates * hidden * inputs];
        let r = &r[side * gates * hidden * hidden..][..gates * hidden * hidden];
        let b = b
            .as_ref()
            .map(|b| &b[side * 2 * gates * hidden..][..2 * gates * hidden]);
        for sequence in 0..batch {
            let state = (side * batch + sequence) * hidden;
            let x: Vec<f32> = table(&[inputs, steps], |at| {
                given[0][(time(at[1]) * batch + sequence) * inputs + at[0]]
            });
            let (h, c) = (&h_start[state..state + hidden], &c_start[state..state + hidden]);
            let y = match cell {
                Cell::Lstm => lstm::reference::run(inputs, hidden, w, r, b, h, c, &x, steps),
                Cell::Gru { reset_after } => (
                    gru::reference::run(inputs, hidden, w, r, b, *reset_after, h, &x, steps),
                    Vec::new(),
                ),
                Cell::Rnn { relu } => (
                    rnn::reference::run(inputs, hidden, w, r, b, *relu, h, &x, steps),
                    Vec::new(),
                ),
            };
            for step in 0..steps {
                for unit in 0..hidden {
                    let value = (y.0[unit * steps + step], 1.0);
                    results[time(step) * all + state + unit] = value;
                    if step == steps - 1 {
                        results[steps * all + state + unit] = value;
                    }
                }
            }
            for (unit, c) in y.1.iter().enumerate() {
                results[(steps + 1) * all + state + unit] = (*c, 1.0);
            }
        }
    }
    results
}
