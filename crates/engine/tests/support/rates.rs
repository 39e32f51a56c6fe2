//! Layers at slower rates than the audio's, back to it at their end: encoders and decoders, pools, folds, repeated frames.

use super::random::{Maker, Padding};
use proptest::prelude::*;
use tonegraft_model::ValueId;
use tonegraft_model::op::{AutoPad, Binary, Coordinates, Op, ResizeMode, Rounding, Unary, Window};

/// How the rate goes down.
#[derive(Clone, Copy, Debug)]
pub enum Down {
    /// A strided convolution with that many taps more than its stride, of which so many look ahead.
    Conv { more: usize, ahead: usize },
    /// One frame in `stride`, from that one on.
    Slice { from: usize },
    /// The largest of `stride` frames.
    MaxPool,
    /// The mean of `stride` frames.
    AveragePool,
    /// `stride` frames as features of one.
    Fold,
}

/// What happens there.
#[derive(Clone, Copy, Debug)]
pub enum Slow {
    /// A causal convolution.
    Conv { taps: usize, dilation: usize },
    /// A recurrent layer.
    Recurrent { kind: usize, hidden: usize },
    /// Features to mean 0 and variance 1.
    LayerNorm,
    /// Features to a sum of 1.
    Softmax,
    /// A dense layer.
    PerFrame { out: usize },
    /// What is above a bound goes on.
    Where,
}

/// How the rate comes back.
#[derive(Clone, Copy, Debug)]
pub enum Up {
    /// A transposed convolution with twice the stride's taps, of which so many are cropped at its beginning.
    Transposed { begin: usize },
    /// Every frame repeated.
    Nearest,
    /// Features as successive frames.
    Unfold,
}

/// One layer of a network.
#[derive(Clone, Debug)]
pub enum Layer {
    /// Down, a few layers, up; with the layer's input added where `skip`.
    Rate {
        stride: usize,
        down: Down,
        slow: Vec<Slow>,
        up: Up,
        skip: bool,
    },
    /// One rate within another: strides 2 and 3.
    Nested { inner: Slow, up: [Up; 2] },
    /// At the rate of the audio.
    Audio { taps: usize, dilation: usize },
}

fn down() -> impl Strategy<Value = Down> {
    prop_oneof![
        (0usize..4, 0usize..3).prop_map(|(more, ahead)| Down::Conv { more, ahead }),
        (0usize..3).prop_map(|from| Down::Slice { from }),
        Just(Down::MaxPool),
        Just(Down::AveragePool),
        Just(Down::Fold),
    ]
}

fn slow() -> impl Strategy<Value = Slow> {
    prop_oneof![
        (1usize..4, 1usize..3).prop_map(|(taps, dilation)| Slow::Conv { taps, dilation }),
        (0usize..4, 1usize..6).prop_map(|(kind, hidden)| Slow::Recurrent { kind, hidden }),
        Just(Slow::LayerNorm),
        Just(Slow::Softmax),
        (1usize..6).prop_map(|out| Slow::PerFrame { out }),
        Just(Slow::Where),
    ]
}

fn up() -> impl Strategy<Value = Up> {
    prop_oneof![
        (0usize..3).prop_map(|begin| Up::Transposed { begin }),
        Just(Up::Nearest),
        Just(Up::Unfold),
    ]
}

/// Any of them.
pub fn layer() -> impl Strategy<Value = Layer> {
    let strides = prop_oneof![Just(2usize), Just(3), Just(4), Just(5), Just(12), Just(40)];
    let rate = (
        strides,
        down(),
        proptest::collection::vec(slow(), 0..3),
        up(),
        any::<bool>(),
    );
    prop_oneof![
        4 => rate.prop_map(|(stride, down, slow, up, skip)| Layer::Rate {
            stride,
            down,
            slow,
            up,
            skip
        }),
        1 => (slow(), up(), up()).prop_map(|(inner, a, b)| Layer::Nested { inner, up: [a, b] }),
        1 => (1usize..4, 1usize..5).prop_map(|(taps, dilation)| Layer::Audio { taps, dilation }),
    ]
}

