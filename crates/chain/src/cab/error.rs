//! Why an impulse response cannot be played.

use super::ir::{MAX_SECONDS, PEAK_LIMIT};
use super::read::{MAX_FILE_SECONDS, MIN_RATE};
use std::path::{Path, PathBuf};
use thiserror::Error;
use tonegraft_core::SampleRate;

/// What is wrong, and with which file. Its text says what, where and what to do.
#[derive(Debug, Error)]
#[error("{}{kind}", self.place())]
pub struct IrError {
    file: Option<PathBuf>,
    // Its text is in this one's: no source.
    kind: IrErrorKind,
}

impl IrError {
    pub(crate) fn in_file(self, path: &Path) -> Self {
        Self {
            file: Some(path.to_owned()),
            kind: self.kind,
        }
    }

    /// What is wrong.
    pub const fn kind(&self) -> &IrErrorKind {
        &self.kind
    }

    /// The file, if it came from one.
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    fn place(&self) -> String {
        self.file
            .as_ref()
            .map_or_else(String::new, |file| format!("{}: ", file.display()))
    }
}

impl From<IrErrorKind> for IrError {
    fn from(kind: IrErrorKind) -> Self {
        Self { file: None, kind }
    }
}

/// What is wrong with an impulse response.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum IrErrorKind {
    /// The file is missing, a folder, or not readable.
    #[error("the impulse response cannot be read ({0}); check that the file is there and may be opened")]
    Io(std::io::Error),
    /// No format that is read.
    #[error("this is no WAV, AIFF or FLAC file that can be read ({reason}); export the impulse response as WAV")]
    NotAudio {
        /// What the reader says.
        reason: String,
    },
    /// The audio breaks off.
    #[error(
        "the audio breaks off at frame {frame} ({reason}); the file is cut short or damaged, copy or export it again"
    )]
    Damaged {
        /// Whole frames before it.
        frame: u64,
        /// What the reader says.
        reason: String,
    },
    /// No frames.
    #[error("the file has no audio (zero frames); choose another impulse response")]
    Empty,
    /// All samples are 0.
    #[error("the impulse response is silent (all samples are zero); choose another one")]
    Silent,
    /// More than two channels.
    #[error("{channels} channels; an impulse response has one or two, export it as mono or stereo")]
    Channels {
        /// As many.
        channels: usize,
    },
    /// No rate of audio.
    #[error(
        "a sample rate of {hz} Hz; {MIN_RATE} to {} Hz are possible, export the file at 48000 Hz",
        SampleRate::MAX
    )]
    Rate {
        /// The file's.
        hz: u32,
    },
    /// NaN or infinity.
    #[error("frame {frame} of channel {channel} is NaN or infinite; export the file again")]
    NotFinite {
        /// From 0.
        channel: usize,
        /// From 0.
        frame: usize,
    },
    /// No level of audio.
    #[error("frame {frame} of channel {channel} is {value}, beyond {PEAK_LIMIT} times full scale; normalise the file")]
    TooLoud {
        /// From 0.
        channel: usize,
        /// From 0.
        frame: usize,
        /// Full scale is 1.
        value: f32,
    },
    /// A recording rather than a response.
    #[error(
        "the impulse response is {seconds:.1} s long without its silent end; at most {MAX_SECONDS} s are played, shorten it"
    )]
    TooLong {
        /// Up to the last audible sample.
        seconds: f64,
    },
    /// Not even read to its end.
    #[error(
        "the file is longer than {MAX_FILE_SECONDS} s; an impulse response has at most {MAX_SECONDS} s, shorten it"
    )]
    FileTooLong,
}
