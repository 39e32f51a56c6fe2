//! The window inside a host's X11 window: opened, resized and closed while audio plays and parameters move; keys and the focus. Needs a display (Xvfb
//! will do); without one the test says so and passes.
#![cfg(target_os = "linux")]
#![allow(unsafe_code)]

mod support;

use clap_sys::ext::gui::{CLAP_EXT_GUI, CLAP_WINDOW_API_X11, clap_plugin_gui, clap_window, clap_window_handle};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use support::{Event, Instance, LAYOUTS, PARAMS, Random, guitar, id_of, wait_for};
use x11rb::connection::Connection;
use x11rb::protocol::Event as XEvent;
use x11rb::protocol::xproto::{
    BUTTON_PRESS_EVENT, BUTTON_RELEASE_EVENT, ButtonPressEvent, ConnectionExt as _, CreateWindowAux, EnterNotifyEvent,
    EventMask, InputFocus, KEY_PRESS_EVENT, KeyButMask, KeyPressEvent, LEAVE_NOTIFY_EVENT, MOTION_NOTIFY_EVENT, Motion,
    MotionNotifyEvent, NotifyDetail, NotifyMode, Window, WindowClass,
};

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

/// A host's window, shown; it hears keys.
fn host_window(connection: &impl Connection, root: Window) -> Window {
    let parent = connection.generate_id().expect("an id");
    let events = CreateWindowAux::new().event_mask(EventMask::KEY_PRESS);
    connection
        .create_window(
            0,
            parent,
            root,
            0,
            0,
            1120,
            760,
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
    parent
}

/// Opens the plugin's window inside `parent`.
fn open(instance: &Instance, parent: Window) {
    let gui: &clap_plugin_gui = instance.extension(CLAP_EXT_GUI);
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
}

fn open_and_close(instance: &Instance, connection: &impl Connection, root: Window, round: u32) {
    let gui: &clap_plugin_gui = instance.extension(CLAP_EXT_GUI);
    let plugin = instance.plugin;
    let parent = host_window(connection, root);
    open(instance, parent);
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

/// A user of the window, whose events come from this connection.
struct User<'a, C> {
    connection: &'a C,
    root: Window,
    host: Window,
    window: Window,
}

impl<C: Connection> User<'_, C> {
    fn send(&self, event: impl Into<[u8; 32]>) {
        let sent = self
            .connection
            .send_event(false, self.window, EventMask::NO_EVENT, event);
        sent.expect("a request").check().expect("an event");
    }

    fn click(&self, x: i16, y: i16) {
        let moved = MotionNotifyEvent {
            response_type: MOTION_NOTIFY_EVENT,
            detail: Motion::NORMAL,
            sequence: 0,
            time: x11rb::CURRENT_TIME,
            root: self.root,
            event: self.window,
            child: x11rb::NONE,
            root_x: x,
            root_y: y,
            event_x: x,
            event_y: y,
            state: KeyButMask::default(),
            same_screen: true,
        };
        self.send(moved);
        for response_type in [BUTTON_PRESS_EVENT, BUTTON_RELEASE_EVENT] {
            self.send(ButtonPressEvent {
                response_type,
                detail: 1,
                sequence: 0,
                time: x11rb::CURRENT_TIME,
                root: self.root,
                event: self.window,
                child: x11rb::NONE,
                root_x: x,
                root_y: y,
                event_x: x,
                event_y: y,
                state: KeyButMask::default(),
                same_screen: true,
            });
        }
    }

    /// Presses a key by its number.
    fn key(&self, detail: u8) {
        self.send(KeyPressEvent {
            response_type: KEY_PRESS_EVENT,
            detail,
            sequence: 0,
            time: x11rb::CURRENT_TIME,
            root: self.root,
            event: self.window,
            child: x11rb::NONE,
            root_x: 0,
            root_y: 0,
            event_x: 0,
            event_y: 0,
            state: KeyButMask::default(),
            same_screen: true,
        });
    }

    fn leave(&self) {
        self.send(EnterNotifyEvent {
            response_type: LEAVE_NOTIFY_EVENT,
            detail: NotifyDetail::ANCESTOR,
            sequence: 0,
            time: x11rb::CURRENT_TIME,
            root: self.root,
            event: self.window,
            child: x11rb::NONE,
            root_x: 0,
            root_y: 0,
            event_x: 0,
            event_y: 0,
            state: KeyButMask::default(),
            mode: NotifyMode::NORMAL,
            same_screen_focus: 2,
        });
    }

    fn focus(&self) -> Window {
        let asked = self.connection.get_input_focus().expect("a request");
        asked.reply().expect("an answer").focus
    }

    /// Numbers of the keys that the host's window got in the next while.
    fn passed_on(&self) -> Vec<u8> {
        std::thread::sleep(Duration::from_millis(150));
        let mut keys = Vec::new();
        while let Some(event) = self.connection.poll_for_event().expect("a connection") {
            if let XEvent::KeyPress(event) = event
                && event.event == self.host
            {
                keys.push(event.detail);
            }
        }
        keys
    }
}

#[test]
fn keys_that_are_not_used_and_the_focus_go_back_to_the_host() {
    // Numbers of X11.
    const ESCAPE: u8 = 9;
    const ONE: u8 = 10;
    const A: u8 = 38;
    const SPACE: u8 = 65;
    let Ok((connection, screen)) = x11rb::connect(None) else {
        println!("skipped: no display");
        return;
    };
    let root = connection.setup().roots[screen].root;
    let threads = threads();
    let mut instance = Instance::in_host("A host with keys", true);
    instance.activate(48_000.0, 256);
    let host = host_window(&connection, root);
    open(&instance, host);
    let children = connection
        .query_tree(host)
        .expect("a request")
        .reply()
        .expect("a tree")
        .children;
    let user = User {
        connection: &connection,
        root,
        host,
        window: children[0],
    };
    let to_host = connection.set_input_focus(InputFocus::PARENT, host, x11rb::CURRENT_TIME);
    to_host.expect("a request").check().expect("the host's window is shown");
    std::thread::sleep(Duration::from_millis(400));

    user.key(SPACE);
    assert_eq!(user.passed_on(), [SPACE], "the host's transport");
    user.key(ONE);
    assert!(user.passed_on().is_empty(), "listening to A is the window's own");
    user.key(A);
    assert_eq!(user.passed_on(), [A]);

    // Between the panels: nothing is there to be clicked on.
    user.click(500, 47);
    wait_for("the window has the focus", || user.focus() == user.window);
    user.leave();
    wait_for("the focus is back", || user.focus() == host);

    // The field for a path, under the library.
    user.click(112, 760 - 56);
    wait_for("the window has the focus again", || user.focus() == user.window);
    std::thread::sleep(Duration::from_millis(200));
    user.leave();
    user.key(A);
    user.key(SPACE);
    assert!(user.passed_on().is_empty(), "a text is typed");
    assert_eq!(user.focus(), user.window);
    user.key(ESCAPE);
    wait_for("the focus is back after the text", || user.focus() == host);
    user.key(SPACE);
    assert_eq!(user.passed_on(), [SPACE]);

    let gui: &clap_plugin_gui = instance.extension(CLAP_EXT_GUI);
    // SAFETY: main thread, in CLAP's order.
    unsafe {
        gui.hide.expect("hide")(instance.plugin);
        gui.destroy.expect("destroy")(instance.plugin);
    }
    drop(instance);
    wait_for("the window's threads end", || self::threads() <= threads);
}
