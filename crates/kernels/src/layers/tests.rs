//! The layers against the same convolutions one by one.

use super::*;
use crate::activation::Function;
use crate::conv1d::{self, Inputs, PlanesMut, Shape};
use crate::{Aligned, Isa};
use proptest::prelude::*;

const MAX_FRAMES: usize = 64;

/// A WaveNet of random sizes: per layer a dilated convolution with condition and function, added to the total, and a pointwise
/// one with the residual; places taken in turns, as a planner would.
struct Net {
    layers: Vec<Layer>,
    input: Planes,
    output: Planes,
    memory: usize,
    cursors: usize,
}

fn net(seed: u64, channels: usize, dilations: &[usize], taps: usize, isa: Isa) -> Net {
    // Half of the nets have slopes in place of tanh.
    let sloped = seed % 2 == 1;
    let mut numbers = crate::test_numbers(seed);
    let mut take = |len: usize| (0..len).map(|_| numbers() * 0.4).collect::<Vec<f32>>();
    let mut memory = 0;
    let mut claim = |planes: usize, stride: usize| {
        memory += planes * stride;
        Planes {
            offset: memory - planes * stride,
            stride,
            planes,
        }
    };
    let input = claim(1, MAX_FRAMES);
    let mut xs = [claim(channels, MAX_FRAMES), claim(channels, MAX_FRAMES)];
    let (total, other, output) = (
        claim(channels, MAX_FRAMES),
        claim(channels, MAX_FRAMES),
        claim(1, MAX_FRAMES),
    );
    let mut conv = |inputs: usize, outputs: usize, taps: usize, mix: usize, function: Option<Function>| {
        let shape = Shape {
            inputs,
            outputs,
            taps,
            groups: 1,
        };
        let (weights, bias, mixes) = (take(inputs * outputs * taps), take(outputs), take(outputs * mix));
        let slopes = (sloped && function.is_some()).then(|| vec![0.1; outputs]);
        let conv =
            Conv1d::with_mix(shape, &weights, Some(&bias), slopes.as_deref(), (mix, &mixes), isa).expect("sizes fit");
        match function.filter(|_| !sloped) {
            Some(function) => conv.with_activation(function).expect("it fuses"),
            None => conv,
        }
    };
    let layer = |conv, x, y| Layer {
        conv,
        x,
        past: None,
        mix: None,
        addends: Vec::new(),
        y,
        total: None,
    };
    let mut layers = vec![layer(conv(1, channels, 1, 0, None), input, xs[0])];
    for (index, dilation) in dilations.iter().enumerate() {
        let ring = Ring::new(channels, (taps - 1) * dilation, MAX_FRAMES).expect("small");
        let z = if index == 0 { total } else { other };
        layers.push(Layer {
            past: Some(Past {
                offset: claim(1, padded(ring.len())).offset,
                ring,
                cursor: index,
                backs: (0..taps).map(|tap| (taps - 1 - tap) * dilation).collect(),
            }),
            mix: Some(input),
            total: (index > 0).then_some(total),
            ..layer(conv(channels, channels, taps, 1, Some(Function::Tanh)), xs[0], z)
        });
        layers.push(Layer {
            addends: vec![xs[0]],
            ..layer(conv(channels, channels, 1, 0, None), z, xs[1])
        });
        xs.swap(0, 1);
    }
    layers.push(layer(conv(channels, 1, 1, 0, None), total, output));
    Net {
        layers,
        input,
        output,
        memory,
        cursors: dilations.len(),
    }
}

fn planes(memory: &[f32], planes: Planes) -> conv1d::Planes<'_> {
    conv1d::Planes {
        memory: &memory[planes.offset..planes.offset + planes.planes * planes.stride],
        stride: planes.stride,
    }
}

