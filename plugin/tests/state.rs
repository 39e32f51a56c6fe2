//! Sessions: round trips, hostile states, a state that must load for ever, and sample 0 after a restore.

mod support;

use std::collections::BTreeMap;
use support::{
    Event, FIRST_PARAMS, Instance, LAYOUTS, PARAMS, Random, guitar, id_of, model_file, state_with_file, wait_for,
};
use tonegraft_chain::{Chain, ChainConfig, Settings};
use tonegraft_core::SampleRate;
use tonegraft_engine::{InstanceConfig, Model, Options, Oversampling, RateMode, StartState};
use tonegraft_library::{HostState, ModelRef, ParamValue, SessionState, session};
use tonegraft_slots::{BankConfig, Unit, bank};

/// Written by the first release; see `what_the_first_release_wrote_loads`.
const GOLDEN: &[u8] = include_bytes!("golden/state-v1.bin");

fn set_all(instance: &Instance, random: &mut Random) {
    let events: Vec<Event> = PARAMS
        .iter()
        .map(|name| Event {
            time: 0,
            param: id_of(name),
            value: if *name == "bypass" {
                random.unit().round()
            } else {
                random.unit()
            },
        })
        .collect();
    instance.flush(&events);
}

fn values(instance: &Instance) -> Vec<f64> {
    PARAMS.iter().map(|name| instance.param(name)).collect()
}

#[test]
fn sixty_four_round_trips_with_random_values() {
    let mut random = Random(64);
    let source = Instance::new();
    let target = Instance::new();
    for round in 0..64 {
        set_all(&source, &mut random);
        let state = source.save();
        assert!(target.load(&state), "round {round}");
        for (name, (a, b)) in PARAMS.iter().zip(values(&source).into_iter().zip(values(&target))) {
            assert!((a - b).abs() < 1e-6, "round {round}, {name}: {a} and {b}");
        }
        assert_eq!(target.save(), state, "round {round}");
    }
}

#[test]
fn the_state_is_the_container_that_the_library_describes() {
    let instance = Instance::new();
    let state = HostState::from_stream(&instance.save()).expect("a container");
    assert_eq!(state.params.len(), PARAMS.len());
    assert_eq!(state.params.get("mix"), Some(&ParamValue::F32(100.0)));
    let session = state.session().expect("readable").expect("there");
    assert!(
        matches!(session.model(0), ModelRef::Shipped { .. }),
        "a new instance plays a shipped model"
    );
    assert!(state.fields.contains_key("window"));
}

#[test]
fn hostile_states_are_refused_and_leave_everything_as_it_was() {
    let mut instance = Instance::new();
    set_all(&instance, &mut Random(9));
    instance.activate(48_000.0, 256);
    instance.start();
    let before = (
        values(&instance),
        HostState::from_stream(&instance.save()).expect("a container").session(),
    );
    let good = instance.save();
    let framed = |json: &str| {
        let mut bytes = (json.len() as u64).to_le_bytes().to_vec();
        bytes.extend(json.as_bytes());
        bytes
    };
    let nested = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let refused: Vec<(&str, Vec<u8>)> = vec![
        ("empty", Vec::new()),
        ("three bytes", vec![1, 2, 3]),
        ("a length and nothing else", u64::MAX.to_le_bytes().to_vec()),
        (
            "a length of 200 MB over ten bytes",
            [200_000_000_u64.to_le_bytes().to_vec(), vec![0; 10]].concat(),
        ),
        ("cut short", good[..good.len() - 7].to_vec()),
        ("not JSON", framed("hello")),
        ("nested", framed(&nested)),
        ("another shape", framed("[1,2,3]")),
        ("zeros", vec![0; 64]),
        ("noise", (0..255).collect()),
    ];
    for (what, bytes) in refused {
        assert!(!instance.load(&bytes), "{what} was taken");
        let now = (
            values(&instance),
            HostState::from_stream(&instance.save()).expect("a container").session(),
        );
        assert_eq!(now, before, "{what} changed something");
    }
    let input = guitar(2, 256);
    let output = instance.block(LAYOUTS[0], &input, 0..256, &[]);
    assert!(output.iter().flatten().all(|sample| sample.is_finite()));
}

