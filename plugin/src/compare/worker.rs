//! The thread.

use super::Task;
use super::align::Aligning;
use super::anchor;
use super::click::Clicking;
use super::desk::Asks;
use super::difference::Comparing;
use super::loudness::Matching;
use super::spectra::Spectra;
use crate::editor::view::{DifferenceState, DifferenceView, LatencyMeasure, LoudnessState, Watching};
use crate::playable::Track;
use crate::shared::{Moment, Shared, difference_slot};
use crate::side_chain::SideChainSignal;
use std::sync::Arc;
use std::thread::JoinHandle;
use tonegraft_core::Source;
use tonegraft_slots::{Piece, TapReader};

/// The thread; stopped and joined on drop.
#[derive(Debug)]
pub struct Comparer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Comparer {
    /// Starts the thread, which sleeps until something is asked for.
    pub fn start(shared: Arc<Shared>) -> Self {
        let thread = {
            let shared = Arc::clone(&shared);
            std::thread::Builder::new()
                .name("tonegraft-compare".into())
                .spawn(move || Work::new(&shared).run())
        };
        if let Err(error) = &thread {
            shared.show_error(format!(
                "No thread for comparing could be started ({error}); close other programs."
            ));
        }
        Self {
            shared,
            thread: thread.ok(),
        }
    }
}

impl Drop for Comparer {
    fn drop(&mut self) {
        self.shared.desk.stop();
        if let Some(thread) = self.thread.take() {
            // A panic of that thread must not become one of the host's.
            let _ = thread.join();
        }
    }
}

/// Why nothing is measured during a test.
const TESTING: &str = "A listening test runs; end it first.";

/// The bank's taps, and what they are of.
struct Tapped {
    activation: u64,
    track: Track,
    references: usize,
    reader: TapReader,
    /// The frame that comes next; `None`: any.
    next: Option<u64>,
}

struct Work<'a> {
    shared: &'a Shared,
    tapped: Option<Tapped>,
    watching: Watching,
    spectra: Option<Spectra>,
    comparing: Option<Comparing>,
    aligning: Option<Aligning>,
    matching: Option<Matching>,
    clicking: Option<Clicking>,
}

impl<'a> Work<'a> {
    fn new(shared: &'a Shared) -> Self {
        Self {
            shared,
            tapped: None,
            watching: Watching::default(),
            spectra: None,
            comparing: None,
            aligning: None,
            matching: None,
            clicking: None,
        }
    }

    fn run(&mut self) {
        let mut busy = false;
        while let Some(mut asks) = self.shared.desk.next(busy) {
            if self.shared.is_testing() {
                // Whatever is heard in the test must not show.
                self.stop(TESTING);
                self.refuse(&asks, TESTING);
                busy = false;
                // The window goes on saying what it shows.
                std::thread::sleep(std::time::Duration::from_millis(40));
                continue;
            }
            if let Some(ask) = asks.likeness.take() {
                self.stop(TESTING);
                self.refuse(&asks, TESTING);
                if let Err(reason) = anchor::begin(self.shared, ask) {
                    self.shared.give_up_likeness(reason);
                }
                continue;
            }
            self.watching = asks.watching;
            self.tap();
            self.begin(asks);
            self.read();
            self.answer();
            busy = self.aligning.is_some() || self.matching.is_some() || self.clicking.is_some();
            if !busy && self.watching == Watching::default() {
                self.stop("");
            }
        }
    }

    /// Says that what is asked for cannot be done.
    fn refuse(&self, asks: &Asks, text: &str) {
        if !asks.align && asks.loudness.is_none() && asks.click.is_none() {
            return;
        }
        self.shared.desk.publish(|figures| {
            if asks.align {
                figures.aligning = false;
                text.clone_into(&mut figures.align_note);
            }
            if asks.loudness.is_some() {
                figures.loudness.state = LoudnessState::Failed(text.to_owned());
            }
            if asks.click.is_some() {
                figures.latency = LatencyMeasure::Failed(text.to_owned());
            }
        });
    }

    /// Gives up what is under way, and listens no more.
    fn stop(&mut self, reason: &str) {
        self.fail(reason);
        self.spectra = None;
        self.comparing = None;
        if let Some(tapped) = &mut self.tapped {
            tapped.next = None;
            if let Some(bank) = &mut self.shared.lock().bank {
                bank.set_tapping(false);
            }
        }
    }

