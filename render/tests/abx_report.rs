//! `tonegraft abx-report`: what it sums up, what it refuses, what it writes.

mod common;

use common::Bench;
use serde_json::Value;
use tonegraft_analysis::listening::statistics::{binomial_p, clopper_pearson};
use tonegraft_analysis::listening::{
    Answer, Entropy, Kind, Log, Passage, Place, Plan, Role, Score, Setup, Stimulus, Subject, Switching, Test, Trials,
    VoidReason,
};

fn plan(kind: Kind, trials: Trials, score: Score) -> Plan {
    Plan {
        kind,
        trials,
        score,
        switching: Switching::ThroughSilence,
    }
}

fn subject(role: Role, place: Place, name: &str, hash: Option<char>) -> Subject {
    Subject {
        name: name.to_owned(),
        sha256: hash.map(|digit| std::iter::repeat_n(digit, 64).collect()),
        lufs: Some(-18.0),
        ..Subject::new(role, place)
    }
}

fn begin(plan: Plan, date: &str, name: &str, seed: u8) -> Test {
    let subjects = match plan.kind {
        Kind::Likeness => vec![
            subject(Role::Clean, Place::Dry, "", None),
            subject(Role::Device, Place::Reference, "Pedal", None),
            subject(Role::Model, Place::SlotA, name, Some('a')),
            subject(Role::Anchor, Place::SlotB, "", None),
        ],
        _ => vec![
            subject(Role::A, Place::SlotA, name, Some('a')),
            subject(Role::B, Place::SlotB, "Other", Some('b')),
        ],
    };
    let setup = Setup {
        date: date.to_owned(),
        version: "0.1.0".to_owned(),
        rate: 48_000,
        channels: 1,
        side_chain: 1,
        passage: Passage::Live,
        subjects,
    };
    let entropy = Entropy::draw(|bytes| {
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = seed.wrapping_mul(31).wrapping_add(index as u8);
        }
        Ok::<(), String>(())
    });
    Test::begin(plan, setup, entropy.expect("drawn")).unwrap_or_else(|refused| panic!("{refused}"))
}

/// A log with so many right answers (likeness: as the device; preference: A) of `answered`.
fn session(plan: Plan, date: &str, name: &str, seed: u8, right: u32, answered: u32) -> Log {
    let mut test = begin(plan, date, name, seed);
    answer(&mut test, right, answered);
    test.finish().into_log()
}

fn answer(test: &mut Test, right: u32, answered: u32) {
    let mut at = 0;
    for trial in 0..answered {
        let mut hear = |stimulus: Stimulus| {
            let route = test.listen(stimulus, at).unwrap_or_else(|refused| panic!("{refused}"));
            at += 1_000;
            route.place()
        };
        let a = hear(Stimulus::A);
        let _ = hear(Stimulus::B);
        let yes = match test.plan().kind {
            Kind::Abx | Kind::Training => {
                let mut x = test.listen(Stimulus::X, at).map(|route| route.place() == a);
                at += 1_000;
                x.as_mut().map(|yes| *yes).unwrap_or(false)
            }
            Kind::Likeness => {
                let _ = test.listen(Stimulus::X, at).map(|route| route.place());
                at += 1_000;
                a == Place::Reference
            }
            Kind::Preference => a == Place::SlotA,
        };
        let answer = if yes == (trial < right) { Answer::A } else { Answer::B };
        assert!(test.vote(answer, at).is_ok());
    }
}

fn write(bench: &Bench, name: &str, log: &Log) {
    bench.write(name, log.json().as_bytes());
}

fn abx(count: u32) -> Plan {
    plan(Kind::Abx, Trials::Fixed(count), Score::Hidden)
}

