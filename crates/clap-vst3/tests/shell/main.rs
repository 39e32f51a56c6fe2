//! The whole shell: a small CLAP plugin, hosted through VST3 by a small host, in one process.

// The exported functions have other names on other systems; the host here knows Linux's.
#![cfg(target_os = "linux")]

mod alloc;
mod audio;
mod factory;
mod host;
mod life;
mod news;
mod params;
mod plugin;
mod view;
mod window;

clap_vst3::export_vst3!(
    entry: plugin::ENTRY,
    plugins: [
        clap_vst3::PluginInfo {
            clap_id: c"test.full",
            class_id: host::FULL,
            vendor: "Test Vendor",
            url: "https://example.org",
            email: "test@example.org",
            sub_categories: "Fx|Distortion",
            version: "",
        },
        clap_vst3::PluginInfo {
            clap_id: c"test.plain",
            class_id: host::PLAIN,
            vendor: "Test Vendor",
            url: "",
            email: "",
            sub_categories: "Fx",
            version: "9.9",
        },
    ],
);
