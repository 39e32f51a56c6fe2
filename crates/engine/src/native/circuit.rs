//! A circuit, frame by frame: one value after another in registers.
//!
//! Along time nothing here runs on vectors: each value waits for the one before. What is done alike with values that lie side by side (the
//! channels of a signal) is done in one go. The functions are those of the kernels' scalar references, which are the plain way to
//! compute a single value, the same on every instruction set.

use super::single::{self, Single, one, select};
use crate::plan::{Circuit, Instruction, MAX_CIRCUIT_SIGNALS, Register};
use std::ops::Range;
use tonegraft_kernels::{activation, binary};

/// Values side by side, at least: fewer are faster one by one (a load over several stores has to wait for them).
const FEWEST: usize = 4;

/// A circuit with what is done alike gathered.
#[derive(Debug)]
pub(super) struct Program {
    inputs: Vec<(usize, usize)>,
    /// That come back after one frame, from a register that no cell has.
    next: Vec<Bank>,
    /// All others.
    later: Vec<Bank>,
    parts: Vec<Part>,
    outputs: Vec<Register>,
    registers: usize,
}

/// Cells side by side that come back after the same time, from registers side by side.
#[derive(Debug)]
struct Bank {
    first: Register,
    from: Register,
    count: usize,
    delay: usize,
    /// Where its `[delay, count]` values begin in the memory.
    memory: usize,
}

/// What is computed in one go.
#[derive(Debug)]
enum Part {
    /// One after the other.
    Singles(Vec<Single>),
    Run(Run),
}

/// One instruction for `count` results side by side.
#[derive(Debug)]
struct Run {
    /// That of the first result.
    instruction: Instruction,
    /// By how much each operand moves on from result to result: 0 or 1.
    steps: [usize; 3],
    first: Register,
    count: usize,
}

/// What comes back: the values of all banks, and where each one's oldest are.
pub(super) struct Cells<'a> {
    pub memory: &'a mut [f32],
    pub cursors: &'a mut [usize],
}

impl Program {
    pub fn new(circuit: &Circuit) -> Self {
        let begin = circuit.inputs.len();
        let first = begin + circuit.cells.len();
        let (next, later) = banks(circuit)
            .into_iter()
            .partition(|bank| bank.delay == 1 && (bank.from >= first || bank.from + bank.count <= begin));
        Self {
            inputs: circuit.inputs.clone(),
            next,
            later,
            parts: parts(circuit),
            outputs: circuit.outputs.clone(),
            registers: circuit.registers(),
        }
    }

    /// How many registers it has.
    pub fn registers(&self) -> usize {
        self.registers
    }

    /// How many cursors it has.
    pub fn cursors(&self) -> usize {
        self.later.len()
    }

    /// The memory's values before anything came back.
    pub fn start(&self, circuit: &Circuit) -> Vec<f32> {
        let mut start = vec![0.0; circuit.memory()];
        for bank in self.next.iter().chain(&self.later) {
            let cells = circuit.cells.iter().skip(bank.first - circuit.inputs.len());
            let values: Vec<f32> = cells.take(bank.count).map(|cell| cell.start).collect();
            let places = start.iter_mut().skip(bank.memory).take(bank.count * bank.delay);
            for (place, value) in places.zip(values.iter().cycle()) {
                *place = *value;
            }
        }
        start
    }
}

/// The cells in banks.
fn banks(circuit: &Circuit) -> Vec<Bank> {
    let (mut banks, mut memory) = (Vec::new(), 0);
    let mut first = circuit.inputs.len();
    let mut rest = circuit.cells.as_slice();
    while let Some(cell) = rest.first() {
        let count = (rest.iter().zip(cell.from..))
            .take_while(|(other, from)| other.delay == cell.delay && other.from == *from)
            .count();
        let count = if count < FEWEST { 1 } else { count };
        banks.push(Bank {
            first,
            from: cell.from,
            count,
            delay: cell.delay,
            memory,
        });
        memory += count * cell.delay;
        first += count;
        rest = rest.get(count..).unwrap_or(&[]);
    }
    banks
}

