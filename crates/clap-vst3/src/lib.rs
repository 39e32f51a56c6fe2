//! A thin VST3 shell, in Rust, around any CLAP plugin entry.
//!
//! A `cdylib` that has a `clap_plugin_entry` adds VST3 to itself by one macro, [`export_vst3!`]:
//!
//! ```
//! # mod entry {
//! #     pub static CLAP_ENTRY: clap_sys::entry::clap_plugin_entry = clap_sys::entry::clap_plugin_entry {
//! #         clap_version: clap_sys::version::CLAP_VERSION,
//! #         init: None,
//! #         deinit: None,
//! #         get_factory: None,
//! #     };
//! # }
//! clap_vst3::export_vst3!(
//!     entry: crate::entry::CLAP_ENTRY,
//!     plugins: [clap_vst3::PluginInfo {
//!         clap_id: c"org.example.gain",
//!         class_id: *b"ExampleGainVst3!",
//!         vendor: "Example",
//!         url: "https://example.org",
//!         email: "info@example.org",
//!         sub_categories: "Fx|Dynamics",
//!         version: "",
//!     }]
//! );
//! # fn main() {}
//! ```
//!
//! It exports `GetPluginFactory` and the system's module functions (`ModuleEntry`/`ModuleExit`, `InitDll`/`ExitDll`,
//! `bundleEntry`/`bundleExit`). One VST3 class per plugin, with processor and controller in one object.
//!
//! # The model
//!
//! * **Parameters.** The VST3 parameter id is the CLAP id. Stepped parameters have `max - min` steps. Units and plain
//!   values come from the private extension [`ParamInfoExtension`] where the plugin answers it, else from its texts: the
//!   unit is what the texts of both ends of the range share after the number, the plain value is the number.
//!   Automation points reach the plugin at their sample, as steps (VST3 means ramps: smoothing is the plugin's).
//! * **Layouts.** Every `clap.audio-ports-config` is selected once at `initialize`; the first gives the number and the
//!   names of the buses. An arrangement is accepted exactly or not at all, except that a bus beyond the main one may
//!   always be empty. Whatever the host then passes for a side-chain (nothing, null pointers, silence), the CLAP port
//!   stays and gets zeros; one channel on a wider bus is copied to all its channels.
//! * **Latency and other news.** Callbacks of the plugin only set flags. They are delivered from calls which the host
//!   makes on its main thread anyway, from the host's run loop where it offers one, or, if neither happened for about
//!   100 ms, by one helper thread for the whole process. The host is never called with a lock held. A latency that the
//!   host already knows is not announced again.
//! * **Latency before activation.** VST3 hosts may ask for it behind `setupProcessing`, CLAP plugins know it while they are active. At
//!   a rate at which it has not been active yet, the plugin is activated and deactivated once in `setupProcessing`.
//! * **Restart.** `clap_host.request_restart` becomes `kLatencyChanged`, upon which hosts deactivate and activate.
//!   `clap_host_latency.changed` is accepted at any time, from any thread.
//! * **Side-chain off.** A bus that the host switched off or arranged away is told by `clap.audio-ports-activation` before the
//!   plugin is activated, and reads zeros.
//! * **State.** The component's state is the CLAP stream, unchanged.
//! * **Host name.** The plugin sees `"<name of the VST3 host> (CLAP-as-VST3)"`, as other such shells do.
//!
//! # Threads
//!
//! Every call that CLAP reserves for its main thread is made under one re-entrant lock, so calls from several threads
//! are serialised. While the plugin's window exists, `on_main_thread` is delivered on the window's thread only.
//!
//! # Realtime Safety
//!
//! `IAudioProcessor::process`, `setProcessing`, `getLatencySamples` and `getTailSamples` neither allocate, free, lock nor
//! make a system call: what they need is prepared in `setActive(1)`. Denormals are left to the plugin.
//!
//! # Not here
//!
//! Notes and MIDI, 64-bit samples, units (parameter groups), program lists, context menus, CLAP's timer and file
//! descriptor services, surround layouts beyond "the first n speakers".

#![allow(
    clippy::unnecessary_cast,
    reason = "VST3's enum constants are `u32` here and `i32` on Windows"
)]

mod audio;
mod component;
mod controller;
mod events;
mod factory;
mod host;
mod hosted;
mod layouts;
mod module;
mod param_info;
mod param_text;
mod params;
mod plugin;
mod processor;
mod shell;
mod state;
mod strings;
mod sync;
mod ticker;
mod transport;
mod view;
mod worker;

pub use module::{Module, PluginInfo};
pub use param_info::{PARAM_INFO_ID, ParamInfoExtension};

/// Exports VST3's functions for a CLAP entry; once in a `cdylib`.
///
/// * `entry`: path of a `static` (or a `const`) of type `clap_sys::entry::clap_plugin_entry`.
/// * `plugins`: an array of [`PluginInfo`], one per VST3 class.
///
/// The crate documentation has an example.
#[macro_export]
macro_rules! export_vst3 {
    (entry: $entry:path, plugins: $plugins:expr $(,)?) => {
        const _: () = {
            static PLUGINS: &[$crate::PluginInfo] = &$plugins;
            static MODULE: $crate::Module = $crate::Module::new(&$entry, PLUGINS);

            #[unsafe(no_mangle)]
            extern "system" fn GetPluginFactory() -> *mut ::std::ffi::c_void {
                MODULE.factory()
            }

            #[cfg(all(unix, not(target_vendor = "apple")))]
            #[unsafe(no_mangle)]
            extern "system" fn ModuleEntry(_library: *mut ::std::ffi::c_void) -> bool {
                MODULE.enter()
            }

            #[cfg(all(unix, not(target_vendor = "apple")))]
            #[unsafe(no_mangle)]
            extern "system" fn ModuleExit() -> bool {
                MODULE.exit()
            }

            #[cfg(windows)]
            #[unsafe(no_mangle)]
            extern "system" fn InitDll() -> bool {
                MODULE.enter()
            }

            #[cfg(windows)]
            #[unsafe(no_mangle)]
            extern "system" fn ExitDll() -> bool {
                MODULE.exit()
            }

            #[cfg(target_vendor = "apple")]
            #[unsafe(no_mangle)]
            extern "system" fn bundleEntry(_bundle: *mut ::std::ffi::c_void) -> bool {
                MODULE.enter()
            }

            #[cfg(target_vendor = "apple")]
            #[unsafe(no_mangle)]
            extern "system" fn bundleExit() -> bool {
                MODULE.exit()
            }
        };
    };
}
