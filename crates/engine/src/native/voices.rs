//! Fits a model's own channels to the asked layout: a mono model on several channels runs once per channel; else inputs are
//! copied or averaged to the model's, and its outputs copied or averaged to those asked for.

use super::Native;
use crate::error::InstallError;
use crate::plan::Plan;
use tonegraft_core::buffer::{MAX_CHANNELS, cut, with_cut_mut};
use tonegraft_core::processor::{MAX_METERS, block_frames, silence};
use tonegraft_core::{Facts, Fault, Processor};

/// Frames that are copied or averaged at once.
const CHUNK: usize = 64;

/// The most audio channels of a model itself.
const MODEL_CHANNELS: usize = 2;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Routing {
    Direct,
    PerChannel,
    Folded,
}

/// One or more instances behind one layout.
#[derive(Clone, Debug)]
pub(crate) struct Voices {
    voices: Vec<Native>,
    routing: Routing,
    facts: Facts,
}

impl Voices {
    /// A processor of `inputs` in and `outputs` out, each 1 ..= [`MAX_CHANNELS`], of copies of the instance of `plan` that `make`
    /// gives.
    pub(crate) fn new(
        plan: &Plan,
        make: impl FnOnce() -> Result<Native, InstallError>,
        inputs: usize,
        outputs: usize,
    ) -> Result<Self, InstallError> {
        let (model_inputs, model_outputs) = (plan.channels, plan.outputs());
        let possible = |channels: usize| (1..=MAX_CHANNELS).contains(&channels);
        // Other counts fold only from or to one channel: nobody could say what 6 to 2 means.
        let folds = |asked: usize, own: usize| asked == own || asked == 1 || own == 1;
        let routing = match (model_inputs, model_outputs) {
            _ if !possible(inputs) || !possible(outputs) => None,
            (i, o) if (i, o) == (inputs, outputs) => Some(Routing::Direct),
            (1, 1) if inputs == outputs => Some(Routing::PerChannel),
            (i, o) if folds(inputs, i) && folds(outputs, o) && i.max(o) <= MODEL_CHANNELS => Some(Routing::Folded),
            _ => None,
        };
        let routing = routing.ok_or(InstallError::Layout {
            inputs,
            outputs,
            model_inputs,
            model_outputs,
        })?;
        let first = make()?;
        let count = if routing == Routing::PerChannel { inputs } else { 1 };
        let facts = Facts {
            inputs,
            outputs,
            ..first.facts()
        };
        Ok(Self {
            voices: vec![first; count],
            routing,
            facts,
        })
    }
}

/// The mean of `channels` into `to`.
fn average(channels: &[&[f32]], to: &mut [f32]) {
    #[allow(clippy::cast_precision_loss)]
    let share = 1.0 / channels.len().max(1) as f32;
    for (frame, to) in to.iter_mut().enumerate() {
        let sum: f32 = channels.iter().filter_map(|channel| channel.get(frame)).sum();
        *to = sum * share;
    }
}

/// `channels` as `count` channels: as they are, the only one copied, or all averaged.
fn spread<'a>(channels: &[&'a [f32]], channel: usize, count: usize, mean: &'a [f32]) -> &'a [f32] {
    match channels {
        [only] => only,
        several if several.len() == count => several.get(channel).copied().unwrap_or(&[]),
        _ => mean,
    }
}

/// One chunk of at most [`CHUNK`] frames through a voice of another layout.
fn fold(voice: &mut Native, input: &[&[f32]], output: &mut [&mut [f32]], frames: usize) -> Fault {
    let own = voice.facts();
    let mut mean = [0.0; CHUNK];
    if let Some(mean) = mean.get_mut(..frames) {
        average(input, mean);
    }
    let mean = mean.get(..frames).unwrap_or(&[]);
    let own_input: [&[f32]; MODEL_CHANNELS] = std::array::from_fn(|channel| spread(input, channel, own.inputs, mean));
    let mut results = [[0.0; CHUNK]; MODEL_CHANNELS];
    let mut slots = results.iter_mut();
    let mut own_output: [&mut [f32]; MODEL_CHANNELS] =
        std::array::from_fn(|_| slots.next().and_then(|slot| slot.get_mut(..frames)).unwrap_or(&mut []));
    let fault = voice.process(
        own_input.get(..own.inputs).unwrap_or(&[]),
        own_output.get_mut(..own.outputs).unwrap_or(&mut []),
    );
    let views: [&[f32]; MODEL_CHANNELS] = std::array::from_fn(|channel| {
        results
            .get(channel)
            .and_then(|result| result.get(..frames))
            .unwrap_or(&[])
    });
    let views = views.get(..own.outputs).unwrap_or(&[]);
    let mut mean = [0.0; CHUNK];
    if let Some(mean) = mean.get_mut(..frames) {
        average(views, mean);
    }
    let mean = mean.get(..frames).unwrap_or(&[]);
    let count = output.len();
    for (channel, to) in output.iter_mut().enumerate() {
        let from = spread(views, channel, count, mean);
        if from.len() == to.len() {
            to.copy_from_slice(from);
        }
    }
    fault
}

impl Processor for Voices {
    fn facts(&self) -> Facts {
        self.facts
    }

    fn reset(&mut self) {
        for voice in &mut self.voices {
            voice.reset();
        }
    }

    fn meters(&mut self) -> [f32; MAX_METERS] {
        let mut all = [0.0f32; MAX_METERS];
        for voice in &mut self.voices {
            for (all, meter) in all.iter_mut().zip(voice.meters()) {
                *all = all.max(meter);
            }
        }
        all
    }

    fn seek(&mut self, frame: i64) {
        for voice in &mut self.voices {
            voice.seek(frame);
        }
    }

    fn set_knob(&mut self, index: usize, value: f32) {
        for voice in &mut self.voices {
            voice.set_knob(index, value);
        }
    }

    fn process(&mut self, input: &[&[f32]], output: &mut [&mut [f32]]) -> Fault {
        let Some(frames) = block_frames(&self.facts, input, output) else {
            silence(output);
            return Fault::BadBlock;
        };
        let mut fault = Fault::None;
        match self.routing {
            Routing::Direct => {
                for voice in &mut self.voices {
                    fault = fault.worst(voice.process(input, output));
                }
            }
            Routing::PerChannel => {
                for ((voice, x), y) in self.voices.iter_mut().zip(input).zip(output) {
                    fault = fault.worst(voice.process(&[x], &mut [y]));
                }
            }
            Routing::Folded => {
                let Some(voice) = self.voices.first_mut() else {
                    silence(output);
                    return Fault::RuntimeFailed;
                };
                let mut done = 0;
                while done < frames {
                    let now = (frames - done).min(CHUNK);
                    let mut channels: [&[f32]; MAX_CHANNELS] = [&[]; MAX_CHANNELS];
                    let count = cut(input, done, now, &mut channels);
                    let part = channels.get(..count).unwrap_or(&[]);
                    fault = fault.worst(with_cut_mut(output, done, now, |output| fold(voice, part, output, now)));
                    done += now;
                }
            }
        }
        fault
    }
}
