//! LSTM and GRU.

use super::{FRAMES, Group, Variant};
use crate::noise::Noise;
use anyhow::{Context, Result};
use std::hint::black_box;
use tonegraft_engine::Isa;
use tonegraft_kernels::{Cell, Recurrent, gru, lstm};

/// Units of the layers, each with one input.
const UNITS: [usize; 3] = [16, 24, 40];

const CELLS: [Cell; 2] = [Cell::Lstm, Cell::Gru { reset_after: true }];

pub(super) fn groups(isas: &[Isa]) -> Result<Vec<Group>> {
    CELLS
        .iter()
        .flat_map(|cell| UNITS.map(|units| group(*cell, units, isas)))
        .collect()
}

fn group(cell: Cell, units: usize, isas: &[Isa]) -> Result<Group> {
    let mut noise = Noise::new();
    let rows = cell.gates() * units;
    // At most 1/√units, as trained layers begin.
    let scale = 4.0 / (units as f32).sqrt();
    let mut weights = |count: usize| {
        noise
            .take(count)
            .into_iter()
            .map(|weight| weight * scale)
            .collect::<Vec<f32>>()
    };
    let (w, r, b) = (weights(rows), weights(rows * units), weights(2 * rows));
    let x = noise.take(FRAMES);
    let exact = {
        let (w, r, b, x, zeros) = (w.clone(), r.clone(), b.clone(), x.clone(), vec![0.0; units]);
        move || match cell {
            Cell::Gru { reset_after } => {
                gru::reference::run(1, units, &w, &r, Some(&b), reset_after, &zeros, &x, FRAMES)
            }
            _ => lstm::reference::run(1, units, &w, &r, Some(&b), &zeros, &zeros, &x, FRAMES).0,
        }
    };
    let expected = exact();
    let mut variants = Vec::new();
    for isa in isas {
        let kernel = Recurrent::new(cell, 1, units, &w, &r, Some(&b), *isa).context("the sizes fit")?;
        let x = x.clone();
        let mut state = vec![0.0; kernel.state_len()];
        let mut y = vec![0.0; units * FRAMES];
        kernel.run(&mut state, &x, FRAMES, &mut y, FRAMES, FRAMES);
        let first = y.clone();
        let call = move || kernel.run(&mut state, black_box(&x), FRAMES, black_box(&mut y), FRAMES, FRAMES);
        variants.push(Variant {
            isa: *isa,
            first,
            call: Box::new(call),
        });
    }
    Ok(Group {
        name: format!("{} 1→{units}", cell.name()),
        macs: rows * (units + 1) * FRAMES,
        expected,
        tolerance: 1e-5,
        reference: Box::new(move || {
            black_box(exact());
        }),
        variants,
    })
}
