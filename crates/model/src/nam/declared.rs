//! What a file says about itself, as keys of ours. What is missing, null or of another type is left out; numbers out of the range
//! in which they make sense are left out with a sentence.

use super::spec::Spec;
use crate::error::shorten;
use crate::json::Field;
use crate::metadata::{LEVELS_DBU, LOUDNESS_DB, PREFIX};
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

/// The rate of files that name none.
const RATE: usize = 48_000;
/// Longest text in bytes.
const MAX_TEXT: usize = 4096;

/// Keys that are copied as they are, with ours beside.
const TEXTS: [(&str, &str); 6] = [
    ("name", "name"),
    ("modeled_by", "author"),
    ("gear_type", "gear_type"),
    ("gear_make", "gear_make"),
    ("gear_model", "gear_model"),
    ("tone_type", "tone_type"),
];

struct Keys {
    keys: BTreeMap<String, String>,
    ignored: Vec<String>,
}

impl Keys {
    fn set(&mut self, key: &str, value: String) {
        self.keys.insert(format!("{PREFIX}{key}"), value);
    }

    /// `metadata` of one model; what it says wins over what was there.
    fn add(&mut self, metadata: &Field<'_>) {
        for (theirs, ours) in TEXTS {
            if let Some(text) = metadata
                .get(theirs)
                .and_then(|field| field.json().as_str().map(str::trim))
            {
                if text.len() > MAX_TEXT {
                    self.ignored.push(format!("its `{theirs}` has {} bytes", text.len()));
                } else if !text.is_empty() {
                    self.set(ours, text.to_owned());
                }
            }
        }
        self.number(metadata, "loudness", &LOUDNESS_DB, " dB");
        self.number(metadata, "gain", &(0.0..=1.0), "");
        self.number(metadata, "input_level_dbu", &LEVELS_DBU, " dBu");
        self.number(metadata, "output_level_dbu", &LEVELS_DBU, " dBu");
        match metadata.get("date") {
            Some(field) if field.json().is_object() => {
                if let Some(date) = date(&field) {
                    self.set("date", date);
                }
            }
            Some(field) => {
                if let Some(text) = field.json().as_str().filter(|text| text.len() <= MAX_TEXT) {
                    self.set("date", text.trim().to_owned());
                }
            }
            None => {}
        }
        let Some(training) = metadata.get("training") else {
            return;
        };
        let esr = training.get("validation_esr").and_then(|field| field.json().as_f64());
        if let Some(esr) = esr.filter(|esr| (0.0..=1e6).contains(esr)) {
            self.set("training_esr", esr.to_string());
        }
        let latency = training.get("data").and_then(|data| data.get("latency"));
        let samples = |field: Field<'_>| field.json().as_f64().filter(|n| n.fract() == 0.0 && n.abs() <= 1e7);
        let found = latency.and_then(|latency| {
            let calibration = latency.get("calibration");
            latency
                .get("manual")
                .and_then(samples)
                .or_else(|| calibration?.get("recommended").and_then(samples))
        });
        if let Some(latency) = found {
            self.set("training_latency", latency.to_string());
        }
    }

    fn number(&mut self, metadata: &Field<'_>, key: &str, range: &RangeInclusive<f64>, unit: &str) {
        let Some(value) = metadata.get(key).and_then(|field| field.json().as_f64()) else {
            return;
        };
        if range.contains(&value) {
            self.set(key, value.to_string());
        } else {
            self.ignored.push(format!(
                "its `{key}` is {value}{unit}, but must be from {} to {}{unit}",
                range.start(),
                range.end()
            ));
        }
    }
}

/// The keys of a file, and what was left out of it.
pub(super) fn keys(root: &Field<'_>, spec: &Spec<'_>) -> (BTreeMap<String, String>, Vec<String>) {
    let mut keys = Keys {
        keys: BTreeMap::new(),
        ignored: spec.ignored.clone(),
    };
    let own = root.get("metadata");
    let inner = spec.inner.as_ref().and_then(|model| model.get("metadata"));
    if let Some(inner) = &inner {
        keys.add(inner);
    }
    if let Some(own) = &own {
        let (loudness, gain) = (format!("{PREFIX}loudness"), format!("{PREFIX}gain"));
        let before = (keys.keys.get(&loudness).cloned(), keys.keys.get(&gain).cloned());
        keys.add(own);
        // A container's are those of its largest model; each of the others has its own.
        for (key, value) in [(loudness, before.0), (gain, before.1)] {
            if let Some(value) = value {
                keys.keys.insert(key, value);
            }
        }
    }
    keys.set("sample_rate", spec.rate.unwrap_or(RATE).to_string());
    keys.set("kind", "effect".to_owned());
    keys.keys
        .insert("nam.architecture".to_owned(), spec.architecture.to_owned());
    if let Some(version) = root.get("version").and_then(|field| field.json().as_str().map(shorten)) {
        keys.keys.insert("nam.version".to_owned(), version);
    }
    (keys.keys, keys.ignored)
}

/// `{"year": 2024, "month": 11, …}`.
fn date(field: &Field<'_>) -> Option<String> {
    let part = |key: &str, range: RangeInclusive<i64>| {
        let number = field.get(key).and_then(|field| field.json().as_i64());
        number.filter(|number| range.contains(number))
    };
    let day = format!(
        "{:04}-{:02}-{:02}",
        part("year", 0..=9999)?,
        part("month", 1..=12)?,
        part("day", 1..=31)?
    );
    let time = (part("hour", 0..=23), part("minute", 0..=59), part("second", 0..=60));
    Some(match time {
        (Some(hour), Some(minute), Some(second)) => format!("{day} {hour:02}:{minute:02}:{second:02}"),
        _ => day,
    })
}
