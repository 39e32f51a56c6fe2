//! Conv and ConvTranspose: along time, over features, or both.

use super::build::{Builder, Stop, limited_frames, limited_planes, limited_weights};
use super::facts::Floats;
use super::shape::{size, text, time_axis};
use super::{Axis, Signal, StreamOp, Timing};
use std::sync::Arc;
use tonegraft_kernels::{conv1d, frame};
use tonegraft_model::Node;
use tonegraft_model::op::{AutoPad, Window};

/// One value per output channel, or none.
type Bias = Option<Arc<[f32]>>;

/// One spatial axis of a window.
#[derive(Clone, Copy, Debug)]
pub(super) struct Along {
    pub taps: usize,
    pub stride: usize,
    pub dilation: usize,
    pub begin: i64,
    pub end: i64,
}

impl Along {
    /// Frames from the first tap to the last.
    fn reach(self) -> Result<i64, Stop> {
        let reach = self.taps.saturating_sub(1).saturating_mul(self.dilation);
        if self.taps == 0 || reach > 1 << 24 {
            return Err(Stop::shape(format!(
                "{} taps {} frames apart",
                self.taps, self.dilation
            )));
        }
        Ok(i64::try_from(reach).unwrap_or(0))
    }
}

/// Padding before and after an axis of `length`, for windows that reach over `reach + 1` elements every `step`.
pub(super) fn padding(rule: AutoPad, explicit: (i64, i64), length: i64, reach: i64, step: i64) -> (i64, i64) {
    // Enough for ceil(length / step) results.
    let results = (length + step - 1).div_euclid(step);
    let same = ((results - 1) * step + reach + 1 - length).max(0);
    match rule {
        AutoPad::NotSet => explicit,
        AutoPad::Valid => (0, 0),
        AutoPad::SameUpper => (same / 2, same - same / 2),
        AutoPad::SameLower => (same - same / 2, same / 2),
    }
}

/// The window along spatial axis `axis` of `axes`, over `length` values.
fn along(window: &Window, axis: usize, axes: usize, taps: usize, length: i64) -> Result<Along, Stop> {
    let (Some(stride), Some(dilation)) = (window.strides.get(axis), window.dilations.get(axis)) else {
        return Err(Stop::shape("strides or dilations are missing"));
    };
    let (stride, dilation) = (*stride, *dilation);
    if stride == 0 || dilation == 0 {
        return Err(Stop::shape("a stride or dilation of 0"));
    }
    let mut along = Along {
        taps,
        stride,
        dilation,
        begin: 0,
        end: 0,
    };
    let reach = along.reach()?;
    let step = i64::try_from(stride).map_err(|_| Stop::shape("a stride is too large"))?;
    let at = |at: usize| window.pads.get(at).copied().unwrap_or(0);
    (along.begin, along.end) = padding(window.auto_pad, (at(axis), at(axes + axis)), length, reach, step);
    limited_frames(along.begin)?;
    limited_frames(along.end)?;
    Ok(along)
}

/// What the axes of a convolution's input mean.
struct Layout {
    batch: usize,
    channels: usize,
    /// Position of the time among the spatial axes.
    time: Option<usize>,
    spatial: usize,
}

fn layout(signal: &Signal) -> Result<Layout, Stop> {
    let misplaced = || {
        Stop::not_streamable(format!(
            "its input {} has the time where channels belong",
            text(&signal.axes)
        ))
    };
    let [batch, Axis::Size(channels), spatial @ ..] = signal.axes.as_slice() else {
        return Err(misplaced());
    };
    Ok(Layout {
        batch: size(*batch),
        channels: *channels,
        time: spatial.iter().position(|axis| *axis == Axis::Time),
        spatial: spatial.len(),
    })
}

