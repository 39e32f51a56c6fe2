//! The files of a chain.

use super::chain_error;
use super::description::{Description, Source, What};
use crate::Resolve;
use crate::error::{ReadError, ReadErrorKind, Result, fail, shorten};
use crate::limits::Limits;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value as Json;
use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::Path;

/// A stage's model.
pub(super) struct Loaded {
    pub file: String,
    pub bytes: Vec<u8>,
    pub sidecar: Option<String>,
}

/// The models of all stages, in their order; `None` for operators. `used` are the bytes of the chain file itself.
pub(super) fn load(
    description: &Description,
    resolve: &mut Resolve<'_>,
    limits: &Limits,
    used: usize,
) -> Result<Vec<Option<Loaded>>> {
    let mut total = used;
    let mut all = Vec::with_capacity(description.stages.len());
    for stage in &description.stages {
        all.push(match &stage.what {
            What::Model(model) => Some(one(&model.source, resolve, limits, &mut total)?),
            What::Operator(_) => None,
        });
    }
    Ok(all)
}

/// One model; `total` is what has been read so far.
pub(super) fn one(source: &Source, resolve: &mut Resolve<'_>, limits: &Limits, total: &mut usize) -> Result<Loaded> {
    let loaded = match source {
        Source::Path(path) => {
            check(path)?;
            let mut find = |path: &str| {
                resolve(path).map_err(|reason| {
                    let what = format!("its model `{}` cannot be read: {reason}", shorten(path));
                    ReadError::new(ReadErrorKind::MissingFile, what)
                })
            };
            let Some(bytes) = find(path)? else {
                fail!(
                    MissingFile,
                    "its model `{}` is not there; put it beside the chain file, under this path",
                    shorten(path)
                );
            };
            let sidecar = match find(&format!("{path}.tonegraft.json"))? {
                None => None,
                Some(text) => match String::from_utf8(text) {
                    Ok(text) => Some(text),
                    Err(_) => fail!(
                        Metadata,
                        "the sidecar of its model `{}` is no UTF-8 text",
                        shorten(path)
                    ),
                },
            };
            Loaded {
                file: path.clone(),
                bytes,
                sidecar,
            }
        }
        Source::Embedded(embedded) => Loaded {
            file: embedded.name.clone(),
            bytes: STANDARD.decode(&embedded.data).map_err(|error| {
                chain_error(format!(
                    "the data of its model `{}` is no base64 ({error})",
                    shorten(&embedded.name)
                ))
            })?,
            sidecar: (embedded.sidecar.as_ref()).map(|object| Json::Object(object.clone()).to_string()),
        },
    };
    *total = total.saturating_add(loaded.bytes.len());
    if *total > limits.max_bytes {
        fail!(
            Limit,
            "its files have more than the {} bytes allowed together",
            limits.max_bytes
        );
    }
    Ok(loaded)
}

/// Paths stay below the chain file's folder.
fn check(path: &str) -> Result<()> {
    let drive = path.as_bytes().get(1) == Some(&b':');
    let strange = path.is_empty() || path.starts_with('/') || drive || path.contains(['\\', '\0']);
    if strange || path.split('/').any(|part| part == "..") {
        return Err(chain_error(format!(
            "the path `{}` is not one below the chain file's folder: relative, with `/` between folders and without `..`",
            shorten(path)
        )));
    }
    Ok(())
}

/// Finds the files that the chain file at `chain` names, each of at most `max_bytes` bytes. Reads the disk: off the audio thread.
pub fn beside(
    chain: &Path,
    max_bytes: usize,
) -> impl FnMut(&str) -> std::result::Result<Option<Vec<u8>>, String> + use<> {
    let folder = chain.parent().map(Path::to_path_buf).unwrap_or_default();
    move |relative| {
        let path = folder.join(relative);
        let read = || -> std::io::Result<Vec<u8>> {
            let metadata = std::fs::metadata(&path)?;
            if !metadata.is_file() {
                // Opening a pipe or a device might wait for ever.
                return Err(std::io::Error::new(ErrorKind::InvalidInput, "it is no regular file"));
            }
            let (limit, mut bytes) = (max_bytes as u64, Vec::new());
            File::open(&path)?
                .take(limit.saturating_add(1))
                .read_to_end(&mut bytes)?;
            if bytes.len() > max_bytes {
                return Err(ErrorKind::FileTooLarge.into());
            }
            Ok(bytes)
        };
        match read() {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.to_string()),
        }
    }
}
