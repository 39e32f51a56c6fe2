//! The window without a display: it draws in every state, its texts stay inside it, and its controls do what they say.

use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use nice_plug::context::PluginApi;
use nice_plug::context::gui::GuiContextInner;
use nice_plug::params::internals::ParamPtr;
use nice_plug::plugin::PluginState;
use nice_plug::prelude::{Param as _, ParamSetter};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use tonegraft_core::{HostFrames, LatencyParts, ModelLevels};
use tonegraft_plugin::board::{Boards, KnobLabel};
use tonegraft_plugin::editor::draw::{Memory, draw};
use tonegraft_plugin::editor::theme;
use tonegraft_plugin::editor::view::{
    Action, BrowserView, Entry, LatencyPart, LatencyRow, LatencyView, Load, Message, SlotView, Target, View, Weight,
};
use tonegraft_plugin::params::TonegraftParams;
use tonegraft_plugin::playable::{CabCard, Way};
use tonegraft_plugin::session::{SessionField, WindowSize};
use tonegraft_plugin::shared::Wish;

/// What the window asked the host for.
#[derive(Default)]
struct Recorder(Mutex<Vec<String>>);

impl GuiContextInner for Recorder {
    fn plugin_api(&self) -> PluginApi {
        PluginApi::Clap
    }
    unsafe fn raw_begin_set_parameter(&self, _param: ParamPtr) {
        self.0.lock().expect("not poisoned").push("begin".into());
    }
    unsafe fn raw_set_parameter_normalized(&self, _param: ParamPtr, value: f32) {
        self.0.lock().expect("not poisoned").push(format!("set {value:.3}"));
    }
    unsafe fn raw_end_set_parameter(&self, _param: ParamPtr) {
        self.0.lock().expect("not poisoned").push("end".into());
    }
    fn get_state(&self) -> PluginState {
        panic!("the window does not ask for the state")
    }
    fn set_state(&self, _state: PluginState) {}
    fn request_restart(&self) {}
}

fn knob(name: &str, unit: &str) -> KnobLabel {
    KnobLabel {
        name: name.into(),
        unit: unit.into(),
        min: 0.0,
        max: 10.0,
        default: 5.0,
    }
}

fn item(name: &str, group: &str) -> Entry {
    Entry {
        name: name.into(),
        target: Target::Model(if group == "Shipped" {
            Wish::Shipped(name.to_lowercase())
        } else {
            Wish::File(PathBuf::from(format!("/models/{name}.onnx")))
        }),
    }
}

fn ordinary() -> View {
    let parts = LatencyParts {
        look_ahead: HostFrames::new(64),
        hop: HostFrames::new(32),
        ..LatencyParts::ZERO
    };
    let load = Load {
        mean: 0.042,
        worst: 0.09,
        ..Load::default()
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
                meters: vec![("reduction".into(), 0.25)],
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
        latency: LatencyView {
            total: 96,
            rows: vec![LatencyRow {
                name: "A".into(),
                parts: [("look-ahead", 64.0), ("hop", 32.0)]
                    .map(|(name, frames)| LatencyPart {
                        name: name.into(),
                        frames,
                    })
                    .to_vec(),
            }],
            ..LatencyView::default()
        },
        load,
        peaks: [0.4, 0.2, 0.0],
        cab: Some(Arc::new(CabCard {
            name: "Celestion".into(),
            about: "500 ms, mono".into(),
        })),
        browser: BrowserView {
            entries: Arc::new(vec![
                item("Distortion", "Shipped"),
                item("Overdrive", "Shipped"),
                item("My amp", "Library"),
            ]),
            playing: [Some(Wish::Shipped("overdrive".into())), None],
            ..BrowserView::default()
        },
        ..View::default()
    }
}

struct Fixture {
    view: View,
    memory: Memory,
    params: TonegraftParams,
    actions: Vec<Action>,
    host: Arc<Recorder>,
    styled: bool,
}

