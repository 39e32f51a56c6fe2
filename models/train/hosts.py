"""Plugins as functions: LV2 by the programs ``lv2info`` and ``lv2apply``, VST3 by pedalboard."""

import re
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

_TIMEOUT = 600
"""Seconds after which a plugin is given up."""


class HostError(Exception):
    """A plugin cannot be played; the text says why and what to do."""


@dataclass(frozen=True)
class Host:
    """A plugin: ``play`` takes audio ``[n]`` and controls by name and gives ``[n]`` (its first
    channel) from a fresh instance; ``ranges`` are the ends of its controls."""

    play: Callable[[np.ndarray, Mapping[str, float]], np.ndarray]
    ranges: Mapping[str, tuple[float, float]]


def _command(command: list[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=_TIMEOUT
        )
    except FileNotFoundError:
        raise HostError(f"{command[0]} is missing: install lilv-utils.") from None
    except subprocess.TimeoutExpired:
        raise HostError(f"{command[0]} did not end within {_TIMEOUT} s.") from None


def lv2_apply(
    uri: str, controls: Mapping[str, float], x: np.ndarray, rate: int, channels: int
) -> np.ndarray:
    """``x [n]`` through a plugin with so many audio ports each way; its first output ``[n]``.

    Raises ``HostError`` with what the program says if it fails or warns: a plugin that misses
    a feature of its host may run and ignore its controls."""
    with tempfile.TemporaryDirectory() as folder:
        source, result = Path(folder) / "in.wav", Path(folder) / "out.wav"
        wide = np.repeat(x[:, None].astype(np.float32), channels, axis=1)
        soundfile.write(source, wide, rate, subtype="FLOAT")
        command = ["lv2apply", "-i", str(source), "-o", str(result)]
        for name, value in controls.items():
            command += ["-c", name, repr(float(value))]
        done = _command([*command, uri])
        if done.returncode or done.stderr.strip():
            said = done.stderr.strip() or f"it ended with {done.returncode}"
            raise HostError(f"lv2apply {uri}: {said}")
        return soundfile.read(result, dtype="float64", always_2d=True)[0][:, 0]


def lv2_ports(text: str) -> tuple[dict[str, tuple[float, float]], int]:
    """The input controls' ends and the number of audio inputs in what ``lv2info`` prints. Controls
    without both ends, and those in parts of the rate, are left out."""
    ranges: dict[str, tuple[float, float]] = {}
    audio = 0
    for port in re.split(r"^\tPort \d+:$", text, flags=re.MULTILINE)[1:]:
        found = {
            key: match.group(1)
            for key in ("Symbol", "Minimum", "Maximum")
            if (match := re.search(rf"^\t\t{key}:\s+(\S+)", port, flags=re.MULTILINE))
        }
        if "#InputPort" not in port:
            continue
        audio += "#AudioPort" in port
        if "#ControlPort" in port and len(found) == 3 and "sampleRate" not in port:
            low, high = float(found["Minimum"]), float(found["Maximum"])
            if low < high:
                ranges[found["Symbol"]] = (low, high)
    return ranges, audio


def lv2(uri: str, rate: int, channels: int | None = None) -> Host:
    """The LV2 plugin of that URI."""
    said = _command(["lv2info", uri])
    if said.returncode or not said.stdout.strip():
        raise HostError(f"{uri}: there is no such LV2 plugin here (`lv2ls` lists them).")
    ranges, audio = lv2_ports(said.stdout)
    width = channels or audio
    if width not in (1, 2):
        raise HostError(f"{uri} has {audio} audio inputs; 1 or 2 can be played.")
    return Host(lambda x, controls: lv2_apply(uri, controls, x, rate, width), ranges)


def vst3(path: Path, rate: int, channels: int | None = None) -> Host:
    """The VST3 plugin in that file or bundle. Controls whose values are words, switches or numbers
    with a name before them go from 0 to 1."""
    import pedalboard

    try:
        plugin = pedalboard.load_plugin(str(path))
    except (ImportError, ValueError, RuntimeError, OSError) as error:
        raise HostError(f"{path} cannot be loaded as a VST3 plugin: {error}.") from error
    ranges, raw = {}, set()
    for name, parameter in plugin.parameters.items():
        low, high = parameter.range[0], parameter.range[1]
        plain = all(isinstance(v, int | float) and not isinstance(v, bool) for v in (low, high))
        if plain and low < high:
            ranges[name] = (float(low), float(high))
        else:
            ranges[name] = (0.0, 1.0)
            raw.add(name)

    fresh = bytes(plugin.raw_state)

    def play(x: np.ndarray, controls: Mapping[str, float]) -> np.ndarray:
        plugin.raw_state = fresh
        for name, value in controls.items():
            if name in raw:
                plugin.parameters[name].raw_value = value
            else:
                setattr(plugin, name, value)
        wide = np.repeat(x[None].astype(np.float32), channels or 2, axis=0)
        try:
            return plugin(wide, rate, reset=True)[0].astype(np.float64)
        except (ValueError, RuntimeError) as error:
            raise HostError(f"{path} does not play: {error}. Try --channels.") from error

    return Host(play, ranges)
