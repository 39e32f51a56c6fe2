//! The chain itself.

use crate::delay::MovingDelay;
use crate::gate::Gate;
use crate::settings::{Glides, Settings, bypass_share};
use crate::tone::Tone;
use crate::transport::Transport;
use tonegraft_core::buffer::{MAX_CHANNELS, with_cut_mut};
use tonegraft_core::denormals::FlushDenormals;
use tonegraft_core::processor::silence;
use tonegraft_core::{AudioBuffer, ControlGrid, Controls, Fault, HostFrames, Middle, Ramp, SampleRate};

/// Frames processed in one go; longer blocks are cut. A multiple of the control interval.
const PIECE: usize = 1024;

/// Length of the crossfade when the dry path's delay moves, in seconds.
const FADE_SECONDS: f64 = 0.005;

/// How a chain is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChainConfig {
    /// The host's rate.
    pub rate: SampleRate,
    /// Input channels, 1 ..= [`MAX_CHANNELS`]; others are clamped.
    pub inputs: usize,
    /// Output channels, 1 ..= [`MAX_CHANNELS`]; others are clamped.
    pub outputs: usize,
    /// The longest latency that the dry path can match; a longer one is matched as far as this.
    pub max_latency: HostFrames,
}

impl ChainConfig {
    /// At most one second of latency, as `BankConfig::new` of the slots.
    pub fn new(rate: SampleRate, inputs: usize, outputs: usize) -> Self {
        Self {
            rate,
            inputs,
            outputs,
            max_latency: HostFrames::new(rate.get()),
        }
    }
}

/// What stands around the slots. Built off the audio thread, then used on it alone.
#[derive(Debug)]
pub struct Chain {
    inputs: usize,
    outputs: usize,
    grid: ControlGrid,
    /// Asked for, taken at the next boundary.
    wanted: Settings,
    /// Taken.
    taken: Settings,
    glides: Glides,
    /// For the current interval of the grid.
    controls: Controls,
    /// Nothing was heard since reset: a change of latency needs no crossfade.
    fresh: bool,
    transport: Transport,
    delay: MovingDelay,
    gate: Gate,
    tone: Tone,
    /// Guarded input, the same after the input gain: `[inputs, PIECE]`. Delayed input: `[outputs, PIECE]`.
    clean: AudioBuffer,
    gained: AudioBuffer,
    dry: AudioBuffer,
}

impl Chain {
    /// At rest at [`Settings::default`].
    pub fn new(config: ChainConfig) -> Self {
        let inputs = config.inputs.clamp(1, MAX_CHANNELS);
        let outputs = config.outputs.clamp(1, MAX_CHANNELS);
        let settings = Settings::default();
        let fade = config.rate.frames(FADE_SECONDS);
        let glides = Glides::new(config.rate, &settings);
        Self {
            inputs,
            outputs,
            grid: ControlGrid::new(),
            wanted: settings,
            taken: settings,
            controls: glides.controls(&settings),
            glides,
            fresh: true,
            transport: Transport::default(),
            gate: Gate::new(config.rate, &settings.gate),
            tone: Tone::new(config.rate, &settings.tone),
            delay: MovingDelay::new(inputs, config.max_latency.as_usize(), PIECE, fade),
            clean: AudioBuffer::new(inputs, PIECE),
            gained: AudioBuffer::new(inputs, PIECE),
            dry: AudioBuffer::new(outputs, PIECE),
        }
    }

    /// New targets, reached by glides that start at the next point of the control grid (at once, if the next frame is one).
    /// Before the first frame after [`Self::reset`], this is [`Self::snap`].
    ///
    /// # Realtime Safety
    /// Safe.
    pub fn set(&mut self, settings: &Settings) {
        if self.fresh {
            self.snap(settings);
        } else {
            self.wanted = settings.checked(&self.wanted);
        }
    }

