//! Samples as bytes of a WAV file, a block at a time: one by one, as a general reader takes them, they cost as much as a small model.

use hound::SampleFormat;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;

/// How one sample is written, little-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// 8 bits from 0 to 255, 128 is silence.
    Unsigned8,
    /// 16-bit integers.
    Int16,
    /// 24-bit integers in 3 bytes.
    Int24,
    /// 24-bit integers in the low bytes of 4.
    Int24In32,
    /// 32-bit integers.
    Int32,
    /// 32-bit floats.
    Float32,
}

impl Encoding {
    /// That of `bits` valid bits in `bytes` bytes; `None` for what is not read.
    pub const fn new(format: SampleFormat, bits: u16, bytes: u16) -> Option<Self> {
        Some(match (format, bits, bytes) {
            (SampleFormat::Int, 8, 1) => Self::Unsigned8,
            (SampleFormat::Int, 16, 2) => Self::Int16,
            (SampleFormat::Int, 24, 3) => Self::Int24,
            (SampleFormat::Int, 24, 4) => Self::Int24In32,
            (SampleFormat::Int, 32, 4) => Self::Int32,
            (SampleFormat::Float, 32, 4) => Self::Float32,
            _ => return None,
        })
    }

    /// Bytes of one sample.
    pub const fn bytes(self) -> usize {
        match self {
            Self::Unsigned8 => 1,
            Self::Int16 => 2,
            Self::Int24 => 3,
            Self::Int24In32 | Self::Int32 | Self::Float32 => 4,
        }
    }

    /// Interleaved `bytes` as `[channels][frames]` from −1 to 1, replacing what was there.
    pub fn decode(self, bytes: &[u8], channels: &mut [Vec<f32>]) {
        match self {
            Self::Unsigned8 => each(bytes, channels, |[a]: [u8; 1]| f32::from(i16::from(a) - 128) / 128.0),
            Self::Int16 => each(bytes, channels, |sample| {
                f32::from(i16::from_le_bytes(sample)) / 32_768.0
            }),
            Self::Int24 => each(bytes, channels, |[a, b, c]: [u8; 3]| int32([0, a, b, c])),
            Self::Int24In32 => each(bytes, channels, |[a, b, c, _]: [u8; 4]| int32([0, a, b, c])),
            Self::Int32 => each(bytes, channels, int32),
            Self::Float32 => each(bytes, channels, f32::from_le_bytes),
        }
    }
}

/// Frames of `[channels][frames]` as interleaved 32-bit floats, replacing what was there. All channels have these frames.
pub fn encode(channels: &[Vec<f32>], frames: Range<usize>, bytes: &mut Vec<u8>) {
    let width = channels.len();
    bytes.resize(frames.len() * width * 4, 0);
    let (samples, _) = bytes.as_chunks_mut::<4>();
    for (at, channel) in channels.iter().enumerate() {
        let from = channel.get(frames.clone()).unwrap_or(&[]);
        for (sample, value) in samples.iter_mut().skip(at).step_by(width).zip(from) {
            *sample = value.to_le_bytes();
        }
    }
}

/// A 32-bit integer of full scale 2³¹, as the nearest float.
fn int32(bytes: [u8; 4]) -> f32 {
    // The nearest f32 is what a 32-bit float file holds.
    #[allow(clippy::cast_precision_loss)]
    let sample = i32::from_le_bytes(bytes) as f32;
    sample / 2_147_483_648.0
}

/// De-interleaves samples of `N` bytes.
fn each<const N: usize>(bytes: &[u8], channels: &mut [Vec<f32>], convert: impl Fn([u8; N]) -> f32) {
    let (samples, _) = bytes.as_chunks::<N>();
    let width = channels.len();
    for (at, channel) in channels.iter_mut().enumerate() {
        channel.clear();
        if width == 1 {
            channel.extend(samples.iter().map(|sample| convert(*sample)));
        } else {
            let own = samples.iter().skip(at).step_by(width);
            channel.extend(own.map(|sample| convert(*sample)));
        }
    }
}

