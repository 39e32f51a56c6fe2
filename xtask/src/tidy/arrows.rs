//! Who may depend on whom. A crate that is not in the table fails, so a new one is a decision.

use super::Findings;
use anyhow::{Context, Result};
use serde_json::Value;

/// Every library that knows audio or models; `clap-vst3` is not among them.
const LIBRARIES: &[&str] = &[
    "tonegraft-analysis",
    "tonegraft-chain",
    "tonegraft-core",
    "tonegraft-engine",
    "tonegraft-kernels",
    "tonegraft-library",
    "tonegraft-model",
    "tonegraft-slots",
];

/// Crate and what of the workspace it may see. `"*"` stands for [`LIBRARIES`].
const ARROWS: &[(&str, &[&str])] = &[
    ("clap-vst3", &[]),
    ("tonegraft", &["*"]),
    ("tonegraft-analysis", &["tonegraft-core"]),
    ("tonegraft-chain", &["tonegraft-core", "tonegraft-kernels"]),
    ("tonegraft-core", &[]),
    (
        "tonegraft-engine",
        &["tonegraft-core", "tonegraft-kernels", "tonegraft-model"],
    ),
    ("tonegraft-kernels", &["tonegraft-core"]),
    ("tonegraft-library", &["tonegraft-core", "tonegraft-model"]),
    ("tonegraft-model", &["tonegraft-core"]),
    ("tonegraft-plugin", &["*", "clap-vst3"]),
    ("tonegraft-slots", &["tonegraft-core"]),
    ("tonegraft-tests", &["*", "clap-vst3", "tonegraft", "tonegraft-plugin"]),
    ("xtask", &[]),
];

/// Judges the dependencies of all kinds that `cargo metadata` lists.
pub fn check(metadata: &Value, findings: &mut Findings) -> Result<()> {
    let packages = metadata["packages"]
        .as_array()
        .context("cargo metadata lists no packages")?;
    let names: Vec<&str> = packages.iter().filter_map(|package| package["name"].as_str()).collect();
    for package in packages {
        let name = package["name"].as_str().context("a package without a name")?;
        let Some((_, allowed)) = ARROWS.iter().find(|(known, _)| *known == name) else {
            findings.error(format!("{name}: not in the table of arrows (xtask/src/tidy/arrows.rs)"));
            continue;
        };
        let all = allowed.contains(&"*");
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let to = dependency["name"].as_str().unwrap_or_default();
            // Its own library, as a test of a program may name it, is no arrow.
            if !names.contains(&to) || to == name || allowed.contains(&to) || (all && LIBRARIES.contains(&to)) {
                continue;
            }
            findings.error(format!("{name} may not depend on {to}"));
        }
    }
    for (name, _) in ARROWS {
        if !names.contains(name) {
            findings.error(format!("{name}: in the table of arrows, but not in the workspace"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{ARROWS, check};
    use crate::tidy::Findings;
    use serde_json::{Value, json};

    fn workspace(from: &str, to: &str) -> Value {
        let packages: Vec<Value> = ARROWS
            .iter()
            .map(|(name, _)| {
                let dependencies = if *name == from {
                    vec![json!({ "name": to, "kind": "dev" })]
                } else {
                    Vec::new()
                };
                json!({ "name": name, "dependencies": dependencies })
            })
            .collect();
        json!({ "packages": packages })
    }

    fn errors(from: &str, to: &str) -> usize {
        let mut findings = Findings::default();
        assert!(check(&workspace(from, to), &mut findings).is_ok());
        findings.errors.len()
    }

    #[test]
    fn arrows_of_the_design_pass_and_others_fail() {
        assert_eq!(errors("tonegraft-engine", "tonegraft-kernels"), 0);
        assert_eq!(errors("tonegraft-plugin", "clap-vst3"), 0);
        assert_eq!(errors("tonegraft", "tonegraft-slots"), 0);
        assert_eq!(errors("tonegraft-engine", "serde"), 0);
        assert_eq!(errors("tonegraft-engine", "tonegraft-slots"), 1);
        assert_eq!(errors("tonegraft-slots", "tonegraft-engine"), 1);
        assert_eq!(errors("tonegraft", "clap-vst3"), 1);
        assert_eq!(errors("xtask", "tonegraft-core"), 1);
    }
}
