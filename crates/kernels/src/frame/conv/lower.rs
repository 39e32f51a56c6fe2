//! Which taps meet which positions, and where they lie in the padded input.
//!
//! Along W a padded row is sorted by the remainder of the stride, `[stride, ⌈length / stride⌉]`: output positions that are
//! neighbours then read neighbours, whatever the stride.

use super::super::sizes::floats;
use super::Positions;
use crate::frame::Function;

/// Sizes of either convolution.
#[derive(Clone, Copy, Debug)]
pub(super) struct Geometry {
    pub transposed: bool,
    pub batch: usize,
    pub groups: usize,
    pub group_inputs: usize,
    pub group_outputs: usize,
    pub size: [usize; 2],
    pub output_size: [usize; 2],
    pub taps: [usize; 2],
    strides: [usize; 2],
    dilations: [usize; 2],
    /// In front, H and W.
    pads: [i64; 2],
}

/// A layer's sizes and numbers.
pub(super) struct Layer<'a> {
    pub geometry: Geometry,
    /// As the function has them.
    pub weights: &'a [f32],
    pub bias: Option<&'a [f32]>,
}

/// The padded input: `[batch, inputs, rows, stride, row / stride]`, and slack behind.
#[derive(Clone, Copy, Debug)]
pub(super) struct Padding {
    /// Zeros in front; negative: cut. H and W.
    front: [i64; 2],
    rows: usize,
    /// Floats between elements that are neighbours in their remainder's run.
    stride: usize,
    /// Length of such a run.
    run: usize,
    pub slack: usize,
    needless: bool,
}

/// One axis of a part: `count` positions, of which number `i` begins at `from + i · step` and goes to `to + i · to_step`, and
/// the taps with their distances.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    from: usize,
    step: usize,
    count: usize,
    to: usize,
    to_step: usize,
    taps: Vec<(usize, usize)>,
}

