"""The network: one LSTM layer beside a straight path, after Wright, Damskägg and Välimäki, and for
models with knobs a small layer that turns them into gains and offsets at the LSTM's input.

Silence is a fixed point by construction. The LSTM's candidate gate has no bias and the output layer
has none, so that from zero state zero in gives exactly zero out: no thump at the start, no idle
offset. The other gates keep their biases.
"""

import torch
from torch import Tensor, nn

State = tuple[Tensor, Tensor]


class ResidualLstm(nn.Module):
    """A map from ``x [B, T, 1]`` (and ``knobs [B, T or 1, K]``) to ``y [B, T, 1]``, in volts.

    The knobs never meet the time axis in a concatenation: ``features = x * gain(knobs) +
    offset(knobs)``, so that one value per call needs no expansion in the exported graph. The first
    half of the features has gains, the second half offsets, which stay out of the candidate gate.
    """

    def __init__(self, hidden: int, input_scale: float, knobs: int = 0, features: int = 1) -> None:
        super().__init__()
        self.input_scale = input_scale
        self.lstm = nn.LSTM(features, hidden, batch_first=True)
        self.head = nn.Linear(hidden, 1, bias=False)
        if knobs:
            self.knob_hidden = nn.Linear(knobs, 8)
            self.knob_gain = nn.Linear(8, features)
            self.knob_offset = nn.Linear(8, features)
            nn.init.ones_(self.knob_gain.bias)
        self.project()

    @property
    def has_knobs(self) -> bool:
        """Whether ``forward`` needs ``knobs``."""
        return hasattr(self, "knob_hidden")

    @torch.no_grad()
    def project(self) -> None:
        """Sets the weights to zero that have to be zero; called after each update."""
        hidden = self.lstm.hidden_size
        candidate = slice(2 * hidden, 3 * hidden)
        self.lstm.bias_ih_l0[candidate] = 0.0
        self.lstm.bias_hh_l0[candidate] = 0.0
        if self.has_knobs:
            half = self.lstm.input_size // 2
            self.lstm.weight_ih_l0[candidate, half:] = 0.0
            for layer, rows in (
                (self.knob_gain, slice(half, None)),
                (self.knob_offset, slice(0, half)),
            ):
                layer.weight[rows] = 0.0
                layer.bias[rows] = 0.0

    def forward(
        self, x: Tensor, knobs: Tensor | None = None, state: State | None = None
    ) -> tuple[Tensor, State]:
        """Returns the output and the LSTM's state after it."""
        features = x * self.input_scale
        if self.has_knobs:
            inner = torch.tanh(self.knob_hidden(2.0 * knobs - 1.0))
            features = features * self.knob_gain(inner) + self.knob_offset(inner)
        hidden, state = self.lstm(features, state)
        return self.head(hidden) + x, state
