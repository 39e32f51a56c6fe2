//! What every graph that was read must be.

use tonegraft_model::{Dim, Graph};

/// The invariants that `Graph` states.
///
/// # Panics
/// One of them does not hold.
pub fn check(graph: &Graph) {
    let limits = crate::limits();
    let mut defined = vec![false; graph.values.len()];
    let mut define = |index: usize| {
        assert!(
            !std::mem::replace(&mut defined[index], true),
            "value {index} defined twice"
        )
    };
    let mut elements = 0;
    for (index, value) in graph.values.iter().enumerate() {
        if let Some(tensor) = &value.constant {
            define(index);
            elements += tensor.len();
            assert!(tensor.len() <= limits.max_tensor_elements);
            assert_eq!(tensor.dtype(), value.dtype);
            let shape: Vec<Option<usize>> = value.shape.iter().map(Dim::known).collect();
            let own: Vec<Option<usize>> = tensor.shape().iter().copied().map(Some).collect();
            assert_eq!(shape, own);
        }
        // Operators may add axes to what a file may declare.
        assert!(value.shape.len() <= 4 * limits.max_rank + 4);
    }
    assert!(elements <= limits.max_total_elements);
    for id in &graph.inputs {
        define(id.index());
    }
    for node in &graph.nodes {
        for id in node.outputs.iter().flatten() {
            define(id.index());
        }
    }
    let mut seen = vec![false; graph.values.len()];
    for (index, value) in graph.values.iter().enumerate() {
        seen[index] = value.constant.is_some();
    }
    for id in &graph.inputs {
        seen[id.index()] = true;
    }
    for node in &graph.nodes {
        for id in node.inputs.iter().flatten() {
            assert!(seen[id.index()], "`{}` reads a value before it is computed", node.name);
        }
        for id in node.outputs.iter().flatten() {
            seen[id.index()] = true;
        }
    }
    for id in &graph.outputs {
        assert!(seen[id.index()], "an output that nothing computes");
    }
}
