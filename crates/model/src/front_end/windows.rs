//! Windows that overlap.

use super::description::{Normalise, Stft};
use crate::error::Result;
use crate::metadata::wrong;

/// How far the sum of overlapping windows may vary and still count as constant.
const CONSTANT: f64 = 1e-6;

/// The synthesis window, divided so that frames which nobody changes add up to what they were taken from.
pub(super) fn synthesis(stft: &Stft, analysis: &[f64]) -> Result<Vec<f64>> {
    let mut window = stft.synthesis_window.values(stft.framing.size);
    let hop = stft.framing.hop;
    let envelope: Vec<f64> = (0..hop)
        .map(|phase| {
            let product = analysis.iter().zip(&window).map(|(a, b)| a * b);
            product.skip(phase).step_by(hop).sum()
        })
        .collect();
    let low = envelope.iter().copied().fold(f64::INFINITY, f64::min);
    let high = envelope.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    match stft.normalise {
        Normalise::None => {}
        Normalise::Constant => {
            let mean = envelope.iter().sum::<f64>() / envelope.len().max(1) as f64;
            if mean <= 0.0 || high - low > CONSTANT * mean {
                let what = format!(
                    "has windows that, {hop} apart, add up to {low:.6} … {high:.6} and not to a constant; choose a window and hop that fit, or set \"normalise\" to \"envelope\" (as inverse transforms of torch and librosa do) or \"none\""
                );
                return Err(wrong("stft", &what));
            }
            window.iter_mut().for_each(|value| *value /= mean);
        }
        Normalise::Envelope => {
            if low <= CONSTANT * high {
                let what =
                    format!("has windows that, {hop} apart, add up to as little as {low:.6}, which cannot be undone");
                return Err(wrong("stft", &what));
            }
            for (value, gain) in window.iter_mut().zip(envelope.iter().cycle()) {
                *value /= gain;
            }
        }
    }
    Ok(window)
}
