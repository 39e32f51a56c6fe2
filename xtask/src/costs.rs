//! What loading a model costs, for `bench-report`: networks of a given size with random weights, and third-party files.

use crate::project::Project;
use crate::run;
use anyhow::{Context, Result};
use serde_json::Value;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Command;

/// Networks made for this, and the limits that loading and lowering together must keep, in ms.
const NETWORKS: &[(&str, f64)] = &[("amplifier", 20.0), ("codec", 300.0)];

/// Third-party files of amplifier size.
const FILES: &[&str] = &["bench/nam_std_sym.onnx", "bench/lstm40_64.onnx"];

/// Measures with `tonegraft bench` and gives a section of the page.
///
/// # Errors
/// A step fails.
pub fn section(project: &Project) -> Result<String> {
    run::stream(&mut project.cargo(&["build", "--release", "--locked", "--package", "tonegraft"]))?;
    let folder = project.target.join("networks");
    std::fs::create_dir_all(&folder)?;
    let mut models: Vec<(PathBuf, Option<f64>)> = Vec::new();
    for (network, limit) in NETWORKS {
        let file = folder.join(format!("{network}.onnx"));
        let mut command = project.cargo(&["run", "--release", "--locked", "--package", "tonegraft-tests"]);
        command.args(["--example", "network", "--", network]).arg(&file);
        run::stream(&mut command)?;
        models.push((file, Some(*limit)));
    }
    if let Some(data) = project.demanded_test_data()? {
        models.extend(FILES.iter().map(|file| (data.join(file), Some(20.0))));
    }
    let program = project
        .target
        .join("release")
        .join(format!("tonegraft{}", std::env::consts::EXE_SUFFIX));
    let mut command = Command::new(program);
    command.args(["bench", "--json", "--block", "64", "--seconds", "0"]);
    command.args(models.iter().map(|(file, _)| file));
    let printed = run::quiet("measuring what loading costs", &mut command)?;
    let measured: Vec<Value> = printed
        .lines()
        .map(|line| serde_json::from_str(line).context("tonegraft bench wrote no JSON"))
        .collect::<Result<_>>()?;
    table(&measured, &models.iter().map(|(_, limit)| *limit).collect::<Vec<_>>())
}

fn table(measured: &[Value], limits: &[Option<f64>]) -> Result<String> {
    let mut text = String::from(
        "\n## Loading\n\n\
         `tonegraft bench`: median of 7 loads, each from the file to the plan, and from the plan to an instance that starts from\n\
         zeros. The limit is for both together. `amplifier` has 14,000 weights and `codec` 6 million, both at random; they are\n\
         made by `cargo run -p tonegraft-tests --example network`.\n\n\
         | model | load ms | lower ms | limit ms | KiB per instance |\n| --- | ---: | ---: | ---: | ---: |\n",
    );
    for (model, limit) in measured.iter().zip(limits) {
        let number = |key: &str| model[key].as_f64().with_context(|| format!("no {key} in {model}"));
        writeln!(
            text,
            "| {} | {:.1} | {:.1} | {} | {:.0} |",
            model["model"].as_str().unwrap_or_default(),
            number("load_ms")?,
            number("lower_ms")?,
            limit.map_or_else(String::new, |limit| format!("{limit:.0}")),
            number("instance_bytes")? / 1024.0
        )?;
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::table;
    use serde_json::json;

    #[test]
    fn the_table_has_a_row_for_each_model() {
        let measured = json!({"model": "m", "load_ms": 1.25, "lower_ms": 0.5, "instance_bytes": 2048});
        let text = table(&[measured], &[Some(20.0)]).unwrap_or_default();
        assert!(text.ends_with("| m | 1.2 | 0.5 | 20 | 2 |\n"), "{text}");
        assert!(table(&[json!({})], &[None]).is_err());
    }
}
