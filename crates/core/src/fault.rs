//! What can go wrong on the audio thread, as a code that costs nothing to return.

/// The worst thing that happened in a call; kept in the read-out until the control side clears it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Fault {
    /// Nothing went wrong.
    #[default]
    None = 0,
    /// A buffered runtime had no result in time; silence was played instead.
    DeadlineMissed = 1,
    /// The host passed other channel counts or lengths than agreed; what could not be served was silenced.
    BadBlock = 2,
    /// A NaN or an infinity came in from the host; it was replaced by silence.
    NonFiniteInput = 3,
    /// A model produced NaN or infinity; it was muted and restarted.
    NonFiniteOutput = 4,
    /// A runtime failed in a way that it cannot recover from by itself.
    RuntimeFailed = 5,
}

impl Fault {
    /// The code as a number, for atomics.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// Back from [`Self::code`]; unknown codes are [`Fault::RuntimeFailed`].
    pub const fn from_code(code: u8) -> Self {
        match code {
            0 => Self::None,
            1 => Self::DeadlineMissed,
            2 => Self::BadBlock,
            3 => Self::NonFiniteInput,
            4 => Self::NonFiniteOutput,
            _ => Self::RuntimeFailed,
        }
    }

    /// The worse of two.
    #[must_use]
    pub fn worst(self, other: Self) -> Self {
        self.max(other)
    }

    /// One sentence for the user; empty for [`Fault::None`].
    pub const fn message(self) -> &'static str {
        match self {
            Self::None => "",
            Self::DeadlineMissed => "The model was not ready in time; raise the host's block size.",
            Self::BadBlock => "The host sent an audio block of another shape than announced.",
            Self::NonFiniteInput => "The input contains NaN or infinity; check the plugin before this one.",
            Self::NonFiniteOutput => "The model produced NaN or infinity; it was muted and restarted.",
            Self::RuntimeFailed => "The model's runtime failed; load the model again.",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_round_trip_and_order_by_severity() {
        for code in 0..=5 {
            assert_eq!(Fault::from_code(code).code(), code);
        }
        assert_eq!(Fault::from_code(200), Fault::RuntimeFailed);
        assert_eq!(Fault::BadBlock.worst(Fault::NonFiniteOutput), Fault::NonFiniteOutput);
        assert_eq!(Fault::None.worst(Fault::None), Fault::None);
    }
}
