//! Nonce and hidden sequence of a test, and the commitment to them.
//!
//! [`Entropy`] and what is drawn from it can neither be printed nor stored, and are overwritten when they are dropped.

use super::canonical;
use super::plan::{Kind, Plan};
use super::setup::{Place, Role, Setup};
use super::test::Stimulus;
use serde::Serialize;
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, Zeroizing};

/// Bytes of a nonce.
pub const NONCE: usize = 32;

/// Named in the document that is committed to.
const FORMAT: &str = "tonegraft-listening-1";

/// 512 bits from the system's generator for one test: the nonce, and the seed from which the sequence is drawn.
pub struct Entropy {
    nonce: Zeroizing<[u8; NONCE]>,
    seed: Zeroizing<[u8; 32]>,
}

impl Entropy {
    /// `fill` writes random bytes, such as `getrandom::fill`.
    ///
    /// # Errors
    /// What `fill` returns.
    pub fn draw<E>(mut fill: impl FnMut(&mut [u8]) -> Result<(), E>) -> Result<Self, E> {
        let mut entropy = Self {
            nonce: Zeroizing::new([0; NONCE]),
            seed: Zeroizing::new([0; 32]),
        };
        fill(entropy.nonce.as_mut_slice())?;
        fill(entropy.seed.as_mut_slice())?;
        Ok(entropy)
    }
}

/// What is hidden of one trial; one ASCII letter in the sequence.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Draw {
    /// ABX: X is A (`A`) or B (`B`). Preference: 1 is A (`A`) or B (`B`).
    Pair {
        /// True for `A`.
        a: bool,
    },
    /// Likeness: `M`, `m` the model, `K`, `k` the anchor; in capitals A is the clean input, else B is.
    Likeness {
        /// X is the model, not the anchor.
        model: bool,
        /// A is the clean input and B the device, not the other way round.
        clean_first: bool,
    },
}

impl Draw {
    /// The letter.
    pub const fn letter(self) -> u8 {
        match self {
            Self::Pair { a: true } => b'A',
            Self::Pair { a: false } => b'B',
            Self::Likeness {
                model: true,
                clean_first: true,
            } => b'M',
            Self::Likeness {
                model: true,
                clean_first: false,
            } => b'm',
            Self::Likeness {
                model: false,
                clean_first: true,
            } => b'K',
            Self::Likeness {
                model: false,
                clean_first: false,
            } => b'k',
        }
    }

    /// The draw that a letter stands for in a test of this kind.
    pub const fn from_letter(kind: Kind, letter: u8) -> Option<Self> {
        match (kind, letter) {
            (Kind::Likeness, b'M' | b'm' | b'K' | b'k') => Some(Self::Likeness {
                model: matches!(letter, b'M' | b'm'),
                clean_first: matches!(letter, b'M' | b'K'),
            }),
            (Kind::Abx | Kind::Training | Kind::Preference, b'A' | b'B') => Some(Self::Pair { a: letter == b'A' }),
            _ => None,
        }
    }

    /// Who is behind `stimulus`; `None` if the kind has no such stimulus.
    pub const fn role(self, kind: Kind, stimulus: Stimulus) -> Option<Role> {
        Some(match (kind, self, stimulus) {
            (Kind::Abx | Kind::Training, Self::Pair { .. }, Stimulus::A) => Role::A,
            (Kind::Abx | Kind::Training, Self::Pair { .. }, Stimulus::B) => Role::B,
            (Kind::Abx | Kind::Training, Self::Pair { a: true }, Stimulus::X)
            | (Kind::Abx | Kind::Training, Self::Pair { a: false }, Stimulus::Y)
            | (Kind::Preference, Self::Pair { a: true }, Stimulus::A)
            | (Kind::Preference, Self::Pair { a: false }, Stimulus::B) => Role::A,
            (Kind::Abx | Kind::Training, Self::Pair { .. }, Stimulus::X | Stimulus::Y)
            | (Kind::Preference, Self::Pair { .. }, Stimulus::A | Stimulus::B) => Role::B,
            (Kind::Likeness, Self::Likeness { clean_first: true, .. }, Stimulus::A)
            | (Kind::Likeness, Self::Likeness { clean_first: false, .. }, Stimulus::B) => Role::Clean,
            (Kind::Likeness, Self::Likeness { .. }, Stimulus::A | Stimulus::B) => Role::Device,
            (Kind::Likeness, Self::Likeness { model: true, .. }, Stimulus::X) => Role::Model,
            (Kind::Likeness, Self::Likeness { model: false, .. }, Stimulus::X) => Role::Anchor,
            _ => return None,
        })
    }

