//! Constants along time that repeat: frames picked in a repeating pattern (interpolation written out with indices), and factors
//! that do.

use super::build::{Builder, Stop, limited_weights};
use super::shape::{planes, text, time_axis};
use super::{Axis, Clock, Rate, Signal, StreamOp, Timing};
use tonegraft_kernels::conv1d;
use tonegraft_model::Node;

/// The longest pattern looked for, in frames.
const MAX_PERIOD: usize = 64;

/// What an index does from one period to the next: `index[n + period] = index[n] + step`, in the middle of the list.
struct Pattern {
    period: usize,
    step: usize,
    /// For each frame of a period, its index relative to `⌊n / period⌋ · step`.
    offsets: Vec<i64>,
}

/// The pattern of the middle half of the list; what stands before and after may be clamped at the ends.
fn pattern(indices: &[i64]) -> Option<Pattern> {
    let (first, last) = (indices.len() / 4, indices.len() * 3 / 4);
    for period in 1..=MAX_PERIOD.min((last - first) / 2) {
        let step = indices.get(first + period)? - indices.get(first)?;
        let step_size = usize::try_from(step).ok().filter(|step| *step <= MAX_PERIOD)?;
        let repeats = (first..last - period).all(|n| indices[n + period] - indices[n] == step);
        if step_size > 0 && repeats {
            let start = first.div_ceil(period) * period;
            let base = i64::try_from(start / period).ok()? * step;
            let offsets = (0..period).map(|r| indices[start + r] - base).collect();
            return Some(Pattern {
                period,
                step: step_size,
                offsets,
            });
        }
    }
    None
}

