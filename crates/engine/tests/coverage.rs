//! `docs/COVERAGE.md`: what plays, how, and what is refused and why, over every model file there is.
//!
//! The page is made here, from the engine's own answers, and compared with the one in `docs`. `cargo xtask coverage` writes it
//! (this test with `TONEGRAFT_UPDATE_COVERAGE=1`). It is the same on every machine: errors are measured with the portable code.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Mutex;
use support::cases::{case, measure};
use support::corpus::{File, failures, fixtures, shipped, third_party};
use support::data;
use support::refused::refused;
use tonegraft_engine::stream::{self, Rate, StreamGraph, StreamOp};
use tonegraft_engine::{Isa, LoadError, Model};
use tonegraft_model::Graph;

/// Operators in the order in which models need them: A in every effect that ships, B in codecs, chorus and compressor, C folded
/// while loading in most files, D in spectral and attention models, E in foreign files only.
const TIERS: &[(char, &[&str])] = &[
    (
        'A',
        &[
            "Add",
            "Concat",
            "Constant",
            "Conv",
            "ConvTranspose",
            "Elu",
            "GRU",
            "Gather",
            "Gemm",
            "Identity",
            "LSTM",
            "LeakyRelu",
            "MatMul",
            "Mul",
            "PRelu",
            "Relu",
            "Reshape",
            "Sigmoid",
            "Slice",
            "Split",
            "Squeeze",
            "Sub",
            "Tanh",
            "Transpose",
            "Unsqueeze",
        ],
    ),
    (
        'B',
        &[
            "Abs",
            "ArgMin",
            "BatchNormalization",
            "Cast",
            "Clip",
            "Cos",
            "Div",
            "Exp",
            "Expand",
            "Floor",
            "GatherElements",
            "Log",
            "MaxPool",
            "Pad",
            "Pow",
            "ReduceSum",
            "Sin",
            "Softplus",
            "Sqrt",
        ],
    ),
    (
        'C',
        &[
            "ConstantOfShape",
            "Equal",
            "Flatten",
            "Neg",
            "Range",
            "Reciprocal",
            "Shape",
            "Tile",
            "Where",
        ],
    ),
    (
        'D',
        &[
            "AveragePool",
            "DFT",
            "Erf",
            "Gelu",
            "Greater",
            "InstanceNormalization",
            "LayerNormalization",
            "RNN",
            "ReduceL2",
            "Resize",
            "Softmax",
            "Trilu",
        ],
    ),
    ('E', &["Einsum", "If", "Loop", "Scan"]),
];

/// How the files of a folder are introduced.
const FOLDERS: &[(&str, &str)] = &[
    ("shipped", "Models that ship"),
    ("fixtures", "The project's fixtures"),
    ("export-zoo", "Exports of PyTorch, by both exporters"),
    ("onnx", "Files found in the wild"),
    ("codec", "Lyra v2, stage by stage"),
    ("chains", "Chains of files"),
    ("bench", "Files of the benchmarks"),
];

/// What is told of a file that plays.
struct Plays {
    latency: usize,
    hop: String,
    receptive_field: String,
    macs: u64,
    weights: usize,
    error: f32,
}

/// What is told of a file.
struct Row {
    file: File,
    outcome: Result<Plays, LoadError>,
}

/// What becomes of an operator, over all files.
#[derive(Default)]
struct Operator {
    /// Files in which it runs over time: convolutions over the past, recurrence, delays, element by element.
    time: usize,
    /// Files in which it is a function of one frame.
    frame: usize,
    /// Files in which it only gives a signal other axes, or runs when a knob moves.
    none: usize,
    /// Files in which it is gone after reading: it had constants, or sizes, to work on.
    folded: usize,
    /// Files refused at a node of it.
    refused: BTreeSet<String>,
    reason: Option<String>,
}

/// The hop, in samples: that of the slowest clock.
fn hop(stream: &StreamGraph) -> String {
    let slowest = stream
        .wires
        .iter()
        .filter_map(|wire| wire.rate.hop())
        .max()
        .unwrap_or(1);
    if slowest % stream.ticks == 0 {
        format!("{}", slowest / stream.ticks)
    } else {
        format!("{slowest}/{}", stream.ticks)
    }
}

fn plays(file: &File, model: &Model, stream: &StreamGraph, folder: &Path) -> Plays {
    let plan = model.plan();
    let case = case(file, folder).unwrap_or_else(|error| panic!("{error}"));
    Plays {
        latency: plan.latency,
        hop: hop(stream),
        receptive_field: format!(
            "{}{}",
            plan.receptive_field,
            if plan.recurrent { " + recurrent" } else { "" }
        ),
        macs: plan.macs,
        weights: plan.weight_bytes / 4,
        error: measure(&case, Some(Isa::Scalar), &[]).error,
    }
}

