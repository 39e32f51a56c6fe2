"""Small effects, as people write them."""

import torch
import torch.nn.functional as F
from torch import nn


class KnobLstm(nn.Module):
    """``audio [1, T, 1]``, ``drive [1, 1]``."""

    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(2, 8, batch_first=True)
        self.head = nn.Linear(8, 1)

    def forward(self, audio, drive):
        knob = drive.unsqueeze(1).expand(-1, audio.shape[1], -1) / 10
        hidden, _ = self.lstm(torch.cat([audio, knob], dim=-1))
        return self.head(hidden) + audio


class StatefulGru(nn.Module):
    """The state goes in and out."""

    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(1, 8, batch_first=True)
        self.head = nn.Linear(8, 1)

    def forward(self, x, memory):
        hidden, memory = self.gru(x, memory)
        return self.head(hidden), memory


class GatedTcn(nn.Module):
    """``x [1, C, T]``, causal by left pads; ``zeros``: the sum begins with zeros."""

    def __init__(self, channels=1, width=6, layers=5, zeros=False):
        super().__init__()
        self.zeros = zeros
        self.first = nn.Conv1d(channels, width, 1)
        self.layers = nn.ModuleList(
            nn.Conv1d(width, 2 * width, 3, dilation=2**layer) for layer in range(layers)
        )
        self.mix = nn.ModuleList(nn.Conv1d(width, width, 1) for _ in range(layers))
        self.last = nn.Conv1d(width, channels, 1)

    def forward(self, x):
        x = self.first(x)
        total = torch.zeros_like(x) if self.zeros else None
        for layer, mix in zip(self.layers, self.mix, strict=True):
            a, b = layer(F.pad(x, (2 * layer.dilation[0], 0))).chunk(2, dim=1)
            gated = torch.tanh(a) * torch.sigmoid(b)
            total = gated if total is None else total + gated
            x = x + mix(gated)
        return self.last(torch.relu(total))


class FilmTcn(nn.Module):
    """Knobs scale and shift the features."""

    def __init__(self, width=6, knobs=2):
        super().__init__()
        self.knobs = nn.Sequential(nn.Linear(knobs, 8), nn.ReLU(), nn.Linear(8, 4 * width))
        self.first = nn.Conv1d(1, width, 5)
        self.second = nn.Conv1d(width, width, 5, dilation=4)
        self.last = nn.Conv1d(width, 1, 1)

    def forward(self, x, knobs):
        gains = self.knobs(knobs).unsqueeze(-1).chunk(4, dim=1)
        x = torch.tanh(self.first(F.pad(x, (4, 0))) * gains[0] + gains[1])
        x = torch.tanh(self.second(F.pad(x, (16, 0))) * gains[2] + gains[3])
        return self.last(x)


class SameConv(nn.Module):
    """Looks 12 frames ahead."""

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv1d(1, 6, 9, padding=4), nn.PReLU(), nn.Conv1d(6, 1, 9, dilation=2, padding=8)
        )

    def forward(self, x):
        return self.net(x)


class ValidConv(nn.Module):
    """The output is shorter than the input."""

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Conv1d(1, 6, 9), nn.Tanh(), nn.Conv1d(6, 1, 5, dilation=3))

    def forward(self, x):
        return self.net(x)


class Codec(nn.Module):
    """Strides 4 and 2: lengths are multiples of 8."""

    def __init__(self):
        super().__init__()
        self.down = nn.ModuleList([nn.Conv1d(1, 8, 8, 4), nn.Conv1d(8, 12, 4, 2)])
        self.up = nn.ModuleList([nn.ConvTranspose1d(12, 8, 4, 2), nn.ConvTranspose1d(8, 1, 8, 4)])

    def forward(self, x):
        for layer in self.down:
            x = F.elu(layer(F.pad(x, (layer.kernel_size[0] - layer.stride[0], 0))))
        for layer in self.up:
            x = layer(F.elu(x))
            x = x[..., : x.shape[-1] - (layer.kernel_size[0] - layer.stride[0])]
        return torch.tanh(x)


class BlockMlp(nn.Module):
    """``[1, size]`` to ``[1, size]``."""

    def __init__(self, size=64):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(size, 32), nn.Tanh(), nn.Linear(32, size))

    def forward(self, x):
        return self.net(x)


class WindowNet(nn.Module):
    """``[N, 1, 24]`` to ``[N, 1]``: a window for each sample."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv1d(1, 4, 5)
        self.lstm = nn.LSTM(4, 6, batch_first=True)
        self.last = nn.Linear(6, 1)

    def forward(self, x):
        hidden, _ = self.lstm(torch.tanh(self.first(x)).transpose(1, 2))
        return self.last(hidden[:, -1])


class MaskNet(nn.Module):
    """A mask of a magnitude spectrum ``[1, 129]``, with a GRU over frames."""

    def __init__(self):
        super().__init__()
        self.gru = nn.GRUCell(129, 16)
        self.out = nn.Linear(16, 129)

    def forward(self, magnitude, h):
        h = self.gru(torch.log1p(magnitude), h)
        return torch.sigmoid(self.out(h)), h


class Tremolo(nn.Module):
    """``phase`` in turns, one for each frame."""

    def forward(self, x, phase):
        return x * (1 - 0.5 * torch.sin(2 * torch.pi * phase))


class GlobalNorm(nn.Module):
    """Needs the whole signal: no stream."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv1d(1, 4, 3, padding=1)
        self.last = nn.Conv1d(4, 1, 1)

    def forward(self, x):
        x = self.first(x)
        return self.last(x - x.mean(dim=-1, keepdim=True))


class BakedLength(nn.Module):
    """A trace keeps the example's length: the ramp is made of a Python number."""

    def forward(self, x):
        return x * torch.linspace(0, 1, int(x.shape[-1]))
