//! The reference, latency, difference and programs.

use super::*;

#[test]
fn the_reference_is_placed() {
    let mut harness = compare(Bench::Rack);
    let reference = |edit| vec![Action::Align(Source::Reference, edit)];
    assert_eq!(click(&mut harness, "Measure"), [], "it is locked");
    assert_eq!(click(&mut harness, "Lock the delay"), reference(AlignEdit::Lock(false)));
    assert_eq!(
        click(&mut harness, "Invert the reference"),
        reference(AlignEdit::Invert(false))
    );
    assert_eq!(
        click(&mut harness, "Hear the reference in time"),
        [Action::HearAligned(true)]
    );
    harness.state_mut().view.reference.placement.locked = false;
    harness.run();
    assert_eq!(click(&mut harness, "Measure"), reference(AlignEdit::Measure));
    let nudged = drag(&mut harness, "Nudge of the reference", egui::vec2(0.0, -10.0));
    let Some(Action::Align(Source::Reference, AlignEdit::Nudge(nudge))) = nudged.first() else {
        panic!("{nudged:?}");
    };
    assert!((nudge - 1.25).abs() < 1e-9, "{nudge}");
    for (signal, text) in [
        (Signal::NotPassed, "not connected"),
        (Signal::Silent, "silent"),
        (Signal::Present, "dB"),
    ] {
        harness.state_mut().view.reference.signal = signal;
        harness.run();
        let light = harness.get_by_label_contains("Reference signal:");
        let label = light.accesskit_node().label().unwrap_or_default();
        assert!(label.contains(text), "{signal:?}: {label}");
    }
    click(&mut harness, "Use the reference");
    assert!(!controls::uses_reference(&harness.state().params));
}

#[test]
fn latency_is_measured_and_reserved() {
    let mut harness = compare(Bench::Latency);
    assert!(harness.query_by_label("192 samples").is_some());
    assert!(
        harness
            .query_by_label_contains("Latency of B: resampler 64 + reserve 128")
            .is_some()
    );
    assert!(harness.query_by_label_contains("it holds").is_some());
    harness.state_mut().view.reference.placement.locked = true;
    let buttons: Vec<_> = harness.get_all_by_label("Measure").map(|node| node.rect()).collect();
    assert_eq!(buttons.len(), 2, "the delay's and the latency's");
    harness.get_all_by_label("Measure").last().expect("two").click();
    harness.run();
    assert_eq!(harness.state_mut().take(), [Action::MeasureLatency]);
    let asked = drag(&mut harness, "Latency reserve", egui::vec2(0.0, -10.0));
    assert_eq!(asked.first(), Some(&Action::Reserve(232)));
    harness.state_mut().view.latency.measured = LatencyMeasure::Found(191.0);
    harness.run();
    assert!(harness.query_by_label_contains("not what is told").is_some());
}

#[test]
fn the_difference_is_told_in_figures() {
    let mut harness = compare(Bench::Difference);
    for text in ["−23.7 dB", "0.00427", "0.9979", "−0.31 dB", "+0.118 smp", "Error map"] {
        assert!(harness.query_by_label(text).is_some(), "{text}");
    }
    assert_eq!(
        click(&mut harness, "Compare slot B with the reference"),
        [Action::CompareSlot(Source::B)]
    );
    assert_eq!(click(&mut harness, "Start afresh"), [Action::ResetDifference]);
    harness.state_mut().view.difference.state = DifferenceState::Waiting;
    harness.run();
    assert!(harness.query_by_label("−23.7 dB").is_none());
}

#[test]
fn programs_are_stored_played_and_emptied() {
    let mut harness = compare(Bench::Programs);
    assert_eq!(
        click(&mut harness, "Store slot B in program 6"),
        [Action::StoreProgram { program: 5, slot: 1 }]
    );
    assert_eq!(click(&mut harness, "Empty program 2"), [Action::ClearProgram(1)]);
    click(&mut harness, "Program 4: Lead");
    assert_eq!(controls::program(&harness.state().params), 4);
    click(&mut harness, "Program 0: slot A's own model");
    assert_eq!(controls::program(&harness.state().params), 0);
}
