"""The command-line renderer, which plays the plugin's samples."""

from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Audio = NDArray[np.float32]

_FLOAT, _EXTENSIBLE = 3, 0xFFFE


class RendererError(RuntimeError):
    """The renderer is not there, or failed; the text is what it said."""


def find(given: str | Path | None = None) -> Path:
    """``given``, ``$TONEGRAFT``, ``tonegraft`` of the path, or the build of this checkout."""
    build = Path(__file__).resolve().parents[2] / "target" / "release" / "tonegraft"
    for place in (given, os.environ.get("TONEGRAFT")):
        if place:
            path = Path(place)
            if path.is_file():
                return path
            raise RendererError(f"{path} is not there")
    on_path = shutil.which("tonegraft")
    if on_path:
        return Path(on_path)
    if build.is_file():
        return build
    raise RendererError(
        "the renderer `tonegraft` is not there: install it, or name it by renderer=…,"
        " --renderer or $TONEGRAFT"
    )


def inspect(model: str | Path, renderer: Path) -> dict[str, Any]:
    """What ``tonegraft inspect --json`` says; raises ``RendererError`` with its reason."""
    return dict(json.loads(_run([str(renderer), "inspect", str(model), "--json"])))


def render(
    model: str | Path,
    audio: Audio,
    rate: int,
    renderer: Path,
    *,
    knobs: Mapping[str, float] | None = None,
    block: str | int = 512,
) -> tuple[Audio, dict[str, Any]]:
    """``audio [channels, frames]`` through the model from zero states.

    Gives audio of the same shape with the latency taken off, and what was printed by ``--json``.
    """
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "in.wav", Path(folder) / "out.wav"
        write_wav(source, audio, rate)
        command = [str(renderer), "render", "--model", str(model), "--start", "zero", "--json"]
        for name, value in (knobs or {}).items():
            command += ["--param", f"{name}={value!r}"]
        command += ["--block", str(block), str(source), str(target)]
        said = dict(json.loads(_run(command)))
        rendered, _ = read_wav(target)
    return rendered, said


def write_wav(path: str | Path, audio: Audio, rate: int) -> None:
    """32-bit float WAV of ``audio [channels, frames]``."""
    channels = audio.shape[0]
    data = np.ascontiguousarray(audio.T, dtype="<f4").tobytes()
    form = struct.pack("<HHIIHHH", _FLOAT, channels, rate, rate * channels * 4, channels * 4, 32, 0)
    fact = struct.pack("<I", audio.shape[1])
    body = b"WAVE" + b"".join(
        name + struct.pack("<I", len(chunk)) + chunk
        for name, chunk in ((b"fmt ", form), (b"fact", fact), (b"data", data))
    )
    Path(path).write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)


def read_wav(path: str | Path) -> tuple[Audio, int]:
    """``[channels, frames]`` and the rate of a WAV file, 16, 24 or 32-bit integer or float."""
    content = Path(path).read_bytes()
    if content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        raise ValueError(f"{path} is no WAV file")
    at, form, data = 12, b"", b""
    while at + 8 <= len(content):
        name, size = content[at : at + 4], struct.unpack_from("<I", content, at + 4)[0]
        chunk = content[at + 8 : at + 8 + size]
        form = chunk if name == b"fmt " else form
        data = chunk if name == b"data" else data
        at += 8 + size + size % 2
    if len(form) < 16:
        raise ValueError(f"{path} has no format")
    kind, channels, rate, _, frame, bits = struct.unpack_from("<HHIIHH", form)
    if kind == _EXTENSIBLE and len(form) >= 26:
        kind = struct.unpack_from("<H", form, 24)[0]
    if channels == 0 or frame == 0:
        raise ValueError(f"{path} has no channels")
    data = data[: len(data) // frame * frame]
    if kind == _FLOAT and bits == 32:
        samples = np.frombuffer(data, "<f4").astype(np.float32)
    elif kind == 1 and bits in (16, 32):
        samples = np.frombuffer(data, f"<i{bits // 8}").astype(np.float32) / 2.0 ** (bits - 1)
    elif kind == 1 and bits == 24:
        wide = np.zeros((len(data) // 3, 4), np.uint8)
        wide[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
        samples = wide.view("<i4")[:, 0].astype(np.float32) / 2.0**31
    else:
        raise ValueError(f"{path} has {bits} bits of kind {kind}, which is not read")
    return samples.reshape(-1, channels).T.astype(np.float32), rate


def _run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = " ".join(done.stderr.split()) or f"exit code {done.returncode}"
        raise RendererError(said.removeprefix("error: "))
    return done.stdout
