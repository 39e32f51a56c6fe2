//! A model against the real device, while both are played.
//!
//! The window ([`DifferenceConfig::window`]) slides by steps ([`DifferenceConfig::hop`]). In it, `r` the reference and `m` the model, the
//! delay `d` and the gain `g` are those for which `Σ (r[n] − g · m[n − d])²` is least: found once by [`align`](crate::align) (a search
//! over whole lags, then to a fraction), and kept up with every step by a Gauss–Newton step over the whole window. `m` is shifted by
//! the phase of its spectrum, over the full band.

use std::collections::VecDeque;

use super::error_map::ErrorMap;
use super::history::History;
use super::pieces::{Aligner, Fit, Sums};
use super::reading::{DifferenceConfig, Reading, Spectra, State};
use crate::align::{self, AlignOptions};
use crate::input::power_db;
use crate::spectrum::{Windowed, window_size};
use crate::stft::{self, MultiResolution, RESOLUTIONS};

/// A stream quieter than this over the window is silent, dBFS (RMS).
const SILENT_DB: f64 = -90.0;

/// A search whose confidence is below this has found nothing.
const LEAST_CONFIDENCE: f64 = 0.2;

/// Seconds that a first search waits for, and after which one that found nothing is tried again.
const SEARCH_EVERY: f64 = 2.0;

/// A delay at which both correlate less than this over a whole window is looked for anew, at most every [`LOST_EVERY`] seconds.
const LOST: f64 = 0.3;

/// Seconds between searches for a delay that was lost.
const LOST_EVERY: f64 = 8.0;

/// The delay is moved if that lowers what is left by this part of it.
const WORTHWHILE: f64 = 0.01;

/// One step of the window.
struct Piece {
    /// Its first frame of the reference.
    from: i64,
    sums: Sums,
    detail: Option<Detail>,
}

/// What costs more than sums, and is kept while the alignment stays nearly the same.
struct Detail {
    delay: f64,
    gain: f64,
    stft: stft::Sums,
    windows: f64,
    spectra: Spectra,
}

impl Detail {
    fn holds(&self, delay: f64, gain: f64) -> bool {
        (self.delay - delay).abs() < 0.02 && (self.gain / gain - 1.0).abs() < 0.01
    }
}

/// The sliding measure. Not for the audio thread.
pub struct Difference {
    config: DifferenceConfig,
    hop: usize,
    steps: usize,
    context: usize,
    input: History,
    model: Vec<History>,
    reference: Vec<History>,
    aligner: Aligner,
    stft: MultiResolution,
    transform: Windowed,
    map: ErrorMap,
    mapped: i64,
    input_delay: i64,
    delay: Option<f64>,
    confidence: Option<f64>,
    following: bool,
    search: bool,
    next_search: i64,
    pieces: VecDeque<Piece>,
    scratch: [Vec<f32>; 2],
    state: State,
}

impl Difference {
    /// Settings outside of their ranges are brought into them.
    pub fn new(config: DifferenceConfig) -> Self {
        let config = config.checked();
        let frames = |seconds: f64| (seconds * config.rate).round() as usize;
        let hop = frames(config.hop);
        let steps = ((config.window / config.hop).round() as usize).max(1);
        let map = ErrorMap::new(config.rate);
        let size = window_size(config.rate);
        let context = 1_100 + size.saturating_sub(hop);
        let aligner = Aligner::new(hop, context);
        let kept = (steps + 2) * hop + 2 * aligner.margin() + 2 * frames(config.max_lag) + frames(SEARCH_EVERY);
        let histories = || (0..config.channels).map(|_| History::new(kept)).collect::<Vec<_>>();
        Self {
            hop,
            steps,
            context,
            input: History::new(kept + frames(1.0)),
            model: histories(),
            reference: histories(),
            aligner,
            stft: MultiResolution::new(),
            transform: Windowed::new(size),
            map,
            mapped: 0,
            input_delay: 0,
            delay: None,
            confidence: None,
            following: true,
            search: config.searching,
            next_search: frames(SEARCH_EVERY) as i64,
            pieces: VecDeque::new(),
            scratch: [Vec::new(), Vec::new()],
            state: State::Filling,
            config,
        }
    }

