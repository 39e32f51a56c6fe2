//! From a plan to kernels: weights packed for an instruction set, every piece of state given its place.

use super::circuit;
use crate::error::InstallError;
use crate::plan::{Plan, Region, Step, StepOp, Timebase, delay_frames, is_rows};
use crate::stream::{Clock, Noise, Planes, Prefix, Rate};
use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use tonegraft_kernels::frame::{self, Function};
use tonegraft_kernels::layers::Layers;
use tonegraft_kernels::{Activation, Aligned, Conv1d, Isa, Recurrent, Ring, Weights, binary, conv1d, padded};

/// A ring in the state.
#[derive(Clone, Debug)]
pub(super) struct History {
    pub ring: Ring,
    pub memory: Range<usize>,
    pub cursor: usize,
}

/// Values of planes, each for `delay` frames: `[planes, delay]` in the state, round and round.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub memory: Range<usize>,
    pub delay: usize,
    pub cursor: usize,
}

/// A step, ready to run.
#[derive(Debug)]
pub(super) enum Kernel {
    /// Consecutive convolutions on one clock.
    Layers(Layers),
    Pointwise(Conv1d),
    /// A convolution of few frames.
    Rows {
        rows: frame::Rows,
        /// Unless it has one tap.
        history: Option<History>,
        backs: Box<[usize]>,
        starts: Range<usize>,
        begin: Option<Prefix>,
    },
    Conv {
        conv: Conv1d,
        history: History,
        /// How far each tap looks back, and where the starts are kept.
        backs: Box<[usize]>,
        starts: Range<usize>,
        begin: Option<Prefix>,
    },
    Recurrent {
        layer: Recurrent,
        memory: Range<usize>,
        start: i64,
    },
    Unary(Activation),
    Binary {
        function: binary::Function,
        isa: Isa,
        a: Planes,
        b: Planes,
    },
    Assemble(Box<[(usize, usize)]>),
    Begin(Prefix),
    Select {
        isa: Isa,
        pairing: [Planes; 3],
    },
    Delay {
        history: History,
        ticks: i64,
    },
    Stack {
        history: History,
        taps: usize,
        dilation: usize,
        begin: Option<Prefix>,
    },
    Spread {
        /// The last frame of the input.
        held: Range<usize>,
        factor: usize,
    },
    Read {
        history: History,
        reach: usize,
    },
    Frame(frame::Kernel),
    State(Kept),
    Store {
        kept: Kept,
        start: i64,
    },
    Circuit {
        program: Arc<circuit::Program>,
        /// Of all banks of cells, one after the other.
        memory: Range<usize>,
        /// One per bank.
        cursors: Range<usize>,
    },
    Ramp {
        start: i64,
        scale: f64,
        offset: f64,
    },
    Phase {
        /// The phase as 2³² parts of a turn, upper and lower half as floats.
        memory: Range<usize>,
        rate: f32,
        frames: f32,
        offset: f32,
    },
    Noise {
        noise: Noise,
        seed: u64,
    },
}

/// The most inputs of a frame function.
pub(super) const MAX_INPUTS: usize = 4;

/// A kernel and its regions.
#[derive(Debug)]
pub(super) struct Lowered {
    pub kernel: Kernel,
    pub inputs: Box<[Region]>,
    pub output: Region,
    pub total: Option<Region>,
    /// The inputs behind the first are one for the convolution's mix, then addends.
    pub mixes: bool,
    /// Clock of the first input and of the output, by number; `None` at control rate.
    pub from: Option<usize>,
    pub to: Option<usize>,
}

/// A plan lowered for an instruction set; shared by instances.
#[derive(Debug)]
pub struct Program {
    plan: Arc<Plan>,
    isa: Isa,
    control_steps: Vec<Lowered>,
    steps: Vec<Lowered>,
    shown: Vec<usize>,
    clocks: Vec<Clock>,
    /// Ticks at which a signal begins that is continued before its beginning.
    edges: Vec<i64>,
    meters: Vec<(Region, usize)>,
    initial_state: Vec<f32>,
    rings: usize,
    starts: usize,
    scratch: usize,
}

