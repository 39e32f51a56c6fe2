//! From what the user names to a compiled model.

use anyhow::{Result, anyhow, bail};
use std::path::{Path, PathBuf};
use tonegraft_engine::{LoadError, Model, Options, Weights};
use tonegraft_library::{Shipped, shipped, shipped_by_id};
use tonegraft_model::{Graph, Limits, ReadOptions, chain};

/// Where a model came from.
#[derive(Clone, Debug)]
pub enum Origin {
    /// Embedded in this program.
    Shipped(&'static Shipped),
    /// A file.
    File(PathBuf),
}

impl Origin {
    /// Reads and compiles it; `size` chooses among the sizes in which the file holds it.
    ///
    /// # Errors
    /// It cannot be read or is refused, with the reader's or the compiler's sentence.
    pub fn load(&self, size: Option<f32>) -> Result<Model> {
        let mut options = Options::default();
        options.size = size;
        match self {
            Self::Shipped(shipped) => Model::from_bytes(shipped.bytes, &shipped.file_name(), shipped.sidecar, &options),
            Self::File(path) => Model::from_file(path, &options),
        }
        .map_err(sentence)
    }
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

impl Named {
    /// The same with weights kept as asked.
    #[must_use]
    pub fn with_weights(self, weights: impl Into<Weights>) -> Self {
        match weights.into() {
            Weights::F32 => self,
            weights => Self {
                model: self.model.with_weights(weights),
                ..self
            },
        }
    }
}

/// Loads what `name` names: a shipped model's id, else a file. `./overdrive` is always a file. `size` chooses among the sizes in
/// which the file holds it, 0 to 1; `None` is full.
///
/// # Errors
/// Neither exists, or the file is refused, with the reader's or the compiler's sentence.
pub fn load(name: &str, size: Option<f32>) -> Result<Named> {
    if let Some(shipped) = shipped_by_id(name) {
        let origin = Origin::Shipped(shipped);
        let model = origin.load(size)?;
        return Ok(Named {
            name: model.metadata().name.clone().unwrap_or_else(|| shipped.name.to_owned()),
            model,
            origin,
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
    let origin = Origin::File(path.to_owned());
    let model = origin.load(size)?;
    let stem = || path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    Ok(Named {
        name: model.metadata().name.clone().unwrap_or_else(stem),
        model,
        origin,
    })
}

/// Reads what `name` names, also if the native runtime refuses to play it.
///
/// # Errors
/// Neither a shipped model nor a file has that name, or the file cannot be read.
pub fn graph(name: &str, size: Option<f32>) -> Result<Graph> {
    let refused = match load(name, size) {
        Ok(named) => return Ok(named.model.graph().clone()),
        Err(error) => error,
    };
    let path = Path::new(name);
    let limits = Limits::default();
    // Whatever is not read here was no more readable for `load`, whose sentence says it.
    let (Ok(file), true) = (std::fs::metadata(path), path.is_file()) else {
        return Err(refused);
    };
    if file.len() > limits.max_bytes as u64 {
        return Err(refused);
    }
    let mut beside = path.as_os_str().to_owned();
    beside.push(".tonegraft.json");
    let sidecar = std::fs::read_to_string(beside).ok();
    let bytes = std::fs::read(path)?;
    let mut beside = chain::beside(path, limits.max_bytes);
    let options = ReadOptions::new(limits).with_size(size);
    tonegraft_model::read_with(&bytes, name, sidecar.as_deref(), &mut beside, &options).map_err(|_| refused)
}

/// What a load error displays is the whole sentence; its source, once more behind a colon, would say half of it twice.
// By value, as `map_err` gives it.
#[allow(clippy::needless_pass_by_value)]
fn sentence(error: LoadError) -> anyhow::Error {
    anyhow!("{error}")
}