#[test]
fn wild_values_inside_a_good_container_are_tamed() {
    let instance = Instance::new();
    let json = r#"{"version":"0.1.0","params":{"mix":{"f32":1e30},"input_gain":{"f32":-999.0},"a_knob_1":{"f32":7.0},
        "bypass":{"f32":1.0},"nobody":{"bool":true}},"fields":{"session":"\"{\\\"version\\\":99}\"","window":"[1,4000000000]"}}"#;
    let mut bytes = (json.len() as u64).to_le_bytes().to_vec();
    bytes.extend(json.as_bytes());
    let session = HostState::from_stream(&instance.save()).expect("a container").session();
    assert!(instance.load(&bytes));
    assert!((instance.param("mix") - 1.0).abs() < 1e-6);
    assert!(instance.param("input_gain").abs() < 1e-6);
    assert!((instance.param("a_knob_1") - 1.0).abs() < 1e-6);
    assert!(instance.param("bypass").abs() < 1e-6);
    let after = HostState::from_stream(&instance.save()).expect("a container").session();
    assert_eq!(
        after, session,
        "a session of a later version leaves the session as it was"
    );
    assert!(
        instance
            .text("input_gain", instance.param("input_gain"))
            .starts_with("-24")
    );
}

#[test]
fn a_lost_model_keeps_its_reference_and_the_sound_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let state = state_with_file(&model_file(folder.path(), 0, 0.5));
    drop(folder);
    let mut instance = Instance::new();
    instance.activate(48_000.0, 256);
    instance.start();
    let input = guitar(2, 256);
    let loud = |output: &[Vec<f32>]| output[0].iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
    assert!(loud(&instance.block(LAYOUTS[0], &input, 0..256, &[])) > 0.0);
    assert!(instance.load(&state));
    std::thread::sleep(std::time::Duration::from_millis(100));
    assert!(loud(&instance.block(LAYOUTS[0], &input, 0..256, &[])) > 0.0);
    let saved = HostState::from_stream(&instance.save()).expect("a container");
    let given = HostState::from_stream(&state).expect("a container");
    assert_eq!(saved.session(), given.session());
}

#[test]
fn what_the_first_release_wrote_loads() {
    let instance = Instance::new();
    assert!(instance.load(GOLDEN));
    let session = HostState::from_stream(&instance.save()).expect("a container").session();
    let session = session.expect("readable").expect("there");
    let named = ModelRef::Shipped {
        id: "distortion".to_owned(),
        sha256: None,
    };
    assert_eq!(*session.model(0), named);
    assert_eq!(*session.model(1), ModelRef::None);
    let expected = [0.0, 0.75, 0.375, 0.8, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8];
    for (name, value) in FIRST_PARAMS.iter().zip(expected) {
        assert!(
            (instance.param(name) - value).abs() < 1e-5,
            "{name}: {}",
            instance.param(name)
        );
    }
    let saved = HostState::from_stream(&instance.save()).expect("a container");
    let golden = HostState::from_stream(GOLDEN).expect("a container");
    for (id, value) in &golden.params {
        assert_eq!(saved.params.get(id), Some(value), "{id}: saved as it was loaded");
    }
    assert_eq!(saved.session(), golden.session());
    // The window has grown since.
    assert_eq!(golden.fields.get("window").map(String::as_str), Some("[900,600]"));
    assert_eq!(saved.fields.get("window").map(String::as_str), Some("[1040,690]"));
}

/// The chain and the bank directly, as the renderer uses them.
fn direct(model: &Model, settings: &Settings, rate: u32, input: &[Vec<f32>]) -> Vec<Vec<f32>> {
    let rate = SampleRate::new(rate).expect("a rate");
    let channels = input.len();
    let (_control, mut audio) = bank(BankConfig::new(rate, channels, channels));
    let config = InstanceConfig {
        host_rate: rate,
        inputs: channels,
        outputs: channels,
        start: StartState::Silence,
        isa: None,
        rate: RateMode::default(),
        oversampling: Oversampling::default(),
    };
    let processor = model
        .instantiate(&config)
        .map_err(|error| error.to_string())
        .expect("a processor");
    let knobs = model.knobs().iter().map(tonegraft_model::Knob::range);
    let unit = Unit {
        processor,
        id: 1,
        knobs: knobs.take(8).collect(),
        levels: model.levels(),
    };
    audio.adopt(0, Some(unit)).expect("fits");
    let mut chain = Chain::new(ChainConfig::new(rate, channels, channels));
    chain.snap(settings);
    let mut output = vec![vec![0.0_f32; input[0].len()]; channels];
    let ins: Vec<&[f32]> = input.iter().map(Vec::as_slice).collect();
    let mut outs: Vec<&mut [f32]> = output.iter_mut().map(Vec::as_mut_slice).collect();
    chain.process(&mut audio, &ins, &mut outs);
    output
}

