//! Layers with weights, and pooling: geometry and defaults.

use super::lower::Lowering;
use crate::error::{Result, fail};
use crate::op::{AutoPad, Direction, Op, Recurrent, Window};

/// `None`: not one of these. `Some(None)`: one of these in a form that is not supported.
#[allow(clippy::option_option)]
pub(super) fn op(node: &mut Lowering<'_, '_, '_>, kind: &str) -> Result<Option<Option<Op>>> {
    let a = node.attributes;
    let op = match kind {
        "Conv" => Op::Conv {
            window: window(node, true)?,
            group: group(node)?,
        },
        "ConvTranspose" => {
            let window = window(node, true)?;
            let axes = window.kernel.len();
            let output_padding = a.sizes("output_padding", 0)?.unwrap_or_else(|| vec![0; axes]);
            let output_shape = a.sizes("output_shape", 0)?;
            if output_padding.len() != axes || output_shape.as_ref().is_some_and(|shape| shape.len() != axes) {
                fail!(Node, "its output sizes do not have one entry per axis");
            }
            Op::ConvTranspose {
                window,
                group: group(node)?,
                output_padding,
                output_shape,
            }
        }
        "LSTM" | "GRU" | "RNN" => return recurrent(node, kind).map(Some),
        "Gemm" => Op::Gemm {
            alpha: a.float("alpha", 1.0)?,
            beta: a.float("beta", 1.0)?,
            trans_a: a.flag("transA", false)?,
            trans_b: a.flag("transB", false)?,
        },
        "MatMul" => Op::MatMul,
        "BatchNormalization" => {
            let training = a.flag("training_mode", false)? || !a.flag("spatial", true)?;
            if training || (1..node.node.output.len()).any(|index| node.wants_output(index)) {
                return Ok(Some(None));
            }
            Op::BatchNormalization {
                epsilon: a.float("epsilon", 1e-5)?,
            }
        }
        "LayerNormalization" => {
            if node.wants_output(1) || node.wants_output(2) {
                return Ok(Some(None));
            }
            Op::LayerNormalization {
                axis: node.axis("axis", Some(-1), node.rank(0)?, false)?,
                epsilon: a.float("epsilon", 1e-5)?,
            }
        }
        "InstanceNormalization" => Op::InstanceNormalization {
            epsilon: a.float("epsilon", 1e-5)?,
        },
        "MaxPool" | "AveragePool" => {
            let ceil_mode = a.flag("ceil_mode", false)?;
            let window = window(node, false)?;
            if node.wants_output(1) || a.flag("storage_order", false)? {
                return Ok(Some(None));
            }
            if kind == "MaxPool" {
                Op::MaxPool { window, ceil_mode }
            } else {
                Op::AveragePool {
                    window,
                    ceil_mode,
                    count_include_pad: a.flag("count_include_pad", false)?,
                }
            }
        }
        _ => return Ok(None),
    };
    Ok(Some(Some(op)))
}

fn group(node: &Lowering<'_, '_, '_>) -> Result<usize> {
    match node.attributes.int("group")?.unwrap_or(1) {
        group @ 1..=65_536 => Ok(usize::try_from(group).unwrap_or(1)),
        group => fail!(Node, "it has {group} groups"),
    }
}