    /// Takes the next frames of all streams, as they come from the taps: the same number of each. `input` is what the model was given (its
    /// mean over channels goes to the error map), or empty. Missing channels and samples that are no numbers are silent.
    pub fn feed(&mut self, input: &[&[f32]], model: &[&[f32]], reference: &[&[f32]]) {
        let longest = |channels: &[&[f32]]| channels.iter().map(|channel| channel.len()).max().unwrap_or(0);
        let frames = longest(model).max(longest(reference));
        for (histories, channels) in [(&mut self.model, model), (&mut self.reference, reference)] {
            for (index, history) in histories.iter_mut().enumerate() {
                history.push(channels.get(index).copied().unwrap_or(&[]), frames);
            }
        }
        match input {
            [] => self.input.push(&[], frames),
            [one] => self.input.push(one, frames),
            several => {
                let share = 1.0 / several.len() as f32;
                let at = |n: usize| several.iter().filter_map(|channel| channel.get(n)).sum::<f32>() * share;
                let mean: Vec<f32> = (0..frames).map(at).collect();
                self.input.push(&mean, frames);
            }
        }
    }

    /// The streams were interrupted: what was heard is forgotten, the delay is kept.
    pub fn restart(&mut self) {
        for history in self
            .model
            .iter_mut()
            .chain(&mut self.reference)
            .chain([&mut self.input])
        {
            history.clear();
        }
        self.pieces.clear();
        self.mapped = 0;
        self.next_search = (SEARCH_EVERY * self.config.rate) as i64;
        self.state = State::Filling;
    }

    /// Forgets the delay too, and the error map. A lock is opened.
    pub fn reset(&mut self) {
        self.restart();
        self.map.clear();
        self.delay = None;
        self.confidence = None;
        self.following = true;
        self.search = self.config.searching;
    }

    /// Looks for the delay anew with the next [`Self::update`] that knows enough (1 s).
    pub fn search(&mut self) {
        self.search = true;
        self.next_search = 0;
    }

    /// Sets the delay of the reference against the model in frames (within `max_lag`; no number is ignored), from which the steps
    /// follow on if [`Self::follow`] allows.
    pub fn set_delay(&mut self, frames: f64) {
        if frames.is_finite() {
            let most = self.config.max_lag * self.config.rate;
            self.move_to(frames.clamp(-most, most));
            self.confidence = None;
            self.search = false;
        }
    }

    /// Whether each step refines the delay (the default). False locks it; gain and polarity are always least squares.
    pub fn follow(&mut self, following: bool) {
        self.following = following;
    }

    /// How many frames the model's stream is later than the input's: what the host is told as latency. Only the error map needs it.
    pub fn set_input_delay(&mut self, frames: usize) {
        self.input_delay = i64::try_from(frames).unwrap_or(i64::MAX / 4);
    }

    /// The delay of the reference against the model in frames, if one is known.
    pub fn delay(&self) -> Option<f64> {
        self.delay
    }

    /// What the last [`Self::update`] found.
    pub fn state(&self) -> State {
        self.state
    }

    /// The error map of all that was heard since it was cleared, where the null is better than −3 dB.
    pub fn map(&self) -> &ErrorMap {
        &self.map
    }

    /// Empties the error map.
    pub fn clear_map(&mut self) {
        self.map.clear();
    }

