//! From a wish to a compiled model, or to an impulse response.

use super::Work;
use crate::board::KnobLabel;
use crate::cab::Cab;
use crate::playable::{ModelCard, Playable};
use crate::shared::{CabWish, Seat, Wish, slot_of_mut};
use std::sync::Arc;
use tonegraft_core::SLOTS;
use tonegraft_library::{Located, ModelRef, Origin, files, listing, locate};

/// How many models are kept that were replaced.
const REPLACED: usize = 2;

/// A model that was found and compiled.
struct Loaded {
    playable: Playable,
    reference: ModelRef,
    notice: Option<String>,
}

/// What is being loaded; `None` for none.
pub(super) fn name_of(wish: &Wish) -> Option<String> {
    match wish {
        Wish::Remove | Wish::Restore(ModelRef::None) => None,
        Wish::Restore(reference) => Some(reference.name().to_owned()),
        Wish::Shipped(id) | Wish::Preset { id, .. } => Some(ModelRef::shipped(id.as_str()).name().to_owned()),
        Wish::File(path) => {
            let stem = path.file_stem().unwrap_or(path.as_os_str());
            Some(stem.to_string_lossy().into_owned())
        }
    }
}

impl Work<'_> {
    /// Fulfils a wish, up to the compiled model.
    pub(super) fn load(&mut self, seat: Seat, wish: &Wish) {
        let size = self.places[seat.index()].way.size;
        // Hosts set the same session again after a change of rate, or on every step of an undo: what plays goes on.
        if let Wish::Restore(reference) = wish
            && self.places[seat.index()].playing.as_ref() == Some(reference)
        {
            let mut control = self.shared.lock();
            if let Some(status) = control.status.seat_mut(seat) {
                status.error = None;
                status.loading = None;
            }
            return;
        }
        // Another preset of what plays only moves its knobs.
        if let (Wish::Preset { id, .. }, Seat::Slot(slot)) = (wish, seat)
            && let place = &self.places[seat.index()]
            && place.playing.as_ref() == Some(&ModelRef::shipped(id.as_str()))
            && let Some(playable) = &place.playable
        {
            let mut control = self.shared.lock();
            if let Some(defaults) = control.defaults.get_mut(slot) {
                *defaults = Some(positions(wish, Some(&playable.card)));
            }
            if let Some(status) = control.status.seat_mut(seat) {
                status.error = None;
                status.loading = None;
                status.source = Some(wish.clone());
            }
            return;
        }
        let result = self.find(wish, size);
        let from_window = !matches!(wish, Wish::Restore(_));
        let mut control = self.shared.lock();
        let Some(status) = control.status.seat_mut(seat) else {
            return;
        };
        status.loading = None;
        let loaded = match result {
            Ok(loaded) => loaded,
            Err(message) => {
                status.error = Some(message);
                return;
            }
        };
        let card = loaded.as_ref().map(|loaded| Arc::clone(&loaded.playable.card));
        let reference = loaded
            .as_ref()
            .map_or(ModelRef::None, |loaded| loaded.reference.clone());
        status.error = None;
        status.notice = loaded.as_ref().and_then(|loaded| loaded.notice.clone());
        status.source = source_of(wish, &reference);
        status.card.clone_from(&card);
        if let (true, Seat::Slot(slot)) = (from_window, seat)
            && slot < SLOTS
        {
            control.defaults[slot] = Some(positions(wish, card.as_deref()));
        }
        // A restored reference stays as the host wrote it: the file may come back to its place.
        if from_window {
            if let Some(slot) = slot_of_mut(&mut control.session, seat) {
                slot.model = reference.clone();
            }
            if let Seat::Slot(slot) = seat {
                self.shared.forget_placement(&mut control, slot);
            }
            self.shared.count_edit();
        }
        drop(control);
        let exact = loaded.as_ref().is_none_or(|loaded| loaded.notice.is_none());
        let place = &mut self.places[seat.index()];
        let before = (place.playing.take(), place.playable.take());
        place.playing = exact.then_some(reference);
        place.playable = loaded.map(|loaded| loaded.playable);
        place.stale = true;
        if let (Some(reference), Some(playable)) = before {
            self.replaced.truncate(REPLACED - 1);
            self.replaced.insert(0, (reference, playable));
        }
        self.name_knobs(seat);
    }

    /// The same model in the same size, from where it plays or played.
    fn known(&self, reference: &ModelRef, size: f32) -> Option<Playable> {
        let places = self.places.iter();
        let playing = places.filter_map(|place| Some((place.playing.as_ref()?, place.playable.as_ref()?)));
        let replaced = self.replaced.iter().map(|(reference, playable)| (reference, playable));
        playing
            .chain(replaced)
            .find(|(other, playable)| *other == reference && !playable.has_other_size(size))
            .map(|(_, playable)| playable.clone())
    }

    fn find(&mut self, wish: &Wish, size: f32) -> Result<Option<Loaded>, String> {
        let reference = match wish {
            Wish::Remove => ModelRef::None,
            Wish::Restore(reference) => reference.clone(),
            Wish::Shipped(id) | Wish::Preset { id, .. } => ModelRef::shipped(id.as_str()),
            Wish::File(path) => {
                let bytes = files::read_model(path)
                    .map_err(|error| format!("{} cannot be opened: {error}. Choose another file.", path.display()))?;
                ModelRef::file(path, &bytes, self.library.folders(), None, false)
            }
        };
        // A file that the user chose may have changed, and its sidecar with it.
        if let (Wish::Restore(_) | Wish::Shipped(_) | Wish::Preset { .. }, Some(playable)) =
            (wish, self.known(&reference, size))
        {
            return Ok(Some(Loaded {
                playable,
                reference,
                notice: None,
            }));
        }
        if matches!(wish, Wish::Restore(ModelRef::File(_))) && self.library.folders().is_empty() {
            // Moved files are looked for in the library.
            self.scan();
        }
        let Some(found) = locate(&reference, &self.library).map_err(|error| error.to_string())? else {
            return Ok(None);
        };
        let playable = Playable::compile(&found, size)?;
        Ok(Some(Loaded {
            playable,
            reference,
            notice: changed_notice(&found),
        }))
    }

    /// Fulfils a wish, up to the response as it was read.
    pub(super) fn load_cab(&mut self, wish: &CabWish) {
        if let CabWish::Restore(reference) = wish
            && self.cab.as_ref().map_or(&ModelRef::None, |cab| &cab.reference) == reference
        {
            self.shared.lock().status.loading_cab = None;
            return;
        }
        if matches!(wish, CabWish::Restore(ModelRef::File(_))) && self.library.folders().is_empty() {
            self.scan();
        }
        let result = Cab::find(wish, &self.library);
        let from_window = !matches!(wish, CabWish::Restore(_));
        let mut control = self.shared.lock();
        control.status.loading_cab = None;
        let cab = match result {
            Ok(cab) => cab.map(Arc::new),
            Err(message) => {
                control.status.error = Some(message);
                return;
            }
        };
        control.status.error = None;
        control.status.cab = cab.as_ref().map(|cab| Arc::clone(&cab.card));
        if from_window {
            control.session.cab = cab.as_ref().map_or(ModelRef::None, |cab| cab.reference.clone());
            self.shared.count_edit();
        }
        control.cab.clone_from(&cab);
        drop(control);
        self.cab = cab;
        self.cab_stale = true;
    }
}

