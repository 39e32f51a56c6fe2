"""Is the file, streamed by Tonegraft, what the PyTorch module is on the whole signal?

The renderer plays the plugin's samples. It plays the file from zero states, in blocks of several
sizes; the module runs once over all of it. The frames at the end whose look-ahead lies beyond the
signal are left out: the module pads there, a stream does not know that it ends.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from . import renderer as command_line
from .exporting import evaluating, flatten, knob_values, parameters
from .metadata import Knob, Metadata, dims, graph_inputs, read
from .renderer import Audio, RendererError
from .spectral import Spectral

#: Frames per block that are tried.
BLOCKS: tuple[str | int, ...] = (64, 480, 1, "random:1")
#: Frames of the test signal: many totals of strides divide it.
FRAMES = 30_720
RATE = 48_000

#: Largest difference over the peak or 1, without and with memory of the own rounding.
TOLERANCE, TOLERANCE_RECURRENT = 1e-5, 1e-4
_RECURRENT = frozenset({"LSTM", "GRU", "RNN", "Loop", "Scan"})


class CheckError(RuntimeError):
    """The file does not play as the module does; ``report`` has what is known."""

    def __init__(self, text: str, report: Report) -> None:
        super().__init__(text)
        self.report = report


class RefusedError(CheckError):
    """Tonegraft does not play the file; ``report.refusal`` is its sentence."""


class MismatchError(CheckError):
    """The samples differ."""


@dataclass(frozen=True)
class Block:
    """One rendering."""

    block: str
    max_abs_error: float
    #: Sum of squared differences over the sum of squares of the module's samples.
    esr: float
    #: Bit for bit what the first rendering is.
    same_bits: bool


@dataclass(frozen=True)
class Report:
    """What was found."""

    path: str
    #: What plays the file, and why; ``None`` if nothing does.
    runtime: str | None = None
    runtime_reason: str | None = None
    refusal: str | None = None
    #: Reported by the renderer, in frames at ``sample_rate``.
    latency: int = 0
    latency_parts: Mapping[str, int] = field(default_factory=dict)
    sample_rate: int = RATE
    #: Frames that were compared, of each channel, and how loud the module is there.
    frames: int = 0
    peak: float = 0.0
    tolerance: float = 0.0
    max_abs_error: float = float("inf")
    esr: float = float("inf")
    blocks: tuple[Block, ...] = ()
    realtime_percent: float | None = None
    warnings: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """The samples are the module's, at any block size."""
        close = self.max_abs_error <= self.tolerance * max(1.0, self.peak)
        return self.refusal is None and close and all(block.same_bits for block in self.blocks)

    def to_json(self) -> dict[str, Any]:
        """All of it, with ``ok``."""
        return {"ok": self.ok, **asdict(self)}

    def __str__(self) -> str:
        if self.refusal is not None:
            return f"{self.path}: refused: {self.refusal}"
        lines = [
            f"{self.path}: {'same samples' if self.ok else 'DIFFERENT SAMPLES'}",
            f"  runtime        {self.runtime} ({self.runtime_reason})",
            f"  latency        {self.latency} samples",
            f"  compared       {self.frames} frames at {self.sample_rate} Hz, peak {self.peak:.3g}",
            f"  largest error  {self.max_abs_error:.2e} (allowed: {self.tolerance:g} of the peak)",
            f"  ESR            {self.esr:.2e}",
        ]
        lines += [
            f"  block {block.block:<9}{block.max_abs_error:.2e}"
            + ("" if block.same_bits else ", not the same bits")
            for block in self.blocks
        ]
        if self.realtime_percent is not None:
            lines.append(f"  CPU            {self.realtime_percent:.2f} % of real time")
        return "\n".join([*lines, *(f"  warning: {text}" for text in self.warnings)])


#: ``audio [channels, frames]`` and the tensors of all other inputs to ``[channels, frames]``.
Reference = Callable[[Audio, Mapping[str, Tensor]], Audio]


