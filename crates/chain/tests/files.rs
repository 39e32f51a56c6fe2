//! Impulse responses from files: every encoding gives its samples, every bad file a sentence.
#![allow(clippy::disallowed_macros, clippy::disallowed_methods, clippy::disallowed_types)]
#![allow(clippy::cast_possible_truncation)]

#[path = "common/encode.rs"]
mod encode;

use encode::{aiff, flac, wav};
use std::path::{Path, PathBuf};
use tonegraft_chain::cab::{Convolver, ImpulseResponse, IrErrorKind, IrLevel, Recording};
use tonegraft_core::{Processor, SampleRate};

fn rate(hz: u32) -> SampleRate {
    SampleRate::new(hz).expect("a rate")
}

/// Of a 16-bit file; `channel` and `frame` from 0.
fn sample(channel: usize, frame: usize) -> i16 {
    (((frame * 7_919 + channel * 104_729) % 65_536) as i64 - 32_768) as i16
}

const FRAMES: usize = 1_000;

fn expected(channels: usize) -> Vec<Vec<f32>> {
    let channel = |channel| {
        (0..FRAMES)
            .map(|frame| f32::from(sample(channel, frame)) / 32_768.0)
            .collect()
    };
    (0..channels).map(channel).collect()
}

/// Interleaved samples, each as `put` writes it.
fn interleaved(channels: usize, put: impl Fn(i16) -> Vec<u8>) -> Vec<u8> {
    (0..FRAMES)
        .flat_map(|frame| (0..channels).map(move |channel| sample(channel, frame)))
        .flat_map(put)
        .collect()
}

