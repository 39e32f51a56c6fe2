"""What a model file says about itself: the keys of ``models/FORMAT.md``.

They stand in the ONNX file's ``metadata_props`` with the prefix ``tonegraft.``, or in a sidecar
``<file>.tonegraft.json`` beside it, whose keys win. Only ``onnx`` is needed here, not torch.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import onnx

PREFIX = "tonegraft."
VERSION = "1"
MAX_KNOBS = 64
MAX_FRAME = 65_536

_JSON_KEYS = ("knobs", "states", "feedback", "frame", "stft", "phase_input", "meters")
_TEXT_KEYS = (
    "name",
    "kind",
    "category",
    "audio_input",
    "audio_output",
    "author",
    "licence",
    "description",
)
_WHOLE_KEYS = ("sample_rate", "declared_delay", "block_size", "seed")


class MetadataError(ValueError):
    """A key has a value that Tonegraft would refuse; the text names the key."""


@dataclass(frozen=True)
class Knob:
    """A control of a conditioned model.

    ``input`` is the graph input that takes the value, in the knob's own unit, and ``index`` the
    element of that input along its last axis. ``default=None``: 0 if the range begins below 0 and
    holds it, else its middle. ``scale``: ``linear``, or ``log`` for a range above 0 that is turned
    by ratios: position ``p`` is ``min * (max / min) ** p``. ``sync``: ``rate`` (in Hz) or ``time`` (in ms) for a value that can
    follow the tempo.
    """

    name: str
    input: str = "knobs"
    index: int = 0
    min: float = 0.0
    max: float = 1.0
    default: float | None = None
    unit: str = ""
    sync: str | None = None
    scale: str = "linear"

    def __post_init__(self) -> None:
        where = f"knob {self.name!r}"
        if not self.name.strip():
            raise MetadataError("a knob has no name")
        if self.index < 0:
            raise MetadataError(f"{where} has the index {self.index}")
        if not (math.isfinite(self.min) and math.isfinite(self.max) and self.min < self.max):
            raise MetadataError(f"{where} has the range {self.min} to {self.max}")
        if self.scale not in ("linear", "log"):
            raise MetadataError(f"{where} has the scale {self.scale!r}, not linear or log")
        if self.scale == "log" and self.min <= 0.0:
            raise MetadataError(
                f"{where} has a logarithmic scale from {self.min}: let its range begin above 0"
            )
        if not self.min <= self.start <= self.max:
            raise MetadataError(
                f"{where} has the default {self.default} outside its range {self.min} to {self.max}"
            )
        if self.sync is not None:
            needed = {"rate": "Hz", "time": "ms"}.get(self.sync)
            if needed is None:
                raise MetadataError(f"{where} follows {self.sync!r}, which is neither rate nor time")
            if self.unit != needed or self.min <= 0.0:
                raise MetadataError(f"{where} follows the tempo, but is not in {needed} from above 0")

    @property
    def start(self) -> float:
        """Value of a fresh model."""
        if self.default is not None:
            return self.default
        if self.scale == "log":
            return math.sqrt(self.min) * math.sqrt(self.max)
        return 0.0 if self.min < 0.0 <= self.max else (self.min + self.max) / 2

    def to_json(self) -> dict[str, Any]:
        """As it stands in the file; the default is always written."""
        return {
            "name": self.name,
            "input": self.input,
            "index": self.index,
            "min": self.min,
            "max": self.max,
            "default": self.start,
            "unit": self.unit,
        } | ({"scale": self.scale} if self.scale != "linear" else {}) | ({"sync": self.sync} if self.sync else {})


@dataclass(frozen=True)
class Metadata:
    """Declared facts; ``None`` and empty collections are left out of the file.

    ``states`` maps inputs to the outputs that they take in the next run, ``feedback`` inputs to
    ``{"output": name, "delay": samples}``: what they were so long ago. ``block_size`` is for
    models that take blocks of that many samples; ``frame`` ``(size, hop)`` for overlapping ones.
    ``stft``, ``phase_input`` and ``extra`` are written as they are given.
    """

    name: str | None = None
    kind: str | None = None
    category: str | None = None
    sample_rate: int | None = None
    audio_input: str | None = None
    audio_output: str | None = None
    author: str | None = None
    licence: str | None = None
    description: str | None = None
    training_esr: float | None = None
    declared_delay: int | None = None
    tail: float | None = None
    knobs: tuple[Knob, ...] = ()
    states: Mapping[str, str] = field(default_factory=dict)
    feedback: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    block_size: int | None = None
    frame: tuple[int, int] | None = None
    stft: Mapping[str, Any] | None = None
    phase_input: Mapping[str, Any] | None = None
    seed: int | None = None
    meters: tuple[str, ...] = ()
    extra: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "knobs", tuple(self.knobs))
        object.__setattr__(self, "meters", tuple(self.meters))
        _range("sample_rate", self.sample_rate, 1_000, 1_536_000)
        _range("declared_delay", self.declared_delay, 0, 10_000_000)
        _range("training_esr", self.training_esr, 0, 1e6)
        _range("tail", self.tail, 0.0, 3600.0)
        for name, back in self.feedback.items():
            if set(back) != {"output", "delay"}:
                raise MetadataError(f"feedback of {name!r} needs an output and a delay")
            _range(f"feedback of {name!r}", back["delay"], 1, MAX_FRAME)
        _range("block_size", self.block_size, 1, MAX_FRAME)
        _range("seed", self.seed, 0, 2**64 - 1)
        if self.frame is not None:
            size, hop = self.frame
            _range("frame", size, 1, MAX_FRAME)
            _range("frame", hop, 1, size)
        if len(self.knobs) > MAX_KNOBS:
            raise MetadataError(f"{len(self.knobs)} knobs, more than {MAX_KNOBS}")
        _distinct("knobs set one element", [(knob.input, knob.index) for knob in self.knobs])
        _distinct("states take one output", list(self.states.values()))
        _distinct("meters have one name", list(self.meters))

    def to_json(self) -> dict[str, Any]:
        """The object of a sidecar: keys without prefix, values as JSON has them."""
        found: dict[str, Any] = {"version": VERSION}
        for key in (*_TEXT_KEYS, *_WHOLE_KEYS, "training_esr", "tail", "stft", "phase_input"):
            value = getattr(self, key)
            if value is not None and value != "":
                found[key] = dict(value) if isinstance(value, Mapping) else value
        if self.frame is not None:
            found["frame"] = {"size": self.frame[0], "hop": self.frame[1]}
        if self.knobs:
            found["knobs"] = [knob.to_json() for knob in self.knobs]
        if self.states:
            found["states"] = dict(self.states)
        if self.feedback:
            found["feedback"] = {name: dict(back) for name, back in self.feedback.items()}
        if self.meters:
            found["meters"] = list(self.meters)
        return found | dict(self.extra)

    def to_props(self) -> dict[str, str]:
        """The same as text, with the prefix, for ``metadata_props``."""
        return {
            key if "." in key else PREFIX + key: value
            if isinstance(value, str)
            else json.dumps(value, ensure_ascii=False)
            for key, value in self.to_json().items()
        }

    @classmethod
    def from_props(cls, props: Mapping[str, str]) -> Metadata:
        """Reads ``metadata_props``; keys of others and unknown ones go to ``extra``.

        Raises ``MetadataError`` for a value that Tonegraft would refuse.
        """
        known: dict[str, Any] = {}
        extra: dict[str, str] = {}
        names = {item.name for item in fields(cls)} - {"extra"}
        for full, text in props.items():
            key = full.removeprefix(PREFIX)
            if key == "version" and full.startswith(PREFIX):
                if text.strip() not in ("", VERSION):
                    raise MetadataError(f"version {text!r} of the convention is not known")
            elif not full.startswith(PREFIX) or key not in names:
                extra[full] = text
            elif text.strip():
                known[key] = _parse(key, text.strip())
        return cls(**known, extra=extra)

    def check_against(self, model: onnx.ModelProto) -> None:
        """Raises ``MetadataError`` where a key names an input or output that the graph lacks."""
        inputs = {value.name: value for value in graph_inputs(model)}
        outputs = {value.name: value for value in model.graph.output}

        def present(key: str, name: str, among: Mapping[str, Any], what: str) -> None:
            if name not in among:
                raise MetadataError(
                    f"{key} names the {what} {name!r}, but the model has {', '.join(among)}"
                )

        if self.audio_input is not None:
            present("audio_input", self.audio_input, inputs, "input")
        if self.audio_output is not None:
            present("audio_output", self.audio_output, outputs, "output")
        for knob in self.knobs:
            present(f"knob {knob.name!r}", knob.input, inputs, "input")
            if knob.input == self.audio_input:
                raise MetadataError(f"knob {knob.name!r} sets the audio input")
            shape = dims(inputs[knob.input])
            last = shape[-1] if shape else 1
            if isinstance(last, int) and knob.index >= last:
                raise MetadataError(
                    f"knob {knob.name!r} sets element {knob.index} of the input {knob.input!r},"
                    f" which has {last}"
                )
        for source, target in self.states.items():
            present("states", source, inputs, "input")
            present("states", target, outputs, "output")
        for source, back in self.feedback.items():
            present("feedback", source, inputs, "input")
            present("feedback", back["output"], outputs, "output")
        for name in self.meters:
            present("meters", name, outputs, "output")


def graph_inputs(model: onnx.ModelProto) -> list[onnx.ValueInfoProto]:
    """The inputs that are no weights."""
    weights = {tensor.name for tensor in model.graph.initializer}
    return [value for value in model.graph.input if value.name not in weights]


def dims(value: onnx.ValueInfoProto) -> list[int | str]:
    """Sizes of the axes; open ones by name."""
    return [
        dim.dim_value if dim.HasField("dim_value") else dim.dim_param or "?"
        for dim in value.type.tensor_type.shape.dim
    ]


def sidecar_path(path: str | Path) -> Path:
    """``amp.onnx`` to ``amp.onnx.tonegraft.json``."""
    path = Path(path)
    return path.with_name(path.name + ".tonegraft.json")


def read(path: str | Path) -> Metadata:
    """What the file at ``path`` and its sidecar declare; the sidecar wins, its nulls remove."""
    path = Path(path)
    model = onnx.load(path, load_external_data=False)
    props = {entry.key: entry.value for entry in model.metadata_props}
    sidecar = sidecar_path(path)
    if sidecar.exists():
        written = json.loads(sidecar.read_text(encoding="utf-8"))
        if not isinstance(written, dict):
            raise MetadataError(f"{sidecar.name} is not a JSON object")
        for key, value in written.items():
            full = key if "." in key else PREFIX + key
            if value is None:
                props.pop(full, None)
            else:
                props[full] = value if isinstance(value, str) else json.dumps(value)
    return Metadata.from_props(props)


def annotate(
    path: str | Path,
    metadata: Metadata,
    *,
    output: str | Path | None = None,
    sidecar: bool = False,
) -> Path:
    """Writes ``metadata`` into the file (or ``output``), or beside it; returns what was written.

    Keys of ours that the file had and ``metadata`` does not set are removed; other people's stay.
    Raises ``MetadataError`` where it does not fit the graph; then nothing is written.
    """
    path = Path(path)
    model = onnx.load(path)
    metadata.check_against(model)
    if sidecar:
        target = sidecar_path(output or path)
        text = json.dumps(metadata.to_json(), indent=2, ensure_ascii=False)
        target.write_text(text + "\n", encoding="utf-8")
        return target
    kept = {
        entry.key: entry.value for entry in model.metadata_props if not entry.key.startswith(PREFIX)
    }
    del model.metadata_props[:]
    onnx.helper.set_model_props(model, kept | metadata.to_props())
    target = Path(output or path)
    onnx.save(model, target)
    return target


def _parse(key: str, text: str) -> Any:  # noqa: ANN401
    if key in _TEXT_KEYS:
        return text
    try:
        if key in _WHOLE_KEYS:
            return int(text)
        if key in ("training_esr", "tail"):
            return float(text)
        value: Any = json.loads(text)
    except ValueError as error:
        raise MetadataError(f"{key} is {text!r}: {error}") from error
    kind = "list" if key in ("knobs", "meters") else "dict"
    if type(value).__name__ != kind:
        raise MetadataError(f"{key} is {text!r}, which is no JSON {kind}")
    if key == "knobs":
        try:
            return tuple(_knob(item) for item in value)
        except TypeError as error:
            raise MetadataError(f"knobs: {error}") from error
    if key == "frame":
        if set(value) != {"size", "hop"}:
            raise MetadataError('frame is not of the form {"size": 512, "hop": 256}')
        return value["size"], value["hop"]
    return tuple(value) if key == "meters" else value


def _knob(item: Mapping[str, Any]) -> Knob:
    """A knob from a file, which may have further fields and must name its input."""
    if not isinstance(item, dict) or not {"name", "input"} <= set(item):
        raise MetadataError(f"knobs has {item!r}, without a name or an input")
    names = {entry.name for entry in fields(Knob)}
    return Knob(**{key: value for key, value in item.items() if key in names})


def _range(key: str, value: float | None, low: float, high: float) -> None:
    if value is None:
        return
    if isinstance(low, int) and isinstance(high, int) and not isinstance(value, int):
        raise MetadataError(f"{key} is {value!r}, but must be a whole number")
    if not low <= value <= high:
        raise MetadataError(f"{key} is {value}, but must be {low} to {high}")


def _distinct(what: str, items: Iterable[Any]) -> None:
    seen = set()
    for item in items:
        if item in seen:
            raise MetadataError(f"two {what}: {item!r}")
        seen.add(item)