def check(
    module: nn.Module,
    path: str | Path,
    audio: Audio | None = None,
    knobs: Mapping[str, float] | None = None,
    *,
    sample_rate: int | None = None,
    blocks: Sequence[str | int] = BLOCKS,
    tolerance: float | None = None,
    renderer: str | Path | None = None,
    reference: Reference | None = None,
    allow_runtimes: Sequence[str] | None = None,
) -> Report:
    """Compares the streamed file at ``path`` with ``module``; returns what was found.

    Args:
        module: what was exported, on the CPU; inputs and outputs in the file's order.
        path: the ONNX file, with its sidecar if it has one.
        audio: ``[channels, frames]`` or ``[frames]``; by default a test signal.
        knobs: values by name, in the knob's unit; others have their defaults.
        sample_rate: by default the file's, else 48 kHz. The renderer resamples at any other rate.
        blocks: frames per block, or ``"random:SEED"``.
        tolerance: largest difference over the peak or 1; by default 1e-5, with recurrent layers
            1e-4.
        renderer: the program ``tonegraft``; see :func:`renderer.find`.
        reference: plays a whole signal with the module, where a plain call, blocks or a declared
            spectral front end do not describe how it is played.
        allow_runtimes: runtimes that may play the file; by default any.

    Raises:
        RefusedError: Tonegraft does not play the file, or by another runtime than allowed.
        MismatchError: the samples differ from the module's, or between block sizes.
        RendererError: the renderer is not there.
    """
    program = command_line.find(renderer)
    shown = str(path)
    model = onnx.load(path)
    facts = read(path)
    try:
        info = command_line.inspect(path, program)
    except RendererError as error:
        report = Report(path=shown, refusal=str(error))
        raise RefusedError(str(report), report) from error
    runtime = info.get("runtime")
    if allow_runtimes is not None and runtime not in allow_runtimes:
        reason = f"it would be played by {runtime}: {info.get('runtime_reason')}"
        report = Report(path=shown, runtime=runtime, refusal=reason)
        raise RefusedError(str(report), report)

    rate = sample_rate or facts.sample_rate or RATE
    call = _Call(module, model, facts, info)
    signal = call.signal(audio, rate)
    with evaluating(module), torch.no_grad():
        others = call.others(knobs or {}, lenient=reference is not None)
        wanted = reference(signal, others) if reference else call.play(signal, others)
    wanted = np.atleast_2d(np.asarray(wanted, np.float32))

    latency = int(info["latency_samples"])
    # Frames that are missing are missing at the beginning; frames too many are a tail.
    missing = max(0, signal.shape[1] - wanted.shape[1])
    last = signal.shape[1] - latency
    if last <= missing:
        raise ValueError(f"{signal.shape[1]} frames of audio, but the latency is {latency}")
    wanted = wanted[:, : last - missing]
    # What makes two channels of one is played on a stereo track.
    played = _fit(signal, max(signal.shape[0], wanted.shape[0]))
    results: list[Block] = []
    said: dict[str, Any] = {}
    first: Audio | None = None
    for block in blocks:
        rendered, said = command_line.render(path, played, rate, program, knobs=knobs, block=block)
        first = rendered if first is None else first
        heard = rendered[:, missing:last].astype(np.float64)
        expected = _fit(wanted, heard.shape[0])
        errors = heard - expected
        power = float(np.sum(expected**2))
        results.append(
            Block(
                block=str(block),
                max_abs_error=float(np.max(np.abs(errors))),
                esr=float(np.sum(errors**2)) / max(power, 1e-30),
                same_bits=rendered.tobytes() == first.tobytes(),
            )
        )
    recurrent = any(node.op_type in _RECURRENT for node in model.graph.node)
    report = Report(
        path=shown,
        runtime=runtime,
        runtime_reason=info.get("runtime_reason"),
        latency=latency,
        latency_parts=info.get("latency_parts") or {},
        sample_rate=rate,
        frames=wanted.shape[1],
        peak=float(np.max(np.abs(wanted))),
        tolerance=tolerance or (TOLERANCE_RECURRENT if recurrent else TOLERANCE),
        max_abs_error=max(result.max_abs_error for result in results),
        esr=max(result.esr for result in results),
        blocks=tuple(results),
        realtime_percent=said.get("realtime_percent"),
        warnings=tuple(said.get("warnings") or ()),
    )
    if not report.ok:
        raise MismatchError(str(report), report)
    return report


