//! WAV, AIFF and FLAC files to samples, by `symphonia`: one reader for the three, pure and safe Rust, fuzzed upstream, with limits for what
//! a header may ask for.

use super::error::{IrError, IrErrorKind};
use super::ir::Recording;
use std::fs::File;
use std::io::{Cursor, ErrorKind};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use symphonia::core::codecs::audio::AudioDecoderOptions;
use symphonia::core::errors::Error;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, TrackType};
use symphonia::core::io::{MediaSource, MediaSourceStream};
use symphonia::core::meta::MetadataOptions;
use tonegraft_core::SampleRate;

/// Longer files are not read to their end, in seconds.
pub const MAX_FILE_SECONDS: u32 = 60;

/// The lowest rate of a file, in Hz.
pub const MIN_RATE: u32 = 1_000;

/// The most frames that are kept, whatever the rate.
const MAX_FRAMES: usize = 12_000_000;

/// What symphonia says, as a text.
fn reason(error: &Error) -> String {
    match error {
        Error::IoError(error) if error.kind() == ErrorKind::UnexpectedEof => "it ends early".to_owned(),
        other => other.to_string(),
    }
}

fn not_audio(error: &Error) -> IrError {
    IrErrorKind::NotAudio { reason: reason(error) }.into()
}

pub(crate) fn open(path: &Path) -> Result<Recording, IrError> {
    let file = File::open(path).map_err(IrErrorKind::Io)?;
    // On some systems a folder opens like a file.
    if file.metadata().map_err(IrErrorKind::Io)?.is_dir() {
        let error = std::io::Error::new(ErrorKind::IsADirectory, "it is a folder");
        return Err(IrErrorKind::Io(error).into());
    }
    read(Box::new(file))
}

pub(crate) fn bytes(bytes: Vec<u8>) -> Result<Recording, IrError> {
    read(Box::new(Cursor::new(bytes)))
}

/// A reader that panics over a header (it multiplies what it reads there, where overflow is checked) has met a bad file: its thread, and
/// what plays, must not end by that.
fn read(source: Box<dyn MediaSource>) -> Result<Recording, IrError> {
    catch_unwind(AssertUnwindSafe(|| decode(source))).unwrap_or_else(|_| {
        let reason = "its header makes no sense".to_owned();
        Err(IrErrorKind::NotAudio { reason }.into())
    })
}

fn decode(source: Box<dyn MediaSource>) -> Result<Recording, IrError> {
    let stream = MediaSourceStream::new(source, Default::default());
    let (format, metadata) = (FormatOptions::default(), MetadataOptions::default());
    // The content decides, not the file's name.
    let mut format = symphonia::default::get_probe()
        .probe(&Hint::new(), stream, format, metadata)
        .map_err(|error| not_audio(&error))?;
    let no_audio = || IrErrorKind::NotAudio {
        reason: "it has no audio track".to_owned(),
    };
    let track = format.default_track(TrackType::Audio).ok_or_else(no_audio)?;
    let (id, announced) = (track.id, track.num_frames);
    let parameters = track.codec_params.as_ref().and_then(|parameters| parameters.audio());
    let parameters = parameters.ok_or_else(no_audio)?;
    let hz = parameters.sample_rate.unwrap_or(0);
    let rate = SampleRate::new(hz).filter(|rate| rate.get() >= MIN_RATE);
    let rate = rate.ok_or(IrErrorKind::Rate { hz })?;
    if let Some(channels) = &parameters.channels
        && channels.count() > 2
    {
        let channels = channels.count();
        return Err(IrErrorKind::Channels { channels }.into());
    }
    let longest = rate.frames(f64::from(MAX_FILE_SECONDS)).min(MAX_FRAMES);
    if announced.is_some_and(|frames| frames > longest as u64) && !streamed(announced) {
        return Err(IrErrorKind::FileTooLong.into());
    }
    let mut decoder = symphonia::default::get_codecs()
        .make_audio_decoder(parameters, &AudioDecoderOptions::default())
        .map_err(|error| not_audio(&error))?;

    let mut channels: Vec<Vec<f32>> = Vec::new();
    let mut part: Vec<Vec<f32>> = Vec::new();
    let frames = |channels: &[Vec<f32>]| channels.first().map_or(0, Vec::len);
    let damaged = |channels: &[Vec<f32>], reason: String| IrErrorKind::Damaged {
        frame: frames(channels) as u64,
        reason,
    };
    loop {
        let packet = match format.next_packet() {
            Ok(Some(packet)) => packet,
            Ok(None) => break,
            // A header may announce more than there is; that is judged below.
            Err(Error::IoError(error)) if error.kind() == ErrorKind::UnexpectedEof => break,
            Err(error) => return Err(damaged(&channels, reason(&error)).into()),
        };
        if packet.track_id != id {
            continue;
        }
        let audio = decoder
            .decode(&packet)
            .map_err(|error| damaged(&channels, reason(&error)))?;
        if audio.spec().rate() != rate.get() {
            return Err(damaged(&channels, "the sample rate changes".to_owned()).into());
        }
        audio.copy_to_vecs_planar(&mut part);
        match part.len() {
            count @ 1..=2 => channels.resize(count.max(channels.len()), Vec::new()),
            channels => return Err(IrErrorKind::Channels { channels }.into()),
        }
        if channels.len() != part.len() {
            return Err(damaged(&channels, "the number of channels changes".to_owned()).into());
        }
        for (channel, part) in channels.iter_mut().zip(&part) {
            channel.extend_from_slice(part);
        }
        if frames(&channels) > longest {
            return Err(IrErrorKind::FileTooLong.into());
        }
    }
    let read = frames(&channels);
    if let Some(announced) = announced.filter(|_| !streamed(announced))
        && (read as u64) < announced
    {
        let reason = format!("{announced} frames were announced");
        return Err(damaged(&channels, reason).into());
    }
    if read == 0 {
        return Err(IrErrorKind::Empty.into());
    }
    Ok(Recording { channels, rate })
}

/// True for lengths that a program leaves in a header which it could not go back to: they announce nothing.
fn streamed(announced: Option<u64>) -> bool {
    announced.is_none_or(|frames| frames == 0)
}
