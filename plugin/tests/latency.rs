//! Latency that follows the loaded model, told as CLAP and as the VST3 shell want it.

mod support;

use std::sync::atomic::Ordering;
use support::{Instance, LAYOUTS, guitar, model_file, state_with_file, wait_for};

const RATE: f64 = 48_000.0;

/// Processes until `ready` is true.
fn process_until(instance: &Instance, what: &str, mut ready: impl FnMut() -> bool) {
    let input = guitar(2, 256);
    wait_for(what, || {
        instance.block(LAYOUTS[0], &input, 0..256, &[]);
        ready()
    });
}

#[test]
fn a_clap_host_is_asked_to_restart_and_told_inside_activate() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut instance = Instance::new();
    instance.activate(RATE, 256);
    instance.start();
    let before = instance.latency();
    assert_ne!(before, 300);
    assert!(instance.load(&state_with_file(&model_file(folder.path(), 300, 0.5))));
    process_until(&instance, "the new latency", || instance.latency() == 300);
    process_until(&instance, "a request to restart", || {
        instance.calls.restarts.load(Ordering::SeqCst) > 0
    });
    std::thread::sleep(std::time::Duration::from_millis(40));
    assert_eq!(instance.calls.restarts.load(Ordering::SeqCst), 1, "asked once");
    let told = instance.calls.latency_changes.load(Ordering::SeqCst);
    instance.deactivate();
    instance.activate(RATE, 256);
    assert_eq!(instance.calls.latency_changes.load(Ordering::SeqCst), told + 1);
    assert_eq!(instance.calls.stray_latency_changes.load(Ordering::SeqCst), 0);
    assert_eq!(instance.latency(), 300);

    // Nothing new: nothing is told.
    instance.deactivate();
    instance.activate(RATE, 256);
    assert_eq!(instance.calls.latency_changes.load(Ordering::SeqCst), told + 1);
    assert_eq!(instance.calls.restarts.load(Ordering::SeqCst), 1);
}

#[test]
fn a_change_while_inactive_is_told_by_the_next_activation() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut instance = Instance::new();
    assert!(instance.load(&state_with_file(&model_file(folder.path(), 64, 1.0))));
    instance.on_main_thread();
    instance.activate(RATE, 256);
    assert_eq!(instance.latency(), 64);
    instance.deactivate();
    assert!(instance.load(&state_with_file(&model_file(folder.path(), 12, 1.0))));
    std::thread::sleep(std::time::Duration::from_millis(60));
    instance.on_main_thread();
    assert_eq!(instance.calls.restarts.load(Ordering::SeqCst), 0);
    instance.activate(RATE, 256);
    assert_eq!(instance.latency(), 12);
    assert_eq!(instance.calls.stray_latency_changes.load(Ordering::SeqCst), 0);
}

#[test]
fn the_vst3_shell_is_told_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut instance = Instance::named("Some DAW (CLAP-as-VST3)");
    instance.activate(RATE, 256);
    instance.start();
    let told = instance.calls.latency_changes.load(Ordering::SeqCst);
    assert!(instance.load(&state_with_file(&model_file(folder.path(), 300, 0.5))));
    process_until(&instance, "the shell to be told", || {
        instance.calls.latency_changes.load(Ordering::SeqCst) > told
    });
    assert_eq!(instance.latency(), 300);
    assert_eq!(instance.calls.restarts.load(Ordering::SeqCst), 0);
}

#[test]
fn an_impulse_comes_out_where_the_latency_says() {
    let folder = tempfile::tempdir().expect("a folder");
    for (rate, look_ahead) in [(48_000.0, 64_u32), (44_100.0, 333), (96_000.0, 1)] {
        let mut instance = Instance::new();
        assert!(instance.load(&state_with_file(&model_file(folder.path(), look_ahead as usize, 0.5))));
        assert!(instance.select(2));
        instance.activate(rate, 128);
        instance.start();
        assert_eq!(instance.latency(), look_ahead);
        assert!(instance.tail() >= look_ahead);
        let mut input = vec![vec![0.0_f32; 3000]; 2];
        input[0][1000] = 1.0;
        let mut turn = 0;
        let output = instance.render(LAYOUTS[2], &input, || {
            turn += 1;
            [128, 7, 1, 64][turn % 4]
        });
        let at = output[0]
            .iter()
            .position(|sample| sample.abs() > 0.25)
            .expect("an impulse");
        assert_eq!(at, 1000 + look_ahead as usize);
        assert!((output[0][at] - 0.5).abs() < 1e-6);
        assert!(output[1].iter().all(|sample| sample.abs() < 1e-6));
    }
}

#[test]
fn bypass_and_dry_are_delayed_by_the_same_latency() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut instance = Instance::new();
    assert!(instance.load(&state_with_file(&model_file(folder.path(), 100, 0.5))));
    instance.flush(&[support::Event {
        time: 0,
        param: support::id_of("bypass"),
        value: 1.0,
    }]);
    assert!(instance.select(5));
    instance.activate(RATE, 512);
    instance.start();
    let input = guitar(1, 4000);
    let output = instance.render(LAYOUTS[5], &input, || 512);
    assert_eq!(output[0][100..], input[0][..3900]);
    assert!(output[0][..100].iter().all(|sample| *sample == 0.0));
}
