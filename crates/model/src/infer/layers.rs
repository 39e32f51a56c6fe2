//! Shapes of layers with weights, and of pooling: where a file's contradictions show.

use super::{Fact, Facts, differ, either, product};
use crate::error::{Result, fail};
use crate::op::{AutoPad, Direction, Recurrent, Window};
use crate::symbolic::SymInt;
use crate::tensor::DType;

fn known(value: usize) -> SymInt {
    i64::try_from(value).map_or(SymInt::Unknown, SymInt::Known)
}

/// Size of one axis after a sliding window.
fn slide(window: &Window, axis: usize, input: &SymInt, ceil: bool) -> Result<SymInt> {
    let at = |list: &[usize]| list.get(axis).copied().unwrap_or(1) as i64;
    let (kernel, stride, dilation) = (at(&window.kernel), at(&window.strides), at(&window.dilations));
    let reach = kernel.saturating_sub(1).saturating_mul(dilation).saturating_add(1);
    let pads = match window.auto_pad {
        AutoPad::SameUpper | AutoPad::SameLower => return Ok(input.div_ceil(stride)),
        AutoPad::Valid => 0,
        AutoPad::NotSet => {
            let pad = |index: usize| window.pads.get(index).copied().unwrap_or(0);
            pad(axis).saturating_add(pad(axis + window.kernel.len()))
        }
    };
    let span = input.add(&SymInt::Known(pads.saturating_sub(reach)));
    if let SymInt::Known(..0) = span {
        fail!(
            Shape,
            "its window reaches over {reach} elements, but the input has {input} with {pads} of padding; \
             give the model a longer input when exporting"
        );
    }
    if ceil {
        // The last window must begin inside the input or its leading padding.
        let begin = window.pads.get(axis).copied().unwrap_or(0);
        let output = span.div_ceil(stride).add(&SymInt::Known(1));
        return Ok(match (&output, input) {
            (SymInt::Known(out), SymInt::Known(size))
                if (out - 1).saturating_mul(stride) >= size.saturating_add(begin) =>
            {
                SymInt::Known(out - 1)
            }
            (SymInt::Known(_), _) => output,
            _ if stride == 1 => output,
            _ => SymInt::Unknown,
        });
    }
    Ok(span.div_floor(stride).add(&SymInt::Known(1)))
}

/// `[batch, channels, spatial…]` apart; at least one spatial axis.
fn channels<'a>(x: &'a Fact, window: &Window) -> Result<(&'a SymInt, &'a SymInt, &'a [SymInt])> {
    match x.shape.as_slice() {
        [batch, channels, spatial @ ..] if !spatial.is_empty() && spatial.len() == window.kernel.len() => {
            Ok((batch, channels, spatial))
        }
        _ => fail!(
            Shape,
            "its input has the shape {}, but must have batch, channels and {} spatial axes",
            x.show(),
            window.kernel.len()
        ),
    }
}

fn check_bias(inputs: Facts<'_>, index: usize, wanted: &SymInt) -> Result<()> {
    match inputs.opt_float(index)? {
        Some(bias) if bias.shape.len() != 1 || differ(&bias.shape[0], wanted) => {
            fail!(
                Shape,
                "its bias has the shape {}, but it has {wanted} output channels",
                bias.show()
            )
        }
        _ => Ok(()),
    }
}

fn check_kernel(w: &Fact, window: &Window) -> Result<()> {
    let taps = w.shape.get(2..).unwrap_or(&[]);
    if taps.len() != window.kernel.len()
        || taps
            .iter()
            .zip(&window.kernel)
            .any(|(size, taps)| differ(size, &known(*taps)))
    {
        fail!(
            Shape,
            "its weights have the shape {}, but its kernel is {:?}",
            w.show(),
            window.kernel
        );
    }
    Ok(())
}

pub(super) fn conv(inputs: Facts<'_>, window: &Window, group: usize) -> Result<Vec<SymInt>> {
    let (x, w) = (inputs.float(0)?, inputs.float(1)?);
    check_kernel(w, window)?;
    let (batch, features, spatial) = channels(x, window)?;
    let (outputs, per_group) = (&w.shape[0], &w.shape[1]);
    if differ(&per_group.mul(&known(group)), features) {
        fail!(
            Shape,
            "its weights of shape {} in {group} groups want {} input channels, but the input of shape {} has {features}",
            w.show(),
            per_group.mul(&known(group)),
            x.show()
        );
    }
    if outputs
        .known()
        .is_some_and(|outputs| outputs % (group.max(1) as i64) != 0)
    {
        fail!(Shape, "its {outputs} output channels do not divide into {group} groups");
    }
    check_bias(inputs, 2, outputs)?;
    let mut shape = vec![batch.clone(), outputs.clone()];
    for (axis, size) in spatial.iter().enumerate() {
        shape.push(slide(window, axis, size, false)?);
    }
    Ok(shape)
}

