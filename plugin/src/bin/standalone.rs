//! Tonegraft as a program of its own, with its own window and audio device.
#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    if nice_plug::nice_export_standalone::<tonegraft_plugin::Tonegraft>() {
        std::process::ExitCode::SUCCESS
    } else {
        std::process::ExitCode::FAILURE
    }
}
