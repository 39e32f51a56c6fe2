//! From what the user names to a compiled model.

use anyhow::{Result, anyhow, bail};
use std::path::{Path, PathBuf};
use tonegraft_engine::{LoadError, Model, Options};
use tonegraft_library::{Shipped, shipped, shipped_by_id};

/// Where a model came from.
#[derive(Clone, Debug)]
pub enum Origin {
    /// Embedded in this program.
    Shipped(&'static Shipped),
    /// A file.
    File(PathBuf),
}

/// A model that is ready to be instantiated.
#[derive(Clone)]
pub struct Named {
    /// The compiled model.
    pub model: Model,
    /// Where it came from.
    pub origin: Origin,
    /// The name for people: declared, else the file's stem. Exporters call every graph the same.
    pub name: String,
}

/// Loads what `name` names: a shipped model's id, else a file. `./overdrive` is always a file.
///
/// # Errors
/// Neither exists, or the file is refused, with the reader's or the compiler's sentence.
pub fn load(name: &str) -> Result<Named> {
    if let Some(shipped) = shipped_by_id(name) {
        let model = Model::from_bytes(
            shipped.bytes,
            &shipped.file_name(),
            shipped.sidecar,
            &Options::default(),
        )
        .map_err(sentence)?;
        return Ok(Named {
            name: model.metadata().name.clone().unwrap_or_else(|| shipped.name.to_owned()),
            model,
            origin: Origin::Shipped(shipped),
        });
    }
    let path = Path::new(name);
    if !path.exists() && path.components().count() == 1 && path.extension().is_none() {
        let ids: Vec<&str> = shipped().iter().map(|shipped| shipped.id).collect();
        bail!(
            "{name}: there is no such file, and no shipped model with this id; shipped: {}",
            ids.join(", ")
        );
    }
    let model = Model::from_file(path, &Options::default()).map_err(sentence)?;
    let stem = || path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    Ok(Named {
        name: model.metadata().name.clone().unwrap_or_else(stem),
        model,
        origin: Origin::File(path.to_owned()),
    })
}

/// What a load error displays is the whole sentence; its source, once more behind a colon, would say half of it twice.
// By value, as `map_err` gives it.
#[allow(clippy::needless_pass_by_value)]
fn sentence(error: LoadError) -> anyhow::Error {
    anyhow!("{error}")
}
