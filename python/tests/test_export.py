import logging
import sys
import warnings

import numpy as np
import onnx
import pytest
import torch
from nets import (
    BakedLength,
    BlockMlp,
    Codec,
    FilmTcn,
    GatedTcn,
    GlobalNorm,
    KnobLstm,
    MaskNet,
    SameConv,
    StatefulGru,
    Tremolo,
    ValidConv,
    WindowNet,
)

from tonegraft_export import (
    ExportError,
    Knob,
    MetadataError,
    MismatchError,
    RefusedError,
    check,
    export,
    read,
)
from tonegraft_export.checking import _Call
from tonegraft_export.cli import main
from tonegraft_export.exporting import evaluating

BOTH = ("torchscript", "dynamo")
DRIVE = Knob("Drive", "drive", 0, 0, 10, 3, "dB")


def checked(renderer, net, path, **options):
    """The check's report, or a skip if Tonegraft does not play such a net."""
    try:
        return check(net, path, renderer=renderer, **options)
    except RefusedError as error:
        pytest.skip(f"refused: {error.report.refusal}")


def operators(path):
    return [node.op_type for node in onnx.load(path).graph.node]


def test_lstm_with_a_knob(renderer, tmp_path):
    path = tmp_path / "a.onnx"
    net = KnobLstm()
    audio = torch.zeros(1, 256, 1)
    done = export(net, path, example=audio, name="Amp", sample_rate=44_100, knobs=[DRIVE])
    assert (done.exporter, done.opset, done.dynamic) == ("torchscript", 17, True)
    assert done.inputs == {"audio": [1, "frames", 1], "drive": [1, 1]}
    assert operators(path).count("LSTM") == 1
    for drive in (0, 7.3):
        report = check(net, path, knobs={"Drive": drive}, renderer=renderer)
        assert report.ok
        assert (report.latency, report.sample_rate, report.frames) == (0, 44_100, 30_720)
        assert report.max_abs_error < 1e-6
        assert [block.block for block in report.blocks] == ["64", "480", "1", "random:1"]


@pytest.mark.parametrize("exporter", BOTH)
def test_gated_tcn(renderer, tmp_path, exporter):
    path = tmp_path / "a.onnx"
    net = GatedTcn()
    done = export(net, path, exporter=exporter)
    assert done.inputs == {"x": [1, 1, "frames"]}
    assert done.max_abs_error < 1e-5
    assert check(net, path, renderer=renderer).latency == 0


@pytest.mark.parametrize("exporter", BOTH)
def test_sums_that_begin_with_zeros_like_the_signal(renderer, tmp_path, exporter):
    path = tmp_path / "a.onnx"
    net = GatedTcn(zeros=True)
    export(net, path, exporter=exporter)
    assert checked(renderer, net, path).latency == 0


@pytest.mark.parametrize("exporter", BOTH)
def test_film(renderer, tmp_path, exporter):
    path = tmp_path / "a.onnx"
    net = FilmTcn()
    knobs = [Knob("Drive", index=0), Knob("Tone", index=1, min=-1)]
    export(net, path, exporter=exporter, knobs=knobs)
    report = check(net, path, knobs={"Drive": 0.9, "Tone": -0.5}, renderer=renderer)
    assert report.ok
    with pytest.raises(ValueError, match="Treble"):
        check(net, path, knobs={"Treble": 1}, renderer=renderer)


def test_gru_with_an_explicit_state(renderer, tmp_path):
    path = tmp_path / "a.onnx"
    net = StatefulGru()
    example = {"x": torch.zeros(1, 256, 1), "memory": torch.zeros(1, 1, 8)}
    done = export(net, path, example=example, states={"memory": "afterwards"})
    assert list(done.outputs) == ["output", "afterwards"]
    found = read(path)
    assert (found.states, found.audio_input, found.audio_output) == (
        {"memory": "afterwards"},
        "x",
        "output",
    )
    assert check(net, path, renderer=renderer).ok


@pytest.mark.parametrize("exporter", BOTH)
def test_strided_codec(renderer, tmp_path, exporter):
    path = tmp_path / "a.onnx"
    net = Codec()
    done = export(net, path, exporter=exporter, multiple_of=8, kind="codec")
    assert done.dynamic
    report = checked(renderer, net, path)
    # The last frame of a hop of 8 is needed for its first.
    assert report.latency >= 7


def test_look_ahead_is_the_latency(renderer, tmp_path):
    path = tmp_path / "a.onnx"
    net = SameConv()
    export(net, path)
    report = check(net, path, renderer=renderer)
    assert report.latency == 12
    assert report.frames == 30_720 - 12


