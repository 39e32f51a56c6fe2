//! Functions and branches become part of the graph around them.
//!
//! A file may define functions of its own, as exporters do that keep the structure of a program; a call is replaced by the
//! function's nodes. An `If` whose condition follows from constants and sizes is replaced by the branch that is taken.

use super::build::Builder;
use super::lower;
use super::proto::{AttributeProto, FunctionProto, GraphProto, NodeProto, OperatorSetIdProto};
use super::{OPSETS, order, weights};
use crate::error::{ReadErrorKind, Result, fail, shorten};
use crate::graph::ValueId;
use crate::infer::Fact;
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};

/// Most calls and branches inside of each other.
const MAX_DEPTH: usize = 32;

/// Longest name in bytes that stands in full before the names inside.
const MAX_PREFIX: usize = 512;

/// Domain, name and overload of a function.
type Key<'p> = (&'p str, &'p str, &'p str);

/// Adds nodes to the graph, those inside of functions and branches as well.
pub(super) struct Inliner<'p, 'o> {
    functions: HashMap<Key<'p>, &'p FunctionProto>,
    operators: &'o mut BTreeMap<String, usize>,
    nodes: usize,
    /// Nodes and attributes' entries that were looked at or copied, bounded like the fields of a file.
    work: usize,
}

/// Where the nodes that are being added come from.
#[derive(Clone, Copy)]
struct Place<'a> {
    opset: i64,
    /// Stands before the names of nodes and wires.
    prefix: &'a str,
    depth: usize,
    /// The attributes of the call, if this is a function's body.
    call: Option<Call<'a>>,
}

#[derive(Clone, Copy)]
struct Call<'a> {
    given: &'a [AttributeProto],
    defaults: &'a [AttributeProto],
}

impl Call<'_> {
    /// What the attribute `name` of the function is in this call.
    fn attribute(&self, name: &str) -> Option<&AttributeProto> {
        let find = |list: &'_ [AttributeProto]| list.iter().position(|a| a.name.as_deref() == Some(name));
        match find(self.given) {
            Some(index) => self.given.get(index),
            None => find(self.defaults).and_then(|index| self.defaults.get(index)),
        }
    }

    /// `node` with references to the function's attributes replaced by what they are in this call.
    fn resolve(&self, node: &NodeProto) -> NodeProto {
        let mut node = node.clone();
        self.replace(&mut node);
        node
    }

    /// What [`Self::resolve`] copies.
    fn weight(&self, node: &NodeProto) -> usize {
        let own: usize = node
            .attribute
            .iter()
            .map(|attribute| entries(attribute, Some(self)))
            .sum();
        own + 1
    }

    fn replace(&self, node: &mut NodeProto) {
        node.attribute.retain_mut(|attribute| {
            if let Some(wanted) = attribute.ref_attr_name.as_deref().filter(|name| !name.is_empty()) {
                let Some(found) = self.attribute(wanted) else {
                    return false;
                };
                let name = attribute.name.take();
                *attribute = found.clone();
                attribute.name = name;
            } else if let Some(graph) = attribute.g.as_deref_mut() {
                graph.node.iter_mut().for_each(|node| self.replace(node));
            }
            true
        });
    }
}

/// Entries of an attribute, those of the graph in it as well.
fn entries(attribute: &AttributeProto, call: Option<&Call<'_>>) -> usize {
    if let Some(call) = call
        && let Some(name) = attribute.ref_attr_name.as_deref().filter(|name| !name.is_empty())
    {
        return call.attribute(name).map_or(0, |attribute| entries(attribute, None));
    }
    let tensor = attribute.t.as_deref().map_or(0, |tensor| {
        let raw = tensor.raw_data.as_ref().map_or(0, |data| data.len() / 4);
        let lists = [
            tensor.float_data.len(),
            tensor.int32_data.len(),
            tensor.int64_data.len(),
            tensor.double_data.len(),
            tensor.uint64_data.len(),
        ];
        raw + lists.iter().sum::<usize>()
    });
    let lists = attribute.ints.len() + attribute.floats.len() + attribute.strings.len();
    let graph = attribute.g.as_deref().map_or(0, |graph| weight(&graph.node, call));
    1 + tensor + lists + graph
}

/// Nodes, and entries of their attributes.
fn weight(nodes: &[NodeProto], call: Option<&Call<'_>>) -> usize {
    nodes
        .iter()
        .map(|node| {
            1 + node.input.len()
                + node
                    .attribute
                    .iter()
                    .map(|attribute| entries(attribute, call))
                    .sum::<usize>()
        })
        .sum()
}

/// Nodes and what they read, those in graphs inside as well: what sorting looks at.
fn reach(nodes: &[NodeProto]) -> usize {
    let inner = |node: &NodeProto| -> usize {
        let graphs = node.attribute.iter().filter_map(|attribute| attribute.g.as_deref());
        graphs.map(|graph| reach(&graph.node)).sum()
    };
    nodes.iter().map(|node| 1 + node.input.len() + inner(node)).sum()
}

