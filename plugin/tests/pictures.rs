//! Pictures of the window, drawn without a display: each panel in both shades, at several sizes. With `TONEGRAFT_PICTURES=FOLDER` they are
//! written there; `cargo xtask pictures` writes those of the README.

mod paint;
mod scenes;

use nice_plug::prelude::ParamSetter;
use paint::{Painter, Picture};
use scenes::{Recorder, comparing, done, ordinary, params, running, wordy};
use std::path::PathBuf;
use tonegraft_plugin::editor::draw::{Memory, draw};
use tonegraft_plugin::editor::panels::bench::Bench;
use tonegraft_plugin::editor::view::{Shade, TestView, View};
use tonegraft_plugin::editor::{controls, theme};
use tonegraft_plugin::session::WindowSize;

/// The window after a few frames, so that everything has settled.
#[allow(clippy::cast_precision_loss)]
fn picture(view: &View, bench: Bench, uses_reference: bool, size: [u32; 2], scale: f32) -> Picture {
    let context = egui::Context::default();
    theme::apply(&context, view.shade);
    let params = params();
    let host = Recorder::obedient();
    let setter = ParamSetter::new(&host);
    controls::use_reference(&params, Some(&setter), uses_reference);
    let mut memory = Memory {
        bench,
        ..Memory::default()
    };
    let mut painter = Painter::default();
    let mut primitives = Vec::new();
    for frame in 0..6_u8 {
        let mut input = egui::RawInput {
            screen_rect: Some(egui::Rect::from_min_size(
                egui::Pos2::ZERO,
                egui::vec2(size[0] as f32, size[1] as f32),
            )),
            time: Some(f64::from(frame) / 30.0),
            ..egui::RawInput::default()
        };
        if let Some(viewport) = input.viewports.get_mut(&egui::ViewportId::ROOT) {
            viewport.native_pixels_per_point = Some(scale);
        }
        let mut output = context.run_ui(input, |ui| {
            draw(ui, &mut memory, view, &params, Some(&setter));
        });
        painter.update(std::mem::take(&mut output.textures_delta));
        primitives = context.tessellate(std::mem::take(&mut output.shapes), output.pixels_per_point);
    }
    painter.draw(&primitives, size, scale)
}

/// Name, view, lower half, whether the reference is in use.
fn scenes() -> Vec<(&'static str, View, Bench, bool)> {
    let with_test = |test: TestView| View { test, ..comparing() };
    let mut all = vec![
        ("first-start", ordinary(), Bench::Rack, false),
        (
            "empty",
            View {
                zoom: 1.0,
                ..View::default()
            },
            Bench::Programs,
            false,
        ),
        ("wordy", wordy(), Bench::Rack, true),
        ("trial", with_test(TestView::Running(running())), Bench::Test, true),
        ("result", with_test(TestView::Done(done())), Bench::Test, true),
    ];
    for (name, bench) in [
        ("rack", Bench::Rack),
        ("test", Bench::Test),
        ("difference", Bench::Difference),
        ("spectrum", Bench::Spectrum),
        ("latency", Bench::Latency),
        ("programs", Bench::Programs),
    ] {
        all.push((name, comparing(), bench, true));
    }
    all
}

/// How many different colours a picture has, and the share of the commonest.
fn colours(picture: &Picture) -> (usize, f64) {
    let mut counts = std::collections::HashMap::new();
    let bytes = picture.bytes();
    for pixel in bytes.chunks_exact(3) {
        *counts.entry([pixel[0], pixel[1], pixel[2]]).or_insert(0_u32) += 1;
    }
    let most = counts.values().copied().max().unwrap_or(0);
    (
        counts.len(),
        3.0 * f64::from(most) / f64::from(u32::try_from(bytes.len()).unwrap_or(u32::MAX)),
    )
}

#[test]
fn every_panel_is_drawn_in_both_shades() {
    let folder = std::env::var_os("TONEGRAFT_PICTURES").map(PathBuf::from);
    if let Some(folder) = &folder {
        std::fs::create_dir_all(folder).expect("the folder of the pictures");
    }
    for (name, view, bench, uses_reference) in scenes() {
        for shade in [Shade::Dark, Shade::Light] {
            let view = View { shade, ..view.clone() };
            for (at, size) in [("", WindowSize::DEFAULT), ("-small", WindowSize::MIN)] {
                if folder.is_none() && !at.is_empty() && shade == Shade::Light {
                    continue;
                }
                let picture = picture(&view, bench, uses_reference, size, 1.0);
                let (colours, share) = colours(&picture);
                assert!(
                    colours > 60 && share < 0.98,
                    "{name} {shade:?}: {colours} colours, the commonest covers {share:.2}"
                );
                if let Some(folder) = &folder {
                    let shade = format!("{shade:?}").to_lowercase();
                    picture.write(&folder.join(format!("{name}-{shade}{at}.png")));
                }
            }
        }
    }
}

/// What the README shows.
#[test]
fn the_readme_has_its_pictures() {
    let Some(folder) = std::env::var_os("TONEGRAFT_README_PICTURES").map(PathBuf::from) else {
        return;
    };
    for (file, scene) in [
        ("window.png", "rack"),
        ("abx.png", "trial"),
        ("difference.png", "difference"),
        ("latency.png", "latency"),
    ] {
        let (_, view, bench, uses) = scenes()
            .into_iter()
            .find(|(name, ..)| *name == scene)
            .expect("the scene");
        picture(&view, bench, uses, WindowSize::DEFAULT, 1.25).write(&folder.join(file));
    }
}
