//! The self-test that AIDA-X files carry: audio, and what the network gave for it when it was trained.

use super::field::Field;
use super::text::{begins_object, parse};
use crate::error::{ReadError, Result, fail};
use crate::limits::Limits;

/// Most samples that are taken.
const MAX_SAMPLES: usize = 1 << 20;

/// Audio in, and what must come out from a state of zeros, with knobs at zero. Both of one length, mono, at the model's rate.
#[derive(Clone, Debug, PartialEq)]
pub struct SelfTest {
    /// `input_batch`.
    pub input: Vec<f32>,
    /// `output_batch`.
    pub output: Vec<f32>,
}

/// The self-test in a file of JSON, if it has one. For any thread but the audio's.
///
/// # Errors
/// The file is no JSON, or the two lists are no lists of numbers of one length.
pub fn self_test(bytes: &[u8], file: &str, limits: &Limits) -> std::result::Result<Option<SelfTest>, ReadError> {
    if !begins_object(bytes) {
        return Ok(None);
    }
    find(bytes, limits).map_err(|error| error.in_file(file))
}

fn find(bytes: &[u8], limits: &Limits) -> Result<Option<SelfTest>> {
    let json = parse(bytes, limits)?;
    let root = Field::root(&json);
    let (Some(input), Some(output)) = (root.get("input_batch"), root.get("output_batch")) else {
        return Ok(None);
    };
    let count = input.len();
    if count == 0 || count > MAX_SAMPLES {
        fail!(
            Corrupt,
            "its `input_batch` has {count} samples, but a self-test has 1 to {MAX_SAMPLES}"
        );
    }
    Ok(Some(SelfTest {
        input: input.floats(&[count], "a self-test")?,
        output: output.floats(&[count], "a self-test")?,
    }))
}
