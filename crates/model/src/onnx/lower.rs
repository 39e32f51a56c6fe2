//! ONNX nodes to [`Op`], in the newest form of each operator set.

use super::attributes::Attributes;
use super::build::Builder;
use super::elementwise::reduction;
use super::layers;
use super::proto::NodeProto;
use super::weights;
use crate::error::{Result, fail};
use crate::graph::ValueId;
use crate::infer::Fact;
use crate::op::{Binary, Op, Reduction};
use crate::tensor::{DType, Tensor, TensorData};

/// One node on its way into the graph.
pub(super) struct Lowering<'b, 'l, 'p> {
    pub builder: &'b mut Builder<'l>,
    pub attributes: Attributes<'p>,
    pub node: &'p NodeProto,
    pub name: &'b str,
    pub opset: i64,
    pub inputs: Vec<Option<ValueId>>,
    /// Names of the wires that are its outputs.
    pub labels: Vec<String>,
}

/// Adds `node` to the graph and binds the names of its outputs. `prefix` stands before the names of wires.
pub(super) fn lower(builder: &mut Builder<'_>, node: &NodeProto, name: &str, opset: i64, prefix: &str) -> Result<()> {
    let inputs = node.input.iter().map(|input| builder.named(input)).collect();
    let labels = node.output.iter().map(|output| format!("{prefix}{output}")).collect();
    let mut lowering = Lowering {
        attributes: Attributes::new(node),
        builder,
        node,
        name,
        opset,
        inputs,
        labels,
    };
    let ids = lowering.run()?;
    for (output, id) in node.output.iter().zip(ids) {
        if !output.is_empty() {
            builder.bind(output, id)?;
        }
    }
    Ok(())
}

pub(super) fn scalar(data: TensorData) -> Option<Tensor> {
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
            _ => {
                if let Some(ids) = self.composite(kind)? {
                    return Ok(ids);
                }
                match self.op(kind)? {
                    Some(op) => self.emit(op),
                    None => self.unsupported(kind.to_owned()),
                }
            }
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
        self.resolve_axis(axis, rank + usize::from(one_more && axis >= 0))
    }

    /// `axis`, counted from the back where it is negative, as one of `rank` axes.
    pub(super) fn resolve_axis(&self, axis: i64, rank: usize) -> Result<usize> {
        let from_front = if axis < 0 {
            axis.saturating_add(rank as i64)
        } else {
            axis
        };
        match usize::try_from(from_front) {
            Ok(from_front) if from_front < rank => Ok(from_front),
            _ => fail!(Shape, "its axis {axis} is not one of the {rank} axes of its input"),
        }
    }

    /// True if the file reads output `index`.
    pub(super) fn wants_output(&self, index: usize) -> bool {
        self.node.output.get(index).is_some_and(|name| !name.is_empty())
    }

    pub(super) fn emit(&mut self, op: Op) -> Result<Vec<ValueId>> {
        self.builder.emit(self.name, op, self.inputs.clone(), &self.labels)
    }

    /// Adds an operator that the file does not have, with one output; `what` tells it from the node's others.
    pub(super) fn step(&mut self, what: &str, op: Op, inputs: &[ValueId]) -> Result<ValueId> {
        let name = format!("{}.{what}", self.name);
        let inputs = inputs.iter().copied().map(Some).collect();
        let ids = self.builder.emit(&name, op, inputs, std::slice::from_ref(&name))?;
        match ids.first() {
            Some(id) => Ok(*id),
            None => fail!(Node, "it has no output"),
        }
    }

    /// Adds the operator whose output is the node's.
    pub(super) fn last(&mut self, op: Op, inputs: &[ValueId]) -> Result<Vec<ValueId>> {
        let inputs = inputs.iter().copied().map(Some).collect();
        self.builder.emit(self.name, op, inputs, &self.labels)
    }

    pub(super) fn value(&mut self, what: &str, tensor: Option<Tensor>) -> Result<ValueId> {
        match tensor {
            Some(tensor) => self.builder.constant(&format!("{}.{what}", self.name), tensor),
            None => fail!(Limit, "it needs a constant that is too large"),
        }
    }

    pub(super) fn integers(&mut self, what: &str, values: Vec<i64>) -> Result<ValueId> {
        self.value(what, Some(Tensor::from_i64s(values)))
    }

    pub(super) fn number(&mut self, what: &str, value: f32) -> Result<ValueId> {
        self.value(what, scalar(TensorData::F32(vec![value])))
    }

    pub(super) fn unsupported(&mut self, name: String) -> Result<Vec<ValueId>> {
        self.emit(Op::Unsupported { name })
    }

    /// Makes attribute `name` the integer input `index`, as later operator sets have it.
    pub(super) fn ints_as_input(&mut self, name: &str, index: usize) -> Result<()> {
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

    pub(super) fn float_as_input(&mut self, name: &str, index: usize) -> Result<()> {
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
        let code = a.tensor("value").and_then(|proto| proto.data_type);
        let label = self.labels.first().cloned().unwrap_or_default();
        let id = self.builder.constant(&label, tensor)?;
        self.builder.note_code(id, code);
        Ok(vec![id])
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
        let label = self.labels.clone();
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
        self.builder.emit(
            self.name,
            Op::Binary(Binary::Mul),
            vec![ids.first().copied(), Some(share)],
            &self.labels,
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
        if let Some(op) = self.sampling(kind)? {
            return Ok(op);
        }
        self.movement(kind)
    }

    pub(super) fn expect_inputs(&self, least: usize, most: usize) -> Result<()> {
        let count = self.inputs.len();
        if !(least..=most).contains(&count) {
            fail!(Node, "it has {count} inputs, but takes {least} to {most}");
        }
        Ok(())
    }
}

/// The element type of a tensor description; `None` for types that are not read.
pub(super) fn element_type(code: Option<i32>) -> Option<DType> {
    weights::dtype(code?).ok()
}
