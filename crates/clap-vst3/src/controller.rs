//! `IEditController`: parameters and the view.
//!
//! Values set while the plugin is active go to a cell only: the host sends them with a block too, and a second copy might
//! be older. What no block brings is handed over before the next activation.

use std::ffi::CStr;

use clap_sys::ext::params::{
    CLAP_PARAM_IS_AUTOMATABLE, CLAP_PARAM_IS_BYPASS, CLAP_PARAM_IS_ENUM, CLAP_PARAM_IS_HIDDEN, CLAP_PARAM_IS_PERIODIC,
    CLAP_PARAM_IS_READONLY,
};
use vst3::ComRef;
use vst3::Steinberg::Vst::ParameterInfo_::ParameterFlags_ as Flag;
use vst3::Steinberg::Vst::{
    IComponentHandler, IEditControllerTrait, ParamID, ParamValue, ParameterInfo, String128, TChar, kRootUnitId,
};
use vst3::Steinberg::{
    FIDString, IBStream, IPlugView, kInvalidArgument, kNotImplemented, kNotInitialized, kResultFalse, kResultOk,
    tresult,
};

use crate::param_text;
use crate::params::Scale;
use crate::shell::Shell;
use crate::strings::{from_utf16, put_utf16};
use crate::sync::lock;
use crate::view::View;

/// Longest text a host may hand over to be parsed.
const TEXT: usize = 128;

fn flags(scale: &Scale) -> i32 {
    let pairs = [
        (CLAP_PARAM_IS_BYPASS, Flag::kIsBypass),
        (CLAP_PARAM_IS_ENUM, Flag::kIsList),
        (CLAP_PARAM_IS_HIDDEN, Flag::kIsHidden),
        (CLAP_PARAM_IS_PERIODIC, Flag::kIsWrapAround),
        (CLAP_PARAM_IS_READONLY, Flag::kIsReadOnly),
    ];
    let can_automate = scale.flags & CLAP_PARAM_IS_AUTOMATABLE != 0 && !scale.is_read_only();
    let first = if can_automate {
        Flag::kCanAutomate
    } else {
        Flag::kNoFlags
    };
    pairs
        .iter()
        .filter(|(clap, _)| scale.flags & clap != 0)
        .fold(first, |all, (_, flag)| all | flag)
}

impl IEditControllerTrait for Shell {
    unsafe fn setComponentState(&self, _state: *mut IBStream) -> tresult {
        // One object: the component has read it.
        kResultOk
    }

    unsafe fn setState(&self, _state: *mut IBStream) -> tresult {
        kNotImplemented
    }

    unsafe fn getState(&self, _state: *mut IBStream) -> tresult {
        kNotImplemented
    }

    unsafe fn getParameterCount(&self) -> i32 {
        self.hosted().map_or(0, |hosted| hosted.table().params.len() as i32)
    }

    unsafe fn getParameterInfo(&self, index: i32, info: *mut ParameterInfo) -> tresult {
        let Some(hosted) = self.hosted() else {
            return kNotInitialized;
        };
        let table = hosted.table();
        let param = usize::try_from(index)
            .ok()
            .and_then(|at| table.params.get(at).zip(table.cells.scales.get(at)));
        // SAFETY: null or writable, by VST3's contract.
        let (Some((param, scale)), Some(info)) = (param, unsafe { info.as_mut() }) else {
            return kInvalidArgument;
        };
        info.id = scale.id;
        put_utf16(&param.name, &mut info.title);
        put_utf16(&param.short_name, &mut info.shortTitle);
        put_utf16(&param.unit, &mut info.units);
        info.stepCount = scale.steps();
        info.defaultNormalizedValue = param.default;
        info.unitId = kRootUnitId;
        info.flags = flags(scale);
        kResultOk
    }

