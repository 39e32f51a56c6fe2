//! Pooling, over time or features.

use super::build::{Builder, Stop, limited_frames, limited_planes, limited_weights};
use super::convolution::padding;
use super::facts::Fact;
use super::shape::{planes, size, text, time_axis};
use super::{Axis, Clock, Rate, Signal, StreamOp};
use tonegraft_kernels::frame::{Function, Reduction};
use tonegraft_model::Node;
use tonegraft_model::op::{AutoPad, Window};

impl Builder<'_> {
    pub(super) fn max_pool(&mut self, node: &Node, window: &Window, ceil_mode: bool) -> Result<Signal, Stop> {
        let (signal, window, pads) = self.pooled(node, window, ceil_mode, f32::NEG_INFINITY)?;
        let (batch, channels) = match signal.axes.as_slice() {
            [batch, Axis::Size(channels), ..] => (size(*batch), *channels),
            _ => return Err(Stop::not_streamable("the time stands where channels belong")),
        };
        let (sizes, axes) = pool_sizes(&signal, &window, pads)?;
        let function = Function::MaxPool {
            batch,
            channels,
            size: sizes,
            taps: planar(&window.kernel, 1),
            strides: planar(&window.strides, 1),
            dilations: planar(&window.dilations, 1),
            pads,
        };
        let result = self.frame(function, vec![signal], axes)?;
        Ok(self.pool_result(node, result))
    }

    pub(super) fn average_pool(
        &mut self,
        node: &Node,
        window: &Window,
        ceil_mode: bool,
        count_include_pad: bool,
    ) -> Result<Signal, Stop> {
        let shares = if count_include_pad {
            None
        } else {
            self.pooled_share(node, window, ceil_mode)?
        };
        let (signal, window, pads) = self.pooled(node, window, ceil_mode, 0.0)?;
        let (sizes, axes) = pool_sizes(&signal, &window, pads)?;
        let outer = planes(&signal.axes[..2]);
        let (taps, strides, dilations) = (
            planar(&window.kernel, 1),
            planar(&window.strides, 1),
            planar(&window.dilations, 1),
        );
        let result: Vec<usize> = axes[2..].iter().map(|axis| size(*axis)).collect();
        let result = planar(&result, 1);
        limited_weights(limited_planes(&axes)?, taps[0].saturating_mul(taps[1]))?;
        let (mut offsets, mut sources, mut weights) = (vec![0u32], Vec::new(), Vec::new());
        for o in 0..outer {
            for y in 0..result[0] {
                for x in 0..result[1] {
                    let first = sources.len();
                    for ty in 0..taps[0] {
                        for tx in 0..taps[1] {
                            let at = |i: usize, t: usize, axis: usize| -> Option<usize> {
                                let place = i64::try_from(i * strides[axis] + t * dilations[axis]).ok()? - pads[axis];
                                usize::try_from(place).ok().filter(|place| *place < sizes[axis])
                            };
                            if let (Some(v), Some(h)) = (at(y, ty, 0), at(x, tx, 1)) {
                                sources.push(u32::try_from((o * sizes[0] + v) * sizes[1] + h).unwrap_or(0));
                            }
                        }
                    }
                    let count = if count_include_pad {
                        taps[0] * taps[1]
                    } else {
                        sources.len() - first
                    };
                    #[allow(clippy::cast_precision_loss)]
                    let share = 1.0 / count.max(1) as f32;
                    weights.resize(sources.len(), share);
                    offsets.push(u32::try_from(sources.len()).unwrap_or(u32::MAX));
                }
            }
        }
        let function = Function::Sparse {
            inputs: signal.view.planes,
            offsets: offsets.into(),
            sources: sources.into(),
            weights: weights.into(),
        };
        let mut result = self.frame(function, vec![signal], axes)?;
        if let Some(share) = shares {
            // Padding does not count: the mean is that of the frames that there are.
            result = self.combine(tonegraft_kernels::binary::Function::Div, result, share)?;
        }
        Ok(self.pool_result(node, result))
    }

    /// Which share of the frames under a window over the time is no padding, where that is not always all.
    fn pooled_share(&mut self, node: &Node, window: &Window, ceil_mode: bool) -> Result<Option<Signal>, Stop> {
        let signal = self.signal(node, 0)?;
        let Some(time) = signal.axes.iter().skip(2).position(|axis| *axis == Axis::Time) else {
            return Ok(None);
        };
        let explicit = self.explicit(window, &signal, ceil_mode)?;
        let begin = usize::try_from(explicit.pads[time]).unwrap_or(0);
        let Some(hop) = self.rate(signal.view).hop().filter(|_| begin > 0) else {
            return Ok(None);
        };
        let ones = StreamOp::Ramp {
            start: 0,
            scale: 0.0,
            offset: 1.0,
        };
        let rate = Rate::Frames(Clock::new(hop, signal.timing.shift));
        let ones = Signal {
            view: self.push_at(ones, Vec::new(), 1, rate),
            axes: vec![Axis::Size(1), Axis::Time],
            timing: signal.timing,
        };
        let mut padded = self.prepend(&ones, &[], begin);
        let taps = window.kernel[time];
        padded.timing.length += explicit.pads[explicit.kernel.len() + time];
        let stacked = self.stack(&padded, taps, explicit.dilations[time], explicit.strides[time])?;
        let mean = Function::Reduce {
            shape: vec![taps],
            axes: vec![true],
            reduction: Reduction::Mean,
        };
        self.frame(mean, vec![stacked], vec![Axis::Size(1)]).map(Some)
    }

    /// The input of a pooling layer with the frames under its window as features, the window without the time, and its pads
    /// `[h, w, h, w]`.
    fn pooled(
        &mut self,
        node: &Node,
        window: &Window,
        ceil_mode: bool,
        outside: f32,
    ) -> Result<(Signal, Window, [i64; 4]), Stop> {
        let signal = self.signal(node, 0)?;
        let spatial = signal.axes.len().saturating_sub(2);
        if !(1..=2).contains(&spatial) || window.kernel.len() != spatial {
            return Err(Stop::not_streamable(format!("it pools {}", text(&signal.axes))));
        }
        let mut window = Window {
            auto_pad: AutoPad::NotSet,
            ..self.explicit(window, &signal, ceil_mode)?
        };
        let mut signal = signal;
        if let Some(time) = signal.axes.iter().skip(2).position(|axis| *axis == Axis::Time) {
            let begin = usize::try_from(window.pads[time]).map_err(|_| Stop::shape("negative padding"))?;
            if begin > 0 {
                limited_frames(window.pads[time])?;
                limited_weights(begin, signal.view.planes)?;
                let values = if outside == 0.0 {
                    Vec::new()
                } else {
                    vec![outside; begin * signal.view.planes]
                };
                signal = self.prepend(&signal, &values, begin);
            }
            signal.timing.length += window.pads[spatial + time];
            let stacked = self.stack(
                &signal,
                window.kernel[time],
                window.dilations[time],
                window.strides[time],
            )?;
            signal = self.taps_in_place(&stacked, 2 + time)?;
            (window.strides[time], window.dilations[time]) = (1, 1);
            (window.pads[time], window.pads[spatial + time]) = (0, 0);
        }
        let pads = if spatial == 1 {
            [0, window.pads[0], 0, window.pads[1]]
        } else {
            [window.pads[0], window.pads[1], window.pads[2], window.pads[3]]
        };
        Ok((signal, window, pads))
    }

    /// The window with its padding as numbers, also what rounding up adds.
    fn explicit(&self, window: &Window, signal: &Signal, ceil_mode: bool) -> Result<Window, Stop> {
        let spatial = window.kernel.len();
        let mut explicit = window.clone();
        explicit.pads.resize(2 * spatial, 0);
        for at in 0..spatial {
            let length = signal.length(2 + at);
            let number = |n: usize| i64::try_from(n).unwrap_or(i64::MAX / 4);
            let step = number(*window.strides.get(at).unwrap_or(&1)).max(1);
            let reach = number(
                window.kernel[at]
                    .saturating_sub(1)
                    .saturating_mul(*window.dilations.get(at).unwrap_or(&1)),
            );
            let given = (explicit.pads[at], explicit.pads[spatial + at]);
            (explicit.pads[at], explicit.pads[spatial + at]) = padding(window.auto_pad, given, length, reach, step);
            if ceil_mode {
                let over = (length + explicit.pads[at] + explicit.pads[spatial + at] - reach - 1).rem_euclid(step);
                if over > 0 {
                    explicit.pads[spatial + at] += step - over;
                }
            }
        }
        if explicit.strides.contains(&0) || explicit.kernel.contains(&0) {
            return Err(Stop::shape("a window without taps"));
        }
        Ok(explicit)
    }

    /// Puts the time back where it was in the input.
    fn pool_result(&self, node: &Node, mut result: Signal) -> Signal {
        if let Ok(Some(Fact::Signal(input))) = self.fact(node, 0)
            && let Some(time) = time_axis(&input.axes)
        {
            if time < 2 {
                return result;
            }
            result.axes[time] = Axis::Time;
        }
        result
    }
}

