//! Rules on Rust code: unsafe code only where it is allowed, workspace lints everywhere, files that can be read.

use super::{Findings, TextFile};
use crate::project::Project;
use anyhow::{Context, Result};
use std::path::Path;

/// Files beyond this many lines are named.
const LONG_FILE: usize = 600;

/// Where unsafe code may stand, by the start of the path. Everything else is under `#![forbid(unsafe_code)]`.
const UNSAFE_PLACES: &[&str] = &[
    "crates/kernels/src/",
    "crates/clap-vst3/",
    // The denormal guard.
    "crates/core/src/denormals.rs",
    // The CLAP entry.
    "plugin/src/entry",
    // Makes the window's OpenGL context current.
    "plugin/src/window/painter.rs",
    // The counting allocators of `tonegraft bench`, of the benches and of the tests.
    "render/src/alloc.rs",
    "benches/src/heap.rs",
    "tests/",
    "plugin/tests/",
    "crates/engine/tests/",
    "crates/slots/tests/",
    "crates/chain/tests/",
];

/// Crate roots that cannot forbid, because one of their modules is in [`UNSAFE_PLACES`]; they deny at least.
const DENYING_ROOTS: &[&str] = &[
    "crates/core/src/lib.rs",
    "plugin/src/lib.rs",
    "render/src/main.rs",
    "render/src/lib.rs",
    "benches/src/main.rs",
];

/// Runs the rules.
pub fn check(project: &Project, files: &[TextFile], findings: &mut Findings) -> Result<()> {
    for file in files.iter().filter(|file| file.path.ends_with(".rs")) {
        let lines = file.text.lines().count();
        if lines > LONG_FILE {
            findings.warning(format!("{}: {lines} lines, more than {LONG_FILE}", file.path));
        }
        unsafe_code(file, findings);
    }
    roots(project, files, findings)?;
    for file in files
        .iter()
        .filter(|file| file.path.ends_with("Cargo.toml") && file.text.contains("[package]"))
    {
        // `benches` and `fuzz` are workspaces of their own.
        let own = file.path.starts_with("benches/") || file.path.starts_with("fuzz/");
        if !own && !section(&file.text, "[lints]").any(|line| line.replace(' ', "") == "workspace=true") {
            findings.error(format!("{}: no `[lints] workspace = true`", file.path));
        }
    }
    Ok(())
}

/// Uses of the keyword, and of its permission, outside the allowed places.
fn unsafe_code(file: &TextFile, findings: &mut Findings) {
    if UNSAFE_PLACES.iter().any(|place| file.path.starts_with(place)) {
        return;
    }
    for (number, line) in file.text.lines().enumerate() {
        let code = line.split("//").next().unwrap_or_default();
        let keyword = [
            "unsafe {",
            "unsafe fn",
            "unsafe impl",
            "unsafe extern",
            "unsafe(no_mangle)",
        ];
        if keyword.iter().any(|word| code.contains(word)) && !code.contains('"') {
            findings.error(format!("{}:{}: unsafe code is not allowed here", file.path, number + 1));
        }
        let permits = code.contains("allow(unsafe_code)") || code.contains("expect(unsafe_code");
        // A root may open the door for a module that is itself an allowed place.
        if permits && !DENYING_ROOTS.contains(&file.path.as_str()) && !code.contains('"') {
            findings.error(format!(
                "{}:{}: unsafe code must not be allowed here",
                file.path,
                number + 1
            ));
        }
    }
}

/// Every library and program forbids unsafe code, or denies it where one module needs it.
fn roots(project: &Project, files: &[TextFile], findings: &mut Findings) -> Result<()> {
    for package in project.metadata["packages"]
        .as_array()
        .context("cargo metadata lists no packages")?
    {
        for target in package["targets"].as_array().into_iter().flatten() {
            let kinds: Vec<&str> = target["kind"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|kind| kind.as_str())
                .collect();
            if !kinds
                .iter()
                .any(|kind| matches!(*kind, "lib" | "rlib" | "cdylib" | "bin"))
            {
                continue;
            }
            let path = Path::new(target["src_path"].as_str().context("a target without a source")?);
            let path = path
                .strip_prefix(&project.root)
                .unwrap_or(path)
                .to_string_lossy()
                .replace('\\', "/");
            let Some(file) = files.iter().find(|file| file.path == path) else {
                findings.warning(format!("{path}: a crate's root that git does not track"));
                continue;
            };
            let denying = DENYING_ROOTS.contains(&path.as_str()) && file.text.contains("#![deny(unsafe_code)]");
            let free = path.starts_with("crates/kernels/")
                || path.starts_with("crates/clap-vst3/")
                || path.starts_with("tests/");
            if !free && !denying && !file.text.contains("#![forbid(unsafe_code)]") {
                findings.error(format!("{path}: no `#![forbid(unsafe_code)]`"));
            }
        }
    }
    Ok(())
}

/// The lines of one section of a manifest.
fn section<'a>(manifest: &'a str, header: &'a str) -> impl Iterator<Item = &'a str> {
    manifest
        .lines()
        .map(str::trim)
        .skip_while(move |line| *line != header)
        .skip(1)
        .take_while(|line| !line.starts_with('['))
}

#[cfg(test)]
mod tests {
    use super::{section, unsafe_code};
    use crate::tidy::{Findings, TextFile};

    fn errors(path: &str, text: &str) -> usize {
        let mut findings = Findings::default();
        unsafe_code(
            &TextFile {
                path: path.to_owned(),
                text: text.to_owned(),
            },
            &mut findings,
        );
        findings.errors.len()
    }

    #[test]
    fn unsafe_code_is_found_outside_its_places() {
        let text = "fn f() {\n    unsafe { g() }\n}\n";
        assert_eq!(errors("crates/engine/src/lib.rs", text), 1);
        assert_eq!(errors("crates/kernels/src/simd/mod.rs", text), 0);
        assert_eq!(errors("crates/engine/src/lib.rs", "// unsafe { g() }\n"), 0);
        assert_eq!(errors("crates/slots/src/bank.rs", "#[allow(unsafe_code)]\n"), 1);
        assert_eq!(errors("plugin/src/lib.rs", "#[allow(unsafe_code)]\nmod entry;\n"), 0);
    }

    #[test]
    fn a_section_ends_at_the_next_header() {
        let manifest = "[package]\nname = \"x\"\n[lints]\nworkspace = true\n[dependencies]\nserde = \"1\"\n";
        assert_eq!(section(manifest, "[lints]").collect::<Vec<_>>(), ["workspace = true"]);
    }
}
