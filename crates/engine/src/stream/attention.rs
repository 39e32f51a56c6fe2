//! Causal attention over a bounded past: scores between a frame and those before it, as features of the frame.
//!
//! `Q·Kᵀ` of all frames with all frames becomes, at each frame, the products with the last `W` frames: an axis [`Axis::Past`], the
//! frame itself last. `W` follows from the mask that is added to the scores: a band of equal rows. Frames before the beginning
//! get no weight.

use super::build::{Builder, Stop};
use super::facts::Fact;
use super::shape::{broadcast, broadcast_planes, planes, size, text};
use super::time::numbers;
use super::{Axis, Clock, Rate, Signal, StreamOp};
use std::sync::Arc;
use tonegraft_kernels::binary::Function as Binary;
use tonegraft_kernels::frame::Function;
use tonegraft_model::{Node, Op, Tensor, ValueId};

/// What is added to the score of a frame that does not exist: its share is 0.
const NEVER: f32 = -1e30;

/// A mask value below this one is "not allowed".
const MASKED: f32 = -1e4;

/// The most frames that an attention reaches back.
const MAX_PAST: usize = 4_096;

/// The values of a mask, and which of them let a score pass.
type Mask = (Arc<[f32]>, fn(f32) -> bool);

impl Builder<'_> {
    /// Frames that the attention whose scores `node` computes reaches back, with the frame itself.
    fn band(&mut self, node: &Node, frames: usize) -> Result<usize, Stop> {
        let refuse = |reason: &str| Err(Stop::not_streamable(reason.to_owned()));
        let Some((mask, keeps)) = self.mask(node, frames) else {
            return refuse("it multiplies all frames with all frames: attention over the whole signal");
        };
        let allowed = |row: usize, column: usize| {
            mask.chunks_exact(frames * frames)
                .any(|matrix| keeps(matrix[row * frames + column]))
        };
        let span = |row: usize| {
            let first = (0..frames).find(|column| allowed(row, *column))?;
            let last = (0..frames).rev().find(|column| allowed(row, *column))?;
            Some((first, last))
        };
        let (middle, end) = (frames * 3 / 4, frames - 1);
        let (Some((from, to)), Some((last_from, last_to))) = (span(middle), span(end)) else {
            return refuse("its attention leaves a frame nothing to attend to");
        };
        if to != middle || last_to != end {
            return refuse("its attention looks at frames to come");
        }
        let past = if middle - from == end - last_from {
            middle - from + 1
        } else if from == 0 && last_from == 0 {
            self.note(
                "attention",
                &format!("to all frames before; played with the last {frames}, as many as the export has"),
            );
            frames
        } else {
            return refuse("its attention is no band of equal width");
        };
        if past > MAX_PAST {
            return refuse("its attention reaches back too many frames");
        }
        Ok(past)
    }

    /// The first constant `[…, frames, frames]` that meets the scores on their way, and which of its values let them pass.
    fn mask(&self, node: &Node, frames: usize) -> Option<Mask> {
        let mut id = node.outputs.first().copied().flatten()?;
        for _ in 0..8 {
            let reads = |next: &&Node| next.inputs.contains(&Some(id));
            let next = self.graph.nodes.iter().find(reads)?;
            let constant = |at: usize| -> Option<Arc<[f32]>> {
                let input: ValueId = next.inputs.get(at).copied().flatten()?;
                let tensor = match (self.graph.constant(input), &self.facts[input.index()]) {
                    (Some(tensor), _) | (None, Some(Fact::Constant { tensor, .. })) => tensor,
                    _ => return None,
                };
                let square = tensor.shape().ends_with(&[frames, frames]);
                square.then(|| numbers(tensor))
            };
            let at = next.inputs.iter().position(|input| *input == Some(id))?;
            match &next.op {
                Op::Binary(tonegraft_model::op::Binary::Add) => {
                    if let Some(mask) = constant(1 - at.min(1)) {
                        return Some((mask, |value| value > MASKED));
                    }
                }
                Op::Where => {
                    if let Some(mask) = constant(0) {
                        return Some((
                            mask,
                            if at == 1 {
                                |value| value != 0.0
                            } else {
                                |value| value == 0.0
                            },
                        ));
                    }
                }
                Op::Binary(_) | Op::Unary(_) => {}
                _ => return None,
            }
            id = next.outputs.first().copied().flatten()?;
        }
        None
    }

    /// The last `past` frames of the signal as features `[features, past]`, the time left out of the axes and frames before the
    /// beginning zero.
    fn past(&mut self, signal: &Signal, past: usize) -> Result<Signal, Stop> {
        let before = i64::try_from(past - 1).unwrap_or(0);
        let padded = if before == 0 {
            signal.clone()
        } else {
            self.crop_begin(signal, -before)
        };
        self.stack(&padded, past, 1, 1)
    }

    /// `a [batch…, time, k] · b [batch…, k, time]`.
    pub(super) fn scores(&mut self, node: &Node, a: Signal, b: &Signal) -> Result<Signal, Stop> {
        let (ra, rb) = (a.axes.len(), b.axes.len());
        let frames = usize::try_from(b.timing.length)
            .ok()
            .filter(|n| (2..=1 << 14).contains(n));
        let frames = frames.ok_or_else(|| {
            Stop::not_streamable("its attention has no fixed length; export it with one, so that its mask is known")
        })?;
        let past = self.band(node, frames)?;
        if a.axes[ra - 1] != b.axes[rb - 2] {
            return Err(Stop::shape(format!("{} times {}", text(&a.axes), text(&b.axes))));
        }
        let mut keys = self.past(b, past)?;
        // [batch…, k, time, past] → [batch…, k, past].
        keys.axes.remove(rb - 1);
        let batch = broadcast(&a.axes[..ra - 2], &b.axes[..rb - 2]).map_err(Stop::not_streamable)?;
        let function = Function::MatMul {
            a_batch: broadcast_planes(&a.axes[..ra - 2], &batch),
            b_batch: broadcast_planes(&b.axes[..rb - 2], &batch),
            a_count: planes(&a.axes[..ra - 2]),
            b_count: planes(&b.axes[..rb - 2]),
            m: 1,
            k: size(a.axes[ra - 1]),
            n: past,
        };
        let mut axes = batch;
        axes.extend([Axis::Time, Axis::Past(past)]);
        let scores = self.frame(function, vec![a, keys], axes)?;
        // Ones where there is a frame.
        let Rate::Frames(clock) = self.rate(b.view) else {
            return Err(Stop::not_streamable("its keys do not change with time"));
        };
        let ones = StreamOp::Ramp {
            start: 0,
            scale: 0.0,
            offset: 1.0,
        };
        let rate = Rate::Frames(Clock::new(clock.hop, b.timing.shift));
        let ones = Signal {
            view: self.push_at(ones, Vec::new(), 1, rate),
            axes: vec![Axis::Time],
            timing: b.timing,
        };
        let mut there = self.past(&ones, past)?;
        there.axes = vec![Axis::Time, Axis::Past(past)];
        let one = self.constant_signal(vec![1.0].into(), vec![Axis::Size(1)]);
        let never = self.constant_signal(vec![-NEVER].into(), vec![Axis::Size(1)]);
        let missing = self.combine(Binary::Sub, there, one)?;
        let bias = self.combine(Binary::Mul, missing, never)?;
        self.combine(Binary::Add, scores, bias)
    }

    /// `a [batch…, time, past] · b [batch…, time, n]`.
    pub(super) fn attend(&mut self, a: Signal, b: &Signal) -> Result<Signal, Stop> {
        let (ra, rb) = (a.axes.len(), b.axes.len());
        let Axis::Past(past) = a.axes[ra - 1] else {
            return Err(Stop::shape("internal: no past"));
        };
        let stacked = self.past(b, past)?;
        // [batch…, time, n, past] → [batch…, past, n].
        let mut perm: Vec<usize> = (0..rb - 2).collect();
        perm.extend([rb, rb - 1, rb - 2]);
        let mut values = self.through(&stacked, &Op::Transpose { perm }, &[], Some(rb))?;
        values.axes.pop();
        let n = b.axes[rb - 1];
        let batch = broadcast(&a.axes[..ra - 2], &b.axes[..rb - 2]).map_err(Stop::not_streamable)?;
        let function = Function::MatMul {
            a_batch: broadcast_planes(&a.axes[..ra - 2], &batch),
            b_batch: broadcast_planes(&b.axes[..rb - 2], &batch),
            a_count: planes(&a.axes[..ra - 2]),
            b_count: planes(&b.axes[..rb - 2]),
            m: 1,
            k: past,
            n: size(n),
        };
        let mut axes = batch;
        axes.extend([Axis::Time, n]);
        self.frame(function, vec![a, values], axes)
    }

    /// A constant `[…, frames, frames]` beside scores, as one value per frame of the past, if its rows are alike but for their
    /// place.
    pub(super) fn by_distance(&mut self, tensor: &Tensor, partner: &Signal) -> Result<Option<Signal>, Stop> {
        let [.., Axis::Time, Axis::Past(past)] = partner.axes.as_slice() else {
            return Ok(None);
        };
        let past = *past;
        let frames = usize::try_from(partner.timing.length).unwrap_or(0);
        let shape = tensor.shape();
        if frames < 2 || !shape.ends_with(&[frames, frames]) {
            return Ok(None);
        }
        let all = numbers(tensor);
        let row = frames - 1;
        let mut kept = Vec::new();
        for matrix in all.chunks_exact(frames * frames) {
            for w in 0..past {
                let back = past - 1 - w;
                let at = |row: usize| row.checked_sub(back).map(|column| matrix[row * frames + column]);
                let value = at(row).unwrap_or(0.0);
                let alike = (frames / 2..frames)
                    .filter_map(at)
                    .all(|other| (other - value).abs() <= 1e-6 * value.abs());
                if !alike {
                    return Err(Stop::not_streamable("its mask differs from frame to frame"));
                }
                kept.push(value);
            }
        }
        let mut axes: Vec<Axis> = shape[..shape.len() - 2].iter().map(|n| Axis::Size(*n)).collect();
        axes.extend([Axis::Size(1), Axis::Past(past)]);
        Ok(Some(self.constant_signal(kept.into(), axes)))
    }
}
