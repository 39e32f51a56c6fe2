"""From a PyTorch module to one ONNX file that Tonegraft streams.

TorchScript's exporter keeps a recurrent layer one node with an open length, where the newer one
(dynamo) fails or unrolls it; everything else exports more cleanly by dynamo, which also folds
``F.pad`` into the convolution. ``exporter="auto"`` knows this, and takes the other one where the
first fails.
"""

from __future__ import annotations

import contextlib
import inspect
import io
import logging
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from .metadata import Knob, Metadata, MetadataError, annotate, dims, graph_inputs, sidecar_path

Exporter = Literal["auto", "torchscript", "dynamo"]

OPSET = {"torchscript": 17, "dynamo": 20}
#: Frames of an example that is made up.
EXAMPLE_FRAMES = 4_096
#: Largest difference from the module in ONNX Runtime, over the peak or 1.
TOLERANCE = 1e-4

_RECURRENT = (nn.RNNBase, nn.RNNCellBase)


class ExportError(RuntimeError):
    """The module cannot be exported; the text says what each exporter said."""


@dataclass(frozen=True)
class Exported:
    """What was written."""

    path: Path
    exporter: str
    opset: int
    #: Open axes of the audio input remain open.
    dynamic: bool
    #: Largest difference from the module in ONNX Runtime; ``None`` if that is not installed.
    max_abs_error: float | None
    inputs: dict[str, list[int | str]]
    outputs: dict[str, list[int | str]]


def export(
    module: nn.Module,
    path: str | Path,
    *,
    example: Tensor | Sequence[Tensor] | Mapping[str, Tensor] | None = None,
    exporter: Exporter = "auto",
    input_names: Sequence[str] | None = None,
    output_names: Sequence[str] | None = None,
    dynamic: bool | None = None,
    time_axis: int | None = None,
    multiple_of: int = 1,
    opset: int | None = None,
    sidecar: bool = False,
    verify: bool = True,
    knobs: Sequence[Knob] = (),
    states: Mapping[str, str] | None = None,
    stft: Mapping[str, Any] | None = None,
    block_size: int | None = None,
    name: str | None = None,
    kind: str | None = None,
    category: str | None = None,
    sample_rate: int | None = None,
    author: str | None = None,
    licence: str | None = None,
    description: str | None = None,
    **metadata: Any,  # noqa: ANN401
) -> Exported:
    """Writes ``module`` to ``path`` with the keys of ``models/FORMAT.md``.

    Args:
        module: in evaluation mode while it is exported, and afterwards as it was.
        path: the ONNX file.
        example: the arguments of ``forward``, the audio first; by default ``[1, 1, 4096]``. Inputs
            that only knobs set may be left out: they are ``[1, K]`` and hold the defaults.
        exporter: ``"auto"``, ``"torchscript"`` or ``"dynamo"``.
        input_names: by default the names of ``forward``'s parameters.
        output_names: by default ``output`` and then those that ``states`` and ``meters`` name.
        dynamic: leave the length open; by default, unless ``block_size`` or ``stft`` is given.
        time_axis: of the audio; by default its longest axis.
        multiple_of: lengths that the module takes: multiples of this (its total stride).
        opset: version of the operators; by default 17 (TorchScript), 20 (dynamo).
        sidecar: write the metadata beside the file rather than into it.
        verify: compare with ONNX Runtime if installed, also at another length.
        knobs: controls, each with the input that it sets.
        states: inputs, each with the output that it takes in the next run.
        stft: spectral front end that belongs around the module.
        block_size: samples that the module takes at a time.
        name: for people.
        kind: ``effect``, ``codec``, …
        category: ``overdrive``, ``fuzz``, ``amp``, …
        sample_rate: that the module was trained at, in Hz.
        author: who made it.
        licence: of the weights.
        description: a sentence or two.
        **metadata: the other fields of :class:`Metadata`.

    Raises:
        ExportError: every exporter that was tried failed, or the file is not what the module is.
        MetadataError: a key has a value, or names an input or output, that Tonegraft would refuse.
    """
    path = Path(path)
    facts = Metadata(
        name=name,
        kind=kind,
        category=category,
        sample_rate=sample_rate,
        author=author,
        licence=licence,
        description=description,
        knobs=tuple(knobs),
        states=states or {},
        stft=stft,
        block_size=block_size,
        **metadata,
    )
    with evaluating(module), torch.no_grad():
        call = _Call.of(module, example, facts, input_names, output_names)
        if dynamic is None:
            dynamic = block_size is None and stft is None and facts.frame is None
        axis = call.time_axis(time_axis) if dynamic else None
        if facts.audio_input is None and len(call.inputs) > 1 and stft is None:
            facts = replace(facts, audio_input=call.input_names[0])
        if facts.audio_output is None and len(call.output_names) > 1 and stft is None:
            facts = replace(facts, audio_output=call.output_names[0])
        failures: list[str] = []
        for which in _order(module, exporter):
            with tempfile.TemporaryDirectory() as folder:
                draft = Path(folder) / "model.onnx"
                version = opset or OPSET[which]
                try:
                    _run(which, module, call, axis, multiple_of, version, draft)
                    model = _clean(draft)
                    error = _verify(model, module, call, axis, multiple_of) if verify else None
                except MetadataError:
                    raise
                except Exception as problem:
                    failures.append(f"{which}: {_first_line(problem)}")
                    continue
                facts.check_against(model)
                onnx.save(model, draft)
                if sidecar:
                    annotate(draft, facts, output=path, sidecar=True)
                else:
                    if sidecar_path(path).exists():
                        warnings.warn(f"{sidecar_path(path)} wins over the file", stacklevel=2)
                    annotate(draft, facts)
                path.write_bytes(draft.read_bytes())
            return Exported(
                path=path,
                exporter=which,
                opset=version,
                dynamic=axis is not None,
                max_abs_error=error,
                inputs={value.name: dims(value) for value in graph_inputs(model)},
                outputs={value.name: dims(value) for value in model.graph.output},
            )
    raise ExportError(f"{type(module).__name__} cannot be exported\n  " + "\n  ".join(failures))


