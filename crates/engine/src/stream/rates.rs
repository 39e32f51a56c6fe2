//! Operators that change the rate: frames stacked into planes of a slower clock, planes spread over frames of a faster one.

use super::build::{Builder, Mode, Stop, limit, limited_frames, limited_weights};
use super::shape::{planes, text, time_axis};
use super::{Axis, Clock, Rate, Signal, StreamOp, Timing};

/// The longest hop, in ticks.
const MAX_HOP: i64 = 1 << 20;

impl Builder<'_> {
    /// True if the audio's time axis is the stream.
    pub(super) fn streams(&self) -> bool {
        self.mode == Mode::Stream
    }

    /// The last `taps` frames, `dilation` apart, every `every` frames, as planes `[planes, taps]`; the time axis stays where it
    /// is and the taps become the last axis. The first result needs index `(taps − 1)·dilation`.
    pub(super) fn stack(
        &mut self,
        signal: &Signal,
        taps: usize,
        dilation: usize,
        every: usize,
    ) -> Result<Signal, Stop> {
        let hop = self.hop(signal.view);
        let whole = |n: usize| i64::try_from(n).map_err(|_| Stop::shape("a window is too long"));
        let (step, reach) = (whole(every)?, whole(taps.saturating_sub(1).saturating_mul(dilation))?);
        limited_frames(reach)?;
        let slower = hop
            .checked_mul(step)
            .filter(|hop| *hop <= MAX_HOP && step > 0)
            .ok_or_else(|| {
                limit(format!(
                    "it has one frame in {step} of one in {hop} samples (at most one in {MAX_HOP})"
                ))
            })?;
        let count = limited_weights(signal.view.planes, taps)?;
        let timing = Timing {
            shift: signal.timing.shift + reach * hop,
            length: (signal.timing.length - reach - 1).div_euclid(step) + 1,
            far: signal.timing.far + reach * hop,
            ..signal.timing
        };
        if timing.length < 1 {
            return Err(Stop::shape("fewer frames than the window needs"));
        }
        let op = StreamOp::Stack { taps, dilation, every };
        let rate = Rate::Frames(Clock::new(slower, timing.shift));
        let mut axes = signal.axes.clone();
        axes.push(Axis::Size(taps));
        Ok(Signal {
            view: self.push_at(op, vec![signal.view], count, rate),
            axes,
            timing,
        })
    }

    /// One frame in `step`, from index 0 on.
    pub(super) fn every(&mut self, signal: &Signal, step: i64) -> Result<Signal, Stop> {
        let step = usize::try_from(step).map_err(|_| Stop::shape("a step is negative"))?;
        let mut thinned = self.stack(signal, 1, 1, step)?;
        thinned.axes.pop();
        Ok(thinned)
    }

    /// Planes `[planes, factor]` as `factor` successive frames; the last axis of `signal` is `factor` and goes.
    pub(super) fn spread(&mut self, signal: &Signal, factor: usize) -> Result<Signal, Stop> {
        let mut axes = signal.axes.clone();
        if factor == 0 || axes.pop() != Some(Axis::Size(factor)) {
            return Err(Stop::shape("internal: nothing to spread"));
        }
        if factor == 1 {
            return Ok(Signal { axes, ..signal.clone() });
        }
        let hop = self.hop(signal.view);
        let ratio = i64::try_from(factor).map_err(|_| Stop::shape("a factor is too large"))?;
        if hop % ratio != 0 {
            return Err(Stop::Finer(ratio / gcd(hop, ratio)));
        }
        let faster = hop / ratio;
        let timing = Timing {
            length: signal.timing.length.saturating_mul(ratio),
            far: signal.timing.far + (ratio - 1) * faster,
            ..signal.timing
        };
        let rate = Rate::Frames(Clock::new(faster, timing.shift));
        let count = signal.view.planes / factor;
        Ok(Signal {
            view: self.push_at(StreamOp::Spread { factor }, vec![signal.view], count, rate),
            axes,
            timing,
        })
    }

    /// Features `[outer, time, factor · inner]` as `[outer, time · factor, inner]`, under `axes`.
    pub(super) fn interleave(
        &mut self,
        signal: &Signal,
        outer: usize,
        factor: usize,
        inner: usize,
        axes: Vec<Axis>,
    ) -> Result<Signal, Stop> {
        // [outer, factor, inner] → [outer, inner, factor].
        let order: Vec<usize> = (0..outer * inner * factor)
            .map(|p| {
                let (o, i, f) = (p / (inner * factor), p / factor % inner, p % factor);
                (o * factor + f) * inner + i
            })
            .collect();
        let shape = vec![Axis::Size(outer * inner), Axis::Time, Axis::Size(factor)];
        let ordered = self.reorder(signal, shape, &order);
        let spread = self.spread(&ordered, factor)?;
        Ok(Signal { axes, ..spread })
    }

    /// Features `[outer, time · factor, inner]` as `[outer, time, factor · inner]`, under `axes`.
    pub(super) fn gather(
        &mut self,
        signal: &Signal,
        outer: usize,
        factor: usize,
        inner: usize,
        axes: Vec<Axis>,
    ) -> Result<Signal, Stop> {
        let stacked = self.stack(signal, factor, 1, factor)?;
        // [outer, inner, factor] → [outer, factor, inner].
        let order: Vec<usize> = (0..outer * inner * factor)
            .map(|p| {
                let (o, f, i) = (p / (inner * factor), p / inner % factor, p % inner);
                (o * inner + i) * factor + f
            })
            .collect();
        Ok(self.reorder(&stacked, axes, &order))
    }

    /// The audio as frames of `size` samples, one every `hop`, in the shape of the model's input.
    pub(super) fn frame_input(
        &mut self,
        audio: &Signal,
        input: &super::inputs::AudioInput,
        size: usize,
        hop: usize,
    ) -> Result<Signal, Stop> {
        let plain = Signal {
            axes: vec![Axis::Size(audio.view.planes), Axis::Time],
            ..audio.clone()
        };
        let stacked = self.stack(&plain, size, 1, hop)?;
        // [channels, size] in the order of the input's axes; the long one holds the samples.
        let sizes: Vec<usize> = input.sizes(size);
        let total: usize = sizes.iter().product();
        if total != stacked.view.planes {
            return Err(Stop::shape(format!(
                "its input {sizes:?} does not hold frames of {size} samples of {} channels",
                stacked.view.planes / size.max(1)
            )));
        }
        let channels = stacked.view.planes / size;
        let samples = sizes.iter().position(|n| *n == size);
        let interleaved =
            channels > 1 && samples.is_some_and(|at| sizes[at + 1..].iter().product::<usize>() == channels);
        let axes: Vec<Axis> = sizes.into_iter().map(Axis::Size).collect();
        let order: Vec<usize> = (0..total)
            .map(|p| {
                if interleaved {
                    (p % channels) * size + p / channels
                } else {
                    p
                }
            })
            .collect();
        Ok(self.reorder(&stacked, axes, &order))
    }

    /// Frames of `size` samples, one every `hop`, as audio: one after the other, or overlapped and added.
    pub(super) fn frame_output(&mut self, frames: &Signal, channels: usize, hop: usize) -> Result<Signal, Stop> {
        let total = frames.view.planes;
        let size = total / channels.max(1);
        if channels == 0 || size == 0 || !total.is_multiple_of(channels) || time_axis(&frames.axes).is_some() {
            return Err(Stop::shape(format!(
                "its output {} holds no frames",
                text(&frames.axes)
            )));
        }
        let sizes: Vec<usize> = frames.axes.iter().map(|axis| super::shape::size(*axis)).collect();
        let at = sizes.iter().position(|n| *n == size);
        let interleaved = channels > 1 && at.is_some_and(|at| sizes[at + 1..].iter().product::<usize>() == channels);
        let pieces = size.div_ceil(hop);
        let zero = self.constant_signal(vec![0.0].into(), vec![Axis::Size(1)]);
        let mut sum: Option<Signal> = None;
        for piece in 0..pieces {
            // Samples `piece · hop ..` of each frame belong `piece` hops after those at its beginning.
            let map: Vec<(usize, usize)> = (0..channels)
                .flat_map(|channel| (0..hop).map(move |k| (channel, piece * hop + k)))
                .map(|(channel, sample)| match (sample < size, interleaved) {
                    (false, _) => (1, 0),
                    (true, true) => (0, sample * channels + channel),
                    (true, false) => (0, channel * size + sample),
                })
                .collect();
            let count = map.len();
            let rate = self.rate(frames.view);
            let view = self.push_at(StreamOp::Assemble(map), vec![frames.view, zero.view], count, rate);
            let part = Signal {
                view,
                axes: vec![Axis::Size(channels), Axis::Time, Axis::Size(hop)],
                timing: frames.timing,
            };
            // Frames that begin before the signal count: it is preceded by silence.
            let back = i64::try_from(piece).unwrap_or(0) * self.hop(frames.view);
            let part = Signal {
                timing: Timing {
                    shift: part.timing.shift - back,
                    ..part.timing
                },
                ..part
            };
            sum = Some(match sum {
                None => part,
                Some(sum) => self.combine(tonegraft_kernels::binary::Function::Add, sum, part)?,
            });
        }
        let sum = sum.ok_or_else(|| Stop::shape("its output holds no frames"))?;
        debug_assert_eq!(planes(&sum.axes), channels * hop);
        self.spread(&sum, hop)
    }
}

/// Greatest common divisor.
pub(crate) const fn gcd(mut a: i64, mut b: i64) -> i64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    if a < 0 { -a } else { a }
}
