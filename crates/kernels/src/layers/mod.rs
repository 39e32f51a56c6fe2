//! A run of convolutions, one after the other, in one call: the layers of a WaveNet.
//!
//! All of them work in one piece of memory whose places are agreed, and checked, at construction; so nothing is left to check
//! between two layers. What one layer writes and another remembers is written into the ring of the other at once. A block of a
//! few frames keeps what only these layers see as frames with the channels side by side.
//!
//! The samples are those of the layers one by one ([`Conv1d::run`] with [`Ring::write`]), to the bit.

mod ahead;
mod few;
mod simd;
#[cfg(test)]
mod tests;

use crate::conv1d::{Conv1d, MAX_ADDENDS};
use crate::{LANES, Ring, padded};

/// Most taps of a layer.
pub const MAX_TAPS: usize = 16;

/// Planes in the memory: the first float, and the distance to the next plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Planes {
    /// First float.
    pub offset: usize,
    /// Distance of two planes.
    pub stride: usize,
    /// How many.
    pub planes: usize,
}

impl Planes {
    /// The first float behind them, if `frames` are touched.
    fn end(self, frames: usize) -> Option<usize> {
        (self.planes.checked_sub(1)?)
            .checked_mul(self.stride)?
            .checked_add(self.offset)?
            .checked_add(frames)
    }

    fn overlaps(self, other: Self) -> bool {
        let behind = |planes: Self| {
            planes
                .offset
                .saturating_add(planes.planes.saturating_mul(planes.stride))
        };
        self.offset < behind(other) && other.offset < behind(self)
    }
}

/// The past of a layer's input.
#[derive(Clone, Debug)]
pub struct Past {
    /// Its geometry; as many planes as the layer has inputs.
    pub ring: Ring,
    /// Where the ring begins in the memory.
    pub offset: usize,
    /// Which of the cursors is its own.
    pub cursor: usize,
    /// How many frames each tap looks back, at most the ring's history.
    pub backs: Box<[usize]>,
}

/// One layer and its places.
#[derive(Clone, Debug)]
pub struct Layer {
    /// The layer, with one group.
    pub conv: Conv1d,
    /// What it reads.
    pub x: Planes,
    /// For a layer with several taps.
    pub past: Option<Past>,
    /// The second input, if it has one.
    pub mix: Option<Planes>,
    /// What is added, at most [`MAX_ADDENDS`].
    pub addends: Vec<Planes>,
    /// What it writes.
    pub y: Planes,
    /// Where its result is added.
    pub total: Option<Planes>,
}

/// A place, seen by one layer.
#[derive(Clone, Copy, Debug)]
struct Place {
    planes: Planes,
    /// The ring that it is written to at once, by number of the layer that remembers it.
    home: Option<usize>,
    /// Where that ring is.
    ring: Option<Spot>,
    /// Frames with their channels side by side, in blocks of few frames.
    local: bool,
}

/// A ring: its first float, the distance of its planes, and its cursor's number.
#[derive(Clone, Copy, Debug)]
struct Spot {
    offset: usize,
    stride: usize,
    cursor: usize,
}

#[derive(Clone, Debug)]
struct Placed {
    conv: Conv1d,
    x: Place,
    past: Option<Past>,
    /// The input is in the ring already.
    is_home: bool,
    mix: Option<Place>,
    addends: Vec<Place>,
    y: Place,
    total: Option<Place>,
    /// The past that is asked for meanwhile.
    asks: Option<ahead::Asks>,
    /// It and the next layer are one pass over blocks of many frames.
    pair: Option<Pair>,
}

/// A layer that is computed together with the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Pair {
    /// Others than the next layer read its result.
    is_kept: bool,
}

/// Layers in one memory, ready to run.
#[derive(Clone, Debug)]
pub struct Layers {
    layers: Vec<Placed>,
    few: few::Few,
    /// Floats of memory that are touched.
    memory: usize,
    cursors: usize,
    max_frames: usize,
}

