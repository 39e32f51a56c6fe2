//! No kernel of a frame allocates or frees while it runs.

#[allow(dead_code)]
#[path = "../../../tests/src/counting.rs"]
mod counting;

use counting::{Counting, heap_calls};
use std::sync::Arc;
use tonegraft_kernels::Isa;
use tonegraft_kernels::frame::{Cell, Direction, Function, Kernel, Reduction};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn values(len: usize) -> Arc<[f32]> {
    (0..len)
        .map(|i| f32::from(u16::try_from(i % 97).expect("small")) / 97.0 - 0.5)
        .collect()
}

/// One of each, and more where there are several ways to compute it.
fn functions() -> Vec<Function> {
    let conv = |groups, outputs, width, stride| Function::Conv {
        batch: 1,
        groups,
        inputs: 6,
        outputs,
        size: [2, width],
        taps: [1, 3],
        strides: [1, stride],
        dilations: [1, 2],
        pads: [0, 2, 0, 2],
        weights: values(outputs * 6 / groups * 3),
        bias: Some(values(outputs)),
    };
    let mut all = vec![
        Function::Dense {
            rows: 3,
            inputs: 130,
            outputs: 70,
            weights: values(130 * 70),
            bias: None,
        },
        conv(1, 40, 5, 1),
        conv(6, 6, 90, 2),
        Function::ConvTranspose {
            batch: 2,
            groups: 1,
            inputs: 8,
            outputs: 20,
            size: [1, 6],
            taps: [1, 4],
            strides: [1, 2],
            dilations: [1, 1],
            pads: [0, 1],
            output_size: [1, 12],
            weights: values(8 * 20 * 4),
            bias: None,
        },
        Function::MatMul {
            a_batch: vec![0, 1],
            b_batch: vec![0, 0],
            a_count: 2,
            b_count: 1,
            m: 5,
            k: 8,
            n: 37,
        },
        Function::MaxPool {
            batch: 1,
            channels: 2,
            size: [4, 9],
            taps: [2, 3],
            strides: [1, 2],
            dilations: [1, 1],
            pads: [0, 1, 0, 1],
        },
        Function::Sparse {
            inputs: 3,
            offsets: Arc::from([0, 2, 3]),
            sources: Arc::from([0, 2, 1]),
            weights: values(3),
        },
        Function::Lookup {
            rows: 5,
            width: 4,
            table: values(20),
            indices: 3,
        },
        Function::GatherElements {
            shape: vec![3, 4],
            axis: 1,
            index_shape: vec![3, 2],
        },
        Function::GatherAxis {
            outer: 2,
            len: 3,
            inner: 4,
            indices: 5,
        },
        Function::ArgReduce {
            outer: 2,
            len: 9,
            inner: 3,
            max: true,
            last: false,
        },
        Function::CumSum {
            outer: 2,
            len: 9,
            inner: 3,
            exclusive: true,
            reverse: true,
        },
        Function::LayerNorm {
            outer: 3,
            len: 50,
            epsilon: 1e-5,
            scale: values(50),
            bias: Some(values(50)),
        },
        Function::InstanceNorm {
            outer: 1,
            channels: 4,
            len: 33,
            epsilon: 1e-5,
            scale: values(4),
            bias: None,
        },
    ];
    for inner in [1, 5] {
        for log in [false, true] {
            all.push(Function::Softmax {
                outer: 2,
                len: 40,
                inner,
                log,
            });
        }
    }
    for reduction in [Reduction::Mean, Reduction::Max, Reduction::Prod, Reduction::LogSumExp] {
        for axes in [vec![true, false, true], vec![false, true, false]] {
            all.push(Function::Reduce {
                shape: vec![3, 5, 20],
                axes,
                reduction,
            });
        }
    }
    for cell in [Cell::Lstm, Cell::Gru { reset_after: false }, Cell::Rnn { relu: false }] {
        let rows = 2 * cell.gates() * 20;
        all.push(Function::Recurrent {
            cell,
            direction: Direction::Bidirectional,
            steps: 4,
            batch: 2,
            inputs: 10,
            hidden: 20,
            w: values(rows * 10),
            r: values(rows * 20),
            b: Some(values(2 * rows)),
            h0: true,
            c0: cell == Cell::Lstm,
        });
    }
    // Powers of two, composites, primes small and large: each is planned in another way.
    for length in [1, 2, 17, 30, 256, 263, 960, 1024, 1031, 2039, 4096] {
        for (onesided, inverse, complex_in) in [
            (true, false, false),
            (true, true, true),
            (false, false, true),
            (false, true, true),
        ] {
            all.push(Function::Dft {
                outer: 1,
                length,
                inner: 1,
                input_length: length,
                complex_in,
                onesided,
                inverse,
            });
        }
    }
    all
}

#[test]
fn the_counter_counts() {
    assert!(heap_calls(|| drop(std::hint::black_box(vec![1u8; 100]))) >= 2);
    assert_eq!(heap_calls(|| ()), 0);
}

#[test]
fn no_frame_function_allocates() {
    for function in functions() {
        let inputs: Vec<Arc<[f32]>> = function.inputs().into_iter().map(values).collect();
        let inputs: Vec<&[f32]> = inputs.iter().map(|input| &input[..]).collect();
        let mut output = vec![f32::NAN; function.output()];
        for isa in Isa::available() {
            let kernel = Kernel::new(&function, isa).expect("sizes fit");
            let mut scratch = vec![0.0; kernel.scratch_len()];
            let calls = heap_calls(|| {
                for _ in 0..3 {
                    kernel.run(&inputs, &mut output, &mut scratch);
                }
            });
            assert_eq!(calls, 0, "{isa}: {} allocated: {function:?}", function.name());
            assert!(output.iter().all(|y| y.is_finite()), "{isa}: {function:?}");
        }
    }
}
