//! A case on every engine that plays it.

use crate::cases::Case;
use crate::engines::{Engine, nam_rs::NamRs, ours::Ours};
use crate::folders::Folders;
use crate::measure::{Runner, race};
use crate::noise::Noise;
use anyhow::{Context, Result};
use serde_json::{Value, json};
#[cfg(feature = "onnxruntime")]
use std::path::Path;
use std::time::Duration;
use tonegraft_engine::{Isa, Model, Weights};
use tonegraft_kernels::peak;

/// Largest differences, relative to max(1, peak). The same arithmetic in another order of summation, with exact-class functions; a
/// recurrent state carries it on.
const TOLERANCE: f32 = 1e-4;
const SAME_FILE_TOLERANCE: f32 = 2e-5;

/// Of weights rounded to 11 bits.
const HALF_TOLERANCE: f32 = 1e-2;

/// The build for this very processor has nam-rs alone.
const ONLY_NAM: bool = cfg!(not(any(feature = "onnxruntime", feature = "tract")));

/// The engines of a run.
pub struct Peers {
    #[cfg(feature = "onnxruntime")]
    environment: Option<ort::environment::Environment>,
    isas: Vec<Isa>,
    peaks: Vec<(Isa, f64)>,
    only_ours: bool,
}

impl Peers {
    /// Loads ONNX Runtime and measures what this core can do at most.
    ///
    /// # Errors
    /// The library cannot be loaded.
    pub fn new(folders: &Folders, isas: Vec<Isa>, only_ours: bool) -> Result<Self> {
        let peaks = isas.iter().map(|isa| (*isa, peak::macs_per_ns(*isa))).collect();
        #[cfg(not(feature = "onnxruntime"))]
        let _ = folders;
        Ok(Self {
            #[cfg(feature = "onnxruntime")]
            environment: match &folders.library {
                Some(library) if !only_ours => Some(crate::engines::onnxruntime::environment(library)?),
                _ => None,
            },
            isas,
            peaks,
            only_ours,
        })
    }

    /// The most multiply-adds per nanosecond, for each instruction set.
    pub fn peaks(&self) -> Vec<Value> {
        self.peaks
            .iter()
            .map(|(isa, macs)| json!({"kind": "peak", "isa": isa.name(), "macs_per_ns": macs}))
            .collect()
    }

    /// Measures one block length; a line for each engine. Nothing if the case's file is not there.
    ///
    /// # Errors
    /// An engine refuses the model, fails or plays something else than ours.
    pub fn measure(&self, case: &Case, folders: &Folders, block: usize, budget: Duration) -> Result<Vec<Value>> {
        let Some(path) = case.model(folders) else {
            return Ok(Vec::new());
        };
        if ONLY_NAM && !self.only_ours && case.nam.is_none() {
            return Ok(Vec::new());
        }
        let model = Model::from_file(&path, &case.options())?;
        let mut runners = self.ours(&model, "tonegraft", SAME_FILE_TOLERANCE)?;
        for (label, file, length) in case.others.iter().filter(|_| !ONLY_NAM) {
            if let Some(path) = folders.file(file)
                && length.is_none_or(|length| length == block)
            {
                let model = Model::from_file(&path, &case.options())?;
                let mut more = self.ours(&model, &format!("tonegraft ({label})"), TOLERANCE)?;
                more.truncate(1);
                runners.append(&mut more);
            }
        }
        if case.half && !ONLY_NAM {
            let mut more = self.ours(
                &model.with_weights(Weights::F16),
                "tonegraft (16-bit weights)",
                HALF_TOLERANCE,
            )?;
            more.truncate(1);
            runners.append(&mut more);
        }
        let mut lines = if self.only_ours {
            Vec::new()
        } else {
            self.others(case, folders, block, &mut runners)
        };
        let figures =
            race(&mut runners, block, budget).with_context(|| format!("{} with blocks of {block}", case.name))?;
        let widest = self.peaks.first().map_or(1.0, |(_, peak)| *peak);
        let macs = model.info().macs_per_sample as f64;
        lines.extend(runners.iter().zip(figures).map(|(runner, figures)| {
                let ns_per_sample = figures.p50_us * 1e3 / block as f64;
                // Peers choose their instructions themselves: theirs is the widest.
                let peak = self.peaks.iter().find(|(isa, _)| isa.name() == runner.isa).map_or(widest, |(_, peak)| *peak);
                json!({
                    "kind": "engine", "model": case.name, "block": block, "engine": runner.name, "isa": runner.isa,
                    "blocks": figures.blocks, "p50_us": figures.p50_us, "p99_us": figures.p99_us, "ns_per_sample": ns_per_sample,
                    "realtime_percent": ns_per_sample * case.rate * 1e-7, "peak_fraction": macs / ns_per_sample / peak,
                    "macs_per_sample": macs, "heap_per_block": figures.heap_per_block, "difference": figures.difference,
                    "tolerance": runner.tolerance,
                })
        }));
        Ok(lines)
    }

    /// Ours, once for each instruction set.
    fn ours(&self, model: &Model, name: &str, tolerance: f32) -> Result<Vec<Runner>> {
        let mut runners = Vec::new();
        for isa in &self.isas {
            let engine = Ours::new(model, *isa)?;
            let latency = engine.latency;
            runners.push(Runner {
                name: name.to_owned(),
                isa: isa.name(),
                engine: Box::new(engine),
                latency,
                tolerance: Some(tolerance),
            });
        }
        Ok(runners)
    }

    /// Every other engine that plays the case; a line for each that does not.
    fn others(&self, case: &Case, folders: &Folders, block: usize, runners: &mut Vec<Runner>) -> Vec<Value> {
        let mut refused = Vec::new();
        let mut add =
            |name: &str, tolerance: Option<f32>, open: &dyn Fn() -> Result<Box<dyn Engine>>| {
                let played = open().and_then(|mut trial| trial.play(&Noise::new().take(block), &mut vec![0.0; block]));
                match played.and_then(|()| open()) {
                Ok(engine) => runners.push(Runner { name: name.to_owned(), isa: "", engine, latency: 0, tolerance }),
                Err(error) => refused.push(json!({
                    "kind": "refused", "model": case.name, "block": block, "engine": name, "why": format!("{error:#}"),
                })),
            }
            };
        #[cfg(feature = "onnxruntime")]
        if let Some(environment) = &self.environment {
            use crate::engines::onnxruntime::OnnxRuntime;
            let open =
                |path: &Path| -> Result<Box<dyn Engine>> { Ok(Box::new(OnnxRuntime::open(environment, path, block)?)) };
            add("onnxruntime", Some(TOLERANCE), &|| open(&case.twin(folders)));
            if case.nam.is_none() && case.has_twin {
                // Cheaper for it: no past is handed on, each block begins from zeros. Not the same samples.
                add("onnxruntime (no past)", None, &|| open(&case.graph(folders)));
            }
        }
        #[cfg(feature = "tract")]
        add("tract-onnx", Some(TOLERANCE), &|| {
            Ok(Box::new(crate::engines::tract::Tract::open(
                &case.twin(folders),
                block,
            )?))
        });
        if let (Some(file), Some(data)) = (case.nam, &folders.data) {
            let name = if cfg!(feature = "tract") {
                "nam-rs"
            } else {
                "nam-rs (target-cpu=native)"
            };
            add(name, Some(TOLERANCE), &|| {
                Ok(Box::new(NamRs::open(&data.join(file), case.size)?))
            });
        }
        refused
    }
}
