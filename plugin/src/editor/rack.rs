//! What stands around the model: how it is played, gate, cabinet, tone.

use super::theme::{self, ACCENT, GOOD, TEXT, WEAK};
use super::view::{Action, Source, View};
use super::widgets::{KNOB_SMALL, cross, knob, switch};
use crate::params::{CabSwitch, OutputMode, TonegraftParams};
use egui::{Button, ComboBox, Label, Rect, RichText, Role, Ui, WidgetInfo, pos2, vec2};
use nice_plug::prelude::{BoolParam, Enum, EnumParam, FloatParam, Param, ParamSetter};
use tonegraft_engine::{Oversampling, RateMode};

/// Height of the row of choices.
pub const CHOICES: f32 = 58.0;
/// Height of gate, cabinet and tone.
pub const RACK: f32 = 132.0;

type Setter<'a> = Option<&'a ParamSetter<'a>>;

fn words(ui: &mut Ui, text: &str, size: f32, color: egui::Color32) {
    let text = RichText::new(text).font(theme::font(size)).color(color);
    ui.add(Label::new(text).truncate());
}

/// Sets `param` as one gesture.
fn set<P: Param>(setter: Setter<'_>, param: &P, value: P::Plain) {
    if let Some(setter) = setter {
        setter.begin_set_parameter(param);
        setter.set_parameter(param, value);
        setter.end_set_parameter(param);
    }
}

/// A title above a list to choose from; gives the index chosen.
fn choice(ui: &mut Ui, title: &str, names: &[&str], now: usize, hint: &str) -> Option<usize> {
    let mut chosen = None;
    ui.vertical(|ui| {
        ui.spacing_mut().item_spacing.y = 1.0;
        words(ui, title, 11.0, WEAK);
        let width = ui.available_width();
        let shown = names.get(now).copied().unwrap_or("–");
        let response = ComboBox::from_id_salt(title)
            .selected_text(shown)
            .width(width)
            .truncate()
            .show_ui(ui, |ui| {
                for (index, name) in names.iter().enumerate() {
                    if ui.selectable_label(index == now, *name).clicked() {
                        chosen = Some(index);
                    }
                }
            })
            .response;
        response.widget_info(|| WidgetInfo::labeled(Role::ComboBox, true, format!("{title} {shown}")));
        if !hint.is_empty() {
            response.on_hover_text(hint);
        }
    });
    chosen.filter(|index| *index != now)
}

/// How the model is played: rate, oversampling, size, level.
pub fn choices(ui: &mut Ui, view: &View, params: &TonegraftParams, setter: Setter<'_>, actions: &mut Vec<Action>) {
    let area = ui.available_rect_before_wrap();
    let shares = [0.22, 0.17, 0.16, 0.21, 0.24];
    let mut left = area.left();
    let mut cells = shares.map(|share| {
        let width = area.width() * share;
        let cell = Rect::from_min_size(pos2(left, area.top()), vec2(width - 8.0, area.height()));
        left += width;
        cell
    });
    let [rate, oversampling, size, level, input] = &mut cells;
    let way = view.slots[0].way;
    super::draw::inside(ui, *rate, |ui| {
        let names = RateMode::ALL.map(RateMode::name);
        let now = RateMode::ALL
            .iter()
            .position(|mode| *mode == way.rate_mode)
            .unwrap_or(0);
        if let Some(mode) = choice(ui, "Rate conversion", &names, now, &view.slots[0].conversion)
            .and_then(|index| RateMode::ALL.get(index))
        {
            actions.push(Action::Play(
                0,
                crate::playable::Way {
                    rate_mode: *mode,
                    ..way
                },
            ));
        }
    });
    super::draw::inside(ui, *oversampling, |ui| {
        let names = Oversampling::ALL.map(Oversampling::name);
        let now = Oversampling::ALL
            .iter()
            .position(|x| *x == way.oversampling)
            .unwrap_or(0);
        let hint = "Runs the model at a multiple of its rate, against its own aliasing";
        if let Some(x) = choice(ui, "Oversampling", &names, now, hint).and_then(|index| Oversampling::ALL.get(index)) {
            actions.push(Action::Play(
                0,
                crate::playable::Way {
                    oversampling: *x,
                    ..way
                },
            ));
        }
    });
    super::draw::inside(ui, *size, |ui| {
        let names: Vec<&str> = if view.slots[0].sizes.is_empty() {
            vec!["one size"]
        } else {
            view.slots[0].sizes.iter().map(|(name, _)| name.as_str()).collect()
        };
        let hint = "Captures may hold a smaller model that costs less";
        if let Some((_, size)) =
            choice(ui, "Size", &names, view.slots[0].size, hint).and_then(|index| view.slots[0].sizes.get(index))
        {
            actions.push(Action::Play(0, crate::playable::Way { size: *size, ..way }));
        }
    });
    super::draw::inside(ui, *level, |ui| {
        let now = params.output_mode.unmodulated_plain_value();
        let hint = level_hint(view, now);
        let names = OutputMode::variants();
        if let Some(index) = choice(ui, "Output level", names, now.to_index(), &hint) {
            set(setter, &params.output_mode, OutputMode::from_index(index));
        }
    });
    super::draw::inside(ui, *input, |ui| calibration(ui, view, params, setter));
}

