//! Networks of a given size with random weights, as ONNX files: for measuring what loading costs.

use crate::onnx::{File, Message, ints, mono, node, tensor};

/// Strides of the codec's levels: one latent frame for 320 samples.
const STRIDES: [i64; 4] = [2, 4, 5, 8];

/// A file under construction. `x` is the wire that the next layer reads.
struct Maker {
    file: File,
    x: String,
    count: usize,
    random: u64,
    weights: usize,
}

impl Maker {
    fn new() -> Self {
        Self {
            file: File {
                inputs: vec![mono("in")],
                outputs: vec![mono("out")],
                ..File::default()
            },
            x: "in".into(),
            count: 0,
            random: 0x2545_F491_4F6C_DD1D,
            weights: 0,
        }
    }

    /// Random numbers whose squares sum to about 1 over `fan_in` of them.
    fn weight(&mut self, name: &str, dims: &[i64], fan_in: i64) {
        let elements: i64 = dims.iter().product();
        #[allow(clippy::cast_precision_loss)]
        let scale = (3.0 / fan_in as f32).sqrt();
        let values: Vec<f32> = (0..elements)
            .map(|_| {
                self.random ^= self.random << 13;
                self.random ^= self.random >> 7;
                self.random ^= self.random << 17;
                // 24 bits are exact in an f32.
                #[allow(clippy::cast_precision_loss)]
                let unit = (self.random >> 40) as f32 / 8_388_608.0 - 1.0;
                unit * scale
            })
            .collect();
        self.weights += values.len();
        self.file.weights.push(tensor(name, dims, &values));
    }

    fn node(&mut self, kind: &str, inputs: &[&str], attributes: &[Message]) -> String {
        self.count += 1;
        let output = format!("{}{}", kind.to_lowercase(), self.count);
        self.file
            .nodes
            .push(node(kind, &output, inputs, &[&output], attributes));
        output
    }

    /// A convolution over the past of the wire `x`, `channels` in and out.
    fn conv(&mut self, x: &str, channels: (i64, i64), taps: i64, stride: i64, dilation: i64) -> String {
        let (inputs, outputs) = channels;
        let name = format!("w{}", self.count);
        self.weight(&name, &[outputs, inputs, taps], inputs * taps);
        let before = (taps - 1) * dilation + 1 - stride;
        let attributes = [
            ints("kernel_shape", &[taps]),
            ints("strides", &[stride]),
            ints("dilations", &[dilation]),
            ints("pads", &[before, 0]),
        ];
        self.node("Conv", &[x, &name], &attributes)
    }

    /// `x + conv(tanh(conv(tanh(x))))`.
    fn residual(&mut self, channels: i64) {
        let x = self.x.clone();
        let y = self.node("Tanh", &[&x], &[]);
        let y = self.conv(&y, (channels, channels / 2), 3, 1, 1);
        let y = self.node("Tanh", &[&y], &[]);
        let y = self.conv(&y, (channels / 2, channels), 1, 1, 1);
        self.x = self.node("Add", &[&x, &y], &[]);
    }

    /// The file, and how many weights it has.
    fn finish(mut self) -> (Vec<u8>, usize) {
        let last = self.x.clone();
        let end = node("Tanh", "end", &[&last], &["out"], &[]);
        self.file.nodes.push(end);
        (self.file.bytes(), self.weights)
    }
}

/// A causal convolutional codec without quantiser, as large as usual ones: 4 levels, 32 to 512 channels, one latent frame of 128
/// for 320 samples. The file, and how many weights it has (about 6 million).
pub fn codec() -> (Vec<u8>, usize) {
    let mut maker = Maker::new();
    let mut channels = 32;
    maker.x = maker.conv("in", (1, channels), 7, 1, 1);
    for stride in STRIDES {
        maker.residual(channels);
        let y = maker.node("Tanh", &[&maker.x.clone()], &[]);
        maker.x = maker.conv(&y, (channels, channels * 2), 2 * stride, stride, 1);
        channels *= 2;
    }
    maker.x = maker.conv(&maker.x.clone(), (channels, 128), 7, 1, 1);
    maker.x = maker.conv(&maker.x.clone(), (128, channels), 7, 1, 1);
    for stride in STRIDES.into_iter().rev() {
        let y = maker.node("Tanh", &[&maker.x.clone()], &[]);
        let name = format!("w{}", maker.count);
        maker.weight(&name, &[channels, channels / 2, 2 * stride], channels * 2);
        let attributes = [
            ints("kernel_shape", &[2 * stride]),
            ints("strides", &[stride]),
            // The end is cropped: nothing of the future is used.
            ints("pads", &[0, stride]),
        ];
        maker.x = maker.node("ConvTranspose", &[&y, &name], &attributes);
        channels /= 2;
        maker.residual(channels);
    }
    maker.x = maker.conv(&maker.x.clone(), (channels, 1), 7, 1, 1);
    maker.finish()
}

/// Dilated convolutions with residual connections, as amplifier models are: 18 layers of 16 channels. The file, and how many
/// weights it has (about 14,000).
pub fn amplifier() -> (Vec<u8>, usize) {
    const CHANNELS: i64 = 16;
    let mut maker = Maker::new();
    maker.x = maker.conv("in", (1, CHANNELS), 1, 1, 1);
    for layer in 0..18 {
        let x = maker.x.clone();
        let y = maker.conv(&x, (CHANNELS, CHANNELS), 3, 1, 1 << (layer % 9));
        let y = maker.node("Tanh", &[&y], &[]);
        maker.x = maker.node("Add", &[&x, &y], &[]);
    }
    maker.x = maker.conv(&maker.x.clone(), (CHANNELS, 1), 1, 1, 1);
    maker.finish()
}
