//! A chain file as written, checked as far as it can be without the models.

use super::chain_error;
use crate::error::{ReadError, ReadErrorKind, Result, fail, shorten};
use crate::front_end::Window;
use crate::json;
use crate::limits::Limits;
use crate::metadata::{self, Framing, Metadata};
use serde::Deserialize;
use serde_json::{Map, Value as Json};
use std::collections::BTreeMap;

/// The key by which a chain is recognised, with its version.
pub(super) const VERSION_KEY: &str = "tonegraft_chain";
/// The version that is read.
const VERSION: u64 = 1;
/// The wire that carries the audio in, unless the file says otherwise.
const AUDIO: &str = "audio";

/// A whole chain.
#[derive(Debug)]
pub(super) struct Description {
    pub metadata: Metadata,
    pub framing: Option<Framing>,
    /// The wire of the audio that comes in.
    pub input: String,
    /// The wire of the audio that goes out.
    pub output: String,
    pub stages: Vec<Stage>,
}

/// One stage.
#[derive(Debug)]
pub(super) struct Stage {
    /// For errors and, of models, before the names of their values.
    pub name: String,
    pub what: What,
    /// Wires that it reads.
    pub reads: Vec<String>,
    /// Wires that it defines.
    pub writes: Vec<String>,
}

/// What a stage is.
#[derive(Debug)]
pub(super) enum What {
    Model(Model),
    Operator(Operator),
}

/// A model file.
#[derive(Debug)]
pub(super) struct Model {
    pub source: Source,
    /// Model input and wire; `None` for the input that carries the signal.
    pub inputs: Vec<(Option<String>, String)>,
    /// Model output and wire; `None` for the output that carries the signal.
    pub outputs: Vec<(Option<String>, String)>,
    pub states: Vec<(String, String)>,
    pub constants: BTreeMap<String, f64>,
}

/// Where a model's bytes are.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Source {
    /// Beside the chain file.
    Path(String),
    /// In it.
    Embedded(Embedded),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Embedded {
    /// The file's name.
    pub name: String,
    /// Its content, base64.
    pub data: String,
    /// Its sidecar.
    pub sidecar: Option<Map<String, Json>>,
}

impl Source {
    /// The file's path or name.
    pub(super) fn file(&self) -> &str {
        match self {
            Self::Path(path) => path,
            Self::Embedded(embedded) => &embedded.name,
        }
    }
}

/// What an operator stage computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Function {
    Rfft,
    Irfft,
    Magnitude,
    Power,
    Phase,
    Polar,
    Complex,
    Real,
    Imaginary,
    Multiply,
    Divide,
    Add,
    Subtract,
    Window,
    Log,
    Exp,
    Sqrt,
    Tanh,
    Abs,
    Reshape,
    Transpose,
    Slice,
    Concat,
    KeepStages,
}