    /// Jumps to `settings`, without a glide.
    ///
    /// # Realtime Safety
    /// Safe.
    pub fn snap(&mut self, settings: &Settings) {
        self.wanted = settings.checked(&self.wanted);
        self.taken = self.wanted;
        self.glides.snap(&self.taken);
        self.gate.set(&self.taken.gate);
        self.gate.reset();
        self.tone.snap(&self.taken.tone);
        self.controls = self.glides.controls(&self.taken);
    }

    /// The host's transport: the next frame is frame `frame` of it, or it stands still. What follows it hears of a jump at the next
    /// point of the control grid (at once, if the next frame is one); while the transport stands, time goes on from where it was.
    ///
    /// # Realtime Safety
    /// Safe.
    pub fn follow(&mut self, frame: Option<i64>) {
        self.transport.report(frame);
    }

    /// Back to frame 0 of the grid, delays empty, at rest at the settings last asked for. The middle is reset by its owner.
    ///
    /// # Realtime Safety
    /// Safe.
    pub fn reset(&mut self) {
        self.grid.reset();
        let settings = self.wanted;
        self.snap(&settings);
        self.delay.reset(0);
        self.transport = Transport::default();
        self.fresh = true;
    }

    /// Frames since reset.
    pub const fn position(&self) -> u64 {
        self.grid.position()
    }

    /// The latency that the dry path matches, or moves to.
    pub fn dry_latency(&self) -> HostFrames {
        HostFrames::new(u32::try_from(self.delay.distance()).unwrap_or(u32::MAX))
    }

    /// How far the gate is closed at the last frame, in dB: 0 when it is open or off.
    ///
    /// # Realtime Safety
    /// Safe.
    pub fn gate_reduction_db(&self) -> f32 {
        if self.gating() { self.gate.reduction_db() } else { 0.0 }
    }

    /// The gate is on, or on its way.
    fn gating(&self) -> bool {
        !self.glides.gate.is_settled() || self.glides.gate.target() != 0.0
    }

    /// Any number of frames, 0 included. `input`: `[inputs, frames]`, `output`: `[outputs, frames]`, all of one length. Other shapes
    /// give silence and [`Fault::BadBlock`]. NaN and infinity in the input are taken for 0 ([`Fault::NonFiniteInput`]). Returns the
    /// worst that happened. Denormals are flushed within.
    ///
    /// # Realtime Safety
    /// Safe if the middle is: no allocation, free, lock, wait, log, panic or system call.
    pub fn process(&mut self, middle: &mut impl Middle, input: &[&[f32]], output: &mut [&mut [f32]]) -> Fault {
        let _flush = FlushDenormals::new();
        let frames = output.first().map_or(0, |channel| channel.len());
        let fits = input.len() == self.inputs
            && output.len() == self.outputs
            && input.iter().all(|channel| channel.len() == frames)
            && output.iter().all(|channel| channel.len() == frames);
        if !fits {
            silence(output);
            return Fault::BadBlock;
        }
        if frames == 0 {
            // Lets the middle take what waits for it.
            return middle.process(&self.controls, input, output);
        }
        let mut fault = Fault::None;
        let mut done = 0;
        while done < frames {
            if self.grid.at_boundary() {
                self.take_targets(middle);
            }
            let count = self.piece(middle, frames - done);
            fault = fault.worst(self.guard(input, done, count));
            fault = fault.worst(with_cut_mut(output, done, count, |part| self.run(middle, part, count)));
            self.grid.advance(count);
            self.transport.advance(count);
            done += count;
        }
        fault
    }

    /// At a point of the grid: glides and the dry delay start to move to where they are wanted.
    fn take_targets(&mut self, middle: &mut impl Middle) {
        if let Some(frame) = self.transport.take_jump() {
            middle.seek(frame);
        }
        if self.wanted != self.taken {
            if !self.gating() {
                self.gate.start_open();
            }
            self.taken = self.wanted;
            self.glides.set(&self.taken);
            self.gate.set(&self.taken.gate);
            self.tone.set(&self.taken.tone);
        }
        self.tone.step();
        self.controls = self.glides.controls(&self.taken);
        if !self.fresh {
            self.delay.aim(middle.latency().as_usize());
        }
    }

