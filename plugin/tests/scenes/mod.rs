//! Views made by hand, for tests and pictures of the window.
#![allow(dead_code)]

use nice_plug::context::PluginApi;
use nice_plug::context::gui::GuiContextInner;
use nice_plug::params::internals::ParamPtr;
use nice_plug::plugin::PluginState;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use tonegraft_core::{HostFrames, LatencyParts, ModelLevels};
use tonegraft_plugin::board::KnobLabel;
use tonegraft_plugin::editor::view::*;
use tonegraft_plugin::params::TonegraftParams;
use tonegraft_plugin::playable::{CabCard, Way};
use tonegraft_plugin::shared::Wish;

/// What the window asked the host for: `begin`, `set 0.500`, `end`.
#[derive(Default)]
pub struct Recorder {
    asked: Mutex<Vec<String>>,
    obeys: bool,
}

impl Recorder {
    /// A host that does what it is asked for.
    pub fn obedient() -> Self {
        Self {
            obeys: true,
            ..Self::default()
        }
    }

    /// What was asked for since the last call.
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock().expect("not poisoned"))
    }

    fn note(&self, text: String) {
        self.asked.lock().expect("not poisoned").push(text);
    }
}

impl GuiContextInner for Recorder {
    fn plugin_api(&self) -> PluginApi {
        PluginApi::Clap
    }
    unsafe fn raw_begin_set_parameter(&self, _param: ParamPtr) {
        self.note("begin".into());
    }
    unsafe fn raw_set_parameter_normalized(&self, param: ParamPtr, value: f32) {
        self.note(format!("set {value:.3}"));
        if self.obeys {
            // SAFETY: the parameters outlive the window that is drawn, which is where this is called from.
            unsafe { param._internal_set_normalized_value(value) };
        }
    }
    unsafe fn raw_end_set_parameter(&self, _param: ParamPtr) {
        self.note("end".into());
    }
    fn get_state(&self) -> PluginState {
        panic!("the window does not ask for the state")
    }
    fn set_state(&self, _state: PluginState) {}
    fn request_restart(&self) {}
}

/// Parameters at their defaults.
pub fn params() -> TonegraftParams {
    let instance = tonegraft_plugin::Tonegraft::default();
    let boards = tonegraft_plugin::board::Boards::default();
    TonegraftParams::new(
        &boards,
        tonegraft_plugin::session::SessionField::new(Arc::clone(instance.shared())),
    )
}

pub fn knob(name: &str, unit: &str) -> KnobLabel {
    KnobLabel {
        name: name.into(),
        unit: unit.into(),
        range: tonegraft_core::KnobRange::linear(0.0, 10.0),
        default: 5.0,
        sync: None,
    }
}

pub fn model(name: &str) -> Entry {
    Entry {
        name: name.into(),
        target: Target::Model(Wish::File(PathBuf::from(format!("/models/{name}")))),
    }
}

pub fn shipped(name: &str) -> Entry {
    Entry {
        name: name.into(),
        target: Target::Model(Wish::Shipped(name.to_lowercase())),
    }
}

/// A category.
pub fn heading(name: &str) -> Entry {
    Entry {
        name: name.into(),
        target: Target::Heading,
    }
}

/// A setting of a shipped model.
pub fn preset(id: &str, name: &str) -> Entry {
    Entry {
        name: name.into(),
        target: Target::Model(Wish::Preset {
            id: id.into(),
            preset: name.into(),
        }),
    }
}

fn part(name: &str, frames: f64) -> LatencyPart {
    LatencyPart {
        name: name.into(),
        frames,
    }
}

fn row(name: &str, parts: &[(&str, f64)]) -> LatencyRow {
    LatencyRow {
        name: name.into(),
        parts: parts.iter().map(|(name, frames)| part(name, *frames)).collect(),
    }
}

