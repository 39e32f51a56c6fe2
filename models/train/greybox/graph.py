"""A small builder of ONNX graphs in the streaming forms of ``models/FORMAT.md``.

Signals are ``[1, C, T]`` float32 at 48 kHz, knobs one ``[1, 1, 1]`` value each. Python's operators
work on wires, so that an effect reads like its equations::

    graph = Graph("Chorus", knobs=(Knob("Depth", 0, 1, 0.5), ...), rate_knob=Knob("Rate", ...))
    wet = graph.read(graph.audio, graph.knob("Depth") * 48.0 + 96.0, longest=200)

What an output gives comes back later by ``send`` and ``receive`` (the key ``feedback``).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 17
RATE = 48_000
_INT = TensorProto.INT64
_FLOAT = TensorProto.FLOAT


@dataclass(frozen=True)
class Knob:
    """A knob as ``models/FORMAT.md`` has it."""

    name: str
    low: float
    high: float
    default: float
    unit: str = ""
    sync: str = ""
    """How it follows the tempo: ``rate`` (Hz), ``time`` (ms), or not at all."""

    log: bool = False
    """Whether it is turned by ratios."""

    def at(self, turn: float) -> float:
        """The value at ``turn`` of the way, 0 to 1."""
        if self.log:
            return self.low * (self.high / self.low) ** turn
        return self.low + turn * (self.high - self.low)


@dataclass(frozen=True)
class Wire:
    """A value in a graph. Arithmetic adds nodes; numbers become constants."""

    graph: "Graph"
    name: str

    def __add__(self, other: "Operand") -> "Wire":
        return self.graph.op("Add", self, other)

    def __radd__(self, other: "Operand") -> "Wire":
        return self.graph.op("Add", other, self)

    def __sub__(self, other: "Operand") -> "Wire":
        return self.graph.op("Sub", self, other)

    def __rsub__(self, other: "Operand") -> "Wire":
        return self.graph.op("Sub", other, self)

    def __mul__(self, other: "Operand") -> "Wire":
        return self.graph.op("Mul", self, other)

    def __rmul__(self, other: "Operand") -> "Wire":
        return self.graph.op("Mul", other, self)

    def __truediv__(self, other: "Operand") -> "Wire":
        return self.graph.op("Div", self, other)

    def __rtruediv__(self, other: "Operand") -> "Wire":
        return self.graph.op("Div", other, self)


Operand = Wire | float


class Graph:
    """A graph with one audio input and output, knobs, at most one oscillator, and feedback."""

    def __init__(
        self,
        knobs: Sequence[Knob] = (),
        rate_knob: Knob | None = None,
        stereo_offset: float = 0.0,
        channels: int = 1,
    ) -> None:
        self.knobs = tuple(knobs)
        self.rate_knob = rate_knob
        self.stereo_offset = stereo_offset
        self.channels = channels
        self.feedback: dict[str, dict[str, object]] = {}
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[tuple, str] = {}
        self._initializers: list[onnx.TensorProto] = []
        self._inputs = [self._value("audio", [1, channels, "T"])]
        self._outputs: list[onnx.ValueInfoProto] = []
        self._columns: dict[str, Wire] = {}
        self._widths: dict[str, int] = {}
        self._ramp: Wire | None = None
        self.audio = Wire(self, "audio")
        # The order of inputs is the order in which the engine numbers their knobs.
        if rate_knob:
            self._inputs.append(self._value("phase", [1, 1, "T"]))
        if self.knobs:
            self._inputs.append(self._value("knobs", [1, len(self.knobs)]))
        self.phase = Wire(self, "phase")

    @staticmethod
    def _value(name: str, shape: list[int | str]) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, _FLOAT, shape)

    # ------------------------------------------------------------------ nodes

    def bands(self, values: np.ndarray) -> Wire:
        """Constants of so many channels, ``[1, B, 1]``."""
        return self.constant(np.asarray(values)[None, :, None])

    def stack(self, *channels: Wire) -> Wire:
        """Signals of one channel as the channels of one signal."""
        return self.op("Concat", *channels, axis=1)

    def mixed(self, x: Wire, weights: np.ndarray) -> Wire:
        """Channels mixed sample by sample: ``weights [to, from]``."""
        return self.op("Conv", x, self.constant(np.asarray(weights)[:, :, None]))

    def constant(self, value: np.ndarray | float, dtype: type = np.float32) -> Wire:
        """A constant; equal ones are kept once."""
        array = np.asarray(value, dtype)
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._constants:
            name = f"c{len(self._constants)}"
            self._constants[key] = name
            self._initializers.append(numpy_helper.from_array(array, name))
        return Wire(self, self._constants[key])

    def op(self, kind: str, *operands: Operand, **attributes: object) -> Wire:
        """A node of one output."""
        names = [w.name if isinstance(w, Wire) else self.constant(w).name for w in operands]
        out = f"v{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, names, [out], name=out, **attributes))
        return Wire(self, out)

    def knob(self, name: str) -> Wire:
        """The knob's value, ``[1, 1, 1]``."""
        if name not in self._columns:
            at = [knob.name for knob in self.knobs].index(name)
            column = self.op(
                "Slice", Wire(self, "knobs"), self._ints(at), self._ints(at + 1), self._ints(1)
            )
            self._columns[name] = self.op("Unsqueeze", column, self._ints(0))
        return self._columns[name]

    def _ints(self, *values: int) -> Wire:
        return self.constant(np.array(values), np.int64)

    def sin(self, turns: Wire) -> Wire:
        """``sin(2 π turns)``."""
        return self.op("Sin", turns * (2 * np.pi))

    def clip(self, x: Wire, low: float, high: float) -> Wire:
        """``x`` kept within bounds."""
        return self.op("Clip", x, low, high)

    # ------------------------------------------------------------------ time

    def delay(self, x: Wire, frames: int) -> Wire:
        """``x`` later by a fixed number of frames, zeros first."""
        padded = self._padded(x, frames)
        return self.op("Slice", padded, self._ints(0), self._ints(-frames), self._ints(2))

    def _padded(self, x: Wire, frames: int) -> Wire:
        return self.op("Pad", x, self._ints(0, 0, frames, 0, 0, 0), 0.0)

    def fir(self, x: Wire, taps: np.ndarray) -> Wire:
        """Causal convolution with ``taps [n]``, tap 0 the newest."""
        kernel = np.asarray(taps, np.float32)[::-1].reshape(1, 1, -1)
        return self.op("Conv", x, self.constant(kernel), pads=[kernel.shape[2] - 1, 0])

    def _frame(self) -> Wire:
        """The number of each frame, ``[T]`` int64."""
        if self._ramp is None:
            shape = self.op("Shape", self.audio)
            length = self.op("Gather", shape, self.constant(2, np.int64), axis=0)
            zero, one = (self.constant(v, np.int64) for v in (0, 1))
            self._ramp = self.op("Range", zero, length, one)
        return self._ramp

    def frames(self) -> Wire:
        """The number of each frame as a signal."""
        signal = self.op("Mul", self.op("Cast", self._frame(), to=_FLOAT), 1.0)
        return self.op("Unsqueeze", signal, self._ints(0, 1))

    def read(self, x: Wire, frames: Wire, longest: int) -> Wire:
        """``x`` read ``frames`` (a moving number from 0 to ``longest``) ago, linearly between
        frames."""
        history = self._padded(x, longest + 1)
        whole = self.op("Floor", frames)
        part = frames - whole
        newer = self._gather(history, whole, longest + 1)
        older = self._gather(history, whole + 1.0, longest + 1)
        return newer + part * (older - newer)

    def _gather(self, history: Wire, whole: Wire, longest: int) -> Wire:
        start = self.op("Cast", self._frame(), to=_FLOAT) + float(longest)
        at = self.op("Cast", self.op("Floor", start - whole), to=_INT)
        return self.op("GatherElements", history, at, axis=2)

    def glide(self, knob: Wire, log2_frames: int) -> Wire:
        """A signal that follows a knob in a straight line of ``2 ** log2_frames`` frames, and has
        its value from frame 0 on: a moving average, normalised by what it has seen."""
        frames = self.frames()
        total = frames * 0.0 + knob
        for k in range(log2_frames):
            total = total + self.delay(total, 2**k)
        seen = self.op("Min", frames + 1.0, float(2**log2_frames))
        return total / seen

    def receive(self, name: str, channels: int = 1) -> Wire:
        """What comes back: the wire that ``send`` is given under the same name."""
        self._inputs.append(self._value(f"{name}_in", [1, channels, "T"]))
        self._widths[name] = channels
        return Wire(self, f"{name}_in")

    def send(self, name: str, x: Wire, frames: int) -> None:
        """Sends ``x`` back ``frames`` later."""
        self._output(x, f"{name}_out", self._widths[name])
        self.feedback[f"{name}_in"] = {"output": f"{name}_out", "delay": frames}

    # ------------------------------------------------------------------ file

    def _output(self, x: Wire, name: str, channels: int) -> None:
        self._nodes.append(helper.make_node("Identity", [x.name], [name], name=name))
        self._outputs.append(self._value(name, [1, channels, "T"]))

    def model(self, output: Wire, keys: dict[str, str]) -> onnx.ModelProto:
        """The checked model, with ``keys`` (without their prefix) beside those of the graph."""
        sends = self._outputs
        self._outputs = []
        self._output(output, "output", self.channels)
        graph = helper.make_graph(
            self._nodes, "effect", self._inputs, self._outputs + sends, self._initializers
        )
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=8,
            producer_name="tonegraft-train",
            producer_version="1",
        )
        all_keys = {"version": "1", "kind": "effect", "sample_rate": str(RATE)}
        all_keys |= {"audio_input": "audio", "audio_output": "output"} | keys
        knobs = [self._knob_key(k, "knobs", i) for i, k in enumerate(self.knobs)]
        if self.rate_knob:
            knobs.insert(0, self._knob_key(self.rate_knob, "phase", 0))
            phase = {"input": "phase", "rate_knob": self.rate_knob.name}
            phase["stereo_offset"] = self.stereo_offset
            all_keys["phase_input"] = json.dumps(phase)
        all_keys["knobs"] = json.dumps(knobs)
        if self.feedback:
            all_keys["feedback"] = json.dumps(self.feedback)
        helper.set_model_props(model, {f"tonegraft.{k}": v for k, v in all_keys.items()})
        onnx.checker.check_model(model, full_check=True)
        return model

    @staticmethod
    def _knob_key(knob: Knob, graph_input: str, index: int) -> dict[str, object]:
        key: dict[str, object] = {"name": knob.name, "input": graph_input, "index": index}
        key |= {"min": knob.low, "max": knob.high, "default": knob.default, "unit": knob.unit}
        key |= {"scale": "log"} if knob.log else {}
        return key | ({"sync": knob.sync} if knob.sync else {})


def set_keys(path: Path, keys: dict[str, str]) -> None:
    """Adds or replaces ``tonegraft.*`` keys of the file at ``path``."""
    model = onnx.load(path)
    old = {p.key: p.value for p in model.metadata_props}
    helper.set_model_props(model, old | {f"tonegraft.{k}": v for k, v in keys.items()})
    onnx.save(model, path)
