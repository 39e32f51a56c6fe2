//! From where a knob stands to what that means, and back.

/// How a knob's values are spread over its way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KnobScale {
    /// Equal ways are equal differences.
    #[default]
    Linear,
    /// Equal ways are equal ratios. Both ends are above 0.
    Log,
}

impl KnobScale {
    /// As a model's file names it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Linear => "linear",
            Self::Log => "log",
        }
    }
}

/// The range of one knob in the model's own unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KnobRange {
    /// Value at position 0.
    pub min: f32,
    /// Value at position 1.
    pub max: f32,
    /// What lies between.
    pub scale: KnobScale,
}

impl KnobRange {
    /// An evenly spread range.
    ///
    /// # Realtime Safety
    /// Safe.
    pub const fn linear(min: f32, max: f32) -> Self {
        Self {
            min,
            max,
            scale: KnobScale::Linear,
        }
    }

    /// The scale that can be computed: logarithms need two ends above 0.
    fn usable(self) -> KnobScale {
        if self.min > 0.0 && self.max > self.min {
            self.scale
        } else {
            KnobScale::Linear
        }
    }

    /// The value at `position` (0 … 1; beyond it, that of the nearer end), in the knob's own unit. Both ends are exact, and it never
    /// leaves the range.
    ///
    /// # Realtime Safety
    /// Safe.
    pub fn value(self, position: f32) -> f32 {
        let position = position.clamp(0.0, 1.0);
        match self.usable() {
            KnobScale::Linear => self.min * (1.0 - position) + self.max * position,
            KnobScale::Log if position == 0.0 => self.min,
            KnobScale::Log if position >= 1.0 => self.max,
            KnobScale::Log => {
                let (low, high, position) = (f64::from(self.min), f64::from(self.max), f64::from(position));
                let value = low * ((high / low).ln() * position).exp();
                // Within the range, so it fits.
                #[allow(clippy::cast_possible_truncation)]
                let value = value as f32;
                value.clamp(self.min, self.max)
            }
        }
    }

    /// The position (0 … 1) of `value`; 0 where the range is empty, or `value` not a number.
    ///
    /// # Realtime Safety
    /// Safe.
    pub fn position(self, value: f32) -> f32 {
        let position = match self.usable() {
            KnobScale::Linear => (value - self.min) / (self.max - self.min),
            KnobScale::Log => {
                let (low, high, value) = (f64::from(self.min), f64::from(self.max), f64::from(value.max(0.0)));
                // A share of two logarithms.
                #[allow(clippy::cast_possible_truncation)]
                let position = ((value / low).ln() / (high / low).ln()) as f32;
                position
            }
        };
        if position.is_nan() {
            0.0
        } else {
            position.clamp(0.0, 1.0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCALES: [KnobScale; 2] = [KnobScale::Linear, KnobScale::Log];

    /// Usual ranges, a narrow one, and the widest that floats have.
    const RANGES: [(f32, f32); 6] = [
        (20.0, 20_000.0),
        (0.05, 8.0),
        (1.0, 50.0),
        (999.0, 1000.0),
        (1.0, f32::MAX),
        (f32::MIN_POSITIVE, f32::MAX),
    ];

    fn ranges() -> impl Iterator<Item = KnobRange> {
        let both = |(min, max)| SCALES.map(|scale| KnobRange { min, max, scale });
        RANGES.into_iter().flat_map(both)
    }

    #[test]
    fn ends_are_exact_and_nothing_is_beyond_them() {
        for range in ranges() {
            for (position, value) in [
                (0.0, range.min),
                (1.0, range.max),
                (-3.0, range.min),
                (f32::NEG_INFINITY, range.min),
                (1.5, range.max),
                (f32::INFINITY, range.max),
            ] {
                assert_eq!(range.value(position), value, "{range:?} at {position}");
            }
            assert_eq!(
                (range.position(range.min), range.position(range.max)),
                (0.0, 1.0),
                "{range:?}"
            );
            assert_eq!(range.position(0.0), 0.0, "{range:?}");
            assert_eq!(range.position(-5.0), 0.0, "{range:?}");
            assert_eq!(range.position(f32::INFINITY), 1.0, "{range:?}");
            assert_eq!(range.position(f32::NAN), 0.0, "{range:?}");
            assert!(range.value(f32::NAN).is_nan(), "{range:?}: a processor ignores it");
        }
    }

    #[test]
    fn further_is_never_less_and_positions_read_back() {
        for range in ranges() {
            let mut last = range.min;
            for step in 0..=4096_u16 {
                let position = f32::from(step) / 4096.0;
                let value = range.value(position);
                assert!(
                    value >= last && value <= range.max,
                    "{range:?} at {position}: {value} after {last}"
                );
                last = value;
                let back = range.position(value);
                // A narrow range far from 0 has few floats in it.
                let grain = range.max * f32::EPSILON / (range.max - range.min);
                assert!(
                    (back - position).abs() < 1e-5 + grain,
                    "{range:?} at {position}: back at {back}"
                );
            }
        }
    }

    #[test]
    fn logarithmic_knobs_turn_by_ratios() {
        let range = KnobRange {
            min: 20.0,
            max: 20_480.0,
            scale: KnobScale::Log,
        };
        for octave in 0..=10_u8 {
            let value = 20.0 * 2.0_f32.powi(i32::from(octave));
            let position = f32::from(octave) / 10.0;
            assert!((range.value(position) / value - 1.0).abs() < 1e-6, "{octave}");
            assert!((range.position(value) - position).abs() < 1e-6, "{octave}");
        }
    }

    #[test]
    fn a_range_without_logarithms_is_taken_as_it_can_be() {
        for (min, max) in [(0.0, 1.0), (-1.0, 1.0), (3.0, 3.0), (f32::NAN, 1.0)] {
            let [even, log] = SCALES.map(|scale| KnobRange { min, max, scale });
            for position in [0.0, 0.3, 1.0] {
                assert_eq!(
                    log.value(position).to_bits(),
                    even.value(position).to_bits(),
                    "{min} {max}"
                );
                assert_eq!(log.position(position), even.position(position), "{min} {max}");
            }
        }
        assert_eq!(KnobRange::linear(3.0, 3.0).position(3.0), 0.0);
    }
}
