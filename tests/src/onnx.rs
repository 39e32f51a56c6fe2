//! Writes small ONNX files by hand, for tests that need a model of an exact kind, good or bad.
//!
//! Field numbers are those of `onnx.proto3`. Nothing is checked: that is the reader's job.

/// A protobuf message being written.
#[derive(Clone, Debug, Default)]
pub struct Message(Vec<u8>);

impl Message {
    /// Empty.
    pub fn new() -> Self {
        Self::default()
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push((value & 0x7F) as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    /// A number.
    #[must_use]
    pub fn int(mut self, field: u32, value: i64) -> Self {
        self.varint(u64::from(field) << 3);
        self.varint(value.cast_unsigned());
        self
    }

    /// Bytes, a string or an inner message.
    #[must_use]
    pub fn bytes(mut self, field: u32, value: impl AsRef<[u8]>) -> Self {
        let value = value.as_ref();
        self.varint(u64::from(field) << 3 | 2);
        self.varint(value.len() as u64);
        self.0.extend_from_slice(value);
        self
    }

    /// The bytes so far.
    pub fn finish(self) -> Vec<u8> {
        self.0
    }
}

impl AsRef<[u8]> for Message {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// An axis: a length, or a name for any length.
#[derive(Clone, Copy, Debug)]
pub enum Axis {
    /// Exactly that many.
    Is(i64),
    /// Any number.
    Any(&'static str),
}

/// 32-bit float, as ONNX counts types.
pub const FLOAT: i64 = 1;
/// 64-bit integer.
pub const INT64: i64 = 7;

/// A graph's input or output.
pub fn value(name: &str, kind: i64, shape: &[Axis]) -> Message {
    let dims = shape.iter().fold(Message::new(), |dims, axis| {
        let dim = match axis {
            Axis::Is(length) => Message::new().int(1, *length),
            Axis::Any(name) => Message::new().bytes(2, name),
        };
        dims.bytes(1, dim)
    });
    let tensor = Message::new().int(1, kind).bytes(2, dims);
    Message::new().bytes(1, name).bytes(2, Message::new().bytes(1, tensor))
}

/// A mono signal `[1, 1, T]`.
pub fn mono(name: &str) -> Message {
    value(name, FLOAT, &[Axis::Is(1), Axis::Is(1), Axis::Any("T")])
}

/// A weight.
pub fn tensor(name: &str, dims: &[i64], data: &[f32]) -> Message {
    let raw: Vec<u8> = data.iter().flat_map(|value| value.to_le_bytes()).collect();
    let message = dims.iter().fold(Message::new(), |message, &dim| message.int(1, dim));
    message.int(2, FLOAT).bytes(8, name).bytes(9, raw)
}

/// An attribute that is a list of integers.
pub fn ints(name: &str, values: &[i64]) -> Message {
    let message = values
        .iter()
        .fold(Message::new().bytes(1, name), |message, &value| message.int(8, value));
    message.int(20, 7)
}

/// A node.
pub fn node(kind: &str, name: &str, inputs: &[&str], outputs: &[&str], attributes: &[Message]) -> Message {
    let message = inputs
        .iter()
        .fold(Message::new(), |message, input| message.bytes(1, input));
    let message = outputs.iter().fold(message, |message, output| message.bytes(2, output));
    let message = message.bytes(3, name).bytes(4, kind);
    attributes
        .iter()
        .fold(message, |message, attribute| message.bytes(5, attribute))
}

/// What a file is made of.
#[derive(Clone, Debug, Default)]
pub struct File {
    /// Nodes, in order.
    pub nodes: Vec<Message>,
    /// Weights.
    pub weights: Vec<Message>,
    /// Graph inputs.
    pub inputs: Vec<Message>,
    /// Graph outputs.
    pub outputs: Vec<Message>,
    /// `metadata_props`.
    pub metadata: Vec<(&'static str, &'static str)>,
}

impl File {
    /// The file's bytes: opset 17.
    pub fn bytes(&self) -> Vec<u8> {
        let mut graph = Message::new();
        for (field, parts) in [
            (1, &self.nodes),
            (5, &self.weights),
            (11, &self.inputs),
            (12, &self.outputs),
        ] {
            graph = parts.iter().fold(graph, |graph, part| graph.bytes(field, part));
        }
        let graph = graph.bytes(2, "graph");
        let opset = Message::new().bytes(1, "").int(2, 17);
        let model = Message::new().int(1, 8).bytes(8, opset).bytes(7, graph);
        let model = self.metadata.iter().fold(model, |model, (key, value)| {
            model.bytes(14, Message::new().bytes(1, key).bytes(2, value))
        });
        model.finish()
    }

    /// `out = in · gain`.
    pub fn gain(gain: f32) -> Self {
        Self {
            nodes: vec![node("Mul", "scale", &["in", "gain"], &["out"], &[])],
            weights: vec![tensor("gain", &[1], &[gain])],
            inputs: vec![mono("in")],
            outputs: vec![mono("out")],
            metadata: Vec::new(),
        }
    }

    /// One convolution of `taps` with zeros before and after the signal: `out[n] = Σ taps[k] · in[n + k − before]`.
    pub fn convolution(taps: &[f32], before: i64, after: i64) -> Self {
        Self {
            nodes: vec![node(
                "Conv",
                "filter",
                &["in", "taps"],
                &["out"],
                &[
                    ints("pads", &[before, after]),
                    ints("kernel_shape", &[taps.len() as i64]),
                ],
            )],
            weights: vec![tensor("taps", &[1, 1, taps.len() as i64], taps)],
            inputs: vec![mono("in")],
            outputs: vec![mono("out")],
            metadata: Vec::new(),
        }
    }

    /// `out = √in`: NaN wherever the input is negative.
    pub fn root() -> Self {
        Self {
            nodes: vec![node("Sqrt", "root", &["in"], &["out"], &[])],
            inputs: vec![mono("in")],
            outputs: vec![mono("out")],
            ..Self::default()
        }
    }
}