def test_output_shorter_than_the_input(renderer, tmp_path):
    path = tmp_path / "a.onnx"
    net = ValidConv()
    export(net, path)
    report = check(net, path, renderer=renderer)
    assert (report.latency, report.frames) == (0, 30_720 - 20)


def test_stereo(renderer, tmp_path):
    path = tmp_path / "a.onnx"
    net = GatedTcn(channels=2)
    export(net, path, example=torch.zeros(1, 2, 4_096))
    assert check(net, path, renderer=renderer).ok


def test_two_channels_of_one(renderer, tmp_path):
    path = tmp_path / "a.onnx"
    net = torch.nn.Conv1d(1, 2, 1)
    export(net, path)
    assert check(net, path, renderer=renderer, blocks=[64]).ok


def test_fixed_length_and_a_block_model(renderer, tmp_path):
    path = tmp_path / "a.onnx"
    net = GatedTcn()
    done = export(net, path, dynamic=False)
    assert done.inputs == {"x": [1, 1, 4_096]}
    assert check(net, path, renderer=renderer).ok
    net = BlockMlp()
    export(net, path, example=torch.zeros(1, 64), block_size=64)
    assert read(path).block_size == 64
    assert checked(renderer, net, path).latency == 63


def test_a_window_for_each_sample(renderer, tmp_path):
    path = tmp_path / "a.onnx"
    net = WindowNet()
    done = export(net, path, example=torch.zeros(64, 1, 24))
    assert done.inputs == {"x": ["frames", 1, 24]}
    report = checked(renderer, net, path)
    # The first 23 windows begin before the signal.
    assert (report.latency, report.frames) == (0, 30_720 - 23)


def test_the_module_is_played_as_the_file_says(tmp_path):
    """Windows, blocks and overlapping frames, against loops over plain NumPy."""
    signal = np.random.default_rng(5).standard_normal((1, 96)).astype(np.float32)

    def played(net, example, **facts):
        path = tmp_path / "a.onnx"
        export(net, path, example=example, exporter="torchscript", **facts)
        call = _Call(net, onnx.load(path), read(path), {})
        with evaluating(net), torch.no_grad():
            return call.play(call.signal(signal, 48_000), call.others({}))

    net = WindowNet()
    with torch.no_grad():
        wanted = [net(torch.from_numpy(signal[:, n : n + 24])[None])[0, 0] for n in range(96 - 23)]
    np.testing.assert_allclose(played(net, torch.zeros(64, 1, 24))[0], wanted, atol=1e-6)

    net = BlockMlp(size=32)
    with torch.no_grad():
        wanted = np.concatenate(
            [net(torch.from_numpy(signal[:, n : n + 32])) for n in (0, 32, 64)], 1
        )
    found = played(net, torch.zeros(1, 32), block_size=32)
    np.testing.assert_allclose(found, wanted, atol=1e-6)

    # Frames of 32 every 8: each sample lies in four frames, of which the last three come later.
    padded = np.concatenate([np.zeros(24, np.float32), signal[0]])
    wanted = np.zeros_like(padded)
    for n in range(0, 96, 8):
        with torch.no_grad():
            wanted[n : n + 32] += net(torch.from_numpy(padded[n : n + 32])[None]).numpy()[0]
    found = played(net, torch.zeros(1, 32), frame=(32, 8))
    np.testing.assert_allclose(found[0], wanted[24:], atol=1e-5)


def test_a_reference_plays_what_a_call_cannot(renderer, tmp_path):
    path = tmp_path / "a.onnx"
    net = Tremolo()
    phase = {"input": "phase", "rate_hz": 5}
    example = (torch.zeros(1, 1, 512), torch.zeros(1, 1, 512))
    export(net, path, example=example, phase_input=phase, dynamic=False, audio_input="x")

    def reference(audio, others):
        assert not others
        turns = torch.arange(audio.shape[1], dtype=torch.float64) * 5 / 48_000 % 1
        return net(torch.from_numpy(audio)[None], turns.float()[None, None])[0].numpy()

    assert checked(renderer, net, path, reference=reference, tolerance=1e-4).ok
    with pytest.raises(ValueError, match="phase"):
        check(net, path, renderer=renderer)


def test_spectral_mask_with_a_state(renderer, tmp_path):
    path = tmp_path / "a.onnx"
    net = MaskNet()
    stft = {"size": 256, "hop": 128, "window": "sqrt_hann", "input": "magnitude", "output": "mask"}
    example = {"magnitude": torch.ones(1, 129), "h": torch.zeros(1, 16)}
    export(net, path, example=example, output_names=["mask", "hn"], states={"h": "hn"}, stft=stft)
    assert read(path).stft == stft
    assert checked(renderer, net, path).latency == 255


