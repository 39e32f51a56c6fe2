//! From a plan to kernels: weights packed for an instruction set, every piece of state given its place.

use crate::error::InstallError;
use crate::plan::{MAX_BLOCK, Plan, Region, Step, StepOp};
use crate::stream::{Cell, Planes, Prefix};
use std::ops::Range;
use std::sync::Arc;
use tonegraft_kernels::{Activation, Conv1d, Gru, Isa, Lstm, Ring, Rnn, binary, padded};

/// A ring in the state.
#[derive(Clone, Debug)]
pub(super) struct History {
    pub ring: Ring,
    pub memory: Range<usize>,
    pub cursor: usize,
}

/// A step, ready to run.
#[derive(Debug)]
pub(super) enum Kernel {
    Pointwise(Conv1d),
    Conv {
        conv: Conv1d,
        history: History,
        /// How far each tap looks back, and where the starts are kept.
        backs: Box<[usize]>,
        starts: Range<usize>,
        begin: Option<Prefix>,
    },
    Lstm {
        lstm: Lstm,
        memory: Range<usize>,
        start: i64,
    },
    Gru {
        gru: Gru,
        memory: Range<usize>,
        start: i64,
    },
    Rnn {
        rnn: Rnn,
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
    Delay {
        history: History,
        frames: usize,
    },
}

/// A kernel and its regions.
#[derive(Debug)]
pub(super) struct Lowered {
    pub kernel: Kernel,
    pub inputs: Box<[Region]>,
    pub output: Region,
}

/// A plan lowered for an instruction set; shared by instances.
#[derive(Debug)]
pub struct Program {
    plan: Arc<Plan>,
    isa: Isa,
    control_steps: Vec<Lowered>,
    steps: Vec<Lowered>,
    shown: Vec<usize>,
    initial_state: Vec<f32>,
    rings: usize,
    starts: usize,
}

impl Program {
    /// Packs the weights of `plan` for `isa`.
    ///
    /// # Errors
    /// The plan contradicts itself, or memory sizes overflow.
    pub fn new(plan: Arc<Plan>, isa: Isa) -> Result<Self, InstallError> {
        let mut lowering = Lowering {
            isa: isa.or_scalar(),
            state: Vec::new(),
            rings: 0,
            starts: 0,
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
        let shown = plan.controls.iter().enumerate().filter(|(_, control)| control.shown);
        Ok(Self {
            shown: shown.map(|(index, _)| index).take(crate::MAX_KNOBS).collect(),
            control_steps,
            steps,
            isa: lowering.isa,
            initial_state: lowering.state,
            rings: lowering.rings,
            starts: lowering.starts,
            plan,
        })
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
    pub(super) fn initial_memory(&self) -> Box<[f32]> {
        let mut memory = self.initial_state.clone();
        memory.resize(self.initial_state.len() + self.plan.memory, 0.0);
        let planes = &mut memory[self.initial_state.len()..];
        for (region, values) in &self.plan.constants {
            for (cells, value) in planes[region.offset..region.offset + region.len()]
                .chunks_exact_mut(region.stride())
                .zip(values.iter())
            {
                cells.fill(*value);
            }
        }
        memory.into()
    }
}

struct Lowering {
    isa: Isa,
    state: Vec<f32>,
    rings: usize,
    starts: usize,
}

impl Lowering {
    fn claim(&mut self, floats: usize) -> Range<usize> {
        let first = self.state.len();
        self.state.resize(first + padded(floats), 0.0);
        first..first + floats
    }

    fn history(&mut self, planes: usize, frames: usize) -> Option<History> {
        let ring = Ring::new(planes, frames, MAX_BLOCK)?;
        self.rings += 1;
        Some(History {
            ring,
            memory: self.claim(ring.len()),
            cursor: self.rings - 1,
        })
    }

    fn step(&mut self, step: &Step) -> Option<Lowered> {
        let kernel = match &step.op {
            StepOp::Conv {
                shape,
                dilation,
                weights,
                bias,
                slopes,
                begin,
            } => {
                let conv = Conv1d::new(*shape, weights, bias.as_deref(), slopes.as_deref(), self.isa)?;
                if shape.taps == 1 {
                    Kernel::Pointwise(conv)
                } else {
                    let reach = (shape.taps - 1) * dilation;
                    self.starts += shape.taps;
                    Kernel::Conv {
                        conv,
                        history: self.history(shape.inputs, reach)?,
                        backs: (0..shape.taps).map(|tap| reach - tap * dilation).collect(),
                        starts: self.starts - shape.taps..self.starts,
                        begin: begin.clone(),
                    }
                }
            }
            StepOp::Recurrent { cell, weights, start } => {
                let (inputs, hidden, start) = (weights.inputs, weights.hidden, *start);
                let (w, r, b) = (&weights.w, &weights.r, weights.b.as_deref());
                match cell {
                    Cell::Lstm => {
                        let lstm = Lstm::new(inputs, hidden, w, r, b, self.isa)?;
                        let memory = self.claim(lstm.state_len());
                        lstm.set_state(&mut self.state[memory.clone()], &weights.h, &weights.c);
                        Kernel::Lstm { lstm, memory, start }
                    }
                    Cell::Gru { reset_after } => {
                        let gru = Gru::new(inputs, hidden, w, r, b, *reset_after, self.isa)?;
                        let memory = self.claim(gru.state_len());
                        gru.set_state(&mut self.state[memory.clone()], &weights.h);
                        Kernel::Gru { gru, memory, start }
                    }
                    Cell::Rnn { relu } => {
                        let rnn = Rnn::new(inputs, hidden, w, r, b, *relu, self.isa)?;
                        let memory = self.claim(rnn.state_len());
                        rnn.set_state(&mut self.state[memory.clone()], &weights.h);
                        Kernel::Rnn { rnn, memory, start }
                    }
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
            StepOp::Delay(frames) => Kernel::Delay {
                history: self.history(step.output.planes, *frames)?,
                frames: *frames,
            },
        };
        Some(Lowered {
            kernel,
            inputs: step.inputs.clone().into(),
            output: step.output,
        })
    }
}
