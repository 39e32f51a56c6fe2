//! Loudness after ITU-R BS.1770-4 and EBU R 128, by the crate `ebur128`.
//!
//! * Integrated: K-weighted mean square of blocks of 400 ms, gated at −70 LUFS and 10 LU below the mean of what is left; LUFS.
//! * Short-term: the same over 3 s without a gate; its maximum, read every 100 ms.
//! * Range (EBU Tech 3342): between the 10th and the 95th percentile of short-term loudness, gated at −70 LUFS and −20 LU; LU.
//! * True peak: of the signal at four times the rate (twice from 96 kHz, itself from 192 kHz); dBTP.
//!
//! One channel is measured as one channel: the same signal on two is 3.01 LU louder.

use ebur128::{Channel, EbuR128, Mode};

use crate::input::{Unmeasurable, finite};

/// What one passage measures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Loudness {
    /// Integrated loudness, LUFS. `None` if nothing passes the gate: silence, or less than 400 ms.
    pub integrated: Option<f64>,
    /// Loudest short-term loudness, LUFS. `None` for silence, or less than 3 s.
    pub max_short_term: Option<f64>,
    /// Loudness range, LU. `None` for less than 3 s or if nothing passes the gate.
    pub range: Option<f64>,
    /// True peak of the loudest channel, dBTP. `None` for digital silence.
    pub true_peak: Option<f64>,
    /// Largest sample of the loudest channel, dBFS. `None` for digital silence.
    pub sample_peak: Option<f64>,
    /// Length, seconds.
    pub seconds: f64,
}

/// Measures what it is fed. Allocates while being fed: 8 bytes per 100 ms.
pub struct Meter {
    state: EbuR128,
    rate: u32,
    channels: usize,
    /// Frames until short-term loudness is read again.
    until_read: usize,
    frames: u64,
    max_short_term: f64,
    zeros: Vec<f32>,
}

impl Meter {
    /// For 1 or 2 channels (left, right) at a rate of 8 kHz … 768 kHz, rounded to whole Hz.
    ///
    /// # Errors
    ///
    /// [`Unmeasurable::Setting`] for other rates or numbers of channels.
    pub fn new(rate: f64, channels: usize) -> Result<Self, Unmeasurable> {
        let refused = |what, value| Unmeasurable::Setting { what, value };
        if !(8_000.0..=768_000.0).contains(&rate) {
            return Err(refused("the sample rate", format!("{rate} Hz")));
        }
        if !(1..=2).contains(&channels) {
            return Err(refused("the number of channels", channels.to_string()));
        }
        let hz = rate.round() as u32;
        let mode = Mode::I | Mode::S | Mode::LRA | Mode::TRUE_PEAK | Mode::SAMPLE_PEAK;
        let mut state = EbuR128::new(channels as u32, hz, mode)
            .map_err(|error| refused("the sample rate", format!("{rate} Hz ({error})")))?;
        let map: &[Channel] = if channels == 1 {
            &[Channel::Left]
        } else {
            &[Channel::Left, Channel::Right]
        };
        // Cannot fail: as many as there are channels.
        let _ = state.set_channel_map(map);
        Ok(Self {
            state,
            rate: hz,
            channels,
            until_read: hz as usize / 10,
            frames: 0,
            max_short_term: f64::NEG_INFINITY,
            zeros: Vec::new(),
        })
    }

