//! Graphs made of graphs: nodes are added one by one, inferred and folded as they come, as a reader does it.

mod operators;

use crate::error::{ReadError, ReadErrorKind, Result, fail, shorten};
use crate::graph::{Dim, Graph, Node, ValueId};
use crate::infer::{Fact, differ};
use crate::limits::Limits;
use crate::onnx::build::Builder;
use crate::onnx::finish::{check_weights, compact, live};
use crate::onnx::weights::Budget;
use crate::op::Op;
use crate::symbolic::SymInt;
use crate::tensor::{DType, Tensor};
use std::collections::{BTreeMap, HashMap, HashSet};

/// A graph under construction. The limits hold for all its parts together.
pub(crate) struct Assembly<'a> {
    builder: Builder<'a>,
    limits: &'a Limits,
    inputs: Vec<ValueId>,
    outputs: Vec<ValueId>,
    /// Wires that cannot become an output as they are.
    taken: HashSet<ValueId>,
    names: HashSet<String>,
    /// How often each name was asked for again.
    repeats: HashMap<String, usize>,
    operators: BTreeMap<String, usize>,
    nodes: usize,
}

/// `[1, T, 24]`.
pub(crate) fn show(sizes: &[SymInt]) -> String {
    let sizes: Vec<String> = sizes.iter().map(SymInt::to_string).collect();
    format!("[{}]", sizes.join(", "))
}

impl<'a> Assembly<'a> {
    pub(crate) fn new(limits: &'a Limits) -> Self {
        Self {
            builder: Builder::new(Budget::new(limits)),
            limits,
            inputs: Vec::new(),
            outputs: Vec::new(),
            taken: HashSet::new(),
            names: HashSet::new(),
            repeats: HashMap::new(),
            operators: BTreeMap::new(),
            nodes: 0,
        }
    }

    /// `name`, or that with a number behind it if it is in use.
    fn unique(&mut self, name: &str) -> String {
        if self.names.insert(name.to_owned()) {
            return name.to_owned();
        }
        // From where it was left: a name may be asked for many times.
        let count = self.repeats.entry(name.to_owned()).or_insert(1);
        loop {
            *count += 1;
            let unique = format!("{name}_{count}");
            if self.names.insert(unique.clone()) {
                return unique;
            }
        }
    }

    /// Keeps names that a graph to come will use from being given to anything else.
    pub(crate) fn reserve(&mut self, graph: &Graph) {
        self.names.extend(graph.values.iter().map(|value| value.name.clone()));
    }

    pub(crate) fn name(&self, id: ValueId) -> &str {
        self.builder.labels.get(id.index()).map_or("", String::as_str)
    }

    pub(crate) fn dtype(&self, id: ValueId) -> DType {
        self.builder.fact(id).dtype
    }

    pub(crate) fn sizes(&self, id: ValueId) -> &[SymInt] {
        &self.builder.fact(id).shape
    }

    /// Adds an input under a name close to `name`.
    pub(crate) fn input(&mut self, name: &str, dtype: DType, sizes: Vec<SymInt>) -> Result<ValueId> {
        let name = self.unique(name);
        let id = self.builder.wire(&name, Fact::new(dtype, sizes))?;
        self.inputs.push(id);
        self.taken.insert(id);
        Ok(id)
    }

    /// Adds a constant.
    pub(crate) fn constant(&mut self, name: &str, tensor: Tensor) -> Result<ValueId> {
        let name = self.unique(name);
        self.builder.constant(&name, tensor)
    }

    /// Adds an operator with one output.
    pub(crate) fn emit(&mut self, name: &str, op: Op, inputs: &[ValueId]) -> Result<ValueId> {
        self.emit_optional(name, op, inputs.iter().copied().map(Some).collect())
    }