/// An operator stage.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Operator {
    pub op: Function,
    pub name: Option<String>,
    input: Option<String>,
    #[serde(default)]
    pub inputs: Vec<String>,
    output: Option<String>,
    pub value: Option<f32>,
    pub window: Option<Window>,
    pub shape: Option<Vec<i64>>,
    pub perm: Option<Vec<usize>>,
    pub axis: Option<usize>,
    pub start: Option<i64>,
    pub end: Option<i64>,
    pub count: Option<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenModel {
    model: Source,
    name: Option<String>,
    #[serde(default)]
    inputs: BTreeMap<String, String>,
    #[serde(default)]
    outputs: BTreeMap<String, String>,
    #[serde(default)]
    states: BTreeMap<String, String>,
    #[serde(default)]
    constants: BTreeMap<String, f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenFrame {
    size: u64,
    hop: u64,
    #[serde(default)]
    start: metadata::FrameStart,
}

/// The JSON object of a chain file.
pub(super) fn object(bytes: &[u8], limits: &Limits) -> Result<Map<String, Json>> {
    if bytes.len() > limits.max_bytes {
        fail!(
            Limit,
            "it has {} bytes, more than the {} allowed",
            bytes.len(),
            limits.max_bytes
        );
    }
    let text = json::without_mark(bytes);
    let object: Map<String, Json> = serde_json::from_slice(text)
        .map_err(|error| chain_error(format!("it is not a complete chain file, a JSON object ({error})")))?;
    match object.get(VERSION_KEY).and_then(Json::as_u64) {
        Some(VERSION) => Ok(object),
        Some(version) => Err(ReadError::new(
            ReadErrorKind::Version,
            format!("it is a chain of version {version}, but {VERSION} is read; update Tonegraft"),
        )),
        None => Err(chain_error(format!("its `{VERSION_KEY}` must be the number {VERSION}"))),
    }
}

/// Reads a chain file's own content.
pub(super) fn parse(bytes: &[u8], sidecar: Option<&str>, limits: &Limits) -> Result<Description> {
    let mut object = object(bytes, limits)?;
    object.remove(VERSION_KEY);
    let framing = match object.remove("frame") {
        None | Some(Json::Null) => None,
        Some(frame) => {
            let frame: WrittenFrame = metadata::fields(&frame.to_string()).map_err(|error| {
                chain_error(format!(
                    "its `frame` is not of the form {{\"size\", \"hop\"}} ({error})"
                ))
            })?;
            Some(Framing::checked("frame", frame.size, frame.hop, frame.start)?)
        }
    };
    let input = wire(object.remove("input"), "input")?.unwrap_or_else(|| AUDIO.to_owned());
    let output = wire(object.remove("output"), "output")?;
    let Some(Json::Array(written)) = object.remove("stages") else {
        return Err(chain_error("it has no list of `stages`"));
    };
    if written.is_empty() || written.len() > limits.max_stages {
        return Err(chain_error(format!(
            "it has {} stages, but there must be 1 to {}",
            written.len(),
            limits.max_stages
        )));
    }
    let (mut stages, mut current) = (Vec::with_capacity(written.len()), input.clone());
    for (index, stage) in written.into_iter().enumerate() {
        let stage = self::stage(stage, index, &current)
            .map_err(|error| chain_error(format!("its stage {} {error}", index + 1)))?;
        current = stage.writes.first().cloned().unwrap_or(current);
        stages.push(stage);
    }
    distinct(&mut stages);
    let mut declared = BTreeMap::new();
    metadata::add_object(&mut declared, object);
    if let Some(sidecar) = sidecar {
        metadata::add_sidecar(&mut declared, sidecar, limits)?;
    }
    let metadata = metadata::parse(declared)?;
    if metadata.stft.is_some() || metadata.framing.is_some() || !metadata.states.is_empty() {
        return Err(chain_error(
            "its metadata declares `stft`, `frame`, `block_size` or `states`; in a chain `frame` stands beside the stages, and all others in them",
        ));
    }
    Ok(Description {
        metadata,
        framing,
        input,
        output: output.unwrap_or(current),
        stages,
    })
}

fn wire(value: Option<Json>, key: &str) -> Result<Option<String>> {
    match value {
        None | Some(Json::Null) => Ok(None),
        Some(Json::String(name)) if !name.is_empty() => Ok(Some(name)),
        Some(_) => Err(chain_error(format!("its `{key}` must be the name of a wire"))),
    }
}

/// One stage; `current` is the wire that it takes if it names none.
fn stage(written: Json, index: usize, current: &str) -> std::result::Result<Stage, String> {
    let implicit = format!("#{}", index + 1);
    match (written.get("model").is_some(), written.get("op").is_some()) {
        (true, false) => {
            let written: WrittenModel =
                serde_json::from_value(written).map_err(|error| format!("is no model stage: {error}"))?;
            let list = |names: BTreeMap<String, String>| -> Vec<(Option<String>, String)> {
                names.into_iter().map(|(own, wire)| (Some(own), wire)).collect()
            };
            let mut inputs = list(written.inputs);
            if inputs.is_empty() {
                inputs.push((None, current.to_owned()));
            }
            let mut outputs = list(written.outputs);
            if outputs.is_empty() {
                outputs.push((None, implicit));
            }
            let stem = |file: &str| {
                let name = file.rsplit('/').next().unwrap_or(file);
                name.strip_suffix(".onnx").unwrap_or(name).to_owned()
            };
            Ok(Stage {
                name: shorten(&written.name.unwrap_or_else(|| stem(written.model.file()))),
                reads: inputs.iter().map(|(_, wire)| wire.clone()).collect(),
                writes: outputs.iter().map(|(_, wire)| wire.clone()).collect(),
                what: What::Model(Model {
                    source: written.model,
                    inputs,
                    outputs,
                    states: written.states.into_iter().collect(),
                    constants: written.constants,
                }),
            })
        }
        (false, true) => {
            let mut operator: Operator =
                serde_json::from_value(written).map_err(|error| format!("is no operator stage: {error}"))?;
            match (operator.input.take(), operator.inputs.is_empty()) {
                (Some(_), false) => return Err("has both `input` and `inputs`".to_owned()),
                (Some(input), true) => operator.inputs.push(input),
                (None, true) => operator.inputs.push(current.to_owned()),
                (None, false) => {}
            }
            Ok(Stage {
                name: shorten(&operator.name.clone().unwrap_or_else(|| format!("stage {}", index + 1))),
                reads: operator.inputs.clone(),
                writes: vec![operator.output.take().unwrap_or(implicit)],
                what: What::Operator(operator),
            })
        }
        (true, true) => Err("has both `model` and `op`".to_owned()),
        (false, false) => Err("has neither `model` nor `op`".to_owned()),
    }
}

/// Gives each stage a name of its own.
fn distinct(stages: &mut [Stage]) {
    let mut names = std::collections::HashSet::new();
    for stage in stages {
        let plain = stage.name.clone();
        let mut count = 1;
        while !names.insert(stage.name.clone()) {
            count += 1;
            stage.name = format!("{plain} {count}");
        }
    }
}