/// Counts how each operator of a file that plays was compiled.
fn count(graph: &Graph, stream: &StreamGraph, operators: &Mutex<BTreeMap<String, Operator>>) {
    let (mut time, mut frame) = (BTreeSet::new(), BTreeSet::new());
    for node in &stream.nodes {
        let audio = stream.wires[node.output.index()].rate != Rate::Control;
        match node.op {
            StreamOp::Constant(_) => {}
            StreamOp::Frame(_) if audio => {
                frame.insert(node.name.as_str());
            }
            _ if audio => {
                time.insert(node.name.as_str());
            }
            _ => {}
        }
    }
    let mut ways: BTreeMap<&str, [usize; 3]> = BTreeMap::new();
    for node in &graph.nodes {
        let way = match node.name.as_str() {
            name if frame.contains(name) => 1,
            name if time.contains(name) => 0,
            _ => 2,
        };
        ways.entry(node.op.name()).or_default()[way] += 1;
    }
    let mut operators = operators.lock().expect("nobody panics with it");
    for (name, found) in &graph.operators {
        let operator = operators.entry(name.clone()).or_default();
        let counts = ways.get(name.as_str()).copied().unwrap_or_default();
        operator.time += usize::from(counts[0] > 0);
        operator.frame += usize::from(counts[1] > 0);
        operator.none += usize::from(counts[2] > 0);
        operator.folded += usize::from(counts.iter().sum::<usize>() < *found);
    }
}

/// Everything that the page tells.
fn examine(files: &[File], folder: &Path) -> (Vec<Row>, BTreeMap<String, Operator>) {
    let (rows, operators) = (Mutex::new(Vec::new()), Mutex::new(BTreeMap::new()));
    let failures = failures(
        files,
        |file| file.name.clone(),
        |file| {
            let compiled = file.read().and_then(|graph| Ok((file.compile(graph.clone())?, graph)));
            let outcome = compiled.map(|(model, graph)| {
                let stream = stream::compile(&graph, &BTreeMap::new()).expect("it has just been compiled");
                count(&graph, &stream, &operators);
                plays(file, &model, &stream, folder)
            });
            if let Err(error) = &outcome
                && let Some(refusal) = error.compile_error()
                && let Some((_, name)) = &refusal.node
            {
                let mut operators = operators.lock().expect("nobody panics with it");
                let operator: &mut Operator = operators.entry(name.clone()).or_default();
                operator.refused.insert(file.name.clone());
                // Of several, the first in order, whichever thread came first.
                let reason = refusal.reason.clone();
                operator.reason = Some(operator.reason.take().map_or(reason.clone(), |old| old.min(reason)));
            }
            let file = file.clone();
            rows.lock().expect("nobody panics with it").push(Row { file, outcome });
        },
    );
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    let mut rows = rows.into_inner().expect("nobody panics with it");
    rows.sort_by(|a, b| a.file.name.cmp(&b.file.name));
    (rows, operators.into_inner().expect("nobody panics with it"))
}

/// The error as a bound that is the same on machines with other mathematical libraries: the next power of ten.
fn bound(error: f32) -> String {
    // Rounding of single precision.
    let exponent = error.max(1e-7).log10().ceil();
    format!("≤ 1e{exponent:.0}")
}

