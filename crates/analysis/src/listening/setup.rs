//! What is heard in a test, and how it was made comparable: all of it is committed to before the first trial.

use super::plan::{Kind, Plan};
use super::test::Refused;
use serde::{Deserialize, Serialize};

/// The longest text of a set-up, in bytes.
pub const MAX_TEXT: usize = 1_000;

/// The largest magnitude of a level, gain or delay.
const LARGEST: f64 = 1e9;

/// Decimal places that levels, gains and delays keep.
const PLACES: f64 = 1e6;

/// Where in the plugin a sound comes from. Which of them X is, is the secret of a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// Slot A.
    SlotA,
    /// Slot B.
    SlotB,
    /// The side-chain input.
    Reference,
    /// The main input, as it is.
    Dry,
}

impl Place {
    /// As people read it.
    pub const fn title(self) -> &'static str {
        match self {
            Self::SlotA => "slot A",
            Self::SlotB => "slot B",
            Self::Reference => "reference",
            Self::Dry => "dry",
        }
    }
}

/// What part a sound plays in a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// One of the two that are compared (ABX, training, preference).
    A,
    /// The other one.
    B,
    /// Likeness: the clean input.
    Clean,
    /// Likeness: the real device.
    Device,
    /// Likeness: the model that is judged.
    Model,
    /// Likeness: what a bad model would be.
    Anchor,
}

impl Role {
    /// The roles of a kind of test, each of which needs one subject.
    pub const fn of(kind: Kind) -> &'static [Self] {
        match kind {
            Kind::Abx | Kind::Training | Kind::Preference => &[Self::A, Self::B],
            Kind::Likeness => &[Self::Clean, Self::Device, Self::Model, Self::Anchor],
        }
    }

    /// As logs name it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::A => "a",
            Self::B => "b",
            Self::Clean => "clean",
            Self::Device => "device",
            Self::Model => "model",
            Self::Anchor => "anchor",
        }
    }
}

/// One sound of a test.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subject {
    /// What part it plays.
    pub role: Role,
    /// Where it comes from.
    pub place: Place,
    /// Name of the model or device; may be empty.
    pub name: String,
    /// SHA-256 of the model file, 64 hex digits; `None` for what is no file.
    pub sha256: Option<String>,
    /// Gain that is applied to it beside the trim (loudness match), in dB.
    pub gain_db: f64,
    /// The user's trim, in dB.
    pub trim_db: f64,
    /// By how much it is placed earlier than it arrives, in frames at the host's rate.
    pub delay_frames: f64,
    /// True if its polarity is inverted.
    pub inverted: bool,
    /// Loudness over the passage after gain and trim, ITU-R BS.1770, in LUFS; `None` if it was not measured or is silent.
    pub lufs: Option<f64>,
}

impl Subject {
    /// Unaltered, without a name.
    pub const fn new(role: Role, place: Place) -> Self {
        Self {
            role,
            place,
            name: String::new(),
            sha256: None,
            gain_db: 0.0,
            trim_db: 0.0,
            delay_frames: 0.0,
            inverted: false,
            lufs: None,
        }
    }

    /// The name, or the place if there is none.
    pub fn title(&self) -> &str {
        if self.name.is_empty() {
            self.place.title()
        } else {
            &self.name
        }
    }

    /// What tells it from others when sessions are summed up: the model's hash, or place and name.
    pub fn identity(&self) -> String {
        self.sha256
            .clone()
            .unwrap_or_else(|| format!("{}:{}", self.place.title(), self.name))
    }
}

/// What is played.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Passage {
    /// What the host sends, looped or not.
    Live,
    /// A passage that was recorded and is replayed in a loop.
    Captured {
        /// SHA-256 of its samples, 64 hex digits.
        sha256: String,
        /// Its length in frames.
        frames: u64,
    },
}

