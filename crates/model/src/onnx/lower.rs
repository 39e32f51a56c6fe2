//! ONNX nodes to [`Op`], in the newest form of each operator set.

use super::attributes::Attributes;
use super::build::Builder;
use super::layers;
use super::proto::NodeProto;
use super::weights;
use crate::error::{Result, fail};
use crate::graph::ValueId;
use crate::infer::Fact;
use crate::op::{Binary, Op, PadMode, Reduction, Unary};
use crate::tensor::{DType, Tensor, TensorData};

/// One node on its way into the graph.
pub(super) struct Lowering<'b, 'l, 'p> {
    pub builder: &'b mut Builder<'l>,
    pub attributes: Attributes<'p>,
    pub node: &'p NodeProto,
    pub name: &'b str,
    pub opset: i64,
    pub inputs: Vec<Option<ValueId>>,
}

/// Adds `node` to the graph and binds the names of its outputs.
pub(super) fn lower(builder: &mut Builder<'_>, node: &NodeProto, name: &str, opset: i64) -> Result<()> {
    let inputs = node
        .input
        .iter()
        .map(|input| builder.names.get(input).copied())
        .collect();
    let mut lowering = Lowering {
        attributes: Attributes::new(node),
        builder,
        node,
        name,
        opset,
        inputs,
    };
    let ids = lowering.run()?;
    for (output, id) in node.output.iter().zip(ids) {
        if !output.is_empty() {
            builder.bind(output, id)?;
        }
    }
    Ok(())
}

fn scalar(data: TensorData) -> Option<Tensor> {
    Tensor::new(Vec::new(), data)
}

