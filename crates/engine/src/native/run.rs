//! One step on one short piece. Nothing here can fail: where a region would not exist (it always does: the plan made it), the
//! step does nothing.

use super::beat::Beat;
use super::beginning::{given, hold, value_before};
use super::circuit;
use super::cross;
use super::lower::{History, Kept, Kernel, Lowered, MAX_INPUTS};
use super::noise::draw;
use super::oscillator::{Oscillator, Seek};
use crate::plan::Region;
use crate::stream::{Planes, Prefix, Rate};
use tonegraft_kernels::conv1d::{self, Inputs, PlanesMut};
use tonegraft_kernels::{Isa, binary, frame, padded, select};

impl Kept {
    /// How many of the next `frames` lie before the memory's end, and how many from its beginning on. `None` for more than it holds.
    fn parts(&self, at: usize, frames: usize) -> Option<(usize, usize)> {
        let before = frames.min(self.delay.checked_sub(at)?);
        (frames <= self.delay).then_some((before, frames - before))
    }
}

/// What an instance lends to its steps.
pub(super) struct Running<'a> {
    /// State first, then planes.
    pub memory: &'a mut [f32],
    pub state_len: usize,
    pub cursors: &'a mut [usize],
    pub starts: &'a mut [usize],
    pub scratch: &'a mut [f32],
    /// What each clock has in this piece.
    pub beats: &'a [Beat],
    /// Tick from which positions and random numbers count.
    pub epoch: i64,
    /// Where oscillators go.
    pub seek: Option<Seek>,
}

/// The planes without those that are lent out to be written: what is left of them, each part with where it begins.
struct Others<'a>([(usize, &'a [f32]); 3]);

impl<'a> Others<'a> {
    fn get(&self, region: Region) -> Option<&'a [f32]> {
        self.0.iter().find_map(|(first, part)| {
            let from = region.offset.checked_sub(*first)?;
            part.get(from..from + region.len())
        })
    }

    fn planes(&self, region: Region) -> Option<conv1d::Planes<'a>> {
        Some(conv1d::Planes {
            memory: self.get(region)?,
            stride: region.stride,
        })
    }
}

/// The region to write, and all others to read.
fn lend(planes: &mut [f32], output: Region) -> Option<(&mut [f32], Others<'_>)> {
    let end = output.offset + output.len();
    let (before, rest) = planes.split_at_mut_checked(output.offset)?;
    let (y, after) = rest.split_at_mut_checked(output.len())?;
    Some((y, Others([(0, before), (end, after), (end, &[])])))
}

/// Two regions to write, and all others to read.
fn lend_two(planes: &mut [f32], a: Region, b: Region) -> Option<([&mut [f32]; 2], Others<'_>)> {
    let (first, second) = if a.offset < b.offset { (a, b) } else { (b, a) };
    let (before, rest) = planes.split_at_mut_checked(first.offset)?;
    let (x, rest) = rest.split_at_mut_checked(first.len())?;
    let from = first.offset + first.len();
    let (between, rest) = rest.split_at_mut_checked(second.offset.checked_sub(from)?)?;
    let (y, after) = rest.split_at_mut_checked(second.len())?;
    let others = Others([(0, before), (from, between), (second.offset + second.len(), after)]);
    Some((if a.offset < b.offset { [x, y] } else { [y, x] }, others))
}

/// At control rate there is one frame.
const CONTROL: Beat = Beat {
    first: 0,
    hop: 1,
    count: 1,
};

