"""Makes one grey-box effect: fit, graph, judgement, card."""

import json
import time
from pathlib import Path

import numpy as np
import onnx

from .card import write_card
from .effect import Effect, Parameters
from .graph import set_keys
from .judge import judge


def _rounded(value: object) -> object:
    """Numbers with nine digits: enough for 32 bits, and files that can be read."""
    if isinstance(value, dict):
        return {k: _rounded(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(v) for v in value]
    if isinstance(value, float | np.floating):
        return float(f"{float(value):.9g}")
    return value


def write_model(effect: Effect, parameters: Parameters, path: Path) -> None:
    """Builds the graph with the keys of ``models/FORMAT.md`` and writes it to ``path``."""
    graph, output = effect.graph(parameters)
    keys = {
        "name": effect.title,
        "category": effect.category,
        "author": "Tonegraft",
        "licence": "MIT OR Apache-2.0",
        "description": effect.description,
    }
    if effect.tail is not None:
        keys["tail"] = f"{effect.tail:g}"
    onnx.save(graph.model(output, keys), path)


def _report(effect: Effect, figures: dict) -> dict:
    """What the report over all models takes from these figures."""
    bars = list(figures.get("bars", []))
    sweep, baselines = figures.get("sweep", []), figures.get("baselines", {})
    if "waveforms" in figures:
        found = figures["waveforms"]
        bars.insert(0, {"measure": "ESR", "limit": effect.bar, "unit": ""} | found["esr"])
        sweep = [{"settings": r["settings"], "value": r["esr"]} for r in found["rows"]]
        baselines = {
            "scaled dry": found["scaled_dry"]["median"],
            "linear FIR": found["linear_fir"]["median"],
        }
    return {
        "title": effect.title,
        "category": effect.category,
        "pipeline": "grey-box",
        "bars": bars,
        "sweep": sweep,
        "baselines": baselines,
        "idle_dbfs": figures["idle_output_dbfs"],
        "notes": list(effect.limits),
        "presets": [
            {"name": name, "knobs": effect.defaults() | knobs} for name, knobs in effect.presets
        ],
    }


def make(effect: Effect, audio: Path, out: Path) -> dict:
    """Writes ``NAME.onnx``, ``NAME.json`` and ``NAME.md`` into ``out``; returns the figures. What
    ``baselines.py`` put there of other networks is kept."""
    started = time.process_time()
    parameters = _rounded(effect.fit())
    fitted = time.process_time() - started
    path = out / f"{effect.name}.onnx"
    write_model(effect, parameters, path)
    figures = judge(effect, path, audio, parameters)
    figures["cpu_seconds"] = {
        "fit": round(fitted, 1),
        "all": round(time.process_time() - started, 1),
    }
    figures = _rounded(figures)
    figures["report"] = _report(effect, figures)
    shipped = out / f"{effect.name}.json"
    before = json.loads(shipped.read_text()) if shipped.is_file() else {}
    for key in ("more_baselines", "more_baselines_data"):
        if key in before:
            figures[key] = before[key]
    figures["report"]["baselines"] |= before.get("more_baselines", {})
    keys = {"loudness": f"{figures['loudness']:.2f}"}
    if "esr" in figures["overall"]:
        keys["training_esr"] = f"{figures['overall']['esr']:.7f}"
    set_keys(path, keys)
    shipped.write_text(json.dumps(figures, indent=1) + "\n")
    write_card(out / f"{effect.name}.md", effect, figures)
    return figures
