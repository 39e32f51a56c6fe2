//! Instructions of a circuit one after the other.
//!
//! Each result waits for the one before, so what counts is the way from one to the next: the newest result is at hand without being read
//! back from memory, and a product that only the next sum takes is no instruction of its own. Every operation is rounded by itself.

use crate::plan::{Instruction, Register};
use tonegraft_kernels::{activation, binary};

/// In place of the register of the newest result.
const LAST: Register = Register::MAX;

/// An instruction and the register of its result.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Single {
    operation: Operation,
    to: Register,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Operation {
    Add(Register, Register),
    Sub(Register, Register),
    Mul(Register, Register),
    Div(Register, Register),
    /// `a · b + c`, rounded twice.
    MulAdd(Register, Register, Register),
    /// `a · b − c`, rounded twice.
    MulSub(Register, Register, Register),
    /// `c − a · b`, rounded twice.
    SubMul(Register, Register, Register),
    Neg(Register),
    Abs(Register),
    Sqrt(Register),
    Clamp {
        low: f32,
        high: f32,
        x: Register,
    },
    Select(Register, Register, Register),
    Unary(activation::Function, Register),
    Binary(binary::Function, Register, Register),
}

impl Operation {
    fn of(instruction: Instruction) -> Self {
        match instruction {
            Instruction::Binary(binary::Function::Add, a, b) => Self::Add(a, b),
            Instruction::Binary(binary::Function::Sub, a, b) => Self::Sub(a, b),
            Instruction::Binary(binary::Function::Mul, a, b) => Self::Mul(a, b),
            Instruction::Binary(binary::Function::Div, a, b) => Self::Div(a, b),
            Instruction::Binary(function, a, b) => Self::Binary(function, a, b),
            Instruction::Unary(activation::Function::Neg, x) => Self::Neg(x),
            Instruction::Unary(activation::Function::Abs, x) => Self::Abs(x),
            Instruction::Unary(activation::Function::Sqrt, x) => Self::Sqrt(x),
            Instruction::Unary(activation::Function::Clamp { low, high }, x) => Self::Clamp { low, high, x },
            Instruction::Unary(function, x) => Self::Unary(function, x),
            Instruction::Select(condition, a, b) => Self::Select(condition, a, b),
        }
    }

    /// This with the product that gives register `product` in it, if it adds or subtracts that.
    fn with_product(self, product: Register, a: Register, b: Register) -> Option<Self> {
        match self {
            // Twice the product is no sum with something else.
            Self::Add(x, y) | Self::Sub(x, y) if x == y => None,
            Self::Add(x, c) | Self::Add(c, x) if x == product => Some(Self::MulAdd(a, b, c)),
            Self::Sub(x, c) if x == product => Some(Self::MulSub(a, b, c)),
            Self::Sub(c, x) if x == product => Some(Self::SubMul(a, b, c)),
            _ => None,
        }
    }

    fn renamed(self, name: impl Fn(Register) -> Register) -> Self {
        match self {
            Self::Add(a, b) => Self::Add(name(a), name(b)),
            Self::Sub(a, b) => Self::Sub(name(a), name(b)),
            Self::Mul(a, b) => Self::Mul(name(a), name(b)),
            Self::Div(a, b) => Self::Div(name(a), name(b)),
            Self::MulAdd(a, b, c) => Self::MulAdd(name(a), name(b), name(c)),
            Self::MulSub(a, b, c) => Self::MulSub(name(a), name(b), name(c)),
            Self::SubMul(a, b, c) => Self::SubMul(name(a), name(b), name(c)),
            Self::Neg(x) => Self::Neg(name(x)),
            Self::Abs(x) => Self::Abs(name(x)),
            Self::Sqrt(x) => Self::Sqrt(name(x)),
            Self::Clamp { low, high, x } => Self::Clamp { low, high, x: name(x) },
            Self::Select(condition, a, b) => Self::Select(name(condition), name(a), name(b)),
            Self::Unary(function, x) => Self::Unary(function, name(x)),
            Self::Binary(function, a, b) => Self::Binary(function, name(a), name(b)),
        }
    }
}

/// The instructions that give the registers from `first` on. `reads` tells how often each register is read, by anything.
pub(super) fn pack(instructions: &[Instruction], first: Register, reads: &[usize]) -> Vec<Single> {
    let mut packed: Vec<Single> = Vec::new();
    for (to, instruction) in (first..).zip(instructions) {
        let operation = Operation::of(*instruction);
        if let Some(last) = packed.last_mut()
            && let Operation::Mul(a, b) = last.operation
            && reads.get(last.to) == Some(&1)
            && let Some(joined) = operation.with_product(last.to, a, b)
        {
            *last = Single { operation: joined, to };
        } else {
            packed.push(Single { operation, to });
        }
    }
    let mut last = None;
    for single in &mut packed {
        single.operation = single
            .operation
            .renamed(|register| if Some(register) == last { LAST } else { register });
        last = Some(single.to);
    }
    packed
}

