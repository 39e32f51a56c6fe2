//! `NAME=VALUE` to settings of the chain and of the model's knobs.
//!
//! Names: the chain's own ([`tonegraft_chain::params`]: `input_gain`, `mix`, `gate_threshold` …), and the model's knobs by their own name
//! or as `knob N`, counted from 1. Case does not matter. A knob that has the name of a chain parameter is reached as `knob N`.

use anyhow::{Context, Result, bail, ensure};
use tonegraft_chain::Settings;
use tonegraft_chain::params::{Kind, PARAMS, Param};
use tonegraft_model::metadata::Knob;

/// How many knobs of a model hosts see.
pub const SHOWN_KNOBS: usize = 8;

/// Settings with the model's defaults in slot A, then `params` on top of them, later ones winning.
///
/// # Errors
/// Not of the form `NAME=VALUE`, an unknown name, a value that is no number or out of range; each with what exists.
pub fn settings(params: &[String], knobs: &[Knob]) -> Result<Settings> {
    let mut settings = Settings::default();
    for (value, knob) in settings.knobs[0].iter_mut().zip(knobs) {
        *value = knob.range().position(knob.default);
    }
    for param in params {
        let Some((name, value)) = param.split_once('=') else {
            bail!("--param {param}: write NAME=VALUE; {}", names(knobs));
        };
        set(&mut settings, name.trim(), value.trim(), knobs).with_context(|| format!("--param {param}"))?;
    }
    Ok(settings)
}

fn set(settings: &mut Settings, name: &str, value: &str, knobs: &[Knob]) -> Result<()> {
    let lower = name.to_lowercase();
    if let Some(param) = Param::find(&lower) {
        param.set(settings, plain(param, value)?);
        return Ok(());
    }
    let by_name = knobs.iter().position(|knob| knob.name.to_lowercase() == lower);
    let by_number = || {
        let number = lower.strip_prefix("knob")?.trim().parse::<usize>().ok()?;
        number.checked_sub(1)
    };
    let place = by_name.or_else(by_number).and_then(|index| {
        let knob = knobs.get(index)?;
        Some((knob, settings.knobs[0].get_mut(index)?))
    });
    let Some((knob, place)) = place else {
        bail!("there is no parameter \"{name}\"; {}", names(knobs));
    };
    *place = knob.range().position(number(value, &knob.unit, (knob.min, knob.max))?);
    Ok(())
}

/// A plain value of the chain: a number, `on` or `off`, or a name.
fn plain(param: &Param, text: &str) -> Result<f32> {
    let names: &[&str] = match param.kind {
        Kind::Number { unit, min, max } => return number(text, unit, (min, max)),
        Kind::Switch => &["off", "on"],
        Kind::Choice(names) => names,
    };
    let index = names.iter().position(|name| name.eq_ignore_ascii_case(text));
    let index = index.with_context(|| format!("\"{text}\" is not possible; possible: {}", names.join(", ")))?;
    // A handful.
    #[allow(clippy::cast_precision_loss)]
    Ok(index as f32)
}

/// A finite number in `range`, with or without its unit behind it.
fn number(text: &str, unit: &str, range: (f32, f32)) -> Result<f32> {
    let bare = match text
        .len()
        .checked_sub(unit.len())
        .and_then(|at| text.split_at_checked(at))
    {
        Some((bare, end)) if !unit.is_empty() && end.eq_ignore_ascii_case(unit) => bare.trim_end(),
        _ => text,
    };
    let (low, high) = range;
    let gap = if unit.is_empty() { "" } else { " " };
    let value: f32 = bare
        .parse()
        .with_context(|| format!("\"{text}\" is not a number; {low} to {high}{gap}{unit} is possible"))?;
    ensure!(
        value >= low && value <= high,
        "{text} is out of range; {low} to {high}{gap}{unit} is possible"
    );
    Ok(value)
}

/// What can be set, for messages.
fn names(knobs: &[Knob]) -> String {
    let mut names: Vec<String> = knobs
        .iter()
        .take(SHOWN_KNOBS)
        .enumerate()
        .map(|(index, knob)| format!("\"{}\" (knob {})", knob.name, index + 1))
        .collect();
    if names.is_empty() {
        names.push("this model has no knobs".to_owned());
    }
    let chain: Vec<&str> = PARAMS.iter().map(|param| param.id).collect();
    format!("possible: {}; {}", chain.join(", "), names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tonegraft_core::KnobScale;

    fn knob(name: &str, min: f32, max: f32, unit: &str) -> Knob {
        Knob {
            name: name.to_owned(),
            input: "cond".to_owned(),
            index: 0,
            min,
            max,
            default: min,
            unit: unit.to_owned(),
            scale: KnobScale::Linear,
            sync: None,
        }
    }

    fn knobs() -> Vec<Knob> {
        vec![
            knob("Drive", 0.0, 10.0, ""),
            knob("Tone", -1.0, 1.0, "st"),
            knob("Mix", 0.0, 1.0, ""),
            Knob {
                scale: KnobScale::Log,
                ..knob("Cutoff", 20.0, 20_480.0, "Hz")
            },
        ]
    }

    fn read(params: &[&str]) -> Result<Settings> {
        settings(
            &params.iter().map(|&param| param.to_owned()).collect::<Vec<_>>(),
            &knobs(),
        )
    }

    #[test]
    fn names_units_and_numbers_are_taken() {
        let settings = read(&[
            "drive=2.5",
            "TONE=0 st",
            "knob 3 = 1",
            "cutoff=640 Hz",
            "mix=50%",
            "input_gain=-6 dB",
            "output_gain=3",
            "Gate=ON",
            "gate_hold=20ms",
            "output_mode=normalized",
        ])
        .expect("all valid");
        assert_eq!(settings.knobs[0][..4], [0.25, 0.5, 1.0, 0.5]);
        assert_eq!(settings.mix, 0.5);
        assert_eq!(settings.input_gain_db, -6.0);
        assert_eq!(settings.output_gain_db, 3.0);
        assert_eq!((settings.gate.on, settings.gate.hold_ms), (true, 20.0));
        assert_eq!(settings.levels.output, tonegraft_core::OutputMode::Normalized);
    }

    #[test]
    fn defaults_stand_where_nothing_is_said_and_later_ones_win() {
        let settings = read(&["Drive=1", "Drive=9"]).expect("valid");
        assert_eq!(settings.knobs[0][0], 0.9);
        assert_eq!(settings.knobs[0][1], 0.0);
        assert_eq!(settings.mix, 1.0);
    }

    #[test]
    fn mistakes_say_what_exists() {
        for (param, part) in [
            ("Gain=1", "\"Drive\" (knob 1)"),
            ("Drive", "NAME=VALUE"),
            ("Drive=11", "0 to 10"),
            ("Drive=nan", "0 to 10"),
            ("Tone=x", "-1 to 1 st"),
            ("mix=101", "0 to 100 %"),
            ("gate=yes", "possible: off, on"),
            ("output_mode=loud", "raw, normalized, calibrated"),
            ("tone_bass=11", "0 to 10"),
            ("knob 5=0", "possible:"),
            ("cutoff=0", "20 to 20480 Hz"),
            ("knob 0=0", "possible:"),
            ("=1", "possible:"),
        ] {
            let error = format!("{:#}", read(&[param]).expect_err(param));
            assert!(error.contains(part) && error.contains(param), "{param}: {error}");
        }
        let error = format!("{:#}", settings(&["Drive=1".to_owned()], &[]).expect_err("no knobs"));
        assert!(error.contains("no knobs"), "{error}");
    }
}
