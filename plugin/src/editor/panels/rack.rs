//! What stands around the models: gate, cabinet, tone, levels.

use super::Cx;
use crate::editor::controls;
use crate::editor::theme;
use crate::editor::view::{Action, SlotView};
use crate::editor::widgets::{
    Icon, KNOB, KNOB_SMALL, choice, columns, icon, inside, knob, label, number, press, set, split_top, switch,
};
use crate::params::{CabSwitch, OutputMode};
use egui::{Rect, Ui, pos2, vec2};
use nice_plug::prelude::{BoolParam, Enum, EnumParam, FloatParam, Param};

/// Draws the panel over `rect`.
pub fn rack(ui: &mut Ui, rect: Rect, cx: &mut Cx<'_>) {
    let (row, rest) = split_top(rect, 42.0, 8.0);
    levels(ui, row, cx);
    let rest = rest.with_max_y(rest.top() + rest.height().min(146.0));
    let [gain, gate_area, cab_area, tone_area] = columns(rest, [0.25, 0.43, 0.22, 0.25], 14.0);
    for left in [gate_area.left(), cab_area.left(), tone_area.left()] {
        let line = theme::of(ui).line.gamma_multiply(0.6);
        ui.painter()
            .vline(left - 7.0, rest.y_range(), egui::Stroke::new(1.0, line));
    }
    inside(ui, gain, |ui| gains(ui, cx));
    inside(ui, gate_area, |ui| gate(ui, cx));
    inside(ui, cab_area, |ui| cab(ui, cx));
    inside(ui, tone_area, |ui| tone(ui, cx));
}

/// The slot whose levels are told: the one that is heard, or A.
fn slot<'a>(cx: &Cx<'a>) -> &'a SlotView {
    let slot = controls::heard(cx.params).slot().unwrap_or(0);
    &cx.view.slots[slot]
}

fn levels(ui: &mut Ui, row: Rect, cx: &mut Cx<'_>) {
    let [level, calibrate, comparing, _] = columns(row, [0.22, 0.26, 0.26, 0.26], 12.0);
    inside(ui, level, |ui| {
        let now = cx.params.output_mode.unmodulated_plain_value();
        let hint = level_hint(slot(cx), now);
        let names = OutputMode::variants();
        if let Some(index) = choice(ui, "rack", "Output level", names, now.to_index(), &hint) {
            set(cx.setter, &cx.params.output_mode, OutputMode::from_index(index));
        }
    });
    inside(ui, calibrate, |ui| calibration(ui, cx));
    inside(ui, comparing, |ui| {
        ui.spacing_mut().item_spacing.y = 2.0;
        label(ui, "Slot that is not heard", 11.0, theme::of(ui).weak);
        let on = cx.view.comparing;
        let text = if on { "keeps running" } else { "sleeps" };
        let accent = theme::of(ui).accent;
        let response = switch(
            ui,
            vec2(comparing.width().min(130.0), 21.0),
            on,
            text,
            "Keep both slots running",
            accent,
        );
        let hint = "Running, a switch is instant, and the slot costs what it costs. Asleep, it costs nothing and is warmed up first.";
        if response.on_hover_text(hint).clicked() {
            cx.ask(Action::Comparing(!on));
        }
    });
}

fn gains(ui: &mut Ui, cx: &Cx<'_>) {
    let params = [
        (&cx.params.input_gain, "Input"),
        (&cx.params.mix, "Mix"),
        (&cx.params.output_gain, "Output"),
    ];
    let area = ui.available_rect_before_wrap();
    for (place, (param, name)) in columns(area, [1.0; 3], 2.0).into_iter().zip(params) {
        let size = vec2(place.width().min(KNOB.x), KNOB.y);
        let place = Rect::from_center_size(place.center(), size);
        inside(ui, place, |ui| {
            let default = param.default_normalized_value();
            knob(ui, size, param, name, &param.to_string(), default, cx.setter)
        });
    }
}

fn level_hint(view: &SlotView, mode: OutputMode) -> String {
    match mode {
        OutputMode::Raw => "The model comes out as it is".to_owned(),
        OutputMode::Normalized => match view.levels.loudness_db {
            Some(loudness) => format!("The model's {loudness:.1} dB are brought to −18 dB"),
            None => "The model does not tell its loudness: it comes out as it is".to_owned(),
        },
        OutputMode::Calibrated => match view.levels.output_dbu {
            Some(level) => format!("The model's full scale is {level:.1} dBu at the gear's output"),
            None => "The model does not tell its output level: it comes out as it is".to_owned(),
        },
    }
}

/// Whether the model is driven as hard as its gear would be, and the interface's level.
fn calibration(ui: &mut Ui, cx: &Cx<'_>) {
    ui.spacing_mut().item_spacing.y = 2.0;
    label(ui, "Calibrate input", 11.0, theme::of(ui).weak);
    ui.horizontal(|ui| {
        let on = cx.params.calibrate_input.unmodulated_plain_value();
        let hint = match slot(cx).levels.input_dbu {
            Some(level) => format!("The model's full scale is {level:.1} dBu at the gear's input"),
            None => "The model does not tell its input level: nothing changes".to_owned(),
        };
        let accent = theme::of(ui).accent;
        let text = if on { "on" } else { "off" };
        let response = switch(ui, vec2(40.0, 21.0), on, text, "Calibrate input", accent);
        if response.on_hover_text(hint).clicked() {
            set(cx.setter, &cx.params.calibrate_input, !on);
        }
        let size = vec2((ui.available_width() - 4.0).min(86.0), 21.0);
        number(ui, size, &cx.params.interface_dbu, "Interface level", cx.setter)
            .on_hover_text("Level in dBu of a sine that peaks at full scale at your interface");
    });
}