fn level_hint(view: &View, mode: OutputMode) -> String {
    match mode {
        OutputMode::Raw => "The model comes out as it is".to_owned(),
        OutputMode::Normalized => match view.slots[0].levels.loudness_db {
            Some(loudness) => format!("The model's {loudness:.1} dB are brought to −18 dB"),
            None => "The model does not tell its loudness: it comes out as it is".to_owned(),
        },
        OutputMode::Calibrated => match view.slots[0].levels.output_dbu {
            Some(level) => format!("The model's full scale is {level:.1} dBu at the gear's output"),
            None => "The model does not tell its output level: it comes out as it is".to_owned(),
        },
    }
}

/// Whether the model is driven as hard as its gear would be, and the interface's level.
fn calibration(ui: &mut Ui, view: &View, params: &TonegraftParams, setter: Setter<'_>) {
    ui.vertical(|ui| {
        ui.spacing_mut().item_spacing.y = 1.0;
        words(ui, "Calibrate input", 11.0, WEAK);
        ui.horizontal(|ui| {
            let on = params.calibrate_input.unmodulated_plain_value();
            let hint = match view.slots[0].levels.input_dbu {
                Some(level) => format!("The model's full scale is {level:.1} dBu at the gear's input"),
                None => "The model does not tell its input level: nothing changes".to_owned(),
            };
            let mut now = on;
            let response = ui.checkbox(&mut now, "");
            response.widget_info(|| WidgetInfo::selected(Role::CheckBox, true, now, "Calibrate input"));
            if response.on_hover_text(hint).changed() {
                set(setter, &params.calibrate_input, now);
            }
            let mut level = params.interface_dbu.unmodulated_plain_value();
            let drag = egui::DragValue::new(&mut level)
                .range(-60.0..=60.0)
                .speed(0.1)
                .fixed_decimals(1)
                .suffix(" dBu");
            let response = ui.add(drag);
            response.widget_info(|| WidgetInfo::slider(true, f64::from(level), "Interface level in dBu"));
            let response = response.on_hover_text("Level of a sine that peaks at full scale at your interface");
            if response.changed() {
                set(setter, &params.interface_dbu, level);
            }
        });
    });
}

/// Gate, cabinet and tone, side by side over `area`.
pub fn rack(
    ui: &mut Ui,
    area: Rect,
    view: &View,
    params: &TonegraftParams,
    setter: Setter<'_>,
    actions: &mut Vec<Action>,
) {
    let gap = 8.0;
    let inner = area.width() - 2.0 * gap;
    let (gate_width, cab_width) = (inner * 0.46, inner * 0.25);
    let first = area.with_max_x(area.left() + gate_width);
    let second = Rect::from_min_size(pos2(first.right() + gap, area.top()), vec2(cab_width, area.height()));
    let third = area.with_min_x(second.right() + gap);
    super::draw::panel(ui, first, |ui| gate(ui, view, params, setter));
    super::draw::panel(ui, second, |ui| cab(ui, view, params, setter, actions));
    super::draw::panel(ui, third, |ui| tone(ui, params, setter));
}

/// The name of a part with its switch.
fn heading(ui: &mut Ui, name: &str, param: &BoolParam, detail: &str, setter: Setter<'_>) {
    let on = param.unmodulated_plain_value();
    ui.horizontal(|ui| {
        if switch(ui, vec2(58.0, 22.0), on, name, ACCENT).clicked() {
            set(setter, param, !on);
        }
        words(ui, detail, 11.0, if on { GOOD } else { WEAK });
    });
}