    /// Takes the next frames of each channel; a channel that is missing or shorter is silent to the end of the longest.
    ///
    /// # Errors
    ///
    /// [`Unmeasurable::NotFinite`] if a sample is no number; then nothing of the block is taken.
    pub fn feed(&mut self, channels: &[&[f32]]) -> Result<(), Unmeasurable> {
        for channel in channels {
            finite("the signal", channel)?;
        }
        let frames = channels.iter().map(|channel| channel.len()).max().unwrap_or(0);
        let mut start = 0;
        while start < frames {
            let take = self.until_read.min(frames - start);
            if self.zeros.len() < take {
                self.zeros.resize(take, 0.0);
            }
            let mut padded: [Vec<f32>; 2] = [Vec::new(), Vec::new()];
            let mut planes: [&[f32]; 2] = [&[], &[]];
            for (index, (plane, own)) in planes.iter_mut().zip(&mut padded).enumerate() {
                let channel = channels.get(index).copied().unwrap_or(&[]);
                *plane = match channel.get(start..start + take) {
                    Some(whole) => whole,
                    None => {
                        own.extend_from_slice(channel.get(start..).unwrap_or(&[]));
                        own.resize(take, 0.0);
                        own
                    }
                };
            }
            // Cannot fail: as many planes as channels, all of one length.
            let _ = self.state.add_frames_planar_f32(&planes[..self.channels]);
            self.frames += take as u64;
            self.until_read -= take;
            start += take;
            if self.until_read == 0 {
                self.until_read = self.rate as usize / 10;
                if self.frames >= 3 * u64::from(self.rate) {
                    let now = self.state.loudness_shortterm().unwrap_or(f64::NEG_INFINITY);
                    self.max_short_term = self.max_short_term.max(now);
                }
            }
        }
        Ok(())
    }

    /// What has been fed so far.
    pub fn read(&self) -> Loudness {
        let long = self.frames >= 3 * u64::from(self.rate);
        let number = |value: f64| value.is_finite().then_some(value);
        let peak = |of: &dyn Fn(u32) -> Result<f64, ebur128::Error>| {
            let peak = (0..self.channels as u32)
                .filter_map(|channel| of(channel).ok())
                .fold(0.0, f64::max);
            number(20.0 * peak.log10())
        };
        let integrated = self.state.loudness_global().ok().and_then(number);
        Loudness {
            integrated,
            max_short_term: number(self.max_short_term).filter(|_| long),
            range: self
                .state
                .loudness_range()
                .ok()
                .and_then(number)
                .filter(|_| long && integrated.is_some()),
            true_peak: peak(&|channel| self.state.true_peak(channel)),
            sample_peak: peak(&|channel| self.state.sample_peak(channel)),
            seconds: self.frames as f64 / f64::from(self.rate),
        }
    }
}

/// The loudness of `channels` (1 or 2, `[channels, frames]`) at `rate` Hz.
///
/// # Errors
///
/// As [`Meter::new`] and [`Meter::feed`].
pub fn measure(channels: &[&[f32]], rate: f64) -> Result<Loudness, Unmeasurable> {
    let mut meter = Meter::new(rate, channels.len())?;
    meter.feed(channels)?;
    Ok(meter.read())
}

