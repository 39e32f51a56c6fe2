import json

import numpy as np
import onnx
import pytest

from tonegraft_export import Knob, Metadata, MetadataError, annotate, read
from tonegraft_export.cli import main
from tonegraft_export.metadata import sidecar_path

KNOBS = (
    Knob("Drive", "knobs", 0, 0, 10, 6, "dB"),
    Knob("Tone", "knobs", 1, -6, 6),
)
FULL = Metadata(
    name="Müff",
    kind="effect",
    category="fuzz",
    sample_rate=48_000,
    audio_input="x",
    audio_output="y",
    author="A",
    licence="MIT",
    description="two words",
    training_esr=0.0125,
    declared_delay=3,
    knobs=KNOBS,
    tail=1.5,
    states={"h": "hn"},
    feedback={"h": {"output": "hn", "delay": 3}},
    block_size=64,
    stft=None,
    seed=2**63,
    meters=("gain",),
    extra={"other.key": "theirs", "tonegraft.future": "kept"},
)


@pytest.fixture
def file(tmp_path):
    """A graph with everything that FULL names."""
    make = onnx.helper.make_tensor_value_info
    real = onnx.TensorProto.FLOAT
    graph = onnx.helper.make_graph(
        [
            onnx.helper.make_node("Mul", ["x", "w"], ["y"]),
            onnx.helper.make_node("Add", ["h", "h"], ["hn"]),
            onnx.helper.make_node("ReduceSum", ["knobs"], ["gain"]),
        ],
        "g",
        [make("x", real, [1, 1, "T"]), make("knobs", real, [1, 2]), make("h", real, [1, 4])],
        [make("y", real, [1, 1, "T"]), make("hn", real, [1, 4]), make("gain", real, None)],
        [onnx.numpy_helper.from_array(np.float32(2), "w")],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)])
    onnx.helper.set_model_props(model, {"somebody": "else"})
    path = tmp_path / "a.onnx"
    onnx.save(model, path)
    return path


def props(path):
    return {entry.key: entry.value for entry in onnx.load(path).metadata_props}


def test_what_is_written_is_read(file):
    annotate(file, FULL)
    found = read(file)
    assert found.extra == {"somebody": "else", **FULL.extra}
    assert found.knobs[1].default == 0.0, "the default is written out"
    for key in ("name", "sample_rate", "training_esr", "tail", "states", "feedback", "block_size"):
        assert getattr(found, key) == getattr(FULL, key), key
    assert props(file)["tonegraft.version"] == "1"
    assert json.loads(props(file)["tonegraft.knobs"])[0]["unit"] == "dB"
    assert "Müff" in props(file).values()


def test_annotating_again_removes_old_keys_of_ours_only(file):
    annotate(file, FULL)
    annotate(file, Metadata(name="New"))
    assert props(file) == {
        "somebody": "else",
        "other.key": "theirs",
        "tonegraft.version": "1",
        "tonegraft.name": "New",
    }


