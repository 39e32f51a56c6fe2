//! The loop over the layers. All places were checked at construction; what it calls is compiled per instruction set.

use super::ahead::{Asks, MAX_LINES};
use super::few::{self, Few};
use super::{MAX_TAPS, Past, Place, Placed};
use crate::conv1d::ahead::Ahead;
use crate::conv1d::{MAX_ADDENDS, TilePlaces, pair, tiles};
use crate::simd::{Simd, dispatch};
use crate::{Isa, padded};

/// One call, as pointers: all places were checked by the caller.
pub(super) struct Call<'a> {
    pub layers: &'a [Placed],
    pub few: &'a Few,
    pub memory: *mut f32,
    pub cursors: &'a [usize],
    pub frames: usize,
    pub isa: Isa,
}

/// # Safety
/// The instruction set is available; every place of the layers lies in `memory` for these frames, every cursor in its ring,
/// and no layer writes what it reads.
pub(super) unsafe fn run(call: &Call<'_>) {
    // SAFETY: passed on to the caller.
    unsafe {
        if call.frames <= few::MOST {
            let few = few::Call {
                few: call.few,
                memory: call.memory,
                cursors: call.cursors,
                frames: call.frames,
            };
            few::run(call.isa, &few);
        } else {
            many_frames(call);
        }
    }
}

dispatch! {
    /// Copies `len` floats of each of some planes, in whole vectors.
    ///
    /// # Safety
    /// `isa` is available; from both pointers on, as many planes at these distances have that many floats, and a vector more.
    unsafe fn copy_planes = generic_copy_planes(
        from: *const f32,
        from_stride: usize,
        to: *mut f32,
        to_stride: usize,
        planes: usize,
        len: usize,
    )
}

impl Call<'_> {
    fn cursor(&self, past: &Past) -> usize {
        self.cursors.get(past.cursor).copied().unwrap_or(0)
    }

    fn home(&self, place: Place) -> Option<&Past> {
        self.layers.get(place.home?)?.past.as_ref()
    }

    /// The past to ask for while `layer` computes.
    fn asked<'a>(&'a self, layer: &'a Placed) -> Option<(&'a Asks, &'a Past)> {
        let asks = layer.asks.as_ref()?;
        Some((asks, self.layers.get(asks.layer)?.past.as_ref()?))
    }

    /// Planes of the current frames.
    ///
    /// # Safety
    /// As [`run`].
    #[inline(always)]
    unsafe fn planes(&self, place: Place) -> (*mut f32, usize) {
        // SAFETY: the place lies in the memory.
        unsafe {
            match place.ring {
                Some(ring) => {
                    let cursor = self.cursors.get(ring.cursor).copied().unwrap_or(0);
                    (self.memory.add(ring.offset + cursor), ring.stride)
                }
                None => (self.memory.add(place.planes.offset), place.planes.stride),
            }
        }
    }

    fn starts(&self, past: &Past, starts: &mut [usize; MAX_TAPS]) {
        let cursor = self.cursor(past);
        for (start, back) in starts.iter_mut().zip(&past.backs) {
            *start = past.ring.start(cursor, *back);
        }
    }
}

/// # Safety
/// As [`run`].
#[inline(always)]
unsafe fn many_frames(call: &Call<'_>) {
    let whole = padded(call.frames);
    let read = |place: Place| {
        // SAFETY: passed on to the caller.
        let (first, stride) = unsafe { call.planes(place) };
        tiles::Planes { first, stride }
    };
    let none = (std::ptr::null_mut(), 0);
    let mut room = [0; MAX_LINES];
    let mut layers = call.layers.iter();
    while let Some(layer) = layers.next() {
        // SAFETY: passed on to the caller.
        unsafe {
            let mut starts = [0; MAX_TAPS];
            let mut x = read(layer.x);
            if let Some(past) = &layer.past {
                if !layer.is_home {
                    let to = call.memory.add(past.offset + call.cursor(past));
                    let (stride, planes) = (past.ring.stride(), past.ring.planes());
                    copy_planes(call.isa, x.first, x.stride, to, stride, planes, whole);
                    close_seams(call, past);
                }
                call.starts(past, &mut starts);
                x = tiles::Planes {
                    first: call.memory.add(past.offset),
                    stride: past.ring.stride(),
                };
            }
            let starts = starts.get(..layer.conv.shape().taps).unwrap_or(&[]);
            let mix = layer.mix.map_or(tiles::Planes::NONE, read);
            let total = layer.total.map_or(none, |total| call.planes(total));
            let mut ahead = match call.asked(layer) {
                Some((asks, past)) => Ahead {
                    first: call.memory.wrapping_add(past.offset),
                    stride: past.ring.stride(),
                    planes: past.ring.planes(),
                    lines: asks.lines(past, call.cursor(past), call.frames, &mut room),
                },
                None => Ahead::none(),
            };
            let last = match (layer.pair, layers.as_slice()) {
                (Some(kept), [next, rest @ ..]) => {
                    layers = rest.iter();
                    let places = pair::Places {
                        x,
                        starts,
                        mix,
                        z: if kept.is_kept { call.planes(layer.y) } else { none },
                        total,
                        residual: read(layer.x),
                        y: call.planes(next.y),
                    };
                    pair::run(call.isa, &layer.conv.pair_call(&next.conv, &places, whole), &mut ahead);
                    if let Some(past) = call.home(layer.y) {
                        close_seams(call, past);
                    }
                    next
                }
                _ => {
                    let mut addends = [tiles::Planes::NONE; MAX_ADDENDS];
                    for (to, from) in addends.iter_mut().zip(&layer.addends) {
                        *to = read(*from);
                    }
                    let places = TilePlaces {
                        x,
                        starts,
                        mix,
                        addends: addends.get(..layer.addends.len()).unwrap_or(&[]),
                        y: call.planes(layer.y),
                        total,
                    };
                    tiles::run(call.isa, &layer.conv.tile_call(&places, whole), &mut ahead);
                    layer
                }
            };
            if let Some(past) = call.home(last.y) {
                close_seams(call, past);
            }
        }
    }
}

/// # Safety
/// As [`copy_planes`], and as [`Simd`].
#[inline(always)]
unsafe fn generic_copy_planes<S: Simd>(
    from: *const f32,
    from_stride: usize,
    to: *mut f32,
    to_stride: usize,
    planes: usize,
    len: usize,
) {
    let (mut from, mut to) = (from, to);
    for _ in 0..planes {
        let mut done = 0;
        while done < len {
            // SAFETY: passed on to the caller.
            unsafe { S::store(to.add(done), S::load(from.add(done))) };
            done += S::LANES;
        }
        from = from.wrapping_add(from_stride);
        to = to.wrapping_add(to_stride);
    }
}

/// After the current frames were written to a ring: what of them stands twice.
///
/// # Safety
/// As [`run`].
#[inline(always)]
unsafe fn close_seams(call: &Call<'_>, past: &Past) {
    let (stride, planes) = (past.ring.stride(), past.ring.planes());
    for (from, to, len) in past.ring.seams(call.cursor(past), call.frames) {
        if len > 0 {
            let ring = call.memory.wrapping_add(past.offset);
            let (from, to) = (ring.wrapping_add(from), ring.wrapping_add(to));
            // SAFETY: a ring has room for whole vectors behind each of the two.
            unsafe { copy_planes(call.isa, from, stride, to, stride, planes, len) };
        }
    }
}
