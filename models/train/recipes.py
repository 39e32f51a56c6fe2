"""What each shipped model is made from. A recipe and its seed decide the file."""

from dataclasses import dataclass

from .circuits import DISTORTION, OVERDRIVE, Circuit


@dataclass(frozen=True)
class Recipe:
    """A circuit at a setting, and the network that learns it.

    ``drive`` is a number for a model with fixed controls, or ``None`` for a model with a Drive knob.
    ``input_scale`` brings a guitar's small samples to the size a fresh network expects; it is folded
    into the weights on export.
    """

    name: str
    title: str
    circuit: Circuit
    category: str
    description: str
    drive: float | None
    tone: float
    level: float
    hidden: int
    updates: int
    input_scale: float
    learning_rate: float = 8e-3
    seed: int = 20_071
    features: int = 1
    tried: tuple[str, ...] = ()


RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            name="overdrive",
            title="Tonegraft Overdrive",
            circuit=OVERDRIVE,
            category="overdrive",
            description="Soft clipping with a mid hump: diodes in an op-amp's feedback, then a tone shelf.",
            drive=0.6,
            tone=0.5,
            level=0.55,
            hidden=24,
            updates=12_000,
            input_scale=4.0,
        ),
        Recipe(
            name="distortion",
            title="Tonegraft Distortion",
            circuit=DISTORTION,
            category="distortion",
            description="Hard clipping: a high-gain op-amp, then diodes to ground and a scooped tone.",
            drive=0.65,
            tone=0.45,
            level=0.78,
            hidden=24,
            updates=12_000,
            input_scale=8.0,
        ),
    )
}
