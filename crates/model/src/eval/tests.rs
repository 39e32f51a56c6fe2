//! Known values, by hand or from NumPy.

use super::*;
use crate::op::{AutoPad, Binary, Coordinates, PadMode, Reduction, ResizeMode, Unary, Window};

fn f(shape: &[usize], data: &[f32]) -> Tensor {
    Tensor::f32(shape.to_vec(), data.to_vec()).expect("consistent")
}

fn i(data: &[i64]) -> Tensor {
    Tensor::from_i64s(data.to_vec())
}

fn one(op: &Op, inputs: &[&Tensor]) -> Tensor {
    let inputs: Vec<Option<&Tensor>> = inputs.iter().map(|t| Some(*t)).collect();
    eval(op, &inputs).expect("evaluates").remove(0)
}

fn fails(op: &Op, inputs: &[&Tensor]) -> String {
    let inputs: Vec<Option<&Tensor>> = inputs.iter().map(|t| Some(*t)).collect();
    eval(op, &inputs).expect_err("refused").to_string()
}

#[test]
fn activations_have_their_known_values() {
    let apply = |unary, x: f32| one(&Op::Unary(unary), &[&f(&[1], &[x])]).as_f32().expect("float")[0];
    let cases = [
        (Unary::Tanh, 0.5, 0.462_117_16),
        (Unary::Sigmoid, -1.0, 0.268_941_43),
        (Unary::Relu, -3.0, 0.0),
        (Unary::LeakyRelu { alpha: 0.1 }, -3.0, -0.3),
        (Unary::Elu { alpha: 1.0 }, -1.0, -0.632_120_55),
        (Unary::Softplus, 1.0, 1.313_261_7),
        (Unary::Erf, 0.5, 0.520_499_9),
        (Unary::Erf, -2.5, -0.999_593),
        (Unary::Gelu { tanh: false }, 1.0, 0.841_344_7),
        (Unary::HardSigmoid { alpha: 0.2, beta: 0.5 }, 1.0, 0.7),
        (Unary::Softsign, -1.0, -0.5),
        (Unary::Round, 2.5, 2.0),
    ];
    for (unary, x, expected) in cases {
        assert!(
            (apply(unary, x) - expected).abs() < 3e-7,
            "{unary:?}({x}) = {}, not {expected}",
            apply(unary, x)
        );
    }
}

#[test]
fn binary_operators_broadcast() {
    let sum = one(
        &Op::Binary(Binary::Add),
        &[&f(&[2, 1], &[1.0, 2.0]), &f(&[3], &[10.0, 20.0, 30.0])],
    );
    assert_eq!(sum, f(&[2, 3], &[11.0, 21.0, 31.0, 12.0, 22.0, 32.0]));
    assert_eq!(one(&Op::Binary(Binary::Div), &[&i(&[7, -7]), &i(&[2])]), i(&[3, -3]));
    assert_eq!(one(&Op::Binary(Binary::Mod), &[&i(&[7, -7]), &i(&[3])]), i(&[1, 2]));
    assert!(fails(&Op::Binary(Binary::Div), &[&i(&[1]), &i(&[0])]).contains("zero"));
    assert!(fails(&Op::Binary(Binary::Mul), &[&i(&[i64::MAX]), &i(&[2])]).contains("overflows"));
    assert!(fails(&Op::Binary(Binary::Add), &[&f(&[2], &[0.0; 2]), &f(&[3], &[0.0; 3])]).contains("broadcast"));
    assert!(fails(&Op::Binary(Binary::Add), &[&f(&[1], &[0.0]), &i(&[1])]).contains("not defined"));
}

