//! The host's transport as a CLAP event.

use clap_sys::events::{
    CLAP_CORE_EVENT_SPACE_ID, CLAP_EVENT_TRANSPORT, CLAP_TRANSPORT_HAS_BEATS_TIMELINE,
    CLAP_TRANSPORT_HAS_SECONDS_TIMELINE, CLAP_TRANSPORT_HAS_TEMPO, CLAP_TRANSPORT_HAS_TIME_SIGNATURE,
    CLAP_TRANSPORT_IS_LOOP_ACTIVE, CLAP_TRANSPORT_IS_PLAYING, CLAP_TRANSPORT_IS_RECORDING, clap_event_header,
    clap_event_transport,
};
use clap_sys::fixedpoint::{CLAP_BEATTIME_FACTOR, CLAP_SECTIME_FACTOR};
use vst3::Steinberg::Vst::ProcessContext;
use vst3::Steinberg::Vst::ProcessContext_::StatesAndFlags_ as Has;

/// Beats in VST3 and CLAP are quarter notes; seconds come from the project's sample position.
pub(crate) fn transport(context: &ProcessContext) -> clap_event_transport {
    // The constants' type differs between systems.
    let has = |flag| context.state & (flag as u32) != 0;
    let beats = |quarters: f64| (quarters * CLAP_BEATTIME_FACTOR as f64).round() as i64;
    let seconds = |seconds: f64| (seconds * CLAP_SECTIME_FACTOR as f64).round() as i64;
    let mut flags = 0;
    let mut set = |condition: bool, flag| flags |= if condition { flag } else { 0 };
    let has_tempo = has(Has::kTempoValid) && context.tempo > 0.0;
    let has_signature = has(Has::kTimeSigValid) && context.timeSigNumerator > 0 && context.timeSigDenominator > 0;
    set(has_tempo, CLAP_TRANSPORT_HAS_TEMPO);
    set(has(Has::kProjectTimeMusicValid), CLAP_TRANSPORT_HAS_BEATS_TIMELINE);
    set(context.sampleRate > 0.0, CLAP_TRANSPORT_HAS_SECONDS_TIMELINE);
    set(has_signature, CLAP_TRANSPORT_HAS_TIME_SIGNATURE);
    set(has(Has::kPlaying), CLAP_TRANSPORT_IS_PLAYING);
    set(has(Has::kRecording), CLAP_TRANSPORT_IS_RECORDING);
    set(
        has(Has::kCycleActive) && has(Has::kCycleValid),
        CLAP_TRANSPORT_IS_LOOP_ACTIVE,
    );
    let position = if context.sampleRate > 0.0 {
        context.projectTimeSamples as f64 / context.sampleRate
    } else {
        0.0
    };
    let bar = if has(Has::kBarPositionValid) {
        context.barPositionMusic
    } else {
        0.0
    };
    let bar_length = f64::from(context.timeSigNumerator) * 4.0 / f64::from(context.timeSigDenominator);
    let cycle = |quarters: f64| if has(Has::kCycleValid) { quarters } else { 0.0 };
    let seconds_per_beat = if has_tempo { 60.0 / context.tempo } else { 0.0 };
    clap_event_transport {
        header: clap_event_header {
            size: size_of::<clap_event_transport>() as u32,
            time: 0,
            space_id: CLAP_CORE_EVENT_SPACE_ID,
            type_: CLAP_EVENT_TRANSPORT,
            flags: 0,
        },
        flags,
        song_pos_beats: if has(Has::kProjectTimeMusicValid) {
            beats(context.projectTimeMusic)
        } else {
            0
        },
        song_pos_seconds: seconds(position),
        tempo: if has_tempo { context.tempo } else { 0.0 },
        tempo_inc: 0.0,
        loop_start_beats: beats(cycle(context.cycleStartMusic)),
        loop_end_beats: beats(cycle(context.cycleEndMusic)),
        loop_start_seconds: seconds(cycle(context.cycleStartMusic) * seconds_per_beat),
        loop_end_seconds: seconds(cycle(context.cycleEndMusic) * seconds_per_beat),
        bar_start: beats(bar),
        bar_number: if has_signature {
            (bar / bar_length).round() as i32
        } else {
            0
        },
        tsig_num: if has_signature {
            context.timeSigNumerator as u16
        } else {
            0
        },
        tsig_denom: if has_signature {
            context.timeSigDenominator as u16
        } else {
            0
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_host_calls_valid_is_passed_on() {
        // SAFETY: all bit patterns of zero are valid for this C struct.
        let mut context: ProcessContext = unsafe { std::mem::zeroed() };
        (context.tempo, context.projectTimeMusic, context.sampleRate) = (120.0, 9.0, 48_000.0);
        (
            context.timeSigNumerator,
            context.timeSigDenominator,
            context.barPositionMusic,
        ) = (3, 4, 9.0);
        context.projectTimeSamples = 72_000;
        let event = transport(&context);
        assert_eq!(
            (event.flags, event.song_pos_beats),
            (CLAP_TRANSPORT_HAS_SECONDS_TIMELINE, 0)
        );
        assert_eq!(event.song_pos_seconds, CLAP_SECTIME_FACTOR * 3 / 2);
        context.state = (Has::kTempoValid
            | Has::kProjectTimeMusicValid
            | Has::kTimeSigValid
            | Has::kBarPositionValid
            | Has::kPlaying) as u32;
        let event = transport(&context);
        assert_eq!(event.song_pos_beats, 9 * CLAP_BEATTIME_FACTOR);
        assert_eq!(
            (event.tempo, event.bar_number, event.tsig_num, event.tsig_denom),
            (120.0, 3, 3, 4)
        );
        assert_ne!(event.flags & CLAP_TRANSPORT_IS_PLAYING, 0);
        assert_eq!(event.flags & CLAP_TRANSPORT_IS_RECORDING, 0);
    }
}
