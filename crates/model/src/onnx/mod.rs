//! ONNX: protobuf bytes to the checked graph.
//!
//! In order: [`scan`] holds the limits before anything is allocated; prost decodes into [`proto`]; [`order`] sorts the nodes;
//! [`inline`] opens functions and branches; [`lower`] brings each node into its normal form while [`build`] infers and folds;
//! [`finish`] drops what nobody reads. [`write`] goes the other way.

mod attributes;
pub(crate) mod build;
mod composite;
mod einsum;
mod elementwise;
pub(crate) mod finish;
mod inline;
mod layers;
mod lower;
mod movement;
mod order;
mod pins;
mod proto;
mod quantise;
mod sampling;
mod scan;
#[cfg(test)]
mod tests;
mod unroll;
pub(crate) mod weights;
mod work;
pub(crate) mod write;

use crate::error::{ReadError, ReadErrorKind, Result, fail};
use crate::graph::{Graph, ValueId};
use crate::infer::Fact;
use crate::limits::Limits;
use crate::metadata;
use crate::symbolic::SymInt;
use build::Builder;
use inline::Inliner;
pub(crate) use pins::Pins;
use prost::Message;
use proto::{GraphProto, ModelProto, ValueInfoProto};
use std::collections::BTreeMap;
use weights::Budget;

/// Operator sets that are read.
const OPSETS: std::ops::RangeInclusive<i64> = 7..=25;

/// Reads a file; `pins` are sizes of inputs that are known already.
pub(crate) fn read(bytes: &[u8], file: &str, sidecar: Option<&str>, limits: &Limits, pins: &Pins) -> Result<Graph> {
    if bytes.is_empty() {
        fail!(Empty, "the file is empty (0 bytes); copy or export it again");
    }
    if bytes.len() > limits.max_bytes {
        fail!(
            Limit,
            "it has {} bytes, more than the {} allowed",
            bytes.len(),
            limits.max_bytes
        );
    }
    // Every ONNX file begins with its format version, a small number in field 1.
    if bytes.first() != Some(&0x08) && !looks_like_model(bytes) {
        fail!(NotOnnx, "it is not an ONNX file; choose a model exported as .onnx");
    }
    scan::scan(bytes, limits)?;
    let model = match ModelProto::decode(bytes) {
        Ok(model) => model,
        Err(error) => fail!(
            Corrupt,
            "it is not a complete ONNX file ({error}); copy or export it again"
        ),
    };
    let Some(graph) = &model.graph else {
        fail!(
            EmptyGraph,
            "it contains no graph, so there is nothing to run; export the model again"
        );
    };
    let opset = opset(&model)?;
    let mut declared = BTreeMap::new();
    for entry in &model.metadata_props {
        if let (Some(key), Some(value)) = (&entry.key, &entry.value) {
            declared.insert(key.clone(), value.clone());
        }
    }
    if let Some(sidecar) = sidecar {
        metadata::add_sidecar(&mut declared, sidecar, limits)?;
    }
    let metadata = metadata::parse(declared)?;

    let mut builder = Builder::new(Budget::new(limits));
    let inputs = add_values(&mut builder, graph, pins)?;
    let mut operators = BTreeMap::<String, usize>::new();
    let mut inliner = Inliner::new(&model.functions, &mut operators);
    inliner.graph(&mut builder, graph, opset)?;
    let name = match graph.name.as_deref().filter(|name| !name.is_empty()) {
        Some(name) => name.to_owned(),
        None => stem(file),
    };
    let mut finished = finish::finish(builder, graph, inputs)?;
    metadata::check_against(&metadata, &finished)?;
    finished.name = name;
    finished.metadata = metadata;
    finished.operators = operators.into_iter().collect();
    Ok(finished)
}

/// True if the first fields are those of a model: for files whose writer orders fields otherwise.
fn looks_like_model(bytes: &[u8]) -> bool {
    #[derive(Clone, PartialEq, Message)]
    struct Head {
        #[prost(int64, optional, tag = "1")]
        ir_version: Option<i64>,
    }
    Head::decode(bytes).is_ok_and(|head| head.ir_version.is_some_and(|version| (1..=1000).contains(&version)))
}

