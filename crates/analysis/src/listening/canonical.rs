//! One text for one value, so that a hash of it means something: JSON with sorted keys, no blanks, fractions with six places.
//!
//! A field that is a fraction always has six places (`-18.000000`), a whole number none; strings are escaped as serde_json does, text
//! beyond ASCII stays as it is.

use serde::Serialize;
use serde_json::Value;
use std::fmt::Write;

/// `value` as canonical JSON; `None` if it has no JSON form. Numbers must be finite.
pub fn text<T: Serialize>(value: &T) -> Option<String> {
    let value = serde_json::to_value(value).ok()?;
    let mut text = String::new();
    write(&value, &mut text)?;
    Some(text)
}

fn write(value: &Value, text: &mut String) -> Option<()> {
    match value {
        Value::Number(number) if number.is_f64() => write!(text, "{:.6}", number.as_f64()?).ok()?,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => text.push_str(&value.to_string()),
        Value::Array(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                write(item, text)?;
            }
            text.push(']');
        }
        Value::Object(fields) => {
            let mut names: Vec<&String> = fields.keys().collect();
            names.sort_unstable();
            text.push('{');
            for (index, name) in names.into_iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                text.push_str(&Value::from(name.as_str()).to_string());
                text.push(':');
                write(fields.get(name)?, text)?;
            }
            text.push('}');
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn keys_are_sorted_and_fractions_fixed() {
        let value = json!({"b": [1, -0.5, 18.0], "a": {"z": null, "ä\"\n": true}});
        assert_eq!(
            text(&value).as_deref(),
            Some(r#"{"a":{"z":null,"ä\"\n":true},"b":[1,-0.500000,18.000000]}"#)
        );
    }
}
