//! Listening tests from the first trial to the log, and what must not be seen on the way.

mod common;
mod leaks;
mod logs;
mod pools;
mod rules;
mod wording;
