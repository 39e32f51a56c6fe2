//! The models inside the binary.

/// A model that ships with the plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shipped {
    /// What a session refers to; the file's stem. Never changes its meaning once released.
    pub id: &'static str,
    /// What the user reads.
    pub name: &'static str,
    /// The file.
    pub bytes: &'static [u8],
    /// The text of its sidecar, if it has one.
    pub sidecar: Option<&'static str>,
}

impl Shipped {
    /// The name under which readers report it, e.g. `overdrive.onnx`.
    pub fn file_name(&self) -> String {
        format!("{}.onnx", self.id)
    }
}

const SHIPPED: &[Shipped] = include!(concat!(env!("OUT_DIR"), "/shipped.rs"));

/// All models that ship, ordered by id.
pub const fn shipped() -> &'static [Shipped] {
    SHIPPED
}

/// The shipped model `id`.
pub fn shipped_by_id(id: &str) -> Option<&'static Shipped> {
    shipped().iter().find(|shipped| shipped.id == id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_and_sorted_and_every_model_has_bytes() {
        assert!(shipped().windows(2).all(|pair| pair[0].id < pair[1].id));
        for model in shipped() {
            assert!(!model.bytes.is_empty() && !model.name.is_empty());
            assert_eq!(shipped_by_id(model.id), Some(model));
        }
        assert_eq!(shipped_by_id("no such model"), None);
    }
}
