//! Conversion between a host's rate and a model's, and oversampling: delays, cuts, reset, what the bands say about themselves.

mod support;

use support::{Cuts, Net, config, model, noise_vec, stream};
use tonegraft_core::{Processor, SampleRate};
use tonegraft_engine::{InstanceConfig, Model, Oversampling, RateMode, StartState};
use tonegraft_model::op::{Op, Unary};
use tonegraft_model::{PhaseInput, PhaseRate};

const HOSTS: [u32; 6] = [44_100, 48_000, 88_200, 96_000, 176_400, 192_000];
const MODELS: [u32; 3] = [44_100, 48_000, 96_000];

/// One convolution, `taps` oldest first, of which `ahead` look into the future, at a rate.
fn convolution(taps: &[f32], ahead: usize, rate: Option<u32>) -> Model {
    let mut net = Net::new();
    let x = net.input("x", &[1, 1, 0]);
    let weights = net.floats(&[1, 1, taps.len()], taps.to_vec());
    let pads = (
        i64::try_from(taps.len() - 1 - ahead).expect("small"),
        i64::try_from(ahead).expect("small"),
    );
    let y = net.conv(x, weights, None, taps.len(), 1, pads, 1);
    net.output(y, "y");
    net.graph.metadata.sample_rate = rate;
    model(&net.graph)
}

/// What comes in, and before that nothing.
fn wire(rate: u32) -> Model {
    convolution(&[1.0], 0, Some(rate))
}

/// Two layers with tanh between them, biased so that silence is not 0.
fn nonlinear(rate: u32) -> Model {
    let mut net = Net::new();
    let x = net.input("x", &[1, 1, 0]);
    let (w1, b1) = (
        net.floats(&[4, 1, 3], noise_vec(1, 12)),
        net.floats(&[4], noise_vec(2, 4)),
    );
    let a = net.conv(x, w1, Some(b1), 3, 2, (4, 0), 1);
    let a = net.node(Op::Unary(Unary::Tanh), &[a]);
    let (w2, b2) = (net.floats(&[1, 4, 5], noise_vec(3, 20)), net.floats(&[1], vec![0.3]));
    let y = net.conv(a, w2, Some(b2), 5, 1, (2, 2), 1);
    net.output(y, "y");
    net.graph.metadata.sample_rate = Some(rate);
    model(&net.graph)
}

fn at(host: u32, mode: RateMode, oversampling: Oversampling, start: StartState) -> InstanceConfig {
    InstanceConfig {
        host_rate: SampleRate::new(host).expect("a rate"),
        rate: mode,
        oversampling,
        ..config(1, 1, start)
    }
}

fn make(model: &Model, config: &InstanceConfig) -> Box<dyn Processor> {
    model.instantiate(config).expect("fits")
}

fn play(model: &Model, config: &InstanceConfig, input: &[f32], cuts: Cuts) -> (Vec<f32>, usize) {
    let mut processor = make(model, config);
    let latency = processor.facts().latency.total().as_usize();
    let y = stream(processor.as_mut(), &[input.to_vec()], cuts, &[]);
    (y.into_iter().next().expect("a channel"), latency)
}

/// Noise below 5 kHz: a Gaussian around each of random pulses.
fn low_noise(rate: u32, frames: usize) -> Vec<f32> {
    // The beginning is silent: nothing else begins without frequencies above.
    let mut pulses = noise_vec(77, frames);
    pulses[..300].fill(0.0);
    let width = f64::from(rate) / 12_000.0;
    let reach = (6.0 * width) as usize;
    let bell: Vec<f32> = (0..=2 * reach)
        .map(|k| (-0.5 * ((k as f64 - reach as f64) / width).powi(2)).exp() as f32)
        .collect();
    (0..frames)
        .map(|n| {
            bell.iter()
                .enumerate()
                .filter_map(|(k, w)| Some(w * pulses.get((n + k).checked_sub(reach)?)?))
                .sum()
        })
        .collect()
}

/// The lag, 0 ..= `most`, at which `late` resembles `early` most, and the correlation there.
fn lag(early: &[f32], late: &[f32], most: usize) -> (usize, f64) {
    let frames = early.len() - most;
    let product = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    let size = product(&early[..frames], &early[..frames]);
    (0..=most)
        .map(|lag| {
            let late = &late[lag..lag + frames];
            (
                lag,
                product(&early[..frames], late) / (size * product(late, late)).sqrt(),
            )
        })
        .max_by(|a, b| a.1.total_cmp(&b.1))
        .expect("lags")
}

