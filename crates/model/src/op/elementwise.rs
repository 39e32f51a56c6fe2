//! Functions of single elements, and of the elements along an axis.

/// Element-wise functions of one argument.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Unary {
    /// Hyperbolic tangent.
    Tanh,
    /// Logistic function.
    Sigmoid,
    /// `max(x, 0)`.
    Relu,
    /// `x` for `x ≥ 0`, else `alpha · x`.
    LeakyRelu {
        /// Slope below 0.
        alpha: f32,
    },
    /// `x` for `x > 0`, else `alpha · (exp(x) − 1)`.
    Elu {
        /// Scale below 0.
        alpha: f32,
    },
    /// `gamma · (x or alpha · (exp(x) − 1))`.
    Selu {
        /// Scale below 0.
        alpha: f32,
        /// Overall scale.
        gamma: f32,
    },
    /// `clamp(alpha · x + beta, 0, 1)`.
    HardSigmoid {
        /// Slope.
        alpha: f32,
        /// Offset.
        beta: f32,
    },
    /// `x · HardSigmoid(1/6, 1/2)`.
    HardSwish,
    /// `x · Φ(x)`, or its tanh approximation.
    Gelu {
        /// True for the tanh approximation.
        tanh: bool,
    },
    /// `ln(1 + exp(x))`.
    Softplus,
    /// `x / (1 + |x|)`.
    Softsign,
    /// Absolute value.
    Abs,
    /// Negation.
    Neg,
    /// Square root.
    Sqrt,
    /// Exponential.
    Exp,
    /// Natural logarithm.
    Log,
    /// Sine.
    Sin,
    /// Cosine.
    Cos,
    /// Gauss error function.
    Erf,
    /// `1 / x`.
    Reciprocal,
    /// Largest integer not above.
    Floor,
    /// Smallest integer not below.
    Ceil,
    /// To the nearest integer, ties to even.
    Round,
    /// −1, 0 or 1.
    Sign,
    /// Logical negation.
    Not,
    /// Tangent.
    Tan,
    /// Inverse sine.
    Asin,
    /// Inverse cosine.
    Acos,
    /// Inverse tangent.
    Atan,
    /// Hyperbolic sine.
    Sinh,
    /// Hyperbolic cosine.
    Cosh,
    /// Inverse hyperbolic sine.
    Asinh,
    /// Inverse hyperbolic cosine.
    Acosh,
    /// Inverse hyperbolic tangent.
    Atanh,
    /// `x · tanh(ln(1 + exp(x)))`.
    Mish,
    /// `x · sigmoid(alpha · x)`.
    Swish {
        /// Slope inside the logistic function.
        alpha: f32,
    },
    /// `max(x, 0) + min(alpha · (exp(x / alpha) − 1), 0)`.
    Celu {
        /// Scale below 0, not 0 itself.
        alpha: f32,
    },
    /// `x` for `x > alpha`, else 0.
    ThresholdedRelu {
        /// The threshold.
        alpha: f32,
    },
    /// `x + bias` for `x < −lambda`, `x − bias` for `x > lambda`, else 0.
    Shrink {
        /// Half the width of the gap.
        lambda: f32,
        /// How far what lies outside is moved towards 0.
        bias: f32,
    },
    /// Whether `x` is not a number; gives truth values.
    IsNan,
    /// Whether `x` is infinite; gives truth values.
    IsInf {
        /// +∞ counts.
        positive: bool,
        /// −∞ counts.
        negative: bool,
    },
}

