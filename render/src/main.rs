//! `tonegraft`: the command line.
#![deny(unsafe_code)]

mod alloc;

use anyhow::Result;
use clap::{CommandFactory, Parser};
use std::process::ExitCode;
use tonegraft_render::cli::{Cli, Command};
use tonegraft_render::{abx_report, aliasing, bench, compare, convert, inspect, render, shelf, state};

#[global_allocator]
static ALLOCATOR: alloc::Counting = alloc::Counting;

fn main() -> ExitCode {
    match run(&Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: &Cli) -> Result<()> {
    match &cli.command {
        Command::Render(args) => render::run(args),
        Command::Inspect(args) => inspect::run(args),
        Command::Bench(args) => bench::run(args, &alloc::calls),
        Command::Convert(args) => convert::run(args),
        Command::Aliasing(args) => aliasing::run(args),
        Command::Compare(args) => compare::run(args),
        Command::State(args) => state::run(args),
        Command::Library(args) => shelf::run(args),
        Command::AbxReport(args) => abx_report::run(args),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Cli::command(), "tonegraft", &mut script);
            tonegraft_render::line(&String::from_utf8_lossy(&script))
        }
    }
}
