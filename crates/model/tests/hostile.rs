//! Damaged files never panic and always end. Fixed seeds, so that a failure repeats.

use proptest::prelude::*;
use std::path::Path;
use std::sync::OnceLock;
use tonegraft_model::{Limits, read};

fn fixtures() -> &'static [Vec<u8>] {
    static FILES: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    FILES.get_or_init(|| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/fixtures");
        let mut paths: Vec<_> = [folder.join("operators"), folder]
            .iter()
            .flat_map(|folder| std::fs::read_dir(folder).expect("folder"))
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.extension().is_some_and(|extension| extension == "onnx"))
            .collect();
        paths.sort();
        paths.iter().map(|path| std::fs::read(path).expect("fixture")).collect()
    })
}

/// Small bounds, so that thousands of attempts to be large stay cheap.
fn limits() -> Limits {
    Limits::default().with_max_elements(1 << 16, 1 << 18)
}

/// True if it was read. Whatever it says, the graph or the error must be printable.
fn attempt(bytes: &[u8], sidecar: Option<&str>) -> bool {
    match read(bytes, "hostile.onnx", sidecar, &limits()) {
        Ok(graph) => {
            assert!(!format!("{:?}", graph.nodes).is_empty() || graph.nodes.is_empty());
            true
        }
        Err(error) => {
            assert!(error.to_string().starts_with("hostile.onnx"));
            false
        }
    }
}

#[test]
fn every_truncation_of_every_fixture_is_refused() {
    for bytes in fixtures() {
        assert!(attempt(bytes, None));
        let step = (bytes.len() / 150).max(1);
        for length in (0..bytes.len()).step_by(step) {
            // Cut behind a whole field, what is left may be a model; nothing here depends on its last fields alone.
            attempt(&bytes[..length], None);
        }
        assert!(!attempt(&bytes[..bytes.len() / 2], None));
    }
}

#[test]
fn flipped_bytes() {
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let (mut read, mut refused) = (0, 0);
    for bytes in fixtures() {
        for _ in 0..200 {
            let mut damaged = bytes.clone();
            for _ in 0..1 + next() % 4 {
                let at = (next() % damaged.len() as u64) as usize;
                damaged[at] = match next() % 4 {
                    0 => 0,
                    1 => 0xff,
                    2 => damaged[at] ^ 1 << (next() % 8),
                    _ => next() as u8,
                };
            }
            if attempt(&damaged, None) {
                read += 1;
            } else {
                refused += 1;
            }
        }
    }
    // Most bytes are weights; names and sizes are the rest. Both kinds of outcome must have been seen.
    assert!(read > 500 && refused > 500, "{read} read, {refused} refused");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        prop_assert!(!attempt(&bytes, None));
    }

    /// Random bytes behind a plausible beginning.
    #[test]
    fn random_graphs(mut body in proptest::collection::vec(any::<u8>(), 0..300)) {
        let length = body.len() as u8;
        let mut bytes = vec![0x08, 0x08, 0x42, 0x02, 0x10, 0x11, 0x3a, length & 0x7f];
        body.truncate(usize::from(length & 0x7f));
        bytes.extend(body);
        attempt(&bytes, None);
    }

    #[test]
    fn spliced_fixtures(a in 0usize..1000, b in 0usize..1000, cut in 0.0f64..1.0, other in 0.0f64..1.0) {
        let files = fixtures();
        let (a, b) = (&files[a % files.len()], &files[b % files.len()]);
        let head = &a[..(a.len() as f64 * cut) as usize];
        let tail = &b[(b.len() as f64 * other) as usize..];
        attempt(&[head, tail].concat(), None);
    }

    #[test]
    fn random_sidecars(text in "\\PC{0,200}", key in "[a-z_]{1,16}", value in "[-0-9.e\"\\[\\]{}a-z,:]{0,40}") {
        let file = &fixtures()[0];
        attempt(file, Some(&text));
        attempt(file, Some(&format!("{{\"{key}\": {value}}}")));
        attempt(file, Some(&format!("{{\"knobs\": [{{\"name\": \"a\", \"input\": \"input\", \"{key}\": {value}}}]}}")));
    }
}
