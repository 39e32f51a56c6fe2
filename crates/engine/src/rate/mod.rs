//! Between the host's rate and a model's, and above it.
//!
//! A model is trained at one rate; at another it would be another effect. Three ways lead from the host to it ([`RateMode`]), and
//! apart from that it can run at a multiple of its rate against its own aliasing ([`Oversampling`]). Whatever is chosen, there is one
//! pair of filters: from the host's rate straight to that at which the network runs, and straight back.
//!
//! A network runs at `n` times the model's rate as `n` *lanes*: instances of it, of which each takes every `n`-th sample. That is the
//! same arithmetic as to multiply all dilations, delays and steps of recurrent states by `n`, whatever the layers are, and it is
//! bit-exact by construction.
//!
//! * *Delay*: what is before the network delays by whole frames of the network, what is behind it by what then makes a whole number
//!   of host frames of the sum, the model's own latency included. Definition: with the filters around time 0 (linear phase), or
//!   low frequencies not delayed (minimum phase), `stream[n + d] = offline[n]`. The network begins with the filter's first sample,
//!   as far before the signal's as the filter reaches ahead.
//! * *Cuts*: places between samples are counted in whole numbers from reset. Host frame `n` makes the network's frames of the time
//!   after host frame `n − 1` up to `n`, however the host cuts. A knob set before host frame `n` moves with the first of those.
//! * *Why not `rubato`*: its resamplers take or give chunks of a fixed size and so add a chunk of delay at other block sizes; its
//!   delay is given as a rounded number of frames; minimum phase is not among its filters.
//!
//! Figures: `docs/RATES.md`.

mod adapter;
mod converter;
mod delays;
#[cfg(test)]
mod figures;
mod lanes;
mod prototype;

pub use prototype::{Band, Phase};

pub(crate) use adapter::Adapter;

use delays::Delays;
use prototype::Prototype;
use std::fmt;
use tonegraft_core::{HostFrames, LatencyParts, SampleRate};

/// Audio up to this frequency, in Hz, passes unchanged where both rates hold it.
pub const PASS: f64 = 20_000.0;

/// The same as part of half the lower rate, for rates that do not hold it.
const PASS_SHARE: f64 = 20.0 / 22.05;

/// Host rates up to this multiple of a model's run with [`RateMode::HostRate`].
const MAX_MULTIPLE: u32 = 16;

/// How a model plays at a host's rate that is not its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum RateMode {
    /// Converted, all frequencies equally late: flat to 20 kHz, images and aliases below −100 dB everywhere.
    #[default]
    LinearPhase,
    /// Converted with less than 0.5 ms: flat to 20 kHz, images and aliases below −100 dB where they would be heard, up to 20 kHz.
    MinimumPhase,
    /// The network runs at the host's rate, if that is a multiple of its own, with all its times multiplied: nothing is added, and
    /// above half its own rate its response repeats. Else as [`Self::LinearPhase`].
    HostRate,
}

impl RateMode {
    /// All, the default first.
    pub const ALL: [Self; 3] = [Self::LinearPhase, Self::MinimumPhase, Self::HostRate];

    /// Short name, lower case: for files and command lines.
    pub const fn name(self) -> &'static str {
        match self {
            Self::LinearPhase => "linear-phase",
            Self::MinimumPhase => "minimum-phase",
            Self::HostRate => "host-rate",
        }
    }

    /// By its short name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.name() == name)
    }
}

impl fmt::Display for RateMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// At how many times its rate a model runs, against its own aliasing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Oversampling {
    /// Once.
    #[default]
    Off,
    /// Twice.
    X2,
    /// Four times.
    X4,
}

impl Oversampling {
    /// All, the default first.
    pub const ALL: [Self; 3] = [Self::Off, Self::X2, Self::X4];

    /// 1, 2 or 4.
    pub const fn factor(self) -> u32 {
        match self {
            Self::Off => 1,
            Self::X2 => 2,
            Self::X4 => 4,
        }
    }

    /// Short name, lower case: for files and command lines.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::X2 => "2x",
            Self::X4 => "4x",
        }
    }

    /// By its short name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|times| times.name() == name)
    }
}