    const fn flipped(self) -> Self {
        match self {
            Self::Pair { a } => Self::Pair { a: !a },
            Self::Likeness { model, clean_first } => Self::Likeness {
                model: !model,
                clean_first: !clean_first,
            },
        }
    }
}

/// Nonce and sequence of a running test.
pub(super) struct Secret {
    nonce: Zeroizing<[u8; NONCE]>,
    /// A letter for each trial.
    sequence: Zeroizing<Vec<u8>>,
}

impl Secret {
    /// The sequence of a plan that was checked. ABX, training and preference: one fair bit for each trial. Likeness: model and anchor
    /// in equal number (one more model if the number is odd) in random order, labels by a fair bit each.
    pub(super) fn draw(plan: &Plan, entropy: Entropy) -> Self {
        let count = plan.trials.most() as usize;
        let mut source = Expander::new(&entropy.seed);
        let mut sequence = Zeroizing::new(Vec::with_capacity(count));
        if plan.kind == Kind::Likeness {
            let models = count.div_ceil(2);
            sequence.extend((0..count).map(|index| {
                let draw = Draw::Likeness {
                    model: index < models,
                    clean_first: source.bit(),
                };
                draw.letter()
            }));
            // Fisher and Yates.
            for last in (1..count).rev() {
                sequence.swap(last, source.below(last + 1));
            }
        } else {
            sequence.extend((0..count).map(|_| Draw::Pair { a: source.bit() }.letter()));
        }
        Self {
            nonce: entropy.nonce,
            sequence,
        }
    }

    pub(super) fn commitment(&self, document: &str) -> String {
        commitment(&self.nonce, &self.sequence, document)
    }

    pub(super) fn draw_of(&self, kind: Kind, trial: usize) -> Option<Draw> {
        Draw::from_letter(kind, *self.sequence.get(trial)?)
    }

    pub(super) fn flip(&mut self, kind: Kind) {
        for letter in self.sequence.iter_mut() {
            if let Some(draw) = Draw::from_letter(kind, *letter) {
                *letter = draw.flipped().letter();
            }
        }
    }

    /// Gives the secret away.
    pub(super) fn open(self) -> (String, String) {
        let sequence = self.sequence.iter().map(|letter| char::from(*letter)).collect();
        (hex(self.nonce.as_slice()), sequence)
    }
}

/// SHA-256 in counter mode over a seed: as many fair bits as wanted.
struct Expander {
    seed: Zeroizing<[u8; 32]>,
    counter: u64,
    block: Zeroizing<[u8; 32]>,
    /// Bits of the block that were used.
    used: u32,
}

impl Expander {
    fn new(seed: &Zeroizing<[u8; 32]>) -> Self {
        Self {
            seed: seed.clone(),
            counter: 0,
            block: Zeroizing::new([0; 32]),
            used: 256,
        }
    }

    fn bit(&mut self) -> bool {
        if self.used == 256 {
            let mut hash = Sha256::new();
            hash.update(self.seed.as_slice());
            hash.update(self.counter.to_le_bytes());
            let mut made = hash.finalize();
            self.block.copy_from_slice(&made);
            made.as_mut_slice().zeroize();
            self.counter += 1;
            self.used = 0;
        }
        let byte = self.block[(self.used / 8) as usize];
        let bit = byte >> (self.used % 8) & 1;
        self.used += 1;
        bit == 1
    }

    /// One of `0 .. end`, all equally likely: numbers of as few bits as hold it, those beyond it drawn again.
    fn below(&mut self, end: usize) -> usize {
        let bits = usize::BITS - (end.max(1) - 1).leading_zeros();
        loop {
            let number = (0..bits).fold(0, |number, _| 2 * number + usize::from(self.bit()));
            if number < end.max(1) {
                return number;
            }
        }
    }
}

/// Plan and set-up as they are committed to, in canonical JSON; `None` if a number is not finite.
pub fn document(plan: &Plan, setup: &Setup) -> Option<String> {
    #[derive(Serialize)]
    struct Document<'a> {
        format: &'static str,
        plan: &'a Plan,
        setup: &'a Setup,
    }
    canonical::text(&Document {
        format: FORMAT,
        plan,
        setup,
    })
}

