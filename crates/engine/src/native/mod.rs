//! The native runtime: a plan lowered for this machine, running on the audio thread.
//!
//! [`Program`] is what instances share: packed weights, geometry. [`Native`] is one instance: one piece of memory (histories
//! and recurrent states, then the planes of the plan), cursors, a tick counter. A block is cut as the plan's [`Timebase`] says,
//! and for each piece the steps run in order, each on the frames that its clock has in it. No step's result depends on where
//! the cuts are.
//!
//! [`Timebase`]: crate::plan::Timebase

mod beat;
mod beginning;
mod circuit;
mod cross;
mod gather;
mod lower;
mod noise;
mod oscillator;
mod run;
mod single;
mod voices;

pub use lower::Program;
pub(crate) use voices::Voices;

use crate::stream::{Feed, gcd};
use beat::Beat;
use oscillator::Seek;
use std::sync::Arc;
use tonegraft_core::denormals::FlushDenormals;
use tonegraft_core::processor::{MAX_METERS, block_frames, silence};
use tonegraft_core::{Facts, Fault, Processor};
use tonegraft_kernels::{Aligned, Isa};

/// How an instance starts, and where `reset` leads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum StartState {
    /// All histories zero, states at their start values: the samples of the file's own runtime, from the first.
    #[default]
    Zero,
    /// As after a long silence at the knobs' defaults.
    Silence,
}

/// Frames of silence for which a recurrent model runs at least before its state counts as settled (1 s at 48 kHz), and at most.
const SETTLE_FRAMES: (usize, usize) = (48_000, 192_000);

/// The longest common period of clocks that the start state keeps to, in ticks.
const MAX_PERIOD: i64 = 1 << 24;

/// A state to go back to.
#[derive(Debug)]
struct Snapshot {
    state: Box<[f32]>,
    cursors: Box<[usize]>,
    tick: i64,
}

/// One running model on one set of its own channels.
#[derive(Clone, Debug)]
pub struct Native {
    program: Arc<Program>,
    /// State first, then planes.
    memory: Aligned,
    cursors: Box<[usize]>,
    starts: Box<[usize]>,
    /// Room for steps while they run.
    scratch: Box<[f32]>,
    /// What each clock has in the current piece.
    beats: Box<[Beat]>,
    tick: i64,
    /// Tick from which positions and random numbers count.
    epoch: i64,
    /// Where oscillators go with the next frame.
    seek: Option<Seek>,
    /// Nothing was played since the beginning or reset.
    fresh: bool,
    /// Largest magnitudes of what is shown since they were asked for.
    shown: [f32; MAX_METERS],
    controls: Box<[f32]>,
    /// Steps at control rate have to run.
    dirty: bool,
    start: Arc<Snapshot>,
    facts: Facts,
}

impl Native {
    /// An instance that starts as asked. `facts` are those of the model; channel counts are put right here.
    pub fn new(program: Arc<Program>, start: StartState, facts: Facts) -> Self {
        let plan = program.plan();
        let facts = Facts {
            inputs: plan.channels,
            outputs: plan.outputs(),
            ..facts
        };
        let mut native = Self {
            memory: program.initial_memory(),
            cursors: vec![0; program.rings()].into(),
            starts: vec![0; program.starts()].into(),
            scratch: vec![0.0; program.scratch()].into(),
            beats: vec![Beat::default(); program.clocks().len()].into(),
            tick: -i64::try_from(plan.pre_roll).unwrap_or(0) * plan.time.ticks,
            epoch: 0,
            seek: None,
            fresh: true,
            shown: [0.0; MAX_METERS],
            controls: plan.controls.iter().map(|control| control.knob.default).collect(),
            dirty: true,
            start: Arc::new(Snapshot {
                state: Box::default(),
                cursors: Box::default(),
                tick: 0,
            }),
            facts,
            program,
        };
        for (index, value) in native.controls.clone().iter().enumerate() {
            native.store_control(index, *value);
        }
        native.run_silence(native.program.plan().pre_roll);
        if start == StartState::Silence {
            native.settle();
        }
        native.epoch = native.tick;
        for memory in Arc::clone(&native.program).phases() {
            if let Some(phase) = native.memory.get_mut(memory) {
                phase.fill(0.0);
            }
        }
        let state_len = native.program.state_len();
        native.start = Arc::new(Snapshot {
            state: native.memory[..state_len].into(),
            cursors: native.cursors.clone(),
            tick: native.tick,
        });
        native
    }

