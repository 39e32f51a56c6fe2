//! Convolution along time, stride 1: dilated, grouped; also the dense layer per frame (one tap).
//!
//! `y[o, t] = f(bias[o] + Σ_k addend_k[o, t] + Σ_i mix[o, i] · u[i, t] + Σ_j Σ_i weights[o, i, j] · x[g·I + i, t + offset_j])`,
//! summed in that order, tap `j` outside and input `i` inside, on every instruction set and for every block length. Where tap
//! `j` of the input lies is given at each call, so that one kernel reads straight buffers and rings alike. Addends (a residual
//! path), the second input `u` with its weights `mix` (a WaveNet's condition) and the function `f` are options: what they
//! cost apart is mostly the way through memory. An optional slope per output makes the result `max(y, 0) + slope · min(y, 0)`
//! (ReLU, LeakyReLU, PReLU) before `f`. The result can be added to running totals as well (a WaveNet's skip path).

pub(crate) mod ahead;
pub(crate) mod few;
mod pack;
pub(crate) mod pair;
pub mod reference;
pub(crate) mod tiles;

use crate::activation::Function;
use crate::{Aligned, Isa, padded};

/// Most addends.
pub const MAX_ADDENDS: usize = 2;

/// Fewest outputs for which a block of few frames is computed along the channels by [`Conv1d::run`].
const FEW_FROM_OUTPUTS: usize = 6;

/// Sizes of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Input channels.
    pub inputs: usize,
    /// Output channels.
    pub outputs: usize,
    /// Taps.
    pub taps: usize,
    /// Groups; divides both channel counts.
    pub groups: usize,
}

/// A layer, packed for one instruction set.
#[derive(Clone, Debug)]
pub struct Conv1d {
    shape: Shape,
    isa: Isa,
    blocks: Vec<pack::Block>,
    weights: Vec<f32>,
    mix_inputs: usize,
    mix: Vec<f32>,
    /// One per output, padded to whole vectors; so are the slopes, if there are any.
    bias: Aligned,
    slopes: Option<Aligned>,
    activation: Option<Function>,
    /// Weights and those of the second input with the outputs inside; empty where blocks of few frames are as all others.
    few: [Aligned; 2],
}

/// Planes of frames at a fixed distance, to be read.
#[derive(Clone, Copy, Debug, Default)]
pub struct Planes<'a> {
    /// `[planes, …]`.
    pub memory: &'a [f32],
    /// Distance of two planes in floats.
    pub stride: usize,
}

impl Planes<'_> {
    /// Whether `planes` of `frames` lie in it, beginning at `start`.
    fn holds(&self, planes: usize, start: usize, frames: usize) -> bool {
        planes == 0 || (planes - 1) * self.stride + start + frames <= self.memory.len()
    }

    const fn pointers(&self) -> tiles::Planes {
        tiles::Planes {
            first: self.memory.as_ptr(),
            stride: self.stride,
        }
    }
}

/// Planes of frames at a fixed distance, to be written.
#[derive(Debug)]
pub struct PlanesMut<'a> {
    /// `[planes, …]`.
    pub memory: &'a mut [f32],
    /// Distance of two planes in floats.
    pub stride: usize,
}

/// What a layer reads.
#[derive(Clone, Copy, Debug, Default)]
pub struct Inputs<'a> {
    /// `[inputs, …]`.
    pub x: Planes<'a>,
    /// Where each tap begins in a plane of `x`.
    pub starts: &'a [usize],
    /// The second input, if the layer has one.
    pub mix: Planes<'a>,
    /// `[outputs, …]` each, at most [`MAX_ADDENDS`].
    pub addends: &'a [Planes<'a>],
}

impl Conv1d {
    /// `weights: [outputs, inputs / groups, taps]`, `bias: [outputs]`, `slopes: [outputs]`. `None` if a size does not fit.
    pub fn new(shape: Shape, weights: &[f32], bias: Option<&[f32]>, slopes: Option<&[f32]>, isa: Isa) -> Option<Self> {
        Self::with_mix(shape, weights, bias, slopes, (0, &[]), isa)
    }

