//! What a listening test is recorded with: the set-up that is committed to, the date, the files.

use super::exam::ExamPlan;
use super::{Control, Seat, model_of};
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};
use tonegraft_analysis::listening::{Kind, Log, Place, Role, Subject};
use tonegraft_chain::Settings;
use tonegraft_core::{SLOTS, Source};
use tonegraft_library::{ModelRef, Sha256, files, folders, shipped_by_id};

/// The place of a source; `None`: it cannot be tested.
const fn place(source: Source) -> Option<Place> {
    match source {
        Source::A => Some(Place::SlotA),
        Source::B => Some(Place::SlotB),
        Source::Reference => Some(Place::Reference),
        Source::Dry => Some(Place::Dry),
        Source::Difference => None,
    }
}

/// SHA-256 of the file that `model` names.
fn hash_of(model: &ModelRef) -> Option<String> {
    match model {
        ModelRef::None => None,
        ModelRef::Shipped { id, .. } => shipped_by_id(id).map(|model| Sha256::of(model.bytes).to_string()),
        ModelRef::File(file) => Some(file.sha256.to_string()),
    }
}

/// Now, as RFC 3339 in UTC to the second.
pub fn date_now() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    date_of(since.as_secs())
}

/// `seconds` after the beginning of 1970.
fn date_of(seconds: u64) -> String {
    let (days, time) = (seconds / 86_400, seconds % 86_400);
    // Howard Hinnant, "chrono-compatible low-level date algorithms": years that begin in March, in eras of 400.
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (year, month) = match month {
        0..10 => (400 * era + year, month + 3),
        _ => (400 * era + year + 1, month - 9),
    };
    let (hour, minute, second) = (time / 3_600, time / 60 % 60, time % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// What is heard in the test, and how it was made comparable.
pub(super) fn subjects(control: &Control, plan: ExamPlan, settings: &Settings, lufs: [Option<f64>; 3]) -> Vec<Subject> {
    let rate = control.status.track.map_or(0, |track| track.rate.get());
    let placements = control.session.compare.at_rate(rate).placements();
    let subject = |role, source: Source| {
        let mut subject = Subject::new(role, place(source)?);
        let index = match source {
            Source::Reference => Some(2),
            other => other.slot(),
        };
        if let Some(index) = index {
            subject.trim_db = settings.trims_db.get(index).copied().map_or(0.0, f64::from);
            subject.lufs = lufs.get(index).copied().flatten();
            if let Some(placement) = placements.get(index) {
                subject.delay_frames = placement.total();
                subject.inverted = placement.inverted;
            }
        }
        if role == Role::Anchor {
            subject.name = "Anchor".to_owned();
            subject.lufs = None;
            subject.delay_frames = 0.0;
            subject.inverted = false;
        } else if let Some(slot) = source.slot().filter(|slot| *slot < SLOTS) {
            let seat = match settings.program.filter(|_| slot == 0) {
                Some(program) if control.status.playing(Some(program)).card.is_some() => {
                    Seat::Program(usize::from(program))
                }
                _ => Seat::Slot(slot),
            };
            let model = model_of(&control.session, seat);
            model.name().clone_into(&mut subject.name);
            subject.sha256 = hash_of(&model);
        }
        Some(subject)
    };
    let roles: [(Role, Source); 4] = [
        (Role::Clean, Source::Dry),
        (Role::Device, Source::Reference),
        (Role::Model, Source::A),
        (Role::Anchor, Source::B),
    ];
    let [a, b] = plan.pair;
    let pair = [(Role::A, a), (Role::B, b)];
    let all = match plan.plan.kind {
        Kind::Likeness => roles.to_vec(),
        _ => pair.to_vec(),
    };
    all.into_iter()
        .filter_map(|(role, source)| subject(role, source))
        .collect()
}

/// Writes the record as JSON and CSV, where the user's files are.
pub(super) fn write(log: &Log) -> Result<PathBuf, String> {
    let Some(folder) = folders::tests() else {
        return Err("The log was not written: there is no home folder.".to_owned());
    };
    let date: String = log.setup.date.chars().map(|c| if c == ':' { '-' } else { c }).collect();
    let id = log.commitment.get(..8).unwrap_or("");
    let name = format!("{date} {} {id}", log.plan.kind.name());
    let json = folder.join(format!("{name}.json"));
    let csv = folder.join(format!("{name}.csv"));
    let put = |path: &PathBuf, text: String| files::write_atomic(path, text.as_bytes());
    std::fs::create_dir_all(&folder)
        .and_then(|()| put(&json, log.json()))
        .and_then(|()| put(&csv, log.csv()))
        .map_err(|error| format!("The log could not be written to {}: {error}.", folder.display()))?;
    Ok(json)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (seconds, date) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (951_868_800, "2000-03-01T00:00:00Z"),
            (1_767_225_599, "2025-12-31T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(date_of(seconds), date);
        }
    }
}
