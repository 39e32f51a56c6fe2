//! `IComponent`: buses, activation and state.

use vst3::Steinberg::Vst::BusDirections_::kInput;
use vst3::Steinberg::Vst::BusInfo_::BusFlags_::kDefaultActive;
use vst3::Steinberg::Vst::BusTypes_::{kAux, kMain};
use vst3::Steinberg::Vst::MediaTypes_::kAudio;
use vst3::Steinberg::Vst::{BusDirection, BusInfo, IComponentTrait, IoMode, MediaType, RoutingInfo};
use vst3::Steinberg::{
    IBStream, TBool, TUID, kInvalidArgument, kNotImplemented, kNotInitialized, kResultFalse, kResultOk, tresult,
};

use crate::shell::Shell;
use crate::state;
use crate::strings::put_utf16;
use crate::sync::lock;

// The constants' types differ between systems, hence the casts at each use.

impl IComponentTrait for Shell {
    unsafe fn getControllerClassId(&self, _class_id: *mut TUID) -> tresult {
        // One object: the host asks it for `IEditController`.
        kNotImplemented
    }

    unsafe fn setIoMode(&self, _mode: IoMode) -> tresult {
        kNotImplemented
    }

    unsafe fn getBusCount(&self, media: MediaType, direction: BusDirection) -> i32 {
        let Some(hosted) = self.hosted().filter(|_| media == kAudio as i32) else {
            return 0;
        };
        lock(&hosted.layouts).buses(direction == kInput as i32).len() as i32
    }

    unsafe fn getBusInfo(&self, media: MediaType, direction: BusDirection, index: i32, info: *mut BusInfo) -> tresult {
        let Some(hosted) = self.hosted() else {
            return kNotInitialized;
        };
        let input = direction == kInput as i32;
        let layouts = lock(&hosted.layouts);
        let port = usize::try_from(index)
            .ok()
            .and_then(|bus| layouts.buses(input).get(bus).map(|port| (bus, port)));
        // SAFETY: null or writable, by VST3's contract.
        let (Some((bus, port)), Some(info), true) = (port, unsafe { info.as_mut() }, media == kAudio as i32) else {
            return kInvalidArgument;
        };
        info.mediaType = media;
        info.direction = direction;
        info.channelCount = layouts.arrangement(input, bus).unwrap_or(0).count_ones() as i32;
        put_utf16(&port.name, &mut info.name);
        info.busType = if bus == 0 && port.is_main {
            kMain as i32
        } else {
            kAux as i32
        };
        // Side-chains too: simple hosts offer only what is active by default.
        info.flags = kDefaultActive as u32;
        kResultOk
    }

    unsafe fn getRoutingInfo(&self, _in_info: *mut RoutingInfo, _out_info: *mut RoutingInfo) -> tresult {
        kNotImplemented
    }

    unsafe fn activateBus(&self, media: MediaType, direction: BusDirection, index: i32, state: TBool) -> tresult {
        let Some(hosted) = self.hosted() else {
            return kNotInitialized;
        };
        let input = direction == kInput as i32;
        let buses = lock(&hosted.layouts).buses(input).len();
        let Some(bus) = usize::try_from(index)
            .ok()
            .filter(|bus| *bus < buses && media == kAudio as i32)
        else {
            return kInvalidArgument;
        };
        if input {
            let off = &mut lock(&self.setup).inputs_off;
            off.resize(buses, false);
            off[bus] = state == 0;
        }
        kResultOk
    }

    unsafe fn setActive(&self, state: TBool) -> tresult {
        let Some(hosted) = self.hosted() else {
            return kNotInitialized;
        };
        if state != 0 {
            return self.activate(&hosted);
        }
        self.deactivate(&hosted);
        kResultOk
    }

    unsafe fn setState(&self, stream: *mut IBStream) -> tresult {
        let Some(hosted) = self.hosted() else {
            return kNotInitialized;
        };
        // SAFETY: null or a live stream, by VST3's contract.
        let Some(bytes) = (unsafe { state::read(stream) }) else {
            return kInvalidArgument;
        };
        if bytes.is_empty() {
            return kResultFalse;
        }
        let loaded = hosted.call(|plugin| {
            let loaded = plugin.load(&bytes);
            hosted.table().cells.refresh(plugin);
            loaded
        });
        if loaded == Some(true) { kResultOk } else { kResultFalse }
    }

    unsafe fn getState(&self, stream: *mut IBStream) -> tresult {
        let Some(hosted) = self.hosted() else {
            return kNotInitialized;
        };
        let Some(bytes) = hosted.call(|plugin| plugin.save()).flatten() else {
            return kResultFalse;
        };
        // SAFETY: null or a live stream, by VST3's contract.
        if unsafe { state::write(stream, &bytes) } {
            kResultOk
        } else {
            kResultFalse
        }
    }
}
