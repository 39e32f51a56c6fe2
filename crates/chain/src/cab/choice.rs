//! Whether the cab is heard.

/// What the user chose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum CabUse {
    /// On, unless the model that is heard says that it contains a cab.
    #[default]
    Auto,
    /// On.
    On,
    /// Off.
    Off,
}

/// What follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CabChoice {
    /// No impulse response is loaded.
    Nothing,
    /// Heard, since the model does not say that it contains a cab.
    Heard,
    /// Heard, since the user wants it.
    Wanted,
    /// Bypassed, since the model says that it contains a cab.
    InModel,
    /// Bypassed, since the user wants it.
    Unwanted,
}

impl CabUse {
    /// The choice. `loaded`: there is an impulse response. `in_model`: what the model that is heard says about containing a cab; `None`
    /// if it says nothing, which counts as no.
    pub const fn choose(self, loaded: bool, in_model: Option<bool>) -> CabChoice {
        match (loaded, self, in_model) {
            (false, ..) => CabChoice::Nothing,
            (true, Self::On, _) => CabChoice::Wanted,
            (true, Self::Off, _) => CabChoice::Unwanted,
            (true, Self::Auto, Some(true)) => CabChoice::InModel,
            (true, Self::Auto, _) => CabChoice::Heard,
        }
    }
}

impl CabChoice {
    /// True if the impulse response is heard.
    pub const fn is_heard(self) -> bool {
        matches!(self, Self::Heard | Self::Wanted)
    }

    /// For the window: what is done and why.
    pub const fn message(self) -> &'static str {
        match self {
            Self::Nothing => "no impulse response",
            Self::Heard => "on",
            Self::Wanted => "on, as chosen",
            Self::InModel => "bypassed: the model contains a cab",
            Self::Unwanted => "off, as chosen",
        }
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_macros, clippy::disallowed_methods)]
mod tests {
    use super::*;

    #[test]
    fn the_user_comes_before_the_model() {
        for in_model in [None, Some(false), Some(true)] {
            assert_eq!(CabUse::Auto.choose(false, in_model), CabChoice::Nothing);
            assert!(CabUse::On.choose(true, in_model).is_heard());
            assert!(!CabUse::Off.choose(true, in_model).is_heard());
            assert_eq!(CabUse::Auto.choose(true, in_model).is_heard(), in_model != Some(true));
        }
        assert!(
            CabUse::Auto
                .choose(true, Some(true))
                .message()
                .contains("contains a cab")
        );
    }
}
