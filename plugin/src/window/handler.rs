//! One window: events in, frames out.

use super::host_focus::HostFocus;
use super::input::Input;
use super::painter::Painter;
use super::{Content, Taken, Wants, keys};
use baseview::dpi::LogicalSize;
use baseview::{
    DamageArea, Event, EventStatus, HandlerError, MouseCursor, MouseEvent, TimerHandle, WindowContext, WindowHandler,
    WindowSize,
};
use egui::{Context, OutputCommand, ViewportId};
use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How often it is looked whether a frame is due.
const TICK: Duration = Duration::from_millis(16);
/// The longest time without a frame.
const LONGEST: Duration = Duration::from_secs(1);

/// What the system calls. Calls may come from inside calls of the window (a resize tells the new size at once), so nothing is borrowed
/// while the window is called.
pub(super) struct Handler<C> {
    window: WindowContext,
    host: Option<HostFocus>,
    egui: Context,
    content: RefCell<C>,
    input: RefCell<Input>,
    painter: RefCell<Painter>,
    wants: RefCell<Wants>,
    zoom: Cell<f32>,
    cursor: Cell<MouseCursor>,
    opened: Instant,
    /// When the next frame is due though nothing happens.
    due: Cell<Instant>,
    /// Something happened since the last frame.
    is_stale: Cell<bool>,
    is_shown: Arc<AtomicBool>,
}

/// Width and height in points of a window of `size` at `zoom`.
// Far below 2^24.
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
fn points(size: &WindowSize, zoom: f32) -> [f32; 2] {
    let scale = size.scale_factor as f32 * zoom;
    [size.physical.width as f32 / scale, size.physical.height as f32 / scale]
}

impl<C: Content> Handler<C> {
    /// Shows `content` in `window`.
    pub(super) fn new(
        window: WindowContext,
        mut content: C,
        zoom: f32,
        is_embedded: bool,
        is_shown: Arc<AtomicBool>,
    ) -> Result<Self, HandlerError> {
        let painter = Painter::new(&window)?;
        let egui = Context::default();
        egui.set_zoom_factor(zoom);
        // Zoom is kept with the session and set by the content alone.
        egui.options_mut(|options| options.zoom_with_keyboard = false);
        content.begin(&egui);
        window.create_timer(TICK)?;
        let now = Instant::now();
        Ok(Self {
            host: if is_embedded { HostFocus::new(&window) } else { None },
            egui,
            content: RefCell::new(content),
            input: RefCell::new(Input::new(painter.max_texture_side())),
            painter: RefCell::new(painter),
            wants: RefCell::new(Wants {
                keys: Taken::Only(Vec::new()),
                focus: false,
            }),
            zoom: Cell::new(zoom),
            cursor: Cell::new(MouseCursor::Default),
            opened: now,
            due: Cell::new(now),
            is_stale: Cell::new(true),
            is_shown,
            window,
        })
    }

    fn is_shown(&self) -> bool {
        self.is_shown.load(Ordering::Relaxed)
    }

    /// Takes the focus for the content, or gives it back.
    fn focus(&self, wants: Wants) {
        let before = self.wants.replace(wants).focus;
        let now = self.wants.borrow().focus;
        if now && !before && !self.has_focus() {
            self.take_focus();
        } else if before && !now && self.has_focus() {
            self.give_focus_back();
        }
    }

    fn has_focus(&self) -> bool {
        match &self.host {
            Some(host) => host.has_focus(),
            None => self.window.has_focus(),
        }
    }

    fn take_focus(&self) {
        if let Some(host) = &self.host {
            host.remember();
        }
        // Without it the keys come only while the pointer is here; nothing else is lost.
        let _ = self.window.focus();
    }

    fn give_focus_back(&self) {
        if let Some(host) = &self.host {
            host.give_back();
        }
    }

