//! The window's drawing: a function of plain values, so that tests can draw it without a display.

use super::panels::bench::{self, Bench};
use super::panels::{Cx, browser, footer, header, meters, reference, slot, trial, verdict};
use super::view::{Action, TestView, View, Watching};
use super::widgets::{MeterMemory, Setter, inside, panel};
use super::{keys, theme};
use crate::params::TonegraftParams;
use egui::{Rect, ScrollArea, Ui, UiBuilder, Vec2, pos2, vec2};
use std::path::PathBuf;

/// Space between panels.
const GAP: f32 = 8.0;
/// Least width at which everything has its place; a smaller window scrolls.
const LEAST_WIDTH: f32 = 1020.0;

/// What the window remembers between two frames.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    /// The path being typed.
    pub path: String,
    /// What is searched for.
    pub search: String,
    /// What the lower half shows.
    pub bench: Bench,
    /// The slot that a click in the browser loads into, 0 or 1.
    pub target: usize,
    /// Meters of input, output and reference.
    pub meters: [MeterMemory; 3],
    /// Length of the recorded passage in seconds, as it was told last.
    pub passage_seconds: f32,
    /// Where the drag began that marks a part of it, in seconds.
    pub part_from: Option<f32>,
}

impl Memory {
    /// What is in sight and has to be computed.
    pub fn watching(&self, view: &View) -> Watching {
        let in_sight = matches!(view.test, TestView::Planning(_));
        Watching {
            spectrum: in_sight && self.bench == Bench::Spectrum,
            difference: in_sight && self.bench == Bench::Difference,
        }
    }
}

/// Draws the whole window; without a `setter` the parameters can only be looked at.
pub fn draw(
    ui: &mut Ui,
    memory: &mut Memory,
    view: &View,
    params: &TonegraftParams,
    setter: Setter<'_>,
) -> Vec<Action> {
    let all = ui.max_rect();
    ui.painter().rect_filled(all, 0.0, theme::of(ui).background);
    let mut cx = Cx {
        view,
        params,
        setter,
        memory,
        actions: Vec::new(),
    };
    keys::rest(ui, all);
    keys::follow(ui, &mut cx);
    match &view.test {
        TestView::Running(run) => scrolled(ui, all, vec2(600.0, 600.0), |ui, all| {
            trial::trial(ui, all, run, &mut cx);
        }),
        TestView::Done(result) => {
            scrolled(ui, all, vec2(700.0, 560.0), |ui, all| {
                verdict::verdict(ui, all, result, &mut cx);
            });
        }
        TestView::Planning(_) => everything(ui, all, &mut cx),
    }
    cx.actions
}

/// `body` over `all`, or over `least` inside scroll bars where `all` is smaller.
fn scrolled(ui: &mut Ui, all: Rect, least: Vec2, body: impl FnOnce(&mut Ui, Rect)) {
    if all.width() >= least.x && all.height() >= least.y {
        inside(ui, all, |ui| body(ui, all));
        return;
    }
    ui.scope_builder(UiBuilder::new().max_rect(all), |ui| {
        ScrollArea::both().auto_shrink([false, false]).show(ui, |ui| {
            let size = least.max(ui.available_size());
            let (rect, _) = ui.allocate_exact_size(size, egui::Sense::hover());
            inside(ui, rect, |ui| body(ui, rect));
        });
    });
}

fn everything(ui: &mut Ui, all: Rect, cx: &mut Cx<'_>) {
    let (words, footer_height) = footer::lay_out(ui, &cx.view.message, all.width().max(LEAST_WIDTH) - 2.0 * GAP);
    let side = browser::WIDTH + meters::WIDTH + 4.0 * GAP;
    let slots_height = slot::height(&cx.view.slots, all.width().max(LEAST_WIDTH) - side);
    let fixed = header::HEIGHT + slots_height + GAP + reference::HEIGHT + GAP + footer_height;
    let least = vec2(LEAST_WIDTH, fixed + bench::LEAST);
    scrolled(ui, all, least, |ui, all| {
        let head = Rect::from_min_max(all.min, pos2(all.right(), all.top() + header::HEIGHT));
        let foot = Rect::from_min_max(pos2(all.left(), all.bottom() - footer_height), all.max);
        let middle = Rect::from_min_max(pos2(all.left(), head.bottom()), pos2(all.right(), foot.top()));
        let middle = middle.shrink2(vec2(GAP, 0.0));
        let left = middle.with_max_x(middle.left() + browser::WIDTH);
        let right = middle.with_min_x(middle.right() - meters::WIDTH);
        let centre = Rect::from_min_max(
            pos2(left.right() + GAP, middle.top()),
            pos2(right.left() - GAP, middle.bottom()),
        );
        let bar = head.shrink2(vec2(GAP + 6.0, 6.0));
        inside(ui, bar, |ui| header::header(ui, bar, cx));
        panel(ui, left, |ui| browser::browser(ui, ui.max_rect(), cx));
        let slots = centre.with_max_y(centre.top() + slots_height);
        slot::slots(ui, slots, cx);
        let strip = Rect::from_min_size(
            pos2(centre.left(), slots.bottom() + GAP),
            vec2(centre.width(), reference::HEIGHT),
        );
        reference::strip(ui, strip, cx);
        let below = centre.with_min_y(strip.bottom() + GAP);
        bench::bench(ui, below, cx);
        panel(ui, right, |ui| meters::meters(ui, ui.max_rect(), cx));
        let line = foot.shrink2(vec2(GAP + 4.0, 4.0));
        inside(ui, line, |ui| footer::footer(ui, line, words, cx));
        drops(ui, [left, slots, below], cx);
    });
}

/// Files that are dropped: on the right slot they go into B, elsewhere among the slots into A, on the browser where its clicks go.
fn drops(ui: &Ui, [browser_rect, slots, _]: [Rect; 3], cx: &mut Cx<'_>) {
    let (hovering, dropped, at) = ui.input(|input| {
        let dropped: Vec<PathBuf> = input
            .raw
            .dropped_files
            .iter()
            .map(|file| file.path().to_path_buf())
            .collect();
        (!input.raw.hovered_files.is_empty(), dropped, input.pointer.latest_pos())
    });
    if !hovering && dropped.is_empty() {
        return;
    }
    let cards = slot::cards(slots);
    let slot = match at {
        Some(at) if cards[1].contains(at) => 1,
        Some(at) if cards[0].contains(at) => 0,
        _ => cx.memory.target,
    };
    if hovering {
        let palette = theme::of(ui);
        let place = if at.is_some_and(|at| browser_rect.contains(at)) {
            browser_rect
        } else {
            cards[slot.min(1)]
        };
        let stroke = egui::Stroke::new(2.0, palette.accent);
        // Above all, so that nothing below takes the files for a pointer.
        let cover = egui::Area::new(egui::Id::unique("tonegraft drop")).order(egui::Order::Foreground);
        let all = ui.ctx().content_rect();
        cover.fixed_pos(all.min).constrain(false).show(ui.ctx(), |ui| {
            ui.allocate_response(all.size(), egui::Sense::hover());
            ui.painter().rect(
                place,
                theme::ROUND,
                palette.accent.gamma_multiply(0.12),
                stroke,
                egui::StrokeKind::Inside,
            );
        });
    }
    let mut slots = [slot, 1 - slot.min(1)].into_iter();
    for path in dropped {
        // Two models that are dropped together go into both slots.
        let target = if browser::is_audio(&path) || path.is_dir() {
            slot
        } else {
            match slots.next() {
                Some(slot) => slot,
                None => continue,
            }
        };
        cx.ask(browser::load(path, target));
    }
}
