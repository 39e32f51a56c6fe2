//! A small VST3 host in the test's own process.

use std::cell::Cell;
use std::ffi::c_void;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::ThreadId;
use std::time::{Duration, Instant};

use vst3::Steinberg::Vst::*;
use vst3::Steinberg::*;
use vst3::{Class, ComPtr, ComWrapper, Interface};

use crate::alloc::counted;
use crate::plugin::{Probe, last_probe};

unsafe extern "system" {
    fn GetPluginFactory() -> *mut c_void;
    fn ModuleEntry(library: *mut c_void) -> bool;
    fn ModuleExit() -> bool;
}

pub fn enter() -> bool {
    // SAFETY: the function that `export_vst3!` made.
    unsafe { ModuleEntry(null_mut()) }
}

pub fn exit() -> bool {
    // SAFETY: as above.
    unsafe { ModuleExit() }
}

pub fn factory() -> ComPtr<IPluginFactory3> {
    // SAFETY: as above; what it returns is a counted reference.
    let factory = unsafe { ComPtr::<IPluginFactory>::from_raw(GetPluginFactory().cast()) }.unwrap();
    factory.cast().unwrap()
}

/// What the host was told, in order.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Told {
    Begin(u32),
    Perform(u32, f64),
    End(u32),
    Restart(i32),
    Dirty,
}

/// `IComponentHandler`, which upon `kLatencyChanged` asks for the latency as hosts do, if `asks` is set.
pub struct Handler {
    pub told: Mutex<Vec<(Told, ThreadId)>>,
    processor: Mutex<Option<ComPtr<IAudioProcessor>>>,
    pub latency: AtomicU32,
    pub asks: AtomicBool,
}

impl Class for Handler {
    type Interfaces = (IComponentHandler, IComponentHandler2);
}

impl Handler {
    fn tell(&self, told: Told) -> tresult {
        self.told.lock().unwrap().push((told, std::thread::current().id()));
        kResultOk
    }

    /// Lets go of the plugin.
    pub fn drop_processor(&self) {
        self.processor.lock().unwrap().take();
    }

    pub fn take(&self) -> Vec<Told> {
        std::mem::take(&mut *self.told.lock().unwrap())
            .into_iter()
            .map(|(told, _)| told)
            .collect()
    }

