"""The network: one LSTM layer beside a straight path, after Wright, Damskägg and Välimäki, and for
models with knobs a small layer that turns them into a gain and an offset at the LSTM's input.
"""

import torch
from torch import Tensor, nn

State = tuple[Tensor, Tensor]


class ResidualLstm(nn.Module):
    """``x [B, T, 1]`` (and ``knobs [B, T or 1, K]``) to ``y [B, T, 1]``, in volts.

    The knobs never meet the time axis in a concatenation: ``features = x * gain(knobs) +
    offset(knobs)``, so that one value per call needs no expansion in the exported graph.
    """

    def __init__(self, hidden: int, input_scale: float, knobs: int = 0, features: int = 1) -> None:
        super().__init__()
        self.input_scale = input_scale
        self.lstm = nn.LSTM(features, hidden, batch_first=True)
        self.head = nn.Linear(hidden, 1)
        if knobs:
            self.knob_hidden = nn.Linear(knobs, 8)
            self.knob_gain = nn.Linear(8, features)
            self.knob_offset = nn.Linear(8, features)

    @property
    def has_knobs(self) -> bool:
        """Whether ``forward`` needs ``knobs``."""
        return hasattr(self, "knob_hidden")

    def forward(
        self, x: Tensor, knobs: Tensor | None = None, state: State | None = None
    ) -> tuple[Tensor, State]:
        """Returns the output and the LSTM's state after it."""
        features = x * self.input_scale
        if self.has_knobs:
            inner = torch.tanh(self.knob_hidden(2.0 * knobs - 1.0))
            features = features * (1.0 + self.knob_gain(inner)) + self.knob_offset(inner)
        hidden, state = self.lstm(features, state)
        return self.head(hidden) + x, state


@torch.no_grad()
def remove_idle_offset(net: ResidualLstm, seconds: float = 1.0, rate: int = 48_000) -> float:
    """Shifts the output bias so that silence in gives zero out; returns the offset removed. With
    knobs the mean over five settings is taken."""
    settings = [None]
    if net.has_knobs:
        settings = [torch.full((1, 1, 1), k / 4) for k in range(5)]
    silence = torch.zeros(1, int(seconds * rate), 1)
    offset = sum(float(net(silence, k)[0][0, -1, 0]) for k in settings) / len(settings)
    net.head.bias -= offset
    return offset
