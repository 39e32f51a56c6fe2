//! Networks made at random: blocks that each keep the signal `[1, channels, T]`.

use super::Net;
use proptest::prelude::*;
use tonegraft_model::ValueId;
use tonegraft_model::op::{Binary, Op, PadMode, Recurrent, Unary};

#[derive(Clone, Copy, Debug)]
pub enum Padding {
    None,
    Causal,
    Same,
    /// Both sides in full, the end cropped: a causal convolution as many write it.
    Chomped,
    /// More than the kernel reaches.
    Excess,
}

#[derive(Clone, Debug)]
pub enum Block {
    Conv {
        out: usize,
        taps: usize,
        dilation: usize,
        padding: Padding,
        grouped: bool,
        activation: usize,
    },
    Residual {
        taps: usize,
        dilation: usize,
        padding: Padding,
    },
    Gate {
        taps: usize,
    },
    PadThenConv {
        begin: usize,
        value: f32,
        taps: usize,
    },
    Skip {
        taps: usize,
    },
    Delay {
        frames: usize,
    },
    Crop {
        begin: i64,
        end: i64,
    },
    Recurrent {
        kind: usize,
        hidden: usize,
    },
    PerFrame {
        out: usize,
    },
    Film,
    Normalise,
}

pub fn padding() -> impl Strategy<Value = Padding> {
    prop_oneof![
        Just(Padding::None),
        Just(Padding::Causal),
        Just(Padding::Same),
        Just(Padding::Chomped),
        Just(Padding::Excess)
    ]
}

pub fn block() -> impl Strategy<Value = Block> {
    prop_oneof![
        (1usize..6, 1usize..5, 1usize..9, padding(), any::<bool>(), 0usize..7).prop_map(
            |(out, taps, dilation, padding, grouped, activation)| Block::Conv {
                out,
                taps,
                dilation,
                padding,
                grouped,
                activation
            }
        ),
        (2usize..4, 1usize..5, padding()).prop_map(|(taps, dilation, padding)| Block::Residual {
            taps,
            dilation,
            padding
        }),
        (1usize..4).prop_map(|taps| Block::Gate { taps }),
        (1usize..6, -1.0f32..1.0, 1usize..4).prop_map(|(begin, value, taps)| Block::PadThenConv { begin, value, taps }),
        (1usize..4).prop_map(|taps| Block::Skip { taps }),
        (1usize..40).prop_map(|frames| Block::Delay { frames }),
        (0i64..9, 0i64..9).prop_map(|(begin, end)| Block::Crop { begin, end }),
        (0usize..5, 1usize..9).prop_map(|(kind, hidden)| Block::Recurrent { kind, hidden }),
        (1usize..5).prop_map(|out| Block::PerFrame { out }),
        Just(Block::Film),
        Just(Block::Normalise),
    ]
}

/// A network under construction; `x` is `[1, channels, T]`.
pub struct Maker<F> {
    pub net: Net,
    pub x: ValueId,
    pub channels: usize,
    pub knobs: Option<ValueId>,
    next: F,
}

impl<F: FnMut() -> f32> Maker<F> {
    pub fn new(next: F) -> Self {
        let mut net = Net::new();
        let x = net.input("x", &[1, 1, 0]);
        Self {
            net,
            x,
            channels: 1,
            knobs: None,
            next,
        }
    }

    /// The output: one channel.
    pub fn finish(&mut self) {
        let y = self.conv(self.x, (self.channels, 1), 1, 1, Padding::None, 1);
        self.net.output(y, "y");
    }

    pub fn random(&mut self, shape: &[usize], fan_in: usize) -> ValueId {
        #[allow(clippy::cast_precision_loss)]
        let scale = 1.2 / (fan_in as f32).sqrt();
        let values = (0..shape.iter().product()).map(|_| (self.next)() * scale).collect();
        self.net.floats(shape, values)
    }

