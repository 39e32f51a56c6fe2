//! What the window asks of the compare worker, and what the worker has found: plain values behind a mutex.

use crate::editor::view::{DifferenceView, LatencyMeasure, LoudnessState, LoudnessView, SpectrumView, Watching};
use crate::shared::{LikenessAsk, Moment};
use parking_lot::{Condvar, Mutex};
use std::time::{Duration, Instant};

/// So long after the window's last word it is taken for closed.
const FORGOTTEN: Duration = Duration::from_millis(500);

/// How often the worker looks at the taps.
const TICK: Duration = Duration::from_millis(40);

/// What the worker has found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figures {
    /// Spectra of input, output and reference.
    pub spectrum: SpectrumView,
    /// A slot against the reference.
    pub difference: DifferenceView,
    /// Loudness of A, B and reference.
    pub loudness: LoudnessView,
    /// Latency by measurement.
    pub latency: LatencyMeasure,
    /// The reference's delay is being measured.
    pub aligning: bool,
    /// Why it could not be; empty: nothing is wrong.
    pub align_note: String,
}

/// What is asked for.
#[derive(Debug, Default)]
pub(super) struct Asks {
    pub(super) watching: Watching,
    watched: Option<Instant>,
    pub(super) align: bool,
    pub(super) loudness: Option<Moment>,
    pub(super) click: Option<Moment>,
    pub(super) afresh: bool,
    pub(super) likeness: Option<LikenessAsk>,
}

#[derive(Debug, Default)]
struct Inner {
    stop: bool,
    asks: Asks,
    figures: Figures,
    trims: Option<[Option<f32>; 3]>,
    moment: Option<Moment>,
}

/// Asks in, figures out.
#[derive(Debug, Default)]
pub struct Desk {
    inner: Mutex<Inner>,
    wake: Condvar,
}

impl Asks {
    fn is_watching(&self) -> bool {
        let seen = self.watched.is_some_and(|watched| watched.elapsed() < FORGOTTEN);
        seen && (self.watching.spectrum || self.watching.difference)
    }

    fn is_anything(&self) -> bool {
        self.align || self.loudness.is_some() || self.click.is_some() || self.likeness.is_some() || self.is_watching()
    }
}

impl Desk {
    fn ask(&self, ask: impl FnOnce(&mut Inner)) {
        ask(&mut self.inner.lock());
        self.wake.notify_all();
    }

    /// The window shows this, and the parameters say that; said with every frame it draws.
    pub fn watch(&self, watching: Watching, moment: Moment) {
        self.ask(|inner| {
            inner.moment = Some(moment);
            inner.asks.watching = watching;
            inner.asks.watched = Some(Instant::now());
        });
    }

    /// Measures how late the reference is.
    pub fn measure_reference(&self) {
        self.ask(|inner| {
            inner.asks.align = true;
            inner.figures.aligning = true;
            inner.figures.align_note.clear();
        });
    }

    /// Measures the loudness of the sources, and finds the trims with which all are as loud as slot A.
    pub fn match_loudness(&self, moment: Moment) {
        self.ask(|inner| {
            inner.asks.loudness = Some(moment);
            inner.figures.loudness.state = LoudnessState::Listening(0.0);
        });
    }

    /// Measures the latency of the live chain.
    pub fn measure_latency(&self, moment: Moment) {
        self.ask(|inner| {
            inner.asks.click = Some(moment);
            inner.figures.latency = LatencyMeasure::Running;
        });
    }

    /// Fits an anchor, and begins the likeness test.
    pub(crate) fn prepare_likeness(&self, ask: LikenessAsk) {
        self.ask(|inner| inner.asks.likeness = Some(ask));
    }

    /// Starts the figures of the difference and its map afresh.
    pub fn start_afresh(&self) {
        self.ask(|inner| inner.asks.afresh = true);
    }

    /// Something was changed that loudness and latency depend on.
    pub fn outdate(&self) {
        let mut inner = self.inner.lock();
        if inner.figures.loudness.state == LoudnessState::Matched {
            inner.figures.loudness.state = LoudnessState::Stale;
        }
        if matches!(inner.figures.latency, LatencyMeasure::Found(_)) {
            inner.figures.latency = LatencyMeasure::None;
        }
    }

    /// What the parameters said with the window's last frame.
    pub fn moment(&self) -> Option<Moment> {
        self.inner.lock().moment.clone()
    }

    /// What was found.
    pub fn figures(&self) -> Figures {
        self.inner.lock().figures.clone()
    }

    /// Loudness of A, B and reference in LUFS, trims included, as long as it holds.
    pub fn loudness(&self) -> [Option<f64>; 3] {
        let inner = self.inner.lock();
        match inner.figures.loudness.state {
            LoudnessState::Matched => inner.figures.loudness.lufs,
            _ => [None; 3],
        }
    }

    /// Trims in dB that the window should set, once: A, B, reference; `None` stays.
    pub fn take_trims(&self) -> Option<[Option<f32>; 3]> {
        self.inner.lock().trims.take()
    }

    /// Ends the worker.
    pub(crate) fn stop(&self) {
        self.ask(|inner| inner.stop = true);
    }

    /// Waits for work: a tick while `busy` or watched, else until something is asked for. `None`: end.
    pub(super) fn next(&self, busy: bool) -> Option<Asks> {
        let mut inner = self.inner.lock();
        let mut ticked = false;
        while !inner.stop && !ticked {
            let (now, soon) = (inner.asks.is_anything() && !busy, busy || inner.asks.is_watching());
            if now && !inner.asks.is_watching() {
                break;
            }
            if soon {
                self.wake.wait_for(&mut inner, TICK);
                // The window's words come with every frame: only time makes a tick.
                ticked = true;
            } else {
                self.wake.wait(&mut inner);
            }
        }
        if inner.stop {
            return None;
        }
        let watching = if inner.asks.is_watching() {
            inner.asks.watching
        } else {
            Watching::default()
        };
        Some(Asks {
            watching,
            watched: inner.asks.watched,
            align: std::mem::take(&mut inner.asks.align),
            loudness: inner.asks.loudness.take(),
            click: inner.asks.click.take(),
            afresh: std::mem::take(&mut inner.asks.afresh),
            likeness: inner.asks.likeness.take(),
        })
    }

    pub(super) fn publish(&self, publish: impl FnOnce(&mut Figures)) {
        publish(&mut self.inner.lock().figures);
    }

    pub(super) fn put_trims(&self, trims: [Option<f32>; 3]) {
        self.inner.lock().trims = Some(trims);
    }
}
