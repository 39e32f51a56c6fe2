//! Audio files as bytes.
#![allow(dead_code, clippy::cast_possible_truncation)]

/// A WAV file: format `tag` (1: integers, 3: floats), `data` as it stands in the file.
pub fn wav(tag: u16, channels: u16, hz: u32, bits: u16, data: &[u8]) -> Vec<u8> {
    let mut file = b"RIFF".to_vec();
    file.extend((36 + data.len() as u32).to_le_bytes());
    file.extend(b"WAVEfmt ");
    file.extend(16u32.to_le_bytes());
    file.extend(tag.to_le_bytes());
    file.extend(channels.to_le_bytes());
    file.extend(hz.to_le_bytes());
    let frame = channels * bits / 8;
    file.extend((hz * u32::from(frame)).to_le_bytes());
    file.extend(frame.to_le_bytes());
    file.extend(bits.to_le_bytes());
    file.extend(b"data");
    file.extend((data.len() as u32).to_le_bytes());
    file.extend(data);
    file
}

/// An AIFF file of 44100 Hz and `frames` frames, `data` as it stands in the file.
pub fn aiff(channels: u16, frames: u32, bits: u16, data: &[u8]) -> Vec<u8> {
    let mut body = b"AIFFCOMM".to_vec();
    body.extend(18u32.to_be_bytes());
    body.extend(channels.to_be_bytes());
    body.extend(frames.to_be_bytes());
    body.extend(bits.to_be_bytes());
    // 44100 as an 80-bit float: 1.3458… · 2¹⁵.
    body.extend([0x40, 0x0e, 0xac, 0x44, 0, 0, 0, 0, 0, 0]);
    body.extend(b"SSND");
    body.extend((data.len() as u32 + 8).to_be_bytes());
    body.extend([0; 8]);
    body.extend(data);
    let mut file = b"FORM".to_vec();
    file.extend((body.len() as u32).to_be_bytes());
    file.extend(body);
    file
}

/// A check sum of FLAC: polynomial `poly` of `bits` bits.
fn crc(bytes: &[u8], bits: u32, poly: u32) -> u32 {
    bytes.iter().fold(0, |sum, byte| {
        (0..8).fold(sum ^ (u32::from(*byte) << (bits - 8)), |sum, _| {
            let carry = sum >> (bits - 1) & 1;
            ((sum << 1) & ((1 << bits) - 1)) ^ (carry * poly)
        })
    })
}

/// A FLAC file of one uncompressed 16-bit frame at 48000 Hz, from 16 samples per channel on.
pub fn flac(channels: &[Vec<i16>]) -> Vec<u8> {
    let (count, frames) = (channels.len() as u8, channels[0].len() as u16);
    let mut file = b"fLaC\x80\x00\x00\x22".to_vec();
    file.extend(frames.to_be_bytes());
    file.extend(frames.to_be_bytes());
    file.extend([0; 6]);
    // Rate (20 bits), channels − 1 (3), bits − 1 (5), frames (36).
    let packed = (48_000u64 << 44) | (u64::from(count - 1) << 41) | (15 << 36) | u64::from(frames);
    file.extend(packed.to_be_bytes());
    file.extend([0; 16]);
    // Fixed block size, given in 16 bits behind the header; rate and sample size by their codes; frame 0.
    let mut frame = vec![0xff, 0xf8, 0x7a, ((count - 1) << 4) | 0x08, 0];
    frame.extend((frames - 1).to_be_bytes());
    frame.push(crc(&frame, 8, 0x07) as u8);
    for channel in channels {
        // A verbatim subframe.
        frame.push(0x02);
        frame.extend(channel.iter().flat_map(|sample| sample.to_be_bytes()));
    }
    frame.extend((crc(&frame, 16, 0x8005) as u16).to_be_bytes());
    file.extend(frame);
    file
}