/// One after the other, each with a copy of the memory to read from.
fn one_by_one(net: &Net, memory: &mut [f32], cursors: &mut [usize], frames: usize) {
    for layer in &net.layers {
        let before = memory.to_vec();
        let x = planes(&before, layer.x);
        let mut total = layer.total.map(|total| planes(&before, total).memory.to_vec());
        let mut y = planes(&before, layer.y).memory.to_vec();
        let addends: Vec<_> = layer.addends.iter().map(|addend| planes(&before, *addend)).collect();
        let mix = layer.mix.map_or(conv1d::Planes::default(), |mix| planes(&before, mix));
        let mut run = |x, starts: &[usize]| {
            let stride = MAX_FRAMES;
            let mut totals = total.as_mut().map(|memory| PlanesMut { memory, stride });
            let mut y = PlanesMut { memory: &mut y, stride };
            let inputs = Inputs {
                x,
                starts,
                mix,
                addends: &addends,
            };
            layer.conv.run(&inputs, &mut y, totals.as_mut(), frames);
        };
        match &layer.past {
            Some(past) => {
                let ring = &mut memory[past.offset..past.offset + past.ring.len()];
                let cursor = &mut cursors[past.cursor];
                past.ring.write(ring, *cursor, x.memory, x.stride, 0, frames);
                let starts: Vec<usize> = past.backs.iter().map(|back| past.ring.start(*cursor, *back)).collect();
                let stride = past.ring.stride();
                run(conv1d::Planes { memory: ring, stride }, &starts);
                *cursor = past.ring.advance(*cursor, frames);
            }
            None => run(x, &[0]),
        }
        for (place, values) in [(Some(layer.y), Some(y)), (layer.total, total)] {
            if let (Some(place), Some(values)) = (place, values) {
                memory[place.offset..place.offset + values.len()].copy_from_slice(&values);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn the_same_bits_as_one_by_one(
        seed in any::<u64>(),
        channels in 1usize..20,
        dilations in proptest::collection::vec(1usize..90, 1..5),
        taps in 1usize..4,
        blocks in proptest::collection::vec(prop_oneof![1usize..=MAX_FRAMES, 1usize..6], 1..30),
    ) {
        for isa in Isa::available() {
            same_bits(&net(seed, channels, &dilations, taps + 1, isa), dilations.len(), seed, &blocks, isa)?;
        }
    }
}

fn same_bits(net: &Net, convolutions: usize, seed: u64, blocks: &[usize], isa: Isa) -> Result<(), TestCaseError> {
    let layers = Layers::new(net.layers.clone(), &[net.output], MAX_FRAMES).expect("places fit");
    let homes = layers.layers.iter().filter(|layer| layer.is_home).count();
    prop_assert_eq!(homes, convolutions);
    let mut numbers = crate::test_numbers(seed ^ 1);
    // What was never written must not matter.
    let mut memory = Aligned::zeros(net.memory);
    memory.iter_mut().for_each(|value| *value = f32::NAN);
    for past in net.layers.iter().filter_map(|layer| layer.past.as_ref()) {
        memory[past.offset..past.offset + past.ring.len()].fill(0.0);
    }
    let mut other = memory.clone();
    let (mut cursors, mut other_cursors) = (vec![0; net.cursors], vec![0; net.cursors]);
    for block in blocks {
        for at in net.input.offset..net.input.offset + block {
            memory[at] = numbers();
            other[at] = memory[at];
        }
        layers.run(&mut memory, &mut cursors, *block);
        one_by_one(net, &mut other, &mut other_cursors, *block);
        prop_assert_eq!(&cursors, &other_cursors);
        for at in net.output.offset..net.output.offset + block {
            prop_assert_eq!(memory[at].to_bits(), other[at].to_bits(), "{}", isa);
        }
    }
    Ok(())
}

#[test]
fn the_room_for_sums_is_used_again_and_changes_no_bit() {
    for isa in Isa::available() {
        let dilations: Vec<usize> = (0..70).map(|n| 1 + n % 7).collect();
        let net = net(2, 17, &dilations, 2, isa);
        let layers = Layers::new(net.layers.clone(), &[net.output], MAX_FRAMES).expect("places fit");
        assert!(layers.few.turns() > 1, "{isa}");
        same_bits(&net, 70, 5, &[1, 2, 3, 4, 1, 5, 1, 64, 4, 1], isa).expect("the same bits");
    }
}

#[test]
fn what_comes_from_outside_is_remembered_too() {
    for isa in Isa::available() {
        let mut net = net(4, 6, &[3, 5], 3, isa);
        // The first layer gets taps of its own; nobody in front of it can write its ring.
        let shape = Shape {
            inputs: 1,
            outputs: 6,
            taps: 2,
            groups: 1,
        };
        let ring = Ring::new(1, 9, MAX_FRAMES).expect("small");
        let offset = net.memory;
        net.memory += padded(ring.len());
        net.cursors += 1;
        let weights: Vec<f32> = (0..12u8).map(|n| f32::from(n) / 16.0 - 0.3).collect();
        net.layers[0].conv = Conv1d::new(shape, &weights, None, None, isa).expect("sizes fit");
        net.layers[0].past = Some(Past {
            ring,
            offset,
            cursor: net.cursors - 1,
            backs: [9, 0].into(),
        });
        same_bits(&net, 2, 6, &[1, 1, 3, 2, 40, 1, 4, 1, 1, 64, 1], isa).expect("the same bits");
    }
}

#[test]
fn long_pasts_are_asked_for_and_change_no_bit() {
    for seed in [1, 2] {
        for isa in Isa::available() {
            let net = net(seed, 8, &[2400, 1, 1800], 3, isa);
            let layers = Layers::new(net.layers.clone(), &[net.output], MAX_FRAMES).expect("places fit");
            let asks = layers.layers.iter().filter(|layer| layer.asks.is_some()).count();
            assert_eq!(asks, 3);
            let blocks: Vec<usize> = (0..160).map(|n| if n % 5 == 0 { 17 } else { MAX_FRAMES }).collect();
            same_bits(&net, 3, seed, &blocks, isa).expect("the same bits");
        }
    }
}

#[test]
fn layers_of_few_channels_are_pairs() {
    for (channels, wide, others) in [
        (1, 0, 0),
        (2, 3, 3),
        (3, 3, 3),
        (4, 3, 3),
        (5, 0, 0),
        (6, 0, 0),
        (8, 3, 0),
        (16, 0, 0),
    ] {
        for isa in Isa::available() {
            let net = net(1, channels, &[1, 2, 4], 3, isa);
            let layers = Layers::new(net.layers, &[net.output], MAX_FRAMES)
                .expect("places fit")
                .layers;
            let pairs: Vec<bool> = layers
                .iter()
                .filter_map(|layer| layer.pair)
                .map(|pair| pair.is_kept)
                .collect();
            let expected = if isa.lanes() == 16 { wide } else { others };
            assert_eq!(pairs.len(), expected, "{channels} channels, {isa}");
            // The first one's result is the total of the others.
            assert!(pairs.is_empty() || pairs == [true, false, false]);
        }
    }
}

#[test]
fn places_that_contradict_are_refused() {
    let fresh = || net(1, 3, &[2], 2, Isa::Scalar).layers;
    assert!(Layers::new(fresh(), &[], MAX_FRAMES).is_some());
    assert!(Layers::new(Vec::new(), &[], MAX_FRAMES).is_none());
    // Longer blocks than there is room for.
    assert!(Layers::new(fresh(), &[], MAX_FRAMES + 1).is_none());
    let mut layers = fresh();
    layers[1].y = layers[1].x;
    assert!(Layers::new(layers, &[], MAX_FRAMES).is_none());
    let mut layers = fresh();
    layers[1].mix = None;
    assert!(Layers::new(layers, &[], MAX_FRAMES).is_none());
    let mut layers = fresh();
    layers[2].addends[0].planes = 2;
    assert!(Layers::new(layers, &[], MAX_FRAMES).is_none());
    let mut layers = fresh();
    layers[1].past.iter_mut().for_each(|past| past.backs[0] += 1);
    assert!(Layers::new(layers, &[], MAX_FRAMES).is_none());
    let mut layers = fresh();
    layers[0].x.offset = usize::MAX;
    assert!(Layers::new(layers, &[], MAX_FRAMES).is_none());
}
