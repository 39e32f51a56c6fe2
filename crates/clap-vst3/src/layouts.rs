//! Buses and their widths.
//!
//! VST3 fixes the number of buses and lets only their widths change; CLAP has a list of port configurations. Each is
//! selected once, read, and becomes a [`Layout`]; the first gives number and names of the buses.

use std::sync::atomic::Ordering;

use clap_sys::ext::audio_ports::{CLAP_AUDIO_PORT_IS_MAIN, clap_audio_port_info};
use clap_sys::id::CLAP_INVALID_ID;
use vst3::Steinberg::Vst::{SpeakerArr, SpeakerArrangement};

use crate::host::HostSide;
use crate::plugin::Plugin;
use crate::strings::from_array;

/// One port of one configuration.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Port {
    pub(crate) name: String,
    pub(crate) is_main: bool,
    pub(crate) channels: u32,
    /// The plugin allows the port's input and output to be the same memory.
    pub(crate) in_place: bool,
}

impl Port {
    fn new(info: &clap_audio_port_info) -> Self {
        Self {
            name: from_array(&info.name),
            is_main: info.flags & CLAP_AUDIO_PORT_IS_MAIN != 0,
            channels: info.channel_count,
            in_place: info.in_place_pair != CLAP_INVALID_ID,
        }
    }
}

/// One port configuration.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Layout {
    /// What to select; `None` where the plugin has no configurations.
    pub(crate) config: Option<u32>,
    pub(crate) inputs: Vec<Port>,
    pub(crate) outputs: Vec<Port>,
}

impl Layout {
    fn read(plugin: &Plugin, config: Option<u32>) -> Self {
        let ports = |input| {
            (0..plugin.port_count(input))
                .filter_map(|index| plugin.port(index, input))
                .map(|info| Port::new(&info))
                .collect()
        };
        Self {
            config,
            inputs: ports(true),
            outputs: ports(false),
        }
    }

    pub(crate) fn ports(&self, input: bool) -> &[Port] {
        if input { &self.inputs } else { &self.outputs }
    }
}

/// Every layout, and the arrangement in force.
#[derive(Debug, Clone, Default)]
pub(crate) struct Layouts {
    all: Vec<Layout>,
    current: usize,
    /// What the plugin has selected, which follows `current` at the next activation.
    selected: usize,
    inputs: Vec<SpeakerArrangement>,
    outputs: Vec<SpeakerArrangement>,
}

impl Layouts {
    /// Tries out every configuration. The plugin must be inactive.
    pub(crate) fn read(plugin: &Plugin, host: &HostSide) -> Self {
        host.probing.store(true, Ordering::Relaxed);
        let mut all: Vec<Layout> = Vec::new();
        let ids = plugin.config_ids();
        for &id in &ids {
            if plugin.select_config(id) {
                all.push(Layout::read(plugin, Some(id)));
            }
        }
        if let Some(first) = all.first() {
            plugin.select_config(first.config.unwrap_or_default());
        } else {
            all.push(Layout::read(plugin, None));
        }
        let (inputs, outputs) = all
            .first()
            .map_or((0, 0), |first| (first.inputs.len(), first.outputs.len()));
        all.retain(|layout| layout.inputs.len() <= inputs && layout.outputs.len() <= outputs);
        host.probing.store(false, Ordering::Relaxed);
        let mut layouts = Self { all, ..Self::default() };
        let arrangement = |ports: &[Port]| ports.iter().map(|port| arrangement(port.channels)).collect();
        (layouts.inputs, layouts.outputs) = (arrangement(layouts.buses(true)), arrangement(layouts.buses(false)));
        layouts
    }

    /// The buses by name and kind, from the first layout.
    pub(crate) fn buses(&self, input: bool) -> &[Port] {
        self.all.first().map_or(&[], |layout| layout.ports(input))
    }

    pub(crate) fn current(&self) -> Layout {
        self.all.get(self.current).cloned().unwrap_or_default()
    }

    /// The configuration to select before activation, once.
    pub(crate) fn take_selection(&mut self) -> Option<u32> {
        let changed = self.selected != self.current;
        self.selected = self.current;
        self.all
            .get(self.current)
            .and_then(|layout| layout.config)
            .filter(|_| changed)
    }

    pub(crate) fn arrangement(&self, input: bool, bus: usize) -> Option<SpeakerArrangement> {
        if input {
            self.inputs.get(bus).copied()
        } else {
            self.outputs.get(bus).copied()
        }
    }