#[test]
fn prelu_clip_and_where() {
    assert_eq!(
        one(
            &Op::PRelu,
            &[&f(&[1, 2, 2], &[-1.0, 1.0, -2.0, 2.0]), &f(&[2, 1], &[0.1, 0.5])]
        ),
        f(&[1, 2, 2], &[-0.1, 1.0, -1.0, 2.0])
    );
    assert_eq!(
        one(
            &Op::Clip,
            &[&f(&[3], &[-2.0, 0.5, 2.0]), &f(&[], &[-1.0]), &f(&[], &[1.0])]
        ),
        f(&[3], &[-1.0, 0.5, 1.0])
    );
    let condition = Tensor::new(vec![2], TensorData::Bool(vec![true, false])).expect("consistent");
    assert_eq!(one(&Op::Where, &[&condition, &i(&[1, 2]), &i(&[3, 4])]), i(&[1, 4]));
}

#[test]
fn matrix_products() {
    let a = f(&[2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    let b = f(&[3, 1], &[1.0, 0.0, -1.0]);
    assert_eq!(one(&Op::MatMul, &[&a, &b]), f(&[2, 1], &[-2.0, -2.0]));
    let stacked = f(&[2, 1, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    assert_eq!(one(&Op::MatMul, &[&stacked, &b]).shape(), [2, 1, 1]);
    let gemm = Op::Gemm {
        alpha: 2.0,
        beta: 0.5,
        trans_a: false,
        trans_b: true,
    };
    let bt = f(&[1, 3], &[1.0, 0.0, -1.0]);
    assert_eq!(one(&gemm, &[&a, &bt, &f(&[1], &[4.0])]), f(&[2, 1], &[-2.0, -2.0]));
    assert!(fails(&Op::MatMul, &[&a, &a]).contains("do not fit"));
}

#[test]
fn slices_follow_the_clamping_rules() {
    let x = f(&[5], &[0.0, 1.0, 2.0, 3.0, 4.0]);
    let slice = |start, end, step| {
        one(&Op::Slice, &[&x, &i(&[start]), &i(&[end]), &i(&[0]), &i(&[step])])
            .as_f32()
            .expect("float")
            .to_vec()
    };
    assert_eq!(slice(1, i64::MAX, 1), [1.0, 2.0, 3.0, 4.0]);
    assert_eq!(slice(-2, i64::MAX, 1), [3.0, 4.0]);
    assert_eq!(slice(0, -1, 2), [0.0, 2.0]);
    assert_eq!(slice(-1, i64::MIN, -1), [4.0, 3.0, 2.0, 1.0, 0.0]);
    assert_eq!(slice(3, 0, -2), [3.0, 1.0]);
    assert_eq!(slice(9, 12, 1), Vec::<f32>::new());
    assert_eq!(slice(-9, 2, 1), [0.0, 1.0]);
    assert!(fails(&Op::Slice, &[&x, &i(&[0]), &i(&[1]), &i(&[0]), &i(&[0])]).contains("step"));
}

#[test]
fn gather_pad_concat_split() {
    let x = f(&[2, 2], &[1.0, 2.0, 3.0, 4.0]);
    assert_eq!(one(&Op::Gather { axis: 1 }, &[&x, &i(&[-1])]), f(&[2, 1], &[2.0, 4.0]));
    assert!(fails(&Op::Gather { axis: 1 }, &[&x, &i(&[2])]).contains("outside"));
    let indices = Tensor::i64(vec![2, 1], vec![1, 0]).expect("consistent");
    assert_eq!(
        one(&Op::GatherElements { axis: 1 }, &[&x, &indices]),
        f(&[2, 1], &[2.0, 3.0])
    );
    let series = f(&[3], &[1.0, 2.0, 3.0]);
    let pad = |mode| {
        one(&Op::Pad { mode }, &[&series, &i(&[2, 1])])
            .as_f32()
            .expect("float")
            .to_vec()
    };
    assert_eq!(pad(PadMode::Constant), [0.0, 0.0, 1.0, 2.0, 3.0, 0.0]);
    assert_eq!(pad(PadMode::Reflect), [3.0, 2.0, 1.0, 2.0, 3.0, 2.0]);
    assert_eq!(pad(PadMode::Edge), [1.0, 1.0, 1.0, 2.0, 3.0, 3.0]);
    assert_eq!(pad(PadMode::Wrap), [2.0, 3.0, 1.0, 2.0, 3.0, 1.0]);
    assert_eq!(
        one(
            &Op::Pad {
                mode: PadMode::Constant
            },
            &[&series, &i(&[-1, -1])]
        ),
        f(&[1], &[2.0])
    );
    assert_eq!(
        one(&Op::Concat { axis: 1 }, &[&x, &f(&[2, 1], &[9.0, 8.0])]),
        f(&[2, 3], &[1.0, 2.0, 9.0, 3.0, 4.0, 8.0])
    );
    let parts = eval_split(1, &[Some(&x)], 2).expect("splits");
    assert_eq!(parts, [f(&[2, 1], &[1.0, 3.0]), f(&[2, 1], &[2.0, 4.0])]);
    assert!(eval_split(1, &[Some(&x), Some(&i(&[1, 2]))], 2).is_err());
}

#[test]
fn layouts() {
    let x = f(&[2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    assert_eq!(
        one(&Op::Transpose { perm: vec![1, 0] }, &[&x]),
        f(&[3, 2], &[1.0, 4.0, 2.0, 5.0, 3.0, 6.0])
    );
    assert_eq!(
        one(&Op::Reshape { allow_zero: false }, &[&x, &i(&[0, -1, 1])]).shape(),
        [2, 3, 1]
    );
    assert!(fails(&Op::Reshape { allow_zero: false }, &[&x, &i(&[4, -1])]).contains("reshaped"));
    assert_eq!(one(&Op::Unsqueeze, &[&x, &i(&[0, -1])]).shape(), [1, 2, 3, 1]);
    assert_eq!(
        one(&Op::Squeeze, &[&f(&[1, 2, 1], &[1.0, 2.0]), &i(&[0])]).shape(),
        [2, 1]
    );
    assert_eq!(
        one(&Op::Expand, &[&f(&[2, 1], &[1.0, 2.0]), &i(&[1, 2])]),
        f(&[2, 2], &[1.0, 1.0, 2.0, 2.0])
    );
    assert_eq!(
        one(&Op::Tile, &[&f(&[1, 2], &[1.0, 2.0]), &i(&[2, 2])]),
        f(&[2, 4], &[1.0, 2.0, 1.0, 2.0, 1.0, 2.0, 1.0, 2.0])
    );
    assert_eq!(one(&Op::Shape { start: -1, end: None }, &[&x]), i(&[3]));
    assert_eq!(
        one(&Op::ConstantOfShape { value: f(&[1], &[7.0]) }, &[&i(&[2])]),
        f(&[2], &[7.0, 7.0])
    );
    assert!(
        fails(
            &Op::ConstantOfShape { value: f(&[1], &[7.0]) },
            &[&i(&[1 << 40, 1 << 40])]
        )
        .contains("elements")
    );
    let scalar = |x| Tensor::i64(vec![], vec![x]).expect("scalar");
    assert_eq!(one(&Op::Range, &[&scalar(5), &scalar(-1), &scalar(-2)]), i(&[5, 3, 1]));
}

#[test]
fn reductions_and_softmax() {
    let x = f(&[2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    let reduce = |reduction, keep_dims| Op::Reduce {
        reduction,
        keep_dims,
        noop_with_empty_axes: false,
    };
    assert_eq!(
        one(&reduce(Reduction::Sum, false), &[&x, &i(&[-1])]),
        f(&[2], &[6.0, 15.0])
    );
    assert_eq!(
        one(&reduce(Reduction::Mean, true), &[&x, &i(&[0])]),
        f(&[1, 3], &[2.5, 3.5, 4.5])
    );
    assert_eq!(one(&reduce(Reduction::Max, false), &[&x]), f(&[], &[6.0]));
    let arg = Op::ArgReduce {
        max: true,
        axis: 1,
        keep_dims: false,
        select_last: false,
    };
    assert_eq!(one(&arg, &[&f(&[2, 3], &[1.0, 3.0, 3.0, 0.0, -1.0, -2.0])]), i(&[1, 0]));
    let softmax = one(&Op::Softmax { axis: 1, log: false }, &[&f(&[1, 2], &[1000.0, 1000.0])]);
    assert_eq!(softmax, f(&[1, 2], &[0.5, 0.5]));
}

#[test]
fn normalisation_and_pooling() {
    let x = f(&[1, 1, 4], &[1.0, 2.0, 3.0, 4.0]);
    let (one_, zero) = (f(&[1], &[1.0]), f(&[1], &[0.0]));
    let instance = one(&Op::InstanceNormalization { epsilon: 0.0 }, &[&x, &one_, &zero]);
    let batch = one(
        &Op::BatchNormalization { epsilon: 0.0 },
        &[&x, &one_, &zero, &f(&[1], &[2.5]), &f(&[1], &[1.25])],
    );
    for (a, b) in instance
        .as_f32()
        .expect("float")
        .iter()
        .zip(batch.as_f32().expect("float"))
    {
        assert!((a - b).abs() < 1e-6);
    }
    let layer = one(
        &Op::LayerNormalization { axis: 2, epsilon: 0.0 },
        &[&x, &f(&[1], &[1.0])],
    );
    assert!((layer.as_f32().expect("float")[3] - 1.341_640_8).abs() < 1e-6);
    let window = Window {
        kernel: vec![3],
        strides: vec![2],
        dilations: vec![1],
        pads: vec![1, 1],
        auto_pad: AutoPad::NotSet,
    };
    assert_eq!(
        one(
            &Op::MaxPool {
                window: window.clone(),
                ceil_mode: false
            },
            &[&x]
        ),
        f(&[1, 1, 2], &[2.0, 4.0])
    );
    let average = |count_include_pad| Op::AveragePool {
        window: window.clone(),
        ceil_mode: false,
        count_include_pad,
    };
    assert_eq!(one(&average(false), &[&x]), f(&[1, 1, 2], &[1.5, 3.0]));
    assert_eq!(one(&average(true), &[&x]), f(&[1, 1, 2], &[1.0, 3.0]));
}

#[test]
fn what_is_evaluated_elsewhere_says_so() {
    assert!(fails(&Op::Unsupported { name: "Loop".into() }, &[]).contains("Loop"));
    assert!(fails(&Op::MatMul, &[]).contains("missing"));
}

/// What a few numbers ask for, for each place of an axis that holds nothing, or for each tap in the padding.
#[test]
fn sizes_that_nothing_fills_are_refused() {
    let huge = 1i64 << 40;
    let nothing = f(&[0, 3], &[]);
    let pad = Op::Pad {
        mode: PadMode::Constant,
    };
    let error = fails(&pad, &[&f(&[1, 3], &[1.0; 3]), &i(&[-1, huge, 0, 0])]);
    assert!(error.contains("more than"), "{error}");
    fails(&Op::Tile, &[&nothing, &i(&[1, huge])]);
    fails(&Op::Expand, &[&f(&[0, 1], &[]), &i(&[1, huge])]);
    fails(&Op::Reshape { allow_zero: true }, &[&nothing, &i(&[0, huge])]);
    let resize = Op::Resize {
        mode: ResizeMode::Linear,
        coordinates: Coordinates::HalfPixel,
    };
    let none = f(&[0], &[]);
    fails(&resize, &[&nothing, &none, &none, &i(&[0, 1 << 27])]);
    let dft = Op::Dft {
        axis: 1,
        inverse: false,
        onesided: false,
    };
    fails(&dft, &[&f(&[0, 3, 1], &[]), &i(&[1 << 27])]);
    // 2^120 taps of which one meets the signal.
    let window = Window {
        kernel: vec![1 << 24; 5],
        strides: vec![1; 5],
        dilations: vec![1; 5],
        pads: vec![(1 << 24) - 1; 10],
        auto_pad: AutoPad::NotSet,
    };
    let pool = Op::MaxPool {
        window,
        ceil_mode: false,
    };
    fails(&pool, &[&f(&[1; 7], &[0.5])]);
}
