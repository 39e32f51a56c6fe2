//! A CLAP host made of `clack-host`, and the built files that it plays.

use clack_extensions::audio_ports_config::PluginAudioPortsConfig;
use clack_extensions::latency::PluginLatency;
use clack_extensions::render::{PluginRender, RenderMode};
use clack_extensions::state::PluginState;
use clack_host::events::Pckn;
use clack_host::events::event_types::{ParamValueEvent, TransportEvent, TransportFlags};
use clack_host::events::{EventFlags, EventHeader};
use clack_host::prelude::*;
use clack_host::utils::FixedPoint;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

const PLUGIN: &std::ffi::CStr = c"org.tonegraft.tonegraft";
pub const RATE: u32 = 48_000;
pub const LONGEST_BLOCK: u32 = 512;

/// The built files.
pub struct Built {
    pub clap: PathBuf,
    cli: PathBuf,
}

impl Built {
    pub fn find() -> Option<Self> {
        match (std::env::var_os("TONEGRAFT_CLAP"), std::env::var_os("TONEGRAFT_CLI")) {
            (Some(clap), Some(cli)) => Some(Self {
                clap: clap.into(),
                cli: cli.into(),
            }),
            _ => {
                println!("skipped: TONEGRAFT_CLAP and TONEGRAFT_CLI do not name the built plugin and command line");
                None
            }
        }
    }

    pub fn cli(&self, arguments: &[&std::ffi::OsStr]) {
        let output = Command::new(&self.cli)
            .args(arguments)
            .output()
            .expect("the command line starts");
        assert!(
            output.status.success(),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }

    /// The plugin state that plays `model`.
    pub fn state(&self, model: &Path, folder: &Path) -> Vec<u8> {
        let file = folder.join("state.bin");
        self.cli(&[
            "state".as_ref(),
            "--model".as_ref(),
            model.as_ref(),
            "--out".as_ref(),
            file.as_ref(),
        ]);
        std::fs::read(file).expect("the state was written")
    }

    /// What the command line makes of `input`, `[channels][frames]`.
    pub fn render(&self, model: &Path, input: &Path, folder: &Path) -> Vec<Vec<f32>> {
        let file = folder.join("out.wav");
        self.cli(&[
            "render".as_ref(),
            "--start".as_ref(),
            "silence".as_ref(),
            "--model".as_ref(),
            model.as_ref(),
            input.as_ref(),
            file.as_ref(),
        ]);
        let mut reader = hound::WavReader::open(file).expect("the output was written");
        let channels = usize::from(reader.spec().channels);
        let samples: Vec<f32> = reader.samples().map(|sample| sample.expect("a float")).collect();
        (0..channels)
            .map(|channel| samples.iter().skip(channel).step_by(channels).copied().collect())
            .collect()
    }
}

/// Notes what the plugin asks for.
#[derive(Clone, Default)]
pub struct Requests(pub Arc<AtomicBool>);

impl SharedHandler<'_> for Requests {
    fn request_restart(&self) {
        self.0.store(true, Ordering::SeqCst);
    }
    fn request_process(&self) {}
    fn request_callback(&self) {}
}

pub struct TestHost;

impl HostHandlers for TestHost {
    type Shared<'a> = Requests;
    type MainThread<'a> = ();
    type AudioProcessor<'a> = ();
}

/// One loaded plugin.
pub struct Loaded {
    instance: PluginInstance<TestHost>,
    pub restart: Requests,
}

impl Loaded {
    pub fn new(clap: &Path) -> Self {
        // SAFETY: the library is the plugin under test; it was built from this workspace and keeps to the CLAP ABI.
        let entry = unsafe { PluginEntry::load(clap) }.expect("the plugin's entry loads");
        let host = HostInfo::new("Tonegraft tests", "Tonegraft", "", "1").expect("no zero bytes");
        let restart = Requests::default();
        let shared = restart.clone();
        let instance =
            PluginInstance::new(move |_| shared, |_| (), &entry, PLUGIN, &host).expect("the plugin is instantiated");
        Self { instance, restart }
    }

