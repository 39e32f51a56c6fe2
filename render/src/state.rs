//! `tonegraft state`: what the plugin's CLAP state stream holds, for hosts without a window.

use crate::cli::StateArgs;
use crate::models::{self, Origin};
use crate::params::{self, SHOWN_KNOBS};
use crate::wav::write_whole;
use anyhow::{Context, Result};
use std::collections::BTreeMap;
use tonegraft_chain::params::{Kind, PARAMS};
use tonegraft_library::session::encode;
use tonegraft_library::{ModelRef, ParamValue, SessionState, folders, host_state};

/// Runs the command.
///
/// # Errors
/// The model cannot be loaded, a parameter is wrong, or the file cannot be written.
pub fn run(args: &StateArgs) -> Result<()> {
    let named = models::load(&args.patch.model, None)?;
    let settings = params::settings(&args.patch.params, named.model.knobs())?;
    let reference = match &named.origin {
        Origin::Shipped(shipped) => ModelRef::shipped(shipped.id),
        Origin::File(path) => {
            // Absolute without links, since a host has another working folder.
            let path = path
                .canonicalize()
                .with_context(|| format!("{}: cannot be read", path.display()))?;
            let folders: Vec<_> = folders::models().into_iter().collect();
            ModelRef::read_file(&path, &folders, false)
                .with_context(|| format!("{}: cannot be read", path.display()))?
        }
    };
    let mut session = SessionState::default();
    session.set_model(0, reference);

    let mut values = BTreeMap::from([("bypass".to_owned(), ParamValue::Bool(settings.bypass))]);
    for param in PARAMS {
        let value = param.get(&settings);
        let value = match param.kind {
            Kind::Number { .. } => ParamValue::F32(value),
            Kind::Switch => ParamValue::Bool(value >= 0.5),
            // An index, by construction.
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            Kind::Choice(names) => match names.get(value.round() as usize) {
                Some(name) => ParamValue::String((*name).to_owned()),
                None => continue,
            },
        };
        values.insert(param.id.to_owned(), value);
    }
    for (index, value) in settings.knobs[0].iter().take(SHOWN_KNOBS).enumerate() {
        values.insert(format!("a_knob_{}", index + 1), ParamValue::F32(*value));
    }
    write_whole(&args.out, &host_state::to_stream(&values, &encode(&session)))
}
