//! Operators with their attributes, as ONNX names them.

use super::{attribute, code, tensor};
use crate::graph::{Graph, Node, ValueId};
use crate::onnx::proto::AttributeProto;
use crate::op::{
    AutoPad, Binary, Coordinates, Direction, Distribution, Op, PadMode, Recurrent, ResizeMode, Rounding, Unary, Window,
};
use crate::tensor::{DType, Tensor, TensorData};

/// How a node is written.
pub(super) struct Form {
    pub name: String,
    pub attributes: Vec<AttributeProto>,
    /// How many of the graph's inputs are written.
    pub inputs: usize,
    /// Constants that are an attribute here and an input there: place, what they are, value.
    pub further: Vec<(usize, &'static str, Tensor)>,
    /// The only input, in place of the graph's.
    pub instead: Option<ValueId>,
}

impl Form {
    fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            attributes: Vec::new(),
            inputs: usize::MAX,
            further: Vec::new(),
            instead: None,
        }
    }

    fn float(mut self, name: &str, value: f32) -> Self {
        self.attributes.push(AttributeProto {
            f: Some(value),
            ..attribute(name, 1)
        });
        self
    }

    fn int(mut self, name: &str, value: i64) -> Self {
        self.attributes.push(AttributeProto {
            i: Some(value),
            ..attribute(name, 2)
        });
        self
    }

    fn size(self, name: &str, value: usize) -> Self {
        self.int(name, i64::try_from(value).unwrap_or(i64::MAX))
    }

    fn flag(self, name: &str, value: bool) -> Self {
        self.int(name, i64::from(value))
    }

    fn text(mut self, name: &str, value: &str) -> Self {
        self.attributes.push(AttributeProto {
            s: Some(value.as_bytes().to_vec()),
            ..attribute(name, 3)
        });
        self
    }

    fn ints(mut self, name: &str, values: &[i64]) -> Self {
        self.attributes.push(AttributeProto {
            ints: values.to_vec(),
            ..attribute(name, 7)
        });
        self
    }

    fn sizes(self, name: &str, values: &[usize]) -> Self {
        let values: Vec<i64> = values
            .iter()
            .map(|size| i64::try_from(*size).unwrap_or(i64::MAX))
            .collect();
        self.ints(name, &values)
    }

    fn texts(mut self, name: &str, values: &[String]) -> Self {
        self.attributes.push(AttributeProto {
            strings: values.iter().map(|value| value.as_bytes().to_vec()).collect(),
            ..attribute(name, 8)
        });
        self
    }

    fn window(mut self, window: &Window, dilated: bool) -> Self {
        self = self
            .sizes("kernel_shape", &window.kernel)
            .sizes("strides", &window.strides);
        if dilated {
            self = self.sizes("dilations", &window.dilations);
        }
        match window.auto_pad {
            AutoPad::NotSet => self.ints("pads", &window.pads),
            AutoPad::SameUpper => self.text("auto_pad", "SAME_UPPER"),
            AutoPad::SameLower => self.text("auto_pad", "SAME_LOWER"),
            AutoPad::Valid => self.text("auto_pad", "VALID"),
        }
    }

    fn recurrent(mut self, recurrent: &Recurrent) -> Self {
        self = self.size("hidden_size", recurrent.hidden);
        self = match recurrent.direction {
            Direction::Forward => self,
            Direction::Reverse => self.text("direction", "reverse"),
            Direction::Bidirectional => self.text("direction", "bidirectional"),
        };
        if recurrent.batch_first {
            self = self.int("layout", 1);
        }
        if let Some(names) = &recurrent.activations {
            self = self.texts("activations", names);
        }
        match recurrent.clip {
            Some(clip) => self.float("clip", clip),
            None => self,
        }
    }
}

