//! Brings session states of earlier versions up to date, one version at a time.
//!
//! A new version of the format adds one [`Migration`] at the end of [`MIGRATIONS`], raises
//! [`SESSION_VERSION`] and adds a golden file; earlier steps and golden files never change.

use crate::session::{SESSION_VERSION, StateError, StateErrorKind};
use serde_json::{Map, Value};

/// One step: from version `index + 1` to `index + 2`, on the whole JSON object but its `version`.
///
/// Returns a reason if the object cannot be understood.
pub type Migration = fn(Map<String, Value>) -> Result<Map<String, Value>, String>;

/// All steps, the oldest first.
pub const MIGRATIONS: &[Migration] = &[programs_and_compare];

/// Version 2 gave these keys a meaning; version 1 ignored whatever stood under them.
fn programs_and_compare(mut object: Map<String, Value>) -> Result<Map<String, Value>, String> {
    for key in ["programs", "compare", "window"] {
        object.remove(key);
    }
    Ok(object)
}

const _: () = assert!(
    MIGRATIONS.len() as u64 + 1 == SESSION_VERSION,
    "one step per version after the first"
);

/// Takes `object` (with its `version`) through the steps that it has not seen yet. The `version` is gone afterwards.
///
/// # Errors
/// No version, one from the future, or a step that failed.
pub fn migrate(mut object: Map<String, Value>, steps: &[Migration]) -> Result<Map<String, Value>, StateError> {
    let newest = steps.len() as u64 + 1;
    let version = object.remove("version").ok_or(StateErrorKind::NoVersion)?;
    let version = version
        .as_u64()
        .filter(|version| *version > 0)
        .ok_or(StateErrorKind::NoVersion)?;
    if version > newest {
        return Err(StateErrorKind::FutureVersion { found: version, newest }.into());
    }
    let seen = usize::try_from(version - 1).unwrap_or(usize::MAX);
    for (index, step) in steps.iter().enumerate().skip(seen) {
        object = step(object).map_err(|reason| StateErrorKind::Migration {
            from: index as u64 + 1,
            reason,
        })?;
    }
    Ok(object)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn rename(mut object: Map<String, Value>) -> Result<Map<String, Value>, String> {
        let value = object.remove("old").ok_or("`old` is missing")?;
        object.insert("new".to_owned(), value);
        Ok(object)
    }

    fn double(mut object: Map<String, Value>) -> Result<Map<String, Value>, String> {
        let value = object.get("new").and_then(Value::as_i64).ok_or("`new` is no number")?;
        object.insert("new".to_owned(), json!(2 * value));
        Ok(object)
    }

    fn run(value: Value) -> Result<Value, StateErrorKind> {
        let Value::Object(object) = value else {
            panic!("an object");
        };
        migrate(object, &[rename, double])
            .map(Value::Object)
            .map_err(|error| error.kind)
    }

    #[test]
    fn every_version_enters_at_its_own_step() {
        assert_eq!(run(json!({"version": 1, "old": 3})), Ok(json!({"new": 6})));
        assert_eq!(run(json!({"version": 2, "new": 3})), Ok(json!({"new": 6})));
        assert_eq!(run(json!({"version": 3, "new": 6})), Ok(json!({"new": 6})));
    }

    #[test]
    fn what_cannot_be_migrated_is_told() {
        assert_eq!(run(json!({"old": 3})), Err(StateErrorKind::NoVersion));
        for version in [json!(0), json!(-1), json!("1"), json!(1.5), json!(null)] {
            assert_eq!(
                run(json!({"version": version, "old": 3})),
                Err(StateErrorKind::NoVersion)
            );
        }
        assert_eq!(
            run(json!({"version": 4})),
            Err(StateErrorKind::FutureVersion { found: 4, newest: 3 })
        );
        assert!(matches!(
            run(json!({"version": 1})),
            Err(StateErrorKind::Migration { from: 1, .. })
        ));
        assert!(matches!(
            run(json!({"version": 1, "old": "x"})),
            Err(StateErrorKind::Migration { from: 2, .. })
        ));
    }
}
