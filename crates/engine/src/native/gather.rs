//! Gathers consecutive convolutions into one kernel.

use super::lower::{Kernel, Lowered};
use crate::plan::{Plan, Region};
use crate::stream::{Prefix, Rate};
use tonegraft_kernels::layers::{self, Layer, Layers, MAX_TAPS, Past};

/// Replaces every run of convolutions that can be one call. Regions begin `state` floats into the memory.
pub(super) fn gather(plan: &Plan, steps: Vec<Lowered>, state: usize) -> Vec<Lowered> {
    let mut gathered: Vec<Lowered> = Vec::with_capacity(steps.len());
    let mut run: Vec<Lowered> = Vec::new();
    let mut rest = steps.into_iter();
    loop {
        let step = rest.next();
        let goes_on = step.as_ref().is_some_and(|step| {
            can_gather(plan, step)
                && run
                    .first()
                    .is_none_or(|first| (first.from, first.to) == (step.from, step.to))
        });
        if goes_on {
            run.extend(step);
            continue;
        }
        if !run.is_empty() {
            let later = step.iter().chain(rest.as_slice());
            gathered.extend(one(plan, std::mem::take(&mut run), later, state));
        }
        match step {
            // It may begin the next run.
            Some(step) if can_gather(plan, &step) => run.push(step),
            Some(step) => gathered.push(step),
            None => return gathered,
        }
    }
}

/// A beginning that is over before the first frame is played, or none.
fn is_over(plan: &Plan, begin: Option<&Prefix>) -> bool {
    let first = i64::try_from(plan.pre_roll).map_or(i64::MIN, |frames| frames.saturating_mul(-plan.time.ticks));
    begin.is_none_or(|begin| !begin.edge && begin.until <= first)
}

fn can_gather(plan: &Plan, step: &Lowered) -> bool {
    let conv = match &step.kernel {
        Kernel::Pointwise(conv) => conv,
        Kernel::Conv { conv, begin, .. } if is_over(plan, begin.as_ref()) => conv,
        _ => return false,
    };
    let shape = conv.shape();
    let fast = matches!(step.output.rate, Rate::Frames(clock) if !plan.time.is_stepwise(clock));
    let alike = step
        .inputs
        .iter()
        .chain(&step.total)
        .all(|region| region.rate == step.output.rate);
    fast && alike && shape.groups == 1 && shape.taps <= MAX_TAPS
}

/// The run as one step, or as it was.
fn one<'a>(plan: &Plan, run: Vec<Lowered>, later: impl Iterator<Item = &'a Lowered>, state: usize) -> Vec<Lowered> {
    let planes = |region: &Region| layers::Planes {
        offset: state + region.offset,
        stride: region.stride,
        planes: region.planes,
    };
    let Some(frame) = run.first() else { return run };
    let (output, from, to) = (frame.output, frame.from, frame.to);
    let lasting: Vec<layers::Planes> = later
        .flat_map(|step| step.inputs.iter().chain(&step.total))
        .chain([&plan.output])
        .chain(plan.meters.iter().map(|(_, region)| region))
        .map(planes)
        .collect();
    let layers: Option<Vec<Layer>> = run.iter().map(|step| layer(step, &planes)).collect();
    let gathered = layers.and_then(|layers| Layers::new(layers, &lasting, plan.time.frames(output.rate)));
    match gathered {
        Some(layers) => vec![Lowered {
            kernel: Kernel::Layers(layers),
            inputs: Box::default(),
            output,
            total: None,
            mixes: false,
            from,
            to,
        }],
        None => run,
    }
}

fn layer(step: &Lowered, planes: &impl Fn(&Region) -> layers::Planes) -> Option<Layer> {
    let (conv, past) = match &step.kernel {
        Kernel::Pointwise(conv) => (conv, None),
        Kernel::Conv {
            conv, history, backs, ..
        } => {
            let past = Past {
                ring: history.ring,
                offset: history.memory.start,
                cursor: history.cursor,
                backs: backs.clone(),
            };
            (conv, Some(past))
        }
        _ => return None,
    };
    let (x, rest) = step.inputs.split_first()?;
    let (mix, addends) = rest.split_at_checked(usize::from(step.mixes))?;
    Some(Layer {
        conv: conv.clone(),
        x: planes(x),
        past,
        mix: mix.first().map(planes),
        addends: addends.iter().map(planes).collect(),
        y: planes(&step.output),
        total: step.total.as_ref().map(planes),
    })
}
