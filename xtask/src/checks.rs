//! Steps with their times, and a sum at the end.

use anyhow::Result;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// How a step ended.
pub enum Outcome {
    /// It held; a short word on what was seen, or nothing.
    Passed(String),
    /// It could not be run here, and why.
    Skipped(String),
}

impl Outcome {
    /// It held, and there is nothing to add.
    pub fn passed() -> Self {
        Self::Passed(String::new())
    }
}

struct Record {
    name: String,
    outcome: Result<Outcome>,
    time: Duration,
}

/// Runs steps until one fails.
pub struct Checks {
    started: Instant,
    records: Vec<Record>,
    failed: bool,
}

impl Checks {
    /// No step yet.
    pub fn new() -> Self {
        Self {
            started: Instant::now(),
            records: Vec::new(),
            failed: false,
        }
    }

    /// Runs one step, unless an earlier one failed. `repeat` is the command that runs it alone.
    pub fn step(&mut self, name: &str, repeat: &str, run: impl FnOnce() -> Result<Outcome>) {
        if self.failed {
            return;
        }
        println!("\n── {name}");
        let started = Instant::now();
        let outcome = run();
        let time = started.elapsed();
        match &outcome {
            Ok(Outcome::Passed(note)) if note.is_empty() => println!("   passed in {}", spoken(time)),
            Ok(Outcome::Passed(note)) => println!("   passed in {}: {note}", spoken(time)),
            Ok(Outcome::Skipped(why)) => println!("   skipped: {why}"),
            Err(error) => {
                println!("   FAILED after {}: {error:#}\n   to repeat it: {repeat}", spoken(time));
                self.failed = true;
            }
        }
        self.records.push(Record {
            name: name.to_owned(),
            outcome,
            time,
        });
    }

    /// Runs a step even after a failure, where it does not depend on the others.
    pub fn independent(&mut self, name: &str, repeat: &str, run: impl FnOnce() -> Result<Outcome>) {
        let failed = std::mem::take(&mut self.failed);
        self.step(name, repeat, run);
        self.failed |= failed;
    }

    /// Prints the summary; its last line is the sum.
    pub fn finish(self) -> ExitCode {
        println!("\n{:<44} {:>9}  result", "check", "time");
        let (mut passed, mut failed, mut skipped) = (0, 0, 0);
        for record in &self.records {
            let (result, count) = match &record.outcome {
                Ok(Outcome::Passed(note)) if note.is_empty() => ("passed".to_owned(), &mut passed),
                Ok(Outcome::Passed(note)) => (format!("passed: {note}"), &mut passed),
                Ok(Outcome::Skipped(why)) => (format!("skipped: {why}"), &mut skipped),
                Err(_) => ("FAILED".to_owned(), &mut failed),
            };
            *count += 1;
            println!("{:<44} {:>9}  {result}", record.name, spoken(record.time));
        }
        println!("{:<44} {:>9}", "all", spoken(self.started.elapsed()));
        println!("checks: {passed} passed, {failed} failed, {skipped} skipped");
        if self.failed {
            ExitCode::FAILURE
        } else {
            ExitCode::SUCCESS
        }
    }
}

/// `3 min 05 s` or `7.2 s`.
pub fn spoken(time: Duration) -> String {
    let seconds = time.as_secs();
    if seconds >= 60 {
        format!("{} min {:02} s", seconds / 60, seconds % 60)
    } else {
        format!("{:.1} s", time.as_secs_f64())
    }
}
