//! Every function against the reference, on every available instruction set.

use super::*;
use proptest::prelude::*;

/// Relative to the magnitude that [`reference::run`] gives: sums of a few hundred terms in `f32`, and the transcendental
/// functions' 3e-7.
const MAX_RELATIVE_ERROR: f64 = 4e-6;

/// Sizes and numbers from a seed.
struct Draw(Box<dyn FnMut() -> f32>);

impl Draw {
    fn new(seed: u64) -> Self {
        Self(Box::new(crate::test_numbers(seed ^ 0x5bd1_e995_97f4_a7c5)))
    }

    fn size(&mut self, from: usize, to: usize) -> usize {
        #[allow(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss
        )]
        let offset = ((self.0() + 1.0) / 2.0 * (to - from + 1) as f32) as usize;
        (from + offset).min(to)
    }

    fn pad(&mut self, from: i64, to: i64) -> i64 {
        from + i64::try_from(self.size(0, usize::try_from(to - from).expect("ordered"))).expect("small")
    }

    fn coin(&mut self) -> bool {
        self.size(0, 1) == 1
    }

    fn floats(&mut self, len: usize, scale: f32) -> Arc<[f32]> {
        (0..len).map(|_| self.0() * scale).collect()
    }

    fn maybe(&mut self, len: usize, scale: f32) -> Option<Arc<[f32]>> {
        let floats = self.floats(len, scale);
        self.coin().then_some(floats)
    }
}

fn numbers(function: &Function, draw: &mut Draw) -> Vec<Vec<f32>> {
    function
        .inputs()
        .iter()
        .map(|len| draw.floats(*len, 1.0).to_vec())
        .collect()
}

/// What must hold of every function that has a kernel.
fn check_with(function: &Function, inputs: &[Vec<f32>]) {
    let inputs: Vec<&[f32]> = inputs.iter().map(Vec::as_slice).collect();
    let expected = reference::run(function, &inputs);
    assert_eq!(expected.len(), function.output(), "{function:?}");
    assert!(function.macs() > 0, "{function:?}");
    for isa in Isa::available() {
        let kernel = Kernel::new(function, isa).unwrap_or_else(|| panic!("no kernel for {function:?}"));
        let mut scratch = vec![f32::NAN; kernel.scratch_len()];
        let mut y = vec![f32::NAN; function.output()];
        kernel.run(&inputs, &mut y, &mut scratch);
        for (i, (y, (value, magnitude))) in y.iter().zip(&expected).enumerate() {
            let error = (f64::from(*y) - value).abs();
            // Products may be below the smallest normal number, whose steps are larger.
            let close =
                error <= (magnitude * MAX_RELATIVE_ERROR).max(f64::from(f32::MIN_POSITIVE)) || f64::from(*y) == *value;
            assert!(
                close,
                "{isa}, element {i}: {y}, expected {value} of {magnitude}: {function:?}"
            );
        }
        // Neither what the scratch held nor longer slices matter.
        let longer: Vec<Vec<f32>> = inputs
            .iter()
            .map(|x| x.iter().copied().chain([f32::NAN; 3]).collect())
            .collect();
        let longer: Vec<&[f32]> = longer.iter().map(Vec::as_slice).collect();
        let mut again = vec![7.0; function.output() + 3];
        scratch.fill(1e30);
        scratch.push(0.0);
        kernel.run(&longer, &mut again, &mut scratch);
        let bits = |y: &[f32]| y.iter().map(|y| y.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&again[..y.len()]), bits(&y), "{isa}: {function:?}");
        assert_eq!(again[y.len()..], [7.0; 3], "{isa}: {function:?}");
        // Whatever is too short: nothing happens.
        let mut untouched = vec![7.0; function.output()];
        let end = untouched.len() - 1;
        kernel.run(&inputs, &mut untouched[..end], &mut scratch);
        kernel.run(&inputs[1..], &mut untouched, &mut scratch);
        for short in 0..inputs.len() {
            let mut cut = inputs.clone();
            cut[short] = &cut[short][1..];
            kernel.run(&cut, &mut untouched, &mut scratch);
        }
        if let Some(less) = kernel.scratch_len().checked_sub(1) {
            kernel.run(&inputs, &mut untouched, &mut scratch[..less]);
        }
        assert!(untouched.iter().all(|y| *y == 7.0), "{isa}: {function:?}");
    }
}

