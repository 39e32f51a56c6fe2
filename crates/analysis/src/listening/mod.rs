//! Blind listening tests: ABX, training for it, likeness and preference. Pure logic: audio, clock, threads and entropy are the caller's.
//!
//! ```text
//! Plan, Setup, Entropy ─ Test::begin ─┬─ listen ⇄ vote, N times ─ finish ─ Report (with its Log)
//!                                     └─ void ─ Log
//! Log ─ JSON, CSV ─ Log::read, verify ─ Pool: sessions summed up
//! ```
//!
//! * [`plan`]: what kind of test, how many trials, what is shown when.
//! * [`setup`]: what is heard: models and their hashes, gains, delays, loudness, passage; committed with the hidden sequence.
//! * [`secret`]: nonce and sequence, drawn before the first trial, and the commitment to them.
//! * [`test`](mod@test): the state machine; [`Test::public`] is all that may be shown while it runs, and is the same whatever X is.
//! * [`report`]: counts, exact p and intervals, and sentences that claim no more than they may.
//! * [`log`](mod@log): the record, as JSON and CSV, and its checked reader; [`pool`]: several records together.
//! * [`statistics`]: binomial tails, Clopper–Pearson intervals, power.
//! * [`anchor`]: the fit of the likeness test's anchor.
//!
//! **Rigour.** After Burstein (1988), ITU-R BS.1116 and the practice of public ABX tests: levels matched and held, X drawn for each trial by a
//! cryptographic generator and committed to before, the number of trials fixed or the score hidden (a score that is seen must not decide
//! when to stop), one-sided exact p with an interval and with what the test could have found, training apart, every session logged.
//!
//! **Commitment.** `SHA-256(nonce ‖ sequence ‖ document)`: 32 bytes of nonce, one ASCII letter for each trial ([`secret::Draw`]), then plan and
//! set-up as canonical JSON ([`canonical`]). Opened by the log, it can be recomputed with any SHA-256 program. It proves that sequence and
//! set-up were fixed before the first answer. It does not prove that the answers in a log are what somebody answered: logs are not signed.
//!
//! Times are milliseconds since the test began. Nothing here runs on the audio thread.

pub mod anchor;
mod beta;
pub mod canonical;
mod csv;
pub mod log;
pub mod plan;
pub mod pool;
pub mod report;
pub mod secret;
pub mod setup;
pub mod statistics;
pub mod test;
mod wording;

pub use anchor::{AnchorFit, anchor_fit};
pub use log::{Log, LogError, Trial};
pub use plan::{Kind, Plan, Score, Switching, Trials};
pub use report::{Outcome, Report};
pub use secret::Entropy;
pub use setup::{Passage, Place, Role, Setup, Subject};
pub use test::{Answer, Progress, Public, Refused, Route, Stimulus, Test, VoidReason};
