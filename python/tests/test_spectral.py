import numpy as np
import pytest
import torch

from tonegraft_export.spectral import Spectral

SIZE, HOP = 64, 16
BINS = SIZE // 2 + 1


def front(declared, shape):
    facts = {"size": SIZE, "hop": HOP, "window": "sqrt_hann", **declared}
    names = ["a", "b"] if facts.get("input", "complex").count("_") == 1 else ["a"]
    names = names if facts.get("input") in ("magnitude_phase", "real_imaginary") else ["a"]
    return Spectral(facts, names, dict.fromkeys(names, shape), ["y", "z"])


@pytest.mark.parametrize(
    ("declared", "shape", "step"),
    [
        ({}, [1, 1, BINS, 2], lambda i: [i["a"]]),
        ({}, [1, 2, BINS, "T"], lambda i: [i["a"]]),
        ({}, [1, 2 * BINS], lambda i: [i["a"]]),
        ({"output": "mask"}, [1, BINS, 2], lambda i: [torch.ones(1, BINS)]),
        ({"input": "magnitude", "output": "magnitude"}, ["B", "T", BINS], lambda i: [i["a"]]),
        ({"input": "log_magnitude", "output": "log_magnitude"}, [BINS], lambda i: [i["a"]]),
        ({"input": "power", "output": "magnitude"}, [1, BINS], lambda i: [i["a"].sqrt()]),
        (
            {"input": "magnitude_phase", "output": "magnitude_phase"},
            [1, BINS, 1],
            lambda i: [i["a"], i["b"]],
        ),
        (
            {"input": "real_imaginary", "output": "real_imaginary"},
            [1, BINS],
            lambda i: [i["a"], i["b"]],
        ),
        ({"window": "hamming", "normalise": "envelope"}, [1, BINS, 2], lambda i: [i["a"]]),
    ],
)
def test_a_model_that_changes_nothing_gives_the_signal(declared, shape, step):
    signal = np.random.default_rng(1).standard_normal((1, 40 * HOP)).astype(np.float32)
    played = front(declared, shape).play(signal, step)
    inner = slice(0, signal.shape[1] - SIZE)
    np.testing.assert_allclose(played[:, inner], signal[:, inner], atol=2e-6)


def test_a_complex_mask_turns_the_phase():
    signal = np.random.default_rng(1).standard_normal((1, 40 * HOP)).astype(np.float32)
    mask = torch.stack([torch.full((BINS,), -1.0), torch.zeros(BINS)], -1)[None]
    declared = {"input": "magnitude", "output": "complex_mask"}
    played = front(declared, [1, BINS]).play(signal, lambda _: [mask])
    np.testing.assert_allclose(played[:, :-SIZE], -signal[:, :-SIZE], atol=2e-6)
