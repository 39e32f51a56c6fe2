//! Bounds on what a file may make the reader do. They hold before memory is taken.

/// Upper bounds. [`Limits::default`] admits every published audio model known to us with room to spare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Size of the file in bytes; of a chain, of all its files together.
    pub max_bytes: usize,
    /// Nodes of the graph.
    pub max_nodes: usize,
    /// Protobuf fields outside raw weight data: bounds the memory of the parsed description.
    pub max_fields: usize,
    /// Elements of one tensor, read or folded.
    pub max_tensor_elements: usize,
    /// Elements of all tensors together, read and folded.
    pub max_total_elements: usize,
    /// Elements of all tensors that folding computes.
    pub max_folded_elements: usize,
    /// Elements read, and multiply-adds, of all operators that are folded: bounds the time that reading takes.
    pub max_folded_work: usize,
    /// Nesting of protobuf messages.
    pub max_depth: usize,
    /// Axes of a tensor.
    pub max_rank: usize,
    /// Size of the sidecar in bytes.
    pub max_sidecar_bytes: usize,
    /// Stages of a chain.
    pub max_stages: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_bytes: 512 << 20,
            max_nodes: 100_000,
            max_fields: 8_000_000,
            max_tensor_elements: 64 << 20,
            max_total_elements: 128 << 20,
            max_folded_elements: 32 << 20,
            max_folded_work: 1 << 31,
            max_depth: 64,
            max_rank: 8,
            max_sidecar_bytes: 1 << 20,
            max_stages: 256,
        }
    }
}

impl Limits {
    /// The default with another bound on the file's size, in bytes.
    pub fn with_max_bytes(mut self, max_bytes: usize) -> Self {
        self.max_bytes = max_bytes;
        self
    }

    /// The default with another bound on the number of nodes.
    pub fn with_max_nodes(mut self, max_nodes: usize) -> Self {
        self.max_nodes = max_nodes;
        self
    }

    /// The default with other bounds on the elements of one tensor and of all together.
    pub fn with_max_elements(mut self, one: usize, all: usize) -> Self {
        self.max_tensor_elements = one;
        self.max_total_elements = all;
        self
    }
}
