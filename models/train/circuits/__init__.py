"""Reference circuits, solved sample by sample at eight times the audio rate.

All are our own designs on well-known principles. The way of solving them follows Yeh, Abel and
Smith, "Simplified, physically-informed models of distortion and overdrive guitar effects pedals",
DAFx-07: each stage by itself, Newton's method at the nonlinear node. One circuit a module:

* ``overdrive``: diodes in an op-amp's feedback; ``distortion``: diodes to ground behind a loud
  op-amp; ``fuzz_sustain``: four gain stages, two with diodes in feedback; ``fuzz_raw``: two
  transistors, the second biased near saturation; ``amp_crunch``, ``amp_lead``: triode stages.
* ``parts``: what they are solved with; ``linear``: filters from their analog transfer functions.

A circuit is a *core*, nonlinear and moved by its first control, then linear stages: a tone control
and a level. Units: volt, ohm, farad, ampere, second; one sample of 1.0 is one volt at the input.
Controls run from 0 to 1.
"""

from .circuit import RATE, Circuit

__all__ = ["RATE", "Circuit", "circuits"]


def circuits() -> dict[str, Circuit]:
    """All circuits by name."""
    from . import amp, distortion, fuzz_raw, fuzz_sustain, overdrive

    found = (
        overdrive.CIRCUIT,
        distortion.CIRCUIT,
        fuzz_sustain.CIRCUIT,
        fuzz_raw.CIRCUIT,
        amp.CRUNCH,
        amp.CRUNCH_CAB,
        amp.LEAD,
        amp.LEAD_CAB,
    )
    return {circuit.name: circuit for circuit in found}
