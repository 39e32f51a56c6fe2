//! The JSON dialects computed a second time: frame by frame, in double precision, straight from the file, and sharing nothing with
//! the reader. It checks the files of which no reference is stored, and is itself checked by those of which one is.

use serde_json::Value;

/// `[rows][columns]`.
type Matrix = Vec<Vec<f64>>;

fn number(value: &Value) -> f64 {
    value.as_f64().expect("a number")
}

fn vector(value: &Value) -> Vec<f64> {
    value.as_array().expect("a list").iter().map(number).collect()
}

fn matrix(value: &Value) -> Matrix {
    value.as_array().expect("a list").iter().map(vector).collect()
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// `x · w + b`, `w [in][out]`.
fn product(x: &[f64], w: &Matrix, b: &[f64]) -> Vec<f64> {
    let mut y = b.to_vec();
    for (x, row) in x.iter().zip(w) {
        for (y, w) in y.iter_mut().zip(row) {
            *y += x * w;
        }
    }
    y
}

/// A layer of `layers` with its memory.
struct Layer<'a> {
    json: &'a Value,
    kind: &'a str,
    history: Vec<Vec<f64>>,
    h: Vec<f64>,
    c: Vec<f64>,
}

impl Layer<'_> {
    fn weights(&self, index: usize) -> &Value {
        &self.json["weights"][index]
    }

    fn step(&mut self, x: &[f64]) -> Vec<f64> {
        let y = match self.kind {
            "dense" | "time-distributed-dense" => {
                let w = matrix(self.weights(0));
                let bias = match self.weights(1) {
                    Value::Null => vec![0.0; w[0].len()],
                    bias => vector(bias),
                };
                product(x, &w, &bias)
            }
            "activation" => x.to_vec(),
            "conv1d" => self.conv(x),
            "gru" => return self.gru(x),
            "lstm" => return self.lstm(x),
            "prelu" => {
                let slopes = vector(&self.weights(0)[0]);
                (x.iter().enumerate())
                    .map(|(i, x)| if *x >= 0.0 { *x } else { x * slopes[i % slopes.len()] })
                    .collect()
            }
            "batchnorm" => {
                let all = self.json["weights"].as_array().expect("a list").len();
                let row = |index: usize| vector(self.weights(index));
                let (mean, variance) = (row(all - 2), row(all - 1));
                let epsilon = number(&self.json["epsilon"]);
                (x.iter().enumerate())
                    .map(|(i, x)| {
                        let y = (x - mean[i]) / (variance[i] + epsilon).sqrt();
                        if all == 4 { y * row(0)[i] + row(1)[i] } else { y }
                    })
                    .collect()
            }
            other => panic!("no reference for {other}"),
        };
        match self.json["activation"].as_str().unwrap_or("") {
            "" => y,
            "tanh" => y.into_iter().map(f64::tanh).collect(),
            "relu" => y.into_iter().map(|y| y.max(0.0)).collect(),
            "sigmoid" => y.into_iter().map(sigmoid).collect(),
            "elu" => y.into_iter().map(|y| if y > 0.0 { y } else { y.exp_m1() }).collect(),
            "softmax" => {
                let sum: f64 = y.iter().map(|y| y.exp()).sum();
                y.into_iter().map(|y| y.exp() / sum).collect()
            }
            other => panic!("no reference for {other}"),
        }
    }

    fn conv(&mut self, x: &[f64]) -> Vec<f64> {
        self.history.push(x.to_vec());
        let kernel: Vec<Matrix> = self.weights(0).as_array().expect("taps").iter().map(matrix).collect();
        let dilation = self.json["dilation"][0]
            .as_u64()
            .map_or(1, |d| usize::try_from(d).expect("small"));
        let groups = self.json["groups"]
            .as_u64()
            .map_or(1, |d| usize::try_from(d).expect("small"));
        let mut y = vector(self.weights(1));
        let (each_in, each_out) = (x.len() / groups, y.len() / groups);
        for (tap, w) in kernel.iter().enumerate() {
            let back = (kernel.len() - 1 - tap) * dilation;
            let Some(at) = (self.history.len() - 1).checked_sub(back) else {
                continue;
            };
            for (out, y) in y.iter_mut().enumerate() {
                for (w, x) in w.iter().zip(&self.history[at][out / each_out * each_in..]) {
                    *y += w[out] * x;
                }
            }
        }
        y
    }

    /// Keras with `reset_after`: gates z, r, h.
    fn gru(&mut self, x: &[f64]) -> Vec<f64> {
        let bias = matrix(self.weights(2));
        let units = bias[0].len() / 3;
        self.h.resize(units, 0.0);
        let a = product(x, &matrix(self.weights(0)), &bias[0]);
        let b = product(&self.h, &matrix(self.weights(1)), &bias[1]);
        for i in 0..units {
            let z = sigmoid(a[i] + b[i]);
            let r = sigmoid(a[units + i] + b[units + i]);
            let new = (a[2 * units + i] + r * b[2 * units + i]).tanh();
            self.h[i] = z * self.h[i] + (1.0 - z) * new;
        }
        self.h.clone()
    }

    /// Keras: gates i, f, c, o.
    fn lstm(&mut self, x: &[f64]) -> Vec<f64> {
        let bias = vector(self.weights(2));
        let units = bias.len() / 4;
        self.h.resize(units, 0.0);
        self.c.resize(units, 0.0);
        let a = product(x, &matrix(self.weights(0)), &bias);
        let b = product(&self.h, &matrix(self.weights(1)), &vec![0.0; 4 * units]);
        let sum = |gate: usize, i: usize| a[gate * units + i] + b[gate * units + i];
        for i in 0..units {
            self.c[i] = sigmoid(sum(1, i)) * self.c[i] + sigmoid(sum(0, i)) * sum(2, i).tanh();
            self.h[i] = sigmoid(sum(3, i)) * self.c[i].tanh();
        }
        self.h.clone()
    }
}

