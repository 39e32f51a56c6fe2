//! `IPluginFactory` 1 to 3: the classes of the module, and their instances.

use std::ffi::c_void;
use std::sync::Mutex;

use vst3::Steinberg::PClassInfo_::ClassCardinality_::kManyInstances;
use vst3::Steinberg::PFactoryInfo_::FactoryFlags_::kUnicode;
use vst3::Steinberg::{
    FIDString, FUnknown, IPluginFactory2Trait, IPluginFactory3, IPluginFactory3Trait, IPluginFactoryTrait, PClassInfo,
    PClassInfo2, PClassInfoW, PFactoryInfo, TUID, kInvalidArgument, kResultOk, tresult,
};
use vst3::{Class, ComPtr, ComRef, ComWrapper};

use crate::module::{Module, PluginInfo};
use crate::shell::Shell;
use crate::strings::{put_utf8, put_utf16};
use crate::sync::lock;

const CATEGORY: &str = "Audio Module Class";
const SDK_VERSION: &str = "VST 3.7.14";

pub(crate) struct Factory {
    module: &'static Module,
    context: Mutex<Option<ComPtr<FUnknown>>>,
}

impl Class for Factory {
    type Interfaces = (IPluginFactory3,);
}

impl Factory {
    pub(crate) fn new(module: &'static Module) -> Self {
        Self {
            module,
            context: Mutex::new(None),
        }
    }

    fn plugin(&self, index: i32) -> Option<(&'static PluginInfo, String, String)> {
        let plugin = self.module.plugins().get(usize::try_from(index).ok()?)?;
        let (name, version) = self.module.name_and_version(plugin)?;
        let version = if plugin.version.is_empty() {
            version
        } else {
            plugin.version.to_owned()
        };
        Some((plugin, name, version))
    }
}

impl IPluginFactoryTrait for Factory {
    unsafe fn getFactoryInfo(&self, info: *mut PFactoryInfo) -> tresult {
        // SAFETY: null or writable, by VST3's contract.
        let (Some(info), Some(plugin)) = (unsafe { info.as_mut() }, self.module.plugins().first()) else {
            return kInvalidArgument;
        };
        put_utf8(plugin.vendor, &mut info.vendor);
        put_utf8(plugin.url, &mut info.url);
        put_utf8(plugin.email, &mut info.email);
        info.flags = kUnicode as i32;
        kResultOk
    }

    unsafe fn countClasses(&self) -> i32 {
        self.module.plugins().len() as i32
    }

    unsafe fn getClassInfo(&self, index: i32, info: *mut PClassInfo) -> tresult {
        // SAFETY: null or writable, by VST3's contract.
        let (Some(info), Some((plugin, name, _))) = (unsafe { info.as_mut() }, self.plugin(index)) else {
            return kInvalidArgument;
        };
        info.cid = plugin.tuid();
        info.cardinality = kManyInstances as i32;
        put_utf8(CATEGORY, &mut info.category);
        put_utf8(&name, &mut info.name);
        kResultOk
    }

    unsafe fn createInstance(&self, cid: FIDString, iid: FIDString, obj: *mut *mut c_void) -> tresult {
        if cid.is_null() || iid.is_null() || obj.is_null() {
            return kInvalidArgument;
        }
        // SAFETY: writable by VST3's contract; null on failure is COM's rule.
        unsafe { *obj = std::ptr::null_mut() };
        // SAFETY: a class id is 16 bytes at any alignment.
        let cid = unsafe { cid.cast::<TUID>().read_unaligned() };
        let Some(plugin) = self.module.plugins().iter().find(|plugin| plugin.tuid() == cid) else {
            return kInvalidArgument;
        };
        let shell = ComWrapper::new(Shell::new(self.module, plugin, lock(&self.context).clone()));
        let Some(unknown) = shell.to_com_ptr::<FUnknown>() else {
            return kInvalidArgument;
        };
        let pointer = unknown.as_ptr();
        // SAFETY: `unknown` is alive, `iid` is 16 bytes, `obj` is writable; a success adds the caller's reference.
        unsafe { ((*(*pointer).vtbl).queryInterface)(pointer, iid.cast(), obj) }
    }
}

impl IPluginFactory2Trait for Factory {
    unsafe fn getClassInfo2(&self, index: i32, info: *mut PClassInfo2) -> tresult {
        // SAFETY: null or writable, by VST3's contract.
        let (Some(info), Some((plugin, name, version))) = (unsafe { info.as_mut() }, self.plugin(index)) else {
            return kInvalidArgument;
        };
        info.cid = plugin.tuid();
        info.cardinality = kManyInstances as i32;
        info.classFlags = 0;
        put_utf8(CATEGORY, &mut info.category);
        put_utf8(&name, &mut info.name);
        put_utf8(plugin.sub_categories, &mut info.subCategories);
        put_utf8(plugin.vendor, &mut info.vendor);
        put_utf8(&version, &mut info.version);
        put_utf8(SDK_VERSION, &mut info.sdkVersion);
        kResultOk
    }
}

impl IPluginFactory3Trait for Factory {
    unsafe fn getClassInfoUnicode(&self, index: i32, info: *mut PClassInfoW) -> tresult {
        // SAFETY: null or writable, by VST3's contract.
        let (Some(info), Some((plugin, name, version))) = (unsafe { info.as_mut() }, self.plugin(index)) else {
            return kInvalidArgument;
        };
        info.cid = plugin.tuid();
        info.cardinality = kManyInstances as i32;
        info.classFlags = 0;
        put_utf8(CATEGORY, &mut info.category);
        put_utf16(&name, &mut info.name);
        put_utf8(plugin.sub_categories, &mut info.subCategories);
        put_utf16(plugin.vendor, &mut info.vendor);
        put_utf16(&version, &mut info.version);
        put_utf16(SDK_VERSION, &mut info.sdkVersion);
        kResultOk
    }

    unsafe fn setHostContext(&self, context: *mut FUnknown) -> tresult {
        // SAFETY: null or a live object, by VST3's contract.
        *lock(&self.context) = unsafe { ComRef::from_raw(context) }.map(|context| context.to_com_ptr());
        kResultOk
    }
}