impl Running<'_> {
    /// # Realtime Safety
    /// Safe.
    pub fn step(&mut self, step: &Lowered) {
        let beat = |clock: Option<usize>| clock.map_or(CONTROL, |at| self.beats.get(at).copied().unwrap_or_default());
        let (from, to) = (beat(step.from), beat(step.to));
        if from.count > 0 || to.count > 0 {
            // The borrow of `planes` ends with the step; `None` means a region that does not exist.
            let _ = self.try_step(step, from, to);
        }
    }

    fn try_step(&mut self, step: &Lowered, from: Beat, to: Beat) -> Option<()> {
        let (output, stride, frames) = (step.output, step.output.stride, to.count);
        let first = step.inputs.first().copied();
        if let Kernel::Layers(layers) = &step.kernel {
            layers.run(self.memory, self.cursors, frames);
            return Some(());
        }
        let (state, planes) = self.memory.split_at_mut_checked(self.state_len)?;
        if let Some(total) = step.total {
            let ([y, total_planes], others) = lend_two(planes, output, total)?;
            let mut total = PlanesMut {
                memory: total_planes,
                stride: total.stride,
            };
            let mut y = PlanesMut { memory: y, stride };
            return convolve(
                state,
                self.cursors,
                self.starts,
                step,
                &mut y,
                Some(&mut total),
                &others,
                (from, frames),
            );
        }
        let (y, others) = lend(planes, output)?;
        match &step.kernel {
            Kernel::Layers(_) => {}
            Kernel::Pointwise(_) | Kernel::Conv { .. } => {
                let mut y = PlanesMut { memory: y, stride };
                return convolve(
                    state,
                    self.cursors,
                    self.starts,
                    step,
                    &mut y,
                    None,
                    &others,
                    (from, frames),
                );
            }
            Kernel::Rows {
                rows,
                history,
                backs,
                starts,
                begin,
            } => {
                let x = first?;
                let starts = self.starts.get_mut(starts.clone())?;
                let Some(history) = history else {
                    starts.fill(0);
                    rows.run(others.get(x)?, x.stride, starts, y, stride, frames, self.scratch);
                    return Some(());
                };
                let input = (others.get(x)?, x, begin.as_ref());
                let memory = take_in(state, self.cursors, history, input, (backs, starts), (from, frames))?;
                rows.run(memory, history.ring.stride(), starts, y, stride, frames, self.scratch);
            }
            Kernel::Recurrent { layer, memory, start } => {
                let (x, x_stride) = (others.get(first?)?, first?.stride);
                let hold = hold(y, stride, *start, to);
                let state = state.get_mut(memory.clone())?;
                layer.run(
                    state,
                    x.get(hold..)?,
                    x_stride,
                    y.get_mut(hold..)?,
                    stride,
                    frames - hold,
                );
            }
            Kernel::Unary(activation) => {
                let x = first?;
                let x = if x == output { None } else { Some(others.get(x)?) };
                match x {
                    // A contiguous frame is one run of features.
                    None if stride == 1 => activation.apply(y),
                    Some(x) if stride == 1 => activation.map(x, y),
                    None => activation.apply_planes(y, stride, frames),
                    Some(x) => activation.map_planes(x, y, stride, frames),
                }
            }
            Kernel::Binary { function, isa, a, b } => {
                let a = Side::new(&others, first?, a)?;
                let b = Side::new(&others, step.inputs.get(1).copied()?, b)?;
                if stride == 1 {
                    let (room_a, room_b) = self.scratch.split_at_mut_checked(padded(output.planes))?;
                    let (a, b) = (a.frame(output.planes, room_a)?, b.frame(output.planes, room_b)?);
                    binary::run(*function, *isa, a, b, y);
                } else {
                    binary(*function, *isa, &a, &b, y, output, frames);
                }
            }
            Kernel::Select {
                isa,
                pairing: [c, a, b],
            } => {
                let c = Side::new(&others, first?, c)?;
                let a = Side::new(&others, step.inputs.get(1).copied()?, a)?;
                let b = Side::new(&others, step.inputs.get(2).copied()?, b)?;
                if stride == 1 {
                    let (room_c, rest) = self.scratch.split_at_mut_checked(padded(output.planes))?;
                    let (room_a, room_b) = rest.split_at_mut_checked(padded(output.planes))?;
                    let c = c.frame(output.planes, room_c)?;
                    let (a, b) = (a.frame(output.planes, room_a)?, b.frame(output.planes, room_b)?);
                    select::run(*isa, c, a, b, y);
                } else {
                    for (plane, y) in y.chunks_exact_mut(stride).enumerate() {
                        let [c, a, b] = [&c, &a, &b].map(|side| side.operand(plane, frames, output.rate));
                        select::run(*isa, c, a, b, y.get_mut(..frames)?);
                    }
                }
            }
            Kernel::Assemble(map) => {
                for (y, (operand, plane)) in y.chunks_exact_mut(stride).zip(map) {
                    let region = step.inputs.get(*operand).copied()?;
                    let x = others.get(region)?.get(plane * region.stride..)?;
                    match (region.rate, output.rate) {
                        (Rate::Control, Rate::Frames(_)) => y.get_mut(..frames)?.fill(*x.first()?),
                        _ if stride == 1 => *y.first_mut()? = *x.first()?,
                        _ => y.get_mut(..frames)?.copy_from_slice(x.get(..frames)?),
                    }
                }
            }
            Kernel::Begin(prefix) => {
                let x = first?;
                if x != output {
                    let x = others.get(x)?;
                    for (y, x) in y.chunks_exact_mut(stride).zip(x.chunks_exact(stride)) {
                        y.get_mut(..frames)?.copy_from_slice(x.get(..frames)?);
                    }
                }
                let skip = given(prefix, to);
                for (plane, y) in y.chunks_exact_mut(stride).enumerate() {
                    for (frame, y) in y.iter_mut().take(skip).enumerate() {
                        *y = value_before(prefix, to, plane, frame);
                    }
                }
            }
            Kernel::Delay { history, ticks } => {
                let x = first?;
                let memory = state.get_mut(history.memory.clone())?;
                let cursor = self.cursors.get_mut(history.cursor)?;
                cross::remember(history, memory, *cursor, others.get(x)?, x, None, from);
                cross::delay(history, memory, *cursor, from, to, *ticks, y, stride);
                *cursor = history.ring.advance(*cursor, from.count);
            }
            Kernel::Stack {
                history,
                taps,
                dilation,
                begin,
            } => {
                let x = first?;
                let memory = state.get_mut(history.memory.clone())?;
                let cursor = self.cursors.get_mut(history.cursor)?;
                cross::remember(history, memory, *cursor, others.get(x)?, x, begin.as_ref(), from);
                cross::stack(history, memory, *cursor, (from, to), (*taps, *dilation), y, stride);
                *cursor = history.ring.advance(*cursor, from.count);
            }
            Kernel::Spread { held, factor } => {
                let x = first?;
                let held = state.get_mut(held.clone())?;
                cross::spread(held, *factor, (from, to), others.get(x)?, x.stride, y, stride);
            }
            Kernel::Read { history, reach } => {
                let x = first?;
                let at = step.inputs.get(1).copied()?;
                let memory = state.get_mut(history.memory.clone())?;
                let cursor = self.cursors.get_mut(history.cursor)?;
                cross::remember(history, memory, *cursor, others.get(x)?, x, None, from);
                cross::read(history, memory, *cursor, *reach, others.get(at)?, y.get_mut(..frames)?);
                *cursor = history.ring.advance(*cursor, from.count);
            }
            Kernel::Frame(kernel) => {
                for at in 0..frames {
                    run_frame(kernel, &step.inputs, &others, at, y, output, self.scratch)?;
                }
            }
            Kernel::State(kept) => {
                let memory = state.get(kept.memory.clone())?;
                let at = *self.cursors.get(kept.cursor)?;
                // Those that come first, and those behind the end of the memory.
                let (before, behind) = kept.parts(at, frames)?;
                for (y, memory) in y.chunks_exact_mut(stride).zip(memory.chunks_exact(kept.delay)) {
                    y.get_mut(..before)?.copy_from_slice(memory.get(at..at + before)?);
                    y.get_mut(before..frames)?.copy_from_slice(memory.get(..behind)?);
                }
            }
            Kernel::Store { kept, start } => {
                if from.first < *start {
                    return Some(());
                }
                let x = first?;
                let memory = state.get_mut(kept.memory.clone())?;
                let cursor = self.cursors.get_mut(kept.cursor)?;
                let at = *cursor;
                let (before, behind) = kept.parts(at, from.count)?;
                for (memory, x) in memory
                    .chunks_exact_mut(kept.delay)
                    .zip(others.get(x)?.chunks_exact(x.stride))
                {
                    memory.get_mut(at..at + before)?.copy_from_slice(x.get(..before)?);
                    memory.get_mut(..behind)?.copy_from_slice(x.get(before..from.count)?);
                }
                *cursor = (at + from.count) % kept.delay;
            }
            Kernel::Circuit {
                program,
                memory,
                cursors,
            } => {
                let mut cells = circuit::Cells {
                    memory: state.get_mut(memory.clone())?,
                    cursors: self.cursors.get_mut(cursors.clone())?,
                };
                let registers = self.scratch.get_mut(..program.registers())?;
                let input = |operand: usize, plane: usize| {
                    let region = step.inputs.get(operand).copied()?;
                    let from = others.get(region)?.get(plane * region.stride..)?;
                    // What a knob sets holds for all frames.
                    from.get(..if region.rate == Rate::Control { 1 } else { frames })
                };
                circuit::run(program, &mut cells, registers, input, y, stride, frames)?;
            }
            Kernel::Ramp { start, scale, offset } => {
                for at in 0..frames {
                    let frame = to
                        .tick(at)
                        .wrapping_sub(self.epoch)
                        .wrapping_sub(*start)
                        .div_euclid(to.hop.max(1));
                    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
                    let value = (*scale * frame as f64 + *offset) as f32;
                    for y in y.chunks_exact_mut(stride) {
                        *y.get_mut(at)? = value;
                    }
                }
            }
            Kernel::Phase {
                memory,
                rate,
                frames: second,
                offset,
            } => {
                let rate = match first {
                    Some(region) => *others.get(region)?.first()?,
                    None => *rate,
                };
                let memory = state.get_mut(memory.clone())?;
                let mut oscillator = Oscillator::load(memory, rate, *second)?;
                if let Some(seek) = self.seek {
                    oscillator.seek(seek);
                }
                for at in 0..frames {
                    let turns = oscillator.turns();
                    for (plane, y) in y.chunks_exact_mut(stride).enumerate() {
                        #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
                        {
                            *y.get_mut(at)? = (turns + f64::from(*offset) * plane as f64).rem_euclid(1.0) as f32;
                        }
                    }
                    oscillator.advance();
                }
                oscillator.store(memory);
            }
            Kernel::Noise { noise, seed } => {
                for at in 0..frames {
                    let frame = to.tick(at).wrapping_sub(self.epoch).div_euclid(to.hop.max(1));
                    for (plane, y) in y.chunks_exact_mut(stride).enumerate() {
                        *y.get_mut(at)? = draw(*noise, *seed, frame, plane);
                    }
                }
            }
        }
        Some(())
    }
}

