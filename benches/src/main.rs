//! The same networks on Tonegraft's engine and on its peers, by turns in one process; one JSON object per line on standard output.
//!
//! All engines play the same mono noise, and their outputs are compared, so an engine that does less work is found out.
//! `cargo xtask bench-report` runs it; `tonegraft-benches help` says how to run it alone.
#![deny(unsafe_code)]

mod cases;
mod engines;
mod folders;
// Replaces the allocator to count its calls.
#[allow(unsafe_code)]
mod heap;
mod instances;
mod kernels;
mod measure;
mod noise;
mod peers;

use anyhow::{Context, Result, bail, ensure};
use folders::Folders;
use std::io::Write as _;
use std::time::Duration;
use tonegraft_core::denormals::FlushDenormals;
use tonegraft_engine::Isa;

const HELP: &str = "\
tonegraft-benches COMMAND [OPTION…]

  convert    write the .nam models as graphs into the folder of models
  engines    every model on every engine, by turns
  instances  64 instances of one model on one core
  kernels    every kernel beside its scalar reference

  --models FOLDER    graphs made by benches/models/graphs.py and `convert`
  --data FOLDER      third-party data
  --library FILE     ONNX Runtime's library
  --model NAME       only this model (may be repeated)
  --block N,…        only these blocks
  --isa NAME,…       our instruction sets, the first is the reference of the comparison [default: the widest, and avx2]
  --seconds S        time for each engine, model and block [default: 0.25]
  --only-ours        no peers
";

/// The arguments.
struct Arguments {
    command: String,
    folders: Folders,
    models: Vec<String>,
    blocks: Vec<usize>,
    isas: Vec<Isa>,
    budget: Duration,
    only_ours: bool,
}

fn main() -> Result<()> {
    let arguments = arguments(std::env::args().skip(1))?;
    let _guard = FlushDenormals::new();
    let Arguments {
        folders, isas, budget, ..
    } = &arguments;
    let chosen = cases::chosen(&arguments.models)?;
    match arguments.command.as_str() {
        "convert" => cases::convert(folders)?,
        "engines" => {
            let peers = peers::Peers::new(folders, isas.clone(), arguments.only_ours)?;
            write(peers.peaks())?;
            for case in &chosen {
                for block in case.blocks {
                    if arguments.blocks.is_empty() || arguments.blocks.contains(block) {
                        write(peers.measure(case, folders, *block, *budget)?)?;
                    }
                }
            }
        }
        "instances" => {
            for case in chosen
                .iter()
                .filter(|case| !arguments.models.is_empty() || case.name == "a2-full")
            {
                for isa in isas {
                    write(instances::measure(case, folders, *isa)?)?;
                }
            }
        }
        "kernels" => write(kernels::measure(isas, *budget)?)?,
        "help" | "--help" | "-h" => print!("{HELP}"),
        other => bail!("there is no command `{other}`\n{HELP}"),
    }
    Ok(())
}

/// One line each.
fn write(values: impl IntoIterator<Item = serde_json::Value>) -> Result<()> {
    let mut out = std::io::stdout().lock();
    for value in values {
        writeln!(out, "{value}")?;
    }
    Ok(out.flush()?)
}

fn arguments(mut words: impl Iterator<Item = String>) -> Result<Arguments> {
    let command = words.next().unwrap_or_else(|| "help".into());
    let widest = Isa::detect();
    let mut isas = vec![widest];
    if widest != Isa::Avx2Fma && Isa::Avx2Fma.is_available() {
        isas.push(Isa::Avx2Fma);
    }
    let mut arguments = Arguments {
        command,
        folders: Folders::default(),
        models: Vec::new(),
        blocks: Vec::new(),
        isas,
        budget: Duration::from_millis(250),
        only_ours: false,
    };
    while let Some(word) = words.next() {
        if word == "--only-ours" {
            arguments.only_ours = true;
            continue;
        }
        let value = words.next().with_context(|| format!("{word} needs a value\n{HELP}"))?;
        match word.as_str() {
            "--models" => arguments.folders.models = value.into(),
            "--data" => arguments.folders.data = Some(value.into()),
            "--library" => arguments.folders.library = Some(value.into()),
            "--model" => arguments.models.push(value),
            "--block" => {
                arguments.blocks = value
                    .split(',')
                    .map(str::parse)
                    .collect::<Result<_, _>>()
                    .context("--block wants numbers")?;
            }
            "--isa" => arguments.isas = value.split(',').map(isa).collect::<Result<_>>()?,
            "--seconds" => {
                let seconds: f64 = value.parse().context("--seconds wants a number")?;
                ensure!((0.0..=600.0).contains(&seconds), "--seconds: 0 to 600");
                arguments.budget = Duration::from_secs_f64(seconds);
            }
            _ => bail!("unknown option `{word}`\n{HELP}"),
        }
    }
    Ok(arguments)
}

fn isa(name: &str) -> Result<Isa> {
    let available = Isa::available();
    available
        .iter()
        .find(|isa| isa.name() == name)
        .copied()
        .with_context(|| {
            let names: Vec<&str> = available.iter().map(|isa| isa.name()).collect();
            format!(
                "no instruction set `{name}` on this machine; there are: {}",
                names.join(", ")
            )
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Arguments> {
        arguments(text.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn arguments_are_read() {
        let arguments =
            parse("engines --block 1,64 --isa scalar --seconds 0.5 --model tcn --only-ours").expect("they are right");
        assert_eq!(
            (arguments.command.as_str(), &arguments.blocks[..]),
            ("engines", &[1, 64][..])
        );
        assert_eq!(
            (arguments.isas, arguments.budget),
            (vec![Isa::Scalar], Duration::from_millis(500))
        );
        assert!(arguments.only_ours && arguments.models == ["tcn"]);
    }

    #[test]
    fn wrong_ones_are_told() {
        for text in [
            "engines --block",
            "engines --block x",
            "engines --isa mmx",
            "engines --seconds -1",
            "engines --what 1",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
