//! The models that ship as the user finds them: categories and factory presets, in the order in which they are listed.

use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// A shipped model in the catalogue.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listing {
    /// Of the model, as [`crate::Shipped::id`].
    pub id: String,
    /// Under which heading; models of one category follow each other.
    pub category: String,
    /// Settings that the model comes with.
    pub presets: Vec<FactoryPreset>,
}

/// A setting of a shipped model.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FactoryPreset {
    /// What the user reads; no two of a model are alike.
    pub name: String,
    /// Values by the knobs' names, in their own units; knobs that are left out stand at their defaults.
    pub knobs: BTreeMap<String, f32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Catalogue {
    models: Vec<Listing>,
}

static CATALOGUE: LazyLock<Vec<Listing>> = LazyLock::new(|| {
    let text = include_str!("../../../models/shipped/catalogue.json");
    // Part of the binary, and read by a test.
    serde_json::from_str::<Catalogue>(text).map_or_else(|_| Vec::new(), |catalogue| catalogue.models)
});

/// The catalogue, read at the first call. Allocates.
pub fn catalogue() -> &'static [Listing] {
    &CATALOGUE
}

/// What the catalogue says of the shipped model `id`.
pub fn listing(id: &str) -> Option<&'static Listing> {
    catalogue().iter().find(|listing| listing.id == id)
}

impl Listing {
    /// The preset of that name.
    pub fn preset(&self, name: &str) -> Option<&FactoryPreset> {
        self.presets.iter().find(|preset| preset.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shipped;
    use std::collections::BTreeSet;
    use tonegraft_model::Limits;

    #[test]
    fn every_shipped_model_is_listed_once_under_its_category() {
        let listed: Vec<&str> = catalogue().iter().map(|listing| listing.id.as_str()).collect();
        let unique: BTreeSet<&str> = listed.iter().copied().collect();
        assert_eq!(unique.len(), listed.len(), "{listed:?}");
        let ships: BTreeSet<&str> = shipped().iter().map(|model| model.id).collect();
        assert_eq!(unique, ships, "models/shipped/catalogue.json lists what lies beside it");
        let mut seen: Vec<&str> = Vec::new();
        for listing in catalogue() {
            if seen.last() != Some(&listing.category.as_str()) {
                assert!(
                    !seen.contains(&listing.category.as_str()),
                    "{} is torn apart",
                    listing.category
                );
                seen.push(&listing.category);
            }
        }
    }

    #[test]
    fn presets_are_within_the_knobs_of_their_models() {
        for model in shipped() {
            let read = tonegraft_model::read(model.bytes, &model.file_name(), model.sidecar, &Limits::default());
            let graph = read.unwrap_or_else(|error| panic!("{}: {error}", model.id));
            let listing = listing(model.id).expect("listed");
            let names: BTreeSet<&str> = listing.presets.iter().map(|preset| preset.name.as_str()).collect();
            assert_eq!(
                names.len(),
                listing.presets.len(),
                "{}: two presets of one name",
                model.id
            );
            for preset in &listing.presets {
                for (name, value) in &preset.knobs {
                    let knob = graph.metadata.knobs.iter().find(|knob| knob.name == *name);
                    let knob = knob.unwrap_or_else(|| panic!("{}, {}: no knob {name}", model.id, preset.name));
                    assert!(
                        (knob.min..=knob.max).contains(value),
                        "{}, {}: {name} {value} is beyond {} to {}",
                        model.id,
                        preset.name,
                        knob.min,
                        knob.max
                    );
                }
            }
        }
    }

    #[test]
    fn shipped_models_stay_below_ten_megabytes() {
        let bytes: usize = shipped().iter().map(|model| model.bytes.len()).sum();
        assert!(bytes <= 10 << 20, "{bytes} bytes");
    }
}
