//! What each function computes.

use super::Function;

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
    }
}
