//! Shared test data, where it is; fixtures of the repository.

use std::path::PathBuf;
use tonegraft_model::Tensor;

fn workspace() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The folder of third-party test data; `None` (with a note) if it is absent and need not be there.
pub fn shared(test: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("TONEGRAFT_TEST_DATA").map_or_else(
        || workspace().join("../shared/data"),
        |given| {
            let given = PathBuf::from(given);
            if given.is_absolute() {
                given
            } else {
                workspace().join(given)
            }
        },
    );
    if folder.is_dir() {
        return Some(folder);
    }
    let required = std::env::var_os("TONEGRAFT_REQUIRE_TEST_DATA").is_some_and(|value| value == "1");
    assert!(!required, "{} is required and not there", folder.display());
    println!("skipped: {test}: no test data in {}", folder.display());
    None
}

/// The repository's own fixtures.
pub fn fixtures() -> PathBuf {
    workspace().join("models/fixtures")
}

/// All float arrays of an `.npz`, `(name, tensor)`.
pub fn npz(path: &std::path::Path) -> Vec<(String, Tensor)> {
    let mut archive = npyz::npz::NpzArchive::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let names: Vec<String> = archive.array_names().map(str::to_owned).collect();
    let mut arrays = Vec::new();
    for name in names {
        let array = archive.by_name(&name).expect("readable").expect("present");
        let shape: Vec<usize> = array
            .shape()
            .iter()
            .map(|n| usize::try_from(*n).expect("small"))
            .collect();
        assert_eq!(array.order(), npyz::Order::C, "{name}");
        if let Ok(values) = array.into_vec::<f32>() {
            arrays.push((name, Tensor::f32(shape, values).expect("sizes agree")));
        }
    }
    arrays
}

/// The first channel of a WAV file, as −1 … 1.
pub fn wav(path: &std::path::Path) -> Vec<f32> {
    let mut reader = hound::WavReader::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let spec = reader.spec();
    let all: Vec<f32> = match spec.sample_format {
        hound::SampleFormat::Float => reader.samples::<f32>().map(|s| s.expect("readable")).collect(),
        hound::SampleFormat::Int => {
            #[allow(clippy::cast_precision_loss)]
            let scale = 1.0 / (1u32 << (spec.bits_per_sample - 1)) as f32;
            #[allow(clippy::cast_precision_loss)]
            let samples = reader
                .samples::<i32>()
                .map(|s| s.expect("readable") as f32 * scale)
                .collect();
            samples
        }
    };
    all.into_iter().step_by(usize::from(spec.channels)).collect()
}
