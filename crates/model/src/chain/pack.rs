//! A chain with its files inside.

use super::{description, files};
use crate::Resolve;
use crate::error::Result;
use crate::limits::Limits;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value as Json, json};

/// The chain in one piece: every path is replaced by the file's name, content and sidecar. What is inside already stays. The same
/// chain and files give the same bytes.
///
/// # Errors
/// As for [`crate::read_any`], for what can be told without reading the models: not a chain, a file that is not there, limits.
pub fn pack(bytes: &[u8], file: &str, resolve: &mut Resolve<'_>, limits: &Limits) -> Result<Vec<u8>> {
    packed(bytes, resolve, limits).map_err(|error| error.in_file(file))
}

fn packed(bytes: &[u8], resolve: &mut Resolve<'_>, limits: &Limits) -> Result<Vec<u8>> {
    // Checks the whole form.
    let described = description::parse(bytes, None, limits)?;
    let mut object = description::object(bytes, limits)?;
    let mut total = bytes.len();
    if let Some(Json::Array(stages)) = object.get_mut("stages") {
        for (stage, described) in stages.iter_mut().zip(&described.stages) {
            let description::What::Model(model) = &described.what else {
                continue;
            };
            if let description::Source::Embedded(_) = model.source {
                continue;
            }
            let loaded = files::one(&model.source, resolve, limits, &mut total)?;
            let mut source = json!({ "name": loaded.file, "data": STANDARD.encode(&loaded.bytes) });
            if let Some(sidecar) = loaded.sidecar {
                let sidecar: Map<String, Json> = serde_json::from_str(&sidecar).map_err(|error| {
                    super::chain_error(format!(
                        "the sidecar of its model `{}` is not a JSON object: {error}",
                        loaded.file
                    ))
                })?;
                source["sidecar"] = Json::Object(sidecar);
            }
            stage["model"] = source;
        }
    }
    Ok(Json::Object(object).to_string().into_bytes())
}
