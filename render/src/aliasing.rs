//! `tonegraft aliasing`: what a model folds back on steady sines, with and without oversampling.

use crate::cli::AliasingArgs;
use crate::{line, models};
use anyhow::{Context, Result};
use serde::Serialize;
use tonegraft_analysis::alias::{PERIOD, alias_ratio, cycles_near, stepped_sine};
use tonegraft_core::SampleRate;
use tonegraft_engine::{InstanceConfig, Model, Oversampling, RateMode};

/// About the frequencies that are played, in Hz.
const FREQUENCIES: [f64; 7] = [1_000.0, 2_000.0, 4_000.0, 6_000.0, 8_000.0, 10_000.0, 14_000.0];

/// What is heard, in Hz.
const HEARD: f64 = 20_000.0;

/// Rate of models that name none.
const USUAL_RATE: u32 = 48_000;

/// Periods played before one is measured, beside the model's receptive field.
const LEAD_IN: usize = 2;

/// The ratios at one frequency; the keys of `--json`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Measured {
    /// The frequency, in Hz.
    pub hz: f64,
    /// Alias-to-signal ratio in dB as the model is; null if nothing is at a harmonic.
    pub off_db: Option<f64>,
    /// At twice its rate.
    pub x2_db: Option<f64>,
    /// At four times its rate.
    pub x4_db: Option<f64>,
}

/// Runs the command.
///
/// # Errors
/// The model cannot be loaded or played.
pub fn run(args: &AliasingArgs) -> Result<()> {
    let named = models::load(&args.model, None)?;
    let own = named.model.info().sample_rate.unwrap_or(USUAL_RATE);
    let rate = match args.rate {
        Some(rate) => rate,
        None => SampleRate::new(own)
            .with_context(|| format!("{}: its declared sample rate cannot be played", named.name))?,
    };
    if !args.json {
        line(&format!(
            "{}: alias-to-signal ratio in dB, sines at {} dB, {} Hz, {}",
            named.name,
            args.level,
            rate.get(),
            args.rate_mode
        ))?;
        line(&format!("{:>9} {:>8} {:>8} {:>8}", "Hz", "off", "2x", "4x"))?;
    }
    for hz in FREQUENCIES.into_iter().filter(|hz| *hz < rate.hz() / 2.0) {
        let measured = measure(&named.model, rate, args.rate_mode, hz, args.level)?;
        if args.json {
            line(&serde_json::to_string(&measured)?)?;
        } else {
            let text = |db: Option<f64>| db.map_or_else(|| "–".into(), |db| format!("{db:.1}"));
            line(&format!(
                "{:>9.1} {:>8} {:>8} {:>8}",
                measured.hz,
                text(measured.off_db),
                text(measured.x2_db),
                text(measured.x4_db)
            ))?;
        }
    }
    Ok(())
}

/// The ratios at the frequency nearest to `hz`, `level` dB peak.
///
/// # Errors
/// The model cannot be played.
pub fn measure(model: &Model, rate: SampleRate, mode: RateMode, hz: f64, level: f64) -> Result<Measured> {
    let cycles = cycles_near(hz, rate.hz());
    let sine = stepped_sine(cycles, 10f64.powf(level / 20.0));
    let ratio = |oversampling: Oversampling| -> Result<Option<f64>> {
        let mut processor = model.instantiate(&InstanceConfig {
            rate: mode,
            oversampling,
            ..InstanceConfig::new(rate, 1)
        })?;
        let periods = LEAD_IN + processor.facts().receptive_field.as_usize().div_ceil(PERIOD);
        let mut played = vec![0.0; PERIOD];
        for _ in 0..periods {
            processor.process(&[&sine], &mut [&mut played]);
        }
        let ratio = alias_ratio(&played, cycles, cycles_near(HEARD, rate.hz()));
        Ok(ratio.map(|ratio| 10.0 * ratio.log10()))
    };
    // Whole numbers below 10,000: exact.
    #[allow(clippy::cast_precision_loss)]
    Ok(Measured {
        hz: cycles as f64 * rate.hz() / PERIOD as f64,
        off_db: ratio(Oversampling::Off)?,
        x2_db: ratio(Oversampling::X2)?,
        x4_db: ratio(Oversampling::X4)?,
    })
}
