//! `.nam` files: what they say of themselves, which sizes they have, and what is said of those that cannot be read.

use proptest::prelude::*;
use serde_json::{Value as Json, json};
use std::path::Path;
use tonegraft_model::graph::Format;
use tonegraft_model::{Graph, Limits, ReadError, ReadErrorKind, ReadOptions, Start, chain, read, read_any, read_with};

/// One layer of one channel, one tap: five weights, head bias and scale.
fn wavenet() -> Json {
    json!({
        "version": "0.5.4", "architecture": "WaveNet", "sample_rate": 48000.0,
        "config": {"layers": [{
            "input_size": 1, "condition_size": 1, "head_size": 1, "channels": 1, "kernel_size": 1, "dilations": [1],
            "activation": "Tanh", "gated": false, "head_bias": true,
        }], "head": null, "head_scale": 0.5},
        "weights": [1.0, 0.5, 0.0, 0.25, 1.0, 0.0, 2.0, 0.125, 0.5],
    })
}

fn linear(weights: &[f32]) -> Json {
    json!({"version": "0.7.0", "architecture": "Linear", "config": {"receptive_field": weights.len(), "bias": false},
        "weights": weights})
}

fn nam(json: &Json) -> Result<Graph, ReadError> {
    read(json.to_string().as_bytes(), "amp.nam", None, &Limits::default())
}

fn sized(json: &Json, size: f32) -> Graph {
    let options = ReadOptions::new(Limits::default()).with_size(Some(size));
    let text = json.to_string();
    read_with(text.as_bytes(), "amp.nam", None, &mut |_| Ok(None), &options).unwrap_or_else(|error| panic!("{error}"))
}

/// The sentence that says why it is refused.
fn refused(json: &Json, kind: ReadErrorKind) -> String {
    let error = nam(json).expect_err("refused");
    assert_eq!(error.kind(), kind, "{error}");
    assert!(error.to_string().starts_with("amp.nam: "), "{error}");
    error.to_string()
}

fn with(mut json: Json, pointer: &str, value: Json) -> Json {
    let (parent, key) = pointer.rsplit_once('/').expect("a place");
    let parent = json.pointer_mut(parent).expect("there");
    match (key.parse::<usize>(), parent.is_array()) {
        (Ok(index), true) => parent[index] = value,
        _ => parent[key] = value,
    }
    json
}

#[test]
fn what_a_file_says_of_itself_is_read_in_our_terms() {
    let metadata = json!({
        "name": "Loud", "modeled_by": "Steve", "gear_type": "amp_pedal_cab", "gear_make": "Make", "gear_model": "M1",
        "tone_type": "hi_gain", "loudness": -18.5, "gain": 0.75, "input_level_dbu": 18.3, "output_level_dbu": 12.25,
        "date": {"year": 2024, "month": 3, "day": 9, "hour": 1, "minute": 2, "second": 3},
        "training": {"validation_esr": 0.0125, "data": {"latency": {"manual": null, "calibration": {"recommended": -17}}}},
        "something new": [1, 2],
    });
    let file = with(wavenet(), "/metadata", metadata);
    let graph = nam(&file).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(
        (graph.name.as_str(), graph.format, graph.start()),
        ("Loud", Format::Nam, Start::Silence)
    );
    let (metadata, gear) = (&graph.metadata, &graph.metadata.gear);
    assert_eq!(metadata.author.as_deref(), Some("Steve"));
    assert_eq!(metadata.sample_rate, Some(48_000));
    assert_eq!(metadata.training_esr, Some(0.0125));
    assert_eq!(gear.kind.as_deref(), Some("amp_pedal_cab"));
    assert!(gear.has_cab());
    assert_eq!(
        (gear.make.as_deref(), gear.model.as_deref()),
        (Some("Make"), Some("M1"))
    );
    assert_eq!(gear.tone_type.as_deref(), Some("hi_gain"));
    assert_eq!(gear.date.as_deref(), Some("2024-03-09 01:02:03"));
    assert_eq!((gear.loudness, gear.gain), (Some(-18.5), Some(0.75)));
    assert_eq!((gear.input_level_dbu, gear.output_level_dbu), (Some(18.3), Some(12.25)));
    assert_eq!(gear.training_latency, Some(-17));
    assert!(metadata.ignored.is_empty() && metadata.sizes.is_none());
    assert_eq!(metadata.declared["nam.architecture"], "WaveNet");

    let sidecar = r#"{"name": "Mine", "loudness": -20, "contains_cab": false, "start_state": "zero"}"#;
    let graph = read(
        file.to_string().as_bytes(),
        "amp.nam",
        Some(sidecar),
        &Limits::default(),
    )
    .expect("a sidecar");
    assert_eq!((graph.name.as_str(), graph.start()), ("Mine", Start::Zero));
    assert_eq!(graph.metadata.gear.loudness, Some(-20.0));
    assert!(!graph.metadata.gear.has_cab());
}

