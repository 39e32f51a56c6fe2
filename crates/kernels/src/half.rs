//! Weights in 16 bits: half of the memory that a wide layer streams through the cache for every frame.
//!
//! IEEE 754 binary16: 11 significant bits, so a weight of 6.1e-5 … 65504 is off by at most 2⁻¹¹ of itself, a smaller one by at
//! most 2⁻²⁵. Sums stay in 32 bits.

/// How a layer keeps its weights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Weights {
    /// As they are in the file.
    #[default]
    F32,
    /// Rounded to binary16 in layers whose cost is the reading of their weights: matrices of one frame and strided
    /// convolutions. A layer with a weight above 65504 stays as it is.
    F16,
}

impl Weights {
    /// Both.
    pub const ALL: [Self; 2] = [Self::F32, Self::F16];

    /// That of a [`name`](Self::name).
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|weights| weights.name() == name)
    }

    /// Short name, lower case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
        }
    }

    /// What a layer with these weights keeps.
    pub fn for_layer(self, weights: &[f32]) -> Self {
        let fits = |weight: &f32| encode(*weight) & 0x7c00 != 0x7c00;
        if self == Self::F16 && weights.iter().all(fits) {
            Self::F16
        } else {
            Self::F32
        }
    }
}

/// To the nearest binary16, ties to even; too large a number becomes infinite.
pub fn encode(value: f32) -> u16 {
    let bits = value.to_bits();
    // Bits are taken from 32-bit words; each shift leaves what fits.
    #[allow(clippy::cast_possible_truncation)]
    let sign = ((bits >> 16) & 0x8000) as u16;
    let magnitude = bits & 0x7fff_ffff;
    if magnitude > 0x7f80_0000 {
        return sign | 0x7e00;
    }
    // 65520 and above round to infinity.
    if magnitude >= 0x477f_f000 {
        return sign | 0x7c00;
    }
    let rounded = |mantissa: u32, shift: u32| {
        let (half, rest) = (1u32 << (shift - 1), mantissa & ((1 << shift) - 1));
        let down = mantissa >> shift;
        down + u32::from(rest > half || (rest == half && down & 1 == 1))
    };
    let exponent = magnitude >> 23;
    let result = if exponent >= 113 {
        // Normal: the exponent's offset goes from 127 to 15, and a carry out of the mantissa goes into it.
        rounded(magnitude - (112 << 23), 13)
    } else if exponent >= 102 {
        rounded((magnitude & 0x7f_ffff) | 0x80_0000, 126 - exponent)
    } else {
        0
    };
    #[allow(clippy::cast_possible_truncation)]
    let result = result as u16;
    sign | result
}

/// The same number in 32 bits.
pub fn decode(half: u16) -> f32 {
    let (sign, exponent, mantissa) = (
        u32::from(half & 0x8000) << 16,
        u32::from(half >> 10) & 0x1f,
        u32::from(half & 0x3ff),
    );
    let magnitude = match exponent {
        0 => {
            // A multiple of 2⁻²⁴, exact in 32 bits.
            #[allow(clippy::cast_precision_loss)]
            let value = mantissa as f32 * f32::from_bits(103 << 23);
            value.to_bits()
        }
        31 => 0x7f80_0000 | (mantissa << 13),
        _ => ((exponent + 112) << 23) | (mantissa << 13),
    };
    f32::from_bits(sign | magnitude)
}

/// Pairs in the bits of floats, the first in the lower half: as they stand in memory.
pub(crate) fn pack(values: &[f32]) -> Vec<f32> {
    let pair = |pair: &[f32]| {
        let low = u32::from(pair.first().copied().map_or(0, encode));
        let high = u32::from(pair.get(1).copied().map_or(0, encode));
        f32::from_bits(if cfg!(target_endian = "little") {
            low | high << 16
        } else {
            low << 16 | high
        })
    };
    values.chunks(2).map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_half_comes_back() {
        for half in 0..=u16::MAX {
            let value = decode(half);
            if value.is_nan() {
                assert!(decode(encode(value)).is_nan());
            } else {
                assert_eq!(encode(value), half, "{value}");
            }
        }
    }

    #[test]
    fn numbers_go_to_the_nearest_half() {
        let mut numbers = crate::test_numbers(7);
        for exponent in -30..16 {
            for _ in 0..2000 {
                let value = numbers() * 2f32.powi(exponent);
                let half = decode(encode(value));
                let error = (half - value).abs();
                assert!(
                    error <= (value.abs() / 2048.0).max(2f32.powi(-25)),
                    "{value} gave {half}"
                );
                let bits = encode(value);
                for other in [bits.wrapping_add(1), bits.wrapping_sub(1)] {
                    let other = decode(other);
                    assert!(
                        !other.is_finite() || (other - value).abs() >= error,
                        "{value}: {other} is nearer than {half}"
                    );
                }
            }
        }
        assert_eq!(encode(65519.0), 0x7bff);
        assert_eq!(encode(65520.0), 0x7c00);
        // Halfway: to the even one.
        assert_eq!(
            (encode(1.0 + 1.0 / 2048.0), encode(1.0 + 3.0 / 2048.0)),
            (0x3c00, 0x3c02)
        );
        assert_eq!((encode(2f32.powi(-25)), encode(1.5 * 2f32.powi(-25))), (0, 1));
    }

    #[test]
    fn a_layer_with_too_large_a_weight_stays_as_it_is() {
        assert_eq!(Weights::F16.for_layer(&[1.0, 65504.0]), Weights::F16);
        assert_eq!(Weights::F16.for_layer(&[1.0, -70000.0]), Weights::F32);
        assert_eq!(Weights::F16.for_layer(&[f32::NAN]), Weights::F32);
        assert_eq!(Weights::F32.for_layer(&[1.0]), Weights::F32);
    }
}