    /// The instruction set it runs on.
    pub(crate) fn isa(&self) -> Isa {
        self.program.isa()
    }

    /// Sets control `index` of the plan (also those not shown), clamped to its range. Non-finite values are ignored.
    ///
    /// # Realtime Safety
    /// Safe.
    pub fn set_control(&mut self, index: usize, value: f32) {
        let Some(control) = self.program.plan().controls.get(index) else {
            return;
        };
        if value.is_finite() {
            // Not `clamp`: that panics if a file's range is upside down.
            let value = value.max(control.knob.min).min(control.knob.max);
            if self.controls.get(index) != Some(&value) {
                self.store_control(index, value);
            }
        }
    }

    fn store_control(&mut self, index: usize, value: f32) {
        if let Some(slot) = self.controls.get_mut(index) {
            *slot = value;
        }
        let program = Arc::clone(&self.program);
        let planes = self.memory.get_mut(program.state_len()..).unwrap_or(&mut []);
        for (offset, _) in program
            .plan()
            .control_cells
            .iter()
            .filter(|(_, control)| *control == index)
        {
            if let Some(cell) = planes.get_mut(*offset..*offset + tonegraft_kernels::LANES) {
                cell.fill(value);
                self.dirty = true;
            }
        }
    }

    /// Runs on silence, output dropped.
    fn run_silence(&mut self, frames: usize) {
        let _guard = FlushDenormals::new();
        let mut left = frames;
        while left > 0 {
            let now = self.piece(left);
            self.feed(&[], 0, now);
            self.advance(now);
            left -= now;
        }
    }

    /// Lets time be so late that every signal has long begun, and runs until the state no longer moves.
    fn settle(&mut self) {
        // At a tick where all clocks have a frame, and for a time after which they have again.
        let period = self.period();
        self.tick = i64::MAX / 4 / period * period;
        self.epoch = self.tick;
        let plan = self.program.plan();
        let whole = |samples: usize| {
            let period = usize::try_from(period / plan.time.ticks).unwrap_or(1).max(1);
            samples.div_ceil(period).saturating_mul(period)
        };
        let (far, recurrent) = (plan.far, plan.recurrent);
        let (first, chunk) = (whole(far + plan.time.block), whole(4096.max(far)));
        self.run_silence(first);
        if !recurrent {
            return;
        }
        let state_len = self.program.state_len();
        let mut done = 0;
        loop {
            let before: Vec<f32> = self.memory[..state_len].to_vec();
            self.run_silence(chunk);
            done += chunk;
            let moved =
                (before.iter().zip(&self.memory[..state_len])).any(|(a, b)| (a - b).abs() > 1e-7 * a.abs().max(1.0));
            if done >= SETTLE_FRAMES.1 || (done >= SETTLE_FRAMES.0 && !moved) {
                return;
            }
        }
    }

    /// How many of the next `left` samples are computed in one go.
    fn piece(&self, left: usize) -> usize {
        let plan = self.program.plan();
        let mut samples = left.min(plan.time.block);
        for edge in self.program.edges() {
            let ahead = usize::try_from(edge.saturating_sub(self.tick).div_euclid(plan.time.ticks)).unwrap_or(0);
            if ahead > 0 {
                samples = samples.min(ahead);
            }
        }
        samples
    }

    /// Ticks after which all clocks repeat, as far as that is a sensible number.
    fn period(&self) -> i64 {
        self.program
            .clocks()
            .iter()
            .fold(self.program.plan().time.ticks, |all, clock| {
                let product = (all / gcd(all, clock.hop)).saturating_mul(clock.hop);
                if product < MAX_PERIOD { product } else { all }
            })
    }

