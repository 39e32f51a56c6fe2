//! The slots with a cabinet behind them: the middle of the plugin's chain.

use crate::audio::BankAudio;
use crate::bank::BankConfig;
use tonegraft_core::buffer::{MAX_CHANNELS, cut, with_cut_mut};
use tonegraft_core::processor::silence;
use tonegraft_core::{AudioBuffer, Controls, Fault, HostFrames, Middle, Source, TRIMS};

/// Two banks in a row. The second holds the impulse response in slot A and nothing in slot B: whether the cabinet is heard is a choice
/// between the two, with a crossfade like any other, and a new response comes in as a new model does.
///
/// Latencies add up; a convolution has none.
#[derive(Debug)]
pub struct SlotsAndCab {
    /// The models.
    pub slots: BankAudio,
    /// The cabinet.
    pub cab: BankAudio,
    /// What the slots put out, `[outputs, max_frames]`.
    between: AudioBuffer,
}

impl SlotsAndCab {
    /// How the cabinet's bank is built, for slots built by `slots`.
    pub fn cab_config(slots: &BankConfig) -> BankConfig {
        BankConfig {
            inputs: slots.outputs,
            references: 0,
            reserve: HostFrames::ZERO,
            ..*slots
        }
    }

    /// `cab` is of [`Self::cab_config`]; with another layout, all is silent. Allocates.
    pub fn new(slots: BankAudio, cab: BankAudio) -> Self {
        let config = *cab.config();
        Self {
            slots,
            cab,
            between: AudioBuffer::new(config.inputs, config.max_frames),
        }
    }

    /// Both banks back to their clean state; see [`BankAudio::reset`].
    ///
    /// # Realtime Safety
    /// Safe.
    pub fn reset(&mut self) {
        self.slots.reset();
        self.cab.reset();
    }

    /// One piece, as long as the buffer at most.
    fn piece(&mut self, controls: &Controls, input: &[&[f32]], output: &mut [&mut [f32]]) -> Fault {
        let frames = output.first().map_or(0, |channel| channel.len());
        let mut channels: [&mut [f32]; MAX_CHANNELS] = std::array::from_fn(|_| -> &mut [f32] { &mut [] });
        let mut count = 0;
        for (place, channel) in channels.iter_mut().zip(self.between.iter_mut()) {
            *place = channel.get_mut(..frames).unwrap_or(&mut []);
            count += 1;
        }
        let between = channels.get_mut(..count).unwrap_or(&mut []);
        let fault = self.slots.process(controls, input, between);
        let mut views: [&[f32]; MAX_CHANNELS] = [&[]; MAX_CHANNELS];
        for (view, channel) in views.iter_mut().zip(between.iter()) {
            *view = channel;
        }
        let controls = Controls {
            source: if controls.cab { Source::A } else { Source::B },
            trims_db: [0.0; TRIMS],
            use_reference: false,
            program: None,
            ..*controls
        };
        fault.worst(self.cab.process(&controls, views.get(..count).unwrap_or(&[]), output))
    }
}

impl Middle for SlotsAndCab {
    fn process(&mut self, controls: &Controls, input: &[&[f32]], output: &mut [&mut [f32]]) -> Fault {
        let frames = output.first().map_or(0, |channel| channel.len());
        if input.iter().any(|channel| channel.len() != frames) || output.iter().any(|channel| channel.len() != frames) {
            silence(output);
            return Fault::BadBlock;
        }
        if frames == 0 {
            // Lets both take what waits for them.
            return self.piece(controls, input, output);
        }
        let longest = self.between.frames().max(1);
        let mut fault = Fault::None;
        let mut done = 0;
        while done < frames {
            let count = longest.min(frames - done);
            let mut part: [&[f32]; MAX_CHANNELS] = [&[]; MAX_CHANNELS];
            let channels = cut(input, done, count, &mut part);
            let part = part.get(..channels).unwrap_or(&[]);
            fault = fault.worst(with_cut_mut(output, done, count, |output| {
                self.piece(controls, part, output)
            }));
            done += count;
        }
        fault
    }

    fn latency(&self) -> HostFrames {
        HostFrames::new(self.slots.latency().get().saturating_add(self.cab.latency().get()))
    }

    fn seek(&mut self, frame: i64) {
        self.slots.seek(frame);
        self.cab.seek(frame);
    }

    fn is_moving(&self) -> bool {
        self.slots.is_moving() || self.cab.is_moving()
    }
}
