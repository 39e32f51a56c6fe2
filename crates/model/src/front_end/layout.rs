//! How a model lays out a spectrum: which axis has the bins, which the real and imaginary parts.

use super::description::Stft;
use super::{Ends, contents, is_other};
use crate::assemble::Assembly;
use crate::error::{Result, shorten};
use crate::graph::{Dim, Graph, ValueId};
use crate::metadata::{find as named, names, wrong};
use crate::onnx::Pins;
use crate::tensor::DType;

/// What a spectral input or output holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// A number per bin.
    Real,
    /// Real and imaginary part per bin.
    Complex,
}

/// Where the parts of a spectrum lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    /// Sizes, with 1 for open ones.
    shape: Vec<usize>,
    bins: usize,
    /// True if real and imaginary part follow the bins, false if they come before them or one axis holds all of the one, then
    /// all of the other.
    pairs_last: bool,
    content: Content,
    /// Axes that are open, or of another size, and must be 1.
    loose: Vec<usize>,
}

impl Layout {
    /// By the sizes; `None` if they hold no such spectrum.
    fn of(dims: &[Dim], bins: usize, content: Content) -> Option<Self> {
        let (mut at_bins, mut at_pair, mut stacked) = (None, None, false);
        let (mut shape, mut loose) = (Vec::new(), Vec::new());
        for (axis, dim) in dims.iter().enumerate() {
            let complex = content == Content::Complex;
            shape.push(match dim.known() {
                Some(1) => 1,
                Some(size) if at_bins.is_none() && (size == bins || complex && size == 2 * bins) => {
                    (at_bins, stacked) = (Some(axis), size != bins);
                    size
                }
                Some(2) if complex && at_pair.is_none() => {
                    at_pair = Some(axis);
                    2
                }
                _ => {
                    loose.push(axis);
                    1
                }
            });
        }
        let at_bins = at_bins?;
        if content == Content::Complex && at_pair.is_some() == stacked {
            return None;
        }
        Some(Self {
            shape,
            bins,
            pairs_last: at_pair.is_some_and(|pair| pair > at_bins),
            content,
            loose,
        })
    }

    /// From `[1, bins]` or `[1, bins, 2]`.
    pub(super) fn laid_out(&self, assembly: &mut Assembly<'_>, x: ValueId) -> Result<ValueId> {
        let x = match self.content {
            Content::Complex if !self.pairs_last => assembly.transpose(x, vec![0, 2, 1])?,
            _ => x,
        };
        assembly.reshape_to(x, &self.shape)
    }

    /// To `[1, bins]` or `[1, bins, 2]`.
    pub(super) fn plain(&self, assembly: &mut Assembly<'_>, x: ValueId) -> Result<ValueId> {
        match self.content {
            Content::Real => assembly.reshape_to(x, &[1, self.bins]),
            Content::Complex if self.pairs_last => assembly.reshape_to(x, &[1, self.bins, 2]),
            Content::Complex => {
                let x = assembly.reshape_to(x, &[1, 2, self.bins])?;
                assembly.transpose(x, vec![0, 2, 1])
            }
        }
    }
}

/// One side of a model.
struct Side<'a> {
    graph: &'a Graph,
    stft: &'a Stft,
    /// Inputs or outputs.
    ids: &'a [ValueId],
    what: &'static str,
    /// Names of the spectral ones, if they are given.
    wanted: Vec<String>,
    count: usize,
    content: Content,
    /// Whether an open number of frames may be one.
    frames_may_be_one: bool,
}

impl<'a> Side<'a> {
    fn inputs(graph: &'a Graph, stft: &'a Stft) -> Self {
        let ((count, content), _) = contents(stft);
        Self {
            graph,
            stft,
            ids: &graph.inputs,
            what: "inputs",
            wanted: wanted(&stft.inputs, graph.metadata.audio_input.as_ref(), count),
            count,
            content,
            // With states of its own a model carries on from frame to frame.
            frames_may_be_one: stft.single_frames || !crate::states::pairs(graph).is_empty(),
        }
    }

