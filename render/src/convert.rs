//! `tonegraft convert`: a model of any format as an ONNX file.

use crate::cli::ConvertArgs;
use crate::wav::write_whole;
use crate::{line, models};
use anyhow::{Context, Result, bail, ensure};
use std::path::Path;
use tonegraft_model::to_onnx;

/// Runs the command.
///
/// # Errors
/// The model cannot be read, ONNX does not have one of its operators, or the file is there already or cannot be written.
pub fn run(args: &ConvertArgs) -> Result<()> {
    let output = &args.output;
    let shown = output.display();
    let onnx = output
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("onnx"));
    ensure!(onnx, "{shown}: what is written is ONNX; give the file the ending .onnx");
    if same(Path::new(&args.model), output) {
        bail!("{shown}: this is the model itself; name another file to write");
    }
    ensure!(
        args.force || !output.exists(),
        "{shown}: this file is there already; name another, or give --force to replace it"
    );
    let graph = models::graph(&args.model, args.size)?;
    let bytes = to_onnx(&graph).with_context(|| args.model.clone())?;
    write_whole(output, &bytes)?;
    let weights: usize = (graph.values.iter().filter_map(|value| value.constant.as_ref()))
        .map(tonegraft_model::Tensor::len)
        .sum();
    line(&format!(
        "{shown}: {} operators, {weights} weights, {} bytes, from {}",
        graph.nodes.len(),
        bytes.len(),
        graph.format.name()
    ))
}

/// True if both are one file.
fn same(a: &Path, b: &Path) -> bool {
    matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}
