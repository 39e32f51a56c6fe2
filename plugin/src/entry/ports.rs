//! Choosing a layout: by its number (`clap.audio-ports-config`) or by widths (`clap.configurable-audio-ports`).

use super::proxy::{Proxy, proxy};
use crate::plugin::Tonegraft;
use clap_sys::ext::configurable_audio_ports::{
    clap_audio_port_configuration_request, clap_plugin_configurable_audio_ports,
};
use clap_sys::id::clap_id;
use clap_sys::plugin::clap_plugin;
use nice_plug::prelude::{AudioIOLayout, Plugin};

pub(super) static CONFIGURABLE: clap_plugin_configurable_audio_ports = clap_plugin_configurable_audio_ports {
    can_apply_configuration: Some(can_apply),
    apply_configuration: Some(apply),
};

/// One wish: so many channels at that port; 0 for "not there".
#[derive(Clone, Copy, Debug, PartialEq)]
struct Wish {
    is_input: bool,
    port: u32,
    channels: u32,
}

/// Channels of a port of `layout`; 0 if it has none.
fn channels(layout: &AudioIOLayout, is_input: bool, port: u32) -> u32 {
    match (is_input, port) {
        (true, 0) => layout.main_input_channels.map_or(0, std::num::NonZeroU32::get),
        (false, 0) => layout.main_output_channels.map_or(0, std::num::NonZeroU32::get),
        (true, port) => layout
            .aux_input_ports
            .get(port as usize - 1)
            .map_or(0, |width| width.get()),
        (false, _) => 0,
    }
}

/// The layout that grants all `wishes` and otherwise differs least from layout `current`.
fn find(wishes: &[Wish], current: usize) -> Option<usize> {
    let layouts = Tonegraft::AUDIO_IO_LAYOUTS;
    let now = layouts.get(current)?;
    let all_ports = [(true, 0), (false, 0), (true, 1)];
    let grants = |layout: &AudioIOLayout| {
        wishes
            .iter()
            .all(|wish| channels(layout, wish.is_input, wish.port) == wish.channels)
    };
    let distance = |layout: &AudioIOLayout| {
        all_ports
            .iter()
            .filter(|(is_input, port)| channels(layout, *is_input, *port) != channels(now, *is_input, *port))
            .count()
    };
    let candidates = layouts.iter().enumerate().filter(|(_, layout)| grants(layout));
    candidates
        .min_by_key(|(_, layout)| distance(layout))
        .map(|(index, _)| index)
}

/// # Safety
/// `requests` is null or points to `count` requests.
unsafe fn wanted(proxy: &Proxy, requests: *const clap_audio_port_configuration_request, count: u32) -> Option<usize> {
    if requests.is_null() || count == 0 || proxy.is_active() {
        return None;
    }
    // SAFETY: by the function's contract.
    let requests = unsafe { std::slice::from_raw_parts(requests, count as usize) };
    let wishes: Vec<Wish> = requests
        .iter()
        .map(|request| Wish {
            is_input: request.is_input,
            port: request.port_index,
            channels: request.channel_count,
        })
        .collect();
    find(&wishes, proxy.shared.layout())
}

unsafe extern "C" fn can_apply(
    plugin: *const clap_plugin,
    requests: *const clap_audio_port_configuration_request,
    count: u32,
) -> bool {
    // SAFETY: called by the host on the main thread with a plugin of ours and `count` requests.
    unsafe { proxy(plugin).is_some_and(|proxy| wanted(proxy, requests, count).is_some()) }
}

unsafe extern "C" fn apply(
    plugin: *const clap_plugin,
    requests: *const clap_audio_port_configuration_request,
    count: u32,
) -> bool {
    // SAFETY: as above.
    unsafe {
        let found = proxy(plugin).and_then(|proxy| wanted(proxy, requests, count));
        match found.map(u32::try_from) {
            Some(Ok(index)) => select(plugin, index),
            _ => false,
        }
    }
}

/// As the framework's, but only while inactive, as CLAP demands: the framework would change the layout under the audio thread.
pub(super) unsafe extern "C" fn select(plugin: *const clap_plugin, id: clap_id) -> bool {
    // SAFETY: called by the host on the main thread with a plugin of ours.
    unsafe {
        let Some(proxy) = proxy(plugin).filter(|proxy| !proxy.is_active()) else {
            return false;
        };
        if id as usize >= Tonegraft::AUDIO_IO_LAYOUTS.len() {
            return false;
        }
        let inner = proxy.extensions.get().and_then(|all| all.config().select);
        let done = inner.is_some_and(|select| select(plugin, id));
        if done {
            proxy.shared.set_layout(id as usize);
        }
        done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wishes_find_the_nearest_layout() {
        let wish = |is_input, port, channels| Wish {
            is_input,
            port,
            channels,
        };
        let widths = |index: usize| {
            let layout = &Tonegraft::AUDIO_IO_LAYOUTS[index];
            [(true, 0), (false, 0), (true, 1)].map(|(is_input, port)| channels(layout, is_input, port))
        };
        let all_mono = find(&[wish(true, 0, 1), wish(false, 0, 1)], 0).expect("mono exists");
        assert_eq!(widths(all_mono), [1, 1, 2], "the side-chain stays as it was");
        let spread = find(&[wish(true, 0, 1), wish(false, 0, 2), wish(true, 1, 0)], 0).expect("mono to stereo exists");
        assert_eq!(widths(spread), [1, 2, 0]);
        assert_eq!(find(&[wish(true, 0, 6)], 0), None);
        assert_eq!(find(&[wish(false, 3, 2)], 0), None);
    }
}
