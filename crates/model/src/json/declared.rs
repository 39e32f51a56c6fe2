//! What these files say about themselves, as the keys of this project's own convention.

use super::field::Field;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;

/// Longest text that is taken over.
const MAX_TEXT: usize = 4 << 10;

/// Keys of the convention, and others as the file has them.
#[derive(Debug, Default)]
pub(super) struct Declared {
    keys: BTreeMap<String, String>,
}

impl Declared {
    /// Sets `tonegraft.<key>`.
    pub(super) fn set(&mut self, key: &str, value: &impl ToString) {
        self.keys.insert(format!("tonegraft.{key}"), value.to_string());
    }

    /// Keeps a key of somebody else's.
    pub(super) fn keep(&mut self, key: &str, value: &impl ToString) {
        self.keys.insert(key.to_owned(), value.to_string());
    }

    /// The rate in Hz: what one of `keys` in `places` says, else `usual`, with the note who plays it so.
    pub(super) fn sample_rate(&mut self, places: &[&Field<'_>], usual: u32, players: &str) {
        let found = places.iter().find_map(|place| {
            ["samplerate", "sample_rate", "sampleRate"].iter().find_map(|key| {
                let rate = place.get(key)?.number().ok()?;
                (rate.fract() == 0.0 && (1_000.0..=1_536_000.0).contains(&rate)).then_some(rate)
            })
        });
        match found {
            Some(rate) => self.set("sample_rate", &rate),
            None => {
                self.set("sample_rate", &usual);
                self.keep(
                    "json.sample_rate",
                    &format!("{usual}, at which {players}; the file names none"),
                );
            }
        }
    }

    /// Knobs from 0 to 1 under these names, in the order of the input's elements.
    pub(super) fn knobs(&mut self, names: &[&str], default: f32) {
        if names.is_empty() {
            return;
        }
        let list: Vec<Json> = (names.iter().enumerate())
            .map(|(index, name)| {
                json!({"name": name, "input": super::net::KNOBS, "index": index, "min": 0, "max": 1, "default": default})
            })
            .collect();
        self.set("knobs", &Json::Array(list));
    }

    /// Text of `place`'s `key` as `tonegraft.<to>`; numbers too.
    pub(super) fn take(&mut self, place: &Field<'_>, key: &str, to: &str) {
        if let Some(text) = place.get(key).and_then(|field| plain(field.json())) {
            self.set(to, &text);
        }
    }

    /// The error-to-signal ratio of `place`, where it is one.
    pub(super) fn training_error(&mut self, place: &Field<'_>, key: &str) {
        let ratio = place.get(key).and_then(|field| field.number().ok());
        if let Some(ratio) = ratio.filter(|ratio| (0.0..=1e6).contains(ratio)) {
            self.set("training_esr", &ratio);
        }
    }

    /// Keeps all plain values of an object as `<prefix>.<key>`.
    pub(super) fn keep_all(&mut self, place: &Field<'_>, prefix: &str) {
        for (key, value) in place.json().as_object().into_iter().flatten() {
            if let (true, Some(text)) = (key.len() <= 64, plain(value)) {
                self.keep(&format!("{prefix}.{key}"), &text);
            }
        }
    }

    pub(super) fn into_keys(self) -> BTreeMap<String, String> {
        self.keys
    }
}

/// Text, a number or a truth value, within bounds.
fn plain(value: &Json) -> Option<String> {
    let text = match value {
        Json::String(text) => text.trim().to_owned(),
        Json::Number(number) => number.to_string(),
        Json::Bool(value) => value.to_string(),
        _ => return None,
    };
    (!text.is_empty() && text.len() <= MAX_TEXT).then_some(text)
}