/// How `node` is written; else why it cannot be.
pub(super) fn form(graph: &Graph, node: &Node) -> Result<Form, String> {
    let form = Form::new(node.op.name());
    Ok(match &node.op {
        Op::Conv { window, group } => form.window(window, true).size("group", *group),
        Op::ConvTranspose {
            window,
            group,
            output_padding,
            output_shape,
        } => {
            let form = form.window(window, true).size("group", *group);
            let form = form.sizes("output_padding", output_padding);
            match output_shape {
                Some(shape) => form.sizes("output_shape", shape),
                None => form,
            }
        }
        Op::Lstm {
            recurrent,
            input_forget,
        } => {
            let form = form.recurrent(recurrent);
            if *input_forget {
                form.int("input_forget", 1)
            } else {
                form
            }
        }
        Op::Gru {
            recurrent,
            linear_before_reset,
        } => form
            .recurrent(recurrent)
            .flag("linear_before_reset", *linear_before_reset),
        Op::Rnn { recurrent } => form.recurrent(recurrent),
        Op::Gemm {
            alpha,
            beta,
            trans_a,
            trans_b,
        } => (form.float("alpha", *alpha).float("beta", *beta))
            .flag("transA", *trans_a)
            .flag("transB", *trans_b),
        Op::Unary(function) => unary(form, *function),
        Op::Binary(Binary::Remainder) => form.int("fmod", 1),
        Op::Cast { to, .. } => form.int("to", i64::from(code(*to))),
        Op::Split { axis } => {
            let form = form.size("axis", *axis);
            if node.inputs.get(1).copied().flatten().is_some() {
                form
            } else {
                form.size("num_outputs", node.outputs.len())
            }
        }
        Op::Concat { axis }
        | Op::Flatten { axis }
        | Op::Gather { axis }
        | Op::GatherElements { axis }
        | Op::ScatterElements { axis } => form.size("axis", *axis),
        Op::Softmax { axis, .. } => form.size("axis", *axis),
        Op::Transpose { perm } => form.sizes("perm", perm),
        Op::Reshape { allow_zero } => form.flag("allowzero", *allow_zero),
        Op::Pad { mode } => form.text(
            "mode",
            match mode {
                PadMode::Constant => "constant",
                PadMode::Reflect => "reflect",
                PadMode::Edge => "edge",
                PadMode::Wrap => "wrap",
            },
        ),
        Op::Shape { start, end } => {
            let form = form.int("start", *start);
            match end {
                Some(end) => form.int("end", *end),
                None => form,
            }
        }
        Op::ConstantOfShape { value } => constant_of_shape(form, value)?,
        Op::Reduce {
            keep_dims,
            noop_with_empty_axes,
            ..
        } => (form.flag("keepdims", *keep_dims)).flag("noop_with_empty_axes", *noop_with_empty_axes),
        Op::ArgReduce {
            axis,
            keep_dims,
            select_last,
            ..
        } => (form.size("axis", *axis).flag("keepdims", *keep_dims)).flag("select_last_index", *select_last),
        Op::BatchNormalization { epsilon } | Op::InstanceNormalization { epsilon } => form.float("epsilon", *epsilon),
        Op::LayerNormalization { axis, epsilon } => form.size("axis", *axis).float("epsilon", *epsilon),
        Op::MaxPool { window, ceil_mode } => form.window(window, true).flag("ceil_mode", *ceil_mode),
        Op::AveragePool {
            window,
            ceil_mode,
            count_include_pad,
        } => (form.window(window, true).flag("ceil_mode", *ceil_mode)).flag("count_include_pad", *count_include_pad),
        Op::Resize { mode, coordinates } => resize(form, *mode, *coordinates),
        Op::Trilu { upper } => form.flag("upper", *upper),
        Op::Dft {
            axis,
            inverse,
            onesided,
        } => {
            let mut form = form.flag("inverse", *inverse).flag("onesided", *onesided);
            (form.inputs, form.further) = (2, vec![(2, "axis", scalar(*axis)?)]);
            form
        }
        Op::Stft { onesided } => form.flag("onesided", *onesided),
        Op::CumSum {
            axis,
            exclusive,
            reverse,
        } => {
            let mut form = form.flag("exclusive", *exclusive).flag("reverse", *reverse);
            (form.inputs, form.further) = (1, vec![(1, "axis", scalar(*axis)?)]);
            form
        }
        Op::Random { distribution, seed } => random(graph, node, form, *distribution, *seed)?,
        Op::Unsupported { .. } => {
            return Err("it was read by its name alone, without what it computes; the original file has it".to_owned());
        }
        Op::MatMul
        | Op::Binary(_)
        | Op::Sum
        | Op::PRelu
        | Op::Clip
        | Op::Where
        | Op::Slice
        | Op::Squeeze
        | Op::Unsqueeze
        | Op::Expand
        | Op::Tile
        | Op::Size
        | Op::Range
        | Op::ScatterNd
        | Op::GatherNd => form,
    })
}

