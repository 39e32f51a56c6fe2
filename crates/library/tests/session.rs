//! Sessions of every version load for ever; nothing hostile does harm.

use proptest::prelude::*;
use std::fs;
use std::path::Path;
use tonegraft_library::path::RawPath;
use tonegraft_library::session::{Blob, MAX_PROGRAMS, MAX_SLOTS, decode, encode};
use tonegraft_library::{
    CompareState, Embedded, Measured, ModelFile, ModelRef, Placement, PortablePath, SessionState, Sha256, SlotState,
    StateErrorKind, WindowState,
};

fn golden(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    fs::read_to_string(&path).expect("a golden file")
}

/// A shipped model as it was saved before its content was.
fn named(id: &str) -> ModelRef {
    ModelRef::Shipped {
        id: id.to_owned(),
        sha256: None,
    }
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
            slot(named("overdrive")),
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
        latency_reserve: 512,
        ..SessionState::default()
    }
}

/// Everything that version 2 brought.
fn version_2() -> SessionState {
    let measured = Measured {
        delay: 312.4375,
        gain_db: -3.125,
        inverted: true,
        confidence: 0.96875,
    };
    let mut state = played_another_way();
    state.slots.truncate(2);
    let program = state.program_mut(2).expect("a place");
    program.model = named("distortion");
    program.oversampling = "2x".to_owned();
    state.compare = CompareState {
        rate: 48_000,
        a: Placement {
            delay: -0.5,
            nudge: 2.0,
            inverted: true,
            ..Placement::default()
        },
        b: Placement::default(),
        reference: Placement {
            delay: 312.4375,
            nudge: 0.0,
            inverted: true,
            locked: true,
            measured: Some(measured),
        },
        hear_aligned: true,
        sleep: true,
        difference: "b".to_owned(),
    };
    state.window = WindowState {
        zoom: Some(1.25),
        theme: "light".to_owned(),
        folder: Some(PortablePath::Text("/home/player/models".to_owned())),
    };
    state
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
fn the_golden_session_of_version_2_loads() {
    let text = golden("session-v2.json");
    assert_eq!(decode(&text).expect("it loads"), version_2());
    assert_eq!(
        Sha256::of(text.as_bytes()).to_string(),
        "88dcb2a618869c5837f7c8a4e5d72070d9ae4292c36ea9f4e1f7cdb34efb2767"
    );
}

#[test]
fn what_version_1_ignored_stays_ignored() {
    let text = r#"{"version": 1, "slots": [{}], "programs": 5, "compare": {"sleep": true}, "window": []}"#;
    let expected = SessionState {
        slots: vec![SlotState::default()],
        ..SessionState::default()
    };
    assert_eq!(decode(text).expect("it loads"), expected);
}

#[test]
fn wild_delays_and_zooms_are_brought_into_range() {
    let text = r#"{"version": 2, "window": {"zoom": 1e30, "theme": "unheard of"},
        "compare": {"rate": 4294967295, "a": {"delay": -1e300},
            "reference": {"delay": 1e300, "measured": {"delay": -1e300, "gain_db": 1e9, "confidence": 7}}}}"#;
    let state = decode(text).expect("it loads");
    assert_eq!([state.compare.a.delay, state.compare.reference.delay], [-1e6, 1e6]);
    let measured = state.compare.reference.measured.expect("measured");
    assert_eq!(
        [measured.delay, measured.gain_db, measured.confidence],
        [-1e6, 200.0, 1.0]
    );
    assert_eq!(state.window.zoom, Some(3.0));
    assert_eq!(decode(&encode(&state)).expect("it loads"), state);
}

#[test]
fn what_is_written_is_read_back() {
    for state in [version_1(), played_another_way(), version_2(), SessionState::default()] {
        let text = encode(&state);
        assert!(!text.contains('\n'));
        assert_eq!(decode(&text).expect("it loads"), state);
        assert_eq!(encode(&decode(&text).expect("it loads")), text, "stable");
    }
    assert_eq!(
        encode(&SessionState::default()),
        r#"{"latency_reserve":0,"slots":[],"version":2}"#
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
    state.program_mut(3).expect("a place").model = ModelRef::shipped("z");
    assert_eq!(
        (state.programs.len(), state.program(3).name(), state.program(9).name()),
        (4, "z", "")
    );
    assert!(state.program_mut(MAX_PROGRAMS).is_none());
}

fn kind(text: &str) -> StateErrorKind {
    decode(text).expect_err("refused").kind
}

#[test]
fn hostile_text_is_an_error_with_a_reason() {
    let text = encode(&version_2());
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
            r#"{"version": 3}"#,
            StateErrorKind::FutureVersion { found: 3, newest: 2 },
        ),
        (
            r#"{"version": 18446744073709551615}"#,
            StateErrorKind::FutureVersion {
                found: u64::MAX,
                newest: 2,
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
        r#"{"version": 2, "programs": {"model": 1}}"#,
        r#"{"version": 2, "compare": 5}"#,
        r#"{"version": 2, "compare": {"reference": {"delay": "late"}}}"#,
        r#"{"version": 2, "window": {"theme": 7}}"#,
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
    let many = format!(r#"{{"version": 2, "programs": [{}{{}}]}}"#, "{},".repeat(MAX_PROGRAMS));
    assert_eq!(
        kind(&many),
        StateErrorKind::TooManyPrograms {
            found: MAX_PROGRAMS + 1,
            limit: MAX_PROGRAMS
        }
    );
    let huge = " ".repeat((1 << 28) + 1);
    assert!(matches!(kind(&huge), StateErrorKind::TooLarge { .. }));
    let sentence = decode(r#"{"version": 9}"#).expect_err("refused").to_string();
    assert_eq!(
        sentence,
        "The saved state cannot be used: it has version 9, and this release reads up to 2; update Tonegraft. \
         What plays now stays as it is."
    );
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_sessions_never_panic(place in 0..1_000_usize, byte in any::<u8>(), noise in "\\PC{0,60}") {
        let text = encode(&version_2());
        let mut bytes = text.into_bytes();
        let place = place % bytes.len();
        bytes[place] = byte;
        if let Ok(text) = String::from_utf8(bytes) {
            let _ = decode(&text);
        }
        prop_assert!(decode(&noise).is_err());
    }
}