fn shipped_state(id: &str) -> Vec<u8> {
    let mut state = SessionState::default();
    state.set_model(0, ModelRef::shipped(id));
    let params = BTreeMap::from([
        ("input_gain".to_owned(), ParamValue::F32(6.0)),
        ("output_gain".to_owned(), ParamValue::F32(-3.0)),
        ("mix".to_owned(), ParamValue::F32(75.0)),
        // As loud as the model is, whatever it says of its loudness.
        ("output_mode".to_owned(), ParamValue::String("raw".to_owned())),
        ("a_knob_1".to_owned(), ParamValue::F32(0.875)),
    ]);
    tonegraft_library::host_state::to_stream(&params, &session::encode(&state))
}

#[test]
fn restored_then_processed_is_right_from_sample_0() {
    let shipped = tonegraft_library::shipped_by_id("distortion").expect("ships");
    let model = Model::from_bytes(
        shipped.bytes,
        &shipped.file_name(),
        shipped.sidecar,
        &Options::default(),
    )
    .map_err(|error| error.to_string())
    .expect("loads");
    let mut settings = Settings {
        input_gain_db: 6.0,
        output_gain_db: -3.0,
        mix: 0.75,
        ..Settings::default()
    };
    settings.knobs[0][0] = 0.875;
    let input = guitar(2, 6000);
    let expected = direct(&model, &settings, 48_000, &input);

    // Restored before the activation, with or without the offline flag.
    for offline in [false, true] {
        let mut instance = Instance::new();
        assert!(instance.load(&shipped_state("distortion")));
        instance.set_offline(offline);
        assert!(instance.select(2));
        instance.activate(48_000.0, 512);
        instance.start();
        assert_eq!(
            instance.render(LAYOUTS[2], &input, || 500),
            expected,
            "offline: {offline}"
        );
    }

    // Restored while active, after something else has played, then rendered offline from a reset.
    let mut instance = Instance::new();
    instance.set_offline(true);
    assert!(instance.select(2));
    instance.activate(48_000.0, 512);
    instance.start();
    instance.render(LAYOUTS[2], &input, || 512);
    instance.stop();
    assert!(instance.load(&shipped_state("distortion")));
    instance.start();
    assert_eq!(
        instance.render(LAYOUTS[2], &input, || 512),
        expected,
        "restored while active"
    );

    // Reset starts over.
    instance.reset();
    assert_eq!(instance.render(LAYOUTS[2], &input, || 64), expected, "after reset");
}

#[test]
fn knob_texts_follow_the_model_and_the_host_is_told() {
    let instance = Instance::new();
    let shipped = tonegraft_library::shipped_by_id("distortion").expect("ships");
    let model = Model::from_bytes(
        shipped.bytes,
        &shipped.file_name(),
        shipped.sidecar,
        &Options::default(),
    )
    .map_err(|error| error.to_string())
    .expect("loads");
    assert!(instance.load(&shipped_state("distortion")));
    if let Some(knob) = model.knobs().first() {
        wait_for("the model's name for its knob", || {
            instance.text("a_knob_1", 1.0).starts_with(&format!("{}: ", knob.name))
        });
        let text = instance.text("a_knob_1", 0.25);
        let value = instance.value("a_knob_1", &text).expect("reads back");
        assert!((value - 0.25).abs() < 1e-2, "{text}: {value}");
        wait_for("a request for the main thread", || {
            instance.calls.callbacks.load(std::sync::atomic::Ordering::SeqCst) > 0
        });
        let before = instance.calls.rescans.load(std::sync::atomic::Ordering::SeqCst);
        instance.on_main_thread();
        assert!(instance.calls.rescans.load(std::sync::atomic::Ordering::SeqCst) > before);
    }
    let unused = model.knobs().len();
    if unused < 8 {
        assert_eq!(instance.text(&format!("a_knob_{}", unused + 1), 0.5), "50.0 %");
    }
}

#[test]
fn the_same_session_set_again_lets_what_plays_go_on() {
    let input = guitar(2, 8192);
    let state = shipped_state("distortion");
    let play = |again: bool| {
        let mut instance = Instance::new();
        assert!(instance.load(&state));
        instance.set_offline(true);
        instance.activate(48_000.0, 512);
        instance.start();
        let mut at = 0;
        instance.render(LAYOUTS[0], &input, || {
            at += 512;
            if again && at == 4096 {
                assert!(instance.load(&state));
            }
            512
        })
    };
    assert_eq!(play(true), play(false));
}
