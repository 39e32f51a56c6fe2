//! The parameters as the window uses them.

use super::view::Source;
use super::widgets::{Setter, set};
use crate::params::{self, TonegraftParams};
use crate::tempo::NoteLength;
use nice_plug::prelude::{FloatParam, Param as _};
use tonegraft_core::KNOBS;

/// The knobs of slot 0 or 1.
pub fn knobs(params: &TonegraftParams, slot: usize) -> [&FloatParam; KNOBS] {
    let [a, b] = params.knobs();
    if slot == 0 { a } else { b }
}

/// The trim of A, B or the reference; nothing else has one.
pub fn trim(params: &TonegraftParams, source: Source) -> Option<&FloatParam> {
    let [a, b, reference] = params.trims();
    match source {
        Source::A => Some(a),
        Source::B => Some(b),
        Source::Reference => Some(reference),
        Source::Dry | Source::Difference => None,
    }
}

/// The note that a knob of slot 0 or 1 follows.
pub fn sync(params: &TonegraftParams, slot: usize) -> NoteLength {
    let [a, b] = params.syncs();
    if slot == 0 { a } else { b }.unmodulated_plain_value()
}

/// Lets a knob of slot 0 or 1 follow this note.
pub fn follow(params: &TonegraftParams, setter: Setter<'_>, slot: usize, note: NoteLength) {
    let [a, b] = params.syncs();
    set(setter, if slot == 0 { a } else { b }, note);
}

/// What is heard.
pub fn heard(params: &TonegraftParams) -> Source {
    params.source.unmodulated_plain_value().into()
}

/// Lets `source` be heard.
pub fn hear(params: &TonegraftParams, setter: Setter<'_>, source: Source) {
    if source != heard(params) {
        set(setter, &params.source, params::Source::from(source));
    }
}

/// What slot A plays: 0 its own, 1 … 16 a program.
pub fn program(params: &TonegraftParams) -> usize {
    usize::try_from(params.program.unmodulated_plain_value()).unwrap_or(0)
}

/// Lets slot A play its own (0) or a program (1 … 16).
pub fn play_program(params: &TonegraftParams, setter: Setter<'_>, program: usize) {
    if let Ok(value) = i32::try_from(program) {
        set(setter, &params.program, value);
    }
}

/// The side-chain can be heard.
pub fn uses_reference(params: &TonegraftParams) -> bool {
    params.use_reference.unmodulated_plain_value()
}

/// Lets the side-chain be heard, or not.
pub fn use_reference(params: &TonegraftParams, setter: Setter<'_>, on: bool) {
    set(setter, &params.use_reference, on);
}
