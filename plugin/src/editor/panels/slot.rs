//! Slots A and B, side by side.

use super::Cx;
use crate::board::KnobLabel;
use crate::editor::controls;
use crate::editor::theme;
use crate::editor::view::{Action, AlignEdit, SlotView, hertz, slot_source};
use crate::editor::widgets::{
    Icon, KNOB, KNOB_SMALL, choice, columns, figure, icon, inside, knob, label, label_in, line, number, panel, press,
    split_top,
};
use crate::playable::Way;
use crate::tempo::{Follower, NoteLength};
use egui::{Align2, Color32, Rect, Role, Sense, Stroke, StrokeKind, Ui, WidgetInfo, pos2, vec2};
use nice_plug::prelude::{Enum as _, Param as _};
use tonegraft_engine::{Oversampling, RateMode, Weights};

/// Width of the column between the slots.
const BETWEEN: f32 = 34.0;
/// Height of everything above the knobs, with margins.
const ABOVE: f32 = 162.0;
/// Knobs that fit in one row of large ones.
const ROW: usize = 4;

/// True if the knobs of `slot` need two rows in a card of `width`.
fn two_rows(slot: &SlotView, width: f32) -> bool {
    let count = slot.knobs.len();
    // At most eight.
    #[allow(clippy::cast_precision_loss)]
    let room = KNOB_SMALL.x * count as f32;
    count > ROW && room > width - 20.0
}

/// Width of one card if both share `width`.
fn card_width(width: f32) -> f32 {
    (width - BETWEEN) / 2.0
}

/// Height that both slots need if they share `width`.
pub fn height(slots: &[SlotView; 2], width: f32) -> f32 {
    let width = card_width(width);
    let knobs = if slots.iter().any(|slot| two_rows(slot, width)) {
        2.0 * KNOB_SMALL.y + 4.0
    } else {
        KNOB.y
    };
    ABOVE + knobs + 12.0
}

/// Where the cards of both slots are, over `area`.
pub fn cards(area: Rect) -> [Rect; 2] {
    let width = card_width(area.width());
    [
        area.with_max_x(area.left() + width),
        area.with_min_x(area.right() - width),
    ]
}

/// Draws both over `area`.
pub fn slots(ui: &mut Ui, area: Rect, cx: &mut Cx<'_>) {
    let [a, b] = cards(area);
    let between = Rect::from_min_max(pos2(a.right(), area.top()), pos2(b.left(), area.bottom()));
    card(ui, a, 0, cx);
    card(ui, b, 1, cx);
    let places = [-34.0, 0.0, 34.0].map(|y| Rect::from_center_size(between.center() + vec2(0.0, y), vec2(26.0, 22.0)));
    let asked = [
        (Icon::Right, "Copy A to B", Action::Copy { from: 0 }),
        (Icon::Swap, "Swap A and B", Action::Swap),
        (Icon::Left, "Copy B to A", Action::Copy { from: 1 }),
    ];
    for (place, (sign, name, action)) in places.into_iter().zip(asked) {
        if inside(ui, place, |ui| icon(ui, sign, name)).clicked() {
            cx.ask(action);
        }
    }
}

fn card(ui: &mut Ui, rect: Rect, slot: usize, cx: &mut Cx<'_>) {
    let palette = theme::of(ui);
    let source = slot_source(slot);
    let heard = controls::heard(cx.params) == source;
    panel(ui, rect, |ui| {
        let area = ui.max_rect();
        let (title, rest) = split_top(area, 26.0, 2.0);
        heading(ui, title, slot, heard, cx);
        let (about, rest) = split_top(rest, 15.0, 6.0);
        subtitle(ui, about, slot, cx);
        let (row, rest) = split_top(rest, 46.0, 6.0);
        figures(ui, row, slot, cx);
        let (row, rest) = split_top(rest, 40.0, 6.0);
        ways(ui, row, slot, cx);
        knobs(ui, rest, slot, cx);
    });
    if heard {
        ui.painter()
            .rect_stroke(rect, theme::ROUND, Stroke::new(1.5, palette.accent), StrokeKind::Inside);
    }
}

