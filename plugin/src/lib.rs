//! Tonegraft as a plugin: parameters, state, loader, window, and the entries for CLAP and VST3.
//!
//! | module | what |
//! | --- | --- |
//! | [`plugin`] | the effect as the framework sees it: layouts, activation, one block |
//! | `running` | one block of audio: recorder, side-chain, chain, read-outs |
//! | [`params`] | parameters with frozen ids |
//! | [`board`] | what the eight generic knobs mean for the loaded model |
//! | [`session`] | what is saved beside the parameters |
//! | [`shared`] | what the threads of one instance share |
//! | [`loader`] | the thread that reads models and builds processors |
//! | [`playable`] | a model: what is shown of it, and how it becomes a processor |
//! | [`compare`] | the thread that computes what the window shows of the sources |
//! | [`side_chain`] | what the host passes there |
//! | [`tempo`] | knobs that follow the host's tempo |
//! | [`meters`] | levels, load and faults from the audio thread |
//! | [`editor`] | the window's content |
//! | [`window`] | the system's window: drawing, input, dropped files, focus |
//! | [`entry`] | the CLAP entry, on which the VST3 shell stands |
//!
//! # Threads
//!
//! Per instance: the host's audio thread ([`plugin::Tonegraft`]'s `process` and `reset`), the host's main thread, the window's
//! thread, one loader, one compare worker, and one notifier in the entry. The audio thread shares atomics and the bank's rings with the others; it
//! never takes the mutex, except in an offline render that has to wait for a model.
#![deny(unsafe_code)]

pub mod board;
mod cab;
pub mod compare;
pub mod editor;
pub mod entry;
pub mod loader;
pub mod meters;
pub mod params;
pub mod playable;
pub mod plugin;
mod running;
pub mod session;
pub mod shared;
pub mod side_chain;
pub mod tempo;
mod transport;
pub mod window;

pub use entry::CLAP_ENTRY;
pub use plugin::Tonegraft;