fn page(rows: &[Row], operators: &BTreeMap<String, Operator>) -> Result<String, std::fmt::Error> {
    let played = rows.iter().filter(|row| row.outcome.is_ok()).count();
    let expected = |row: &&Row| refused(&row.file.name).and_then(|refused| refused.no_effect);
    let mut page = format!(
        "# Coverage\n\n\
         Written by `cargo xtask coverage` from the engine's own answers about every model file at hand: what ships, the\n\
         project's fixtures, and third-party files. `cargo xtask coverage --check` fails when this page is stale.\n\n\
         Of {} files, {played} play natively and {} are refused, {} of them because they are no audio effects.\n\n\
         * *Latency*: samples that the model adds at its own rate. *Hop*: samples from one run of its slowest layer to the next.\n\
         \x20 *Receptive field*: input samples that one output sample depends on, recurrent memory apart. *MAC*: multiply-adds\n\
         \x20 per sample of convolutions, matrices and recurrent layers.\n\
         * *Error*: largest difference between the stream and the stored reference (the interpreter where there is none),\n\
         \x20 relative to the larger of 1 and the reference's peak, with the portable kernels, as the next power of ten.\n\
         \x20 Every file is also streamed at blocks of 1, 7, 64, 480, 1024 and random sizes, which give the same bits.\n",
        rows.len(),
        rows.len() - played,
        rows.iter()
            .filter(|row| row.outcome.is_err())
            .filter(|row| expected(row).is_some())
            .count(),
    );
    writeln!(page, "\n## Plays natively")?;
    for (folder, title) in FOLDERS {
        let rows: Vec<(&Row, &Plays)> = rows
            .iter()
            .filter(|row| row.file.folder() == *folder)
            .filter_map(|row| Some((row, row.outcome.as_ref().ok()?)))
            .collect();
        if rows.is_empty() {
            continue;
        }
        writeln!(
            page,
            "\n### {title}\n\n| file | latency | hop | receptive field | MAC/sample | weights | error |\n\
             | --- | ---: | ---: | ---: | ---: | ---: | ---: |"
        )?;
        for (row, plays) in rows {
            writeln!(
                page,
                "| {} | {} | {} | {} | {} | {} | {} |",
                row.file.name.trim_start_matches(folder).trim_start_matches('/'),
                plays.latency,
                plays.hop,
                plays.receptive_field,
                plays.macs,
                plays.weights,
                bound(plays.error)
            )?;
        }
    }
    for (title, about, never) in [
        (
            "Refused, and no audio effect",
            "These files have no meaning as an effect by themselves.",
            true,
        ),
        ("Not yet", "These files could be effects.", false),
    ] {
        let rows: Vec<(&Row, &LoadError)> = rows
            .iter()
            .filter_map(|row| Some((row, row.outcome.as_ref().err()?)))
            .filter(|(row, _)| expected(row).is_some() == never)
            .collect();
        if rows.is_empty() {
            if !never {
                writeln!(
                    page,
                    "\n## {title}\n\nNothing: every file that could be an effect plays."
                )?;
            }
            continue;
        }
        writeln!(page, "\n## {title}\n\n{about}\n")?;
        for (row, error) in rows {
            let reason = match error.compile_error() {
                Some(refusal) => refusal.to_string(),
                None => error.to_string(),
            };
            write!(page, "* **{}**: {reason}.", row.file.name)?;
            match expected(&row) {
                Some(why) => writeln!(page, " It is {why}.")?,
                None => writeln!(page)?,
            }
        }
    }
    writeln!(
        page,
        "\n## Operators\n\n\
         In how many of the files that play an operator runs *in time* (convolutions over the past, recurrence, delays, element\n\
         by element), *per frame* (a function of one frame of a slower clock, or of a block), as a *view* (it only gives a signal\n\
         other axes, or runs when a knob moves), or is *folded* (it is gone after reading: constants, or sizes, were all it worked\n\
         on). *Refused*: files refused at a node of it. Tiers: A in every effect that ships, B in codecs, chorus and compressor,\n\
         C folded in most files, D in spectral and attention models, E in foreign files only; – in none of these lists.\n\n\
         | operator | tier | in time | per frame | view | folded | refused | first reason |\n\
         | --- | --- | ---: | ---: | ---: | ---: | ---: | --- |"
    )?;
    let tier = |name: &str| {
        let found = TIERS.iter().find(|(_, names)| names.contains(&name));
        found.map_or('–', |(tier, _)| *tier)
    };
    // Those of the lists that no file here has stand there as well, with empty counts.
    let listed = TIERS
        .iter()
        .flat_map(|(_, names)| names.iter().map(|name| (*name).to_owned()));
    let names: BTreeSet<String> = operators.keys().cloned().chain(listed).collect();
    let mut names: Vec<(char, String)> = names.into_iter().map(|name| (tier(&name), name)).collect();
    names.sort();
    let none = Operator::default();
    for (tier, name) in names {
        let operator = operators.get(&name).unwrap_or(&none);
        let count = |n: usize| if n == 0 { String::new() } else { n.to_string() };
        writeln!(
            page,
            "| {name} | {tier} | {} | {} | {} | {} | {} | {} |",
            count(operator.time),
            count(operator.frame),
            count(operator.none),
            count(operator.folded),
            count(operator.refused.len()),
            operator.reason.as_deref().unwrap_or_default().replace('|', "\\|")
        )?;
    }
    Ok(page)
}

#[test]
fn the_page_tells_what_the_engine_does() {
    let Some(folder) = data::shared("the_page_tells_what_the_engine_does") else {
        return;
    };
    let files = [shipped(), fixtures(), third_party(&folder)].concat();
    let (rows, operators) = examine(&files, &folder);
    let text = page(&rows, &operators).expect("a string takes anything");
    let path = data::models().join("../docs/COVERAGE.md");
    if std::env::var_os("TONEGRAFT_UPDATE_COVERAGE").is_some_and(|value| value == "1") {
        std::fs::write(&path, text).expect("writes");
        return;
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default().replace("\r\n", "\n");
    let stale = there.lines().zip(text.lines()).find(|(a, b)| a != b);
    assert!(
        there == text,
        "docs/COVERAGE.md is stale; `cargo xtask coverage` writes it anew. First difference: {stale:?}"
    );
}
