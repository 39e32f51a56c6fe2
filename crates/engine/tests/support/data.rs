//! Shared test data, where it is; fixtures of the repository.

use std::collections::BTreeMap;
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

/// The repository's own models.
pub fn models() -> PathBuf {
    workspace().join("models")
}

/// All arrays of 32-bit floats and 64-bit integers of an `.npz`, by name.
pub fn npz(path: &std::path::Path) -> BTreeMap<String, Tensor> {
    let mut archive = npyz::npz::NpzArchive::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let names: Vec<String> = archive.array_names().map(str::to_owned).collect();
    let mut arrays = BTreeMap::new();
    for name in names {
        let array = archive.by_name(&name).expect("readable").expect("present");
        let sizes = array.shape().iter();
        let shape: Vec<usize> = sizes.map(|n| usize::try_from(*n).expect("small")).collect();
        assert_eq!(array.order(), npyz::Order::C, "{name}");
        let tensor = if let Ok(values) = array.into_vec::<f32>() {
            Tensor::f32(shape, values)
        } else {
            // Read anew: a failed attempt has used up the first.
            let array = archive.by_name(&name).expect("readable").expect("present");
            match array.into_vec::<i64>() {
                Ok(values) => Tensor::i64(shape, values),
                Err(_) => continue,
            }
        };
        arrays.insert(name, tensor.expect("sizes agree"));
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