fn window(view: View, size: [u32; 2]) -> Harness<'static, Fixture> {
    let boards = Boards::default();
    boards.slots[0].set(view.slots[0].knobs.clone());
    let instance = tonegraft_plugin::Tonegraft::default();
    let params = TonegraftParams::new(&boards, SessionField::new(Arc::clone(instance.shared())));
    let fixture = Fixture {
        view,
        memory: Memory::default(),
        params,
        actions: Vec::new(),
        host: Arc::default(),
        styled: false,
    };
    #[allow(clippy::cast_precision_loss)]
    let size = egui::vec2(size[0] as f32, size[1] as f32);
    let mut harness = Harness::builder().with_size(size).build_ui_state(
        |ui, fixture: &mut Fixture| {
            if !fixture.styled {
                theme::apply(ui.ctx());
                fixture.styled = true;
            }
            let host = Arc::clone(&fixture.host);
            let setter = ParamSetter::new(&*host);
            let rect = ui.ctx().content_rect();
            ui.scope_builder(egui::UiBuilder::new().max_rect(rect), |ui| {
                let actions = draw(ui, &mut fixture.memory, &fixture.view, &fixture.params, Some(&setter));
                fixture.actions.extend(actions);
            });
        },
        fixture,
    );
    harness.run();
    harness
}

/// Every text that is drawn lies inside the window, and no two labels cover each other.
fn assert_nothing_is_clipped(what: &str, harness: &Harness<'_, Fixture>, size: [u32; 2]) {
    #[allow(clippy::cast_precision_loss)]
    let all = egui::Rect::from_min_size(egui::Pos2::ZERO, egui::vec2(size[0] as f32, size[1] as f32)).expand(0.5);
    let mut labels: Vec<(String, egui::Rect)> = Vec::new();
    for node in harness.root().children_recursive() {
        let accessible = node.accesskit_node();
        let text = accessible.label().or_else(|| accessible.value()).unwrap_or_default();
        if text.trim().is_empty() {
            continue;
        }
        let Some(_bounds) = accessible.raw_bounds() else {
            continue;
        };
        let rect = node.rect();
        // Lines of the list are scrolled, and cut at its edges.
        if harness
            .state()
            .view
            .browser
            .entries
            .iter()
            .any(|item| item.name == text)
        {
            continue;
        }
        assert!(
            all.contains_rect(rect),
            "{what}: \u{201c}{text}\u{201d} at {rect:?} leaves the window"
        );
        if accessible.role() == egui::accesskit::Role::Label {
            labels.push((text, rect));
        }
    }
    assert!(labels.len() > 5, "{what}: only {} labels", labels.len());
    for (index, (text, rect)) in labels.iter().enumerate() {
        for (other, at) in &labels[..index] {
            let shared = rect.intersect(*at);
            assert!(
                shared.width() < 1.0 || shared.height() < 1.0,
                "{what}: \u{201c}{text}\u{201d} and \u{201c}{other}\u{201d} overlap"
            );
        }
    }
}

