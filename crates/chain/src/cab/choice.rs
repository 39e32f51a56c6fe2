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

/// What the gear of a capture says about a cab, from the field's names for it (`gear_type` of `.nam` files: "amp", "pedal", "pedal_amp",
/// "amp_cab", "amp_pedal_cab", "preamp", "studio"; any case, `-` and spaces as `_`). `None` for names that are not known.
pub fn gear_contains_cab(gear: &str) -> Option<bool> {
    let is = |name: &str| {
        gear.len() == name.len()
            && gear
                .bytes()
                .zip(name.bytes())
                .all(|(a, b)| a.eq_ignore_ascii_case(&b) || (b == b'_' && matches!(a, b'-' | b' ')))
    };
    if ["amp_cab", "amp_pedal_cab", "cab"].into_iter().any(is) {
        Some(true)
    } else if ["amp", "pedal", "pedal_amp", "preamp", "studio"].into_iter().any(is) {
        Some(false)
    } else {
        None
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

    #[test]
    fn gear_is_known_by_the_names_of_the_field() {
        assert_eq!(gear_contains_cab("amp_cab"), Some(true));
        assert_eq!(gear_contains_cab("Amp-Pedal Cab"), Some(true));
        assert_eq!(gear_contains_cab("PREAMP"), Some(false));
        assert_eq!(gear_contains_cab("amp"), Some(false));
        assert_eq!(gear_contains_cab("cabinet of curiosities"), None);
        assert_eq!(gear_contains_cab(""), None);
    }
}