def test_signal(channels: int, frames: int, rate: int = RATE) -> Audio:
    """Decaying notes with noise, a stretch of silence, and clicks: ``[channels, frames]``."""
    random = np.random.default_rng(3)
    time = np.arange(frames) / rate
    found = np.zeros((channels, frames))
    for channel in found:
        for _ in range(12):
            start = int(random.uniform(0, frames))
            pitch = 82.4 * 2 ** random.uniform(0, 4)
            local = time[: frames - start]
            wave = sum(np.sin(2 * np.pi * pitch * k * local) / k for k in (1, 2, 3, 5))
            channel[start:] += random.uniform(0.1, 0.5) * np.exp(-8 * local) * wave
        channel += 0.02 * random.standard_normal(frames)
        channel[frames // 2 : frames // 2 + frames // 10] = 0
        channel[frames * 7 // 10] += 0.5
    peak = np.max(np.abs(found)) or 1.0
    return (0.7 * found / peak).astype(np.float32)


test_signal.__test__ = False  # type: ignore[attr-defined]  # pytest: this is no test


class _Call:
    """How the module is called, as the file has it."""

    def __init__(
        self, module: nn.Module, model: onnx.ModelProto, facts: Metadata, info: Mapping[str, Any]
    ) -> None:
        self.module = module
        self.facts = facts
        self.shapes = {value.name: dims(value) for value in graph_inputs(model)}
        self.outputs = [value.name for value in model.graph.output]
        self.given = [dims(value) for value in model.graph.output]
        inferred = info.get("inferred") or {}
        # With a spectral front end, the audio's name is none of the file's.
        given = [facts.audio_input, inferred.get("audio_input"), *self.shapes]
        self.audio = next(name for name in given if name in self.shapes)
        given = [facts.audio_output, inferred.get("audio_output"), *self.outputs]
        self.output = next(self.outputs.index(name) for name in given if name in self.outputs)
        self.knobs = facts.knobs or _inferred_knobs(info)
        roles = info.get("inputs") or []
        self.roles = {item["name"]: item.get("role") for item in roles if isinstance(item, dict)}
        self.states = dict(facts.states) or _inferred_states(info)
        shape = self.shapes[self.audio]
        open_axes = [axis for axis, size in enumerate(shape) if isinstance(size, str)]
        axis = inferred.get("time_axis")
        known = [size if isinstance(size, int) else 0 for size in shape]
        self.axis = int(axis) if axis is not None else (open_axes or [int(np.argmax(known))])[-1]
        others = [(size, at) for at, size in enumerate(known) if at != self.axis]
        widest = max(others, default=(1, 0), key=lambda item: item[0])
        self.channels = max(1, widest[0])
        self.channel_axis: int = widest[1]
        if self.takes_windows():
            self.axis, self.channels = 0, 1

    def signal(self, audio: Audio | None, rate: int) -> Audio:
        """What is played, of a length that the module takes."""
        size = self.shapes[self.audio][self.axis]
        if self.facts.stft is not None:
            size, self.channels = int(self.facts.stft["hop"]), 1
        elif self.facts.frame is not None:
            size = self.facts.frame[1]
        elif isinstance(size, str):
            factor = re.match(r"\s*(\d+)\s*\*", size)
            size = int(factor[1]) if factor else 1
        if audio is None:
            length = max(1, round(FRAMES / size)) * size
            return test_signal(self.channels, length, rate)
        audio = np.atleast_2d(np.asarray(audio, np.float32))
        length = audio.shape[1] // size * size
        if length == 0:
            raise ValueError(f"{audio.shape[1]} frames of audio, but the file takes {size}")
        return audio[:, :length]

    def others(self, knobs: Mapping[str, float], lenient: bool = False) -> dict[str, Tensor]:
        """All inputs but the audio: knobs, and zero states; ``lenient``: no others."""
        sizes = {
            name: [size if isinstance(size, int) else 1 for size in shape]
            for name, shape in self.shapes.items()
        }
        spectral = self.spectral_inputs()
        found = knob_values(self.knobs, knobs, sizes)
        for name in self.shapes:
            if name in found or name in spectral or (name == self.audio and not spectral):
                continue
            if name not in self.states and self.roles.get(name) != "state":
                if lenient:
                    continue
                raise ValueError(
                    f"input {name!r} is neither audio, knob nor state: give reference="
                )
            found[name] = torch.zeros(sizes[name])
        return found

    def spectral_inputs(self) -> list[str]:
        """Inputs that a spectral front end feeds."""
        if self.facts.stft is None:
            return []
        named = list(self.facts.stft.get("inputs") or [])
        taken = {knob.input for knob in self.knobs} | set(self.states)
        return named or [name for name in self.shapes if name not in taken]

    def run(self, inputs: Mapping[str, Tensor]) -> list[Tensor]:
        """The module once."""
        names = parameters(self.module)
        if set(inputs) <= set(names):
            return flatten(self.module(**inputs))
        return flatten(self.module(*(inputs[name] for name in self.shapes)))

    def play(self, signal: Audio, others: dict[str, Tensor]) -> Audio:
        """The whole signal; by frames where the file says so."""
        if self.facts.stft is not None:
            spectral = Spectral(self.facts.stft, self.spectral_inputs(), self.shapes, self.outputs)
            return spectral.play(signal, lambda inputs: self.step(inputs, others))
        framing = self.facts.frame
        if framing is None and self.facts.block_size is not None:
            framing = (self.facts.block_size, self.facts.block_size)
        if framing is None and self.takes_windows():
            return self.planes(self.run({self.audio: self.windows(signal), **others})[self.output])
        if framing is None:
            return self.planes(self.run({self.audio: self.tensor(signal), **others})[self.output])
        size, hop = framing
        padded = np.pad(signal, ((0, 0), (size - hop, 0)))
        played = np.zeros((signal.shape[0], signal.shape[1] + size - hop), np.float64)
        for start in range(0, signal.shape[1] - hop + 1, hop):
            block = self.tensor(padded[:, start : start + size])
            given = self.planes(self.step({self.audio: block}, others)[self.output])
            played[:, start : start + size] += _fit(given, signal.shape[0])
        return played[:, size - hop :].astype(np.float32)

    def takes_windows(self) -> bool:
        """An open number of windows goes in, and one sample of each comes out."""
        shape, given = self.shapes[self.audio], self.given[self.output]
        window = [size for size in shape[1:] if isinstance(size, int)]
        return (
            len(window) == len(shape) - 1
            and isinstance(shape[0], str)
            and math.prod(window) > 1
            and all(size == 1 for size in given[1:])
        )

    def windows(self, signal: Audio) -> Tensor:
        """All that lie within the signal; the newest sample of a window is the one it gives."""
        shape = [size for size in self.shapes[self.audio][1:] if isinstance(size, int)]
        samples = torch.from_numpy(signal[0])
        return samples.unfold(0, math.prod(shape), 1).reshape(-1, *shape)

    def step(self, inputs: Mapping[str, Tensor], others: dict[str, Tensor]) -> list[Tensor]:
        """One frame; carries the states in ``others``."""
        found = self.run({**inputs, **others})
        for source, target in self.states.items():
            others[source] = found[self.outputs.index(target)]
        return found

    def tensor(self, signal: Audio) -> Tensor:
        """``[channels, frames]`` as the audio input has it."""
        shape = [1] * len(self.shapes[self.audio])
        shape[self.axis] = signal.shape[1]
        if self.channels == 1:
            return torch.from_numpy(signal[:1].reshape(shape).copy())
        shape[self.channel_axis] = self.channels
        planes = signal if self.channel_axis < self.axis else signal.T
        return torch.from_numpy(np.ascontiguousarray(planes).reshape(shape))

    @staticmethod
    def planes(tensor: Tensor) -> Audio:
        """An audio output as ``[channels, frames]``."""
        shape = list(tensor.shape)
        axis = int(np.argmax(shape)) if shape else 0
        moved = torch.movedim(tensor, axis, -1) if shape else tensor.reshape(1)
        return moved.reshape(-1, moved.shape[-1]).float().numpy()


def _fit(audio: Audio, channels: int) -> Audio:
    """One channel for all, where the numbers of channels differ."""
    return audio if audio.shape[0] == channels else np.repeat(audio[:1], channels, axis=0)


def _inferred_knobs(info: Mapping[str, Any]) -> tuple[Knob, ...]:
    names = ("name", "input", "index", "min", "max", "default", "unit")
    return tuple(
        Knob(**{name: item[name] for name in names if name in item})
        for item in info.get("knobs") or []
    )


def _inferred_states(info: Mapping[str, Any]) -> dict[str, str]:
    pairs = info.get("states") or []
    if isinstance(pairs, Mapping):
        return {str(source): str(target) for source, target in pairs.items()}
    found = {}
    for pair in pairs:
        if isinstance(pair, Mapping):
            found[str(pair["input"])] = str(pair["output"])
        else:
            found[str(pair[0])] = str(pair[1])
    return found
