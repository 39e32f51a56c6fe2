//! Blocks of a few frames, in two goes: first what the layers make of the past, then what they make of the present.
//!
//! A layer's sums begin with the past (bias, condition, older taps), which depends on no other layer, so that many layers'
//! sums grow at once. What has to wait for the layer before is the newest tap, the function and the pointwise layer: a chain a
//! third as long. Each sum is made of the same products in the same order as in [`crate::conv1d::tiles`].

use super::{MAX_TAPS, Past, Place, Placed, Planes};
use crate::activation::Function;
use crate::conv1d::few::{Last, View, accumulate, finish};
use crate::simd::{Simd, dispatch};
use crate::{Aligned, LANES, Ring};
use std::mem::MaybeUninit;

pub(super) use crate::conv1d::few::MOST;

/// Floats for sums of the past.
const ROOM: usize = 4096;

/// Where channels of a few frames stand.
#[derive(Clone, Copy, Debug)]
struct At {
    offset: usize,
    channel: usize,
    frame: usize,
    vectors: bool,
}

impl At {
    const fn new(place: Place) -> Self {
        let planes = place.planes;
        Self {
            offset: planes.offset,
            channel: if place.local { 1 } else { planes.stride },
            frame: if place.local {
                planes.planes.next_multiple_of(LANES)
            } else {
                1
            },
            vectors: place.local,
        }
    }

    #[inline(always)]
    const fn view(self, memory: *mut f32) -> View {
        View {
            first: memory.wrapping_add(self.offset),
            channel: self.channel,
            frame: self.frame,
            vectors: self.vectors,
        }
    }
}

/// A ring in the memory.
#[derive(Clone, Copy, Debug)]
struct Remembered {
    ring: Ring,
    offset: usize,
    cursor: usize,
}

impl Remembered {
    fn new(past: &Past) -> Self {
        Self {
            ring: past.ring,
            offset: past.offset,
            cursor: past.cursor,
        }
    }
}

/// One layer. Counts of numbers are in floats, `numbers` and what follows from it in [`Few::numbers`].
#[derive(Clone, Debug)]
struct Step {
    inputs: usize,
    outputs: usize,
    /// Outputs in whole vectors: a row of numbers.
    row: usize,
    /// First row: the bias; then slopes if there are any, weights of the second input, weights by tap and input.
    numbers: usize,
    has_slopes: bool,
    mix_inputs: usize,
    activation: Option<Function>,
    x: At,
    mix: Option<At>,
    addends: [Option<At>; crate::conv1d::MAX_ADDENDS],
    y: At,
    total: Option<At>,
    past: Option<Remembered>,
    /// Its input is in the ring already.
    is_home: bool,
    /// The ring that remembers its result.
    home: Option<Remembered>,
    taps: usize,
    backs: [usize; MAX_TAPS],
    /// Taps in front that see nothing of a block of 1, 2, … frames.
    before: [usize; MOST],
    /// Where its sums of the past begin, for each frame of the block; `None` if it has to wait with all of them.
    early: Option<usize>,
}

/// Layers for blocks of at most [`MOST`] frames.
#[derive(Clone, Debug)]
pub(super) struct Few {
    steps: Box<[Step]>,
    numbers: Aligned,
    /// Behind which steps the room for sums is full.
    ends: Box<[usize]>,
}

