//! Operators that are written with others.

use super::lower::Lowering;
use super::weights;
use crate::error::{Result, fail};
use crate::graph::ValueId;
use crate::op::{Binary, Op, Reduction, Unary};
use crate::symbolic::SymInt;
use crate::tensor::{DType, Tensor, TensorData, elements};

/// One entry of a target shape.
#[derive(Clone, Debug)]
pub(super) enum Entry {
    /// A number, with its meaning in `Reshape`.
    Number(i64),
    /// The product of the sizes of axes of wires.
    Axes(Vec<(ValueId, usize)>),
    /// The size of an axis, multiplied and then divided.
    Scaled(ValueId, usize, i64, i64),
}

impl Lowering<'_, '_, '_> {
    /// `None`: not one of these.
    pub(super) fn composite(&mut self, kind: &str) -> Result<Option<Vec<ValueId>>> {
        Ok(Some(match kind {
            "CastLike" => {
                let to = self.fact(1)?.dtype;
                let x = self.input(0)?;
                self.last(Op::Cast { to, narrowed: false }, &[x])?
            }
            "GroupNormalization" => return self.group_norm().map(Some),
            "RMSNormalization" => self.rms_norm()?,
            "LpNormalization" => self.lp_norm()?,
            "DepthToSpace" => self.depth_to_space()?,
            "SpaceToDepth" => self.space_to_depth()?,
            "Einsum" => return self.einsum().map(Some),
            "QuantizeLinear" => return self.quantise().map(Some),
            "DequantizeLinear" => return self.dequantise().map(Some),
            "HannWindow" | "HammingWindow" | "BlackmanWindow" => return self.window_function(kind),
            "EyeLike" => return self.eye_like(),
            _ => return Ok(None),
        }))
    }

    /// The size of `axis` of `x` as a vector of one integer.
    pub(super) fn size_of(&mut self, x: ValueId, axis: usize) -> Result<ValueId> {
        let start = axis as i64;
        self.step(
            &format!("size{axis}"),
            Op::Shape {
                start,
                end: Some(start + 1),
            },
            &[x],
        )
    }

    /// A target shape as an integer vector; what is known of it is folded.
    pub(super) fn target(&mut self, what: &str, entries: &[Entry]) -> Result<ValueId> {
        let mut parts = Vec::with_capacity(entries.len());
        for entry in entries {
            parts.push(match entry {
                Entry::Number(value) => self.integers(what, vec![*value])?,
                Entry::Axes(axes) => {
                    let mut product = None;
                    for (id, axis) in axes {
                        let size = self.size_of(*id, *axis)?;
                        product = Some(match product {
                            None => size,
                            Some(before) => self.step(what, Op::Binary(Binary::Mul), &[before, size])?,
                        });
                    }
                    match product {
                        Some(product) => product,
                        None => self.integers(what, vec![1])?,
                    }
                }
                Entry::Scaled(id, axis, times, by) => {
                    let (size, times) = (self.size_of(*id, *axis)?, self.integers(what, vec![*times])?);
                    let product = self.step(what, Op::Binary(Binary::Mul), &[size, times])?;
                    let by = self.integers(what, vec![*by])?;
                    self.step(what, Op::Binary(Binary::Div), &[product, by])?
                }
            });
        }
        match parts.as_slice() {
            [] => self.integers(what, Vec::new()),
            parts => self.step(what, Op::Concat { axis: 0 }, parts),
        }
    }

    pub(super) fn reshape(&mut self, what: &str, x: ValueId, entries: &[Entry]) -> Result<ValueId> {
        let shape = self.target(&format!("{what}.shape"), entries)?;
        self.step(what, Op::Reshape { allow_zero: true }, &[x, shape])
    }

    fn known_size(&self, id: ValueId, axis: usize) -> Result<i64> {
        match self.builder.fact(id).shape.get(axis) {
            Some(SymInt::Known(size)) => Ok(*size),
            _ => fail!(
                Shape,
                "the size of axis {axis} of its input of shape {} must be known",
                self.builder.fact(id).show()
            ),
        }
    }

    /// Each group of channels is normalised as one channel.
    fn group_norm(&mut self) -> Result<Vec<ValueId>> {
        let (x, scale, bias) = (self.input(0)?, self.input(1)?, self.input(2)?);
        let epsilon = self.attributes.float("epsilon", 1e-5)?;
        let rank = self.rank(0)?;
        if rank < 2 {
            fail!(
                Shape,
                "its input has the shape {}, without channels",
                self.fact(0)?.show()
            );
        }
        let channels = self.known_size(x, 1)?;
        let Some(groups @ 1..) = self.attributes.int("num_groups")? else {
            fail!(Node, "its attribute `num_groups` is missing or not positive");
        };
        if groups > 1 << 24 || channels % groups != 0 {
            fail!(Shape, "its {channels} channels do not divide into {groups} groups");
        }
        let batch = Entry::Axes(vec![(x, 0)]);
        let apart = self.reshape("groups", x, &[batch, Entry::Number(groups), Entry::Number(-1)])?;
        let count = usize::try_from(groups).unwrap_or(1);
        let ones = self.value("ones", Tensor::f32(vec![count], vec![1.0; count]))?;
        let zeros = self.value("zeros", Tensor::f32(vec![count], vec![0.0; count]))?;
        let normal = self.step("normal", Op::InstanceNormalization { epsilon }, &[apart, ones, zeros])?;
        let whole: Vec<Entry> = (0..rank).map(|axis| Entry::Axes(vec![(x, axis)])).collect();
        let normal = self.reshape("whole", normal, &whole)?;
        let scale = self.per_channel("scale", scale, channels, groups, rank)?;
        let bias = self.per_channel("bias", bias, channels, groups, rank)?;
        let scaled = self.step("scaled", Op::Binary(Binary::Mul), &[normal, scale])?;
        self.last(Op::Binary(Binary::Add), &[scaled, bias])
    }

    /// A vector with one entry per channel, or per group as set 18 has it, to be broadcast over `rank` axes.
    fn per_channel(&mut self, what: &str, id: ValueId, channels: i64, groups: i64, rank: usize) -> Result<ValueId> {
        let mut vector = id;
        let size = self.known_size(id, 0)?;
        if self.builder.fact(id).shape.len() != 1 || (size != channels && size != groups) {
            fail!(
                Shape,
                "its {what} has the shape {}, but there are {channels} channels in {groups} groups",
                self.builder.fact(id).show()
            );
        }
        if size != channels {
            let column = self.reshape(what, id, &[Entry::Number(groups), Entry::Number(1)])?;
            let shape = self.integers(what, vec![groups, channels / groups])?;
            vector = self.step(what, Op::Expand, &[column, shape])?;
        }
        let mut shape = vec![Entry::Number(channels)];
        shape.resize(rank - 1, Entry::Number(1));
        self.reshape(what, vector, &shape)
    }

    /// `x / sqrt(mean(x²) + epsilon) · scale` over the axes from `axis` on.
    fn rms_norm(&mut self) -> Result<Vec<ValueId>> {
        let (x, scale) = (self.input(0)?, self.input(1)?);
        let rank = self.rank(0)?;
        let axis = self.axis("axis", Some(-1), rank, false)?;
        let epsilon = self.attributes.float("epsilon", 1e-5)?;
        let axes = self.integers("axes", (axis as i64..rank as i64).collect())?;
        let square = self.step("square", Op::Binary(Binary::Mul), &[x, x])?;
        let mean = self.step("mean", reduce(Reduction::Mean), &[square, axes])?;
        let epsilon = self.number("epsilon", epsilon)?;
        let sum = self.step("sum", Op::Binary(Binary::Add), &[mean, epsilon])?;
        let root = self.step("root", Op::Unary(Unary::Sqrt), &[sum])?;
        let normal = self.step("normal", Op::Binary(Binary::Div), &[x, root])?;
        self.last(Op::Binary(Binary::Mul), &[normal, scale])
    }

    /// `x / norm`, 0 where the norm is 0.
    fn lp_norm(&mut self) -> Result<Vec<ValueId>> {
        let x = self.input(0)?;
        let axis = self.axis("axis", Some(-1), self.rank(0)?, false)?;
        let reduction = match self.attributes.int("p")?.unwrap_or(2) {
            1 => Reduction::L1,
            2 => Reduction::L2,
            p => fail!(Node, "its norm is {p}, but there are only 1 and 2"),
        };
        let axes = self.integers("axes", vec![axis as i64])?;
        let norm = self.step("norm", reduce(reduction), &[x, axes])?;
        let least = self.number("least", f32::MIN_POSITIVE)?;
        let norm = self.step("positive", Op::Binary(Binary::Max), &[norm, least])?;
        self.last(Op::Binary(Binary::Div), &[x, norm])
    }

    fn block(&self) -> Result<i64> {
        match (self.rank(0)?, self.attributes.int("blocksize")?) {
            (4, Some(block @ 1..=65_536)) => Ok(block),
            (rank, block) => fail!(
                Node,
                "its block size is {block:?} and its input has {rank} axes, but must have 4"
            ),
        }
    }

    fn depth_to_space(&mut self) -> Result<Vec<ValueId>> {
        let (x, block) = (self.input(0)?, self.block()?);
        let channels = self.known_size(x, 1)?;
        if channels % (block * block) != 0 {
            fail!(Shape, "its {channels} channels do not divide into blocks of {block}²");
        }
        let kept = channels / (block * block);
        let size = |axis| Entry::Axes(vec![(x, axis)]);
        let number = Entry::Number;
        let crd = match self.attributes.text("mode")?.unwrap_or("DCR") {
            "DCR" => false,
            "CRD" => true,
            mode => fail!(Node, "its mode is {mode:?}, which does not exist"),
        };
        let (shape, perm) = if crd {
            ([kept, block, block], vec![0, 1, 4, 2, 5, 3])
        } else {
            ([block, block, kept], vec![0, 3, 4, 1, 5, 2])
        };
        let [a, b, c] = shape;
        let parts = [size(0), number(a), number(b), number(c), size(2), size(3)];
        let parts = self.reshape("parts", x, &parts)?;
        let turned = self.step("turned", Op::Transpose { perm }, &[parts])?;
        let whole = [
            size(0),
            number(kept),
            Entry::Scaled(x, 2, block, 1),
            Entry::Scaled(x, 3, block, 1),
        ];
        let shape = self.target("shape", &whole)?;
        self.last(Op::Reshape { allow_zero: true }, &[turned, shape])
    }

    fn space_to_depth(&mut self) -> Result<Vec<ValueId>> {
        let (x, block) = (self.input(0)?, self.block()?);
        let channels = self.known_size(x, 1)?;
        let Some(more) = channels.checked_mul(block * block) else {
            fail!(Limit, "it makes too many channels");
        };
        let part = |axis| Entry::Scaled(x, axis, 1, block);
        let batch = || Entry::Axes(vec![(x, 0)]);
        let number = Entry::Number;
        let parts = [
            batch(),
            number(channels),
            part(2),
            number(block),
            part(3),
            number(block),
        ];
        let parts = self.reshape("parts", x, &parts)?;
        let perm = vec![0, 3, 5, 1, 2, 4];
        let turned = self.step("turned", Op::Transpose { perm }, &[parts])?;
        let shape = self.target("shape", &[batch(), number(more), part(2), part(3)])?;
        self.last(Op::Reshape { allow_zero: true }, &[turned, shape])
    }

    /// Cosine windows of a fixed length.
    fn window_function(&mut self, kind: &str) -> Result<Option<Vec<ValueId>>> {
        let size = self.fact(0)?.constant.as_deref().and_then(Tensor::as_i64);
        let (Some(&[size]), 1) = (size, self.attributes.int("output_datatype")?.unwrap_or(1)) else {
            return Ok(None);
        };
        let Some(size) = usize::try_from(size).ok().filter(|size| *size <= 1 << 24) else {
            fail!(Limit, "its window has {size} elements");
        };
        self.builder.budget.book_folded(&[size])?;
        let period = if self.attributes.flag("periodic", true)? {
            size
        } else {
            size.saturating_sub(1)
        };
        let terms: [f64; 3] = match kind {
            "HannWindow" => [0.5, 0.5, 0.0],
            "HammingWindow" => [25.0 / 46.0, 21.0 / 46.0, 0.0],
            _ => [0.42, 0.5, 0.08],
        };
        let data = (0..size)
            .map(|n| {
                let angle = std::f64::consts::TAU * n as f64 / period.max(1) as f64;
                (terms[0] - terms[1] * angle.cos() + terms[2] * (2.0 * angle).cos()) as f32
            })
            .collect();
        let id = self.value("window", Tensor::f32(vec![size], data))?;
        Ok(Some(vec![id]))
    }

    /// Ones on a diagonal, for an input of fixed size.
    fn eye_like(&mut self) -> Result<Option<Vec<ValueId>>> {
        let x = self.fact(0)?;
        let Some([rows, columns]) = x.known_shape().and_then(|shape| <[usize; 2]>::try_from(shape).ok()) else {
            return Ok(None);
        };
        let dtype = match self.attributes.int("dtype")?.and_then(|code| i32::try_from(code).ok()) {
            Some(code) => weights::dtype(code)?,
            None => x.dtype,
        };
        self.builder.budget.book_folded(&[rows, columns])?;
        let Some(count) = elements(&[rows, columns]) else {
            return Ok(None);
        };
        let diagonal = self.attributes.int("k")?.unwrap_or(0);
        let on = |index: usize| {
            let (row, column) = (index / columns.max(1), index % columns.max(1));
            column as i64 == (row as i64).saturating_add(diagonal)
        };
        let data = match dtype {
            DType::F32 => TensorData::F32((0..count).map(|index| f32::from(u8::from(on(index)))).collect()),
            DType::I64 => TensorData::I64((0..count).map(|index| i64::from(on(index))).collect()),
            DType::Bool => TensorData::Bool((0..count).map(on).collect()),
        };
        let id = self.value("eye", Tensor::new(vec![rows, columns], data))?;
        Ok(Some(vec![id]))
    }
}

/// Reduction over axes given as an input, which stay with size 1.
pub(super) fn reduce(reduction: Reduction) -> Op {
    Op::Reduce {
        reduction,
        keep_dims: true,
        noop_with_empty_axes: false,
    }
}
