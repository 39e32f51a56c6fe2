//! One value of a file together with its place in it, so that every error names the key.

use crate::error::{ReadError, ReadErrorKind, Result, fail, shorten};
use serde_json::Value as Json;

/// A value and how to call it, e.g. `layers[2].weights[0]`.
#[derive(Clone, Debug)]
pub(crate) struct Field<'a> {
    json: &'a Json,
    path: String,
}

impl<'a> Field<'a> {
    pub(crate) const fn root(json: &'a Json) -> Self {
        Self {
            json,
            path: String::new(),
        }
    }

    /// How errors call it.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    pub(crate) const fn json(&self) -> &'a Json {
        self.json
    }

    /// The field `key`, if it is there and not null.
    pub(crate) fn get(&self, key: &str) -> Option<Field<'a>> {
        let json = self.json.get(key).filter(|json| !json.is_null())?;
        let path = if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        };
        Some(Field { json, path })
    }

    /// The field `key`.
    pub(crate) fn need(&self, key: &str) -> Result<Field<'a>> {
        match self.get(key) {
            Some(field) => Ok(field),
            None if self.path.is_empty() => fail!(Corrupt, "it has no `{key}`; export the model again"),
            None => fail!(
                Corrupt,
                "its `{}` has no `{key}`; export the model again",
                shorten(&self.path)
            ),
        }
    }

    /// The elements of a list.
    pub(crate) fn items(&self) -> Result<Vec<Field<'a>>> {
        let Some(items) = self.json.as_array() else {
            return Err(self.wrong("must be a list"));
        };
        Ok((items.iter().enumerate())
            .map(|(index, json)| Field {
                json,
                path: format!("{}[{index}]", self.path),
            })
            .collect())
    }

    /// Number of elements of a list, 0 for anything else.
    pub(crate) fn len(&self) -> usize {
        self.json.as_array().map_or(0, Vec::len)
    }

    /// The element `index` of a list.
    pub(crate) fn at(&self, index: usize) -> Result<Field<'a>> {
        match self.json.get(index) {
            Some(json) => Ok(Field {
                json,
                path: format!("{}[{index}]", self.path),
            }),
            None => Err(self.wrong(&format!("has {} parts, but part {} is needed", self.len(), index + 1))),
        }
    }

    pub(crate) fn text(&self) -> Result<&'a str> {
        match self.json.as_str() {
            Some(text) => Ok(text),
            None => Err(self.wrong("must be text")),
        }
    }

    /// A truth value.
    pub(crate) fn flag(&self) -> Result<bool> {
        match self.json.as_bool() {
            Some(flag) => Ok(flag),
            None => Err(self.wrong("must be true or false")),
        }
    }

    /// A number, also one that is written as text.
    pub(crate) fn number(&self) -> Result<f64> {
        let number = match self.json {
            Json::String(text) => text.trim().parse().ok(),
            json => json.as_f64(),
        };
        match number.filter(|number: &f64| number.is_finite()) {
            Some(number) => Ok(number),
            None => Err(self.wrong("must be a number")),
        }
    }

    /// A whole number from `low` to `high`.
    pub(crate) fn size(&self, low: usize, high: usize) -> Result<usize> {
        let number = self.number()?;
        // Below 2^53, so that the conversion is exact.
        #[allow(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss
        )]
        if number.fract() == 0.0 && (low as f64..=high as f64).contains(&number) {
            return Ok(number as usize);
        }
        Err(self.wrong(&format!("is {number}, but must be a whole number from {low} to {high}")))
    }

    /// The last element of a list of sizes, or the number itself where it is none, as RTNeural reads `kernel_size` and its like.
    pub(crate) fn last_size(&self, low: usize, high: usize) -> Result<usize> {
        match self.len() {
            0 => self.size(low, high),
            count => self.at(count - 1)?.size(low, high),
        }
    }

    /// Numbers of exactly this shape, row-major; `what` says why it must be so.
    pub(crate) fn floats(&self, shape: &[usize], what: &str) -> Result<Vec<f32>> {
        let mut values = Vec::new();
        if self.collect(self.json, shape, &mut values)? {
            return Ok(values);
        }
        let found = sizes(self.json);
        let ragged = if found == shape {
            " (not all rows are of one length)"
        } else {
            ""
        };
        fail!(
            Tensor,
            "its `{}` has the shape {found:?}{ragged}, but {what} needs {shape:?}; export the model again",
            shorten(&self.path)
        );
    }

    /// False if the shape is another.
    fn collect(&self, json: &Json, shape: &[usize], values: &mut Vec<f32>) -> Result<bool> {
        let Some((size, inner)) = shape.split_first() else {
            // Weights are single precision wherever they are used.
            #[allow(clippy::cast_possible_truncation)]
            return match json.as_f64().map(|value| value as f32) {
                Some(value) if value.is_finite() => {
                    values.push(value);
                    Ok(true)
                }
                None if !json.is_null() => Ok(false),
                value => fail!(
                    NonFinite,
                    "number {} of its `{}` is {}; the training went wrong or the file is damaged, export the model again",
                    values.len(),
                    shorten(&self.path),
                    value.map_or_else(|| "null".to_owned(), |value| value.to_string())
                ),
            };
        };
        let Some(items) = json.as_array().filter(|items| items.len() == *size) else {
            return Ok(false);
        };
        for item in items {
            if !self.collect(item, inner, values)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// An error about this value.
    pub(crate) fn wrong(&self, what: &str) -> ReadError {
        ReadError::new(
            ReadErrorKind::Corrupt,
            format!("its `{}` {what}; export the model again", shorten(&self.path)),
        )
    }
}

/// Sizes along the first elements.
fn sizes(mut json: &Json) -> Vec<usize> {
    let mut sizes = Vec::new();
    while let Some(items) = json.as_array() {
        sizes.push(items.len());
        match items.first() {
            Some(first) => json = first,
            None => break,
        }
    }
    sizes
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn shapes_and_numbers_are_checked() {
        let file = json!({"a": [[1, 2.5], [3, 4]], "b": [[1], [2, 3]], "c": [1, null], "d": [1e40], "e": [["x"]]});
        let root = Field::root(&file);
        let floats = |key: &str, shape: &[usize]| {
            let field = root.need(key).expect("there");
            field.floats(shape, "a test").map_err(|error| error.to_string())
        };
        assert_eq!(floats("a", &[2, 2]), Ok(vec![1.0, 2.5, 3.0, 4.0]));
        for (key, shape, words) in [
            ("a", &[2, 3][..], "has the shape [2, 2], but a test needs [2, 3]"),
            ("a", &[4], "[2, 2]"),
            ("b", &[2, 1], "not all rows"),
            ("c", &[2], "number 1 of its `c` is null"),
            ("d", &[1], "number 0 of its `d` is inf"),
            ("e", &[1, 1], "shape"),
        ] {
            let error = floats(key, shape).expect_err("refused");
            assert!(error.contains(words), "{words:?} is not in {error:?}");
        }
        let error = root.need("z").expect_err("refused").to_string();
        assert!(error.contains("no `z`"), "{error}");
    }

    #[test]
    fn sizes_are_whole_and_bounded() {
        let file = json!({"a": 3, "b": 3.5, "c": "4", "d": [null, 7], "e": -1, "f": 1e300});
        let root = Field::root(&file);
        let size = |key: &str| root.need(key).and_then(|field| field.last_size(1, 10)).ok();
        assert_eq!((size("a"), size("c"), size("d")), (Some(3), Some(4), Some(7)));
        assert_eq!((size("b"), size("e"), size("f")), (None, None, None));
    }
}
