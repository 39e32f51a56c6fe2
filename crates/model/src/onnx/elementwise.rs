//! Element-wise operators and reductions by name.

use super::lower::Lowering;
use crate::error::{Result, fail};
use crate::op::{Binary, Reduction, Unary};

impl Lowering<'_, '_, '_> {
    pub(super) fn unary(&self, kind: &str) -> Result<Option<Unary>> {
        let a = self.attributes;
        Ok(Some(match kind {
            "Tanh" => Unary::Tanh,
            "Sigmoid" => Unary::Sigmoid,
            "Relu" => Unary::Relu,
            "LeakyRelu" => Unary::LeakyRelu {
                alpha: a.float("alpha", 0.01)?,
            },
            "Elu" => Unary::Elu {
                alpha: a.float("alpha", 1.0)?,
            },
            "Selu" => Unary::Selu {
                alpha: a.float("alpha", 1.673_263_2)?,
                gamma: a.float("gamma", 1.050_701)?,
            },
            "HardSigmoid" => Unary::HardSigmoid {
                alpha: a.float("alpha", 0.2)?,
                beta: a.float("beta", 0.5)?,
            },
            "HardSwish" => Unary::HardSwish,
            "Gelu" => Unary::Gelu {
                tanh: a.text("approximate")? == Some("tanh"),
            },
            "Softplus" => Unary::Softplus,
            "Softsign" => Unary::Softsign,
            "Abs" => Unary::Abs,
            "Neg" => Unary::Neg,
            "Sqrt" => Unary::Sqrt,
            "Exp" => Unary::Exp,
            "Log" => Unary::Log,
            "Sin" => Unary::Sin,
            "Cos" => Unary::Cos,
            "Erf" => Unary::Erf,
            "Reciprocal" => Unary::Reciprocal,
            "Floor" => Unary::Floor,
            "Ceil" => Unary::Ceil,
            "Round" => Unary::Round,
            "Sign" => Unary::Sign,
            "Not" => Unary::Not,
            "Tan" => Unary::Tan,
            "Asin" => Unary::Asin,
            "Acos" => Unary::Acos,
            "Atan" => Unary::Atan,
            "Sinh" => Unary::Sinh,
            "Cosh" => Unary::Cosh,
            "Asinh" => Unary::Asinh,
            "Acosh" => Unary::Acosh,
            "Atanh" => Unary::Atanh,
            "Mish" => Unary::Mish,
            "Swish" => Unary::Swish {
                alpha: a.float("alpha", 1.0)?,
            },
            "Celu" => match a.float("alpha", 1.0)? {
                0.0 => fail!(Node, "its attribute `alpha` is 0"),
                alpha => Unary::Celu { alpha },
            },
            "ThresholdedRelu" => Unary::ThresholdedRelu {
                alpha: a.float("alpha", 1.0)?,
            },
            "Shrink" => Unary::Shrink {
                lambda: a.float("lambd", 0.5)?,
                bias: a.float("bias", 0.0)?,
            },
            "IsNaN" => Unary::IsNan,
            "IsInf" => Unary::IsInf {
                positive: a.flag("detect_positive", true)?,
                negative: a.flag("detect_negative", true)?,
            },
            _ => return Ok(None),
        }))
    }

    pub(super) fn binary(&self, kind: &str) -> Result<Option<Binary>> {
        Ok(Some(match kind {
            "Add" => Binary::Add,
            "Sub" => Binary::Sub,
            "Mul" => Binary::Mul,
            "Div" => Binary::Div,
            "Pow" => Binary::Pow,
            // The C form has the sign of the dividend.
            "Mod" if self.attributes.flag("fmod", false)? => Binary::Remainder,
            "Mod" => Binary::Mod,
            "Xor" => Binary::Xor,
            "Equal" => Binary::Equal,
            "Greater" => Binary::Greater,
            "GreaterOrEqual" => Binary::GreaterOrEqual,
            "Less" => Binary::Less,
            "LessOrEqual" => Binary::LessOrEqual,
            "And" => Binary::And,
            "Or" => Binary::Or,
            _ => return Ok(None),
        }))
    }
}

pub(super) fn reduction(kind: &str) -> Option<Reduction> {
    Some(match kind {
        "ReduceSum" => Reduction::Sum,
        "ReduceMean" => Reduction::Mean,
        "ReduceMax" => Reduction::Max,
        "ReduceMin" => Reduction::Min,
        "ReduceProd" => Reduction::Prod,
        "ReduceL1" => Reduction::L1,
        "ReduceL2" => Reduction::L2,
        "ReduceSumSquare" => Reduction::SumSquare,
        "ReduceLogSum" => Reduction::LogSum,
        "ReduceLogSumExp" => Reduction::LogSumExp,
        _ => return None,
    })
}
