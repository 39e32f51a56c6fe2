//! The anchor of a likeness test: fitted to the recorded passage, and put into slot B while the test runs.

use crate::shared::{Capturing, LikenessAsk, Shared};
use std::time::{Duration, Instant};
use tonegraft_analysis::align::shift;
use tonegraft_analysis::listening::anchor_fit;
use tonegraft_chain::anchor::Anchor;
use tonegraft_core::levels::factor;
use tonegraft_core::{AudioBuffer, ModelLevels};
use tonegraft_slots::Unit;

/// Taps of its filter.
const TAPS: usize = 512;

/// Its id in the bank, which no model has.
const ID: u64 = u64::MAX - 1;

/// So long it waits for the audio thread to take the anchor.
const PATIENCE: Duration = Duration::from_secs(3);

/// The mean of the channels over `part`.
fn mono(buffer: &AudioBuffer, part: &std::ops::Range<usize>) -> Vec<f32> {
    let channels: Vec<&[f32]> = buffer
        .iter()
        .map(|channel| channel.get(part.clone()).unwrap_or(&[]))
        .collect();
    let mut store = Vec::with_capacity(part.len());
    super::append_mono(&mut store, &channels, part.len());
    store
}

/// Fits the anchor, puts it into slot B, and begins the test that `ask` stands for.
///
/// # Errors
/// A sentence.
pub(super) fn begin(shared: &Shared, ask: LikenessAsk) -> Result<(), String> {
    let settings = &ask.moment.settings;
    let (passage, part, placement, track) = {
        let mut control = shared.lock();
        let chosen = control.capture.as_mut().and_then(Capturing::chosen);
        let (passage, part) = chosen.ok_or("Record a passage first: the anchor is fitted to it.")?;
        let track = control.status.track.ok_or("The host has not started the audio yet.")?;
        let compare = control.session.compare.at_rate(track.rate.get());
        (passage, part, compare.reference, track)
    };
    if track.inputs != track.outputs {
        return Err("An anchor is as wide as its input; use a mono or a stereo track for a likeness test.".to_owned());
    }
    let clean: Vec<f32> = {
        let gain = factor(settings.input_gain_db);
        mono(passage.input(), &part)
            .into_iter()
            .map(|sample| gain * sample)
            .collect()
    };
    let device = shift(&mono(passage.reference(), &part), placement.total());
    let device: Vec<f32> = match placement.inverted {
        true => device.into_iter().map(|sample| -sample).collect(),
        false => device,
    };
    let rate = f64::from(track.rate.get());
    let fit = anchor_fit(&clean, &device, rate, TAPS).map_err(|error| format!("No anchor: {error}."))?;
    // As loud as the device is heard, whatever the trims say.
    let [_, b_trim, reference_trim] = settings.trims_db;
    let gain = fit.gain * f64::from(factor(reference_trim - b_trim));
    let anchor = Anchor::new(fit.drive, gain, &fit.taps, track.rate, track.outputs)
        .map_err(|error| format!("No anchor: {error}."))?;
    {
        let mut control = shared.lock();
        let Some(bank) = &mut control.bank else {
            return Err("The host stopped the audio; start it and try again.".to_owned());
        };
        let unit = Unit {
            processor: Box::new(anchor),
            id: ID,
            knobs: Vec::new(),
            levels: ModelLevels::default(),
        };
        bank.install(1, Some(unit))
            .map_err(|refusal| format!("The anchor cannot be played: {}.", refusal.kind))?;
        shared.take_in_anchor(&mut control);
    }
    let began = Instant::now();
    loop {
        {
            let mut control = shared.lock();
            let live = control.bank.as_mut().map(|bank| bank.readout().slots[1].live);
            if !control.is_preparing() {
                return Err("The likeness test was given up.".to_owned());
            }
            if live == Some(Some(ID)) {
                break;
            }
        }
        if began.elapsed() > PATIENCE {
            return Err("The host’s audio does not run; start it and try again.".to_owned());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    shared.begin_prepared(ask)
}
