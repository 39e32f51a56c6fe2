//! What the host is told, as a sum of named parts, and what would lower it.

use super::super::view::{LatencyMeasure, LatencyPart, LatencyRow, LatencyView};
use crate::shared::SeatStatus;
use tonegraft_core::LatencyParts;
use tonegraft_library::{CompareState, Placement, SessionState};

pub(super) fn view(
    total: u32,
    seats: [&SeatStatus; 2],
    compare: &CompareState,
    session: &SessionState,
    hearing_adds: u32,
    measured: LatencyMeasure,
) -> LatencyView {
    let reserve = session.latency_reserve;
    let filler = if reserve > 0 && reserve == total {
        "reserve"
    } else {
        "alignment"
    };
    let empty = Placement::default();
    let placed = |seat: &SeatStatus, placement: Placement| if seat.card.is_some() { placement } else { empty };
    let [a, b] = seats;
    let mut rows = vec![
        row("A", a.latency, "own delay", placed(a, compare.a).total(), total, filler),
        row("B", b.latency, "own delay", placed(b, compare.b).total(), total, filler),
    ];
    if compare.hear_aligned {
        let late = compare.reference.total();
        rows.push(row("Reference", LatencyParts::ZERO, "round trip", late, total, filler));
    }
    rows.push(row("Dry", LatencyParts::ZERO, "", 0.0, total, filler));
    LatencyView {
        total,
        rows,
        reserve,
        measured,
        advice: advice(total, seats, compare, reserve, hearing_adds),
    }
}

/// The parts that are not 0; what is missing to `total` is `filler`.
fn row(name: &str, parts: LatencyParts, own: &str, late: f64, total: u32, filler: &str) -> LatencyRow {
    let mut named: Vec<(String, f64)> = parts
        .named()
        .into_iter()
        .filter(|(name, _)| *name != "alignment")
        .map(|(name, frames)| (name.replace('_', "-"), f64::from(frames.get())))
        .collect();
    // A source that is early only waits longer.
    named.push((own.to_owned(), late.max(0.0)));
    let sum: f64 = named.iter().map(|(_, frames)| frames).sum();
    named.push((filler.to_owned(), (f64::from(total) - sum).max(0.0)));
    LatencyRow {
        name: name.to_owned(),
        parts: named
            .into_iter()
            .filter(|(_, frames)| *frames > 0.0)
            .map(|(name, frames)| LatencyPart { name, frames })
            .collect(),
    }
}

/// A sentence for each thing that would lower the latency, the most effective first.
fn advice(total: u32, seats: [&SeatStatus; 2], compare: &CompareState, reserve: u32, hearing_adds: u32) -> Vec<String> {
    let mut advice: Vec<(u32, String)> = Vec::new();
    if reserve > 0 && reserve == total {
        advice.push((
            reserve,
            format!("Lower the reserve: nothing needs its {reserve} samples now."),
        ));
    }
    if compare.hear_aligned && hearing_adds > 0 {
        advice.push((
            hearing_adds,
            format!("Hearing the reference aligned adds {hearing_adds} samples; the figures do not need it."),
        ));
    }
    for (slot, seat) in ["A", "B"].into_iter().zip(seats) {
        let parts = seat.latency;
        let mut say = |frames: u32, text: String| {
            if frames > 0 {
                advice.push((frames, text));
            }
        };
        let resampler = parts.resampler.get();
        let rate = seat.card.as_ref().and_then(|card| card.sample_rate);
        let rate = rate.map_or_else(|| "the model’s rate".to_owned(), super::super::view::hertz);
        say(
            resampler,
            format!(
                "{slot}: choose minimum phase, or run the host at {rate}, to save the resampler’s {resampler} samples."
            ),
        );
        let oversampling = parts.oversampling.get();
        say(
            oversampling,
            format!("{slot}: switch oversampling off to save {oversampling} samples."),
        );
        let runtime = parts.runtime.get();
        say(
            runtime,
            format!(
                "{slot}: {runtime} samples are the buffer towards ONNX Runtime; a model that runs natively has none."
            ),
        );
        let model = parts.look_ahead.get() + parts.hop.get();
        say(
            model,
            format!("{slot}: {model} samples are the model’s own look-ahead and hop; only another model lowers them."),
        );
    }
    advice.sort_by(|(one, _), (other, _)| other.cmp(one));
    advice.into_iter().map(|(_, text)| text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tonegraft_core::HostFrames;

    #[test]
    fn every_row_adds_up_to_the_total() {
        let mut a = SeatStatus {
            card: Some(std::sync::Arc::default()),
            ..SeatStatus::default()
        };
        a.latency.resampler = HostFrames::new(40);
        a.latency.look_ahead = HostFrames::new(8);
        let b = SeatStatus::default();
        let mut compare = CompareState::default();
        compare.a.delay = 12.5;
        compare.b.delay = 99.0;
        let view = view(
            77,
            [&a, &b],
            &compare,
            &SessionState::default(),
            0,
            LatencyMeasure::None,
        );
        for row in &view.rows {
            let sum: f64 = row.parts.iter().map(|part| part.frames).sum();
            assert!((sum - 77.0).abs() < 1e-9, "{row:?}");
        }
        assert_eq!(view.rows[0].parts[0].name, "look-ahead");
        assert_eq!(view.rows[1].parts.len(), 1, "an empty slot is dry");
        assert!(view.advice[0].contains("40 samples"), "{:?}", view.advice);
    }
}