    unsafe fn getParamStringByValue(&self, id: ParamID, normalized: ParamValue, out: *mut String128) -> tresult {
        let Some(hosted) = self.hosted() else {
            return kNotInitialized;
        };
        let table = hosted.table();
        // SAFETY: null or writable, by VST3's contract.
        let (Some((param, scale, _)), Some(out)) = (table.find(id), unsafe { out.as_mut() }) else {
            return kInvalidArgument;
        };
        let text = hosted
            .call(|plugin| param_text::text(plugin, scale, &param.unit, normalized))
            .flatten();
        hosted.after_main_call();
        let Some(text) = text else { return kResultFalse };
        put_utf16(&text, out);
        kResultOk
    }

    unsafe fn getParamValueByString(&self, id: ParamID, text: *mut TChar, out: *mut ParamValue) -> tresult {
        let Some(hosted) = self.hosted() else {
            return kNotInitialized;
        };
        let table = hosted.table();
        // SAFETY: null or writable, by VST3's contract.
        let (Some((param, scale, _)), Some(out)) = (table.find(id), unsafe { out.as_mut() }) else {
            return kInvalidArgument;
        };
        // SAFETY: null or NUL-terminated, by VST3's contract.
        let text = unsafe { from_utf16(text, TEXT) };
        let value = hosted
            .call(|plugin| param_text::parse(plugin, scale, &param.unit, &text))
            .flatten();
        hosted.after_main_call();
        let Some(value) = value else { return kResultFalse };
        *out = value;
        kResultOk
    }

    unsafe fn normalizedParamToPlain(&self, id: ParamID, normalized: ParamValue) -> ParamValue {
        let Some(hosted) = self.hosted() else { return normalized };
        let table = hosted.table();
        let Some((_, scale, _)) = table.find(id) else {
            return normalized;
        };
        hosted
            .call(|plugin| param_text::to_plain(plugin, scale, normalized))
            .unwrap_or(normalized)
    }

    unsafe fn plainParamToNormalized(&self, id: ParamID, plain: ParamValue) -> ParamValue {
        let Some(hosted) = self.hosted() else { return plain };
        let table = hosted.table();
        let Some((_, scale, _)) = table.find(id) else {
            return plain;
        };
        hosted
            .call(|plugin| param_text::from_plain(plugin, scale, plain))
            .unwrap_or(plain)
    }

    unsafe fn getParamNormalized(&self, id: ParamID) -> ParamValue {
        let Some(hosted) = self.hosted() else { return 0.0 };
        let value = hosted.table().find(id).map_or(0.0, |(_, _, cell)| cell.get());
        hosted.after_main_call();
        value
    }

    unsafe fn setParamNormalized(&self, id: ParamID, normalized: ParamValue) -> tresult {
        let Some(hosted) = self.hosted() else {
            return kNotInitialized;
        };
        let table = hosted.table();
        let Some((_, scale, cell)) = table.find(id).filter(|_| !normalized.is_nan()) else {
            return kInvalidArgument;
        };
        if scale.is_read_only() {
            return kResultFalse;
        }
        let normalized = normalized.clamp(0.0, 1.0);
        cell.set(normalized);
        if hosted.is_active() {
            cell.mark();
        } else {
            hosted.flush_one(scale.event(0, normalized));
        }
        hosted.after_main_call();
        kResultOk
    }

    unsafe fn setComponentHandler(&self, handler: *mut IComponentHandler) -> tresult {
        // SAFETY: null or a live object, by VST3's contract.
        let handler = unsafe { ComRef::from_raw(handler) }.map(|handler| handler.to_com_ptr());
        let old = std::mem::replace(&mut *lock(&self.link.handler), handler);
        // Released with nothing locked.
        drop(old);
        kResultOk
    }

    unsafe fn createView(&self, name: FIDString) -> *mut IPlugView {
        // SAFETY: null or NUL-terminated, by VST3's contract.
        let is_editor = !name.is_null() && unsafe { CStr::from_ptr(name) } == c"editor";
        let view = self
            .hosted()
            .filter(|_| is_editor)
            .and_then(|hosted| View::create(&hosted));
        view.map_or(std::ptr::null_mut(), |view| view.into_raw())
    }
}
