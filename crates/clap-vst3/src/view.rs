//! `IPlugView`: the plugin's window inside the host's, through `clap.gui`.
//!
//! The window is made when the host first asks for something that needs it (usually the size) and destroyed in `removed`,
//! with the view, or in `terminate`, whatever comes first. One view has it at a time. Nothing here is locked while the
//! plugin is called, for a window may call back.

use std::ffi::{CStr, c_void};
use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::{Arc, Mutex};

use clap_sys::ext::gui::{clap_plugin_gui, clap_window, clap_window_handle};
use clap_sys::plugin::clap_plugin;
use vst3::Steinberg::{
    FIDString, FUnknown, IPlugFrame, IPlugView, IPlugViewContentScaleSupport, IPlugViewContentScaleSupportTrait,
    IPlugViewTrait, TBool, ViewRect, char16, int16, kInvalidArgument, kResultFalse, kResultTrue, tresult,
};
use vst3::{Class, ComPtr, ComRef, ComWrapper};

use crate::hosted::{Frame, Hosted};
use crate::sync::{lock, thread_id};
use crate::ticker::Ticker;

#[cfg(windows)]
const NATIVE: (&CStr, &CStr) = (c"HWND", clap_sys::ext::gui::CLAP_WINDOW_API_WIN32);
#[cfg(target_vendor = "apple")]
const NATIVE: (&CStr, &CStr) = (c"NSView", clap_sys::ext::gui::CLAP_WINDOW_API_COCOA);
#[cfg(all(unix, not(target_vendor = "apple")))]
const NATIVE: (&CStr, &CStr) = (c"X11EmbedWindowID", clap_sys::ext::gui::CLAP_WINDOW_API_X11);

/// VST3's name of the system's windows.
const PLATFORM: &CStr = NATIVE.0;
/// CLAP's name of them.
const API: &CStr = NATIVE.1;

fn handle(parent: *mut c_void) -> clap_window_handle {
    #[cfg(windows)]
    return clap_window_handle { win32: parent };
    #[cfg(target_vendor = "apple")]
    return clap_window_handle { cocoa: parent };
    #[cfg(all(unix, not(target_vendor = "apple")))]
    return clap_window_handle {
        x11: parent as usize as _,
    };
}

#[derive(Default)]
struct State {
    frame: Option<ComPtr<IPlugFrame>>,
    scale: Option<f64>,
    ticker: Option<Ticker>,
}

pub(crate) struct View {
    hosted: Arc<Hosted>,
    /// Our own interface pointer, which `resizeView` wants.
    this: AtomicPtr<IPlugView>,
    state: Mutex<State>,
}

impl Class for View {
    type Interfaces = (IPlugView, IPlugViewContentScaleSupport);
}

/// Calls a function of `clap.gui` if it is there.
macro_rules! gui {
    ($gui:ident, $name:ident $(, $argument:expr)*) => {
        // SAFETY: the plugin is alive during `with_gui`, and the arguments are valid for the call.
        $gui.1.$name.map(|function| unsafe { function($gui.0 $(, $argument)*) })
    };
}

impl View {
    /// `None` if the plugin has no window that could be embedded on this system.
    pub(crate) fn create(hosted: &Arc<Hosted>) -> Option<ComPtr<IPlugView>> {
        let supported = hosted.call(|plugin| {
            let gui = plugin.gui()?;
            gui!(gui, is_api_supported, API.as_ptr(), false)
        });
        if supported.flatten() != Some(true) {
            return None;
        }
        let state = Mutex::new(State::default());
        let view = ComWrapper::new(Self {
            hosted: hosted.clone(),
            this: AtomicPtr::default(),
            state,
        });
        let pointer = view.to_com_ptr::<IPlugView>()?;
        view.this.store(pointer.as_ptr(), Ordering::Release);
        Some(pointer)
    }

    /// Which view this is among those of the plugin.
    fn token(&self) -> usize {
        std::ptr::from_ref(self) as usize
    }

    /// Runs `f` with the plugin's window, which is made if need be. `None` if there is none to have.
    fn with_gui<R>(&self, f: impl FnOnce((*const clap_plugin, clap_plugin_gui)) -> Option<R>) -> Option<R> {
        let scale = lock(&self.state).scale;
        let hosted = &self.hosted;
        let run = hosted.call(|plugin| {
            let gui = plugin.gui()?;
            match hosted.gui_owner.load(Ordering::Acquire) {
                0 => {
                    // Before the window exists, so that no other thread delivers to it.
                    hosted.gui_thread.store(thread_id(), Ordering::Release);
                    if gui!(gui, create, API.as_ptr(), false) != Some(true) {
                        hosted.gui_thread.store(0, Ordering::Release);
                        return None;
                    }
                    hosted.gui_owner.store(self.token(), Ordering::Release);
                    if let Some(scale) = scale {
                        gui!(gui, set_scale, scale);
                    }
                }
                owner if owner == self.token() => {}
                _ => return None,
            }
            f(gui)
        });
        run.flatten()
    }

    fn size(&self) -> Option<(u32, u32)> {
        self.with_gui(|gui| {
            let (mut width, mut height) = (0, 0);
            gui!(gui, get_size, &mut width, &mut height)?.then_some((width, height))
        })
    }

    fn can_resize(&self) -> bool {
        self.with_gui(|gui| gui!(gui, can_resize)) == Some(true)
    }

    fn close(&self) {
        let this = self.this.load(Ordering::Acquire);
        let frame = {
            let mut frame = lock(&self.hosted.frame);
            if frame.as_ref().is_some_and(|frame| frame.view == this) {
                frame.take()
            } else {
                None
            }
        };
        let ticker = lock(&self.state).ticker.take();
        drop((frame, ticker));
        if self.hosted.gui_owner.load(Ordering::Acquire) == self.token() {
            self.hosted.close_window();
        }
    }
}

