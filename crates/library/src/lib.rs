//! What outlives a process: models on disk and where they are found again, presets, session state and its versions.
//!
//! * [`session`]: the state of one plugin instance as versioned JSON; [`migrate`] brings every earlier version up to date.
//! * [`compare`]: what a session keeps for comparing, and how the window looks.
//! * [`locate`](locate()): from a [`ModelRef`] to bytes, also after folders moved.
//! * [`index`]: the models in the user's folders.
//! * [`shipped`](shipped()), [`catalogue`](catalogue()): the models inside the binary, their categories and factory presets.
//! * [`presets`]: named files with a session and parameter values.
//! * [`host_state`]: the container in which a host keeps both, byte for byte as the plugin writes it.
//! * [`path`], [`hash`], [`folders`], [`files`]: portable paths, content hashes, platform folders, bounded reads and atomic writes.
//!
//! Everything here may allocate, block and touch the disk: nothing is for the audio thread. Nothing here knows the models'
//! formats beyond their endings, and that a chain names other files.
#![forbid(unsafe_code)]

mod catalogue;
pub mod compare;
pub mod files;
pub mod folders;
pub mod hash;
pub mod host_state;
pub mod index;
mod locate;
pub mod migrate;
pub mod path;
pub mod presets;
pub mod session;
mod shipped;

pub use catalogue::{FactoryPreset, Listing, catalogue, listing};
pub use compare::{CompareState, Measured, Placement, WindowState};
pub use hash::Sha256;
pub use host_state::{HostState, ParamValue};
pub use index::{Entry, Library, ModelFormat};
pub use locate::{LocateError, LocateErrorKind, Located, Origin, locate};
pub use path::PortablePath;
pub use presets::{Preset, PresetStore};
pub use session::{Embedded, ModelFile, ModelRef, SessionState, SlotState, StateError, StateErrorKind};
pub use shipped::{Shipped, shipped, shipped_by_id};