    /// Takes the arrangement if a layout has exactly these widths. Buses that are not named are empty; a bus that is not
    /// the main one may be empty in every layout.
    pub(crate) fn arrange(&mut self, inputs: &[SpeakerArrangement], outputs: &[SpeakerArrangement]) -> bool {
        let Some(first) = self.all.first() else { return false };
        if inputs.len() > first.inputs.len() || outputs.len() > first.outputs.len() {
            return false;
        }
        let full = |given: &[SpeakerArrangement], count| {
            let mut all = given.to_vec();
            all.resize(count, SpeakerArr::kEmpty);
            all
        };
        let (inputs, outputs) = (full(inputs, first.inputs.len()), full(outputs, first.outputs.len()));
        let exact = |layout: &Layout| fits(&layout.inputs, &inputs, false) && fits(&layout.outputs, &outputs, false);
        let loose = |layout: &Layout| fits(&layout.inputs, &inputs, true) && fits(&layout.outputs, &outputs, true);
        // Among equals the layout in force stays.
        let stays = |fit: &dyn Fn(&Layout) -> bool| self.all.get(self.current).is_some_and(fit).then_some(self.current);
        let found = stays(&exact)
            .or_else(|| self.all.iter().position(exact))
            .or_else(|| stays(&loose))
            .or_else(|| self.all.iter().position(loose));
        let Some(found) = found else { return false };
        (self.current, self.inputs, self.outputs) = (found, inputs, outputs);
        true
    }
}

fn fits(ports: &[Port], wanted: &[SpeakerArrangement], empty_aux: bool) -> bool {
    wanted.iter().enumerate().all(|(bus, arrangement)| {
        let port = ports.get(bus);
        let channels = port.map_or(0, |port| port.channels);
        let is_aux = bus > 0 || port.is_some_and(|port| !port.is_main);
        arrangement.count_ones() == channels || (empty_aux && is_aux && *arrangement == SpeakerArr::kEmpty)
    })
}

/// The arrangement offered for a width: mono, stereo, else the first speakers in VST3's order.
fn arrangement(channels: u32) -> SpeakerArrangement {
    match channels {
        0 => SpeakerArr::kEmpty,
        1 => SpeakerArr::kMono,
        64.. => SpeakerArrangement::MAX,
        channels => (1 << channels) - 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MONO: SpeakerArrangement = SpeakerArr::kMono;
    const STEREO: SpeakerArrangement = SpeakerArr::kStereo;
    const EMPTY: SpeakerArrangement = SpeakerArr::kEmpty;

    fn port(channels: u32, is_main: bool) -> Port {
        Port {
            name: String::new(),
            is_main,
            channels,
            in_place: true,
        }
    }

    fn layouts() -> Layouts {
        let layout = |id, main, aux: Option<u32>, out| Layout {
            config: Some(id),
            inputs: [port(main, true)]
                .into_iter()
                .chain(aux.map(|aux| port(aux, false)))
                .collect(),
            outputs: vec![port(out, true)],
        };
        Layouts {
            all: vec![
                layout(10, 2, Some(2), 2),
                layout(11, 1, Some(2), 1),
                layout(12, 1, Some(2), 2),
                layout(13, 1, Some(1), 1),
                layout(14, 2, None, 2),
            ],
            inputs: vec![STEREO, STEREO],
            outputs: vec![STEREO],
            ..Layouts::default()
        }
    }

    #[test]
    fn an_arrangement_is_taken_exactly_or_not_at_all() {
        let mut layouts = layouts();
        assert!(layouts.arrange(&[MONO, MONO], &[MONO]));
        assert_eq!(layouts.take_selection(), Some(13));
        assert_eq!(layouts.take_selection(), None);
        for (inputs, outputs) in [
            (&[STEREO, MONO][..], &[STEREO][..]),
            (&[STEREO, STEREO], &[MONO]),
            (&[EMPTY, STEREO], &[STEREO]),
            (&[STEREO, STEREO, STEREO], &[STEREO]),
            (&[STEREO], &[STEREO, STEREO]),
            (&[], &[]),
        ] {
            assert!(!layouts.arrange(inputs, outputs));
            assert_eq!(
                (layouts.arrangement(true, 1), layouts.arrangement(false, 0)),
                (Some(MONO), Some(MONO))
            );
        }
    }

    #[test]
    fn an_empty_side_chain_is_a_real_request() {
        let mut layouts = layouts();
        assert!(layouts.arrange(&[STEREO, EMPTY], &[STEREO]));
        assert_eq!(
            layouts.take_selection(),
            Some(14),
            "the layout without the port is the exact one"
        );
        assert!(layouts.arrange(&[MONO], &[STEREO]));
        assert_eq!(
            layouts.take_selection(),
            Some(12),
            "no exact one: the port stays and is fed zeros"
        );
        assert_eq!(layouts.arrangement(true, 1), Some(EMPTY));
    }
}