fn check(function: &Function, draw: &mut Draw) {
    let inputs = numbers(function, draw);
    check_with(function, &inputs);
}

macro_rules! properties {
    ($($name:ident = |$draw:ident| $body:expr;)*) => {
        proptest! {
            #![proptest_config(ProptestConfig::with_cases(96))]
            $(
                #[test]
                fn $name(seed in any::<u64>()) {
                    let $draw = &mut Draw::new(seed);
                    $body
                }
            )*
        }
    };
}

/// `[H, W]`, taps, strides, dilations.
fn window(draw: &mut Draw) -> [[usize; 2]; 4] {
    let flat = draw.coin();
    let mut pair = |from: usize, to: usize, flat: bool| {
        let height = if flat { 1 } else { draw.size(from, to) };
        [height, draw.size(from, to)]
    };
    let size = if flat { pair(1, 40, true) } else { pair(1, 12, false) };
    [size, pair(1, 4, flat), pair(1, 3, flat), pair(1, 3, flat)]
}

fn dense(draw: &mut Draw) -> Function {
    let (rows, inputs, outputs) = (draw.size(1, 9), draw.size(1, 230), draw.size(1, 90));
    Function::Dense {
        rows,
        inputs,
        outputs,
        weights: draw.floats(inputs * outputs, 1.0),
        bias: draw.maybe(outputs, 1.0),
    }
}

fn conv(draw: &mut Draw) -> Function {
    let [size, taps, strides, dilations] = window(draw);
    let (batch, groups) = (draw.size(1, 2), draw.size(1, 3));
    let (inputs, outputs) = (groups * draw.size(1, 20), groups * draw.size(1, 40));
    let begin = [draw.pad(-1, 3), draw.pad(-1, 3)];
    // At the end enough for one window.
    let end = |axis: usize, more: i64| {
        let reach = (taps[axis] - 1) * dilations[axis] + 1;
        let lacking = i64::try_from(reach).expect("small") - i64::try_from(size[axis]).expect("small") - begin[axis];
        more.max(lacking)
    };
    let more = [draw.pad(-1, 3), draw.pad(-1, 3)];
    Function::Conv {
        batch,
        groups,
        inputs,
        outputs,
        size,
        taps,
        strides,
        dilations,
        pads: [begin[0], begin[1], end(0, more[0]), end(1, more[1])],
        weights: draw.floats(outputs * inputs / groups * taps[0] * taps[1], 1.0),
        bias: draw.maybe(outputs, 1.0),
    }
}

fn conv_transpose(draw: &mut Draw) -> Function {
    let [size, taps, strides, dilations] = window(draw);
    let taps = [taps[0], if draw.coin() { taps[1] } else { 2 * strides[1] }];
    let (batch, groups) = (draw.size(1, 2), draw.size(1, 3));
    let (inputs, outputs) = (groups * draw.size(1, 20), groups * draw.size(1, 40));
    let pads = [draw.pad(-1, 3), draw.pad(-1, 3)];
    let full = |axis: usize| (size[axis] - 1) * strides[axis] + (taps[axis] - 1) * dilations[axis] + 1;
    let output_size = [draw.size(1, full(0) + 2), draw.size(1, full(1) + 2)];
    Function::ConvTranspose {
        batch,
        groups,
        inputs,
        outputs,
        size,
        taps,
        strides,
        dilations,
        pads,
        output_size,
        weights: draw.floats(inputs * outputs / groups * taps[0] * taps[1], 1.0),
        bias: draw.maybe(outputs, 1.0),
    }
}

