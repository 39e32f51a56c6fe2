//! Tests: sizes that contradict one another or are beyond all bounds, and numbers that are no numbers.

use super::*;

#[test]
fn contradictions_and_hostile_sizes_are_refused() {
    const HUGE: usize = usize::MAX / 2;
    let none: Arc<[f32]> = Arc::from([]);
    let one: Arc<[f32]> = Arc::from([1.0]);
    let dense = |rows, inputs, outputs, bias| Function::Dense {
        rows,
        inputs,
        outputs,
        weights: Arc::clone(&one),
        bias,
    };
    let conv = |groups, size, taps, strides, dilations, pads| Function::Conv {
        batch: 1,
        groups,
        inputs: 1,
        outputs: 1,
        size,
        taps,
        strides,
        dilations,
        pads,
        weights: Arc::clone(&one),
        bias: None,
    };
    let transpose = |strides, pads, output_size| Function::ConvTranspose {
        batch: 1,
        groups: 1,
        inputs: 1,
        outputs: 1,
        size: [1, 1],
        taps: [1, 1],
        strides,
        dilations: [1, 1],
        pads,
        output_size,
        weights: Arc::clone(&one),
        bias: None,
    };
    let matmul = |a_batch, b_count, m, k| Function::MatMul {
        a_batch,
        b_batch: vec![0],
        a_count: 1,
        b_count,
        m,
        k,
        n: 1,
    };
    let recurrent = |steps, hidden, c0| Function::Recurrent {
        cell: Cell::Rnn { relu: false },
        direction: Direction::Forward,
        steps,
        batch: 1,
        inputs: 1,
        hidden,
        w: Arc::clone(&one),
        r: Arc::clone(&one),
        b: None,
        h0: false,
        c0,
    };
    let sparse = |offsets: &[u32], sources: &[u32]| Function::Sparse {
        inputs: 2,
        offsets: offsets.into(),
        sources: sources.into(),
        weights: sources.iter().map(|_| 1.0).collect(),
    };
    let pool = |channels, taps| Function::MaxPool {
        batch: 1,
        channels,
        size: [1, 1],
        taps,
        strides: [1, 1],
        dilations: [HUGE, HUGE],
        pads: [0; 4],
    };
    let dft = |outer, length, input_length| Function::Dft {
        outer,
        length,
        inner: 1,
        input_length,
        complex_in: false,
        onesided: true,
        inverse: false,
    };
    let (unit, flat) = ([1, 1], [0; 4]);
    assert!(Kernel::new(&dense(1, 1, 1, None), Isa::Scalar).is_some());
    assert!(Kernel::new(&conv(1, unit, unit, unit, unit, flat), Isa::Scalar).is_some());
    assert!(Kernel::new(&transpose(unit, [0, 0], unit), Isa::Scalar).is_some());
    assert!(Kernel::new(&matmul(vec![0], 1, 1, 1), Isa::Scalar).is_some());
    assert!(Kernel::new(&recurrent(1, 1, false), Isa::Scalar).is_some());
    assert!(Kernel::new(&sparse(&[0, 1], &[1]), Isa::Scalar).is_some());
    assert!(
        Kernel::new(&pool(1, unit), Isa::Scalar).is_none(),
        "the dilation is beyond all bounds"
    );
    assert!(Kernel::new(&dft(1, 1, 1), Isa::Scalar).is_some());
    let refused = [
        dense(0, 1, 1, None),
        dense(HUGE, 1, 1, None),
        dense(1, 2, 1, None),
        dense(1, HUGE, HUGE, None),
        dense(1, 1, 1, Some(Arc::clone(&none))),
        conv(0, unit, unit, unit, unit, flat),
        conv(2, unit, unit, unit, unit, flat),
        conv(1, [HUGE, HUGE], unit, unit, unit, flat),
        conv(1, unit, unit, [1, 0], unit, flat),
        conv(1, unit, unit, unit, [0, 1], flat),
        conv(1, unit, [1, HUGE], unit, unit, flat),
        conv(1, unit, unit, unit, unit, [i64::MAX; 4]),
        conv(1, unit, unit, unit, unit, [i64::MIN; 4]),
        conv(1, unit, unit, unit, unit, [0, 0, 0, -1]),
        conv(1, unit, unit, unit, unit, [1 << 39; 4]),
        transpose([0, 1], [0, 0], unit),
        transpose([HUGE, HUGE], [0, 0], unit),
        transpose(unit, [i64::MIN, 0], unit),
        transpose(unit, [0, 1 << 50], unit),
        transpose(unit, [0, 0], [HUGE, HUGE]),
        transpose(unit, [0, 0], [0, 1]),
        matmul(vec![1], 1, 1, 1),
        matmul(vec![0, 0], 1, 1, 1),
        matmul(vec![0], 0, 1, 1),
        matmul(vec![0], 1, HUGE, HUGE),
        recurrent(1, 2, false),
        recurrent(HUGE, 1, false),
        recurrent(1, HUGE, false),
        recurrent(1, 1, true),
        sparse(&[], &[]),
        sparse(&[0], &[]),
        sparse(&[1, 1], &[0]),
        sparse(&[0, 2], &[0]),
        sparse(&[0, 1, 0, 1], &[0]),
        sparse(&[0, 1], &[2]),
        pool(HUGE, unit),
        pool(1, [2, 2]),
        dft(HUGE, HUGE, 1),
        dft(1, 0, 1),
        dft(1, 1, HUGE),
        Function::Softmax {
            outer: HUGE,
            len: HUGE,
            inner: 1,
            log: false,
        },
        Function::LayerNorm {
            outer: 1,
            len: 2,
            epsilon: 0.0,
            scale: Arc::clone(&one),
            bias: None,
        },
        Function::InstanceNorm {
            outer: 1,
            channels: 2,
            len: 1,
            epsilon: 0.0,
            scale: Arc::clone(&one),
            bias: None,
        },
        Function::Reduce {
            shape: vec![2, 2],
            axes: vec![true],
            reduction: Reduction::Sum,
        },
        Function::Reduce {
            shape: vec![HUGE, HUGE],
            axes: vec![true, true],
            reduction: Reduction::Sum,
        },
        Function::ArgReduce {
            outer: 1,
            len: 0,
            inner: 1,
            max: true,
            last: false,
        },
        Function::Lookup {
            rows: 2,
            width: 1,
            table: one,
            indices: 1,
        },
        Function::GatherElements {
            shape: vec![2, 2],
            axis: 2,
            index_shape: vec![2, 2],
        },
        Function::GatherElements {
            shape: vec![2, 2],
            axis: 1,
            index_shape: vec![3, 2],
        },
        Function::GatherAxis {
            outer: 1,
            len: HUGE,
            inner: 4,
            indices: 1,
        },
        Function::CumSum {
            outer: 0,
            len: 1,
            inner: 1,
            exclusive: false,
            reverse: false,
        },
    ];
    for function in refused {
        for isa in Isa::available() {
            assert!(Kernel::new(&function, isa).is_none(), "{function:?}");
        }
    }
}

#[test]
fn foreign_numbers_do_no_harm() {
    let strange = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e30, -1e30, -0.0];
    let table: Arc<[f32]> = Arc::from([1.0, 2.0, 3.0]);
    let lookup = Function::Lookup {
        rows: 3,
        width: 1,
        table,
        indices: 6,
    };
    let kernel = Kernel::new(&lookup, Isa::detect()).expect("sizes fit");
    let mut y = [0.0; 6];
    kernel.run(&[&strange], &mut y, &mut []);
    assert_eq!(y, [1.0, 3.0, 1.0, 3.0, 1.0, 1.0]);
    for log in [false, true] {
        let softmax = Function::Softmax {
            outer: 1,
            len: 6,
            inner: 1,
            log,
        };
        let kernel = Kernel::new(&softmax, Isa::detect()).expect("sizes fit");
        kernel.run(&[&strange], &mut y, &mut []);
        assert!(y.iter().all(|y| y.is_nan()));
    }
}