fn refers(node: &NodeProto) -> bool {
    node.attribute.iter().any(|attribute| {
        attribute.ref_attr_name.as_deref().is_some_and(|name| !name.is_empty())
            || (attribute.g.as_deref()).is_some_and(|graph| graph.node.iter().any(refers))
    })
}

/// The version of the standard operators among `imports`.
pub(super) fn standard(imports: &[OperatorSetIdProto]) -> Option<i64> {
    imports
        .iter()
        .find(|import| matches!(import.domain.as_deref().unwrap_or(""), "" | "ai.onnx"))
        .and_then(|import| import.version)
}

impl<'p, 'o> Inliner<'p, 'o> {
    pub(super) fn new(functions: &'p [FunctionProto], operators: &'o mut BTreeMap<String, usize>) -> Self {
        let functions = functions
            .iter()
            .map(|function| {
                let text = |text: &'p Option<String>| text.as_deref().unwrap_or("");
                (
                    (text(&function.domain), text(&function.name), text(&function.overload)),
                    function,
                )
            })
            .collect();
        Self {
            functions,
            operators,
            nodes: 0,
            work: 0,
        }
    }

    /// What stands before the names inside of `name`: short enough to be repeated for each of them, and nobody else's.
    fn prefix(&self, name: &str) -> String {
        if name.len() > MAX_PREFIX {
            format!("{}#{}/", shorten(name), self.nodes)
        } else {
            format!("{name}/")
        }
    }

    fn spend(&mut self, builder: &Builder<'_>, work: usize) -> Result<()> {
        self.work = self.work.saturating_add(work);
        if self.work > builder.budget.limits().max_fields {
            fail!(
                Limit,
                "its functions and branches repeat more than the {} fields allowed",
                builder.budget.limits().max_fields
            );
        }
        Ok(())
    }

    /// Adds the nodes of the file's graph.
    pub(super) fn graph(&mut self, builder: &mut Builder<'_>, graph: &GraphProto, opset: i64) -> Result<()> {
        let sorted = order::order(&graph.node, &order::given(graph), &|_| false)?;
        let place = Place {
            opset,
            prefix: "",
            depth: 0,
            call: None,
        };
        self.run(builder, &graph.node, &sorted, place)
    }

    fn run(
        &mut self,
        builder: &mut Builder<'_>,
        nodes: &[NodeProto],
        sorted: &[usize],
        place: Place<'_>,
    ) -> Result<()> {
        if place.depth > MAX_DEPTH {
            fail!(
                Limit,
                "its functions and branches lie more than {MAX_DEPTH} inside of each other; such a file is damaged or hostile"
            );
        }
        for index in sorted {
            let Some(node) = nodes.get(*index) else { continue };
            let name = format!("{}{}", place.prefix, order::name(nodes, *index));
            let kind = node.op_type.as_deref().unwrap_or("");
            self.nodes += 1;
            if self.nodes > builder.budget.limits().max_nodes {
                fail!(
                    Limit,
                    "its functions and branches open to more than the {} nodes allowed",
                    builder.budget.limits().max_nodes
                );
            }
            let node = match &place.call {
                Some(call) if refers(node) => {
                    self.spend(builder, call.weight(node))?;
                    Cow::Owned(call.resolve(node))
                }
                _ => Cow::Borrowed(node),
            };
            self.node(builder, &node, &name, place)
                .map_err(|error| error.at_node(&name, kind))?;
        }
        Ok(())
    }

    fn node(&mut self, builder: &mut Builder<'_>, node: &NodeProto, name: &str, place: Place<'_>) -> Result<()> {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let (domain, kind, overload) = (text(&node.domain), text(&node.op_type), text(&node.overload));
        let standard = matches!(domain.as_str(), "" | "ai.onnx");
        if !standard
            && let Some(function) = self
                .functions
                .get(&(domain.as_str(), kind.as_str(), overload.as_str()))
                .copied()
        {
            return self.call(builder, function, node, name, place);
        }
        *self.operators.entry(kind.clone()).or_default() += 1;
        if standard
            && kind == "If"
            && let Some(branch) = taken(builder, node)?
            && self.branch(builder, branch, node, name, place)?
        {
            return Ok(());
        }
        lower::lower(builder, node, name, place.opset, place.prefix)
    }

