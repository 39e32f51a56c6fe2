//! Every model file there is: it plays its stored reference from sample 0, in any cuts, or it is refused for the reason that the
//! table in `support/refused.rs` tells.

mod support;

use std::path::Path;
use support::cases::{self, measure, stored, tolerance};
use support::corpus::{File, failures, fixtures, third_party};
use support::refused::{REFUSED, refused};
use support::{Cuts, data, floats_of};
use tonegraft_engine::interpret;

/// How hosts cut.
const CUTS: &[Cuts] = &[
    Cuts::Fixed(1),
    Cuts::Fixed(7),
    Cuts::Fixed(64),
    Cuts::Fixed(480),
    Cuts::Fixed(1024),
    Cuts::Random(3),
];

/// Least part of a reference that is compared: the rest is cut off by the latency, and where an export knows the signal's end.
const LEAST: f64 = 0.4;

/// The interpreter gives every stored output.
fn check_interpreter(file: &File) {
    if refused(&file.name).is_some_and(|refused| refused.no_effect.is_none()) {
        return;
    }
    let Some((inputs, outputs)) = stored(file) else { return };
    let graph = file.read().unwrap_or_else(|error| panic!("{error}"));
    let interpreted = interpret::run(&graph, &inputs).unwrap_or_else(|error| panic!("{error}"));
    for (name, expected) in &outputs {
        let actual = &interpreted[name];
        assert_eq!(actual.shape(), expected.shape(), "interpreted `{name}`");
        if expected.as_f32().is_none() {
            assert_eq!(actual, expected, "interpreted `{name}`");
            continue;
        }
        let (a, b) = (floats_of(actual), floats_of(expected));
        let peak = b.iter().fold(1.0f32, |peak, y| peak.max(y.abs()));
        for (index, (a, b)) in a.iter().zip(&b).enumerate() {
            assert!(
                (a - b).abs() <= tolerance(file) * peak,
                "interpreted `{name}`, element {index}: {a}, reference {b}"
            );
        }
    }
}

fn check(file: &File, folder: &Path) {
    let case = match (cases::case(file, folder), refused(&file.name)) {
        (Ok(case), None) => case,
        (Ok(case), Some(_)) => panic!(
            "plays now, {:?}: take it out of the table of what is refused",
            measure(&case, None, CUTS)
        ),
        (Err(error), None) => panic!("refused: {error}"),
        (Err(error), Some(refused)) => {
            let error = error.to_string();
            assert!(error.contains(refused.words), "refused for another reason: {error}");
            assert!(error.len() > 30, "hardly a reason: {error}");
            return;
        }
    };
    let measured = measure(&case, None, CUTS);
    assert!(
        measured.error <= tolerance(file),
        "{} off the reference, over {} frames",
        measured.error,
        measured.compared
    );
    #[allow(clippy::cast_precision_loss)]
    let part = measured.compared as f64 / case.expected[0].len() as f64;
    assert!(
        part >= LEAST,
        "only {} of {} frames compared",
        measured.compared,
        case.expected[0].len()
    );
    println!(
        "{}: {:.1e} over {} frames",
        file.name, measured.error, measured.compared
    );
}

fn check_all(files: &[File], folder: &Path) {
    let failures = failures(
        files,
        |file| file.name.clone(),
        |file| {
            check_interpreter(file);
            check(file, folder);
        },
    );
    assert!(
        failures.is_empty(),
        "{} of {}:\n{}",
        failures.len(),
        files.len(),
        failures.join("\n")
    );
}

#[test]
fn fixtures_play_their_references() {
    let files = fixtures();
    assert!(files.len() >= 41, "{} fixtures", files.len());
    check_all(&files, Path::new(""));
}

#[test]
fn third_party_files_play_their_references() {
    let Some(folder) = data::shared("third_party_files_play_their_references") else {
        return;
    };
    let files = third_party(&folder);
    for entry in REFUSED {
        assert!(
            entry.file.starts_with("fixtures/") || files.iter().any(|file| file.name == entry.file),
            "{} is in the table of what is refused and nowhere else",
            entry.file
        );
    }
    assert!(files.len() >= 110, "{} files", files.len());
    check_all(&files, &folder);
}
