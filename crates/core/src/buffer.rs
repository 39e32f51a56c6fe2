//! Planar audio, `[channels, frames]`, allocated once.

/// Planar audio with a fixed number of channels and a fixed capacity; the audio thread only writes into it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AudioBuffer {
    channels: Vec<Vec<f32>>,
}

impl AudioBuffer {
    /// `channels` × `frames` zeros.
    pub fn new(channels: usize, frames: usize) -> Self {
        Self {
            channels: vec![vec![0.0; frames]; channels],
        }
    }

    /// From channels that all have one length; shorter ones are padded with zeros.
    pub fn from_channels(mut channels: Vec<Vec<f32>>) -> Self {
        let frames = channels.iter().map(Vec::len).max().unwrap_or(0);
        for channel in &mut channels {
            channel.resize(frames, 0.0);
        }
        Self { channels }
    }

    /// Number of channels.
    pub fn channels(&self) -> usize {
        self.channels.len()
    }

    /// Frames in each channel.
    pub fn frames(&self) -> usize {
        self.channels.first().map_or(0, Vec::len)
    }

    /// Channel `index`, or an empty slice if there is none.
    ///
    /// # Realtime Safety
    /// Safe.
    pub fn channel(&self, index: usize) -> &[f32] {
        self.channels.get(index).map_or(&[], Vec::as_slice)
    }

    /// Channel `index`, or an empty slice if there is none.
    ///
    /// # Realtime Safety
    /// Safe.
    pub fn channel_mut(&mut self, index: usize) -> &mut [f32] {
        self.channels.get_mut(index).map_or(&mut [], Vec::as_mut_slice)
    }

    /// All channels.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[f32]> {
        self.channels.iter().map(Vec::as_slice)
    }

    /// All channels.
    pub fn iter_mut(&mut self) -> impl ExactSizeIterator<Item = &mut [f32]> {
        self.channels.iter_mut().map(Vec::as_mut_slice)
    }

    /// Sets every sample to 0.
    ///
    /// # Realtime Safety
    /// Safe.
    pub fn clear(&mut self) {
        for channel in &mut self.channels {
            channel.fill(0.0);
        }
    }

    /// Gives the channels away.
    pub fn into_channels(self) -> Vec<Vec<f32>> {
        self.channels
    }
}

/// The most channels that a chain, a slot or a processor handles.
pub const MAX_CHANNELS: usize = 8;

/// Borrows sub-ranges of planar channels on the stack, so that a block can be cut without allocating.
///
/// # Realtime Safety
/// Safe. Channels that are too short give an empty slice; channels beyond [`MAX_CHANNELS`] are left out.
pub fn cut<'a>(channels: &[&'a [f32]], start: usize, frames: usize, into: &mut [&'a [f32]; MAX_CHANNELS]) -> usize {
    let count = channels.len().min(MAX_CHANNELS);
    for (slot, channel) in into.iter_mut().zip(channels) {
        *slot = channel.get(start..start.saturating_add(frames)).unwrap_or(&[]);
    }
    count
}

/// As [`cut`], for outputs: calls `body` with the sub-range `start .. start + frames` of every channel.
///
/// # Realtime Safety
/// Safe if `body` is. Channels that are too short give an empty slice; channels beyond [`MAX_CHANNELS`] are left out.
pub fn with_cut_mut<R>(
    channels: &mut [&mut [f32]],
    start: usize,
    frames: usize,
    body: impl FnOnce(&mut [&mut [f32]]) -> R,
) -> R {
    let mut cut: [&mut [f32]; MAX_CHANNELS] = std::array::from_fn(|_| -> &mut [f32] { &mut [] });
    let count = channels.len().min(MAX_CHANNELS);
    for (slot, channel) in cut.iter_mut().zip(channels.iter_mut()) {
        *slot = channel.get_mut(start..start.saturating_add(frames)).unwrap_or(&mut []);
    }
    body(cut.get_mut(..count).unwrap_or(&mut []))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_are_the_asked_ranges_and_never_panic() {
        let buffer = AudioBuffer::from_channels(vec![vec![0.0, 1.0, 2.0, 3.0], vec![4.0, 5.0]]);
        assert_eq!(buffer.channel(1), [4.0, 5.0, 0.0, 0.0]);
        assert!(buffer.channel(9).is_empty());
        let channels: Vec<&[f32]> = buffer.iter().collect();
        let mut into: [&[f32]; MAX_CHANNELS] = [&[]; MAX_CHANNELS];
        assert_eq!(cut(&channels, 1, 2, &mut into), 2);
        assert_eq!(into[0], [1.0, 2.0]);
        assert_eq!(cut(&channels, 3, 2, &mut into), 2);
        assert!(into[0].is_empty());

        let mut owned = buffer;
        let mut channels: Vec<&mut [f32]> = owned.iter_mut().collect();
        with_cut_mut(&mut channels, 2, 2, |part| part[0].fill(9.0));
        assert_eq!(owned.channel(0), [0.0, 1.0, 9.0, 9.0]);
    }
}
