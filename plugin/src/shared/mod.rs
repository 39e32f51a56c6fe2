//! What the threads of one instance share: wishes to the loader, the bank's control half, and what the window shows.
//!
//! | thread | uses |
//! | --- | --- |
//! | audio | the atomics, among them [`Shared::meters`]; the mutex only in offline rendering |
//! | host's main thread | [`Shared::configure`], [`Shared::attach`], [`Shared::restore`] |
//! | loader | everything behind the mutex |
//! | compare worker | the bank's taps, the recorder, the listening test |
//! | window | [`Shared::open`], [`Shared::glance`] |

mod capturing;
mod exam;
mod placing;
mod record;
mod status;
mod wishes;

pub use capturing::CaptureReport;
pub(crate) use capturing::Capturing;
pub use exam::{DoneExam, ExamPlan, ExamStart, ExamView, Moment, Outlook, RunningExam};
pub(crate) use exam::{Exam, LikenessAsk, is_disturbed};
pub(crate) use placing::difference_slot;
pub use record::date_now;
pub use status::{CabWish, LibraryItem, SeatStatus, Status, Wish};
pub(crate) use status::{SEATS, Seat};
pub(crate) use wishes::{model_of, slot_of, slot_of_mut};

use crate::board::Boards;
use crate::cab::Cab;
use crate::compare::{ClickReport, Desk};
use crate::meters::Meters;
use crate::playable::Track;
use crate::side_chain::SideChainReport;
use crate::tempo::{Follower, FollowerCell, TempoCell};
use crate::transport::TransportReport;
use parking_lot::{Condvar, Mutex, MutexGuard};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tonegraft_core::{Fault, KNOBS, SLOTS, Tail};
use tonegraft_library::{ModelRef, SessionState};
use tonegraft_slots::{BankControl, Unit};

/// "It may never stop" in [`Shared::tail`].
const ENDLESS: u32 = u32::MAX;

/// Everything behind the mutex.
#[derive(Default)]
pub(crate) struct Control {
    pub(crate) stop: bool,
    /// By [`Seat`].
    pub(crate) wishes: [Option<Wish>; SEATS],
    pub(crate) cab_wish: Option<CabWish>,
    pub(crate) rescan: bool,
    /// Counts wishes and activations: what the loader has caught up with is idle.
    pub(crate) asked: u64,
    pub(crate) done: u64,
    /// Counts activations.
    pub(crate) activation: u64,
    pub(crate) session: SessionState,
    /// The models.
    pub(crate) bank: Option<BankControl>,
    /// The impulse response.
    pub(crate) cab_bank: Option<BankControl>,
    /// Built while no bank was attached; `Some(None)`: dry.
    pub(crate) ready: [Option<Option<Unit>>; SEATS],
    pub(crate) cab_ready: Option<Option<Unit>>,
    /// Positions of a model's own defaults, for the window to set.
    pub(crate) defaults: [Option<Vec<f32>>; SLOTS],
    pub(crate) status: Status,
    /// Gain of the reference in the difference.
    pub(crate) difference_gain: f32,
    pub(crate) exam: Exam,
    pub(crate) capture: Option<Capturing>,
    /// Slot B holds the anchor of a likeness test.
    pub(crate) anchored: bool,
    /// Slots that are to be built again, whatever they hold.
    pub(crate) rebuild: [bool; SLOTS],
    /// Knob positions to measure a model's own delay with, by [`Seat`].
    pub(crate) probes: [Option<[f32; KNOBS]>; SEATS],
    /// The impulse response as it was read.
    pub(crate) cab: Option<Arc<Cab>>,
}

/// See [`Shared::glance`].
#[derive(Clone, Debug)]
pub struct Glance {
    /// What plays, and what went wrong.
    pub status: Status,
    /// What would be saved.
    pub session: SessionState,
    /// The worst fault of the models that play.
    pub fault: Fault,
    /// What hearing the reference aligned adds to the latency, or would add, in frames.
    pub hearing_adds: u32,
}

/// What was built while no bank was there to take it.
#[derive(Debug)]
pub struct Ready {
    /// Slots A and B, then the programs; `None`: as in a new bank.
    pub(crate) seats: [Option<Unit>; SEATS],
    /// The impulse response.
    pub(crate) cab: Option<Unit>,
}

