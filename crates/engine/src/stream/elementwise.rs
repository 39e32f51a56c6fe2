//! Element-wise operators, with broadcasting of features.

use super::build::{Builder, Stop, limited_planes};
use super::facts::Fact;
use super::shape::{broadcast, time_axis};
use super::{Planes, Signal, StreamOp};
use crate::error::{CompileError, CompileErrorKind as Kind};
use tonegraft_kernels::{activation, binary};
use tonegraft_model::op::{Binary, Unary};
use tonegraft_model::{DType, Node, Tensor};

impl Builder<'_> {
    fn map(&mut self, signal: &Signal, function: activation::Function) -> Signal {
        let view = self.push(StreamOp::Unary(function), vec![signal.view], signal.view.planes);
        Signal { view, ..signal.clone() }
    }

    pub(super) fn unary(&mut self, node: &Node, unary: Unary) -> Result<Signal, Stop> {
        let signal = self.signal(node, 0)?;
        self.unary_of(signal, unary)
    }

    pub(super) fn unary_of(&mut self, signal: Signal, unary: Unary) -> Result<Signal, Stop> {
        use activation::Function as F;
        match unary {
            Unary::Not => return self.negate(signal),
            Unary::Mish => {
                let soft = self.map(&signal, F::Softplus);
                let bent = self.map(&soft, F::Tanh);
                return self.combine(binary::Function::Mul, signal, bent);
            }
            Unary::Celu { alpha } if alpha != 0.0 => {
                let scale = self.constant_signal(vec![alpha].into(), vec![super::Axis::Size(1)]);
                let scaled = self.combine(binary::Function::Div, signal, scale.clone())?;
                let bent = self.map(&scaled, F::Elu { alpha: 1.0, gamma: 1.0 });
                return self.combine(binary::Function::Mul, bent, scale);
            }
            Unary::Swish { alpha } => {
                let scale = self.constant_signal(vec![alpha].into(), vec![super::Axis::Size(1)]);
                let scaled = self.combine(binary::Function::Mul, signal.clone(), scale)?;
                let gate = self.map(&scaled, F::Sigmoid);
                return self.combine(binary::Function::Mul, signal, gate);
            }
            Unary::IsNan => {
                let equal = self.combine(binary::Function::Equal, signal.clone(), signal)?;
                return self.negate(equal);
            }
            Unary::Tan => {
                let (sine, cosine) = (self.map(&signal, F::Sin), self.map(&signal, F::Cos));
                return self.combine(binary::Function::Div, sine, cosine);
            }
            _ => {}
        }
        let function = match unary {
            Unary::Tanh => F::Tanh,
            Unary::Sigmoid => F::Sigmoid,
            Unary::Relu => F::Relu,
            Unary::LeakyRelu { alpha } => F::LeakyRelu { slope: alpha },
            Unary::Elu { alpha } => F::Elu { alpha, gamma: 1.0 },
            Unary::Selu { alpha, gamma } => F::Elu { alpha, gamma },
            Unary::HardSigmoid { alpha, beta } => F::HardSigmoid {
                slope: alpha,
                offset: beta,
            },
            Unary::HardSwish => F::HardSwish,
            Unary::Gelu { tanh: false } => F::Gelu,
            Unary::Gelu { tanh: true } => F::GeluTanh,
            Unary::Softplus => F::Softplus,
            Unary::Softsign => F::Softsign,
            Unary::Abs => F::Abs,
            Unary::Neg => F::Neg,
            Unary::Sqrt => F::Sqrt,
            Unary::Exp => F::Exp,
            Unary::Log => F::Log,
            Unary::Sin => F::Sin,
            Unary::Cos => F::Cos,
            Unary::Asin => F::Asin,
            Unary::Acos => F::Acos,
            Unary::Atan => F::Atan,
            Unary::Sinh => F::Sinh,
            Unary::Cosh => F::Cosh,
            Unary::Asinh => F::Asinh,
            Unary::Acosh => F::Acosh,
            Unary::Atanh => F::Atanh,
            Unary::Erf => F::Erf,
            Unary::Reciprocal => F::Reciprocal,
            Unary::Floor => F::Floor,
            Unary::Ceil => F::Ceil,
            Unary::Round => F::Round,
            Unary::Sign => F::Sign,
            other => return Err(operator(other.name())),
        };
        Ok(self.map(&signal, function))
    }

    pub(super) fn clip(&mut self, node: &Node) -> Result<Signal, Stop> {
        let signal = self.signal(node, 0)?;
        let bound = |at: usize, open: f32| -> Result<f32, Stop> {
            let tensor = self.constant(node, at)?;
            Ok(tensor.as_ref().and_then(first_number).unwrap_or(open))
        };
        let (low, high) = (bound(1, f32::NEG_INFINITY)?, bound(2, f32::INFINITY)?);
        // Of contradicting bounds the upper one counts (ONNX, Clip-13).
        let low = if low > high { high } else { low };
        Ok(self.map(&signal, activation::Function::Clamp { low, high }))
    }

    /// Integers and truth values are floats here: whole ones, and 0 or 1.
    pub(super) fn cast(&mut self, node: &Node, to: DType) -> Result<Signal, Stop> {
        let signal = self.signal(node, 0)?;
        let from = (node.inputs.first().copied().flatten()).map_or(DType::F32, |id| self.graph.value(id).dtype);
        Ok(match (from, to) {
            (DType::F32, DType::I64) => {
                // Towards zero: down where positive, up where negative.
                use activation::Function as F;
                let above = self.map(&signal, F::Relu);
                let above = self.map(&above, F::Floor);
                let below = self.map(
                    &signal,
                    F::Clamp {
                        low: f32::NEG_INFINITY,
                        high: 0.0,
                    },
                );
                let below = self.map(&below, F::Ceil);
                self.combine(binary::Function::Add, above, below)?
            }
            (DType::F32 | DType::I64, DType::Bool) => {
                let zero = self.constant_signal(vec![0.0].into(), vec![super::Axis::Size(1)]);
                let zeros = self.combine(binary::Function::Equal, signal, zero)?;
                self.negate(zeros)?
            }
            _ => signal,
        })
    }

    /// 1 − x: the truth negated.
    fn negate(&mut self, signal: Signal) -> Result<Signal, Stop> {
        let one = self.constant_signal(vec![1.0].into(), vec![super::Axis::Size(1)]);
        self.combine(binary::Function::Sub, one, signal)
    }

    pub(super) fn binary(&mut self, node: &Node, function: Binary) -> Result<Signal, Stop> {
        let function = Self::function(function)?;
        let operands = self.operands(node)?;
        let [a, b] = operands.as_slice() else {
            return Err(Stop::shape("it needs two operands"));
        };
        self.combine(function, a.clone(), b.clone())
    }

    /// The node's function of two signals.
    pub(super) fn function_of(&mut self, node: &Node, a: Signal, b: Signal) -> Result<Signal, Stop> {
        match &node.op {
            tonegraft_model::Op::Binary(function) => self.combine(Self::function(*function)?, a, b),
            other => Err(operator(other.name())),
        }
    }

    fn function(function: Binary) -> Result<binary::Function, Stop> {
        use binary::Function as F;
        Ok(match function {
            Binary::Add => F::Add,
            Binary::Sub => F::Sub,
            Binary::Mul => F::Mul,
            Binary::Div => F::Div,
            Binary::Pow => F::Pow,
            Binary::Mod => F::Mod,
            Binary::Min => F::Min,
            Binary::Max => F::Max,
            Binary::Equal => F::Equal,
            Binary::Greater => F::Greater,
            Binary::GreaterOrEqual => F::GreaterOrEqual,
            Binary::Less => F::Less,
            Binary::LessOrEqual => F::LessOrEqual,
            Binary::And => F::And,
            Binary::Or => F::Or,
            other => return Err(operator(other.name())),
        })
    }

    pub(super) fn sum(&mut self, node: &Node) -> Result<Signal, Stop> {
        let mut operands = self.operands(node)?.into_iter();
        let first = operands.next().ok_or_else(|| Stop::shape("it has no operand"))?;
        operands.try_fold(first, |sum, operand| self.combine(binary::Function::Add, sum, operand))
    }

    pub(super) fn prelu(&mut self, node: &Node) -> Result<Signal, Stop> {
        let operands = self.operands(node)?;
        let [x, slope] = operands.as_slice() else {
            return Err(Stop::shape("it needs a slope"));
        };
        self.combine(binary::Function::PRelu, x.clone(), slope.clone())
    }

    /// All inputs as signals.
    pub(super) fn operands(&mut self, node: &Node) -> Result<Vec<Signal>, Stop> {
        let facts: Vec<Fact> = (0..node.inputs.len())
            .filter_map(|at| self.fact(node, at).transpose())
            .collect::<Result<_, _>>()?;
        let rank = facts
            .iter()
            .map(|fact| match fact {
                Fact::Signal(signal) => signal.axes.len(),
                Fact::Constant { tensor, .. } => tensor.rank(),
                _ => 0,
            })
            .max()
            .unwrap_or(0);
        let time = facts.iter().find_map(|fact| match fact {
            Fact::Signal(signal) => time_axis(&signal.axes).map(|at| at + rank - signal.axes.len()),
            _ => None,
        });
        let partner = facts.iter().find_map(|fact| match fact {
            Fact::Signal(signal) if time_axis(&signal.axes).is_some() => Some(signal.clone()),
            _ => None,
        });
        facts
            .iter()
            .map(|fact| match fact {
                Fact::Signal(signal) => Ok(signal.clone()),
                Fact::Constant { state: Some(held), .. } => Err(Stop::NotAState(held.id)),
                Fact::Constant { tensor, .. } => {
                    if let Some(partner) = &partner
                        && let Some(signal) = self.by_distance(tensor, partner)?
                    {
                        return Ok(signal);
                    }
                    self.constant_operand(tensor, rank, time, partner.as_ref())
                }
                Fact::Position { offset, plus, .. } => self.position_signal(*offset, plus.clone()),
                _ => Err(Stop::not_streamable(
                    "it works on the last frames only, which have no place in a stream",
                )),
            })
            .collect()
    }

    /// `function` of two signals, broadcast.
    pub(super) fn combine(&mut self, function: binary::Function, a: Signal, b: Signal) -> Result<Signal, Stop> {
        let axes = broadcast(&a.axes, &b.axes).map_err(Stop::not_streamable)?;
        let count = limited_planes(&axes)?;
        let pairing = |signal: &Signal| Planes::between(&signal.axes, &axes);
        let op = StreamOp::Binary {
            function,
            a: pairing(&a),
            b: pairing(&b),
        };
        let mut both = [a, b];
        let timing = self.align(&mut both)?;
        Ok(Signal {
            view: self.push(op, vec![both[0].view, both[1].view], count),
            axes,
            timing,
        })
    }
}

fn operator(name: &str) -> Stop {
    Stop::Refused(CompileError::new(
        Kind::Operator,
        format!("`{name}` on a signal that changes with time is not played natively"),
    ))
}

/// The first element; integers and truth values as floats.
#[allow(clippy::cast_precision_loss)]
fn first_number(tensor: &Tensor) -> Option<f32> {
    tensor.as_f32().and_then(|values| values.first().copied()).or_else(|| {
        tensor
            .as_i64()
            .and_then(|values| values.first().map(|value| *value as f32))
    })
}