impl Few {
    /// Takes what it needs from the layers.
    pub fn new(placed: &mut [Placed]) -> Self {
        let written: Vec<Planes> = (placed.iter())
            .flat_map(|layer| [Some(layer.y.planes), layer.total.map(|total| total.planes)])
            .flatten()
            .collect();
        let homes: Vec<Option<Remembered>> = (placed.iter())
            .map(|layer| {
                let past = placed.get(layer.y.home?)?.past.as_ref()?;
                Some(Remembered::new(past))
            })
            .collect();
        let mut numbers: Vec<f32> = Vec::new();
        let (mut ends, mut room) = (Vec::new(), 0);
        let mut steps = Vec::with_capacity(placed.len());
        for (layer, home) in placed.iter_mut().zip(homes) {
            let (shape, mix_inputs) = (layer.conv.shape(), layer.conv.mix_inputs());
            let row = shape.outputs.next_multiple_of(layer.conv.isa().lanes());
            let few = layer.conv.take_few();
            let first = numbers.len();
            let rows = |values: &Aligned, count: usize| values.iter().copied().take(count).collect::<Vec<f32>>();
            numbers.extend(rows(&few.bias, row));
            numbers.extend(few.slopes.iter().flat_map(|slopes| rows(slopes, row)));
            numbers.extend(rows(&few.mix, mix_inputs * row));
            numbers.extend(rows(&few.weights, shape.taps * shape.inputs * row));
            let mut backs = [0; MAX_TAPS];
            let past = layer.past.as_ref();
            for (to, from) in backs.iter_mut().zip(past.iter().flat_map(|past| past.backs.iter())) {
                *to = *from;
            }
            let mut before = [0; MOST];
            for (frames, before) in (1..).zip(&mut before) {
                *before = backs
                    .iter()
                    .take(shape.taps)
                    .take_while(|back| **back >= frames)
                    .count();
            }
            let waits = past.is_none()
                || !layer.addends.is_empty()
                || layer
                    .mix
                    .is_some_and(|mix| written.iter().any(|planes| planes.overlaps(mix.planes)));
            let early = (!waits && MOST * row <= ROOM).then(|| {
                if MOST * (room + row) > ROOM {
                    ends.push(steps.len());
                    room = 0;
                }
                room += row;
                room - row
            });
            let mut addends = [None; crate::conv1d::MAX_ADDENDS];
            for (to, from) in addends.iter_mut().zip(&layer.addends) {
                *to = Some(At::new(*from));
            }
            steps.push(Step {
                inputs: shape.inputs,
                outputs: shape.outputs,
                row,
                numbers: first,
                has_slopes: few.slopes.is_some(),
                mix_inputs,
                activation: few.activation,
                x: At::new(layer.x),
                mix: layer.mix.map(At::new),
                addends,
                y: At::new(layer.y),
                total: layer.total.map(At::new),
                past: past.map(Remembered::new),
                is_home: layer.is_home,
                home,
                taps: shape.taps,
                backs,
                before,
                early: early.map(|first| MOST * first),
            });
        }
        ends.push(steps.len());
        Self {
            steps: steps.into(),
            numbers: Aligned::from(numbers),
            ends: ends.into(),
        }
    }

    /// How often the room for sums is filled.
    #[cfg(test)]
    pub const fn turns(&self) -> usize {
        self.ends.len()
    }
}

/// One call, as pointers: all places were checked by the caller.
pub(super) struct Call<'a> {
    pub few: &'a Few,
    pub memory: *mut f32,
    pub cursors: &'a [usize],
    /// 1 to [`MOST`].
    pub frames: usize,
}

dispatch! {
    /// # Safety
    /// The instruction set is available; every place of the layers lies in `memory` for these frames, every cursor in its
    /// ring, and no layer writes what it reads.
    pub(super) unsafe fn run = generic(call: &Call<'_>)
}

/// # Safety
/// As [`run`], and as [`Simd`].
#[inline(always)]
unsafe fn generic<S: Simd>(call: &Call<'_>) {
    // SAFETY: passed on to the caller.
    unsafe {
        match call.frames {
            1 => goes::<S, 1>(call),
            2 => goes::<S, 2>(call),
            3 => goes::<S, 3>(call),
            MOST => goes::<S, MOST>(call),
            _ => {}
        }
    }
}

#[repr(align(64))]
struct Room(MaybeUninit<[f32; ROOM]>);

/// # Safety
/// As [`generic`]; there are `F` frames.
#[inline(always)]
unsafe fn goes<S: Simd, const F: usize>(call: &Call<'_>) {
    let mut room = Room(MaybeUninit::uninit());
    let room = room.0.as_mut_ptr().cast::<f32>();
    let mut first = 0;
    for end in &call.few.ends {
        let steps = call.few.steps.get(first..*end).unwrap_or(&[]);
        // SAFETY: passed on to the caller; each step's sums have their place in the room since construction.
        unsafe {
            for step in steps {
                if let Some(early) = step.early {
                    past::<S, F>(call, step, room.add(early));
                }
            }
            for step in steps {
                present::<S, F>(call, step, room);
            }
        }
        first = *end;
    }
}

impl Call<'_> {
    #[inline(always)]
    fn cursor(&self, ring: &Remembered) -> usize {
        self.cursors.get(ring.cursor).copied().unwrap_or(0)
    }

    /// Where a tap reads the ring.
    #[inline(always)]
    fn tap(&self, past: &Remembered, back: usize) -> *const f32 {
        let start = past.ring.start(self.cursor(past), back);
        self.memory.wrapping_add(past.offset + start)
    }
}

impl Step {
    /// Floats in front of the second input's weights, from the step's first number.
    #[inline(always)]
    const fn mix_weights(&self) -> usize {
        if self.has_slopes { 2 * self.row } else { self.row }
    }

    #[inline(always)]
    const fn weights(&self, tap: usize) -> usize {
        self.mix_weights() + (self.mix_inputs + tap * self.inputs) * self.row
    }

