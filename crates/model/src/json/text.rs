//! Bytes to JSON, with bounds on what parsing may take and sentences for what goes wrong.

use crate::error::{Result, fail};
use crate::limits::Limits;
use serde_json::Value as Json;

/// True if `bytes` begin as a JSON object does.
pub(crate) fn begins_object(bytes: &[u8]) -> bool {
    without_mark(bytes).iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{')
}

/// `bytes` without the byte order mark that some editors write.
pub(crate) fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}

/// Parses a file whose outermost value is an object.
///
/// The number of values is bounded by [`Limits::max_fields`] before anything is allocated, nesting by the parser at 128 levels.
pub(crate) fn parse(bytes: &[u8], limits: &Limits) -> Result<Json> {
    if bytes.len() > limits.max_bytes {
        fail!(
            Limit,
            "it has {} bytes, more than the {} allowed",
            bytes.len(),
            limits.max_bytes
        );
    }
    let bytes = without_mark(bytes);
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let (line, column) = place(bytes, error.valid_up_to());
            fail!(
                Corrupt,
                "it is no UTF-8 text from line {line}, column {column} on; it is damaged or another kind of file, copy it again"
            );
        }
    };
    if values(bytes, limits.max_fields) > limits.max_fields {
        fail!(Limit, "it has more than the {} values allowed", limits.max_fields);
    }
    match serde_json::from_str::<Json>(text) {
        Ok(json) if json.is_object() => Ok(json),
        Ok(_) => fail!(Corrupt, "its outermost value is no JSON object; choose a model file"),
        Err(error) => {
            let (line, column) = (error.line(), error.column());
            let reason = error.to_string();
            let reason = reason.split(" at line ").next().unwrap_or_default();
            if let Some(word) = not_a_number(text, line, column) {
                fail!(
                    NonFinite,
                    "it holds {word} at line {line}, column {column}; the training went wrong, train the model again"
                );
            }
            if reason.starts_with("recursion limit") {
                fail!(
                    Limit,
                    "it is nested too deeply at line {line}, column {column} (128 levels are read); it is no model that a trainer wrote"
                );
            }
            fail!(
                Corrupt,
                "it is broken JSON at line {line}, column {column} ({reason}); copy or export it again"
            );
        }
    }
}

/// An upper bound on the number of values, one pass without allocations: what stands between commas and brackets outside text.
/// Stops counting above `most`.
fn values(bytes: &[u8], most: usize) -> usize {
    let (mut count, mut quoted, mut escaped) = (1usize, false, false);
    for byte in bytes {
        match (quoted, *byte) {
            (true, _) if escaped => escaped = false,
            (true, b'\\') => escaped = true,
            (_, b'"') => quoted = !quoted,
            (false, b',' | b'[' | b'{') => {
                count += 1;
                if count > most {
                    break;
                }
            }
            _ => {}
        }
    }
    count
}

/// Line and column, from 1, of the byte at `offset`.
fn place(bytes: &[u8], offset: usize) -> (usize, usize) {
    let before = bytes.get(..offset).unwrap_or(bytes);
    let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
    let column = 1 + before.iter().rev().take_while(|byte| **byte != b'\n').count();
    (line, column)
}

/// What Python writes for numbers that are none, if that is what stands where the parser stopped.
fn not_a_number(text: &str, line: usize, column: usize) -> Option<&'static str> {
    let line = text.lines().nth(line.checked_sub(1)?)?;
    // The parser stops at a word's first letter or behind its sign.
    let near = line.get(column.saturating_sub(3)..)?;
    let near: String = near.chars().take(12).collect();
    ["-Infinity", "Infinity", "NaN"]
        .into_iter()
        .find(|word| near.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ReadErrorKind;

    fn error(text: &[u8]) -> (ReadErrorKind, String) {
        let error = parse(text, &Limits::default()).expect_err("refused");
        (error.kind(), error.to_string())
    }

    #[test]
    fn what_is_broken_is_said_with_its_place() {
        for (text, kind, words) in [
            (&b"{\n\"a\": [1, 2,\n]}"[..], ReadErrorKind::Corrupt, "line 3, column 1"),
            (b"{\"a\": 1", ReadErrorKind::Corrupt, "line 1, column 7"),
            (b"{\"a\": 1} x", ReadErrorKind::Corrupt, "line 1, column 10"),
            (b"{\"a\":\n [1.0, NaN]}", ReadErrorKind::NonFinite, "NaN at line 2"),
            (b"{\"a\": [-Infinity]}", ReadErrorKind::NonFinite, "Infinity at line 1"),
            (
                b"{\"a\": \"\xff\"}",
                ReadErrorKind::Corrupt,
                "UTF-8 text from line 1, column 8",
            ),
            (b"{\"a\": 1e999}", ReadErrorKind::Corrupt, "number out of range"),
            (b"[1]", ReadErrorKind::Corrupt, "no JSON object"),
            (b"", ReadErrorKind::Corrupt, "line 1"),
        ] {
            let (found, sentence) = error(text);
            assert_eq!(found, kind, "{sentence}");
            assert!(sentence.contains(words), "{words:?} is not in {sentence:?}");
        }
    }

    #[test]
    fn nesting_and_numbers_of_values_are_bounded() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(1000), "]".repeat(1000));
        let (kind, sentence) = error(deep.as_bytes());
        assert_eq!(kind, ReadErrorKind::Limit, "{sentence}");
        assert!(sentence.contains("nested too deeply"), "{sentence}");
        let limits = Limits {
            max_fields: 10,
            ..Limits::default()
        };
        let wide = format!("{{\"a\":[{}1]}}", "1,".repeat(20));
        assert_eq!(
            parse(wide.as_bytes(), &limits).expect_err("refused").kind(),
            ReadErrorKind::Limit
        );
        // What is inside of text does not count.
        assert!(parse(br#"{"a": "[,,,,,,,,\",,,,,,]"}"#, &limits).is_ok());
    }
}
