//! What the threads of one instance share: wishes to the loader, the bank's control half, and what the window shows.
//!
//! | thread | uses |
//! | --- | --- |
//! | audio | the atomics, among them [`Shared::meters`]; the mutex only in offline rendering |
//! | host's main thread | [`Shared::configure`], [`Shared::attach`], [`Shared::restore`] |
//! | loader | everything behind the mutex |
//! | window | [`Shared::open`], [`Shared::view`] |

use crate::board::KnobBoard;
use crate::meters::Meters;
use crate::playable::{CabCard, ModelCard, Track, Way};
use crate::transport::TransportReport;
use parking_lot::{Condvar, Mutex, MutexGuard};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tonegraft_core::{Fault, LatencyParts, Tail};
use tonegraft_engine::Conversion;
use tonegraft_library::{ModelRef, SessionState};
use tonegraft_slots::{BankControl, Unit};

/// "It may never stop" in [`Shared::tail`].
const ENDLESS: u32 = u32::MAX;

/// Which impulse response to load.
#[derive(Clone, Debug, PartialEq)]
pub enum CabWish {
    /// What a session names, also none.
    Restore(ModelRef),
    /// A file, chosen in the window.
    File(PathBuf),
    /// None any more.
    Remove,
}

/// What the banks hold: the models, and the impulse response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Slot = 0,
    Cab = 1,
}

/// What to load into slot A.
#[derive(Clone, Debug, PartialEq)]
pub enum Wish {
    /// What a session names.
    Restore(ModelRef),
    /// A shipped model, chosen in the window.
    Shipped(String),
    /// A file, chosen in the window.
    File(PathBuf),
}

/// One line of the library list.
#[derive(Clone, Debug, PartialEq)]
pub struct LibraryItem {
    /// What the user reads.
    pub name: String,
    /// Folder inside the library, or where it comes from.
    pub group: String,
    /// How it is loaded.
    pub wish: Wish,
}

/// What the window shows; behind the mutex.
#[derive(Clone, Debug, Default)]
pub struct Status {
    /// The model that plays; `None`: dry.
    pub card: Option<Arc<ModelCard>>,
    /// How it was loaded; marks the line in the library list.
    pub source: Option<Wish>,
    /// Name of what is being loaded.
    pub loading: Option<String>,
    /// How the model in slot A is played.
    pub way: Way,
    /// What lies between the host's rate and the model's; `None` without a model.
    pub conversion: Option<Conversion>,
    /// The impulse response; `None`: there is none.
    pub cab: Option<Arc<CabCard>>,
    /// Name of the impulse response that is being loaded.
    pub loading_cab: Option<String>,
    /// What went wrong last, where, and what to do.
    pub error: Option<String>,
    /// What the user should know about what plays.
    pub notice: Option<String>,
    /// Latency of the model, in parts.
    pub latency: LatencyParts,
    /// The host's rate and layout, once activated.
    pub track: Option<Track>,
    /// Shipped models and the library folder.
    pub library: Arc<Vec<LibraryItem>>,
    /// The library folder, if the system has one.
    pub folder: Option<PathBuf>,
}

/// Everything behind the mutex.
#[derive(Default)]
pub(crate) struct Control {
    pub(crate) stop: bool,
    pub(crate) wish: Option<Wish>,
    pub(crate) cab_wish: Option<CabWish>,
    pub(crate) rescan: bool,
    /// Counts wishes and activations: what the loader has caught up with is idle.
    pub(crate) asked: u64,
    pub(crate) done: u64,
    /// Counts activations.
    pub(crate) activation: u64,
    pub(crate) session: SessionState,
    /// By [`Place`].
    pub(crate) banks: [Option<BankControl>; 2],
    /// Built while no bank was attached, by [`Place`]; `Some(None)`: dry.
    pub(crate) ready: [Option<Option<Unit>>; 2],
    /// Positions of a model's own defaults, for the window to set.
    pub(crate) defaults: Option<Vec<f32>>,
    pub(crate) status: Status,
}