    /// A new zoom factor lets the window grow: it shows as many points as before.
    fn follow_zoom(&self, zoom: f32, points: [f32; 2]) {
        if (zoom - self.zoom.get()).abs() < 1e-3 {
            return;
        }
        self.zoom.set(zoom);
        self.egui.set_zoom_factor(zoom);
        self.is_stale.set(true);
        self.window.request_redraw();
        let [width, height] = points.map(|points| f64::from(points * zoom));
        // A host that refuses leaves the size as it is: then fewer points are shown.
        let _ = self.window.resize(LogicalSize::new(width, height));
    }
}

impl<C: Content> WindowHandler for Handler<C> {
    fn draw(&self) -> Result<(), HandlerError> {
        let now = Instant::now();
        // Some systems call at every refresh.
        if !self.is_shown() || (!self.is_stale.get() && now < self.due.get()) {
            return Ok(());
        }
        // A system's dialog that was opened by the content may call from inside a frame.
        let Ok(mut content) = self.content.try_borrow_mut() else {
            return Ok(());
        };
        self.is_stale.set(false);
        let size = self.window.size();
        let points = points(&size, self.zoom.get());
        // A small number.
        #[allow(clippy::cast_possible_truncation)]
        let scale = size.scale_factor as f32;
        let time = now.duration_since(self.opened).as_secs_f64();
        let input = self.input.borrow_mut().take(points, scale, time);
        let mut wants = self.wants.borrow().clone();
        let mut output = self.egui.run_ui(input, |ui| wants = content.frame(ui));
        let zoom = content.zoom();
        drop(content);
        let background = self.egui.global_style().visuals.panel_fill;
        let pixels = [size.physical.width, size.physical.height];
        self.painter
            .borrow_mut()
            .paint(pixels, background, &self.egui, &mut output)?;
        for command in std::mem::take(&mut output.platform_output.commands) {
            // The content has no links and copies no pictures.
            if let OutputCommand::CopyText(text) = command {
                self.input.borrow_mut().copy(text);
            }
        }
        let next = output.viewport_output.get(&ViewportId::ROOT);
        let delay = next.map_or(LONGEST, |viewport| viewport.repaint_delay).min(LONGEST);
        self.due.set(now + delay);
        if delay.is_zero() {
            self.window.request_redraw();
        }
        let cursor = keys::cursor(output.platform_output.cursor_icon);
        if self.cursor.replace(cursor) != cursor {
            // The old shape does as well.
            let _ = self.window.set_mouse_cursor(cursor);
        }
        self.focus(wants);
        self.follow_zoom(zoom, points);
        Ok(())
    }

    fn damage(&self, _area: DamageArea<'_>) {
        self.is_stale.set(true);
    }

    fn resized(&self, size: WindowSize) -> Result<(), HandlerError> {
        self.is_stale.set(true);
        // A small number.
        #[allow(clippy::cast_possible_truncation)]
        let scale = size.scale_factor as f32;
        if let Ok(mut content) = self.content.try_borrow_mut() {
            content.resized(points(&size, self.zoom.get()), scale);
        }
        Ok(())
    }

    fn on_event(&self, event: Event) -> EventStatus {
        let is_press = matches!(event, Event::Mouse(MouseEvent::ButtonPressed { .. }));
        if is_press && !self.has_focus() {
            self.take_focus();
        }
        let has_left = matches!(event, Event::Mouse(MouseEvent::CursorLeft));
        if has_left && self.has_focus() && !self.wants.borrow().focus {
            self.give_focus_back();
        }
        let key = match &event {
            Event::Keyboard(event) => Some(event.clone()),
            _ => None,
        };
        let scale = self.window.scale_factor() * f64::from(self.zoom.get());
        let status = self.input.borrow_mut().take_in(event, scale, &self.wants.borrow().keys);
        if let (EventStatus::Ignored, Some(host), Some(key)) = (status, &self.host, key) {
            host.pass_on(&key);
        }
        self.is_stale.set(true);
        self.window.request_redraw();
        status
    }

    fn on_timer(&self, _timer: &TimerHandle) {
        if self.is_shown() && Instant::now() >= self.due.get() {
            self.window.request_redraw();
        }
    }
}
