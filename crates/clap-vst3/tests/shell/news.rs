//! What the plugin tells and how it reaches the host, without a window.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use clap_sys::events::{CLAP_EVENT_PARAM_GESTURE_BEGIN, CLAP_EVENT_PARAM_GESTURE_END, CLAP_EVENT_PARAM_VALUE};
use clap_sys::ext::latency::{CLAP_EXT_LATENCY, clap_host_latency};
use clap_sys::ext::params::{CLAP_EXT_PARAMS, CLAP_PARAM_RESCAN_INFO, CLAP_PARAM_RESCAN_VALUES, clap_host_params};
use clap_sys::ext::state::{CLAP_EXT_STATE, clap_host_state};
use vst3::Steinberg::Vst::RestartFlags_ as Restart;
use vst3::Steinberg::Vst::{IAudioProcessorTrait, ProcessModes_};
use vst3::Steinberg::kResultOk;

use crate::host::{Changes, FULL, Instance, Told};
use crate::plugin::{BYPASS, GAIN, LATENCY};

fn latency(instance: &Instance) -> u32 {
    // SAFETY: a live processor.
    unsafe { instance.processor.getLatencySamples() }
}

fn set_latency(instance: &Instance, samples: f64) {
    // A little above the step's border: steps are `1 / 4097` wide.
    let value = (samples + 0.5) / 4097.0;
    instance.ones(64, Some(&Changes::make(&[(LATENCY, &[(0, value)])])));
}

#[test]
fn a_latency_changed_in_a_block_is_told_by_the_helper_if_the_host_does_not_call() {
    let instance = Instance::new(&FULL);
    instance.start(64);
    assert_eq!(latency(&instance), 0);
    let me = std::thread::current().id();
    for samples in [64, 512, 100] {
        let start = Instant::now();
        set_latency(&instance, f64::from(samples));
        assert!(
            instance.handler.told.lock().unwrap().is_empty(),
            "not from the audio thread"
        );
        let (told, thread) = instance.handler.wait();
        assert_eq!(told, [Told::Restart(Restart::kLatencyChanged)]);
        assert!(
            thread != me && start.elapsed() >= Duration::from_millis(100),
            "the main thread has its chance first"
        );
        assert_eq!(instance.handler.latency.load(Ordering::Relaxed), samples);
        // The restart that a host does.
        instance.set_active(false);
        instance.set_active(true);
    }
    std::thread::sleep(Duration::from_millis(250));
    assert!(instance.handler.take().is_empty(), "once per change");
    instance.finish();
}

#[test]
fn a_main_thread_call_of_the_host_brings_it_sooner() {
    let instance = Instance::new(&FULL);
    instance.start(64);
    set_latency(&instance, 200.0);
    instance.value(GAIN);
    assert_eq!(instance.handler.take(), [Told::Restart(Restart::kLatencyChanged)]);
    assert_eq!(latency(&instance), 200);
    set_latency(&instance, 200.0);
    instance.value(GAIN);
    assert!(instance.handler.take().is_empty(), "no news");
    instance.finish();
}

#[test]
fn the_latency_at_another_rate_is_known_before_the_activation() {
    let instance = Instance::new(&FULL);
    instance.start(64);
    set_latency(&instance, 300.0);
    instance.set_active(false);
    for (rate, expected) in [(96_000.0, 600), (44_100.0, 276), (48_000.0, 300)] {
        assert_eq!(instance.setup_at(rate, 64, ProcessModes_::kRealtime), kResultOk);
        assert_eq!(latency(&instance), expected, "at {rate} Hz, inactive");
        instance.probe.take_calls();
        instance.set_active(true);
        assert_eq!(latency(&instance), expected);
        assert_eq!(instance.probe.take_calls().len(), 1, "the activation itself");
        instance.set_active(false);
        // The same rate again needs no rehearsal.
        instance.probe.take_calls();
        assert_eq!(instance.setup_at(rate, 128, ProcessModes_::kRealtime), kResultOk);
        assert!(instance.probe.take_calls().is_empty());
    }
    instance.finish();
}

#[test]
fn a_latency_that_the_host_knows_is_not_told_again() {
    let instance = Instance::new(&FULL);
    instance.set(LATENCY, 0.5);
    assert_eq!(
        instance.handler.take(),
        [Told::Restart(Restart::kLatencyChanged)],
        "inactive plugins have one too"
    );
    instance.start(64);
    // As a plugin may do in `activate`.
    let changed: &clap_host_latency = instance.probe.host_extension(CLAP_EXT_LATENCY);
    // SAFETY: the host is alive.
    unsafe { changed.changed.unwrap()(instance.probe.host()) };
    assert_eq!(latency(&instance), 2048);
    std::thread::sleep(Duration::from_millis(250));
    assert!(instance.handler.take().is_empty());
    instance.finish();
}

