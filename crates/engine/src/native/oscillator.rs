//! The phase of an oscillator, kept in an instance's state.
//!
//! A turn has 2³² parts, and each frame adds a whole number of them. At a rate that stands still the phase is therefore a
//! function of the frame alone, however far the transport is.

use crate::plan::OSCILLATOR_STATE;

/// Frames in which a phase that has to jump gets to where it should be.
const GLIDE: u32 = 1_024;

/// Parts of a turn.
const TURN: f64 = 4_294_967_296.0;

/// The transport's next frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seek {
    pub frame: i64,
    /// Something was heard before it: the phase must not jump.
    pub glides: bool,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Oscillator {
    phase: u32,
    /// Parts of a turn per frame.
    step: u32,
    /// What is still to be added, in `left` frames.
    behind: i32,
    left: u32,
}

/// The halves of a number as floats: a state is made of floats, and 16 bits are exact in one.
fn split(number: u32) -> [f32; 2] {
    #[allow(clippy::cast_precision_loss)]
    [(number >> 16) as f32, (number & 0xffff) as f32]
}

fn join([upper, lower]: [f32; 2]) -> u32 {
    // Casts of floats saturate.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    {
        ((upper as u32) << 16) | (lower as u32 & 0xffff)
    }
}

impl Oscillator {
    /// Of `rate` turns in `second` frames.
    pub fn load(state: &[f32], rate: f32, second: f32) -> Option<Self> {
        let [a, b, c, d, left]: [f32; OSCILLATOR_STATE] = state.try_into().ok()?;
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        Some(Self {
            phase: join([a, b]),
            step: ((f64::from(rate) / f64::from(second)).rem_euclid(1.0) * TURN) as u64 as u32,
            behind: join([c, d]).cast_signed(),
            left: left as u32,
        })
    }

    pub fn store(self, state: &mut [f32]) {
        let [a, b] = split(self.phase);
        let [c, d] = split(self.behind.cast_unsigned());
        #[allow(clippy::cast_precision_loss)]
        let all: [f32; OSCILLATOR_STATE] = [a, b, c, d, self.left as f32];
        for (to, from) in state.iter_mut().zip(all) {
            *to = from;
        }
    }

    /// In turns, 0 … 1.
    pub fn turns(self) -> f64 {
        f64::from(self.phase) / TURN
    }

    pub fn seek(&mut self, seek: Seek) {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let there = self.step.wrapping_mul(seek.frame as u32);
        if seek.glides {
            self.behind = there.wrapping_sub(self.phase).cast_signed();
            self.left = GLIDE;
        } else {
            (self.phase, self.behind, self.left) = (there, 0, 0);
        }
    }

    /// One frame on.
    pub fn advance(&mut self) {
        self.phase = self.phase.wrapping_add(self.step);
        if self.left > 0 {
            // What is left over by the division goes with the last frames: the sum is exact.
            let part = self.behind / i32::try_from(self.left).unwrap_or(i32::MAX);
            self.phase = self.phase.wrapping_add_signed(part);
            self.behind -= part;
            self.left -= 1;
        }
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_macros)]
mod tests {
    use super::*;

    fn run(oscillator: &mut Oscillator, frames: usize) -> Vec<u32> {
        (0..frames)
            .map(|_| {
                let mut state = [0.0; OSCILLATOR_STATE];
                oscillator.store(&mut state);
                *oscillator = Oscillator::load(&state, 1.7, 48_000.0).expect("its own state");
                let phase = oscillator.phase;
                oscillator.advance();
                phase
            })
            .collect()
    }

    #[test]
    fn the_phase_is_a_function_of_the_frame() {
        let mut whole = Oscillator::load(&[0.0; OSCILLATOR_STATE], 1.7, 48_000.0).expect("a state");
        let all = run(&mut whole, 5_000);
        for frame in [0_i64, 1, 17, 4_321] {
            let mut at = Oscillator::load(&[0.0; OSCILLATOR_STATE], 1.7, 48_000.0).expect("a state");
            at.seek(Seek { frame, glides: false });
            let at = run(&mut at, 100);
            assert!(all[usize::try_from(frame).expect("small")..].starts_with(&at));
        }
        let mut before = Oscillator::load(&[0.0; OSCILLATOR_STATE], 1.7, 48_000.0).expect("a state");
        before.seek(Seek {
            frame: -50,
            glides: false,
        });
        assert!(all.starts_with(&run(&mut before, 100)[50..]), "also before frame 0");
    }

    #[test]
    fn a_jump_while_playing_takes_the_short_way_without_a_step() {
        let mut oscillator = Oscillator::load(&[0.0; OSCILLATOR_STATE], 1.7, 48_000.0).expect("a state");
        run(&mut oscillator, 100);
        for frame in [20_000_i64, 3, i64::from(u32::MAX) * 5, -7] {
            oscillator.seek(Seek { frame, glides: true });
            let gliding = run(&mut oscillator, 1_024);
            let step = f64::from(oscillator.step);
            for pair in gliding.windows(2) {
                let moved = f64::from(pair[1].wrapping_sub(pair[0]).cast_signed());
                assert!((moved - step).abs() <= TURN / 2.0 / f64::from(GLIDE) + 1.0, "{moved}");
            }
            let mut there = oscillator;
            there.seek(Seek {
                frame: frame + 1_024,
                glides: false,
            });
            assert_eq!(run(&mut oscillator, 50), run(&mut there, 50));
        }
    }
}
