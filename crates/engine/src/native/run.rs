//! One step on one short block. Nothing here can fail: where a region would not exist (it always does: the plan made it), the
//! step does nothing.

use super::lower::{History, Kernel, Lowered};
use crate::plan::Region;
use crate::stream::{Planes, Prefix, Rate};
use tonegraft_kernels::{Activation, Isa, binary};

/// What an instance lends to its steps.
pub(super) struct Running<'a> {
    pub state: &'a mut [f32],
    pub planes: &'a mut [f32],
    pub cursors: &'a mut [usize],
    pub starts: &'a mut [usize],
    /// Tick of the block's first frame.
    pub tick: i64,
}

/// The planes without those of one region, which is lent out separately.
struct Others<'a> {
    before: &'a [f32],
    after: &'a [f32],
    end: usize,
}

impl<'a> Others<'a> {
    fn get(&self, region: Region) -> Option<&'a [f32]> {
        if region.offset >= self.end {
            let from = region.offset - self.end;
            self.after.get(from..from + region.len())
        } else {
            self.before.get(region.offset..region.offset + region.len())
        }
    }
}

/// The region to write, and all others to read.
fn lend(planes: &mut [f32], output: Region) -> Option<(&mut [f32], Others<'_>)> {
    let end = output.offset + output.len();
    let (before, rest) = planes.split_at_mut_checked(output.offset)?;
    let (y, after) = rest.split_at_mut_checked(output.len())?;
    Some((y, Others { before, after, end }))
}

