//! Spectral front ends: a model of spectra becomes a model of frames of audio.
//!
//! `tonegraft.stft` in a file's metadata says that its input is a spectrum of windowed audio and its output a spectrum or a mask
//! of one. Reading puts window and transform before the model and the inverse transform and the second window behind it, all
//! of them operators of the graph; what is left for whoever plays it is [`Framing`](crate::Framing).

mod description;
mod layout;
mod windows;

pub(crate) use description::parse;
pub use description::{Normalise, SpectralInput, SpectralOutput, Stft, Window};
pub(crate) use layout::pins;

use crate::assemble::Assembly;
use crate::error::Result;
use crate::graph::{Graph, ValueId};
use crate::limits::Limits;
use crate::metadata::{Metadata, wrong};
use crate::op::{Binary, Unary};
use crate::symbolic::SymInt;
use crate::tensor::DType;
use layout::{Content, Layout};
use std::collections::HashMap;

/// Added inside logarithms of magnitudes as a floor.
const FLOOR: f32 = 1e-7;

/// The graph with its front end, if its metadata declares one. The spectral inputs are replaced by `audio [1, size]`, the
/// spectral outputs by `audio_out [1, size]`; all others stay. Open sizes must have been pinned ([`pins`]).
pub(crate) fn apply(graph: Graph, limits: &Limits) -> Result<Graph> {
    let Some(stft) = graph.metadata.stft.clone() else {
        return Ok(graph);
    };
    let window = stft.window.values(stft.framing.size);
    let synthesis = windows::synthesis(&stft, &window)?;
    let ends = layout::find(&graph, &stft)?;
    let mut metadata = graph.metadata.clone();
    let (name, format) = (graph.name.clone(), graph.format);

    let mut assembly = Assembly::new(limits);
    let built = &mut assembly;
    built.reserve(&graph);
    let size = i64::try_from(stft.framing.size).unwrap_or(i64::MAX);
    let audio = built.input("audio", DType::F32, vec![SymInt::Known(1), SymInt::Known(size)])?;
    let spectrum = {
        let framed = built.weigh(audio, &window)?;
        built.rfft(framed)?
    };
    let contents = spectral_inputs(built, &stft, spectrum)?;
    let mut feeds = HashMap::new();
    for (content, (id, layout)) in contents.into_iter().zip(&ends.inputs) {
        feeds.insert(*id, layout.laid_out(built, content)?);
    }
    let outputs: Vec<(ValueId, String)> = (graph.outputs.iter())
        .map(|id| (*id, graph.value(*id).name.clone()))
        .collect();
    let wires = built.replay(graph, "", &feeds)?;
    let mut given = Vec::new();
    for (id, layout) in &ends.outputs {
        let Some(wire) = wires.get(id) else { continue };
        given.push(layout.plain(built, *wire)?);
    }
    let new = spectral_output(built, &stft, spectrum, &given)?;
    let frame = built.irfft(new)?;
    let frame = built.weigh(frame, &synthesis)?;
    let out = built.output("audio_out", frame)?;
    metadata.audio_input = Some(built.name(audio).to_owned());
    metadata.audio_output = Some(built.name(out).to_owned());
    for (id, name) in outputs {
        if ends.outputs.iter().all(|(end, _)| *end != id)
            && let Some(wire) = wires.get(&id)
        {
            built.output(&name, *wire)?;
        }
    }
    let mut graph = assembly.finish()?;
    (graph.name, graph.format, graph.metadata) = (name, format, metadata);
    Ok(graph)
}

/// What the model's spectral inputs hold, from the spectrum `[1, bins, 2]`.
fn spectral_inputs(assembly: &mut Assembly<'_>, stft: &Stft, spectrum: ValueId) -> Result<Vec<ValueId>> {
    Ok(match stft.input {
        SpectralInput::Complex => vec![spectrum],
        SpectralInput::Magnitude => vec![assembly.magnitude(spectrum)?],
        SpectralInput::Power => vec![assembly.power(spectrum)?],
        SpectralInput::LogMagnitude => {
            let (magnitude, floor) = (assembly.magnitude(spectrum)?, assembly.number(FLOOR)?);
            let bounded = assembly.binary(Binary::Max, magnitude, floor)?;
            vec![assembly.unary(Unary::Log, bounded)?]
        }
        SpectralInput::Log1pMagnitude => {
            let (magnitude, one) = (assembly.magnitude(spectrum)?, assembly.number(1.0)?);
            let sum = assembly.binary(Binary::Add, magnitude, one)?;
            vec![assembly.unary(Unary::Log, sum)?]
        }
        SpectralInput::MagnitudePhase => vec![assembly.magnitude(spectrum)?, assembly.phase(spectrum)?],
        SpectralInput::RealImaginary => {
            let (real, imaginary) = assembly.parts(spectrum)?;
            vec![real, imaginary]
        }
    })
}

/// The new spectrum `[1, bins, 2]` from the old one and what the model gives.
fn spectral_output(assembly: &mut Assembly<'_>, stft: &Stft, spectrum: ValueId, given: &[ValueId]) -> Result<ValueId> {
    let (Some(first), second) = (given.first().copied(), given.get(1).copied()) else {
        return Err(wrong("stft", "finds no spectral output in the model"));
    };
    match (stft.output, second) {
        (SpectralOutput::Complex, _) => Ok(first),
        (SpectralOutput::Mask, _) => assembly.scaled(spectrum, first),
        (SpectralOutput::ComplexMask, _) => assembly.complex_product(spectrum, first),
        (SpectralOutput::Magnitude, _) => assembly.with_magnitude(spectrum, first),
        (SpectralOutput::LogMagnitude, _) => {
            let magnitude = assembly.unary(Unary::Exp, first)?;
            assembly.with_magnitude(spectrum, magnitude)
        }
        (SpectralOutput::MagnitudePhase, Some(second)) => assembly.polar(first, second),
        (SpectralOutput::RealImaginary, Some(second)) => assembly.pair(first, second),
        (_, None) => Err(wrong("stft", "needs two spectral outputs, but the model has one")),
    }
}

/// Whether the model's inputs and outputs hold pairs.
fn contents(stft: &Stft) -> ((usize, Content), (usize, Content)) {
    let input = match stft.input {
        SpectralInput::Complex => (1, Content::Complex),
        SpectralInput::MagnitudePhase | SpectralInput::RealImaginary => (2, Content::Real),
        _ => (1, Content::Real),
    };
    let output = match stft.output {
        SpectralOutput::Complex | SpectralOutput::ComplexMask => (1, Content::Complex),
        SpectralOutput::MagnitudePhase | SpectralOutput::RealImaginary => (2, Content::Real),
        _ => (1, Content::Real),
    };
    (input, output)
}

/// Spectral inputs and outputs of a graph, each with its layout.
struct Ends {
    inputs: Vec<(ValueId, Layout)>,
    outputs: Vec<(ValueId, Layout)>,
}

/// True if the metadata says that the input or output of this name is something else than the signal.
fn is_other(metadata: &Metadata, name: &str) -> bool {
    metadata.is_given(name)
        || metadata
            .states
            .iter()
            .any(|(input, output)| input == name || output == name)
        || metadata.meters.iter().any(|meter| meter == name)
}