impl Lowering<'_, '_, '_> {
    fn run(&mut self) -> Result<Vec<ValueId>> {
        let kind = self.node.op_type.as_deref().unwrap_or("");
        let domain = self.node.domain.as_deref().unwrap_or("");
        if !matches!(domain, "" | "ai.onnx") {
            return self.unsupported(format!("{domain}.{kind}"));
        }
        // Nothing is known behind an operator that is not supported: not even what its successors would mean.
        let blind = self.inputs.iter().flatten().any(|id| self.builder.fact(*id).opaque);
        if blind
            || self
                .node
                .attribute
                .iter()
                .any(|attribute| attribute.g.is_some() || attribute.ref_attr_name.is_some())
        {
            return self.unsupported(kind.to_owned());
        }
        match kind {
            "Constant" => self.constant(),
            "Identity" => Ok(vec![self.input(0)?]),
            "Dropout" => self.dropout(),
            "Min" => self.chain(Binary::Min),
            "Max" => self.chain(Binary::Max),
            "Mean" => self.mean(),
            "GlobalAveragePool" => self.global_pool(Reduction::Mean),
            "GlobalMaxPool" => self.global_pool(Reduction::Max),
            _ => match self.op(kind)? {
                Some(op) => self.emit(op),
                None => self.unsupported(kind.to_owned()),
            },
        }
    }

    pub(super) fn input(&self, index: usize) -> Result<ValueId> {
        match self.inputs.get(index).copied().flatten() {
            Some(id) => Ok(id),
            None => fail!(Node, "its input {index} is missing"),
        }
    }

    pub(super) fn fact(&self, index: usize) -> Result<&Fact> {
        Ok(self.builder.fact(self.input(index)?))
    }

    pub(super) fn rank(&self, index: usize) -> Result<usize> {
        Ok(self.fact(index)?.shape.len())
    }

    /// Attribute `name` as an axis counted from the front; `one_more` admits the axis behind the last.
    pub(super) fn axis(&self, name: &str, default: Option<i64>, rank: usize, one_more: bool) -> Result<usize> {
        let Some(axis) = self.attributes.int(name)?.or(default) else {
            fail!(Node, "its attribute `{name}` is missing");
        };
        let from_front = if axis < 0 {
            axis.saturating_add(rank as i64)
        } else {
            axis
        };
        match usize::try_from(from_front) {
            Ok(from_front) if from_front < rank || (one_more && from_front == rank) => Ok(from_front),
            _ => fail!(Shape, "its axis {axis} is not one of the {rank} axes of its input"),
        }
    }

    /// True if the file reads output `index`.
    pub(super) fn wants_output(&self, index: usize) -> bool {
        self.node.output.get(index).is_some_and(|name| !name.is_empty())
    }

    fn labels(&self) -> Vec<String> {
        self.node.output.clone()
    }

    fn emit(&mut self, op: Op) -> Result<Vec<ValueId>> {
        let labels = self.labels();
        self.builder.emit(self.name, op, self.inputs.clone(), &labels)
    }

    fn unsupported(&mut self, name: String) -> Result<Vec<ValueId>> {
        self.emit(Op::Unsupported { name })
    }

    /// Makes attribute `name` the integer input `index`, as later operator sets have it.
    fn ints_as_input(&mut self, name: &str, index: usize) -> Result<()> {
        if let Some(values) = self.attributes.ints(name) {
            let tensor = Tensor::from_i64s(values.to_vec());
            self.set_input(index, name, tensor)?;
        }
        Ok(())
    }

    pub(super) fn set_input(&mut self, index: usize, label: &str, tensor: Tensor) -> Result<()> {
        let id = self.builder.constant(&format!("{}.{label}", self.name), tensor)?;
        if self.inputs.len() <= index {
            self.inputs.resize(index + 1, None);
        }
        if let Some(slot) = self.inputs.get_mut(index) {
            *slot = Some(id);
        }
        Ok(())
    }

    fn float_as_input(&mut self, name: &str, index: usize) -> Result<()> {
        if let Some(tensor) = self
            .attributes
            .has(name)
            .then(|| self.attributes.float(name, 0.0))
            .transpose()?
            && let Some(tensor) = scalar(TensorData::F32(vec![tensor]))
        {
            self.set_input(index, name, tensor)?;
        }
        Ok(())
    }

    fn constant(&mut self) -> Result<Vec<ValueId>> {
        let a = self.attributes;
        let tensor = if let Some(proto) = a.tensor("value") {
            Some(weights::tensor(proto, &mut self.builder.budget)?)
        } else if a.has("value_float") {
            scalar(TensorData::F32(vec![
                a.find("value_float").and_then(|value| value.f).unwrap_or(0.0),
            ]))
        } else if let Some(value) = a.int("value_int")? {
            scalar(TensorData::I64(vec![value]))
        } else if let Some(values) = a.find("value_floats") {
            Tensor::f32(vec![values.floats.len()], values.floats.clone())
        } else {
            a.ints("value_ints").map(|values| Tensor::from_i64s(values.to_vec()))
        };
        let Some(tensor) = tensor else {
            fail!(
                ElementType,
                "it holds neither a number nor a tensor, which is not supported"
            );
        };
        let label = self.node.output.first().cloned().unwrap_or_default();
        Ok(vec![self.builder.constant(&label, tensor)?])
    }

    fn dropout(&mut self) -> Result<Vec<ValueId>> {
        let training = match self.inputs.get(2).copied().flatten() {
            None => false,
            Some(id) => {
                let constant = self.builder.fact(id).constant.clone();
                constant.is_none_or(|tensor| tensor.as_bool().is_none_or(|data| data.contains(&true)))
            }
        };
        if training || self.wants_output(1) {
            return self.unsupported("Dropout".to_owned());
        }
        Ok(vec![self.input(0)?])
    }

    /// `Min` and `Max` of any number of arguments, two at a time.
    fn chain(&mut self, op: Binary) -> Result<Vec<ValueId>> {
        let mut total = self.input(0)?;
        let label = self.labels();
        for index in 1..self.inputs.len() {
            let next = self.input(index)?;
            let last = index + 1 == self.inputs.len();
            let labels = if last {
                label.clone()
            } else {
                vec![format!("{}.{index}", self.name)]
            };
            let name = if last {
                self.name.to_owned()
            } else {
                format!("{}.{index}", self.name)
            };
            let ids = self
                .builder
                .emit(&name, Op::Binary(op), vec![Some(total), Some(next)], &labels)?;
            let Some(id) = ids.first() else {
                fail!(Node, "it has no output")
            };
            total = *id;
        }
        Ok(vec![total])
    }

    fn mean(&mut self) -> Result<Vec<ValueId>> {
        let sum = format!("{}.sum", self.name);
        let ids = self
            .builder
            .emit(&sum, Op::Sum, self.inputs.clone(), std::slice::from_ref(&sum))?;
        let share = 1.0 / self.inputs.len().max(1) as f32;
        let Some(tensor) = scalar(TensorData::F32(vec![share])) else {
            fail!(Node, "it has no inputs")
        };
        let share = self.builder.constant(&format!("{}.share", self.name), tensor)?;
        let labels = self.labels();
        self.builder.emit(
            self.name,
            Op::Binary(Binary::Mul),
            vec![ids.first().copied(), Some(share)],
            &labels,
        )
    }

    fn global_pool(&mut self, reduction: Reduction) -> Result<Vec<ValueId>> {
        let rank = self.rank(0)?;
        if rank < 3 {
            fail!(
                Shape,
                "its input has the shape {}, without spatial axes",
                self.fact(0)?.show()
            );
        }
        self.set_input(1, "axes", Tensor::from_i64s((2..rank as i64).collect()))?;
        self.emit(Op::Reduce {
            reduction,
            keep_dims: true,
            noop_with_empty_axes: false,
        })
    }

    /// `None`: not supported.
    fn op(&mut self, kind: &str) -> Result<Option<Op>> {
        if let Some(unary) = self.unary(kind)? {
            self.expect_inputs(1, 1)?;
            return Ok(Some(Op::Unary(unary)));
        }
        if let Some(binary) = self.binary(kind)? {
            self.expect_inputs(2, 2)?;
            return Ok(Some(Op::Binary(binary)));
        }
        if let Some(op) = layers::op(self, kind)? {
            return Ok(op);
        }
        if let Some(reduction) = reduction(kind) {
            let since = if reduction == Reduction::Sum { 13 } else { 18 };
            if self.opset < since {
                self.ints_as_input("axes", 1)?;
            }
            return Ok(Some(Op::Reduce {
                reduction,
                keep_dims: self.attributes.flag("keepdims", true)?,
                noop_with_empty_axes: self.attributes.flag("noop_with_empty_axes", false)?,
            }));
        }
        self.movement(kind)
    }

    fn expect_inputs(&self, least: usize, most: usize) -> Result<()> {
        let count = self.inputs.len();
        if !(least..=most).contains(&count) {
            fail!(Node, "it has {count} inputs, but takes {least} to {most}");
        }
        Ok(())
    }

    fn unary(&self, kind: &str) -> Result<Option<Unary>> {
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
            _ => return Ok(None),
        }))
    }

    fn binary(&self, kind: &str) -> Result<Option<Binary>> {
        Ok(Some(match kind {
            "Add" => Binary::Add,
            "Sub" => Binary::Sub,
            "Mul" => Binary::Mul,
            "Div" => Binary::Div,
            "Pow" => Binary::Pow,
            // The C form has the sign of the dividend.
            "Mod" if !self.attributes.flag("fmod", false)? => Binary::Mod,
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

    fn movement(&mut self, kind: &str) -> Result<Option<Op>> {
        let a = self.attributes;
        Ok(Some(match kind {
            "Sum" => Op::Sum,
            "PRelu" => Op::PRelu,
            "Where" => Op::Where,
            "Clip" => {
                if self.opset < 11 {
                    self.float_as_input("min", 1)?;
                    self.float_as_input("max", 2)?;
                }
                Op::Clip
            }
            "Cast" => {
                let Some(code) = a.int("to")?.and_then(|code| i32::try_from(code).ok()) else {
                    fail!(Node, "its attribute `to` is missing");
                };
                Op::Cast {
                    to: weights::dtype(code)?,
                    narrowed: weights::narrower(code),
                }
            }
            "Split" => return self.split().map(Some),
            "Slice" => {
                if self.opset < 10 {
                    for (index, name) in ["starts", "ends", "axes"].into_iter().enumerate() {
                        self.ints_as_input(name, index + 1)?;
                    }
                }
                Op::Slice
            }
            "Concat" => Op::Concat {
                axis: self.axis("axis", None, self.rank(0)?, false)?,
            },
            "Transpose" => {
                let rank = self.rank(0)?;
                let perm = a.sizes("perm", 0)?.unwrap_or_else(|| (0..rank).rev().collect());
                let mut sorted = perm.clone();
                sorted.sort_unstable();
                if !sorted.iter().copied().eq(0..rank) {
                    fail!(
                        Shape,
                        "its `perm` {perm:?} does not reorder the shape {}",
                        self.fact(0)?.show()
                    );
                }
                Op::Transpose { perm }
            }
            "Reshape" => Op::Reshape {
                allow_zero: a.flag("allowzero", false)?,
            },
            "Flatten" => Op::Flatten {
                axis: self.axis("axis", Some(1), self.rank(0)?, true)?,
            },
            "Squeeze" | "Unsqueeze" => {
                if self.opset < 13 {
                    self.ints_as_input("axes", 1)?;
                }
                if kind == "Squeeze" { Op::Squeeze } else { Op::Unsqueeze }
            }
            "Expand" => Op::Expand,
            "Tile" => Op::Tile,
            "Gather" => Op::Gather {
                axis: self.axis("axis", Some(0), self.rank(0)?, false)?,
            },
            "GatherElements" => Op::GatherElements {
                axis: self.axis("axis", Some(0), self.rank(0)?, false)?,
            },
            "Pad" => {
                if self.opset < 11 {
                    self.ints_as_input("pads", 1)?;
                    self.float_as_input("value", 2)?;
                }
                let mode = match a.text("mode")?.unwrap_or("constant") {
                    "constant" => PadMode::Constant,
                    "reflect" => PadMode::Reflect,
                    "edge" => PadMode::Edge,
                    "wrap" => PadMode::Wrap,
                    _ => return Ok(None),
                };
                Op::Pad { mode }
            }
            "Shape" => Op::Shape {
                start: a.int("start")?.unwrap_or(0),
                end: a.int("end")?,
            },
            "Size" => Op::Size,
            "ConstantOfShape" => {
                let value = match a.tensor("value") {
                    Some(proto) => weights::tensor(proto, &mut self.builder.budget)?,
                    None => match scalar(TensorData::F32(vec![0.0])) {
                        Some(zero) => zero,
                        None => return Ok(None),
                    },
                };
                if value.len() != 1 {
                    fail!(Node, "its value has {} elements instead of one", value.len());
                }
                Op::ConstantOfShape { value }
            }
            "Range" => Op::Range,
            "ArgMax" | "ArgMin" => Op::ArgReduce {
                max: kind == "ArgMax",
                axis: self.axis("axis", Some(0), self.rank(0)?, false)?,
                keep_dims: a.flag("keepdims", true)?,
                select_last: a.flag("select_last_index", false)?,
            },
            "Softmax" | "LogSoftmax" => {
                let rank = self.rank(0)?;
                let default = if self.opset < 13 { 1 } else { -1 };
                let axis = self.axis("axis", Some(default), rank, false)?;
                // Up to set 12 all axes behind are one; the same thing only if they are of size 1.
                let rest = self.fact(0)?.shape.get(axis + 1..).unwrap_or(&[]);
                if self.opset < 13 && rest.iter().any(|size| size.known() != Some(1)) {
                    return Ok(None);
                }
                Op::Softmax {
                    axis,
                    log: kind == "LogSoftmax",
                }
            }
            _ => return Ok(None),
        }))
    }

    /// Sizes of the parts become an input, whichever way the file gives them.
    fn split(&mut self) -> Result<Op> {
        let axis = self.axis("axis", Some(0), self.rank(0)?, false)?;
        if self.opset < 13 {
            self.ints_as_input("split", 1)?;
        }
        let parts = self.node.output.len();
        let size = self
            .fact(0)?
            .shape
            .get(axis)
            .and_then(|size| size.known())
            .and_then(|size| usize::try_from(size).ok());
        if self.inputs.get(1).copied().flatten().is_none()
            && let Some(size) = size
        {
            let each = size.div_ceil(parts.max(1));
            let sizes = (0..parts)
                .map(|part| size.saturating_sub(part * each).min(each) as i64)
                .collect();
            self.set_input(1, "split", Tensor::from_i64s(sizes))?;
        }
        Ok(Op::Split { axis })
    }
}

fn reduction(kind: &str) -> Option<Reduction> {
    Some(match kind {
        "ReduceSum" => Reduction::Sum,
        "ReduceMean" => Reduction::Mean,
        "ReduceMax" => Reduction::Max,
        "ReduceMin" => Reduction::Min,
        "ReduceProd" => Reduction::Prod,
        "ReduceL1" => Reduction::L1,
        "ReduceL2" => Reduction::L2,
        "ReduceSumSquare" => Reduction::SumSquare,
        _ => return None,
    })
}

/// The element type of a tensor description; `None` for types that are not read.
pub(super) fn element_type(code: Option<i32>) -> Option<DType> {
    weights::dtype(code?).ok()
}
