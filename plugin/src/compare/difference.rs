//! A slot against the reference, live: how deep the null is, and where the model is wrong.

use super::Task;
use crate::editor::view::{Curve, DifferenceState, DifferenceView, ErrorMap, SpectrumView, Trace};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tonegraft_analysis::live::{
    BANDS_HZ, Difference, DifferenceConfig, LEVEL_STEP_DB, LEVELS, LOWEST_LEVEL_DB, Reading, State,
};
use tonegraft_analysis::spectrum::LogAxis;
use tonegraft_core::Source;
use tonegraft_slots::Piece;

/// How often the figures are brought up to date.
const STEP: Duration = Duration::from_millis(250);

/// Points of a curve.
const POINTS: usize = 240;

/// See the module's head.
pub(super) struct Comparing {
    slot: Source,
    rate: f64,
    /// By how much the slot is delayed, in frames.
    latency: u32,
    measure: Difference,
    updated: Instant,
    axis: LogAxis,
    hz: Arc<[f32]>,
    levels: Arc<[f32]>,
    bands: Arc<[f32]>,
}

/// Figures are drawn as f32.
#[allow(clippy::cast_possible_truncation)]
fn narrow(values: impl Iterator<Item = f64>) -> Arc<[f32]> {
    values.map(|value| value as f32).collect()
}

impl Comparing {
    /// Of `slot`, which is heard `latency` frames late, with the reference, which is `late` frames late if that is known.
    pub(super) fn new(rate: f64, channels: usize, slot: Source, latency: u32, late: Option<f64>) -> Self {
        let mut measure = Difference::new(DifferenceConfig::new(rate, channels.clamp(1, 2)));
        measure.set_input_delay(latency as usize);
        if let Some(late) = late {
            measure.set_delay(late - f64::from(latency));
        }
        let axis = LogAxis::new(20.0, (0.5 * rate).min(20_000.0), POINTS);
        // A handful.
        #[allow(clippy::cast_precision_loss)]
        let levels = narrow((0..LEVELS).map(|level| LOWEST_LEVEL_DB + (level as f64 + 0.5) * LEVEL_STEP_DB));
        Self {
            slot,
            rate,
            latency,
            measure,
            updated: Instant::now(),
            hz: narrow(axis.frequencies()),
            axis,
            levels,
            bands: narrow(BANDS_HZ.into_iter()),
        }
    }

    /// True if it still is what is asked for.
    pub(super) fn fits(&self, slot: Source, latency: u32) -> bool {
        self.slot == slot && self.latency == latency
    }

    /// Forgets everything.
    pub(super) fn start_afresh(&mut self) {
        self.measure.reset();
    }

    /// New figures, if it is time for them, and the gain of the reference in the difference.
    pub(super) fn view(&mut self) -> Option<(DifferenceView, Option<f64>)> {
        if self.updated.elapsed() < STEP {
            return None;
        }
        self.updated = Instant::now();
        let state = self.measure.update();
        let mut view = DifferenceView {
            map: self.map(),
            ..DifferenceView::default()
        };
        let mut gain = None;
        match state {
            State::Filling => view.state = DifferenceState::Waiting,
            State::Silent { model, reference } => {
                view.state = DifferenceState::Off(
                    match (model, reference) {
                        (_, true) => "The reference is silent: check the side-chain’s routing, and play something.",
                        _ => "The slot is silent: play something.",
                    }
                    .to_owned(),
                );
            }
            State::Unaligned { .. } => {
                view.state = DifferenceState::Off(
                    "The reference does not resemble the slot enough to be aligned yet; go on playing, with attacks."
                        .to_owned(),
                );
            }
            State::Measured(reading) => {
                gain = Some(reading.difference_gain);
                self.fill(&mut view, &reading);
            }
        }
        Some((view, gain))
    }

    fn fill(&self, view: &mut DifferenceView, reading: &Reading) {
        view.state = DifferenceState::Live;
        // Seconds.
        #[allow(clippy::cast_possible_truncation)]
        {
            view.seconds = reading.seconds as f32;
        }
        view.null_db = reading.null_db;
        view.esr = reading.esr;
        view.esr_preemphasis = reading.esr_preemphasis;
        view.mr_stft = reading.mr_stft.map_or(f64::INFINITY, |distance| distance.distance);
        view.correlation = if reading.inverted {
            -reading.correlation
        } else {
            reading.correlation
        };
        view.gain_db = reading.gain_db;
        // Against the input, as the reference's placement is.
        view.delay = reading.delay + f64::from(self.latency);
        view.inverted = reading.inverted;
        if let Some(spectra) = self.measure.spectra() {
            let curve = |trace, power: &[f64]| Curve {
                trace,
                db: self.axis.draw(power, self.rate).into(),
            };
            view.spectrum = SpectrumView {
                hz: Arc::clone(&self.hz),
                curves: vec![
                    curve(Trace::Reference, &spectra.reference),
                    curve(Trace::Difference, &spectra.difference),
                ],
            };
        }
    }

    fn map(&self) -> Option<ErrorMap> {
        let cells = self.measure.map().cells();
        let heard = cells.iter().any(|cell| cell.windows > 0);
        heard.then(|| ErrorMap {
            levels_db: Arc::clone(&self.levels),
            hz: Arc::clone(&self.bands),
            cells: narrow(cells.iter().map(|cell| cell.error_db().unwrap_or(f64::NAN))),
        })
    }
}

impl Task for Comparing {
    fn interrupt(&mut self) {
        self.measure.restart();
    }

    fn take(&mut self, piece: &Piece<'_>) {
        let own = if self.slot == Source::B { piece.b } else { piece.a };
        self.measure.feed(piece.input, own, piece.reference);
    }
}
