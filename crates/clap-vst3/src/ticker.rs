//! A timer on the host's main thread, where the system or the host gives one: it delivers the plugin's news.
//!
//! Linux: the host's `IRunLoop`, from its context or from the frame of a view. Windows: a timer of the thread's message
//! queue. macOS: a timer of the main run loop.

use std::sync::Arc;

use vst3::ComPtr;
use vst3::Steinberg::FUnknown;

use crate::hosted::Hosted;

pub(crate) use system::Ticker;

const PERIOD_MS: u32 = 20;

impl Ticker {
    /// Starts ticking for `hosted`, with the first of `contexts` that can; `None` if none does.
    pub(crate) fn new<'a>(hosted: &Arc<Hosted>, contexts: impl Iterator<Item = &'a ComPtr<FUnknown>>) -> Option<Self> {
        Self::start(hosted, contexts)
    }
}

#[cfg(all(unix, not(target_vendor = "apple")))]
mod system {
    use std::sync::{Arc, Weak};

    use vst3::Steinberg::FUnknown;
    use vst3::Steinberg::Linux::{IRunLoop, IRunLoopTrait, ITimerHandler, ITimerHandlerTrait};
    use vst3::Steinberg::kResultOk;
    use vst3::{Class, ComPtr, ComWrapper};

    use crate::hosted::Hosted;

    struct Handler(Weak<Hosted>);

    impl Class for Handler {
        type Interfaces = (ITimerHandler,);
    }

    impl ITimerHandlerTrait for Handler {
        unsafe fn onTimer(&self) {
            if let Some(hosted) = self.0.upgrade() {
                hosted.drain();
            }
        }
    }

    /// Registered until dropped.
    pub(crate) struct Ticker {
        run_loop: ComPtr<IRunLoop>,
        handler: ComPtr<ITimerHandler>,
    }

    impl Ticker {
        pub(super) fn start<'a>(
            hosted: &Arc<Hosted>,
            mut contexts: impl Iterator<Item = &'a ComPtr<FUnknown>>,
        ) -> Option<Self> {
            let run_loop = contexts.find_map(|context| context.cast::<IRunLoop>())?;
            let handler = ComWrapper::new(Handler(Arc::downgrade(hosted))).to_com_ptr::<ITimerHandler>()?;
            // SAFETY: both objects are alive.
            let result = unsafe { run_loop.registerTimer(handler.as_ptr(), super::PERIOD_MS.into()) };
            (result == kResultOk).then_some(Self { run_loop, handler })
        }
    }

    impl Drop for Ticker {
        fn drop(&mut self) {
            // SAFETY: both objects are alive.
            unsafe { self.run_loop.unregisterTimer(self.handler.as_ptr()) };
        }
    }
}

#[cfg(windows)]
mod system {
    use std::ffi::c_void;
    use std::sync::{Arc, Mutex, Weak};

    use vst3::ComPtr;
    use vst3::Steinberg::FUnknown;

    use crate::hosted::Hosted;
    use crate::sync::lock;

    type TimerProc = unsafe extern "system" fn(*mut c_void, u32, usize, u32);

    #[link(name = "user32")]
    unsafe extern "system" {
        fn SetTimer(window: *mut c_void, id: usize, milliseconds: u32, function: Option<TimerProc>) -> usize;
        fn KillTimer(window: *mut c_void, id: usize) -> i32;
    }

    static TIMERS: Mutex<Vec<(usize, Weak<Hosted>)>> = Mutex::new(Vec::new());

    unsafe extern "system" fn tick(_window: *mut c_void, _message: u32, id: usize, _time: u32) {
        let found = lock(&TIMERS)
            .iter()
            .find(|timer| timer.0 == id)
            .and_then(|timer| timer.1.upgrade());
        if let Some(hosted) = found {
            hosted.drain();
        }
    }

    /// Set until dropped.
    pub(crate) struct Ticker(usize);