    /// Adds an operator with one output of which inputs are left out.
    pub(crate) fn emit_optional(&mut self, name: &str, op: Op, inputs: Vec<Option<ValueId>>) -> Result<ValueId> {
        let name = self.unique(name);
        let kind = op.name().to_owned();
        self.count(&kind)?;
        let made = self
            .builder
            .emit(&name, op, inputs, std::slice::from_ref(&name))
            .map_err(|error| error.at_node(&name, &kind))?;
        match made.first() {
            Some(id) => Ok(*id),
            None => fail!(Node, "`{name}` gives nothing"),
        }
    }

    fn count(&mut self, kind: &str) -> Result<()> {
        self.nodes += 1;
        if self.nodes > self.limits.max_nodes {
            fail!(
                Limit,
                "all parts together have more than the {} operators allowed",
                self.limits.max_nodes
            );
        }
        *self.operators.entry(kind.to_owned()).or_default() += 1;
        Ok(())
    }

    /// Adds all of `graph`, with `prefix` before each name. Its inputs are fed by `feeds`; those that are not become inputs of
    /// this graph. Gives the new wire of each input and output. Whatever follows from the sizes of the feeds is computed anew.
    pub(crate) fn replay(
        &mut self,
        mut graph: Graph,
        prefix: &str,
        feeds: &HashMap<ValueId, ValueId>,
    ) -> Result<HashMap<ValueId, ValueId>> {
        let symbols = self.bind(&graph, feeds)?;
        let size = |dim: &Dim| match SymInt::from(dim) {
            SymInt::Affine(term) => match symbols.get(term.symbol()) {
                Some(bound) if (term.num(), term.den(), term.offset()) == (1, 1, 0) => bound.clone(),
                Some(_) => SymInt::Unknown,
                None => SymInt::from(&renamed(dim, prefix)),
            },
            other => other,
        };
        let mut wires: HashMap<ValueId, ValueId> = HashMap::new();
        for id in &graph.inputs {
            let wire = match feeds.get(id) {
                Some(wire) => *wire,
                None => {
                    let value = graph.value(*id);
                    let name = format!("{prefix}{}", value.name);
                    self.names.remove(&name);
                    let sizes = value.shape.iter().map(size).collect();
                    self.input(&name, value.dtype, sizes)?
                }
            };
            wires.insert(*id, wire);
        }
        for index in 0..graph.values.len() {
            let value = &mut graph.values[index];
            if let Some(tensor) = value.constant.take() {
                self.builder.budget.book(tensor.shape())?;
                let name = format!("{prefix}{}", value.name);
                let wire = self.builder.wire(&name, Fact::constant(tensor))?;
                wires.insert(ValueId(index as u32), wire);
            }
        }
        let mut operators: BTreeMap<String, usize> = graph.operators.iter().cloned().collect();
        for node in std::mem::take(&mut graph.nodes) {
            // Counted by the histogram of the file, which knows what folding has removed.
            self.nodes += 1;
            let name = format!("{prefix}{}", node.name);
            let labels: Vec<String> = (node.outputs.iter())
                .map(|id| id.map_or_else(String::new, |id| format!("{prefix}{}", graph.value(id).name)))
                .collect();
            if let Op::Unsupported { .. } = node.op {
                for (id, label) in node.outputs.iter().zip(&labels) {
                    if let Some(id) = id {
                        let value = graph.value(*id);
                        let fact = Fact::new(value.dtype, value.shape.iter().map(size).collect());
                        self.builder.declared.insert(label.clone(), fact);
                    }
                }
            }
            let inputs = node.inputs.iter().map(|id| id.and_then(|id| wires.get(&id).copied()));
            let inputs = inputs.collect();
            let kind = node.op.name().to_owned();
            let made =
                (self.builder.emit(&name, node.op, inputs, &labels)).map_err(|error| error.at_node(&name, &kind))?;
            for (id, wire) in node.outputs.iter().zip(made) {
                if let Some(id) = id {
                    wires.insert(*id, wire);
                }
            }
        }
        if self.nodes > self.limits.max_nodes {
            fail!(
                Limit,
                "all parts together have more than the {} operators allowed",
                self.limits.max_nodes
            );
        }
        for (kind, count) in std::mem::take(&mut operators) {
            *self.operators.entry(kind).or_default() += count;
        }
        let ends: HashSet<ValueId> = graph.inputs.iter().chain(&graph.outputs).copied().collect();
        wires.retain(|id, _| ends.contains(id));
        Ok(wires)
    }

