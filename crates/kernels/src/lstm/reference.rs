//! The layer as plain loops in double precision.

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// `x: [inputs, frames] -> y: [hidden, frames]` and the last `c`; weights as in [`super::Lstm::new`], from the state `h`, `c`.
#[allow(clippy::too_many_arguments)]
pub fn run(
    inputs: usize,
    hidden: usize,
    w: &[f32],
    r: &[f32],
    b: Option<&[f32]>,
    h: &[f32],
    c: &[f32],
    x: &[f32],
    frames: usize,
) -> (Vec<f64>, Vec<f64>) {
    let mut h: Vec<f64> = h.iter().map(|v| f64::from(*v)).collect();
    let mut c: Vec<f64> = c.iter().map(|v| f64::from(*v)).collect();
    let mut y = vec![0.0; hidden * frames];
    for t in 0..frames {
        let gate = |which: usize, unit: usize| {
            let row = which * hidden + unit;
            let mut sum = b.map_or(0.0, |b| f64::from(b[row]) + f64::from(b[4 * hidden + row]));
            for i in 0..inputs {
                sum += f64::from(w[row * inputs + i]) * f64::from(x[i * frames + t]);
            }
            for (u, h) in h.iter().enumerate() {
                sum += f64::from(r[row * hidden + u]) * h;
            }
            sum
        };
        let mut next = vec![0.0; hidden];
        for unit in 0..hidden {
            let (input, output, forget) = (sigmoid(gate(0, unit)), sigmoid(gate(1, unit)), sigmoid(gate(2, unit)));
            c[unit] = forget * c[unit] + input * gate(3, unit).tanh();
            next[unit] = output * c[unit].tanh();
            y[unit * frames + t] = next[unit];
        }
        h = next;
    }
    (y, c)
}