/// Letter, name, and what is loaded next.
fn heading(ui: &mut Ui, rect: Rect, slot: usize, heard: bool, cx: &mut Cx<'_>) {
    let palette = theme::of(ui);
    let source = slot_source(slot);
    let view = &cx.view.slots[slot];
    let badge = Rect::from_min_size(rect.min, vec2(26.0, 26.0));
    let response = ui.allocate_rect(badge, Sense::click());
    let name = format!("Hear slot {}", source.name());
    response.widget_info(|| WidgetInfo::selected(Role::Button, true, heard, &name));
    let (fill, ink) = match (heard, response.hovered()) {
        (true, _) => (palette.accent, palette.ink),
        (false, true) => (palette.hover, palette.text),
        (false, false) => (palette.field, palette.text),
    };
    ui.painter().rect_filled(badge, theme::SMALL_ROUND, fill);
    crate::editor::widgets::caption(ui, badge.center(), source.name(), ink, 15.0, 24.0);
    if response.on_hover_text(name).clicked() {
        controls::hear(cx.params, cx.setter, source);
    }
    let buttons = Rect::from_min_max(pos2(rect.right() - 122.0, rect.top()), rect.max);
    line(ui, buttons, |ui| {
        ui.spacing_mut().item_spacing.x = 4.0;
        let letter = source.name();
        for (sign, step, which) in [(Icon::Previous, -1, "Previous"), (Icon::Next, 1, "Next")] {
            let clicked = icon(ui, sign, &format!("{which} model in {letter}")).clicked();
            if let (true, Some(wish)) = (clicked, cx.view.browser.neighbour(slot, step)) {
                cx.ask(Action::Load(slot, wish.clone()));
            }
        }
        if icon(ui, Icon::Folder, &format!("Load a model into {letter}…")).clicked() {
            cx.ask(Action::Browse(slot));
        }
        let clear = format!("Empty slot {letter}");
        let is_empty = view.name.is_none();
        let response = ui.add_enabled_ui(!is_empty, |ui| icon(ui, Icon::Cross, &clear)).inner;
        if response.clicked() {
            cx.ask(Action::Unload(slot));
        }
    });
    let (text, color) = match (&view.loading, &view.name) {
        (Some(loading), _) if !loading.is_empty() => (format!("Loading {loading} …"), palette.weak),
        (_, Some(name)) => (name.clone(), palette.text),
        _ => ("Empty: the input passes".to_owned(), palette.weak),
    };
    let place = Rect::from_min_max(
        pos2(badge.right() + 8.0, rect.top()),
        pos2(buttons.left() - 6.0, rect.bottom()),
    );
    let response = label_in(ui, place, &text, 18.0, color, Align2::LEFT_CENTER);
    let details = view.details.join("\n");
    response.on_hover_text(format!("{text}\n{details}").trim_end());
}

fn subtitle(ui: &mut Ui, rect: Rect, slot: usize, cx: &Cx<'_>) {
    let palette = theme::of(ui);
    let view = &cx.view.slots[slot];
    let shown = (view.meters.iter()).map(|(name, value)| format!("{name} {value:.2}"));
    let shown: Vec<String> = shown.collect();
    let (text, color) = match &view.error {
        Some(error) => (error.clone(), palette.error),
        None if !shown.is_empty() => (shown.join("   "), palette.weak),
        None if !view.about.is_empty() => (view.about.clone(), palette.weak),
        None if view.name.is_none() => (
            "Choose a model at the left, or with the folder above.".to_owned(),
            palette.weak,
        ),
        None => (view.details.join("  ·  "), palette.weak),
    };
    label_in(ui, rect, &text, 11.5, color, Align2::LEFT_CENTER).on_hover_text(text);
}

fn load_color(ui: &Ui, view: &SlotView) -> Color32 {
    let palette = theme::of(ui);
    match view.load.worst {
        _ if view.load.misses > 0 => palette.error,
        worst if worst >= 0.8 => palette.error,
        worst if worst >= 0.5 => palette.notice,
        _ => palette.text,
    }
}

