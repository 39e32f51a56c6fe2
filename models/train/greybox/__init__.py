"""Grey-box effects: a known structure, its parameters fitted to what a reference does.

``EFFECTS`` is the table of what can be made; each effect is a module of its own. Nothing is
trained by gradient descent: the fits are least squares on measured delays, gains and curves.
"""

from .chorus import CHORUS
from .compressor import COMPRESSOR
from .delay import DELAY
from .effect import Effect
from .filters import HIGH_PASS, LOW_PASS
from .flanger import FLANGER
from .octave import OCTAVE
from .phaser import PHASER
from .reverb import REVERB

_ALL = (
    CHORUS,
    COMPRESSOR,
    DELAY,
    FLANGER,
    HIGH_PASS,
    LOW_PASS,
    OCTAVE,
    PHASER,
    REVERB,
)

EFFECTS: dict[str, Effect] = {effect.name: effect for effect in _ALL}
