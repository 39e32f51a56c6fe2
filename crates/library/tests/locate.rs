//! Models are found again, or the reason is told.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use tempfile::TempDir;
use tonegraft_library::index::ScanLimits;
use tonegraft_library::session::Blob;
use tonegraft_library::{
    Embedded, Library, LocateErrorKind, Located, ModelRef, Origin, PortablePath, Sha256, locate, shipped,
};

const MODEL: &[u8] = b"the model";

fn write(path: &Path, bytes: &[u8]) {
    fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
    fs::write(path, bytes).expect("a file");
}

struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a folder"),
        }
    }

    fn at(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn library(&self) -> Library {
        Library::scan(&[self.at("library")], &ScanLimits::default())
    }

    /// A reference to `library/amps/a.onnx`, which is then gone.
    fn lost(&self, embed: bool) -> ModelRef {
        let path = self.at("library/amps/a.onnx");
        write(&path, MODEL);
        let model = ModelRef::read_file(&path, self.library().folders(), embed).expect("readable");
        fs::remove_file(path).expect("removed");
        model
    }
}

fn found(model: &ModelRef, library: &Library) -> Located {
    locate(model, library).expect("found").expect("not dry")
}

#[test]
fn shipped_models_and_dry_need_no_library() {
    let library = Library::empty();
    assert_eq!(locate(&ModelRef::None, &library), Ok(None));
    for model in shipped() {
        let located = found(&ModelRef::shipped(model.id), &library);
        assert_eq!((&located.bytes[..], located.origin), (model.bytes, Origin::Shipped));
        assert!(located.exact);
    }
    for (saved, exact) in [(None, true), (Some(Sha256::of(b"an earlier one")), false)] {
        let id = shipped()[0].id.to_owned();
        let located = found(&ModelRef::Shipped { id, sha256: saved }, &library);
        assert_eq!((&located.bytes[..], located.exact), (shipped()[0].bytes, exact));
    }
    let error = locate(&ModelRef::shipped("moonlight"), &library).expect_err("no such model");
    assert_eq!(error.kind, LocateErrorKind::NoSuchShipped);
    assert!(error.to_string().contains("moonlight"), "{error}");
}

#[test]
fn at_its_place_it_is_found_with_its_sidecar() {
    let place = Place::new();
    let path = place.at("elsewhere/a.onnx");
    write(&path, MODEL);
    let model = ModelRef::read_file(&path, &[], false).expect("readable");
    let located = found(&model, &Library::empty());
    assert_eq!(
        (located.origin, located.exact, located.sidecar),
        (Origin::File(path), true, None)
    );
    assert_eq!((located.name.as_str(), located.file_name.as_str()), ("a", "a.onnx"));
    write(&place.at("elsewhere/a.onnx.tonegraft.json"), b"{}");
    assert_eq!(found(&model, &Library::empty()).sidecar.as_deref(), Some("{}"));
}

#[test]
fn a_library_that_moved_is_searched_by_the_relative_path() {
    let old = Place::new();
    let model = old.lost(false);
    let ModelRef::File(file) = &model else { panic!("a file") };
    assert_eq!(file.relative.as_deref(), Some("amps/a.onnx"));
    let new = Place::new();
    write(&new.at("library/amps/a.onnx"), MODEL);
    assert_eq!(
        found(&model, &new.library()).origin,
        Origin::File(new.at("library/amps/a.onnx"))
    );
}

#[test]
fn a_renamed_file_is_found_by_its_content() {
    let place = Place::new();
    let model = place.lost(false);
    write(&place.at("library/other.onnx"), b"not it at all");
    write(&place.at("library/amps/decoy.onnx"), b"not a mod");
    write(&place.at("library/b/c/renamed.ONNX"), MODEL);
    let located = found(&model, &place.library());
    assert_eq!(located.origin, Origin::File(place.at("library/b/c/renamed.ONNX")));
    assert_eq!(located.name, "renamed");
}

#[test]
fn an_embedded_copy_plays_when_the_file_is_gone_or_changed() {
    let place = Place::new();
    let model = place.lost(true);
    let located = found(&model, &place.library());
    assert_eq!(
        (&located.bytes[..], located.origin, located.exact),
        (MODEL, Origin::Embedded, true)
    );
    assert_eq!(located.file_name, "a.onnx");
    write(&place.at("library/amps/a.onnx"), b"trained again");
    assert_eq!(
        found(&model, &place.library()).origin,
        Origin::Embedded,
        "what was saved wins"
    );
}

#[test]
fn a_changed_file_plays_and_is_told() {
    let place = Place::new();
    let model = place.lost(false);
    write(&place.at("library/amps/a.onnx"), b"trained again");
    let located = found(&model, &place.library());
    assert_eq!((&located.bytes[..], located.exact), (&b"trained again"[..], false));
    // An exact copy anywhere is better.
    write(&place.at("library/z.onnx"), MODEL);
    assert!(found(&model, &place.library()).exact);
}

