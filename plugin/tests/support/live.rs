//! An instance as its window sees it: what its threads share, and audio at about the pace of real playing.

use super::{Event, Instance, buffer};
use std::sync::Arc;
use std::time::Duration;
use tonegraft_chain::Settings;
use tonegraft_plugin::shared::{Moment, Shared};

impl Instance {
    /// What the instance's threads share.
    pub fn shared(&self) -> Arc<Shared> {
        // SAFETY: the instance lives.
        unsafe { tonegraft_plugin::entry::shared_of(self.plugin) }.expect("a plugin of ours")
    }

    /// One block with `reference` at the side-chain; without channels there, the host passes no port for it.
    pub fn block_with(
        &self,
        main: &[Vec<f32>],
        reference: &[Vec<f32>],
        outputs: usize,
        range: std::ops::Range<usize>,
        events: &[Event],
    ) -> Vec<Vec<f32>> {
        let frames = range.len();
        let part = |channels: &[Vec<f32>]| -> Vec<Vec<f32>> {
            channels.iter().map(|channel| channel[range.clone()].to_vec()).collect()
        };
        let (mut main, mut aux) = (part(main), part(reference));
        let mut output = vec![vec![f32::NAN; frames]; outputs];
        let mut main_pointers: Vec<*mut f32> = main.iter_mut().map(|channel| channel.as_mut_ptr()).collect();
        let mut aux_pointers: Vec<*mut f32> = aux.iter_mut().map(|channel| channel.as_mut_ptr()).collect();
        let mut output_pointers: Vec<*mut f32> = output.iter_mut().map(|channel| channel.as_mut_ptr()).collect();
        let mut inputs = vec![buffer(&mut main_pointers)];
        if !aux_pointers.is_empty() {
            inputs.push(buffer(&mut aux_pointers));
        }
        let status = self.raw(frames, &inputs, &mut [buffer(&mut output_pointers)], events);
        assert_ne!(status, 0, "process failed");
        output
    }
}

/// What the parameters say at their defaults, with the side-chain in use.
pub fn moment() -> Moment {
    Moment {
        settings: Settings {
            use_reference: true,
            ..Settings::default()
        },
        cab_is_automatic: true,
    }
}

/// Plays `main` and `reference` over and over in blocks of 512 frames, faster than real time but not too fast for the compare worker,
/// until `done` says so. Returns all of the first output channel.
pub fn play_until(
    instance: &Instance,
    main: &[Vec<f32>],
    reference: &[Vec<f32>],
    outputs: usize,
    what: &str,
    mut done: impl FnMut() -> bool,
) -> Vec<f32> {
    let began = std::time::Instant::now();
    let frames = main[0].len();
    let (mut at, mut heard) = (0, Vec::new());
    while !done() {
        assert!(began.elapsed() < Duration::from_secs(120), "timed out: {what}");
        let end = (at + 512).min(frames);
        heard.extend(
            instance
                .block_with(main, reference, outputs, at..end, &[])
                .swap_remove(0),
        );
        at = if end == frames { 0 } else { end };
        std::thread::sleep(Duration::from_millis(3));
    }
    heard
}
