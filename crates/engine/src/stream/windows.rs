//! Models that take a window of past samples for each sample: `[samples, window] → [samples, 1]`.

use super::build::{Builder, Stop};
use super::convolution::Along;
use super::{Axis, Rate, Signal, StreamOp, Timing, View};
use std::collections::HashMap;
use std::sync::Arc;
use tonegraft_kernels::conv1d;

/// A window: plane `w` is the base `size − 1 − w` frames ago.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sliding {
    /// The signal under the window, one plane.
    base: View,
    /// Frames of the window.
    size: usize,
}

impl Builder<'_> {
    /// The audio as a window that ends at each sample, before the first one silent.
    pub(super) fn window_input(&mut self, audio: &Signal, axes: Vec<Axis>, size: usize) -> Result<Signal, Stop> {
        let plain = Signal {
            axes: vec![Axis::Time],
            ..audio.clone()
        };
        let stacked = self.stack(&plain, size, 1, 1)?;
        self.sliding = Some((stacked.view, Sliding { base: audio.view, size }));
        // What a window of silence gives stands before the first one.
        self.earliest = self.earliest.min(-(i64::try_from(size).unwrap_or(0) * self.ticks));
        Ok(Signal {
            view: stacked.view,
            axes,
            timing: Timing {
                shift: audio.timing.shift,
                length: audio.timing.length,
                ..stacked.timing
            },
        })
    }

    /// A convolution within each window, as one along time: most of a window's results are those of the window before, one sample
    /// on. `None` if the signal is no window.
    pub(super) fn conv_window(
        &mut self,
        signal: &Signal,
        along: Along,
        outputs: usize,
        weights: &[f32],
        bias: Option<&Arc<[f32]>>,
    ) -> Option<Signal> {
        let (view, Sliding { base, size }) = self.sliding?;
        if view != signal.view || signal.axes.len() != 3 {
            return None;
        }
        let whole = |n: usize| i64::try_from(n).ok();
        let (stride, dilation, length) = (whole(along.stride)?, whole(along.dilation)?, whole(size)?);
        let reach = whole(along.taps)?.checked_sub(1)?.checked_mul(dilation)?;
        let count = usize::try_from((length + along.begin + along.end - reach - 1).div_euclid(stride) + 1).ok()?;
        let rate = self.rate(base);
        debug_assert!(matches!(rate, Rate::Frames(_)));
        let hop = self.hop(base);
        // Results whose taps all lie in the window share one convolution; at its ends, taps in the padding drop out.
        let mut variants: HashMap<(usize, usize), View> = HashMap::new();
        let mut views = Vec::new();
        for at in 0..count {
            let place = |tap: usize| Some(whole(at)? * stride - along.begin + whole(tap)? * dilation);
            let inside = |tap: &usize| place(*tap).is_some_and(|place| (0..length).contains(&place));
            let taps: Vec<usize> = (0..along.taps).filter(inside).collect();
            let (Some(first), Some(last)) = (taps.first().copied(), taps.last().copied()) else {
                // Nothing but padding: the bias.
                let values: Arc<[f32]> = bias.map_or_else(|| vec![0.0; outputs].into(), Arc::clone);
                let constant = self.constant_signal(values, vec![Axis::Size(outputs)]);
                let map = (0..outputs).map(|plane| (0, plane)).collect();
                views.push(self.push_at(StreamOp::Assemble(map), vec![constant.view], outputs, rate));
                continue;
            };
            let variant = match variants.get(&(first, last)) {
                Some(view) => *view,
                None => {
                    let used = last - first + 1;
                    let chosen: Vec<f32> = (0..outputs)
                        .flat_map(|output| weights[output * along.taps + first..=output * along.taps + last].to_vec())
                        .collect();
                    let op = StreamOp::Conv {
                        shape: conv1d::Shape {
                            inputs: 1,
                            outputs,
                            taps: used,
                            groups: 1,
                        },
                        dilation: if used == 1 { 1 } else { along.dilation },
                        weights: chosen.into(),
                        bias: bias.cloned(),
                    };
                    let view = self.push(op, vec![base], outputs);
                    variants.insert((first, last), view);
                    view
                }
            };
            // The newest tap lies that many samples before the window's end.
            let back = length - 1 - place(last)?;
            views.push(self.delay(variant, back * hop));
        }
        let map: Vec<(usize, usize)> = (0..outputs)
            .flat_map(|output| (0..count).map(move |at| (at, output)))
            .collect();
        let planes = map.len();
        Some(Signal {
            view: self.push(StreamOp::Assemble(map), views, planes),
            axes: vec![Axis::Time, Axis::Size(outputs), Axis::Size(count)],
            timing: signal.timing,
        })
    }
}
