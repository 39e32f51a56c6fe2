//! The stream graph as text, the same on every machine: a golden file in tests, `inspect --stage stream` for people.
//!
//! `w3×8@16+15` is wire 3 with 8 planes and a frame at the ticks 15, 31, 47, …; the clock of every tick is left out, and wires
//! that change with the knobs alone are `k3×8`. `[2..4]` behind it: these planes of it.

use super::{Axis, Feed, Prefix, Rate, StreamGraph, StreamNode, StreamOp, View, WireId};
use std::fmt;

impl fmt::Display for StreamGraph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "latency {}", self.latency)?;
        if self.hop_latency > 0 {
            write!(f, ", {} of it gathering", self.hop_latency)?;
        }
        write!(f, " · pre-roll {}", self.pre_roll)?;
        if self.ticks > 1 {
            write!(f, " · {} ticks a sample", self.ticks)?;
        }
        writeln!(f)?;
        let feeds: Vec<String> = (self.input.1.iter())
            .map(|feed| match feed {
                Feed::Channel(channel) => format!("channel {channel}"),
                Feed::Control(control) => self.control(*control),
            })
            .collect();
        writeln!(
            f,
            "input {} ← {}  `{}`",
            self.wire(self.input.0),
            feeds.join(", "),
            self.audio.0
        )?;
        for (wire, controls) in &self.control_wires {
            let controls: Vec<String> = controls.iter().map(|control| self.control(*control)).collect();
            writeln!(f, "{} ← {}", self.wire(*wire), controls.join(", "))?;
        }
        for node in &self.nodes {
            self.node(node, f)?;
        }
        for (state, next) in &self.states {
            match next {
                Some(next) => writeln!(f, "state `{state}` ← `{next}`")?,
                None => writeln!(f, "state `{state}`")?,
            }
        }
        let axes: Vec<String> = (self.output.axes.iter())
            .map(|axis| match axis {
                Axis::Time => "time".to_owned(),
                Axis::Size(size) => size.to_string(),
                Axis::Past(size) => format!("last {size}"),
            })
            .collect();
        writeln!(
            f,
            "output {} as [{}], first at tick {}  `{}`",
            self.view(&self.output.view),
            axes.join(", "),
            self.output.timing.shift,
            self.audio.1
        )?;
        for (name, what) in &self.other_outputs {
            writeln!(f, "other output `{name}`: {what}")?;
        }
        Ok(())
    }
}

impl StreamGraph {
    fn control(&self, index: usize) -> String {
        let name = self.controls.get(index).map_or("", |control| &control.knob.name);
        format!("knob {index} `{name}`")
    }

    fn wire(&self, id: WireId) -> String {
        let Some(wire) = self.wires.get(id.index()) else {
            return format!("w{}", id.0);
        };
        match wire.rate {
            Rate::Control => format!("k{}×{}", id.0, wire.planes),
            Rate::Frames(clock) if clock.hop == 1 => format!("w{}×{}", id.0, wire.planes),
            Rate::Frames(clock) => format!("w{}×{}@{}+{}", id.0, wire.planes, clock.hop, clock.phase),
        }
    }

    fn view(&self, view: &View) -> String {
        let wire = self.wire(view.wire);
        let whole = self.wires.get(view.wire.index()).map_or(0, |wire| wire.planes);
        if view.first == 0 && view.planes == whole {
            wire
        } else {
            format!("{wire}[{}..{}]", view.first, view.first + view.planes)
        }
    }

    fn node(&self, node: &StreamNode, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !matches!(node.op, StreamOp::Store { .. }) {
            write!(f, "{} ← ", self.wire(node.output))?;
        }
        write!(f, "{}", Operation(&node.op))?;
        if !node.inputs.is_empty() {
            let inputs: Vec<String> = node.inputs.iter().map(|view| self.view(view)).collect();
            write!(f, " of {}", inputs.join(", "))?;
        }
        writeln!(f, "  `{}`", node.name)
    }
}

struct Operation<'a>(&'a StreamOp);

impl fmt::Display for Operation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            StreamOp::Constant(values) => write!(f, "constant {}", values.len()),
            StreamOp::Conv {
                shape, dilation, bias, ..
            } => {
                write!(f, "conv {}→{}", shape.inputs, shape.outputs)?;
                if shape.taps > 1 {
                    write!(f, ", {} taps · {dilation}", shape.taps)?;
                }
                if shape.groups > 1 {
                    write!(f, ", {} groups", shape.groups)?;
                }
                f.write_str(if bias.is_some() { ", bias" } else { "" })
            }
            StreamOp::Recurrent { cell, weights, start } => {
                write!(
                    f,
                    "{} {}→{}, from tick {start}",
                    cell.name(),
                    weights.inputs,
                    weights.hidden
                )
            }
            StreamOp::Unary(function) => write!(f, "{function:?}"),
            StreamOp::Binary { function, .. } => write!(f, "{function:?}"),
            StreamOp::Select { .. } => f.write_str("select"),
            StreamOp::Assemble(map) => write!(f, "assemble {}", map.len()),
            StreamOp::Begin(prefix) => write!(f, "{}", Beginning(prefix)),
            StreamOp::Delay(ticks) => write!(f, "delay {ticks}"),
            StreamOp::Stack { taps, dilation, every } => write!(f, "stack {taps} · {dilation} every {every}"),
            StreamOp::Spread { factor } => write!(f, "spread {factor}"),
            StreamOp::Frame(function) => f.write_str(function.name()),
            StreamOp::Read { reach } => write!(f, "read within {reach}"),
            StreamOp::State { number, delay: 1, .. } => write!(f, "state {number}"),
            StreamOp::State { number, delay, .. } => write!(f, "state {number} of {delay} frames ago"),
            StreamOp::Circuit(circuit) => write!(f, "{circuit}"),
            StreamOp::Store { number, .. } => write!(f, "store {number}"),
            StreamOp::Ramp { start, scale, offset } => write!(f, "ramp {scale} · n + {offset} from tick {start}"),
            StreamOp::Phase { rate, frames, offset } => write!(f, "phase {rate} Hz at {frames}, planes {offset} apart"),
            StreamOp::Noise { noise, seed } => write!(f, "{noise:?}, seed {seed}"),
        }
    }
}

struct Beginning<'a>(&'a Prefix);

impl fmt::Display for Beginning<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.edge {
            write!(f, "the first frame before tick {}", self.0.until)
        } else if self.0.length == 0 {
            write!(f, "zeros before tick {}", self.0.until)
        } else {
            write!(f, "{} frames given before tick {}", self.0.length, self.0.until)
        }
    }
}
