//! The strip of the side-chain: whether something comes in, where it lies in time, whether it can be heard.

use super::Cx;
use crate::editor::controls;
use crate::editor::theme;
use crate::editor::view::{Action, AlignEdit, Signal, Source};
use crate::editor::widgets::{Amount, amount, inside, label, label_in, number, panel, press, switch};
use egui::{Align2, Rect, Role, Sense, Ui, WidgetInfo, pos2, vec2};

/// Its height.
pub const HEIGHT: f32 = 58.0;

/// Draws it over `rect`.
pub fn strip(ui: &mut Ui, rect: Rect, cx: &mut Cx<'_>) {
    panel(ui, rect, |ui| {
        let area = ui.max_rect();
        let uses = controls::uses_reference(cx.params);
        let state = area.with_max_x(area.left() + 106.0);
        signal(ui, state, cx);
        let button = Rect::from_min_size(pos2(state.right() + 6.0, area.center().y - 12.0), vec2(52.0, 24.0));
        let accent = theme::of(ui).accent;
        let text = if uses { "In use" } else { "Use" };
        let response = inside(ui, button, |ui| {
            switch(ui, button.size(), uses, text, "Use the reference", accent)
        });
        let hint = "On: the side-chain can be heard and compared with. Off: it is ignored, whatever the host passes.";
        if response.on_hover_text(hint).clicked() {
            controls::use_reference(cx.params, cx.setter, !uses);
        }
        let rest = area.with_min_x(button.right() + 12.0);
        if uses {
            placing(ui, rest, cx);
        } else {
            let text = "Play the real device into the side-chain and switch this on: hear it against the models, and see what they miss.";
            inside(ui, rest, |ui| {
                ui.add_space(4.0);
                crate::editor::widgets::wrapped(ui, text, 12.0, theme::of(ui).weak);
            });
        }
    });
}

fn signal(ui: &mut Ui, rect: Rect, cx: &Cx<'_>) {
    let palette = theme::of(ui);
    let reference = &cx.view.reference;
    let (color, text) = match reference.signal {
        Signal::NotPassed => (palette.field, "not connected".to_owned()),
        Signal::Silent => (palette.notice, "silent".to_owned()),
        Signal::Present => {
            let db = cx.memory.meters[2].hold_db;
            let level = if db > -60.0 {
                format!("{db:.0} dB").replace('-', "−")
            } else {
                "signal".to_owned()
            };
            (palette.good, level)
        }
    };
    let dot = pos2(rect.left() + 7.0, rect.center().y);
    ui.painter()
        .circle(dot, 5.5, color, egui::Stroke::new(1.0, palette.line));
    let words = rect.with_min_x(rect.left() + 20.0);
    let (name, state) = (words.with_max_y(words.center().y), words.with_min_y(words.center().y));
    label_in(ui, name, "Reference", 14.0, palette.text, Align2::LEFT_CENTER);
    label_in(ui, state, &text, 11.5, palette.weak, Align2::LEFT_CENTER);
    let hint = match reference.signal {
        Signal::NotPassed => {
            "The host passes no side-chain. Choose a layout with a side-chain, or route a track to this plugin's side-chain input."
        }
        Signal::Silent => {
            "The host passes a side-chain and nothing comes in: some hosts do so for one that is not connected, too."
        }
        Signal::Present => "Something comes in at the side-chain.",
    };
    let response = ui.interact(rect, ui.scope_id().with("reference light"), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Status, true, format!("Reference signal: {text}")));
    response.on_hover_text(hint);
}

/// A title above a control.
fn titled(ui: &mut Ui, rect: Rect, title: &str, control: impl FnOnce(&mut Ui)) {
    inside(ui, rect, |ui| {
        ui.spacing_mut().item_spacing.y = 2.0;
        label(ui, title, 11.0, theme::of(ui).weak);
        control(ui);
    });
}