#[test]
fn the_delay_measured_is_the_delay_reported() {
    let mut checked = 0;
    for host in HOSTS {
        let signal = low_noise(host, 3_000);
        let white = noise_vec(5, 3_000);
        for rate in MODELS {
            for ahead in [0, 7] {
                let mut taps = vec![0.0; 15];
                taps[14 - ahead] = 1.0;
                let model = convolution(&taps, ahead, Some(rate));
                for mode in RateMode::ALL {
                    for oversampling in Oversampling::ALL {
                        let config = at(host, mode, oversampling, StartState::Zero);
                        let what = format!("{host} ← {rate}, {ahead} ahead, {mode}, {oversampling}");
                        let told = model.conversion(config.host_rate, mode, oversampling);
                        let (y, latency) = play(&model, &config, &signal, Cuts::Fixed(64));
                        assert_eq!(latency, told.latency.total().as_usize(), "{what}");
                        let (measured, alike) = lag(&signal, &y, 1_400);
                        assert_eq!(measured, latency, "{what}");
                        assert!(alike > 0.9999, "{what}: {alike}");
                        // Frame by frame, not only on the whole: low frequencies are passed on exactly.
                        for n in 0..signal.len() - 1_400 {
                            let apart = (y[n + latency] - signal[n]).abs();
                            let bound = if told.mode == RateMode::LinearPhase { 2e-4 } else { 0.05 };
                            assert!(apart < bound, "{what}: {apart} at {n}");
                        }
                        if told
                            .filter
                            .is_some_and(|(_, phase)| phase == tonegraft_engine::rate::Phase::Minimum)
                        {
                            assert!(told.added().get() as f32 <= host as f32 * 5e-4, "{what}");
                        } else {
                            let y = play(&model, &config, &white, Cuts::Fixed(64)).0;
                            assert_eq!(lag(&white, &y, 1_400).0, latency, "{what}: white noise");
                            let mut impulse = vec![0.0; 1_600];
                            impulse[100] = 1.0;
                            let y = play(&model, &config, &impulse, Cuts::Fixed(64)).0;
                            let peak = (0..y.len()).max_by(|a, b| y[*a].abs().total_cmp(&y[*b].abs()));
                            assert_eq!(peak, Some(100 + latency), "{what}: impulse");
                        }
                        checked += 1;
                    }
                }
            }
        }
    }
    assert_eq!(checked, HOSTS.len() * MODELS.len() * 2 * 9);
}

/// Every way to convert, at pairs of rates that are easy, hard, and beyond a table of exact places.
fn ways() -> Vec<(u32, u32, RateMode, Oversampling)> {
    let mut ways = Vec::new();
    for (host, rate) in [
        (44_100, 48_000),
        (96_000, 48_000),
        (192_000, 44_100),
        (48_000, 48_000),
        (44_101, 47_999),
    ] {
        for mode in RateMode::ALL {
            for oversampling in Oversampling::ALL {
                ways.push((host, rate, mode, oversampling));
            }
        }
    }
    ways
}

#[test]
fn any_cut_gives_the_same_bits_also_after_reset_and_with_knobs() {
    let mut net = Net::new();
    let x = net.input("x", &[1, 1, 0]);
    let gain = net.input("gain", &[1, 1, 1]);
    let y = net.node(Op::Binary(tonegraft_model::op::Binary::Mul), &[x, gain]);
    let y = net.node(Op::Unary(Unary::Tanh), &[y]);
    net.output(y, "y");
    net.graph.metadata.sample_rate = Some(48_000);
    let knobbed = model(&net.graph);
    let signal = noise_vec(9, 2_500);
    let knobs = [(64, 0, 0.9), (96, 0, 0.2), (1_024, 0, 0.5), (2_016, 0, 0.7)];
    for (host, rate, mode, oversampling) in ways() {
        let models = [(nonlinear(rate), &[][..]), (knobbed.clone(), &knobs[..])];
        for (model, knobs) in models {
            for start in [StartState::Zero, StartState::Silence] {
                let config = at(host, mode, oversampling, start);
                let what = format!("{host} ← {rate}, {mode}, {oversampling}, {start:?}");
                let mut processor = make(&model, &config);
                processor.set_knob(0, 0.3);
                let whole = stream(
                    processor.as_mut(),
                    std::slice::from_ref(&signal),
                    Cuts::Fixed(usize::MAX),
                    knobs,
                );
                assert!(whole[0].iter().all(|y| y.is_finite()));
                for cuts in [Cuts::Fixed(1), Cuts::Fixed(7), Cuts::Fixed(64), Cuts::Random(3)] {
                    processor.reset();
                    processor.set_knob(0, 0.3);
                    let cut = stream(processor.as_mut(), std::slice::from_ref(&signal), cuts, knobs);
                    assert!(cut == whole, "{what}: {cuts:?}");
                }
            }
        }
    }
}