/// `in_shape` + `layers`, one value in and one out per sample.
pub fn keras(json: &Value, input: &[f32]) -> Vec<f64> {
    let mut layers: Vec<Layer<'_>> = (json["layers"].as_array().expect("layers").iter())
        .map(|json| Layer {
            json,
            kind: json["type"].as_str().expect("a type"),
            history: Vec::new(),
            h: Vec::new(),
            c: Vec::new(),
        })
        .collect();
    let step = |x: &f32| {
        let first = vec![f64::from(*x)];
        layers.iter_mut().fold(first, |x, layer| layer.step(&x))[0]
    };
    input.iter().map(step).collect()
}

/// A strided convolution with Keras' "same" padding over `[frames][channels]`.
fn same(x: &Matrix, layer: &Value, stride: usize) -> Matrix {
    let kernel: Vec<Matrix> = layer["kernel:0"].as_array().expect("taps").iter().map(matrix).collect();
    let bias = vector(&layer["bias:0"]);
    let steps = x.len().div_ceil(stride);
    let left = ((steps - 1) * stride + kernel.len()).saturating_sub(x.len()) / 2;
    (0..steps)
        .map(|step| {
            let mut y = bias.clone();
            for (tap, w) in kernel.iter().enumerate() {
                if let Some(x) = (step * stride + tap).checked_sub(left).and_then(|at| x.get(at)) {
                    y = product(x, w, &y);
                }
            }
            y
        })
        .collect()
}

