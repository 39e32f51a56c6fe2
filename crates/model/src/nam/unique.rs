//! Keys must not stand twice in one object: which of them counts is nowhere said, and players differ.

use crate::error::{Result, fail};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use std::collections::HashSet;
use std::fmt;

/// A value that is only looked at.
struct Unique;

struct Look;

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        from.deserialize_any(Look)
    }
}

impl<'de> Visitor<'de> for Look {
    type Value = Unique;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> std::result::Result<Unique, E> {
        Ok(Unique)
    }

    fn visit_bool<E>(self, _: bool) -> std::result::Result<Unique, E> {
        Ok(Unique)
    }

    fn visit_i64<E>(self, _: i64) -> std::result::Result<Unique, E> {
        Ok(Unique)
    }

    fn visit_u64<E>(self, _: u64) -> std::result::Result<Unique, E> {
        Ok(Unique)
    }

    fn visit_f64<E>(self, _: f64) -> std::result::Result<Unique, E> {
        Ok(Unique)
    }

    fn visit_str<E>(self, _: &str) -> std::result::Result<Unique, E> {
        Ok(Unique)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> std::result::Result<Unique, A::Error> {
        while list.next_element::<Unique>()?.is_some() {}
        Ok(Unique)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> std::result::Result<Unique, A::Error> {
        let mut seen: HashSet<String> = HashSet::new();
        while let Some(key) = object.next_key::<String>()? {
            if let Some(twice) = seen.replace(key) {
                let twice = crate::error::shorten(&twice);
                return Err(A::Error::custom(format!(
                    "the key `{twice}` stands twice in one object"
                )));
            }
            object.next_value::<Unique>()?;
        }
        Ok(Unique)
    }
}

/// Checks a text that was parsed before.
pub(super) fn check(bytes: &[u8]) -> Result<()> {
    let bytes = crate::json::without_mark(bytes);
    match serde_json::from_slice::<Unique>(bytes) {
        Ok(Unique) => Ok(()),
        Err(error) => fail!(Corrupt, "{error}; export the model again"),
    }
}
