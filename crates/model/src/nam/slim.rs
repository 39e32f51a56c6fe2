//! Slimmable WaveNets: the first channels of each layer array are a smaller model (`NAM/wavenet/slimmable.cpp`).

use super::array::Array;
use super::wavenet::WaveNet;
use super::weights::Weights;
use crate::error::Result;
use crate::metadata::Sizes;

/// Cuts `net` to `size`, 0 to 1; gives the sizes that it has, `None` if it has but one, or why it cannot be cut.
pub(super) fn choose(net: &mut WaveNet, size: f32) -> std::result::Result<Option<Sizes>, String> {
    if net.arrays.iter().all(|array| array.widths.is_empty()) {
        return Ok(None);
    }
    check(net)?;
    let mut breakpoints: Vec<f32> = net.arrays.iter().flat_map(bounds).collect();
    breakpoints.sort_by(f32::total_cmp);
    breakpoints.dedup();
    if breakpoints.is_empty() {
        return Ok(None);
    }
    let chosen = breakpoints.iter().take_while(|bound| size >= **bound).count();
    let widths: Vec<usize> = net.arrays.iter().map(|array| width(array, size)).collect();
    if (net.arrays.iter().zip(&widths)).any(|(array, width)| array.channels != *width) {
        cut(net, &widths).map_err(|error| error.to_string())?;
    }
    Ok(Some(Sizes { breakpoints, chosen }))
}

/// What NeuralAmpModelerCore does not cut is not cut.
fn check(net: &WaveNet) -> std::result::Result<(), String> {
    let no = |what: &str| Err(format!("its sizes below full: {what}, which cannot be cut"));
    if net.head.is_some() {
        return no("it has a head behind all layers");
    }
    for array in &net.arrays {
        if array.head_taps != 1 {
            return no("its head has several taps");
        }
        let groups = [array.groups, array.mixin_groups, array.layer1x1.unwrap_or(1)];
        if groups.iter().any(|groups| *groups != 1) || array.head1x1.is_some_and(|(_, groups)| groups != 1) {
            return no("its layers have groups");
        }
        if array.films.iter().flatten().any(|film| film.groups != 1) {
            return no("its FiLM layers have groups");
        }
    }
    Ok(())
}

/// The sizes from which the next larger width is played.
fn bounds(array: &Array) -> impl Iterator<Item = f32> + use<> {
    let count = array.widths.len();
    // Both are at most the number of channels.
    #[allow(clippy::cast_precision_loss)]
    (1..count).map(move |index| index as f32 / count as f32)
}

fn width(array: &Array, size: f32) -> usize {
    let index = bounds(array).take_while(|bound| size >= *bound).count();
    array.widths.get(index).copied().unwrap_or(array.channels)
}

/// Leaves the first `widths` channels of each array.
fn cut(net: &mut WaveNet, widths: &[usize]) -> Result<()> {
    let count = net.arrays.len();
    let slim: Vec<Array> = (net.arrays.iter().enumerate())
        .map(|(index, full)| {
            let width = |at: usize| widths.get(at).copied().unwrap_or(1);
            let channels = width(index);
            let mut slim = full.clone();
            slim.channels = channels;
            slim.bottleneck = match full.layer1x1 {
                None => channels,
                Some(_) => (full.bottleneck * channels / full.channels).max(1),
            };
            if index > 0 {
                slim.input = width(index - 1);
            }
            if index + 1 < count {
                slim.head = width(index + 1);
            }
            slim
        })
        .collect();
    let mut from = Weights::new(&net.weights);
    let mut to = Vec::new();
    for (full, slim) in net.arrays.iter().zip(&slim) {
        for (full, slim) in full.all_shapes().iter().zip(&slim.all_shapes()) {
            full.slice(slim, &mut from, &mut to)?;
        }
    }
    to.extend_from_slice(from.take(1)?);
    net.weights = to;
    net.arrays = slim;
    Ok(())
}
