//! The control grid: parameters move at multiples of [`CONTROL_INTERVAL`] frames counted from reset, never at host blocks.
//!
//! Whoever owns a processing chain keeps a [`ControlGrid`], cuts every host block at its boundaries and gives a new target
//! to its [`Ramp`]s only there. The samples then do not depend on how the host cuts the audio: a parameter event at absolute
//! frame `p` takes effect at the first boundary at or after `p`.

/// Distance of two points of the control grid, in frames.
pub const CONTROL_INTERVAL: usize = 32;

/// Position on the control grid. One per chain, on the audio thread.
#[derive(Clone, Copy, Debug, Default)]
pub struct ControlGrid {
    into_interval: usize,
    position: u64,
}

impl ControlGrid {
    /// At frame 0, which is a boundary.
    pub const fn new() -> Self {
        Self {
            into_interval: 0,
            position: 0,
        }
    }

    /// Back to frame 0.
    ///
    /// # Realtime Safety
    /// Safe.
    pub fn reset(&mut self) {
        *self = Self::new();
    }

    /// Frames since reset.
    pub const fn position(&self) -> u64 {
        self.position
    }

    /// True if the next frame is a point of the grid: new targets are taken now.
    pub const fn at_boundary(&self) -> bool {
        self.into_interval == 0
    }

    /// How many of `remaining` frames may be processed before the next boundary; 1 ..= [`CONTROL_INTERVAL`] unless `remaining` is 0.
    pub fn chunk(&self, remaining: usize) -> usize {
        remaining.min(CONTROL_INTERVAL - self.into_interval)
    }

    /// Moves on by `frames`, which must not exceed [`Self::chunk`]; more is taken modulo the interval.
    ///
    /// # Realtime Safety
    /// Safe.
    pub fn advance(&mut self, frames: usize) {
        self.into_interval = (self.into_interval + frames) % CONTROL_INTERVAL;
        self.position = self.position.wrapping_add(frames as u64);
    }
}

/// A parameter that glides linearly, over a fixed number of grid intervals, to the target given at the last boundary.
///
/// The value of frame `k` of a glide is computed from `k` alone and not by accumulation, so that any cut of the audio gives
/// the same bits.
#[derive(Clone, Copy, Debug)]
pub struct Ramp {
    start: f32,
    target: f32,
    frame: usize,
    length: usize,
}

impl Ramp {
    /// At rest at `value`; a glide takes `intervals` (at least 1) intervals of the control grid.
    pub fn new(value: f32, intervals: usize) -> Self {
        let length = intervals.max(1) * CONTROL_INTERVAL;
        Self {
            start: value,
            target: value,
            frame: length,
            length,
        }
    }

    /// At rest at `value`, without a glide.
    ///
    /// # Realtime Safety
    /// Safe.
    pub fn snap(&mut self, value: f32) {
        self.start = value;
        self.target = value;
        self.frame = self.length;
    }

    /// Starts to glide to `target` from where it is. Call at boundaries of the grid only. Non-finite targets are ignored.
    ///
    /// # Realtime Safety
    /// Safe.
    pub fn set_target(&mut self, target: f32) {
        if target.is_finite() && target != self.target {
            self.start = self.value_at(self.frame);
            self.target = target;
            self.frame = 0;
        }
    }

    /// Where it is heading.
    pub const fn target(&self) -> f32 {
        self.target
    }

    /// The value of the next frame.
    pub fn value(&self) -> f32 {
        self.value_at(self.frame)
    }

    /// True if the value no longer changes.
    pub const fn is_settled(&self) -> bool {
        self.frame >= self.length
    }

    /// The value of the next frame, then one frame on.
    ///
    /// # Realtime Safety
    /// Safe.
    pub fn next_value(&mut self) -> f32 {
        let value = self.value_at(self.frame);
        self.frame = (self.frame + 1).min(self.length);
        value
    }

    /// Multiplies `channel` by the values from the next frame on, without moving. At rest at exactly 1 the bits stay.
    ///
    /// # Realtime Safety
    /// Safe.
    pub fn amplify(mut self, channel: &mut [f32]) {
        if self.is_settled() {
            let gain = self.value();
            if gain != 1.0 {
                for sample in channel {
                    *sample *= gain;
                }
            }
        } else {
            for sample in channel {
                *sample *= self.next_value();
            }
        }
    }

    /// `frames` frames on.
    ///
    /// # Realtime Safety
    /// Safe.
    pub fn advance(&mut self, frames: usize) {
        self.frame = self.frame.saturating_add(frames).min(self.length);
    }

    fn value_at(&self, frame: usize) -> f32 {
        if frame >= self.length {
            return self.target;
        }
        // Both are small integers: exact in f32.
        #[allow(clippy::cast_precision_loss)]
        let position = frame as f32 / self.length as f32;
        self.start + (self.target - self.start) * position
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(cuts: &[usize], events: &[(u64, f32)], frames: usize) -> Vec<f32> {
        let mut grid = ControlGrid::new();
        let mut ramp = Ramp::new(0.0, 2);
        let mut out = Vec::new();
        let mut pending = 0.0;
        let mut cut = cuts.iter().cycle();
        while out.len() < frames {
            let mut block = (*cut.next().expect("cycle")).min(frames - out.len());
            while block > 0 {
                for (at, value) in events {
                    if *at <= grid.position() {
                        pending = *value;
                    }
                }
                if grid.at_boundary() {
                    ramp.set_target(pending);
                }
                let next_event = events.iter().map(|(at, _)| *at).find(|at| *at > grid.position());
                let limit = next_event.map_or(block, |at| {
                    block.min(usize::try_from(at - grid.position()).expect("small"))
                });
                let chunk = grid.chunk(limit);
                out.extend((0..chunk).map(|_| ramp.next_value()));
                grid.advance(chunk);
                block -= chunk;
            }
        }
        out
    }

    #[test]
    fn any_cut_gives_the_same_bits() {
        let events = [(5, 1.0), (70, -0.25), (71, 0.5), (300, 0.1)];
        let whole = run(&[1000], &events, 1000);
        for cuts in [&[1][..], &[7, 64, 3], &[32], &[33, 31, 480]] {
            assert_eq!(whole, run(cuts, &events, 1000));
        }
        assert!(
            whole.windows(2).all(|pair| (pair[1] - pair[0]).abs() < 0.03),
            "no steps"
        );
        assert_eq!(whole[31], 0.0, "an event at 5 waits for the boundary at 32");
        assert!(whole[33] > 0.0);
    }

    #[test]
    fn chunks_end_at_boundaries() {
        let mut grid = ControlGrid::new();
        grid.advance(10);
        assert_eq!(grid.chunk(100), 22);
        assert_eq!(grid.chunk(5), 5);
        grid.advance(22);
        assert!(grid.at_boundary());
        assert_eq!(grid.position(), 32);
    }
}