    /// With a second input: how many channels it has, and their weights `[outputs, channels]`. `None` if a size does not fit.
    pub fn with_mix(
        shape: Shape,
        weights: &[f32],
        bias: Option<&[f32]>,
        slopes: Option<&[f32]>,
        (mix_inputs, mix): (usize, &[f32]),
        isa: Isa,
    ) -> Option<Self> {
        let Shape {
            inputs,
            outputs,
            taps,
            groups,
        } = shape;
        let fits = groups > 0
            && inputs > 0
            && outputs > 0
            && taps > 0
            && inputs.is_multiple_of(groups)
            && outputs.is_multiple_of(groups)
            && weights.len() == outputs.checked_mul(inputs / groups)?.checked_mul(taps)?
            && mix.len() == outputs.checked_mul(mix_inputs)?
            && bias.is_none_or(|bias| bias.len() == outputs)
            && slopes.is_none_or(|slopes| slopes.len() == outputs);
        if !fits {
            return None;
        }
        let isa = isa.or_scalar();
        let blocks = pack::blocks(shape, mix_inputs, isa);
        let vectors = |values: &[f32]| {
            let mut all = Aligned::zeros(padded(outputs));
            all.iter_mut().zip(values).for_each(|(to, value)| *to = *value);
            all
        };
        let few = if groups == 1 {
            [
                pack::by_input(outputs, inputs, taps, weights, isa.lanes()),
                pack::by_input(outputs, mix_inputs, 1, mix, isa.lanes()),
            ]
        } else {
            [Aligned::default(), Aligned::default()]
        };
        Some(Self {
            shape,
            isa,
            weights: pack::by_block(&blocks, inputs / groups, taps, weights),
            mix_inputs,
            mix: pack::by_block(&blocks, mix_inputs, 1, mix),
            bias: vectors(bias.unwrap_or(&[])),
            slopes: slopes.map(vectors),
            activation: None,
            few,
            blocks,
        })
    }

    /// With a function of the result. `None` if it does not [fuse](Function::fuses).
    #[must_use]
    pub fn with_activation(self, function: Function) -> Option<Self> {
        function.fuses().then_some(Self {
            activation: Some(function),
            ..self
        })
    }

    /// Sizes.
    pub const fn shape(&self) -> Shape {
        self.shape
    }

    /// Computes `frames` of `y: [outputs, …]`, and adds them to `total: [outputs, …]` if there is one. All planes are touched
    /// up to [`padded`] frames.
    ///
    /// # Realtime Safety
    /// Safe. Does nothing if a slice is too short.
    pub fn run(&self, inputs: &Inputs<'_>, y: &mut PlanesMut<'_>, total: Option<&mut PlanesMut<'_>>, frames: usize) {
        let few = frames <= few::MOST && self.has_few() && self.shape.outputs >= FEW_FROM_OUTPUTS;
        let (whole, outputs) = (padded(frames), self.shape.outputs);
        let last = inputs.starts.iter().max().copied().unwrap_or(0);
        let writable = |planes: &PlanesMut<'_>| (outputs - 1) * planes.stride + whole <= planes.memory.len();
        let fits = inputs.starts.len() == self.shape.taps
            && inputs.x.holds(self.shape.inputs, last, whole)
            && inputs.mix.holds(self.mix_inputs, 0, whole)
            && inputs.addends.len() <= MAX_ADDENDS
            && inputs.addends.iter().all(|addend| addend.holds(outputs, 0, whole))
            && writable(y)
            && total.as_deref().is_none_or(writable);
        debug_assert!(fits, "conv1d: slices too short");
        if !fits || frames == 0 {
            return;
        }
        let (total, total_stride) = total.map_or((std::ptr::null_mut(), 0), |total| {
            (total.memory.as_mut_ptr(), total.stride)
        });
        if few {
            let view = |planes: &Planes<'_>| few::View::planes(planes.memory.as_ptr(), planes.stride);
            let mut addends = [few::View::NONE; MAX_ADDENDS];
            for (to, from) in addends.iter_mut().zip(inputs.addends) {
                *to = view(from);
            }
            let call = few::Call {
                x: view(&inputs.x),
                starts: inputs.starts,
                inputs: self.shape.inputs,
                weights: self.few[0].as_ptr(),
                mix: view(&inputs.mix),
                mix_inputs: self.mix_inputs,
                mix_weights: self.few[1].as_ptr(),
                bias: self.bias.as_ptr(),
                slopes: self.slopes.as_ref().map_or(std::ptr::null(), |slopes| slopes.as_ptr()),
                addends: addends.get(..inputs.addends.len()).unwrap_or(&[]),
                activation: self.activation,
                outputs,
                y: few::View::planes(y.memory.as_ptr(), y.stride),
                total: few::View::planes(total, total_stride),
                frames,
            };
            // SAFETY: as below.
            unsafe { few::run(self.isa, &call) };
            return;
        }
        let mut addends = [tiles::Planes::NONE; MAX_ADDENDS];
        for (to, from) in addends.iter_mut().zip(inputs.addends) {
            *to = from.pointers();
        }
        let places = TilePlaces {
            x: inputs.x.pointers(),
            starts: inputs.starts,
            mix: inputs.mix.pointers(),
            addends: addends.get(..inputs.addends.len()).unwrap_or(&[]),
            y: (y.memory.as_mut_ptr(), y.stride),
            total: (total, total_stride),
        };
        // SAFETY: the instruction set is available by construction; the sizes were checked just now, weights and bias at
        // construction; `y` and `total` are borrowed exclusively, so they overlap nothing.
        unsafe { tiles::run(self.isa, &self.tile_call(&places, whole), &mut ahead::Ahead::none()) };
    }

