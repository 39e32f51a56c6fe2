//! The library as a whole: the CLAP entry's life, the plugins it offers, and what the exported functions do.

use std::ffi::{CStr, CString, c_void};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use clap_sys::entry::clap_plugin_entry;
use clap_sys::factory::plugin_factory::{CLAP_PLUGIN_FACTORY_ID, clap_plugin_factory};
use clap_sys::host::clap_host;
use clap_sys::plugin::{clap_plugin, clap_plugin_descriptor};
use vst3::ComWrapper;
use vst3::Steinberg::{IPluginFactory, TUID};

use crate::factory::Factory;
use crate::strings::from_ptr;
use crate::sync::lock;
use crate::worker;

/// What VST3 wants to know of one plugin and CLAP does not say.
#[derive(Debug, Clone, Copy)]
pub struct PluginInfo {
    /// Id of the plugin in the CLAP factory.
    pub clap_id: &'static CStr,
    /// The VST3 class id, for ever: sessions find the plugin by it. In the order in which ids are written
    /// (`5370696B-65476169-…` is `[0x53, 0x70, …]`); the byte order of Windows is taken care of.
    pub class_id: [u8; 16],
    /// Maker's name, at most 63 bytes.
    pub vendor: &'static str,
    /// Home page, at most 255 bytes.
    pub url: &'static str,
    /// Contact, at most 127 bytes.
    pub email: &'static str,
    /// VST3's categories, joined by `|`: "Fx|Distortion".
    pub sub_categories: &'static str,
    /// Version, or empty for the CLAP descriptor's.
    pub version: &'static str,
}

impl PluginInfo {
    /// The class id in this system's byte order.
    pub(crate) fn tuid(&self) -> TUID {
        let word = |at: usize| u32::from_be_bytes([0, 1, 2, 3].map(|byte| self.class_id[at + byte]));
        vst3::uid(word(0), word(4), word(8), word(12))
    }
}

struct Life {
    entries: usize,
    initialised: bool,
}

/// A CLAP entry and the plugins of it that become VST3 classes. [`export_vst3!`](crate::export_vst3) makes one.
pub struct Module {
    entry: &'static clap_plugin_entry,
    plugins: &'static [PluginInfo],
    life: Mutex<Life>,
}

impl Module {
    /// A module that has not been entered yet.
    pub const fn new(entry: &'static clap_plugin_entry, plugins: &'static [PluginInfo]) -> Self {
        Self {
            entry,
            plugins,
            life: Mutex::new(Life {
                entries: 0,
                initialised: false,
            }),
        }
    }

    /// The host loads the library: initialises the CLAP entry with the bundle's path, once however often it is called.
    pub fn enter(&self) -> bool {
        lock(&self.life).entries += 1;
        self.initialise()
    }

    /// The host unloads the library. The last call that matches an [`enter`](Self::enter) ends the helper thread and
    /// de-initialises the CLAP entry.
    pub fn exit(&self) -> bool {
        let mut life = lock(&self.life);
        life.entries = life.entries.saturating_sub(1);
        if life.entries == 0 && life.initialised {
            worker::stop();
            if let Some(deinit) = self.entry.deinit {
                // SAFETY: `init` succeeded before, once.
                unsafe { deinit() };
            }
            life.initialised = false;
        }
        true
    }

    /// A new reference to the plugin factory (`IPluginFactory*`), null if the CLAP entry refuses to initialise. Hosts that
    /// skip the system's module function are served too.
    pub fn factory(&'static self) -> *mut c_void {
        if !self.initialise() {
            return std::ptr::null_mut();
        }
        let factory = ComWrapper::new(Factory::new(self));
        factory
            .to_com_ptr::<IPluginFactory>()
            .map_or(std::ptr::null_mut(), |factory| factory.into_raw().cast())
    }

    fn initialise(&self) -> bool {
        let mut life = lock(&self.life);
        if !life.initialised {
            let path = bundle_path()
                .map(|path| path.to_string_lossy().into_owned())
                .unwrap_or_default();
            let path = CString::new(path).unwrap_or_default();
            // SAFETY: the path is a NUL-terminated string, alive during the call.
            life.initialised = self.entry.init.is_some_and(|init| unsafe { init(path.as_ptr()) });
        }
        life.initialised
    }