fn planar<T: Copy>(values: &[T], one: T) -> [T; 2] {
    match values {
        [w] => [one, *w],
        [h, w, ..] => [*h, *w],
        [] => [one, one],
    }
}

/// Sizes of the pooled axes `[h, w]`, and the axes of the result.
fn pool_sizes(signal: &Signal, window: &Window, pads: [i64; 4]) -> Result<([usize; 2], Vec<Axis>), Stop> {
    let sizes: Vec<usize> = signal.axes[2..].iter().map(|axis| size(*axis)).collect();
    let sizes = planar(&sizes, 1);
    let (taps, strides, dilations) = (
        planar(&window.kernel, 1),
        planar(&window.strides, 1),
        planar(&window.dilations, 1),
    );
    let mut axes = signal.axes.clone();
    let spatial = axes.len() - 2;
    for at in 2 - spatial..2 {
        let number = |n: usize| i64::try_from(n).unwrap_or(i64::MAX / 4);
        let room =
            number(sizes[at]) + pads[at] + pads[2 + at] - number((taps[at] - 1).saturating_mul(dilations[at])) - 1;
        let count =
            usize::try_from(room).map_err(|_| Stop::shape("fewer features than the window needs"))? / strides[at] + 1;
        axes[2 + at - (2 - spatial)] = Axis::Size(count);
    }
    Ok((sizes, axes))
}