    /// Brings everything up to what was fed; to be called about once per step. Costs a few milliseconds; some tenths of a second when
    /// it searches.
    pub fn update(&mut self) -> State {
        if self.search && self.end() >= self.next_search.max(self.config.rate as i64) {
            self.find();
        }
        let Some(delay) = self.delay else {
            self.state = self.unaligned();
            return self.state;
        };
        self.advance(delay);
        if self.pieces.is_empty() {
            self.state = State::Filling;
            return self.state;
        }
        let mut fit = self.total().fit();
        if self.following {
            fit = self.refine(fit);
        }
        let total = self.total();
        let frames = (self.pieces.len() * self.hop * self.config.channels) as f64;
        let (reference_db, model_db) = (power_db(total.rr / frames), power_db(total.mm / frames));
        let silent = (model_db < SILENT_DB, reference_db < SILENT_DB);
        if silent.0 || silent.1 || fit.gain == 0.0 {
            self.state = State::Silent {
                model: silent.0,
                reference: silent.1,
            };
            return self.state;
        }
        self.detail(fit.gain, fit.residual < 0.5 * total.rr);
        self.state = self.read(&total, &fit, reference_db, model_db);
        self.watch();
        self.state
    }

    /// Asks for a search if the delay was lost: another cable, another device.
    fn watch(&mut self) {
        let State::Measured(reading) = self.state else {
            return;
        };
        let whole = self.pieces.len() == self.steps;
        if self.config.searching && self.following && !self.search && whole && reading.correlation < LOST {
            self.search = true;
            self.next_search = self.next_search.max(self.end());
        }
    }

    fn read(&self, total: &Sums, fit: &Fit, reference_db: f64, model_db: f64) -> State {
        let sign = fit.gain.signum();
        let (Some(delay), Some((esr, esr_preemphasis)), Some((esr_unscaled, _))) =
            (self.delay, total.esr(fit.gain), total.esr(sign))
        else {
            return self.unaligned();
        };
        let mut stft = stft::Sums::default();
        for detail in self.details(fit.gain) {
            stft.join(&detail.stft);
        }
        State::Measured(Reading {
            delay,
            confidence: self.confidence,
            gain_db: 20.0 * fit.gain.abs().log10(),
            inverted: fit.gain < 0.0,
            difference_gain: total.rm / total.rr,
            null_db: power_db(esr),
            esr,
            esr_preemphasis,
            esr_unscaled,
            correlation: (total.rm.abs() / (total.rr * total.mm).sqrt()).min(1.0),
            mr_stft: stft.distance(),
            reference_db,
            model_db,
            seconds: (self.pieces.len() * self.hop) as f64 / self.config.rate,
        })
    }

    /// Mean spectra of the steps that are up to date; `None` unless measured.
    pub fn spectra(&self) -> Option<Spectra> {
        let State::Measured(reading) = self.state else {
            return None;
        };
        let gain = 10f64.powf(reading.gain_db / 20.0) * if reading.inverted { -1.0 } else { 1.0 };
        let mut windows = 0.0;
        let zeros = || vec![0.0; self.transform.size() / 2 + 1];
        let mut mean = Spectra {
            difference: zeros(),
            reference: zeros(),
            model: zeros(),
        };
        for detail in self.details(gain) {
            windows += detail.windows;
            let from = &detail.spectra;
            for (to, from) in [
                (&mut mean.difference, &from.difference),
                (&mut mean.reference, &from.reference),
                (&mut mean.model, &from.model),
            ] {
                for (to, from) in to.iter_mut().zip(from) {
                    *to += from;
                }
            }
        }
        if windows == 0.0 {
            return None;
        }
        for value in mean
            .difference
            .iter_mut()
            .chain(&mut mean.reference)
            .chain(&mut mean.model)
        {
            *value /= windows;
        }
        Some(mean)
    }

    fn details(&self, gain: f64) -> impl Iterator<Item = &Detail> {
        let delay = self.delay.unwrap_or(f64::NAN);
        self.pieces
            .iter()
            .filter_map(|piece| piece.detail.as_ref())
            .filter(move |detail| detail.holds(delay, gain))
    }

    fn end(&self) -> i64 {
        self.reference.first().map_or(0, History::end)
    }

