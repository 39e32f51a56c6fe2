"""Exports PyTorch audio effects to ONNX for Tonegraft, and checks the file against the module.

>>> from tonegraft_export import Knob, check, export
>>> export(net, "fuzz.onnx", name="Fuzz", sample_rate=48_000, knobs=[Knob("Drive", "drive")])
>>> print(check(net, "fuzz.onnx", knobs={"Drive": 0.8}))

What needs torch is loaded when it is first used: metadata are read and written without.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .metadata import Knob, Metadata, MetadataError, annotate, read
from .renderer import RendererError

if TYPE_CHECKING:
    from .checking import CheckError, MismatchError, RefusedError, Report, check
    from .exporting import Exported, ExportError, export

__all__ = [
    "CheckError",
    "ExportError",
    "Exported",
    "Knob",
    "Metadata",
    "MetadataError",
    "MismatchError",
    "RefusedError",
    "RendererError",
    "Report",
    "annotate",
    "check",
    "export",
    "read",
]
__version__ = "0.1.0"

_CHECKING = ("CheckError", "MismatchError", "RefusedError", "Report", "check")
_EXPORTING = ("ExportError", "Exported", "export")


def __getattr__(name: str) -> Any:  # noqa: ANN401
    if name in _CHECKING:
        from . import checking

        return getattr(checking, name)
    if name in _EXPORTING:
        from . import exporting

        return getattr(exporting, name)
    raise AttributeError(f"{__name__} has no {name}")
