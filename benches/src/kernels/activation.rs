//! Activations over 16 channels.

use super::{FRAMES, Group, Variant};
use crate::noise::Noise;
use anyhow::Result;
use std::hint::black_box;
use tonegraft_engine::Isa;
use tonegraft_kernels::Activation;
use tonegraft_kernels::activation::{Function, MAX_ERROR, reference};

const CHANNELS: usize = 16;

const FUNCTIONS: [(&str, Function); 4] = [
    ("tanh", Function::Tanh),
    ("sigmoid", Function::Sigmoid),
    ("leaky relu", Function::LeakyRelu { slope: 0.01 }),
    ("elu", Function::Elu { alpha: 1.0, gamma: 1.0 }),
];

pub(super) fn groups(isas: &[Isa]) -> Result<Vec<Group>> {
    FUNCTIONS
        .iter()
        .map(|(name, function)| group(name, *function, isas))
        .collect()
}

fn group(name: &str, function: Function, isas: &[Isa]) -> Result<Group> {
    // −5 … 5.
    let x: Vec<f32> = Noise::new()
        .take(CHANNELS * FRAMES)
        .into_iter()
        .map(|x| x * 20.0)
        .collect();
    let exact = {
        let x = x.clone();
        move || {
            x.iter()
                .map(|x| reference::apply(function, f64::from(*x)))
                .collect::<Vec<f64>>()
        }
    };
    let expected = exact();
    let mut variants = Vec::new();
    for isa in isas {
        let kernel = Activation::new(function, *isa);
        let x = x.clone();
        let mut y = vec![0.0; x.len()];
        kernel.map(&x, &mut y);
        let first = y.clone();
        let call = move || kernel.map(black_box(&x), black_box(&mut y));
        variants.push(Variant {
            isa: *isa,
            first,
            call: Box::new(call),
        });
    }
    Ok(Group {
        name: format!("{name} {CHANNELS} channels"),
        macs: 0,
        expected,
        tolerance: f64::from(MAX_ERROR),
        reference: Box::new(move || {
            black_box(exact());
        }),
        variants,
    })
}