impl Builder<'_> {
    /// `Gather` along time or `GatherND` on a leading time axis with constant indices.
    pub(super) fn pick_frames(&mut self, node: &Node, signal: &Signal) -> Result<Signal, Stop> {
        let time = time_axis(&signal.axes).unwrap_or(0);
        let refuse = || Stop::not_streamable("it picks single frames out of the whole signal");
        let tensor = self
            .constant(node, 1)?
            .ok_or_else(|| Stop::shape("its indices are missing"))?;
        let indices = tensor
            .as_i64()
            .ok_or_else(|| Stop::shape("its indices are no integers"))?
            .to_vec();
        if let ([_, width], tonegraft_model::Op::Gather { .. }) = (tensor.shape(), &node.op)
            && *width > 1
        {
            return self.pick_windows(signal, &indices, *width);
        }
        if !matches!(node.op, tonegraft_model::Op::Gather { .. }) && time != 0 {
            return Err(refuse());
        }
        let Pattern { period, step, offsets } = pattern(&indices).ok_or_else(refuse)?;
        let (first, last) = (
            offsets.iter().min().copied().unwrap_or(0),
            offsets.iter().max().copied().unwrap_or(0),
        );
        let taps = usize::try_from(last - first + 1).map_err(|_| refuse())?;
        if taps > 4 * MAX_PERIOD {
            return Err(refuse());
        }
        let mut padded = if first < 0 {
            self.edge(signal, -first)
        } else {
            self.crop_begin(signal, first)
        };
        let whole = |n: usize| i64::try_from(n).unwrap_or(1);
        padded.timing.length = (whole(indices.len() / period) - 1) * whole(step) + whole(taps);
        let stacked = if (taps, step) == (1, 1) {
            padded
        } else {
            self.stack(&padded, taps, 1, step)?
        };
        let channels = signal.view.planes;
        let mut weights = vec![0.0f32; limited_weights(limited_weights(channels, period)?, taps)?];
        for channel in 0..channels {
            for (r, offset) in offsets.iter().enumerate() {
                weights[(channel * period + r) * taps + usize::try_from(offset - first).unwrap_or(0)] = 1.0;
            }
        }
        let op = StreamOp::Conv {
            shape: conv1d::Shape {
                inputs: channels * taps,
                outputs: channels * period,
                taps: 1,
                groups: channels,
            },
            dilation: 1,
            weights: weights.into(),
            bias: None,
        };
        let mut axes = signal.axes.clone();
        axes.push(Axis::Size(period));
        let rows = Signal {
            view: self.push(op, vec![stacked.view], channels * period),
            axes,
            timing: stacked.timing,
        };
        let mut picked = self.spread(&rows, period)?;
        picked.timing.length = whole(indices.len());
        Ok(picked)
    }

    /// `Gather` along time with indices `[frames, width]`, each row a step behind the one before: overlapping frames.
    fn pick_windows(&mut self, signal: &Signal, indices: &[i64], width: usize) -> Result<Signal, Stop> {
        let refuse = || Stop::not_streamable("it picks single frames out of the whole signal");
        let first = indices.get(..width).ok_or_else(refuse)?;
        let step = indices.get(width).map_or(0, |next| next - first[0]);
        let regular = (indices.chunks_exact(width).zip(0i64..))
            .all(|(row, m)| row.iter().zip(first).all(|(index, start)| *index == start + m * step));
        let begin = first.iter().min().copied().unwrap_or(0);
        let taps = usize::try_from(first.iter().max().copied().unwrap_or(0) - begin + 1).map_err(|_| refuse())?;
        let every = usize::try_from(step).ok().filter(|step| *step > 0).ok_or_else(refuse)?;
        if !regular || begin < 0 {
            return Err(refuse());
        }
        let cropped = self.crop_begin(signal, begin);
        let stacked = self.stack(&cropped, taps, 1, every)?;
        let time = time_axis(&signal.axes).unwrap_or(0);
        // [outer, inner, taps] → [outer, width, inner].
        let (outer, inner) = (planes(&signal.axes[..time]), planes(&signal.axes[time + 1..]));
        let order: Vec<usize> = (0..outer * width * inner)
            .map(|p| {
                let (o, w, i) = (p / (width * inner), p / inner % width, p % inner);
                (o * inner + i) * taps + usize::try_from(first[w] - begin).unwrap_or(0)
            })
            .collect();
        let mut axes = signal.axes.clone();
        axes.insert(time + 1, Axis::Size(width));
        let mut picked = self.reorder(&stacked, axes, &order);
        picked.timing.length = i64::try_from(indices.len() / width).unwrap_or(1);
        Ok(picked)
    }

    /// Values `[planes, frames]` that repeat along time, as a signal beside `partner`, under `axes`.
    pub(super) fn repeating(
        &mut self,
        values: &[f32],
        frames: usize,
        axes: Vec<Axis>,
        partner: &Signal,
    ) -> Result<Option<Signal>, Stop> {
        let Rate::Frames(clock) = self.rate(partner.view) else {
            return Ok(None);
        };
        let count = planes(&axes);
        let (first, last) = (frames / 4, frames * 3 / 4);
        let alike = |a: f32, b: f32| (a - b).abs() <= 1e-4 * a.abs().max(b.abs()).max(1.0);
        let found = (2..=MAX_PERIOD.min((last - first) / 2)).find(|period| {
            values
                .chunks_exact(frames)
                .all(|plane| (first..last - period).all(|n| alike(plane[n], plane[n + period])))
        });
        let Some(period) = found else { return Ok(None) };
        let start = first.div_ceil(period) * period;
        let pattern: Vec<f32> = values
            .chunks_exact(frames)
            .flat_map(|plane| plane[start..start + period].to_vec())
            .collect();
        let hop = clock.hop * i64::try_from(period).unwrap_or(1);
        let constants = self.constant_signal(pattern.into(), vec![Axis::Size(count * period)]);
        let map = (0..count * period).map(|plane| (0, plane)).collect();
        let view = self.push_at(
            StreamOp::Assemble(map),
            vec![constants.view],
            count * period,
            Rate::Frames(Clock::new(hop, 0)),
        );
        let mut spread_axes = axes;
        debug_assert!(time_axis(&spread_axes).is_some(), "{}", text(&spread_axes));
        spread_axes.push(Axis::Size(period));
        // It depends on no input at all.
        let timing = Timing {
            shift: 0,
            length: partner.timing.length.div_euclid(i64::try_from(period).unwrap_or(1)),
            far: 0,
            near: i64::MAX / 4,
            recurrent: false,
        };
        let mut signal = self.spread(
            &Signal {
                view,
                axes: spread_axes,
                timing,
            },
            period,
        )?;
        signal.timing.length = partner.timing.length;
        Ok(Some(signal))
    }
}
