//! Resizing, Fourier transforms, reads and writes at index tuples, random tensors.

use super::lower::Lowering;
use super::weights;
use crate::error::{Result, fail};
use crate::op::{Coordinates, Distribution, Op, ResizeMode, Rounding};
use crate::tensor::{DType, Tensor};

impl Lowering<'_, '_, '_> {
    /// `None`: not one of these. `Some(None)`: one of these in a form that is not supported.
    #[allow(clippy::option_option)]
    pub(super) fn sampling(&mut self, kind: &str) -> Result<Option<Option<Op>>> {
        let a = self.attributes;
        let op = match kind {
            "Resize" | "Upsample" => return self.resize(kind).map(Some),
            "Trilu" => Op::Trilu {
                upper: a.flag("upper", true)?,
            },
            "DFT" => return self.dft().map(Some),
            "STFT" => Op::Stft {
                onesided: a.flag("onesided", true)?,
            },
            "ScatterND" | "ScatterElements" | "Scatter" if a.text("reduction")?.unwrap_or("none") != "none" => {
                return Ok(Some(None));
            }
            "ScatterND" => Op::ScatterNd,
            "ScatterElements" | "Scatter" => Op::ScatterElements {
                axis: self.axis("axis", Some(0), self.rank(0)?, false)?,
            },
            "GatherND" if a.int("batch_dims")?.unwrap_or(0) != 0 => return Ok(Some(None)),
            "GatherND" => Op::GatherNd,
            "CumSum" => {
                let Some(axis) = self.only_int(1)? else {
                    return Ok(Some(None));
                };
                let axis = self.resolve_axis(axis, self.rank(0)?)?;
                self.inputs.truncate(1);
                Op::CumSum {
                    axis,
                    exclusive: a.flag("exclusive", false)?,
                    reverse: a.flag("reverse", false)?,
                }
            }
            "RandomNormal" | "RandomUniform" | "RandomNormalLike" | "RandomUniformLike" => {
                return self.random(kind).map(Some);
            }
            _ => return Ok(None),
        };
        Ok(Some(Some(op)))
    }

    /// The only element of constant integer input `index`; `None` if it is computed.
    fn only_int(&self, index: usize) -> Result<Option<i64>> {
        let fact = self.fact(index)?;
        let Some(tensor) = &fact.constant else {
            return Ok(None);
        };
        match tensor.as_i64() {
            Some([value]) => Ok(Some(*value)),
            _ => fail!(
                Shape,
                "its input {index} has the shape {}, but must be one integer",
                fact.show()
            ),
        }
    }

    fn resize(&mut self, kind: &str) -> Result<Option<Op>> {
        let a = self.attributes;
        let mode = a.text("mode")?.unwrap_or("nearest");
        if kind == "Upsample" || self.opset < 11 {
            return self.resize_before_11(mode);
        }
        let plain = a.int("antialias")?.unwrap_or(0) == 0
            && a.int("exclude_outside")?.unwrap_or(0) == 0
            && a.text("keep_aspect_ratio_policy")?.unwrap_or("stretch") == "stretch";
        let coordinates = match a.text("coordinate_transformation_mode")?.unwrap_or("half_pixel") {
            "half_pixel" => Coordinates::HalfPixel,
            "half_pixel_symmetric" => Coordinates::HalfPixelSymmetric,
            "pytorch_half_pixel" => Coordinates::PytorchHalfPixel,
            "asymmetric" => Coordinates::Asymmetric,
            "align_corners" => Coordinates::AlignCorners,
            _ => return Ok(None),
        };
        let mode = match mode {
            "nearest" => ResizeMode::Nearest(match a.text("nearest_mode")?.unwrap_or("round_prefer_floor") {
                "round_prefer_floor" => Rounding::PreferFloor,
                "round_prefer_ceil" => Rounding::PreferCeil,
                "floor" => Rounding::Floor,
                "ceil" => Rounding::Ceil,
                _ => return Ok(None),
            }),
            "linear" => ResizeMode::Linear,
            "cubic" => ResizeMode::Cubic {
                a: a.float("cubic_coeff_a", -0.75)?,
            },
            _ => return Ok(None),
        };
        if !plain {
            return Ok(None);
        }
        // Older files write inputs that they leave out as empty tensors.
        self.inputs.resize(4, None);
        for index in 1..4 {
            let empty = |id| self.builder.fact(id).known_shape() == Some(vec![0]);
            let id = self.inputs.get(index).copied().flatten().filter(|id| !empty(*id));
            // What the region of interest holds is never read.
            self.inputs[index] = if index == 1 { None } else { id };
        }
        if a.has("axes") && !self.resize_all_axes()? {
            return Ok(None);
        }
        Ok(Some(Op::Resize { mode, coordinates }))
    }

    /// Scales or sizes of some axes become those of all. False if the axes cannot be completed.
    fn resize_all_axes(&mut self) -> Result<bool> {
        let rank = self.rank(0)?;
        let mut axes = Vec::new();
        for axis in self.attributes.ints("axes").unwrap_or(&[]) {
            axes.push(self.resolve_axis(*axis, rank)?);
        }
        let Some(index) = (2..4).find(|index| self.inputs.get(*index).is_some_and(Option::is_some)) else {
            return Ok(true);
        };
        let given = self.input(index)?;
        if self.builder.fact(given).known_shape() != Some(vec![axes.len()]) {
            fail!(
                Shape,
                "it names {} axes, but has the scales or sizes {}",
                axes.len(),
                self.builder.fact(given).show()
            );
        }
        let floats = self.builder.fact(given).dtype == DType::F32;
        let x = self.input(0)?;
        let mut parts = Vec::with_capacity(rank);
        for axis in 0..rank {
            let part = match axes.iter().position(|named| *named == axis) {
                Some(place) => {
                    let begin = self.integers("begin", vec![place as i64])?;
                    let end = self.integers("end", vec![place as i64 + 1])?;
                    self.step(&format!("entry{axis}"), Op::Slice, &[given, begin, end])?
                }
                None if floats => self.value("one", Tensor::f32(vec![1], vec![1.0]))?,
                None => self.size_of(x, axis)?,
            };
            parts.push(part);
        }
        self.inputs[index] = Some(self.step("all", Op::Concat { axis: 0 }, &parts)?);
        Ok(true)
    }

    /// Up to set 10 there are scales alone, and positions are multiples of the scale.
    fn resize_before_11(&mut self, mode: &str) -> Result<Option<Op>> {
        if self.opset < 9
            && let Some(scales) = self.attributes.find("scales")
        {
            let tensor = Tensor::f32(vec![scales.floats.len()], scales.floats.clone());
            let id = self.value("scales", tensor)?;
            self.inputs.resize(2, None);
            self.inputs[1] = Some(id);
        }
        let scales = self.input(1)?;
        let smaller = match self.builder.fact(scales).constant.as_deref().and_then(Tensor::as_f32) {
            Some(scales) if scales.iter().all(|scale| *scale >= 1.0) => false,
            Some(scales) if scales.iter().all(|scale| *scale <= 1.0) => true,
            _ => return Ok(None),
        };
        self.inputs = vec![self.inputs.first().copied().flatten(), None, Some(scales), None];
        let mode = match mode {
            // ONNX Runtime's rule for these sets: the upper neighbour when the size falls.
            "nearest" if smaller => ResizeMode::Nearest(Rounding::Ceil),
            "nearest" => ResizeMode::Nearest(Rounding::Floor),
            "linear" | "bilinear" => ResizeMode::Linear,
            _ => return Ok(None),
        };
        Ok(Some(Op::Resize {
            mode,
            coordinates: Coordinates::Asymmetric,
        }))
    }

    /// The axis is an attribute in set 17 and an input from set 20 on.
    fn dft(&mut self) -> Result<Option<Op>> {
        let a = self.attributes;
        let rank = self.rank(0)?;
        let axis = if self.opset < 20 {
            a.int("axis")?.unwrap_or(1)
        } else if self.inputs.get(2).copied().flatten().is_some() {
            match self.only_int(2)? {
                Some(axis) => axis,
                None => return Ok(None),
            }
        } else {
            -2
        };
        self.inputs.truncate(2);
        Ok(Some(Op::Dft {
            axis: self.resolve_axis(axis, rank)?,
            inverse: a.flag("inverse", false)?,
            onesided: a.flag("onesided", false)?,
        }))
    }

    fn random(&mut self, kind: &str) -> Result<Option<Op>> {
        let a = self.attributes;
        let code = a.int("dtype")?.unwrap_or(1);
        if i32::try_from(code).is_err() || weights::dtype(i32::try_from(code).unwrap_or(0))? != DType::F32 {
            return Ok(None);
        }
        let shape = if kind.ends_with("Like") {
            let x = self.input(0)?;
            self.step("shape", Op::Shape { start: 0, end: None }, &[x])?
        } else {
            let Some(shape) = a.sizes("shape", 0)? else {
                fail!(Node, "its attribute `shape` is missing");
            };
            self.integers("shape", shape.into_iter().map(|size| size as i64).collect())?
        };
        self.inputs = vec![Some(shape)];
        let distribution = if kind.starts_with("RandomNormal") {
            Distribution::Normal {
                mean: a.float("mean", 0.0)?,
                scale: a.float("scale", 1.0)?,
            }
        } else {
            Distribution::Uniform {
                low: a.float("low", 0.0)?,
                high: a.float("high", 1.0)?,
            }
        };
        let seed = a.has("seed").then(|| a.float("seed", 0.0)).transpose()?;
        Ok(Some(Op::Random { distribution, seed }))
    }
}
