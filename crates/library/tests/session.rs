//! Sessions of every version load for ever; nothing hostile does harm.

use proptest::prelude::*;
use std::fs;
use std::path::Path;
use tonegraft_library::path::RawPath;
use tonegraft_library::session::{Blob, MAX_SLOTS, decode, encode};
use tonegraft_library::{Embedded, ModelFile, ModelRef, PortablePath, SessionState, Sha256, SlotState, StateErrorKind};

fn golden(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    fs::read_to_string(&path).expect("a golden file")
}

fn version_1() -> SessionState {
    let slot = |model| SlotState {
        model,
        ..SlotState::default()
    };
    SessionState {
        slots: vec![
            slot(ModelRef::File(Box::new(ModelFile {
                path: PortablePath::Text("/home/player/models/amps/Crunch é.onnx".to_owned()),
                relative: Some("amps/Crunch é.onnx".to_owned()),
                name: "Crunch é".to_owned(),
                sha256: Sha256::of(b"abc"),
                size: Some(3),
                embedded: Some(Embedded {
                    model: Blob(b"abc"[..].into()),
                    sidecar: Some("{\"name\": \"Crunch\"}".to_owned()),
                }),
            }))),
            slot(ModelRef::shipped("overdrive")),
            slot(ModelRef::None),
            slot(ModelRef::File(Box::new(ModelFile {
                path: PortablePath::Raw(RawPath::Unix("L3RtcC//Lm9ubng=".to_owned())),
                relative: None,
                name: "not text".to_owned(),
                sha256: Sha256::of(b""),
                size: None,
                embedded: None,
            }))),
            slot(ModelRef::None),
        ],
        cab: ModelRef::None,
        latency_reserve: 512,
    }
}

/// What version 1 has learned since.
fn played_another_way() -> SessionState {
    let mut state = version_1();
    state.cab = ModelRef::File(Box::new(ModelFile {
        path: PortablePath::Text("/home/player/cabs/4x12.wav".to_owned()),
        relative: None,
        name: "4x12".to_owned(),
        sha256: Sha256::of(b"cab"),
        size: Some(3),
        embedded: None,
    }));
    state.slots[0].rate_mode = "minimum-phase".to_owned();
    state.slots[0].oversampling = "2x".to_owned();
    state.slots[0].size = Some(0.25);
    state
}

#[test]
fn sizes_are_brought_into_range() {
    let size = |text: &str| {
        decode(&format!(r#"{{"version": 1, "slots": [{{"size": {text}}}]}}"#))
            .expect("loads")
            .slots[0]
            .size
    };
    assert_eq!(
        [size("-1"), size("7.5"), size("0.5"), size("null"), size("1e300")],
        [Some(0.0), Some(1.0), Some(0.5), None, None]
    );
}

#[test]
fn the_golden_session_of_version_1_loads() {
    let text = golden("session-v1.json");
    assert_eq!(decode(&text).expect("it loads"), version_1());
    // A golden file is never edited: a new version gets a new one.
    assert_eq!(
        Sha256::of(text.as_bytes()).to_string(),
        "085f3d4c0382eb6ebb54b8939169df817b445923ec7ae328971fe8ae692b1d52"
    );
}

#[test]
fn what_is_written_is_read_back() {
    for state in [version_1(), played_another_way(), SessionState::default()] {
        let text = encode(&state);
        assert!(!text.contains('\n'));
        assert_eq!(decode(&text).expect("it loads"), state);
        assert_eq!(encode(&decode(&text).expect("it loads")), text, "stable");
    }
    assert_eq!(
        encode(&SessionState::default()),
        r#"{"latency_reserve":0,"slots":[],"version":1}"#
    );
}

#[test]
fn slots_are_made_as_needed() {
    let mut state = SessionState::default();
    assert_eq!(state.model(1), &ModelRef::None);
    state.set_model(1, ModelRef::shipped("x"));
    assert_eq!(
        (state.slots.len(), state.model(0), state.model(1).name()),
        (2, &ModelRef::None, "x")
    );
    state.set_model(MAX_SLOTS, ModelRef::shipped("y"));
    assert_eq!(state.slots.len(), 2);
}

fn kind(text: &str) -> StateErrorKind {
    decode(text).expect_err("refused").kind
}

#[test]
fn hostile_text_is_an_error_with_a_reason() {
    let text = encode(&version_1());
    for end in (0..text.len()).filter(|end| text.is_char_boundary(*end)) {
        assert!(
            matches!(kind(&text[..end]), StateErrorKind::NotJson { .. }),
            "cut at {end}"
        );
    }
    for nested in ["[".repeat(100_000), "{\"a\":".repeat(100_000)] {
        assert!(matches!(kind(&nested), StateErrorKind::NotJson { .. }));
    }
    for (text, expected) in [
        ("null", StateErrorKind::NoVersion),
        ("[1]", StateErrorKind::NoVersion),
        ("\"x\"", StateErrorKind::NoVersion),
        ("{}", StateErrorKind::NoVersion),
        (r#"{"version": "1"}"#, StateErrorKind::NoVersion),
        (
            r#"{"version": 2}"#,
            StateErrorKind::FutureVersion { found: 2, newest: 1 },
        ),
        (
            r#"{"version": 18446744073709551615}"#,
            StateErrorKind::FutureVersion {
                found: u64::MAX,
                newest: 1,
            },
        ),
    ] {
        assert_eq!(kind(text), expected, "{text}");
    }
    for text in [
        r#"{"version": 1, "slots": 5}"#,
        r#"{"version": 1, "slots": [5]}"#,
        r#"{"version": 1, "slots": [{"model": {"kind": "rumour"}}]}"#,
        r#"{"version": 1, "slots": [{"model": {"kind": "shipped"}}]}"#,
        r#"{"version": 1, "slots": [{"model": {"kind": "file", "path": 1, "name": "", "sha256": ""}}]}"#,
        r#"{"version": 1, "slots": [{"model": {"kind": "file", "path": "x", "name": "", "sha256": "00"}}]}"#,
        r#"{"version": 1, "latency_reserve": -1}"#,
        r#"{"version": 1, "latency_reserve": 1e30}"#,
    ] {
        assert!(
            matches!(kind(text), StateErrorKind::Invalid { .. }),
            "{text}: {:?}",
            kind(text)
        );
    }
    let many = format!(r#"{{"version": 1, "slots": [{}{{}}]}}"#, "{},".repeat(MAX_SLOTS));
    assert_eq!(
        kind(&many),
        StateErrorKind::TooManySlots {
            found: MAX_SLOTS + 1,
            limit: MAX_SLOTS
        }
    );
    let huge = " ".repeat((1 << 28) + 1);
    assert!(matches!(kind(&huge), StateErrorKind::TooLarge { .. }));
    let sentence = decode(r#"{"version": 9}"#).expect_err("refused").to_string();
    assert_eq!(
        sentence,
        "The saved state cannot be used: it has version 9, and this release reads up to 1; update Tonegraft. \
         What plays now stays as it is."
    );
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_sessions_never_panic(place in 0..1_000_usize, byte in any::<u8>(), noise in "\\PC{0,60}") {
        let text = encode(&version_1());
        let mut bytes = text.into_bytes();
        let place = place % bytes.len();
        bytes[place] = byte;
        if let Ok(text) = String::from_utf8(bytes) {
            let _ = decode(&text);
        }
        prop_assert!(decode(&noise).is_err());
    }
}
