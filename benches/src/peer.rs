//! ONNX Runtime, used as well as a block of audio lets it: one thread, states fed back, past input kept for it.

use crate::Engine;
use anyhow::{Context, Result, anyhow, ensure};
use ort::session::{Session, SessionInputValue, builder::GraphOptimizationLevel};
use ort::value::{Tensor, TensorRef, ValueType};
use std::borrow::Cow;
use std::path::Path;

/// A state: name of its input, shape, value.
struct State {
    input: String,
    shape: Vec<i64>,
    value: Vec<f32>,
}

/// A session with what it does not remember itself.
pub struct Peer {
    session: Session,
    audio: String,
    /// Shape of the audio, with the time axis to be filled in.
    shape: Vec<i64>,
    time_axis: usize,
    states: Vec<State>,
    /// The past input that a graph without states needs, and room for the block behind it.
    window: Vec<f32>,
    history: usize,
}

/// ort's errors carry types that are not `Sync`.
fn told<E: std::fmt::Display>(error: E) -> anyhow::Error {
    anyhow!("ONNX Runtime: {error}")
}

impl Peer {
    /// Loads a model with one mono audio input; other inputs are states, answered by outputs in their order.
    pub fn open(environment: &ort::environment::Environment, path: &Path, receptive_field: usize) -> Result<Self> {
        let session = Session::builder(environment)
            .map_err(told)?
            .with_intra_threads(1)
            .map_err(told)?
            .with_inter_threads(1)
            .map_err(told)?
            .with_optimization_level(GraphOptimizationLevel::All)
            .map_err(told)?
            .commit_from_file(path)
            .map_err(told)?;
        let mut audio = None;
        let mut states = Vec::new();
        for input in session.inputs() {
            let ValueType::Tensor { shape, .. } = input.dtype() else { continue };
            let sizes: Vec<i64> = shape.iter().copied().collect();
            match sizes.iter().rposition(|size| *size < 0) {
                Some(axis) if audio.is_none() => audio = Some((input.name().to_owned(), sizes, axis)),
                _ => {
                    let count: i64 = sizes.iter().product();
                    states.push(State { input: input.name().to_owned(), shape: sizes, value: vec![0.0; usize::try_from(count)?] });
                }
            }
        }
        let (audio, shape, time_axis) = audio.context("no input of free length")?;
        ensure!(session.outputs().len() > states.len(), "fewer outputs than states");
        let history = if states.is_empty() { receptive_field.saturating_sub(1) } else { 0 };
        Ok(Self { session, audio, shape, time_axis, states, window: vec![0.0; history], history })
    }

    /// Whether skipping a run and only remembering its input gives the same later outputs.
    pub fn has_only_a_window(&self) -> bool {
        self.states.is_empty()
    }

    /// Takes input into the window without running.
    pub fn remember(&mut self, input: &[f32]) {
        self.window.truncate(self.history);
        self.window.extend_from_slice(input);
        self.slide();
    }

    /// Keeps the newest past input at the front.
    fn slide(&mut self) {
        let surplus = self.window.len() - self.history;
        self.window.copy_within(surplus.., 0);
        self.window.truncate(self.history);
    }
}

impl Engine for Peer {
    fn play(&mut self, input: &[f32], output: &mut [f32]) -> Result<()> {
        self.window.truncate(self.history);
        self.window.extend_from_slice(input);
        self.shape[self.time_axis] = i64::try_from(self.window.len())?;
        let audio = TensorRef::from_array_view((self.shape.clone(), &self.window[..])).map_err(told)?;
        let mut values: Vec<(Cow<'_, str>, SessionInputValue<'_>)> = vec![(Cow::from(self.audio.as_str()), audio.into())];
        for state in &self.states {
            let value = Tensor::from_array((state.shape.clone(), state.value.clone())).map_err(told)?;
            values.push((Cow::from(state.input.as_str()), value.into()));
        }
        let outputs = self.session.run(values).map_err(told)?;
        let (_, samples) = outputs[0].try_extract_tensor::<f32>().map_err(told)?;
        // An unpadded network gives one sample per new one, a padded one a sample for each of the window.
        let newest = samples.len().checked_sub(output.len()).context("fewer samples out than in")?;
        output.copy_from_slice(&samples[newest..]);
        for (index, state) in self.states.iter_mut().enumerate() {
            let (_, value) = outputs[index + 1].try_extract_tensor::<f32>().map_err(told)?;
            state.value.copy_from_slice(value);
        }
        drop(outputs);
        self.slide();
        Ok(())
    }
}