    /// Bias, addends and second input of outputs from `o` on.
    ///
    /// # Safety
    /// As [`generic`]; `numbers` are the step's.
    #[inline(always)]
    unsafe fn begin<S: Simd, const F: usize>(
        &self,
        memory: *mut f32,
        numbers: *const f32,
        o: usize,
        count: usize,
    ) -> [S::V; F] {
        // SAFETY: passed on to the caller.
        unsafe {
            let mut sums = [S::load(numbers.add(o)); F];
            for addend in self.addends.iter().flatten() {
                let addend = addend.view(memory);
                for (f, sum) in sums.iter_mut().enumerate() {
                    *sum = S::add(*sum, addend.load::<S>(o, count, f));
                }
            }
            if let Some(mix) = self.mix {
                let weights = numbers.add(self.mix_weights() + o);
                let x = memory.add(mix.offset);
                accumulate::<S, F>(
                    &mut sums,
                    weights,
                    self.row,
                    x,
                    (mix.channel, mix.frame),
                    self.mix_inputs,
                );
            }
            sums
        }
    }
}

/// What is known of a layer's sums before the block's frames are.
///
/// # Safety
/// As [`goes`]; `room` has place for `F` rows, and the step has a past and no addends.
#[inline(always)]
unsafe fn past<S: Simd, const F: usize>(call: &Call<'_>, step: &Step, room: *mut f32) {
    let Some(past) = &step.past else { return };
    let taps = step.before[F - 1];
    let mut o = 0;
    // SAFETY: passed on to the caller.
    unsafe {
        let numbers = call.few.numbers.as_ptr().add(step.numbers);
        while o < step.outputs {
            let mut sums = step.begin::<S, F>(call.memory, numbers, o, S::LANES);
            for (tap, back) in step.backs.iter().take(taps).enumerate() {
                let weights = numbers.add(step.weights(tap) + o);
                let x = call.tap(past, *back);
                accumulate::<S, F>(&mut sums, weights, step.row, x, (past.ring.stride(), 1), step.inputs);
            }
            for (f, sum) in sums.into_iter().enumerate() {
                S::store(room.add(f * step.row + o), sum);
            }
            o += S::LANES;
        }
    }
}

/// The rest of a layer; `room` is that of all layers.
///
/// # Safety
/// As [`goes`]; where the step has sums in `room`, [`past`] has left them there.
#[inline(always)]
unsafe fn present<S: Simd, const F: usize>(call: &Call<'_>, step: &Step, room: *mut f32) {
    let x = step.x.view(call.memory);
    let (y, total) = (
        step.y.view(call.memory),
        step.total.map_or(View::NONE, |total| total.view(call.memory)),
    );
    // SAFETY: passed on to the caller.
    unsafe {
        if let Some(past) = step.past.as_ref().filter(|_| !step.is_home) {
            remember(call, past, x, F);
        }
        let numbers = call.few.numbers.as_ptr().add(step.numbers);
        let mut o = 0;
        while o < step.outputs {
            let count = (step.outputs - o).min(S::LANES);
            let (mut sums, first) = match step.early {
                Some(early) => {
                    let room = room.add(early + o);
                    (
                        std::array::from_fn(|f| S::load(room.add(f * step.row))),
                        step.before[F - 1],
                    )
                }
                None => (step.begin::<S, F>(call.memory, numbers, o, count), 0),
            };
            for tap in first..step.taps {
                let weights = numbers.add(step.weights(tap) + o);
                let back = step.backs.get(tap).copied().unwrap_or(0);
                let (x, distances) = match &step.past {
                    Some(past) if back > 0 => (call.tap(past, back), (past.ring.stride(), 1)),
                    _ => (x.first, (x.channel, x.frame)),
                };
                accumulate::<S, F>(&mut sums, weights, step.row, x, distances, step.inputs);
            }
            let slopes = if step.has_slopes {
                numbers.add(step.row + o)
            } else {
                std::ptr::null()
            };
            let last = Last {
                slopes,
                activation: step.activation,
                y,
                total,
            };
            finish::<S, F>(sums, &last, o, count, 0);
            o += S::LANES;
        }
        if let Some(home) = &step.home {
            remember(call, home, y, F);
        }
    }
}

/// Writes the block's frames to a ring.
///
/// # Safety
/// As [`goes`]; `x` has as many channels as the ring has planes.
#[inline(always)]
unsafe fn remember(call: &Call<'_>, past: &Remembered, x: View, frames: usize) {
    let (ring, cursor) = (&past.ring, call.cursor(past));
    let stride = ring.stride();
    for frame in 0..frames {
        let place = ring.start(cursor + frame, 0);
        let twin = ring.twin(place);
        let mut from = x.first.wrapping_add(frame * x.frame);
        let mut plane = call.memory.wrapping_add(past.offset + place);
        let behind = twin - place;
        for _ in 0..ring.planes() {
            // SAFETY: passed on to the caller; both places lie in the plane.
            unsafe {
                *plane = *from;
                if behind > 0 {
                    *plane.add(behind) = *from;
                }
            }
            from = from.wrapping_add(x.channel);
            plane = plane.wrapping_add(stride);
        }
    }
}
