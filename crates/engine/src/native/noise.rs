//! Random numbers of a graph: the same for every cut, since each is made of its own place.

use crate::stream::Noise;

/// A random number that depends on the sequence, the frame and the plane alone.
#[inline]
pub(super) fn draw(noise: Noise, seed: u64, frame: i64, plane: usize) -> f32 {
    // SplitMix64 (Steele, Lea, Flood 2014) as a hash of the place.
    let hash = |salt: u64| {
        let mut z = seed
            .wrapping_add(salt)
            .wrapping_add(frame.cast_unsigned().wrapping_mul(0x9e37_79b9_7f4a_7c15))
            .wrapping_add((plane as u64).wrapping_mul(0xd1b5_4a32_d192_ed03));
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    #[allow(clippy::cast_precision_loss)]
    let unit = |salt: u64| (hash(salt) >> 40) as f32 / (1u32 << 24) as f32;
    match noise {
        Noise::Uniform { low, high } => low + (high - low) * unit(0),
        // Box and Muller 1958.
        Noise::Normal { mean, scale } => {
            let radius = (-2.0 * (1.0 - unit(0)).max(f32::MIN_POSITIVE).ln()).sqrt();
            mean + scale * radius * (std::f32::consts::TAU * unit(0x5bf0_3635)).cos()
        }
    }
}
