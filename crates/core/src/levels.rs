//! How loud models are made: as they are, alike, or as their gear was.
//!
//! The vocabulary is that of the `.nam` world. A capture may tell its *loudness* and, in dBu, which level at the gear's input and
//! output stands for full scale; the user tells which level does at the interface.

/// What normalised models come out at, in dB (RMS, of full scale).
pub const NORMALIZED_DB: f32 = -18.0;

/// The level of full scale at the interface that is assumed, in dBu.
pub const DEFAULT_INTERFACE_DBU: f32 = 12.0;

/// The levels in dBu that are accepted, either way.
pub const MAX_DBU: f32 = 60.0;

/// The most that a level is raised or lowered by, in dB: what a file claims must not deafen.
const MAX_GAIN_DB: f32 = 40.0;

/// What is done about a model's output level.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum OutputMode {
    /// Nothing.
    #[default]
    Raw,
    /// Models that tell their loudness come out at [`NORMALIZED_DB`].
    Normalized,
    /// Models that tell their output level come out as loud as the gear would be at the interface.
    Calibrated,
}

impl OutputMode {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 3] = [Self::Raw, Self::Normalized, Self::Calibrated];

    /// In lower case, for states and the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Normalized => "normalized",
            Self::Calibrated => "calibrated",
        }
    }
}

/// What the user chose.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LevelSettings {
    /// What is done about output levels.
    pub output: OutputMode,
    /// Models that tell their input level are driven as hard as the gear would be.
    pub calibrated_input: bool,
    /// Level in dBu of a sine that peaks at full scale at the interface, −60 … 60.
    pub interface_dbu: f32,
}

impl Default for LevelSettings {
    fn default() -> Self {
        Self::RAW
    }
}

impl LevelSettings {
    /// Levels as they are.
    pub const RAW: Self = Self {
        output: OutputMode::Raw,
        calibrated_input: false,
        interface_dbu: DEFAULT_INTERFACE_DBU,
    };

    /// In range; what is not finite comes from `before`.
    #[must_use]
    pub fn checked(mut self, before: &Self) -> Self {
        self.interface_dbu = if self.interface_dbu.is_finite() {
            self.interface_dbu.clamp(-MAX_DBU, MAX_DBU)
        } else {
            before.interface_dbu
        };
        self
    }
}

/// What a model tells.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ModelLevels {
    /// Loudness of its output in dB (RMS, of full scale) on the trainer's signal.
    pub loudness_db: Option<f32>,
    /// Level in dBu at the gear's input that stands for full scale.
    pub input_dbu: Option<f32>,
    /// Level in dBu at the gear's output that stands for full scale.
    pub output_dbu: Option<f32>,
}

impl ModelLevels {
    /// Gains in dB before and after the model, 0 where it does not tell what is needed, ±40 at most.
    ///
    /// # Realtime Safety
    /// Safe.
    pub fn gains_db(&self, settings: &LevelSettings) -> (f32, f32) {
        let interface = settings.interface_dbu;
        let before = self
            .input_dbu
            .filter(|_| settings.calibrated_input)
            .map(|own| interface - own);
        let after = match settings.output {
            OutputMode::Raw => None,
            OutputMode::Normalized => self.loudness_db.map(|own| NORMALIZED_DB - own),
            OutputMode::Calibrated => self.output_dbu.map(|own| own - interface),
        };
        let safe = |db: Option<f32>| {
            db.filter(|db| db.is_finite())
                .map_or(0.0, |db| db.clamp(-MAX_GAIN_DB, MAX_GAIN_DB))
        };
        (safe(before), safe(after))
    }
}

/// Decibels as a factor; exactly 1 at 0 dB.
///
/// # Realtime Safety
/// Safe.
pub fn factor(db: f32) -> f32 {
    if db == 0.0 { 1.0 } else { 10.0_f32.powf(db / 20.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gains_are_those_of_the_field() {
        let model = ModelLevels {
            loudness_db: Some(-25.0),
            input_dbu: Some(18.0),
            output_dbu: Some(9.0),
        };
        let settings = |output, calibrated_input| LevelSettings {
            output,
            calibrated_input,
            interface_dbu: 12.5,
        };
        assert_eq!(model.gains_db(&settings(OutputMode::Raw, false)), (0.0, 0.0));
        assert_eq!(model.gains_db(&settings(OutputMode::Normalized, true)), (-5.5, 7.0));
        assert_eq!(model.gains_db(&settings(OutputMode::Calibrated, false)), (0.0, -3.5));
        let silent = ModelLevels::default();
        assert_eq!(silent.gains_db(&settings(OutputMode::Calibrated, true)), (0.0, 0.0));
        let quiet = ModelLevels {
            loudness_db: Some(-100.0),
            ..silent
        };
        assert_eq!(quiet.gains_db(&settings(OutputMode::Normalized, true)), (0.0, 40.0));
    }

    #[test]
    fn factors_are_exact_where_nothing_changes() {
        assert_eq!(factor(0.0), 1.0);
        assert!((factor(6.0) - 1.995_262_3).abs() < 1e-6);
        let before = LevelSettings::default();
        let wrong = LevelSettings {
            interface_dbu: f32::NAN,
            ..before
        };
        assert_eq!(wrong.checked(&before), before);
    }
}
