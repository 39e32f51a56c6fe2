//! Random small networks: what streams, however it is cut, is what the interpreter says about the whole signal.

mod support;

use proptest::prelude::*;
use std::collections::BTreeMap;
use support::random::{Block, Maker, block};
use support::rates::{Layer, layer};
use support::{Cuts, assert_same, bits, floats_of, instance, model, noise, noise_vec, offline, stream};
use tonegraft_engine::StartState;
use tonegraft_model::{Graph, Tensor};

/// Frames streamed.
const FRAMES: usize = 420;

/// Frames interpreted: more, so that what the graph pads at its end is far away. A multiple of all rates.
const WHOLE: usize = FRAMES + 300;

/// The network, and whether it has knobs.
fn network(blocks: &[Block], seed: u64) -> (Graph, bool) {
    let mut maker = Maker::new(noise(seed));
    for block in blocks {
        maker.add(block);
    }
    maker.finish();
    (maker.net.graph, maker.knobs.is_some())
}

/// The same with layers at slower rates between: as many frames as the input has, so that they fit together in any order.
fn network_of_rates(blocks: &[Layer], codes: bool, seed: u64) -> Graph {
    let mut maker = Maker::new(noise(seed));
    if codes {
        maker.codes();
    }
    for block in blocks {
        maker.add_layer(block);
    }
    maker.finish();
    maker.net.graph
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 160, max_shrink_iters: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn streaming_equals_the_interpreter(
        blocks in proptest::collection::vec(block(), 1..6),
        seed in any::<u64>(),
        knobs in (0.0f32..1.0, 0.0f32..1.0),
    ) {
        let (graph, has_knobs) = network(&blocks, seed);
        let model = model(&graph);
        // What stands before the signal is computed before any knob is set: at the defaults.
        let knobs = if model.plan().pre_roll > 0 { (0.5, 0.5) } else { knobs };
        let input = noise_vec(seed ^ 77, WHOLE);
        let mut inputs = BTreeMap::from([("x".to_owned(), Tensor::f32(vec![1, 1, WHOLE], input.clone()).expect("fits"))]);
        if has_knobs {
            inputs.insert("knobs".into(), Tensor::f32(vec![1, 2], vec![knobs.0, knobs.1]).expect("fits"));
        }
        let whole = floats_of(&offline(&graph, &inputs, "y"));
        let latency = model.info().latency_samples as usize;
        let mut processor = instance(&model, StartState::Zero);
        let events = [(0, 0, knobs.0), (0, 1, knobs.1)];
        let input = [input[..FRAMES].to_vec()];
        let first = stream(processor.as_mut(), &input, Cuts::Fixed(FRAMES), &events);
        let compared = assert_same(&first[0], &whole, WHOLE, latency, 2e-5, &model.plan_text());
        prop_assert!(compared + 200 >= FRAMES, "only {} of {} frames compared", compared, FRAMES);

        // The latency is the shift, and no other: unless the output hardly moves.
        let late = i64::try_from(WHOLE.saturating_sub(whole.len())).expect("small");
        let error = |shift: i64| -> f64 {
            let pairs = whole.iter().enumerate().filter_map(|(index, y)| {
                let tick = usize::try_from(i64::try_from(index).ok()? + late + shift).ok()?;
                (tick >= 100).then_some(())?;
                Some((f64::from(*y), f64::from(*first[0].get(tick)?)))
            });
            let (sum, count) = pairs.fold((0.0, 0usize), |(sum, count), (a, b)| (sum + (a - b) * (a - b), count + 1));
            #[allow(clippy::cast_precision_loss)]
            let mean = sum / count.max(1) as f64;
            mean
        };
        let reported = i64::try_from(latency).expect("small");
        let best = (-3..=reported + 3).min_by(|a, b| error(*a).total_cmp(&error(*b)));
        if error(reported + 1) > 1e-6 {
            prop_assert_eq!(best, Some(reported));
        }

        // Any cut, after a reset: the same bits.
        for cuts in [Cuts::Fixed(1), Cuts::Fixed(7), Cuts::Random(seed)] {
            processor.reset();
            prop_assert_eq!(bits(&first), bits(&stream(processor.as_mut(), &input, cuts, &events)), "{:?}", cuts);
        }

        // Moving knobs, at multiples of 32 frames: the same bits again; and from silence.
        if has_knobs {
            let moves: Vec<(usize, usize, f32)> = (0..12).map(|at| (at * 32, at % 2, noise_vec(seed ^ at as u64, 1)[0].abs())).collect();
            for start in [StartState::Zero, StartState::Silence] {
                let mut processor = instance(&model, start);
                let whole = stream(processor.as_mut(), &input, Cuts::Fixed(FRAMES), &moves);
                for cuts in [Cuts::Fixed(5), Cuts::Random(seed ^ 5)] {
                    processor.reset();
                    for (_, knob, _) in &moves {
                        processor.set_knob(*knob, 0.5);
                    }
                    prop_assert_eq!(bits(&whole), bits(&stream(processor.as_mut(), &input, cuts, &moves)), "{:?}", cuts);
                }
            }
        }
    }

    #[test]
    fn slower_rates_equal_the_interpreter(
        layers in proptest::collection::vec(layer(), 1..4),
        codes in proptest::bool::weighted(0.2),
        seed in any::<u64>(),
    ) {
        let graph = network_of_rates(&layers, codes, seed);
        let model = model(&graph);
        let input = noise_vec(seed ^ 77, WHOLE);
        let inputs = BTreeMap::from([("x".to_owned(), Tensor::f32(vec![1, 1, WHOLE], input.clone()).expect("fits"))]);
        let whole = floats_of(&offline(&graph, &inputs, "y"));
        let latency = model.info().latency_samples as usize;
        let mut processor = instance(&model, StartState::Zero);
        let input = [input[..FRAMES].to_vec()];
        let first = stream(processor.as_mut(), &input, Cuts::Fixed(FRAMES), &[]);
        let compared = assert_same(&first[0], &whole, WHOLE, latency, 2e-5, &model.plan_text());
        prop_assert!(compared + latency >= FRAMES, "only {} of {} frames compared", compared, FRAMES);
        for cuts in [Cuts::Fixed(1), Cuts::Fixed(7), Cuts::Fixed(64), Cuts::Random(seed)] {
            processor.reset();
            prop_assert_eq!(bits(&first), bits(&stream(processor.as_mut(), &input, cuts, &[])), "{:?}", cuts);
        }
    }
}