fn opset(model: &ModelProto) -> Result<i64> {
    match model.ir_version {
        Some(1..=1000) => {}
        _ => fail!(
            NotOnnx,
            "it is not an ONNX file: it names no format version; choose a model exported as .onnx"
        ),
    }
    let standard = model
        .opset_import
        .iter()
        .find(|import| matches!(import.domain.as_deref().unwrap_or(""), "" | "ai.onnx"))
        .and_then(|import| import.version);
    match standard {
        Some(version) if OPSETS.contains(&version) => Ok(version),
        Some(version) => fail!(
            Version,
            "it uses operator set {version}, but sets {} to {} are read; export it with one of these (17 suits all)",
            OPSETS.start(),
            OPSETS.end()
        ),
        None => fail!(
            Version,
            "it names no version of the standard operators; export the model again"
        ),
    }
}

fn stem(file: &str) -> String {
    let name = file.rsplit(['/', '\\']).next().unwrap_or(file);
    name.strip_suffix(".onnx").unwrap_or(name).to_owned()
}

/// Adds initializers and inputs; gives the inputs that a caller must feed.
fn add_values(builder: &mut Builder<'_>, graph: &GraphProto, pins: &Pins) -> Result<Vec<ValueId>> {
    if let Some(_sparse) = graph.sparse_initializer.first() {
        fail!(
            ElementType,
            "it holds sparse tensors, which are not read; export it with dense weights"
        );
    }
    // Left-out optional inputs have the empty name.
    for proto in &graph.initializer {
        let name = proto.name.as_deref().unwrap_or("");
        let tensor = weights::tensor(proto, &mut builder.budget)?;
        let id = builder.wire(name, Fact::constant(tensor))?;
        builder.note_code(id, proto.data_type);
        builder.bind(name, id)?;
    }
    let mut inputs = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for info in &graph.input {
        let name = info.name.as_deref().unwrap_or("");
        if !seen.insert(name) {
            let what = "two inputs have this name, so the file is ambiguous; export the model again";
            return Err(ReadError::new(ReadErrorKind::DuplicateName, what).at_tensor(name));
        }
        // In old files weights are listed as inputs as well.
        if builder.named(name).is_some() {
            continue;
        }
        let fact = pins.apply(name, declared(info, builder.budget.limits(), true)?);
        let id = builder.wire(name, fact)?;
        builder.bind(name, id)?;
        inputs.push(id);
    }
    for info in graph.value_info.iter().chain(&graph.output) {
        if let (Some(name), Ok(fact)) = (&info.name, declared(info, builder.budget.limits(), false)) {
            builder.declared.insert(name.clone(), fact);
        }
    }
    Ok(inputs)
}

/// The type and shape that the file gives for a value; sizes it leaves open become symbols.
fn declared(info: &ValueInfoProto, limits: &Limits, symbols: bool) -> Result<Fact> {
    let name = info.name.as_deref().unwrap_or("");
    read_declared(info, name, limits, symbols).map_err(|error| error.at_tensor(name))
}

fn read_declared(info: &ValueInfoProto, name: &str, limits: &Limits, symbols: bool) -> Result<Fact> {
    let Some(tensor) = info.r#type.as_ref().and_then(|kind| kind.tensor_type.as_ref()) else {
        fail!(
            ElementType,
            "it is not a tensor; sequences, maps and optional values are not supported"
        );
    };
    let Some(dtype) = lower::element_type(tensor.elem_type) else {
        fail!(
            ElementType,
            "its element type is {}, which is not supported; audio must be float",
            weights::type_name(tensor.elem_type.unwrap_or(0))
        );
    };
    let Some(shape) = &tensor.shape else {
        fail!(
            Shape,
            "the file does not say how many axes it has; export the model with the shapes of its inputs"
        );
    };
    if shape.dim.len() > limits.max_rank {
        fail!(
            Limit,
            "it has {} axes, more than the {} allowed",
            shape.dim.len(),
            limits.max_rank
        );
    }
    let mut sizes = Vec::with_capacity(shape.dim.len());
    for (axis, dim) in shape.dim.iter().enumerate() {
        sizes.push(match (dim.dim_value, dim.dim_param.as_deref()) {
            (Some(size @ 1..), _) if usize::try_from(size).is_ok_and(|size| size <= limits.max_tensor_elements) => {
                SymInt::Known(size)
            }
            (Some(size @ 1..), _) => {
                fail!(
                    Limit,
                    "its axis {axis} has {size} elements, more than the {} allowed",
                    limits.max_tensor_elements
                )
            }
            _ if !symbols => SymInt::Unknown,
            (_, Some(symbol)) if !symbol.is_empty() => SymInt::symbol(&crate::error::shorten(symbol)),
            _ => SymInt::symbol(&crate::error::shorten(&format!("{name}[{axis}]"))),
        });
    }
    Ok(Fact::new(dtype, sizes))
}
