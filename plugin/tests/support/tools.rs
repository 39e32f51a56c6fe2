//! Signals, random numbers, waiting, and states to load.

use super::onnx;
use std::time::{Duration, Instant};

/// A small deterministic random source.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// 0 … 1.
    #[allow(clippy::cast_precision_loss)]
    pub fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit as u64).expect("below the limit")
    }
}

/// A plucked sound: `channels` different ones of `frames` frames.
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
pub fn guitar(channels: usize, frames: usize) -> Vec<Vec<f32>> {
    (0..channels)
        .map(|channel| {
            let step = (0.02 + 0.013 * channel as f64) * std::f64::consts::TAU / 4.0;
            (0..frames)
                .map(|frame| {
                    let t = frame as f64;
                    let envelope = (-(t % 12_000.0) / 4000.0).exp();
                    (0.6 * envelope * ((step * t).sin() + 0.4 * (2.01 * step * t).sin())) as f32
                })
                .collect()
        })
        .collect()
}

/// Calls `ready` until it is true; fails after ten seconds.
pub fn wait_for(what: &str, mut ready: impl FnMut() -> bool) {
    let start = Instant::now();
    while !ready() {
        assert!(start.elapsed() < Duration::from_secs(10), "timed out: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// A host state with the model file at `path` in slot A and all parameters at their defaults.
pub fn state_with_file(path: &std::path::Path) -> Vec<u8> {
    let mut session = tonegraft_library::SessionState::default();
    session.set_model(
        0,
        tonegraft_library::ModelRef::read_file(path, &[], false).expect("a readable file"),
    );
    let session = tonegraft_library::session::encode(&session);
    tonegraft_library::host_state::to_stream(&std::collections::BTreeMap::new(), &session)
}

/// Writes a model with that look-ahead and gain into `folder`.
pub fn model_file(folder: &std::path::Path, look_ahead: usize, gain: f32) -> std::path::PathBuf {
    let path = folder.join(format!("delay{look_ahead}.onnx"));
    std::fs::write(&path, onnx::look_ahead(look_ahead, gain)).expect("a writable folder");
    path
}
