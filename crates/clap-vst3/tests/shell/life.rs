//! Initialise, activate, save, restore, terminate, in good order and bad.

use std::ptr::null_mut;
use std::sync::atomic::Ordering;

use vst3::Steinberg::Vst::*;
use vst3::Steinberg::*;
use vst3::{ComPtr, Interface};

use crate::host::{FULL, Instance, class_id, factory};
use crate::plugin::{GAIN, LATENCY, last_probe};

#[test]
fn the_offline_flag_is_right_at_the_first_activation() {
    let instance = Instance::new(&FULL);
    assert_eq!(instance.setup(512, ProcessModes_::kOffline), kResultOk);
    instance.set_active(true);
    instance.set_active(true);
    assert_eq!(
        instance.probe.take_calls(),
        [
            "activate 48000 512 config 100 offline latency 0",
            "deactivate",
            "activate 48000 512 config 100 offline latency 0"
        ],
        "once to learn the latency at this rate"
    );
    assert_eq!(
        instance.setup(1024, ProcessModes_::kOffline),
        kResultFalse,
        "not while active"
    );
    assert_eq!(
        instance.setup(512, ProcessModes_::kRealtime),
        kResultOk,
        "the mode alone may change"
    );
    instance.set_active(false);
    instance.set_active(false);
    assert_eq!(instance.setup(256, ProcessModes_::kPrefetch), kResultOk);
    instance.set_active(true);
    assert_eq!(
        instance.probe.take_calls(),
        ["deactivate", "activate 48000 256 config 100 realtime latency 0"]
    );
    instance.finish();
}

#[test]
fn nothing_works_before_initialise() {
    let cid = class_id(&FULL);
    let mut object = null_mut();
    // SAFETY: valid ids, then a live component.
    unsafe {
        assert_eq!(
            factory().createInstance(cid.as_ptr(), IComponent::IID.as_ptr().cast(), &mut object),
            kResultOk
        );
        let component: ComPtr<IComponent> = ComPtr::from_raw(object.cast()).unwrap();
        let controller: ComPtr<IEditController> = component.cast().unwrap();
        assert_eq!(component.setActive(1), kNotInitialized);
        assert_eq!(component.getBusCount(0, 0), 0);
        assert_eq!(component.setState(null_mut()), kNotInitialized);
        assert_eq!(controller.getParameterCount(), 0);
        assert!(controller.createView(c"editor".as_ptr()).is_null());
        assert_eq!(component.terminate(), kResultOk);
    }
}

#[test]
fn it_lives_again_after_terminate() {
    let instance = Instance::new(&FULL);
    instance.start(64);
    instance.ones(64, None);
    let first = instance.probe.clone();
    let probe = {
        // SAFETY: a live component.
        unsafe {
            assert_eq!(instance.component.terminate(), kResultOk);
            assert!(first.destroyed.load(Ordering::Relaxed), "also while active");
            assert_eq!(instance.component.terminate(), kResultOk);
            assert_eq!(instance.component.setActive(1), kNotInitialized);
            assert_eq!(instance.component.initialize(instance.context.as_ptr()), kResultOk);
            assert_eq!(
                instance.component.initialize(instance.context.as_ptr()),
                kResultOk,
                "twice is once"
            );
        }
        last_probe()
    };
    assert!(!probe.destroyed.load(Ordering::Relaxed));
    let instance = Instance { probe, ..instance };
    instance.connect();
    instance.start(64);
    assert_eq!(instance.ones(64, None), [1.0; 64]);
    instance.finish();
}

#[test]
fn the_last_reference_may_fall_while_active() {
    let instance = Instance::new(&FULL);
    instance.start(64);
    instance.ones(64, None);
    let probe = instance.probe.clone();
    instance.handler.asks.store(false, Ordering::Relaxed);
    let Instance {
        component,
        processor,
        controller,
        handler,
        ..
    } = instance;
    drop((controller, component));
    handler.drop_processor();
    assert!(!probe.destroyed.load(Ordering::Relaxed));
    drop(processor);
    assert!(probe.destroyed.load(Ordering::Relaxed));
    assert_eq!(probe.take_calls().last().unwrap(), "deactivate");
}

#[test]
fn state_passes_through_in_any_pieces() {
    let source = Instance::new(&FULL);
    source.set(GAIN, 0.75);
    source.set(LATENCY, 0.25);
    let state = source.state(usize::MAX);
    assert_eq!(state.len(), 100_032, "the CLAP stream, nothing around it");
    for piece in [1, 7, 4096, 65_537] {
        assert_eq!(source.state(piece), state);
        let target = Instance::new(&FULL);
        target.start(64);
        target.set(GAIN, 0.1);
        assert_eq!(target.set_state(&state, piece), kResultOk);
        assert_eq!((target.value(GAIN), target.value(LATENCY)), (0.75, 0.25));
        // What the host had set before is void, not handed over later.
        target.set_active(false);
        target.set_active(true);
        assert!(target.probe.events.lock().unwrap().is_empty());
        assert_eq!(target.state(1000), state);
        target.finish();
    }
    assert_eq!(source.set_state(&state[..state.len() - 1], 1000), kResultFalse);
    assert_eq!(source.set_state(&[], 1000), kResultFalse);
    // SAFETY: null is what is tested.
    unsafe {
        assert_eq!(source.component.setState(null_mut()), kInvalidArgument);
        assert_eq!(source.component.getState(null_mut()), kResultFalse);
        assert_eq!(source.controller.setComponentState(null_mut()), kResultOk);
    }
    source.finish();
}

#[test]
fn forty_at_once_from_threads() {
    let threads: Vec<_> = (0..8_u32)
        .map(|seed| {
            std::thread::spawn(move || {
                for round in 0..5_u32 {
                    let instance = Instance::new(&FULL);
                    instance.start(64);
                    instance.set(LATENCY, f64::from((seed * 31 + round * 7) % 64) / 64.0);
                    instance.ones(64, None);
                    instance.set_active(false);
                    instance.set_active(true);
                    let state = instance.state(1 << (round * 3));
                    assert_eq!(instance.set_state(&state, 777), kResultOk);
                    instance.finish();
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
}