    /// True if blocks of few frames have weights of their own.
    pub(crate) fn has_few(&self) -> bool {
        !self.few[0].is_empty()
    }

    /// What a block of few frames needs, taken away: from now on this layer is for blocks of many frames.
    pub(crate) fn take_few(&mut self) -> Few {
        let [weights, mix] = std::mem::take(&mut self.few);
        Few {
            weights,
            mix,
            bias: self.bias.clone(),
            slopes: self.slopes.clone(),
            activation: self.activation,
        }
    }

    /// For whole vectors of frames.
    #[inline(always)]
    pub(crate) fn tile_call<'a>(&'a self, places: &TilePlaces<'a>, frames: usize) -> tiles::Call<'a> {
        tiles::Call {
            x: places.x,
            starts: places.starts,
            y: places.y.0,
            y_stride: places.y.1,
            frames,
            blocks: &self.blocks,
            weights: self.weights.as_ptr(),
            bias: self.bias.as_ptr(),
            slopes: self.slopes.as_ref().map_or(std::ptr::null(), |slopes| slopes.as_ptr()),
            group_inputs: self.shape.inputs / self.shape.groups,
            mix: places.mix,
            mix_inputs: self.mix_inputs,
            mix_weights: self.mix.as_ptr(),
            addends: places.addends,
            outputs: self.shape.outputs,
            activation: self.activation,
            total: places.total.0,
            total_stride: places.total.1,
        }
    }

    /// Channels of the second input; 0 if there is none.
    pub(crate) const fn mix_inputs(&self) -> usize {
        self.mix_inputs
    }

    /// What it was packed for.
    pub(crate) const fn isa(&self) -> Isa {
        self.isa
    }
}

/// A layer for blocks of few frames; rows are whole vectors of outputs.
pub(crate) struct Few {
    /// `[taps, inputs, outputs]`.
    pub weights: Aligned,
    /// Of the second input, `[inputs, outputs]`.
    pub mix: Aligned,
    /// At least one row, and so are the slopes.
    pub bias: Aligned,
    pub slopes: Option<Aligned>,
    pub activation: Option<Function>,
}

/// Where a call reads and writes.
pub(crate) struct TilePlaces<'a> {
    pub x: tiles::Planes,
    pub starts: &'a [usize],
    pub mix: tiles::Planes,
    pub addends: &'a [tiles::Planes],
    pub y: (*mut f32, usize),
    pub total: (*mut f32, usize),
}

#[cfg(test)]
mod tests {
    use super::reference::Layer;
    use super::*;
    use proptest::prelude::*;

    /// Relative to the sum of magnitudes: rounding of a sum of n terms grows at most with n; the tests have n ≤ 8 · 21 + 5.
    const MAX_RELATIVE_ERROR: f64 = 200.0 * 6e-8;

    fn numbers(seed: u64, len: usize) -> Vec<f32> {
        let mut next = crate::test_numbers(seed);
        (0..len).map(|_| next()).collect()
    }

    fn bits(values: &[f32]) -> Vec<u32> {
        values.iter().map(|value| value.to_bits()).collect()
    }

