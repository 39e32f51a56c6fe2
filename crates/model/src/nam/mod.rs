//! Neural Amp Modeler: a `.nam` file, versions 0.5.0 to 0.7.0, to the checked graph.
//!
//! The format's truth is NeuralAmpModelerCore (`NAM/get_dsp.cpp`, `wavenet/`, `lstm.cpp`, `convnet.cpp`, `linear.cpp`,
//! `container.cpp`, read at commit daae2d0), and what it computes is computed here, also where the trainer's own PyTorch module
//! would differ (see [`wavenet`]). A file is one JSON object: `version`, `architecture`, `config`, a flat list of `weights`,
//! optional `sample_rate` (48 kHz if missing) and `metadata`.
//!
//! In order: [`spec`] reads versions, sizes and nesting; one module per architecture reads its `config`, says how many weights
//! that takes, and adds its layers to the graph; [`declared`] turns the metadata into keys of ours. The graph takes audio
//! `[1, 1, T]` and gives `[1, C, T]`. It starts from silence, as NAM's players prewarm.
//!
//! [`crate::metadata::Sizes`]: containers and slimmable WaveNets hold several sizes, of which one becomes the graph.

mod activation;
mod array;
mod conv;
mod convnet;
mod declared;
mod linear;
mod lstm;
mod slim;
mod spec;
mod unique;
mod wavenet;
mod weights;

use crate::ReadOptions;
use crate::assemble::Assembly;
use crate::error::{Result, fail};
use crate::graph::{Format, Graph};
use crate::json::Field;
use crate::metadata;
use crate::symbolic::SymInt;
use crate::tensor::DType;
use serde_json::Value as Json;

/// The names of input and output.
const AUDIO: &str = "audio";
const OUTPUT: &str = "audio_out";
/// Most channels of the output.
const MAX_OUTPUTS: usize = 2;

/// Reads a parsed file; `bytes` are its text.
pub(crate) fn read(
    json: &Json,
    bytes: &[u8],
    file: &str,
    sidecar: Option<&str>,
    options: &ReadOptions,
) -> Result<Graph> {
    unique::check(bytes)?;
    let root = Field::root(json);
    let spec = spec::read(&root, options.size)?;
    let mut assembly = Assembly::new(&options.limits);
    let sizes = vec![SymInt::Known(1), SymInt::Known(1), SymInt::symbol("frames")];
    let audio = assembly.input(AUDIO, DType::F32, sizes)?;
    let (out, channels) = spec.net.emit(&mut assembly, "", audio)?;
    if channels > MAX_OUTPUTS {
        fail!(
            Shape,
            "it gives {channels} channels, but mono and stereo models are played; it is meant to be a part of another model"
        );
    }
    assembly.output(OUTPUT, out)?;
    let mut graph = assembly.finish()?;
    let (mut keys, ignored) = declared::keys(&root, &spec);
    if let Some(sidecar) = sidecar {
        metadata::add_sidecar(&mut keys, sidecar, &options.limits)?;
    }
    let mut metadata = metadata::parse(keys)?;
    metadata.sizes = spec.sizes;
    metadata.ignored = ignored;
    metadata::check_against(&metadata, &graph)?;
    graph.name = metadata.name.clone().unwrap_or_else(|| stem(file));
    graph.format = Format::Nam;
    graph.metadata = metadata;
    Ok(graph)
}

fn stem(file: &str) -> String {
    let name = file.rsplit(['/', '\\']).next().unwrap_or(file);
    name.strip_suffix(".nam").unwrap_or(name).to_owned()
}