def test_a_sidecar_wins_and_its_null_removes(file):
    annotate(file, Metadata(name="In the file", author="A"))
    before = file.read_bytes()
    written = annotate(file, Metadata(name="Beside", knobs=KNOBS), sidecar=True)
    assert written == sidecar_path(file)
    assert file.read_bytes() == before
    assert (read(file).name, read(file).author, read(file).knobs[0].max) == ("Beside", "A", 10)
    written.write_text('{"author": null, "tonegraft.kind": "codec", "sample_rate": 44100}')
    assert (read(file).author, read(file).kind, read(file).sample_rate) == (None, "codec", 44_100)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"sample_rate": 10}, "sample_rate"),
        ({"sample_rate": 44_100.5}, "whole"),
        ({"training_esr": -1.0}, "training_esr"),
        ({"training_esr": float("nan")}, "training_esr"),
        ({"declared_delay": -1}, "declared_delay"),
        ({"block_size": 0}, "block_size"),
        ({"frame": (64, 128)}, "frame"),
        ({"seed": 2**64}, "seed"),
        ({"knobs": [Knob("a"), Knob("b")]}, "one element"),
        ({"knobs": [Knob(str(i), index=i) for i in range(65)]}, "65 knobs"),
        ({"states": {"a": "x", "b": "x"}}, "one output"),
        ({"feedback": {"a": {"output": "x"}}}, "delay"),
        ({"feedback": {"a": {"output": "x", "delay": 0}}}, "feedback"),
        ({"tail": -1.0}, "tail"),
        ({"meters": ("a", "a")}, "one name"),
    ],
)
def test_values_that_would_be_refused(wrong, said):
    with pytest.raises(MetadataError, match=said):
        Metadata(**wrong)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"name": " "}, "no name"),
        ({"min": 1, "max": 1}, "range"),
        ({"max": float("inf")}, "range"),
        ({"default": 2}, "outside"),
        ({"index": -1}, "index"),
        ({"scale": "cubic"}, "linear or log"),
        ({"scale": "log"}, "begin above 0"),
        ({"scale": "log", "min": -1.0}, "begin above 0"),
    ],
)
def test_knobs_that_would_be_refused(wrong, said):
    with pytest.raises(MetadataError, match=said):
        Knob(**{"name": "K", **wrong})


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (Metadata(audio_input="z"), "audio_input"),
        (Metadata(audio_output="x"), "audio_output"),
        (Metadata(knobs=[Knob("K", "z")]), "'K'"),
        (Metadata(knobs=[Knob("K", "knobs", 2)]), "which has 2"),
        (Metadata(audio_input="x", knobs=[Knob("K", "x")]), "audio input"),
        (Metadata(states={"z": "hn"}), "states"),
        (Metadata(states={"h": "x"}), "states"),
        (Metadata(feedback={"z": {"output": "hn", "delay": 1}}), "feedback"),
        (Metadata(feedback={"h": {"output": "x", "delay": 1}}), "feedback"),
        (Metadata(meters=("x",)), "meters"),
    ],
)
def test_what_does_not_fit_the_graph_is_not_written(file, wrong, said):
    before = file.read_bytes()
    with pytest.raises(MetadataError, match=said):
        annotate(file, wrong)
    assert file.read_bytes() == before


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("version", "2"),
        ("sample_rate", "fast"),
        ("knobs", "{}"),
        ("knobs", '[{"name": "K"}]'),
        ("knobs", '[{"name": "K", "input": "x", "min": "a"}]'),
        ("states", "[]"),
        ("frame", '{"size": 4}'),
        ("stft", "no"),
    ],
)
def test_broken_keys_are_named(key, text):
    with pytest.raises(MetadataError, match=key):
        Metadata.from_props({f"tonegraft.{key}": text})


def test_the_default_of_a_knob_is_where_tonegraft_puts_it():
    starts = [
        Knob("K", min=low, max=high).start for low, high in ((0, 1), (-1, 3), (2, 4), (-4, -2))
    ]
    assert starts == [0.5, 0, 3, -3]
    assert Knob("K", min=20, max=2000, scale="log").start == pytest.approx(200)


def test_a_logarithmic_scale_is_written_and_read(file):
    knob = Knob("Cutoff", "knobs", 0, 20, 2000, 300, "Hz", scale="log")
    annotate(file, Metadata(knobs=[knob]))
    assert json.loads(props(file)["tonegraft.knobs"])[0]["scale"] == "log"
    assert read(file).knobs == (knob,)
    assert "scale" not in Knob("Drive").to_json()


def test_the_command_line_annotates_and_describes(file, capsys):
    drive = "Drive,input=knobs,index=1,min=0,max=10,default=5,unit=dB"
    assert main(["annotate", str(file), "--name", "Amp", "--knob", drive, "--state", "h=hn"]) == 0
    assert main(["annotate", str(file), "--sample-rate", "44100"]) == 0, "what was there stays"
    capsys.readouterr()
    assert main(["describe", str(file), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["declared"]["knobs"] == [Knob("Drive", "knobs", 1, 0, 10, 5, "dB").to_json()]
    assert found["declared"]["sample_rate"] == 44_100
    assert found["inputs"] == {"x": [1, 1, "T"], "knobs": [1, 2], "h": [1, 4]}
    assert main(["describe", str(file)]) == 0
    assert "Mul" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [["--knob", "Drive,input=z"], [], ["--block-size", "0"], ["--meter", "y", "--meter", "y"]],
)
def test_the_command_line_says_what_is_wrong(file, capsys, arguments):
    assert main(["annotate", str(file), *arguments]) == 2
    assert capsys.readouterr().err.startswith("error: ")