    fn functions() -> impl Strategy<Value = Option<Function>> {
        prop_oneof![
            2 => Just(None),
            1 => Just(Some(Function::Tanh)),
            1 => Just(Some(Function::Sigmoid)),
            1 => Just(Some(Function::LeakyRelu { slope: 0.1 })),
            1 => Just(Some(Function::Softsign)),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(192))]
        #[test]
        fn close_to_the_reference_and_indifferent_to_cuts(
            seed in any::<u64>(),
            groups in 1usize..4,
            group_inputs in 1usize..14,
            group_outputs in 1usize..22,
            taps in 1usize..8,
            dilation in 1usize..9,
            frames in 1usize..140,
            cuts in proptest::collection::vec(1usize..40, 8),
            (mix_inputs, addends, with_total) in (0usize..4, 0usize..=MAX_ADDENDS, any::<bool>()),
            (sloped, activation) in (any::<bool>(), functions()),
        ) {
            let shape = Shape { inputs: groups * group_inputs, outputs: groups * group_outputs, taps, groups };
            let reach = (taps - 1) * dilation;
            let stride = padded(frames) + 16;
            let x = Planes { memory: &numbers(seed, shape.inputs * (reach + stride)), stride: reach + stride };
            let mix_x = Planes { memory: &numbers(seed ^ 4, mix_inputs * stride), stride };
            let added: Vec<Vec<f32>> = (0..addends as u64).map(|k| numbers(seed ^ (5 + k), shape.outputs * stride)).collect();
            let added: Vec<Planes<'_>> = added.iter().map(|memory| Planes { memory, stride }).collect();
            let weights = numbers(seed ^ 1, shape.outputs * group_inputs * taps);
            let mix = numbers(seed ^ 9, shape.outputs * mix_inputs);
            let bias = numbers(seed ^ 2, shape.outputs);
            let slopes = numbers(seed ^ 3, shape.outputs);
            let slopes = sloped.then_some(&slopes[..]);
            let before = numbers(seed ^ 8, shape.outputs * stride);
            let starts: Vec<usize> = (0..taps).map(|j| j * dilation).collect();
            let inputs = Inputs { x, starts: &starts, mix: mix_x, addends: &added };
            let layer = Layer {
                shape, weights: &weights, bias: Some(&bias), slopes, mix: (mix_inputs, &mix), activation,
            };
            let expected = reference::run(&layer, &inputs, frames);
            for isa in Isa::available() {
                let conv = Conv1d::with_mix(shape, &weights, Some(&bias), slopes, (mix_inputs, &mix), isa).expect("sizes fit");
                let conv = match activation {
                    Some(function) => conv.with_activation(function).expect("it fuses"),
                    None => conv,
                };
                let play = |blocks: &[usize]| {
                    let mut y = vec![f32::NAN; shape.outputs * stride];
                    let mut total = before.clone();
                    let mut done = 0;
                    for block in blocks {
                        let later: Vec<usize> = starts.iter().map(|start| start + done).collect();
                        let rest: Vec<Planes<'_>> =
                            added.iter().map(|planes| Planes { memory: &planes.memory[done..], ..*planes }).collect();
                        let mix = Planes { memory: mix_x.memory.get(done..).unwrap_or(&[]), ..mix_x };
                        let inputs = Inputs { x, starts: &later, mix, addends: &rest };
                        // What stands behind the block in the totals is scratch.
                        let mut part = PlanesMut { memory: &mut total.clone()[done..], stride };
                        conv.run(
                            &inputs,
                            &mut PlanesMut { memory: &mut y[done..], stride },
                            with_total.then_some(&mut part),
                            *block,
                        );
                        for plane in 0..shape.outputs {
                            let at = plane * stride;
                            let new = part.memory[at..at + block].to_vec();
                            total[done + at..done + at + block].copy_from_slice(&new);
                        }
                        done += block;
                    }
                    (y, total)
                };
                let (y, total) = play(&[frames]);
                for (o, row) in expected.iter().enumerate() {
                    for (t, (value, magnitude)) in row.iter().enumerate() {
                        let at = o * stride + t;
                        let bound = magnitude * MAX_RELATIVE_ERROR + f64::from(crate::activation::MAX_ERROR);
                        let error = (f64::from(y[at]) - value).abs();
                        prop_assert!(error <= bound, "{} at {},{}: {} not {}", isa, o, t, y[at], value);
                        let sum = if with_total { before[at] + y[at] } else { before[at] };
                        prop_assert_eq!(total[at].to_bits(), sum.to_bits());
                    }
                }
                let mut blocks = Vec::new();
                for cut in &cuts {
                    let left = frames - blocks.iter().sum::<usize>();
                    blocks.push(left.min(*cut));
                }
                blocks.push(frames - blocks.iter().sum::<usize>());
                for blocks in [blocks, vec![1; frames]] {
                    let (parts, total_of_parts) = play(&blocks);
                    for o in 0..shape.outputs {
                        let range = o * stride..o * stride + frames;
                        prop_assert_eq!(bits(&y[range.clone()]), bits(&parts[range.clone()]));
                        prop_assert_eq!(bits(&total[range.clone()]), bits(&total_of_parts[range]));
                    }
                }
            }
        }
    }

    #[test]
    fn sizes_that_do_not_fit_are_refused() {
        let shape = Shape {
            inputs: 2,
            outputs: 3,
            taps: 2,
            groups: 1,
        };
        let layer = |shape, weights: usize, bias: Option<&[f32]>, mix: (usize, &[f32])| {
            Conv1d::with_mix(shape, &vec![0.0; weights], bias, None, mix, Isa::Scalar)
        };
        assert!(layer(shape, 12, None, (0, &[])).is_some());
        assert!(layer(shape, 11, None, (0, &[])).is_none());
        assert!(layer(shape, 12, Some(&[0.0; 2]), (0, &[])).is_none());
        assert!(layer(shape, 12, None, (2, &[0.0; 5])).is_none());
        assert!(layer(Shape { groups: 2, ..shape }, 6, None, (0, &[])).is_none());
        let conv = layer(shape, 12, None, (2, &[0.0; 6])).expect("sizes fit");
        assert!(conv.clone().with_activation(Function::Tanh).is_some());
        assert!(conv.with_activation(Function::Erf).is_none());
    }
}