impl Running<'_> {
    /// # Realtime Safety
    /// Safe.
    pub fn step(&mut self, step: &Lowered, frames: usize) {
        // The borrow of `planes` ends with the step; `None` means a region that does not exist.
        let _ = self.try_step(step, frames);
    }

    fn try_step(&mut self, step: &Lowered, frames: usize) -> Option<()> {
        let (output, stride) = (step.output, step.output.stride());
        let first = step.inputs.first().copied();
        let (y, others) = lend(self.planes, output)?;
        match &step.kernel {
            Kernel::Pointwise(conv) => {
                let x = first?;
                conv.run(others.get(x)?, x.stride(), &[0], y, stride, frames);
            }
            Kernel::Conv {
                conv,
                history,
                backs,
                starts,
                begin,
            } => {
                let x = first?;
                let memory = self.state.get_mut(history.memory.clone())?;
                let cursor = self.cursors.get_mut(history.cursor)?;
                let skip = begin.as_ref().map_or(0, |begin| given(begin, self.tick, frames));
                history
                    .ring
                    .write(memory, *cursor, others.get(x)?, x.stride(), skip, frames);
                if let Some(begin) = begin {
                    for frame in 0..skip {
                        for plane in 0..x.planes {
                            let value = value_before(begin, self.tick, plane, frame);
                            history.ring.put(memory, *cursor, plane, frame, value);
                        }
                    }
                }
                let starts = self.starts.get_mut(starts.clone())?;
                for (start, back) in starts.iter_mut().zip(backs) {
                    *start = history.ring.start(*cursor, *back);
                }
                conv.run(memory, history.ring.stride(), starts, y, stride, frames);
                *cursor = history.ring.advance(*cursor, frames);
            }
            Kernel::Lstm { lstm, memory, start } => {
                let (x, x_stride) = (others.get(first?)?, first?.stride());
                let hold = hold(y, stride, *start, self.tick, frames);
                let state = self.state.get_mut(memory.clone())?;
                lstm.run(
                    state,
                    x.get(hold..)?,
                    x_stride,
                    y.get_mut(hold..)?,
                    stride,
                    frames - hold,
                );
            }
            Kernel::Gru { gru, memory, start } => {
                let (x, x_stride) = (others.get(first?)?, first?.stride());
                let hold = hold(y, stride, *start, self.tick, frames);
                let state = self.state.get_mut(memory.clone())?;
                gru.run(
                    state,
                    x.get(hold..)?,
                    x_stride,
                    y.get_mut(hold..)?,
                    stride,
                    frames - hold,
                );
            }
            Kernel::Rnn { rnn, memory, start } => {
                let (x, x_stride) = (others.get(first?)?, first?.stride());
                let hold = hold(y, stride, *start, self.tick, frames);
                let state = self.state.get_mut(memory.clone())?;
                rnn.run(
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
                unary(activation, x, y, stride, frames);
            }
            Kernel::Binary { function, isa, a, b } => {
                let (a_region, b_region) = (first?, step.inputs.get(1).copied()?);
                let a = Side {
                    memory: others.get(a_region)?,
                    region: a_region,
                    pairing: a,
                };
                let b = Side {
                    memory: others.get(b_region)?,
                    region: b_region,
                    pairing: b,
                };
                binary(*function, *isa, &a, &b, y, output, frames);
            }
            Kernel::Assemble(map) => {
                for (y, (operand, plane)) in y.chunks_exact_mut(stride).zip(map) {
                    let region = step.inputs.get(*operand).copied()?;
                    let x = others.get(region)?.get(plane * region.stride()..)?;
                    match (region.rate, output.rate) {
                        (Rate::Control, Rate::Audio) => y.get_mut(..frames)?.fill(*x.first()?),
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
                let skip = given(prefix, self.tick, frames);
                for (plane, y) in y.chunks_exact_mut(stride).enumerate() {
                    for (frame, y) in y.iter_mut().take(skip).enumerate() {
                        *y = value_before(prefix, self.tick, plane, frame);
                    }
                }
            }
            Kernel::Delay { history, frames: back } => {
                let x = first?;
                let memory = self.state.get_mut(history.memory.clone())?;
                let cursor = self.cursors.get_mut(history.cursor)?;
                delay(history, memory, *cursor, others.get(x)?, *back, y, stride, frames);
                *cursor = history.ring.advance(*cursor, frames);
            }
        }
        Some(())
    }
}

/// How many of the block's first frames stand before the beginning.
fn given(prefix: &Prefix, tick: i64, frames: usize) -> usize {
    usize::try_from(prefix.until.saturating_sub(tick))
        .unwrap_or(0)
        .min(frames)
}

/// The value that stands there.
fn value_before(prefix: &Prefix, tick: i64, plane: usize, frame: usize) -> f32 {
    let ahead = prefix
        .until
        .saturating_sub(tick)
        .saturating_sub(i64::try_from(frame).unwrap_or(0));
    usize::try_from(ahead)
        .ok()
        .and_then(|ahead| prefix.length.checked_sub(ahead))
        .and_then(|at| prefix.values.get(plane * prefix.length + at))
        .copied()
        .unwrap_or(0.0)
}

/// Silences the frames in which a recurrent layer has not begun, and says how many those are.
fn hold(y: &mut [f32], stride: usize, start: i64, tick: i64, frames: usize) -> usize {
    let hold = usize::try_from(start.saturating_sub(tick)).unwrap_or(0).min(frames);
    for y in y.chunks_exact_mut(stride) {
        y.iter_mut().take(hold).for_each(|y| *y = 0.0);
    }
    hold
}

/// `x` is `None` if it is `y` itself.
fn unary(activation: &Activation, x: Option<&[f32]>, y: &mut [f32], stride: usize, frames: usize) {
    match x {
        None => activation.apply_planes(y, stride, frames),
        Some(x) => activation.map_planes(x, y, stride, frames),
    }
}

/// An operand of a binary function.
struct Side<'a> {
    memory: &'a [f32],
    region: Region,
    pairing: &'a Planes,
}

impl<'a> Side<'a> {
    fn operand(&self, plane: usize, frames: usize, rate: Rate) -> binary::Operand<'a> {
        let from = self.pairing.get(plane) * self.region.stride();
        if self.region.rate == Rate::Control && rate == Rate::Audio {
            binary::Operand::Value(self.memory.get(from).copied().unwrap_or(0.0))
        } else {
            binary::Operand::Signal(self.memory.get(from..from + frames).unwrap_or(&[]))
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
    let stride = output.stride();
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

#[allow(clippy::too_many_arguments)]
fn delay(
    history: &History,
    memory: &mut [f32],
    cursor: usize,
    x: &[f32],
    back: usize,
    y: &mut [f32],
    stride: usize,
    frames: usize,
) {
    history.ring.write(memory, cursor, x, stride, 0, frames);
    let start = history.ring.start(cursor, back);
    for (y, plane) in y
        .chunks_exact_mut(stride)
        .zip(memory.chunks_exact(history.ring.stride()))
    {
        if let (Some(to), Some(from)) = (y.get_mut(..frames), plane.get(start..start + frames)) {
            to.copy_from_slice(from);
        }
    }
}