/// One model in slot A, as after the first start.
pub fn ordinary() -> View {
    let parts = LatencyParts {
        look_ahead: HostFrames::new(64),
        hop: HostFrames::new(32),
        ..LatencyParts::ZERO
    };
    let load = Load {
        micros: 56.0,
        mean: 0.042,
        worst: 0.09,
        misses: 0,
    };
    View {
        slots: [
            SlotView {
                name: Some("Overdrive".into()),
                about: "overdrive  ·  Tonegraft  ·  MIT OR Apache-2.0".into(),
                runtime: "native".into(),
                reason: "Every operator has a streaming kernel.".into(),
                model_rate: Some(48_000),
                latency: 96,
                parts,
                load,
                knobs: vec![knob("Drive", ""), knob("Level", "dB")],
                details: vec!["Tone: crunch".into()],
                way: Way::default(),
                conversion: "A model of 48 kHz at 44.1 kHz, linear phase: 100 samples added.".into(),
                sizes: vec![("Lite".into(), 0.0), ("Full".into(), 1.0)],
                size: 1,
                levels: ModelLevels::default(),
                has_cab: true,
                ..SlotView::default()
            },
            SlotView::default(),
        ],
        host_rate: Some(48_000),
        block: Some(64),
        latency: LatencyView {
            total: 96,
            rows: vec![
                row("A", &[("look-ahead", 64.0), ("hop", 32.0)]),
                row("B", &[("alignment", 96.0)]),
            ],
            ..LatencyView::default()
        },
        load,
        peaks: [0.4, 0.2, 0.0],
        comparing: true,
        cab: Some(Arc::new(CabCard {
            name: "Closed 4x12".into(),
            about: "500 ms, mono".into(),
        })),
        programs: vec![None; PROGRAMS],
        browser: BrowserView {
            library: Some(PathBuf::from("/models")),
            entries: Arc::new(vec![
                Entry {
                    name: "Library".into(),
                    target: Target::Folder(PathBuf::from("/models")),
                },
                heading("Distortion"),
                shipped("Distortion"),
                heading("Overdrive"),
                shipped("Overdrive"),
                preset("overdrive", "Clean push"),
                preset("overdrive", "Singing lead"),
                heading("Others"),
                shipped("Fuzz"),
                shipped("Tape"),
                Entry {
                    name: "4x12.wav".into(),
                    target: Target::Cab(PathBuf::from("/models/4x12.wav")),
                },
            ]),
            playing: [Some(Wish::Shipped("overdrive".into())), None],
            ..BrowserView::default()
        },
        zoom: 1.0,
        message: Message {
            weight: Weight::Fine,
            text: "Drag a knob up and down, with Shift in fine steps; double click for its default.".into(),
        },
        ..View::default()
    }
}

fn bands() -> Arc<[f32]> {
    (0..240_u16)
        .map(|band| 20.0 * 1000.0_f32.powf(f32::from(band) / 239.0))
        .collect()
}

/// A spectrum like a guitar's: harmonics on a falling slope.
fn curve(trace: Trace, level: f32, tilt: f32, grain: f32, hz: &[f32]) -> Curve {
    let db = hz.iter().enumerate().map(|(band, hz)| {
        let octaves = (hz / 110.0).log2();
        let low = if octaves < 0.0 { 14.0 * octaves } else { 0.0 };
        let comb = (hz / 110.0 * std::f32::consts::PI).cos().powi(2) * grain * (-octaves / 6.0).exp();
        let ripple = 2.0 * (f32::from(u16::try_from(band).expect("few bands")) * 1.7).sin();
        level + low - tilt * octaves.max(0.0) + comb + ripple
    });
    Curve {
        trace,
        db: db.collect(),
    }
}

fn error_map() -> ErrorMap {
    let levels_db: Arc<[f32]> = (0..12_u8).map(|row| -66.0 + 6.0 * f32::from(row)).collect();
    let hz: Arc<[f32]> = (0..30_u8)
        .map(|column| 40.0 * 400.0_f32.powf(f32::from(column) / 29.0))
        .collect();
    let cells = levels_db.iter().flat_map(|level| {
        hz.iter().map(move |hz| {
            let octaves = (hz / 40.0).log2();
            let unheard = octaves > 5.0 + (level + 66.0) / 18.0 || *level > -4.0;
            let error =
                -46.0 + 2.8 * octaves + 0.3 * (level + 60.0).max(0.0) + 4.0 * (octaves * 2.3 + level * 0.11).sin();
            if unheard { f32::NAN } else { error }
        })
    });
    ErrorMap {
        cells: cells.collect(),
        levels_db,
        hz,
    }
}

fn candidate(role: &str, name: &str, lufs: f64, trim_db: f32, delay: f64) -> CandidateView {
    CandidateView {
        role: role.into(),
        name: name.into(),
        lufs: Some(lufs),
        trim_db,
        delay,
    }
}