fn matmul(draw: &mut Draw) -> Function {
    let (batches, a_count, b_count) = (draw.size(1, 4), draw.size(1, 3), draw.size(1, 3));
    Function::MatMul {
        a_batch: (0..batches).map(|_| draw.size(0, a_count - 1)).collect(),
        b_batch: (0..batches).map(|_| draw.size(0, b_count - 1)).collect(),
        a_count,
        b_count,
        m: draw.size(1, 9),
        k: draw.size(1, 120),
        n: draw.size(1, 80),
    }
}

fn recurrent(draw: &mut Draw) -> Function {
    let cell = [
        Cell::Lstm,
        Cell::Gru { reset_after: true },
        Cell::Gru { reset_after: false },
        Cell::Rnn { relu: false },
        Cell::Rnn { relu: true },
    ][draw.size(0, 4)];
    let direction = [Direction::Forward, Direction::Reverse, Direction::Bidirectional][draw.size(0, 2)];
    let (inputs, hidden) = (draw.size(1, 20), draw.size(1, 40));
    let rows = direction.count() * cell.gates() * hidden;
    Function::Recurrent {
        cell,
        direction,
        steps: draw.size(1, 6),
        batch: draw.size(1, 3),
        inputs,
        hidden,
        w: draw.floats(rows * inputs, 0.5),
        r: draw.floats(rows * hidden, 0.1),
        b: draw.maybe(2 * rows, 0.2),
        h0: draw.coin(),
        c0: draw.coin() && cell == Cell::Lstm,
    }
}

