//! The command line of Tonegraft, as a library that its binary and its tests share.
//!
//! * [`cli`]: the arguments.
//! * [`models`]: from what the user names (a file, or the id of a shipped model) to a compiled model.
//! * [`params`]: `NAME=VALUE` to settings of the chain and of the model's knobs.
//! * [`rig`]: model, slots and chain put together as the plugin puts them together.
//! * [`wav`], [`samples`]: audio files in and out.
//! * [`blocks`]: how the audio is cut.
//! * [`render`], [`inspect`], [`convert`], [`bench`](mod@bench), [`aliasing`], [`compare`], [`state`], [`shelf`], [`abx_report`]: the
//!   commands.
//! * [`selftest`]: the self-test that some files carry, played.
//! * [`stages`]: a stage between file and processor as text.
//! * [`progress`]: a bar on the terminal for whatever takes longer than a second.
//!
//! The samples do not depend on the cut, on the number of files rendered at once, or on whether a host or this program drives
//! the chain. Errors are `anyhow`: this is the edge of the program, where each becomes one sentence on stderr.
#![forbid(unsafe_code)]

pub mod abx_report;
pub mod aliasing;
pub mod bench;
pub mod blocks;
pub mod cli;
pub mod compare;
pub mod convert;
pub mod inspect;
pub mod models;
pub mod params;
pub mod progress;
pub mod render;
pub mod rig;
pub mod samples;
pub mod selftest;
pub mod shelf;
pub mod stages;
pub mod state;
pub mod wav;

/// Prints a line to stdout. A reader that has gone (`| head`) is no failure.
///
/// # Errors
/// stdout cannot be written.
pub fn line(text: &str) -> anyhow::Result<()> {
    use std::io::{ErrorKind, Write};
    match writeln!(std::io::stdout(), "{}", text.trim_end_matches('\n')) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}
