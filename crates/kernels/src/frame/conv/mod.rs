//! Convolutions and transposed convolutions of a frame.
//!
//! Both are sums over shifted copies of the input ([`lower`]): the input goes into a padded copy (left out where it needs no
//! padding), in which every tap of every output position lies at a fixed distance from where the position begins. A transposed
//! convolution of stride `s` falls into `s` parts per axis, each with the taps that meet its positions, so that no product
//! with an inserted zero is computed and every weight is read once.
//!
//! A part runs with vectors along the outputs ([`super::product`]: few positions, many channels, the usual case in codecs) or
//! along the positions ([`along`]: many positions, few outputs, depthwise layers), whichever takes fewer vectors.

mod along;
mod lower;

use super::product::{self, Call, Packed, Panel};
use super::{Function, Run};
use crate::Isa;
use lower::{Geometry, Layer, Padding};

/// Columns up to which vectors along positions cost less than what the other way prepares per panel.
const BRIEF: usize = 32;

#[derive(Debug)]
pub(super) struct Conv {
    geometry: Geometry,
    padding: Option<Padding>,
    parts: Vec<Part>,
    packed: Packed,
    /// Floats of the widest panel of all positions of a part.
    sums: usize,
}

/// Output positions that the same taps meet.
#[derive(Debug)]
struct Part {
    positions: Positions,
    columns: Vec<u32>,
    way: Way,
}

/// Where positions read and write, relative to a group's first input plane and an output plane.
#[derive(Debug)]
struct Positions {
    from: Vec<u32>,
    to: Vec<u32>,
    /// Positions of a line: neighbours that read neighbours.
    line: usize,
    /// From one position of a line to the next in the output.
    to_step: usize,
}

#[derive(Debug)]
enum Way {
    /// Vectors along the outputs; per panel the group it reads.
    Across(Vec<(Panel, usize)>),
    /// Vectors along the positions.
    Along(Vec<along::Block>),
}

impl Conv {
    /// `None` if the padded input is beyond all bounds.
    pub fn new(function: &Function, isa: Isa) -> Option<Self> {
        let Layer {
            geometry,
            weights,
            bias,
        } = Geometry::of(function)?;
        let mut padding = geometry.padding()?;
        let mut packed = Packed::default();
        let mut parts = Vec::new();
        let mut sums = 0;
        for axes in geometry.parts(&padding) {
            let positions = geometry.positions(&padding, &axes)?;
            let taps = lower::taps(&axes, geometry.taps[1]);
            let columns = geometry.columns(&padding, &taps)?;
            let weight = |output: usize, column: usize| weights[geometry.weight(output, column, &taps)];
            let count = positions.from.len();
            let lanes = isa.lanes();
            let across = geometry.groups * geometry.group_outputs.div_ceil(lanes) * count;
            let along = geometry.outputs() * (count / positions.line) * positions.line.div_ceil(lanes);
            // As many vectors either way: the shorter path, unless its sums would wait for one another.
            let brief = geometry.group_outputs < lanes && columns.len() <= BRIEF;
            let way = if along < across || (along == across && brief) {
                Way::Along(along::pack(&mut packed, &geometry, columns.len(), weight, bias))
            } else {
                let mut panels = Vec::new();
                for group in 0..geometry.groups {
                    let (first, outputs) = (group * geometry.group_outputs, geometry.group_outputs);
                    let of_group = packed.add(isa, first, outputs, columns.len(), weight, bias);
                    panels.extend(of_group.into_iter().map(|panel| (panel, group)));
                }
                let widest = panels.iter().map(|(panel, _)| panel.vectors * lanes).max().unwrap_or(0);
                sums = sums.max(super::sizes::floats(&[count, widest])?);
                Way::Across(panels)
            };
            parts.push(Part {
                positions,
                columns,
                way,
            });
        }
        // Vectors along positions read up to a vector past the last one.
        let past_the_end = parts.iter().any(|part| matches!(part.way, Way::Along(_)));
        if past_the_end {
            padding.slack = 2 * crate::LANES;
        }
        Some(Self {
            geometry,
            padding: (past_the_end || !padding.is_none()).then_some(padding),
            parts,
            packed,
            sums,
        })
    }
}

impl Run for Conv {
    fn scratch(&self) -> usize {
        self.padding.as_ref().map_or(0, |padding| padding.len(&self.geometry)) + self.sums
    }

    fn run(&self, isa: Isa, inputs: &[&[f32]], output: &mut [f32], scratch: &mut [f32]) {
        let [x] = inputs else { return };
        let padded = self.padding.as_ref().map_or(0, |padding| padding.len(&self.geometry));
        let Some((copy, sums)) = scratch.split_at_mut_checked(padded) else {
            return;
        };
        let (x, plane): (&[f32], usize) = match &self.padding {
            Some(padding) => {
                padding.fill(&self.geometry, x, copy);
                (copy, padding.plane())
            }
            None => (x, self.geometry.size[0] * self.geometry.size[1]),
        };
        for part in &self.parts {
            match &part.way {
                Way::Across(panels) => {
                    for (panel, group) in panels {
                        self.across(isa, part, panel, (x, group * self.geometry.group_inputs * plane), sums);
                        self.spread(part, panel, panel.vectors * isa.lanes(), sums, output);
                    }
                }
                Way::Along(blocks) => {
                    let call = along::Call {
                        x: x.as_ptr(),
                        group_stride: self.geometry.group_inputs * plane,
                        columns: &part.columns,
                        weights: self.packed.weights.as_ptr(),
                        start: self.packed.start.as_ptr(),
                        y: output.as_mut_ptr(),
                        y_plane: self.geometry.plane(),
                        from: &part.positions.from,
                        to: &part.positions.to,
                        line: part.positions.line,
                        to_step: part.positions.to_step,
                        blocks,
                    };
                    // SAFETY: the instruction set is available by construction; every position and column lies inside the
                    // padded copy, which has room for a vector more; the output has all positions of all planes.
                    unsafe { along::run(isa, &call) };
                }
            }
        }
    }
}

impl Conv {
    /// `sums [positions, width] = ` one panel of one part; `x` with where the panel's group begins in it.
    fn across(&self, isa: Isa, part: &Part, panel: &Panel, x: (&[f32], usize), sums: &mut [f32]) {
        let width = panel.vectors * isa.lanes();
        debug_assert!(part.positions.from.len() * width <= sums.len());
        // SAFETY: the instruction set is available by construction; every position and column of the group lies inside `x`;
        // weights and start values are there as packed; the sums have room for the widest panel of all positions.
        unsafe {
            let call = Call {
                x: x.0.as_ptr().add(x.1),
                rows: &part.positions.from,
                columns: &part.columns,
                weights: self.packed.weights.as_ptr().add(panel.weights),
                half: false,
                weights_stride: width,
                vectors: panel.vectors,
                start: self.packed.start.as_ptr().add(panel.start),
                y: sums.as_mut_ptr(),
                y_stride: width,
            };
            product::run(isa, &call);
        }
    }

    /// From `sums [positions, width]` to the output's planes.
    fn spread(&self, part: &Part, panel: &Panel, width: usize, sums: &[f32], output: &mut [f32]) {
        let plane = self.geometry.plane();
        for (sums, to) in sums.chunks_exact(width).zip(&part.positions.to) {
            let Some(output) = output.get_mut(*to as usize + panel.first * plane..) else {
                return;
            };
            let slots = output.iter_mut().step_by(plane);
            for (slot, sum) in slots.zip(sums.iter().take(panel.outputs)) {
                *slot = *sum;
            }
        }
    }
}