/// What has to be added to `b`, in dB, to make it as loud as `a`: the difference of their integrated loudness. `None` if one has none.
pub fn match_gain_db(a: &Loudness, b: &Loudness) -> Option<f64> {
    Some(a.integrated? - b.integrated?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A stereo sine as in EBU Tech 3341: peak level in dBFS, both channels alike.
    fn sine(db: f64, hz: f64, seconds: f64, rate: f64) -> Vec<f32> {
        let amplitude = 10f64.powf(db / 20.0);
        (0..(seconds * rate) as usize)
            .map(|n| (amplitude * (std::f64::consts::TAU * hz * n as f64 / rate).sin()) as f32)
            .collect()
    }

    fn stereo(parts: &[(f64, f64)], rate: f64) -> Loudness {
        let signal: Vec<f32> = parts
            .iter()
            .flat_map(|(db, seconds)| sine(*db, 1_000.0, *seconds, rate))
            .collect();
        measure(&[&signal, &signal], rate).expect("measurable")
    }

    #[track_caller]
    fn near(found: Option<f64>, expected: f64, tolerance: f64) {
        assert!(
            found.is_some_and(|found| (found - expected).abs() <= tolerance),
            "{found:?}, expected {expected}"
        );
    }

    #[test]
    fn bs_1770_a_full_scale_997_hz_sine_in_one_channel_is_minus_3_01() {
        for rate in [44_100.0, 48_000.0, 96_000.0] {
            near(
                measure(&[&sine(0.0, 997.0, 5.0, rate)], rate)
                    .expect("measurable")
                    .integrated,
                -3.01,
                0.02,
            );
        }
    }

    #[test]
    fn ebu_tech_3341_minimum_requirements() {
        for rate in [44_100.0, 48_000.0] {
            // Cases 1 and 2: 20 s.
            let one = stereo(&[(-23.0, 20.0)], rate);
            near(one.integrated, -23.0, 0.1);
            near(one.max_short_term, -23.0, 0.1);
            near(stereo(&[(-33.0, 20.0)], rate).integrated, -33.0, 0.1);
            // Case 3: the relative gate; case 4: the absolute one too; case 5: levels that pass.
            near(
                stereo(&[(-36.0, 10.0), (-23.0, 60.0), (-36.0, 10.0)], rate).integrated,
                -23.0,
                0.1,
            );
            let four = [
                (-72.0, 10.0),
                (-36.0, 10.0),
                (-23.0, 60.0),
                (-36.0, 10.0),
                (-72.0, 10.0),
            ];
            near(stereo(&four, rate).integrated, -23.0, 0.1);
            near(
                stereo(&[(-26.0, 20.0), (-20.0, 20.1), (-26.0, 20.0)], rate).integrated,
                -23.0,
                0.1,
            );
        }
    }

    #[test]
    fn ebu_tech_3342_loudness_range() {
        near(stereo(&[(-20.0, 20.0), (-30.0, 20.0)], 48_000.0).range, 10.0, 1.0);
        near(stereo(&[(-20.0, 20.0), (-15.0, 20.0)], 48_000.0).range, 5.0, 1.0);
        near(stereo(&[(-40.0, 20.0), (-20.0, 20.0)], 48_000.0).range, 20.0, 1.0);
    }

    #[test]
    fn true_peak_sees_between_samples() {
        // A quarter of the rate, sampled at 45°: every sample is 0.707 of the peak. Tech 3341 allows +0.2/−0.4 dB.
        let quarter: Vec<f32> = (0..96_000)
            .map(|n| (0.5 * (std::f64::consts::PI * (0.5 * f64::from(n) + 0.25)).sin()) as f32)
            .collect();
        let found = measure(&[&quarter], 48_000.0).expect("measurable");
        near(found.sample_peak, -9.03, 0.01);
        let peak = found.true_peak.expect("a signal");
        assert!((-6.42..=-5.82).contains(&peak), "{peak}");
    }

    #[test]
    fn a_match_is_exact_and_blocks_do_not_matter() {
        let a = sine(-20.0, 300.0, 4.0, 48_000.0);
        let b: Vec<f32> = a.iter().map(|s| 0.3 * s).collect();
        let (la, mut meter) = (
            measure(&[&a], 48_000.0).expect("a"),
            Meter::new(48_000.0, 1).expect("a rate"),
        );
        for block in b.chunks(777) {
            meter.feed(&[block]).expect("numbers");
        }
        let lb = meter.read();
        assert_eq!(lb, measure(&[&b], 48_000.0).expect("b"));
        let gain = match_gain_db(&la, &lb).expect("both are audible");
        assert!((gain + 20.0 * 0.3f64.log10()).abs() < 1e-4, "{gain}");
    }

    #[test]
    fn silence_short_passages_and_bad_input() {
        let silent = measure(&[&[0.0; 480_000]], 48_000.0).expect("silence is no error");
        assert_eq!(
            (silent.integrated, silent.max_short_term, silent.range),
            (None, None, None)
        );
        assert_eq!(
            (silent.true_peak, silent.sample_peak, silent.seconds),
            (None, None, 10.0)
        );
        let short = measure(&[&sine(-6.0, 1_000.0, 0.3, 48_000.0)], 48_000.0).expect("short is no error");
        assert_eq!((short.integrated, short.range), (None, None));
        assert!(short.true_peak.is_some());
        assert_eq!(match_gain_db(&silent, &short), None);
        assert_eq!(measure(&[&[]], 48_000.0).expect("empty is no error").seconds, 0.0);
        assert!(measure(&[&[0.0, f32::NAN]], 48_000.0).is_err());
        assert!(measure(&[], 48_000.0).is_err() && measure(&[&[], &[], &[]], 48_000.0).is_err());
        assert!(measure(&[&[0.0; 10]], f64::INFINITY).is_err());
        let uneven = measure(&[&sine(-6.0, 1_000.0, 4.0, 48_000.0), &[0.5; 100]], 48_000.0).expect("padded");
        assert!(uneven.integrated.is_some());
    }
}
