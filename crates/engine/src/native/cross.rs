//! Steps between two clocks: delays, stacks of past frames, frames spread over a faster clock.

use super::beat::Beat;
use super::beginning::{given, value_before};
use super::lower::History;
use crate::plan::Region;
use crate::stream::Prefix;

/// Planes of the input, or what is there instead before its beginning, go into the ring.
pub(super) fn remember(
    history: &History,
    memory: &mut [f32],
    cursor: usize,
    x: &[f32],
    region: Region,
    begin: Option<&Prefix>,
    beat: Beat,
) {
    let skip = begin.map_or(0, |begin| given(begin, beat));
    if begin.is_some_and(|begin| begin.edge && skip < beat.count && beat.tick(skip) == begin.until) {
        // The first frame has come: it stands for all before it.
        for (plane, x) in x.chunks_exact(region.stride).take(region.planes).enumerate() {
            if let Some(first) = x.get(skip) {
                history.ring.fill(memory, plane, *first);
            }
        }
    }
    history.ring.write(memory, cursor, x, region.stride, skip, beat.count);
    if let Some(begin) = begin.filter(|begin| !begin.edge || skip == beat.count) {
        for frame in 0..skip {
            for plane in 0..region.planes {
                let value = value_before(begin, beat, plane, frame);
                history.ring.put(memory, cursor, plane, frame, value);
            }
        }
    }
}

/// Frames of the output are those of the input, `ticks` later.
#[allow(clippy::too_many_arguments)]
pub(super) fn delay(
    history: &History,
    memory: &[f32],
    cursor: usize,
    from: Beat,
    to: Beat,
    ticks: i64,
    y: &mut [f32],
    stride: usize,
) {
    // In the past, or within the block where the delay is shorter than a hop.
    let place = from.place(to.first.wrapping_sub(ticks));
    let period = history.ring.period();
    let ahead = place.rem_euclid(i64::try_from(period).unwrap_or(i64::MAX).max(1));
    let start = history.ring.advance(cursor, usize::try_from(ahead).unwrap_or(0));
    copy_planes(history, memory, start, y, stride, to.count);
}

fn copy_planes(history: &History, memory: &[f32], start: usize, y: &mut [f32], stride: usize, frames: usize) {
    for (y, plane) in y
        .chunks_exact_mut(stride)
        .zip(memory.chunks_exact(history.ring.stride()))
    {
        if let (Some(to), Some(from)) = (y.get_mut(..frames), plane.get(start..start + frames)) {
            to.copy_from_slice(from);
        }
    }
}

/// The plane, `reach − at` frames ago.
pub(super) fn read(history: &History, memory: &[f32], cursor: usize, reach: usize, at: &[f32], y: &mut [f32]) {
    let period = history.ring.period();
    for (frame, (y, at)) in y.iter_mut().zip(at).enumerate() {
        // Casts of floats saturate, and NaN is 0: always within.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let back = reach - (*at as usize).min(reach);
        *y = memory
            .get((cursor + frame + period - back % period) % period)
            .copied()
            .unwrap_or(0.0);
    }
}

/// The last `taps` frames, `dilation` apart, at each frame of the output.
#[allow(clippy::too_many_arguments)]
pub(super) fn stack(
    history: &History,
    memory: &[f32],
    cursor: usize,
    (from, to): (Beat, Beat),
    (taps, dilation): (usize, usize),
    y: &mut [f32],
    stride: usize,
) {
    let period = history.ring.period();
    let reach = taps.saturating_sub(1) * dilation;
    for frame in 0..to.count {
        // The output's frame is at the same tick as the newest one of the input that it takes.
        let newest = usize::try_from(from.place(to.tick(frame))).unwrap_or(0);
        let oldest = (cursor + newest + period - reach % period) % period;
        for (plane, y) in memory
            .chunks_exact(history.ring.stride())
            .zip(y.chunks_exact_mut(taps * stride))
        {
            if dilation == 1 && stride == 1 {
                let first = taps.min(period - oldest);
                let (head, tail) = y.split_at_mut_checked(first).unwrap_or((&mut [], &mut []));
                if let Some(from) = plane.get(oldest..oldest + head.len()) {
                    head.copy_from_slice(from);
                }
                if let Some(from) = plane.get(..tail.len()) {
                    tail.copy_from_slice(from);
                }
                continue;
            }
            let mut at = oldest;
            for y in y.chunks_exact_mut(stride) {
                if let (Some(y), Some(x)) = (y.get_mut(frame), plane.get(at)) {
                    *y = *x;
                }
                at += dilation;
                while at >= period {
                    at -= period;
                }
            }
        }
    }
}

/// Planes `[planes, factor]` as successive frames; what is left of the last input frame is held.
#[allow(clippy::too_many_arguments)]
pub(super) fn spread(
    held: &mut [f32],
    factor: usize,
    (from, to): (Beat, Beat),
    x: &[f32],
    x_stride: usize,
    y: &mut [f32],
    stride: usize,
) {
    for frame in 0..to.count {
        let since = to.tick(frame).wrapping_sub(from.first);
        let index = since.div_euclid(from.hop.max(1));
        let part = usize::try_from(since.rem_euclid(from.hop.max(1)) / to.hop.max(1)).unwrap_or(0);
        let index = usize::try_from(index).ok();
        for (plane, y) in y.chunks_exact_mut(stride).enumerate() {
            let at = plane * factor + part;
            let value = match index {
                Some(index) => x.get(at * x_stride + index),
                None => held.get(at),
            };
            if let (Some(y), Some(value)) = (y.get_mut(frame), value) {
                *y = *value;
            }
        }
    }
    if let Some(last) = from.count.checked_sub(1) {
        for (held, x) in held.iter_mut().zip(x.chunks_exact(x_stride)) {
            if let Some(x) = x.get(last) {
                *held = *x;
            }
        }
    }
}
