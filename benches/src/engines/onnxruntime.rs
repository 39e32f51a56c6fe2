//! ONNX Runtime, used as well as a block of audio lets it: one thread, the length of the block told beforehand, states handed from
//! one run to the next without a copy.

use super::Engine;
use anyhow::{Context, Result, anyhow, ensure};
use ort::environment::Environment;
use ort::session::{Session, SessionInputValue, builder::GraphOptimizationLevel};
use ort::value::{DynValue, Tensor, TensorRef, ValueType};
use std::path::Path;

/// A session and the states that it does not remember itself.
pub struct OnnxRuntime {
    session: Session,
    shape: Vec<i64>,
    /// Name of the output that gives the state's next value, and its value.
    states: Vec<(String, DynValue)>,
}

/// ort's errors carry types that are not `Sync`.
fn told<E: std::fmt::Display>(error: E) -> anyhow::Error {
    anyhow!("ONNX Runtime: {error}")
}

/// Loads the library.
pub fn environment(library: &Path) -> Result<Environment> {
    ort::init_from(library)?.build().map_err(told)
}

impl OnnxRuntime {
    /// Loads a graph: the first input and output are mono audio, the others states, in one order.
    pub fn open(environment: &Environment, path: &Path, block: usize) -> Result<Self> {
        let frames = i64::try_from(block)?;
        let mut builder = Session::builder(environment)
            .map_err(told)?
            .with_intra_threads(1)
            .map_err(told)?
            .with_inter_threads(1)
            .map_err(told)?
            .with_optimization_level(GraphOptimizationLevel::All)
            .map_err(told)?;
        for symbol in ["frames", "T"] {
            builder = builder.with_dimension_override(symbol, frames).map_err(told)?;
        }
        let session = builder.commit_from_file(path).map_err(told)?;
        let mut shapes = Vec::new();
        for input in session.inputs() {
            let ValueType::Tensor { shape, .. } = input.dtype() else {
                continue;
            };
            shapes.push(
                shape
                    .iter()
                    .map(|size| if *size < 0 { frames } else { *size })
                    .collect::<Vec<i64>>(),
            );
        }
        let shape = shapes.first().context("no input")?.clone();
        ensure!(
            shape.iter().product::<i64>() == frames,
            "the first input is not mono audio: {shape:?}"
        );
        ensure!(
            session.outputs().len() == shapes.len(),
            "as many outputs as inputs are needed"
        );
        let mut states = Vec::new();
        for (shape, output) in shapes.iter().zip(session.outputs()).skip(1) {
            let zeros = vec![0.0_f32; usize::try_from(shape.iter().product::<i64>())?];
            let value = Tensor::from_array((shape.clone(), zeros)).map_err(told)?;
            states.push((output.name().to_owned(), value.into_dyn()));
        }
        Ok(Self { session, shape, states })
    }
}

impl Engine for OnnxRuntime {
    fn play(&mut self, input: &[f32], output: &mut [f32]) -> Result<()> {
        let audio = TensorRef::from_array_view((self.shape.clone(), input)).map_err(told)?;
        let mut values: Vec<SessionInputValue<'_>> = Vec::with_capacity(1 + self.states.len());
        values.push(audio.into());
        values.extend(self.states.iter().map(|(_, value)| SessionInputValue::from(value)));
        let mut outputs = self.session.run(&values[..]).map_err(told)?;
        let (_, samples) = outputs[0].try_extract_tensor::<f32>().map_err(told)?;
        ensure!(
            samples.len() == output.len(),
            "ONNX Runtime: {} samples for {}",
            samples.len(),
            output.len()
        );
        output.copy_from_slice(samples);
        drop(values);
        for (name, value) in &mut self.states {
            *value = outputs.remove(&name).context("ONNX Runtime: a state is missing")?;
        }
        Ok(())
    }
}