#[test]
fn a_settled_start_is_silent_from_the_first_frame() {
    for (host, rate, mode, oversampling) in ways() {
        let model = nonlinear(rate);
        let config = at(host, mode, oversampling, StartState::Silence);
        let (y, _) = play(&model, &config, &[0.0; 3_000], Cuts::Fixed(100));
        let settled = y[2_999];
        assert!(settled.abs() > 0.01, "the model has something to say in silence");
        for (n, y) in y.iter().enumerate() {
            let apart = (y - settled).abs();
            assert!(apart < 2e-6, "{host} ← {rate}, {mode}, {oversampling}: {apart} at {n}");
        }
    }
}

/// Streams the model at its own rate.
fn own(model: &Model, input: &[f32]) -> Vec<f32> {
    let rate = model.metadata().sample_rate.expect("declared");
    let config = at(rate, RateMode::LinearPhase, Oversampling::Off, StartState::Zero);
    play(model, &config, input, Cuts::Fixed(64)).0
}

#[test]
fn host_rate_is_the_network_with_its_times_multiplied() {
    let signal = noise_vec(4, 4_000);
    for multiple in [2usize, 4] {
        let model = nonlinear(48_000);
        let host = 48_000 * u32::try_from(multiple).expect("small");
        let config = at(host, RateMode::HostRate, Oversampling::Off, StartState::Zero);
        let (y, latency) = play(&model, &config, &signal, Cuts::Random(8));
        assert_eq!(latency, 2 * multiple, "two frames of look-ahead");
        // The same network with all distances of taps multiplied, as a plain sum over the signal.
        let (w1, b1, w2) = (noise_vec(1, 12), noise_vec(2, 4), noise_vec(3, 20));
        let x = |n: i64| {
            usize::try_from(n)
                .ok()
                .and_then(|n| signal.get(n))
                .copied()
                .unwrap_or(0.0)
        };
        let step = i64::try_from(multiple).expect("small");
        let hidden = |c: usize, n: i64| {
            if n < 0 {
                return 0.0;
            }
            let sum: f32 = (0..3i64)
                .map(|k| w1[c * 3 + k as usize] * x(n - step * 2 * (2 - k)))
                .sum();
            (sum + b1[c]).tanh()
        };
        for n in (0..3_900i64).step_by(7) {
            let mut sum = 0.3;
            for c in 0..4 {
                for k in 0..5i64 {
                    sum += w2[c * 5 + k as usize] * hidden(c, n + step * (k - 2));
                }
            }
            let apart = (sum - y[n as usize + latency]).abs();
            assert!(apart < 1e-5, "{multiple} times: {apart} at {n}");
        }
        // And bit for bit: every multiple-th frame alone is a stream of the model itself.
        for lane in 0..multiple {
            let alone: Vec<f32> = signal.iter().skip(lane).step_by(multiple).copied().collect();
            let lane: Vec<f32> = y.iter().skip(lane).step_by(multiple).copied().collect();
            assert!(own(&model, &alone) == lane);
        }
    }
}

#[test]
fn above_half_the_models_rate_host_rate_repeats_and_the_others_do_not() {
    // The table in docs/RATES.md.
    let model = convolution(&[0.25, 0.5, 0.25], 0, Some(48_000));
    let told = [
        (1e3, 0.0),
        (12e3, -6.0),
        (20e3, -23.5),
        (23.5e3, -59.4),
        (24.5e3, -59.4),
        (28e3, -23.5),
        (36e3, -6.0),
        (47e3, 0.0),
    ];
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/RATES.md")).expect("the page");
    let levels: Vec<String> = told
        .iter()
        .map(|(_, db)| format!("{db:.1}").replace('-', "−"))
        .collect();
    assert!(page.contains(&format!("| {} |", levels.join(" | "))), "{levels:?}");
    for (hz, db) in told {
        let sine: Vec<f32> = (0..9_600)
            .map(|n| (std::f64::consts::TAU * (hz * f64::from(n) / 96_000.0).fract()).sin() as f32)
            .collect();
        let level = |mode| {
            let y = play(
                &model,
                &at(96_000, mode, Oversampling::Off, StartState::Zero),
                &sine,
                Cuts::Fixed(64),
            )
            .0;
            let settled: f64 = y[4_800..].iter().map(|y| f64::from(*y).powi(2)).sum();
            10.0 * (settled / 2_400.0).log10()
        };
        assert!(
            (level(RateMode::HostRate) - db).abs() < 0.06,
            "{hz}: {}",
            level(RateMode::HostRate)
        );
        if hz >= 28e3 {
            assert!(level(RateMode::LinearPhase) < -100.0 && level(RateMode::MinimumPhase) < -100.0);
        }
    }
}