fn figures(ui: &mut Ui, rect: Rect, slot: usize, cx: &mut Cx<'_>) {
    let palette = theme::of(ui);
    let view = &cx.view.slots[slot];
    let [runtime, latency, load, delay] = columns(rect, [0.23, 0.24, 0.25, 0.28], 6.0);
    let is_empty = view.name.is_none();
    let rate = match view.model_rate {
        Some(rate) => hertz(rate),
        None if is_empty => " ".to_owned(),
        None => "any rate".to_owned(),
    };
    let dash = || "–".to_owned();
    let words = if is_empty { dash() } else { view.runtime.clone() };
    let good = if is_empty { palette.weak } else { palette.good };
    inside(ui, runtime, |ui| {
        figure(ui, "Runtime", &words, &rate, good, &view.reason);
    });
    let frames = f64::from(view.latency);
    let ms = cx.view.milliseconds(frames);
    let ms = ms.filter(|_| !is_empty);
    let ms = ms.map_or_else(|| " ".to_owned(), |ms| format!("{ms:.2} ms"));
    let (samples, ink) = if is_empty {
        (dash(), palette.weak)
    } else {
        (format!("{} smp", view.latency), palette.text)
    };
    let hint = "What the model needs at the host's rate; the host is told the slowest source's.";
    inside(ui, latency, |ui| figure(ui, "Latency", &samples, &ms, ink, hint));
    let percent = format!("{:.1} %", 100.0 * view.load.mean);
    let detail = match (view.asleep, view.load.misses, view.load.micros) {
        (true, ..) => "asleep".to_owned(),
        (_, 1.., _) => format!("{} late", view.load.misses),
        (_, 0, micros) if micros > 0.0 => format!("{micros:.0} µs"),
        _ => format!("worst {:.1} %", 100.0 * view.load.worst),
    };
    let hint = format!(
        "Share of one core; 100 % is the deadline. Mean of a block {:.0} µs, worst {:.1} %, {} blocks too late since the audio was started.",
        view.load.micros,
        100.0 * view.load.worst,
        view.load.misses
    );
    let (percent, color) = if is_empty {
        (dash(), palette.weak)
    } else {
        (percent, load_color(ui, view))
    };
    inside(ui, load, |ui| {
        figure(ui, "Load", &percent, if is_empty { " " } else { &detail }, color, &hint);
    });
    baked(ui, delay, slot, cx);
}

/// The delay and polarity that the model has learned; a click takes both out, or leaves them.
fn baked(ui: &mut Ui, rect: Rect, slot: usize, cx: &mut Cx<'_>) {
    let palette = theme::of(ui);
    let source = slot_source(slot);
    let placement = &cx.view.slots[slot].placement;
    let taken = placement.total() != 0.0 || placement.inverted;
    let is_empty = cx.view.slots[slot].name.is_none();
    let (value, detail, color) = match &placement.measured {
        // Models are measured for the host's rate.
        None if is_empty || cx.view.host_rate.is_none() => ("–".to_owned(), " ", palette.weak),
        _ if placement.measuring => ("…".to_owned(), "measuring", palette.weak),
        None => ("–".to_owned(), "not found", palette.notice),
        Some(measured) => {
            let detail = match (taken, measured.inverted) {
                (true, _) => "taken out",
                (false, true) => "inverted",
                (false, false) if measured.delay.abs() < 0.05 => "none",
                (false, false) => "left in",
            };
            let off = measured.inverted || measured.delay.abs() >= 0.05;
            let color = match (taken, off) {
                (true, _) => palette.good,
                (false, true) => palette.notice,
                (false, false) => palette.text,
            };
            (format!("{:.1} smp", measured.delay).replace('-', "−"), detail, color)
        }
    };
    inside(ui, rect, |ui| figure(ui, "Own delay", &value, detail, color, ""));
    if is_empty {
        return;
    }
    let response = ui.interact(rect, ui.scope_id().with(("baked", slot)), Sense::click());
    let verb = match (placement.measured, taken) {
        (None, _) => "Measure the own delay of",
        (Some(_), true) => "Leave the own delay of",
        (Some(_), false) => "Take out the own delay of",
    };
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, format!("{verb} {}", source.name())));
    let hint = match &placement.measured {
        Some(measured) => format!(
            "This model plays {:.2} samples late{}, as it was trained (confidence {:.0} %). Click to {}.",
            measured.delay,
            if measured.inverted { ", upside down" } else { "" },
            100.0 * measured.confidence,
            if taken {
                "leave that in"
            } else {
                "take that out while comparing"
            }
        ),
        None => {
            "The delay and polarity that the model has learned: nothing like the probe came out. Click to measure again, with the knobs as they stand.".to_owned()
        }
    };
    if response.on_hover_text(hint).clicked() {
        let edit = match (placement.measured, taken) {
            (None, _) => AlignEdit::Measure,
            (Some(_), true) => AlignEdit::Clear,
            (Some(_), false) => AlignEdit::Apply,
        };
        cx.ask(Action::Align(source, edit));
    }
}

