//! The layer as plain loops in double precision.

/// `x: [inputs, frames] -> y: [hidden, frames]`; weights as in [`super::Rnn::new`], from the state `h`.
#[allow(clippy::too_many_arguments)]
pub fn run(
    inputs: usize,
    hidden: usize,
    w: &[f32],
    r: &[f32],
    b: Option<&[f32]>,
    relu: bool,
    h: &[f32],
    x: &[f32],
    frames: usize,
) -> Vec<f64> {
    let mut h: Vec<f64> = h.iter().map(|v| f64::from(*v)).collect();
    let mut y = vec![0.0; hidden * frames];
    for t in 0..frames {
        h = (0..hidden)
            .map(|row| {
                let mut sum = b.map_or(0.0, |b| f64::from(b[row]) + f64::from(b[hidden + row]));
                for i in 0..inputs {
                    sum += f64::from(w[row * inputs + i]) * f64::from(x[i * frames + t]);
                }
                for (u, h) in h.iter().enumerate() {
                    sum += f64::from(r[row * hidden + u]) * h;
                }
                if relu { sum.max(0.0) } else { sum.tanh() }
            })
            .collect();
        for (unit, value) in h.iter().enumerate() {
            y[unit * frames + t] = *value;
        }
    }
    y
}
