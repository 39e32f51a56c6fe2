//! JSON model files of other players: text to the checked graph.
//!
//! Four dialects, told apart by their keys, not by the file's name:
//!
//! * `guitarml`: `model_data` + `state_dict`, what Automated-GuitarAmpModelling trains and NeuralPi, Proteus, TS-M1N3 and
//!   Chameleon play;
//! * `keras`: `in_shape` + `layers`, the layers of RTNeural, with AIDA-X's gains, metadata and self-test;
//! * `smartamp`: `conv1d` + `conv1d_1` + `lstm` + `dense`, SmartAmpPro's windows;
//! * `wavenet`: `residual_channels` + `variables`, the WaveNet of WaveNetVA, PedalNet and SmartAmp.
//!
//! All of them take audio `[1, 1, T]`, and knobs `[1, K]` where they have some, and give audio `[1, 1, T]`. States start from
//! zeros, as in their own players. The order is: `text` holds the limits and parses, `field` reads with the place in the file at
//! hand for errors, `net` adds layers to the graph.

mod declared;
mod field;
mod guitarml;
mod keras;
mod net;
mod selftest;
mod smartamp;
mod text;
mod wavenet;

use crate::error::{Result, fail};
use crate::graph::{Format, Graph};
use crate::limits::Limits;
use crate::metadata;
use declared::Declared;
pub(crate) use field::Field;
use net::Net;
pub use selftest::{SelfTest, self_test};
use serde_json::Value as Json;
pub(crate) use text::{begins_object, parse, without_mark};

/// Which of the dialects a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dialect {
    Guitarml,
    Keras,
    Smartamp,
    Wavenet,
}

/// By the keys of the outermost object.
fn dialect(file: &Json) -> Option<Dialect> {
    let has = |key: &str| file.get(key).is_some();
    if has("model_data") || has("state_dict") {
        Some(Dialect::Guitarml)
    } else if has("layers") {
        Some(Dialect::Keras)
    } else if has("conv1d") && has("lstm") && has("dense") {
        Some(Dialect::Smartamp)
    } else if has("residual_channels") || has("variables") {
        Some(Dialect::Wavenet)
    } else {
        None
    }
}

/// Reads one of the dialects, parsed already.
pub(crate) fn from_value(json: &Json, file: &str, sidecar: Option<&str>, limits: &Limits) -> Result<Graph> {
    let Some(dialect) = dialect(json) else {
        let mut keys: Vec<String> = (json.as_object().into_iter().flatten())
            .map(|(key, _)| format!("`{}`", crate::error::shorten(key)))
            .take(6)
            .collect();
        if keys.is_empty() {
            keys.push("no keys".to_owned());
        }
        fail!(
            NotModel,
            "it is JSON, but none of the model formats that are read: it has {}; choose a .nam, a GuitarML, AIDA-X or RTNeural, \
             SmartAmpPro or PedalNet file, or a chain",
            keys.join(", ")
        );
    };
    let root = Field::root(json);
    let mut net = Net::new(limits);
    let mut declared = Declared::default();
    match dialect {
        Dialect::Guitarml => guitarml::read(&root, &mut net, &mut declared)?,
        Dialect::Keras => keras::read(&root, &mut net, &mut declared)?,
        Dialect::Smartamp => smartamp::read(&root, &mut net, &mut declared)?,
        Dialect::Wavenet => wavenet::read(&root, &mut net, &mut declared)?,
    }
    let mut graph = net.finish()?;
    let mut keys = declared.into_keys();
    if let Some(sidecar) = sidecar {
        metadata::add_sidecar(&mut keys, sidecar, limits)?;
    }
    let metadata = metadata::parse(keys)?;
    metadata::check_against(&metadata, &graph)?;
    graph.name = metadata.name.clone().unwrap_or_else(|| stem(file));
    graph.format = match dialect {
        Dialect::Guitarml => Format::Guitarml,
        Dialect::Keras => Format::Rtneural,
        Dialect::Smartamp => Format::Smartamp,
        Dialect::Wavenet => Format::Pedalnet,
    };
    graph.metadata = metadata;
    Ok(graph)
}

/// Keys by which the beginning of a file is known as a model's.
const KEYS: &[&str] = &[
    "\"model_data\"",
    "\"state_dict\"",
    "\"in_shape\"",
    "\"layers\"",
    "\"conv1d\"",
    "\"residual_channels\"",
    "\"variables\"",
    "\"architecture\"",
];

/// True if `bytes`, the beginning of a file or all of it, are an object with a key of one of the model formats: a guess for lists of
/// files; reading tells for sure.
pub fn begins_as_model(bytes: &[u8]) -> bool {
    begins_object(bytes) && {
        let text = String::from_utf8_lossy(bytes);
        KEYS.iter().any(|key| text.contains(key))
    }
}

fn stem(file: &str) -> String {
    let name = file.rsplit(['/', '\\']).next().unwrap_or(file);
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    if stem.is_empty() { name } else { stem }.to_owned()
}