/// Where the knobs of a fresh model stand: at its defaults, or as a preset says.
fn positions(wish: &Wish, card: Option<&ModelCard>) -> Vec<f32> {
    let preset = match wish {
        Wish::Preset { id, preset } => listing(id).and_then(|listing| listing.preset(preset)),
        _ => None,
    };
    let value = |knob: &KnobLabel| preset.and_then(|preset| preset.knobs.get(&knob.name)).copied();
    let knobs = card.map_or(&[][..], |card| &card.knobs);
    (knobs.iter())
        .map(|knob| value(knob).map_or_else(|| knob.default_position(), |value| knob.range.position(value)))
        .collect()
}

/// How the library list names what was loaded; `None`: nothing was.
fn source_of(wish: &Wish, reference: &ModelRef) -> Option<Wish> {
    match (wish, reference) {
        (_, ModelRef::None) => None,
        (Wish::Restore(_), ModelRef::Shipped { id, .. }) => Some(Wish::Shipped(id.clone())),
        (Wish::Restore(_), ModelRef::File(file)) => Some(file.path.to_path().map_or_else(|| wish.clone(), Wish::File)),
        _ => Some(wish.clone()),
    }
}

fn changed_notice(found: &Located) -> Option<String> {
    (!found.exact).then(|| match found.origin {
        Origin::Shipped => format!(
            "{} ships in another version than this session was saved with: its knobs may stand for other values. Listen, and save the session again to keep it.",
            found.name
        ),
        _ => format!(
            "{} is not the file that was saved with the session: its content has changed. Save the session again to keep it.",
            found.file_name
        ),
    })
}