/// Two captures, the real device on the side-chain, everything measured.
pub fn comparing() -> View {
    let mut view = ordinary();
    let load = |micros: f32| Load {
        micros,
        mean: micros / 1333.0,
        worst: micros / 700.0,
        misses: 0,
    };
    let placement = |delay: f64, inverted: bool, confidence: f64| Placement {
        measured: Some(Measured {
            delay,
            inverted,
            confidence,
        }),
        applied: delay,
        inverted,
        ..Placement::default()
    };
    let mut a = view.slots[0].clone();
    (a.name, a.about) = (
        Some("British 50 crunch".into()),
        "amp  ·  capture  ·  WaveNet standard".into(),
    );
    (a.latency, a.parts, a.load) = (0, LatencyParts::ZERO, load(71.0));
    a.knobs = vec![
        knob("Gain", ""),
        knob("Bass", ""),
        knob("Middle", ""),
        knob("Treble", ""),
    ];
    (a.sizes, a.size, a.has_cab) = (Vec::new(), 0, false);
    a.placement = placement(3.2, false, 0.99);
    let mut b = a.clone();
    (b.name, b.about) = (Some("British 50, LSTM 40".into()), "amp  ·  capture  ·  LSTM".into());
    (b.latency, b.model_rate, b.load) = (64, Some(44_100), load(38.0));
    b.parts.resampler = HostFrames::new(64);
    b.placement = placement(-0.4, true, 0.97);
    b.knobs.truncate(1);
    view.slots = [a, b];
    view.load = load(124.0);
    view.peaks = [0.3, 0.42, 0.36];
    view.reference = ReferenceView {
        signal: Signal::Present,
        channels: 1,
        placement: Placement {
            locked: true,
            nudge: 0.25,
            ..placement(312.37, true, 0.96)
        },
        hear_aligned: false,
        hearing_adds: 313,
        note: String::new(),
    };
    view.latency = LatencyView {
        total: 192,
        rows: vec![
            row("A", &[("alignment", 64.0), ("reserve", 128.0)]),
            row("B", &[("resampler", 64.0), ("reserve", 128.0)]),
            row("Reference", &[("alignment", 64.0), ("reserve", 128.0)]),
        ],
        reserve: 192,
        measured: LatencyMeasure::Found(192.0),
        advice: vec![
            "Reserve 0 instead of 192 samples: saves 128 samples.".into(),
            "Rate conversion \u{201c}short delay\u{201d} in slot B: saves 48 samples.".into(),
        ],
    };
    let hz = bands();
    view.spectrum = SpectrumView {
        curves: vec![
            curve(Trace::Input, -46.0, 9.0, 16.0, &hz),
            curve(Trace::Reference, -36.0, 5.5, 13.0, &hz),
            curve(Trace::Output, -35.0, 5.9, 12.0, &hz),
        ],
        hz: Arc::clone(&hz),
    };
    view.difference = DifferenceView {
        of: Source::A,
        state: DifferenceState::Live,
        seconds: 8.0,
        null_db: -23.7,
        esr: 0.004_27,
        esr_preemphasis: 0.0121,
        mr_stft: 0.612,
        correlation: 0.9979,
        gain_db: -0.31,
        delay: 0.118,
        inverted: false,
        spectrum: SpectrumView {
            curves: vec![
                curve(Trace::Reference, -36.0, 5.5, 13.0, &hz),
                curve(Trace::Difference, -68.0, 1.6, 9.0, &hz),
            ],
            hz,
        },
        map: Some(error_map()),
    };
    view.loudness = LoudnessView {
        lufs: [Some(-18.0), Some(-18.04), Some(-18.02)],
        state: LoudnessState::Matched,
    };
    view.capture = CaptureView {
        state: CaptureState::Ready(6.4),
        limit: 20.0,
        envelope: (0..160_u8)
            .map(|index| {
                let at = f32::from(index);
                0.15 + 0.75 * (at * 0.35).sin().abs() * (1.0 - (at % 40.0) / 44.0)
            })
            .collect(),
        part: [1.6, 4.8],
    };
    view.test = TestView::Planning(PlanView {
        plan: TestPlan::default(),
        candidates: candidates(),
        warnings: Vec::new(),
        refusal: None,
    });
    for (index, name) in ["Clean", "Edge", "Crunch", "Lead", "Fuzz face"].into_iter().enumerate() {
        view.programs[index] = Some(ProgramView {
            name: name.into(),
            ..ProgramView::default()
        });
    }
    view.browser.folder = Folder::At(PathBuf::from("/home/me/captures/British 50"));
    view.browser.parent = Some(PathBuf::from("/home/me/captures"));
    view.browser.entries = Arc::new(vec![
        Entry {
            name: "boosted".into(),
            target: Target::Folder(PathBuf::from("/home/me/captures/British 50/boosted")),
        },
        model("British 50 clean.nam"),
        model("British 50 crunch.nam"),
        model("British 50 lead.nam"),
        model("British 50, LSTM 40.json"),
        Entry {
            name: "4x12 centre.wav".into(),
            target: Target::Cab(PathBuf::from("/home/me/captures/4x12 centre.wav")),
        },
    ]);
    let wish = |name: &str| Some(Wish::File(PathBuf::from(format!("/models/{name}"))));
    view.browser.playing = [wish("British 50 crunch.nam"), wish("British 50, LSTM 40.json")];
    view
}

