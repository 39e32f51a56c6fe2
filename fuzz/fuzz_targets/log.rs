//! Any bytes as the log of a listening test: what is read is written and read again as the same, and can be summed up.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tonegraft_analysis::listening::log::{End, Truth};
use tonegraft_analysis::listening::pool::Pool;
use tonegraft_analysis::listening::secret::{Draw, NONCE, commitment, document};
use tonegraft_analysis::listening::{Kind, Log, Report, Stimulus};

/// Reads it; what comes out holds.
fn look(bytes: &[u8]) {
    let log = match Log::read(bytes) {
        Ok(log) => log,
        Err(error) => {
            let sentence = error.to_string();
            assert!(!sentence.is_empty() && sentence.len() < 4096, "{sentence}");
            return;
        }
    };
    assert_eq!(Log::read(log.json().as_bytes()).expect("reads what it wrote"), log);
    let rows = log.csv().lines().count();
    assert!(
        rows > log.trials.len().max(1),
        "{rows} lines for {} trials",
        log.trials.len()
    );
    let report = Report::of(log.clone());
    assert_eq!(report.is_none(), log.is_void());
    if let Some(report) = report {
        assert!(!report.sentences().is_empty());
    }
    let pool = Pool::of(vec![("first".to_owned(), log.clone()), ("second".to_owned(), log)]);
    assert_eq!(pool.copies.len(), 1, "the same log does not count twice");
    for group in &pool.groups {
        assert!(!group.sentences().is_empty());
        assert!(
            group.p().is_finite() && (0.0..=1.0).contains(&group.adjusted_p),
            "{}",
            group.adjusted_p
        );
    }
    let _ = pool.cautions();
}

/// As if the commitment and the truths were right: mutations never hit them.
fn mended(mut log: Log) -> Option<Log> {
    let kind = log.plan.kind;
    let document = document(&log.plan, &log.setup)?;
    let End::Finished { nonce, sequence } = &mut log.end else {
        return Some(log);
    };
    "0".repeat(2 * NONCE).clone_into(nonce);
    for (trial, letter) in log.trials.iter_mut().zip(sequence.bytes()) {
        trial.truth = Draw::from_letter(kind, letter).and_then(|draw| {
            let x = draw.role(kind, Stimulus::X);
            let chosen = draw.role(kind, trial.answer.stimulus())?;
            Some(Truth {
                a: draw.role(kind, Stimulus::A)?,
                b: draw.role(kind, Stimulus::B)?,
                x,
                chosen,
                right: matches!(kind, Kind::Abx | Kind::Training).then_some(x == Some(chosen)),
            })
        });
    }
    log.commitment = commitment(&[0; NONCE], sequence.as_bytes(), &document);
    Some(log)
}

fuzz_target!(|data: &[u8]| {
    look(data);
    let log = serde_json::from_slice::<Log>(data).ok().and_then(mended);
    if let Some(log) = log {
        look(log.json().as_bytes());
    }
});
