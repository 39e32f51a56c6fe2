//! What the fuzz targets share.
//!
//! * [`mutate`]: changes of an ONNX file that leave it an ONNX file: shapes, attributes, wiring, constants, operators.
//! * [`invariants`]: what every graph must be.
//! * [`play`]: a model through its processor, in cuts that follow from the input.
//! * [`compare`]: a model through its processor and through the interpreter.
//!
//! A target gets bytes and may return early; it fails by panicking, by running for more than 100 seconds by the clock on the wall, or by taking more
//! than two gigabytes. Each failing input is a file that `tonegraft inspect` opens.

pub mod compare;
pub mod invariants;
pub mod mutate;
pub mod play;
#[path = "../../crates/model/src/onnx/proto.rs"]
mod proto;
pub mod random;

use tonegraft_engine::Options;
use tonegraft_model::Limits;

/// Bounds on the file: small, so that a run takes milliseconds and a bound that does not hold shows as a timeout.
pub fn limits() -> Limits {
    let mut limits = Limits::default()
        .with_max_bytes(1 << 20)
        .with_max_nodes(512)
        .with_max_elements(1 << 18, 1 << 20);
    limits.max_folded_elements = 1 << 18;
    limits.max_fields = 1 << 16;
    limits.max_sidecar_bytes = 1 << 16;
    limits
}

/// The same, with bounds on what is made of the file: 32 MiB, `macs` multiply-adds per sample.
pub fn options(macs: u64) -> Options {
    let mut options = Options::default();
    options.limits = limits();
    options.budget.bytes = 32 << 20;
    options.budget.macs = macs;
    options
}