#[test]
fn a_latency_that_the_host_does_not_ask_for_after_activation_is_told() {
    let instance = Instance::new(&FULL);
    instance.start(64);
    instance.set(LATENCY, 0.5);
    instance.set_active(false);
    instance.set_active(true);
    instance.value(GAIN);
    assert!(instance.handler.take().is_empty(), "the host usually asks by itself");
    assert_eq!(instance.handler.wait().0, [Told::Restart(Restart::kLatencyChanged)]);
    assert_eq!(instance.handler.latency.load(Ordering::Relaxed), 2048);
    instance.finish();
}

#[test]
fn requests_for_restart_and_callback() {
    let instance = Instance::new(&FULL);
    instance.start(64);
    let host = instance.probe.host();
    // SAFETY: the host is alive.
    unsafe {
        host.request_restart.unwrap()(host);
        host.request_callback.unwrap()(host);
    }
    instance.value(GAIN);
    assert_eq!(instance.handler.take(), [Told::Restart(Restart::kLatencyChanged)]);
    assert_eq!(*instance.probe.callbacks.lock().unwrap(), [std::thread::current().id()]);
    // SAFETY: the host is alive.
    unsafe { host.request_callback.unwrap()(host) };
    let start = Instant::now();
    while instance.probe.callbacks.lock().unwrap().len() < 2 {
        assert!(start.elapsed() < Duration::from_secs(5), "the helper did not call");
        std::thread::sleep(Duration::from_millis(2));
    }
    instance.finish();
}

#[test]
fn edits_by_the_plugin_become_edits_of_the_host() {
    let instance = Instance::new(&FULL);
    instance.start(64);
    instance.probe.send.lock().unwrap().extend([
        (CLAP_EVENT_PARAM_GESTURE_BEGIN, GAIN, 0.0),
        (CLAP_EVENT_PARAM_VALUE, GAIN, 10.0),
        (CLAP_EVENT_PARAM_VALUE, GAIN, 15.0),
        (CLAP_EVENT_PARAM_VALUE, BYPASS, 1.0),
        (CLAP_EVENT_PARAM_VALUE, 4711, 1.0),
    ]);
    instance.ones(16, None);
    assert_eq!(instance.value(GAIN), 0.75);
    let bypass = [Told::Begin(BYPASS), Told::Perform(BYPASS, 1.0), Told::End(BYPASS)];
    let expected = [vec![Told::Begin(GAIN), Told::Perform(GAIN, 0.75)], bypass.to_vec()].concat();
    assert_eq!(instance.handler.take(), expected);
    instance
        .probe
        .send
        .lock()
        .unwrap()
        .push((CLAP_EVENT_PARAM_GESTURE_END, GAIN, 0.0));
    instance.ones(16, None);
    assert_eq!(instance.handler.wait().0, [Told::End(GAIN)], "the helper brings it");
    instance.finish();
}

#[test]
fn rescans_and_dirty() {
    let instance = Instance::new(&FULL);
    let params: &clap_host_params = instance.probe.host_extension(CLAP_EXT_PARAMS);
    let state: &clap_host_state = instance.probe.host_extension(CLAP_EXT_STATE);
    let host = instance.probe.host();
    // SAFETY: the host is alive.
    unsafe {
        params.rescan.unwrap()(host, CLAP_PARAM_RESCAN_VALUES);
        instance.value(GAIN);
        assert_eq!(instance.handler.take(), [Told::Restart(Restart::kParamValuesChanged)]);
        params.rescan.unwrap()(host, CLAP_PARAM_RESCAN_INFO);
        state.mark_dirty.unwrap()(host);
        instance.value(GAIN);
    }
    assert_eq!(
        instance.handler.take(),
        [Told::Dirty, Told::Restart(Restart::kParamTitlesChanged)]
    );
    instance.finish();
}

#[test]
fn a_flush_is_granted_inactive_at_once_and_active_when_no_block_comes() {
    let instance = Instance::new(&FULL);
    let params: &clap_host_params = instance.probe.host_extension(CLAP_EXT_PARAMS);
    let host = instance.probe.host();
    let ask = |value| {
        instance
            .probe
            .send
            .lock()
            .unwrap()
            .push((CLAP_EVENT_PARAM_VALUE, GAIN, value));
        // SAFETY: the host is alive.
        unsafe { params.request_flush.unwrap()(host) };
    };
    ask(30.0);
    instance.value(GAIN);
    assert_eq!(instance.value(GAIN), 1.0);
    instance.handler.take();
    instance.start(64);
    instance.ones(64, None);
    ask(0.0);
    let told = instance.handler.wait().0;
    assert_eq!(told, [Told::Begin(GAIN), Told::Perform(GAIN, 0.5), Told::End(GAIN)]);
    instance.finish();
}
