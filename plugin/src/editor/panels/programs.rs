//! Models that are loaded already, for the stepped parameter *Program*.

use super::Cx;
use crate::editor::controls;
use crate::editor::theme;
use crate::editor::view::{Action, PROGRAMS, ProgramView};
use crate::editor::widgets::{Icon, columns, icon, label_in, line, press, shortened, split_top};
use egui::{Align2, Rect, Role, Sense, Stroke, StrokeKind, Ui, WidgetInfo, pos2, vec2};

/// Programs side by side.
const ACROSS: usize = 4;

/// Draws the panel over `rect`.
pub fn programs(ui: &mut Ui, rect: Rect, cx: &mut Cx<'_>) {
    let palette = theme::of(ui);
    let (top, grid) = split_top(rect, 26.0, 6.0);
    let playing = controls::program(cx.params);
    let own = Rect::from_min_size(top.min, vec2(150.0, 24.0));
    let response = crate::editor::widgets::inside(ui, own, |ui| {
        let is_on = playing == 0;
        crate::editor::widgets::segment(
            ui,
            own.size(),
            is_on,
            "Slot A's own model",
            "Program 0: slot A's own model",
        )
    });
    if response.on_hover_text("Slot A plays what was loaded into it").clicked() {
        controls::play_program(cx.params, cx.setter, 0);
    }
    let words = Rect::from_min_max(pos2(own.right() + 12.0, top.top()), top.max);
    let text =
        "Models that wait, loaded: the parameter \u{201c}Program\u{201d} plays one of them in slot A with a crossfade.";
    label_in(ui, words, text, 11.5, palette.weak, Align2::LEFT_CENTER).on_hover_text(text);
    let rows = PROGRAMS / ACROSS;
    // Four.
    #[allow(clippy::cast_precision_loss)]
    let step = grid.height() / rows as f32;
    for row in 0..rows {
        #[allow(clippy::cast_precision_loss)]
        let line = Rect::from_min_size(
            pos2(grid.left(), grid.top() + step * row as f32),
            vec2(grid.width(), (step - 6.0).clamp(20.0, 52.0)),
        );
        for (column, cell) in columns(line, [1.0; ACROSS], 8.0).into_iter().enumerate() {
            let index = row * ACROSS + column;
            let program = cx.view.programs.get(index).and_then(Option::as_ref);
            place(ui, cell, index, program, playing == index + 1, cx);
        }
    }
}

fn place(ui: &mut Ui, rect: Rect, index: usize, program: Option<&ProgramView>, is_on: bool, cx: &mut Cx<'_>) {
    let palette = theme::of(ui);
    let number = index + 1;
    let response = ui.interact(rect, ui.scope_id().with(("program", index)), Sense::click());
    let (name, color) = match program {
        None => ("empty".to_owned(), palette.weak.gamma_multiply(0.7)),
        Some(program) if program.loading => (format!("Loading {} …", program.name), palette.weak),
        Some(program) if program.error.is_some() => (program.name.clone(), palette.error),
        Some(program) => (program.name.clone(), palette.text),
    };
    response.widget_info(|| WidgetInfo::selected(Role::RadioButton, true, is_on, format!("Program {number}: {name}")));
    let fill = match (is_on, response.hovered()) {
        (true, _) => palette.chosen,
        (false, true) => palette.hover,
        (false, false) => palette.field,
    };
    let edge = if is_on { palette.accent } else { palette.line };
    ui.painter().rect(
        rect,
        theme::SMALL_ROUND,
        fill,
        Stroke::new(1.0, edge),
        StrokeKind::Inside,
    );
    let buttons = Rect::from_min_max(pos2(rect.right() - 62.0, rect.top()), rect.max - vec2(6.0, 0.0));
    let figure = shortened(ui, &number.to_string(), palette.weak, 11.0, 20.0);
    let at = Align2::LEFT_CENTER.anchor_size(pos2(rect.left() + 8.0, rect.center().y), figure.size());
    ui.painter().galley(at.min, figure, palette.weak);
    let room = buttons.left() - rect.left() - 32.0;
    let galley = shortened(ui, &name, color, 12.5, room);
    let at = Align2::LEFT_CENTER.anchor_size(pos2(rect.left() + 28.0, rect.center().y), galley.size());
    ui.painter().galley(at.min, galley, color);
    let error = program.and_then(|program| program.error.as_deref()).unwrap_or("");
    if response.on_hover_text(format!("{name}\n{error}").trim_end()).clicked() {
        controls::play_program(cx.params, cx.setter, number);
    }
    line(ui, buttons, |ui| {
        ui.spacing_mut().item_spacing.x = 2.0;
        if program.is_some() {
            ui.add_space(30.0);
            if icon(ui, Icon::Cross, &format!("Empty program {number}")).clicked() {
                cx.ask(Action::ClearProgram(index));
            }
            return;
        }
        for (slot, letter) in ["A", "B"].into_iter().enumerate() {
            let is_empty = cx.view.slots[slot].name.is_none();
            let text = format!("Store slot {letter} in program {number}");
            let response = ui
                .add_enabled_ui(!is_empty, |ui| {
                    let response = press(ui, vec2(26.0, 20.0), letter);
                    response.widget_info(|| WidgetInfo::labeled(Role::Button, !is_empty, &text));
                    response
                })
                .inner;
            if response.on_hover_text(&text).clicked() {
                cx.ask(Action::StoreProgram { program: index, slot });
            }
        }
    });
}
