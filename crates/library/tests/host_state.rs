//! The bytes that hosts keep.

use proptest::prelude::*;
use std::collections::BTreeMap;
use tonegraft_library::host_state::{HostState, from_stream, to_stream};
use tonegraft_library::session::encode;
use tonegraft_library::{ModelRef, ParamValue, SessionState, Sha256, StateErrorKind};

fn params() -> BTreeMap<String, ParamValue> {
    BTreeMap::from([
        ("mix".to_owned(), ParamValue::F32(100.0)),
        ("bypass".to_owned(), ParamValue::Bool(false)),
        ("program".to_owned(), ParamValue::I32(3)),
        ("quality".to_owned(), ParamValue::String("best".to_owned())),
        ("a_knob_1".to_owned(), ParamValue::F32(0.1)),
        ("broken".to_owned(), ParamValue::F32(f32::NAN)),
    ])
}

fn session() -> SessionState {
    let mut session = SessionState::default();
    // As version 1 wrote it.
    let overdrive = ModelRef::Shipped {
        id: "overdrive".to_owned(),
        sha256: None,
    };
    session.set_model(0, overdrive);
    session
}

#[test]
fn the_stream_is_what_the_plugin_writes() {
    let stream = to_stream(&params(), r#"{"version":1}"#);
    let json = concat!(
        r#"{"version":""#,
        env!("CARGO_PKG_VERSION"),
        r#"","params":{"a_knob_1":{"f32":0.1},"bypass":{"bool":false},"mix":{"f32":100.0},"program":{"i32":3},"#,
        r#""quality":{"string":"best"}},"fields":{"session":"\"{\\\"version\\\":1}\""}}"#,
    );
    let (length, rest) = stream.split_at(8);
    assert_eq!(length, (json.len() as u64).to_le_bytes());
    assert_eq!(std::str::from_utf8(rest), Ok(json));
}

/// Fuzzed: such a value was read as infinity and written as `null`, which is no value.
#[test]
fn a_value_beyond_the_range_of_f32_is_left_out() {
    let json = r#"{"params":{"mix":{"f32":1e42},"output_gain":{"f32":-3.5}},"fields":{}}"#;
    let stream = [&(json.len() as u64).to_le_bytes()[..], json.as_bytes()].concat();
    let state = from_stream(&stream).expect("it loads");
    let params = BTreeMap::from([("output_gain".to_owned(), ParamValue::F32(-3.5))]);
    assert_eq!(state.params, params);
    assert_eq!(from_stream(&state.to_stream()), Ok(state));
}

#[test]
fn the_golden_clap_state_of_version_1_loads() {
    let stream = include_bytes!("golden/clap-state-v1.bin");
    let state = from_stream(stream).expect("it loads");
    assert_eq!(state.session(), Ok(Some(session())));
    assert_eq!(state.version, "0.1.0");
    let mut params = BTreeMap::from([
        ("bypass".to_owned(), ParamValue::Bool(false)),
        ("input_gain".to_owned(), ParamValue::F32(-3.5)),
        ("mix".to_owned(), ParamValue::F32(100.0)),
        ("output_gain".to_owned(), ParamValue::F32(6.0)),
    ]);
    for knob in 1..=8 {
        let position = if knob == 3 { 0.1 } else { 0.5 };
        params.insert(format!("a_knob_{knob}"), ParamValue::F32(position));
    }
    assert_eq!(state.params, params);
    assert_eq!(state.to_stream(), stream);
    // A golden file is never edited: a new version gets a new one.
    let hash = "363ccb57b76788626c84dd633a7738a8636865110f5fb515a735401968e2ac07";
    assert_eq!(Sha256::of(stream).to_string(), hash);
}

#[test]
fn streams_come_back() {
    let mut stream = to_stream(&params(), &encode(&session()));
    let state = from_stream(&stream).expect("read");
    assert_eq!(state.session(), Ok(Some(session())));
    assert_eq!(state.params.len(), 5);
    assert_eq!(state.to_stream(), stream);
    stream.extend(b"what a host pads with");
    assert_eq!(from_stream(&stream), Ok(state));
}

#[test]
fn a_session_that_is_the_field_itself_is_read_too() {
    let mut state = HostState::new(&params(), "");
    state.fields.insert("session".to_owned(), encode(&session()));
    assert_eq!(state.session(), Ok(Some(session())));
    state.fields.clear();
    assert_eq!(state.session(), Ok(None));
}

#[test]
fn an_unreadable_session_stays_in_the_field() {
    let text = r#"{"version":99,"new":"things"}"#;
    let state = from_stream(&to_stream(&params(), text)).expect("the container is fine");
    assert!(matches!(
        state.session().map_err(|error| error.kind),
        Err(StateErrorKind::FutureVersion { found: 99, .. })
    ));
    assert_eq!(state.session_json().as_deref(), Some(text));
}

#[test]
fn hostile_streams_are_refused() {
    let stream = to_stream(&params(), &encode(&session()));
    for end in 0..stream.len() {
        let error = from_stream(&stream[..end]).expect_err("cut off");
        assert!(matches!(error.kind, StateErrorKind::Truncated { .. }), "{end}");
    }
    let mut huge = stream;
    huge[..8].copy_from_slice(&u64::MAX.to_le_bytes());
    assert!(matches!(
        from_stream(&huge).map_err(|error| error.kind),
        Err(StateErrorKind::TooLarge { .. })
    ));
    for json in ["", "nonsense", "[]", "{}", r#"{"params":{},"fields":5}"#] {
        let mut stream = (json.len() as u64).to_le_bytes().to_vec();
        stream.extend(json.as_bytes());
        assert!(from_stream(&stream).is_err(), "{json}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_and_any_value_survive(text in any::<String>(), value in any::<f32>().prop_filter("finite", |v| v.is_finite())) {
        let params = BTreeMap::from([("x".to_owned(), ParamValue::F32(value))]);
        let state = from_stream(&to_stream(&params, &text)).expect("read");
        prop_assert_eq!(state.session_json(), Some(text));
        prop_assert_eq!(state.params, params);
    }
}