pub fn candidates() -> Vec<CandidateView> {
    vec![
        candidate("A", "British 50 crunch", -18.0, 0.0, 3.2),
        candidate("B", "British 50, LSTM 40", -18.04, 1.35, -0.4),
    ]
}

pub const COMMITMENT: &str = "9f2c41d07a3be58816c0de4f7721ab3390e5d6c4b8a1f02e7d9963c5ba480f1e";

/// In the middle of an ABX test.
pub fn running() -> RunView {
    RunView {
        plan: TestPlan {
            trials: 16,
            ..TestPlan::default()
        },
        trial: 5,
        commitment: COMMITMENT.into(),
        candidates: candidates(),
        hearing: Some(Stimulus::X),
        heard: [true, true, true],
        vote: None,
        score: None,
        told: None,
        looped: true,
        note: String::new(),
    }
}

/// After an ABX test with 12 of 16 right.
pub fn done() -> ResultView {
    ResultView {
        plan: TestPlan::default(),
        verdict: Verdict::Significant,
        sentences: Vec::new(),
        proportions: vec![Proportion {
            name: "Right".into(),
            count: 12,
            of: 16,
            interval: [0.476, 0.927],
            p: Some(0.0384),
        }],
        detectable: Some(0.84),
        candidates: candidates(),
        commitment: COMMITMENT.into(),
        nonce: "51e0c2".repeat(10),
        trials: (0..16_u8)
            .map(|index| TrialRow {
                was: if index % 3 == 0 { "A" } else { "B" }.into(),
                vote: Some(if index % 3 == 0 || index % 7 == 2 {
                    Answer::A
                } else {
                    Answer::B
                }),
                right: Some(index % 7 != 2),
                seconds: 4.0 + f64::from(index % 5) * 1.7,
            })
            .collect(),
        voided: None,
        log: Some(PathBuf::from(
            "/home/me/.local/share/tonegraft/tests/2026-11-21-abx.json",
        )),
    }
}

/// Names and messages that are far too long, and as much of everything as there can be.
pub fn wordy() -> View {
    let long = "A name that somebody has chosen without thinking of anybody who has to read it, 2026 edition, take 7";
    let mut view = comparing();
    for (index, slot) in view.slots.iter_mut().enumerate() {
        (slot.name, slot.about, slot.reason) = (Some(long.into()), long.into(), long.into());
        slot.knobs = (0..8)
            .map(|knob_index| knob(&format!("{long} {knob_index}"), "semitones"))
            .collect();
        slot.sizes = vec![(long.into(), 0.0), (long.into(), 1.0)];
        (slot.latency, slot.load.misses) = (123_456, 12);
        slot.runtime = long.into();
        if index == 1 {
            slot.error = Some(format!(
                "/home/somebody/models/{long}.onnx cannot be used: node 12 has no kernel. Choose another file."
            ));
        }
    }
    view.latency.total = 123_456;
    view.latency.advice = vec![long.repeat(3); 4];
    view.cab = Some(Arc::new(CabCard {
        name: long.into(),
        about: long.into(),
    }));
    view.browser.entries = Arc::new((0..200).map(|index| model(&format!("{index} {long}"))).collect());
    view.programs = vec![
        Some(ProgramView {
            name: long.into(),
            ..ProgramView::default()
        });
        PROGRAMS
    ];
    view.peaks = [2.0, f32::INFINITY, f32::NAN];
    view.message = Message {
        weight: Weight::Error,
        text: format!("{long}. ").repeat(4),
    };
    view
}