properties! {
    dense_layers = |draw| check(&dense(draw), draw);
    convolutions = |draw| check(&conv(draw), draw);
    transposed_convolutions = |draw| check(&conv_transpose(draw), draw);
    matrix_products = |draw| check(&matmul(draw), draw);
    recurrent_layers = |draw| check(&recurrent(draw), draw);
    softmaxes = |draw| {
        let (outer, len, inner) = (draw.size(1, 3), draw.size(1, 70), draw.size(1, 20));
        let inner = if draw.coin() { 1 } else { inner };
        let function = Function::Softmax { outer, len, inner, log: draw.coin() };
        let scale = [1.0, 30.0][draw.size(0, 1)];
        let x = draw.floats(outer * len * inner, scale);
        check_with(&function, &[x.to_vec()]);
    };
    layer_norms = |draw| {
        let (outer, len) = (draw.size(1, 5), draw.size(1, 90));
        let function = Function::LayerNorm {
            outer,
            len,
            epsilon: 1e-5,
            scale: draw.floats(len, 2.0),
            bias: draw.maybe(len, 1.0),
        };
        check(&function, draw);
    };
    instance_norms = |draw| {
        let (outer, channels, len) = (draw.size(1, 3), draw.size(1, 5), draw.size(1, 90));
        let function = Function::InstanceNorm {
            outer,
            channels,
            len,
            epsilon: 1e-5,
            scale: draw.floats(channels, 2.0),
            bias: draw.maybe(channels, 1.0),
        };
        check(&function, draw);
    };
    reductions = |draw| {
        let shape: Vec<usize> = (0..draw.size(0, 4)).map(|_| draw.size(1, 9)).collect();
        let axes = shape.iter().map(|_| draw.coin()).collect();
        let reduction = [
            Reduction::Sum,
            Reduction::Mean,
            Reduction::Max,
            Reduction::Min,
            Reduction::Prod,
            Reduction::L1,
            Reduction::L2,
            Reduction::SumSquare,
            Reduction::LogSum,
            Reduction::LogSumExp,
        ][draw.size(0, 9)];
        let function = Function::Reduce { shape, axes, reduction };
        // Between 0.5 and 1.5, so that sums have a logarithm, with signs where they need none.
        let signed = draw.coin() && reduction != Reduction::LogSum;
        let x: Vec<f32> = draw.floats(function.inputs()[0], 0.5).iter().enumerate()
            .map(|(i, x)| (x + 1.0) * if signed && i % 3 == 0 { -1.0 } else { 1.0 })
            .collect();
        check_with(&function, &[x]);
    };
    arg_reductions = |draw| {
        let function = Function::ArgReduce {
            outer: draw.size(1, 3),
            len: draw.size(1, 40),
            inner: draw.size(1, 5),
            max: draw.coin(),
            last: draw.coin(),
        };
        // Few values, so that many are equal.
        let x: Vec<f32> = (0..function.inputs()[0]).map(|_| f32::from(u8::try_from(draw.size(0, 5)).expect("small"))).collect();
        check_with(&function, &[x]);
    };
    pools = |draw| {
        let [size, taps, strides, dilations] = window(draw);
        let reach = |axis: usize| i64::try_from((taps[axis] - 1) * dilations[axis]).expect("small");
        let pads = [draw.pad(0, 3), draw.pad(0, 3), reach(0), reach(1)];
        let (batch, channels) = (draw.size(1, 2), draw.size(1, 3));
        check(&Function::MaxPool { batch, channels, size, taps, strides, dilations, pads }, draw);
    };
    sparse_sums = |draw| {
        let (inputs, outputs) = (draw.size(1, 40), draw.size(1, 40));
        let mut offsets = vec![0u32];
        let mut sources = Vec::new();
        for _ in 0..outputs {
            sources.extend((0..draw.size(0, 5)).map(|_| u32::try_from(draw.size(0, inputs - 1)).expect("small")));
            offsets.push(u32::try_from(sources.len()).expect("small"));
        }
        let weights = draw.floats(sources.len(), 1.0);
        let function = Function::Sparse { inputs, offsets: offsets.into(), sources: sources.into(), weights };
        if function.macs() > 0 {
            check(&function, draw);
        }
    };
    lookups = |draw| {
        let (rows, width, indices) = (draw.size(1, 20), draw.size(1, 20), draw.size(1, 8));
        let function = Function::Lookup { rows, width, table: draw.floats(rows * width, 1.0), indices };
        let which = draw.floats(indices, 30.0);
        check_with(&function, &[which.to_vec()]);
    };
    gathers_of_elements = |draw| {
        let shape: Vec<usize> = (0..draw.size(1, 4)).map(|_| draw.size(1, 6)).collect();
        let axis = draw.size(0, shape.len() - 1);
        let index_shape: Vec<usize> = shape.iter().enumerate()
            .map(|(at, size)| draw.size(1, if at == axis { 8 } else { *size }))
            .collect();
        let function = Function::GatherElements { shape, axis, index_shape };
        let lens = function.inputs();
        let (x, which) = (draw.floats(lens[0], 1.0), draw.floats(lens[1], 8.0));
        check_with(&function, &[x.to_vec(), which.to_vec()]);
    };
    gathers_along_an_axis = |draw| {
        let (len, indices) = (draw.size(1, 9), draw.size(1, 9));
        let function = Function::GatherAxis { outer: draw.size(1, 4), len, inner: draw.size(1, 5), indices };
        let (x, which) = (draw.floats(function.inputs()[0], 1.0), draw.floats(indices, 12.0));
        check_with(&function, &[x.to_vec(), which.to_vec()]);
    };
    fourier_transforms = |draw| {
        let length = draw.size(1, 64);
        let function = Function::Dft {
            outer: draw.size(1, 3),
            length,
            inner: draw.size(1, 3),
            input_length: if draw.coin() { length } else { draw.size(1, 70) },
            complex_in: draw.coin(),
            onesided: draw.coin(),
            inverse: draw.coin(),
        };
        check(&function, draw);
    };
    running_sums = |draw| {
        let function = Function::CumSum {
            outer: draw.size(1, 3),
            len: draw.size(1, 40),
            inner: draw.size(1, 5),
            exclusive: draw.coin(),
            reverse: draw.coin(),
        };
        check(&function, draw);
    };
}
