//! `IAudioProcessor` and `IProcessContextRequirements`.

use std::sync::atomic::Ordering;

use vst3::Steinberg::Vst::BusDirections_::kInput;
use vst3::Steinberg::Vst::IProcessContextRequirements_::Flags_ as Need;
use vst3::Steinberg::Vst::ProcessModes_::kOffline;
use vst3::Steinberg::Vst::SymbolicSampleSizes_::kSample32;
use vst3::Steinberg::Vst::{
    BusDirection, IAudioProcessorTrait, IProcessContextRequirementsTrait, ProcessData, ProcessSetup, SpeakerArrangement,
};
use vst3::Steinberg::{TBool, kInvalidArgument, kNotInitialized, kResultFalse, kResultOk, kResultTrue, tresult};

use crate::audio::clear_outputs;
use crate::shell::Shell;
use crate::sync::lock;

/// The host's array, `None` if it is null though it should hold something.
///
/// # Safety
///
/// `pointer` is null or readable for `count` items.
unsafe fn array<'a, T>(pointer: *const T, count: i32) -> Option<&'a [T]> {
    match usize::try_from(count).ok()? {
        0 => Some(&[]),
        _ if pointer.is_null() => None,
        // SAFETY: the caller's promise.
        count => Some(unsafe { std::slice::from_raw_parts(pointer, count) }),
    }
}

impl IAudioProcessorTrait for Shell {
    unsafe fn setBusArrangements(
        &self,
        inputs: *mut SpeakerArrangement,
        input_count: i32,
        outputs: *mut SpeakerArrangement,
        output_count: i32,
    ) -> tresult {
        let Some(hosted) = self.hosted() else {
            return kNotInitialized;
        };
        // SAFETY: null or readable for the counts, by VST3's contract.
        let arrays = unsafe { (array(inputs, input_count), array(outputs, output_count)) };
        let (Some(inputs), Some(outputs)) = arrays else {
            return kInvalidArgument;
        };
        if !hosted.is_active() && lock(&hosted.layouts).arrange(inputs, outputs) {
            kResultTrue
        } else {
            kResultFalse
        }
    }

    unsafe fn getBusArrangement(&self, direction: BusDirection, index: i32, out: *mut SpeakerArrangement) -> tresult {
        let Some(hosted) = self.hosted() else {
            return kNotInitialized;
        };
        let input = direction == kInput as i32;
        let bus = usize::try_from(index).ok();
        let arrangement = bus.and_then(|bus| lock(&hosted.layouts).arrangement(input, bus));
        // SAFETY: null or writable, by VST3's contract.
        let (Some(arrangement), Some(out)) = (arrangement, unsafe { out.as_mut() }) else {
            return kInvalidArgument;
        };
        *out = arrangement;
        kResultOk
    }

    unsafe fn canProcessSampleSize(&self, size: i32) -> tresult {
        if size == kSample32 as i32 {
            kResultTrue
        } else {
            kResultFalse
        }
    }

    unsafe fn getLatencySamples(&self) -> u32 {
        let latency = self.link.latency.load(Ordering::Relaxed);
        self.link.announced.store(latency, Ordering::Relaxed);
        latency
    }

    unsafe fn setupProcessing(&self, setup: *mut ProcessSetup) -> tresult {
        let Some(hosted) = self.hosted() else {
            return kNotInitialized;
        };
        // SAFETY: null or readable, by VST3's contract.
        let Some(setup) = (unsafe { setup.as_ref() }) else {
            return kInvalidArgument;
        };
        let frames = u32::try_from(setup.maxSamplesPerBlock).unwrap_or(0);
        if setup.symbolicSampleSize != kSample32 as i32
            || setup.sampleRate.is_nan()
            || setup.sampleRate <= 0.0
            || frames == 0
        {
            return kResultFalse;
        }
        let offline = setup.processMode == kOffline as i32;
        {
            let mut known = lock(&self.setup);
            if hosted.is_active() && (known.sample_rate != setup.sampleRate || known.max_frames != frames) {
                return kResultFalse;
            }
            (known.sample_rate, known.max_frames, known.offline) = (setup.sampleRate, frames, offline);
        }
        if hosted.is_active() {
            hosted.call(|plugin| plugin.set_offline(offline));
        } else {
            self.rehearse(&hosted);
        }
        kResultOk
    }

    unsafe fn setProcessing(&self, state: TBool) -> tresult {
        // Processing starts with the first block and ends with the activation; hosts use this call to silence tails.
        if state != 0 {
            self.link.reset_wanted.store(true, Ordering::Release);
        }
        kResultOk
    }

    unsafe fn process(&self, data: *mut ProcessData) -> tresult {
        // SAFETY: null or valid during the call, by VST3's contract.
        let Some(data) = (unsafe { data.as_mut() }) else {
            return kInvalidArgument;
        };
        if let Some(mut audio) = self.link.audio.try_enter()
            && let Some(audio) = audio.as_mut()
        {
            self.link.blocks.fetch_add(1, Ordering::Relaxed);
            // SAFETY: as above.
            return unsafe { audio.process(data, &self.link) };
        }
        if data.symbolicSampleSize == kSample32 as i32 {
            // SAFETY: as above.
            unsafe { clear_outputs(data) };
        }
        kResultFalse
    }

    unsafe fn getTailSamples(&self) -> u32 {
        self.link.tail.load(Ordering::Relaxed)
    }
}

impl IProcessContextRequirementsTrait for Shell {
    unsafe fn getProcessContextRequirements(&self) -> u32 {
        // The constants' type differs between systems.
        (Need::kNeedProjectTimeMusic
            | Need::kNeedBarPositionMusic
            | Need::kNeedCycleMusic
            | Need::kNeedTempo
            | Need::kNeedTimeSignature
            | Need::kNeedTransportState) as u32
    }
}
