//! Comparing through the whole chain: the samples do not depend on the host's cuts, and it costs little.

use std::time::Instant;
use tonegraft_chain::{Chain, ChainConfig, Settings};
use tonegraft_core::denormals::FlushDenormals;
use tonegraft_core::{Fault, Middle, SampleRate};
use tonegraft_engine::{Model, Options, StartState};
use tonegraft_slots::{Alignment, BankConfig, BankControl, SlotsAndCab, Source, bank};
use tonegraft_tests::corpus;
use tonegraft_tests::host::Track;
use tonegraft_tests::signal::{Random, noise, string};

const RATE: u32 = 48_000;

fn rate() -> SampleRate {
    SampleRate::new(RATE).expect("a rate")
}

fn load(path: &std::path::Path) -> Model {
    Model::from_file(path, &Options::default()).unwrap_or_else(|error| panic!("{error}"))
}

/// Slot A, slot B and three programs out of `models`, in turn; mono, with a side-chain.
fn open(models: &[Model]) -> (BankControl, SlotsAndCab) {
    let config = BankConfig {
        references: 1,
        ..BankConfig::new(rate(), 1, 1)
    };
    let (control, mut slots) = bank(config);
    let (_, cab) = bank(SlotsAndCab::cab_config(&config));
    let track = Track::mono(RATE);
    for (index, model) in (0..5_u8).zip(models.iter().cycle()) {
        let unit = track.unit(model, StartState::Silence, index.into());
        let taken = match usize::from(index) {
            slot @ 0..2 => slots.adopt(slot, Some(unit)),
            index => slots.adopt_program(index - 2, Some(unit)),
        };
        assert!(taken.is_ok());
    }
    (control, SlotsAndCab::new(slots, cab))
}

/// Settings change right before the frames given: a host with sample-accurate automation cuts there, whatever else it does.
fn play(
    models: &[Model],
    events: &[(usize, Settings)],
    frames: usize,
    lengths: impl IntoIterator<Item = usize>,
) -> Vec<f32> {
    let (mut control, mut middle) = open(models);
    control.set_alignment(Alignment {
        delays: [0.0, 3.7, 37.4],
        invert: [false, false, true],
        hear_reference_aligned: true,
    });
    let mut chain = Chain::new(ChainConfig::new(rate(), 1, 1));
    let (input, side) = (string(frames, 48_000.0, 110.0, 1), string(frames, 48_000.0, 82.0, 2));
    let mut output = vec![f32::NAN; frames];
    let mut lengths = lengths.into_iter();
    let mut at = 0;
    while at < frames {
        for (_, settings) in events.iter().filter(|(when, _)| *when == at) {
            chain.set(settings);
        }
        let next = events.iter().map(|(when, _)| *when).filter(|when| *when > at).min();
        let end = frames
            .min(next.unwrap_or(frames))
            .min(at + lengths.next().expect("endless"));
        middle.slots.feed_reference(&[&side[at..end]]);
        let fault = chain.process(&mut middle, &[&input[at..end]], &mut [&mut output[at..end]]);
        assert_eq!(fault, Fault::None);
        at = end;
    }
    output
}

#[test]
fn automated_sources_trims_and_programs_do_not_depend_on_the_cut() {
    let shipped: Vec<Model> = corpus::shipped()
        .iter()
        .take(3)
        .map(|entry| load(&entry.path))
        .collect();
    let mut random = Random::new(3);
    for case in 0..6 {
        let frames = 16_000;
        let mut events: Vec<(usize, Settings)> = (0..20)
            .map(|_| {
                let mut settings = Settings {
                    source: Source::ALL[random.between(0, 4)],
                    trims_db: [random.unit() * 12.0 - 6.0, 0.0, random.unit() * 6.0],
                    use_reference: random.unit() < 0.8,
                    program: [None, Some(0), Some(1), Some(2), Some(9)][random.between(0, 4)],
                    cab: random.unit() < 0.5,
                    mix: if random.unit() < 0.5 { 1.0 } else { random.unit() },
                    ..Settings::default()
                };
                settings.knobs[0][0] = random.unit();
                (random.between(0, frames - 1), settings)
            })
            .collect();
        events.push((
            0,
            Settings {
                source: Source::Reference,
                use_reference: true,
                ..Settings::default()
            },
        ));
        let whole = play(&shipped, &events, frames, std::iter::repeat(frames));
        assert!(whole.iter().all(|sample| sample.is_finite()) && whole.iter().any(|sample| *sample != 0.0));
        let mut lengths = Random::new(case);
        for other in [
            play(&shipped, &events, frames, std::iter::repeat(32)),
            play(
                &shipped,
                &events,
                frames,
                std::iter::repeat_with(|| lengths.between(1, 1_500)),
            ),
            play(&shipped, &events, frames, std::iter::repeat(1)),
        ] {
            let first = whole
                .iter()
                .zip(&other)
                .position(|(whole, other)| whole.to_bits() != other.to_bits());
            assert_eq!(first, None, "case {case}: the first frame that differs");
        }
    }
}

#[test]
fn two_slots_with_everything_on_cost_little_more_than_the_two_models() {
    let Some(data) = corpus::shared_data("the cost of comparing") else {
        return;
    };
    let models = ["BossWN-standard.nam", "wavenet_a1_standard.nam"].map(|name| load(&data.join("nam").join(name)));
    let track = Track::mono(RATE);
    let _flush = FlushDenormals::new();
    const BLOCK: usize = 256;
    let input = noise(BLOCK, 0.3, 1);
    let side = noise(BLOCK, 0.3, 2);
    let mut output = vec![0.0; BLOCK];

    let mut alone = models
        .each_ref()
        .map(|model| track.unit(model, StartState::Silence, 0).processor);
    let (mut control, mut middle) = open(&models);
    control.set_watching(true);
    control.set_tapping(true);
    control.set_difference(Source::A, 0.9);
    control.set_alignment(Alignment {
        delays: [2.5, 3.7, 37.4],
        invert: [false, true, true],
        hear_reference_aligned: true,
    });
    let controls = tonegraft_core::Controls {
        source: Source::Difference,
        trims_db: [-1.0, 2.0, 3.0],
        use_reference: true,
        ..tonegraft_core::Controls::default()
    };
    // The quickest of many short turns, taken in alternation: what else runs on the machine makes some slow, not all.
    let mut quickest = [f64::MAX; 2];
    for _ in 0..600 {
        let begun = Instant::now();
        for processor in &mut alone {
            processor.process(&[&input], &mut [&mut output]);
        }
        quickest[0] = quickest[0].min(begun.elapsed().as_secs_f64());
        let begun = Instant::now();
        middle.slots.feed_reference(&[&side]);
        middle.slots.process(&controls, &[&input], &mut [&mut output]);
        quickest[1] = quickest[1].min(begun.elapsed().as_secs_f64());
        control.taps().read(|_| ());
        control.readout();
    }
    let [models, bank] = quickest;
    println!(
        "{BLOCK} frames: both models {:.1} us, with everything on {:.1} us, {:.3} times",
        1e6 * models,
        1e6 * bank,
        bank / models
    );
    assert!(bank <= 1.1 * models, "{} times the two models alone", bank / models);
}
