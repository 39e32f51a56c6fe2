//! The boards: what the eight generic knobs of each slot mean for the model that is loaded now, and what the programs are called.
//!
//! Hosts see eight parameters a slot with fixed names and a range of 0 … 1, and one that counts programs. Their texts come from here, so
//! that a host's generic window, its automation lanes and control surfaces show the models' own names and units. Written by the
//! loader, read on main threads.

use parking_lot::RwLock;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tonegraft_core::{KnobRange, KnobScale, PROGRAMS, SLOTS};
use tonegraft_model::KnobSync;

/// What one knob means.
#[derive(Clone, Debug, PartialEq)]
pub struct KnobLabel {
    /// The model's name for it.
    pub name: String,
    /// Unit of [`Self::range`] and [`Self::default`]; may be empty.
    pub unit: String,
    /// What its positions mean.
    pub range: KnobRange,
    /// The value the model starts with.
    pub default: f32,
    /// Set if it can follow the tempo.
    pub sync: Option<KnobSync>,
}

impl KnobLabel {
    /// The position of the model's own default.
    pub fn default_position(&self) -> f32 {
        self.range.position(self.default)
    }

    /// The value at `position` with its unit: `5.0 dB`.
    pub fn value_text(&self, position: f32) -> String {
        let value = self.range.value(position);
        let span = (self.range.max - self.range.min).abs();
        let decimals = match self.range.scale {
            KnobScale::Log => decimals_of(value),
            KnobScale::Linear if span >= 1000.0 => 0,
            KnobScale::Linear if span >= 20.0 => 1,
            KnobScale::Linear if span >= 0.2 => 2,
            KnobScale::Linear => 4,
        };
        let number = format_number(value, decimals);
        if self.unit.is_empty() {
            number
        } else {
            format!("{number} {}", self.unit)
        }
    }
}

/// Digits after the point that show three of `value` that count, or all whole ones.
fn decimals_of(value: f32) -> usize {
    // Rounded first, so that a text that is read back is written the same: 99.96 as 100.
    let rounded = format!("{value:.2e}");
    let exponent = rounded
        .split_once('e')
        .and_then(|(_, exponent)| exponent.parse::<i32>().ok());
    usize::try_from(2 - exponent.unwrap_or(0)).map_or(0, |decimals| decimals.min(9))
}

/// `value` with `decimals` digits after the point, without a sign on zero.
pub(crate) fn format_number(value: f32, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    match text.strip_prefix('-') {
        Some(rest) if rest.chars().all(|c| c == '0' || c == '.') => rest.to_owned(),
        _ => text,
    }
}

/// The number at the start of `text`, whatever unit follows.
pub(crate) fn parse_number(text: &str) -> Option<f32> {
    number_and_rest(text).map(|(number, _)| number)
}

/// The number at the start of `text`, and what follows it.
fn number_and_rest(text: &str) -> Option<(f32, &str)> {
    let text = text.trim();
    let end = text
        .find(|c: char| !(c.is_ascii_digit() || matches!(c, '+' | '-' | '.' | ',')))
        .unwrap_or(text.len());
    let (number, rest) = text.split_at_checked(end)?;
    let number = number
        .replace(',', ".")
        .parse::<f32>()
        .ok()
        .filter(|number| number.is_finite())?;
    Some((number, rest.trim()))
}

/// What a value in `written` is to be multiplied by to be in `unit`: a user may type kHz for Hz, and s for ms.
fn conversion(written: &str, unit: &str) -> f32 {
    match (written.to_ascii_lowercase().as_str(), unit) {
        ("k" | "khz", "Hz") | ("s", "ms") => 1000.0,
        ("ms", "s") => 0.001,
        _ => 1.0,
    }
}

/// The labels of all knobs, shared between the loader, the parameters' texts and the window.
#[derive(Debug, Default)]
pub struct KnobBoard {
    labels: RwLock<Vec<KnobLabel>>,
    version: AtomicU32,
}