#[test]
fn sessions_are_summed_up_per_pair_and_kind() {
    let bench = Bench::new();
    std::fs::create_dir(bench.path("logs")).expect("makes");
    std::fs::create_dir(bench.path("logs/deeper")).expect("makes");
    write(
        &bench,
        "logs/one.json",
        &session(abx(16), "2026-03-01T10:00:00Z", "Amp", 1, 12, 16),
    );
    write(
        &bench,
        "logs/deeper/two.JSON",
        &session(abx(10), "2026-03-02T10:00:00Z", "Amp", 2, 6, 10),
    );
    let likeness = plan(Kind::Likeness, Trials::Fixed(20), Score::Hidden);
    write(
        &bench,
        "logs/like.json",
        &session(likeness, "2026-03-03T10:00:00Z", "Amp", 3, 15, 20),
    );
    let preference = plan(Kind::Preference, Trials::Fixed(12), Score::Hidden);
    write(
        &bench,
        "logs/prefer.json",
        &session(preference, "2026-03-04T10:00:00Z", "Amp", 4, 10, 12),
    );
    write(
        &bench,
        "logs/train.json",
        &session(Plan::new(Kind::Training), "2026-03-05T10:00:00Z", "Amp", 5, 3, 4),
    );
    let mut void = begin(abx(10), "2026-03-06T10:00:00Z", "Amp", 6);
    answer(&mut void, 2, 2);
    write(&bench, "logs/void.json", &void.void(VoidReason::Restored));
    bench.write("logs/other.json", b"{\"some\": \"settings\"}");
    bench.write("logs/notes.txt", b"not read");

    let json: Value = serde_json::from_str(&bench.ok(&["abx-report", "logs", "--json"]).stdout).expect("JSON");
    let groups = json["groups"].as_array().expect("groups");
    assert_eq!(groups.len(), 3);
    assert_eq!(groups[0]["kind"], "abx");
    assert_eq!(groups[0]["sessions"].as_array().map(Vec::len), Some(2));
    let result = &groups[0]["result"];
    assert_eq!(
        (&result["correct"]["count"], &result["correct"]["of"]),
        (&Value::from(18), &Value::from(26))
    );
    assert_eq!(result["p"].as_f64(), Some(binomial_p(18, 26)));
    let interval = clopper_pearson(18, 26, 0.95);
    assert_eq!(
        result["correct"]["interval"],
        serde_json::json!([interval.low, interval.high])
    );
    assert_eq!(groups[0]["subjects"][0]["name"], "Amp");
    assert_eq!(groups[1]["kind"], "likeness");
    assert_eq!(groups[1]["result"]["model"]["of"], 10);
    assert_eq!(groups[2]["kind"], "preference");
    assert_eq!(groups[2]["result"]["a"]["count"], 10);
    assert_eq!(json["training"][0]["result"], serde_json::json!({"right": 3, "of": 4}));
    assert_eq!(json["void"][0]["answered"], 2);
    assert_eq!(json["problems"], serde_json::json!([]));

    let text = bench.ok(&["abx-report", "logs"]).stdout;
    for part in [
        "ABX test: Amp / Other",
        "12 of 16",
        "18 of 26",
        "Likeness test: Pedal / Amp",
        "Preference test: Amp / Other",
        "Training, not counted:",
        "3 of 4 right",
        "Void, not counted:",
        "the session was restored",
        "3 results side by side",
        "Summed up over 2 sessions",
    ] {
        assert!(text.contains(part), "\"{part}\" is not in:\n{text}");
    }
}

#[test]
fn a_log_that_was_changed_is_named_and_not_counted() {
    let bench = Bench::new();
    write(
        &bench,
        "good.json",
        &session(abx(10), "2026-03-01T10:00:00Z", "Amp", 1, 9, 10),
    );
    let forged = session(abx(10), "2026-03-02T10:00:00Z", "Amp", 2, 9, 10)
        .json()
        .replace("Amp", "Amq");
    bench.write("forged.json", forged.as_bytes());
    bench.refused(
        &["abx-report", "forged.json"],
        &["forged.json: DOES NOT MATCH ITS COMMITMENT"],
    );
    let ran = bench.run(&["abx-report", "good.json", "forged.json"]);
    assert_eq!(ran.code, Some(1));
    assert!(
        ran.stderr.starts_with("error: forged.json: DOES NOT MATCH"),
        "{}",
        ran.stderr
    );
    assert!(
        ran.stdout.contains("9 of 10") && ran.stdout.contains("NOT COUNTED"),
        "{}",
        ran.stdout
    );
    assert!(!ran.stdout.contains("18 of 20"), "{}", ran.stdout);
    let ran = bench.run(&["abx-report", "--json", "good.json", "forged.json"]);
    assert_eq!(ran.code, Some(1));
    let json: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!(json["problems"][0]["file"], "forged.json");
    // In a folder, a damaged log is no stranger.
    let ran = bench.run(&["abx-report", "."]);
    assert_eq!(ran.code, Some(1));
    bench.write("forged.json", &forged.as_bytes()[..200]);
    let ran = bench.run(&["abx-report", "."]);
    assert_eq!(ran.code, Some(1));
    assert!(
        ran.stderr.contains("forged.json: is not a listening log"),
        "{}",
        ran.stderr
    );
}

