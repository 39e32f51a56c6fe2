//! What the weights of steps take.

use super::{Plan, Step, StepOp, Timebase};
use crate::stream::Rate;
use tonegraft_kernels::{Weights, frame};

/// Weights of a step.
pub(super) fn count(step: &Step) -> usize {
    match &step.op {
        StepOp::Conv { weights, mix, .. } => weights.len() + mix.as_ref().map_or(0, |mix| mix.weights.len()),
        StepOp::Recurrent { weights, .. } => weights.w.len() + weights.r.len(),
        StepOp::Frame(function) => function.weights(),
        _ => 0,
    }
}

/// True if the step is a plain convolution of few frames at once, whose weights are read for each.
pub(crate) fn is_rows(step: &Step, time: &Timebase) -> bool {
    let StepOp::Conv {
        shape,
        slopes: None,
        begin,
        mix: None,
        addends: 0,
        activation: None,
        ..
    } = &step.op
    else {
        return false;
    };
    let slow = matches!(step.output.rate, Rate::Frames(clock) if time.is_slow(clock));
    slow && shape.groups == 1 && !(begin.is_some() && shape.taps == 1)
}

/// Bytes of the weights of a step that are kept as asked.
fn bytes(step: &Step, time: &Timebase, asked: Weights) -> usize {
    let kept = match &step.op {
        StepOp::Conv { shape, weights, .. } => {
            let stepwise = matches!(step.output.rate, Rate::Frames(clock) if time.is_stepwise(clock));
            (is_rows(step, time) || (stepwise && shape.groups == 1)).then_some(weights)
        }
        StepOp::Frame(frame::Function::Dense { weights, .. }) => Some(weights),
        _ => None,
    };
    let all = count(step).saturating_mul(4);
    match kept {
        Some(weights) if asked.for_layer(weights) == Weights::F16 => {
            all.saturating_sub(weights.len().saturating_mul(2))
        }
        _ => all,
    }
}

impl Plan {
    /// The same with weights kept as asked, and [`Self::weight_bytes`] as they are then.
    #[must_use]
    pub fn with_weights(mut self, weights: Weights) -> Self {
        self.weights = weights;
        self.weight_bytes =
            (self.steps.iter()).fold(0usize, |sum, step| sum.saturating_add(bytes(step, &self.time, weights)));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Region;
    use crate::stream::Clock;
    use tonegraft_kernels::conv1d::Shape;

    fn step(hop: i64, weights: Vec<f32>, addends: usize) -> Step {
        let region = Region {
            offset: 0,
            planes: 2,
            stride: 16,
            rate: Rate::Frames(Clock { hop, phase: 0 }),
        };
        Step {
            name: String::new(),
            op: StepOp::Conv {
                shape: Shape {
                    inputs: 2,
                    outputs: 2,
                    taps: 1,
                    groups: 1,
                },
                dilation: 1,
                weights: weights.into(),
                bias: None,
                slopes: None,
                begin: None,
                mix: None,
                addends,
                activation: None,
            },
            inputs: vec![region],
            output: region,
            total: None,
        }
    }

    #[test]
    fn layers_that_read_their_weights_for_few_frames_take_half() {
        let time = Timebase {
            ticks: 1,
            stepwise_from: 300,
            block: 512,
        };
        let taken = |step: &Step| [Weights::F32, Weights::F16].map(|asked| bytes(step, &time, asked));
        assert_eq!(taken(&step(256, vec![0.5; 4], 0)), [16, 8]);
        assert_eq!(taken(&step(320, vec![0.5; 4], 0)), [16, 8]);
        // At audio rate, with something added to it, and with a weight that 16 bits do not hold.
        assert_eq!(taken(&step(1, vec![0.5; 4], 0)), [16, 16]);
        assert_eq!(taken(&step(256, vec![0.5; 4], 1)), [16, 16]);
        assert_eq!(taken(&step(256, vec![1e6; 4], 0)), [16, 16]);
    }
}