fn signed(n: usize) -> i64 {
    i64::try_from(n).expect("small")
}

/// A window along the last axis.
fn window(taps: usize, stride: usize, pads: (usize, usize)) -> Window {
    Window {
        kernel: vec![taps],
        strides: vec![stride],
        dilations: vec![1],
        pads: vec![signed(pads.0), signed(pads.1)],
        auto_pad: AutoPad::NotSet,
    }
}

impl<F: FnMut() -> f32> Maker<F> {
    /// Adds a layer. The signal keeps its length.
    pub fn add_layer(&mut self, layer: &Layer) {
        match layer {
            Layer::Audio { taps, dilation } => {
                let y = self.conv(self.x, (self.channels, 3), *taps, *dilation, Padding::Causal, 1);
                self.x = self.activate(y, 0, 3);
                self.channels = 3;
            }
            Layer::Rate {
                stride,
                down,
                slow,
                up,
                skip,
            } => {
                let (x, channels) = (self.x, self.channels);
                self.down(*stride, *down);
                for slow in slow {
                    self.slow(*slow);
                }
                self.up(*stride, *up);
                if *skip {
                    let y = self.conv(self.x, (self.channels, channels), 1, 1, Padding::None, 1);
                    self.x = self.net.node(Op::Binary(Binary::Add), &[x, y]);
                    self.channels = channels;
                }
            }
            Layer::Nested { inner, up } => {
                self.down(2, Down::Conv { more: 2, ahead: 1 });
                let (x, channels) = (self.x, self.channels);
                self.down(3, Down::AveragePool);
                self.slow(*inner);
                self.up(3, up[0]);
                self.x = self.net.node(Op::Concat { axis: 1 }, &[x, self.x]);
                self.channels += channels;
                self.up(2, up[1]);
            }
        }
    }

    /// The nearest of five numbers, as a row of a table. For the input itself, which the stream and the interpreter have in the
    /// same bits: where two numbers are as near, rounding would decide.
    pub fn codes(&mut self) {
        let numbers = self.net.floats(&[1, 5, 1], vec![-0.8, -0.3, 0.0, 0.4, 0.9]);
        let distance = self.net.node(Op::Binary(Binary::Sub), &[self.x, numbers]);
        let distance = self.net.node(Op::Unary(Unary::Abs), &[distance]);
        let nearest = Op::ArgReduce {
            max: false,
            axis: 1,
            keep_dims: false,
            select_last: false,
        };
        let codes = self.net.node(nearest, &[distance]);
        let table = self.random(&[5, 2], 1);
        let rows = self.net.node(Op::Gather { axis: 0 }, &[table, codes]);
        self.x = self.net.node(Op::Transpose { perm: vec![0, 2, 1] }, &[rows]);
        self.channels = 2;
    }

    fn down(&mut self, stride: usize, down: Down) {
        let (x, c) = (self.x, self.channels);
        self.x = match down {
            Down::Conv { more, ahead } => {
                let taps = stride + more;
                let ahead = ahead.min(more);
                let w = self.random(&[3, c, taps], c * taps);
                let b = self.random(&[3], 4);
                self.channels = 3;
                let window = window(taps, stride, (more - ahead, ahead));
                let y = self.net.node(Op::Conv { window, group: 1 }, &[x, w, b]);
                self.activate(y, 0, 3)
            }
            Down::Slice { from } => {
                let from = from.min(stride - 1);
                let (starts, ends) = (self.net.ints(&[signed(from)]), self.net.ints(&[i64::MAX]));
                let (axes, steps) = (self.net.ints(&[2]), self.net.ints(&[signed(stride)]));
                self.net.node(Op::Slice, &[x, starts, ends, axes, steps])
            }
            Down::MaxPool => {
                let window = window(stride, stride, (0, 0));
                let op = Op::MaxPool {
                    window,
                    ceil_mode: false,
                };
                self.net.node(op, &[x])
            }
            Down::AveragePool => {
                let window = window(stride, stride, (0, 0));
                let op = Op::AveragePool {
                    window,
                    ceil_mode: false,
                    count_include_pad: false,
                };
                self.net.node(op, &[x])
            }
            Down::Fold => {
                let y = self.reshape(x, &[1, signed(c), -1, signed(stride)]);
                let y = self.net.node(Op::Transpose { perm: vec![0, 1, 3, 2] }, &[y]);
                let y = self.reshape(y, &[1, signed(c * stride), -1]);
                self.channels = 3;
                self.conv(y, (c * stride, 3), 1, 1, Padding::None, 1)
            }
        };
    }