    /// Adds the body of `function` in place of `node`.
    fn call(
        &mut self,
        builder: &mut Builder<'_>,
        function: &'p FunctionProto,
        node: &NodeProto,
        name: &str,
        place: Place<'_>,
    ) -> Result<()> {
        let opset = match standard(&function.opset_import) {
            Some(version) if OPSETS.contains(&version) => version,
            Some(version) => fail!(
                Version,
                "it is a function of operator set {version}, but sets {} to {} are read",
                OPSETS.start(),
                OPSETS.end()
            ),
            None => place.opset,
        };
        if node.input.len() > function.input.len() || node.output.len() > function.output.len() {
            fail!(
                Node,
                "it has {} inputs and {} outputs, but its function {} and {}",
                node.input.len(),
                node.output.len(),
                function.input.len(),
                function.output.len()
            );
        }
        self.spend(builder, reach(&function.node))?;
        let given: HashSet<&str> = function.input.iter().map(String::as_str).collect();
        let sorted = order::order(&function.node, &given, &|_| false)?;
        let arguments: Vec<Option<ValueId>> = node.input.iter().map(|input| builder.named(input)).collect();
        let prefix = self.prefix(name);
        let caller = builder.call();
        let body = Place {
            opset,
            prefix: &prefix,
            depth: place.depth + 1,
            call: Some(Call {
                given: &node.attribute,
                defaults: &function.attribute_proto,
            }),
        };
        let mut outcome = Ok(());
        for (formal, argument) in function.input.iter().zip(arguments) {
            if let Some(argument) = argument {
                outcome = outcome.and_then(|()| builder.bind(formal, argument));
            }
        }
        outcome = outcome.and_then(|()| self.run(builder, &function.node, &sorted, body));
        let results: Vec<Option<ValueId>> = function.output.iter().map(|output| builder.named(output)).collect();
        // The caller's names come back whatever happened: an `If` around may go on.
        builder.give_back(caller);
        outcome?;
        bind_results(builder, node, &results)
    }

    /// Adds the nodes of a branch in place of its `If`. False if the sizes in the branch contradict each other: then the
    /// condition, which may follow from the length of a long signal, was not meant so.
    fn branch(
        &mut self,
        builder: &mut Builder<'_>,
        branch: &GraphProto,
        node: &NodeProto,
        name: &str,
        place: Place<'_>,
    ) -> Result<bool> {
        if !branch.sparse_initializer.is_empty() {
            fail!(ElementType, "it holds sparse tensors, which are not read");
        }
        self.spend(builder, reach(&branch.node))?;
        let sorted = order::order(&branch.node, &order::given(branch), &|name| {
            builder.named(name).is_some()
        })?;
        let prefix = self.prefix(name);
        let before = builder.nodes.len();
        builder.enter();
        let outcome = self.inside(
            builder,
            branch,
            &sorted,
            Place {
                prefix: &prefix,
                ..place
            },
        );
        let results: Vec<Option<ValueId>> = branch
            .output
            .iter()
            .map(|output| builder.named(output.name.as_deref().unwrap_or("")))
            .collect();
        builder.leave();
        match outcome {
            Err(error) if error.kind() == ReadErrorKind::Shape => {
                builder.nodes.truncate(before);
                return Ok(false);
            }
            outcome => outcome?,
        }
        bind_results(builder, node, &results)?;
        Ok(true)
    }

    fn inside(
        &mut self,
        builder: &mut Builder<'_>,
        branch: &GraphProto,
        sorted: &[usize],
        place: Place<'_>,
    ) -> Result<()> {
        for proto in &branch.initializer {
            let name = proto.name.as_deref().unwrap_or("");
            let tensor = weights::tensor(proto, &mut builder.budget)?;
            let id = builder.wire(&format!("{}{name}", place.prefix), Fact::constant(tensor))?;
            builder.note_code(id, proto.data_type);
            builder.bind(name, id)?;
        }
        let inside = Place {
            depth: place.depth + 1,
            // References to the function's attributes were resolved with the node around.
            call: None,
            ..place
        };
        self.run(builder, &branch.node, sorted, inside)
    }
}

/// The branch of an `If` that is always taken; `None` if that depends on what the model is fed.
fn taken<'n>(builder: &Builder<'_>, node: &'n NodeProto) -> Result<Option<&'n GraphProto>> {
    let Some(id) = node.input.first().and_then(|input| builder.named(input)) else {
        fail!(Node, "its input 0 is missing");
    };
    let condition = builder.fact(id).constant.as_deref().and_then(|tensor| tensor.as_bool());
    let Some([condition]) = condition else {
        return Ok(None);
    };
    let wanted = if *condition { "then_branch" } else { "else_branch" };
    let branch = node
        .attribute
        .iter()
        .find(|attribute| attribute.name.as_deref() == Some(wanted))
        .and_then(|attribute| attribute.g.as_deref());
    match branch {
        Some(branch) => Ok(Some(branch)),
        None => fail!(Node, "its attribute `{wanted}` is missing"),
    }
}

fn bind_results(builder: &mut Builder<'_>, node: &NodeProto, results: &[Option<ValueId>]) -> Result<()> {
    for (index, output) in node.output.iter().enumerate() {
        if output.is_empty() {
            continue;
        }
        match results.get(index).copied().flatten() {
            Some(id) => builder.bind(output, id)?,
            None => fail!(
                UndefinedName,
                "nothing inside of it computes its output {index}; the file is damaged, export the model again"
            ),
        }
    }
    Ok(())
}
