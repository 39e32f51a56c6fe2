//! Logs: read back, verified, damaged, foreign.

use crate::common::{Ears, abx, begin, plan, session, setup};
use proptest::prelude::*;
use serde_json::Value;
use tonegraft_analysis::listening::log::{End, MAX_BYTES};
use tonegraft_analysis::listening::secret::{commitment, document};
use tonegraft_analysis::listening::{Kind, Log, LogError, Report, Score, Stimulus, Trials, VoidReason};

fn logs() -> Vec<Log> {
    let mut logs: Vec<Log> = Kind::ALL
        .into_iter()
        .map(|kind| {
            let score = if kind == Kind::Training {
                Score::Open
            } else {
                Score::Hidden
            };
            session(plan(kind, Trials::Fixed(12), score), 7, 9, 12).into_log()
        })
        .collect();
    logs.push(session(abx(16), 3, 2, 5).into_log());
    logs.push(session(plan(Kind::Abx, Trials::Open, Score::Hidden), 3, 2, 5).into_log());
    let mut void = begin(abx(16), 3);
    Ears::new().run(&mut void, 1, 2);
    logs.push(void.void(VoidReason::Audio("the reference is gone".to_owned())));
    logs.push(begin(abx(16), 4).void(VoidReason::Abandoned));
    logs
}

/// The log's text with one value of its JSON replaced.
fn changed(log: &Log, pointer: &str, value: Value) -> Vec<u8> {
    let mut json: Value = serde_json::from_str(&log.json()).expect("JSON");
    *json.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer}")) = value;
    serde_json::to_vec(&json).expect("JSON")
}

#[test]
fn a_log_reads_back_as_it_was() {
    for log in logs() {
        let text = log.json();
        let read = Log::read(text.as_bytes()).unwrap_or_else(|error| panic!("{error}\n{text}"));
        assert_eq!(read, log);
        assert_eq!(read.json(), text);
        assert_eq!(
            Report::of(read).map(|report| report.sentences()),
            Report::of(log).map(|report| report.sentences())
        );
    }
}