/// The instructions in parts.
fn parts(circuit: &Circuit) -> Vec<Part> {
    let begin = circuit.inputs.len() + circuit.cells.len();
    let mut runs: Vec<Run> = Vec::new();
    for (first, instruction) in (begin..).zip(&circuit.instructions) {
        if !runs.last_mut().is_some_and(|run| run.takes(*instruction)) {
            runs.push(Run {
                instruction: *instruction,
                steps: [0; 3],
                first,
                count: 1,
            });
        }
    }
    let mut parts: Vec<Part> = Vec::new();
    let mut waiting = begin..begin;
    let reads = reads(circuit);
    for run in runs {
        if run.count >= FEWEST {
            parts.extend(singles(circuit, &waiting, &reads));
            waiting = run.first + run.count..run.first + run.count;
            parts.push(Part::Run(run));
        } else {
            waiting.end = run.first + run.count;
        }
    }
    parts.extend(singles(circuit, &waiting, &reads));
    parts
}

/// The instructions that give the registers `results`, one after the other; `None` if there are none.
fn singles(circuit: &Circuit, results: &Range<Register>, reads: &[usize]) -> Option<Part> {
    let begin = circuit.inputs.len() + circuit.cells.len();
    let instructions = circuit.instructions.get(results.start - begin..results.end - begin)?;
    let singles = single::pack(instructions, results.start, reads);
    (!singles.is_empty()).then_some(Part::Singles(singles))
}

/// How often each register is read.
fn reads(circuit: &Circuit) -> Vec<usize> {
    let mut reads = vec![0; circuit.registers()];
    let operands = circuit.instructions.iter().flat_map(|instruction| match *instruction {
        Instruction::Unary(_, x) => vec![x],
        Instruction::Binary(_, a, b) => vec![a, b],
        Instruction::Select(condition, a, b) => vec![condition, a, b],
    });
    let cells = circuit.cells.iter().map(|cell| cell.from);
    for register in operands.chain(cells).chain(circuit.outputs.iter().copied()) {
        if let Some(reads) = reads.get_mut(register) {
            *reads += 1;
        }
    }
    reads
}

impl Run {
    /// Takes an instruction in, if it is the next lane of this one.
    fn takes(&mut self, next: Instruction) -> bool {
        // A result of the run itself is not there yet when the run begins.
        let steps = |old: [Register; 3], new: [Register; 3]| -> Option<[usize; 3]> {
            let mut steps = [0; 3];
            for ((step, known), (old, new)) in steps.iter_mut().zip(self.steps).zip(old.into_iter().zip(new)) {
                *step = if self.count == 1 { new.checked_sub(old)? } else { known };
                if *step > 1 || old + self.count * *step != new || new >= self.first {
                    return None;
                }
            }
            Some(steps)
        };
        let found = match (self.instruction, next) {
            (Instruction::Unary(f, x), Instruction::Unary(g, y)) if f == g => steps([x; 3], [y; 3]),
            (Instruction::Binary(f, a, b), Instruction::Binary(g, c, d)) if f == g => steps([a, b, b], [c, d, d]),
            (Instruction::Select(a, b, c), Instruction::Select(d, e, f)) => steps([a, b, c], [d, e, f]),
            _ => None,
        };
        if let Some(steps) = found {
            self.steps = steps;
            self.count += 1;
        }
        found.is_some()
    }

    /// # Realtime Safety
    /// Safe.
    #[inline(never)]
    fn play(&self, registers: &mut [f32]) -> Option<()> {
        let (known, results) = registers.split_at_mut_checked(self.first)?;
        let y = results.get_mut(..self.count)?;
        let [s, t, u] = self.steps;
        match self.instruction {
            Instruction::Binary(function, a, b) => {
                let (a, b) = (lanes(known, a, s, self.count)?, lanes(known, b, t, self.count)?);
                match function {
                    binary::Function::Add => each(a, b, y, |a, b| a + b),
                    binary::Function::Sub => each(a, b, y, |a, b| a - b),
                    binary::Function::Mul => each(a, b, y, |a, b| a * b),
                    binary::Function::Div => each(a, b, y, |a, b| a / b),
                    function => each(a, b, y, |a, b| binary::reference::apply(function, a, b)),
                }
            }
            Instruction::Unary(function, x) => {
                let x = lanes(known, x, s, self.count)?;
                match function {
                    activation::Function::Neg => each(x, x, y, |x, _| -x),
                    activation::Function::Abs => each(x, x, y, |x, _| x.abs()),
                    activation::Function::Sqrt => each(x, x, y, |x, _| x.sqrt()),
                    function => each(x, x, y, |x, _| one(function, x)),
                }
            }
            Instruction::Select(condition, a, b) => {
                for (lane, y) in y.iter_mut().enumerate() {
                    let value = |register: usize, step: usize| known.get(register + lane * step).copied();
                    *y = select(value(condition, s)?, value(a, t)?, value(b, u)?);
                }
            }
        }
        Some(())
    }
}