impl Layers {
    /// `lasting` are the places that somebody reads after these layers, for blocks of up to `max_frames`. `None` if a layer
    /// contradicts its places, or a place its memory.
    pub fn new(layers: Vec<Layer>, lasting: &[Planes], max_frames: usize) -> Option<Self> {
        let whole = padded(max_frames);
        let (mut memory, mut cursors) = (0, 0);
        let isa = layers.first()?.conv.isa();
        for layer in &layers {
            let shape = layer.conv.shape();
            let sized = shape.groups == 1
                && layer.conv.has_few()
                && layer.conv.isa() == isa
                && layer.x.planes == shape.inputs
                && layer.y.planes == shape.outputs
                && layer.mix.map_or(0, |mix| mix.planes) == layer.conv.mix_inputs()
                && layer.addends.len() <= MAX_ADDENDS
                && layer
                    .addends
                    .iter()
                    .chain(&layer.total)
                    .all(|planes| planes.planes == shape.outputs)
                && shape.taps <= MAX_TAPS
                && layer.past.as_ref().map_or(1, |past| past.backs.len()) == shape.taps;
            let read = [Some(layer.x), layer.mix]
                .into_iter()
                .flatten()
                .chain(layer.addends.iter().copied());
            let written = [Some(layer.y), layer.total].into_iter().flatten();
            let apart = read
                .clone()
                .all(|read| written.clone().all(|written| !written.overlaps(read)))
                && layer.total.is_none_or(|total| !total.overlaps(layer.y));
            if !sized || !apart {
                return None;
            }
            for planes in read.chain(written) {
                if planes.stride < whole {
                    return None;
                }
                memory = memory.max(planes.end(whole)?);
            }
            if let Some(past) = &layer.past {
                let fits = past.ring.planes() == shape.inputs
                    && past.ring.max_frames() >= max_frames
                    && past.backs.iter().all(|back| *back <= past.ring.history());
                if !fits {
                    return None;
                }
                memory = memory.max(past.offset.checked_add(past.ring.len())?);
                cursors = cursors.max(past.cursor.checked_add(1)?);
            }
        }
        let mut layers = place(layers, lasting);
        let few = few::Few::new(&mut layers);
        Some(Self {
            layers,
            few,
            memory,
            cursors,
            max_frames,
        })
    }

    /// Runs all layers on `frames`, at most those agreed; `memory` begins where all offsets count from.
    ///
    /// # Realtime Safety
    /// Safe. Does nothing if a slice is too short.
    pub fn run(&self, memory: &mut [f32], cursors: &mut [usize], frames: usize) {
        let pasts = self.layers.iter().filter_map(|layer| layer.past.as_ref());
        let fits = memory.len() >= self.memory
            && cursors.len() >= self.cursors
            && frames <= self.max_frames
            && pasts
                .clone()
                .all(|past| cursors.get(past.cursor).is_some_and(|at| *at < past.ring.period()));
        debug_assert!(fits, "layers: memory too short");
        let Some(first) = self.layers.first().filter(|_| fits && frames > 0) else {
            return;
        };
        let call = simd::Call {
            layers: &self.layers,
            few: &self.few,
            memory: memory.as_mut_ptr(),
            cursors,
            frames,
            isa: first.conv.isa(),
        };
        // SAFETY: the instruction set is available by construction; every place was checked at construction to lie in
        // `memory`, and not to overlap what its layer reads; the cursors were checked just now.
        unsafe { simd::run(&call) };
        for past in pasts {
            if let Some(cursor) = cursors.get_mut(past.cursor) {
                *cursor = past.ring.advance(*cursor, frames);
            }
        }
    }
}

