//! `tonegraft state`: what the plugin's CLAP state stream holds, for hosts without a window.

use crate::cli::{Rates, StateArgs};
use crate::models::{self, Origin};
use crate::params::{self, SHOWN_KNOBS};
use crate::wav::write_whole;
use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::path::Path;
use tonegraft_chain::cab::Recording;
use tonegraft_chain::params::{Kind, PARAMS};
use tonegraft_engine::{Oversampling, RateMode};
use tonegraft_library::session::encode;
use tonegraft_library::{ModelRef, ParamValue, SessionState, folders, host_state};

/// Runs the command.
///
/// # Errors
/// The model cannot be loaded, a parameter is wrong, or the file cannot be written.
pub fn run(args: &StateArgs) -> Result<()> {
    let named = models::load(&args.patch.model, args.patch.controls.size)?;
    let settings = params::settings(&args.patch.controls.params, named.model.knobs())?;
    let mut session = SessionState::default();
    session.set_model(
        0,
        match &named.origin {
            Origin::Shipped(shipped) => ModelRef::shipped(shipped.id),
            Origin::File(path) => reference(path)?,
        },
    );
    if let Some(slot) = session.slot_mut(0) {
        let Rates {
            rate_mode,
            oversampling,
        } = args.patch.controls.rates;
        // What is as usual is left out.
        if rate_mode != RateMode::default() {
            slot.rate_mode = rate_mode.name().to_owned();
        }
        if oversampling != Oversampling::default() {
            slot.oversampling = oversampling.name().to_owned();
        }
        slot.size = args.patch.controls.size.filter(|size| *size < 1.0);
    }
    if let Some(path) = &args.patch.controls.ir {
        // Says now what is wrong with it.
        Recording::open(path)?;
        session.cab = reference(path)?;
    }

    let mut values = BTreeMap::from([
        ("bypass".to_owned(), ParamValue::Bool(settings.bypass)),
        (
            "cab".to_owned(),
            ParamValue::String(args.patch.controls.cab.name().to_owned()),
        ),
    ]);
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

/// A file as sessions name it.
fn reference(path: &Path) -> Result<ModelRef> {
    let unreadable = || format!("{}: cannot be read", path.display());
    // Absolute without links, since a host has another working folder.
    let path = path.canonicalize().with_context(unreadable)?;
    let folders: Vec<_> = folders::models().into_iter().collect();
    ModelRef::read_file(&path, &folders, false).with_context(unreadable)
}