#[test]
fn what_is_missing_null_or_of_another_type_is_left_out() {
    for metadata in [
        json!(null),
        json!({}),
        json!([1]),
        json!("text"),
        json!({"name": null, "loudness": null, "input_level_dbu": "loud", "gear_type": 7, "date": [2024], "gain": {},
            "training": {"validation_esr": null, "data": {"latency": {"manual": 0.5, "calibration": null}}}, "modeled_by": "  "}),
        json!({"date": {"year": 2024, "month": 13, "day": 1}, "training": 3}),
    ] {
        let graph = nam(&with(wavenet(), "/metadata", metadata.clone())).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(graph.metadata.gear, tonegraft_model::Gear::default(), "{metadata}");
        assert_eq!(
            (graph.name.as_str(), &graph.metadata.author),
            ("amp", &None),
            "{metadata}"
        );
        assert!(graph.metadata.ignored.is_empty(), "{metadata}");
    }
    // Without a rate, and with the one by which NAM says that it knows none.
    for rate in [json!(null), json!(-1.0)] {
        let graph = nam(&with(wavenet(), "/sample_rate", rate)).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(graph.metadata.sample_rate, Some(48_000));
    }
}

#[test]
fn numbers_out_of_range_are_left_out_and_named() {
    let metadata = json!({"loudness": 3.0, "gain": 1.5, "input_level_dbu": 61, "output_level_dbu": -60.5, "name": "N".repeat(5000)});
    let graph = nam(&with(wavenet(), "/metadata", metadata)).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(graph.metadata.gear, tonegraft_model::Gear::default());
    let ignored = graph.metadata.ignored.join("\n");
    for words in [
        "`loudness` is 3 dB, but must be from -100 to 0 dB",
        "`gain` is 1.5, but must be from 0 to 1",
        "`input_level_dbu` is 61 dBu, but must be from -60 to 60 dBu",
        "`output_level_dbu` is -60.5 dBu",
        "`name` has 5000 bytes",
    ] {
        assert!(ignored.contains(words), "{words:?} is not in {ignored}");
    }
    // Our own keys are an error there: the sidecar is the user's.
    let error = read(
        wavenet().to_string().as_bytes(),
        "amp.nam",
        Some(r#"{"loudness": 3}"#),
        &Limits::default(),
    );
    let error = error.expect_err("refused").to_string();
    assert!(
        error.contains("loudness") && error.contains("from -100 to 0"),
        "{error}"
    );
}

#[test]
fn versions_that_are_not_known_are_named() {
    for version in ["0.5.0", "0.5.4", "0.6.0", "0.7.0"] {
        assert!(nam(&with(wavenet(), "/version", json!(version))).is_ok(), "{version}");
    }
    for version in ["0.7.1", "0.8.0", "1.0.0", "4294967295.0.0"] {
        let sentence = refused(&with(wavenet(), "/version", json!(version)), ReadErrorKind::Version);
        assert!(
            sentence.contains(version) && sentence.contains("0.7.0") && sentence.contains("update"),
            "{sentence}"
        );
    }
    let sentence = refused(&with(wavenet(), "/version", json!("0.4.9")), ReadErrorKind::Version);
    assert!(sentence.contains("0.4.9") && sentence.contains("0.5.0"), "{sentence}");
    for version in [
        json!("0.7"),
        json!("new"),
        json!("0.7.0.1"),
        json!(7),
        json!(""),
        json!("0.-7.0"),
    ] {
        let sentence = refused(&with(wavenet(), "/version", version.clone()), ReadErrorKind::Corrupt);
        assert!(sentence.contains("`version`"), "{sentence}");
    }
    let sentence = refused(
        &with(wavenet(), "/architecture", json!("Transformer")),
        ReadErrorKind::Version,
    );
    assert!(
        sentence.contains("Transformer") && sentence.contains("WaveNet"),
        "{sentence}"
    );
}

#[test]
fn weights_are_counted_and_looked_at() {
    let sentence = refused(&with(wavenet(), "/weights", json!([1.0, 2.0])), ReadErrorKind::Tensor);
    assert!(
        sentence.contains("are 2 numbers") && sentence.contains("needs 9"),
        "{sentence}"
    );
    let sentence = refused(
        &with(wavenet(), "/weights", json!(vec![0.5; 10])),
        ReadErrorKind::Tensor,
    );
    assert!(
        sentence.contains("are 10 numbers") && sentence.contains("needs 9"),
        "{sentence}"
    );
    for (value, word) in [(json!(null), "null"), (json!(1e39), "inf")] {
        let sentence = refused(&with(wavenet(), "/weights/3", value), ReadErrorKind::NonFinite);
        assert!(sentence.contains("number 3") && sentence.contains(word), "{sentence}");
    }
    let sentence = refused(&with(wavenet(), "/weights/3", json!("x")), ReadErrorKind::Corrupt);
    assert!(sentence.contains("number 3"), "{sentence}");
    refused(&with(wavenet(), "/weights", json!("all")), ReadErrorKind::Corrupt);
    // As Python writes them.
    let text = wavenet().to_string().replace("0.125", "NaN");
    let error = read(text.as_bytes(), "amp.nam", None, &Limits::default()).expect_err("refused");
    assert_eq!(error.kind(), ReadErrorKind::NonFinite, "{error}");
    // A negative variance.
    let net = json!({"version": "0.7.0", "architecture": "ConvNet", "weights": [1, 1, 0, -1, 1, 0, 0, 1, 0],
        "config": {"channels": 1, "dilations": [1], "batchnorm": true, "activation": "Tanh"}});
    let sentence = refused(&net, ReadErrorKind::NonFinite);
    assert!(sentence.contains("block 0"), "{sentence}");
}

#[test]
fn settings_that_cannot_be_are_named_with_their_place() {
    let huge = json!(1_152_921_504_606_846_976u64);
    for (pointer, value, words) in [
        (
            "/config/layers/0/channels",
            huge.clone(),
            "`config.layers[0].channels` is 1152921504606847000",
        ),
        ("/config/layers/0/kernel_size", huge.clone(), "kernel_size"),
        ("/config/layers/0/dilations/0", huge, "dilations[0]"),
        ("/config/layers/0/bottleneck", json!(0), "bottleneck"),
        ("/config/layers/0/channels", json!(1.5), "must be a whole number"),
        ("/config/layers/0/channels", json!("three"), "must be a number"),
        ("/config/layers/0/dilations", json!([]), "dilations"),
        ("/config/layers/0/dilations", json!(vec![1; 2000]), "1 to 1024"),
        ("/config/layers/0/activation", json!("Snake"), "Snake"),
        (
            "/config/layers/0/activation",
            json!(["Tanh", "Tanh"]),
            "has 2 entries for 1 dilations",
        ),
        (
            "/config/layers/0/activation",
            json!({"type": "PReLU", "negative_slopes": [0.1, 0.2]}),
            "2 slopes for 1 channels",
        ),
        (
            "/config/layers/0/activation",
            json!({"type": "LeakyHardtanh", "min_val": 2}),
            "above `max_val`",
        ),
        ("/config/layers/0/kernel_sizes", json!([1]), "only one of both"),
        ("/config/layers/0/groups_input", json!(2), "2 groups"),
        ("/config/layers/0/gating_mode", json!("closed"), "closed"),
        ("/config/layers/0/gated", json!("yes"), "true or false"),
        (
            "/config/layers/0/condition_size",
            json!(2),
            "`condition_size` 2, but the audio gives 1",
        ),
        (
            "/config/layers/0/input_size",
            json!(2),
            "`input_size` 2, but the audio gives 1",
        ),
        (
            "/config/layers/0/layer1x1",
            json!({"active": true, "groups": 3}),
            "3 groups",
        ),
        (
            "/config/layers/0/layer1x1_post_film",
            json!(7),
            "must be false or an object",
        ),
        ("/config/layers/0/head1x1_post_film", json!({}), "no `head1x1`"),
        ("/config/layers/0/slimmable", json!({"method": "magic"}), "magic"),
        (
            "/config/layers/0/slimmable",
            json!({"method": "slice_channels_uniform", "kwargs": {"allowed_channels": [1, 2]}}),
            "must ascend and end",
        ),
        ("/config/layers", json!([]), "1 to 64"),
        ("/config/layers", json!({}), "1 to 64"),
        ("/config/head_scale", json!(null), "head_scale"),
        (
            "/config/head",
            json!({"channels": 1, "out_channels": 1, "kernel_sizes": [], "activation": "ReLU"}),
            "kernel_sizes",
        ),
        (
            "/config/head",
            json!({"channels": 1, "out_channels": 1, "kernel_sizes": [1], "activation": "ReLU", "in_channels": 2}),
            "must be 1",
        ),
        ("/config", json!([]), "must be an object"),
        ("/sample_rate", json!(10), "sample_rate"),
        ("/sample_rate", json!(44100.5), "whole number"),
        ("/sample_rate", json!("fast"), "sample_rate"),
    ] {
        let sentence = refused(&with(wavenet(), pointer, value.clone()), ReadErrorKind::Corrupt);
        assert!(
            sentence.contains(words),
            "{pointer} = {value}: {words:?} is not in {sentence:?}"
        );
    }
    for key in ["version", "config", "weights"] {
        let mut json = wavenet();
        json.as_object_mut().expect("an object").remove(key);
        let sentence = refused(&json, ReadErrorKind::Corrupt);
        assert!(sentence.contains(key), "{sentence}");
    }
    // What needs inputs of which the file says nothing.
    for (json, words) in [
        (with(wavenet(), "/config/in_channels", json!(2)), "2 channels"),
        (
            json!({"version": "0.7.0", "architecture": "LSTM", "weights": [],
                "config": {"input_size": 3, "hidden_size": 1, "num_layers": 1}}),
            "3 inputs",
        ),
    ] {
        let sentence = refused(&json, ReadErrorKind::Shape);
        assert!(sentence.contains(words), "{sentence}");
    }
}

#[test]
fn texts_that_are_no_json_are_told_with_line_and_column() {
    let limits = Limits::default();
    let sentence = |bytes: &[u8]| read(bytes, "amp.nam", None, &limits).expect_err("refused").to_string();
    let text = serde_json::to_string_pretty(&wavenet()).expect("text");
    let cut = sentence(&text.as_bytes()[..text.len() / 2]);
    assert!(cut.contains("line ") && cut.contains("column "), "{cut}");
    let twice = text.replacen("\"kernel_size\"", "\"channels\"", 1);
    let twice = sentence(twice.as_bytes());
    assert!(
        twice.contains("`channels` stands twice") && twice.contains("line "),
        "{twice}"
    );
    let name = [
        br#"{"architecture": "Linear", "metadata": {"name": ""#,
        &b"\xff\xfe"[..],
        br#""}}"#,
    ]
    .concat();
    let name = sentence(&name);
    assert!(name.contains("UTF-8") && name.contains("column 50"), "{name}");
    let small = Limits::default().with_max_bytes(100);
    let large = read(text.as_bytes(), "amp.nam", None, &small).expect_err("refused");
    assert_eq!(large.kind(), ReadErrorKind::Limit, "{large}");
    // A mark of the byte order is no harm.
    assert!(read(&[b"\xef\xbb\xbf", text.as_bytes()].concat(), "amp.nam", None, &limits).is_ok());
}

/// Containers in containers.
fn nested(depth: usize) -> String {
    let open = r#"{"version": "0.7.0", "architecture": "SlimmableContainer", "weights": [], "config": {"submodels": [{"max_value": 1, "model": "#;
    format!("{}{}{}", open.repeat(depth), linear(&[0.5]), "}]}}".repeat(depth))
}

#[test]
fn models_in_models_end_somewhere() {
    let limits = Limits::default();
    assert!(read(nested(7).as_bytes(), "amp.nam", None, &limits).is_ok());
    for (depth, words) in [
        (9, "more than 8 deep"),
        (20, "more than 8 deep"),
        (1000, "nested too deeply"),
    ] {
        let error = read(nested(depth).as_bytes(), "amp.nam", None, &limits).expect_err("refused");
        assert_eq!(error.kind(), ReadErrorKind::Limit, "{error}");
        assert!(error.to_string().contains(words), "{depth}: {error}");
    }
    let mut json = wavenet();
    for _ in 0..9 {
        json = with(wavenet(), "/config/condition_dsp", json);
    }
    let sentence = refused(&json, ReadErrorKind::Limit);
    assert!(sentence.contains("more than 8 deep"), "{sentence}");
    // A model inside must be whole, too, and of the same rate.
    let inside = with(wavenet(), "/weights", json!([1.0]));
    let sentence = refused(&with(wavenet(), "/config/condition_dsp", inside), ReadErrorKind::Tensor);
    assert!(sentence.contains("config.condition_dsp.weights"), "{sentence}");
    let inside = with(wavenet(), "/sample_rate", json!(44_100));
    let sentence = refused(
        &with(wavenet(), "/config/condition_dsp", inside),
        ReadErrorKind::Corrupt,
    );
    assert!(
        sentence.contains("44100 Hz") && sentence.contains("48000 Hz"),
        "{sentence}"
    );
}

#[test]
fn as_many_layers_as_can_be_written_end_at_a_limit() {
    let mut json = wavenet();
    let mut array = json["config"]["layers"][0].clone();
    array["dilations"] = json!(vec![1; 1024]);
    json["config"]["layers"] = json!(vec![array; 64]);
    // Rechannel; convolution, mixin and 1×1 of each layer; head with its bias; scale.
    json["weights"] = json!(vec![0.5; 64 * (1 + 1024 * 5 + 2) + 1]);
    let begun = std::time::Instant::now();
    let sentence = refused(&json, ReadErrorKind::Limit);
    assert!(sentence.contains("100000 operators"), "{sentence}");
    assert!(begun.elapsed().as_secs() < 60, "{:?}", begun.elapsed());
}

fn container(bounds: &[f64]) -> Json {
    let submodels: Vec<Json> = (bounds.iter().enumerate())
        .map(|(index, bound)| {
            let mut model = linear(&vec![0.5; index + 1]);
            model["metadata"] = json!({"loudness": -10 - i32::try_from(index).expect("small"), "modeled_by": "inner"});
            json!({"max_value": bound, "model": model})
        })
        .collect();
    json!({"version": "0.7.0", "architecture": "SlimmableContainer", "config": {"submodels": submodels}, "weights": [],
        "metadata": {"loudness": -30, "name": "outer"}})
}

#[test]
fn a_container_gives_the_size_that_is_asked_for() {
    let json = container(&[0.25, 0.5, 1.0]);
    for (size, chosen) in [
        (0.0, 0),
        (0.24, 0),
        (0.25, 1),
        (0.5, 2),
        (0.7, 2),
        (1.0, 2),
        (7.0, 2),
        (-1.0, 0),
    ] {
        let graph = sized(&json, size);
        let sizes = graph.metadata.sizes.clone().expect("sizes");
        assert_eq!(
            (sizes.breakpoints.as_slice(), sizes.chosen),
            (&[0.25, 0.5][..], chosen),
            "{size}"
        );
        let kernel = graph.nodes.iter().find_map(|node| match &node.op {
            tonegraft_model::Op::Conv { window, .. } => Some(window.kernel.clone()),
            _ => None,
        });
        assert_eq!(kernel, Some(vec![chosen + 1]), "{size}");
        assert_eq!(graph.metadata.gear.loudness, Some([-10.0, -11.0, -12.0][chosen]));
        assert_eq!(graph.metadata.name.as_deref(), Some("outer"));
        assert_eq!(graph.metadata.author.as_deref(), Some("inner"));
    }
    let full = nam(&json).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(full.metadata.sizes.map(|sizes| sizes.chosen), Some(2));
    assert!(nam(&container(&[1.0])).is_ok_and(|graph| graph.metadata.sizes.is_none()));
    for (bounds, words) in [
        (&[0.5][..], "below 1"),
        (&[0.5, 0.5, 1.0], "ascending"),
        (&[], "1 to 64"),
    ] {
        let sentence = refused(&container(bounds), ReadErrorKind::Corrupt);
        assert!(sentence.contains(words), "{sentence}");
    }
    let missing = with(container(&[1.0]), "/config/submodels/0/model", json!(null));
    assert!(refused(&missing, ReadErrorKind::Corrupt).contains("model"));
}

#[test]
fn what_cannot_be_slimmed_has_one_size_and_says_why() {
    let slim = json!({"method": "slice_channels_uniform", "kwargs": {}});
    let mut json = with(wavenet(), "/config/layers/0/slimmable", slim);
    json["config"]["layers"][0]["channels"] = json!(2);
    json["config"]["layers"][0]["head"] = json!({"out_channels": 1, "kernel_size": 2, "bias": true});
    // Rechannel 2, convolution 6, mixin 2, 1×1 6, head 5, scale.
    json["weights"] = json!(vec![0.5; 22]);
    let graph = sized(&json, 0.0);
    assert!(graph.metadata.sizes.is_none());
    assert!(
        graph.metadata.ignored.join("").contains("several taps"),
        "{:?}",
        graph.metadata.ignored
    );
}

#[test]
fn a_chain_takes_nam_files() {
    let text = r#"{"tonegraft_chain": 1, "stages": [{"model": "pedal.nam"}, {"model": "amp.nam"}]}"#;
    let mut amp = wavenet();
    amp["metadata"] = json!({"gear_type": "amp_cab"});
    let mut find = |path: &str| {
        Ok(match path {
            "pedal.nam" => Some(linear(&[0.5, 0.25]).to_string().into_bytes()),
            "amp.nam" => Some(amp.to_string().into_bytes()),
            _ => None,
        })
    };
    let limits = Limits::default();
    let graph =
        read_any(text.as_bytes(), "rig.json", None, &mut find, &limits).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((graph.inputs.len(), graph.outputs.len()), (1, 1));
    assert_eq!(graph.metadata.sample_rate, Some(48_000));
    assert!(graph.metadata.gear.has_cab());
    let packed = chain::pack(text.as_bytes(), "rig.json", &mut find, &limits).unwrap_or_else(|error| panic!("{error}"));
    let whole = read(&packed, "rig.json", None, &limits).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(whole.nodes.len(), graph.nodes.len());
}

fn fixtures() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/fixtures/nam");
    let mut paths: Vec<_> = (std::fs::read_dir(folder).expect("a folder").flatten())
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "nam"))
        .collect();
    paths.sort();
    assert_eq!(paths.len(), 20);
    paths
        .iter()
        .map(|path| std::fs::read(path).expect("a fixture"))
        .collect()
}

