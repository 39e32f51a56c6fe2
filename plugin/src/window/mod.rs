//! A window of the plugin's own: [`baseview`] for the system's window, [`egui_glow`] for drawing.
//!
//! [`open`] makes a window inside the host's, or a floating one, that shows a [`Content`]: it feeds pointer, wheel, keys, clipboard and
//! dropped files into egui and paints what egui gives back. It knows nothing of audio or of models.
//!
//! # Keys and the focus
//!
//! The content says after each frame which keys it uses ([`Wants`]); all others are answered as ignored, and so go to the host on
//! Windows and macOS. X11 has no such answer: there `host_focus` passes the key on to the host's window and returns the focus as soon as
//! no text is typed.
//!
//! # Threads
//!
//! On X11 the window has a thread of its own, on Windows and macOS it lives on the host's main thread. [`Handle`] is used on the host's
//! main thread.

mod clipboard;
mod handler;
#[cfg_attr(not(target_os = "linux"), path = "no_host_focus.rs")]
mod host_focus;
mod input;
mod keys;
mod painter;

use baseview::WindowSettings;
use baseview::host::Host;
use egui::{Context, Key, Ui};
use handler::Handler;
use nice_plug::editor::dpi::{LogicalSize, NativeSize, Size};
use nice_plug::editor::{EditorHandle, HostMethods, ParentWindowHandle, ResizeHint, SizeConstraints, SpawnedEditor};
use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Which keys the host must not get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// All: a text is typed.
    All,
    /// These, without Ctrl, Alt or Command.
    Only(Vec<Key>),
}

/// What the content wants of the keyboard, after a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wants {
    /// Keys that are used.
    pub keys: Taken,
    /// Whether they are to come here wherever the pointer is.
    pub focus: bool,
}

/// What a window shows. It lives as long as the window does.
pub trait Content: Send + 'static {
    /// Before the first frame.
    fn begin(&mut self, context: &Context);

    /// Draws one frame. [`Context::request_repaint_after`] says when the next one is due without an event.
    fn frame(&mut self, ui: &mut Ui) -> Wants;

    /// The zoom factor wanted, on top of the system's scale; the window grows and shrinks with it.
    fn zoom(&self) -> f32;

    /// The window has this size in points, at `scale` (the system's, without the zoom factor).
    fn resized(&mut self, points: [f32; 2], scale: f32);
}

/// How a window begins.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The title, where the window has one.
    pub title: &'static str,
    /// Width and height in points.
    pub size: LogicalSize<f32>,
    /// Zoom factor on top of the system's scale.
    pub zoom: f32,
    /// Limits, zoom included.
    pub resizing: ResizeHint,
    /// The system's scale where the system tells none.
    pub fallback_scale: Option<f64>,
    /// The parent comes later.
    pub waits_for_parent: bool,
}

/// Opens a window inside `parent`, or a floating one. It is drawn once it is shown.
///
/// # Errors
///
/// The system gives no window or no OpenGL context.
pub fn open(
    settings: &Settings,
    parent: Option<ParentWindowHandle>,
    host: Option<HostMethods>,
    content: impl Content,
) -> Result<SpawnedEditor<Handle>, Box<dyn Error>> {
    let (smallest, largest): (Option<Size>, Option<Size>) = match settings.resizing.size_constraints {
        SizeConstraints::Logical { min_size, max_size } => (min_size.map(Into::into), max_size.map(Into::into)),
        SizeConstraints::Physical { min_size, max_size } => (min_size.map(Into::into), max_size.map(Into::into)),
    };
    let size = LogicalSize::new(
        settings.size.width * settings.zoom,
        settings.size.height * settings.zoom,
    );
    let mut options = WindowSettings::new()
        .with_title(settings.title)
        .with_size(size)
        .with_min_size::<Size>(smallest)
        .with_max_size::<Size>(largest)
        .with_resizable(settings.resizing.can_resize)
        .with_fallback_scale_factor(settings.fallback_scale)
        .with_wait_for_parent(settings.waits_for_parent)
        .with_gl_config(baseview::gl::GlConfig::default());
    options.parent = parent.as_ref().map(baseview::ParentWindowHandle::from_window);
    let is_embedded = parent.is_some() || settings.waits_for_parent;
    let is_shown = Arc::new(AtomicBool::new(true));
    let (shown, zoom) = (Arc::clone(&is_shown), settings.zoom);
    let window = baseview::Window::create_with_host(
        options,
        move |window| Handler::new(window, content, zoom, is_embedded, shown),
        host.map(adapted),
    )?;
    let handle = Handle {
        resizing: settings.resizing,
        is_shown,
    };
    Ok(SpawnedEditor { handle, window })
}

/// The host's calls, as the window library names them.
fn adapted(methods: HostMethods) -> Host {
    struct Callbacks(Box<dyn nice_plug::editor::HostCallbacks>);
    impl baseview::host::HostCallbacks for Callbacks {
        fn request_resize(&mut self, size: baseview::WindowSize) -> Result<(), baseview::HandlerError> {
            let asked = self.0.request_resize(size.physical.into(), size.scale_factor);
            asked.map_err(baseview::HandlerError::from_boxed)
        }

        fn destroyed(&mut self) {
            self.0.destroyed();
        }
    }
    struct Caller(Box<dyn nice_plug::editor::HostMainThreadCaller>);
    impl baseview::host::HostMainThreadCaller for Caller {
        fn call_main_thread(&mut self) {
            self.0.call_main_thread();
        }
    }
    Host::new()
        .with_callbacks(Callbacks(methods.callbacks))
        .with_main_thread(Caller(methods.main_thread_caller))
}

/// An open window, for the framework.
pub struct Handle {
    resizing: ResizeHint,
    is_shown: Arc<AtomicBool>,
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").finish_non_exhaustive()
    }
}

impl EditorHandle for Handle {
    type Window = baseview::Window;
    type Error = baseview::Error;

    fn run_until_closed(window: Self::Window) -> Result<(), Self::Error> {
        window.run_until_closed()
    }

    fn set_parent(&self, parent: ParentWindowHandle, window: &Self::Window) -> Result<(), Self::Error> {
        window.set_parent(&parent)
    }

    fn show(&self, window: &Self::Window) -> Result<(), Self::Error> {
        self.is_shown.store(true, Ordering::Relaxed);
        window.show()?;
        window.waker().request_redraw();
        Ok(())
    }

    fn hide(&self, window: &Self::Window) -> Result<(), Self::Error> {
        self.is_shown.store(false, Ordering::Relaxed);
        window.hide()
    }

    fn host_main_thread_callback(&self, window: &Self::Window) {
        window.host_main_thread_callback();
    }

    fn set_size(&self, size: NativeSize<u32>, window: &Self::Window) -> Result<(), Self::Error> {
        window.resize(size)
    }

    fn set_fallback_scale_factor(&self, scale: f64, window: &Self::Window) -> Result<(), Self::Error> {
        window.suggest_fallback_scale_factor(scale)
    }

    fn adjust_size(&self, size: NativeSize<u32>, window: &Self::Window) -> Option<NativeSize<u32>> {
        let now = window.size();
        let current = NativeSize::from_logical_or_physical(now.logical, now.physical);
        Some(self.resizing.adjust_size(size, current, now.scale_factor))
    }

    // The content is drawn many times a second and reads the parameters each time.
    fn param_value_changed(&self, _id: &str, _normalized: f32) {}

    fn param_modulation_changed(&self, _id: &str, _offset: f32) {}
}