/// Not inlined: the loop around it would take its registers of the processor.
///
/// # Realtime Safety
/// Safe.
#[inline(never)]
pub(super) fn play(singles: &[Single], registers: &mut [f32]) {
    let mut last = 0.0;
    for single in singles {
        // What lies beyond is `LAST`.
        let value = |register: usize| registers.get(register).copied().unwrap_or(last);
        last = match single.operation {
            Operation::Add(a, b) => value(a) + value(b),
            Operation::Sub(a, b) => value(a) - value(b),
            Operation::Mul(a, b) => value(a) * value(b),
            Operation::Div(a, b) => value(a) / value(b),
            Operation::MulAdd(a, b, c) => value(a) * value(b) + value(c),
            Operation::MulSub(a, b, c) => value(a) * value(b) - value(c),
            Operation::SubMul(a, b, c) => value(c) - value(a) * value(b),
            Operation::Neg(x) => -value(x),
            Operation::Abs(x) => value(x).abs(),
            Operation::Sqrt(x) => value(x).sqrt(),
            Operation::Clamp { low, high, x } => clamp(value(x), low, high),
            Operation::Select(condition, a, b) => select(value(condition), value(a), value(b)),
            Operation::Unary(function, x) => one(function, value(x)),
            Operation::Binary(function, a, b) => binary::reference::apply(function, value(a), value(b)),
        };
        if let Some(register) = registers.get_mut(single.to) {
            *register = last;
        }
    }
}

/// The first if the condition is not 0.
pub(super) fn select(condition: f32, a: f32, b: f32) -> f32 {
    if condition == 0.0 { b } else { a }
}

/// As the reference does it in double precision: nothing is rounded.
fn clamp(x: f32, low: f32, high: f32) -> f32 {
    if x < low {
        low
    } else if x > high {
        high
    } else {
        x
    }
}

/// Of a single value.
#[allow(clippy::cast_possible_truncation)]
pub(super) fn one(function: activation::Function, x: f32) -> f32 {
    activation::reference::apply(function, f64::from(x)) as f32
}

#[cfg(test)]
#[allow(clippy::disallowed_macros)]
mod tests {
    use super::*;
    use activation::Function::{Abs, Clamp, Neg, Sqrt, Tanh};
    use binary::Function::{Add, Div, Max, Mul, Sub};

    /// What the instructions say, by the plain functions.
    fn plainly(instructions: &[Instruction], registers: &mut [f32], first: usize) {
        for (to, instruction) in (first..).zip(instructions) {
            registers[to] = match *instruction {
                Instruction::Unary(function, x) => one(function, registers[x]),
                Instruction::Binary(function, a, b) => binary::reference::apply(function, registers[a], registers[b]),
                Instruction::Select(condition, a, b) => select(registers[condition], registers[a], registers[b]),
            };
        }
    }

    #[test]
    fn packed_instructions_give_the_bits_of_the_plain_ones() {
        let between = Clamp { low: -0.5, high: 1.5 };
        let unary = [Neg, Abs, Sqrt, Tanh, between];
        let binary = [Add, Sub, Mul, Mul, Mul, Div, Max];
        let mut state = 1_u32;
        let mut draw = |below: usize| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as usize % below
        };
        let mut joined = 0;
        for _ in 0..500 {
            let instructions: Vec<Instruction> = (0..30_usize)
                .map(|at| {
                    // Mostly of what was made just before.
                    let mut register = || (2 + at).saturating_sub(draw(3) * draw(3)).min(1 + at);
                    let (a, b, c) = (register(), register(), register());
                    match draw(8) {
                        0 => Instruction::Unary(unary[draw(unary.len())], a),
                        1 => Instruction::Select(a, b, c),
                        _ => Instruction::Binary(binary[draw(binary.len())], a, b),
                    }
                })
                .collect();
            let mut reads = vec![0; 32];
            for instruction in &instructions {
                match *instruction {
                    Instruction::Unary(_, x) => reads[x] += 1,
                    Instruction::Binary(_, a, b) => [a, b].into_iter().for_each(|x| reads[x] += 1),
                    Instruction::Select(a, b, c) => [a, b, c].into_iter().for_each(|x| reads[x] += 1),
                }
            }
            // The last is heard.
            reads[31] += 1;
            let packed = pack(&instructions, 2, &reads);
            joined += instructions.len() - packed.len();
            let mut registers = vec![0.0; 32];
            registers[..2].copy_from_slice(&[0.7, -1.3]);
            let mut expected = registers.clone();
            plainly(&instructions, &mut expected, 2);
            play(&packed, &mut registers);
            for single in &packed {
                let (is, was) = (registers[single.to], expected[single.to]);
                assert!(
                    is.to_bits() == was.to_bits() || (is.is_nan() && was.is_nan()),
                    "{is} {was} of {packed:?}"
                );
            }
        }
        assert!(joined > 100, "products are joined: {joined}");
    }
}
