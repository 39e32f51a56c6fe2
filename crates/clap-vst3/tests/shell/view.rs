//! The window in the host's frame, with the host's run loop.

use std::ffi::c_void;
use std::sync::Mutex;
use std::sync::atomic::Ordering;
use std::time::Duration;

use clap_sys::ext::gui::{CLAP_EXT_GUI, clap_host_gui};
use vst3::Steinberg::Linux::*;
use vst3::Steinberg::Vst::IEditControllerTrait;
use vst3::Steinberg::Vst::RestartFlags_::kLatencyChanged;
use vst3::Steinberg::*;
use vst3::{Class, ComPtr, ComRef, ComWrapper};

use crate::host::{Changes, FULL, Instance, Told};
use crate::plugin::{GAIN, LATENCY};

/// A frame that is a run loop as well; it answers a wish for another size as hosts do.
#[derive(Default)]
struct Frame {
    timers: Mutex<Vec<ComPtr<ITimerHandler>>>,
    sizes: Mutex<Vec<(i32, i32)>>,
}

impl Class for Frame {
    type Interfaces = (IPlugFrame, IRunLoop);
}

impl Frame {
    fn tick(&self) {
        let timers = self.timers.lock().unwrap().clone();
        for timer in timers {
            // SAFETY: a live object.
            unsafe { timer.onTimer() };
        }
    }

    fn count(&self) -> usize {
        self.timers.lock().unwrap().len()
    }
}

impl IPlugFrameTrait for Frame {
    unsafe fn resizeView(&self, view: *mut IPlugView, size: *mut ViewRect) -> tresult {
        // SAFETY: VST3's contract.
        unsafe {
            self.sizes.lock().unwrap().push(((*size).right, (*size).bottom));
            ComRef::from_raw(view).unwrap().onSize(size)
        }
    }
}

impl IRunLoopTrait for Frame {
    unsafe fn registerEventHandler(&self, _handler: *mut IEventHandler, _fd: FileDescriptor) -> tresult {
        kNotImplemented
    }

    unsafe fn unregisterEventHandler(&self, _handler: *mut IEventHandler) -> tresult {
        kNotImplemented
    }

    unsafe fn registerTimer(&self, handler: *mut ITimerHandler, _milliseconds: TimerInterval) -> tresult {
        // SAFETY: VST3's contract.
        self.timers
            .lock()
            .unwrap()
            .push(unsafe { ComRef::from_raw(handler) }.unwrap().to_com_ptr());
        kResultOk
    }

    unsafe fn unregisterTimer(&self, handler: *mut ITimerHandler) -> tresult {
        self.timers.lock().unwrap().retain(|timer| timer.as_ptr() != handler);
        kResultOk
    }
}

fn view(instance: &Instance) -> ComPtr<IPlugView> {
    // SAFETY: a live controller; what it returns is a counted reference.
    unsafe { ComPtr::from_raw(instance.controller.createView(c"editor".as_ptr())) }.unwrap()
}

fn rect(width: i32, height: i32) -> ViewRect {
    ViewRect {
        left: 0,
        top: 0,
        right: width,
        bottom: height,
    }
}

const PARENT: *mut c_void = std::ptr::without_provenance_mut(4242);
const X11: FIDString = c"X11EmbedWindowID".as_ptr();