pub(super) fn conv_transpose(
    inputs: Facts<'_>,
    window: &Window,
    group: usize,
    output_padding: &[usize],
    output_shape: Option<&[usize]>,
) -> Result<Vec<SymInt>> {
    let (x, w) = (inputs.float(0)?, inputs.float(1)?);
    check_kernel(w, window)?;
    let (batch, features, spatial) = channels(x, window)?;
    if differ(&w.shape[0], features) {
        fail!(
            Shape,
            "its weights of shape {} want {} input channels, but the input of shape {} has {features}",
            w.show(),
            w.shape[0],
            x.show()
        );
    }
    let outputs = w.shape[1].mul(&known(group));
    check_bias(inputs, 2, &outputs)?;
    let mut shape = vec![batch.clone(), outputs];
    for (axis, size) in spatial.iter().enumerate() {
        if let Some(fixed) = output_shape.and_then(|sizes| sizes.get(axis)) {
            shape.push(known(*fixed));
            continue;
        }
        let at = |list: &[usize]| list.get(axis).copied().unwrap_or(1) as i64;
        let stride = at(&window.strides);
        if matches!(window.auto_pad, AutoPad::SameUpper | AutoPad::SameLower) {
            shape.push(size.mul(&SymInt::Known(stride)));
            continue;
        }
        let reach = (at(&window.kernel) - 1)
            .saturating_mul(at(&window.dilations))
            .saturating_add(1);
        let pads = if window.auto_pad == AutoPad::Valid {
            0
        } else {
            let pad = |index: usize| window.pads.get(index).copied().unwrap_or(0);
            pad(axis).saturating_add(pad(axis + window.kernel.len()))
        };
        let extra = output_padding.get(axis).copied().unwrap_or(0) as i64;
        let constant = reach.saturating_add(extra).saturating_sub(pads);
        shape.push(
            size.add(&SymInt::Known(-1))
                .mul(&SymInt::Known(stride))
                .add(&SymInt::Known(constant)),
        );
    }
    Ok(shape)
}

/// LSTM, GRU and RNN: `gates` blocks of `hidden` rows; `cell` adds the cell state.
pub(super) fn recurrent(inputs: Facts<'_>, layer: &Recurrent, gates: usize, cell: bool) -> Result<Vec<Fact>> {
    let (x, w, r) = (inputs.float(0)?, inputs.float(1)?, inputs.float(2)?);
    let [first, second, features] = x.shape.as_slice() else {
        fail!(
            Shape,
            "its input has the shape {}, but must have time, batch and features",
            x.show()
        );
    };
    let (time, batch) = if layer.batch_first {
        (second, first)
    } else {
        (first, second)
    };
    let directions = known(if layer.direction == Direction::Bidirectional {
        2
    } else {
        1
    });
    let hidden = known(layer.hidden);
    let rows = hidden.mul(&known(gates));
    let check = |fact: Option<&Fact>, what: &str, wanted: &[&SymInt]| {
        let Some(fact) = fact else { return Ok(()) };
        if fact.shape.len() != wanted.len() || fact.shape.iter().zip(wanted).any(|(a, b)| differ(a, b)) {
            let wanted: Vec<String> = wanted.iter().map(ToString::to_string).collect();
            fail!(
                Shape,
                "its {what} have the shape {}, but [{}] is needed for an input of shape {} and {} hidden units; the file \
                 contradicts itself and cannot run in any program; export the model again",
                fact.show(),
                wanted.join(", "),
                x.show(),
                layer.hidden
            );
        }
        Ok(())
    };
    check(Some(w), "input weights", &[&directions, &rows, features])?;
    check(Some(r), "recurrent weights", &[&directions, &rows, &hidden])?;
    check(
        inputs.opt_float(3)?,
        "biases",
        &[&directions, &rows.mul(&SymInt::Known(2))],
    )?;
    let state: [&SymInt; 3] = if layer.batch_first {
        [batch, &directions, &hidden]
    } else {
        [&directions, batch, &hidden]
    };
    check(inputs.opt_float(5)?, "initial hidden values", &state)?;
    if cell {
        check(inputs.opt_float(6)?, "initial cell values", &state)?;
        check(
            inputs.opt_float(7)?,
            "peepholes",
            &[&directions, &hidden.mul(&SymInt::Known(3))],
        )?;
    }
    let batch = match inputs.opt(5) {
        Some(initial) => either(batch, &initial.shape[usize::from(!layer.batch_first)]),
        None => batch.clone(),
    };
    let y = if layer.batch_first {
        vec![batch.clone(), time.clone(), directions.clone(), hidden.clone()]
    } else {
        vec![time.clone(), directions.clone(), batch.clone(), hidden.clone()]
    };
    let last = if layer.batch_first {
        vec![batch, directions, hidden]
    } else {
        vec![directions, batch, hidden]
    };
    let mut facts = vec![Fact::new(DType::F32, y), Fact::new(DType::F32, last.clone())];
    if cell {
        facts.push(Fact::new(DType::F32, last));
    }
    Ok(facts)
}