    fn reshape(&mut self, x: ValueId, shape: &[i64]) -> ValueId {
        let shape = self.net.ints(shape);
        self.net.node(Op::Reshape { allow_zero: false }, &[x, shape])
    }

    fn slow(&mut self, slow: Slow) {
        let (x, c) = (self.x, self.channels);
        let turn = |maker: &mut Self, x| maker.net.node(Op::Transpose { perm: vec![0, 2, 1] }, &[x]);
        match slow {
            Slow::Conv { taps, dilation } => {
                let y = self.conv(x, (c, 4), taps, dilation, Padding::Causal, 1);
                self.x = self.activate(y, 2, 4);
                self.channels = 4;
            }
            Slow::Recurrent { kind, hidden } => self.recurrent(kind, hidden),
            Slow::LayerNorm => {
                let y = turn(self, x);
                let (scale, bias) = (self.random(&[c], 1), self.random(&[c], 1));
                let op = Op::LayerNormalization {
                    axis: 2,
                    // Generous: a signal near silence would have its rounding errors blown up.
                    epsilon: 1e-2,
                };
                let y = self.net.node(op, &[y, scale, bias]);
                self.x = turn(self, y);
            }
            Slow::Softmax => self.x = self.net.node(Op::Softmax { axis: 1, log: false }, &[x]),
            Slow::PerFrame { out } => {
                let y = turn(self, x);
                let w = self.random(&[c, out], c);
                let y = self.net.node(Op::MatMul, &[y, w]);
                self.x = turn(self, y);
                self.channels = out;
            }
            Slow::Where => {
                // Continuous at the bound, so that rounding does not show.
                let bound = self.net.floats(&[], vec![0.125]);
                let zero = self.net.floats(&[], vec![0.0]);
                let above = self.net.node(Op::Binary(Binary::Greater), &[x, bound]);
                let y = self.net.node(Op::Binary(Binary::Sub), &[x, bound]);
                self.x = self.net.node(Op::Where, &[above, y, zero]);
            }
        }
    }

    fn up(&mut self, stride: usize, up: Up) {
        let (x, c) = (self.x, self.channels);
        self.x = match up {
            Up::Transposed { begin } => {
                let begin = begin.min(stride);
                let w = self.random(&[c, 2, 2 * stride], 2 * c);
                let b = self.random(&[2], 4);
                self.channels = 2;
                let op = Op::ConvTranspose {
                    window: window(2 * stride, stride, (begin, stride - begin)),
                    group: 1,
                    output_padding: vec![0],
                    output_shape: None,
                };
                let y = self.net.node(op, &[x, w, b]);
                self.net.node(Op::Unary(Unary::Tanh), &[y])
            }
            Up::Nearest => {
                #[allow(clippy::cast_precision_loss)]
                let scales = self.net.floats(&[3], vec![1.0, 1.0, stride as f32]);
                let op = Op::Resize {
                    mode: ResizeMode::Nearest(Rounding::Floor),
                    coordinates: Coordinates::Asymmetric,
                };
                self.net.nodes(op, &[Some(x), None, Some(scales)], 1)[0]
            }
            Up::Unfold => {
                let y = self.conv(x, (c, 2 * stride), 1, 1, Padding::None, 1);
                self.channels = 2;
                let y = self.reshape(y, &[1, 2, signed(stride), -1]);
                let y = self.net.node(Op::Transpose { perm: vec![0, 1, 3, 2] }, &[y]);
                self.reshape(y, &[1, 2, -1])
            }
        };
    }
}