    pub fn load(&mut self, mut state: &[u8]) {
        let handle = self.instance.plugin_handle();
        let extension = handle.get_extension::<PluginState>().expect("the plugin has states");
        extension.load(&handle, &mut state).expect("the state is accepted");
    }

    pub fn save(&mut self) -> Vec<u8> {
        let handle = self.instance.plugin_handle();
        let extension = handle.get_extension::<PluginState>().expect("the plugin has states");
        let mut state = Vec::new();
        extension.save(&handle, &mut state).expect("the state is saved");
        state
    }

    pub fn latency(&mut self) -> usize {
        let handle = self.instance.plugin_handle();
        let extension = handle
            .get_extension::<PluginLatency>()
            .expect("the plugin reports latency");
        usize::try_from(extension.get(&handle)).expect("small")
    }

    pub fn set_offline(&mut self) {
        let handle = self.instance.plugin_handle();
        let extension = handle
            .get_extension::<PluginRender>()
            .expect("the plugin knows render modes");
        extension
            .set(&handle, RenderMode::Offline)
            .expect("offline is accepted");
    }

    /// Selects a layout by its number.
    pub fn select(&mut self, layout: u32) {
        let handle = self.instance.plugin_handle();
        let extension = handle
            .get_extension::<PluginAudioPortsConfig>()
            .expect("the plugin has several layouts");
        extension
            .select(&handle, ClapId::new(layout))
            .expect("the layout is accepted");
    }

    /// Plays `input` (stereo, followed by `latency` frames of silence) in blocks from `cuts`, with or without the side-chain
    /// port's audio; the reported latency is taken off. The audio runs on a thread of its own.
    pub fn play(&mut self, input: &[Vec<f32>], cuts: &[usize], side_chain: bool) -> Vec<Vec<f32>> {
        self.play_at(None, input, cuts, side_chain)
    }

    /// The same with a transport that runs from frame `start` on.
    pub fn play_at(
        &mut self,
        start: Option<i64>,
        input: &[Vec<f32>],
        cuts: &[usize],
        side_chain: bool,
    ) -> Vec<Vec<f32>> {
        let song = Song {
            start,
            main: input.to_vec(),
            side: side_chain.then(|| vec![vec![0.0; input[0].len()]; 2]),
            outputs: 2,
            events: &|_, _| Vec::new(),
        };
        let (output, latencies) = self.perform(song, cuts);
        let latency = latencies[0];
        output.into_iter().map(|channel| channel[latency..].to_vec()).collect()
    }