#[test]
fn every_truncation_of_every_fixture_is_refused() {
    for bytes in fixtures() {
        let end = bytes.trim_ascii_end().len();
        assert!(read(&bytes[..end], "amp.nam", None, &Limits::default()).is_ok());
        for length in (0..end).step_by((end / 60).max(1)) {
            let error = read(&bytes[..length], "amp.nam", None, &Limits::default()).expect_err("refused");
            assert!(error.to_string().starts_with("amp.nam: "), "{error}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// Whatever stands in place of any value: a graph or a sentence.
    #[test]
    fn any_value_may_be_another(which in 0usize..20, place in any::<prop::sample::Index>(), other in 0usize..9) {
        let bytes = &fixtures()[which];
        let mut json: Json = serde_json::from_slice(bytes).expect("JSON");
        let mut places = Vec::new();
        collect(&json, String::new(), &mut places);
        let at = &places[place.index(places.len())];
        let values = [json!(null), json!(true), json!(-1), json!(0), json!(3), json!(1e18), json!("x"), json!([]), json!({})];
        *json.pointer_mut(at).expect("there") = values[other].clone();
        if let Err(error) = nam(&json) {
            prop_assert!(error.to_string().len() < 2000, "{}", error);
        }
    }
}

/// The places of all values but single weights.
fn collect(json: &Json, at: String, places: &mut Vec<String>) {
    match json {
        Json::Object(fields) => {
            for (key, value) in fields {
                collect(
                    value,
                    format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")),
                    places,
                );
            }
        }
        Json::Array(items) if !at.ends_with("weights") => {
            for (index, value) in items.iter().enumerate() {
                collect(value, format!("{at}/{index}"), places);
            }
        }
        _ => {}
    }
    places.push(at);
}