impl fmt::Display for Oversampling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What lies between a host and a model, for one choice. [`Display`](fmt::Display) is a sentence for the user.
#[derive(Clone, Debug, PartialEq)]
pub struct Conversion {
    /// The host's rate.
    pub host: SampleRate,
    /// The model's rate; `None` if it does not say it, and then plays at the host's.
    pub model: Option<SampleRate>,
    /// How it is converted; differs from what was asked for if that is not possible, see [`Self::note`].
    pub mode: RateMode,
    /// At how many times its rate it runs.
    pub oversampling: Oversampling,
    /// The rate at which the network runs, in Hz.
    pub network_hz: u64,
    /// Instances of the network per channel, each at the model's rate.
    pub lanes: usize,
    /// The filters on both sides, if there are any.
    pub filter: Option<(Band, Phase)>,
    /// All that the processor delays, the model's own latency included, in host frames.
    pub latency: LatencyParts,
    /// How much later than that the end of the pass band comes, in seconds.
    pub spread: f64,
    /// Why something else is played than was asked for.
    pub note: Option<String>,
}

/// A conversion, and what is needed to make it.
pub(crate) struct Route {
    conversion: Conversion,
    /// The filter and the delays around the network.
    filter: Option<(Prototype, Delays)>,
}

impl Route {
    /// `latency`: that of the model, in frames at its own rate.
    pub fn new(
        host: SampleRate,
        model: Option<SampleRate>,
        asked: RateMode,
        oversampling: Oversampling,
        latency: LatencyParts,
    ) -> Self {
        let own = model.unwrap_or(host);
        let multiple = host.get() / own.get();
        let (mode, note) = match asked {
            RateMode::HostRate if !host.get().is_multiple_of(own.get()) || multiple > MAX_MULTIPLE => (
                RateMode::LinearPhase,
                Some(format!(
                    "{} is no multiple of the model's {} (1 to {MAX_MULTIPLE} times): linear-phase is played instead of host-rate",
                    kilohertz(host.get().into()),
                    kilohertz(own.get().into()),
                )),
            ),
            mode => (mode, None),
        };
        // The rate that the network would run at without oversampling.
        let (base, multiple) = match mode {
            RateMode::HostRate => (host, multiple),
            _ => (own, 1),
        };
        let factor = oversampling.factor();
        let lanes = multiple as usize * factor as usize;
        let mut conversion = Conversion {
            host,
            model,
            mode,
            oversampling,
            network_hz: u64::from(base.get()) * u64::from(factor),
            lanes,
            filter: None,
            latency: LatencyParts::ZERO,
            spread: 0.0,
            note,
        };
        let (look_ahead, hop) = (latency.look_ahead, latency.hop);
        if base == host && factor == 1 {
            let scaled = |frames: HostFrames| HostFrames::new(frames.get().saturating_mul(multiple));
            conversion.latency = LatencyParts {
                look_ahead: scaled(look_ahead),
                hop: scaled(hop),
                ..latency
            };
            return Self {
                conversion,
                filter: None,
            };
        }
        let half = f64::from(host.get().min(base.get())) / 2.0;
        let pass = PASS.min(half * PASS_SHARE);
        let (phase, stop) = match mode {
            RateMode::LinearPhase => (Phase::Linear, half),
            // What comes through between is above the pass band also when it is mirrored.
            RateMode::MinimumPhase | RateMode::HostRate => (Phase::Minimum, 2.0 * half - pass),
        };
        let band = Band { pass, stop };
        let prototype = Prototype::new(band, phase);
        let delays = |factor: u32| Delays::new(&prototype, host, base, factor, multiple * factor, (look_ahead, hop));
        let with = delays(factor);
        let (resampler, oversampling) = if base == host {
            (0, with.added())
        } else {
            let without = delays(1).added().min(with.added());
            (without, with.added() - without)
        };
        conversion.filter = Some((band, phase));
        conversion.spread = prototype.spread(pass);
        conversion.latency = LatencyParts {
            look_ahead: with.look_ahead,
            hop: with.hop,
            resampler: HostFrames::new(resampler),
            oversampling: HostFrames::new(oversampling),
            ..latency
        };
        Self {
            conversion,
            filter: Some((prototype, with)),
        }
    }

    pub fn conversion(&self) -> &Conversion {
        &self.conversion
    }

    pub fn into_conversion(self) -> Conversion {
        self.conversion
    }

    /// True if the model plays as it is.
    pub fn is_direct(&self) -> bool {
        self.filter.is_none() && self.conversion.lanes == 1
    }
}