    pub fn conv(
        &mut self,
        x: ValueId,
        channels: (usize, usize),
        taps: usize,
        dilation: usize,
        padding: Padding,
        group: usize,
    ) -> ValueId {
        let (inputs, outputs) = channels;
        let reach = i64::try_from((taps - 1) * dilation).expect("small");
        let w = self.random(&[outputs, inputs / group, taps], inputs / group * taps);
        let b = self.random(&[outputs], 4);
        let pads = match padding {
            Padding::None => (0, 0),
            Padding::Causal => (reach, 0),
            Padding::Same => (reach / 2, reach - reach / 2),
            Padding::Chomped => (reach, reach),
            Padding::Excess => (reach + 3, 1),
        };
        let y = self.net.conv(x, w, Some(b), taps, dilation, pads, group);
        match padding {
            Padding::Chomped if reach > 0 => self.net.slice(y, 2, 0, -reach),
            Padding::Excess => self.net.slice(y, -1, 0, -4),
            _ => y,
        }
    }

    pub fn activate(&mut self, x: ValueId, which: usize, channels: usize) -> ValueId {
        let unary = match which {
            0 => Unary::Tanh,
            1 => Unary::Relu,
            2 => Unary::LeakyRelu { alpha: 0.2 },
            3 => Unary::Elu { alpha: 1.0 },
            4 => Unary::Softplus,
            5 => {
                let slopes = self.random(&[channels, 1], 1);
                return self.net.node(Op::PRelu, &[x, slopes]);
            }
            _ => return x,
        };
        self.net.node(Op::Unary(unary), &[x])
    }

    pub fn add(&mut self, block: &Block) {
        let (x, c) = (self.x, self.channels);
        match block {
            Block::Conv {
                out,
                taps,
                dilation,
                padding,
                grouped,
                activation,
            } => {
                let (out, group) = if *grouped { (c * 2, c) } else { (*out, 1) };
                let y = self.conv(x, (c, out), *taps, *dilation, *padding, group);
                self.x = self.activate(y, *activation, out);
                self.channels = out;
            }
            Block::Residual {
                taps,
                dilation,
                padding,
            } => {
                let reach = i64::try_from((taps - 1) * dilation).expect("small");
                let y = self.conv(x, (c, c), *taps, *dilation, *padding, 1);
                let y = self.net.node(Op::Unary(Unary::Tanh), &[y]);
                let skip = match padding {
                    Padding::None => self.net.slice(x, 2, reach, i64::MAX),
                    _ => x,
                };
                self.x = self.net.node(Op::Binary(Binary::Add), &[y, skip]);
            }
            Block::Gate { taps } => {
                let y = self.conv(x, (c, 2 * c), *taps, 2, Padding::Causal, 1);
                let halves = self.net.nodes(Op::Split { axis: 1 }, &[Some(y)], 2);
                let a = self.net.node(Op::Unary(Unary::Tanh), &[halves[0]]);
                let b = self.net.node(Op::Unary(Unary::Sigmoid), &[halves[1]]);
                self.x = self.net.node(Op::Binary(Binary::Mul), &[a, b]);
            }
            Block::PadThenConv { begin, value, taps } => {
                let begin = i64::try_from(*begin).expect("small");
                let pads = self.net.ints(&[0, 0, begin, 0, 0, 2]);
                let value = self.net.floats(&[], vec![*value]);
                let y = self.net.node(
                    Op::Pad {
                        mode: PadMode::Constant,
                    },
                    &[x, pads, value],
                );
                let y = self.net.node(Op::Unary(Unary::Tanh), &[y]);
                self.x = self.conv(y, (c, c), *taps, 1, Padding::None, 1);
            }
            Block::Skip { taps } => {
                let y = self.conv(x, (c, 2), *taps, 3, Padding::Same, 1);
                self.x = self.net.node(Op::Concat { axis: 1 }, &[x, y]);
                self.channels = c + 2;
            }
            Block::Delay { frames } => {
                let given = self.random(&[1, c, *frames], 1);
                let y = self.net.node(Op::Concat { axis: 2 }, &[given, x]);
                self.x = self.net.slice(y, 2, 0, -i64::try_from(*frames).expect("small"));
            }
            Block::Crop { begin, end } => {
                let end = if *end == 0 { i64::MAX } else { -end };
                self.x = self.net.slice(x, 2, *begin, end);
            }
            Block::Recurrent { kind, hidden } => self.recurrent(*kind, *hidden),
            Block::PerFrame { out } => {
                let y = self.net.node(Op::Transpose { perm: vec![0, 2, 1] }, &[x]);
                let w = self.random(&[c, *out], c);
                let y = self.net.node(Op::MatMul, &[y, w]);
                let b = self.random(&[*out], 1);
                let y = self.net.node(Op::Binary(Binary::Add), &[y, b]);
                self.x = self.net.node(Op::Transpose { perm: vec![0, 2, 1] }, &[y]);
                self.channels = *out;
            }
            Block::Film => {
                let knobs = *self.knobs.get_or_insert_with(|| self.net.input("knobs", &[1, 2]));
                let w = self.random(&[2 * c, 2], 2);
                let b = self.random(&[2 * c], 1);
                let gemm = Op::Gemm {
                    alpha: 1.0,
                    beta: 1.0,
                    trans_a: false,
                    trans_b: true,
                };
                let y = self.net.node(gemm, &[knobs, w, b]);
                let y = self.net.node(Op::Unary(Unary::Tanh), &[y]);
                let axis = self.net.ints(&[-1]);
                let y = self.net.node(Op::Unsqueeze, &[y, axis]);
                let halves = self.net.nodes(Op::Split { axis: 1 }, &[Some(y)], 2);
                let y = self.net.node(Op::Binary(Binary::Mul), &[x, halves[0]]);
                self.x = self.net.node(Op::Binary(Binary::Add), &[y, halves[1]]);
            }
            Block::Normalise => {
                let parts: Vec<ValueId> = (0..3).map(|_| self.random(&[c], 1)).collect();
                let variance = self.net.floats(&[c], vec![0.7; c]);
                let op = Op::BatchNormalization { epsilon: 1e-5 };
                self.x = self.net.node(op, &[x, parts[0], parts[1], parts[2], variance]);
            }
        }
    }

