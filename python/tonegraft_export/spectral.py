"""A declared spectral front end (`stft` of ``models/FORMAT.md``) around a module of spectra.

Frame ``k`` holds the samples from ``(k + 1)·hop − size`` up to ``(k + 1)·hop``; before the signal
there are zeros. Spectra are those of ``torch.fft.rfft``, without a factor.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .renderer import Audio

#: Below this, logarithms of magnitudes stop.
FLOOR = 1e-7


def window(name: str, size: int) -> Tensor:
    """``[size]`` in 64 bits, periodic."""
    turn = 2 * torch.pi * torch.arange(size, dtype=torch.float64) / size
    hann = 0.5 - 0.5 * turn.cos()
    windows = {
        "hann": hann,
        "sqrt_hann": hann.clamp(min=0).sqrt(),
        "rectangular": torch.ones_like(hann),
        "hamming": 0.54 - 0.46 * turn.cos(),
        "blackman": 0.42 - 0.5 * turn.cos() + 0.08 * (2 * turn).cos(),
    }
    if name not in windows:
        raise ValueError(f"window {name!r}; there are {sorted(windows)}")
    return windows[name]


class Spectral:
    """One front end."""

    def __init__(
        self,
        declared: Mapping[str, Any],
        inputs: Sequence[str],
        shapes: Mapping[str, Sequence[int | str]],
        outputs: Sequence[str],
    ) -> None:
        self.size, self.hop = int(declared["size"]), int(declared["hop"])
        self.bins = self.size // 2 + 1
        self.takes = declared.get("input", "complex")
        self.gives = declared.get("output", "complex")
        self.normalise = declared.get("normalise", "constant")
        self.inputs, self.shapes = list(inputs), shapes
        count = 2 if self.gives in ("magnitude_phase", "real_imaginary") else 1
        named = list(declared.get("outputs") or outputs[:count])
        self.outputs = [list(outputs).index(name) for name in named]
        analysis = declared["window"]
        self.analysis = window(analysis, self.size)
        self.synthesis = window(declared.get("synthesis_window") or analysis, self.size)

    def play(self, signal: Audio, step: Callable[[Mapping[str, Tensor]], list[Tensor]]) -> Audio:
        """``signal [1, frames]`` frame by frame."""
        lead = self.size - self.hop
        frames = signal.shape[1]
        padded = torch.from_numpy(np.pad(signal[0].astype(np.float64), (lead, 0)))
        played = torch.zeros(lead + frames, dtype=torch.float64)
        envelope = torch.zeros_like(played)
        product = self.analysis * self.synthesis
        for start in range(0, frames - self.hop + 1, self.hop):
            place = slice(start, start + self.size)
            spectrum = torch.fft.rfft(padded[place] * self.analysis)
            found = step(self.feeds(spectrum))
            new = self.spectrum(spectrum, [found[at] for at in self.outputs])
            played[place] += torch.fft.irfft(new, n=self.size) * self.synthesis
            envelope[place] += product
        if self.normalise == "constant":
            played /= product.sum() / self.hop
        elif self.normalise == "envelope":
            # The sum in the steady state, which is the same in every hop.
            padding = -self.size % self.hop
            period = torch.nn.functional.pad(product, (0, padding)).reshape(-1, self.hop).sum(0)
            index = torch.arange(played.shape[0]) % self.hop
            played /= period[index].clamp(min=1e-11)
        return played[lead:].float().numpy()[None]

    def feeds(self, spectrum: Tensor) -> dict[str, Tensor]:
        """What the module takes of one spectrum ``[bins]``."""
        magnitude = spectrum.abs()
        parts: list[list[Tensor]] = {
            "complex": lambda: [[spectrum.real, spectrum.imag]],
            "magnitude": lambda: [[magnitude]],
            "power": lambda: [[magnitude**2]],
            "log_magnitude": lambda: [[magnitude.clamp(min=FLOOR).log()]],
            "log1p_magnitude": lambda: [[magnitude.log1p()]],
            "magnitude_phase": lambda: [[magnitude], [spectrum.angle()]],
            "real_imaginary": lambda: [[spectrum.real], [spectrum.imag]],
        }[self.takes]()
        return {
            name: self._laid_out(planes, self.shapes[name])
            for name, planes in zip(self.inputs, parts, strict=True)
        }

    def spectrum(self, old: Tensor, found: Sequence[Tensor]) -> Tensor:
        """The new spectrum ``[bins]`` of what the module gave."""
        if self.gives in ("complex", "complex_mask"):
            new = torch.complex(*self._planes(found[0], 2))
            return new if self.gives == "complex" else new * old
        planes = [self._planes(tensor, 1)[0] for tensor in found]
        turned = torch.polar(torch.ones_like(planes[0]), old.angle())
        if self.gives == "mask":
            return old * planes[0]
        if self.gives == "magnitude":
            return planes[0] * turned
        if self.gives == "log_magnitude":
            return planes[0].exp() * turned
        if self.gives == "magnitude_phase":
            return torch.polar(planes[0], planes[1])
        if self.gives == "real_imaginary":
            return torch.complex(planes[0], planes[1])
        raise ValueError(f"output {self.gives!r} of a spectral front end is not known")

    def _laid_out(self, planes: Sequence[Tensor], shape: Sequence[int | str]) -> Tensor:
        """``planes``, each ``[bins]``, in the shape that the file has; open axes are 1."""
        sizes = [size if isinstance(size, int) else 1 for size in shape]
        stacked = torch.stack(list(planes)).float()
        if len(planes) == 1 or len(planes) * self.bins in sizes:
            return stacked.reshape(sizes)
        two = next((axis for axis, size in enumerate(sizes) if size == len(planes)), None)
        if two is None or self.bins not in sizes:
            raise ValueError(f"no {len(planes)} × {self.bins} values in the shape {list(shape)}")
        after = sizes.index(self.bins) < two
        return (stacked.T if after else stacked).reshape(sizes)

    def _planes(self, tensor: Tensor, count: int) -> list[Tensor]:
        """The contrary: ``count`` planes of ``[bins]`` in 64 bits."""
        sizes = list(tensor.shape)
        flat = tensor.double()
        if (
            count == 2
            and count * self.bins not in sizes
            and sizes.index(self.bins) < sizes.index(2)
        ):
            return list(flat.reshape(self.bins, count).T)
        return list(flat.reshape(count, self.bins))
