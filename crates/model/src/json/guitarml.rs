//! `model_data` + `state_dict`: the recurrent networks of Automated-GuitarAmpModelling, with PyTorch's weights.
//!
//! `out = lin(rec([audio, knobs])) + skip · audio`. Gates stand in PyTorch's order: i, f, g, o for LSTM, r, z, n for GRU.
//! Upstream: CoreAudioML `networks.py` (`SimpleRNN`), NeuralPi and TS-M1N3 `RTNeuralLSTM.cpp`.

use super::declared::Declared;
use super::field::Field;
use super::net::{Cell, MAX_CHANNELS, Net, Unit, knobs, reordered};
use crate::error::{Result, fail, shorten};
use crate::op::Binary;

/// Most recurrent layers above each other.
const MAX_LAYERS: usize = 64;

pub(super) fn read(root: &Field<'_>, net: &mut Net<'_>, declared: &mut Declared) -> Result<()> {
    let data = root.need("model_data")?;
    let state = root.need("state_dict")?;
    if let Some(model) = data.get("model") {
        let model = model.text()?;
        if model != "SimpleRNN" {
            fail!(
                Version,
                "its network is a {}, but of this format SimpleRNN is read; export it as ONNX",
                shorten(model)
            );
        }
    }
    let kind = data.need("unit_type")?.text()?;
    let unit = match kind {
        "LSTM" => Unit::Lstm,
        "GRU" => Unit::Gru,
        other => fail!(
            Version,
            "its `model_data.unit_type` is {:?}, but LSTM and GRU are read; export it as ONNX",
            shorten(other)
        ),
    };
    let hidden = data.need("hidden_size")?.size(1, MAX_CHANNELS)?;
    let inputs = data.need("input_size")?.size(1, MAX_CHANNELS)?;
    let outputs = data
        .get("output_size")
        .map_or(Ok(1), |size| size.size(1, MAX_CHANNELS))?;
    let layers = data
        .get("num_layers")
        .map_or(Ok(1), |count| count.size(1, MAX_LAYERS))?;
    let skip = data.get("skip").map_or(Ok(0), |skip| skip.size(0, MAX_CHANNELS))?;
    let count = knobs(inputs)?;
    if skip > 1 {
        fail!(
            NoEffect,
            "it adds {skip} of its inputs to its output, so that a knob would be heard as a signal; `skip` is 0 or 1 in an effect"
        );
    }

    let audio = net.audio()?;
    let mut x = net.with_knobs(audio, count)?;
    for layer in 0..layers {
        let cell = cell(&state, layer, unit, x.channels, hidden)?;
        x = net.recurrent(&format!("rec{layer}"), x, cell)?;
    }
    let needs = format!("a layer of {hidden} units and {outputs} outputs");
    let w = state.need("lin.weight")?.floats(&[outputs, hidden], &needs)?;
    let b = (state.get("lin.bias"))
        .map(|bias| bias.floats(&[outputs], &needs))
        .transpose()?;
    let mut y = net.dense("lin", x, outputs, w, b)?;
    if skip == 1 && outputs == 1 {
        y = net.binary(Binary::Add, y, audio)?;
    }
    net.output(y)?;

    // TS-M1N3 made the networks with two knobs, and plays them at 48 kHz.
    let (names, rate, players): (&[&str], u32, &str) = match count {
        0 => (&[], 44_100, "NeuralPi and Proteus train and play"),
        1 => (&["Gain"], 44_100, "NeuralPi and Proteus train and play"),
        _ => (&["Drive", "Tone"], 48_000, "TS-M1N3 plays"),
    };
    declared.knobs(names, 0.5);
    declared.sample_rate(&[root, &data], rate, players);
    let metadata = root.get("metadata");
    for place in [Some(root), metadata.as_ref()].into_iter().flatten() {
        for (key, to) in [("name", "name"), ("author", "author"), ("license", "licence")] {
            declared.take(place, key, to);
        }
        declared.training_error(place, "esr");
    }
    Ok(())
}

/// Layer `layer` of PyTorch's `rec`.
fn cell(state: &Field<'_>, layer: usize, kind: Unit, inputs: usize, hidden: usize) -> Result<Cell> {
    let rows = kind.gates() * hidden;
    // ONNX's i, o, f, c and z, r, h.
    let order: &[usize] = match kind {
        Unit::Lstm => &[0, 3, 1, 2],
        Unit::Gru => &[1, 0, 2],
    };
    let needs = format!("a layer of {hidden} units with {inputs} inputs");
    let read = |name: &str, shape: &[usize]| -> Result<Vec<f32>> {
        let values = state.need(&format!("rec.{name}_l{layer}"))?.floats(shape, &needs)?;
        let row = shape.get(1).copied().unwrap_or(1);
        Ok(reordered(&values, hidden * row, order))
    };
    let mut b = read("bias_ih", &[rows])?;
    b.extend(read("bias_hh", &[rows])?);
    Ok(Cell {
        kind,
        hidden,
        w: read("weight_ih", &[rows, inputs])?,
        r: read("weight_hh", &[rows, hidden])?,
        b,
    })
}
