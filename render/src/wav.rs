//! Audio files: WAV in (8, 16, 24, 32-bit integers and 32-bit float), 32-bit float WAV out.
//!
//! Both directions stream, so that the length of a file costs no memory. An output appears under its name only when it is
//! complete: it is written beside its place and moved there.

use crate::samples::{self, Encoding};
use anyhow::{Context, Result, bail, ensure};
use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Read, Write as _};
use std::path::{Path, PathBuf};
use tonegraft_core::SampleRate;

/// The most channels of a file.
pub const MAX_FILE_CHANNELS: usize = 16;

/// Bytes read or written at once.
const BUFFER: usize = 1 << 16;

/// A WAV file being read, front to back.
pub struct Reader {
    /// Stands at the next sample.
    file: BufReader<File>,
    encoding: Encoding,
    bytes: Vec<u8>,
    path: PathBuf,
    channels: usize,
    rate: SampleRate,
    frames: u64,
    left: u64,
}

impl Reader {
    /// Opens `path` and checks its header.
    ///
    /// # Errors
    /// Missing file, directory, not a WAV file, an encoding that is not read, more than [`MAX_FILE_CHANNELS`] channels, a rate out
    /// of range, no frames.
    pub fn open(path: &Path) -> Result<Self> {
        let shown = path.display();
        ensure!(
            !path.is_dir(),
            "{shown}: this is a folder; name an audio file (WAV), or list its files and give --out-dir"
        );
        let file = File::open(path).with_context(|| format!("{shown}: cannot be opened"))?;
        let mut file = BufReader::with_capacity(BUFFER, file);
        let frame = samples::frame_bytes(&mut file).map_err(|error| refusal(path, &hound::Error::IoError(error)))?;
        let wav = hound::WavReader::new(file).map_err(|error| refusal(path, &error))?;
        let spec = wav.spec();
        let channels = usize::from(spec.channels);
        ensure!(
            (1..=MAX_FILE_CHANNELS).contains(&channels),
            "{shown}: {channels} channels; at most {MAX_FILE_CHANNELS} are rendered, split the file"
        );
        // An extensible header may announce any number of valid bits.
        let encoding = Encoding::new(spec.sample_format, spec.bits_per_sample, frame / spec.channels.max(1))
            .ok_or_else(|| refusal(path, &hound::Error::Unsupported))?;
        let Some(rate) = SampleRate::new(spec.sample_rate) else {
            bail!(
                "{shown}: a sample rate of {} Hz; 1 to {} Hz are possible",
                spec.sample_rate,
                SampleRate::MAX
            );
        };
        let frames = u64::from(wav.duration());
        ensure!(
            frames > 0,
            "{shown}: the file has no audio (zero frames), so there is nothing to render"
        );
        Ok(Self {
            file: wav.into_inner(),
            encoding,
            bytes: Vec::new(),
            path: path.to_owned(),
            channels,
            rate,
            frames,
            left: frames,
        })
    }

    /// Channels, 1 ..= [`MAX_FILE_CHANNELS`].
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// The file's rate.
    pub fn rate(&self) -> SampleRate {
        self.rate
    }

    /// All frames of the file.
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// Reads up to `frames` frames into `into`, `[channels, frames]`, replacing what was there; fewer at the end of the file.
    ///
    /// # Errors
    /// The file ends before its header says so, or cannot be read.
    pub fn read(&mut self, into: &mut [Vec<f32>], frames: usize) -> Result<usize> {
        let take = self.left.min(frames as u64);
        let at = self.frames - self.left;
        // At most `frames`, which is a usize.
        #[allow(clippy::cast_possible_truncation)]
        self.bytes
            .resize(take as usize * self.channels * self.encoding.bytes(), 0);
        self.file.read_exact(&mut self.bytes).with_context(|| {
            format!(
                "{}: cannot be read on from frame {at}; the file is cut short or damaged",
                self.path.display()
            )
        })?;
        self.encoding.decode(&self.bytes, into);
        self.left -= take;
        // At most `frames`, which is a usize.
        #[allow(clippy::cast_possible_truncation)]
        Ok(take as usize)
    }
}