/// How the model is played, and its trim.
fn ways(ui: &mut Ui, rect: Rect, slot: usize, cx: &mut Cx<'_>) {
    let view = &cx.view.slots[slot];
    let way = view.way;
    let [rate, oversampling, size, trim] = columns(rect, [0.33, 0.22, 0.23, 0.22], 6.0);
    let mut asked: Option<Way> = None;
    inside(ui, rate, |ui| {
        let names = RateMode::ALL.map(RateMode::name);
        let now = RateMode::ALL
            .iter()
            .position(|mode| *mode == way.rate_mode)
            .unwrap_or(0);
        let hint = if view.conversion.is_empty() {
            "Between the host's sample rate and the model's"
        } else {
            &view.conversion
        };
        let chosen = choice(ui, slot, "Rate conversion", &names, now, hint);
        if let Some(mode) = chosen.and_then(|index| RateMode::ALL.get(index)) {
            asked = Some(Way {
                rate_mode: *mode,
                ..way
            });
        }
    });
    inside(ui, oversampling, |ui| {
        let names = Oversampling::ALL.map(Oversampling::name);
        let now = Oversampling::ALL
            .iter()
            .position(|x| *x == way.oversampling)
            .unwrap_or(0);
        let hint = "Runs the model at a multiple of its rate, against its own aliasing";
        let chosen = choice(ui, slot, "Oversampling", &names, now, hint);
        if let Some(x) = chosen.and_then(|index| Oversampling::ALL.get(index)) {
            asked = Some(Way {
                oversampling: *x,
                ..way
            });
        }
    });
    let follower = Follower::of(&view.knobs);
    if follower.is_some() && view.sizes.is_empty() {
        inside(ui, size, |ui| tempo(ui, slot, cx));
    } else if let (Some(bytes), true) = (view.halved, view.sizes.is_empty()) {
        inside(ui, size, |ui| {
            let now = Weights::ALL.iter().position(|weights| *weights == way.weights);
            let hint = halving(bytes);
            let chosen = choice(ui, slot, "Weights", &["32 bits", "16 bits"], now.unwrap_or(0), &hint);
            if let Some(weights) = chosen.and_then(|index| Weights::ALL.get(index)) {
                asked = Some(Way {
                    weights: *weights,
                    ..way
                });
            }
        });
    } else {
        inside(ui, size, |ui| {
            let names: Vec<&str> = if view.sizes.is_empty() {
                vec!["one"]
            } else {
                view.sizes.iter().map(|(name, _)| name.as_str()).collect()
            };
            let hint = "Captures may hold a smaller model that costs less";
            let chosen = choice(ui, slot, "Size", &names, view.size, hint);
            if let Some((_, size)) = chosen.and_then(|index| view.sizes.get(index)) {
                asked = Some(Way { size: *size, ..way });
            }
        });
    }
    if let Some(way) = asked {
        cx.ask(Action::Play(slot, way));
    }
    inside(ui, trim, |ui| {
        ui.spacing_mut().item_spacing.y = 2.0;
        label(ui, "Trim", 11.0, theme::of(ui).weak);
        let source = slot_source(slot);
        if let Some(param) = controls::trim(cx.params, source) {
            let name = format!("Trim of {}", source.name());
            number(ui, vec2(trim.width(), 21.0), param, &name, cx.setter)
                .on_hover_text("Gain of this slot in dB, so that both are as loud. Double click for 0 dB.");
        }
    });
}