    fn unaligned(&self) -> State {
        if self.end() < self.config.rate as i64 {
            return State::Filling;
        }
        let frames = (self.end() as usize).min(self.steps * self.hop);
        let quiet = |histories: &[History]| {
            let mut signal = vec![0.0; frames];
            let power: f64 = histories
                .iter()
                .map(|history| {
                    history.read(history.end() - frames as i64, &mut signal);
                    energy(&signal)
                })
                .sum();
            power_db(power / (frames * histories.len()) as f64) < SILENT_DB
        };
        let (model, reference) = (quiet(&self.model), quiet(&self.reference));
        if model || reference {
            State::Silent { model, reference }
        } else {
            State::Unaligned {
                confidence: self.confidence,
            }
        }
    }

    /// Looks for the delay over the window.
    fn find(&mut self) {
        let wait = if self.delay.is_some() { LOST_EVERY } else { SEARCH_EVERY };
        self.next_search = self.end() + (wait * self.config.rate) as i64;
        let frames = (self.end() as usize).min(self.steps * self.hop);
        let from = self.end() - frames as i64;
        let read = |history: &History| {
            let mut signal = vec![0.0; frames];
            history.read(from, &mut signal);
            signal
        };
        // Of the channel that has more to tell.
        let loudest = (0..self.config.channels)
            .map(|index| (read(&self.model[index]), read(&self.reference[index])))
            .max_by(|(_, a), (_, b)| energy(a).total_cmp(&energy(b)));
        let Some((model, reference)) = loudest else {
            return;
        };
        let loud = |signal: &[f32]| power_db(energy(signal) / frames.max(1) as f64) > SILENT_DB;
        if !loud(&model) || !loud(&reference) {
            return;
        }
        let options = AlignOptions::new((self.config.max_lag * self.config.rate) as usize);
        let found = align::estimate(&model, &reference, &options);
        self.confidence = found.map(|found| found.confidence);
        if let Some(found) = found.filter(|found| found.confidence >= LEAST_CONFIDENCE) {
            self.move_to(found.delay);
            self.search = false;
        }
    }

    fn move_to(&mut self, delay: f64) {
        self.delay = Some(delay);
        self.pieces.clear();
    }

    /// Adds the pieces that are complete by now, drops those that left the window.
    fn advance(&mut self, delay: f64) {
        let (hop, margin) = (self.hop as i64, self.aligner.margin() as i64);
        let whole = delay.round() as i64;
        // Both streams must reach beyond the piece's end, and begin before its beginning.
        let end = self.end() + whole.min(0) - margin;
        let first = (margin + whole.max(0) + hop - 1).div_euclid(hop) * hop;
        let newest = end.div_euclid(hop) * hop - hop;
        let oldest = first.max(newest - hop * (self.steps as i64 - 1));
        while self.pieces.front().is_some_and(|piece| piece.from < oldest) {
            self.pieces.pop_front();
        }
        let mut from = self.pieces.back().map_or(oldest, |piece| piece.from + hop).max(oldest);
        while from <= newest {
            let sums = self.sums(from, delay);
            self.pieces.push_back(Piece {
                from,
                sums,
                detail: None,
            });
            from += hop;
        }
    }

    fn sums(&mut self, from: i64, delay: f64) -> Sums {
        let mut sums = Sums::default();
        for (model, reference) in self.model.iter().zip(&self.reference) {
            sums.join(&self.aligner.sums(model, reference, from, delay));
        }
        sums
    }

    fn total(&self) -> Sums {
        let mut total = Sums::default();
        for piece in &self.pieces {
            total.join(&piece.sums);
        }
        total
    }