    /// What the symbols in `graph`'s inputs stand for.
    fn bind(&self, graph: &Graph, feeds: &HashMap<ValueId, ValueId>) -> Result<HashMap<String, SymInt>> {
        let mut symbols: HashMap<String, SymInt> = HashMap::new();
        for id in &graph.inputs {
            let (Some(feed), value) = (feeds.get(id), graph.value(*id)) else {
                continue;
            };
            let fact = self.builder.fact(*feed);
            let wanted: Vec<SymInt> = value.shape.iter().map(SymInt::from).collect();
            let error = || {
                let what = format!(
                    "its input `{}` of shape {} does not take `{}` of shape {}",
                    shorten(&value.name),
                    show(&wanted),
                    shorten(self.name(*feed)),
                    show(&fact.shape)
                );
                ReadError::new(ReadErrorKind::Shape, what)
            };
            if fact.dtype != value.dtype || fact.shape.len() != wanted.len() {
                return Err(error());
            }
            for (dim, given) in wanted.iter().zip(&fact.shape) {
                match dim {
                    SymInt::Affine(term) if (term.num(), term.den(), term.offset()) == (1, 1, 0) => {
                        let bound = symbols.entry(term.symbol().to_owned()).or_insert_with(|| given.clone());
                        if differ(bound, given) {
                            return Err(error());
                        }
                    }
                    SymInt::Known(_) if dim != given => return Err(error()),
                    _ => {}
                }
            }
        }
        Ok(symbols)
    }

    /// Makes `id` an output that bears `name`.
    pub(crate) fn output(&mut self, name: &str, id: ValueId) -> Result<ValueId> {
        let constant = self.builder.fact(id).constant.clone();
        let own = match constant {
            Some(tensor) => self.builder.constant(name, Tensor::clone(&tensor))?,
            None if self.taken.insert(id) => {
                if let Some(label) = self.builder.labels.get_mut(id.index()) {
                    name.clone_into(label);
                }
                id
            }
            None => {
                let fact = self.builder.fact(id).clone();
                let same = Tensor::from_i64s(vec![0; fact.shape.len()]);
                let shape = self.builder.constant(&format!("{name}.shape"), same)?;
                let copy = self.builder.wire(name, fact)?;
                self.builder.nodes.push(Node {
                    name: format!("{name}.copy"),
                    op: Op::Reshape { allow_zero: false },
                    inputs: vec![Some(id), Some(shape)],
                    outputs: vec![Some(copy)],
                });
                self.taken.insert(copy);
                copy
            }
        };
        self.outputs.push(own);
        Ok(own)
    }

    /// The graph. Name, format and metadata are the caller's.
    pub(crate) fn finish(mut self) -> Result<Graph> {
        let nodes = live(std::mem::take(&mut self.builder.nodes), &self.outputs);
        for node in &nodes {
            check_weights(&self.builder, node).map_err(|error| error.at_node(&node.name, node.op.name()))?;
        }
        let mut graph = compact(self.builder, nodes, self.inputs, self.outputs);
        graph.operators = self.operators.into_iter().collect();
        Ok(graph)
    }
}

fn renamed(dim: &Dim, prefix: &str) -> Dim {
    let mut dim = dim.clone();
    if let Dim::Symbolic { symbol, .. } = &mut dim {
        *symbol = format!("{prefix}{symbol}");
    }
    dim
}
