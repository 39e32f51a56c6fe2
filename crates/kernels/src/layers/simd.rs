//! The loop over the layers, compiled as one function per instruction set.

use super::{MAX_TAPS, Past, Place, Placed};
use crate::conv1d::{FewPlaces, MAX_ADDENDS, TilePlaces, few, tiles};
use crate::simd::{Simd, dispatch};
use crate::{LANES, padded};

/// One call, as pointers: all places were checked by the caller.
pub(super) struct Call<'a> {
    pub layers: &'a [Placed],
    pub memory: *mut f32,
    pub cursors: &'a [usize],
    pub frames: usize,
}

dispatch! {
    /// # Safety
    /// `isa` is available; every place of the layers lies in `memory` for these frames, every cursor in its ring, and no layer
    /// writes what it reads.
    pub(super) unsafe fn run = generic(call: &Call<'_>)
}

/// # Safety
/// As [`run`], and as [`Simd`].
#[inline(always)]
unsafe fn generic<S: Simd>(call: &Call<'_>) {
    // SAFETY: passed on to the caller.
    unsafe {
        if call.frames <= few::MOST {
            few_frames::<S>(call);
        } else {
            many_frames::<S>(call);
        }
    }
}

impl Call<'_> {
    fn cursor(&self, past: &Past) -> usize {
        self.cursors.get(past.cursor).copied().unwrap_or(0)
    }

    fn home(&self, place: Place) -> Option<&Past> {
        self.layers.get(place.home?)?.past.as_ref()
    }

    /// Planes of the current frames.
    ///
    /// # Safety
    /// As [`generic`].
    #[inline(always)]
    unsafe fn planes(&self, place: Place) -> (*mut f32, usize) {
        // SAFETY: the place lies in the memory.
        unsafe {
            match self.home(place) {
                Some(past) => (self.memory.add(past.offset + self.cursor(past)), past.ring.stride()),
                None => (self.memory.add(place.planes.offset), place.planes.stride),
            }
        }
    }

    /// Where blocks of few frames have it.
    ///
    /// # Safety
    /// As [`generic`].
    #[inline(always)]
    unsafe fn view(&self, place: Place) -> few::View {
        // SAFETY: the place lies in the memory.
        let first = unsafe { self.memory.add(place.planes.offset) };
        if place.local {
            few::View {
                first,
                channel: 1,
                frame: place.planes.planes.next_multiple_of(LANES),
                vectors: true,
            }
        } else {
            few::View::planes(first, place.planes.stride)
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
/// As [`generic`].
#[inline(always)]
unsafe fn many_frames<S: Simd>(call: &Call<'_>) {
    let whole = padded(call.frames);
    let read = |place: Place| {
        // SAFETY: passed on to the caller.
        let (first, stride) = unsafe { call.planes(place) };
        tiles::Planes { first, stride }
    };
    for layer in call.layers {
        // SAFETY: passed on to the caller.
        unsafe {
            let mut starts = [0; MAX_TAPS];
            let mut x = read(layer.x);
            if let Some(past) = &layer.past {
                if !layer.is_home {
                    let to = call.memory.add(past.offset + call.cursor(past));
                    copy_planes::<S>(x, to, past.ring.stride(), past.ring.planes(), whole);
                    close_seams::<S>(call, past);
                }
                call.starts(past, &mut starts);
                x = tiles::Planes {
                    first: call.memory.add(past.offset),
                    stride: past.ring.stride(),
                };
            }
            let mut addends = [tiles::Planes::NONE; MAX_ADDENDS];
            for (to, from) in addends.iter_mut().zip(&layer.addends) {
                *to = read(*from);
            }
            let places = TilePlaces {
                x,
                starts: starts.get(..layer.conv.shape().taps).unwrap_or(&[]),
                mix: layer.mix.map_or(tiles::Planes::NONE, read),
                addends: addends.get(..layer.addends.len()).unwrap_or(&[]),
                y: call.planes(layer.y),
                total: layer
                    .total
                    .map_or((std::ptr::null_mut(), 0), |total| call.planes(total)),
            };
            tiles::generic::<S>(&layer.conv.tile_call(&places, whole));
            if let Some(past) = call.home(layer.y) {
                close_seams::<S>(call, past);
            }
        }
    }
}

/// # Safety
/// As [`generic`].
#[inline(always)]
unsafe fn few_frames<S: Simd>(call: &Call<'_>) {
    for layer in call.layers {
        // SAFETY: passed on to the caller.
        unsafe {
            let mut starts = [0; MAX_TAPS];
            let mut x = call.view(layer.x);
            if let Some(past) = &layer.past {
                if !layer.is_home {
                    scatter(call, past, x);
                }
                call.starts(past, &mut starts);
                x = few::View::planes(call.memory.add(past.offset), past.ring.stride());
            }
            let mut addends = [few::View::NONE; MAX_ADDENDS];
            for (to, from) in addends.iter_mut().zip(&layer.addends) {
                *to = call.view(*from);
            }
            let y = call.view(layer.y);
            let places = FewPlaces {
                x,
                starts: starts.get(..layer.conv.shape().taps).unwrap_or(&[]),
                mix: layer.mix.map_or(few::View::NONE, |mix| call.view(mix)),
                addends: addends.get(..layer.addends.len()).unwrap_or(&[]),
                y,
                total: layer.total.map_or(few::View::NONE, |total| call.view(total)),
            };
            few::generic::<S>(&layer.conv.few_call(&places, call.frames));
            if let Some(past) = call.home(layer.y) {
                scatter(call, past, y);
            }
        }
    }
}

/// # Safety
/// As [`generic`].
#[inline(always)]
unsafe fn copy_planes<S: Simd>(x: tiles::Planes, to: *mut f32, stride: usize, planes: usize, frames: usize) {
    let (mut from, mut to) = (x.first, to);
    for _ in 0..planes {
        // SAFETY: passed on to the caller.
        unsafe { copy::<S>(from, to, frames) };
        from = from.wrapping_add(x.stride);
        to = to.wrapping_add(stride);
    }
}

/// `len` floats in whole vectors, forwards.
///
/// # Safety
/// As [`generic`].
#[inline(always)]
unsafe fn copy<S: Simd>(from: *const f32, to: *mut f32, len: usize) {
    let mut done = 0;
    while done < len {
        // SAFETY: passed on to the caller.
        unsafe { S::store(to.add(done), S::load(from.add(done))) };
        done += S::LANES;
    }
}

/// After the current frames were written to a ring: what of them stands twice.
///
/// # Safety
/// As [`generic`].
#[inline(always)]
unsafe fn close_seams<S: Simd>(call: &Call<'_>, past: &Past) {
    for (from, to, len) in past.ring.seams(call.cursor(past), call.frames) {
        if len == 0 {
            continue;
        }
        let mut plane = call.memory.wrapping_add(past.offset);
        for _ in 0..past.ring.planes() {
            // SAFETY: a ring has room for whole vectors behind each of the two.
            unsafe { copy::<S>(plane.add(from), plane.add(to), len) };
            plane = plane.wrapping_add(past.ring.stride());
        }
    }
}

/// Writes the current few frames to a ring.
///
/// # Safety
/// As [`generic`]; `x` has as many channels as the ring has planes.
#[inline(always)]
unsafe fn scatter(call: &Call<'_>, past: &Past, x: few::View) {
    let (ring, cursor) = (&past.ring, call.cursor(past));
    for frame in 0..call.frames {
        let place = ring.start(cursor + frame, 0);
        let twin = ring.twin(place);
        let (mut from, mut plane) = (
            x.first.wrapping_add(frame * x.frame),
            call.memory.wrapping_add(past.offset),
        );
        for _ in 0..ring.planes() {
            // SAFETY: passed on to the caller; both places lie in the plane.
            unsafe {
                *plane.add(place) = *from;
                *plane.add(twin) = *from;
            }
            from = from.wrapping_add(x.channel);
            plane = plane.wrapping_add(ring.stride());
        }
    }
}