/// Shared by all threads of one instance.
pub struct Shared {
    /// Meaning of the knobs, names of the programs.
    pub boards: Boards,
    /// Read-outs of the audio thread.
    pub meters: Meters,
    /// Where the host is.
    pub transport: TransportReport,
    /// How fast its music is.
    pub tempo: TempoCell,
    /// Knobs that can follow it, by [`Seat`].
    pub(crate) followers: [FollowerCell; SEATS],
    /// What the host passes at the side-chain.
    pub side_chain: SideChainReport,
    /// What is asked of the compare worker, and what it found.
    pub desk: Desk,
    /// A click asked for.
    pub click: ClickReport,
    /// Something that a running test was begun with moves; told by the audio thread.
    pub(crate) disturbed: AtomicBool,
    /// A bit for each seat whose model says that it contains a cabinet.
    cabs_in_models: AtomicU32,
    /// Seats that hold a model, a bit each.
    taken: AtomicU32,
    /// What the audio thread was asked to play in slot A: 0 what it holds itself, else a program, from 1.
    program: AtomicU8,
    latency: AtomicU32,
    tail: AtomicU32,
    layout: AtomicUsize,
    edits: AtomicU32,
    idle: AtomicBool,
    control: Mutex<Control>,
    wake: Condvar,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("latency", &self.latency())
            .finish_non_exhaustive()
    }
}

impl Shared {
    /// Wishes for `first` to be loaded.
    pub(crate) fn new(boards: Boards, first: ModelRef) -> Self {
        let mut session = SessionState::default();
        session.set_model(0, first.clone());
        let mut wishes = [const { None }; SEATS];
        wishes[0] = Some(Wish::Restore(first));
        Self {
            boards,
            meters: Meters::default(),
            transport: TransportReport::default(),
            tempo: TempoCell::default(),
            followers: std::array::from_fn(|_| FollowerCell::default()),
            side_chain: SideChainReport::default(),
            desk: Desk::default(),
            click: ClickReport::default(),
            disturbed: AtomicBool::new(false),
            cabs_in_models: AtomicU32::new(0),
            taken: AtomicU32::new(0),
            program: AtomicU8::new(0),
            latency: AtomicU32::new(0),
            tail: AtomicU32::new(0),
            layout: AtomicUsize::new(0),
            edits: AtomicU32::new(0),
            idle: AtomicBool::new(false),
            control: Mutex::new(Control {
                wishes,
                rescan: true,
                asked: 1,
                session,
                difference_gain: 1.0,
                ..Control::default()
            }),
            wake: Condvar::new(),
        }
    }

    /// What the host is told, in frames.
    ///
    /// # Realtime Safety
    /// Safe.
    pub fn latency(&self) -> u32 {
        self.latency.load(Ordering::Acquire)
    }

    /// # Realtime Safety
    /// Safe.
    pub(crate) fn set_latency(&self, frames: u32) {
        self.latency.store(frames, Ordering::Release);
    }

    /// True if the model in `seat` says that it contains a cabinet.
    ///
    /// # Realtime Safety
    /// Safe.
    pub(crate) fn cab_in_model(&self, seat: Seat) -> bool {
        self.cabs_in_models.load(Ordering::Acquire) & (1 << seat.index()) != 0
    }

    /// # Realtime Safety
    /// Safe.
    pub(crate) fn is_taken(&self, seat: Seat) -> bool {
        self.taken.load(Ordering::Acquire) & (1 << seat.index()) != 0
    }

    /// What `seat` holds now: a model, and whether it says that it contains a cabinet; `None`: nothing.
    pub(crate) fn set_taken(&self, seat: Seat, cab_in_model: Option<bool>) {
        let bit = 1 << seat.index();
        let put = |bits: &AtomicU32, is_set: bool| {
            if is_set {
                bits.fetch_or(bit, Ordering::AcqRel);
            } else {
                bits.fetch_and(!bit, Ordering::AcqRel);
            }
        };
        put(&self.cabs_in_models, cab_in_model == Some(true));
        put(&self.taken, cab_in_model.is_some());
    }

    /// The knob of `seat` that can follow the tempo.
    ///
    /// # Realtime Safety
    /// Safe.
    pub(crate) fn follower(&self, seat: Seat) -> Option<Follower> {
        self.followers.get(seat.index()).and_then(FollowerCell::get)
    }

    /// Which program slot A plays, from 0; `None`: what it holds itself.
    ///
    /// # Realtime Safety
    /// Safe.
    pub fn program(&self) -> Option<u8> {
        self.program.load(Ordering::Acquire).checked_sub(1)
    }

    /// # Realtime Safety
    /// Safe.
    pub(crate) fn set_program(&self, program: Option<u8>) {
        let value = program.map_or(0, |program| program.saturating_add(1));
        if self.program.load(Ordering::Relaxed) != value {
            self.program.store(value, Ordering::Release);
        }
    }

    /// How long the plugin sounds after its input fell silent, latency included, in frames; `None`: perhaps for ever.
    ///
    /// # Realtime Safety
    /// Safe.
    pub fn tail(&self) -> Option<u32> {
        let tail = self.tail.load(Ordering::Acquire);
        (tail != ENDLESS).then(|| tail.saturating_add(self.latency()).min(ENDLESS - 1))
    }

    pub(crate) fn set_tail(&self, tail: Tail) {
        let frames = match tail {
            Tail::Frames(frames) => frames.get().min(ENDLESS - 1),
            Tail::Infinite => ENDLESS,
        };
        self.tail.store(frames, Ordering::Release);
    }

