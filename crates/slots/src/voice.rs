//! One installed unit with what it needs to be heard: knobs, the guard against non-finite output, the alignment delay.

use crate::bank::{BankConfig, Unit};
use crate::control::{InstallError, InstallErrorKind};
use crate::fade::Fade;
use crate::placement::Move;
use tonegraft_core::buffer::{MAX_CHANNELS, cut, with_cut_mut};
use tonegraft_core::levels::factor;
use tonegraft_core::{AudioBuffer, CONTROL_INTERVAL, DelayLine, Facts, Fault, HostFrames, KNOBS, LevelSettings, Ramp};

/// Builds voices, off the audio thread.
#[derive(Clone, Debug)]
pub(crate) struct VoiceBuilder {
    config: BankConfig,
    fade: Fade,
}

impl VoiceBuilder {
    pub(crate) const fn new(config: BankConfig, fade: Fade) -> Self {
        Self { config, fade }
    }

    pub(crate) const fn config(&self) -> &BankConfig {
        &self.config
    }

    /// Allocates all that `unit` needs, or gives it back.
    #[expect(clippy::disallowed_methods, reason = "built off the audio thread")]
    pub(crate) fn build(&self, unit: Option<Unit>) -> Result<Option<Box<Voice>>, InstallError> {
        let Some(unit) = unit else {
            return Ok(None);
        };
        let facts = unit.processor.facts();
        let latency = facts.latency.total().frames();
        let kind = if facts.inputs != self.config.inputs || facts.outputs != self.config.outputs {
            InstallErrorKind::Layout {
                unit_inputs: facts.inputs,
                unit_outputs: facts.outputs,
                inputs: self.config.inputs,
                outputs: self.config.outputs,
            }
        } else if latency > self.config.max_latency {
            InstallErrorKind::LatencyTooLong {
                frames: latency,
                limit: self.config.max_latency,
            }
        } else {
            let intervals = glide_intervals(&self.config);
            let longest = self.config.longest_delay() - latency.as_usize();
            return Ok(Some(Box::new(Voice {
                unit,
                facts,
                latency: latency.as_usize(),
                positions: [f32::NAN; KNOBS],
                frame: 0,
                settings: None,
                gains: [Ramp::new(1.0, intervals); 2],
                driven: AudioBuffer::new(self.config.inputs, self.config.max_frames),
                delay: DelayLine::new(self.config.outputs, longest, self.config.max_frames),
                health: Health::Sound,
                last: [0.0; MAX_CHANNELS],
                fade: self.fade.clone(),
            })));
        };
        Err(InstallError { kind, unit: Some(unit) })
    }
}

/// Duration of a glide of the levels, in seconds, rounded up to whole intervals of the control grid.
const GLIDE_SECONDS: f64 = 0.02;

/// The same, in intervals of the control grid.
pub(crate) fn glide_intervals(config: &BankConfig) -> usize {
    config.rate.frames(GLIDE_SECONDS).div_ceil(CONTROL_INTERVAL).max(1)
}

/// What the guard does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Health {
    /// Nothing.
    Sound,
    /// The processor does not run; the last good sample decays. Frames done so far.
    Resting(usize),
    /// The processor runs again and is faded in. Frames done so far.
    Returning(usize),
}

/// A unit, heard or about to be.
pub(crate) struct Voice {
    unit: Unit,
    facts: Facts,
    latency: usize,
    /// Knob positions last given to the processor; NaN: none yet.
    positions: [f32; KNOBS],
    /// The transport's next frame.
    frame: i64,
    /// What the levels glide to; `None` before the first frame.
    settings: Option<LevelSettings>,
    /// Before and after the processor.
    gains: [Ramp; 2],
    /// The input with its gain, `[inputs, max_frames]`.
    driven: AudioBuffer,
    delay: DelayLine,
    health: Health,
    /// The last sample of every output channel, before the delay.
    last: [f32; MAX_CHANNELS],
    fade: Fade,
}

impl Voice {
    pub(crate) const fn id(&self) -> u64 {
        self.unit.id
    }

    /// The unit's own latency in frames.
    pub(crate) const fn latency(&self) -> usize {
        self.latency
    }

    pub(crate) const fn receptive_field(&self) -> HostFrames {
        self.facts.receptive_field
    }

    /// What the unit shows beside its audio.
    pub(crate) fn meters(&mut self) -> [f32; tonegraft_core::processor::MAX_METERS] {
        self.unit.processor.meters()
    }

    /// True while the guard mutes it.
    pub(crate) fn muted(&self) -> bool {
        self.health != Health::Sound
    }

    /// The unit alone; not on the audio thread.
    pub(crate) fn into_unit(self) -> Unit {
        self.unit
    }

    /// The next frame is that frame of the transport.
    pub(crate) fn seek(&mut self, frame: i64) {
        self.frame = frame;
        self.unit.processor.seek(frame);
    }

    /// Back to the clean state.
    pub(crate) fn reset(&mut self) {
        self.frame = 0;
        self.settings = None;
        self.unit.processor.reset();
        self.delay.clear();
        self.health = Health::Sound;
        self.last = [0.0; MAX_CHANNELS];
    }