impl Drop for View {
    fn drop(&mut self) {
        self.close();
    }
}

fn width_and_height(rect: &ViewRect) -> (u32, u32) {
    let length = |from: i32, to: i32| to.saturating_sub(from).max(0) as u32;
    (length(rect.left, rect.right), length(rect.top, rect.bottom))
}

fn resize(rect: &mut ViewRect, (width, height): (u32, u32)) {
    rect.right = rect.left.saturating_add_unsigned(width);
    rect.bottom = rect.top.saturating_add_unsigned(height);
}

/// # Safety
///
/// `platform` is null or NUL-terminated.
unsafe fn is_native(platform: FIDString) -> bool {
    // SAFETY: the caller's promise.
    !platform.is_null() && unsafe { CStr::from_ptr(platform) } == PLATFORM
}

impl IPlugViewTrait for View {
    unsafe fn isPlatformTypeSupported(&self, platform: FIDString) -> tresult {
        // SAFETY: null or NUL-terminated, by VST3's contract.
        if unsafe { is_native(platform) } {
            kResultTrue
        } else {
            kResultFalse
        }
    }

    unsafe fn attached(&self, parent: *mut c_void, platform: FIDString) -> tresult {
        // SAFETY: null or NUL-terminated, by VST3's contract.
        if parent.is_null() || !unsafe { is_native(platform) } {
            return kInvalidArgument;
        }
        let frame = lock(&self.state).frame.clone();
        if let Some(frame) = &frame {
            let view = self.this.load(Ordering::Acquire);
            *lock(&self.hosted.frame) = Some(Frame {
                frame: frame.clone(),
                view,
            });
        }
        let window = clap_window {
            api: API.as_ptr(),
            specific: handle(parent),
        };
        let attached = self.with_gui(|gui| {
            if !gui!(gui, set_parent, &window)? {
                return None;
            }
            // Many plugins are shown with their parent and answer nothing useful.
            gui!(gui, show);
            Some(())
        });
        if attached.is_none() {
            self.close();
            return kResultFalse;
        }
        let context = frame.and_then(|frame| frame.cast::<FUnknown>());
        let ticker = Ticker::new(&self.hosted, context.iter());
        let old = std::mem::replace(&mut lock(&self.state).ticker, ticker);
        drop(old);
        kResultTrue
    }

    unsafe fn removed(&self) -> tresult {
        self.close();
        kResultTrue
    }

    unsafe fn onWheel(&self, _distance: f32) -> tresult {
        kResultFalse
    }

    unsafe fn onKeyDown(&self, _key: char16, _code: int16, _modifiers: int16) -> tresult {
        kResultFalse
    }

    unsafe fn onKeyUp(&self, _key: char16, _code: int16, _modifiers: int16) -> tresult {
        kResultFalse
    }

    unsafe fn getSize(&self, size: *mut ViewRect) -> tresult {
        // SAFETY: null or writable, by VST3's contract.
        let Some(rect) = (unsafe { size.as_mut() }) else {
            return kInvalidArgument;
        };
        let Some(size) = self.size() else { return kResultFalse };
        (rect.left, rect.top) = (0, 0);
        resize(rect, size);
        kResultTrue
    }

    unsafe fn onSize(&self, size: *mut ViewRect) -> tresult {
        // SAFETY: null or readable, by VST3's contract.
        let Some(rect) = (unsafe { size.as_ref() }) else {
            return kInvalidArgument;
        };
        let (width, height) = width_and_height(rect);
        if self.size() == Some((width, height)) {
            return kResultTrue;
        }
        match self.with_gui(|gui| gui!(gui, set_size, width, height)) {
            Some(true) => kResultTrue,
            _ => kResultFalse,
        }
    }

    unsafe fn onFocus(&self, _state: TBool) -> tresult {
        kResultFalse
    }

    unsafe fn setFrame(&self, frame: *mut IPlugFrame) -> tresult {
        // SAFETY: null or a live object, by VST3's contract.
        let frame = unsafe { ComRef::from_raw(frame) }.map(|frame| frame.to_com_ptr());
        let old = std::mem::replace(&mut lock(&self.state).frame, frame);
        drop(old);
        kResultTrue
    }

    unsafe fn canResize(&self) -> tresult {
        if self.can_resize() { kResultTrue } else { kResultFalse }
    }

    unsafe fn checkSizeConstraint(&self, rect: *mut ViewRect) -> tresult {
        // SAFETY: null or writable, by VST3's contract.
        let Some(rect) = (unsafe { rect.as_mut() }) else {
            return kInvalidArgument;
        };
        let (mut width, mut height) = width_and_height(rect);
        let size = if self.can_resize() {
            self.with_gui(|gui| gui!(gui, adjust_size, &mut width, &mut height)?.then_some((width, height)))
        } else {
            self.size()
        };
        let Some(size) = size else { return kResultFalse };
        resize(rect, size);
        kResultTrue
    }
}

impl IPlugViewContentScaleSupportTrait for View {
    unsafe fn setContentScaleFactor(&self, factor: f32) -> tresult {
        // macOS scales by itself.
        if cfg!(target_vendor = "apple") || factor.is_nan() || factor <= 0.0 {
            return kResultFalse;
        }
        let scale = f64::from(factor);
        lock(&self.state).scale = Some(scale);
        match self.with_gui(|gui| gui!(gui, set_scale, scale)) {
            Some(true) => kResultTrue,
            _ => kResultFalse,
        }
    }
}