#[test]
fn what_is_no_log_is_refused_with_a_sentence() {
    let bench = Bench::new();
    bench.write("empty.json", b"");
    bench.write("foreign.json", b"{\"some\": \"settings\"}");
    bench.write("deep.json", "[".repeat(1_000_000).as_bytes());
    bench.write("large.json", &vec![b' '; (8 << 20) + 1]);
    bench.refused(
        &["abx-report", "nowhere.json"],
        &["nowhere.json: there is no such file"],
    );
    bench.refused(&["abx-report", "empty.json"], &["empty.json: is not a listening log"]);
    bench.refused(&["abx-report", "foreign.json"], &["foreign.json", "missing field"]);
    bench.refused(&["abx-report", "deep.json"], &["deep.json", "is not a listening log"]);
    bench.refused(&["abx-report", "large.json"], &["large.json: is larger than"]);
    bench.refused(&["abx-report", "."], &["no listening log", "4 other .json files"]);
    assert_eq!(bench.run(&["abx-report"]).code, Some(2));
}

#[test]
fn page_and_plots_are_whole_and_hold_no_markup_of_names() {
    let bench = Bench::new();
    let name = "<script>alert(1)</script> & \"co\"";
    write(
        &bench,
        "a.json",
        &session(abx(16), "2026-03-01T10:00:00Z", name, 1, 14, 16),
    );
    write(
        &bench,
        "b.json",
        &session(abx(25), "2026-03-02T10:00:00Z", name, 2, 15, 25),
    );
    let open = plan(Kind::Abx, Trials::Fixed(10), Score::Open);
    write(&bench, "c.json", &session(open, "2026-03-02T10:00:00Z", name, 3, 2, 3));
    let likeness = plan(Kind::Likeness, Trials::Fixed(20), Score::Hidden);
    write(
        &bench,
        "d.json",
        &session(likeness, "2026-03-03T10:00:00Z", name, 4, 15, 20),
    );
    let preference = plan(Kind::Preference, Trials::Fixed(12), Score::Hidden);
    write(
        &bench,
        "e.json",
        &session(preference, "2026-03-04T10:00:00Z", name, 5, 10, 12),
    );
    // A session that was ended before its first answer.
    write(
        &bench,
        "f.json",
        &session(preference, "2026-03-04T10:00:00Z", "empty", 6, 0, 0),
    );
    bench.ok(&["abx-report", ".", "--html", "page", "--svg", "plots"]);
    let page = std::fs::read_to_string(bench.path("page/abx-report.html")).expect("written");
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt; &amp; &quot;co&quot;"));
    assert!(!page.contains("<script"), "markup of a name");
    assert_eq!(page.matches("<svg").count(), 5);
    assert_eq!(page.matches("<svg").count(), page.matches("</svg>").count());
    assert!(!page.contains("http://") || page.matches("http://").count() == page.matches("http://www.w3.org/").count());
    for tag in ["section", "table", "div", "ul"] {
        assert_eq!(
            page.matches(&format!("<{tag}")).count(),
            page.matches(&format!("</{tag}>")).count(),
            "{tag}"
        );
    }
    let mut plots: Vec<String> = std::fs::read_dir(bench.path("plots"))
        .expect("lists")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    plots.sort();
    assert_eq!(
        plots,
        [
            "1-abx-course.svg",
            "1-abx-proportions.svg",
            "2-likeness-proportions.svg",
            "3-preference-course.svg",
            "3-preference-proportions.svg"
        ]
    );
    let course = std::fs::read_to_string(bench.path("plots/1-abx-course.svg")).expect("written");
    assert!(
        course.contains("significant, if the test ends there") && course.contains("polyline"),
        "{course}"
    );
}
