//! Measures over a sliding window of what is being played, for a worker thread that reads them a few times a second.
//!
//! * [`Difference`]: the model against the real device: delay, gain and polarity between them, and what is left.
//! * [`ErrorMap`]: where, by level and fundamental, that remainder lies.

mod difference;
mod error_map;
mod history;
mod pieces;
mod reading;

pub use difference::Difference;
pub use error_map::{BANDS_HZ, Cell, ErrorMap, HARMONICS, LEVEL_STEP_DB, LEVELS, LOWEST_LEVEL_DB};
pub use reading::{DifferenceConfig, Reading, Spectra, State};
