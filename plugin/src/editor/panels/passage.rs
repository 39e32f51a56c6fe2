//! The recorded passage: what is heard again and again in place of the input.

use super::Cx;
use crate::editor::theme;
use crate::editor::view::{Action, CaptureEdit, CaptureState};
use crate::editor::widgets::{inside, label_in, line, press, split_bottom, split_top, switch};
use egui::{Align2, Rect, Role, Sense, Stroke, Ui, WidgetInfo, pos2, vec2};

/// The longest passage, in seconds, where the recorder does not tell its own.
const LIMIT: f32 = 20.0;

/// Draws it over `rect`.
pub fn passage(ui: &mut Ui, rect: Rect, cx: &mut Cx<'_>) {
    let palette = theme::of(ui);
    let state = cx.view.capture.state;
    let (title, rest) = split_top(rect, 16.0, 4.0);
    let text = match state {
        CaptureState::Idle => "Passage".to_owned(),
        CaptureState::Recording(seconds) => format!("Passage: recording, {seconds:.1} s"),
        CaptureState::Ready(seconds) => format!("Passage: {seconds:.1} s recorded"),
        CaptureState::Replaying(_) => format!("Passage: repeats {:.1} s", length(cx)),
    };
    label_in(ui, title, &text, 11.5, palette.weak, Align2::LEFT_CENTER);
    let (buttons, wave) = split_bottom(rest, 24.0, 6.0);
    envelope(ui, wave, cx);
    line(ui, buttons, |ui| controls(ui, buttons.width(), cx));
}

fn length(cx: &Cx<'_>) -> f32 {
    let [from, to] = cx.view.capture.part;
    (to - from).max(0.0)
}

fn controls(ui: &mut Ui, width: f32, cx: &mut Cx<'_>) {
    let palette = theme::of(ui);
    let view = &cx.view.capture;
    let limit = if view.limit > 0.0 { view.limit } else { LIMIT };
    let third = vec2(((width - 12.0) / 3.0).max(40.0), 24.0);
    let recording = matches!(view.state, CaptureState::Recording(_));
    let replaying = matches!(view.state, CaptureState::Replaying(_));
    let recorded = matches!(view.state, CaptureState::Ready(_) | CaptureState::Replaying(_));
    let text = if recording { "Stop" } else { "Rec" };
    let response = switch(
        ui,
        third,
        recording,
        text,
        if recording {
            "Stop recording"
        } else {
            "Record a passage"
        },
        palette.error,
    );
    let hint = format!("Records what you play, and the reference with it, for at most {limit:.0} s");
    if response.on_hover_text(hint).clicked() {
        cx.ask(Action::Capture(if recording {
            CaptureEdit::Stop
        } else {
            CaptureEdit::Record(limit)
        }));
    }
    let response = ui
        .add_enabled_ui(recorded, |ui| {
            switch(ui, third, replaying, "Loop", "Repeat the passage", palette.accent)
        })
        .inner;
    let hint = "Plays the marked part again and again in place of the input, so that a test needs no transport";
    if response.on_hover_text(hint).clicked() {
        cx.ask(Action::Capture(if replaying {
            CaptureEdit::Stop
        } else {
            CaptureEdit::Replay
        }));
    }
    let response = ui.add_enabled_ui(recorded, |ui| press(ui, third, "Clear")).inner;
    if response.on_hover_text("Forgets the recording").clicked() {
        cx.ask(Action::Capture(CaptureEdit::Forget));
    }
}

/// The recording, with the part that is repeated; dragging marks another part.
fn envelope(ui: &mut Ui, rect: Rect, cx: &mut Cx<'_>) {
    let palette = theme::of(ui);
    let view = &cx.view.capture;
    let response = ui.interact(rect, ui.scope_id().with("passage"), Sense::click_and_drag());
    let [from, to] = view.part;
    let name = format!("Recorded passage, repeated from {from:.2} s to {to:.2} s");
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &name));
    let painter = ui.painter().with_clip_rect(rect.intersect(ui.clip_rect()));
    painter.rect_filled(rect, 4.0, palette.well);
    let seconds = match view.state {
        CaptureState::Ready(seconds) => seconds,
        CaptureState::Replaying(_) | CaptureState::Recording(_) | CaptureState::Idle => cx.memory.passage_seconds,
    };
    if let CaptureState::Ready(seconds) = view.state {
        cx.memory.passage_seconds = seconds;
    }
    if view.envelope.is_empty() {
        let text = match view.state {
            CaptureState::Recording(_) => "Recording …",
            _ => "Press Rec to record.",
        };
        label_in(ui, rect.shrink(6.0), text, 12.0, palette.weak, Align2::CENTER_CENTER);
        return;
    }
    let x = |time: f32| rect.left() + rect.width() * (time / seconds.max(1e-3)).clamp(0.0, 1.0);
    let marked = Rect::from_min_max(pos2(x(from), rect.top()), pos2(x(to), rect.bottom()));
    painter.rect_filled(marked, 2.0, palette.chosen);
    let count = view.envelope.len().max(1);
    for (index, height) in view.envelope.iter().enumerate() {
        // At most some hundreds.
        #[allow(clippy::cast_precision_loss)]
        let at = rect.left() + rect.width() * (index as f32 + 0.5) / count as f32;
        let half = (height.clamp(0.0, 1.0) * rect.height() * 0.46).max(0.5);
        let inside = (marked.left()..=marked.right()).contains(&at);
        let color = if inside { palette.accent } else { palette.weak };
        let ends = [pos2(at, rect.center().y - half), pos2(at, rect.center().y + half)];
        painter.line_segment(ends, Stroke::new(1.0, color));
    }
    if let CaptureState::Replaying(at) = view.state {
        let x = x(at);
        painter.line_segment(
            [pos2(x, rect.top()), pos2(x, rect.bottom())],
            Stroke::new(1.5, palette.text),
        );
    }
    let time = |at: egui::Pos2| ((at.x - rect.left()) / rect.width()).clamp(0.0, 1.0) * seconds;
    if response.drag_started() {
        cx.memory.part_from = ui.input(|input| input.pointer.press_origin()).map(time);
    }
    if let (true, Some(from), Some(at)) = (response.dragged(), cx.memory.part_from, response.interact_pointer_pos()) {
        let to = time(at);
        if (to - from).abs() > 0.05 {
            cx.ask(Action::Capture(CaptureEdit::Part([from.min(to), from.max(to)])));
        }
    }
    if response.double_clicked() {
        cx.ask(Action::Capture(CaptureEdit::Part([0.0, seconds])));
    }
    response.on_hover_text("Drag to mark the part that is repeated; double click for all of it");
}

/// The passage during a test: nothing that moves.
pub fn note(ui: &mut Ui, rect: Rect, looped: bool) {
    let text = if looped {
        "The recorded passage is repeated."
    } else {
        "Live input: play the same passage again for each."
    };
    inside(ui, rect, |ui| {
        label_in(ui, rect, text, 12.0, theme::of(ui).weak, Align2::CENTER_CENTER);
    });
}