impl Program {
    /// Packs the weights of `plan` for `isa`.
    ///
    /// # Errors
    /// The plan contradicts itself, or memory sizes overflow.
    pub fn new(plan: Arc<Plan>, isa: Isa) -> Result<Self, InstallError> {
        let mut lowering = Lowering {
            isa: isa.or_scalar(),
            time: plan.time,
            weights: plan.weights,
            clocks: Vec::new(),
            memories: HashMap::new(),
            state: Vec::new(),
            rings: 0,
            starts: 0,
            scratch: 0,
        };
        let mut all = |steps: &[Step]| -> Result<Vec<Lowered>, InstallError> {
            steps
                .iter()
                .map(|step| {
                    lowering
                        .step(step)
                        .ok_or_else(|| InstallError::Internal(format!("step `{}` cannot be lowered", step.name)))
                })
                .collect()
        };
        let (control_steps, steps) = (all(&plan.control_steps)?, all(&plan.steps)?);
        let steps = super::gather::gather(&plan, steps, lowering.state.len());
        let meters = (plan.meters.iter())
            .filter_map(|(_, region)| Some((*region, lowering.clock(region.rate)?)))
            .collect();
        let begins = plan.steps.iter().filter_map(|step| match &step.op {
            StepOp::Conv { begin, .. } | StepOp::Stack { begin, .. } => begin.as_ref(),
            _ => None,
        });
        let mut edges: Vec<i64> = begins.filter(|begin| begin.edge).map(|begin| begin.until).collect();
        edges.sort_unstable();
        edges.dedup();
        let shown = plan.controls.iter().enumerate().filter(|(_, control)| control.shown);
        Ok(Self {
            shown: shown.map(|(index, _)| index).take(crate::MAX_KNOBS).collect(),
            control_steps,
            steps,
            isa: lowering.isa,
            clocks: lowering.clocks,
            edges,
            meters,
            initial_state: lowering.state,
            rings: lowering.rings,
            starts: lowering.starts,
            scratch: lowering.scratch,
            plan,
        })
    }

    /// As [`Self::new`], or the one that an instance in this process has already of an equal plan: so its packed weights are in
    /// memory, and in the caches, once. Takes a lock; not for the audio thread.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn shared(plan: &Arc<Plan>, isa: Isa) -> Result<Arc<Self>, InstallError> {
        static LIVING: Mutex<Vec<Weak<Program>>> = Mutex::new(Vec::new());
        // A thread that panicked has left only whole entries.
        let living = || LIVING.lock().unwrap_or_else(PoisonError::into_inner);
        let isa = isa.or_scalar();
        let known: Vec<Arc<Self>> = living().iter().filter_map(Weak::upgrade).collect();
        let equal =
            |program: &&Arc<Self>| program.isa == isa && (Arc::ptr_eq(&program.plan, plan) || program.plan == *plan);
        if let Some(program) = known.iter().find(equal) {
            return Ok(Arc::clone(program));
        }
        let program = Arc::new(Self::new(Arc::clone(plan), isa)?);
        let mut living = living();
        living.retain(|program| program.strong_count() > 0);
        living.push(Arc::downgrade(&program));
        Ok(program)
    }

    /// The plan it was made from.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The instruction set it was made for.
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// Controls that hosts see, in order.
    pub(super) fn shown(&self) -> &[usize] {
        &self.shown
    }

    pub(super) fn steps(&self) -> &[Lowered] {
        &self.steps
    }

    pub(super) fn control_steps(&self) -> &[Lowered] {
        &self.control_steps
    }

    /// Clocks of the steps, by number.
    pub(super) fn clocks(&self) -> &[Clock] {
        &self.clocks
    }

    /// Where the values stand that are shown, and the numbers of their clocks.
    pub(super) fn meters(&self) -> &[(Region, usize)] {
        &self.meters
    }

    /// Ticks at which a piece must begin: what is computed before differs from what is computed from then on.
    pub(super) fn edges(&self) -> &[i64] {
        &self.edges
    }

    /// Memories of oscillators, which start when the stream does.
    pub(super) fn phases(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        self.steps.iter().filter_map(|step| match &step.kernel {
            Kernel::Phase { memory, .. } => Some(memory.clone()),
            _ => None,
        })
    }

    /// Floats that steps need beside their regions while they run.
    pub(super) fn scratch(&self) -> usize {
        self.scratch
    }

    pub(super) fn state_len(&self) -> usize {
        self.initial_state.len()
    }

    pub(super) fn rings(&self) -> usize {
        self.rings
    }

    pub(super) fn starts(&self) -> usize {
        self.starts
    }

    /// State at its start values, then the planes with the constants in place.
    pub(super) fn initial_memory(&self) -> Aligned {
        let mut memory = Aligned::zeros(self.initial_state.len() + self.plan.memory);
        let (state, planes) = memory.split_at_mut(self.initial_state.len());
        state.copy_from_slice(&self.initial_state);
        for (region, values) in &self.plan.constants {
            for (cells, value) in planes[region.offset..region.offset + region.len()]
                .chunks_exact_mut(region.stride)
                .zip(values.iter())
            {
                cells.fill(*value);
            }
        }
        memory
    }
}

struct Lowering {
    isa: Isa,
    time: Timebase,
    weights: Weights,
    clocks: Vec<Clock>,
    /// Where the memories of states are, by number.
    memories: HashMap<usize, Kept>,
    state: Vec<f32>,
    rings: usize,
    starts: usize,
    scratch: usize,
}

