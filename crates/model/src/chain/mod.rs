//! Chains: several models, and small operators between them, played as one.
//!
//! A chain is a JSON file; `models/FORMAT.md` describes it. Its wires have names; a stage takes wires and gives wires, and what
//! is left out follows from the order: without names the stages stand in series. All stages become one [`Graph`], in which the
//! names of a stage's values bear the stage's name and a `/` before them.
//!
//! Two forms: with paths to model files, which are read by way of a [`Resolve`], and with the files inside ([`pack`]), which is
//! what a library keeps, hashes and embeds.

mod adapt;
mod description;
mod files;
mod merge;
mod operators;
mod order;
mod pack;

pub use files::beside;
pub use pack::pack;

use crate::error::{ReadError, ReadErrorKind, Result};
use crate::graph::Graph;
use crate::json;
use crate::{ReadOptions, Resolve};

/// True if `bytes` are a chain file, whole or damaged.
pub fn is_chain(bytes: &[u8]) -> bool {
    let key = description::VERSION_KEY.as_bytes();
    json::begins_object(bytes) && bytes.windows(key.len()).any(|window| window == key)
}

fn chain_error(what: impl Into<String>) -> ReadError {
    ReadError::new(ReadErrorKind::Chain, what)
}

/// Reads a chain and all its models into one graph.
///
/// # Errors
/// [`ReadErrorKind::Chain`] where the chain itself is wrong, [`ReadErrorKind::MissingFile`] for a model that is not there, and all
/// that reading the models may give, with their names.
pub(crate) fn read(
    bytes: &[u8],
    file: &str,
    sidecar: Option<&str>,
    resolve: &mut Resolve<'_>,
    options: &ReadOptions,
) -> Result<Graph> {
    let limits = &options.limits;
    let description = description::parse(bytes, sidecar, limits)?;
    let loaded = files::load(&description, resolve, limits, bytes.len())?;
    merge::merge(&description, &loaded, file, options)
}