    pub fn recurrent(&mut self, kind: usize, hidden: usize) {
        let (x, c) = (self.x, self.channels);
        let gates = [4, 3, 3, 1, 4][kind];
        let recurrent = Recurrent {
            hidden,
            direction: tonegraft_model::op::Direction::Forward,
            batch_first: kind == 4,
            activations: None,
            clip: None,
        };
        let perm = if kind == 4 { vec![0, 2, 1] } else { vec![2, 0, 1] };
        let y = self.net.node(Op::Transpose { perm }, &[x]);
        let w = self.random(&[1, gates * hidden, c], c);
        let r = self.random(&[1, gates * hidden, hidden], 4 * hidden);
        let b = self.random(&[1, 2 * gates * hidden], 4);
        let h = self.random(&[1, 1, hidden], 1);
        let op = match kind {
            0 | 4 => Op::Lstm {
                recurrent,
                input_forget: false,
            },
            1 | 2 => Op::Gru {
                recurrent,
                linear_before_reset: kind == 1,
            },
            _ => Op::Rnn { recurrent },
        };
        let state = if kind == 4 { None } else { Some(h) };
        let y = self
            .net
            .nodes(op, &[Some(y), Some(w), Some(r), Some(b), None, state], 2)[0];
        // [T, 1, 1, H] or [1, T, 1, H] → [1, H, T].
        self.x = if kind == 4 {
            let axes = self.net.ints(&[2]);
            let y = self.net.node(Op::Squeeze, &[y, axes]);
            self.net.node(Op::Transpose { perm: vec![0, 2, 1] }, &[y])
        } else {
            let shape = self.net.ints(&[-1, 1, i64::try_from(hidden).expect("small")]);
            let y = self.net.node(Op::Reshape { allow_zero: false }, &[y, shape]);
            self.net.node(Op::Transpose { perm: vec![1, 2, 0] }, &[y])
        };
        self.channels = hidden;
    }
}
