//! What it computes.

/// `c ≠ 0 ? a : b`; NaN is not 0.
pub fn apply(c: f32, a: f32, b: f32) -> f32 {
    if c == 0.0 { b } else { a }
}
