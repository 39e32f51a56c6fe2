"""Runs LV2 plugins as references, by the program ``lv2apply`` (Debian: ``lilv-utils``)."""

import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import soundfile

from .graph import RATE


def run(uri: str, controls: Mapping[str, float], x: np.ndarray, channels: int) -> np.ndarray:
    """``x [n]`` at 48 kHz through a plugin with so many audio ports each way; its first output.

    Raises ``RuntimeError`` with what the program says if it fails or warns: a plugin that misses
    a feature of its host may run and ignore its controls."""
    with tempfile.TemporaryDirectory() as folder:
        source, result = Path(folder) / "in.wav", Path(folder) / "out.wav"
        wide = np.repeat(x[:, None].astype(np.float32), channels, axis=1)
        soundfile.write(source, wide, RATE, subtype="FLOAT")
        command = ["lv2apply", "-i", source, "-o", result]
        for name, value in controls.items():
            command += ["-c", name, repr(float(value))]
        try:
            done = subprocess.run([*command, uri], capture_output=True, text=True, check=False)
        except FileNotFoundError:
            raise RuntimeError("lv2apply is missing: install lilv-utils") from None
        if done.returncode or done.stderr.strip():
            raise RuntimeError(f"lv2apply {uri}: {done.stderr.strip()}")
        return soundfile.read(result, dtype="float64", always_2d=True)[0][:, 0]
