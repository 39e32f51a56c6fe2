//! Convolutions and the dense layer, which is one of a single tap.

use super::{FRAMES, Group, Variant};
use crate::noise::Noise;
use anyhow::{Context, Result};
use std::hint::black_box;
use tonegraft_engine::Isa;
use tonegraft_kernels::Aligned;
use tonegraft_kernels::conv1d::{Conv1d, Inputs, Planes, PlanesMut, Shape, reference};

/// Inputs, outputs, taps, dilation: the layers of A1, A2-Full and A2-Lite, of the TCN, and dense ones.
const SIZES: [(usize, usize, usize, usize); 8] = [
    (16, 16, 3, 1),
    (16, 16, 3, 512),
    (8, 8, 3, 512),
    (8, 8, 6, 101),
    (3, 3, 6, 101),
    (128, 64, 3, 1),
    (16, 16, 1, 1),
    (40, 1, 1, 1),
];

pub(super) fn groups(isas: &[Isa]) -> Result<Vec<Group>> {
    SIZES.iter().map(|size| group(*size, isas)).collect()
}

fn group((inputs, outputs, taps, dilation): (usize, usize, usize, usize), isas: &[Isa]) -> Result<Group> {
    let shape = Shape {
        inputs,
        outputs,
        taps,
        groups: 1,
    };
    let mut noise = Noise::new();
    let stride = (FRAMES + (taps - 1) * dilation).next_multiple_of(tonegraft_kernels::LANES);
    let weights = noise.take(inputs * outputs * taps);
    let bias = noise.take(outputs);
    let x = Aligned::from(&noise.take(inputs * stride)[..]);
    let starts: Vec<usize> = (0..taps).map(|tap| tap * dilation).collect();
    let exact = {
        let (weights, bias, x, starts) = (weights.clone(), bias.clone(), x.clone(), starts.clone());
        move || {
            let layer = reference::Layer {
                shape,
                weights: &weights,
                bias: Some(&bias),
                slopes: None,
                mix: (0, &[]),
                activation: None,
            };
            reference::run(&layer, &given(&x, stride, &starts), FRAMES)
        }
    };
    // The reference gives each value with the sum of its terms' sizes.
    let expected: Vec<f64> = exact().into_iter().flatten().map(|(value, _)| value).collect();
    let mut variants = Vec::new();
    for isa in isas {
        let kernel = Conv1d::new(shape, &weights, Some(&bias), None, *isa).context("the sizes fit")?;
        let (x, starts) = (x.clone(), starts.clone());
        let mut y = Aligned::from(&vec![0.0; outputs * FRAMES][..]);
        let run = move |y: &mut [f32]| {
            let mut planes = PlanesMut {
                memory: y,
                stride: FRAMES,
            };
            kernel.run(&given(black_box(&x), stride, &starts), &mut planes, None, FRAMES);
        };
        run(&mut y);
        variants.push(Variant {
            isa: *isa,
            first: y.to_vec(),
            call: Box::new(move || run(black_box(&mut y))),
        });
    }
    let kind = if taps == 1 { "dense" } else { "conv1d" };
    Ok(Group {
        name: format!("{kind} {inputs}→{outputs} taps {taps} dilation {dilation}"),
        macs: inputs * outputs * taps * FRAMES,
        expected,
        tolerance: 1e-4,
        reference: Box::new(move || {
            black_box(exact());
        }),
        variants,
    })
}

/// One input, nothing added.
fn given<'a>(x: &'a [f32], stride: usize, starts: &'a [usize]) -> Inputs<'a> {
    Inputs {
        x: Planes { memory: x, stride },
        starts,
        ..Inputs::default()
    }
}
