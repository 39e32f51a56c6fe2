"""The network: an LSTM behind a short FIR, beside a static path, and for cores whose knob is not
wholly in the front a small layer that turns it into gains and offsets at the LSTM's input.

After Wright, Damskägg and Välimäki, "Real-time black-box modelling with recurrent neural networks",
DAFx-19; the FIR and the static path are ours: the first spares the LSTM the part of a filter that
reaches beyond one sample, the second saturates where the device does.

Silence is a fixed point by construction. The LSTM's candidate gate has no bias and no output layer
has one, so that from zero state zero in gives exactly zero out: no thump at the start, no idle
offset. The other gates keep their biases.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

State = tuple[Tensor, Tensor]
"""Two tensors: an LSTM's ``(h, c)``."""


class KnobLayer(nn.Module):
    """Turns ``knobs [..., K]`` into ``gain`` and ``offset``, both ``[..., features]``.

    The last ``offsets`` features have offsets only, the others gains only.
    """

    def __init__(self, knobs: int, features: int, offsets: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(knobs, 8)
        self.gain = nn.Linear(8, features)
        self.offset = nn.Linear(8, features)
        nn.init.ones_(self.gain.bias)
        self.first_offset = features - offsets

    @torch.no_grad()
    def project(self) -> None:
        """Sets the weights to zero that have to be zero."""
        self.gain.weight[self.first_offset :] = 0.0
        self.gain.bias[self.first_offset :] = 0.0
        self.offset.weight[: self.first_offset] = 0.0
        self.offset.bias[: self.first_offset] = 0.0

    def forward(self, knobs: Tensor) -> tuple[Tensor, Tensor]:
        """Returns ``(gain, offset)``."""
        inner = torch.tanh(self.hidden(knobs))
        return self.gain(inner), self.offset(inner)


class Core(nn.Module):
    """A map from features ``[B, F, T]`` (and ``knobs [B, T or 1, K]``) to ``y [B, T]``.

    ``linear`` adds a FIR of the features for devices that let a clean signal through. ``scale``
    ``[F]`` brings the features to about 1, ``output`` is the size of the target; both are fixed.
    """

    def __init__(
        self,
        hidden: int,
        scale: list[float],
        output: float,
        knobs: int = 0,
        linear: bool = False,
        channels: int = 6,
        taps: int = 16,
    ) -> None:
        super().__init__()
        self.register_buffer("scale", torch.tensor(scale, dtype=torch.float32)[:, None])
        self.register_buffer("output", torch.tensor(float(output)))
        features, offsets = len(scale), 3 if knobs else 0
        self.taps, self.offsets = taps, offsets
        self.conv = nn.Conv1d(features, channels + offsets, taps, bias=False)
        with torch.no_grad():
            self.conv.weight.mul_(0.5)
            # The newest sample is the last tap.
            self.conv.weight[:, :, -1] += 0.7
        self.lstm = nn.LSTM(channels + offsets, hidden, batch_first=True)
        self.head = nn.Linear(hidden, 1, bias=False)
        self.static = nn.Linear(channels, 1, bias=False)
        self.linear = nn.Conv1d(features, 1, 4 * taps, bias=False) if linear else None
        if self.linear is not None:
            nn.init.zeros_(self.linear.weight)
        self.knobs = KnobLayer(knobs, channels + offsets, offsets) if knobs else None
        self.project()

    @torch.no_grad()
    def project(self) -> None:
        """Sets the weights to zero that have to be zero; called after each update."""
        hidden = self.lstm.hidden_size
        candidate = slice(2 * hidden, 3 * hidden)
        self.lstm.bias_ih_l0[candidate] = 0.0
        self.lstm.bias_hh_l0[candidate] = 0.0
        if self.knobs is not None:
            self.lstm.weight_ih_l0[candidate, self.knobs.first_offset :] = 0.0
            self.knobs.project()

    @property
    def memory(self) -> int:
        """Samples before a chunk that its FIRs look at."""
        return (4 if self.linear is not None else 1) * self.taps - 1

    def forward(
        self, features: Tensor, knobs: Tensor | None = None, state: State | None = None
    ) -> tuple[Tensor, State]:
        """``features`` begin ``memory`` samples before the output; returns it and the state."""
        scaled = features * self.scale
        extra = self.memory - (self.taps - 1)
        z = self.conv(scaled[..., extra:]).transpose(1, 2)
        static = self.static(torch.tanh(z[..., : z.shape[-1] - self.offsets]))
        if self.knobs is not None and knobs is not None:
            gain, offset = self.knobs(2.0 * knobs - 1.0)
            z = z * gain + offset
        hidden, state = self.lstm(z, state)
        y = self.head(hidden) + static
        if self.linear is not None:
            y = y + self.linear(scaled).transpose(1, 2)
        return self.output * y[..., 0], state

    def whole(self, features: Tensor, knobs: Tensor | None = None) -> Tensor:
        """``features [B, F, T]`` from silence to ``[B, T]``."""
        return self(functional.pad(features, (self.memory, 0)), knobs)[0]
