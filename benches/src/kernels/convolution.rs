//! Convolutions and the dense layer, which is one of a single tap.

use super::{FRAMES, Group, Variant};
use crate::noise::Noise;
use anyhow::{Context, Result};
use std::hint::black_box;
use tonegraft_engine::Isa;
use tonegraft_kernels::conv1d::{Conv1d, Shape, reference};

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
    let x = noise.take(inputs * stride);
    let starts: Vec<usize> = (0..taps).map(|tap| tap * dilation).collect();
    let exact = {
        let (weights, bias, x, starts) = (weights.clone(), bias.clone(), x.clone(), starts.clone());
        move || reference::run(shape, &weights, Some(&bias), None, &x, stride, &starts, FRAMES)
    };
    // The reference gives each value with the sum of its terms' sizes.
    let expected: Vec<f64> = exact().into_iter().flatten().map(|(value, _)| value).collect();
    let mut variants = Vec::new();
    for isa in isas {
        let kernel = Conv1d::new(shape, &weights, Some(&bias), None, *isa).context("the sizes fit")?;
        let (x, starts) = (x.clone(), starts.clone());
        let mut y = vec![0.0; outputs * FRAMES];
        kernel.run(&x, stride, &starts, &mut y, FRAMES, FRAMES);
        let first = y.clone();
        let call = move || kernel.run(black_box(&x), stride, &starts, black_box(&mut y), FRAMES, FRAMES);
        variants.push(Variant {
            isa: *isa,
            first,
            call: Box::new(call),
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