#[test]
fn oscillators_follow_the_transport_at_every_rate() {
    let mut net = Net::new();
    let x = net.input("x", &[1, 1, 0]);
    let phase = net.input("phase", &[1, 1, 0]);
    let y = net.node(Op::Binary(tonegraft_model::op::Binary::Add), &[x, phase]);
    net.output(y, "y");
    net.graph.metadata.sample_rate = Some(48_000);
    net.graph.metadata.phase_input = Some(PhaseInput {
        input: "phase".into(),
        rate: PhaseRate::Hz(10.0),
        stereo_offset: 0.0,
    });
    let model = model(&net.graph);
    for host in [44_100, 48_000, 96_000] {
        for mode in RateMode::ALL {
            for oversampling in Oversampling::ALL {
                let mut processor = make(&model, &at(host, mode, oversampling, StartState::Silence));
                let latency = processor.facts().latency.total().as_usize();
                let silence = [vec![0.0; 4_000]];
                let untold = stream(processor.as_mut(), &silence, Cuts::Random(4), &[]);
                processor.reset();
                processor.seek(0);
                assert_eq!(
                    stream(processor.as_mut(), &silence, Cuts::Random(5), &[]),
                    untold,
                    "{host}, {mode}, {oversampling}"
                );
                processor.reset();
                assert_eq!(
                    stream(processor.as_mut(), &silence, Cuts::Random(6), &[]),
                    untold,
                    "{host}, {mode}, {oversampling}"
                );
                processor.reset();
                let from = 123_456_i64;
                processor.seek(from);
                let y = stream(processor.as_mut(), &silence, Cuts::Random(4), &[]);
                for n in 600..2_500 {
                    let turns = 10.0 * (f64::from(123_456) + f64::from(n)) / f64::from(host);
                    // Not where the phase jumps: the filters do not pass that.
                    if !(0.05..0.95).contains(&turns.fract()) {
                        continue;
                    }
                    let apart = (f64::from(y[0][n as usize + latency]) - turns.fract()).abs();
                    // A frame of the model, and what the jump rings.
                    assert!(apart < 7e-4, "{host}, {mode}, {oversampling}: {apart} at {n}");
                }
            }
        }
    }
}

#[test]
fn layouts_and_facts_pass_through() {
    let model = nonlinear(48_000);
    let (left, right) = (noise_vec(1, 1_000), noise_vec(2, 1_000));
    let mono = at(44_100, RateMode::LinearPhase, Oversampling::X2, StartState::Silence);
    let stereo = InstanceConfig {
        inputs: 2,
        outputs: 2,
        ..mono
    };
    let mut both = make(&model, &stereo);
    let y = stream(both.as_mut(), &[left.clone(), right.clone()], Cuts::Random(2), &[]);
    assert!(y[0] == play(&model, &mono, &left, Cuts::Fixed(64)).0);
    assert!(y[1] == play(&model, &mono, &right, Cuts::Fixed(64)).0);
    let facts = both.facts();
    assert_eq!((facts.inputs, facts.outputs), (2, 2));
    let parts = facts.latency;
    assert!(parts.resampler.get() > 0, "{parts:?}");
    assert_eq!(
        parts.look_ahead.get(),
        2,
        "two frames at 48 kHz are less than two at 44.1"
    );
    let again = play(&wire(44_100), &mono, &left, Cuts::Fixed(64)).1;
    assert_eq!(
        make(&wire(44_100), &mono).facts().latency.oversampling.as_usize(),
        again
    );
}

#[test]
fn rates_far_apart_play() {
    for (host, rate) in [
        (192_000, 8_000),
        (8_000, 192_000),
        (48_000, 16_000),
        (44_056, 48_000),
        (1_536_000, 1_000),
    ] {
        let model = wire(rate);
        for mode in RateMode::ALL {
            let config = at(host, mode, Oversampling::X2, StartState::Silence);
            let mut processor = make(&model, &config);
            let latency = processor.facts().latency.total().as_usize();
            let frames = latency + 4_000;
            let y = stream(processor.as_mut(), &[vec![0.5; frames]], Cuts::Random(1), &[]);
            let end = y[0][frames - 1];
            let passed = host == 1_536_000 || (end - 0.5).abs() < 1e-3;
            assert!(passed && end.is_finite(), "{host} ← {rate}, {mode}: {end}");
        }
    }
}
