//! Where the host's transport is, from the entry to the chain.
//!
//! The framework cuts a block where parameters move and tells each part a position of which it cannot say how exact it is; here it is
//! told once for the whole block, in frames.

use clap_sys::events::{CLAP_TRANSPORT_HAS_SECONDS_TIMELINE, CLAP_TRANSPORT_IS_PLAYING, clap_event_transport};
use clap_sys::fixedpoint::CLAP_SECTIME_FACTOR;
use std::sync::atomic::{AtomicI64, AtomicU8, Ordering};

const NOTHING: u8 = 0;
const STANDS: u8 = 1;
const RUNS: u8 = 2;

/// The first frame of a block, put here and taken on the audio thread.
#[derive(Debug, Default)]
pub struct TransportReport {
    kind: AtomicU8,
    frame: AtomicI64,
}

impl TransportReport {
    /// Says where the block begins; `None`: the transport stands, or the host does not say.
    ///
    /// # Realtime Safety
    /// Safe.
    pub fn put(&self, position: Option<i64>) {
        self.frame.store(position.unwrap_or(0), Ordering::Relaxed);
        let kind = if position.is_some() { RUNS } else { STANDS };
        self.kind.store(kind, Ordering::Relaxed);
    }

    /// What was said, once.
    ///
    /// # Realtime Safety
    /// Safe.
    pub fn take(&self) -> Option<Option<i64>> {
        match self.kind.swap(NOTHING, Ordering::Relaxed) {
            NOTHING => None,
            RUNS => Some(Some(self.frame.load(Ordering::Relaxed))),
            _ => Some(None),
        }
    }
}

/// The transport's position in frames, if it runs and the host knows it.
///
/// # Realtime Safety
/// Safe.
pub(crate) fn position(transport: Option<&clap_event_transport>, rate: f64) -> Option<i64> {
    const NEEDED: u32 = CLAP_TRANSPORT_IS_PLAYING | CLAP_TRANSPORT_HAS_SECONDS_TIMELINE;
    let transport = transport.filter(|transport| transport.flags & NEEDED == NEEDED)?;
    // Fixed point of 31 bits: exact in f64 for a month; the cast saturates.
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
    Some((transport.song_pos_seconds as f64 / CLAP_SECTIME_FACTOR as f64 * rate).round() as i64)
}

#[cfg(test)]
#[allow(clippy::disallowed_macros)]
mod tests {
    use super::*;
    use clap_sys::events::{CLAP_CORE_EVENT_SPACE_ID, CLAP_EVENT_TRANSPORT, clap_event_header};

    #[test]
    fn a_position_is_told_once() {
        let report = TransportReport::default();
        assert_eq!(report.take(), None);
        report.put(Some(-5));
        assert_eq!((report.take(), report.take()), (Some(Some(-5)), None));
        report.put(None);
        assert_eq!(report.take(), Some(None));
    }

    #[test]
    fn frames_survive_the_way_through_seconds() {
        let mut transport = clap_event_transport {
            header: clap_event_header {
                size: 0,
                time: 0,
                space_id: CLAP_CORE_EVENT_SPACE_ID,
                type_: CLAP_EVENT_TRANSPORT,
                flags: 0,
            },
            flags: CLAP_TRANSPORT_IS_PLAYING | CLAP_TRANSPORT_HAS_SECONDS_TIMELINE,
            song_pos_beats: 0,
            song_pos_seconds: 0,
            tempo: 0.0,
            tempo_inc: 0.0,
            loop_start_beats: 0,
            loop_end_beats: 0,
            loop_start_seconds: 0,
            loop_end_seconds: 0,
            bar_start: 0,
            bar_number: 0,
            tsig_num: 0,
            tsig_denom: 0,
        };
        for rate in [44_100.0, 48_000.0, 96_000.0, 192_000.0] {
            for frame in [0_i64, 1, 479, 44_101, 7_000_003, 1_000_000_007] {
                #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
                {
                    transport.song_pos_seconds = (frame as f64 / rate * CLAP_SECTIME_FACTOR as f64).round() as i64;
                }
                assert_eq!(position(Some(&transport), rate), Some(frame));
            }
        }
        transport.flags = CLAP_TRANSPORT_HAS_SECONDS_TIMELINE;
        assert_eq!(position(Some(&transport), 48_000.0), None, "it stands");
        assert_eq!(position(None, 48_000.0), None);
    }
}