#[test]
fn every_state_is_drawn_inside_the_window() {
    let long = "A name that somebody has chosen without thinking of anybody who has to read it, 2026 edition, take 7";
    let dry = View::default();
    let mut wrong = ordinary();
    wrong.message = Message {
        weight: Weight::Error,
        text: format!(
            "/home/somebody/models/{long}.onnx cannot be used: node 12 (\u{201c}ScatterND\u{201d}) has no kernel. Choose another file."
        ),
    };
    let mut verbose = wrong.clone();
    verbose.message.text = format!("{long}. ").repeat(6);
    let mut wordy = ordinary();
    let slot = &mut wordy.slots[0];
    (slot.name, slot.about, slot.reason) = (Some(long.into()), long.into(), long.into());
    slot.knobs = (0..8)
        .map(|index| knob(&format!("{long} {index}"), "semitones"))
        .collect();
    slot.sizes = vec![(long.into(), 0.0), (long.into(), 1.0)];
    slot.model_rate = Some(44_100);
    wordy.latency.total = 123_456;
    wordy.browser.entries = Arc::new(
        (0..200)
            .map(|index| item(&format!("{index} {long}"), "Library"))
            .collect(),
    );
    wordy.cab = Some(Arc::new(CabCard {
        name: long.into(),
        about: long.into(),
    }));
    let mut loading = ordinary();
    (loading.slots[0].loading, loading.loading_cab) = (Some(long.into()), Some(long.into()));
    let mut busy = ordinary();
    busy.load = Load {
        mean: 12.5,
        worst: 99.0,
        ..Load::default()
    };
    busy.slots[0].load = busy.load;
    busy.peaks = [f32::INFINITY, f32::NAN, 1.0];
    for size in [WindowSize::DEFAULT, WindowSize::MIN, [1400, 900]] {
        for (what, view) in [
            ("ordinary", ordinary()),
            ("dry", dry.clone()),
            ("wrong", wrong.clone()),
            ("verbose", verbose.clone()),
            ("wordy", wordy.clone()),
            ("loading", loading.clone()),
            ("busy", busy.clone()),
        ] {
            let harness = window(view, size);
            assert_nothing_is_clipped(&format!("{what} at {size:?}"), &harness, size);
        }
    }
}

#[test]
fn the_window_tells_what_plays() {
    let harness = window(ordinary(), WindowSize::DEFAULT);
    for text in [
        "Overdrive",
        "native",
        "48 kHz",
        "96 smp  2.00 ms",
        "look-ahead 64 + hop 32",
        "4.2 %",
    ] {
        assert!(harness.query_all_by_label_contains(text).next().is_some(), "{text}");
    }
}

#[test]
fn buttons_rows_and_the_path_ask_for_models() {
    let mut harness = window(ordinary(), WindowSize::DEFAULT);
    harness.get_by_label("Next model").click();
    harness.run();
    harness.get_by_label("Previous model").click();
    harness.run();
    harness.get_by_label("Load…").click();
    harness.run();
    harness.get_by_label("My amp").click();
    harness.run();
    harness.get_by_role(egui::accesskit::Role::TextInput).focus();
    harness.run();
    harness
        .get_by_role(egui::accesskit::Role::TextInput)
        .type_text("/tmp/fuzz.onnx");
    harness.run();
    harness.key_press(egui::Key::Enter);
    harness.run();
    let my_amp = Wish::File(PathBuf::from("/models/My amp.onnx"));
    assert_eq!(
        harness.state().actions,
        [
            Action::Load(0, my_amp.clone()),
            Action::Load(0, Wish::Shipped("distortion".into())),
            Action::Browse(0),
            Action::Load(0, my_amp),
            Action::Load(0, Wish::File(PathBuf::from("/tmp/fuzz.onnx"))),
        ]
    );
}

#[test]
fn controls_set_parameters_in_gestures() {
    let mut harness = window(ordinary(), WindowSize::DEFAULT);
    harness.get_by_label("Bypass").click();
    harness.run();
    let taken =
        |harness: &Harness<'_, Fixture>| std::mem::take(&mut *harness.state().host.0.lock().expect("not poisoned"));
    assert_eq!(taken(&harness), ["begin", "set 1.000", "end"]);

    let at = harness.get_by_label_contains("Drive").rect().center();
    harness.drag_at(at);
    harness.run();
    harness.hover_at(at - egui::vec2(0.0, 22.0));
    harness.run();
    harness.drop_at(at - egui::vec2(0.0, 22.0));
    harness.run();
    let calls = taken(&harness);
    assert_eq!(calls.first().map(String::as_str), Some("begin"), "{calls:?}");
    assert_eq!(calls.last().map(String::as_str), Some("end"), "{calls:?}");
    assert!(calls.iter().any(|call| call == "set 0.600"), "{calls:?}");
    assert!(
        (harness.state().params.a_knob_1.unmodulated_normalized_value() - 0.5).abs() < 1e-6,
        "the host sets it"
    );
}
