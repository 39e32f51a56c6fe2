//! Blocks of audio through an instance.

use super::{Event, Instance, Prepared};
use clap_sys::audio_buffer::clap_audio_buffer;
use clap_sys::process::{clap_process, clap_process_status};
use std::ptr;

impl Instance {
    /// One block as a decent host sends it: every port of `layout`, out of place.
    pub fn block(
        &self,
        layout: [usize; 3],
        input: &[Vec<f32>],
        range: std::ops::Range<usize>,
        events: &[Event],
    ) -> Vec<Vec<f32>> {
        let frames = range.len();
        let mut main: Vec<Vec<f32>> = input
            .iter()
            .take(layout[0])
            .map(|channel| channel[range.clone()].to_vec())
            .collect();
        let mut aux = vec![vec![0.25_f32; frames]; layout[2]];
        let mut output = vec![vec![f32::NAN; frames]; layout[1]];
        let mut main_pointers: Vec<*mut f32> = main.iter_mut().map(|channel| channel.as_mut_ptr()).collect();
        let mut aux_pointers: Vec<*mut f32> = aux.iter_mut().map(|channel| channel.as_mut_ptr()).collect();
        let mut output_pointers: Vec<*mut f32> = output.iter_mut().map(|channel| channel.as_mut_ptr()).collect();
        let mut inputs = vec![buffer(&mut main_pointers)];
        if layout[2] > 0 {
            inputs.push(buffer(&mut aux_pointers));
        }
        let mut outputs = [buffer(&mut output_pointers)];
        let status = self.raw(frames, &inputs, &mut outputs, events);
        assert_ne!(status, 0, "process failed");
        output
    }

    /// All of `input` in blocks of the lengths that `next` gives.
    pub fn render(&self, layout: [usize; 3], input: &[Vec<f32>], mut next: impl FnMut() -> usize) -> Vec<Vec<f32>> {
        let frames = input[0].len();
        let mut output = vec![Vec::new(); layout[1]];
        let mut at = 0;
        while at < frames {
            let end = (at + next().max(1)).min(frames);
            for (all, part) in output.iter_mut().zip(self.block(layout, input, at..end, &[])) {
                all.extend(part);
            }
            at = end;
        }
        output
    }

    /// One block, exactly as given.
    pub fn raw(
        &self,
        frames: usize,
        inputs: &[clap_audio_buffer],
        outputs: &mut [clap_audio_buffer],
        events: &[Event],
    ) -> clap_process_status {
        Prepared::new(events).process(self, frames, inputs, outputs)
    }

    pub fn raw_block(&self, block: &clap_process) -> clap_process_status {
        // SAFETY: processing, this thread plays the audio thread; the block lives through the call.
        unsafe { (*self.plugin).process.expect("process")(self.plugin, block) }
    }
}

/// A buffer over `pointers`.
pub fn buffer(pointers: &mut [*mut f32]) -> clap_audio_buffer {
    clap_audio_buffer {
        data32: pointers.as_mut_ptr(),
        data64: ptr::null_mut(),
        channel_count: u32::try_from(pointers.len()).expect("small"),
        latency: 0,
        constant_mask: 0,
    }
}
