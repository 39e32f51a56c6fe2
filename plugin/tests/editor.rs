//! The window inside a host's X11 window: opened, resized and closed while audio plays and parameters move. Needs a display (Xvfb
//! will do); without one the test says so and passes.
#![cfg(target_os = "linux")]
#![allow(unsafe_code)]

mod support;

use clap_sys::ext::gui::{CLAP_EXT_GUI, CLAP_WINDOW_API_X11, clap_plugin_gui, clap_window, clap_window_handle};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use support::{Event, Instance, LAYOUTS, PARAMS, Random, guitar, id_of, wait_for};
use x11rb::connection::Connection as _;
use x11rb::protocol::xproto::{ConnectionExt as _, CreateWindowAux, WindowClass};

/// What the audio thread needs of the instance; the test keeps the instance alive until that thread has ended.
struct Playing<'a>(&'a Instance);
// SAFETY: the audio thread calls `process` only, as CLAP allows beside the main thread.
unsafe impl Send for Playing<'_> {}

#[test]
fn the_window_opens_and_closes_while_audio_plays() {
    let Ok((connection, screen)) = x11rb::connect(None) else {
        println!("skipped: no display");
        return;
    };
    let root = connection.setup().roots[screen].root;
    let threads = threads();
    let mut instance = Instance::in_host("A host with windows", true);
    instance.activate(48_000.0, 256);
    instance.start();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let playing = Playing(&instance);
        let stop = &stop;
        scope.spawn(move || {
            let playing = playing;
            let input = guitar(2, 256);
            let mut random = Random(11);
            while !stop.load(Ordering::Relaxed) {
                let events: Vec<Event> = (0..4)
                    .map(|_| Event {
                        time: u32::try_from(random.below(256)).expect("small"),
                        param: id_of(PARAMS[1 + random.below(PARAMS.len() - 1)]),
                        value: random.unit(),
                    })
                    .collect();
                let output = playing.0.block(LAYOUTS[0], &input, 0..256, &events);
                assert!(output.iter().flatten().all(|sample| sample.is_finite()));
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        for round in 0..12 {
            open_and_close(&instance, &connection, root, round);
        }
        stop.store(true, Ordering::Relaxed);
    });
    drop(instance);
    // A host lives on; a process that ends at once would pull the graphics driver from under threads that are still ending.
    wait_for("the windows' threads end", || self::threads() <= threads);
}

/// Threads of this process.
fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").map_or(0, Iterator::count)
}

fn open_and_close(instance: &Instance, connection: &impl x11rb::connection::Connection, root: u32, round: u32) {
    let gui: &clap_plugin_gui = instance.extension(CLAP_EXT_GUI);
    let parent = connection.generate_id().expect("an id");
    let events = CreateWindowAux::new();
    connection
        .create_window(
            0,
            parent,
            root,
            0,
            0,
            760,
            480,
            0,
            WindowClass::INPUT_OUTPUT,
            0,
            &events,
        )
        .expect("a request")
        .check()
        .expect("a window");
    connection
        .map_window(parent)
        .expect("a request")
        .check()
        .expect("mapped");
    let plugin = instance.plugin;
    // SAFETY: main thread; the calls are in CLAP's order, the parent lives until the window is closed.
    unsafe {
        let api = CLAP_WINDOW_API_X11.as_ptr();
        assert!(gui.is_api_supported.expect("is_api_supported")(plugin, api, false));
        assert!(gui.create.expect("create")(plugin, api, false));
        let (mut width, mut height) = (0, 0);
        assert!(gui.get_size.expect("get_size")(plugin, &raw mut width, &raw mut height));
        assert!(width >= 400 && height >= 300, "{width} × {height}");
        assert!(gui.can_resize.expect("can_resize")(plugin));
        let window = clap_window {
            api,
            specific: clap_window_handle {
                x11: std::ffi::c_ulong::from(parent),
            },
        };
        assert!(gui.set_parent.expect("set_parent")(plugin, &raw const window));
        assert!(gui.show.expect("show")(plugin));
    }
    let start = Instant::now();
    // Every third time it is closed at once.
    let open_for = Duration::from_millis(if round.is_multiple_of(3) { 0 } else { 250 });
    while start.elapsed() < open_for {
        instance.on_main_thread();
        std::thread::sleep(Duration::from_millis(5));
    }
    // SAFETY: as above.
    unsafe {
        if round % 3 == 1 {
            let (mut width, mut height) = (900 + round, 600);
            assert!(gui.adjust_size.expect("adjust_size")(
                plugin,
                &raw mut width,
                &raw mut height
            ));
            assert!(gui.set_size.expect("set_size")(plugin, width, height));
            std::thread::sleep(Duration::from_millis(60));
        }
        gui.hide.expect("hide")(plugin);
        gui.destroy.expect("destroy")(plugin);
    }
    instance.on_main_thread();
    connection
        .destroy_window(parent)
        .expect("a request")
        .check()
        .expect("destroyed");
}
