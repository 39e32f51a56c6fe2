"""Sanity checks of the circuits and of the tools around them: ``python -m train.check``.

Each check raises ``AssertionError`` with a sentence. They take a few seconds and need no audio.
"""

import numpy as np

from .circuits import RATE, Circuit, circuits
from .circuits.amp import STACKS, stack, stack_by_nodes
from .circuits.linear import response
from .metrics import decibels, esr, fit_fir
from .oversample import around

_NOMINAL = {"drive": 0.3, "tone": 0.5, "level": 0.5}
_LAGS = {"fuzz_sustain": 8, "fuzz_raw": 6, "amp_crunch": 4, "amp_lead": 6}
"""Where the response may peak: low-passes in a row rise slowly, which is no latency."""


def _noise(amplitude: float, seconds: float = 1.0) -> np.ndarray:
    return amplitude * np.random.default_rng(5).normal(size=int(seconds * RATE))


def oversampler_adds_no_delay() -> str:
    """With nothing between up and down an impulse stays in place and 0 to 19 kHz is flat."""
    x = np.zeros(2048)
    x[1000] = 1.0
    y = around(lambda fast: fast, x)
    assert int(np.argmax(np.abs(y))) == 1000, "the oversampler moved an impulse"
    band = np.abs(np.fft.rfft(y))[: int(2048 * 19_000 / RATE)]
    ripple = decibels(band.max()) - decibels(band.min())
    assert ripple < 0.01, f"the oversampler ripples by {ripple:.3f} dB below 19 kHz"
    return f"oversampler: lag 0, ripple {ripple:.4f} dB below 19 kHz"


def tone_stacks_obey_kirchhoff() -> str:
    """The stacks' polynomials against a nodal analysis of the same schematic."""
    f = np.geomspace(20, 20_000, 60)
    worst = 0.0
    for name in STACKS:
        seen = response(*stack(name), f)
        worst = max(worst, float(np.max(np.abs(seen / stack_by_nodes(name, f) - 1))))
    assert worst < 1e-6, f"a tone stack is off by {worst:.2e}"
    return f"tone stacks: nodal analysis within {worst:.1e}"


def small_signals_follow_the_schematic(circuit: Circuit) -> str:
    """For microvolt sines every part is a resistor: gain and phase are those of the schematic."""
    worst_db = worst_rad = 0.0
    t = np.arange(RATE) / RATE
    for drive in (0.0, 0.6, 1.0):
        for f in (110.0, 440.0, 1000.0, 3000.0, 8000.0):
            # So small that the last stage stays linear behind all the gain.
            y = circuit.render(1e-6 * np.sin(2 * np.pi * f * t), drive, 0.4, 0.5)
            seen = 2j * np.mean((y * np.exp(-2j * np.pi * f * t))[RATE // 2 :]) / 1e-6
            wanted = circuit.small_signal(np.array([f]), drive, 0.4, 0.5)[0]
            worst_db = max(worst_db, abs(decibels(abs(seen / wanted))))
            worst_rad = max(worst_rad, abs(np.angle(seen / wanted)))
    assert worst_db < 0.1, f"{circuit.name}: gain is off by {worst_db:.3f} dB"
    assert worst_rad < 0.1, f"{circuit.name}: phase is off by {worst_rad:.3f} rad"
    return f"{circuit.name}: schematic within {worst_db:.3f} dB, {worst_rad:.4f} rad"


def every_control_is_heard(circuit: Circuit) -> str:
    """Moving any one control changes the output by more than a hundredth of its energy."""
    x = _noise(0.03)
    base = circuit.render(x, **_NOMINAL)
    changes = {}
    for control, knob in zip(_NOMINAL, circuit.knobs, strict=True):
        if not knob:
            continue
        changes[knob] = esr(base, circuit.render(x, **{**_NOMINAL, control: 0.8}))
        assert changes[knob] > 0.01, f"{circuit.name}: {knob} does nothing"
    return f"{circuit.name}: " + ", ".join(f"{k} changes {v:.2f}" for k, v in changes.items())


def no_latency(circuit: Circuit) -> str:
    """The FIR from quiet noise to the output has nothing before lag 0."""
    x, ahead = _noise(1e-6, 4.0), 64
    taps = fit_fir(x, circuit.render(x, **_NOMINAL), 256, ahead)
    lag = int(np.argmax(np.abs(taps))) - ahead
    early = float(np.sum(taps[: ahead - 1] ** 2) / np.sum(taps**2))
    latest = _LAGS.get(circuit.name, 12 if circuit.name.endswith("_cab") else 1)
    assert 0 <= lag <= latest, f"{circuit.name}: the peak is at lag {lag}"
    assert early < 0.01, f"{circuit.name}: {early:.4f} of the response comes early"
    return f"{circuit.name}: response peaks at lag {lag}, {early:.5f} of it before lag -1"


def it_distorts_and_stays_finite(circuit: Circuit) -> str:
    """Loud, silent and extreme inputs stay finite; a linear filter cannot explain the output."""
    peak = 0.0
    for x in (_noise(30.0, 0.2), np.zeros(4800), np.r_[np.zeros(100), np.ones(4700) * 10]):
        for drive in (0.0, 1.0):
            peak = max(peak, float(np.max(np.abs(circuit.render(x, drive, 0.5, 1.0)))))
    assert 0.1 < peak < 200.0, f"{circuit.name}: peak {peak} V"
    return f"{circuit.name}: finite, peak {peak:.1f} V for 30 V noise"


def main(only: str | None = None) -> None:
    """Runs every check, or those of one circuit, and prints what it measured."""
    print(oversampler_adds_no_delay())
    print(tone_stacks_obey_kirchhoff())
    for circuit in circuits().values() if only is None else (circuits()[only],):
        print(small_signals_follow_the_schematic(circuit))
        print(every_control_is_heard(circuit))
        print(no_latency(circuit))
        print(it_distorts_and_stays_finite(circuit))


if __name__ == "__main__":
    main()