def test_a_net_that_needs_the_whole_signal_is_refused_with_a_reason(renderer, tmp_path):
    path = tmp_path / "a.onnx"
    net = GlobalNorm()
    export(net, path)
    with pytest.raises(RefusedError) as caught:
        check(net, path, renderer=renderer, allow_runtimes=["native"])
    assert caught.value.report.refusal
    assert not caught.value.report.ok
    assert caught.value.report.refusal in str(caught.value)


def test_another_module_is_a_mismatch(renderer, tmp_path):
    path = tmp_path / "a.onnx"
    export(GatedTcn(), path)
    with pytest.raises(MismatchError) as caught:
        check(GatedTcn(), path, renderer=renderer, blocks=[64])
    report = caught.value.report
    assert report.max_abs_error > 1e-3
    assert report.esr > 1e-6
    assert all(block.same_bits for block in report.blocks)


def test_a_baked_length_is_noticed(tmp_path):
    pytest.importorskip("onnxruntime")
    path = tmp_path / "a.onnx"
    with pytest.raises(ExportError, match="fixed"):
        export(BakedLength(), path, exporter="torchscript")
    assert not path.exists()


def test_auto_falls_back_to_the_other_exporter(tmp_path, monkeypatch):
    tried = []
    real = torch.onnx.export

    def failing(*arguments, dynamo, **options):
        tried.append(dynamo)
        if dynamo:
            raise RuntimeError("not today")
        return real(*arguments, dynamo=dynamo, **options)

    monkeypatch.setattr(torch.onnx, "export", failing)
    done = export(GatedTcn(), tmp_path / "a.onnx")
    assert done.exporter == "torchscript"
    assert tried[0] is True
    with pytest.raises(ExportError, match="not today"):
        export(GatedTcn(), tmp_path / "b.onnx", exporter="dynamo")


@pytest.mark.parametrize("exporter", BOTH)
def test_the_file_is_clean_and_nothing_is_printed(tmp_path, exporter, capfd):
    path = tmp_path / "a.onnx"
    net = GatedTcn()
    net.train()
    net.mix[0].eval()
    level = logging.root.manager.disable
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        export(net, path, exporter=exporter)
    assert capfd.readouterr() == ("", "")
    assert logging.root.manager.disable == level
    assert net.training
    assert net.first.training
    assert not net.mix[0].training
    content = path.read_bytes()
    for trace in (b"nets.py", b"site-packages", b"stack_trace"):
        assert trace not in content, trace
    assert [file.name for file in tmp_path.iterdir()] == ["a.onnx"], "weights are in the file"


def test_metadata_that_do_not_fit_leave_no_file(tmp_path):
    path = tmp_path / "a.onnx"
    with pytest.raises(MetadataError, match="which has 2"):
        export(
            FilmTcn(),
            path,
            example=(torch.zeros(1, 1, 512), torch.zeros(1, 2)),
            knobs=[Knob("K", index=2)],
            exporter="torchscript",
        )
    with pytest.raises(ExportError, match="memory"):
        export(StatefulGru(), path, example=torch.zeros(1, 256, 1))
    with pytest.raises(ExportError, match="output_names"):
        export(StatefulGru(), path, example=(torch.zeros(1, 256, 1), torch.zeros(1, 1, 8)))
    assert not path.exists()


def test_a_sidecar_beside(tmp_path):
    path = tmp_path / "a.onnx"
    export(GatedTcn(), path, name="Beside", sidecar=True, exporter="torchscript")
    assert not onnx.load(path).metadata_props
    assert read(path).name == "Beside"
    with pytest.warns(UserWarning, match="wins"):
        export(GatedTcn(), path, name="Inside", exporter="torchscript")


def test_the_command_line_checks(renderer, tmp_path, monkeypatch, capsys):
    path, source = tmp_path / "a.onnx", tmp_path / "mine.py"
    net = GatedTcn()
    export(net, path, exporter="torchscript")
    torch.save(net.state_dict(), tmp_path / "net.pt")
    source.write_text("from nets import GatedTcn as Net\n")
    monkeypatch.setenv("TONEGRAFT", str(renderer))
    command = ["check", str(path), "--module", f"{source}:Net", "--block", "64"]
    assert main([*command, "--weights", str(tmp_path / "net.pt")]) == 0
    assert "same samples" in capsys.readouterr().out
    assert main([*command, "--json"]) == 1, "other weights"
    assert '"ok": false' in capsys.readouterr().out
    assert main([*command[:3], f"{source}:None"]) == 2
    assert "mine" in sys.modules
