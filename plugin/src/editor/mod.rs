//! The window.
//!
//! [`draw`](draw::draw) is a function of plain values ([`view::View`]) and the parameters; `App` feeds it from the live instance
//! and carries out what the user asks for. [`TonegraftEditor`] is what the framework opens, in a
//! [`window`].

mod browser;
mod carry_out;
pub mod controls;
mod dialog;
pub mod draw;
pub mod keys;
pub mod live;
pub mod panels;
pub mod theme;
pub mod view;
pub mod widgets;

use crate::params::TonegraftParams;
use crate::session::WindowSize;
use crate::shared::Shared;
use crate::window::{self, Content, Wants};
use browser::Browser;
use dialog::Dialog;
use draw::{Memory, draw};
use live::Seen;
use nice_plug::context::gui::GuiContext;
use nice_plug::editor::dpi::{LogicalSize, NativeSize, Size};
use nice_plug::editor::{Editor, HostMethods, ParentWindowHandle, ResizeHint, SizeConstraints, SpawnedEditor};
use nice_plug::prelude::ParamSetter;
use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use view::{Action, View};

/// How often the window is drawn while nobody touches it.
const FRAME: Duration = Duration::from_millis(33);
/// Least and greatest zoom factor.
const ZOOM: [f32; 2] = [0.5, 2.0];
/// [`FRAME`] during a listening test.
const CALM: Duration = Duration::from_millis(250);

/// One window's application.
struct App {
    params: Arc<TonegraftParams>,
    shared: Arc<Shared>,
    scale: Arc<AtomicU32>,
    gui: GuiContext,
    memory: Memory,
    dialog: Dialog,
    browser: Browser,
    seen: Seen,
    /// The zoom factor of the session.
    zoom: f32,
}

impl App {
    /// A model that was loaded from the window starts with its own defaults.
    fn set_defaults(&self, setter: &ParamSetter<'_>) {
        for (slot, knobs) in self.params.knobs().into_iter().enumerate() {
            let defaults = self.shared.take_defaults(slot).unwrap_or_default();
            for (param, position) in knobs.into_iter().zip(defaults) {
                carry_out::set(setter, param, position);
            }
        }
    }
}

impl Content for App {
    fn begin(&mut self, context: &egui::Context) {
        theme::apply(context, view::Shade::Dark);
    }

    fn frame(&mut self, ui: &mut egui::Ui) -> Wants {
        let gui = self.gui.clone();
        let setter = gui.param_setter();
        self.set_defaults(&setter);
        let mut view = View::of(&self.shared, &mut self.seen);
        self.browser.show(&mut view.browser);
        theme::choose(ui.ctx(), view.shade);
        self.zoom = view.zoom.clamp(ZOOM[0], ZOOM[1]);
        for action in draw(ui, &mut self.memory, &view, &self.params, Some(&setter)) {
            match action {
                Action::Browser(edit) => self.browser.edit(edit),
                action => self.carry_out(action, &view, &setter),
            }
        }
        self.watch(self.memory.watching(&view), &setter);
        let is_testing = view.test.is_running();
        // A test is calm: what changes without the user is only what a key just did.
        ui.ctx().request_repaint_after(if is_testing { CALM } else { FRAME });
        let keys = keys::taken(ui.ctx(), is_testing);
        let focus = is_testing || keys == keys::Taken::All;
        Wants { keys, focus }
    }

    fn zoom(&self) -> f32 {
        self.zoom
    }

    fn resized(&mut self, points: [f32; 2], scale: f32) {
        // Window sizes are small positive numbers.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let points = points.map(|points| points.round() as u32);
        self.params.window.put(points);
        self.scale.store(scale.to_bits(), Ordering::Relaxed);
    }
}

/// What the framework opens.
pub struct TonegraftEditor {
    params: Arc<TonegraftParams>,
    shared: Arc<Shared>,
    /// Scale of the last window, as bits.
    scale: Arc<AtomicU32>,
}

impl fmt::Debug for TonegraftEditor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TonegraftEditor").finish_non_exhaustive()
    }
}

impl TonegraftEditor {
    /// For the instance that owns `params` and `shared`.
    pub fn new(params: Arc<TonegraftParams>, shared: Arc<Shared>) -> Self {
        Self {
            params,
            shared,
            scale: Arc::new(AtomicU32::new(1.0_f32.to_bits())),
        }
    }

    /// As it is kept with the session.
    fn zoom(&self) -> f32 {
        let zoom = self.shared.session().window.zoom.unwrap_or(1.0);
        zoom.clamp(ZOOM[0], ZOOM[1])
    }

    fn logical_size(&self) -> LogicalSize<f32> {
        // Far below 2^24.
        #[allow(clippy::cast_precision_loss)]
        let [width, height] = self.params.window.get().map(|points| points as f32);
        LogicalSize::new(width, height)
    }
}

impl Editor for TonegraftEditor {
    type Handle = window::Handle;

    fn spawn(
        &self,
        parent: Option<ParentWindowHandle>,
        wait_for_parent: bool,
        fallback_scale_factor: Option<f64>,
        gui_context: GuiContext,
        host: Option<HostMethods>,
    ) -> Result<SpawnedEditor<Self::Handle>, Box<dyn Error>> {
        let zoom = self.zoom();
        let app = App {
            params: Arc::clone(&self.params),
            shared: Arc::clone(&self.shared),
            scale: Arc::clone(&self.scale),
            gui: gui_context,
            memory: Memory::default(),
            dialog: Dialog::default(),
            browser: Browser::default(),
            zoom,
            seen: Seen::default(),
        };
        let settings = window::Settings {
            title: "Tonegraft",
            size: self.logical_size(),
            zoom,
            resizing: self.resize_hint(),
            fallback_scale: fallback_scale_factor,
            waits_for_parent: wait_for_parent,
        };
        window::open(&settings, parent, host, app)
    }

    fn size(&self) -> NativeSize<u32> {
        let scale = f32::from_bits(self.scale.load(Ordering::Relaxed));
        NativeSize::from_size(Size::from(self.logical_size()), f64::from(scale * self.zoom()))
    }

    fn resize_hint(&self) -> ResizeHint {
        // Far below 2^24.
        #[allow(clippy::cast_precision_loss)]
        let logical =
            |[width, height]: [u32; 2], zoom: f32| LogicalSize::new(width as f32 * zoom, height as f32 * zoom);
        ResizeHint {
            // Sizes are in points; these are for every zoom factor.
            size_constraints: SizeConstraints::logical(
                Some(logical(WindowSize::MIN, ZOOM[0])),
                Some(logical(WindowSize::MAX, ZOOM[1])),
            ),
            ..ResizeHint::RESIZABLE
        }
    }
}