/// What hound says, as a sentence with the file's name.
fn refusal(path: &Path, error: &hound::Error) -> anyhow::Error {
    let shown = path.display();
    match error {
        hound::Error::FormatError(reason) => {
            anyhow::anyhow!("{shown}: not a WAV file that can be read ({reason})")
        }
        hound::Error::Unsupported => anyhow::anyhow!(
            "{shown}: this WAV encoding is not read; convert it to 16, 24 or 32-bit integers or 32-bit float"
        ),
        hound::Error::IoError(reason) if reason.kind() == std::io::ErrorKind::UnexpectedEof => {
            anyhow::anyhow!("{shown}: not a WAV file that can be read (it ends within its header)")
        }
        other => anyhow::anyhow!("{shown}: cannot be read ({other})"),
    }
}

/// A 32-bit float WAV file being written. Nothing is left behind unless [`Writer::finish`] succeeds.
pub struct Writer {
    file: BufWriter<File>,
    /// One block as bytes.
    bytes: Vec<u8>,
    unfinished: Unfinished,
    left: u64,
}

impl Writer {
    /// Starts a file of exactly `frames` frames that will appear at `path`.
    ///
    /// # Errors
    /// The folder is missing or cannot be written; more audio than a WAV file holds.
    pub fn create(path: &Path, channels: usize, rate: SampleRate, frames: u64) -> Result<Self> {
        let shown = path.display();
        // 32-bit sizes in the header, with room for the header itself.
        let bytes = frames.saturating_mul(channels as u64).saturating_mul(4);
        ensure!(
            bytes <= u64::from(u32::MAX) - 1024,
            "{shown}: {frames} frames of {channels} channels are more than a WAV file holds (4 GB); split the input"
        );
        let unfinished = Unfinished::new(path)?;
        let file = File::create_new(&unfinished.temporary).with_context(|| format!("{shown}: cannot be written"))?;
        let spec = hound::WavSpec {
            channels: u16::try_from(channels).context("too many channels")?,
            sample_rate: rate.get(),
            bits_per_sample: 32,
            sample_format: hound::SampleFormat::Float,
        };
        let header = header(spec, u32::try_from(bytes)?).with_context(|| format!("{shown}: cannot be written"))?;
        let mut file = BufWriter::with_capacity(BUFFER, file);
        (file.write_all(&header)).with_context(|| format!("{shown}: cannot be written"))?;
        Ok(Self {
            file,
            bytes: Vec::new(),
            unfinished,
            left: frames,
        })
    }

    /// Appends frames `start ..` of `channels`; whatever exceeds the announced length is left out.
    ///
    /// # Errors
    /// The disk is full or gone.
    pub fn write(&mut self, channels: &[Vec<f32>], start: usize) -> Result<()> {
        let frames = channels.first().map_or(0, Vec::len).saturating_sub(start) as u64;
        let take = frames.min(self.left);
        self.left -= take;
        // At most the length of a Vec.
        #[allow(clippy::cast_possible_truncation)]
        samples::encode(channels, start..start + take as usize, &mut self.bytes);
        (self.file.write_all(&self.bytes))
            .with_context(|| format!("{}: cannot be written", self.unfinished.path.display()))
    }

    /// Closes the file and moves it to its place.
    ///
    /// # Errors
    /// The disk is full or gone, or fewer frames were written than announced.
    pub fn finish(mut self) -> Result<()> {
        let path = self.unfinished.path.clone();
        ensure!(self.left == 0, "{}: {} frames are missing", path.display(), self.left);
        self.file
            .flush()
            .with_context(|| format!("{}: cannot be written", path.display()))?;
        self.unfinished.publish()
    }
}

/// What stands before `bytes` bytes of samples.
fn header(spec: hound::WavSpec, bytes: u32) -> Result<Vec<u8>> {
    let mut header = Vec::new();
    hound::WavWriter::new(std::io::Cursor::new(&mut header), spec)?.finalize()?;
    // The file's size without its first eight bytes, and the size of the last chunk, whose content is what follows.
    let (len, last) = (u32::try_from(header.len())?, header.len().saturating_sub(4));
    for (at, size) in [(4, len.saturating_add(bytes).saturating_sub(8)), (last, bytes)] {
        let place = header.get_mut(at..at + 4).context("a WAV header has sizes")?;
        place.copy_from_slice(&size.to_le_bytes());
    }
    Ok(header)
}