impl KnobBoard {
    /// New labels; knobs beyond them are unused.
    pub fn set(&self, labels: Vec<KnobLabel>) {
        let mut place = self.labels.write();
        if *place != labels {
            *place = labels;
            self.version.fetch_add(1, Ordering::Release);
        }
    }

    /// All labels.
    pub fn labels(&self) -> Vec<KnobLabel> {
        self.labels.read().clone()
    }

    /// Counts changes: hosts are asked to read the texts again when it moves.
    pub fn version(&self) -> u32 {
        self.version.load(Ordering::Acquire)
    }

    /// The host's text for knob `index` at `position`: `Drive: 5.0 dB`, or a percentage for an unused knob.
    pub fn text(&self, index: usize, position: f32) -> String {
        match self.labels.read().get(index) {
            Some(label) => format!("{}: {}", label.name, label.value_text(position)),
            None => format!("{} %", format_number(position.clamp(0.0, 1.0) * 100.0, 1)),
        }
    }

    /// The position that `text` means for knob `index`; the name may be left out.
    pub fn parse(&self, index: usize, text: &str) -> Option<f32> {
        let labels = self.labels.read();
        let text = match labels.get(index) {
            Some(label) => text.strip_prefix(label.name.as_str()).unwrap_or(text),
            None => text,
        };
        let (number, written) = number_and_rest(text.trim_start().trim_start_matches(':'))?;
        Some(match labels.get(index) {
            Some(label) => label.range.position(number * conversion(written, &label.unit)),
            None => (number / 100.0).clamp(0.0, 1.0),
        })
    }
}

/// The names of the programs, shared as the labels are.
#[derive(Debug, Default)]
pub struct ProgramBoard {
    names: RwLock<[Option<String>; PROGRAMS]>,
    version: AtomicU32,
}

impl ProgramBoard {
    /// The model of program `index` (from 0); `None`: there is none.
    pub fn set(&self, index: usize, name: Option<String>) {
        let mut names = self.names.write();
        if let Some(place) = names.get_mut(index).filter(|place| **place != name) {
            *place = name;
            self.version.fetch_add(1, Ordering::Release);
        }
    }

    /// Counts changes.
    pub fn version(&self) -> u32 {
        self.version.load(Ordering::Acquire)
    }

    /// The host's text for `value` of the parameter: 0 is what slot A holds itself.
    pub fn text(&self, value: i32) -> String {
        let Some(index) = usize::try_from(value).ok().and_then(|value| value.checked_sub(1)) else {
            return "Slot A".to_owned();
        };
        match self.names.read().get(index).and_then(Option::as_ref) {
            Some(name) => format!("{value}: {name}"),
            None => format!("{value}: empty"),
        }
    }

    /// The value that `text` means: by number, or by name.
    pub fn parse(&self, text: &str) -> Option<i32> {
        let text = text.trim();
        if text.eq_ignore_ascii_case("slot a") {
            return Some(0);
        }
        let digits = text.split(|c: char| !c.is_ascii_digit()).next().unwrap_or("");
        if let Ok(value) = digits.parse::<i32>() {
            return Some(value.clamp(0, 16));
        }
        let names = self.names.read();
        let index = names.iter().position(|name| name.as_deref() == Some(text))?;
        i32::try_from(index + 1).ok()
    }
}

/// All boards of an instance.
#[derive(Clone, Debug, Default)]
pub struct Boards {
    /// Knobs of slots A and B.
    pub slots: [Arc<KnobBoard>; SLOTS],
    /// Names of the programs.
    pub programs: Arc<ProgramBoard>,
}

