//! Where the taps of convolutions and pools lie. Axis 0 is H, axis 1 is W.

/// Sizes of a window that slides over a plane.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    pub size: [usize; 2],
    pub taps: [usize; 2],
    pub strides: [usize; 2],
    pub dilations: [usize; 2],
    /// H begin, W begin, H end, W end.
    pub pads: [i64; 4],
}

/// Sizes beyond this are refused: far above what memory holds, far below where sums of a few products overflow.
const LARGEST: i64 = 1 << 40;

fn bounded(value: usize) -> Option<i64> {
    i64::try_from(value).ok().filter(|value| (1..=LARGEST).contains(value))
}

impl Window {
    /// Per axis: size, taps, stride, dilation, the distance of the first and last tap.
    fn axis(&self, axis: usize) -> Option<(i64, i64, i64)> {
        let size = bounded(self.size[axis])?;
        let stride = bounded(self.strides[axis])?;
        let reach = (bounded(self.taps[axis])? - 1)
            .checked_mul(bounded(self.dilations[axis])?)
            .filter(|reach| *reach <= LARGEST)?;
        [self.pads[axis], self.pads[axis + 2]]
            .iter()
            .all(|pad| (-LARGEST..=LARGEST).contains(pad))
            .then_some((size, stride, reach))
    }

    /// `[H', W']` of a convolution; `None` if no window fits.
    pub fn output_size(&self) -> Option<[usize; 2]> {
        let mut result = [0; 2];
        for (axis, slot) in result.iter_mut().enumerate() {
            let (size, stride, reach) = self.axis(axis)?;
            let room = size + self.pads[axis] + self.pads[axis + 2] - reach - 1;
            *slot = usize::try_from((room >= 0).then_some(room / stride + 1)?).ok()?;
        }
        Some(result)
    }

    /// `[H', W']` of a transposed convolution before anything is cut.
    pub fn full_size(&self) -> Option<[usize; 2]> {
        let mut result = [0; 2];
        for (axis, slot) in result.iter_mut().enumerate() {
            let (size, stride, reach) = self.axis(axis)?;
            *slot = usize::try_from((size - 1).checked_mul(stride)?.checked_add(reach + 1)?).ok()?;
        }
        Some(result)
    }

    /// Of output position `at`, the taps that lie inside the input and where the first of them lies.
    pub fn inside(&self, axis: usize, at: usize) -> Inside {
        // All within ±2^41 or the product of two sizes that `output_size` has bounded.
        #[allow(clippy::cast_possible_wrap)]
        let (start, step, size, taps) = (
            (at * self.strides[axis]) as i64 - self.pads[axis],
            self.dilations[axis] as i64,
            self.size[axis] as i64,
            self.taps[axis] as i64,
        );
        let first = if start < 0 { (-start + step - 1) / step } else { 0 };
        let end = if start < size {
            ((size - 1 - start) / step + 1).min(taps)
        } else {
            0
        };
        if first >= end {
            return Inside {
                first: 0,
                end: 0,
                from: 0,
            };
        }
        // Not negative: 0 ≤ first < end ≤ taps, and the first tap lies inside.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        Inside {
            first: first as usize,
            end: end as usize,
            from: (start + first * step) as usize,
        }
    }
}

/// A run of taps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Inside {
    pub first: usize,
    pub end: usize,
    /// Position of the first in the input.
    pub from: usize,
}
