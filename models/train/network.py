"""The network: one LSTM layer beside a straight path, after Wright, Damskägg and Välimäki, and for
models with knobs a small layer that turns them into gains and offsets at the LSTM's input.

Silence is a fixed point by construction. The LSTM's candidate gate has no bias and the output layer
has none, so that from zero state zero in gives exactly zero out: no thump at the start, no idle
offset. The other gates keep their biases.
"""

import torch
from torch import Tensor, nn

State = tuple[Tensor, Tensor]
"""Two tensors: an LSTM's ``(h, c)``."""


class KnobLayer(nn.Module):
    """Turns ``knobs [..., K]`` into ``gain`` and ``offset``, both ``[..., features]``.

    The first half of the features has gains only, the second half offsets only.
    """

    def __init__(self, knobs: int, features: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(knobs, 8)
        self.gain = nn.Linear(8, features)
        self.offset = nn.Linear(8, features)
        nn.init.ones_(self.gain.bias)
        self.first_offset = features // 2

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


class ResidualLstm(nn.Module):
    """A map from ``x [B, T, 1]`` (and ``knobs [B, T or 1, K]``) to ``y [B, T, 1]``, in volts.

    The knobs never meet the time axis in a concatenation: ``features = x * gain(knobs) +
    offset(knobs)``, so that one value per call needs no expansion in the exported graph. Offsets
    stay out of the candidate gate, for the sake of silence.
    """

    def __init__(self, hidden: int, input_scale: float, knobs: int = 0, features: int = 1) -> None:
        super().__init__()
        self.input_scale = input_scale
        self.lstm = nn.LSTM(features, hidden, batch_first=True)
        self.head = nn.Linear(hidden, 1, bias=False)
        self.knobs = KnobLayer(knobs, features) if knobs else None
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

    def forward(
        self, x: Tensor, knobs: Tensor | None = None, state: State | None = None
    ) -> tuple[Tensor, State]:
        """Returns the output and the LSTM's state after it."""
        features = x * self.input_scale
        if self.knobs is not None and knobs is not None:
            gain, offset = self.knobs(2.0 * knobs - 1.0)
            features = features * gain + offset
        hidden, state = self.lstm(features, state)
        return self.head(hidden) + x, state
