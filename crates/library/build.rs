//! Writes the table of shipped models: every `models/shipped/*.onnx`, in the order of names, with its sidecar if there is one.

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

fn main() {
    let manifest = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR"));
    let folder = manifest.join("../../models/shipped");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={}", folder.display());

    let mut models: Vec<PathBuf> = fs::read_dir(&folder)
        .map(|entries| entries.filter_map(|entry| Some(entry.ok()?.path())).collect())
        .unwrap_or_default();
    models.retain(|path| path.extension().is_some_and(|extension| extension == "onnx"));
    // By id: with the ending, `amp.onnx` would come behind `amp-cab.onnx`.
    models.sort_by_key(|path| stem(path));

    let mut table = String::from("&[\n");
    for model in models {
        println!("cargo::rerun-if-changed={}", model.display());
        let id = stem(&model);
        let sidecar = folder.join(format!("{id}.onnx.tonegraft.json"));
        let sidecar = if sidecar.is_file() {
            format!("Some(include_str!({:?}))", text(&sidecar))
        } else {
            "None".to_owned()
        };
        writeln!(
            table,
            "    Shipped {{ id: {id:?}, name: {:?}, bytes: include_bytes!({:?}), sidecar: {sidecar} }},",
            title(&id),
            text(&model),
        )
        .expect("writing to a string succeeds");
    }
    table.push(']');
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    fs::write(out.join("shipped.rs"), table).expect("OUT_DIR is writable");
}

fn stem(path: &Path) -> String {
    let stem = path.file_stem().and_then(|stem| stem.to_str());
    stem.expect("names of shipped models are UTF-8").to_owned()
}

fn text(path: &Path) -> &str {
    path.to_str().expect("the path of the checkout is UTF-8")
}

/// `clean-boost` becomes `Clean boost`.
fn title(id: &str) -> String {
    let words = id.replace(['-', '_'], " ");
    let mut letters = words.chars();
    letters
        .next()
        .map(|first| first.to_uppercase().chain(letters).collect())
        .unwrap_or_default()
}