impl Geometry {
    /// `None` for other functions.
    pub fn of(function: &Function) -> Option<Layer<'_>> {
        let window = function.window()?;
        let (transposed, batch, groups, inputs, outputs, output_size, weights, bias) = match function {
            Function::Conv {
                batch,
                groups,
                inputs,
                outputs,
                weights,
                bias,
                ..
            } => (
                false,
                batch,
                groups,
                inputs,
                outputs,
                window.output_size()?,
                weights,
                bias,
            ),
            Function::ConvTranspose {
                batch,
                groups,
                inputs,
                outputs,
                output_size,
                weights,
                bias,
                ..
            } => (true, batch, groups, inputs, outputs, *output_size, weights, bias),
            _ => return None,
        };
        // A stride over a single position moves nothing.
        let alone = |axis: usize| !transposed && output_size[axis] == 1;
        let stride = |axis: usize| if alone(axis) { 1 } else { window.strides[axis] };
        let geometry = Self {
            transposed,
            batch: *batch,
            groups: *groups,
            group_inputs: inputs / groups,
            group_outputs: outputs / groups,
            size: window.size,
            output_size,
            taps: window.taps,
            strides: [stride(0), stride(1)],
            dilations: window.dilations,
            pads: [window.pads[0], window.pads[1]],
        };
        Some(Layer {
            geometry,
            weights,
            bias: bias.as_deref(),
        })
    }

    pub fn outputs(&self) -> usize {
        self.groups * self.group_outputs
    }

    fn inputs(&self) -> usize {
        self.groups * self.group_inputs
    }

    /// Floats of an output plane.
    pub fn plane(&self) -> usize {
        self.output_size[0] * self.output_size[1]
    }

    /// Zeros in front and the length that all reads lie in, along an axis.
    fn extent(&self, axis: usize) -> Option<(i64, usize)> {
        let last = i64::try_from(self.output_size[axis] - 1).ok()?;
        let stride = i64::try_from(self.strides[axis]).ok()?;
        // The geometry of the window bounds this product and the next.
        let reach = i64::try_from((self.taps[axis] - 1) * self.dilations[axis]).ok()?;
        let pad = self.pads[axis];
        if !self.transposed {
            return Some((pad, usize::try_from(last * stride + reach + 1).ok()?));
        }
        let (lowest, highest) = ((pad - reach).div_euclid(stride), (last + pad).div_euclid(stride));
        Some((-lowest, usize::try_from(highest - lowest + 1).ok()?))
    }

    pub fn padding(&self) -> Option<Padding> {
        let ((front_rows, rows), (front, length)) = (self.extent(0)?, self.extent(1)?);
        let stride = if self.transposed { 1 } else { self.strides[1] };
        // Of a transposed convolution: parts, times taps to sort into them.
        let parts = |axis: usize| {
            if self.transposed {
                self.strides[axis].min(self.output_size[axis])
            } else {
                1
            }
        };
        floats(&[parts(0), parts(1), self.taps[0], self.taps[1]])?;
        let padding = Padding {
            front: [front_rows, front],
            rows,
            stride,
            run: length.div_ceil(stride),
            slack: 0,
            needless: stride == 1 && [front_rows, front] == [0, 0] && [rows, length] == self.size,
        };
        floats(&[self.batch, self.inputs(), rows, padding.stride, padding.run])?;
        Some(padding)
    }

    /// Part after part, `[H, W]`.
    pub fn parts(&self, padding: &Padding) -> Vec<[Axis; 2]> {
        let row = padding.stride * padding.run;
        let along_rows = self.axes(0, row);
        let along = self.axes(1, 1);
        along_rows
            .iter()
            .flat_map(|rows| along.iter().map(|columns| [rows.clone(), columns.clone()]))
            .collect()
    }

    /// The parts of an axis whose elements lie `unit` floats apart in the padded input.
    fn axes(&self, axis: usize, unit: usize) -> Vec<Axis> {
        let (taps, stride, dilation, count) = (
            self.taps[axis],
            self.strides[axis],
            self.dilations[axis],
            self.output_size[axis],
        );
        if !self.transposed {
            // Along W elements are sorted by the stride's remainder; along H they are not.
            let run = |at: usize| if axis == 1 { self.run_place(at) } else { at * unit };
            return vec![Axis {
                from: 0,
                step: if axis == 1 { 1 } else { stride * unit },
                count,
                to: 0,
                to_step: 1,
                taps: (0..taps).map(|tap| (tap, run(tap * dilation))).collect(),
            }];
        }
        let signed = |value: usize| i64::try_from(value).unwrap_or(i64::MAX);
        let (pad, s) = (self.pads[axis], signed(stride));
        let front = self.extent(axis).map_or(0, |extent| extent.0);
        (0..stride.min(count))
            .map(|first| {
                // Position q of the cut result is q + pad = n · stride + remainder of the full one; tap k meets it if k · dilation
                // has that remainder, and reads input n − (k · dilation − remainder) / stride.
                let (n, remainder) = ((signed(first) + pad).div_euclid(s), (signed(first) + pad).rem_euclid(s));
                let meets: Vec<(usize, i64)> = (0..taps)
                    .filter(|tap| signed(tap * dilation).rem_euclid(s) == remainder)
                    .map(|tap| (tap, (signed(tap * dilation) - remainder).div_euclid(s)))
                    .collect();
                let farthest = meets.iter().map(|(_, back)| *back).max().unwrap_or(0);
                let place = |at: i64| usize::try_from(at).unwrap_or(0) * unit;
                Axis {
                    from: if meets.is_empty() {
                        0
                    } else {
                        place(n + front - farthest)
                    },
                    step: unit,
                    count: (count - first).div_ceil(stride),
                    to: first,
                    to_step: stride,
                    taps: meets
                        .into_iter()
                        .map(|(tap, back)| (tap, place(farthest - back)))
                        .collect(),
                }
            })
            .collect()
    }

    /// Where element `at` of a padded row lies.
    fn run_place(&self, at: usize) -> usize {
        let (stride, run) = (
            self.strides[1],
            self.extent(1).map_or(0, |extent| extent.1).div_ceil(self.strides[1]),
        );
        at % stride * run + at / stride
    }

    /// All positions of a part: batches outside, then lines.
    pub fn positions(&self, padding: &Padding, [rows, columns]: &[Axis; 2]) -> Option<Positions> {
        let (mut from, mut to) = (Vec::new(), Vec::new());
        for frame in 0..self.batch {
            let (x, y) = (
                frame * self.inputs() * padding.plane(),
                frame * self.outputs() * self.plane(),
            );
            for row in 0..rows.count {
                for column in 0..columns.count {
                    from.push(x + rows.from + row * rows.step + columns.from + column * columns.step);
                    to.push(
                        y + (rows.to + row * rows.to_step) * self.output_size[1]
                            + columns.to
                            + column * columns.to_step,
                    );
                }
            }
        }
        Some(Positions {
            from: narrow(from)?,
            to: narrow(to)?,
            line: columns.count,
            to_step: columns.to_step,
        })
    }

    /// Where each input channel's taps lie, relative to a position.
    pub fn columns(&self, padding: &Padding, taps: &[(usize, usize)]) -> Option<Vec<u32>> {
        let channels = 0..self.group_inputs;
        narrow(
            channels
                .flat_map(|channel| taps.iter().map(move |(_, at)| channel * padding.plane() + at))
                .collect(),
        )
    }

    /// The place in the weights of an output's column.
    pub fn weight(&self, output: usize, column: usize, taps: &[(usize, usize)]) -> usize {
        let (channel, tap) = (column / taps.len(), taps[column % taps.len()].0);
        let all = self.taps[0] * self.taps[1];
        if self.transposed {
            let (group, output) = (output / self.group_outputs, output % self.group_outputs);
            ((group * self.group_inputs + channel) * self.group_outputs + output) * all + tap
        } else {
            (output * self.group_inputs + channel) * all + tap
        }
    }
}

