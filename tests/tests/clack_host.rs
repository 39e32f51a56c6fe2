//! The built CLAP in a CLAP host made of `clack-host`: equal to `tonegraft render --start silence` in every sample.
//!
//! Needs what `cargo xtask bundle` builds: `TONEGRAFT_CLAP` is the path of `Tonegraft.clap`, `TONEGRAFT_CLI` that of the command
//! line. `cargo xtask test` sets both; without them the tests say "skipped" and pass.

use clack_extensions::latency::PluginLatency;
use clack_extensions::render::{PluginRender, RenderMode};
use clack_extensions::state::PluginState;
use clack_host::events::event_types::{TransportEvent, TransportFlags};
use clack_host::events::{EventFlags, EventHeader};
use clack_host::prelude::*;
use clack_host::utils::FixedPoint;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tempfile::TempDir;
use tonegraft_tests::onnx::{File, mono, node};

const PLUGIN: &std::ffi::CStr = c"org.tonegraft.tonegraft";
const RATE: u32 = 48_000;
const LONGEST_BLOCK: u32 = 512;

/// The built files.
struct Built {
    clap: PathBuf,
    cli: PathBuf,
}

impl Built {
    fn find() -> Option<Self> {
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

    fn cli(&self, arguments: &[&std::ffi::OsStr]) {
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
    fn state(&self, model: &Path, folder: &Path) -> Vec<u8> {
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
    fn render(&self, model: &Path, input: &Path, folder: &Path) -> Vec<Vec<f32>> {
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
struct Requests(Arc<AtomicBool>);

impl SharedHandler<'_> for Requests {
    fn request_restart(&self) {
        self.0.store(true, Ordering::SeqCst);
    }
    fn request_process(&self) {}
    fn request_callback(&self) {}
}

struct TestHost;

impl HostHandlers for TestHost {
    type Shared<'a> = Requests;
    type MainThread<'a> = ();
    type AudioProcessor<'a> = ();
}

/// One loaded plugin.
struct Loaded {
    instance: PluginInstance<TestHost>,
    restart: Requests,
}

impl Loaded {
    fn new(clap: &Path) -> Self {
        // SAFETY: the library is the plugin under test; it was built from this workspace and keeps to the CLAP ABI.
        let entry = unsafe { PluginEntry::load(clap) }.expect("the plugin's entry loads");
        let host = HostInfo::new("Tonegraft tests", "Tonegraft", "", "1").expect("no zero bytes");
        let restart = Requests::default();
        let shared = restart.clone();
        let instance =
            PluginInstance::new(move |_| shared, |_| (), &entry, PLUGIN, &host).expect("the plugin is instantiated");
        Self { instance, restart }
    }

    fn load(&mut self, mut state: &[u8]) {
        let handle = self.instance.plugin_handle();
        let extension = handle.get_extension::<PluginState>().expect("the plugin has states");
        extension.load(&handle, &mut state).expect("the state is accepted");
    }

    fn save(&mut self) -> Vec<u8> {
        let handle = self.instance.plugin_handle();
        let extension = handle.get_extension::<PluginState>().expect("the plugin has states");
        let mut state = Vec::new();
        extension.save(&handle, &mut state).expect("the state is saved");
        state
    }

    fn latency(&mut self) -> usize {
        let handle = self.instance.plugin_handle();
        let extension = handle
            .get_extension::<PluginLatency>()
            .expect("the plugin reports latency");
        usize::try_from(extension.get(&handle)).expect("small")
    }

    fn set_offline(&mut self) {
        let handle = self.instance.plugin_handle();
        let extension = handle
            .get_extension::<PluginRender>()
            .expect("the plugin knows render modes");
        extension
            .set(&handle, RenderMode::Offline)
            .expect("offline is accepted");
    }

    /// Plays `input` (stereo, followed by `latency` frames of silence) in blocks from `cuts`, with or without the side-chain
    /// port's audio; the reported latency is taken off. The audio runs on a thread of its own.
    fn play(&mut self, input: &[Vec<f32>], cuts: &[usize], side_chain: bool) -> Vec<Vec<f32>> {
        self.play_at(None, input, cuts, side_chain)
    }

    /// The same with a transport that runs from frame `start` on.
    fn play_at(&mut self, start: Option<i64>, input: &[Vec<f32>], cuts: &[usize], side_chain: bool) -> Vec<Vec<f32>> {
        let configuration = PluginAudioConfiguration {
            sample_rate: f64::from(RATE),
            min_frames_count: 1,
            max_frames_count: LONGEST_BLOCK,
        };
        let stopped = self
            .instance
            .activate(|_, _| (), configuration)
            .expect("the plugin activates");
        let latency = self.latency();
        let frames = input[0].len() + latency;
        let mut signal: Vec<Vec<f32>> = input.to_vec();
        signal.iter_mut().for_each(|channel| channel.resize(frames, 0.0));
        let (stopped, output) = std::thread::scope(|scope| {
            scope
                .spawn(move || process(stopped, start, &signal, cuts, side_chain))
                .join()
                .expect("the audio thread ends well")
        });
        self.instance.deactivate(stopped);
        output.into_iter().map(|channel| channel[latency..].to_vec()).collect()
    }
}

fn process(
    stopped: StoppedPluginAudioProcessor<TestHost>,
    start: Option<i64>,
    input: &[Vec<f32>],
    cuts: &[usize],
    side_chain: bool,
) -> (StoppedPluginAudioProcessor<TestHost>, Vec<Vec<f32>>) {
    let mut started = stopped.start_processing().expect("processing starts");
    let frames = input[0].len();
    let mut output = vec![vec![f32::NAN; frames]; 2];
    let (mut input_ports, mut output_ports) = (AudioPorts::with_capacity(4, 2), AudioPorts::with_capacity(2, 1));
    let mut silence = vec![vec![0.0f32; LONGEST_BLOCK as usize]; 2];
    let no_events = EventBuffer::new();
    let mut cuts = cuts.iter().cycle();
    let mut done = 0;
    while done < frames {
        let block = (*cuts.next().expect("a cycle")).min(frames - done);
        let mut main: Vec<Vec<f32>> = input
            .iter()
            .map(|channel| channel[done..done + block].to_vec())
            .collect();
        let port = |channels| AudioPortBuffer { latency: 0, channels };
        let mut ports = vec![port(AudioPortBufferType::f32_input_only(
            main.iter_mut()
                .map(|channel| InputChannel::variable(channel.as_mut_slice()))
                .collect::<Vec<_>>()
                .into_iter(),
        ))];
        if side_chain {
            ports.push(port(AudioPortBufferType::f32_input_only(
                silence
                    .iter_mut()
                    .map(|channel| InputChannel::constant(&mut channel[..block]))
                    .collect::<Vec<_>>()
                    .into_iter(),
            )));
        }
        let input_audio = input_ports.with_input_buffers(ports);
        let mut output_audio = output_ports.with_output_buffers([AudioPortBuffer {
            latency: 0,
            channels: AudioPortBufferType::f32_output_only(
                output.iter_mut().map(|channel| &mut channel[done..done + block]),
            ),
        }]);
        let mut reported = EventBuffer::new();
        started
            .process(
                &input_audio,
                &mut output_audio,
                &InputEvents::from_buffer(&no_events),
                &mut OutputEvents::from_buffer(&mut reported),
                None,
                start
                    .map(|start| transport(start + i64::try_from(done).expect("short")))
                    .as_ref(),
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

/// The project's own plucked string, twice as loud on the left.
fn stereo_string(folder: &Path) -> (PathBuf, Vec<Vec<f32>>) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/pluck_di.wav");
    let mut reader = hound::WavReader::open(source).expect("the project's own sound");
    let left: Vec<f32> = reader
        .samples::<i16>()
        .map(|s| f32::from(s.expect("16 bits")) / 32_768.0)
        .take(60_000)
        .collect();
    let right: Vec<f32> = left.iter().map(|sample| 0.5 * sample).collect();
    let path = folder.join("in.wav");
    let spec = hound::WavSpec {
        channels: 2,
        sample_rate: RATE,
        bits_per_sample: 32,
        sample_format: hound::SampleFormat::Float,
    };
    let mut writer = hound::WavWriter::create(&path, spec).expect("the folder is writable");
    for (left, right) in left.iter().zip(&right) {
        writer.write_sample(*left).expect("written");
        writer.write_sample(*right).expect("written");
    }
    writer.finalize().expect("written");
    (path, vec![left, right])
}

fn models() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    [
        "shipped/overdrive",
        "shipped/distortion",
        "fixtures/conv_same",
        "fixtures/conv_valid_stack",
    ]
    .map(|stem| root.join("models").join(stem).with_extension("onnx"))
    .to_vec()
}

#[test]
fn the_built_clap_plays_the_command_line_s_samples() {
    let Some(built) = Built::find() else { return };
    let folder = TempDir::new().expect("a folder");
    let (path, input) = stereo_string(folder.path());
    for model in models() {
        let wanted = built.render(&model, &path, folder.path());
        assert!(
            wanted[0].iter().any(|sample| sample.abs() > 1e-3),
            "{}: there is sound",
            model.display()
        );
        let state = built.state(&model, folder.path());
        let mut loaded = Loaded::new(&built.clap);
        loaded.set_offline();
        loaded.load(&state);
        for (cuts, side_chain) in [(&[512][..], true), (&[64], false), (&[1, 7, 480, 33, 500, 2], true)] {
            let got = loaded.play(&input, cuts, side_chain);
            for (channel, (got, wanted)) in got.iter().zip(&wanted).enumerate() {
                let different = got
                    .iter()
                    .zip(wanted)
                    .position(|(got, wanted)| got.to_bits() != wanted.to_bits());
                assert_eq!(
                    different,
                    None,
                    "{}: channel {channel}, blocks {cuts:?}",
                    model.display()
                );
                assert_eq!(got.len(), wanted.len());
            }
        }
    }
}

#[test]
fn a_saved_state_plays_the_same_in_another_instance() {
    let Some(built) = Built::find() else { return };
    let folder = TempDir::new().expect("a folder");
    let (_, input) = stereo_string(folder.path());
    let state = built.state(&models()[1], folder.path());
    let mut first = Loaded::new(&built.clap);
    first.load(&state);
    let wanted = first.play(&input, &[256], true);
    let saved = first.save();
    let mut second = Loaded::new(&built.clap);
    second.load(&saved);
    assert_eq!(second.play(&input, &[256], true), wanted);
    assert_eq!(second.save(), saved, "saving again gives the same bytes");
}

#[test]
fn another_latency_asks_for_a_restart_and_is_there_after_it() {
    let Some(built) = Built::find() else { return };
    let folder = TempDir::new().expect("a folder");
    let (_, input) = stereo_string(folder.path());
    let [causal, look_ahead] = [&models()[0], &models()[2]].map(|model| built.state(model, folder.path()));
    let mut loaded = Loaded::new(&built.clap);
    loaded.load(&causal);
    loaded.play(&input, &[512], true);
    assert_eq!(loaded.latency(), 0);
    loaded.restart.0.store(false, Ordering::SeqCst);
    loaded.load(&look_ahead);
    loaded.play(&input, &[512], true);
    assert!(
        loaded.latency() > 0,
        "the look-ahead is reported once the plugin was active with the new model"
    );
}

/// The audio with the phase of an oscillator on top.
fn oscillator(folder: &Path) -> PathBuf {
    let file = File {
        nodes: vec![node("Add", "add", &["in", "phase"], &["out"], &[])],
        inputs: vec![mono("in"), mono("phase")],
        outputs: vec![mono("out")],
        metadata: vec![
            ("tonegraft.version", "1"),
            ("tonegraft.audio_input", "in"),
            ("tonegraft.phase_input", r#"{"input": "phase", "rate_hz": 3.7}"#),
        ],
        ..File::default()
    };
    let path = folder.join("oscillator.onnx");
    std::fs::write(&path, file.bytes()).expect("the folder is writable");
    path
}

#[test]
fn an_oscillator_follows_the_song_position() {
    let Some(built) = Built::find() else { return };
    let folder = TempDir::new().expect("a folder");
    let (_, mut input) = stereo_string(folder.path());
    for channel in &mut input {
        channel.truncate(24_000);
        channel.fill(0.0);
    }
    let state = built.state(&oscillator(folder.path()), folder.path());
    let mut loaded = Loaded::new(&built.clap);
    loaded.set_offline();
    loaded.load(&state);
    let from_zero = loaded.play_at(Some(0), &input, &[512], true);
    assert!(from_zero[0][12_000] > 0.5, "there is a phase");
    for start in [0_i64, 1, 9_999] {
        let at = usize::try_from(start).expect("small");
        let frames = 24_000 - at;
        let input: Vec<Vec<f32>> = input.iter().map(|channel| channel[..frames].to_vec()).collect();
        for cuts in [&[64][..], &[1, 7, 480, 33]] {
            let got = loaded.play_at(Some(start), &input, cuts, false);
            assert_eq!(got[0], from_zero[0][at..], "from frame {start}, blocks {cuts:?}");
        }
    }
    let without = loaded.play(&input, &[100], true);
    assert_eq!(without, from_zero, "without a transport, frames count from the first");
}
