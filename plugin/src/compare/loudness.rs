//! Loudness of the sources over one passage, as they would be heard: through the cabinet and the tone stack.

use super::Task;
use crate::cab::Cab;
use crate::playable::Track;
use crate::shared::Moment;
use tonegraft_analysis::loudness::{Meter, match_gain_db};
use tonegraft_chain::{Chain, ChainConfig, Settings};
use tonegraft_core::{AudioBuffer, Controls, Fault, HostFrames, Middle, Processor};
use tonegraft_slots::Piece;

/// Seconds that are listened to at least.
const SECONDS: f64 = 5.0;

/// So many seconds of silence are enough to give up.
const PATIENCE: f64 = 20.0;

/// Range of the trims, in dB.
const TRIM_RANGE: f64 = 24.0;

/// What stands behind the slots: the cabinet, or nothing.
struct Behind(Option<Box<dyn Processor>>);

impl Middle for Behind {
    fn process(&mut self, controls: &Controls, input: &[&[f32]], output: &mut [&mut [f32]]) -> Fault {
        match &mut self.0 {
            Some(cab) if controls.cab => cab.process(input, output),
            _ => {
                for (output, input) in output.iter_mut().zip(input) {
                    output.copy_from_slice(input);
                }
                Fault::None
            }
        }
    }

    fn latency(&self) -> HostFrames {
        HostFrames::ZERO
    }
}

/// One source on its way to the ear.
struct Ear {
    chain: Chain,
    behind: Behind,
    heard: AudioBuffer,
    meter: Meter,
    /// The source's own gain, as a factor, where its tap has none.
    gain: f32,
    scaled: AudioBuffer,
}

impl Ear {
    fn new(track: Track, settings: &Settings, cab: Option<&Cab>, gain: f32) -> Result<Self, String> {
        let outputs = track.outputs;
        let mut chain = Chain::new(ChainConfig::new(track.rate, outputs, outputs));
        chain.snap(settings);
        let meter = Meter::new(f64::from(track.rate.get()), outputs).map_err(|error| error.to_string())?;
        Ok(Self {
            chain,
            behind: Behind(cab.map(|cab| cab.instantiate(track)).transpose()?),
            heard: AudioBuffer::new(outputs, tonegraft_slots::TAP_FRAMES),
            meter,
            gain,
            scaled: AudioBuffer::new(outputs, tonegraft_slots::TAP_FRAMES),
        })
    }

    fn take(&mut self, channels: &[&[f32]], frames: usize) {
        for (index, scaled) in self.scaled.iter_mut().enumerate() {
            let scaled = scaled.get_mut(..frames).unwrap_or(&mut []);
            let source = channels.get(index).or_else(|| channels.first());
            for (place, sample) in scaled.iter_mut().zip(*source.unwrap_or(&&[][..])) {
                *place = sample * self.gain;
            }
        }
        let input: Vec<&[f32]> = self
            .scaled
            .iter()
            .map(|channel| channel.get(..frames).unwrap_or(&[]))
            .collect();
        let mut output: Vec<&mut [f32]> = self
            .heard
            .iter_mut()
            .map(|channel| channel.get_mut(..frames).unwrap_or(&mut []))
            .collect();
        self.chain.process(&mut self.behind, &input, &mut output);
        let heard: Vec<&[f32]> = output.iter().map(|channel| &**channel).collect();
        // The layout was checked when the meter was made.
        let _ = self.meter.feed(&heard);
    }
}

/// What was measured.
pub(super) struct Matched {
    /// A, B, reference in LUFS, with the new trims.
    pub(super) lufs: [Option<f64>; 3],
    /// New trims of A, B, reference in dB; `None` stays.
    pub(super) trims: [Option<f32>; 3],
}

/// A measurement under way.
pub(super) struct Matching {
    rate: f64,
    needed: f64,
    trims_db: [f32; 3],
    ears: [Ear; 3],
    frames: u64,
}

impl Matching {
    /// `needed`: seconds of the passage that is repeated, if one is.
    pub(super) fn new(track: Track, moment: &Moment, cab: Option<&Cab>, needed: Option<f64>) -> Result<Self, String> {
        let settings = Settings {
            input_gain_db: 0.0,
            output_gain_db: 0.0,
            mix: 1.0,
            bypass: false,
            gate: Settings::default().gate,
            ..moment.settings
        };
        let trims_db = moment.settings.trims_db;
        let cab = cab.filter(|_| settings.cab);
        let ear = |gain_db: f32| Ear::new(track, &settings, cab, tonegraft_core::levels::factor(gain_db));
        // The taps of the slots have their trims.
        let [_, _, reference] = trims_db;
        Ok(Self {
            rate: f64::from(track.rate.get()),
            needed: needed.unwrap_or(SECONDS).max(SECONDS),
            trims_db,
            ears: [ear(0.0)?, ear(0.0)?, ear(reference)?],
            frames: 0,
        })
    }

    /// Seconds so far.
    pub(super) fn seconds(&self) -> f64 {
        // Minutes at most.
        #[allow(clippy::cast_precision_loss)]
        let frames = self.frames as f64;
        frames / self.rate
    }

    /// The answer, once there is one; or a sentence.
    pub(super) fn answer(&self) -> Option<Result<Matched, String>> {
        if self.seconds() < self.needed {
            return None;
        }
        let read = self.ears.each_ref().map(|ear| ear.meter.read());
        let [a, ..] = &read;
        if a.integrated.is_none() {
            let text = "Slot A is silent, so that there is nothing to match; play something and try again.";
            return (self.seconds() > PATIENCE).then(|| Err(text.to_owned()));
        }
        let mut lufs = read.each_ref().map(|loudness| loudness.integrated);
        let mut trims = [None; 3];
        for index in 1..3 {
            let Some(gain) = match_gain_db(a, &read[index]) else {
                continue;
            };
            let now = f64::from(self.trims_db[index]);
            let trim = (now + gain).clamp(-TRIM_RANGE, TRIM_RANGE);
            // A few dB.
            #[allow(clippy::cast_possible_truncation)]
            {
                trims[index] = Some(trim as f32);
            }
            lufs[index] = lufs[index].map(|lufs| lufs + trim - now);
        }
        Some(Ok(Matched { lufs, trims }))
    }
}

impl Task for Matching {
    fn interrupt(&mut self) {}

    fn take(&mut self, piece: &Piece<'_>) {
        self.frames += piece.frames as u64;
        let [a, b, reference] = &mut self.ears;
        a.take(piece.a, piece.frames);
        b.take(piece.b, piece.frames);
        reference.take(piece.reference, piece.frames);
    }
}
