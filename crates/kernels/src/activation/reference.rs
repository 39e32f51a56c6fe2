//! What each function computes, in double precision.

use super::Function;

/// `f(x)`.
pub fn apply(function: Function, x: f64) -> f64 {
    match function {
        Function::Tanh => x.tanh(),
        Function::Sigmoid => 1.0 / (1.0 + (-x).exp()),
        Function::Relu => {
            if x < 0.0 {
                0.0
            } else {
                x
            }
        }
        Function::LeakyRelu { slope } => {
            if x < 0.0 {
                f64::from(slope) * x
            } else {
                x
            }
        }
        Function::Elu { alpha, gamma } => {
            let y = if x < 0.0 { f64::from(alpha) * x.exp_m1() } else { x };
            f64::from(gamma) * y
        }
        Function::HardSigmoid { slope, offset } => clamp(f64::from(slope) * x + f64::from(offset), 0.0, 1.0),
        Function::HardSwish => x * clamp(x / 6.0 + 0.5, 0.0, 1.0),
        Function::Clamp { low, high } => clamp(x, f64::from(low), f64::from(high)),
        Function::Gelu => 0.5 * x * (1.0 + erf(x * std::f64::consts::FRAC_1_SQRT_2)),
        Function::GeluTanh => {
            0.5 * x * (1.0 + ((2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x * x * x)).tanh())
        }
        Function::Softplus => x.max(0.0) + (-x.abs()).exp().ln_1p() + 0.0 * x,
        Function::Softsign => x / (1.0 + x.abs()),
        Function::Abs => x.abs(),
        Function::Neg => -x,
        Function::Sqrt => x.sqrt(),
        Function::Exp => x.exp(),
        Function::Log => x.ln(),
        Function::Sin => x.sin(),
        Function::Cos => x.cos(),
        Function::Asin => x.asin(),
        Function::Acos => x.acos(),
        Function::Atan => x.atan(),
        Function::Sinh => x.sinh(),
        Function::Cosh => x.cosh(),
        Function::Asinh => x.asinh(),
        Function::Acosh => x.acosh(),
        Function::Atanh => x.atanh(),
        Function::Erf => erf(x),
        Function::Reciprocal => 1.0 / x,
        Function::Floor => x.floor(),
        Function::Ceil => x.ceil(),
        Function::Round => x.round_ties_even(),
        Function::Sign => {
            if x == 0.0 {
                0.0
            } else {
                x.signum()
            }
        }
    }
}

fn clamp(x: f64, low: f64, high: f64) -> f64 {
    if x < low {
        low
    } else if x > high {
        high
    } else {
        x
    }
}

/// The error function by its Maclaurin series, 1 beyond 6; the slow but plain way.
fn erf(x: f64) -> f64 {
    if x.abs() > 6.0 {
        return x.signum();
    }
    // erf x = 2/√π · e^(−x²) · Σ 2ⁿ x^(2n+1) / (1·3·5…(2n+1)): all terms of one sign, so nothing cancels.
    let mut term = x;
    let mut sum = x;
    for n in 1..200 {
        term *= 2.0 * x * x / f64::from(2 * n + 1);
        sum += term;
    }
    std::f64::consts::FRAC_2_SQRT_PI * (-x * x).exp() * sum
}
