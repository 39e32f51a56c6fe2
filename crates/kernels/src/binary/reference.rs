//! What each function computes.

use super::Function;

fn truth(value: bool) -> f32 {
    f32::from(u8::from(value))
}

/// `f(a, b)`.
pub fn apply(function: Function, a: f32, b: f32) -> f32 {
    match function {
        Function::Add => a + b,
        Function::Sub => a - b,
        Function::Mul => a * b,
        Function::Div => a / b,
        Function::Min => {
            if a < b {
                a
            } else {
                b
            }
        }
        Function::Max => {
            if a > b {
                a
            } else {
                b
            }
        }
        Function::PRelu => {
            if a < 0.0 {
                a * b
            } else {
                a
            }
        }
        Function::Pow => a.powf(b),
        Function::Mod => {
            let remainder = a % b;
            if remainder != 0.0 && (remainder < 0.0) != (b < 0.0) {
                remainder + b
            } else {
                remainder
            }
        }
        Function::Equal => truth(a == b),
        Function::Greater => truth(a > b),
        Function::GreaterOrEqual => truth(a >= b),
        Function::Less => truth(a < b),
        Function::LessOrEqual => truth(a <= b),
        Function::And => truth(a != 0.0 && b != 0.0),
        Function::Or => truth(a != 0.0 || b != 0.0),
        Function::Xor => truth((a != 0.0) != (b != 0.0)),
    }
}