    /// Waits until something was told; the thread on which.
    pub fn wait(&self) -> (Vec<Told>, ThreadId) {
        let start = Instant::now();
        loop {
            let first = self.told.lock().unwrap().first().copied();
            if let Some((_, thread)) = first {
                return (self.take(), thread);
            }
            assert!(start.elapsed() < Duration::from_secs(5), "nothing was told");
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

impl IComponentHandlerTrait for Handler {
    unsafe fn beginEdit(&self, id: u32) -> tresult {
        self.tell(Told::Begin(id))
    }

    unsafe fn performEdit(&self, id: u32, value: f64) -> tresult {
        self.tell(Told::Perform(id, value))
    }

    unsafe fn endEdit(&self, id: u32) -> tresult {
        self.tell(Told::End(id))
    }

    unsafe fn restartComponent(&self, flags: i32) -> tresult {
        if self.asks.load(Ordering::Relaxed) {
            let processor = self.processor.lock().unwrap().clone().unwrap();
            // SAFETY: the processor is alive.
            self.latency
                .store(unsafe { processor.getLatencySamples() }, Ordering::Relaxed);
        }
        self.tell(Told::Restart(flags))
    }
}

impl IComponentHandler2Trait for Handler {
    unsafe fn setDirty(&self, _state: TBool) -> tresult {
        self.tell(Told::Dirty)
    }

    unsafe fn requestOpenEditor(&self, _name: FIDString) -> tresult {
        kNotImplemented
    }

    unsafe fn startGroupEdit(&self) -> tresult {
        kNotImplemented
    }

    unsafe fn finishGroupEdit(&self) -> tresult {
        kNotImplemented
    }
}

struct Application;

impl Class for Application {
    type Interfaces = (IHostApplication,);
}

impl IHostApplicationTrait for Application {
    unsafe fn getName(&self, name: *mut String128) -> tresult {
        for (at, unit) in "Töst Host\0".encode_utf16().enumerate() {
            // SAFETY: writable by VST3's contract.
            unsafe { (*name)[at] = unit };
        }
        kResultOk
    }

    unsafe fn createInstance(&self, _cid: *mut TUID, _iid: *mut TUID, _obj: *mut *mut c_void) -> tresult {
        kNotImplemented
    }
}

/// A stream that reads and writes at most `piece` bytes at once, and answers `kResultFalse` at its end.
pub struct Stream {
    pub bytes: Mutex<Vec<u8>>,
    at: Mutex<usize>,
    piece: usize,
}

impl Class for Stream {
    type Interfaces = (IBStream,);
}

impl Stream {
    pub fn new(bytes: &[u8], piece: usize) -> ComWrapper<Self> {
        ComWrapper::new(Self {
            bytes: Mutex::new(bytes.to_vec()),
            at: Mutex::new(0),
            piece,
        })
    }
}

impl IBStreamTrait for Stream {
    unsafe fn read(&self, buffer: *mut c_void, size: i32, count: *mut i32) -> tresult {
        let bytes = self.bytes.lock().unwrap();
        let mut at = self.at.lock().unwrap();
        let length = (size as usize).min(self.piece).min(bytes.len() - *at);
        // SAFETY: VST3's contract.
        unsafe {
            std::ptr::copy_nonoverlapping(bytes[*at..].as_ptr(), buffer.cast(), length);
            *count = length as i32;
        }
        *at += length;
        if *at == bytes.len() { kResultFalse } else { kResultOk }
    }

    unsafe fn write(&self, buffer: *mut c_void, size: i32, count: *mut i32) -> tresult {
        let length = (size as usize).min(self.piece);
        // SAFETY: VST3's contract.
        unsafe {
            self.bytes
                .lock()
                .unwrap()
                .extend_from_slice(std::slice::from_raw_parts(buffer.cast(), length));
            *count = length as i32;
        }
        kResultOk
    }

    unsafe fn seek(&self, _position: i64, _mode: i32, _result: *mut i64) -> tresult {
        kNotImplemented
    }

    unsafe fn tell(&self, _position: *mut i64) -> tresult {
        kNotImplemented
    }
}

/// One parameter's points: `(offset, normalised value)`.
pub struct Queue {
    id: u32,
    points: Vec<(i32, f64)>,
}

impl Class for Queue {
    type Interfaces = (IParamValueQueue,);
}

impl IParamValueQueueTrait for Queue {
    unsafe fn getParameterId(&self) -> u32 {
        self.id
    }

    unsafe fn getPointCount(&self) -> i32 {
        self.points.len() as i32
    }

    unsafe fn getPoint(&self, index: i32, offset: *mut i32, value: *mut f64) -> tresult {
        let Some(point) = self.points.get(index as usize) else {
            return kInvalidArgument;
        };
        // SAFETY: VST3's contract.
        unsafe { (*offset, *value) = *point };
        kResultOk
    }

    unsafe fn addPoint(&self, _offset: i32, _value: f64, _index: *mut i32) -> tresult {
        kNotImplemented
    }
}

/// Queues of a block; a `None` is a null queue.
pub struct Changes(Vec<Option<ComPtr<IParamValueQueue>>>);

impl Class for Changes {
    type Interfaces = (IParameterChanges,);
}

impl Changes {
    pub fn make(queues: &[(u32, &[(i32, f64)])]) -> ComPtr<IParameterChanges> {
        let queue = |(id, points): &(u32, &[(i32, f64)])| {
            ComWrapper::new(Queue {
                id: *id,
                points: points.to_vec(),
            })
            .to_com_ptr::<IParamValueQueue>()
        };
        let queues = queues.iter().map(queue).chain([None]).collect();
        ComWrapper::new(Self(queues)).to_com_ptr().unwrap()
    }
}

impl IParameterChangesTrait for Changes {
    unsafe fn getParameterCount(&self) -> i32 {
        self.0.len() as i32
    }

    unsafe fn getParameterData(&self, index: i32) -> *mut IParamValueQueue {
        self.0[index as usize].as_ref().map_or(null_mut(), ComPtr::as_ptr)
    }

    unsafe fn addParameterData(&self, _id: *const u32, _index: *mut i32) -> *mut IParamValueQueue {
        null_mut()
    }
}

/// One bus of a block: its channels, each possibly null, or no array at all.
#[derive(Clone, Default)]
pub struct Bus {
    pub channels: Vec<Option<Vec<f32>>>,
    pub no_array: bool,
    pub silent: u64,
}

impl Bus {
    pub fn new(channels: &[&[f32]]) -> Self {
        Self {
            channels: channels.iter().map(|channel| Some(channel.to_vec())).collect(),
            ..Self::default()
        }
    }

    /// `channels` channels of `frames` frames at `value`.
    pub fn constant(channels: usize, frames: usize, value: f32) -> Self {
        Self {
            channels: vec![Some(vec![value; frames]); channels],
            ..Self::default()
        }
    }

    pub fn channel(&self, index: usize) -> &[f32] {
        self.channels[index].as_ref().unwrap()
    }
}

/// A plugin in this host.
pub struct Instance {
    pub component: ComPtr<IComponent>,
    pub processor: ComPtr<IAudioProcessor>,
    pub controller: ComPtr<IEditController>,
    pub handler: ComWrapper<Handler>,
    pub probe: Arc<Probe>,
    pub allocations: Cell<usize>,
    pub context: ComPtr<FUnknown>,
}

pub const FULL: [u8; 16] = *b"ClapVst3TestFull";
pub const PLAIN: [u8; 16] = *b"ClapVst3TestText";

/// Bytes of a class id as this system passes them.
pub fn class_id(id: &[u8; 16]) -> TUID {
    let word = |at: usize| u32::from_be_bytes(id[at..at + 4].try_into().unwrap());
    vst3::uid(word(0), word(4), word(8), word(12))
}

impl Instance {
    /// Created, not initialised.
    fn create(id: &[u8; 16]) -> ComPtr<IComponent> {
        let cid = class_id(id);
        let mut object = null_mut();
        // SAFETY: valid ids and a writable pointer.
        let result = unsafe { factory().createInstance(cid.as_ptr(), IComponent::IID.as_ptr().cast(), &mut object) };
        assert_eq!(result, kResultOk);
        // SAFETY: a success gives a counted reference.
        unsafe { ComPtr::from_raw(object.cast()) }.unwrap()
    }

    pub fn new(id: &[u8; 16]) -> Self {
        Self::with_context(id, ComWrapper::new(Application).to_com_ptr::<FUnknown>().unwrap())
    }

    pub fn with_context(id: &[u8; 16], context: ComPtr<FUnknown>) -> Self {
        let component = Self::create(id);
        // SAFETY: a live component.
        assert_eq!(unsafe { component.initialize(context.as_ptr()) }, kResultOk);
        let processor: ComPtr<IAudioProcessor> = component.cast().unwrap();
        let handler = ComWrapper::new(Handler {
            told: Mutex::new(Vec::new()),
            processor: Mutex::new(Some(processor.clone())),
            latency: AtomicU32::new(0),
            asks: AtomicBool::new(true),
        });
        let controller: ComPtr<IEditController> = component.cast().unwrap();
        let instance = Self {
            processor,
            controller,
            handler,
            probe: last_probe(),
            allocations: Cell::new(0),
            component,
            context,
        };
        instance.connect();
        instance
    }

    pub fn connect(&self) {
        let handler = self.handler.to_com_ptr::<IComponentHandler>().unwrap();
        // SAFETY: live objects.
        let result = unsafe { self.controller.setComponentHandler(handler.as_ptr()) };
        assert_eq!(result, kResultOk);
    }

    pub fn arrange(&self, inputs: &[SpeakerArrangement], outputs: &[SpeakerArrangement]) -> bool {
        let (mut inputs, mut outputs) = (inputs.to_vec(), outputs.to_vec());
        let (ins, outs) = (inputs.len() as i32, outputs.len() as i32);
        // SAFETY: arrays of the lengths given.
        unsafe {
            self.processor
                .setBusArrangements(inputs.as_mut_ptr(), ins, outputs.as_mut_ptr(), outs)
                == kResultTrue
        }
    }

    pub fn setup(&self, max: i32, mode: ProcessModes) -> tresult {
        self.setup_at(48_000.0, max, mode)
    }

    pub fn setup_at(&self, rate: f64, max: i32, mode: ProcessModes) -> tresult {
        let mut setup = ProcessSetup {
            processMode: mode as i32,
            symbolicSampleSize: SymbolicSampleSizes_::kSample32 as i32,
            maxSamplesPerBlock: max,
            sampleRate: rate,
        };
        // SAFETY: a valid setup.
        unsafe { self.processor.setupProcessing(&mut setup) }
    }

    pub fn set_active(&self, active: bool) {
        // SAFETY: a live component.
        assert_eq!(unsafe { self.component.setActive(active.into()) }, kResultOk);
    }

    /// Set up for blocks of up to `max` frames, active.
    pub fn start(&self, max: i32) {
        assert_eq!(self.setup(max, ProcessModes_::kRealtime), kResultOk);
        self.set_active(true);
    }

    /// One block; its allocations are added up.
    pub fn process(
        &self,
        frames: i32,
        inputs: &mut [Bus],
        outputs: &mut [Bus],
        changes: Option<&ComPtr<IParameterChanges>>,
    ) -> tresult {
        let pointers = |buses: &mut [Bus]| -> Vec<Vec<*mut f32>> {
            let channel =
                |channel: &mut Option<Vec<f32>>| channel.as_mut().map_or(null_mut(), |data| data.as_mut_ptr());
            buses
                .iter_mut()
                .map(|bus| bus.channels.iter_mut().map(channel).collect())
                .collect()
        };
        let (mut input_pointers, mut output_pointers) = (pointers(inputs), pointers(outputs));
        let raw = |buses: &[Bus], pointers: &mut [Vec<*mut f32>]| -> Vec<AudioBusBuffers> {
            buses
                .iter()
                .zip(pointers)
                .map(|(bus, pointers)| AudioBusBuffers {
                    numChannels: pointers.len() as i32,
                    silenceFlags: bus.silent,
                    __field0: AudioBusBuffers__type0 {
                        channelBuffers32: if bus.no_array {
                            null_mut()
                        } else {
                            pointers.as_mut_ptr()
                        },
                    },
                })
                .collect()
        };
        let mut raw_inputs = raw(inputs, &mut input_pointers);
        let mut raw_outputs = raw(outputs, &mut output_pointers);
        let result = self.process_raw(frames, &mut raw_inputs, &mut raw_outputs, changes, null_mut());
        for (bus, raw) in outputs.iter_mut().zip(&raw_outputs) {
            bus.silent = raw.silenceFlags;
        }
        result
    }

    pub fn process_raw(
        &self,
        frames: i32,
        inputs: &mut [AudioBusBuffers],
        outputs: &mut [AudioBusBuffers],
        changes: Option<&ComPtr<IParameterChanges>>,
        context: *mut ProcessContext,
    ) -> tresult {
        let array = |buses: &mut [AudioBusBuffers]| {
            if buses.is_empty() {
                null_mut()
            } else {
                buses.as_mut_ptr()
            }
        };
        let mut data = ProcessData {
            processMode: ProcessModes_::kRealtime as i32,
            symbolicSampleSize: SymbolicSampleSizes_::kSample32 as i32,
            numSamples: frames,
            numInputs: inputs.len() as i32,
            numOutputs: outputs.len() as i32,
            inputs: array(inputs),
            outputs: array(outputs),
            inputParameterChanges: changes.map_or(null_mut(), ComPtr::as_ptr),
            outputParameterChanges: null_mut(),
            inputEvents: null_mut(),
            outputEvents: null_mut(),
            processContext: context,
        };
        // SAFETY: everything in `data` is null or valid.
        let (result, allocations) = counted(|| unsafe { self.processor.process(&mut data) });
        self.allocations.set(self.allocations.get() + allocations);
        result
    }

    /// A stereo block of ones with a silent side-chain; what comes out on the left.
    pub fn ones(&self, frames: usize, changes: Option<&ComPtr<IParameterChanges>>) -> Vec<f32> {
        let mut inputs = [Bus::constant(2, frames, 1.0), Bus::constant(2, frames, 0.0)];
        let mut outputs = [Bus::constant(2, frames, 9.0)];
        assert_eq!(
            self.process(frames as i32, &mut inputs, &mut outputs, changes),
            kResultOk
        );
        outputs[0].channel(0).to_vec()
    }

    /// The normalised value that the host sees.
    pub fn value(&self, id: u32) -> f64 {
        // SAFETY: a live controller.
        unsafe { self.controller.getParamNormalized(id) }
    }

    pub fn set(&self, id: u32, value: f64) {
        // SAFETY: a live controller.
        assert_eq!(unsafe { self.controller.setParamNormalized(id, value) }, kResultOk);
    }

    /// The state, taken in pieces of `piece` bytes.
    pub fn state(&self, piece: usize) -> Vec<u8> {
        let stream = Stream::new(&[], piece);
        let pointer = stream.to_com_ptr::<IBStream>().unwrap();
        // SAFETY: live objects.
        assert_eq!(unsafe { self.component.getState(pointer.as_ptr()) }, kResultOk);
        stream.bytes.lock().unwrap().clone()
    }

    pub fn set_state(&self, bytes: &[u8], piece: usize) -> tresult {
        let pointer = Stream::new(bytes, piece).to_com_ptr::<IBStream>().unwrap();
        // SAFETY: live objects.
        unsafe { self.component.setState(pointer.as_ptr()) }
    }

    /// The test's own checks at its end: nothing allocated in `process`, no call on a wrong thread.
    pub fn finish(self) {
        assert_eq!(self.allocations.get(), 0, "allocations in process");
        assert!(
            !self.probe.wrong_thread.load(Ordering::Relaxed),
            "a call on the wrong thread"
        );
        self.handler.drop_processor();
        let probe = self.probe.clone();
        // SAFETY: a live component.
        unsafe { self.component.terminate() };
        assert!(probe.destroyed.load(Ordering::Relaxed));
    }
}
