//! JSON models in a library: listed by what they begin with; sidecars, chains and other JSON are not taken for them.

use std::fs;
use tonegraft_library::{Library, ModelFormat};

#[test]
fn models_are_told_from_other_json() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("a file");
    write("amp.json", r#"{"model_data": {}, "state_dict": {}}"#);
    write("Clean.AIDAX", r#"{"in_shape": [null, null, 1], "layers": []}"#);
    write("old.json", "\u{feff}\n {\"residual_channels\": 16}");
    write("settings.json", r#"{"theme": "dark"}"#);
    write("list.json", r#"["model_data"]"#);
    write("empty.json", "");
    write("amp.json.tonegraft.json", r#"{"name": "layers"}"#);
    write(
        "rig.tonegraft-chain.json",
        r#"{"tonegraft_chain": 1, "stages": [{"model": "amp.json"}]}"#,
    );
    fs::create_dir(folder.path().join("folder.json")).expect("a folder");
    let library = Library::scan(&[folder.path().to_owned()], &Default::default());
    let found: Vec<(&str, ModelFormat)> = (library.entries().iter())
        .map(|entry| (entry.name.as_str(), entry.format))
        .collect();
    assert_eq!(
        found,
        [
            ("amp", ModelFormat::Json),
            ("Clean", ModelFormat::Json),
            ("old", ModelFormat::Json),
            ("rig", ModelFormat::Chain)
        ]
    );
}