    impl Ticker {
        pub(super) fn start<'a>(
            hosted: &Arc<Hosted>,
            _contexts: impl Iterator<Item = &'a ComPtr<FUnknown>>,
        ) -> Option<Self> {
            // SAFETY: a timer without a window belongs to this thread's queue; the function lives as long as the library.
            let id = unsafe { SetTimer(std::ptr::null_mut(), 0, super::PERIOD_MS, Some(tick)) };
            if id == 0 {
                return None;
            }
            lock(&TIMERS).push((id, Arc::downgrade(hosted)));
            Some(Self(id))
        }
    }

    impl Drop for Ticker {
        fn drop(&mut self) {
            lock(&TIMERS).retain(|timer| timer.0 != self.0);
            // SAFETY: the id came from `SetTimer`.
            unsafe { KillTimer(std::ptr::null_mut(), self.0) };
        }
    }
}

#[cfg(target_vendor = "apple")]
mod system {
    use std::ffi::c_void;
    use std::sync::{Arc, Weak};

    use vst3::ComPtr;
    use vst3::Steinberg::FUnknown;

    use crate::hosted::Hosted;

    /// `CFRunLoopTimerContext`.
    #[repr(C)]
    struct Context {
        version: isize,
        info: *mut c_void,
        retain: Option<extern "C" fn(*const c_void) -> *const c_void>,
        release: Option<unsafe extern "C" fn(*const c_void)>,
        describe: Option<extern "C" fn(*const c_void) -> *const c_void>,
    }

    #[link(name = "CoreFoundation", kind = "framework")]
    unsafe extern "C" {
        static kCFRunLoopCommonModes: *const c_void;
        fn CFAbsoluteTimeGetCurrent() -> f64;
        fn CFRunLoopGetMain() -> *mut c_void;
        fn CFRunLoopTimerCreate(
            allocator: *const c_void,
            first: f64,
            interval: f64,
            flags: usize,
            order: isize,
            function: unsafe extern "C" fn(*mut c_void, *mut c_void),
            context: *mut Context,
        ) -> *mut c_void;
        fn CFRunLoopAddTimer(run_loop: *mut c_void, timer: *mut c_void, mode: *const c_void);
        fn CFRunLoopTimerInvalidate(timer: *mut c_void);
        fn CFRelease(object: *const c_void);
    }

    unsafe extern "C" fn tick(_timer: *mut c_void, info: *mut c_void) {
        // SAFETY: `info` is the box given at creation, alive until the timer is.
        if let Some(hosted) = unsafe { &*info.cast::<Weak<Hosted>>() }.upgrade() {
            hosted.drain();
        }
    }

    unsafe extern "C" fn release(info: *const c_void) {
        // SAFETY: `info` came from `Box::into_raw`, and the timer releases it once.
        drop(unsafe { Box::from_raw(info.cast_mut().cast::<Weak<Hosted>>()) });
    }

    /// Scheduled until dropped.
    pub(crate) struct Ticker(*mut c_void);

    // SAFETY: run-loop timers may be invalidated and released from any thread.
    unsafe impl Send for Ticker {}

    impl Ticker {
        pub(super) fn start<'a>(
            hosted: &Arc<Hosted>,
            _contexts: impl Iterator<Item = &'a ComPtr<FUnknown>>,
        ) -> Option<Self> {
            let info = Box::into_raw(Box::new(Arc::downgrade(hosted))).cast();
            let mut context = Context {
                version: 0,
                info,
                retain: None,
                release: Some(release),
                describe: None,
            };
            let period = f64::from(super::PERIOD_MS) / 1000.0;
            // SAFETY: the functions live as long as the library, the context is copied.
            unsafe {
                let first = CFAbsoluteTimeGetCurrent() + period;
                let timer = CFRunLoopTimerCreate(std::ptr::null(), first, period, 0, 0, tick, &mut context);
                if timer.is_null() {
                    release(info);
                    return None;
                }
                CFRunLoopAddTimer(CFRunLoopGetMain(), timer, kCFRunLoopCommonModes);
                Some(Self(timer))
            }
        }
    }

    impl Drop for Ticker {
        fn drop(&mut self) {
            // SAFETY: the timer is ours and released once.
            unsafe {
                CFRunLoopTimerInvalidate(self.0);
                CFRelease(self.0);
            }
        }
    }
}
