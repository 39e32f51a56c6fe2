//! An input that the metadata feeds with the phase of an oscillator.

use super::build::{Builder, Stop, limited_planes};
use super::inputs::{Control, Oscillator};
use super::{Clock, Rate, Signal, StreamOp, Timing, View, WireId};
use tonegraft_model::ValueId;

/// Frames per second where a file does not say its rate.
const DEFAULT_RATE: f32 = 48_000.0;

impl Builder<'_> {
    pub(super) fn oscillator(
        &mut self,
        id: ValueId,
        oscillator: &Oscillator,
        controls: &mut Vec<Control>,
        control_wires: &mut Vec<(WireId, Vec<usize>)>,
    ) -> Result<Signal, Stop> {
        let planes = limited_planes(&oscillator.axes)?;
        let mut inputs: Vec<View> = Vec::new();
        if let Some(knob) = &oscillator.rate_knob {
            let wire = self.wire(1, Rate::Control);
            controls.push(Control {
                knob: knob.clone(),
                declared: true,
                shown: true,
            });
            control_wires.push((wire, vec![controls.len() - 1]));
            inputs.push(self.whole(wire));
        }
        #[allow(clippy::cast_precision_loss)]
        let op = StreamOp::Phase {
            rate: oscillator.rate,
            frames: self.graph.metadata.sample_rate.map_or(DEFAULT_RATE, |rate| rate as f32),
            offset: oscillator.stereo_offset,
        };
        let name = self.graph.value(id).name.clone();
        self.note("phase", &format!("`{name}` follows an oscillator"));
        let rate = Rate::Frames(Clock::new(self.ticks, 0));
        Ok(Signal {
            view: self.push_at(op, inputs, planes, rate),
            axes: oscillator.axes.clone(),
            timing: Timing {
                length: self.length,
                near: i64::MAX / 4,
                ..Timing::default()
            },
        })
    }
}
