//! Where the host's transport is, and when it jumped.

/// Hosts that give the position in seconds round it; a frame more or less is no jump.
const ROUNDING: u64 = 1;

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Transport {
    /// Where the next frame is if the transport runs on; `None` while it stands.
    next: Option<i64>,
    jumped: bool,
}

impl Transport {
    /// The next frame is `frame` of the transport; `None`: it stands still.
    pub(crate) fn report(&mut self, frame: Option<i64>) {
        match (frame, self.next) {
            (Some(frame), Some(next)) if frame.abs_diff(next) <= ROUNDING => {}
            (Some(_), _) => (self.next, self.jumped) = (frame, true),
            (None, _) => *self = Self::default(),
        }
    }

    /// True if the jump was not taken yet.
    pub(crate) const fn has_jumped(&self) -> bool {
        self.jumped
    }

    /// Where the next frame is, once after each jump.
    pub(crate) fn take_jump(&mut self) -> Option<i64> {
        std::mem::take(&mut self.jumped).then_some(self.next).flatten()
    }

    pub(crate) fn advance(&mut self, frames: usize) {
        self.next = self.next.map(|next| next.saturating_add_unsigned(frames as u64));
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_macros)]
mod tests {
    use super::*;

    #[test]
    fn only_jumps_are_told() {
        let mut transport = Transport::default();
        transport.report(None);
        assert_eq!(transport.take_jump(), None);
        transport.report(Some(1_000));
        assert!(transport.has_jumped());
        transport.advance(10);
        assert_eq!(transport.take_jump(), Some(1_010), "where it is when it is asked");
        transport.advance(54);
        transport.report(Some(1_065));
        assert_eq!(transport.take_jump(), None, "rounded");
        transport.report(Some(0));
        assert_eq!(transport.take_jump(), Some(0), "a loop");
        transport.report(None);
        transport.report(Some(1));
        assert_eq!(transport.take_jump(), Some(1), "started again");
        transport.report(Some(i64::MAX));
        transport.advance(10);
        assert_eq!(transport.take_jump(), Some(i64::MAX));
    }
}
