//! How late what is before and what is behind the network come, so that both together are whole host frames.

use super::prototype::Prototype;
use crate::stream::gcd;
use tonegraft_core::{HostFrames, SampleRate};

/// Delays of one pair of filters around a network.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Delays {
    /// The two rates without their common divisor.
    pub host: u64,
    pub network: u64,
    /// Frames per second.
    pub host_hz: f64,
    pub network_hz: f64,
    /// Frames of the network by which the filter before it delays.
    pub before: u64,
    /// Frames of the network, not whole, by which the filter behind it delays; without the delay of a minimum phase.
    pub behind: f64,
    /// All together, in host frames.
    pub total: u32,
    /// Of these, the model's own, rounded up.
    pub look_ahead: HostFrames,
    pub hop: HostFrames,
}

/// Rates and delays are far below 2^53: exact.
#[allow(clippy::cast_precision_loss)]
fn float(number: u64) -> f64 {
    number as f64
}

/// Saturates.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn up(number: f64) -> u64 {
    // Rounding must not make one more of a whole number.
    (number - 1e-9).ceil() as u64
}

impl Delays {
    /// The network runs at `factor · base`, as `lanes` instances; `latency`: look-ahead and hop of one, in its own frames.
    pub fn new(
        prototype: &Prototype,
        host: SampleRate,
        base: SampleRate,
        factor: u32,
        lanes: u32,
        latency: (HostFrames, HostFrames),
    ) -> Self {
        let network_rate = u64::from(base.get()) * u64::from(factor);
        // Rates in Hz: far below the type's range.
        let divisor = gcd(i64::from(host.get()), network_rate.cast_signed())
            .max(1)
            .cast_unsigned();
        let (host, network) = (u64::from(host.get()) / divisor, network_rate / divisor);
        let (host_hz, network_hz) = (float(host * divisor), float(network * divisor));

        let inside = |frames: HostFrames| u64::from(frames.get()) * u64::from(lanes);
        let outside = |frames: HostFrames| {
            let frames = (inside(frames).saturating_mul(host)).div_ceil(network);
            HostFrames::new(u32::try_from(frames).unwrap_or(u32::MAX))
        };
        let (look_ahead, hop) = (outside(latency.0), outside(latency.1));

        let ahead = -prototype.begin() * network_hz;
        let before = up(ahead);
        let fixed = before + inside(latency.0) + inside(latency.1);
        let phase = 2.0 * prototype.delay() * network_hz;
        let total = up((float(fixed) + phase + ahead) * float(host) / float(network))
            .max(u64::from(look_ahead.saturating_add(hop).get()));
        let total = u32::try_from(total).unwrap_or(u32::MAX);
        // A difference of whole numbers, so that nothing is lost however late all is.
        #[allow(clippy::cast_precision_loss)]
        let apart = (i128::from(total) * i128::from(network) - i128::from(fixed) * i128::from(host)) as f64;
        Self {
            host,
            network,
            host_hz,
            network_hz,
            before,
            behind: apart / float(host) - phase,
            total,
            look_ahead,
            hop,
        }
    }

    /// Host frames beside the model's own.
    pub fn added(&self) -> u32 {
        self.total - self.look_ahead.saturating_add(self.hop).get().min(self.total)
    }
}

#[cfg(test)]
mod tests {
    use super::super::prototype::{Band, Phase};
    use super::*;

    #[test]
    fn the_sum_is_whole_and_both_filters_are_causal() {
        let rate = |hz| SampleRate::new(hz).expect("a rate");
        let band = Band {
            pass: 20e3,
            stop: 22.05e3,
        };
        for phase in [Phase::Linear, Phase::Minimum] {
            let prototype = Prototype::new(band, phase);
            for (host, base) in [(44_100, 48_000), (192_000, 44_100), (44_100, 44_100), (48_000, 47_951)] {
                for factor in [1, 2, 4] {
                    for look in [0, 1, 20, 1000] {
                        let latency = (HostFrames::new(look), HostFrames::new(512));
                        let delays = Delays::new(&prototype, rate(host), rate(base), factor, factor, latency);
                        let ahead = -prototype.begin() * delays.network_hz;
                        assert!(float(delays.before) >= ahead - 1e-6 && delays.behind >= ahead - 1e-6);
                        assert!(
                            delays.behind < ahead + delays.network_hz / delays.host_hz + 1e-6,
                            "no later than needed"
                        );
                        let seconds = (float(delays.before) + delays.behind) / delays.network_hz
                            + 2.0 * prototype.delay()
                            + f64::from(look + 512) / f64::from(base);
                        assert!((seconds * delays.host_hz - f64::from(delays.total)).abs() < 1e-6);
                    }
                }
            }
        }
    }
}