#[test]
fn the_commitment_shown_before_is_the_one_that_opens() {
    let mut test = begin(abx(10), 11);
    let before = test.public(0).commitment;
    assert_eq!(before.len(), 64);
    let mut ears = Ears::new();
    let mut xs = String::new();
    for _ in 0..10 {
        let a = ears.hear(&mut test, Stimulus::A);
        xs.push(if ears.hear(&mut test, Stimulus::X) == a {
            'A'
        } else {
            'B'
        });
        ears.answer(&mut test, true);
        assert_eq!(test.public(ears.at).commitment, before);
    }
    let log = test.finish().into_log();
    assert_eq!(log.commitment, before);
    let End::Finished { nonce, sequence } = &log.end else {
        panic!("finished")
    };
    assert_eq!(*sequence, xs);
    let bytes: Vec<u8> = (0..32)
        .map(|i| u8::from_str_radix(&nonce[2 * i..2 * i + 2], 16).expect("hex"))
        .collect();
    let document = document(&log.plan, &log.setup).expect("finite");
    assert_eq!(
        commitment(bytes[..].try_into().expect("32"), sequence.as_bytes(), &document),
        before
    );
    // The very text that is hashed is part of the format.
    assert!(
        document.starts_with(
            r#"{"format":"tonegraft-listening-1","plan":{"kind":"abx","score":"hidden","switching":"through-silence","trials":{"fixed":10}},"setup":{"channels":2,"date":"2026-03-01T12:00:00.5+01:00","passage":{"captured":{"frames":96000,"sha256":"ccc"#
        ),
        "{document}"
    );
    assert!(
        document.contains(r#""delay_frames":37.400000,"gain_db":-1.250000,"inverted":false,"lufs":-18.020000"#),
        "{document}"
    );
}

#[test]
fn what_was_changed_afterwards_is_said_loudly() {
    let log = session(abx(12), 7, 9, 12).into_log();
    let End::Finished { nonce, sequence } = &log.end else {
        panic!("finished")
    };
    let other = |text: &str, from: char, to: char| -> String {
        text.chars().rev().map(|c| if c == from { to } else { c }).collect()
    };
    for (pointer, value) in [
        ("/setup/subjects/0/gain_db", Value::from(0.0)),
        ("/setup/subjects/0/sha256", Value::from("d".repeat(64))),
        ("/setup/date", Value::from("2026-03-02T12:00:00Z")),
        ("/plan/score", Value::from("open")),
        ("/plan/switching", Value::from("gapless")),
        ("/end/finished/nonce", Value::from(other(nonce, '0', '1'))),
        ("/end/finished/sequence", Value::from(other(sequence, 'A', 'B'))),
        ("/commitment", Value::from("0".repeat(64))),
    ] {
        let error = Log::read(&changed(&log, pointer, value)).expect_err(pointer);
        assert_eq!(error, LogError::Commitment, "{pointer}");
        assert!(error.to_string().contains("DOES NOT MATCH"));
    }
    for (pointer, value, part) in [
        ("/trials/3/answer", Value::from("x"), "foreign"),
        ("/trials/3/truth/right", Value::from(true), "trial 4"),
        ("/trials/11/truth/right", Value::from(true), "trial 12"),
        ("/trials/2/truth", Value::Null, "trial 3"),
        ("/trials/5/x/ms", Value::from(0), "trial 6: it was answered unheard"),
        (
            "/trials/5/answered_ms",
            Value::from(0),
            "trial 6: its times run backwards",
        ),
        ("/end/finished/sequence", Value::from("AB"), "sequence"),
        ("/end/finished/nonce", Value::from("zz"), "nonce"),
        ("/setup/subjects/0/role", Value::from("b"), "\"a\""),
        ("/plan/trials", serde_json::json!({"fixed": 11}), "not 11"),
        ("/plan/trials", serde_json::json!({"fixed": 10}), "12 trials, where 10"),
        ("/version", Value::from(2), "version 2"),
        ("/format", Value::from("foobar"), "foobar"),
    ] {
        let result = Log::read(&changed(&log, pointer, value));
        // A truth that says what it said before is no change.
        let Err(error) = result else {
            assert!(pointer.contains("/right"), "{pointer} was taken");
            continue;
        };
        if part != "foreign" {
            assert!(error.to_string().contains(part), "{pointer}: {error}");
        }
    }
    // Wrong answers made right.
    let wrong = log.trials[11].truth.expect("opened");
    assert_eq!(wrong.right, Some(false));
    let answer = if log.trials[11].answer.stimulus() == Stimulus::A {
        "b"
    } else {
        "a"
    };
    assert!(Log::read(&changed(&log, "/trials/11/answer", Value::from(answer))).is_err());
}

#[test]
fn foreign_files_are_refused_with_a_sentence() {
    let deep = "[".repeat(100_000);
    let large = vec![b' '; MAX_BYTES + 1];
    let unknown = {
        let mut json: Value = serde_json::from_str(&logs()[0].json()).expect("JSON");
        json["note"] = Value::from("mine");
        json.to_string()
    };
    for bytes in [
        b"".as_slice(),
        b"null",
        b"{}",
        b"\xff\xfe",
        b"{\"format\": 3}",
        b"{\"format\":\"tonegraft-listening-log\",\"version\":1}",
        deep.as_bytes(),
        &large,
        unknown.as_bytes(),
    ] {
        let error = Log::read(bytes).expect_err("refused").to_string();
        assert!(error.len() < 300 && !error.contains('\n'), "{error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Truncated, or with bytes replaced: refused or, where nothing of substance changed, the same; never a panic.
    #[test]
    fn damage_is_found_or_harmless(cut in 0.0..1.0_f64, place in 0.0..1.0_f64, byte in 0..=255_u8, which in 0..8_usize) {
        let log = logs().swap_remove(which);
        let text = log.json().into_bytes();
        let at = |share: f64| (share * text.len() as f64) as usize;
        prop_assert!(Log::read(&text[..at(cut)]).is_err() || at(cut) + 1 >= text.len());
        let mut damaged = text.clone();
        damaged[at(place)] = byte;
        if let Ok(read) = Log::read(&damaged)
            && let (Some(read), Some(log)) = (Report::of(read), Report::of(log))
        {
            prop_assert_eq!(read.outcome(), log.outcome());
        }
    }
}

#[test]
fn the_table_has_a_row_for_each_trial() {
    for log in logs() {
        let csv = log.csv();
        let rows: Vec<Vec<String>> = csv.split_terminator("\r\n").map(cells).collect();
        assert_eq!(rows.len(), 1 + log.trials.len().max(1));
        assert!(rows.iter().all(|row| row.len() == rows[0].len()), "{csv}");
        let column = |name: &str| {
            rows[0]
                .iter()
                .position(|cell| cell == name)
                .unwrap_or_else(|| panic!("{name}"))
        };
        for (row, trial) in rows[1..].iter().zip(&log.trials) {
            assert_eq!(row[column("date")], setup(log.plan.kind).date);
            assert_eq!(row[column("commitment")], log.commitment);
            assert_eq!(row[column("answered_ms")], trial.answered_ms.to_string());
            assert_eq!(row[column("x_ms")], trial.x.ms.to_string());
            let right = trial
                .truth
                .and_then(|truth| truth.right)
                .map_or(String::new(), |right| right.to_string());
            assert_eq!(row[column("right")], right);
            if log.plan.kind == Kind::Abx {
                assert_eq!(row[column("b_name")], "Fuzz, \"old\"");
                assert_eq!(row[column("a_gain_db")], "-1.25");
                assert_eq!(row[column("a_delay_frames")], "37.4");
            }
        }
    }
    let mut setup = setup(Kind::Abx);
    setup.subjects[0].name = "=HYPERLINK(1)".to_owned();
    let test = tonegraft_analysis::listening::Test::begin(abx(10), setup, crate::common::entropy(1));
    let csv = test
        .unwrap_or_else(|refused| panic!("{refused}"))
        .void(VoidReason::Closed)
        .csv();
    assert!(csv.contains(",'=HYPERLINK(1),"), "{csv}");
}

/// The cells of a row, unquoted.
fn cells(row: &str) -> Vec<String> {
    let mut cells = vec![String::new()];
    let mut quoted = false;
    let mut letters = row.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => {
                letters.next();
                cells.last_mut().expect("one").push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(String::new()),
            other => cells.last_mut().expect("one").push(other),
        }
    }
    cells
}