/// `SHA-256(nonce ‖ sequence ‖ document)` as 64 hex digits.
pub fn commitment(nonce: &[u8; NONCE], sequence: &[u8], document: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(nonce);
    hash.update(sequence);
    hash.update(document.as_bytes());
    hex(&hash.finalize())
}

/// The places of the roles of a set-up that was checked.
pub(super) fn place(setup: &Setup, role: Role) -> Option<Place> {
    Some(setup.subject(role)?.place)
}

pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// 64 hex digits as bytes.
pub(super) fn nonce_of(text: &str) -> Option<[u8; NONCE]> {
    if !super::setup::is_hash(text) {
        return None;
    }
    let mut nonce = [0; NONCE];
    for (byte, digits) in nonce.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(nonce)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::listening::{Score, Switching, Trials};

    fn entropy(seed: u8) -> Entropy {
        Entropy::draw(|bytes| {
            bytes.fill(seed);
            Ok::<(), ()>(())
        })
        .unwrap_or_else(|()| unreachable!())
    }

    fn plan(kind: Kind, trials: Trials) -> Plan {
        Plan {
            kind,
            trials,
            score: Score::Hidden,
            switching: Switching::ThroughSilence,
        }
    }

    #[test]
    fn the_likeness_sequence_is_balanced_and_shuffled() {
        let mut orders = std::collections::HashSet::new();
        for seed in 0..50 {
            for count in [10, 25] {
                let plan = plan(Kind::Likeness, Trials::Fixed(count));
                let sequence = Secret::draw(&plan, entropy(seed)).open().1;
                let models = sequence.bytes().filter(|letter| matches!(letter, b'M' | b'm')).count();
                assert_eq!(models, count.div_ceil(2) as usize);
                orders.insert(sequence);
            }
        }
        assert_eq!(orders.len(), 100, "all differ");
    }

    #[test]
    fn draws_are_fair() {
        // 2,000 draws of 100 bits: 5 standard deviations are 2236.
        let mut ones = 0_i64;
        let mut same = 0_i64;
        for seed in 0..2_000_u32 {
            let entropy = Entropy::draw(|bytes| {
                for (index, byte) in bytes.iter_mut().enumerate() {
                    *byte = seed.to_le_bytes()[index % 4];
                }
                Ok::<(), ()>(())
            })
            .unwrap_or_else(|()| unreachable!());
            let sequence = Secret::draw(&plan(Kind::Abx, Trials::Open), entropy).open().1;
            let bytes = sequence.as_bytes();
            ones += bytes.iter().map(|b| if *b == b'A' { 1 } else { -1 }).sum::<i64>();
            same += bytes.windows(2).map(|w| if w[0] == w[1] { 1 } else { -1 }).sum::<i64>();
        }
        assert!(ones.abs() < 2_236 && same.abs() < 2_236, "{ones} {same}");
    }

    #[test]
    fn bounded_numbers_reach_all_and_no_more() {
        let mut source = Expander::new(&Zeroizing::new([7; 32]));
        for end in 1..40 {
            let mut seen = vec![0_u32; end];
            for _ in 0..200 * end {
                seen[source.below(end)] += 1;
            }
            assert!(
                seen.iter().all(|count| (100..=320).contains(count) || end == 1),
                "{end}: {seen:?}"
            );
        }
    }

    #[test]
    fn the_commitment_is_a_plain_hash() {
        // printf '\0…(32 zeros)ABBA{}' | sha256sum
        let mut whole = vec![0; 32];
        whole.extend_from_slice(b"ABBA{}");
        assert_eq!(commitment(&[0; 32], b"ABBA", "{}"), hex(&Sha256::digest(&whole)));
        assert_eq!(nonce_of(&hex(&[0xab; 32])), Some([0xab; 32]));
        assert_eq!(nonce_of("xyz"), None);
    }

    #[test]
    fn letters_and_draws_are_one_to_one() {
        for kind in Kind::ALL {
            for letter in 0..=255 {
                if let Some(draw) = Draw::from_letter(kind, letter) {
                    assert_eq!(draw.letter(), letter);
                    assert_ne!(draw.flipped().letter(), letter);
                }
            }
        }
    }
}