    fn fail(&mut self, reason: &str) {
        let desk = &self.shared.desk;
        if self.aligning.take().is_some() {
            desk.publish(|figures| {
                figures.aligning = false;
                reason.clone_into(&mut figures.align_note);
            });
        }
        if self.matching.take().is_some() {
            desk.publish(|figures| figures.loudness.state = LoudnessState::Failed(reason.to_owned()));
        }
        if self.clicking.take().is_some() {
            desk.publish(|figures| figures.latency = LatencyMeasure::Failed(reason.to_owned()));
        }
    }

    /// Makes sure that the bank of now is listened to.
    fn tap(&mut self) {
        let mut control = self.shared.lock();
        let (activation, track) = (control.activation, control.status.track);
        let known = self
            .tapped
            .as_ref()
            .is_some_and(|tapped| tapped.activation == activation);
        let (Some(bank), Some(track)) = (&mut control.bank, track) else {
            self.tapped = None;
            return;
        };
        bank.set_tapping(true);
        if !known {
            self.spectra = None;
            self.comparing = None;
            let reader = bank.take_taps();
            let references = bank.config().references;
            drop(control);
            self.fail("The host started the audio anew; try again.");
            self.tapped = Some(Tapped {
                activation,
                track,
                references,
                reader,
                next: None,
            });
        }
    }

    fn begin(&mut self, asks: Asks) {
        let desk = &self.shared.desk;
        let Some(tapped) = &self.tapped else {
            self.refuse(&asks, "The host has not started the audio yet; start it and try again.");
            return;
        };
        let (track, rate) = (tapped.track, f64::from(tapped.track.rate.get()));
        match (self.watching.spectrum, &self.spectra) {
            (true, None) => self.spectra = Some(Spectra::new(rate, track.inputs, track.outputs, tapped.references)),
            (false, Some(_)) => self.spectra = None,
            _ => {}
        }
        let (references, track) = (tapped.references, tapped.track);
        self.compare(track, references, asks.afresh);
        if asks.align {
            let slot = difference_slot(&self.shared.session().compare);
            self.aligning = Some(Aligning::new(rate, slot, self.shared.latency()));
            if references == 0 {
                self.aligning = None;
                desk.publish(|figures| {
                    figures.aligning = false;
                    "This track has no side-chain; give it one.".clone_into(&mut figures.align_note);
                });
            }
        }
        if let Some(moment) = asks.loudness {
            match self.matching(track, &moment) {
                Ok(matching) => self.matching = Some(matching),
                Err(reason) => desk.publish(|figures| figures.loudness.state = LoudnessState::Failed(reason)),
            }
        }
        if let Some(moment) = asks.click {
            match self.clicking(rate, &moment) {
                Ok(clicking) => {
                    self.clicking = Some(clicking);
                    self.shared.click.ask();
                }
                Err(reason) => desk.publish(|figures| figures.latency = LatencyMeasure::Failed(reason)),
            }
        }
    }

    /// Makes sure that the right slot is compared, if it is to be shown.
    fn compare(&mut self, track: Track, references: usize, afresh: bool) {
        if !self.watching.difference {
            self.comparing = None;
            return;
        }
        let desk = &self.shared.desk;
        let absent = references == 0 || self.shared.side_chain.signal(track.rate.get()) == SideChainSignal::NotPassed;
        if absent {
            self.comparing = None;
            let text = "The host passes no side-chain: route the device’s return to it.";
            desk.publish(|figures| {
                figures.difference = DifferenceView {
                    state: DifferenceState::Off(text.to_owned()),
                    ..DifferenceView::default()
                };
            });
            return;
        }
        let compare = self.shared.session().compare.at_rate(track.rate.get());
        let (slot, latency) = (difference_slot(&compare), self.shared.latency());
        if !self
            .comparing
            .as_ref()
            .is_some_and(|comparing| comparing.fits(slot, latency))
        {
            let late = Some(compare.reference.total()).filter(|late| *late != 0.0);
            let rate = f64::from(track.rate.get());
            self.comparing = Some(Comparing::new(rate, track.outputs, slot, latency, late));
            desk.publish(|figures| figures.difference = DifferenceView::default());
        } else if afresh && let Some(comparing) = &mut self.comparing {
            comparing.start_afresh();
        }
    }