fn unary(form: Form, function: Unary) -> Form {
    match function {
        Unary::LeakyRelu { alpha }
        | Unary::Elu { alpha }
        | Unary::Swish { alpha }
        | Unary::Celu { alpha }
        | Unary::ThresholdedRelu { alpha } => form.float("alpha", alpha),
        Unary::Selu { alpha, gamma } => form.float("alpha", alpha).float("gamma", gamma),
        Unary::HardSigmoid { alpha, beta } => form.float("alpha", alpha).float("beta", beta),
        Unary::Gelu { tanh } => form.text("approximate", if tanh { "tanh" } else { "none" }),
        Unary::Shrink { lambda, bias } => form.float("lambd", lambda).float("bias", bias),
        Unary::IsInf { positive, negative } => {
            (form.flag("detect_positive", positive)).flag("detect_negative", negative)
        }
        _ => form,
    }
}

fn constant_of_shape(mut form: Form, value: &Tensor) -> Result<Form, String> {
    let value = (value.clone().reshaped(vec![1])).ok_or_else(|| "its value is not one number".to_owned())?;
    form.attributes.push(AttributeProto {
        t: Some(Box::new(tensor("value", &value))),
        ..attribute("value", 4)
    });
    Ok(form)
}

fn resize(form: Form, mode: ResizeMode, coordinates: Coordinates) -> Form {
    let form = form.text(
        "coordinate_transformation_mode",
        match coordinates {
            Coordinates::HalfPixel => "half_pixel",
            Coordinates::HalfPixelSymmetric => "half_pixel_symmetric",
            Coordinates::PytorchHalfPixel => "pytorch_half_pixel",
            Coordinates::Asymmetric => "asymmetric",
            Coordinates::AlignCorners => "align_corners",
        },
    );
    match mode {
        ResizeMode::Nearest(rounding) => form.text("mode", "nearest").text(
            "nearest_mode",
            match rounding {
                Rounding::PreferFloor => "round_prefer_floor",
                Rounding::PreferCeil => "round_prefer_ceil",
                Rounding::Floor => "floor",
                Rounding::Ceil => "ceil",
            },
        ),
        ResizeMode::Linear => form.text("mode", "linear"),
        ResizeMode::Cubic { a } => form.text("mode", "cubic").float("cubic_coeff_a", a),
    }
}

/// ONNX wants a shape that is known, or a tensor to take it from.
fn random(
    graph: &Graph,
    node: &Node,
    form: Form,
    distribution: Distribution,
    seed: Option<f32>,
) -> Result<Form, String> {
    let Some(shape) = node.inputs.first().copied().flatten() else {
        return Err("its shape is missing".to_owned());
    };
    let mut form = form.int("dtype", i64::from(code(DType::F32)));
    form.inputs = 0;
    form = match distribution {
        Distribution::Normal { mean, scale } => form.float("mean", mean).float("scale", scale),
        Distribution::Uniform { low, high } => form.float("low", low).float("high", high),
    };
    if let Some(seed) = seed {
        form = form.float("seed", seed);
    }
    if let Some(sizes) = graph.constant(shape).and_then(Tensor::as_i64) {
        return Ok(form.ints("shape", sizes));
    }
    let maker = graph.nodes.iter().find(|maker| maker.outputs.contains(&Some(shape)));
    match maker {
        Some(Node {
            op: Op::Shape { start: 0, end: None },
            inputs,
            ..
        }) if inputs.first().copied().flatten().is_some() => {
            form.name.push_str("Like");
            form.instead = inputs.first().copied().flatten();
            Ok(form)
        }
        _ => Err("its shape is computed, and ONNX takes one that is known or that of another tensor".to_owned()),
    }
}

fn scalar(value: usize) -> Result<Tensor, String> {
    let value = i64::try_from(value).map_err(|_| "its axis is out of range".to_owned())?;
    Tensor::new(Vec::new(), TensorData::I64(vec![value])).ok_or_else(|| "its axis is no number".to_owned())
}