    /// Puts `frames` of input, from `offset` on, and held knobs into the input planes; missing channels are silent.
    fn feed(&mut self, input: &[&[f32]], offset: usize, frames: usize) {
        let plan = self.program.plan();
        let region = plan.input;
        let planes = self.memory.get_mut(self.program.state_len()..).unwrap_or(&mut []);
        for (plane, feed) in plan.feeds.iter().enumerate() {
            let at = region.offset + plane * region.stride;
            let Some(to) = planes.get_mut(at..at + frames) else {
                continue;
            };
            match feed {
                Feed::Channel(channel) => match input.get(*channel).and_then(|x| x.get(offset..offset + frames)) {
                    Some(from) => to.copy_from_slice(from),
                    None => to.fill(0.0),
                },
                Feed::Control(control) => to.fill(self.controls.get(*control).copied().unwrap_or(0.0)),
            }
        }
    }

    /// Runs all steps on the `frames` that were fed.
    fn advance(&mut self, frames: usize) {
        let ticks = self.program.plan().time.ticks * i64::try_from(frames).unwrap_or(0);
        for (beat, clock) in self.beats.iter_mut().zip(self.program.clocks()) {
            *beat = Beat::new(*clock, self.tick, ticks);
        }
        let mut running = run::Running {
            memory: &mut self.memory,
            state_len: self.program.state_len(),
            cursors: &mut self.cursors,
            starts: &mut self.starts,
            scratch: &mut self.scratch,
            beats: &self.beats,
            epoch: self.epoch,
            seek: self.seek.take(),
        };
        if self.dirty {
            self.dirty = false;
            for step in self.program.control_steps() {
                running.step(step);
            }
        }
        for step in self.program.steps() {
            running.step(step);
        }
        let planes = self.memory.get(self.program.state_len()..).unwrap_or(&[]);
        for (shown, (region, clock)) in self.shown.iter_mut().zip(self.program.meters()) {
            let count = self.beats.get(*clock).map_or(0, |beat| beat.count);
            let all = planes.get(region.offset..region.offset + region.len()).unwrap_or(&[]);
            for plane in all.chunks_exact(region.stride) {
                for value in plane.iter().take(count) {
                    // NaN counts as nothing.
                    *shown = shown.max(value.abs());
                }
            }
        }
        self.tick = self.tick.saturating_add(ticks);
    }

    /// Copies `frames` of the result to `output`, at `offset`.
    fn fetch(&self, output: &mut [&mut [f32]], offset: usize, frames: usize) {
        let region = self.program.plan().output;
        let planes = self.memory.get(self.program.state_len()..).unwrap_or(&[]);
        for (plane, channel) in output.iter_mut().enumerate() {
            let at = region.offset + plane * region.stride;
            if let (Some(to), Some(from)) = (channel.get_mut(offset..offset + frames), planes.get(at..at + frames)) {
                to.copy_from_slice(from);
            }
        }
    }
}

impl Processor for Native {
    fn facts(&self) -> Facts {
        self.facts
    }

    fn reset(&mut self) {
        if let Some(state) = self.memory.get_mut(..self.start.state.len()) {
            state.copy_from_slice(&self.start.state);
        }
        self.cursors.copy_from_slice(&self.start.cursors);
        self.tick = self.start.tick;
        self.seek = None;
        self.fresh = true;
    }

    fn seek(&mut self, frame: i64) {
        self.seek = Some(Seek {
            frame,
            glides: !self.fresh,
        });
    }

    fn meters(&mut self) -> [f32; MAX_METERS] {
        std::mem::take(&mut self.shown)
    }

    fn set_knob(&mut self, index: usize, value: f32) {
        if let Some(control) = self.program.shown().get(index).copied() {
            self.set_control(control, value);
        }
    }

    fn process(&mut self, input: &[&[f32]], output: &mut [&mut [f32]]) -> Fault {
        let Some(frames) = block_frames(&self.facts, input, output) else {
            silence(output);
            return Fault::BadBlock;
        };
        let _guard = FlushDenormals::new();
        self.fresh &= frames == 0;
        let mut done = 0;
        while done < frames {
            let now = self.piece(frames - done);
            self.feed(input, done, now);
            self.advance(now);
            self.fetch(output, done, now);
            done += now;
        }
        Fault::None
    }
}
