//! A circuit, frame by frame: one value after another in registers.
//!
//! Nothing here runs on vectors: each value waits for the one before. The functions are those of the kernels' scalar references, which are
//! the plain way to compute a single value, the same on every instruction set.

use crate::plan::{Circuit, Instruction, MAX_CIRCUIT_INPUTS};
use tonegraft_kernels::{activation, binary};

/// What comes back: the values of all cells, and where each one's oldest is.
pub(super) struct Cells<'a> {
    pub memory: &'a mut [f32],
    pub cursors: &'a mut [usize],
}

/// Runs `frames` frames in [`Circuit::registers`] registers. `input` gives the values of a plane of an operand, one per frame, or a single one that holds; the results go to
/// the planes of `y`, `stride` apart. `None` if a plane does not exist: then nothing is done, or the rest is left as it is.
///
/// # Realtime Safety
/// Safe.
pub(super) fn run<'x>(
    circuit: &Circuit,
    cells: &mut Cells<'_>,
    registers: &mut [f32],
    input: impl Fn(usize, usize) -> Option<&'x [f32]>,
    y: &mut [f32],
    stride: usize,
    frames: usize,
) -> Option<()> {
    let mut inputs: [&[f32]; MAX_CIRCUIT_INPUTS] = [&[]; MAX_CIRCUIT_INPUTS];
    let inputs = inputs.get_mut(..circuit.inputs.len())?;
    for ((operand, plane), from) in circuit.inputs.iter().zip(inputs.iter_mut()) {
        *from = input(*operand, *plane)?;
    }
    let begin = inputs.len();
    for frame in 0..frames {
        // A single value is there from the first frame on.
        for (register, from) in registers.iter_mut().zip(inputs.iter()) {
            if let Some(value) = from.get(frame) {
                *register = *value;
            }
        }
        let mut at = 0;
        for ((cell, cursor), register) in (circuit.cells.iter())
            .zip(cells.cursors.iter())
            .zip(registers.get_mut(begin..)?)
        {
            *register = *cells.memory.get(at + cursor)?;
            at += cell.delay;
        }
        for (next, instruction) in (begin + circuit.cells.len()..).zip(&circuit.instructions) {
            let value = |register: usize| registers.get(register).copied().unwrap_or(0.0);
            let result = match *instruction {
                Instruction::Binary(function, a, b) => two(function, value(a), value(b)),
                Instruction::Unary(function, x) => one(function, value(x)),
                Instruction::Select(condition, a, b) => value(if value(condition) == 0.0 { b } else { a }),
            };
            if let Some(register) = registers.get_mut(next) {
                *register = result;
            }
        }
        let mut at = 0;
        for (cell, cursor) in circuit.cells.iter().zip(cells.cursors.iter_mut()) {
            *cells.memory.get_mut(at + *cursor)? = registers.get(cell.from).copied().unwrap_or(0.0);
            *cursor += 1;
            if *cursor >= cell.delay {
                *cursor = 0;
            }
            at += cell.delay;
        }
        for (y, register) in y.chunks_exact_mut(stride).zip(&circuit.outputs) {
            *y.get_mut(frame)? = registers.get(*register).copied().unwrap_or(0.0);
        }
    }
    Some(())
}

/// The usual ones without a call.
fn two(function: binary::Function, a: f32, b: f32) -> f32 {
    match function {
        binary::Function::Add => a + b,
        binary::Function::Sub => a - b,
        binary::Function::Mul => a * b,
        binary::Function::Div => a / b,
        function => binary::reference::apply(function, a, b),
    }
}

fn one(function: activation::Function, x: f32) -> f32 {
    match function {
        activation::Function::Neg => -x,
        activation::Function::Abs => x.abs(),
        #[allow(clippy::cast_possible_truncation)]
        function => activation::reference::apply(function, f64::from(x)) as f32,
    }
}
