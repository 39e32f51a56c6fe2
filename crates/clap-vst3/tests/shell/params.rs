//! Parameters as the host sees them.

use vst3::Steinberg::Vst::ParameterInfo_::ParameterFlags_ as Flag;
use vst3::Steinberg::Vst::*;
use vst3::Steinberg::*;

use crate::factory::text16;
use crate::host::{Changes, FULL, Instance, PLAIN};
use crate::plugin::{BYPASS, GAIN, IDS, LATENCY, METER};

fn info(instance: &Instance, index: i32) -> Option<ParameterInfo> {
    // SAFETY: a plain C struct, a live controller.
    unsafe {
        let mut info: ParameterInfo = std::mem::zeroed();
        (instance.controller.getParameterInfo(index, &mut info) == kResultOk).then_some(info)
    }
}

fn text(instance: &Instance, id: u32, value: f64) -> String {
    let mut text: String128 = [1; 128];
    // SAFETY: a live controller.
    let result = unsafe { instance.controller.getParamStringByValue(id, value, &mut text) };
    assert_eq!(result, kResultOk);
    text16(&text)
}

fn parse(instance: &Instance, id: u32, text: &str) -> Option<f64> {
    let mut text: Vec<u16> = text.encode_utf16().chain([0]).collect();
    let mut value = 0.0;
    // SAFETY: a live controller.
    let result = unsafe {
        instance
            .controller
            .getParamValueByString(id, text.as_mut_ptr(), &mut value)
    };
    (result == kResultOk).then_some(value)
}

#[test]
fn ids_names_steps_and_flags() {
    let instance = Instance::new(&FULL);
    // SAFETY: a live controller.
    assert_eq!(unsafe { instance.controller.getParameterCount() }, IDS.len() as i32);
    let all: Vec<_> = (0..4).map(|index| info(&instance, index).unwrap()).collect();
    assert!(info(&instance, 4).is_none() && info(&instance, -1).is_none());
    assert_eq!(all.iter().map(|info| info.id).collect::<Vec<_>>(), IDS);
    assert_eq!(
        all.iter().map(|info| info.stepCount).collect::<Vec<_>>(),
        [0, 4096, 1, 0]
    );
    let flags = [
        Flag::kCanAutomate,
        0,
        Flag::kCanAutomate | Flag::kIsBypass,
        Flag::kIsReadOnly,
    ];
    assert_eq!(all.iter().map(|info| info.flags).collect::<Vec<_>>(), flags);
    assert_eq!(all[0].defaultNormalizedValue, 0.5);
    let texts = |info: &ParameterInfo| [text16(&info.title), text16(&info.shortTitle), text16(&info.units)];
    assert_eq!(texts(&all[0]), ["Gain", "Gain", "dB"]);
    assert_eq!(texts(&all[1]), ["Latency", "Lat", ""]);
    instance.finish();
}

/// With the extension, and from texts alone.
#[test]
fn units_texts_and_plain_values() {
    for id in [&FULL, &PLAIN] {
        let instance = Instance::new(id);
        let controller = &instance.controller;
        assert_eq!(text16(&info(&instance, 0).unwrap().units), "dB");
        assert_eq!(text(&instance, GAIN, 0.6), "6.00", "the unit is not in the text");
        assert_eq!(text(&instance, BYPASS, 1.0), "On");
        for typed in ["6", "6 dB", " 6.0dB "] {
            assert!((parse(&instance, GAIN, typed).unwrap() - 0.6).abs() < 1e-12, "{typed}");
        }
        assert_eq!(parse(&instance, BYPASS, "On"), Some(1.0));
        assert_eq!(parse(&instance, GAIN, "loud"), None);
        assert_eq!(parse(&instance, 4711, "1"), None);
        // SAFETY: a live controller.
        unsafe {
            assert_eq!(controller.normalizedParamToPlain(GAIN, 0.75), 15.0);
            assert_eq!(controller.plainParamToNormalized(GAIN, -15.0), 0.25);
            assert_eq!(controller.normalizedParamToPlain(LATENCY, 0.5), 2048.0);
            assert_eq!(controller.plainParamToNormalized(LATENCY, 4096.0), 1.0);
        }
        instance.finish();
    }
}

#[test]
fn a_value_set_while_inactive_reaches_the_plugin_at_once() {
    let instance = Instance::new(&FULL);
    instance.set(GAIN, 0.25);
    assert_eq!(*instance.probe.events.lock().unwrap(), [(0, GAIN, -15.0)]);
    assert_eq!(instance.value(GAIN), 0.25);
    // SAFETY: a live controller.
    unsafe {
        assert_eq!(
            instance.controller.setParamNormalized(METER, 0.5),
            kResultFalse,
            "read-only"
        );
        assert_eq!(instance.controller.setParamNormalized(4711, 0.5), kInvalidArgument);
        assert_eq!(instance.controller.setParamNormalized(GAIN, f64::NAN), kInvalidArgument);
        assert_eq!(instance.controller.getParamNormalized(4711), 0.0);
    }
    instance.finish();
}

#[test]
fn a_value_set_while_active_waits_for_a_block_or_the_next_activation() {
    let instance = Instance::new(&FULL);
    instance.start(64);
    instance.set(GAIN, 1.0);
    instance.set(LATENCY, 0.25);
    assert_eq!((instance.value(GAIN), instance.value(LATENCY)), (1.0, 0.25));
    assert!(
        instance.probe.events.lock().unwrap().is_empty(),
        "the block will bring it"
    );
    instance.ones(64, Some(&Changes::make(&[(GAIN, &[(5, 0.75)])])));
    assert_eq!(
        std::mem::take(&mut *instance.probe.events.lock().unwrap()),
        [(5, GAIN, 15.0)]
    );
    instance.set_active(false);
    instance.probe.events.lock().unwrap().reserve(100);
    instance.probe.take_calls();
    instance.set_active(true);
    let events = instance.probe.events.lock().unwrap().clone();
    assert_eq!(events, [(0, LATENCY, 1024.0)], "only what no block brought");
    assert_eq!(
        instance.probe.take_calls(),
        ["activate 48000 64 config 100 realtime latency 1024"]
    );
    assert_eq!(instance.value(GAIN), 0.75);
    instance.finish();
}
