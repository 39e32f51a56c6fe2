//! `tonegraft inspect`: what a model is, what it costs, and what runs it and why.

use crate::cli::{InspectArgs, Stage};
use crate::line;
use crate::models;
use anyhow::Result;

/// Runs the command.
///
/// # Errors
/// The model cannot be loaded.
pub fn run(args: &InspectArgs) -> Result<()> {
    let named = models::load(&args.model)?;
    if args.stage == Some(Stage::Plan) {
        return line(&named.model.plan_text());
    }
    let info = named.model.info();
    if args.json {
        return line(&serde_json::to_string_pretty(info)?);
    }
    Ok(())
}