/// Shared by all threads of one instance.
pub struct Shared {
    /// Meaning of the knobs.
    pub board: Arc<KnobBoard>,
    /// Read-outs of the audio thread.
    pub meters: Meters,
    /// Where the host is.
    pub transport: TransportReport,
    /// The model that plays says that it contains a cabinet.
    cab_in_model: AtomicBool,
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
    pub(crate) fn new(board: Arc<KnobBoard>, first: ModelRef) -> Self {
        let mut session = SessionState::default();
        session.set_model(0, first.clone());
        Self {
            board,
            meters: Meters::default(),
            transport: TransportReport::default(),
            cab_in_model: AtomicBool::new(false),
            latency: AtomicU32::new(0),
            tail: AtomicU32::new(0),
            layout: AtomicUsize::new(0),
            edits: AtomicU32::new(0),
            idle: AtomicBool::new(false),
            control: Mutex::new(Control {
                wish: Some(Wish::Restore(first)),
                rescan: true,
                asked: 1,
                session,
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

    /// True if the model that plays says that it contains a cabinet.
    ///
    /// # Realtime Safety
    /// Safe.
    pub fn cab_in_model(&self) -> bool {
        self.cab_in_model.load(Ordering::Acquire)
    }

    pub(crate) fn set_cab_in_model(&self, contains: bool) {
        self.cab_in_model.store(contains, Ordering::Release);
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

    fn ask(&self, control: &mut Control) {
        control.asked += 1;
        self.idle.store(false, Ordering::Release);
        self.wake.notify_all();
    }

    /// Asks for a model, in the place of what was asked for and not begun yet. Any thread but the audio thread.
    pub fn open(&self, wish: Wish) {
        let mut control = self.control.lock();
        control.wish = Some(wish);
        self.ask(&mut control);
    }

    /// Asks for an impulse response. Any thread but the audio thread.
    pub fn open_cab(&self, wish: CabWish) {
        let mut control = self.control.lock();
        control.cab_wish = Some(wish);
        self.ask(&mut control);
    }

    /// Plays the model in slot A another way. Any thread but the audio thread.
    pub fn play(&self, way: Way) {
        let mut control = self.control.lock();
        if let Some(slot) = control.session.slot_mut(0) {
            way.write(slot);
        }
        self.count_edit();
        self.ask(&mut control);
    }

    /// Looks through the library folder again.
    pub fn rescan(&self) {
        self.control.lock().rescan = true;
        self.wake.notify_all();
    }

    /// A session from the host, taken over as a whole; its model is loaded by the loader.
    pub fn restore(&self, session: SessionState) {
        let mut control = self.control.lock();
        control.wish = Some(Wish::Restore(session.model(0).clone()));
        control.cab_wish = Some(CabWish::Restore(session.cab.clone()));
        control.status.error = None;
        if let Some(bank) = &mut control.banks[Place::Slot as usize] {
            bank.set_reserve(tonegraft_core::HostFrames::new(session.latency_reserve));
        }
        control.session = session;
        self.ask(&mut control);
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

    /// Before a new activation: what is built from now on is for `track`. Returns the latency to reserve, in frames.
    pub fn configure(&self, track: Track) -> u32 {
        let mut control = self.control.lock();
        control.banks = [None, None];
        control.ready = [None, None];
        control.status.track = Some(track);
        control.activation += 1;
        self.ask(&mut control);
        control.session.latency_reserve
    }

    /// The control halves of the new banks, for the models and for the cabinet; returns what was built for them meanwhile.
    pub fn attach(&self, slots: BankControl, cab: BankControl) -> [Option<Unit>; 2] {
        let mut control = self.control.lock();
        control.banks = [Some(slots), Some(cab)];
        control.ready.each_mut().map(|ready| ready.take().flatten())
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

    /// What the window shows, and the worst fault of the model that plays.
    pub fn view(&self) -> (Status, Fault) {
        let control = self.control.lock();
        let fault = control.banks[Place::Slot as usize]
            .as_ref()
            .map_or(Fault::None, |bank| bank.fault(0));
        (control.status.clone(), fault)
    }

    /// Forgets error, notice and faults; the user has seen them.
    pub fn dismiss(&self) {
        let mut control = self.control.lock();
        control.status.error = None;
        for bank in control.banks.iter_mut().flatten() {
            bank.clear_faults();
        }
    }

    /// Knob positions that the window should set, once, after a model was loaded from there.
    pub fn take_defaults(&self) -> Option<Vec<f32>> {
        self.control.lock().defaults.take()
    }
}