/// Writes `bytes` to `path` so that either all of them or nothing is there.
///
/// # Errors
/// The folder is missing or cannot be written.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let unfinished = Unfinished::new(path)?;
    fs::write(&unfinished.temporary, bytes).with_context(|| format!("{}: cannot be written", path.display()))?;
    unfinished.publish()
}

/// A file beside its place; removed unless published.
struct Unfinished {
    path: PathBuf,
    temporary: PathBuf,
    published: bool,
}

impl Unfinished {
    fn new(path: &Path) -> Result<Self> {
        let shown = path.display();
        ensure!(!path.is_dir(), "{shown}: this is a folder; name the file to write");
        let Some(name) = path.file_name() else {
            bail!("{shown}: this is not a file name");
        };
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        ensure!(
            folder.is_dir(),
            "{shown}: the folder {} does not exist; make it first",
            folder.display()
        );
        let mut hidden = std::ffi::OsString::from(".");
        hidden.push(name);
        hidden.push(format!(".{}.part", std::process::id()));
        Ok(Self {
            path: path.to_owned(),
            temporary: folder.join(hidden),
            published: false,
        })
    }

    fn publish(mut self) -> Result<()> {
        fs::rename(&self.temporary, &self.path)
            .with_context(|| format!("{}: cannot be put in its place", self.path.display()))?;
        self.published = true;
        Ok(())
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if !self.published {
            // Nothing to do if it was never made.
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Reader, Writer, header};
    use tonegraft_core::SampleRate;

    /// Fuzzed: an extensible header whose sample has 256 valid bits.
    #[test]
    fn an_impossible_number_of_valid_bits_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("wide.wav");
        let spec = hound::WavSpec {
            channels: 1,
            sample_rate: 48_000,
            bits_per_sample: 24,
            sample_format: hound::SampleFormat::Int,
        };
        let mut wav = hound::WavWriter::create(&path, spec).expect("creates");
        wav.write_sample(1).expect("writes");
        wav.finalize().expect("finishes");
        let mut bytes = std::fs::read(&path).expect("reads");
        assert!(Reader::open(&path).is_ok());
        // wValidBitsPerSample stands 18 bytes into the format chunk, whose content begins at 20.
        assert_eq!(bytes[38..40], 24u16.to_le_bytes());
        for bits in [1u16, 33, 64, 256, u16::MAX] {
            bytes[38..40].copy_from_slice(&bits.to_le_bytes());
            std::fs::write(&path, &bytes).expect("writes");
            let error = Reader::open(&path).err().expect("is refused").to_string();
            assert!(error.contains("encoding is not read"), "{bits}: {error}");
        }
    }
    #[test]
    fn what_is_written_is_what_a_general_writer_writes() {
        let folder = tempfile::tempdir().expect("a folder");
        for channels in [1u16, 3] {
            let spec = hound::WavSpec {
                channels,
                sample_rate: 44_100,
                bits_per_sample: 32,
                sample_format: hound::SampleFormat::Float,
            };
            let sample = |frame: usize, channel: usize| frame as f32 * 0.25 - channel as f32;
            let (general, own) = (folder.path().join("general.wav"), folder.path().join("own.wav"));
            let mut wav = hound::WavWriter::create(&general, spec).expect("creates");
            for frame in 0..70 {
                for channel in 0..usize::from(channels) {
                    wav.write_sample(sample(frame, channel)).expect("writes");
                }
            }
            wav.finalize().expect("finishes");

            let rate = SampleRate::new(44_100).expect("a rate");
            let mut writer = Writer::create(&own, usize::from(channels), rate, 70).expect("creates");
            // The first five frames of a block are left out, and so is what exceeds the length.
            for (from, to, start) in [(0, 30, 0), (25, 60, 5), (60, 99, 0)] {
                let block: Vec<Vec<f32>> = (0..usize::from(channels))
                    .map(|channel| (from..to).map(|frame| sample(frame, channel)).collect())
                    .collect();
                writer.write(&block, start).expect("writes");
            }
            writer.finish().expect("finishes");
            let read = |path| std::fs::read(path).expect("reads");
            assert_eq!(read(&own), read(&general), "{channels} channels");
        }
        assert!(
            header(
                hound::WavSpec {
                    channels: 1,
                    sample_rate: 8_000,
                    bits_per_sample: 32,
                    sample_format: hound::SampleFormat::Float
                },
                u32::MAX
            )
            .is_ok()
        );
    }
}