/// The sliding window; its size is that of the weights where the file does not repeat it.
fn window(node: &Lowering<'_, '_, '_>, weights: bool) -> Result<Window> {
    let a = node.attributes;
    let kernel = match a.sizes("kernel_shape", 1)? {
        Some(kernel) => kernel,
        None if weights => {
            let w = node.fact(1)?;
            let known = w.known_shape().and_then(|shape| shape.get(2..).map(<[usize]>::to_vec));
            match known {
                Some(kernel) if kernel.iter().all(|taps| (1..=1 << 24).contains(taps)) => kernel,
                _ => fail!(
                    Shape,
                    "its weights have the shape {}, which gives no kernel size",
                    w.show()
                ),
            }
        }
        None => fail!(Node, "its attribute `kernel_shape` is missing"),
    };
    let axes = kernel.len();
    if axes == 0 {
        fail!(Node, "its kernel has no axes");
    }
    let strides = a.sizes("strides", 1)?.unwrap_or_else(|| vec![1; axes]);
    let dilations = a.sizes("dilations", 1)?.unwrap_or_else(|| vec![1; axes]);
    let pads = a.ints("pads").map_or_else(|| vec![0; 2 * axes], <[i64]>::to_vec);
    if strides.len() != axes || dilations.len() != axes || pads.len() != 2 * axes {
        fail!(
            Node,
            "its kernel has {axes} axes, but its strides {strides:?}, dilations {dilations:?} or pads {pads:?} do not"
        );
    }
    if pads.iter().any(|pad| pad.unsigned_abs() > 1 << 24) {
        fail!(Node, "its pads {pads:?} are out of range");
    }
    let auto_pad = match a.text("auto_pad")?.unwrap_or("NOTSET") {
        "NOTSET" => AutoPad::NotSet,
        "SAME_UPPER" => AutoPad::SameUpper,
        "SAME_LOWER" => AutoPad::SameLower,
        "VALID" => AutoPad::Valid,
        other => fail!(Node, "its `auto_pad` is {other:?}, which does not exist"),
    };
    Ok(Window {
        kernel,
        strides,
        dilations,
        pads,
        auto_pad,
    })
}

fn recurrent(node: &Lowering<'_, '_, '_>, kind: &str) -> Result<Option<Op>> {
    let a = node.attributes;
    if a.has("activation_alpha") || a.has("activation_beta") {
        return Ok(None);
    }
    let direction = match a.text("direction")?.unwrap_or("forward") {
        "forward" => Direction::Forward,
        "reverse" => Direction::Reverse,
        "bidirectional" => Direction::Bidirectional,
        other => fail!(Node, "its direction is {other:?}, which does not exist"),
    };
    let directions = if direction == Direction::Bidirectional { 2 } else { 1 };
    let hidden = match a.int("hidden_size")? {
        Some(hidden @ 1..=65_536) => usize::try_from(hidden).unwrap_or(1),
        Some(hidden) => fail!(Node, "it has {hidden} hidden units"),
        None => match node.fact(2)?.shape.last().and_then(|size| size.known()) {
            Some(hidden @ 1..=65_536) => usize::try_from(hidden).unwrap_or(1),
            _ => fail!(Node, "its attribute `hidden_size` is missing"),
        },
    };
    let default: &[&str] = match kind {
        "LSTM" => &["Sigmoid", "Tanh", "Tanh"],
        "GRU" => &["Sigmoid", "Tanh"],
        _ => &["Tanh"],
    };
    let activations = a.texts("activations")?.filter(|names| !names.is_empty());
    if let Some(names) = &activations
        && names.len() != default.len() * directions
    {
        fail!(
            Node,
            "it names {} activations, but has {}",
            names.len(),
            default.len() * directions
        );
    }
    let activations = activations.filter(|names| {
        !names
            .iter()
            .zip(default.iter().cycle())
            .all(|(a, b)| a.eq_ignore_ascii_case(b))
    });
    let recurrent = Recurrent {
        hidden,
        direction,
        batch_first: a.flag("layout", false)?,
        activations,
        clip: if a.has("clip") {
            Some(a.float("clip", 0.0)?)
        } else {
            None
        },
    };
    Ok(Some(match kind {
        "LSTM" => Op::Lstm {
            recurrent,
            input_forget: a.flag("input_forget", false)?,
        },
        "GRU" => Op::Gru {
            recurrent,
            linear_before_reset: a.flag("linear_before_reset", false)?,
        },
        _ => Op::Rnn { recurrent },
    }))
}
