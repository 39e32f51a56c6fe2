//! The one trait behind which every model stands, whatever runs it.

use crate::fault::Fault;
use crate::latency::LatencyParts;
use crate::units::HostFrames;

/// How long a processor still sounds after its input fell silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tail {
    /// That many frames at the host's rate, latency not included.
    Frames(HostFrames),
    /// It may never stop (feedback, recurrent layers that do not settle to zero).
    Infinite,
}

/// What is fixed about a processor from its construction to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Channels it reads.
    pub inputs: usize,
    /// Channels it writes.
    pub outputs: usize,
    /// Knobs that [`Processor::set_knob`] accepts.
    pub knobs: usize,
    /// The latency it adds, in parts.
    pub latency: LatencyParts,
    /// How many past input frames one output frame depends on, at the host's rate; for recurrent models the time in which
    /// a start from rest becomes inaudible. How long a new processor should run hidden before it is heard.
    pub receptive_field: HostFrames,
    /// How long it sounds on.
    pub tail: Tail,
}

/// A model, prepared and ready to run on the audio thread.
///
/// Built and dropped on other threads. The samples do not depend on how the audio is cut into calls: `process(a ++ b)` gives
/// the bits of `process(a) ++ process(b)`.
pub trait Processor: Send {
    /// What is fixed about it.
    ///
    /// # Realtime Safety
    /// Safe.
    fn facts(&self) -> Facts;

    /// Back to the state it was built with (zero histories, or settled in silence). Knob values stay.
    ///
    /// # Realtime Safety
    /// Safe: copies prepared state.
    fn reset(&mut self);

    /// Sets knob `index` to `value` in the knob's own unit, from the next frame on. The caller calls this at boundaries of
    /// the control grid only. An unknown index and a non-finite value are ignored; others are clamped to the knob's range.
    ///
    /// # Realtime Safety
    /// Safe.
    fn set_knob(&mut self, index: usize, value: f32);

    /// The next frame is frame `frame` of the host's transport. Oscillators go to the phase that they have there: at once if
    /// nothing was played since the beginning or [`Self::reset`], else gliding the short way round. A processor that is not told
    /// counts from 0. Called at points of the control grid only.
    ///
    /// # Realtime Safety
    /// Safe.
    fn seek(&mut self, frame: i64) {
        let _ = frame;
    }

    /// Any number of frames, 0 included. `input`: `[facts().inputs, frames]`, `output`: `[facts().outputs, frames]`, all of one
    /// length and not aliased. Other shapes give silence and [`Fault::BadBlock`].
    ///
    /// # Realtime Safety
    /// Safe: no allocation, free, lock, wait, log, panic or system call.
    fn process(&mut self, input: &[&[f32]], output: &mut [&mut [f32]]) -> Fault;

    /// Largest magnitudes of what it shows beside its audio, since the call before; 0 where there is nothing.
    ///
    /// # Realtime Safety
    /// Safe.
    fn meters(&mut self) -> [f32; MAX_METERS] {
        [0.0; MAX_METERS]
    }
}

/// The most values that a [`Processor`] shows beside its audio.
pub const MAX_METERS: usize = 4;

/// True if `input` and `output` have the channel counts of `facts` and all channels have one length, which is written to
/// `frames`. For implementations of [`Processor::process`].
///
/// # Realtime Safety
/// Safe.
pub fn block_frames(facts: &Facts, input: &[&[f32]], output: &[&mut [f32]]) -> Option<usize> {
    let frames = output.first().map_or(0, |channel| channel.len());
    let fits = input.len() == facts.inputs
        && output.len() == facts.outputs
        && input.iter().all(|channel| channel.len() == frames)
        && output.iter().all(|channel| channel.len() == frames);
    fits.then_some(frames)
}

/// Fills all of `output` with silence.
///
/// # Realtime Safety
/// Safe.
pub fn silence(output: &mut [&mut [f32]]) {
    for channel in output {
        channel.fill(0.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_of_another_shape_are_told_apart() {
        let facts = Facts {
            inputs: 1,
            outputs: 2,
            knobs: 0,
            latency: LatencyParts::ZERO,
            receptive_field: HostFrames::new(1),
            tail: Tail::Frames(HostFrames::ZERO),
        };
        let input = [0.0; 4];
        let (mut left, mut right) = ([1.0; 4], [1.0; 3]);
        assert_eq!(block_frames(&facts, &[&input], &[&mut left, &mut right]), None);
        assert_eq!(block_frames(&facts, &[&input], &[&mut left[..3], &mut right]), None);
        assert_eq!(
            block_frames(&facts, &[&input[..3]], &[&mut left[..3], &mut right]),
            Some(3)
        );
        assert_eq!(block_frames(&facts, &[], &[&mut left[..3], &mut right]), None);
        silence(&mut [&mut left, &mut right]);
        assert_eq!(left, [0.0; 4]);
    }
}