/// What weights of 16 bits save and what they cost; `bytes` as in [`SlotView::halved`](crate::editor::view::SlotView::halved).
fn halving(bytes: [usize; 2]) -> String {
    // Bytes of memory are few enough to be exact.
    #[allow(clippy::cast_precision_loss)]
    let [whole, half] = bytes.map(|bytes| bytes as f64 / 1024.0);
    format!(
        "16 bits: {half:.0} kB of weights are read in place of {whole:.0}, which is cheaper. Each is rounded by at most a 2048th of itself; \
         codecs differ from themselves by -66 to -99 dB, by more where a quantiser takes another code word."
    )
}

/// The note that it follows.
fn tempo(ui: &mut Ui, slot: usize, cx: &mut Cx<'_>) {
    let names = NoteLength::variants();
    let now = controls::sync(cx.params, slot).to_index();
    let name = (Follower::of(&cx.view.slots[slot].knobs)
        .and_then(|follower| cx.view.slots[slot].knobs.get(follower.index)))
    .map_or_else(String::new, |knob| knob.name.clone());
    let hint = format!(
        "{name} follows the host's tempo, {:.1} beats a minute, in notes of this length; octaves away where that is beyond its range.",
        cx.view.tempo
    );
    if let Some(chosen) = choice(ui, slot, "Sync", names, now, &hint) {
        controls::follow(cx.params, cx.setter, slot, NoteLength::from_index(chosen));
    }
}

fn knobs(ui: &mut Ui, area: Rect, slot: usize, cx: &mut Cx<'_>) {
    let view = &cx.view.slots[slot];
    let count = view.knobs.len();
    if view.name.is_none() {
        let place = Rect::from_center_size(area.center(), vec2(150.0, 28.0));
        let text = format!("Choose a model for {}…", slot_source(slot).name());
        let response = inside(ui, place, |ui| press(ui, place.size(), &text));
        if response.on_hover_text("An ONNX, .nam, .json or .aidax file").clicked() {
            cx.ask(Action::Browse(slot));
        }
        return;
    }
    if count == 0 {
        let text = "This model has no knobs.";
        label_in(ui, area, text, 12.0, theme::of(ui).weak, Align2::CENTER_CENTER);
        return;
    }
    let rows = if two_rows(view, area.width() + 20.0) { 2 } else { 1 };
    let size = if rows == 2 || count > ROW { KNOB_SMALL } else { KNOB };
    let in_row = count.div_ceil(rows);
    // At most eight.
    #[allow(clippy::cast_precision_loss)]
    let (step, rows_height) = (
        (area.width() / in_row as f32).min(size.x + 24.0),
        size.y * rows as f32 + 4.0 * (rows as f32 - 1.0),
    );
    let top = area.top() + ((area.height() - rows_height) / 2.0).max(0.0);
    let params = controls::knobs(cx.params, slot);
    let followed = (Follower::of(&view.knobs).zip(controls::sync(cx.params, slot).beats()))
        .map(|(follower, beats)| (follower.index, follower.position(cx.view.tempo, beats)));
    for (index, (param, knob_label)) in params.into_iter().zip(&view.knobs).enumerate() {
        let (row, column) = (index / in_row, index % in_row);
        let in_this_row = in_row.min(count - row * in_row);
        #[allow(clippy::cast_precision_loss)]
        let centre = pos2(
            area.center().x + step * (column as f32 + 0.5 - in_this_row as f32 / 2.0),
            top + (size.y + 4.0) * row as f32 + size.y / 2.0,
        );
        let place = Rect::from_center_size(centre, vec2(step.min(size.x), size.y));
        let value = match followed {
            Some((at, position)) if at == index => format!("♪ {}", knob_label.value_text(position)),
            _ => knob_label.value_text(param.unmodulated_plain_value()),
        };
        let default = KnobLabel::default_position(knob_label);
        inside(ui, place, |ui| {
            knob(ui, place.size(), param, &knob_label.name, &value, default, cx.setter).on_hover_text(format!(
                "{}: {value}\nAutomated as \u{201c}{} Knob {}\u{201d}",
                knob_label.name,
                slot_source(slot).name(),
                index + 1
            ));
        });
    }
}
