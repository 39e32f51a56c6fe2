//! Operators that move, pick or make elements, in the newest form of each.

use super::lower::{Lowering, scalar};
use super::weights;
use crate::error::{Result, fail};
use crate::op::{Op, PadMode};
use crate::tensor::{Tensor, TensorData};

impl Lowering<'_, '_, '_> {
    /// `None`: not supported.
    pub(super) fn movement(&mut self, kind: &str) -> Result<Option<Op>> {
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
