//! Integers and floats in place of others.

use crate::random::Random;

/// Mostly small and near `old`, sometimes at the edge of its type.
pub(super) fn integer(old: i64, random: &mut Random) -> i64 {
    match random.below(16) {
        0..4 => old.wrapping_add(1),
        4..7 => old.wrapping_sub(1),
        7 => old.wrapping_neg(),
        8 => old.wrapping_mul(2),
        9..14 => random.below(9) as i64 - 1,
        14 => random.below(3_000) as i64,
        _ => *random
            .one_of(&[
                i64::MIN,
                i64::MAX,
                i64::MAX - 1,
                1 << 31,
                -(1 << 31),
                1 << 40,
                u32::MAX as i64,
                -1_000_000,
            ])
            .unwrap_or(&0),
    }
}

pub(super) fn float(old: f32, random: &mut Random) -> f32 {
    match random.below(12) {
        0..3 => 0.0,
        3 => -old,
        4..6 => old * 2.0,
        6..10 => random.sample(),
        10 => 1.0,
        _ => *random
            .one_of(&[f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, 1e-40, -0.0])
            .unwrap_or(&0.0),
    }
}