@contextlib.contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """The module, and each of its parts, in evaluation mode for a while."""
    training = [part for part in module.modules() if part.training]
    module.eval()
    try:
        yield
    finally:
        for part in training:
            part.training = True


def parameters(module: nn.Module) -> list[str]:
    """Names of the tensors that ``forward`` takes, in order."""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    found = inspect.signature(module.forward).parameters.values()
    return [parameter.name for parameter in found if parameter.kind in kinds]


def optional(module: nn.Module) -> list[str]:
    """Those of :func:`parameters` that have a default."""
    found = inspect.signature(module.forward).parameters
    return [
        name for name in parameters(module) if found[name].default is not inspect.Parameter.empty
    ]


def flatten(result: Any) -> list[Tensor]:  # noqa: ANN401
    """The tensors that a module gave, as exporters count them."""
    if isinstance(result, Tensor):
        return [result]
    if isinstance(result, Mapping):
        result = list(result.values())
    if isinstance(result, (tuple, list)):
        return [tensor for item in result for tensor in flatten(item)]
    raise ExportError(f"forward returns {type(result).__name__}, which is no tensor")


@dataclass(frozen=True)
class _Call:
    """How the module is called."""

    inputs: tuple[Tensor, ...]
    input_names: tuple[str, ...]
    outputs: tuple[Tensor, ...]
    output_names: tuple[str, ...]

    @classmethod
    def of(
        cls,
        module: nn.Module,
        example: Tensor | Sequence[Tensor] | Mapping[str, Tensor] | None,
        facts: Metadata,
        input_names: Sequence[str] | None,
        output_names: Sequence[str] | None,
    ) -> _Call:
        names = list(input_names) if input_names is not None else parameters(module)
        if isinstance(example, Mapping):
            unknown = set(example) - set(names)
            if unknown:
                raise ExportError(f"example names {sorted(unknown)}, but forward takes {names}")
            given = dict(example)
        else:
            if example is None:
                example = torch.zeros(1, 1, facts.block_size or EXAMPLE_FRAMES)
            tensors = [example] if isinstance(example, Tensor) else list(example)
            if len(tensors) > len(names):
                raise ExportError(f"{len(tensors)} example tensors, but forward takes {names}")
            given = dict(zip(names, tensors, strict=False))
        for name, default in knob_values(facts.knobs, {}).items():
            given.setdefault(name, default)
        # Parameters with a default of their own may stay away, at the end.
        while names and names[-1] not in given and names[-1] in optional(module):
            names.pop()
        missing = [name for name in names if name not in given]
        if missing or not names:
            raise ExportError(f"no example for {missing or 'the audio'}")
        inputs = tuple(given[name] for name in names)
        outputs = flatten(module(*(tensor.clone() for tensor in inputs)))
        if output_names is None:
            output_names = ["output", *facts.states.values(), *facts.meters][: len(outputs)]
            if facts.audio_output is not None:
                output_names = [facts.audio_output, *output_names[1:]]
        if len(output_names) != len(outputs) or len(set(output_names)) != len(outputs):
            raise ExportError(
                f"forward returns {len(outputs)} tensors, but the names are {list(output_names)}:"
                " give output_names"
            )
        return cls(inputs, tuple(names), tuple(outputs), tuple(output_names))

    def time_axis(self, wanted: int | None) -> int:
        audio = self.inputs[0]
        if wanted is None:
            wanted = int(np.argmax(audio.shape))
        return wanted % audio.dim()


