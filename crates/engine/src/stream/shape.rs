//! Axes, planes, and how they map.

use super::Axis;

/// Product of the feature axes.
pub(super) fn planes(axes: &[Axis]) -> usize {
    axes.iter().map(|axis| size(*axis)).product()
}

/// The axis's size; 1 for the time, which is no plane.
pub(super) const fn size(axis: Axis) -> usize {
    match axis {
        Axis::Time => 1,
        Axis::Size(size) | Axis::Past(size) => size,
    }
}

/// Position of the time axis.
pub(super) fn time_axis(axes: &[Axis]) -> Option<usize> {
    axes.iter().position(|axis| *axis == Axis::Time)
}

/// `[1, 8, T]`, for messages.
pub(super) fn text(axes: &[Axis]) -> String {
    let sizes: Vec<String> = axes
        .iter()
        .map(|axis| match axis {
            Axis::Time => "time".to_owned(),
            Axis::Size(size) => size.to_string(),
            Axis::Past(size) => format!("last {size}"),
        })
        .collect();
    format!("[{}]", sizes.join(", "))
}

/// Axes of the broadcast of two signals, NumPy's rules. The reason if they do not fit.
pub(super) fn broadcast(a: &[Axis], b: &[Axis]) -> Result<Vec<Axis>, String> {
    let rank = a.len().max(b.len());
    let from_end = |axes: &[Axis], at: usize| axes.len().checked_sub(rank - at).map(|at| axes[at]);
    let both: Vec<Axis> = (0..rank)
        .map(|at| match (from_end(a, at), from_end(b, at)) {
            (None | Some(Axis::Size(1)), Some(axis)) | (Some(axis), None | Some(Axis::Size(1))) => Ok(axis),
            (Some(x), Some(y)) if x == y => Ok(x),
            (Some(Axis::Time), Some(Axis::Size(n))) | (Some(Axis::Size(n)), Some(Axis::Time)) => Err(format!(
                "it combines the time axis with {n} features: frames would be mixed ({} with {})",
                text(a),
                text(b)
            )),
            _ => Err(format!("shapes {} and {} do not fit", text(a), text(b))),
        })
        .collect::<Result<_, String>>()?;
    if both.iter().filter(|axis| **axis == Axis::Time).count() > 1 {
        return Err(format!(
            "it combines every frame with every other ({} with {})",
            text(a),
            text(b)
        ));
    }
    Ok(both)
}

/// For each plane of `out`, the plane of `from` that is broadcast there.
pub(super) fn broadcast_planes(from: &[Axis], out: &[Axis]) -> Vec<usize> {
    let mut strides = vec![0usize; out.len()];
    let mut stride = 1;
    for (back, axis) in from.iter().rev().enumerate() {
        let n = size(*axis);
        if let Some(slot) = out.len().checked_sub(back + 1).and_then(|at| strides.get_mut(at)) {
            *slot = if n == 1 { 0 } else { stride };
        }
        stride *= n;
    }
    (0..planes(out))
        .map(|plane| {
            let mut rest = plane;
            let mut at = 0;
            for (axis, stride) in out.iter().zip(&strides).rev() {
                at += rest % size(*axis) * stride;
                rest /= size(*axis);
            }
            at
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use Axis::{Size, Time};

    #[test]
    fn broadcasting_follows_numpy_and_never_mixes_frames() {
        assert_eq!(
            broadcast(&[Size(1), Size(8), Time], &[Size(8), Size(1)]),
            Ok(vec![Size(1), Size(8), Time])
        );
        assert!(broadcast(&[Size(1), Time, Size(1)], &[Size(7), Size(1)]).is_err());
        assert!(broadcast(&[Size(3)], &[Size(2)]).is_err());
        assert!(broadcast(&[Time, Size(1), Size(6)], &[Size(1), Time, Size(6)]).is_err());
        assert_eq!(
            broadcast_planes(&[Size(2), Size(1)], &[Size(2), Time, Size(3)]),
            [0, 0, 0, 0, 0, 0]
        );
        assert_eq!(
            broadcast_planes(&[Size(2), Size(1), Size(1)], &[Size(2), Time, Size(3)]),
            [0, 0, 0, 1, 1, 1]
        );
        assert_eq!(
            broadcast_planes(&[Size(3)], &[Size(2), Time, Size(3)]),
            [0, 1, 2, 0, 1, 2]
        );
    }
}
