//! Set-ups, generators of known seed, and listeners.

use tonegraft_analysis::listening::{
    Answer, Entropy, Kind, Passage, Place, Plan, Report, Role, Score, Setup, Stimulus, Subject, Switching, Test, Trials,
};

/// A generator that is as good as it has to be for tests.
pub fn entropy(seed: u64) -> Entropy {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0xD1B5_4A32_D192_ED03;
    let drawn = Entropy::draw(|bytes| {
        for byte in bytes {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            *byte = (state >> 56) as u8;
        }
        Ok::<(), std::convert::Infallible>(())
    });
    match drawn {
        Ok(entropy) => entropy,
        Err(never) => match never {},
    }
}

pub fn plan(kind: Kind, trials: Trials, score: Score) -> Plan {
    Plan {
        kind,
        trials,
        score,
        switching: Switching::ThroughSilence,
    }
}

pub fn subject(role: Role, place: Place, name: &str, hash: char) -> Subject {
    Subject {
        name: name.to_owned(),
        sha256: (hash != ' ').then(|| std::iter::repeat_n(hash, 64).collect()),
        gain_db: -1.25,
        trim_db: 0.5,
        delay_frames: 37.4,
        lufs: Some(-18.02),
        ..Subject::new(role, place)
    }
}

pub fn setup(kind: Kind) -> Setup {
    let subjects = match kind {
        Kind::Likeness => vec![
            subject(Role::Clean, Place::Dry, "", ' '),
            subject(Role::Device, Place::Reference, "My pedal", ' '),
            subject(Role::Model, Place::SlotA, "Overdrive", 'a'),
            subject(Role::Anchor, Place::SlotB, "tanh", ' '),
        ],
        _ => vec![
            subject(Role::A, Place::SlotA, "Overdrive", 'a'),
            subject(Role::B, Place::SlotB, "Fuzz, \"old\"", 'b'),
        ],
    };
    Setup {
        date: "2026-03-01T12:00:00.5+01:00".to_owned(),
        version: "0.1.0".to_owned(),
        rate: 48_000,
        channels: 2,
        side_chain: 1,
        passage: Passage::Captured {
            sha256: "c".repeat(64),
            frames: 96_000,
        },
        subjects,
    }
}

pub fn begin(plan: Plan, seed: u64) -> Test {
    Test::begin(plan, setup(plan.kind), entropy(seed)).unwrap_or_else(|refused| panic!("{refused}"))
}

/// Somebody who hears where each stimulus comes from, which only the audio tells.
pub struct Ears {
    pub at: u64,
}

impl Ears {
    pub fn new() -> Self {
        Self { at: 0 }
    }

    pub fn hear(&mut self, test: &mut Test, stimulus: Stimulus) -> Place {
        let route = test
            .listen(stimulus, self.at)
            .unwrap_or_else(|refused| panic!("{refused}"));
        self.at += 1_500;
        route.place()
    }

    /// Answers one trial: right (ABX: X is; likeness: the model is the device, the anchor clean; preference: slot A) or wrong.
    pub fn answer(&mut self, test: &mut Test, right: bool) {
        let kind = test.plan().kind;
        let a = self.hear(test, Stimulus::A);
        let b = self.hear(test, Stimulus::B);
        assert_ne!(a, b);
        let a_is_right = match kind {
            Kind::Abx | Kind::Training => self.hear(test, Stimulus::X) == a,
            Kind::Likeness => {
                let wanted = if self.hear(test, Stimulus::X) == Place::SlotA {
                    Place::Reference
                } else {
                    Place::Dry
                };
                a == wanted
            }
            Kind::Preference => a == Place::SlotA,
        };
        let answer = if a_is_right == right { Answer::A } else { Answer::B };
        let progress = test.vote(answer, self.at).unwrap_or_else(|refused| panic!("{refused}"));
        assert_eq!(progress.route.is_none(), progress.complete);
        if kind == Kind::Training {
            assert_eq!(progress.right, Some(right));
        } else {
            assert_eq!(progress.right, None);
        }
    }

    /// Answers `right` trials right, then the rest up to `answered` wrong.
    pub fn run(&mut self, test: &mut Test, right: u32, answered: u32) {
        for trial in 0..answered {
            self.answer(test, trial < right);
        }
    }
}

/// A session with so many right answers.
pub fn session(plan: Plan, seed: u64, right: u32, answered: u32) -> Report {
    let mut test = begin(plan, seed);
    Ears::new().run(&mut test, right, answered);
    test.finish()
}

pub fn abx(count: u32) -> Plan {
    plan(Kind::Abx, Trials::Fixed(count), Score::Hidden)
}