/// A convolution with all that is fused into it.
#[allow(clippy::too_many_arguments)]
fn convolve(
    state: &mut [f32],
    cursors: &mut [usize],
    starts: &mut [usize],
    step: &Lowered,
    y: &mut PlanesMut<'_>,
    total: Option<&mut PlanesMut<'_>>,
    others: &Others<'_>,
    (from, frames): (Beat, usize),
) -> Option<()> {
    let (x, rest) = step.inputs.split_first()?;
    let (mix, addends) = rest.split_at_checked(usize::from(step.mixes))?;
    let mix = match mix.first() {
        Some(region) => others.planes(*region)?,
        None => conv1d::Planes::default(),
    };
    let mut planes = [conv1d::Planes::default(); conv1d::MAX_ADDENDS];
    for (planes, region) in planes.iter_mut().zip(addends) {
        *planes = others.planes(*region)?;
    }
    let addends = planes.get(..addends.len())?;
    let (conv, x, starts) = match &step.kernel {
        Kernel::Pointwise(conv) => (conv, others.planes(*x)?, &[0][..]),
        Kernel::Conv {
            conv,
            history,
            backs,
            starts: places,
            begin,
        } => {
            let input = (others.get(*x)?, *x, begin.as_ref());
            let starts = starts.get_mut(places.clone())?;
            let memory = take_in(state, cursors, history, input, (backs, starts), (from, frames))?;
            let stride = history.ring.stride();
            (conv, conv1d::Planes { memory, stride }, &*starts)
        }
        _ => return None,
    };
    let inputs = Inputs {
        x,
        starts,
        mix,
        addends,
    };
    conv.run(&inputs, y, total, frames);
    Some(())
}

