"""Recurrent layers that PyTorch's exporters write out step by step. Needs PyTorch; not part of generate.py."""

import io

import numpy as np
import onnx
import torch
from torch import nn

STEPS = 12


class Loop(nn.Module):
    """A cell in a loop over the frames."""

    def __init__(self, cell, hidden=5):
        super().__init__()
        self.cell, self.hidden = cell, hidden
        self.head = nn.Linear(hidden, 1)

    def forward(self, x):
        h, c, frames = torch.zeros(x.shape[0], self.hidden), torch.zeros(x.shape[0], self.hidden), []
        for t in range(x.shape[1]):
            if isinstance(self.cell, nn.LSTMCell):
                h, c = self.cell(x[:, t], (h, c))
            else:
                h = self.cell(x[:, t], h)
            frames.append(h)
        return self.head(torch.stack(frames, 1)) + x


class Deep(nn.Module):
    """A layer that the newer exporter does not know, two of them, with the state given and returned."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.RNN(1, 5, batch_first=True), nn.RNN(5, 4, nonlinearity="relu", batch_first=True)
        self.head = nn.Linear(4, 1)

    def forward(self, x, state):
        y, last = self.first(x, state)
        return self.head(self.second(y)[0]), last


class Hand(nn.Module):
    """h = tanh(U x + W h), written by hand."""

    def __init__(self):
        super().__init__()
        self.u, self.w, self.head = nn.Linear(1, 5), nn.Linear(5, 5, bias=False), nn.Linear(5, 1)

    def forward(self, x):
        h, frames = torch.zeros(1, 5), []
        for t in range(x.shape[1]):
            h = torch.tanh(self.u(x[:, t]) + self.w(h))
            frames.append(h.unsqueeze(1))
        return self.head(torch.cat(frames, 1))


class Kept(Hand):
    """As Hand, but the steps differ: this one must stay written out."""

    def forward(self, x):
        h, frames = torch.zeros(1, 5), []
        for t in range(x.shape[1]):
            h = torch.tanh(self.u(x[:, t]) * (1.0 + t) + self.w(h))
            frames.append(h.unsqueeze(1))
        return self.head(torch.cat(frames, 1))


MODELS = {
    "loop_rnn": lambda: Loop(nn.RNNCell(1, 5, nonlinearity="relu")),
    "loop_lstm": lambda: Loop(nn.LSTMCell(1, 5)),
    "loop_gru": lambda: Loop(nn.GRUCell(1, 5)),
    "loop_hand": Hand,
    "loop_kept": Kept,
    "loop_layers": Deep,
}


def export(name, dynamo):
    """The model as ONNX and what to feed it."""
    torch.manual_seed(sum(map(ord, name)))
    module = MODELS[name]().eval()
    inputs = {"input": 0.5 * torch.randn(1, STEPS, 1)}
    outputs = ["output"]
    if name == "loop_layers":
        inputs["state"] = 0.5 * torch.randn(1, 1, 5)
        outputs.append("state_out")
    args = {"input_names": list(inputs), "output_names": outputs}
    with torch.no_grad():
        if dynamo:
            program = torch.onnx.export(module, tuple(inputs.values()), dynamo=True, opset_version=20, verbose=False, **args)
            model = program.model_proto
        else:
            file = io.BytesIO()
            torch.onnx.export(module, tuple(inputs.values()), file, dynamo=False, opset_version=17, **args)
            model = onnx.load_from_string(file.getvalue())
    # Paths of this machine's Python files have no place in the fixtures.
    for node in model.graph.node:
        del node.metadata_props[:]
    del model.graph.metadata_props[:]
    del model.metadata_props[:]
    for part in (*model.graph.value_info, *model.graph.input, *model.graph.output, *model.graph.initializer):
        del part.metadata_props[:]
    return model, {key: np.asarray(value) for key, value in inputs.items()}