    /// Processes one piece (at most the bank's `max_frames`), undelayed.
    pub(crate) fn process(
        &mut self,
        knobs: &[f32; KNOBS],
        levels: &LevelSettings,
        input: &[&[f32]],
        output: &mut [&mut [f32]],
    ) -> Fault {
        self.turn_knobs(knobs);
        self.set_levels(levels);
        let frames = output.first().map_or(0, |channel| channel.len());
        let [before, behind] = self.gains;
        // At rest at 1 it is the input itself.
        #[allow(clippy::float_cmp)]
        let fault = if before.is_settled() && before.value() == 1.0 {
            self.guarded(input, output)
        } else {
            let mut driven = std::mem::take(&mut self.driven);
            let mut channels: [&[f32]; MAX_CHANNELS] = [&[]; MAX_CHANNELS];
            for ((place, to), from) in channels.iter_mut().zip(driven.iter_mut()).zip(input) {
                if let Some(to) = to.get_mut(..frames) {
                    to.copy_from_slice(from);
                    before.amplify(to);
                    *place = to;
                }
            }
            let fault = self.guarded(channels.get(..input.len()).unwrap_or(&[]), output);
            self.driven = driven;
            fault
        };
        for channel in output.iter_mut() {
            behind.amplify(channel);
        }
        for gain in &mut self.gains {
            gain.advance(frames);
        }
        self.frame = after(self.frame, frames);
        self.delay.push(output.iter().map(|channel| &**channel), frames);
        fault
    }

    /// Delays what [`Self::process`] has just put out, which `output` still holds, to its place. `aside`: room for as many frames.
    pub(crate) fn place(&self, places: &Move<'_>, output: &mut [&mut [f32]], aside: &mut [f32]) {
        places.read(&self.delay, output, aside);
    }

    fn turn_knobs(&mut self, knobs: &[f32; KNOBS]) {
        let ranges = self.unit.knobs.iter().zip(knobs).zip(&mut self.positions);
        for (index, ((range, position), last)) in ranges.enumerate() {
            if position.is_finite() && position != last {
                *last = *position;
                self.unit.processor.set_knob(index, range.value(*position));
            }
        }
    }

    /// Gains glide to what the settings make of the unit's levels; before the first frame they are there.
    fn set_levels(&mut self, levels: &LevelSettings) {
        if self.settings.as_ref() == Some(levels) {
            return;
        }
        let (before, behind) = self.unit.levels.gains_db(levels);
        for (gain, db) in self.gains.iter_mut().zip([before, behind]) {
            if self.settings.is_some() {
                gain.set_target(factor(db));
            } else {
                gain.snap(factor(db));
            }
        }
        self.settings = Some(*levels);
    }

    fn guarded(&mut self, input: &[&[f32]], output: &mut [&mut [f32]]) -> Fault {
        let frames = output.first().map_or(0, |channel| channel.len());
        let mut fault = Fault::None;
        let mut done = 0;
        while done < frames {
            let left = frames - done;
            if let Health::Resting(rested) = self.health {
                let count = left.min(self.fade.len().saturating_sub(rested));
                with_cut_mut(output, done, count, |part| self.decay(rested, part));
                done += count;
                self.health = Health::Resting(rested + count);
                if rested + count >= self.fade.len() {
                    self.unit.processor.reset();
                    self.unit.processor.seek(after(self.frame, done));
                    self.last = [0.0; MAX_CHANNELS];
                    self.health = Health::Returning(0);
                }
            } else {
                let mut part_in: [&[f32]; MAX_CHANNELS] = [&[]; MAX_CHANNELS];
                let channels = cut(input, done, left, &mut part_in);
                let part_in = part_in.get(..channels).unwrap_or(&[]);
                let (count, worse) = with_cut_mut(output, done, left, |part| self.run(part_in, part));
                fault = fault.worst(worse);
                done += count;
            }
        }
        fault
    }

    /// Runs the processor; returns how many frames are good.
    fn run(&mut self, input: &[&[f32]], output: &mut [&mut [f32]]) -> (usize, Fault) {
        let frames = output.first().map_or(0, |channel| channel.len());
        let fault = self.unit.processor.process(input, output);
        let good = output.iter().map(|channel| first_bad(channel)).min().unwrap_or(frames);
        if let Health::Returning(done) = self.health {
            let gains = self.fade.from(done);
            for channel in output.iter_mut() {
                for (sample, gain) in channel.iter_mut().zip(gains) {
                    *sample *= gain;
                }
            }
            self.health = match done + good {
                done if done < self.fade.len() => Health::Returning(done),
                _ => Health::Sound,
            };
        }
        if let Some(before) = good.checked_sub(1) {
            for (last, channel) in self.last.iter_mut().zip(output.iter()) {
                *last = channel.get(before).copied().unwrap_or(0.0);
            }
        }
        if good < frames {
            self.health = Health::Resting(0);
            return (good, fault.worst(Fault::NonFiniteOutput));
        }
        (frames, fault)
    }

    /// The decay of the last good sample, from frame `rested` of the fade on.
    fn decay(&self, rested: usize, output: &mut [&mut [f32]]) {
        let gains = self.fade.from(rested);
        for (last, channel) in self.last.iter().zip(output.iter_mut()) {
            // What was already beyond full scale is no sound worth prolonging.
            let from = last.clamp(-1.0, 1.0);
            for (sample, gain) in channel.iter_mut().zip(gains) {
                *sample = from * (1.0 - gain);
            }
        }
    }
}

/// The transport `frames` frames on.
pub(crate) fn after(frame: i64, frames: usize) -> i64 {
    frame.saturating_add_unsigned(frames as u64)
}

/// Index of the first sample that is NaN or infinite, or the length.
fn first_bad(channel: &[f32]) -> usize {
    // The common case in one pass without branches.
    let clean = channel.iter().fold(true, |clean, sample| clean & sample.is_finite());
    if clean {
        return channel.len();
    }
    channel
        .iter()
        .position(|sample| !sample.is_finite())
        .unwrap_or(channel.len())
}
