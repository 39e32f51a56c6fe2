//! Writes a network with random weights: `cargo run -p tonegraft-tests --example network -- codec FILE.onnx`.

use std::process::ExitCode;
use tonegraft_tests::networks;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (bytes, weights) = match arguments.first().map(String::as_str) {
        Some("codec") => networks::codec(),
        Some("amplifier") => networks::amplifier(),
        _ => {
            eprintln!("usage: network codec|amplifier FILE.onnx");
            return ExitCode::FAILURE;
        }
    };
    let Some(file) = arguments.get(1) else {
        eprintln!("where to? usage: network codec|amplifier FILE.onnx");
        return ExitCode::FAILURE;
    };
    if let Err(error) = std::fs::write(file, &bytes) {
        eprintln!("{file}: {error}");
        return ExitCode::FAILURE;
    }
    println!("{file}: {weights} weights, {} bytes", bytes.len());
    ExitCode::SUCCESS
}