    pub(crate) fn plugins(&self) -> &'static [PluginInfo] {
        self.plugins
    }

    fn clap_factory(&self) -> Option<&clap_plugin_factory> {
        // SAFETY: the entry is initialised before a factory is handed out, and the id is a NUL-terminated string.
        let factory = unsafe { self.entry.get_factory?(CLAP_PLUGIN_FACTORY_ID.as_ptr()) };
        // SAFETY: what the entry answers for this id is null or a plugin factory that lives as long as the entry.
        unsafe { factory.cast::<clap_plugin_factory>().as_ref() }
    }

    /// Name and version by the CLAP descriptor.
    pub(crate) fn name_and_version(&self, plugin: &PluginInfo) -> Option<(String, String)> {
        let factory = self.clap_factory()?;
        // SAFETY: the factory is alive.
        let count = unsafe { factory.get_plugin_count?(factory) };
        (0..count).find_map(|index| {
            // SAFETY: `index` is below the count; descriptors live as long as the factory.
            let descriptor: &clap_plugin_descriptor =
                unsafe { factory.get_plugin_descriptor?(factory, index).as_ref()? };
            // SAFETY: the descriptor's strings are null or NUL-terminated.
            let (id, name, version) = unsafe {
                (
                    from_ptr(descriptor.id),
                    from_ptr(descriptor.name),
                    from_ptr(descriptor.version),
                )
            };
            (id.as_bytes() == plugin.clap_id.to_bytes()).then_some((name, version))
        })
    }

    /// # Safety
    ///
    /// `host` must outlive the plugin.
    pub(crate) unsafe fn create(&self, plugin: &PluginInfo, host: &clap_host) -> Option<*const clap_plugin> {
        let factory = self.clap_factory()?;
        // SAFETY: the factory is alive, the id is a NUL-terminated string, the host outlives the plugin.
        let raw = unsafe { factory.create_plugin?(factory, host, plugin.clap_id.as_ptr()) };
        (!raw.is_null()).then_some(raw)
    }
}

/// The `.vst3` bundle around this library, or the library itself where it stands alone.
fn bundle_path() -> Option<PathBuf> {
    Some(bundle_of(&library_path()?))
}

/// `X.vst3/Contents/<system>/X.so` is `X.vst3`; anything else is itself.
fn bundle_of(library: &Path) -> PathBuf {
    let bundle = library.ancestors().nth(3).filter(|bundle| {
        let is_bundle = bundle
            .extension()
            .is_some_and(|extension| extension.eq_ignore_ascii_case("vst3"));
        is_bundle
            && library
                .strip_prefix(bundle)
                .is_ok_and(|inside| inside.starts_with("Contents"))
    });
    bundle.unwrap_or(library).to_owned()
}

#[cfg(unix)]
fn library_path() -> Option<PathBuf> {
    use std::os::unix::ffi::OsStrExt;
    // SAFETY: all bit patterns of zero are valid for this C struct.
    let mut info: libc::Dl_info = unsafe { std::mem::zeroed() };
    let here: fn() -> Option<PathBuf> = library_path;
    // SAFETY: the address is inside this library, and `info` is writable.
    let found = unsafe { libc::dladdr(here as *const c_void, &mut info) } != 0 && !info.dli_fname.is_null();
    // SAFETY: a name that was found is a NUL-terminated string.
    let name = found.then(|| unsafe { CStr::from_ptr(info.dli_fname) })?;
    let path = PathBuf::from(std::ffi::OsStr::from_bytes(name.to_bytes()));
    // The loader tells the path as it was opened, perhaps through a link.
    Some(path.canonicalize().unwrap_or(path))
}

#[cfg(windows)]
fn library_path() -> Option<PathBuf> {
    use std::os::windows::ffi::OsStringExt;
    #[link(name = "kernel32")]
    unsafe extern "system" {
        fn GetModuleHandleExW(flags: u32, address: *const c_void, module: *mut *mut c_void) -> i32;
        fn GetModuleFileNameW(module: *mut c_void, name: *mut u16, size: u32) -> u32;
    }
    const FROM_ADDRESS: u32 = 4;
    const UNCHANGED_REFCOUNT: u32 = 2;
    let mut module = std::ptr::null_mut();
    let here: fn() -> Option<PathBuf> = library_path;
    let mut name = vec![0_u16; 32_768];
    // SAFETY: the address is inside this library, and both buffers are writable for their sizes.
    let length = unsafe {
        if GetModuleHandleExW(FROM_ADDRESS | UNCHANGED_REFCOUNT, here as *const c_void, &mut module) == 0 {
            return None;
        }
        GetModuleFileNameW(module, name.as_mut_ptr(), name.len() as u32) as usize
    };
    (length > 0 && length < name.len()).then(|| std::ffi::OsString::from_wide(&name[..length]).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bundle_is_found_around_the_library() {
        let bundle = |path: &str| bundle_of(Path::new(path));
        assert_eq!(bundle("/a/X.vst3/Contents/x86_64-linux/X.so"), Path::new("/a/X.vst3"));
        assert_eq!(
            bundle("/a/X.vst3/Other/x86_64-linux/X.so"),
            Path::new("/a/X.vst3/Other/x86_64-linux/X.so")
        );
        assert_eq!(bundle("/a/X.vst3"), Path::new("/a/X.vst3"));
        assert!(bundle_path().unwrap().is_absolute());
    }
}
