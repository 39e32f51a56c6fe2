//! tract: the length of the block told beforehand, one thread, states handed from one run to the next without a copy.

use super::Engine;
use anyhow::{Context, Result, ensure};
use std::path::Path;
use tract_onnx::prelude::*;
use tract_onnx::tract_hir::infer::Factoid;
use tract_onnx::tract_hir::internal::DimLike;

/// A plan with the state of its execution, and the states of the graph.
pub struct Tract {
    state: TypedSimpleState,
    shape: Vec<usize>,
    states: TVec<TValue>,
}

impl Tract {
    /// Loads a graph: the first input and output are mono audio, the others states, in one order.
    pub fn open(path: &Path, block: usize) -> Result<Self> {
        let mut model = tract_onnx::onnx().model_for_path(path)?;
        let mut shapes = Vec::new();
        for input in 0..model.inputs.len() {
            let fact = model.input_fact(input)?.clone();
            let shape: Vec<usize> = fact
                .shape
                .dims()
                .map(|dim| dim.concretize().and_then(|dim| dim.to_usize().ok()).unwrap_or(block))
                .collect();
            model.set_input_fact(input, f32::fact(&shape).into())?;
            shapes.push(shape);
        }
        // Outputs declare symbols that the inputs have made numbers.
        for output in 0..model.outputs.len() {
            model.set_output_fact(output, InferenceFact::default())?;
        }
        let shape = shapes.first().context("no input")?.clone();
        ensure!(
            shape.iter().product::<usize>() == block,
            "the first input is not mono audio: {shape:?}"
        );
        let states = shapes[1..]
            .iter()
            .map(|shape| Tensor::zero::<f32>(shape).map(Tensor::into_tvalue))
            .collect::<TractResult<_>>()?;
        let state = model.into_optimized()?.into_runnable()?.spawn()?;
        Ok(Self { state, shape, states })
    }
}

impl Engine for Tract {
    fn play(&mut self, input: &[f32], output: &mut [f32]) -> Result<()> {
        let mut inputs: TVec<TValue> = TVec::with_capacity(1 + self.states.len());
        inputs.push(Tensor::from_shape(&self.shape, input)?.into_tvalue());
        inputs.extend(self.states.drain(..));
        let mut outputs = self.state.run(inputs)?;
        let audio = outputs.remove(0);
        let view = audio.to_plain_array_view::<f32>()?;
        let samples = view.as_slice().context("tract: scattered output")?;
        ensure!(
            samples.len() == output.len(),
            "tract: {} samples for {}",
            samples.len(),
            output.len()
        );
        output.copy_from_slice(samples);
        self.states = outputs;
        Ok(())
    }
}