    /// Index of the chosen layout.
    pub fn layout(&self) -> usize {
        self.layout.load(Ordering::Acquire)
    }

    pub(crate) fn set_layout(&self, index: usize) {
        self.layout.store(index, Ordering::Release);
    }

    /// Counts changes of the session that the host did not make itself.
    pub fn edits(&self) -> u32 {
        self.edits.load(Ordering::Acquire)
    }

    pub(crate) fn count_edit(&self) {
        self.edits.fetch_add(1, Ordering::AcqRel);
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Control> {
        self.control.lock()
    }

    /// Waits for news, as the loader does.
    pub(crate) fn wait(&self, control: &mut MutexGuard<'_, Control>, at_most: Duration) {
        self.wake.wait_for(control, at_most);
    }

    /// The loader has caught up with everything asked before `asked`.
    pub(crate) fn set_done(&self, control: &mut Control, asked: u64) {
        control.done = asked;
        self.idle.store(control.done == control.asked, Ordering::Release);
        self.wake.notify_all();
    }

    pub(crate) fn ask(&self, control: &mut Control) {
        control.asked += 1;
        self.desk.outdate();
        self.idle.store(false, Ordering::Release);
        self.wake.notify_all();
    }

    /// Looks through the library folder again.
    pub fn rescan(&self) {
        self.control.lock().rescan = true;
        self.wake.notify_all();
    }

    /// What is saved.
    pub fn session(&self) -> SessionState {
        self.control.lock().session.clone()
    }

    /// Shows `message` in the window until something else is loaded.
    pub fn show_error(&self, message: String) {
        self.control.lock().status.error = Some(message);
    }

    /// Tells that the host's state could not be used; what plays now stays.
    pub fn refuse_state(&self, reason: &str) {
        self.show_error(format!(
            "The saved state cannot be used: {reason}. What plays now stays as it is."
        ));
    }

    /// The host's rate in Hz; 0 before the first activation.
    pub fn rate(&self) -> u32 {
        self.lock().status.track.map_or(0, |track| track.rate.get())
    }

    /// Before a new activation: what is built from now on is for `track`. Returns the latency to reserve, in frames. A listening test
    /// that runs is void.
    pub fn configure(&self, track: Track) -> u32 {
        let mut control = self.lock();
        self.void_test(&mut control, "the host started the audio anew");
        control.bank = None;
        control.cab_bank = None;
        control.anchored = false;
        control.ready = [const { None }; SEATS];
        control.cab_ready = None;
        control.status.track = Some(track);
        control.activation += 1;
        self.ask(&mut control);
        control.session.latency_reserve
    }

    /// The control halves of the new banks, for the models and for the cabinet; returns what was built for them meanwhile.
    pub fn attach(&self, slots: BankControl, cab: BankControl) -> Ready {
        let mut control = self.lock();
        control.bank = Some(slots);
        control.cab_bank = Some(cab);
        self.place_sources(&mut control);
        Ready {
            seats: control.ready.each_mut().map(|ready| ready.take().flatten()),
            cab: control.cab_ready.take().flatten(),
        }
    }

    /// True if nothing is wished for that has not been loaded or refused.
    ///
    /// # Realtime Safety
    /// Safe.
    pub fn is_idle(&self) -> bool {
        self.idle.load(Ordering::Acquire)
    }

    /// Waits until [`Self::is_idle`]; false if that takes longer. Not for real-time threads.
    pub fn wait_until_idle(&self, at_most: Duration) -> bool {
        let deadline = Instant::now() + at_most;
        let mut control = self.control.lock();
        while !self.is_idle() && !control.stop {
            if self.wake.wait_until(&mut control, deadline).timed_out() {
                return self.is_idle();
            }
        }
        self.is_idle()
    }

    /// Tells the loader to end.
    pub fn shut_down(&self) {
        self.control.lock().stop = true;
        self.wake.notify_all();
    }

    /// All that the window shows of the loader's and the host's doings.
    pub fn glance(&self) -> Glance {
        let control = self.lock();
        let fault = control.bank.as_ref().map_or(Fault::None, |bank| {
            (0..SLOTS).fold(Fault::None, |worst, slot| worst.worst(bank.fault(slot)))
        });
        Glance {
            status: control.status.clone(),
            session: control.session.clone(),
            fault,
            hearing_adds: placing::hearing_adds(&control),
        }
    }

    /// Forgets errors, notices and faults; the user has seen them.
    pub fn dismiss(&self) {
        let mut control = self.lock();
        control.status.forget_errors();
        for bank in [control.bank.as_mut()].into_iter().flatten() {
            bank.clear_faults();
        }
        if let Some(bank) = &mut control.cab_bank {
            bank.clear_faults();
        }
    }

    /// Knob positions that the window should set in `slot`, once, after a model was loaded from there.
    pub fn take_defaults(&self, slot: usize) -> Option<Vec<f32>> {
        self.lock().defaults.get_mut(slot)?.take()
    }
}