/// SmartAmpPro: a window of the last samples for each sample.
pub fn smartamp(json: &Value, input: &[f32]) -> Vec<f64> {
    let size = |key: &str| usize::try_from(json[key].as_u64().expect("a size")).expect("small");
    let window = size("input_size");
    let (w, b) = (matrix(&json["lstm"]["kernel:0"]), vector(&json["lstm"]["bias:0"]));
    let (head, offset) = (matrix(&json["dense"]["kernel:0"]), vector(&json["dense"]["bias:0"]));
    let units = b.len() / 4;
    (0..input.len())
        .map(|now| {
            let x: Matrix = (0..window)
                .map(|at| {
                    vec![
                        (now + at + 1)
                            .checked_sub(window)
                            .map_or(0.0, |at| f64::from(input[at])),
                    ]
                })
                .collect();
            let x = same(&x, &json["conv1d"], size("conv1d_stride"));
            let x = same(&x, &json["conv1d_1"], size("conv1d_1_stride"));
            assert_eq!(x.len(), 1);
            let gates = product(&x[0], &w, &b);
            let h: Vec<f64> = (0..units)
                .map(|i| sigmoid(gates[3 * units + i]) * (sigmoid(gates[i]) * gates[2 * units + i].tanh()).tanh())
                .collect();
            product(&h, &head, &offset)[0]
        })
        .collect()
}

/// PedalNet's WaveNet, gated or with tanh.
pub fn wavenet(json: &Value, input: &[f32]) -> Vec<f64> {
    let size = |key: &str| usize::try_from(json[key].as_u64().expect("a size")).expect("small");
    let (channels, taps) = (size("residual_channels"), size("filter_width"));
    let gated = json["activation"] == "gated";
    let dilations = vector(&json["dilations"]);
    let find = |layer: usize, name: &str| {
        // The input is layer −1.
        let wanted = i64::try_from(layer).expect("small") - 1;
        let all = json["variables"].as_array().expect("a list");
        let found = all
            .iter()
            .find(|v| v["layer_idx"].as_i64() == Some(wanted) && v["name"] == name);
        vector(&found.unwrap_or_else(|| panic!("{name} of {wanted}"))["data"])
    };
    // `[taps][in][out]`, flat.
    let conv = |x: &Matrix, w: &[f64], b: &[f64], taps: usize, dilation: usize| -> Matrix {
        let (inputs, outputs) = (x[0].len(), b.len());
        assert_eq!(w.len(), taps * inputs * outputs);
        (0..x.len())
            .map(|now| {
                let mut y = b.to_vec();
                for tap in 0..taps {
                    let Some(at) = now.checked_sub((taps - 1 - tap) * dilation) else {
                        continue;
                    };
                    for (input, x) in x[at].iter().enumerate() {
                        let row = &w[(tap * inputs + input) * outputs..][..outputs];
                        for (y, w) in y.iter_mut().zip(row) {
                            *y += x * w;
                        }
                    }
                }
                y
            })
            .collect()
    };
    let audio: Matrix = input.iter().map(|x| vec![f64::from(*x)]).collect();
    let mut x = conv(&audio, &find(0, "W"), &find(0, "b"), 1, 1);
    let mut skips: Matrix = vec![Vec::new(); input.len()];
    for (index, dilation) in dilations.iter().enumerate() {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let dilation = *dilation as usize;
        let z = conv(
            &x,
            &find(index + 1, "W_conv"),
            &find(index + 1, "b_conv"),
            taps,
            dilation,
        );
        let z: Matrix = (z.iter())
            .map(|z| {
                let signal = z.iter().take(channels).map(|z| z.tanh());
                if gated {
                    signal.zip(&z[channels..]).map(|(a, b)| a * sigmoid(*b)).collect()
                } else {
                    signal.collect()
                }
            })
            .collect();
        for (skip, z) in skips.iter_mut().zip(&z) {
            skip.extend(z);
        }
        let out = conv(&z, &find(index + 1, "W_out"), &find(index + 1, "b_out"), 1, 1);
        for (x, out) in x.iter_mut().flatten().zip(out.into_iter().flatten()) {
            *x += out;
        }
    }
    let last = dilations.len() + 1;
    conv(&skips, &find(last, "W"), &find(last, "b"), 1, 1)
        .into_iter()
        .map(|y| y[0])
        .collect()
}