/// Bytes of one frame, as the first format chunk says, 0 where there is none; the stream stands at its beginning again.
pub fn frame_bytes(file: &mut (impl Read + Seek)) -> io::Result<u16> {
    /// More chunks than these before the format are no audio file.
    const MOST: usize = 64;
    file.seek(SeekFrom::Start(12))?;
    let mut found = 0;
    for _ in 0..MOST {
        let mut head = [0; 8];
        if file.read_exact(&mut head).is_err() {
            break;
        }
        let [a, b, c, d, size @ ..] = head;
        let size = i64::from(u32::from_le_bytes(size));
        if [a, b, c, d] == *b"fmt " {
            let mut format = [0; 14];
            if file.read_exact(&mut format).is_ok() {
                found = u16::from_le_bytes([format[12], format[13]]);
            }
            break;
        }
        file.seek(SeekFrom::Current(size))?;
    }
    file.rewind()?;
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_what_a_general_reader_makes_of_them() {
        let bytes: Vec<u8> = (0..720u32)
            .map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8)
            .collect();
        for (encoding, bits) in [
            (Encoding::Unsigned8, 8),
            (Encoding::Int16, 16),
            (Encoding::Int24, 24),
            (Encoding::Int32, 32),
        ] {
            let spec = hound::WavSpec {
                channels: 3,
                sample_rate: 48_000,
                bits_per_sample: bits,
                sample_format: SampleFormat::Int,
            };
            let mut file = io::Cursor::new(Vec::new());
            let mut wav = hound::WavWriter::new(&mut file, spec).expect("begins");
            let whole: Vec<i32> = (bytes.chunks_exact(encoding.bytes()))
                .map(|sample| match *sample {
                    [a] => i32::from(a) - 128,
                    [a, b] => i32::from(i16::from_le_bytes([a, b])),
                    [a, b, c] => i32::from_le_bytes([0, a, b, c]) >> 8,
                    [a, b, c, d] => i32::from_le_bytes([a, b, c, d]),
                    _ => unreachable!("four bytes at most"),
                })
                .collect();
            whole.iter().for_each(|sample| wav.write_sample(*sample).expect("fits"));
            wav.finalize().expect("ends");
            assert_eq!(
                usize::from(frame_bytes(&mut file).expect("reads")),
                3 * encoding.bytes()
            );
            let data = file.into_inner();
            assert!(data.ends_with(&bytes), "{bits} bits are written as they are");

            let mut channels = vec![vec![9.0]; 3];
            encoding.decode(&bytes, &mut channels);
            let scale = 1.0 / f64::from(1_u32 << (bits - 1));
            for (at, sample) in whole.iter().enumerate() {
                assert_eq!(
                    channels[at % 3][at / 3],
                    (f64::from(*sample) * scale) as f32,
                    "{bits} bits, sample {at}"
                );
            }
            assert!(channels.iter().all(|channel| channel.len() == whole.len() / 3));
        }
    }

    #[test]
    fn floats_and_wide_containers() {
        let mut one = vec![Vec::new()];
        Encoding::Float32.decode(&[0.25_f32.to_le_bytes(), (-3.5_f32).to_le_bytes()].concat(), &mut one);
        assert_eq!(one[0], [0.25, -3.5]);
        Encoding::Int24In32.decode(&[0, 0, 0x40, 0x7f, 0, 0, 0x80, 0], &mut one);
        assert_eq!(one[0], [0.5, -1.0]);
        assert_eq!(Encoding::new(SampleFormat::Int, 24, 4), Some(Encoding::Int24In32));
        assert_eq!(Encoding::new(SampleFormat::Int, 20, 3), None);
        assert_eq!(Encoding::new(SampleFormat::Float, 64, 8), None);
    }

    #[test]
    fn chunks_before_the_format_are_passed_over_and_damage_ends_the_search() {
        let mut bytes = b"RIFF\0\0\0\0WAVEJUNK\x04\0\0\0abcdfmt \x10\0\0\0".to_vec();
        bytes.extend([1, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 6, 0, 24, 0]);
        assert_eq!(frame_bytes(&mut io::Cursor::new(&bytes)).expect("reads"), 6);
        assert_eq!(frame_bytes(&mut io::Cursor::new(&bytes[..40])).expect("reads"), 0);
        assert_eq!(frame_bytes(&mut io::Cursor::new(b"no")).expect("reads"), 0);
    }
}
