//! How audio is cut into blocks: always the same length, or random lengths from a seed.

use std::fmt;
use std::str::FromStr;

/// The longest block, in frames.
pub const MAX_BLOCK: usize = 1 << 16;

/// The longest random block, in frames.
const MAX_RANDOM: u64 = 2048;

/// How audio is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blocks {
    /// That many frames each, 1 ..= [`MAX_BLOCK`].
    Fixed(usize),
    /// 1 to 2048 frames, from this seed.
    Random(u64),
}

impl Blocks {
    /// The lengths, without end.
    pub fn lengths(self) -> impl Iterator<Item = usize> {
        let mut state = match self {
            Self::Fixed(_) => 0,
            // Spread so that neighbouring seeds differ from the first block on; never 0, where the generator would stay.
            Self::Random(seed) => seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1,
        };
        std::iter::repeat_with(move || match self {
            Self::Fixed(frames) => frames,
            Self::Random(_) => {
                // xorshift64 (Marsaglia, 2003).
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                usize::try_from((state >> 16) % MAX_RANDOM).unwrap_or(0) + 1
            }
        })
    }
}

impl FromStr for Blocks {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(seed) = text.strip_prefix("random:") {
            return seed
                .parse()
                .map(Self::Random)
                .map_err(|_| format!("\"{seed}\" is not a seed; write for example random:7"));
        }
        match text.parse() {
            Ok(frames) if (1..=MAX_BLOCK).contains(&frames) => Ok(Self::Fixed(frames)),
            _ => Err(format!(
                "\"{text}\" is not a block size; write 1 to {MAX_BLOCK}, or random:SEED"
            )),
        }
    }
}

impl fmt::Display for Blocks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(frames) => write!(f, "{frames}"),
            Self::Random(seed) => write!(f, "random:{seed}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_seeds_are_read_and_anything_else_is_refused() {
        assert_eq!("64".parse(), Ok(Blocks::Fixed(64)));
        assert_eq!("random:7".parse(), Ok(Blocks::Random(7)));
        for wrong in ["0", "-1", "", "65537", "random", "random:", "random:x", "1.5"] {
            assert!(wrong.parse::<Blocks>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn random_lengths_repeat_differ_by_seed_and_stay_in_range() {
        let take = |seed| Blocks::Random(seed).lengths().take(200).collect::<Vec<_>>();
        assert_eq!(take(1), take(1));
        assert_ne!(take(1), take(2));
        assert_ne!(take(0), take(2));
        assert!(take(0).iter().all(|length| (1..=2048).contains(length)));
        assert!(take(3).iter().collect::<std::collections::BTreeSet<_>>().len() > 100);
    }
}