    /// How many of `left` frames, at least one, can be processed in one go: to the next boundary while anything moves or waits for
    /// it, else whole pieces. The first frame after reset goes alone: the latency read behind it must not depend on the host's cut.
    fn piece(&self, middle: &impl Middle, left: usize) -> usize {
        if self.fresh {
            return 1;
        }
        let steady = self.glides.is_settled()
            && self.tone.is_settled()
            && self.delay.is_settled()
            && self.wanted == self.taken
            && !self.transport.has_jumped()
            && !middle.is_moving();
        if steady { left.min(PIECE) } else { self.grid.chunk(left) }
    }

    /// Copies the input, without what is not finite.
    fn guard(&mut self, input: &[&[f32]], start: usize, frames: usize) -> Fault {
        let mut finite = true;
        for (clean, channel) in self.clean.iter_mut().zip(input) {
            let channel = channel.get(start..start + frames).unwrap_or(&[]);
            for (clean, sample) in clean.iter_mut().zip(channel) {
                let good = sample.is_finite();
                finite &= good;
                *clean = if good { *sample } else { 0.0 };
            }
        }
        if finite { Fault::None } else { Fault::NonFiniteInput }
    }

    /// One piece of the guarded input.
    fn run(&mut self, middle: &mut impl Middle, output: &mut [&mut [f32]], frames: usize) -> Fault {
        for (gained, clean) in self.gained.iter_mut().zip(self.clean.iter()) {
            let (Some(gained), Some(clean)) = (gained.get_mut(..frames), clean.get(..frames)) else {
                continue;
            };
            gained.copy_from_slice(clean);
            self.glides.input_gain.amplify(gained);
        }
        if self.gating() {
            self.gate
                .process(self.gained.iter_mut(), frames, self.glides.gate, bypass_share);
        }
        let mut wet_in: [&[f32]; MAX_CHANNELS] = [&[]; MAX_CHANNELS];
        for (slot, channel) in wet_in.iter_mut().zip(self.gained.iter()) {
            *slot = channel.get(..frames).unwrap_or(&[]);
        }
        let fault = middle.process(&self.controls, wet_in.get(..self.inputs).unwrap_or(&[]), output);

        if self.fresh {
            // What the middle took on at its first frame counts from the first frame on.
            self.fresh = false;
            self.delay.snap(middle.latency().as_usize());
        }
        self.delay.process(&self.clean, &mut self.dry, frames);
        self.tone.process(output);

        for (out, dry) in output.iter_mut().zip(self.dry.iter()) {
            blend(out, dry, self.glides.mix, |mix| 1.0 - mix);
            self.glides.output_gain.amplify(out);
            blend(out, dry, self.glides.bypass, bypass_share);
        }
        self.glides.advance(frames);
        fault
    }
}

/// Blends `dry` into `wet`: `share` makes dry's share out of `ramp`'s value. Shares of exactly 0 and 1 at rest leave the bits.
fn blend(wet: &mut [f32], dry: &[f32], mut ramp: Ramp, share: impl Fn(f32) -> f32) {
    if ramp.is_settled() {
        let share = share(ramp.value());
        if share == 1.0 {
            for (wet, dry) in wet.iter_mut().zip(dry) {
                *wet = *dry;
            }
        } else if share != 0.0 {
            for (wet, dry) in wet.iter_mut().zip(dry) {
                *wet = *wet * (1.0 - share) + dry * share;
            }
        }
    } else {
        for (wet, dry) in wet.iter_mut().zip(dry) {
            let share = share(ramp.next_value());
            *wet = *wet * (1.0 - share) + dry * share;
        }
    }
}
