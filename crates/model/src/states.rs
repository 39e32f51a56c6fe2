//! Which outputs are the next values of which inputs.

use crate::graph::{Dim, Graph, ValueId};
use crate::tensor::DType;
use std::collections::HashSet;

/// Fewest elements of a state that is recognised by its shape alone: a lone number is rather a knob or a meter.
const MIN_BY_SHAPE: usize = 16;

/// Inputs that take in the next run what an output gave, each with that output, in the order of the inputs.
///
/// Those that the metadata declares; then by name and compatible shape (`h` and `hn`, `state_3_in` and `state_3_out`,
/// `past_key` and `present_key` …); then by shape, in order, where as many inputs as outputs have it. Never the audio: the
/// declared input and output, else the inputs whose length is open, else the first, and the first output that is left. Never
/// a knob, a phase or a meter that the metadata names.
pub fn pairs(graph: &Graph) -> Vec<(ValueId, ValueId)> {
    found(graph, true)
}

/// Those of [`pairs`] that metadata or names tell: shapes may agree by chance.
pub fn named_pairs(graph: &Graph) -> Vec<(ValueId, ValueId)> {
    found(graph, false)
}

fn found(graph: &Graph, shapes: bool) -> Vec<(ValueId, ValueId)> {
    let metadata = &graph.metadata;
    let name = |id: ValueId| graph.value(id).name.as_str();
    let mut pairs: Vec<(ValueId, ValueId)> = (metadata.states.iter())
        .filter_map(|(input, output)| {
            let from = graph.inputs.iter().find(|id| name(**id) == input)?;
            let to = graph.outputs.iter().find(|id| name(**id) == output)?;
            Some((*from, *to))
        })
        .collect();
    let signal = signal_inputs(graph);
    let mut inputs: Vec<ValueId> = (graph.inputs.iter().copied())
        .filter(|id| !metadata.is_given(name(*id)) && !signal.contains(id) && pairs.iter().all(|(from, _)| from != id))
        .collect();
    let mut outputs: Vec<ValueId> = (graph.outputs.iter().copied())
        .filter(|id| {
            let other = metadata.audio_output.as_deref() == Some(name(*id))
                || metadata.meters.iter().any(|meter| meter == name(*id))
                || metadata.feedback.iter().any(|pair| pair.output == name(*id));
            !other && pairs.iter().all(|(_, to)| to != id)
        })
        .collect();
    // An output must be left to be the audio.
    let spare = usize::from(metadata.audio_output.is_none());

    inputs.retain(|input| {
        if outputs.len() <= spare {
            return true;
        }
        let wanted = successors(name(*input));
        let found = wanted.iter().find_map(|wanted| {
            let named = |output: &ValueId| name(*output).eq_ignore_ascii_case(wanted);
            outputs
                .iter()
                .position(|output| named(output) && compatible(graph, *input, *output))
        });
        match found {
            Some(at) => {
                pairs.push((*input, outputs.remove(at)));
                false
            }
            None => true,
        }
    });
    if spare > 0 && !outputs.is_empty() {
        outputs.remove(0);
    }
    if shapes {
        by_shape(graph, &inputs, &outputs, &mut pairs);
    }
    let place = |id: &ValueId| graph.inputs.iter().position(|input| input == id);
    pairs.sort_by_key(|(input, _)| place(input));
    pairs
}

/// The input and the output that carry the signal, as far as they can be told: the declared ones, else the first that is neither
/// a state nor declared to be anything else. What is fed back is the signal only where it is declared to be.
pub fn signal(graph: &Graph) -> (Option<ValueId>, Option<ValueId>) {
    let metadata = &graph.metadata;
    let named = |ids: &[ValueId], name: &Option<String>| {
        let name = name.as_ref()?;
        ids.iter().copied().find(|id| graph.value(*id).name == *name)
    };
    let pairs = pairs(graph);
    let inputs = signal_inputs(graph);
    let input = (graph.inputs.iter().copied())
        .find(|id| inputs.contains(id) && graph.value(*id).dtype != DType::Bool)
        .filter(|id| pairs.iter().all(|(from, _)| from != id));
    let other =
        |name: &String| metadata.meters.contains(name) || metadata.feedback.iter().any(|pair| pair.output == *name);
    let output = (graph.outputs.iter().copied())
        .find(|id| pairs.iter().all(|(_, to)| to != id) && !other(&graph.value(*id).name));
    (
        named(&graph.inputs, &metadata.audio_input).or(input),
        named(&graph.outputs, &metadata.audio_output).or(output),
    )
}

