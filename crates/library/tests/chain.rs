//! A chain of models is one thing in the library and in a session, though it is several files on disk.

use std::fs;
use std::path::Path;
use tonegraft_library::index::ScanLimits;
use tonegraft_library::{Library, ModelFormat, ModelRef, Origin, SessionState, files, locate, session};
use tonegraft_model::{Limits, read};

const CHAIN: &str =
    r#"{"tonegraft_chain": 1, "name": "Rig", "stages": [{"model": "parts/a.onnx"}, {"model": "b.onnx"}]}"#;

fn put(folder: &Path) {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/fixtures");
    fs::create_dir_all(folder.join("parts")).expect("a folder");
    fs::copy(fixtures.join("conv_causal.onnx"), folder.join("parts/a.onnx")).expect("copied");
    fs::copy(fixtures.join("lstm.onnx"), folder.join("b.onnx")).expect("copied");
    fs::write(folder.join("b.onnx.tonegraft.json"), br#"{"sample_rate": 48000}"#).expect("written");
    fs::write(folder.join("rig.tonegraft-chain.json"), CHAIN).expect("written");
}

#[test]
fn found_moved_changed_and_embedded() {
    let place = tempfile::tempdir().expect("a folder");
    let (old, new) = (place.path().join("old"), place.path().join("new"));
    put(&old);
    let library = Library::scan(std::slice::from_ref(&old), &ScanLimits::default());
    let entry = library
        .entries()
        .iter()
        .find(|entry| entry.format == ModelFormat::Chain);
    let entry = entry.expect("listed").clone();
    assert_eq!(entry.name, "rig");
    let model = ModelRef::read_file(&entry.path, library.folders(), true).expect("readable");
    assert_eq!(model.name(), "rig");

    // What is found is whole: it reads without the files.
    let found = locate(&model, &library).expect("found").expect("a model");
    assert_eq!((found.origin.clone(), found.exact), (Origin::File(entry.path), true));
    let graph = read(&found.bytes, &found.file_name, None, &Limits::default()).expect("reads");
    assert_eq!((graph.name.as_str(), graph.metadata.sample_rate), ("Rig", Some(48_000)));

    // Elsewhere in the library, by its content.
    fs::rename(&old, &new).expect("moved");
    let library = Library::scan(std::slice::from_ref(&new), &ScanLimits::default());
    let moved = locate(&model, &library).expect("found").expect("a model");
    assert_eq!(
        (moved.origin, moved.exact),
        (Origin::File(new.join("rig.tonegraft-chain.json")), true)
    );

    // With another model in it, it is another chain: the session's own copy plays.
    fs::copy(new.join("parts/a.onnx"), new.join("b.onnx")).expect("changed");
    let embedded = locate(&model, &library).expect("found").expect("a model");
    assert_eq!((embedded.origin, embedded.bytes), (Origin::Embedded, found.bytes));

    // Through a session's text.
    let mut state = SessionState::default();
    state.set_model(0, model.clone());
    let state = session::decode(&session::encode(&state)).expect("decodes");
    assert_eq!(state.model(0), &model);
}

#[test]
fn a_missing_part_is_told() {
    let place = tempfile::tempdir().expect("a folder");
    put(place.path());
    let path = place.path().join("rig.tonegraft-chain.json");
    let model = ModelRef::read_file(&path, &[], false).expect("readable");
    fs::remove_file(place.path().join("parts/a.onnx")).expect("removed");
    let error = files::read_model(&path).expect_err("not whole");
    assert!(error.to_string().contains("parts/a.onnx"), "{error}");
    let error = locate(&model, &Library::empty()).expect_err("not found").to_string();
    assert!(error.contains("parts/a.onnx"), "{error}");
}
