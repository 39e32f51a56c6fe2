//! The library's end, which wants a process of its own: the helper thread stops and the CLAP entry is de-initialised.

#![cfg(target_os = "linux")]
// Shared with the test `shell`, which uses the rest.
#![allow(dead_code)]

#[path = "shell/alloc.rs"]
mod alloc;
#[path = "shell/host.rs"]
mod host;
#[path = "shell/plugin/mod.rs"]
mod plugin;
#[path = "shell/window.rs"]
mod window;

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use host::{FULL, Instance, enter, exit};

clap_vst3::export_vst3!(
    entry: plugin::ENTRY,
    plugins: [clap_vst3::PluginInfo {
        clap_id: c"test.full",
        class_id: FULL,
        vendor: "",
        url: "",
        email: "",
        sub_categories: "Fx",
        version: "",
    }],
);

/// Threads of this process that bear the helper's name.
fn helpers() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let names = tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok());
    names.filter(|name| name.trim() == "clap-vst3").count()
}

#[test]
fn the_module_ends_and_begins_again() {
    for round in 1..=3 {
        assert!(enter());
        assert_eq!(helpers(), 0, "no thread without a plugin");
        let (one, two) = (Instance::new(&FULL), Instance::new(&FULL));
        one.start(64);
        // A thread names itself, some time after it was started.
        let begin = Instant::now();
        while helpers() == 0 && begin.elapsed() < Duration::from_secs(5) {
            std::thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(helpers(), 1, "one for all");
        one.finish();
        two.finish();
        assert!(exit());
        assert_eq!(helpers(), 0, "joined");
        assert_eq!(plugin::DEINITS.load(Ordering::Relaxed), round);
        assert_eq!(plugin::INIT_PATH.lock().unwrap().len(), round);
    }
}