/// Element-wise functions of two arguments, with NumPy broadcasting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Binary {
    /// Sum.
    Add,
    /// Difference.
    Sub,
    /// Product.
    Mul,
    /// Quotient; of integers rounded towards zero.
    Div,
    /// Power.
    Pow,
    /// Remainder with the sign of the divisor.
    Mod,
    /// Remainder with the sign of the dividend (`Mod` with `fmod`).
    Remainder,
    /// Smaller of both.
    Min,
    /// Larger of both.
    Max,
    /// Equality.
    Equal,
    /// `a > b`.
    Greater,
    /// `a ≥ b`.
    GreaterOrEqual,
    /// `a < b`.
    Less,
    /// `a ≤ b`.
    LessOrEqual,
    /// Logical and.
    And,
    /// Logical or.
    Or,
    /// Either, but not both.
    Xor,
}

/// How values along axes are reduced to one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reduction {
    /// Sum.
    Sum,
    /// Mean.
    Mean,
    /// Largest.
    Max,
    /// Smallest.
    Min,
    /// Product.
    Prod,
    /// Sum of magnitudes.
    L1,
    /// Root of the sum of squares.
    L2,
    /// Sum of squares.
    SumSquare,
    /// Natural logarithm of the sum.
    LogSum,
    /// Natural logarithm of the sum of exponentials.
    LogSumExp,
}

impl Unary {
    /// The ONNX name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tanh => "Tanh",
            Self::Sigmoid => "Sigmoid",
            Self::Relu => "Relu",
            Self::LeakyRelu { .. } => "LeakyRelu",
            Self::Elu { .. } => "Elu",
            Self::Selu { .. } => "Selu",
            Self::HardSigmoid { .. } => "HardSigmoid",
            Self::HardSwish => "HardSwish",
            Self::Gelu { .. } => "Gelu",
            Self::Softplus => "Softplus",
            Self::Softsign => "Softsign",
            Self::Abs => "Abs",
            Self::Neg => "Neg",
            Self::Sqrt => "Sqrt",
            Self::Exp => "Exp",
            Self::Log => "Log",
            Self::Sin => "Sin",
            Self::Cos => "Cos",
            Self::Erf => "Erf",
            Self::Reciprocal => "Reciprocal",
            Self::Floor => "Floor",
            Self::Ceil => "Ceil",
            Self::Round => "Round",
            Self::Sign => "Sign",
            Self::Not => "Not",
            Self::Tan => "Tan",
            Self::Asin => "Asin",
            Self::Acos => "Acos",
            Self::Atan => "Atan",
            Self::Sinh => "Sinh",
            Self::Cosh => "Cosh",
            Self::Asinh => "Asinh",
            Self::Acosh => "Acosh",
            Self::Atanh => "Atanh",
            Self::Mish => "Mish",
            Self::Swish { .. } => "Swish",
            Self::Celu { .. } => "Celu",
            Self::ThresholdedRelu { .. } => "ThresholdedRelu",
            Self::Shrink { .. } => "Shrink",
            Self::IsNan => "IsNaN",
            Self::IsInf { .. } => "IsInf",
        }
    }
}

impl Binary {
    /// The ONNX name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Add => "Add",
            Self::Sub => "Sub",
            Self::Mul => "Mul",
            Self::Div => "Div",
            Self::Pow => "Pow",
            Self::Mod | Self::Remainder => "Mod",
            Self::Min => "Min",
            Self::Max => "Max",
            Self::Equal => "Equal",
            Self::Greater => "Greater",
            Self::GreaterOrEqual => "GreaterOrEqual",
            Self::Less => "Less",
            Self::LessOrEqual => "LessOrEqual",
            Self::And => "And",
            Self::Or => "Or",
            Self::Xor => "Xor",
        }
    }
}

impl Reduction {
    /// The ONNX name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sum => "ReduceSum",
            Self::Mean => "ReduceMean",
            Self::Max => "ReduceMax",
            Self::Min => "ReduceMin",
            Self::Prod => "ReduceProd",
            Self::L1 => "ReduceL1",
            Self::L2 => "ReduceL2",
            Self::SumSquare => "ReduceSumSquare",
            Self::LogSum => "ReduceLogSum",
            Self::LogSumExp => "ReduceLogSumExp",
        }
    }
}
