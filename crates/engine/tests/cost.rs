//! What a model costs before it plays: memory is asserted, times are printed (`tonegraft bench` measures them).

#[allow(dead_code)]
#[path = "../../../tests/src/counting.rs"]
mod counting;
#[allow(dead_code)]
#[path = "../../../tests/src/networks.rs"]
mod networks;
#[allow(dead_code)]
#[path = "../../../tests/src/onnx.rs"]
mod onnx;
mod support;

use counting::{Counting, bytes_kept, heap_calls};
use std::time::Instant;
use support::{config, data};
use tonegraft_engine::{Model, Options, StartState};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Most bytes of an instance of a model with about 14,000 weights.
const LIMIT: i64 = 2_000_000;

/// Loads and instantiates; gives the bytes that one more instance keeps.
fn instance_bytes(name: &str, bytes: &[u8]) -> i64 {
    let started = Instant::now();
    let model = Model::from_bytes(bytes, name, None, &Options::default()).unwrap_or_else(|error| panic!("{error}"));
    let loaded = started.elapsed();
    let config = config(1, 1, StartState::Zero);
    let started = Instant::now();
    let (instance, kept) = bytes_kept(|| model.instantiate(&config).expect("fits"));
    let lowered = started.elapsed();
    println!("{name}: loads in {loaded:.1?}, lowers in {lowered:.1?}, an instance keeps {kept} bytes");
    let planned = i64::try_from(model.plan().bytes()).expect("small");
    // Tables of steps and kernels come on top of what the plan knows of; packed weights may be padded.
    assert!(
        kept <= planned * 2 + 64_000 && kept >= planned / 2,
        "{name}: the plan says {planned} bytes, the instance keeps {kept}"
    );
    drop(instance);
    kept
}

#[test]
fn the_counter_counts() {
    assert!(heap_calls(|| drop(std::hint::black_box(vec![1u8; 100]))) >= 2);
    let (kept, bytes) = bytes_kept(|| vec![1u8; 1000]);
    assert_eq!(bytes, 1000);
    let ((), bytes) = bytes_kept(|| drop(kept));
    assert_eq!(bytes, -1000);
}

#[test]
fn an_instance_of_an_amplifier_model_stays_small() {
    let (bytes, weights) = networks::amplifier();
    assert!((13_000..15_000).contains(&weights), "{weights} weights");
    assert!(instance_bytes("amplifier.onnx", &bytes) <= LIMIT);
    let Some(folder) = data::shared("an_instance_of_an_amplifier_model_stays_small") else {
        return;
    };
    for name in ["nam_std_sym", "lstm16_64", "lstm24_64", "lstm40_64"] {
        let bytes = std::fs::read(folder.join(format!("bench/{name}.onnx"))).expect("readable");
        assert!(instance_bytes(name, &bytes) <= LIMIT, "{name}");
    }
}