/// Finds what can be written to rings at once, and what stays among the layers.
fn place(layers: Vec<Layer>, lasting: &[Planes]) -> Vec<Placed> {
    let plain = |planes: Planes| Place {
        planes,
        home: None,
        ring: None,
        local: false,
    };
    let mut placed: Vec<Placed> = (layers.into_iter())
        .map(|layer| Placed {
            x: plain(layer.x),
            is_home: false,
            mix: layer.mix.map(plain),
            addends: layer.addends.into_iter().map(plain).collect(),
            y: plain(layer.y),
            total: layer.total.map(plain),
            conv: layer.conv,
            past: layer.past,
            asks: None,
            pair: None,
        })
        .collect();
    for writer in 0..placed.len() {
        let whole = placed[writer].y.planes;
        // Until it is written again it has these readers; a total in the same place makes another signal of it.
        let mut readers = Vec::new();
        let (mut totalled, mut overwritten, mut partly) = (false, false, false);
        for (index, layer) in placed.iter().enumerate().skip(writer + 1) {
            for (which, read) in layer.reads() {
                if read.overlaps(whole) {
                    partly |= read != whole;
                    readers.push((index, which));
                }
            }
            if let Some(total) = layer.total.filter(|total| total.planes.overlaps(whole)) {
                partly |= total.planes != whole;
                totalled = true;
                readers.push((index, Which::Total));
            }
            if layer.y.planes.overlaps(whole) {
                overwritten = true;
                break;
            }
        }
        let only_next = matches!(readers[..], [(next, Which::X)] if next == writer + 1);
        let lasts = !overwritten && lasting.iter().any(|planes| planes.overlaps(whole));
        placed[writer].pair = pair(&placed[writer..]).then_some(Pair {
            is_kept: partly || lasts || !only_next,
        });
        if partly {
            continue;
        }
        let room = few::MOST * whole.planes.next_multiple_of(LANES) <= whole.planes * whole.stride;
        let local = !lasts && room;
        let home = readers.iter().find_map(|(index, which)| {
            let layer = &placed[*index];
            (*which == Which::X && layer.past.is_some() && !totalled && !lasts && local).then_some(*index)
        });
        let ring = home.and_then(|home| placed[home].past.as_ref()).map(|past| Spot {
            offset: past.offset,
            stride: past.ring.stride(),
            cursor: past.cursor,
        });
        let mark = |place: &mut Place| {
            place.home = home;
            place.ring = ring;
            place.local = local;
        };
        mark(&mut placed[writer].y);
        for (index, which) in readers {
            let layer = &mut placed[index];
            match which {
                Which::X => mark(&mut layer.x),
                Which::Mix => layer.mix.iter_mut().for_each(mark),
                Which::Addend(at) => layer.addends.iter_mut().skip(at).take(1).for_each(mark),
                Which::Total => layer.total.iter_mut().for_each(mark),
            }
            layer.is_home |= which == Which::X && home == Some(index);
        }
    }
    for (layer, asks) in ahead::plan(&placed).into_iter().enumerate() {
        placed[layer].asks = asks;
    }
    placed
}

/// True if the first of `layers` and the one behind it are one pass: what the second adds is what the first read, and it writes
/// nothing that the first reads or writes.
fn pair(layers: &[Placed]) -> bool {
    let [first, second, ..] = layers else { return false };
    let y = second.y.planes;
    let apart = (first.reads().map(|(_, planes)| planes))
        .chain([first.y.planes])
        .chain(first.total.map(|total| total.planes))
        .all(|planes| !planes.overlaps(y));
    let residual = matches!(second.addends[..], [addend] if addend.planes == first.x.planes);
    first.conv.pairs_with(&second.conv)
        && first.past.is_some()
        && first.addends.is_empty()
        && second.past.is_none()
        && second.total.is_none()
        && second.x.planes == first.y.planes
        && residual
        && apart
}

/// What of a layer a place is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Which {
    X,
    Mix,
    Addend(usize),
    Total,
}

impl Placed {
    fn reads(&self) -> impl Iterator<Item = (Which, Planes)> + '_ {
        let addends = self.addends.iter().enumerate();
        std::iter::once((Which::X, self.x.planes))
            .chain(self.mix.map(|mix| (Which::Mix, mix.planes)))
            .chain(addends.map(|(at, addend)| (Which::Addend(at), addend.planes)))
    }
}
