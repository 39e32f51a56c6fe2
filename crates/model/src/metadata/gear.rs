//! What a model says about the gear it was taken from, and at which levels.

use super::wrong;
use crate::error::Result;
use serde::Serialize;

/// Levels in dBu that are believed: beyond, somebody mistook the unit.
pub(crate) const LEVELS_DBU: std::ops::RangeInclusive<f64> = -60.0..=60.0;
/// Loudness in dB that is believed.
pub(crate) const LOUDNESS_DB: std::ops::RangeInclusive<f64> = -100.0..=0.0;

/// The state from which a model wants to be played.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Start {
    /// Zeros, with the file's own start values.
    Zero,
    /// What silence leads to: a model of gear that was on before anybody played.
    Silence,
}

impl Start {
    /// As it stands in a file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Zero => "zero",
            Self::Silence => "silence",
        }
    }
}

/// What a model says about its gear. Everything is optional.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Gear {
    /// What was captured: `amp`, `pedal`, `pedal_amp`, `amp_cab`, `amp_pedal_cab`, `preamp`, `studio`.
    pub kind: Option<String>,
    /// Who built it.
    pub make: Option<String>,
    /// Which one it is.
    pub model: Option<String>,
    /// How it sounds: `clean`, `overdrive`, `crunch`, `hi_gain`, `fuzz`.
    pub tone_type: Option<String>,
    /// When the model was made, `YYYY-MM-DD`, or with the time behind a blank.
    pub date: Option<String>,
    /// Level of the output in dB (RMS, of full scale) while the input plays the trainer's standard signal; −100 to 0.
    pub loudness: Option<f32>,
    /// How much gain it has, 0 (clean) to 1.
    pub gain: Option<f32>,
    /// Level in dBu of a sine at the gear's input for which the model's input peaks at full scale; ±60.
    pub input_level_dbu: Option<f32>,
    /// Level in dBu of a sine at the gear's output for which the model's output peaks at full scale; ±60.
    pub output_level_dbu: Option<f32>,
    /// Samples between input and recording that the trainer took off: the model does not have them.
    pub training_latency: Option<i32>,
    /// Whether a cabinet is part of it, if the file says so by itself. See [`Self::has_cab`].
    pub contains_cab: Option<bool>,
}

impl Gear {
    /// Whether a cabinet is part of what was captured: declared, or told by [`Self::kind`]. False if nothing is known.
    pub fn has_cab(&self) -> bool {
        self.contains_cab.unwrap_or_else(|| {
            let kind = self.kind.as_deref().unwrap_or("");
            kind.split(['_', '-', ' ']).any(|word| word.eq_ignore_ascii_case("cab"))
        })
    }
}

/// The sizes in which a file holds its model.
///
/// A size is a number from 0 (smallest) to 1 (full). Choice `i` of [`Self::count`] is played for sizes from `breakpoints[i - 1]`
/// up to, without, `breakpoints[i]`; the last one up to 1.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Sizes {
    /// Where the next larger one begins, ascending, one fewer than there are sizes.
    pub breakpoints: Vec<f32>,
    /// Which one this graph is, from 0.
    pub chosen: usize,
}

impl Sizes {
    /// How many there are.
    pub fn count(&self) -> usize {
        self.breakpoints.len() + 1
    }

    /// The choice for `size`.
    pub fn choice(&self, size: f32) -> usize {
        self.breakpoints.iter().take_while(|bound| size >= **bound).count()
    }

    /// A size in the middle of choice `index`'s range, to ask for it by.
    pub fn size_of(&self, index: usize) -> f32 {
        let low = index
            .checked_sub(1)
            .and_then(|below| self.breakpoints.get(below))
            .copied();
        let high = self.breakpoints.get(index).copied();
        match (low, high) {
            (None, Some(_)) => 0.0,
            (_, None) => 1.0,
            (Some(low), Some(high)) => f32::midpoint(low, high),
        }
    }

