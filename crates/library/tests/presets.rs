//! Presets are saved whole and loaded as they were.

use std::collections::BTreeMap;
use std::fs;
use tonegraft_library::presets::{PRESET_EXTENSION, PresetErrorKind, load_preset};
use tonegraft_library::{ModelRef, ParamValue, Preset, PresetStore, SessionState};

fn preset(name: &str) -> Preset {
    let mut session = SessionState::default();
    session.set_model(0, ModelRef::shipped("overdrive"));
    Preset {
        name: name.to_owned(),
        params: BTreeMap::from([
            ("bypass".to_owned(), ParamValue::Bool(false)),
            ("mix".to_owned(), ParamValue::F32(33.3)),
        ]),
        session,
    }
}

#[test]
fn names_of_all_kinds_are_saved_listed_loaded_and_removed() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = PresetStore::new(folder.path().join("not/yet/there"));
    assert!(store.names().expect("none").is_empty());
    let names = ["../up", "Crunch", "a/b", "a:b", "nul", "Übersteuert", "…"];
    for name in names {
        let path = store.save(&preset(name)).expect("saved");
        assert_eq!(path.parent(), Some(store.folder()), "{name}");
    }
    let mut listed = store.names().expect("listed");
    listed.sort();
    let mut expected = names.map(str::to_owned);
    expected.sort();
    assert_eq!(listed, expected);
    for name in names {
        assert_eq!(store.load(name).expect("loaded"), preset(name));
        store.remove(name).expect("removed");
        assert!(matches!(
            store.load(name).expect_err("gone").kind,
            PresetErrorKind::File { .. }
        ));
    }
    for name in ["", "   ", &"x".repeat(300)] {
        assert!(matches!(
            store.save(&preset(name)).expect_err("refused").kind,
            PresetErrorKind::BadName
        ));
    }
}

#[test]
fn saving_again_replaces_and_leaves_no_litter() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = PresetStore::new(folder.path().to_path_buf());
    let mut changed = preset("x");
    store.save(&changed).expect("saved");
    changed.params.insert("mix".to_owned(), ParamValue::F32(1.0));
    store.save(&changed).expect("saved");
    assert_eq!(store.load("x").expect("loaded"), changed);
    assert_eq!(fs::read_dir(folder.path()).expect("readable").count(), 1);
}

#[test]
fn damaged_presets_are_told_with_their_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(format!("x.{PRESET_EXTENSION}"));
    for text in [
        "",
        "{",
        "[]",
        r#"{"tonegraft_preset": 2, "name": "x", "session": {"version": 1}}"#,
        r#"{"tonegraft_preset": 0, "name": "x", "session": {"version": 1}}"#,
        r#"{"tonegraft_preset": 1, "name": "x", "session": {"version": 99}}"#,
        r#"{"tonegraft_preset": 1, "name": "x", "session": {}}"#,
        r#"{"tonegraft_preset": 1, "name": "x", "params": {"a": {"f64": 1}}, "session": {"version": 1}}"#,
    ] {
        fs::write(&path, text).expect("written");
        let error = load_preset(&path).expect_err("refused");
        assert!(matches!(error.kind, PresetErrorKind::Content { .. }), "{text}");
        assert!(error.to_string().contains("x.tonegraft-preset"), "{error}");
    }
    fs::write(
        &path,
        r#"{"tonegraft_preset": 1, "name": "x", "session": {"version": 1}}"#,
    )
    .expect("written");
    assert_eq!(load_preset(&path).expect("loaded").name, "x");
}
