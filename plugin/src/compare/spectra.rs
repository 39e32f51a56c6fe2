//! Averaged spectra of what comes in, what goes out, and the reference.

use super::Task;
use crate::editor::view::{Curve, SpectrumView, Trace};
use std::sync::Arc;
use tonegraft_analysis::spectrum::{Averager, LogAxis};
use tonegraft_slots::Piece;

/// Points of a curve.
const POINTS: usize = 240;

/// Seconds over which is averaged.
const SECONDS: f64 = 0.4;

/// See the module's head.
pub(super) struct Spectra {
    axis: LogAxis,
    hz: Arc<[f32]>,
    input: Averager,
    output: Averager,
    reference: Option<Averager>,
}

impl Spectra {
    pub(super) fn new(rate: f64, inputs: usize, outputs: usize, references: usize) -> Self {
        let axis = LogAxis::new(20.0, (0.5 * rate).min(20_000.0), POINTS);
        // Audible frequencies.
        #[allow(clippy::cast_possible_truncation)]
        let hz = axis.frequencies().map(|hz| hz as f32).collect();
        let averager = |channels| Averager::new(rate, channels, SECONDS);
        Self {
            axis,
            hz,
            input: averager(inputs),
            output: averager(outputs),
            reference: (references > 0).then(|| averager(outputs)),
        }
    }

    pub(super) fn view(&self) -> SpectrumView {
        let curve = |trace, averager: &Averager| Curve {
            trace,
            db: averager.draw(&self.axis).into(),
        };
        let curves = [
            Some(curve(Trace::Input, &self.input)),
            Some(curve(Trace::Output, &self.output)),
            self.reference
                .as_ref()
                .map(|averager| curve(Trace::Reference, averager)),
        ];
        SpectrumView {
            hz: Arc::clone(&self.hz),
            curves: curves.into_iter().flatten().collect(),
        }
    }
}

impl Task for Spectra {
    fn interrupt(&mut self) {}

    fn take(&mut self, piece: &Piece<'_>) {
        self.input.feed(piece.input);
        self.output.feed(piece.output);
        if let Some(reference) = &mut self.reference {
            reference.feed(piece.reference);
        }
    }
}