/// True if a value of `output` can be one of `input`: the same type, and sizes that are equal or left open.
pub(crate) fn compatible(graph: &Graph, input: ValueId, output: ValueId) -> bool {
    let (a, b) = (graph.value(input), graph.value(output));
    a.dtype == b.dtype
        && a.shape.len() == b.shape.len()
        && a.shape.iter().zip(&b.shape).all(|(a, b)| match (a, b) {
            (Dim::Known(a), Dim::Known(b)) => a == b,
            (Dim::Symbolic { .. }, Dim::Symbolic { .. }) => a == b,
            _ => true,
        })
}

/// True if the metadata says that the input is a knob's, takes a phase or is fed back.
fn is_control(graph: &Graph, id: ValueId) -> bool {
    graph.metadata.is_given(&graph.value(id).name)
}

/// Inputs that carry the signal.
fn signal_inputs(graph: &Graph) -> HashSet<ValueId> {
    if let Some(name) = &graph.metadata.audio_input {
        let named = graph.inputs.iter().filter(|id| graph.value(**id).name == *name);
        return named.copied().collect();
    }
    // The first size may be the batch.
    let open = |id: &&ValueId| {
        let shape = &graph.value(**id).shape;
        shape.len() > 1
            && shape[1..].iter().any(|dim| dim.known().is_none())
            && !looks_like_state(graph, **id)
            && !is_control(graph, **id)
    };
    let found: HashSet<ValueId> = graph.inputs.iter().filter(open).copied().collect();
    if !found.is_empty() {
        return found;
    }
    let plain = (graph.inputs.iter()).find(|id| !looks_like_state(graph, **id) && !is_control(graph, **id));
    plain.or(graph.inputs.first()).copied().into_iter().collect()
}

/// By its name.
fn looks_like_state(graph: &Graph, id: ValueId) -> bool {
    let name = graph.value(id).name.to_ascii_lowercase();
    let words = ["state", "cache", "past", "hist", "buffer", "memory", "hidden"];
    let short = ["h", "c", "h0", "c0", "hx", "cx", "h_in", "c_in", "hidden", "cell"];
    words.iter().any(|word| name.contains(word)) || short.contains(&name.as_str())
}

/// What the next value of a state of this name is called, likeliest first, in lower case.
fn successors(name: &str) -> Vec<String> {
    let name = name.to_ascii_lowercase();
    let mut list = Vec::new();
    for (old, new) in [
        ("past", "present"),
        ("prev", "next"),
        ("previous", "next"),
        ("old", "new"),
        ("input", "output"),
    ] {
        if name.contains(old) {
            list.push(name.replacen(old, new, 1));
        }
    }
    // `in` as a word of its own.
    let words: Vec<&str> = name.split('_').collect();
    if let Some(at) = words.iter().rposition(|word| *word == "in") {
        let mut words = words.clone();
        words[at] = "out";
        list.push(words.join("_"));
    }
    if let Some(stem) = name.strip_suffix("in").filter(|stem| !stem.is_empty()) {
        list.push(format!("{stem}out"));
    }
    let stems = [
        Some(name.as_str()),
        name.strip_suffix("_in"),
        name.strip_suffix("_0"),
        name.strip_suffix('0'),
        name.strip_suffix("_prev"),
        name.strip_prefix("in_"),
        name.strip_prefix("prev_"),
    ];
    for stem in stems.into_iter().flatten().filter(|stem| !stem.is_empty()) {
        for end in ["n", "_n", "_out", "out", "_new", "_next", "_o", "1", "_1"] {
            list.push(format!("{stem}{end}"));
        }
        for begin in ["n", "n_", "new_", "next_", "out_", "o_"] {
            list.push(format!("{begin}{stem}"));
        }
    }
    list.retain(|other| *other != name);
    list
}

/// Pairs what is left by shape, in order, where the numbers agree.
fn by_shape(graph: &Graph, inputs: &[ValueId], outputs: &[ValueId], pairs: &mut Vec<(ValueId, ValueId)>) {
    let sizes = |id: ValueId| -> Option<Vec<usize>> { graph.value(id).shape.iter().map(Dim::known).collect() };
    let mut done = HashSet::new();
    for input in inputs {
        let Some(shape) = sizes(*input) else { continue };
        let dtype = graph.value(*input).dtype;
        let large = crate::tensor::elements(&shape).is_some_and(|count| count >= MIN_BY_SHAPE);
        if !large || !done.insert((shape.clone(), dtype)) {
            continue;
        }
        let like = |id: &&ValueId| graph.value(**id).dtype == dtype && sizes(**id).as_ref() == Some(&shape);
        let from: Vec<ValueId> = inputs.iter().filter(like).copied().collect();
        let to: Vec<ValueId> = outputs.iter().filter(like).copied().collect();
        if from.len() == to.len() {
            pairs.extend(from.into_iter().zip(to));
        }
    }
}
