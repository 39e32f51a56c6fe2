//! What the host passes at the side-chain, from the entry to the window.
//!
//! A host may have no side-chain, switch its port off, pass no buffer, pass silence because nothing is patched, or pass a signal. Silence
//! and "nothing is patched" look the same; all else is told apart.

use std::sync::atomic::{AtomicU32, Ordering};

/// Below this peak (−100 dB of full scale) there is no signal.
const SILENT: f32 = 1e-5;

/// One block's side-chain.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum SideChain {
    /// The layout has none, the port is switched off, or the host passes no buffer.
    NotPassed,
    /// It is there.
    Passed {
        /// Channels with a buffer.
        channels: u32,
        /// Largest magnitude, linear; NaN counts as nothing.
        peak: f32,
    },
}

/// What the window says of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SideChainSignal {
    /// The host passes no side-chain.
    #[default]
    NotPassed,
    /// It is passed, and silent.
    Silent,
    /// Something comes in.
    Present,
}

/// The last state, put on the audio thread and read by anybody.
#[derive(Debug, Default)]
pub struct SideChainReport {
    channels: AtomicU32,
    /// Frames since the last signal.
    silent_for: AtomicU32,
}

impl SideChainReport {
    /// Takes a block of `frames` frames.
    ///
    /// # Realtime Safety
    /// Safe.
    pub(crate) fn put(&self, block: SideChain, frames: u32) {
        let (channels, peak) = match block {
            SideChain::NotPassed => (0, 0.0),
            SideChain::Passed { channels, peak } => (channels, peak),
        };
        self.channels.store(channels, Ordering::Relaxed);
        let silent_for = if peak > SILENT {
            0
        } else {
            self.silent_for.load(Ordering::Relaxed).saturating_add(frames)
        };
        self.silent_for.store(silent_for, Ordering::Relaxed);
    }

    /// Channels that the host passes.
    pub fn channels(&self) -> u32 {
        self.channels.load(Ordering::Relaxed)
    }

    /// What comes in; a signal is held for half a second at `rate` Hz.
    pub fn signal(&self, rate: u32) -> SideChainSignal {
        match (self.channels(), self.silent_for.load(Ordering::Relaxed)) {
            (0, _) => SideChainSignal::NotPassed,
            (_, frames) if frames < rate / 2 => SideChainSignal::Present,
            _ => SideChainSignal::Silent,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absence_silence_and_signal_are_told_apart() {
        let report = SideChainReport::default();
        let passed = |peak| SideChain::Passed { channels: 2, peak };
        assert_eq!(report.signal(48_000), SideChainSignal::NotPassed);
        report.put(passed(0.1), 512);
        assert_eq!(
            (report.signal(48_000), report.channels()),
            (SideChainSignal::Present, 2)
        );
        report.put(passed(0.0), 20_000);
        assert_eq!(report.signal(48_000), SideChainSignal::Present, "held");
        report.put(passed(f32::NAN), 20_000);
        assert_eq!(report.signal(48_000), SideChainSignal::Silent);
        report.put(SideChain::NotPassed, 512);
        assert_eq!(report.signal(48_000), SideChainSignal::NotPassed);
    }
}