    /// A name for people: `Lite` and `Full` of two, `Full` for the largest, else `Size 2 of 3`.
    pub fn label(&self, index: usize) -> String {
        match (index, self.count()) {
            (index, count) if index + 1 >= count => "Full".to_owned(),
            (0, 2) => "Lite".to_owned(),
            (index, count) => format!("Size {} of {count}", index + 1),
        }
    }
}

type Text<'a> = &'a dyn Fn(&str) -> Result<Option<String>>;
type Number<'a> = &'a dyn Fn(&str, f64, f64) -> Result<Option<f64>>;

/// Reads the keys of [`Gear`].
pub(super) fn parse(text: Text<'_>, number: Number<'_>) -> Result<Gear> {
    let single = |key: &str, range: &std::ops::RangeInclusive<f64>| -> Result<Option<f32>> {
        Ok(number(key, *range.start(), *range.end())?.map(|value| value as f32))
    };
    let training_latency = match number("training_latency", -1e7, 1e7)? {
        Some(value) if value.fract() != 0.0 => return Err(wrong("training_latency", "must be a whole number")),
        // In range, see above.
        #[allow(clippy::cast_possible_truncation)]
        value => value.map(|value| value as i32),
    };
    let contains_cab = match text("contains_cab")?.as_deref() {
        None => None,
        Some("true") => Some(true),
        Some("false") => Some(false),
        Some(other) => {
            return Err(wrong(
                "contains_cab",
                &format!("is {other:?}, but must be true or false"),
            ));
        }
    };
    Ok(Gear {
        kind: text("gear_type")?,
        make: text("gear_make")?,
        model: text("gear_model")?,
        tone_type: text("tone_type")?,
        date: text("date")?,
        loudness: single("loudness", &LOUDNESS_DB)?,
        gain: single("gain", &(0.0..=1.0))?,
        input_level_dbu: single("input_level_dbu", &LEVELS_DBU)?,
        output_level_dbu: single("output_level_dbu", &LEVELS_DBU)?,
        training_latency,
        contains_cab,
    })
}

/// `start_state`.
pub(super) fn start(text: &str) -> Result<Start> {
    match text {
        "zero" => Ok(Start::Zero),
        "silence" => Ok(Start::Silence),
        other => Err(wrong(
            "start_state",
            &format!("is {other:?}, but must be \"zero\" or \"silence\""),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cabs_are_told_by_the_kind_of_gear_unless_declared() {
        let of = |kind: &str, contains_cab| {
            Gear {
                kind: Some(kind.to_owned()),
                contains_cab,
                ..Gear::default()
            }
            .has_cab()
        };
        assert!(of("amp_cab", None) && of("amp_pedal_cab", None) && of("Amp-Cab", None) && of("pedal", Some(true)));
        assert!(!of("amp", None) && !of("cabernet", None) && !of("amp_cab", Some(false)) && !Gear::default().has_cab());
    }

    #[test]
    fn sizes_are_chosen_as_their_breakpoints_say() {
        let sizes = Sizes {
            breakpoints: vec![0.25, 0.5],
            chosen: 2,
        };
        let choices: Vec<usize> = [0.0, 0.249, 0.25, 0.4999, 0.5, 1.0]
            .map(|size| sizes.choice(size))
            .to_vec();
        assert_eq!(choices, [0, 0, 1, 1, 2, 2]);
        for index in 0..sizes.count() {
            assert_eq!(sizes.choice(sizes.size_of(index)), index);
        }
        assert_eq!(
            [0, 1, 2].map(|index| sizes.label(index)),
            ["Size 1 of 3", "Size 2 of 3", "Full"]
        );
        let two = Sizes {
            breakpoints: vec![0.5],
            chosen: 1,
        };
        assert_eq!([0, 1].map(|index| two.label(index)), ["Lite", "Full"]);
    }
}