    /// Plays `song`, followed by as many frames of silence as the plugin is late, in blocks from `cuts`. The audio runs on a thread of
    /// its own; meanwhile this one reads the reported latency, whose values are returned in order, the first of them before the audio.
    pub fn perform(&mut self, mut song: Song<'_>, cuts: &[usize]) -> (Vec<Vec<f32>>, Vec<usize>) {
        let configuration = PluginAudioConfiguration {
            sample_rate: f64::from(RATE),
            min_frames_count: 1,
            max_frames_count: LONGEST_BLOCK,
        };
        let stopped = self
            .instance
            .activate(|_, _| (), configuration)
            .expect("the plugin activates");
        let mut latencies = vec![self.latency()];
        let frames = song.main[0].len() + latencies[0];
        for channel in song.main.iter_mut().chain(song.side.iter_mut().flatten()) {
            channel.resize(frames, 0.0);
        }
        let (stopped, output) = std::thread::scope(|scope| {
            let song = &song;
            let playing = scope.spawn(move || process(stopped, song, cuts));
            while !playing.is_finished() {
                latencies.push(self.latency());
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
            playing.join().expect("the audio thread ends well")
        });
        self.instance.deactivate(stopped);
        latencies.dedup();
        (output, latencies)
    }
}

/// A parameter moved: frame in the block, the parameter's name, its plain value.
pub type Move = (usize, &'static str, f64);

/// What a host plays.
pub struct Song<'a> {
    /// Frame of the transport at the beginning; `None`: there is no transport.
    pub start: Option<i64>,
    /// `[channels][frames]`.
    pub main: Vec<Vec<f32>>,
    /// The side-chain, as long; `None`: no buffer is passed for it.
    pub side: Option<Vec<Vec<f32>>>,
    /// Channels of the output.
    pub outputs: usize,
    /// Automation of the block that begins at a frame and has so many.
    pub events: &'a (dyn Fn(usize, usize) -> Vec<Move> + Sync),
}

/// The number of a parameter in hosts.
fn id_of(name: &str) -> ClapId {
    let fold = |hash: u32, byte: u8| hash.wrapping_mul(31).wrapping_add(u32::from(byte));
    ClapId::new(name.bytes().fold(0, fold) & 0x7fff_ffff)
}

fn process(
    stopped: StoppedPluginAudioProcessor<TestHost>,
    song: &Song<'_>,
    cuts: &[usize],
) -> (StoppedPluginAudioProcessor<TestHost>, Vec<Vec<f32>>) {
    let mut started = stopped.start_processing().expect("processing starts");
    let frames = song.main[0].len();
    let mut output = vec![vec![f32::NAN; frames]; song.outputs];
    let (mut input_ports, mut output_ports) = (AudioPorts::with_capacity(4, 2), AudioPorts::with_capacity(2, 1));
    let mut cuts = cuts.iter().cycle();
    let mut done = 0;
    while done < frames {
        let block = (*cuts.next().expect("a cycle")).min(frames - done);
        let cut = |signal: &[Vec<f32>]| -> Vec<Vec<f32>> {
            signal
                .iter()
                .map(|channel| channel[done..done + block].to_vec())
                .collect()
        };
        let (mut main, mut side) = (cut(&song.main), song.side.as_deref().map(cut));
        let mut ports = Vec::new();
        for signal in std::iter::once(&mut main).chain(side.as_mut()) {
            let channels = signal.iter_mut().map(|channel| {
                let silent = channel.iter().all(|sample| *sample == 0.0);
                if silent {
                    InputChannel::constant(channel.as_mut_slice())
                } else {
                    InputChannel::variable(channel.as_mut_slice())
                }
            });
            ports.push(AudioPortBuffer {
                latency: 0,
                channels: AudioPortBufferType::f32_input_only(channels.collect::<Vec<_>>().into_iter()),
            });
        }
        let input_audio = input_ports.with_input_buffers(ports);
        let mut output_audio = output_ports.with_output_buffers([AudioPortBuffer {
            latency: 0,
            channels: AudioPortBufferType::f32_output_only(
                output.iter_mut().map(|channel| &mut channel[done..done + block]),
            ),
        }]);
        let mut events = EventBuffer::new();
        for (time, name, value) in (song.events)(done, block) {
            let time = u32::try_from(time).expect("short");
            events.push(&ParamValueEvent::new(time, id_of(name), Pckn::match_all(), value));
        }
        let mut reported = EventBuffer::new();
        let start = song.start.map(|start| start + i64::try_from(done).expect("short"));
        started
            .process(
                &input_audio,
                &mut output_audio,
                &InputEvents::from_buffer(&events),
                &mut OutputEvents::from_buffer(&mut reported),
                None,
                start.map(transport).as_ref(),
            )
            .expect("the block is processed");
        done += block;
    }
    (started.stop_processing(), output)
}

/// A transport that runs, at `frame`; no tempo, no beats.
fn transport(frame: i64) -> TransportEvent {
    let none = FixedPoint::from_int(0);
    #[allow(clippy::cast_precision_loss)]
    let seconds = FixedPoint::from_float(frame as f64 / f64::from(RATE));
    TransportEvent {
        header: EventHeader::new_core(0, EventFlags::empty()),
        flags: TransportFlags::IS_PLAYING | TransportFlags::HAS_SECONDS_TIMELINE,
        song_pos_beats: none,
        song_pos_seconds: seconds,
        tempo: 0.0,
        tempo_inc: 0.0,
        loop_start_beats: none,
        loop_end_beats: none,
        loop_start_seconds: none,
        loop_end_seconds: none,
        bar_start: none,
        bar_number: 0,
        time_signature_numerator: 0,
        time_signature_denominator: 0,
    }
}
