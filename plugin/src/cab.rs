//! An impulse response as the plugin handles it: found, read, and made into a processor for a track.

use crate::playable::{CabCard, Track};
use crate::shared::CabWish;
use std::sync::Arc;
use tonegraft_chain::cab::{Convolver, ImpulseResponse, IrLevel, Recording};
use tonegraft_core::Processor;
use tonegraft_library::{Library, ModelRef, files, locate};

/// One that was read.
#[derive(Debug)]
pub(crate) struct Cab {
    recording: Recording,
    /// As it stands in the session.
    pub(crate) reference: ModelRef,
    /// What the window shows.
    pub(crate) card: Arc<CabCard>,
}

impl CabWish {
    /// What is being loaded; `None` for none.
    pub(crate) fn name(&self) -> Option<String> {
        match self {
            Self::Remove | Self::Restore(ModelRef::None) => None,
            Self::Restore(reference) => Some(reference.name().to_owned()),
            Self::File(path) => Some(files::model_name(path)),
        }
    }
}

impl Cab {
    /// Finds and reads what is wished for; `None` for none.
    ///
    /// # Errors
    /// A sentence for the user.
    pub(crate) fn find(wish: &CabWish, library: &Library) -> Result<Option<Self>, String> {
        let reference = match wish {
            CabWish::Remove => ModelRef::None,
            CabWish::Restore(reference) => reference.clone(),
            CabWish::File(path) => {
                let bytes = files::read_model(path)
                    .map_err(|error| format!("{} cannot be opened: {error}. Choose another file.", path.display()))?;
                ModelRef::file(path, &bytes, library.folders(), None, false)
            }
        };
        let Some(found) = locate(&reference, library).map_err(|error| error.to_string())? else {
            return Ok(None);
        };
        let recording =
            Recording::read(found.bytes.to_vec()).map_err(|error| format!("{}: {error}", found.file_name))?;
        let channels = if recording.channels.len() == 2 {
            "stereo"
        } else {
            "mono"
        };
        let card = CabCard {
            name: found.name,
            about: format!("{:.0} ms, {channels}", 1_000.0 * recording.seconds()),
        };
        Ok(Some(Self {
            recording,
            reference,
            card: Arc::new(card),
        }))
    }

    /// A processor with the track's output channels.
    ///
    /// # Errors
    /// A sentence for the user.
    pub(crate) fn instantiate(&self, track: Track) -> Result<Box<dyn Processor>, String> {
        let response = ImpulseResponse::new(&self.recording, track.rate, IrLevel::default())
            .map_err(|error| format!("{}: {error}", self.card.name))?;
        Ok(Box::new(Convolver::new(&response, track.outputs, track.outputs)))
    }
}
