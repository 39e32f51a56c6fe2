//! Knobs that follow the host's tempo.

mod support;

use std::collections::BTreeMap;
use std::path::Path;
use support::{Event, Instance, LAYOUTS, guitar, id_of};
use tonegraft_library::{ModelRef, ParamValue, SessionState, host_state, session};

/// A model with two knobs, of which the second is said to be a rate.
const SIDECAR: &str = r#"{"knobs": [
    {"name": "Drive", "input": "knobs", "index": 0},
    {"name": "Rate", "input": "knobs", "index": 1, "min": 0.5, "max": 4, "default": 1, "unit": "Hz", "sync": "rate"}
]}"#;

/// The state of a session with it, and with these parameters.
fn state(model: &Path, params: &[(&str, ParamValue)]) -> Vec<u8> {
    let mut session = SessionState::default();
    session.set_model(0, ModelRef::read_file(model, &[], false).expect("a model file"));
    let params: BTreeMap<String, ParamValue> = params
        .iter()
        .map(|(id, value)| ((*id).to_owned(), value.clone()))
        .collect();
    host_state::to_stream(&params, &session::encode(&session))
}

#[test]
fn a_knob_follows_the_tempo() {
    let folder = tempfile::tempdir().expect("a folder");
    let model = folder.path().join("film.onnx");
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/fixtures/film.onnx");
    std::fs::copy(fixture, &model).expect("the fixture");
    std::fs::write(folder.path().join("film.onnx.tonegraft.json"), SIDECAR).expect("written");
    let mono = LAYOUTS.iter().position(|layout| *layout == [1, 1, 0]).expect("mono");
    let input = guitar(1, 9_600);
    let play = |params: &[(&str, ParamValue)], tempo: f64, events: &[Event]| {
        let mut instance = Instance::new();
        instance.tempo.set(tempo);
        assert!(instance.load(&state(&model, params)));
        instance.set_offline(true);
        assert!(instance.select(mono));
        instance.activate(48_000.0, 480);
        instance.start();
        let mut output = Vec::new();
        for at in (0..input[0].len()).step_by(480) {
            let events = if at == 4_800 { events } else { &[] };
            output.extend(
                instance
                    .block(LAYOUTS[mono], &input, at..at + 480, events)
                    .swap_remove(0),
            );
        }
        // Knobs glide to where they are at first.
        output.split_off(2_400)
    };
    let note = |id: &str| ParamValue::String(id.to_owned());
    let at = |position: f32| [("a_knob_2", ParamValue::F32(position))];
    let of_hz = |hz: f32| at((hz - 0.5) / 3.5);
    let same = |a: Vec<f32>, b: Vec<f32>, what: &str| assert!(a == b, "{what}");
    let quarter = || [("a_sync", note("1_4"))];
    same(play(&quarter(), 120.0, &[]), play(&of_hz(2.0), 0.0, &[]), "2 Hz");
    same(
        play(&quarter(), 0.0, &[]),
        play(&of_hz(2.0), 0.0, &[]),
        "120 if nobody says",
    );
    same(play(&quarter(), 240.0, &[]), play(&of_hz(4.0), 0.0, &[]), "4 Hz");
    // A sixteenth would be 16 Hz: two octaves below.
    same(
        play(&[("a_sync", note("1_16"))], 240.0, &[]),
        play(&of_hz(4.0), 0.0, &[]),
        "folded",
    );
    same(play(&[("a_sync", note("off"))], 240.0, &[]), play(&[], 0.0, &[]), "off");
    let (slow, fast) = (play(&of_hz(2.0), 0.0, &[]), play(&of_hz(4.0), 0.0, &[]));
    assert!(slow != fast, "the knob is heard");
    // By automation: the eighth of the steps is a quarter.
    let event = |param: &str, value: f64| Event {
        time: 0,
        param: id_of(param),
        value,
    };
    let automated = play(&[], 120.0, &[event("a_sync", 8.0)]);
    let moved = play(&[], 0.0, &[event("a_knob_2", f64::from(1.5f32 / 3.5))]);
    same(automated, moved, "automated");
}
