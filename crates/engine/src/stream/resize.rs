//! Resize: interpolation along time by whole factors, along features by any.

use super::build::{Builder, Stop, limited_weights};
use super::shape::{planes, size, text, time_axis};
use super::{Axis, Signal, StreamOp};
use tonegraft_kernels::{conv1d, frame};
use tonegraft_model::Node;
use tonegraft_model::eval::resize_taps;
use tonegraft_model::op::{Coordinates, ResizeMode};

/// An element of an endless signal: far from both ends, and exact in what places are computed with.
const FAR: usize = 1 << 20;

impl Builder<'_> {
    pub(super) fn resize(&mut self, node: &Node, mode: ResizeMode, coordinates: Coordinates) -> Result<Signal, Stop> {
        let mut signal = self.signal(node, 0)?;
        let rank = signal.axes.len();
        let scales = self
            .floats(node, 2)?
            .map(|(_, scales)| scales)
            .filter(|scales| !scales.is_empty());
        let sizes = self.integers(node, 3)?.filter(|sizes| !sizes.is_empty());
        for at in 0..rank {
            let own = signal.length(at);
            #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
            let (scale, result) = match (&sizes, &scales) {
                (Some(sizes), _) if sizes.len() == rank => (sizes[at] as f64 / own as f64, sizes[at]),
                (None, Some(scales)) if scales.len() == rank => {
                    let scale = f64::from(scales[at]);
                    (scale, (own as f64 * scale).floor() as i64)
                }
                _ => {
                    return Err(Stop::shape(
                        "it gives scales or sizes for other axes than its input has",
                    ));
                }
            };
            #[allow(clippy::float_cmp)]
            if scale == 1.0 {
                continue;
            }
            signal = if signal.axes[at] == Axis::Time {
                self.resize_time(&signal, scale, mode, coordinates)?
            } else {
                self.resize_features(&signal, at, (scale, result), mode, coordinates)?
            };
        }
        Ok(signal)
    }

    fn resize_features(
        &mut self,
        signal: &Signal,
        axis: usize,
        (scale, result): (f64, i64),
        mode: ResizeMode,
        coordinates: Coordinates,
    ) -> Result<Signal, Stop> {
        let own = size(signal.axes[axis]);
        let result = usize::try_from(result).ok().filter(|n| *n > 0 && *n <= 1 << 16);
        let result = result.ok_or_else(|| Stop::shape("the result has an impossible size"))?;
        let (outer, inner) = (planes(&signal.axes[..axis]), planes(&signal.axes[axis + 1..]));
        let (mut offsets, mut sources, mut weights) = (vec![0u32], Vec::new(), Vec::new());
        for o in 0..outer {
            for at in 0..result {
                let near = resize_taps(mode, coordinates, [own, result], scale, at);
                for i in 0..inner {
                    for (element, weight) in &near {
                        sources.push(u32::try_from((o * own + element) * inner + i).unwrap_or(0));
                        weights.push(*weight);
                    }
                    offsets.push(u32::try_from(sources.len()).unwrap_or(u32::MAX));
                }
            }
        }
        let mut axes = signal.axes.clone();
        axes[axis] = Axis::Size(result);
        let function = frame::Function::Sparse {
            inputs: signal.view.planes,
            offsets: offsets.into(),
            sources: sources.into(),
            weights: weights.into(),
        };
        self.frame(function, vec![signal.clone()], axes)
    }

    /// By a whole factor, up or down.
    fn resize_time(
        &mut self,
        signal: &Signal,
        scale: f64,
        mode: ResizeMode,
        coordinates: Coordinates,
    ) -> Result<Signal, Stop> {
        let coordinates = if coordinates == Coordinates::AlignCorners {
            // Corners are aligned over the whole signal: an endless one has only the first.
            self.note(
                "resize",
                "aligned at the first frame; a run over a whole signal shifts towards its end",
            );
            Coordinates::Asymmetric
        } else {
            coordinates
        };
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let (up, down) = if scale >= 1.0 {
            (scale.round() as usize, 1usize)
        } else {
            (1, (1.0 / scale).round() as usize)
        };
        #[allow(clippy::cast_precision_loss)]
        let exact = (scale - up as f64 / down as f64).abs() < 1e-6 * scale;
        if !exact || up.max(down) > 1 << 12 {
            return Err(Stop::not_streamable(format!(
                "it resizes the time by {scale}; only whole factors are played natively"
            )));
        }
        // Result r of group m takes elements m·down + d.
        let sizes = [2 * FAR * down, 2 * FAR * up];
        let group = i64::try_from(FAR * down).unwrap_or(0);
        let terms: Vec<Vec<(i64, f32)>> = (0..up)
            .map(|r| {
                let taps = resize_taps(mode, coordinates, sizes, scale, FAR * up + r);
                taps.into_iter()
                    .filter(|(_, weight)| *weight != 0.0)
                    .map(|(element, weight)| (i64::try_from(element).unwrap_or(0) - group, weight))
                    .collect()
            })
            .collect();
        let elements = || terms.iter().flatten().map(|(element, _)| *element);
        let (first, last) = (elements().min().unwrap_or(0), elements().max().unwrap_or(0));
        let taps = usize::try_from(last - first + 1).unwrap_or(1);
        let mut padded = if first < 0 {
            self.edge(signal, -first)
        } else {
            self.crop_begin(signal, first)
        };
        let groups = signal.timing.length.div_euclid(i64::try_from(down).unwrap_or(1));
        padded.timing.length = (groups - 1) * i64::try_from(down).unwrap_or(1) + i64::try_from(taps).unwrap_or(1);
        let stacked = if (taps, down) == (1, 1) {
            Signal {
                axes: padded.axes.iter().copied().chain([Axis::Size(1)]).collect(),
                ..padded
            }
        } else {
            self.stack(&padded, taps, 1, down)?
        };
        let channels = signal.view.planes;
        let mut weights = vec![0.0f32; limited_weights(limited_weights(channels, up)?, taps)?];
        for channel in 0..channels {
            for (r, terms) in terms.iter().enumerate() {
                for (element, weight) in terms {
                    let tap = usize::try_from(element - first).unwrap_or(0);
                    weights[(channel * up + r) * taps + tap] += weight;
                }
            }
        }
        let shape = conv1d::Shape {
            inputs: channels * taps,
            outputs: channels * up,
            taps: 1,
            groups: channels,
        };
        let op = StreamOp::Conv {
            shape,
            dilation: 1,
            weights: weights.into(),
            bias: None,
        };
        let mut axes = signal.axes.clone();
        axes.push(Axis::Size(up));
        debug_assert!(time_axis(&axes).is_some(), "{}", text(&axes));
        let rows = Signal {
            view: self.push(op, vec![stacked.view], channels * up),
            axes,
            timing: stacked.timing,
        };
        self.spread(&rows, up)
    }
}