/// The name of a part with its switch.
fn heading(ui: &mut Ui, name: &str, param: &BoolParam, detail: &str, cx: &Cx<'_>) {
    let palette = theme::of(ui);
    let on = param.unmodulated_plain_value();
    ui.horizontal(|ui| {
        if switch(ui, vec2(58.0, 22.0), on, name, name, palette.accent).clicked() {
            set(cx.setter, param, !on);
        }
        label(ui, detail, 11.0, if on { palette.good } else { palette.weak });
    });
}

/// Small knobs in one row.
fn row_of_knobs(ui: &mut Ui, knobs: &[(&FloatParam, &str)], cx: &Cx<'_>) {
    let area = ui.available_rect_before_wrap();
    // A handful.
    #[allow(clippy::cast_precision_loss)]
    let step = (area.width() / knobs.len().max(1) as f32).min(KNOB_SMALL.x + 14.0);
    let top = area.top() + ((area.height() - KNOB_SMALL.y) / 2.0).clamp(0.0, 16.0);
    for (index, (param, name)) in knobs.iter().enumerate() {
        #[allow(clippy::cast_precision_loss)]
        let centre = area.center().x + step * (index as f32 + 0.5 - knobs.len() as f32 / 2.0);
        let size = vec2(step.min(KNOB_SMALL.x), KNOB_SMALL.y);
        let place = Rect::from_min_size(pos2(centre - size.x / 2.0, top), size);
        inside(ui, place, |ui| {
            let default = param.default_normalized_value();
            knob(ui, size, param, name, &param.to_string(), default, cx.setter)
        });
    }
}

fn gate(ui: &mut Ui, cx: &Cx<'_>) {
    let detail = match cx.view.gate_db {
        _ if !cx.params.gate.unmodulated_plain_value() => "off".to_owned(),
        db if db < 0.1 => "open".to_owned(),
        db => format!("−{:.0} dB", db.min(120.0)),
    };
    heading(ui, "Gate", &cx.params.gate, &detail, cx);
    let knobs = [
        (&cx.params.gate_threshold, "Thresh."),
        (&cx.params.gate_hysteresis, "Hyst."),
        (&cx.params.gate_hold, "Hold"),
        (&cx.params.gate_release, "Release"),
        (&cx.params.gate_range, "Range"),
    ];
    row_of_knobs(ui, &knobs, cx);
}

fn tone(ui: &mut Ui, cx: &Cx<'_>) {
    let on = cx.params.tone.unmodulated_plain_value();
    heading(ui, "Tone", &cx.params.tone, if on { "on" } else { "off" }, cx);
    let knobs = [
        (&cx.params.tone_bass, "Bass"),
        (&cx.params.tone_middle, "Middle"),
        (&cx.params.tone_treble, "Treble"),
    ];
    row_of_knobs(ui, &knobs, cx);
}

/// The next choice of three.
fn next(param: &EnumParam<CabSwitch>) -> CabSwitch {
    match param.unmodulated_plain_value() {
        CabSwitch::Auto => CabSwitch::On,
        CabSwitch::On => CabSwitch::Off,
        CabSwitch::Off => CabSwitch::Auto,
    }
}

fn cab(ui: &mut Ui, cx: &mut Cx<'_>) {
    let palette = theme::of(ui);
    let view = cx.view;
    let now = cx.params.cab.unmodulated_plain_value();
    let source = controls::heard(cx.params);
    let choice = view.cab_choice(now.into(), source);
    ui.horizontal(|ui| {
        let name = match now {
            CabSwitch::Auto => "Cab auto",
            CabSwitch::On => "Cab on",
            CabSwitch::Off => "Cab off",
        };
        let response = switch(ui, vec2(74.0, 22.0), choice.is_heard(), name, name, palette.accent)
            .on_hover_text("Auto: bypassed while what is heard contains a cabinet");
        if response.clicked() {
            set(cx.setter, &cx.params.cab, next(&cx.params.cab));
        }
    });
    let (name, color) = match (&view.loading_cab, &view.cab) {
        (Some(name), _) => (format!("Loading {name} …"), palette.weak),
        (_, Some(cab)) => (cab.name.clone(), palette.text),
        _ => ("No impulse response".to_owned(), palette.weak),
    };
    let about = view.cab.as_ref().map_or(" ", |cab| cab.about.as_str());
    label(ui, &name, 13.0, color);
    label(ui, about, 11.0, palette.weak);
    let state = if view.cab.is_some() { choice.message() } else { " " };
    label(
        ui,
        state,
        11.0,
        if choice.is_heard() { palette.good } else { palette.weak },
    );
    let has_cab = view.cab.is_some();
    ui.horizontal(|ui| {
        let width = (ui.available_width() - if has_cab { 32.0 } else { 0.0 }).max(40.0);
        let response = press(ui, vec2(width, 22.0), "Load IR…");
        let hint = "Choose a WAV, FLAC or AIFF file with an impulse response";
        if response.on_hover_text(hint).clicked() {
            cx.ask(Action::BrowseCab);
        }
        if has_cab && icon(ui, Icon::Cross, "Remove the impulse response").clicked() {
            cx.ask(Action::RemoveCab);
        }
    });
}
