//! Any text as a `.nam` file at any size, mutated as text or value by value: a checked graph within the limits that plays numbers, or
//! a sentence.
#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use serde_json::Value as Json;
use tonegraft_engine::{Model, StartState};
use tonegraft_model::{ReadOptions, read_with};

/// Multiply-adds per sample that are played.
const MACS: u64 = 2_000;
/// Weights that a file with a count of its own is filled up to.
const FILLED: usize = 2_000;

fuzz_target!(|data: &[u8]| {
    let Some((size, text)) = data.split_first() else { return };
    let size = f32::from(*size) / 255.0;
    let options = ReadOptions::new(tonegraft_fuzz::limits()).with_size(Some(size));
    let read = |text: &[u8]| read_with(text, "fuzzed.nam", None, &mut |_| Ok(None), &options);
    let graph = match read(text) {
        Ok(graph) => graph,
        Err(error) => {
            let sentence = error.to_string();
            assert!(
                sentence.starts_with("fuzzed.nam") && sentence.len() < 4096,
                "{sentence}"
            );
            // What only lacks weights gets them.
            let Some(graph) = expected(&sentence).and_then(|count| read(&filled(text, count)?).ok()) else {
                return;
            };
            graph
        }
    };
    if let Some(sizes) = &graph.metadata.sizes {
        assert!(sizes.chosen < sizes.count() && sizes.breakpoints.is_sorted());
        assert_eq!(sizes.choice(size), sizes.chosen);
    }
    let Ok(model) = Model::from_graph(graph, "fuzzed.nam", &tonegraft_fuzz::options(MACS)) else {
        return;
    };
    let (inputs, outputs) = model.channels();
    let instance = tonegraft_fuzz::play::instance(&model, inputs, outputs, StartState::Zero);
    let Some(mut processor) = instance else { return };
    let x: Vec<f32> = (0..64u8).map(|n| f32::from(n % 7) / 8.0 - 0.4).collect();
    let (whole, cut) = (play(processor.as_mut(), &x, 64, outputs), {
        processor.reset();
        play(processor.as_mut(), &x, 5, outputs)
    });
    assert_eq!(whole, cut, "blocks change the samples");
});

/// Bits of what is played in blocks of `block`.
fn play(processor: &mut dyn tonegraft_core::Processor, x: &[f32], block: usize, outputs: usize) -> Vec<u32> {
    let mut bits = Vec::new();
    for x in x.chunks(block) {
        let mut y = vec![vec![0.0f32; x.len()]; outputs];
        let mut y: Vec<&mut [f32]> = y.iter_mut().map(Vec::as_mut_slice).collect();
        processor.process(&[x], &mut y);
        for channel in &y {
            bits.extend(channel.iter().map(|y| y.to_bits()));
        }
    }
    // Channels of each block stand behind each other; frames are compared channel by channel only where there is one.
    if outputs == 1 { bits } else { Vec::new() }
}

/// The number of weights that the sentence names.
fn expected(sentence: &str) -> Option<usize> {
    let count = sentence.split(" needs ").nth(1)?.split(';').next()?.parse().ok()?;
    (count <= FILLED).then_some(count)
}

/// The text with that many weights.
fn filled(text: &[u8], count: usize) -> Option<Vec<u8>> {
    let mut json: Json = serde_json::from_slice(text).ok()?;
    let weights: Vec<f32> = (0..count)
        .map(|n| f32::from((n * 37 % 101) as u8) / 101.0 - 0.5)
        .collect();
    *json.get_mut("weights")? = weights.into();
    Some(json.to_string().into_bytes())
}

/// Places of all values but single weights.
fn places(json: &Json, at: String, all: &mut Vec<String>) {
    match json {
        Json::Object(fields) => {
            for (key, value) in fields {
                let key = key.replace('~', "~0").replace('/', "~1");
                places(value, format!("{at}/{key}"), all);
            }
        }
        Json::Array(items) if !at.ends_with("weights") => {
            for (index, value) in items.iter().enumerate() {
                places(value, format!("{at}/{index}"), all);
            }
        }
        _ => {}
    }
    all.push(at);
}

/// Values that settings have.
fn value(seed: u32) -> Json {
    use serde_json::json;
    match seed % 16 {
        0 => json!(null),
        1 => json!(true),
        2 => json!(false),
        3 => json!({"active": true, "shift": false, "groups": 1}),
        4 => json!({"active": true, "out_channels": 2, "groups": 1}),
        5 => json!("gated"),
        6 => json!("blended"),
        7 => json!(["none", "gated"]),
        8 => json!({"type": "LeakyHardtanh", "min_val": -0.5}),
        9 => json!({"type": "PReLU", "negative_slopes": [0.1, 0.2]}),
        10 => json!("Fasttanh"),
        11 => json!([1, 2]),
        12 => json!({"method": "slice_channels_uniform", "kwargs": {"allowed_channels": [1, 2]}}),
        13 => json!({"out_channels": 1, "kernel_size": 2, "bias": true}),
        14 => json!({"channels": 2, "out_channels": 1, "kernel_sizes": [2, 1], "activation": "ReLU"}),
        _ => json!(seed / 16 % 9),
    }
}

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    let parsed = (data.get(1..size)).and_then(|text| serde_json::from_slice::<Json>(text).ok());
    let Some(mut json) = parsed.filter(|_| seed % 4 != 0) else {
        return libfuzzer_sys::fuzzer_mutate(data, size, max_size);
    };
    let mut all = Vec::new();
    places(&json, String::new(), &mut all);
    let at = &all[(seed as usize / 4) % all.len()];
    let mixed = seed.wrapping_mul(2_654_435_761) >> 8;
    let other = json.pointer(&all[mixed as usize % all.len()]).cloned();
    if let Some(place) = json.pointer_mut(at) {
        // Now and then a part of the file itself, as a model inside the model.
        *place = match other {
            Some(other) if mixed % 5 == 0 => other,
            _ => value(mixed / 8),
        };
    }
    let text = json.to_string().into_bytes();
    let room = data.len().min(max_size);
    if text.len() + 1 > room {
        return libfuzzer_sys::fuzzer_mutate(data, size, max_size);
    }
    data[0] = mixed as u8;
    data[1..=text.len()].copy_from_slice(&text);
    text.len() + 1
});