def knob_values(
    knobs: Sequence[Knob], values: Mapping[str, float], sizes: Mapping[str, Sequence[int]] = {}
) -> dict[str, Tensor]:
    """Knobs' inputs, ``[1, K]`` or of the given sizes, with ``values`` by name or the defaults."""
    unknown = set(values) - {knob.name for knob in knobs}
    if unknown:
        raise ValueError(f"no knobs {sorted(unknown)}; there are {[knob.name for knob in knobs]}")
    tensors: dict[str, Tensor] = {}
    for name in dict.fromkeys(knob.input for knob in knobs):
        own = [knob for knob in knobs if knob.input == name]
        tensor = torch.zeros(*sizes.get(name, (1, max(knob.index for knob in own) + 1)))
        for knob in own:
            value = values.get(knob.name, knob.start)
            if tensor.dim():
                tensor[..., knob.index] = value
            else:
                tensor.fill_(value)
        tensors[name] = tensor
    return tensors


def _order(module: nn.Module, exporter: Exporter) -> list[str]:
    if exporter == "auto":
        recurrent = any(isinstance(part, _RECURRENT) for part in module.modules())
        return ["torchscript", "dynamo"] if recurrent else ["dynamo", "torchscript"]
    if exporter not in OPSET:
        raise ValueError(f"exporter {exporter!r}: 'auto', 'torchscript' or 'dynamo'")
    return [exporter]


def _run(
    which: str,
    module: nn.Module,
    call: _Call,
    axis: int | None,
    multiple_of: int,
    opset: int,
    path: Path,
) -> None:
    """One exporter. What they print is theirs: warnings about the other exporter, progress."""
    names: dict[str, Any] = {
        "input_names": list(call.input_names),
        "output_names": list(call.output_names),
    }
    with _quiet():
        if which == "torchscript":
            axes: dict[str, dict[int, str]] = {}
            if axis is not None:
                axes[call.input_names[0]] = {axis: "frames"}
                length = call.inputs[0].shape[axis]
                for name, tensor in zip(call.output_names, call.outputs, strict=True):
                    if tensor.dim() and max(tensor.shape) > length // 2 > 0:
                        at = int(np.argmax(tensor.shape))
                        same = tensor.shape[at] == length
                        axes[name] = {at: "frames" if same else f"frames_{name}"}
            torch.onnx.export(
                module,
                call.inputs,
                str(path),
                dynamo=False,
                opset_version=opset,
                dynamic_axes=axes or None,
                **names,
            )
            return
        problem: Exception | None = None
        for shapes in _dynamic_shapes(call, axis, multiple_of):
            try:
                torch.onnx.export(
                    module,
                    call.inputs,
                    str(path),
                    dynamo=True,
                    opset_version=opset,
                    dynamic_shapes=shapes,
                    external_data=False,
                    verbose=False,
                    **names,
                )
            except Exception as error:
                problem = error
                continue
            if axis is None or _is_open(path, axis):
                return
            problem = problem or ExportError("the length became fixed; see multiple_of")
        assert problem is not None
        raise problem