    fn matching(&self, track: Track, moment: &Moment) -> Result<Matching, String> {
        let mut control = self.shared.lock();
        let cab = control.cab.clone();
        let capture = control.capture.as_mut();
        let looped = capture.and_then(|capture| if capture.is_replaying() { capture.chosen() } else { None });
        let rate = f64::from(track.rate.get());
        // At most 20 s.
        #[allow(clippy::cast_precision_loss)]
        let seconds = looped.map(|(_, part)| part.len() as f64 / rate);
        drop(control);
        Matching::new(track, moment, cab.as_deref(), seconds)
    }

    fn clicking(&self, rate: f64, moment: &Moment) -> Result<Clicking, String> {
        let settings = &moment.settings;
        let control = self.shared.lock();
        let seat = match settings.source {
            Source::A => Some(control.status.playing(settings.program)),
            Source::B => Some(&control.status.slots[1]),
            Source::Dry => None,
            Source::Reference | Source::Difference => {
                return Err(
                    "The reference does not come from the input; let A, B or the dry input be heard.".to_owned(),
                );
            }
        };
        let learned = seat.and_then(|seat| seat.baked).map_or(0.0, |baked| baked.delay);
        Ok(Clicking::new(rate, self.shared.latency(), learned))
    }

    fn read(&mut self) {
        let Some(tapped) = &mut self.tapped else { return };
        let next = &mut tapped.next;
        let mut tasks: Vec<&mut dyn Task> = Vec::new();
        if let Some(task) = &mut self.spectra {
            tasks.push(task);
        }
        if let Some(task) = &mut self.comparing {
            tasks.push(task);
        }
        if let Some(task) = &mut self.aligning {
            tasks.push(task);
        }
        if let Some(task) = &mut self.matching {
            tasks.push(task);
        }
        if let Some(task) = &mut self.clicking {
            tasks.push(task);
        }
        tapped.reader.read(|piece: Piece<'_>| {
            let whole = next.is_none_or(|next| next == piece.frame);
            *next = Some(piece.frame + piece.frames as u64);
            for task in &mut tasks {
                if !whole {
                    task.interrupt();
                }
                task.take(&piece);
            }
        });
    }

    fn answer(&mut self) {
        let (shared, desk) = (self.shared, &self.shared.desk);
        if let Some(spectra) = &self.spectra {
            let view = spectra.view();
            desk.publish(|figures| figures.spectrum = view);
        }
        if let Some((view, gain)) = self.comparing.as_mut().and_then(Comparing::view) {
            if let Some(gain) = gain {
                shared.set_difference_gain(gain);
            }
            desk.publish(|figures| figures.difference = view);
        }
        if let Some(answer) = self.aligning.as_mut().and_then(Aligning::answer) {
            self.aligning = None;
            let note = match answer {
                Ok(measured) => {
                    shared.put_measured(2, measured);
                    String::new()
                }
                Err(reason) => reason,
            };
            desk.publish(|figures| {
                figures.aligning = false;
                figures.align_note = note;
            });
        }
        if let Some(matching) = &self.matching {
            // Seconds.
            #[allow(clippy::cast_possible_truncation)]
            let seconds = matching.seconds() as f32;
            match matching.answer() {
                None => desk.publish(|figures| figures.loudness.state = LoudnessState::Listening(seconds)),
                Some(Ok(matched)) => {
                    self.matching = None;
                    desk.put_trims(matched.trims);
                    desk.publish(|figures| {
                        figures.loudness.lufs = matched.lufs;
                        figures.loudness.state = LoudnessState::Matched;
                    });
                }
                Some(Err(reason)) => {
                    self.matching = None;
                    desk.publish(|figures| figures.loudness.state = LoudnessState::Failed(reason));
                }
            }
        }
        if let Some(answer) = self.clicking.as_ref().and_then(Clicking::answer) {
            self.clicking = None;
            desk.publish(|figures| {
                figures.latency = match answer {
                    Ok(frames) => LatencyMeasure::Found(frames),
                    Err(reason) => LatencyMeasure::Failed(reason),
                };
            });
        }
    }
}