/// Small knobs in one row.
fn row_of_knobs(ui: &mut Ui, knobs: &[(&FloatParam, &str)], setter: Setter<'_>) {
    let area = ui.available_rect_before_wrap();
    // A handful.
    #[allow(clippy::cast_precision_loss)]
    let step = area.width() / knobs.len().max(1) as f32;
    for (index, (param, name)) in knobs.iter().enumerate() {
        #[allow(clippy::cast_precision_loss)]
        let centre = area.left() + step * (index as f32 + 0.5);
        let size = vec2(step.min(KNOB_SMALL.x), KNOB_SMALL.y);
        let place = Rect::from_min_size(pos2(centre - size.x / 2.0, area.top() + 2.0), size);
        super::draw::inside(ui, place, |ui| {
            knob(
                ui,
                size,
                param,
                name,
                &param.to_string(),
                param.default_normalized_value(),
                setter,
            )
        });
    }
}

fn gate(ui: &mut Ui, view: &View, params: &TonegraftParams, setter: Setter<'_>) {
    let detail = match view.gate_db {
        _ if !params.gate.unmodulated_plain_value() => "off".to_owned(),
        db if db < 0.1 => "open".to_owned(),
        db => format!("−{:.0} dB", db.min(120.0)),
    };
    heading(ui, "Gate", &params.gate, &detail, setter);
    let knobs = [
        (&params.gate_threshold, "Thresh."),
        (&params.gate_hysteresis, "Hyst."),
        (&params.gate_hold, "Hold"),
        (&params.gate_release, "Release"),
        (&params.gate_range, "Range"),
    ];
    row_of_knobs(ui, &knobs, setter);
}

fn tone(ui: &mut Ui, params: &TonegraftParams, setter: Setter<'_>) {
    let detail = if params.tone.unmodulated_plain_value() {
        "on"
    } else {
        "off"
    };
    heading(ui, "Tone", &params.tone, detail, setter);
    let knobs = [
        (&params.tone_bass, "Bass"),
        (&params.tone_middle, "Middle"),
        (&params.tone_treble, "Treble"),
    ];
    row_of_knobs(ui, &knobs, setter);
}

/// The next choice of three.
fn next(param: &EnumParam<CabSwitch>) -> CabSwitch {
    match param.unmodulated_plain_value() {
        CabSwitch::Auto => CabSwitch::On,
        CabSwitch::On => CabSwitch::Off,
        CabSwitch::Off => CabSwitch::Auto,
    }
}

fn cab(ui: &mut Ui, view: &View, params: &TonegraftParams, setter: Setter<'_>, actions: &mut Vec<Action>) {
    let now = params.cab.unmodulated_plain_value();
    let choice = view.cab_choice(now.into(), Source::A);
    ui.horizontal(|ui| {
        let name = match now {
            CabSwitch::Auto => "Cab auto",
            CabSwitch::On => "Cab on",
            CabSwitch::Off => "Cab off",
        };
        let response = switch(ui, vec2(74.0, 22.0), choice.is_heard(), name, ACCENT)
            .on_hover_text("Auto: bypassed while the model contains a cabinet");
        if response.clicked() {
            set(setter, &params.cab, next(&params.cab));
        }
    });
    let (name, color) = match (&view.loading_cab, &view.cab) {
        (Some(name), _) => (format!("Loading {name} …"), WEAK),
        (_, Some(cab)) => (cab.name.clone(), TEXT),
        _ => ("No impulse response".to_owned(), WEAK),
    };
    let about = view.cab.as_ref().map_or(" ", |cab| cab.about.as_str());
    words(ui, &name, 13.0, color);
    words(ui, about, 11.0, WEAK);
    let state = if view.cab.is_some() { choice.message() } else { " " };
    words(ui, state, 11.0, if choice.is_heard() { GOOD } else { WEAK });
    let bottom = ui.available_rect_before_wrap();
    let bottom = bottom.with_min_y((bottom.bottom() - 24.0).max(bottom.top()));
    super::draw::inside(ui, bottom, |ui| {
        ui.horizontal(|ui| {
            let width = ui.available_width() - if view.cab.is_some() { 30.0 } else { 0.0 };
            let load = Button::new(RichText::new("Load IR…").color(ACCENT));
            if ui
                .add_sized(vec2(width, 22.0), load)
                .on_hover_text("Choose a WAV, FLAC or AIFF file with an impulse response")
                .clicked()
            {
                actions.push(Action::BrowseCab);
            }
            if view.cab.is_some() && cross(ui, "Remove the impulse response").clicked() {
                actions.push(Action::RemoveCab);
            }
        });
    });
}