def _dynamic_shapes(
    call: _Call, axis: int | None, multiple_of: int
) -> Iterator[tuple[dict[int, Any] | None, ...] | None]:
    """Ways to declare the open length, the strictest first."""
    if axis is None:
        yield None
        return
    rest: list[dict[int, Any] | None] = [None] * (len(call.inputs) - 1)
    dimension: Any = torch.export.Dim("frames", min=2)
    yield ({axis: dimension * multiple_of if multiple_of > 1 else dimension}, *rest)
    yield ({axis: torch.export.Dim.AUTO}, *rest)


def _is_open(path: Path, axis: int) -> bool:
    audio = graph_inputs(onnx.load(path, load_external_data=False))[0]
    return isinstance(dims(audio)[axis], str)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    level = logging.root.manager.disable
    sink = io.StringIO()
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stdout(sink),
        contextlib.redirect_stderr(sink),
    ):
        warnings.simplefilter("ignore")
        logging.disable(logging.ERROR)
        try:
            yield
        finally:
            logging.disable(level)


def _clean(path: Path) -> onnx.ModelProto:
    """The file in one piece, without the notes of exporters, which hold paths and sources."""
    model = onnx.load(path)
    stack = [model.graph, *model.functions]
    for part in stack:
        for node in part.node:
            node.ClearField("doc_string")
            node.ClearField("metadata_props")
            for attribute in node.attribute:
                if attribute.HasField("g"):
                    stack.append(attribute.g)
                stack.extend(attribute.graphs)
        part.ClearField("doc_string")
        part.ClearField("metadata_props")
        for value in part.value_info:
            value.ClearField("doc_string")
            value.ClearField("metadata_props")
    for value in (*model.graph.input, *model.graph.output, *model.graph.initializer):
        value.ClearField("doc_string")
        value.ClearField("metadata_props")
    model.ClearField("doc_string")
    del model.metadata_props[:]
    onnx.checker.check_model(model, full_check=True)
    return model


def _verify(
    model: onnx.ModelProto, module: nn.Module, call: _Call, axis: int | None, multiple_of: int
) -> float | None:
    """Largest difference in ONNX Runtime, also at another length, where a fixed one would show."""
    try:
        import onnxruntime
    except ImportError:
        return None
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    taken = [value.name for value in session.get_inputs()]
    if call.input_names[0] not in taken:
        raise ExportError(f"the output does not depend on {call.input_names[0]!r}")
    worst = 0.0
    generator = torch.Generator().manual_seed(1)
    audio = call.inputs[0]
    lengths: list[int | None] = [None]
    if axis is not None:
        lengths.append(audio.shape[axis] + 3 * multiple_of)
    for length in lengths:
        shape = list(audio.shape)
        if axis is not None and length is not None:
            shape[axis] = length
        tried = (0.3 * torch.randn(shape, generator=generator), *call.inputs[1:])
        try:
            wanted = flatten(module(*(tensor.clone() for tensor in tried)))
        except Exception:
            # The module itself does not take that length: nothing to compare.
            if length is None:
                raise
            continue
        feeds = dict(zip(call.input_names, tried, strict=True))
        try:
            found = session.run(None, {name: feeds[name].numpy() for name in taken})
        except Exception as error:
            raise ExportError(
                f"ONNX Runtime fails for {list(tried[0].shape)} of audio; is a length fixed in the"
                f" file? {_first_line(error)}"
            ) from None
        for name, a, b in zip(call.output_names, found, wanted, strict=True):
            if a.shape != tuple(b.shape):
                raise ExportError(
                    f"output {name!r} is {list(a.shape)} for {list(tried[0].shape)} of audio, but"
                    f" the module gives {list(b.shape)}: a length is fixed in the file"
                )
            if a.size == 0 or not np.issubdtype(a.dtype, np.floating):
                continue
            far = float(np.max(np.abs(a.astype(np.float64) - b.double().numpy())))
            if not far <= TOLERANCE * max(1.0, float(b.abs().max())):
                raise ExportError(
                    f"output {name!r} differs from the module by {far:.2g} for"
                    f" {list(tried[0].shape)} of audio"
                )
            worst = max(worst, far)
    return worst


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    cause = error.__cause__
    text = lines[0] if lines else ""
    if cause is not None and cause is not error:
        text += f" ({_first_line(cause) if isinstance(cause, Exception) else cause})"
    return f"{type(error).__name__}: {text}"[:600]