impl Builder<'_> {
    fn weights(&mut self, node: &Node) -> Result<(Floats, Bias), Stop> {
        let weights = self
            .floats(node, 1)?
            .ok_or_else(|| Stop::shape("its weights are missing"))?;
        Ok((weights, self.floats(node, 2)?.map(|(_, bias)| bias)))
    }

    pub(super) fn conv(&mut self, node: &Node, window: &Window, group: usize) -> Result<Signal, Stop> {
        let signal = self.signal(node, 0)?;
        let ((w_shape, weights), bias) = self.weights(node)?;
        let layout = layout(&signal)?;
        let misfit = || Stop::shape(format!("weights {w_shape:?} do not fit {}", text(&signal.axes)));
        if w_shape.len() != signal.axes.len() || w_shape.len() < 3 {
            return Err(misfit());
        }
        let (outputs, group_inputs) = (w_shape[0], w_shape[1]);
        if group == 0 || group_inputs * group != layout.channels || !outputs.is_multiple_of(group) {
            return Err(Stop::shape(format!(
                "{} input channels do not fit weights {w_shape:?} in {group} groups",
                layout.channels
            )));
        }
        let mut windows = Vec::new();
        for axis in 0..layout.spatial {
            let length = signal.length(2 + axis);
            windows.push(along(window, axis, layout.spatial, w_shape[2 + axis], length)?);
        }
        let Some(time) = layout.time else {
            if layout.channels == 1
                && let [along] = windows.as_slice()
                && let Some(shared) = self.conv_window(&signal, *along, outputs, &weights, bias.as_ref())
            {
                return Ok(shared);
            }
            return self.conv_frame(&signal, &windows, (outputs, group), weights, bias, &layout);
        };
        let plain = |axis: usize| {
            let Along {
                taps,
                stride,
                begin,
                end,
                ..
            } = windows[axis];
            axis == time || (signal.axes[2 + axis] == Axis::Size(1) && (taps, stride, begin, end) == (1, 1, 0, 0))
        };
        if layout.batch == 1 && (0..layout.spatial).all(plain) {
            return self.conv_time(&signal, windows[time], (outputs, group), weights, bias);
        }
        // Over time and features: the frames under the kernel become features first.
        let Along {
            taps,
            stride,
            dilation,
            begin,
            end,
        } = windows[time];
        let mut padded = self.crop_begin(&signal, -begin);
        padded.timing.length += end;
        let stacked = self.stack(&padded, taps, dilation, stride)?;
        let under = self.taps_in_place(&stacked, 2 + time)?;
        windows[time] = Along {
            taps,
            stride: 1,
            dilation: 1,
            begin: 0,
            end: 0,
        };
        let mut result = self.conv_frame(&under, &windows, (outputs, group), weights, bias, &layout)?;
        result.axes[2 + time] = Axis::Time;
        Ok(result)
    }

    /// Along time alone.
    fn conv_time(
        &mut self,
        signal: &Signal,
        window: Along,
        (outputs, groups): (usize, usize),
        weights: Arc<[f32]>,
        bias: Option<Arc<[f32]>>,
    ) -> Result<Signal, Stop> {
        let Along {
            taps,
            stride,
            dilation,
            begin,
            end,
        } = window;
        let mut padded = if begin == 0 {
            signal.clone()
        } else {
            self.crop_begin(signal, -begin)
        };
        padded.timing.length += end;
        let mut axes = signal.axes.clone();
        axes[1] = Axis::Size(outputs);
        limited_planes(&axes)?;
        let inputs = signal.view.planes;
        let (signal, shape, timing) = if stride == 1 && !self.is_stepwise(signal) {
            let reach = window.reach()?;
            let timing = Timing {
                shift: padded.timing.shift + reach * self.hop(padded.view),
                length: padded.timing.length - reach,
                far: padded.timing.far + reach * self.hop(padded.view),
                ..padded.timing
            };
            let shape = conv1d::Shape {
                inputs,
                outputs,
                taps,
                groups,
            };
            (padded, shape, timing)
        } else {
            let stacked = if (taps, stride) == (1, 1) {
                padded
            } else {
                self.stack(&padded, taps, dilation, stride)?
            };
            let shape = conv1d::Shape {
                inputs: inputs * taps,
                outputs,
                taps: 1,
                groups,
            };
            let timing = stacked.timing;
            (stacked, shape, timing)
        };
        if timing.length < 1 {
            return Err(Stop::shape("fewer frames than the kernel needs"));
        }
        let dilation = if shape.taps == 1 { 1 } else { dilation };
        let op = StreamOp::Conv {
            shape,
            dilation,
            weights,
            bias,
        };
        Ok(Signal {
            view: self.push(op, vec![signal.view], outputs),
            axes,
            timing,
        })
    }

    /// Within each frame.
    fn conv_frame(
        &mut self,
        signal: &Signal,
        windows: &[Along],
        (outputs, groups): (usize, usize),
        weights: Arc<[f32]>,
        bias: Option<Arc<[f32]>>,
        layout: &Layout,
    ) -> Result<Signal, Stop> {
        let (windows, sizes) = planar(windows, &signal.axes)?;
        let mut axes = signal.axes.clone();
        axes[1] = Axis::Size(outputs);
        for (axis, along) in windows.iter().skip(2 - layout.spatial).enumerate() {
            let at = 2 + axis;
            let padded = i64::try_from(size(axes[at])).unwrap_or(0) + along.begin + along.end;
            let results = (padded - along.reach()? - 1).div_euclid(i64::try_from(along.stride).unwrap_or(1)) + 1;
            let results = usize::try_from(results).ok().filter(|n| *n > 0);
            let results = results.ok_or_else(|| Stop::shape("fewer features than the kernel needs"))?;
            axes[at] = Axis::Size(results);
        }
        let function = frame::Function::Conv {
            batch: layout.batch,
            groups,
            inputs: layout.channels,
            outputs,
            size: sizes,
            taps: windows.map(|along| along.taps),
            strides: windows.map(|along| along.stride),
            dilations: windows.map(|along| along.dilation),
            pads: [windows[0].begin, windows[1].begin, windows[0].end, windows[1].end],
            weights,
            bias,
        };
        self.frame(function, vec![signal.clone()], axes)
    }

    pub(super) fn conv_transpose(
        &mut self,
        node: &Node,
        window: &Window,
        group: usize,
        output_padding: &[usize],
        output_shape: Option<&[usize]>,
    ) -> Result<Signal, Stop> {
        let signal = self.signal(node, 0)?;
        let ((w_shape, weights), bias) = self.weights(node)?;
        let layout = layout(&signal)?;
        if w_shape.len() != signal.axes.len()
            || w_shape.len() < 3
            || group == 0
            || w_shape[0] != layout.channels
            || !layout.channels.is_multiple_of(group)
        {
            return Err(Stop::shape(format!(
                "weights {w_shape:?} do not fit {}",
                text(&signal.axes)
            )));
        }
        let outputs = w_shape[1] * group;
        let mut windows = Vec::new();
        let mut results = Vec::new();
        for axis in 0..layout.spatial {
            let length = signal.length(2 + axis);
            let explicit = Window {
                auto_pad: AutoPad::NotSet,
                ..window.clone()
            };
            let mut along = along(&explicit, axis, layout.spatial, w_shape[2 + axis], length)?;
            let stride = i64::try_from(along.stride).unwrap_or(1);
            let extra = i64::try_from(output_padding.get(axis).copied().unwrap_or(0)).unwrap_or(0);
            let natural = (length - 1).saturating_mul(stride) + along.reach()? + 1 + extra;
            let wanted = match (output_shape.and_then(|shape| shape.get(axis)), window.auto_pad) {
                (Some(wanted), _) => Some(i64::try_from(*wanted).unwrap_or(0)),
                (None, AutoPad::SameUpper | AutoPad::SameLower) => Some(length.saturating_mul(stride)),
                _ => None,
            };
            if let Some(wanted) = wanted {
                let total = natural - wanted;
                let half = total / 2;
                (along.begin, along.end) = match window.auto_pad {
                    AutoPad::SameLower | AutoPad::NotSet => (total - half, half),
                    _ => (half, total - half),
                };
            } else if window.auto_pad == AutoPad::Valid {
                (along.begin, along.end) = (0, 0);
            }
            limited_frames(along.begin)?;
            results.push(natural - along.begin - along.end);
            windows.push(along);
        }
        if results.iter().any(|n| *n < 1) {
            return Err(Stop::shape("nothing is left of the result"));
        }
        let plain = |axis: usize| {
            let Along {
                taps, stride, begin, ..
            } = windows[axis];
            Some(axis) == layout.time
                || (signal.axes[2 + axis] == Axis::Size(1) && (taps, stride, begin, results[axis]) == (1, 1, 0, 1))
        };
        match layout.time {
            Some(time) if layout.batch == 1 && (0..layout.spatial).all(plain) => {
                let window = windows[time];
                self.transpose_time(&signal, window, results[time], (outputs, group), &weights, bias)
            }
            // Each frame makes `taps` frames: features first, which then are added where they meet in time.
            Some(time) => self.transpose_both(
                &signal,
                &windows,
                &results,
                time,
                (outputs, group),
                &weights,
                bias.as_ref(),
                &layout,
            ),
            None => {
                let mut axes = signal.axes.clone();
                axes[1] = Axis::Size(outputs);
                for (axis, n) in axes.iter_mut().skip(2).zip(&results) {
                    *axis = Axis::Size(usize::try_from(*n).unwrap_or(0));
                }
                self.transpose_frame(&signal, &windows, axes, (outputs, group), weights, bias, &layout)
            }
        }
    }

    /// Along time alone: to `stride` planes per channel at the slow clock, which become successive frames.
    fn transpose_time(
        &mut self,
        signal: &Signal,
        window: Along,
        length: i64,
        (outputs, groups): (usize, usize),
        weights: &[f32],
        bias: Option<Arc<[f32]>>,
    ) -> Result<Signal, Stop> {
        let Along {
            taps,
            stride,
            dilation,
            begin,
            ..
        } = window;
        let reach = usize::try_from(window.reach()?).unwrap_or(0);
        // Tap k adds input i to output i·stride + k·dilation, so to remainder r = k·dilation mod stride of group i + ⌊…⌋.
        let past = reach / stride;
        let (inputs, per_group) = (signal.view.planes, outputs / groups);
        let group_inputs = inputs / groups;
        let rows = limited_weights(outputs, stride)?;
        limited_weights(rows, group_inputs * (past + 1))?;
        let mut packed = vec![0.0f32; rows * group_inputs * (past + 1)];
        for input in 0..inputs {
            for output in 0..per_group {
                let channel = input / group_inputs * per_group + output;
                for tap in 0..taps {
                    let (behind, remainder) = (tap * dilation / stride, tap * dilation % stride);
                    let row = channel * stride + remainder;
                    // The newest input is the last tap of a streaming convolution.
                    packed[(row * group_inputs + input % group_inputs) * (past + 1) + past - behind] =
                        weights[(input * per_group + output) * taps + tap];
                }
            }
        }
        let bias =
            bias.map(|bias| -> Arc<[f32]> { bias.iter().flat_map(|b| std::iter::repeat_n(*b, stride)).collect() });
        let causal = Along {
            taps: past + 1,
            stride: 1,
            dilation: 1,
            begin: i64::try_from(past).unwrap_or(0),
            end: 0,
        };
        let mut rows_signal = self.conv_time(signal, causal, (rows, groups), packed.into(), bias)?;
        let time = time_axis(&signal.axes).unwrap_or(0);
        rows_signal.axes[1] = Axis::Size(outputs);
        rows_signal.axes.push(Axis::Size(stride));
        debug_assert_eq!(rows_signal.axes[time], Axis::Time);
        let spread = self.spread(&rows_signal, stride)?;
        let mut cropped = self.crop_begin(&spread, begin);
        cropped.timing.length = length;
        Ok(cropped)
    }

    /// Over time and features.
    #[allow(clippy::too_many_arguments)]
    fn transpose_both(
        &mut self,
        signal: &Signal,
        windows: &[Along],
        results: &[i64],
        time: usize,
        (outputs, groups): (usize, usize),
        weights: &[f32],
        bias: Option<&Arc<[f32]>>,
        layout: &Layout,
    ) -> Result<Signal, Stop> {
        let Along {
            taps,
            stride,
            dilation,
            begin,
            ..
        } = windows[time];
        if stride != 1 || layout.spatial != 2 {
            return Err(Stop::not_streamable(
                "a transposed convolution over features that is strided in time is not played natively",
            ));
        }
        // One frame function per tap in time, the newest one with the bias.
        let other = 1 - time;
        let per_group = outputs / groups;
        let feature_taps = windows[other].taps;
        let pick = |tap: usize| -> Arc<[f32]> {
            (0..layout.channels * per_group * feature_taps)
                .map(|at| {
                    let (pair, f) = (at / feature_taps, at % feature_taps);
                    let inner = if time == 1 {
                        f * taps + tap
                    } else {
                        tap * feature_taps + f
                    };
                    weights[pair * feature_taps * taps + inner]
                })
                .collect()
        };
        let mut flat = windows.to_vec();
        flat[time] = Along {
            taps: 1,
            stride: 1,
            dilation: 1,
            begin: 0,
            end: 0,
        };
        let mut axes = signal.axes.clone();
        axes[1] = Axis::Size(outputs);
        axes[2 + other] = Axis::Size(usize::try_from(results[other]).unwrap_or(0));
        let mut sum: Option<Signal> = None;
        for tap in 0..taps {
            let bias = if tap == 0 { bias.cloned() } else { None };
            let part = self.transpose_frame(signal, &flat, axes.clone(), (outputs, groups), pick(tap), bias, layout)?;
            let later = i64::try_from(tap * dilation).unwrap_or(0);
            let mut part = if later == 0 {
                part
            } else {
                self.crop_begin(&part, -later)
            };
            part.timing.length = signal.timing.length;
            sum = Some(match sum {
                None => part,
                Some(sum) => self.combine(tonegraft_kernels::binary::Function::Add, sum, part)?,
            });
        }
        let sum = sum.ok_or_else(|| Stop::shape("it has no taps"))?;
        let mut cropped = self.crop_begin(&sum, begin);
        cropped.timing.length = results[time];
        Ok(cropped)
    }

    /// Within each frame.
    #[allow(clippy::too_many_arguments)]
    fn transpose_frame(
        &mut self,
        signal: &Signal,
        windows: &[Along],
        axes: Vec<Axis>,
        (outputs, groups): (usize, usize),
        weights: Arc<[f32]>,
        bias: Option<Arc<[f32]>>,
        layout: &Layout,
    ) -> Result<Signal, Stop> {
        let (windows, size_in) = planar(windows, &signal.axes)?;
        let result = match axes.as_slice() {
            [_, _, w] => [1, size(*w)],
            [_, _, h, w] => [size(*h), size(*w)],
            _ => return Err(Stop::shape("too many axes")),
        };
        limited_planes(&axes)?;
        let function = frame::Function::ConvTranspose {
            batch: layout.batch,
            groups,
            inputs: layout.channels,
            outputs,
            size: size_in,
            taps: windows.map(|along| along.taps),
            strides: windows.map(|along| along.stride),
            dilations: windows.map(|along| along.dilation),
            pads: windows.map(|along| along.begin),
            output_size: result,
            weights,
            bias,
        };
        self.frame(function, vec![signal.clone()], axes)
    }
}

/// One or two spatial axes as two.
fn planar(windows: &[Along], axes: &[Axis]) -> Result<([Along; 2], [usize; 2]), Stop> {
    let one = Along {
        taps: 1,
        stride: 1,
        dilation: 1,
        begin: 0,
        end: 0,
    };
    match (windows, axes) {
        ([w], [_, _, x]) => Ok(([one, *w], [1, size(*x)])),
        ([h, w], [_, _, y, x]) => Ok(([*h, *w], [size(*y), size(*x)])),
        _ => Err(Stop::not_streamable(
            "a convolution over three axes is not played natively",
        )),
    }
}