fn narrow(places: Vec<usize>) -> Option<Vec<u32>> {
    places.into_iter().map(|place| u32::try_from(place).ok()).collect()
}

/// The taps of a part: number in the weights, and distance.
pub(super) fn taps([rows, columns]: &[Axis; 2], width: usize) -> Vec<(usize, usize)> {
    let row = |(row, at): &(usize, usize)| {
        let (row, at) = (*row, *at);
        columns
            .taps
            .iter()
            .map(move |(column, to)| (row * width + column, at + to))
            .collect::<Vec<_>>()
    };
    rows.taps.iter().flat_map(row).collect()
}

impl Padding {
    /// True if the input is as good.
    pub const fn is_none(&self) -> bool {
        self.needless
    }

    /// Floats of a padded plane.
    pub const fn plane(&self) -> usize {
        self.rows * self.stride * self.run
    }

    /// Floats of all.
    pub fn len(&self, geometry: &Geometry) -> usize {
        geometry.batch * geometry.inputs() * self.plane() + self.slack
    }

    /// `x: [batch, inputs, H, W]` to `copy`, of [`Self::len`] floats.
    pub fn fill(&self, geometry: &Geometry, x: &[f32], copy: &mut [f32]) {
        let [height, width] = geometry.size;
        copy.fill(0.0);
        let length = self.stride * self.run;
        // Input elements `skip ..` of an axis go to `front ..` of the padded one.
        let split = |front: i64| {
            (
                usize::try_from(-front).unwrap_or(0),
                usize::try_from(front).unwrap_or(0),
            )
        };
        let ((skip_rows, front_rows), (skip, front)) = (split(self.front[0]), split(self.front[1]));
        for (x, copy) in x.chunks_exact(height * width).zip(copy.chunks_exact_mut(self.plane())) {
            let rows = copy.chunks_exact_mut(length).skip(front_rows);
            for (x, copy) in x.chunks_exact(width).skip(skip_rows).zip(rows) {
                let x = x.get(skip..).unwrap_or(&[]);
                if self.stride == 1 {
                    let count = x.len().min(length.saturating_sub(front));
                    if let (Some(to), Some(x)) = (copy.get_mut(front..front + count), x.get(..count)) {
                        to.copy_from_slice(x);
                    }
                } else {
                    for (at, x) in (front..length).zip(x) {
                        if let Some(to) = copy.get_mut(at % self.stride * self.run + at / self.stride) {
                            *to = *x;
                        }
                    }
                }
            }
        }
    }
}