/// Takes the current frames of a region, or what is there before its beginning, into a ring, whose memory is given back, and says
/// where in it each tap begins. The cursor moves on.
fn take_in<'s>(
    state: &'s mut [f32],
    cursors: &mut [usize],
    history: &History,
    (x, region, begin): (&[f32], Region, Option<&Prefix>),
    (backs, starts): (&[usize], &mut [usize]),
    (from, frames): (Beat, usize),
) -> Option<&'s [f32]> {
    let memory = state.get_mut(history.memory.clone())?;
    let cursor = cursors.get_mut(history.cursor)?;
    cross::remember(history, memory, *cursor, x, region, begin, from);
    for (start, back) in starts.iter_mut().zip(backs) {
        *start = history.ring.start(*cursor, *back);
    }
    *cursor = history.ring.advance(*cursor, frames);
    Some(memory)
}

/// One frame of a function: operands and result are brought into one piece where they are not.
fn run_frame(
    kernel: &frame::Kernel,
    inputs: &[Region],
    others: &Others<'_>,
    at: usize,
    y: &mut [f32],
    output: Region,
    scratch: &mut [f32],
) -> Option<()> {
    let mut operands: [&[f32]; MAX_INPUTS] = [&[]; MAX_INPUTS];
    let mut rest = scratch;
    for (operand, region) in operands.iter_mut().zip(inputs) {
        let x = others.get(*region)?;
        if region.stride == 1 {
            *operand = x;
            continue;
        }
        let (room, others) = rest.split_at_mut_checked(padded(region.planes))?;
        rest = others;
        let room = room.get_mut(..region.planes)?;
        let at = if region.rate == Rate::Control { 0 } else { at };
        for (room, x) in room.iter_mut().zip(x.chunks_exact(region.stride)) {
            *room = *x.get(at)?;
        }
        *operand = room;
    }
    let operands = operands.get(..inputs.len())?;
    if output.stride == 1 {
        kernel.run(operands, y, rest);
        return Some(());
    }
    let (result, rest) = rest.split_at_mut_checked(padded(output.planes))?;
    let result = result.get_mut(..output.planes)?;
    kernel.run(operands, result, rest);
    for (y, value) in y.chunks_exact_mut(output.stride).zip(result) {
        *y.get_mut(at)? = *value;
    }
    Some(())
}

