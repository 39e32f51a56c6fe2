//! The layer as plain loops in double precision.

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// `x: [inputs, frames] -> y: [hidden, frames]`; weights as in [`super::Gru::new`], from the state `h`.
#[allow(clippy::too_many_arguments)]
pub fn run(
    inputs: usize,
    hidden: usize,
    w: &[f32],
    r: &[f32],
    b: Option<&[f32]>,
    reset_after: bool,
    h: &[f32],
    x: &[f32],
    frames: usize,
) -> Vec<f64> {
    let mut h: Vec<f64> = h.iter().map(|v| f64::from(*v)).collect();
    let mut y = vec![0.0; hidden * frames];
    let from_x = |row: usize, t: usize| {
        let bias = b.map_or(0.0, |b| f64::from(b[row]));
        (0..inputs).fold(bias, |sum, i| {
            sum + f64::from(w[row * inputs + i]) * f64::from(x[i * frames + t])
        })
    };
    let from_h = |row: usize, h: &[f64]| {
        let bias = b.map_or(0.0, |b| f64::from(b[3 * hidden + row]));
        h.iter()
            .enumerate()
            .fold(bias, |sum, (u, h)| sum + f64::from(r[row * hidden + u]) * h)
    };
    for t in 0..frames {
        let gate = |which: usize, unit: usize| {
            let row = which * hidden + unit;
            sigmoid(from_x(row, t) + from_h(row, &h))
        };
        let reset: Vec<f64> = (0..hidden).map(|unit| gate(1, unit)).collect();
        let reset_h: Vec<f64> = reset.iter().zip(&h).map(|(r, h)| r * h).collect();
        let next: Vec<f64> = (0..hidden)
            .map(|unit| {
                let row = 2 * hidden + unit;
                let recurrent = if reset_after {
                    reset[unit] * from_h(row, &h)
                } else {
                    from_h(row, &reset_h)
                };
                let n = (from_x(row, t) + recurrent).tanh();
                let z = gate(0, unit);
                (1.0 - z) * n + z * h[unit]
            })
            .collect();
        for (unit, value) in next.iter().enumerate() {
            y[unit * frames + t] = *value;
        }
        h = next;
    }
    y
}
