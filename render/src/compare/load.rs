//! Recordings as wholes, checked for what no figure could be taken of.

use crate::progress::Progress;
use crate::render::{Setup, play};
use crate::wav::Reader;
use anyhow::{Result, bail, ensure};
use std::path::{Path, PathBuf};
use tonegraft_core::SampleRate;

/// Samples of all channels that are compared at most: 20 minutes of mono, 10 of stereo at 48 kHz.
const MOST_SAMPLES: u64 = 48_000 * 60 * 20;

/// A recording, or what a model made of one.
#[derive(Clone, Debug)]
pub struct Audio {
    /// As it is called in sentences.
    pub name: String,
    /// The file it was read from; of a rendering, that of its input.
    pub path: PathBuf,
    /// Its rate.
    pub rate: SampleRate,
    /// `[channels, frames]`, full scale 1, all finite, not all zero.
    pub channels: Vec<Vec<f32>>,
    /// What a listener should know about it.
    pub warnings: Vec<String>,
}

impl Audio {
    /// Frames of each channel.
    pub fn frames(&self) -> usize {
        self.channels.first().map_or(0, Vec::len)
    }

    /// Refuses what is no number, and silence.
    fn checked(self) -> Result<Self> {
        let name = &self.name;
        for (index, channel) in self.channels.iter().enumerate() {
            if let Some(frame) = channel.iter().position(|sample| !sample.is_finite()) {
                bail!(
                    "{name}: channel {} is not a number at frame {frame}; export the file anew",
                    index + 1
                );
            }
        }
        ensure!(
            self.channels.iter().flatten().any(|sample| *sample != 0.0),
            "{name}: this is silent from beginning to end, so there is nothing to compare"
        );
        Ok(self)
    }
}

fn open(path: &Path) -> Result<Reader> {
    let reader = Reader::open(path)?;
    let samples = reader.frames().saturating_mul(reader.channels() as u64);
    ensure!(
        samples <= MOST_SAMPLES,
        "{}: {samples} samples are more than is compared at once ({MOST_SAMPLES}: 20 minutes of mono at 48 kHz); cut the recording",
        path.display()
    );
    Ok(reader)
}

/// Reads a whole file.
///
/// # Errors
/// It cannot be read, is too long, silent, or holds what is no number.
pub fn read(path: &Path, progress: &Progress) -> Result<Audio> {
    let mut reader = open(path)?;
    let mut channels = vec![Vec::new(); reader.channels()];
    let mut block = channels.clone();
    loop {
        let read = reader.read(&mut block, 1 << 16)?;
        if read == 0 {
            break;
        }
        for (channel, block) in channels.iter_mut().zip(&block) {
            channel.extend_from_slice(block);
        }
        progress.advance(read as u64);
    }
    Audio {
        name: path.display().to_string(),
        path: path.to_owned(),
        rate: reader.rate(),
        channels,
        warnings: Vec::new(),
    }
    .checked()
}

/// Plays a file, to the samples of `tonegraft render`.
///
/// # Errors
/// The file cannot be read or is too long; the model does not fit; what it plays is silent.
pub(crate) fn rendered(setup: &Setup, path: &Path, progress: &Progress) -> Result<Audio> {
    let mut reader = open(path)?;
    let (rate, frames) = (reader.rate(), usize::try_from(reader.frames())?);
    let mut channels = vec![Vec::with_capacity(frames); reader.channels()];
    let played = play(setup, &mut reader, path, progress, |block, from| {
        for (channel, block) in channels.iter_mut().zip(block) {
            channel.extend_from_slice(block.get(from..).unwrap_or(&[]));
        }
        Ok(())
    })?;
    Audio {
        name: format!("{} played by {}", path.display(), setup.named.name),
        path: path.to_owned(),
        rate,
        channels,
        warnings: played.warnings,
    }
    .checked()
}