impl Boards {
    /// Counts changes of any: hosts are asked to read the texts again when it moves.
    pub fn version(&self) -> u32 {
        let slots = self.slots.iter().map(|board| board.version());
        slots.fold(self.programs.version(), u32::wrapping_add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drive() -> KnobLabel {
        KnobLabel {
            name: "Drive: 2".into(),
            unit: "dB".into(),
            range: KnobRange::linear(-12.0, 36.0),
            default: 0.0,
            sync: None,
        }
    }

    #[test]
    fn texts_carry_name_value_and_unit_and_read_back() {
        let board = KnobBoard::default();
        assert_eq!(board.text(0, 0.5), "50.0 %");
        assert_eq!(board.parse(0, "50"), Some(0.5));
        board.set(vec![drive()]);
        assert_eq!(board.version(), 1);
        assert_eq!(board.text(0, 0.5), "Drive: 2: 12.0 dB");
        assert_eq!(board.parse(0, "Drive: 2: 12.0 dB"), Some(0.5));
        assert_eq!(board.parse(0, "-12"), Some(0.0));
        assert_eq!(board.parse(0, "99 dB"), Some(1.0));
        assert_eq!(board.parse(0, "loud"), None);
        assert_eq!(board.text(1, 1.0), "100.0 %");
        board.set(vec![drive()]);
        assert_eq!(board.version(), 1, "the same labels are no news");
    }

    #[test]
    fn programs_are_told_by_number_and_name() {
        let boards = Boards::default();
        let programs = &boards.programs;
        assert_eq!([programs.text(0), programs.text(3)], ["Slot A", "3: empty"]);
        programs.set(2, Some("Crunch".to_owned()));
        assert_eq!((programs.text(3), boards.version()), ("3: Crunch".to_owned(), 1));
        for (text, value) in [
            ("Slot A", Some(0)),
            ("3: Crunch", Some(3)),
            ("Crunch", Some(3)),
            ("99", Some(16)),
            ("loud", None),
        ] {
            assert_eq!(programs.parse(text), value, "{text}");
        }
        programs.set(16, Some("beyond".to_owned()));
        assert_eq!(boards.version(), 1);
    }

    #[test]
    fn logarithmic_knobs_show_the_digits_that_count_and_read_back() {
        let cutoff = KnobLabel {
            name: "Cutoff".into(),
            unit: "Hz".into(),
            range: KnobRange {
                min: 0.02,
                max: 20_000.0,
                scale: KnobScale::Log,
            },
            default: 1000.0,
            sync: None,
        };
        let at = |value: f32| cutoff.value_text(cutoff.range.position(value));
        assert_eq!(at(0.02), "0.0200 Hz");
        assert_eq!(at(0.8), "0.800 Hz");
        assert_eq!(at(5.25), "5.25 Hz");
        assert_eq!(at(75.13), "75.1 Hz");
        assert_eq!(at(99.96), "100 Hz");
        assert_eq!(at(440.0), "440 Hz");
        assert_eq!(at(12_345.0), "12345 Hz");
        let board = KnobBoard::default();
        board.set(vec![cutoff.clone()]);
        for step in 0..=1000_u16 {
            let text = board.text(0, f32::from(step) / 1000.0);
            let position = board.parse(0, &text).expect("reads back");
            assert_eq!(board.text(0, position), text);
            assert!((position - f32::from(step) / 1000.0).abs() < 1e-3, "{text}");
        }
        for (text, value) in [
            ("1.5k", 1500.0),
            ("Cutoff: 1,5 kHz", 1500.0),
            ("1500", 1500.0),
            ("90000 Hz", 20_000.0),
        ] {
            let position = board.parse(0, text).expect("a number");
            assert!((cutoff.range.value(position) / value - 1.0).abs() < 1e-5, "{text}");
        }
        assert_eq!(board.parse(0, "-3"), Some(0.0));
        assert_eq!(
            (conversion("S", "ms"), conversion("ms", "s"), conversion("s", "s")),
            (1000.0, 0.001, 1.0)
        );
    }

    #[test]
    fn zero_has_no_sign_and_a_value_without_range_is_shown() {
        assert_eq!(format_number(-0.01, 1), "0.0");
        assert_eq!(format_number(-0.06, 1), "-0.1");
        let flat = KnobLabel {
            range: KnobRange::linear(3.0, 3.0),
            ..drive()
        };
        assert_eq!(
            (flat.default_position(), flat.value_text(0.7)),
            (0.0, "3.0000 dB".to_owned())
        );
    }
}
