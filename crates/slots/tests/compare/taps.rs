//! The taps: whole, aligned pieces, or none.

use crate::common::{Probe, STILL, mono, on, rate, sine};
use crate::play;
use std::slice;
use tonegraft_core::Controls;
use tonegraft_slots::{Alignment, BankConfig, Source, Switching, TAP_FRAMES, TapReader, bank};

/// All that is read, signal by signal, channel by channel, and the first frame of each piece.
#[derive(Default)]
struct Heard {
    signals: [Vec<Vec<f32>>; 5],
    frames: Vec<(u64, usize)>,
}

impl Heard {
    fn read(&mut self, taps: &mut TapReader) -> usize {
        taps.read(|piece| {
            self.frames.push((piece.frame, piece.frames));
            let signals = [piece.input, piece.a, piece.b, piece.reference, piece.output];
            for (all, signal) in self.signals.iter_mut().zip(signals) {
                all.resize(signal.len().max(all.len()), Vec::new());
                for (all, channel) in all.iter_mut().zip(signal) {
                    assert_eq!(channel.len(), piece.frames);
                    all.extend_from_slice(channel);
                }
            }
        })
    }
}

#[test]
fn pieces_hold_what_was_there_frame_by_frame() {
    let (mut control, mut audio) = bank(BankConfig {
        references: 2,
        ..BankConfig::new(rate(), 1, 2)
    });
    audio
        .adopt(0, Some(Probe::new(0.5, 20).stereo(1, 2).unit(1)))
        .expect("fits");
    audio
        .adopt(1, Some(Probe::new(2.0, 0).stereo(1, 2).unit(2)))
        .expect("fits");
    control.set_alignment(Alignment {
        delays: [0.0, 7.0, 0.0],
        invert: [false, true, true],
        hear_reference_aligned: false,
    });
    assert_eq!(control.taps().read(|_| panic!("nobody has asked")), 0);
    control.set_tapping(true);
    let (input, side) = (sine(300.0, 0, 5_000), [sine(400.0, 0, 5_000), sine(500.0, 0, 5_000)]);
    let controls = Controls {
        trims_db: [0.0, -20.0, 6.0],
        ..on(Source::A)
    };
    let (output, _) = play(&mut audio, &controls, slice::from_ref(&input), &side, 333);
    let mut heard = Heard::default();
    assert_eq!(heard.read(control.taps()), 5_000 / TAP_FRAMES);
    // The rest, when it ends.
    control.set_tapping(false);
    play(&mut audio, &controls, slice::from_ref(&input), &side, 333);
    heard.read(control.taps());
    assert_eq!(heard.frames.iter().map(|(_, frames)| frames).sum::<usize>(), 5_000);
    let mut expected = 0;
    for (frame, frames) in &heard.frames {
        assert_eq!(*frame, expected);
        expected += *frames as u64;
    }
    let [heard_input, a, b, reference, heard_output] = &heard.signals;
    assert_eq!(&heard_input[..], slice::from_ref(&input));
    assert_eq!(heard_output[..], output);
    assert_eq!(reference[..], side, "undelayed, untrimmed, not inverted");
    assert_eq!((a.len(), b.len()), (2, 2));
    for frame in 20..5_000 {
        assert_eq!(a[1][frame], 0.5 * input[frame - 20]);
        assert!((b[0][frame] + 0.2 * input[frame - 13]).abs() < 1e-6);
    }
    assert_eq!(control.taps().dropped(), 0);
}

#[test]
fn a_full_ring_drops_whole_pieces_counts_them_and_never_blocks() {
    let (mut control, mut audio) = bank(mono());
    control.set_tapping(true);
    let mut taps = control.take_taps();
    assert_eq!(control.taps().read(|_| ()), 0, "it has gone to its own thread");
    let input: Vec<f32> = (0..200_000_u32)
        .map(|frame| f32::from(u16::try_from(frame % 60_000).expect("short")))
        .collect();
    play(&mut audio, &STILL, slice::from_ref(&input), &[], 997);
    let mut heard = Heard::default();
    let count = heard.read(&mut taps);
    let pieces = 200_000 / TAP_FRAMES;
    assert_eq!(count as u64 + taps.dropped(), pieces as u64);
    assert!((188..=190).contains(&count), "one second: {count}");
    for (k, (frame, frames)) in heard.frames.iter().enumerate() {
        let start = usize::try_from(*frame).expect("small");
        assert_eq!(
            heard.signals[0][0][k * TAP_FRAMES..][..*frames],
            input[start..start + frames]
        );
    }
    // Then it goes on.
    play(&mut audio, &STILL, &[input[..1_024].to_vec()], &[], 100);
    assert!(heard.read(&mut taps) >= 3);
    // A reset counts from 0 again.
    audio.reset();
    heard.read(&mut taps);
    heard.frames.clear();
    play(&mut audio, &STILL, &[input[..600].to_vec()], &[], 100);
    heard.read(&mut taps);
    assert_eq!(heard.frames, [(0, 256), (256, 256)]);
}

#[test]
fn a_test_and_a_sleeping_slot_put_silence_into_the_taps() {
    let (mut control, mut audio) = bank(mono());
    audio.adopt(0, Some(Probe::new(0.5, 0).unit(1))).expect("fits");
    audio.adopt(1, Some(Probe::new(0.25, 0).unit(2))).expect("fits");
    control.set_tapping(true);
    control.set_comparing(false);
    play(&mut audio, &STILL, &[vec![1.0; 512]], &[], 64);
    let mut heard = Heard::default();
    heard.read(control.taps());
    assert_eq!(heard.signals[1][0], [0.5; 512]);
    assert_eq!(heard.signals[2][0], [0.0; 512], "asleep");
    assert_eq!(heard.signals[4][0], [0.5; 512]);
    assert!(heard.signals[3].is_empty(), "no side-chain");
    control.begin_test(Switching::Gapless);
    play(&mut audio, &STILL, &[vec![1.0; 1_024]], &[], 64);
    let mut heard = Heard::default();
    heard.read(control.taps());
    assert_eq!(heard.signals[1][0], [0.5; 1_024]);
    assert_eq!(heard.signals[2][0][600..], [0.25; 424]);
    assert_eq!(heard.signals[4][0], [0.0; 1_024], "what is heard is nobody's business");
}
