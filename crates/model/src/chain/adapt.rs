//! Wires that come in another layout than the next stage takes: axes of size 1 come, go and move.

use crate::assemble::{Assembly, show};
use crate::error::{ReadError, ReadErrorKind, Result, shorten};
use crate::graph::{Dim, ValueId};
use crate::symbolic::{Affine, SymInt};

/// What came of it.
pub(super) enum Adapted {
    /// A wire of the wanted layout.
    Wire(ValueId),
    /// It would fit if this size of the wire were that number.
    IfLength(Affine, i64),
}

/// The wire `x` in the layout `wanted`, the shape of the input `name`. If wires carry plain audio (`plain`), one channel may become
/// two alike.
pub(super) fn adapt(
    assembly: &mut Assembly<'_>,
    x: ValueId,
    name: &str,
    wanted: &[Dim],
    plain: bool,
) -> Result<Adapted> {
    let given = assembly.sizes(x).to_vec();
    let axes: Vec<usize> = (0..given.len())
        .filter(|axis| given[*axis] != SymInt::Known(1))
        .collect();
    let mut orders = vec![axes.clone()];
    if axes.len() == 2 {
        orders.push(vec![axes[1], axes[0]]);
    }
    let mut length = None;
    for (index, axes) in orders.iter().enumerate() {
        let core: Vec<&SymInt> = axes.iter().map(|axis| &given[*axis]).collect();
        let mut places = vec![None; wanted.len()];
        if assign(&core, wanted, &mut places, &mut length) {
            return lay_out(assembly, x, axes, &places, index > 0).map(Adapted::Wire);
        }
    }
    let mut two = (0..wanted.len()).filter(|axis| wanted[*axis].known() == Some(2));
    if let (true, [axis], Some(channels), None) = (plain, axes.as_slice(), two.next(), two.next()) {
        let mut one = wanted.to_vec();
        one[channels] = Dim::Known(1);
        let mut places = vec![None; wanted.len()];
        if assign(&[&given[*axis]], &one, &mut places, &mut None) {
            let one = lay_out(assembly, x, &axes, &places, false)?;
            return assembly.concat(&[one, one], channels).map(Adapted::Wire);
        }
    }
    // With an open axis besides the batch, it is not the length that does not fit.
    let open = wanted.iter().skip(1).any(|dim| dim.known().is_none());
    if let (Some((term, number)), false) = (length, open) {
        return Ok(Adapted::IfLength(term, number));
    }
    let wanted: Vec<String> = wanted.iter().map(ToString::to_string).collect();
    Err(ReadError::new(
        ReadErrorKind::Shape,
        format!(
            "its input `{}` takes the shape [{}], but it is given {}",
            shorten(name),
            wanted.join(", "),
            show(&given)
        ),
    ))
}

/// Which of `core` stands at each place of `wanted`, from the last to the first; all other places are 1.
fn assign(core: &[&SymInt], wanted: &[Dim], places: &mut [Option<usize>], length: &mut Option<(Affine, i64)>) -> bool {
    let Some((dim, wanted)) = wanted.split_last() else {
        return core.is_empty();
    };
    let at = wanted.len();
    if let Some((size, rest)) = core.split_last() {
        let fits = match (dim, size) {
            (Dim::Known(wanted), SymInt::Known(size)) => i64::try_from(*wanted) == Ok(*size),
            (Dim::Known(number), SymInt::Affine(term)) => {
                if let Ok(number) = i64::try_from(*number)
                    && number > 1
                    && length.is_none()
                {
                    *length = Some((term.clone(), number));
                }
                false
            }
            (Dim::Known(_), SymInt::Unknown) => false,
            _ => true,
        };
        if fits {
            places[at] = Some(rest.len());
            if assign(rest, wanted, places, length) {
                return true;
            }
            places[at] = None;
        }
    }
    dim.known().is_none_or(|size| size == 1) && assign(core, wanted, places, length)
}

/// Moves the axes `axes` of `x` to their places.
fn lay_out(
    assembly: &mut Assembly<'_>,
    x: ValueId,
    axes: &[usize],
    places: &[Option<usize>],
    swapped: bool,
) -> Result<ValueId> {
    let rank = assembly.sizes(x).len();
    if rank == places.len() {
        let mut ones = (0..rank).filter(|axis| !axes.contains(axis));
        let perm: Vec<usize> = (places.iter())
            .filter_map(|place| place.map_or_else(|| ones.next(), |core| axes.get(core).copied()))
            .collect();
        if perm.iter().enumerate().all(|(index, axis)| index == *axis) {
            return Ok(x);
        }
        return assembly.transpose(x, perm);
    }
    if let (Some(shape), false) = (assembly.shape(x), swapped) {
        let shape: Vec<usize> = (places.iter())
            .map(|place| place.and_then(|core| shape.get(*axes.get(core)?).copied()).unwrap_or(1))
            .collect();
        return assembly.reshape_to(x, &shape);
    }
    let list = |all: &mut dyn Iterator<Item = usize>| -> Vec<i64> {
        all.filter_map(|axis| i64::try_from(axis).ok()).collect()
    };
    let gone = list(&mut (0..rank).filter(|axis| !axes.contains(axis)));
    let mut x = if gone.is_empty() {
        x
    } else {
        assembly.squeeze(x, &gone)?
    };
    if swapped {
        x = assembly.transpose(x, vec![1, 0])?;
    }
    let new = list(&mut (0..places.len()).filter(|place| places[*place].is_none()));
    if new.is_empty() {
        Ok(x)
    } else {
        assembly.unsqueeze(x, &new)
    }
}