/// Everything that is fixed while a test runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setup {
    /// When the test began, RFC 3339.
    pub date: String,
    /// Version of the program that runs the test.
    pub version: String,
    /// The host's sample rate in Hz.
    pub rate: u32,
    /// Channels of the main input or output, whichever is more.
    pub channels: u32,
    /// Channels of the side-chain; 0: none.
    pub side_chain: u32,
    /// What is played.
    pub passage: Passage,
    /// The sounds, one for each role of the kind.
    pub subjects: Vec<Subject>,
}

impl Setup {
    /// The subject that plays `role`.
    pub fn subject(&self, role: Role) -> Option<&Subject> {
        self.subjects.iter().find(|subject| subject.role == role)
    }

    /// Difference of loudness of the two that are compared (likeness: model and device), in LU, if both were measured.
    pub fn loudness_difference(&self, kind: Kind) -> Option<f64> {
        let (one, other) = match kind {
            Kind::Likeness => (Role::Model, Role::Device),
            _ => (Role::A, Role::B),
        };
        Some((self.subject(one)?.lufs? - self.subject(other)?.lufs?).abs())
    }

    /// Checked for the plan, numbers rounded to six places, subjects in the order of their roles: as it is committed to.
    ///
    /// # Errors
    /// A role without a subject, with two or of another kind of test; two roles that are heard from one place; numbers that are not
    /// finite or beyond 10⁹; texts longer than [`MAX_TEXT`] or with control characters; hashes that are not 64 hex digits; a date that is not
    /// RFC 3339.
    pub fn checked(mut self, plan: &Plan) -> Result<Self, Refused> {
        let roles = Role::of(plan.kind);
        if let Some(role) = roles.iter().find(|role| self.subject(**role).is_none()) {
            return Err(Refused::Missing { role: role.name() });
        }
        if self.subjects.len() != roles.len() {
            return Err(Refused::TooManySubjects);
        }
        self.subjects.sort_by_key(|subject| subject.role);
        for (index, subject) in self.subjects.iter().enumerate() {
            if self.subjects[..index].iter().any(|other| other.place == subject.place) {
                return Err(Refused::SamePlace {
                    place: subject.place.title(),
                });
            }
        }
        let fits = |text: &str| text.len() <= MAX_TEXT && !text.chars().any(char::is_control);
        let hashes = self.subjects.iter().filter_map(|subject| subject.sha256.as_ref());
        let passage = match &self.passage {
            Passage::Captured { sha256, .. } => Some(sha256),
            Passage::Live => None,
        };
        if !hashes.chain(passage).all(|hash| is_hash(hash)) {
            return Err(Refused::BadSetup { what: "a hash" });
        }
        if !is_date(&self.date) {
            return Err(Refused::BadSetup { what: "the date" });
        }
        if !fits(&self.version) || !self.subjects.iter().all(|subject| fits(&subject.name)) {
            return Err(Refused::BadSetup { what: "a name" });
        }
        for subject in &mut self.subjects {
            let lufs = subject.lufs.as_mut();
            for value in [&mut subject.gain_db, &mut subject.trim_db, &mut subject.delay_frames]
                .into_iter()
                .chain(lufs)
            {
                if !value.is_finite() || value.abs() > LARGEST {
                    return Err(Refused::BadSetup {
                        what: "a level or delay",
                    });
                }
                // Adding 0 makes −0 to 0, which text would tell apart.
                *value = (*value * PLACES).round() / PLACES + 0.0;
            }
        }
        Ok(self)
    }
}

/// 64 hex digits in lower case.
pub(super) fn is_hash(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

/// `2026-01-31T12:00:00`, then a fraction and `Z` or an offset.
fn is_date(text: &str) -> bool {
    let shape = b"dddd-dd-ddTdd:dd:dd";
    let bytes = text.as_bytes();
    let zone = bytes.get(shape.len()..).unwrap_or(&[]);
    bytes.len() > shape.len()
        && bytes.len() <= 40
        && shape.iter().zip(bytes).all(|(shape, byte)| match shape {
            b'd' => byte.is_ascii_digit(),
            other => byte == other,
        })
        && zone.iter().all(|b| b.is_ascii_digit() || b".Z+-:".contains(b))
}
