//! A codec's ladder of strided convolutions, down to a frame of 320 samples and up again: layers between the audio and the
//! slowest clock run on several frames at once, whatever the host's blocks are.

mod support;

use std::collections::BTreeMap;
use support::{Cuts, Net, assert_same, at_own_rate, bits, config, floats_of, model, noise_vec, offline, stream};
use tonegraft_engine::{InstanceConfig, Isa, Model, StartState, Weights};
use tonegraft_model::op::{AutoPad, Binary, Op, Unary, Window};
use tonegraft_model::{Graph, Tensor, ValueId};

const STRIDES: [usize; 4] = [2, 4, 5, 8];
const HOP: usize = 320;
const FRAMES: usize = 7 * HOP + 77;
/// Interpreted: a multiple of the hop.
const WHOLE: usize = 9 * HOP;

struct Ladder {
    net: Net,
    seed: u64,
}

impl Ladder {
    fn weights(&mut self, shape: &[usize], inputs: usize) -> ValueId {
        self.seed += 1;
        // A layer keeps the size of what it is given.
        #[allow(clippy::cast_precision_loss)]
        let scale = (3.0 / inputs as f32).sqrt();
        let values = noise_vec(self.seed, shape.iter().product());
        self.net
            .floats(shape, values.iter().map(|value| value * scale).collect())
    }

    fn window(taps: usize, stride: usize, pads: (usize, usize)) -> Window {
        Window {
            kernel: vec![taps],
            strides: vec![stride],
            dilations: vec![1],
            pads: vec![
                i64::try_from(pads.0).expect("small"),
                i64::try_from(pads.1).expect("small"),
            ],
            auto_pad: AutoPad::NotSet,
        }
    }

    fn conv(&mut self, x: ValueId, inputs: usize, outputs: usize, taps: usize, stride: usize) -> ValueId {
        let (w, b) = (
            self.weights(&[outputs, inputs, taps], inputs * taps),
            self.weights(&[outputs], 300),
        );
        let window = Self::window(taps, stride, (taps - stride, 0));
        self.net.node(Op::Conv { window, group: 1 }, &[x, w, b])
    }

    fn up(&mut self, x: ValueId, inputs: usize, outputs: usize, stride: usize) -> ValueId {
        let (w, b) = (
            self.weights(&[inputs, outputs, 2 * stride], 2 * inputs),
            self.weights(&[outputs], 300),
        );
        let op = Op::ConvTranspose {
            window: Self::window(2 * stride, stride, (0, stride)),
            group: 1,
            output_padding: vec![0],
            output_shape: None,
        };
        self.net.node(op, &[x, w, b])
    }

    fn elu(&mut self, x: ValueId) -> ValueId {
        self.net.node(Op::Unary(Unary::Elu { alpha: 1.0 }), &[x])
    }

    fn residual(&mut self, x: ValueId, channels: usize) -> ValueId {
        let y = self.elu(x);
        let y = self.conv(y, channels, channels / 2, 3, 1);
        let y = self.elu(y);
        let y = self.conv(y, channels / 2, channels, 1, 1);
        self.net.node(Op::Binary(Binary::Add), &[x, y])
    }
}

fn codec() -> Graph {
    let mut ladder = Ladder {
        net: Net::new(),
        seed: 0,
    };
    let x = ladder.net.input("x", &[1, 1, 0]);
    let mut channels = 4;
    let mut y = ladder.conv(x, 1, channels, 7, 1);
    for stride in STRIDES {
        y = ladder.residual(y, channels);
        y = ladder.elu(y);
        y = ladder.conv(y, channels, 2 * channels, 2 * stride, stride);
        channels *= 2;
    }
    for stride in STRIDES.into_iter().rev() {
        y = ladder.elu(y);
        y = ladder.up(y, channels, channels / 2, stride);
        channels /= 2;
        y = ladder.residual(y, channels);
    }
    let y = ladder.conv(y, channels, 1, 7, 1);
    ladder.net.output(y, "y");
    ladder.net.graph
}

fn play(model: &Model, isa: Isa, input: &[Vec<f32>], cuts: Cuts) -> Vec<Vec<f32>> {
    let config = InstanceConfig {
        isa: Some(isa),
        ..at_own_rate(model, config(1, 1, StartState::Zero))
    };
    let mut processor = model.instantiate(&config).expect("fits");
    let first = stream(processor.as_mut(), input, cuts, &[]);
    processor.reset();
    assert_eq!(
        bits(&first),
        bits(&stream(processor.as_mut(), input, cuts, &[])),
        "{isa}: after reset"
    );
    first
}

#[test]
fn any_cut_gives_the_same_bits_and_the_interpreters_values() {
    let graph = codec();
    let model = model(&graph);
    let latency = model.info().latency_samples as usize;
    assert_eq!(latency, HOP - 1);
    let input = noise_vec(99, WHOLE);
    let inputs = BTreeMap::from([(
        "x".to_owned(),
        Tensor::f32(vec![1, 1, WHOLE], input.clone()).expect("fits"),
    )]);
    let whole = floats_of(&offline(&graph, &inputs, "y"));
    let input = [input[..FRAMES].to_vec()];
    for isa in Isa::available() {
        for weights in [Weights::F32, Weights::F16] {
            let model = model.with_weights(weights);
            let first = play(&model, isa, &input, Cuts::Fixed(FRAMES));
            for cuts in [
                Cuts::Fixed(1),
                Cuts::Fixed(39),
                Cuts::Fixed(64),
                Cuts::Fixed(HOP),
                Cuts::Fixed(513),
                Cuts::Random(3),
            ] {
                let other = play(&model, isa, &input, cuts);
                assert_eq!(bits(&first), bits(&other), "{isa}, {}, {cuts:?}", weights.name());
            }
            if weights == Weights::F32 {
                let compared = assert_same(&first[0], &whole, WHOLE, latency, 2e-5, &format!("{isa}"));
                assert!(compared + latency >= FRAMES, "only {compared} frames compared");
                continue;
            }
            // 16 bits are heard of, and little.
            let (mut error, mut energy) = (0.0f64, 0.0f64);
            for (y, expected) in first[0][latency..].iter().zip(&whole) {
                error += f64::from(y - expected).powi(2);
                energy += f64::from(*expected).powi(2);
            }
            let ratio = error / energy;
            assert!((1e-9..1e-5).contains(&ratio), "{isa}: error to signal {ratio:e}");
        }
    }
}
