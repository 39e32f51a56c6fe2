//! The plan as text, the same on every machine: a golden file in tests, `inspect --stage plan` for people.

use super::{Plan, Region, Step, StepOp};
use crate::stream::{Feed, Prefix, Rate};
use std::fmt;

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "latency {} · receptive field {}{} · {} MAC/sample · weights {} B · state {} B · working memory {} floats · pre-roll {}",
            self.latency,
            self.receptive_field,
            if self.recurrent { " + recurrent" } else { "" },
            self.macs,
            self.weight_bytes,
            self.state_bytes,
            self.memory,
            self.pre_roll
        )?;
        let feeds: Vec<String> = (self.feeds.iter())
            .map(|feed| match feed {
                Feed::Channel(channel) => format!("channel {channel}"),
                Feed::Control(control) => format!("knob {control}"),
            })
            .collect();
        writeln!(f, "input {} ← {}", Place(self.input), feeds.join(", "))?;
        for (offset, control) in &self.control_cells {
            writeln!(f, "c{offset} ← knob {control} `{}`", self.controls[*control].knob.name)?;
        }
        for (region, _) in &self.constants {
            writeln!(f, "{} ← constant", Place(*region))?;
        }
        for (title, steps) in [("when a knob moves", &self.control_steps), ("every block", &self.steps)] {
            if !steps.is_empty() {
                writeln!(f, "{title}:")?;
                for step in steps {
                    writeln!(f, "  {step}")?;
                }
            }
        }
        writeln!(f, "output {}", Place(self.output))
    }
}

struct Place(Region);

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.rate {
            Rate::Control => write!(f, "c{}×{}", self.0.offset, self.0.planes),
            Rate::Frames(clock) if clock.hop == 1 => write!(f, "a{}×{}", self.0.offset, self.0.planes),
            Rate::Frames(clock) => {
                write!(f, "a{}×{}@{}+{}", self.0.offset, self.0.planes, clock.hop, clock.phase)
            }
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ← ", Place(self.output))?;
        match &self.op {
            StepOp::Conv {
                shape,
                dilation,
                bias,
                slopes,
                begin,
                mix,
                addends,
                activation,
                ..
            } => {
                write!(f, "conv {}→{}", shape.inputs, shape.outputs)?;
                if shape.taps > 1 {
                    write!(f, ", {} taps · {dilation}", shape.taps)?;
                }
                if shape.groups > 1 {
                    write!(f, ", {} groups", shape.groups)?;
                }
                f.write_str(if bias.is_some() { ", bias" } else { "" })?;
                f.write_str(if slopes.is_some() { ", slope" } else { "" })?;
                if let Some(begin) = begin {
                    write!(f, ", {} before tick {}", beginning(begin), begin.until)?;
                }
                if let Some(mix) = mix {
                    write!(f, ", + {}→{}", mix.inputs, shape.outputs)?;
                }
                if *addends > 0 {
                    write!(f, ", + {addends}")?;
                }
                if let Some(function) = activation {
                    write!(f, ", {function:?}")?;
                }
            }
            StepOp::Recurrent { cell, weights, start } => {
                write!(
                    f,
                    "{} {}→{}, from tick {start}",
                    cell.name(),
                    weights.inputs,
                    weights.hidden
                )?;
            }
            StepOp::Unary(function) => write!(f, "{function:?}")?,
            StepOp::Binary { function, .. } => write!(f, "{function:?}")?,
            StepOp::Assemble(map) => write!(f, "assemble {}", map.len())?,
            StepOp::Begin(prefix) => write!(f, "{} before tick {}", beginning(prefix), prefix.until)?,
            StepOp::Delay(ticks) => write!(f, "delay {ticks}")?,
            StepOp::Select { .. } => f.write_str("select")?,
            StepOp::Stack {
                taps,
                dilation,
                every,
                begin,
            } => {
                write!(f, "stack {taps} · {dilation} every {every}")?;
                if let Some(begin) = begin {
                    write!(f, ", {} before tick {}", beginning(begin), begin.until)?;
                }
            }
            StepOp::Spread { factor } => write!(f, "spread {factor}")?,
            StepOp::Read { reach } => write!(f, "read within {reach}")?,
            StepOp::Frame(function) => write!(f, "{}", function.name())?,
            StepOp::State { number, delay: 1, .. } => write!(f, "state {number}")?,
            StepOp::State { number, delay, .. } => write!(f, "state {number} of {delay} frames ago")?,
            StepOp::Circuit(circuit) => write!(f, "{circuit}")?,
            StepOp::Store { number, .. } => write!(f, "store {number}")?,
            StepOp::Ramp { start, scale, offset } => write!(f, "ramp {scale} · n + {offset} from tick {start}")?,
            StepOp::Phase { rate, frames, offset } => write!(f, "phase {rate} Hz at {frames}, planes {offset} apart")?,
            StepOp::Noise { noise, seed } => write!(f, "{noise:?}, seed {seed}")?,
        }
        if self.inputs.is_empty() {
            return write!(f, "  `{}`", self.name);
        }
        let inputs: Vec<String> = self.inputs.iter().map(|region| Place(*region).to_string()).collect();
        write!(f, " of {}", inputs.join(", "))?;
        if let Some(total) = self.total {
            write!(f, ", added to {}", Place(total))?;
        }
        write!(f, "  `{}`", self.name)
    }
}

fn beginning(prefix: &Prefix) -> String {
    let length = prefix.length;
    if prefix.edge {
        "its first frame".into()
    } else if length == 0 {
        "zeros".into()
    } else {
        format!("{length} frames given")
    }
}