#[test]
fn a_window_from_its_size_to_its_end() {
    let instance = Instance::new(&FULL);
    let view = view(&instance);
    let frame = ComWrapper::new(Frame::default());
    let pointer = frame.to_com_ptr::<IPlugFrame>().unwrap();
    // SAFETY: live objects.
    unsafe {
        assert_eq!(view.isPlatformTypeSupported(X11), kResultTrue);
        assert_eq!(view.isPlatformTypeSupported(c"HWND".as_ptr()), kResultFalse);
        assert_eq!(view.setFrame(pointer.as_ptr()), kResultTrue);
        let scale: ComPtr<IPlugViewContentScaleSupport> = view.cast().unwrap();
        assert_eq!(scale.setContentScaleFactor(1.5), kResultTrue);
        let mut size = rect(0, 0);
        assert_eq!(view.getSize(&mut size), kResultTrue);
        assert_eq!((size.right, size.bottom), (400, 300));
        assert_eq!(view.attached(PARENT, c"HWND".as_ptr()), kInvalidArgument);
        assert_eq!(view.attached(PARENT, X11), kResultTrue);
        let begin = [
            "gui create x11",
            "gui scale 1.5",
            "gui scale 1.5",
            "gui parent 4242",
            "gui show",
        ];
        assert_eq!(instance.probe.take_calls(), begin);

        assert_eq!(view.canResize(), kResultTrue);
        size = rect(10, 1000);
        assert_eq!(view.checkSizeConstraint(&mut size), kResultTrue);
        assert_eq!((size.right, size.bottom), (200, 1000));
        assert_eq!(view.onSize(&mut size), kResultTrue);
        assert_eq!(instance.probe.take_calls(), ["gui size 200 1000"]);
        let gui: &clap_host_gui = instance.probe.host_extension(CLAP_EXT_GUI);
        assert!(gui.request_resize.unwrap()(instance.probe.host(), 640, 480));
        frame.tick();
        assert_eq!(*frame.sizes.lock().unwrap(), [(640, 480)]);
        assert_eq!(instance.probe.take_calls(), ["gui size 640 480"]);

        let second = self::view(&instance);
        assert_eq!(second.attached(PARENT, X11), kResultFalse, "one window at a time");
        drop(second);
        assert!(instance.probe.take_calls().is_empty());

        assert_eq!(frame.count(), 1);
        assert_eq!(view.removed(), kResultTrue);
        assert_eq!(frame.count(), 0);
        assert_eq!(instance.probe.take_calls(), ["gui destroy"]);
        assert_eq!(view.attached(PARENT, X11), kResultTrue, "and once more");
        drop((view, scale));
        assert_eq!(instance.probe.take_calls().last().unwrap(), "gui destroy");
        assert!(instance.controller.createView(c"other".as_ptr()).is_null());
    }
    instance.finish();
}

#[test]
fn news_come_by_the_run_loop_and_never_from_the_helper_while_there_is_a_window() {
    let instance = Instance::new(&FULL);
    instance.start(64);
    let view = view(&instance);
    let frame = ComWrapper::new(Frame::default());
    let pointer = frame.to_com_ptr::<IPlugFrame>().unwrap();
    // SAFETY: live objects.
    unsafe {
        assert_eq!(view.setFrame(pointer.as_ptr()), kResultTrue);
        assert_eq!(view.attached(PARENT, X11), kResultTrue);
        let host = instance.probe.host();
        host.request_callback.unwrap()(host);
    }
    std::thread::sleep(Duration::from_millis(300));
    assert!(
        instance.probe.callbacks.lock().unwrap().is_empty(),
        "not from another thread than the window's"
    );
    frame.tick();
    assert_eq!(*instance.probe.callbacks.lock().unwrap(), [std::thread::current().id()]);
    instance.ones(64, Some(&Changes::make(&[(LATENCY, &[(0, 1.0)])])));
    frame.tick();
    let told = instance.handler.told.lock().unwrap().clone();
    assert_eq!(told, [(Told::Restart(kLatencyChanged), std::thread::current().id())]);
    instance.finish();
    drop(view);
}

#[test]
fn terminate_takes_the_window_along() {
    let instance = Instance::new(&FULL);
    let view = view(&instance);
    // SAFETY: live objects.
    unsafe {
        assert_eq!(view.attached(PARENT, X11), kResultTrue);
        instance.probe.take_calls();
        assert_eq!(instance.component.terminate(), kResultOk);
        assert_eq!(instance.probe.take_calls(), ["gui destroy"]);
        let mut size = rect(0, 0);
        assert_eq!(view.getSize(&mut size), kResultFalse);
        assert_eq!(view.removed(), kResultTrue);
    }
    assert!(instance.probe.take_calls().is_empty(), "not twice");
    instance.finish();
}

/// A context with a run loop: no helper, no window needed.
#[test]
fn a_run_loop_of_the_host_itself_is_used() {
    let frame = ComWrapper::new(Frame::default());
    let context = frame.to_com_ptr::<FUnknown>().unwrap();
    let instance = Instance::with_context(&FULL, context);
    assert_eq!(frame.count(), 1);
    instance.start(64);
    instance.ones(64, Some(&Changes::make(&[(GAIN, &[(0, 0.0)]), (LATENCY, &[(0, 1.0)])])));
    frame.tick();
    assert_eq!(instance.handler.take(), [Told::Restart(kLatencyChanged)]);
    assert_eq!(instance.handler.latency.load(Ordering::Relaxed), 4096);
    instance.finish();
    assert_eq!(frame.count(), 0);
}
