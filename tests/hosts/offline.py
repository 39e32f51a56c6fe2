"""A model run by ONNX Runtime over a whole signal: the judge that shares no code with this project."""

import numpy as np
import onnxruntime


class Offline:
    """A model with one audio input and one audio output; states start at zero, knobs at the given values."""

    def __init__(self, path, knobs=None):
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        self.session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self.inputs = self.session.get_inputs()
        self.audio = next(value for value in self.inputs if is_audio(value))
        self.knobs = knobs or {}

    def is_dynamic(self):
        """Whether any length can be run."""
        return any(not isinstance(size, int) for size in self.audio.shape)

    def run(self, audio):
        """`[frames]` in; `[frames]` out. The front of an unpadded network's output, which it does not give, is zero."""
        shape = list(self.audio.shape)
        axis = time_axis(shape)
        channels = [size if isinstance(size, int) else 1 for size in shape]
        channels[axis] = len(audio)
        assert np.prod(channels) == len(audio), f"{self.audio.name} has shape {shape}: not one channel"
        feed = {self.audio.name: audio.astype(np.float32).reshape(channels)}
        for value in self.inputs:
            if value.name != self.audio.name:
                size = [s if isinstance(s, int) else 1 for s in value.shape]
                feed[value.name] = np.asarray(self.knobs.get(value.name, np.zeros(size)), dtype=np.float32).reshape(size)
        out = np.asarray(self.session.run(None, feed)[0]).reshape(-1)
        return np.concatenate([np.zeros(len(audio) - len(out), dtype=np.float32), out]).astype(np.float32)


def time_axis(shape):
    """The axis of time: the one of unknown length behind the batch, else the longest."""
    unknown = [axis for axis, size in enumerate(shape) if not isinstance(size, int)]
    if unknown:
        return unknown[-1]
    return int(np.argmax(shape))


def is_audio(value):
    """Whether an input can be the audio: a float of unknown or considerable length."""
    sizes = value.shape
    return "float" in value.type and (any(not isinstance(size, int) for size in sizes) or max(sizes, default=0) > 64)