impl Lowering {
    fn claim(&mut self, floats: usize) -> Range<usize> {
        let first = self.state.len();
        self.state.resize(first + padded(floats), 0.0);
        first..first + floats
    }

    fn clock(&mut self, rate: Rate) -> Option<usize> {
        let Rate::Frames(clock) = rate else { return None };
        Some(self.clocks.iter().position(|known| *known == clock).unwrap_or_else(|| {
            self.clocks.push(clock);
            self.clocks.len() - 1
        }))
    }

    /// A kernel and the room it needs: operands and result as frames, and its own.
    fn frame(&mut self, function: &Function) -> Option<Kernel> {
        let kernel = frame::Kernel::with_weights(function, self.isa, self.weights)?;
        let inputs = function.inputs();
        if inputs.len() > MAX_INPUTS {
            return None;
        }
        let room = inputs.iter().map(|n| padded(*n)).sum::<usize>() + padded(function.output());
        self.scratch = self.scratch.max(room + kernel.scratch_len());
        Some(Kernel::Frame(kernel))
    }

    /// One layer on frames one by one: a matrix, or several for groups.
    fn matrix(&mut self, shape: conv1d::Shape, weights: &Arc<[f32]>, bias: Option<&Arc<[f32]>>) -> Option<Kernel> {
        let (weights, bias) = (Arc::clone(weights), bias.cloned());
        let function = if shape.groups == 1 {
            Function::Dense {
                rows: 1,
                inputs: shape.inputs,
                outputs: shape.outputs,
                weights,
                bias,
            }
        } else {
            Function::Conv {
                batch: 1,
                groups: shape.groups,
                inputs: shape.inputs,
                outputs: shape.outputs,
                size: [1, 1],
                taps: [1, 1],
                strides: [1, 1],
                dilations: [1, 1],
                pads: [0; 4],
                weights,
                bias,
            }
        };
        self.frame(&function)
    }

    /// A convolution of few frames at once, if it is a plain one.
    fn rows(&mut self, step: &Step) -> Option<Kernel> {
        let StepOp::Conv {
            shape,
            dilation,
            weights,
            bias,
            begin,
            ..
        } = &step.op
        else {
            return None;
        };
        if !is_rows(step, &self.time) {
            return None;
        }
        let rate = step.output.rate;
        let most = self.time.frames(rate);
        let rows = frame::Rows::new(*shape, weights, bias.as_deref(), most, self.isa, self.weights)?;
        self.scratch = self.scratch.max(rows.scratch_len());
        let reach = (shape.taps - 1) * dilation;
        self.starts += shape.taps;
        Some(Kernel::Rows {
            rows,
            history: if shape.taps > 1 {
                Some(self.history(shape.inputs, reach, rate)?)
            } else {
                None
            },
            backs: (0..shape.taps).map(|tap| reach - tap * dilation).collect(),
            starts: self.starts - shape.taps..self.starts,
            begin: begin.clone(),
        })
    }

    /// The memory of that number, which is read before it is written.
    fn memory(&mut self, number: usize, start: &[f32], delay: usize) -> Option<Kept> {
        let memory = self.claim(start.len().checked_mul(delay)?);
        let values = self.state.get_mut(memory.clone())?;
        for (values, start) in values.chunks_exact_mut(delay).zip(start) {
            values.fill(*start);
        }
        self.rings += 1;
        let kept = Kept {
            memory,
            delay,
            cursor: self.rings - 1,
        };
        self.memories.insert(number, kept.clone());
        Some(kept)
    }

    fn history(&mut self, planes: usize, frames: usize, rate: Rate) -> Option<History> {
        let ring = Ring::new(planes, frames, self.time.frames(rate))?;
        self.rings += 1;
        Some(History {
            ring,
            memory: self.claim(ring.len()),
            cursor: self.rings - 1,
        })
    }

