//! A swap of models is not heard as a click: the largest second difference during the fade is at most 1.1 times that of the two
//! steady signals.

use tonegraft_analysis::max_second_difference;
use tonegraft_chain::Settings;
use tonegraft_engine::{Model, Options, StartState};
use tonegraft_tests::corpus;
use tonegraft_tests::host::Track;
use tonegraft_tests::onnx::File;
use tonegraft_tests::signal::string;

/// How much more than the steady signals a fade may bend.
const BOUND: f32 = 1.1;

const RATE: u32 = 48_000;
const BLOCK: usize = 64;

/// A little more than a period of the tone: shorter, and "the steady signal" would be a piece of its wave.
const PERIOD: usize = 480;

/// Length of a crossfade: 5 ms.
const FADE: usize = 240;

/// What plays in slot A; `None`: dry.
type Source<'a> = Option<&'a Model>;

/// Plays `signal`; at frame `at` the model changes from `from` to `to`. Gives the output with the frame of the first difference that
/// the change made.
fn play(signal: &[f32], from: Source<'_>, to: Source<'_>, at: usize) -> Vec<f32> {
    let track = Track::mono(RATE);
    let (mut control, mut audio) = track.open();
    if let Some(model) = from {
        audio.adopt(track.unit(model, StartState::Silence, 1));
    }
    let settings = Settings::default();
    audio.reset(&settings);
    let mut played = audio.play(&settings, &signal[..at], std::iter::repeat(BLOCK));
    let unit = to.map(|model| track.unit(model, StartState::Silence, 2));
    assert!(control.install(0, unit).is_ok());
    played.extend(audio.play(&settings, &signal[at..], std::iter::repeat(BLOCK)));
    assert!(!audio.is_moving(), "the swap is over");
    assert_eq!(control.collect(), usize::from(from.is_some()));
    played
}

fn steady(signal: &[f32], model: Source<'_>) -> Vec<f32> {
    let track = Track::mono(RATE);
    let (_control, mut audio) = track.open();
    if let Some(model) = model {
        audio.adopt(track.unit(model, StartState::Silence, 1));
    }
    audio.reset(&Settings::default());
    audio.play(&Settings::default(), signal, std::iter::repeat(BLOCK))
}

#[test]
fn no_swap_clicks() {
    let shipped: Vec<Model> = corpus::shipped()
        .iter()
        .map(|entry| Model::from_file(&entry.path, &Options::default()).unwrap_or_else(|error| panic!("{error}")))
        .collect();
    assert!(shipped.len() >= 2);
    // With latency, so that the total changes in the swap.
    let ahead = {
        let mut delta = vec![0.0; 97];
        delta[32] = -0.7;
        let bytes = File::convolution(&delta, 32, 64).bytes();
        Model::from_bytes(&bytes, "ahead.onnx", None, &Options::default()).expect("loads")
    };
    let (a, b) = (Some(&shipped[0]), Some(&shipped[1]));
    let signal = string(RATE as usize, RATE as f32, 110.0, 9);
    let mut worst = 0.0_f32;
    for (name, from, to) in [
        ("first to second", a, b),
        ("second to first", b, a),
        ("first to dry", a, None),
        ("dry to first", None, a),
        ("second to one with latency", b, Some(&ahead)),
        ("one with latency to second", Some(&ahead), b),
    ] {
        let (before, after) = (steady(&signal, from), steady(&signal, to));
        for at in [3_008, 9_024, 14_976, 23_040, 24_064, 26_432] {
            let played = play(&signal, from, to, at);
            let first = (at..signal.len())
                .find(|&n| played[n] != before[n])
                .expect("a difference");
            let fade = first - 2..first + FADE + 2;
            assert!(fade.end + PERIOD < signal.len());
            // Both steady signals while the swap went on, and a period of the tone before and after.
            let around = at - PERIOD..fade.end + PERIOD;
            let allowed = max_second_difference(&before[around.clone()]).max(max_second_difference(&after[around]));
            let ratio = max_second_difference(&played[fade]) / allowed;
            worst = worst.max(ratio);
            assert!(ratio <= BOUND, "{name} at {at}: {ratio} times the steady signals");
        }
    }
    println!("worst fade: {worst:.3} times the steady signals");
}

#[test]
fn the_measure_sees_a_hard_switch() {
    let signal = string(RATE as usize, RATE as f32, 110.0, 9);
    let louder: Vec<f32> = signal.iter().map(|sample| sample * 1.5).collect();
    // Where the difference is largest within a period.
    let at = (10_000..11_000)
        .max_by(|&a, &b| signal[a].abs().total_cmp(&signal[b].abs()))
        .expect("frames");
    let switched: Vec<f32> = signal[..at].iter().chain(&louder[at..]).copied().collect();
    let around = at - FADE..at + FADE;
    let allowed = max_second_difference(&signal[around.clone()]).max(max_second_difference(&louder[around.clone()]));
    assert!(max_second_difference(&switched[around]) > BOUND * allowed);
}
