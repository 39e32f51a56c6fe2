//! The engines behind one face.

pub mod nam_rs;
#[cfg(feature = "onnxruntime")]
pub mod onnxruntime;
pub mod ours;
#[cfg(feature = "tract")]
pub mod tract;

use anyhow::Result;

/// An engine that has a model loaded. It starts from zeros.
pub trait Engine {
    /// Plays one block, mono. `input` and `output` have one length, that of the first call.
    ///
    /// # Errors
    /// The engine fails.
    fn play(&mut self, input: &[f32], output: &mut [f32]) -> Result<()>;
}