#[test]
fn what_is_nowhere_is_missing_and_a_damaged_copy_is_not_played() {
    let place = Place::new();
    let mut model = place.lost(false);
    let error = locate(&model, &place.library()).expect_err("missing");
    assert!(matches!(error.kind, LocateErrorKind::Missing { .. }));
    assert!(error.to_string().contains("a.onnx"), "{error}");
    if let ModelRef::File(file) = &mut model {
        file.embedded = Some(Embedded {
            model: Blob(b"damaged"[..].into()),
            sidecar: None,
        });
    }
    assert!(locate(&model, &place.library()).is_err());
}

#[test]
fn a_hostile_reference_reads_nothing_outside_the_library() {
    let place = Place::new();
    write(&place.at("secret"), MODEL);
    write(&place.at("library/x.onnx"), b"x");
    let mut model = place.lost(false);
    let ModelRef::File(file) = &mut model else {
        panic!("a file")
    };
    for relative in ["../secret", "amps/../../secret", "/etc/passwd", "", "\0"] {
        file.relative = Some(relative.to_owned());
        assert!(
            locate(&ModelRef::File(file.clone()), &place.library()).is_err(),
            "{relative}"
        );
    }
    // A relative path in the place of the absolute one would depend on the host's working folder.
    file.path = PortablePath::Text("Cargo.toml".to_owned());
    file.sha256 = Sha256::of(&fs::read("Cargo.toml").expect("this crate's manifest"));
    assert!(locate(&ModelRef::File(file.clone()), &place.library()).is_err());
    // A folder is no model.
    file.path = PortablePath::new(&place.at("library"));
    let error = locate(&ModelRef::File(file.clone()), &place.library()).expect_err("a folder");
    assert!(matches!(error.kind, LocateErrorKind::Unreadable { .. }), "{error}");
}

#[test]
fn the_index_lists_models_by_name_with_their_folders() {
    let place = Place::new();
    for path in [
        "library/b.onnx",
        "library/amps/british/A.onnx",
        "library/notes.txt",
        "library/c.Onnx",
    ] {
        write(&place.at(path), path.as_bytes());
    }
    let library = place.library();
    let listed: Vec<(&str, &str)> = library
        .entries()
        .iter()
        .map(|e| (e.name.as_str(), e.group.as_str()))
        .collect();
    assert_eq!(listed, [("A", "amps/british"), ("b", ""), ("c", "")]);
    assert_eq!(library.entries()[0].folder, place.at("library"));
    assert!(library.problems().is_empty());

    let missing = Library::scan(&[place.at("nowhere")], &ScanLimits::default());
    assert_eq!((missing.entries().len(), missing.problems().len()), (0, 1));
    // Overlapping folders list a file once.
    let twice = Library::scan(&[place.at("library"), place.at("library/amps")], &ScanLimits::default());
    assert_eq!(twice.entries().len(), 3);
}

#[test]
fn scans_stop_at_their_limits() {
    let place = Place::new();
    for index in 0..10 {
        write(&place.at(&format!("library/{index}/{index}.onnx")), b"x");
    }
    let scan = |limits| Library::scan(&[place.at("library")], &limits);
    let few = scan(ScanLimits {
        entries: 4,
        ..ScanLimits::default()
    });
    assert_eq!((few.entries().len(), few.problems().len()), (4, 1));
    let narrow = scan(ScanLimits {
        folders: 3,
        ..ScanLimits::default()
    });
    assert_eq!((narrow.entries().len(), narrow.problems().len()), (2, 1));
    write(&place.at("library/1/2/3/deep.onnx"), b"x");
    let shallow = scan(ScanLimits {
        depth: 1,
        ..ScanLimits::default()
    });
    assert_eq!((shallow.entries().len(), shallow.problems().len()), (10, 1));
}

#[cfg(unix)]
#[test]
fn links_in_a_circle_end() {
    use std::os::unix::fs::symlink;
    let place = Place::new();
    write(&place.at("library/a/a.onnx"), MODEL);
    symlink(place.at("library"), place.at("library/a/up")).expect("a link");
    symlink(place.at("library/a"), place.at("library/b")).expect("a link");
    symlink(place.at("nowhere"), place.at("library/dead.onnx")).expect("a link");
    let library = place.library();
    assert_eq!(library.entries().len(), 1, "{:?}", library.entries());
    assert!(library.problems().is_empty());
}

#[test]
fn hashes_are_kept_while_a_file_stays_as_it_is() {
    let place = Place::new();
    let path = place.at("library/a.onnx");
    write(&path, MODEL);
    let set_time = |seconds| {
        let file = fs::File::options().write(true).open(&path).expect("a file");
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
            .expect("set");
    };
    set_time(1_000);
    let library = place.library();
    assert_eq!(library.hash(&library.entries()[0]), Some(Sha256::of(MODEL)));
    // Same length and time, other content: the kept hash shows that the file was not read again.
    write(&path, b"THE MODEL");
    set_time(1_000);
    let again = library.rescan(&ScanLimits::default());
    assert_eq!(again.hash(&again.entries()[0]), Some(Sha256::of(MODEL)));
    set_time(2_000);
    let later = again.rescan(&ScanLimits::default());
    assert_eq!(later.hash(&later.entries()[0]), Some(Sha256::of(b"THE MODEL")));
}