    /// Moves the delay as far as that is worth it. More than one step is only needed from a delay that was set.
    fn refine(&mut self, mut fit: Fit) -> Fit {
        for _ in 0..4 {
            let total = self.total();
            let (Some(delay), floor) = (self.delay, 1e-13 * total.rr) else {
                break;
            };
            let alike = fit.residual < 0.9 * total.rr;
            if !alike || fit.reduction <= WORTHWHILE * (fit.residual + floor) {
                break;
            }
            let most = self.config.max_lag * self.config.rate;
            let moved = (delay + fit.step.clamp(-0.5, 0.5)).clamp(-most, most);
            let sums: Vec<Sums> = (0..self.pieces.len())
                .map(|index| self.sums(self.pieces[index].from, moved))
                .collect();
            let mut after = Sums::default();
            for sums in &sums {
                after.join(sums);
            }
            let next = after.fit();
            if next.residual >= fit.residual {
                break;
            }
            let small = fit.step.abs() < 0.05;
            self.delay = Some(moved);
            for (piece, sums) in self.pieces.iter_mut().zip(sums) {
                piece.sums = sums;
            }
            fit = next;
            if small {
                break;
            }
        }
        fit
    }

    /// Measures the newest piece in detail, and one whose details no longer hold.
    fn detail(&mut self, gain: f64, trusted: bool) {
        let Some(delay) = self.delay else {
            return;
        };
        let stale = |piece: &Piece| !piece.detail.as_ref().is_some_and(|detail| detail.holds(delay, gain));
        let indices: Vec<usize> = (0..self.pieces.len())
            .rev()
            .filter(|index| stale(&self.pieces[*index]))
            .take(2)
            .collect();
        for index in indices {
            let from = self.pieces[index].from;
            let detail = self.measure(from, delay, gain, trusted);
            self.pieces[index].detail = Some(detail);
        }
    }

    fn measure(&mut self, from: i64, delay: f64, gain: f64, trusted: bool) -> Detail {
        let size = self.transform.size();
        let zeros = || vec![0.0; size / 2 + 1];
        let mut detail = Detail {
            delay,
            gain,
            stft: stft::Sums::default(),
            windows: 0.0,
            spectra: Spectra {
                difference: zeros(),
                reference: zeros(),
                model: zeros(),
            },
        };
        let (hop, context) = (self.hop, self.context);
        let [mut mono_reference, mut mono_model] = [vec![0.0; hop], vec![0.0; hop]];
        let [mut reference, mut model] = std::mem::take(&mut self.scratch);
        for channel in 0..self.config.channels {
            let streams = (&self.model[channel], &self.reference[channel]);
            self.aligner
                .aligned(streams, from, delay, gain, context, [&mut reference, &mut model]);
            for (index, resolution) in RESOLUTIONS.iter().enumerate() {
                let step = resolution.hop as i64;
                let mut centre = from + (step - from.rem_euclid(step)) % step;
                while centre < from + hop as i64 {
                    let start = (centre - from) as usize + context - resolution.fft / 2;
                    let range = start..start + resolution.fft;
                    self.stft
                        .add(index, &reference[range.clone()], &model[range], &mut detail.stft);
                    centre += step;
                }
            }
            let mut start = 0;
            let mut difference = vec![0.0; size];
            while start + size <= reference.len() {
                let (r, m) = (&reference[start..start + size], &model[start..start + size]);
                for ((to, r), m) in difference.iter_mut().zip(r).zip(m) {
                    *to = r - m;
                }
                self.transform
                    .add_power(&difference, 1.0, &mut detail.spectra.difference);
                self.transform.add_power(r, 1.0, &mut detail.spectra.reference);
                self.transform.add_power(m, 1.0, &mut detail.spectra.model);
                detail.windows += 1.0;
                start += size / 2;
            }
            let share = 1.0 / self.config.channels as f32;
            for (mono, signal) in [(&mut mono_reference, &reference), (&mut mono_model, &model)] {
                for (to, from) in mono.iter_mut().zip(&signal[context..]) {
                    *to += share * from;
                }
            }
        }
        if from >= self.mapped {
            self.mapped = from + hop as i64;
            if trusted {
                let mut input = vec![0.0; hop];
                self.input
                    .read(from - delay.round() as i64 - self.input_delay, &mut input);
                self.map.add(&input, &mono_reference, &mono_model);
            }
        }
        self.scratch = [reference, model];
        detail
    }
}

fn energy(signal: &[f32]) -> f64 {
    signal.iter().map(|s| f64::from(*s) * f64::from(*s)).sum()
}