    fn step(&mut self, step: &Step) -> Option<Lowered> {
        let source = step.inputs.first().copied();
        let from_rate = source.map_or(step.output.rate, |region| region.rate);
        let stepwise = matches!(step.output.rate, Rate::Frames(clock) if self.time.is_stepwise(clock));
        // Room to bring the operands of an element-wise step into the order of its planes.
        if stepwise {
            self.scratch = self.scratch.max(3 * padded(step.output.planes));
        }
        let rows = if stepwise { None } else { self.rows(step) };
        let kernel = match &step.op {
            StepOp::Conv { .. } if rows.is_some() => rows?,
            StepOp::Conv {
                shape,
                dilation,
                weights,
                bias,
                slopes,
                begin,
                mix,
                addends,
                activation,
            } if stepwise => {
                let plain =
                    slopes.is_none() && begin.is_none() && mix.is_none() && *addends == 0 && activation.is_none();
                if shape.taps > 1 || !plain {
                    return None;
                }
                debug_assert_eq!(*dilation, 1);
                self.matrix(*shape, weights, bias.as_ref())?
            }
            StepOp::Conv {
                shape,
                dilation,
                weights,
                bias,
                slopes,
                begin,
                mix,
                addends: _,
                activation,
            } => {
                let mix = mix.as_ref().map_or((0, &[][..]), |mix| (mix.inputs, &mix.weights[..]));
                let (bias, slopes) = (bias.as_deref(), slopes.as_deref());
                let mut conv = Conv1d::with_mix(*shape, weights, bias, slopes, mix, self.isa)?;
                if let Some(function) = activation {
                    conv = conv.with_activation(*function)?;
                }
                if shape.taps == 1 {
                    Kernel::Pointwise(conv)
                } else {
                    let reach = (shape.taps - 1) * dilation;
                    self.starts += shape.taps;
                    Kernel::Conv {
                        conv,
                        history: self.history(shape.inputs, reach, from_rate)?,
                        backs: (0..shape.taps).map(|tap| reach - tap * dilation).collect(),
                        starts: self.starts - shape.taps..self.starts,
                        begin: begin.clone(),
                    }
                }
            }
            StepOp::Recurrent { cell, weights, start } => {
                let (w, r, b) = (&weights.w, &weights.r, weights.b.as_deref());
                let layer = Recurrent::new(*cell, weights.inputs, weights.hidden, w, r, b, self.isa)?;
                let memory = self.claim(layer.state_len());
                layer.set_state(&mut self.state[memory.clone()], &weights.h, &weights.c);
                Kernel::Recurrent {
                    layer,
                    memory,
                    start: *start,
                }
            }
            StepOp::Unary(function) => Kernel::Unary(Activation::new(*function, self.isa)),
            StepOp::Binary { function, a, b } => Kernel::Binary {
                function: *function,
                isa: self.isa,
                a: a.clone(),
                b: b.clone(),
            },
            StepOp::Assemble(map) => Kernel::Assemble(map.clone().into()),
            StepOp::Begin(prefix) => Kernel::Begin(prefix.clone()),
            StepOp::Select { pairing } => Kernel::Select {
                isa: self.isa,
                pairing: pairing.clone(),
            },
            StepOp::Delay(ticks) => Kernel::Delay {
                history: self.history(step.output.planes, delay_frames(*ticks, from_rate), from_rate)?,
                ticks: *ticks,
            },
            StepOp::Stack {
                taps, dilation, begin, ..
            } => Kernel::Stack {
                history: self.history(source?.planes, taps.checked_sub(1)?.checked_mul(*dilation)?, from_rate)?,
                taps: *taps,
                dilation: *dilation,
                begin: begin.clone(),
            },
            StepOp::Spread { factor } => Kernel::Spread {
                held: self.claim(source?.planes),
                factor: *factor,
            },
            StepOp::Read { reach } => Kernel::Read {
                history: self.history(1, *reach, from_rate)?,
                reach: *reach,
            },
            StepOp::Frame(function) => self.frame(function)?,
            StepOp::State { number, start, delay } => Kernel::State(self.memory(*number, start, (*delay).max(1))?),
            StepOp::Store { number, start } => {
                let kept = match self.memories.get(number) {
                    Some(kept) => kept.clone(),
                    // Nobody reads it.
                    None => self.memory(*number, &vec![0.0; source?.planes], 1)?,
                };
                Kernel::Store { kept, start: *start }
            }
            StepOp::Circuit(plan) => {
                let program = circuit::Program::new(plan);
                let start = program.start(plan);
                let memory = self.claim(start.len());
                self.state.get_mut(memory.clone())?.copy_from_slice(&start);
                self.rings += program.cursors();
                self.scratch = self.scratch.max(program.registers());
                Kernel::Circuit {
                    memory,
                    cursors: self.rings - program.cursors()..self.rings,
                    program: Arc::new(program),
                }
            }
            StepOp::Ramp { start, scale, offset } => Kernel::Ramp {
                start: *start,
                scale: *scale,
                offset: *offset,
            },
            StepOp::Phase { rate, frames, offset } => Kernel::Phase {
                memory: self.claim(crate::plan::OSCILLATOR_STATE),
                rate: *rate,
                frames: *frames,
                offset: *offset,
            },
            StepOp::Noise { noise, seed } => Kernel::Noise {
                noise: *noise,
                seed: *seed,
            },
        };
        Some(Lowered {
            kernel,
            inputs: step.inputs.clone().into(),
            output: step.output,
            total: step.total,
            mixes: matches!(&step.op, StepOp::Conv { mix: Some(_), .. }),
            from: self.clock(from_rate),
            to: self.clock(step.output.rate),
        })
    }
}