fn placing(ui: &mut Ui, area: Rect, cx: &mut Cx<'_>) {
    let palette = theme::of(ui);
    let placement = cx.view.reference.placement;
    let cells = crate::editor::widgets::columns(area, [1.55, 1.0, 1.0, 0.95, 0.68, 0.78, 1.4], 6.0);
    let [delay, measure, nudge, trim, lock, invert, hear] = cells;
    let (text, color, hint) = match placement.measured {
        _ if placement.measuring => (
            "listening …".to_owned(),
            palette.weak,
            "Play something for a few seconds".to_owned(),
        ),
        Some(measured) => (
            format!("{:.2} smp", placement.total()).replace('-', "−"),
            if measured.confidence >= 0.8 {
                palette.text
            } else {
                palette.notice
            },
            format!(
                "How late the reference comes: {}. Measured {:.3} samples{}, confidence {:.0} %.",
                cx.view.samples_text(placement.total()),
                measured.delay,
                if measured.inverted { ", upside down" } else { "" },
                100.0 * measured.confidence
            ),
        ),
        None if placement.total() != 0.0 => (
            format!("{:.2} smp", placement.total()).replace('-', "−"),
            palette.text,
            "Set by hand".to_owned(),
        ),
        None => (
            "not known".to_owned(),
            palette.weak,
            "Play something and click on Measure".to_owned(),
        ),
    };
    let confidence = placement
        .measured
        .filter(|_| !placement.measuring)
        .map(|measured| measured.confidence);
    let title = confidence.map_or_else(
        || "Delay".to_owned(),
        |sure| format!("Delay, {:.0} % sure", 100.0 * sure),
    );
    titled(ui, delay, &title, |ui| {
        label(ui, &text, 14.0, color).on_hover_text(hint);
    });
    titled(ui, measure, " ", |ui| {
        let size = vec2(measure.width(), 22.0);
        let response = ui
            .add_enabled_ui(!placement.locked, |ui| press(ui, size, "Measure"))
            .inner;
        let hint = "Finds delay and polarity of the reference from what you play, by correlation with the slot that is compared";
        if response.on_hover_text(hint).clicked() {
            cx.ask(Action::Align(Source::Reference, AlignEdit::Measure));
        }
    });
    titled(ui, nudge, "Nudge", |ui| {
        let how = Amount {
            min: -4800.0,
            max: 4800.0,
            speed: 0.1,
            digits: 2,
            unit: " smp",
        };
        let (moved, response) = amount(
            ui,
            vec2(nudge.width(), 22.0),
            placement.nudge,
            0.0,
            how,
            "Nudge of the reference",
        );
        response.on_hover_text("Added to the measured delay, in samples. Drag, with Shift finely; double click for 0.");
        if let Some(moved) = moved {
            cx.ask(Action::Align(Source::Reference, AlignEdit::Nudge(moved)));
        }
    });
    titled(ui, trim, "Trim", |ui| {
        if let Some(param) = controls::trim(cx.params, Source::Reference) {
            number(ui, vec2(trim.width(), 22.0), param, "Trim of Reference", cx.setter)
                .on_hover_text("Gain of the reference in dB. Double click for 0 dB.");
        }
    });
    toggles(ui, [lock, invert], cx);
    titled(
        ui,
        hear,
        &format!("adds {} smp", cx.view.reference.hearing_adds),
        |ui| {
            let on = cx.view.reference.hear_aligned;
            let size = vec2(hear.width(), 22.0);
            let response = switch(
                ui,
                size,
                on,
                "Hear in time",
                "Hear the reference in time",
                palette.accent,
            );
            let hint = format!(
                "Delays the slots to the reference, so that both are heard together. Adds latency: {}. Measuring needs it not.",
                cx.view.samples_text(f64::from(cx.view.reference.hearing_adds))
            );
            if response.on_hover_text(hint).clicked() {
                cx.ask(Action::HearAligned(!on));
            }
        },
    );
}

fn toggles(ui: &mut Ui, [lock, invert]: [Rect; 2], cx: &mut Cx<'_>) {
    let palette = theme::of(ui);
    let placement = cx.view.reference.placement;
    titled(ui, lock, " ", |ui| {
        let response = switch(
            ui,
            vec2(lock.width(), 22.0),
            placement.locked,
            "Lock",
            "Lock the delay",
            palette.notice,
        );
        let hint = "Measurements change the delay no more";
        if response.on_hover_text(hint).clicked() {
            cx.ask(Action::Align(Source::Reference, AlignEdit::Lock(!placement.locked)));
        }
    });
    titled(ui, invert, " ", |ui| {
        let size = vec2(invert.width(), 22.0);
        let response = switch(
            ui,
            size,
            placement.inverted,
            "Invert",
            "Invert the reference",
            palette.notice,
        );
        if response.on_hover_text("Turns the reference's polarity round").clicked() {
            cx.ask(Action::Align(Source::Reference, AlignEdit::Invert(!placement.inverted)));
        }
    });
}
