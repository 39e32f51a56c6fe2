//! The partitions of one length, and when their work is done.
//!
//! Everything stands at absolute positions: a *period* is `block` frames from a multiple of `block`, a *slot* is one interval of
//! the control grid. In a period the spectrum of the two blocks before it is made, multiplied with all partitions and brought
//! back to samples, which are heard in the next period: the partitions begin at tap `2·block` (Gardner, "Efficient Convolution
//! without Input-Output Delay", JAES 43(3), 1995). That work is a list of small units in a fixed order; each slot does its
//! share of the list, cut by estimated cost, so that no slot does much more than another.

use super::aligned::Aligned;
use super::transform::{Transform, Workspace};
use tonegraft_core::{AudioBuffer, CONTROL_INTERVAL};
use tonegraft_kernels::{Isa, spectrum};

/// What an output is made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Route {
    /// Channel of the input.
    pub(crate) input: usize,
    /// Channel of the impulse response.
    pub(crate) filter: usize,
}

/// A piece of work that is done in one go.
#[derive(Clone, Copy, Debug)]
enum Unit {
    /// One piece of the transform of an input.
    Forward {
        input: usize,
        way: usize,
    },
    Join {
        input: usize,
        pass: usize,
        index: usize,
    },
    /// One plane of one partition.
    Multiply {
        output: usize,
        partition: usize,
        plane: usize,
    },
    Part {
        output: usize,
        pass: usize,
        index: usize,
    },
    /// One piece of the way back to the samples of an output.
    Inverse {
        output: usize,
        way: usize,
    },
}

/// Partitions of one length.
#[derive(Debug)]
pub(crate) struct Level {
    transform: Transform,
    work: Workspace,
    routes: Box<[Route]>,
    partitions: usize,
    units: Box<[Unit]>,
    /// Per slot of the period, the end of its share of the units.
    ends: Box<[usize]>,
    /// The next unit of this period.
    next: usize,
    /// `[filters, partitions, spectrum]`.
    filters: Aligned,
    /// Spectra of the past, a ring: `[inputs, partitions, spectrum]`.
    past: Aligned,
    /// The newest in the ring.
    newest: usize,
    /// How many in the ring were made since reset.
    filled: usize,
    /// `[outputs, spectrum]`.
    sums: Aligned,
    /// Heard in this period, and made for the next one: `[outputs, block]`.
    heard: AudioBuffer,
    made: AudioBuffer,
}