#[test]
fn every_encoding_gives_the_same_samples() {
    let little = |x: i16, bytes: usize| (i32::from(x) << 16).to_le_bytes()[4 - bytes..].to_vec();
    let big = |x: i16, bytes: usize| (i32::from(x) << 16).to_be_bytes()[..bytes].to_vec();
    for channels in [1u16, 2] {
        let count = usize::from(channels);
        let put = |f: &dyn Fn(i16) -> Vec<u8>| interleaved(count, f);
        let float = |x: i16| f32::from(x) / 32_768.0;
        let files = [
            ("16 bits", 48_000, wav(1, channels, 48_000, 16, &put(&|x| little(x, 2)))),
            ("24 bits", 96_000, wav(1, channels, 96_000, 24, &put(&|x| little(x, 3)))),
            ("32 bits", 44_100, wav(1, channels, 44_100, 32, &put(&|x| little(x, 4)))),
            (
                "floats",
                192_000,
                wav(3, channels, 192_000, 32, &put(&|x| float(x).to_le_bytes().to_vec())),
            ),
            (
                "doubles",
                8_000,
                wav(
                    3,
                    channels,
                    8_000,
                    64,
                    &put(&|x| f64::from(float(x)).to_le_bytes().to_vec()),
                ),
            ),
            ("AIFF", 44_100, aiff(channels, FRAMES as u32, 16, &put(&|x| big(x, 2)))),
            (
                "AIFF of 24 bits",
                44_100,
                aiff(channels, FRAMES as u32, 24, &put(&|x| big(x, 3))),
            ),
            (
                "FLAC",
                48_000,
                flac(
                    &(0..count)
                        .map(|channel| (0..FRAMES).map(|n| sample(channel, n)).collect())
                        .collect::<Vec<_>>(),
                ),
            ),
        ];
        for (name, hz, bytes) in files {
            let recording = Recording::read(bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(recording.rate, rate(hz), "{name}");
            assert!(recording.channels == expected(count), "{name}, {channels} channels");
        }
    }
}

#[test]
fn floats_beyond_full_scale_are_kept() {
    let data: Vec<u8> = [2.5f32, -7.0, 0.25].iter().flat_map(|x| x.to_le_bytes()).collect();
    let recording = Recording::read(wav(3, 1, 48_000, 32, &data)).expect("reads");
    assert_eq!(recording.channels, [[2.5, -7.0, 0.25]]);
}

#[test]
fn bad_files_are_refused_with_what_and_where() {
    let good = wav(1, 1, 48_000, 16, &interleaved(1, |x| x.to_le_bytes().to_vec()));
    let refusal = |bytes: &[u8]| Recording::read(bytes.to_vec()).expect_err("is refused").to_string();
    assert!(refusal(b"").contains("no WAV, AIFF or FLAC"), "{}", refusal(b""));
    assert!(refusal(&[0x55; 5_000]).contains("export the impulse response as WAV"));
    assert!(refusal(&good[..20]).contains("no WAV"), "{}", refusal(&good[..20]));
    let cut = refusal(&good[..good.len() - 301]);
    assert!(
        cut.contains("breaks off at frame") && cut.contains("cut short"),
        "{cut}"
    );
    assert!(refusal(&wav(1, 1, 48_000, 16, &[])).contains("zero frames"));
    assert!(refusal(&wav(1, 3, 48_000, 16, &[0; 600])).contains("3 channels"));
    assert!(refusal(&wav(1, 1, 10, 16, &[1; 600])).contains("10 Hz"));
    // Fuzzed: so many channels that the size of a frame overflows.
    let mut wide = good.clone();
    wide[22..24].copy_from_slice(&0x8000u16.to_le_bytes());
    refusal(&wide);
    // A header that announces four gigabytes, in front of a few bytes.
    let mut huge = good;
    huge[4..8].copy_from_slice(&0xffff_ffffu32.to_le_bytes());
    huge[40..44].copy_from_slice(&0xffff_fff0u32.to_le_bytes());
    assert!(refusal(&huge).contains("longer than 60 s"), "{}", refusal(&huge));
    // Ten minutes of audio at 8000 Hz, in full.
    let long = refusal(&wav(1, 1, 8_000, 16, &vec![1; 2 * 8_000 * 600]));
    assert!(
        long.contains("longer than 60 s") && long.contains("at most 20 s"),
        "{long}"
    );
    let nan: Vec<u8> = [0.5f32, f32::NAN].iter().flat_map(|x| x.to_le_bytes()).collect();
    let recording = Recording::read(wav(3, 1, 48_000, 32, &nan)).expect("reads");
    let error = ImpulseResponse::new(&recording, rate(48_000), IrLevel::Field).expect_err("is refused");
    assert!(matches!(error.kind(), IrErrorKind::NotFinite { channel: 0, frame: 1 }));
}

#[test]
fn refusals_name_the_file_whatever_its_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let missing = folder.path().join("no such.wav");
    let error = Recording::open(&missing).expect_err("is missing");
    assert!(matches!(error.kind(), IrErrorKind::Io(_)) && error.to_string().contains("no such.wav"));
    assert_eq!(error.file(), Some(&*missing));
    assert!(matches!(
        Recording::open(folder.path()).expect_err("a folder").kind(),
        IrErrorKind::Io(_)
    ));
    #[cfg(target_os = "linux")]
    {
        use std::os::unix::ffi::OsStrExt;
        let path = folder.path().join(std::ffi::OsStr::from_bytes(b"caf\xe9.wav"));
        std::fs::write(&path, wav(1, 1, 48_000, 16, &[0; 64])).expect("writes");
        assert_eq!(Recording::open(&path).expect("reads").channels[0].len(), 32);
        let error = ImpulseResponse::open(&path, rate(48_000), IrLevel::Field).expect_err("silent");
        assert!(matches!(error.kind(), IrErrorKind::Silent) && error.to_string().contains("caf"));
    }
}

