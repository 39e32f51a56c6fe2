//! Factory presets: a shipped model with its knobs where the preset says.

mod support;

use support::{Instance, LAYOUTS, wait_for};
use tonegraft_library::catalogue;
use tonegraft_plugin::shared::Wish;

#[test]
fn a_preset_loads_its_model_and_moves_its_knobs() {
    let stereo = LAYOUTS.iter().position(|layout| *layout == [2, 2, 0]).expect("stereo");
    let mut instance = Instance::new();
    assert!(instance.select(stereo));
    instance.activate(48_000.0, 512);
    instance.start();
    let shared = instance.shared();
    let load = |wish: Wish| {
        shared.open(0, wish.clone());
        let mut positions = None;
        wait_for("the model", || {
            positions = positions.take().or_else(|| shared.take_defaults(0));
            positions.is_some() && shared.glance().status.slots[0].source.as_ref() == Some(&wish)
        });
        let card = shared.glance().status.slots[0].card.clone().expect("loaded");
        (card, positions.expect("the window sets its knobs"))
    };
    for listing in catalogue() {
        let (card, defaults) = load(Wish::Shipped(listing.id.clone()));
        assert_eq!(defaults.len(), card.knobs.len());
        for preset in &listing.presets {
            let wish = Wish::Preset {
                id: listing.id.clone(),
                preset: preset.name.clone(),
            };
            let (playing, positions) = load(wish.clone());
            assert_eq!(playing.name, card.name);
            for ((knob, position), default) in card.knobs.iter().zip(&positions).zip(&defaults) {
                let expected = preset
                    .knobs
                    .get(&knob.name)
                    .map_or(*default, |value| knob.range.position(*value));
                assert!(
                    (position - expected).abs() < 1e-6,
                    "{}, {}: {} at {position}, not {expected}",
                    listing.id,
                    preset.name,
                    knob.name
                );
            }
            // From an empty slot, the model is loaded first.
            shared.open(0, Wish::Remove);
            wait_for("an empty slot", || shared.glance().status.slots[0].card.is_none());
            shared.take_defaults(0);
            assert_eq!(load(wish).1, positions);
        }
    }
}