/// An operand of an element-wise function.
struct Side<'a> {
    memory: &'a [f32],
    region: Region,
    pairing: &'a Planes,
}

impl<'a> Side<'a> {
    fn new(others: &Others<'a>, region: Region, pairing: &'a Planes) -> Option<Self> {
        Some(Self {
            memory: others.get(region)?,
            region,
            pairing,
        })
    }

    fn operand(&self, plane: usize, frames: usize, rate: Rate) -> binary::Operand<'a> {
        let from = self.pairing.get(plane) * self.region.stride;
        if self.region.rate == Rate::Control && rate != Rate::Control {
            binary::Operand::Value(self.memory.get(from).copied().unwrap_or(0.0))
        } else {
            binary::Operand::Signal(self.memory.get(from..from + frames).unwrap_or(&[]))
        }
    }

    /// All planes of one frame, in the order of the result's; `room` is for those that do not stand so.
    fn frame<'b>(&self, planes: usize, room: &'b mut [f32]) -> Option<binary::Operand<'b>>
    where
        'a: 'b,
    {
        match self.pairing {
            Planes::One => Some(binary::Operand::Value(*self.memory.first()?)),
            Planes::Each if self.region.stride == 1 => Some(binary::Operand::Signal(self.memory.get(..planes)?)),
            pairing => {
                let room = room.get_mut(..planes)?;
                for (plane, value) in room.iter_mut().enumerate() {
                    *value = *self.memory.get(pairing.get(plane) * self.region.stride)?;
                }
                Some(binary::Operand::Signal(room))
            }
        }
    }
}

fn binary(
    function: binary::Function,
    isa: Isa,
    a: &Side<'_>,
    b: &Side<'_>,
    y: &mut [f32],
    output: Region,
    frames: usize,
) {
    let stride = output.stride;
    let flat = |side: &Side<'_>| *side.pairing == Planes::Each && side.region.rate == output.rate;
    if flat(a) && flat(b) {
        binary::run_planes(function, isa, a.memory, b.memory, y, stride, frames);
        return;
    }
    for (plane, y) in y.chunks_exact_mut(stride).enumerate() {
        let (a, b) = (
            a.operand(plane, frames, output.rate),
            b.operand(plane, frames, output.rate),
        );
        if let Some(y) = y.get_mut(..frames) {
            binary::run(function, isa, a, b, y);
        }
    }
}
