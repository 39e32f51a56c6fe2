//! Outputs that are fed back to inputs: a recursion through a memory of a fixed number of frames.
//!
//! The input is a signal that is there from the beginning; in the end the output's frames are put into the memory that it comes from.
//! Where the layers of the loop are late themselves, the memory is shorter by as much, so that the way back is as long as declared.

use super::build::{Builder, Memory, Mode, Stop, limited_planes};
use super::facts::Fact;
use super::inputs::{self, AudioInput};
use super::{Clock, Rate, Signal, StreamOp, Timing};
use crate::error::{CompileError, CompileErrorKind as Kind};
use tonegraft_model::ValueId;

fn refuse<T>(reason: String) -> Result<T, Stop> {
    Err(Stop::Refused(CompileError::new(Kind::Input, reason)))
}

impl Builder<'_> {
    /// The signal of input `id`, if the metadata says that it is fed back.
    pub(super) fn fed_back(&mut self, id: ValueId, audio: &AudioInput) -> Result<Option<Signal>, Stop> {
        let graph = self.graph;
        let name = &graph.value(id).name;
        let Some(pair) = graph.metadata.feedback.iter().find(|pair| pair.input == *name) else {
            return Ok(None);
        };
        let output = (graph.outputs.iter().copied()).find(|id| graph.value(*id).name == pair.output);
        let (Mode::Stream, Some(next), Some(axes)) = (self.mode, output, inputs::axes_beside(graph, id, audio)) else {
            return refuse(format!(
                "input `{name}` is fed back, which only models of the whole signal can have"
            ));
        };
        let planes = limited_planes(&axes)?;
        let op = StreamOp::State {
            number: self.memories.len(),
            start: vec![0.0; planes].into(),
            delay: pair.delay,
        };
        self.memories.push(Memory {
            state: id,
            next,
            fed_back: Some(pair.delay),
        });
        let view = self.push_at(op, Vec::new(), planes, Rate::Frames(Clock::new(self.ticks, 0)));
        let timing = Timing {
            length: self.length,
            recurrent: true,
            ..Timing::default()
        };
        Ok(Some(Signal { view, axes, timing }))
    }

    /// Puts what output `next` gives into memory `number`, so that it is there `delay` frames later.
    pub(super) fn feed_back(&mut self, number: usize, memory: Memory, delay: usize) -> Result<(), Stop> {
        let Memory { state, next, .. } = memory;
        let (input, output) = (&self.graph.value(state).name, &self.graph.value(next).name);
        let wanted = match &self.facts[state.index()] {
            Some(Fact::Signal(signal)) => signal.clone(),
            _ => return refuse(format!("input `{input}` is fed back, but is no signal")),
        };
        let signal = match self.facts[next.index()].clone() {
            Some(Fact::Signal(signal)) => signal,
            Some(Fact::Refused(error)) => return Err(Stop::Refused(error)),
            _ => {
                return refuse(format!(
                    "output `{output}`, which is fed back to `{input}`, is no signal"
                ));
            }
        };
        if !self.moves(&signal) || signal.axes != wanted.axes || self.hop(signal.view) != self.ticks {
            return refuse(format!(
                "output `{output}` does not have the shape of the input `{input}` that it is fed back to"
            ));
        }
        if signal.timing.length != self.length {
            return refuse(format!(
                "output `{output}`, which is fed back to `{input}`, has {} frames where the audio has {}",
                signal.timing.length, self.length
            ));
        }
        // Onto the audio's clock: a frame that is late is put into a memory that is as much shorter.
        let late = signal.timing.shift.max(0);
        let whole = (late + self.ticks - 1).div_euclid(self.ticks);
        let mut signal = self.later(&signal, whole * self.ticks - signal.timing.shift);
        let rest = usize::try_from(whole)
            .ok()
            .and_then(|late| delay.checked_sub(late))
            .filter(|rest| *rest > 0);
        let Some(rest) = rest else {
            return refuse(format!(
                "output `{output}` looks {whole} frames ahead, but is fed back to `{input}` after {delay}"
            ));
        };
        if whole > 0 || self.earliest < 0 {
            // Nothing comes back from before the beginning.
            signal.view = self.begin(signal.view, whole * self.ticks, &[], 0);
        }
        for node in &mut self.nodes {
            if let StreamOp::State { number: own, delay, .. } = &mut node.op
                && *own == number
            {
                *delay = rest;
            }
        }
        let rate = self.rate(signal.view);
        let store = StreamOp::Store {
            number,
            start: i64::MIN,
        };
        self.push_at(store, vec![signal.view], 0, rate);
        Ok(())
    }
}