impl Conversion {
    /// Host frames that conversion and oversampling add.
    pub fn added(&self) -> HostFrames {
        self.latency.resampler.saturating_add(self.latency.oversampling)
    }
}

impl fmt::Display for Conversion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = kilohertz(self.host.get().into());
        match self.model {
            None => write!(f, "The model names no rate and plays at the host's {host}")?,
            Some(model) if model == self.host => write!(f, "The model plays at its own {host}")?,
            Some(model) => write!(f, "A model of {} at {host}", kilohertz(model.get().into()))?,
        }
        if self.lanes > 1 {
            write!(f, ", its network at {}", kilohertz(self.network_hz))?;
        }
        let Some((band, phase)) = self.filter else {
            f.write_str(": nothing added")?;
            if self.lanes > 1
                && let Some(model) = self.model
            {
                let half = f64::from(model.get()) / 2000.0;
                write!(f, "; above {half} kHz its response repeats, mirrored")?;
            }
            return f.write_str(".");
        };
        let added = self.added().get();
        write!(
            f,
            ", {}: {added} samples added ({:.2} ms); flat to {} kHz, images and aliases below −100 dB",
            match phase {
                Phase::Linear => "linear phase",
                Phase::Minimum => "minimum phase",
            },
            1000.0 * f64::from(added) / self.host.hz(),
            (band.pass / 10.0).round() / 100.0,
        )?;
        if phase == Phase::Minimum {
            write!(f, " up to there, {:.2} ms later there", 1000.0 * self.spread)?;
        }
        f.write_str(".")
    }
}

/// A rate as users read it: `44.1 kHz`.
fn kilohertz(hz: u64) -> String {
    let text = format!("{}.{:03}", hz / 1000, hz % 1000);
    format!("{} kHz", text.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conversion(host: u32, model: Option<u32>, mode: RateMode, oversampling: Oversampling) -> Conversion {
        let rate = |hz| SampleRate::new(hz).expect("a rate");
        Route::new(
            rate(host),
            model.map(rate),
            mode,
            oversampling,
            LatencyParts {
                look_ahead: HostFrames::new(3),
                ..LatencyParts::ZERO
            },
        )
        .into_conversion()
    }

    #[test]
    fn equal_and_unknown_rates_add_nothing() {
        for mode in RateMode::ALL {
            for model in [None, Some(48_000)] {
                let same = conversion(48_000, model, mode, Oversampling::Off);
                assert_eq!((same.added().get(), same.lanes, same.note.as_deref()), (0, 1, None));
                assert_eq!(same.latency.total().as_usize(), 3);
            }
        }
    }

    #[test]
    fn host_rate_is_for_multiples_and_says_so_elsewhere() {
        let twice = conversion(96_000, Some(48_000), RateMode::HostRate, Oversampling::Off);
        assert_eq!((twice.lanes, twice.added().get(), twice.network_hz), (2, 0, 96_000));
        assert_eq!(twice.latency.total().as_usize(), 6);
        assert!(twice.to_string().contains("above 24 kHz"), "{twice}");
        for (host, model) in [(44_100, 48_000), (48_000, 96_000), (96_000, 44_100)] {
            let other = conversion(host, Some(model), RateMode::HostRate, Oversampling::Off);
            assert_eq!(other.mode, RateMode::LinearPhase);
            assert!(other.note.expect("said").contains("linear-phase"));
        }
    }

    #[test]
    fn minimum_phase_stays_below_half_a_millisecond() {
        for host in [44_100, 48_000, 88_200, 96_000, 176_400, 192_000] {
            for model in [44_100, 48_000, 96_000] {
                for oversampling in Oversampling::ALL {
                    let quick = conversion(host, Some(model), RateMode::MinimumPhase, oversampling);
                    let added = f64::from(quick.added().get()) / f64::from(host);
                    assert!(added + quick.spread <= 5e-4, "{quick}: {} s", added + quick.spread);
                }
            }
        }
    }

    #[test]
    fn the_sentence_has_the_figures() {
        let slow = conversion(44_100, Some(48_000), RateMode::LinearPhase, Oversampling::X2);
        let text = slow.to_string();
        for part in [
            "48 kHz",
            "44.1 kHz",
            "96 kHz",
            "linear phase",
            "flat to 20 kHz",
            "samples added",
        ] {
            assert!(text.contains(part), "{part} is not in: {text}");
        }
    }
}