pub(super) fn gemm(inputs: Facts<'_>, trans_a: bool, trans_b: bool) -> Result<Vec<SymInt>> {
    let matrix = |index: usize, transposed: bool| {
        let fact = inputs.float(index)?;
        let [rows, columns] = fact.shape.as_slice() else {
            fail!(
                Shape,
                "its input {index} has the shape {}, but must be a matrix",
                fact.show()
            );
        };
        Ok(if transposed { (columns, rows) } else { (rows, columns) })
    };
    let ((m, k), (inner, n)) = (matrix(0, trans_a)?, matrix(1, trans_b)?);
    if differ(k, inner) {
        fail!(
            Shape,
            "it multiplies [{m}, {k}] by [{inner}, {n}]: the inner sizes differ"
        );
    }
    let shape = vec![m.clone(), n.clone()];
    if let Some(c) = inputs.opt_float(2)? {
        let fits = c.shape.len() <= 2
            && c.shape
                .iter()
                .rev()
                .zip(shape.iter().rev())
                .all(|(c, size)| *c == SymInt::Known(1) || !differ(c, size));
        if !fits {
            fail!(
                Shape,
                "its addend of shape {} does not fit the product of shape [{m}, {n}]",
                c.show()
            );
        }
    }
    Ok(shape)
}

pub(super) fn matmul(inputs: Facts<'_>) -> Result<Vec<SymInt>> {
    let (a, b) = (inputs.float(0)?, inputs.float(1)?);
    let (Some((k, before)), false) = (a.shape.split_last(), b.shape.is_empty()) else {
        fail!(Shape, "it multiplies a scalar as a matrix");
    };
    let (outer_a, m) = match before.split_last() {
        Some((m, outer)) => (outer, Some(m)),
        None => (before, None),
    };
    let (outer_b, inner, n) = match b.shape.as_slice() {
        [inner] => (&[][..], inner, None),
        [outer @ .., inner, n] => (outer, inner, Some(n)),
        [] => (&[][..], k, None),
    };
    if differ(k, inner) {
        fail!(
            Shape,
            "it multiplies {} by {}: the inner sizes {k} and {inner} differ",
            a.show(),
            b.show()
        );
    }
    let left = Fact::new(DType::F32, outer_a.to_vec());
    let right = Fact::new(DType::F32, outer_b.to_vec());
    let mut shape = super::shapes::broadcast(&left, &right)?;
    shape.extend(m.cloned());
    shape.extend(n.cloned());
    Ok(shape)
}

/// Normalisations with `count` vectors of one element per channel.
pub(super) fn per_channel(inputs: Facts<'_>, count: usize) -> Result<Vec<SymInt>> {
    let x = inputs.float(0)?;
    let Some(channels) = x.shape.get(1) else {
        fail!(Shape, "its input has the shape {}, without channels", x.show());
    };
    for index in 1..=count {
        let vector = inputs.float(index)?;
        if vector.shape.len() != 1 || differ(&vector.shape[0], channels) {
            fail!(
                Shape,
                "its input {index} has the shape {}, but there are {channels} channels",
                vector.show()
            );
        }
    }
    Ok(x.shape.clone())
}

pub(super) fn layer_norm(inputs: Facts<'_>, axis: usize) -> Result<Vec<SymInt>> {
    let x = inputs.float(0)?;
    let size = product(x.shape.get(axis..).unwrap_or(&[]));
    for vector in [Some(inputs.float(1)?), inputs.opt_float(2)?].into_iter().flatten() {
        if differ(&product(&vector.shape), &size) {
            fail!(
                Shape,
                "it normalises {size} elements, but its weights have the shape {}",
                vector.show()
            );
        }
    }
    Ok(x.shape.clone())
}

pub(super) fn pool(inputs: Facts<'_>, window: &Window, ceil: bool) -> Result<Vec<SymInt>> {
    let x = inputs.float(0)?;
    let (batch, features, spatial) = channels(x, window)?;
    let mut shape = vec![batch.clone(), features.clone()];
    for (axis, size) in spatial.iter().enumerate() {
        shape.push(slide(window, axis, size, ceil)?);
    }
    Ok(shape)
}