impl Level {
    /// For `taps`, `[filters, taps]`, which begin at tap `2·block` of the response; `block` is a multiple of the control interval.
    #[expect(
        clippy::disallowed_methods,
        clippy::disallowed_macros,
        reason = "built off the audio thread"
    )]
    pub(crate) fn new(isa: Isa, block: usize, ways: usize, taps: &[&[f32]], inputs: usize, routes: &[Route]) -> Self {
        let transform = Transform::new(isa, block, ways);
        let longest = taps.iter().map(|taps| taps.len()).max().unwrap_or(0);
        let partitions = longest.div_ceil(block).max(1);
        let size = transform.spectrum();
        let mut filters = Aligned::new(taps.len() * partitions * size);
        let silence = vec![0.0; block];
        for (filter, taps) in taps.iter().enumerate() {
            for (partition, part) in taps.chunks(block).enumerate() {
                let mut padded = part.to_vec();
                padded.resize(block, 0.0);
                let spectrum = transform.whole([&padded, &silence]);
                if let Some(to) = filters.get_mut(filter * partitions + partition, size) {
                    to.copy_from_slice(&spectrum);
                }
            }
        }
        let units = units(&transform, inputs, routes.len(), partitions);
        let ends = shares(&transform, &units);
        Self {
            work: transform.workspace(),
            routes: routes.into(),
            partitions,
            units,
            ends,
            next: 0,
            filters,
            past: Aligned::new(inputs * partitions * size),
            newest: 0,
            filled: 0,
            sums: Aligned::new(routes.len() * size),
            heard: AudioBuffer::new(routes.len(), block),
            made: AudioBuffer::new(routes.len(), block),
            transform,
        }
    }

    pub(crate) fn block(&self) -> usize {
        self.transform.block()
    }

    /// Forgets the past.
    ///
    /// # Realtime Safety
    /// Safe; the time does not depend on the number of partitions.
    pub(crate) fn reset(&mut self) {
        self.next = 0;
        self.newest = 0;
        self.filled = 0;
        self.heard.clear();
        self.made.clear();
    }

    /// The work of the slot that begins at `position`, a multiple of the control interval. `past`: the inputs, `[inputs, ring]`, as
    /// rings of a power of two, at least `4·block` long, that hold all frames before `position`.
    ///
    /// # Realtime Safety
    /// Safe.
    pub(crate) fn tick(&mut self, position: u64, past: &AudioBuffer) {
        let block = self.transform.block();
        let into = offset(position, block);
        if into == 0 {
            std::mem::swap(&mut self.heard, &mut self.made);
            self.newest = (self.newest + 1) % self.partitions;
            self.filled = (self.filled + 1).min(self.partitions);
            self.next = 0;
        }
        let end = self.ends.get(into / CONTROL_INTERVAL).copied().unwrap_or(0);
        while self.next < end {
            if let Some(unit) = self.units.get(self.next) {
                self.run(*unit, position - into as u64, past);
            }
            self.next += 1;
        }
    }

    fn run(&mut self, unit: Unit, period: u64, past: &AudioBuffer) {
        let (block, size, plane) = (
            self.transform.block(),
            self.transform.spectrum(),
            self.transform.plane(),
        );
        match unit {
            Unit::Forward { input, way } => {
                let ring = past.channel(input);
                let half = |back: u64| {
                    let start = offset(period.wrapping_sub(back), ring.len());
                    ring.get(start..start + block).unwrap_or(&[])
                };
                let halves = [half(2 * block as u64), half(block as u64)];
                if let Some(spectrum) = self.past.get_mut(input * self.partitions + self.newest, size) {
                    self.transform.forward(way, halves, spectrum, &mut self.work);
                }
            }
            Unit::Join { input, pass, index } => {
                if let Some(spectrum) = self.past.get_mut(input * self.partitions + self.newest, size) {
                    self.transform.join(pass, index, spectrum);
                }
            }
            Unit::Multiply {
                output,
                partition,
                plane: index,
            } => {
                let Some(route) = self.routes.get(output) else { return };
                let place = (self.newest + self.partitions - partition) % self.partitions;
                let x = self.past.get(
                    (route.input * self.partitions + place) * self.transform.ways() + index,
                    plane,
                );
                let h = (route.filter * self.partitions + partition) * self.transform.ways() + index;
                let h = self.filters.get(h, plane);
                let sum = self.sums.get_mut(output * self.transform.ways() + index, plane);
                if let (Some(x), Some(h), Some(sum)) = (x, h, sum) {
                    if partition == 0 {
                        sum.fill(0.0);
                    }
                    if partition < self.filled {
                        spectrum::multiply_add(self.transform.isa(), x, h, sum);
                    }
                }
            }
            Unit::Part { output, pass, index } => {
                if let Some(spectrum) = self.sums.get_mut(output, size) {
                    self.transform.part(pass, index, spectrum);
                }
            }
            Unit::Inverse { output, way } => {
                if let Some(spectrum) = self.sums.get(output, size) {
                    let made = self.made.channel_mut(output);
                    self.transform.inverse(way, spectrum, made, &mut self.work);
                }
            }
        }
    }

    /// Adds what is heard from `position` on to `out`, which must not reach beyond the slot.
    ///
    /// # Realtime Safety
    /// Safe.
    pub(crate) fn add(&self, output: usize, position: u64, out: &mut [f32]) {
        let start = offset(position, self.transform.block());
        let heard = self.heard.channel(output).get(start..).unwrap_or(&[]);
        for (out, heard) in out.iter_mut().zip(heard) {
            *out += heard;
        }
    }
}

/// `position` modulo `length`, a power of two.
pub(crate) fn offset(position: u64, length: usize) -> usize {
    let mask = (length as u64).wrapping_sub(1);
    // Below `length`, which is a usize.
    #[allow(clippy::cast_possible_truncation)]
    let offset = (position & mask) as usize;
    offset
}

/// The work of a period, in order.
fn units(transform: &Transform, inputs: usize, outputs: usize, partitions: usize) -> Box<[Unit]> {
    let (ways, passes) = (transform.ways(), transform.passes());
    let mut units = Vec::new();
    for input in 0..inputs {
        units.extend((0..ways).map(|way| Unit::Forward { input, way }));
        for pass in 0..passes {
            units.extend((0..ways / 2).map(|index| Unit::Join { input, pass, index }));
        }
    }
    for output in 0..outputs {
        for plane in 0..ways {
            units.extend((0..partitions).map(|partition| Unit::Multiply {
                output,
                partition,
                plane,
            }));
        }
        for pass in (0..passes).rev() {
            units.extend((0..ways / 2).map(|index| Unit::Part { output, pass, index }));
        }
        units.extend((0..ways).map(|way| Unit::Inverse { output, way }));
    }
    units.into_boxed_slice()
}

/// Where each slot's share of `units` ends.
#[expect(clippy::disallowed_methods, reason = "built off the audio thread")]
fn shares(transform: &Transform, units: &[Unit]) -> Box<[usize]> {
    // Relative costs, as measured (`examples/convolver.rs`): a short transform with its copying is as dear as that many planes.
    let cost = |unit: &Unit| match unit {
        Unit::Forward { .. } | Unit::Inverse { .. } => 14 * transform.short(),
        Unit::Join { .. } | Unit::Part { .. } => transform.plane(),
        Unit::Multiply { .. } => transform.plane(),
    };
    let slots = (transform.block() / CONTROL_INTERVAL).max(1);
    let total: usize = units.iter().map(cost).sum();
    let mut ends = Vec::with_capacity(slots);
    let (mut end, mut done) = (0, 0);
    for slot in 1..=slots {
        while let Some(unit) = units.get(end)
            && (slot == slots || (done + cost(unit) / 2) * slots <= total * slot)
        {
            done += cost(unit);
            end += 1;
        }
        ends.push(end);
    }
    ends.into_boxed_slice()
}