/// The third-party responses, or none, said by name.
fn shared() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let data =
        std::env::var_os("TONEGRAFT_TEST_DATA").map_or_else(|| root.join("../shared/data"), |path| root.join(path));
    let files = std::fs::read_dir(data.join("ir")).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = files.map(|entry| entry.path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "wav"));
    files.sort();
    if files.is_empty() {
        let required = std::env::var_os("TONEGRAFT_REQUIRE_TEST_DATA").is_some_and(|value| value == "1");
        assert!(!required, "no impulse responses in {}", data.display());
        println!("skipped: impulse responses of others: none in {}", data.display());
    }
    files
}

/// Gain of `taps` at `hz`.
#[allow(clippy::cast_precision_loss)]
fn gain(taps: &[f32], hz: f64, rate: f64) -> f64 {
    let (re, im) = taps.iter().enumerate().fold((0.0, 0.0), |(re, im), (n, x)| {
        let angle = std::f64::consts::TAU * hz * n as f64 / rate;
        (re + f64::from(*x) * angle.cos(), im + f64::from(*x) * angle.sin())
    });
    re.hypot(im)
}

#[test]
fn responses_of_the_field_sound_alike_at_every_rate_and_convolve_plainly() {
    for path in shared() {
        let recording = Recording::open(&path).unwrap_or_else(|error| panic!("{error}"));
        let file_rate = recording.rate.hz();
        for hz in [44_100, 48_000, 96_000, 192_000] {
            let response = ImpulseResponse::new(&recording, rate(hz), IrLevel::Field).expect("plays");
            assert!(response.seconds() <= recording.seconds() + 0.005);
            for (taps, samples) in response.channels().iter().zip(&recording.channels) {
                let scale = gain(samples, 1_000.0, file_rate);
                for tone in [80.0, 440.0, 1_000.0, 5_000.0, 12_000.0] {
                    // −18 dB, and the level that the response has at 48 kHz, at every rate.
                    let expected = gain(samples, tone, file_rate) * 10f64.powf(-0.9) * 48_000.0 / file_rate;
                    let played = gain(taps, tone, f64::from(hz));
                    let error = (played - expected).abs() / (scale * 10f64.powf(-0.9));
                    // What was cut off at the end is −90 dB of the peak and less, for hundreds of frames.
                    assert!(
                        error < 0.01,
                        "{} at {hz}: {tone} Hz: {played} {expected}",
                        path.display()
                    );
                }
            }
            let outputs = response.channels().len();
            let mut convolver = Convolver::new(&response, 1, outputs);
            let input: Vec<f32> = (0..6_000u16)
                .map(|n| (f32::from(n) * f32::from(n) * 1e-4).sin())
                .collect();
            let mut output = vec![vec![0.0; input.len()]; outputs];
            for start in (0..input.len()).step_by(100) {
                let mut parts: Vec<&mut [f32]> = output
                    .iter_mut()
                    .map(|channel| &mut channel[start..start + 100])
                    .collect();
                convolver.process(&[&input[start..start + 100]], &mut parts);
            }
            for (output, taps) in output.iter().zip(response.channels()) {
                let loudest: f64 = taps.iter().map(|tap| f64::from(tap.abs())).sum();
                for n in (0..input.len()).step_by(37) {
                    let plain: f64 = taps[..=n.min(taps.len() - 1)]
                        .iter()
                        .zip(input[..=n].iter().rev())
                        .map(|(tap, x)| f64::from(*tap) * f64::from(*x))
                        .sum();
                    let error = (f64::from(output[n]) - plain).abs();
                    assert!(
                        error < 1e-6 * loudest,
                        "{} at {hz}: frame {n}: {error} of {loudest}",
                        path.display()
                    );
                }
            }
        }
        println!(
            "{}: {} channels, {:.3} s of {:.3} s",
            path.file_name().unwrap_or_default().display(),
            recording.channels.len(),
            recording.seconds()
                - ImpulseResponse::new(&recording, recording.rate, IrLevel::File)
                    .expect("plays")
                    .cut_seconds(),
            recording.seconds()
        );
    }
}