    fn outputs(graph: &'a Graph, stft: &'a Stft) -> Self {
        let (_, (count, content)) = contents(stft);
        Self {
            graph,
            stft,
            ids: &graph.outputs,
            what: "outputs",
            wanted: wanted(&stft.outputs, graph.metadata.audio_output.as_ref(), count),
            count,
            content,
            // They follow from the inputs' sizes.
            frames_may_be_one: true,
        }
    }

    fn bins(&self) -> usize {
        self.stft.framing.size / 2 + 1
    }

    fn layout(&self, id: ValueId) -> Option<Layout> {
        let value = self.graph.value(id);
        let layout = Layout::of(&value.shape, self.bins(), self.content).filter(|_| value.dtype == DType::F32)?;
        let may_be_one = |axis: &usize| match value.shape.get(*axis).and_then(Dim::known) {
            Some(_) => self.stft.single_frames && self.what == "inputs",
            // The first axis is the batch.
            None => *axis == 0 || self.frames_may_be_one,
        };
        layout.loose.iter().all(may_be_one).then_some(layout)
    }

    fn show(&self, id: ValueId) -> String {
        let value = self.graph.value(id);
        let sizes: Vec<String> = value.shape.iter().map(ToString::to_string).collect();
        format!("`{}` [{}]", shorten(&value.name), sizes.join(", "))
    }

    fn find(&self) -> Result<Vec<(ValueId, Layout)>> {
        let (graph, bins) = (self.graph, self.bins());
        let needed = match self.content {
            Content::Real => format!("an axis of {bins} and all others 1"),
            Content::Complex => format!("axes of {bins} and 2 (or one of {}) and all others 1", 2 * bins),
        };
        let hint = if self.what == "inputs" && !self.stft.single_frames {
            "; if it takes several frames at once and each stands alone, set \"single_frames\" to true"
        } else {
            ""
        };
        let mut found = Vec::new();
        for name in &self.wanted {
            let Some(id) = named(graph, self.ids, name) else {
                let what = format!("names `{name}`, but the model has {}", names(graph, self.ids));
                return Err(wrong("stft", &what));
            };
            match self.layout(id) {
                Some(layout) => found.push((id, layout)),
                None => return Err(wrong("stft", &format!("needs {needed} in {}{hint}", self.show(id)))),
            }
        }
        if self.wanted.is_empty() {
            let plain = |id: &&ValueId| !is_other(&graph.metadata, &graph.value(**id).name);
            let spectral = (self.ids.iter().filter(plain)).filter_map(|id| Some((*id, self.layout(*id)?)));
            found = spectral.take(self.count).collect();
        }
        if found.len() < self.count {
            let all: Vec<String> = self.ids.iter().map(|id| self.show(*id)).collect();
            let what = format!(
                "finds {} of {} spectral {}, which have {needed}, among {}{hint}",
                found.len(),
                self.count,
                self.what,
                all.join(", ")
            );
            return Err(wrong("stft", &what));
        }
        Ok(found)
    }
}

fn wanted(listed: &[String], audio: Option<&String>, count: usize) -> Vec<String> {
    if listed.is_empty() && count == 1 {
        audio.cloned().into_iter().collect()
    } else {
        listed.to_vec()
    }
}

/// The spectral inputs and outputs: those that are named, else the first whose shapes can hold a spectrum.
pub(super) fn find(graph: &Graph, stft: &Stft) -> Result<Ends> {
    Ok(Ends {
        inputs: Side::inputs(graph, stft).find()?,
        outputs: Side::outputs(graph, stft).find()?,
    })
}

/// Sizes to read the file with, so that each run has one frame of one signal: every loose axis of the spectral inputs is 1.
pub(crate) fn pins(graph: &Graph) -> Result<Pins> {
    let mut pins = Pins::default();
    if let Some(stft) = &graph.metadata.stft {
        for (id, layout) in Side::inputs(graph, stft).find()? {
            for axis in &layout.loose {
                pins.pin(graph.value(id), *axis, 1);
            }
        }
    }
    Ok(pins)
}
