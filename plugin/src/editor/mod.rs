//! The window.
//!
//! [`draw`](draw::draw) is a function of plain values ([`view::View`]) and the parameters; `App` feeds it from the live instance
//! and carries out what the user asks for. [`TonegraftEditor`] is what the framework opens: it makes a new window state each time,
//! so that the size restored with the session is used.

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
use browser::Browser;
use dialog::Dialog;
use draw::{Memory, draw};
use live::Seen;
use nice_plug::context::gui::GuiContext;
use nice_plug::editor::dpi::{LogicalSize, NativeSize, Size};
use nice_plug::editor::{Editor, HostMethods, ParentWindowHandle, ResizeHint, SizeConstraints, SpawnedEditor};
use nice_plug::prelude::ParamSetter;
use nice_plug_egui::baseview::{HandlerError, WindowSize as NativeWindowSize};
use nice_plug_egui::{
    EguiEditor, EguiEditorHandle, EguiEditorState, EguiNiceSettings, Frame, Key, KeyCapture, NiceEguiApp,
    RepaintNotifier,
};
use parking_lot::Mutex;
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
    gui: Option<GuiContext>,
    memory: Memory,
    dialog: Dialog,
    browser: Browser,
    seen: Seen,
    /// Until then the zoom factor that was asked for is on its way.
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

impl App {
    /// Shade and zoom as they are kept with the session.
    fn look(&mut self, context: &egui::Context, view: &View) {
        theme::choose(context, view.shade);
        let zoom = view.zoom.clamp(ZOOM[0], ZOOM[1]);
        // Once each: the host may refuse the new size.
        if (zoom - self.zoom).abs() > 1e-3 {
            self.zoom = zoom;
            context.set_zoom_factor(zoom);
        }
    }
}

/// The keys that the host does not get, as the window's framework wants them.
fn captured(taken: &keys::Taken) -> KeyCapture {
    let keys = match taken {
        keys::Taken::All => return KeyCapture::CaptureAll,
        keys::Taken::Only(keys) => keys,
    };
    let names = keys.iter().flat_map(|key| match key {
        egui::Key::Enter | egui::Key::Tab | egui::Key::Escape => key.name().parse().ok().into_iter().collect(),
        egui::Key::Space => vec![Key::Character(" ".to_owned())],
        key => {
            let symbol = key.symbol_or_name();
            vec![
                Key::Character(symbol.to_lowercase()),
                Key::Character(symbol.to_uppercase()),
            ]
        }
    });
    KeyCapture::CaptureKeys(names.collect())
}

impl NiceEguiApp for App {
    fn build(&mut self, context: egui::Context, gui: GuiContext, _frame: &mut Frame) -> Result<(), HandlerError> {
        theme::apply(&context, view::Shade::Dark);
        self.gui = Some(gui);
        Ok(())
    }

    fn ui(&mut self, ui: &mut egui::Ui, frame: &mut Frame) {
        let gui = self.gui.clone();
        let setter = gui.as_ref().map(GuiContext::param_setter);
        if let Some(setter) = &setter {
            self.set_defaults(setter);
        }
        let mut view = View::of(&self.shared, &mut self.seen);
        self.browser.show(&mut view.browser);
        self.look(ui.ctx(), &view);
        for action in draw(ui, &mut self.memory, &view, &self.params, setter.as_ref()) {
            match action {
                Action::Browser(edit) => self.browser.edit(edit),
                action => self.carry_out(action, &view, setter.as_ref()),
            }
        }
        self.watch(self.memory.watching(&view));
        let is_testing = view.test.is_running();
        frame.set_key_capture(captured(&keys::taken(ui.ctx(), is_testing)));
        // A test is calm: what changes without the user is only what a key just did.
        ui.ctx().request_repaint_after(if is_testing { CALM } else { FRAME });
    }

    fn resized(&mut self, size: NativeWindowSize) {
        // Window sizes are small positive numbers.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let points = [size.logical.width, size.logical.height].map(|points| points.round() as u32);
        self.params.window.put(points);
        // What is told is the system's scale times the zoom factor.
        #[allow(clippy::cast_possible_truncation)]
        let scale = size.scale_factor as f32 / self.zoom;
        self.scale.store(scale.to_bits(), Ordering::Relaxed);
    }

    fn editor_closed(&mut self) {
        self.gui = None;
    }
}

/// What the framework opens.
pub struct TonegraftEditor {
    params: Arc<TonegraftParams>,
    shared: Arc<Shared>,
    /// Scale of the last window, as bits.
    scale: Arc<AtomicU32>,
    open: Mutex<Option<EguiEditor<App>>>,
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
            open: Mutex::new(None),
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
    type Handle = EguiEditorHandle;

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
            gui: None,
            memory: Memory::default(),
            dialog: Dialog::default(),
            browser: Browser::default(),
            zoom,
            seen: Seen::default(),
        };
        let settings = EguiNiceSettings::new()
            .with_tile("Tonegraft")
            .with_resize_hint(self.resize_hint());
        let state = EguiEditorState::from_size(self.logical_size(), zoom);
        let editor = nice_plug_egui::create_egui_editor(state, RepaintNotifier::new(), settings, app)
            .ok_or("the window could not be prepared")?;
        let mut open = self.open.lock();
        let spawned = editor.spawn(parent, wait_for_parent, fallback_scale_factor, gui_context, host)?;
        *open = Some(editor);
        Ok(spawned)
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