/// Operands of a run: one for each result, or one for all.
fn lanes(registers: &[f32], first: Register, step: usize, count: usize) -> Option<&[f32]> {
    registers.get(first..first + (count - 1) * step + 1)
}

/// # Realtime Safety
/// Safe.
fn each(a: &[f32], b: &[f32], y: &mut [f32], f: impl Fn(f32, f32) -> f32) {
    match (a, b) {
        ([a], [b]) => y.fill(f(*a, *b)),
        ([a], b) => {
            for (y, b) in y.iter_mut().zip(b) {
                *y = f(*a, *b);
            }
        }
        (a, [b]) => {
            for (y, a) in y.iter_mut().zip(a) {
                *y = f(*a, *b);
            }
        }
        (a, b) => {
            for ((y, a), b) in y.iter_mut().zip(a).zip(b) {
                *y = f(*a, *b);
            }
        }
    }
}

/// Runs `frames` frames in [`Program::registers`] registers. `input` gives the values of a plane of an operand, one per frame, or a single one that holds; the results go to
/// the planes of `y`, `stride` apart. `None` if a plane does not exist: then nothing is done, or the rest is left as it is.
///
/// # Realtime Safety
/// Safe.
pub(super) fn run<'x>(
    program: &Program,
    cells: &mut Cells<'_>,
    registers: &mut [f32],
    input: impl Fn(usize, usize) -> Option<&'x [f32]>,
    y: &mut [f32],
    stride: usize,
    frames: usize,
) -> Option<()> {
    let mut signals: [(Register, &[f32]); MAX_CIRCUIT_SIGNALS] = [(0, &[]); MAX_CIRCUIT_SIGNALS];
    let mut count = 0;
    for (register, (operand, plane)) in program.inputs.iter().enumerate() {
        match input(*operand, *plane)? {
            [value] => *registers.get_mut(register)? = *value,
            signal => {
                *signals.get_mut(count)? = (register, signal);
                count += 1;
            }
        }
    }
    let signals = signals.get(..count)?;
    for bank in &program.next {
        copy(cells.memory, bank.memory, registers, bank.first, bank.count)?;
    }
    for frame in 0..frames {
        for (register, signal) in signals {
            *registers.get_mut(*register)? = *signal.get(frame)?;
        }
        for (bank, cursor) in program.later.iter().zip(cells.cursors.iter()) {
            let at = bank.memory + cursor * bank.count;
            let values = cells.memory.get(at..at + bank.count)?;
            registers
                .get_mut(bank.first..bank.first + bank.count)?
                .copy_from_slice(values);
        }
        for part in &program.parts {
            match part {
                Part::Singles(singles) => single::play(singles, registers),
                Part::Run(run) => run.play(registers)?,
            }
        }
        for (bank, cursor) in program.later.iter().zip(cells.cursors.iter_mut()) {
            let at = bank.memory + *cursor * bank.count;
            copy(registers, bank.from, cells.memory, at, bank.count)?;
            *cursor += 1;
            if *cursor >= bank.delay {
                *cursor = 0;
            }
        }
        for (y, register) in y.chunks_exact_mut(stride).zip(&program.outputs) {
            *y.get_mut(frame)? = *registers.get(*register)?;
        }
        for bank in &program.next {
            copy_within(registers, bank.from, bank.first, bank.count)?;
        }
    }
    for bank in &program.next {
        copy(registers, bank.first, cells.memory, bank.memory, bank.count)?;
    }
    Some(())
}

/// Copies `count` values, mostly few; one without a call.
///
/// # Realtime Safety
/// Safe.
#[inline]
fn copy(from: &[f32], first: usize, to: &mut [f32], place: usize, count: usize) -> Option<()> {
    if count == 1 {
        *to.get_mut(place)? = *from.get(first)?;
    } else {
        to.get_mut(place..place + count)?
            .copy_from_slice(from.get(first..first + count)?);
    }
    Some(())
}

/// As [`copy`], in the same registers.
///
/// # Realtime Safety
/// Safe.
#[inline]
fn copy_within(registers: &mut [f32], from: Register, to: Register, count: usize) -> Option<()> {
    if count == 1 {
        *registers.get_mut(to)? = *registers.get(from)?;
        return Some(());
    }
    let end = from.checked_add(count).filter(|end| *end <= registers.len())?;
    if to + count > registers.len() {
        return None;
    }
    registers.copy_within(from..end, to);
    Some(())
}
