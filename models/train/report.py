"""``models/REPORT.md`` from ``models/shipped/*.json``: no number in it is typed by hand.

A model has a row if its figures have a ``report`` object: ``title``, ``category``, ``pipeline``
(``learned``, ``grey-box, learned`` or ``grey-box``), ``bars`` (``measure``, ``limit``, ``unit``,
``median``, ``worst``), ``sweep`` (``settings``, ``value`` of the first bar's measure),
``baselines``, ``idle_dbfs``, ``notes``.
"""

import json
import subprocess
from pathlib import Path

from . import rates

_MODELS = Path(__file__).resolve().parent.parent
_IMAGES = _MODELS.parent / "docs" / "images" / "models"


_MOST = 8
"""Rows of a sweep that is no grid."""


def table(header: tuple[str, ...], rows: list[tuple]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(header) + " |", "|" + " --- |" * len(header)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def number(value: float | None) -> str:
    """Three digits that count."""
    return "" if value is None else f"{value:.3g}"


def _level(value: float | None) -> str:
    if value is None:
        return ""
    return "digital silence" if value <= -199 else f"{value:.0f} dBFS"


def _costs(models: dict[str, dict], shipped: Path, tonegraft: Path | None) -> dict[str, float]:
    """Per cent of real time by ``tonegraft bench``; without the command, or where it cannot play a
    file, what the figures of the model say."""
    costs = {}
    for name, figures in models.items():
        costs[name] = (figures.get("cost") or {}).get("realtime_percent")
        if tonegraft is None:
            continue
        command = [str(tonegraft), "bench", str(shipped / f"{name}.onnx"), "--block", "64"]
        done = subprocess.run([*command, "--json"], capture_output=True, text=True, check=False)
        if done.returncode == 0:
            costs[name] = json.loads(done.stdout.splitlines()[0])["realtime_percent"]
    return costs


def _rows(models: dict[str, dict], costs: dict[str, float]) -> list[tuple]:
    rows = []
    for name, figures in models.items():
        told = figures["report"]
        for k, bar in enumerate(told["bars"]):
            unit = f" {bar['unit']}" if bar.get("unit") else ""
            verdict = "yes" if bar["worst"] <= bar["limit"] else "**no**"
            first = k == 0
            rows.append(
                (
                    f"[{told['title']}](shipped/{name}.md)" if first else "",
                    told["category"] if first else "",
                    told["pipeline"] if first else "",
                    bar["measure"],
                    f"{number(bar['limit'])}{unit}",
                    number(bar.get("median")),
                    f"**{number(bar['worst'])}**",
                    verdict,
                    _level(told.get("idle_dbfs")) if first else "",
                    number(figures.get("loudness_db", figures.get("loudness"))) if first else "",
                    number(costs.get(name)) if first else "",
                )
            )
    return rows


def _sweep(told: dict) -> str:
    """The sweep as a grid of the first two settings, or as a list."""
    points = told.get("sweep") or []
    if not points:
        return ""
    names = list(points[0]["settings"])
    measure = told["bars"][0]["measure"]
    if len(names) == 2 and all(list(p["settings"]) == names for p in points):
        first = sorted({p["settings"][names[0]] for p in points})
        second = sorted({p["settings"][names[1]] for p in points})
        values = {tuple(p["settings"].values()): number(p["value"]) for p in points}
        rows = [(f"**{a:g}**", *(values.get((a, b), "") for b in second)) for a in first]
        return f"{measure}:\n\n" + table(
            (f"{names[0]} \\ {names[1]}", *(f"{b:g}" for b in second)), rows
        )
    much = len(points) > _MOST
    shown = sorted(points, key=lambda p: -p["value"])[:_MOST] if much else points
    title = f"{measure}, the {_MOST} worst of {len(points)} settings" if much else measure
    rows = [
        (", ".join(f"{k} {v:.3g}" if isinstance(v, (int, float)) else f"{k} {v}"
                   for k, v in p["settings"].items()), number(p["value"]))
        for p in shown
    ]
    return f"{title}:\n\n" + table(("setting", "value"), rows)


def _section(name: str, figures: dict) -> str:
    told = figures["report"]
    parts = [
        f"## {told['title']}",
        f"`{name}.onnx`, {told['category']}; [card](shipped/{name}.md).",
    ]
    if told.get("baselines"):
        baselines = ", ".join(f"{k} {number(v)}" for k, v in told["baselines"].items())
        heard = (
            "scaled dry and linear FIR over all settings (median), others at the default one"
            if told.get("pipeline") == "grey-box"
            else "same measure and audio as at the default setting"
        )
        parts.append(f"Baselines, {heard}: {baselines}.")
    extra = []
    for key, title in (("hiss_db", "Between the harmonics of a sustained note"),):
        if figures.get(key):
            pair = figures[key]
            extra.append(f"{title}: {pair['model']:.1f} dB (reference {pair['circuit']:.1f} dB).")
    if figures.get("aliasing_db"):
        told_alias = "; ".join(
            f"{k}: {v['model']:.0f} dB (reference {v['circuit']:.0f} dB)"
            for k, v in figures["aliasing_db"].items()
        )
        extra.append(f"Aliasing (ASR) of a sine: {told_alias}.")
    engine = figures.get("engine")
    if engine:
        ratios = "; ".join(f"{k}: {v['esr']:.5f}" for k, v in engine.items())
        extra.append(f"In the Rust engine, default setting, ESR: {ratios}.")
    seeds = figures.get("seeds")
    if seeds:
        listed = ", ".join(f"{k}: {number(v)}" for k, v in seeds["worst"].items())
        extra.append(f"Worst setting by seed: {listed}.")
    parts += [" ".join(extra)] if extra else []
    parts += [f"- {note}" for note in told.get("notes", [])]
    parts.append(_sweep(told))
    for suffix, title in (("wave", "clean, reference, model"), ("mel", "mel-spectrograms")):
        if (_IMAGES / f"{name}-{suffix}.png").is_file():
            parts.append(f"![{told['title']}: {title}](../docs/images/models/{name}-{suffix}.png)")
    return "\n\n".join(p for p in parts if p)


def write(
    shipped: Path = _MODELS / "shipped",
    out: Path = _MODELS / "REPORT.md",
    tonegraft: Path | None = None,
) -> Path:
    """Writes the report on all models in ``shipped``."""
    models = {}
    for path in sorted(shipped.glob("*.json")):
        figures = json.loads(path.read_text(encoding="utf-8"))
        if "report" in figures:
            models[path.stem] = figures
    total = sum(p.stat().st_size for p in shipped.glob("*.onnx"))
    header = (
        "model", "category", "how", "measure", "bar", "median", "worst", "kept",
        "silence in gives", "loudness, dB", "cost, % of real time",
    )
    text = f"""\
# Report on the shipped models

Written by `models/train/run report` from `models/shipped/*.json`; the recipes are \
in `models/train`.
{len(models)} models, {total / 1024:.0f} KiB. ESR is sum (y - p)² / sum y² without pre-emphasis; \
0 is
perfect, 1 is as bad as silence. All is judged on held-out playing: whole recordings that neither
training nor the choice of an epoch has seen. *Worst* is over the whole range of the knobs. Cost is
that of one mono instance in blocks of 64 frames, one thread, on the machine where the model \
was made.
*How*: learned, a network trained on what goes in and comes out; grey-box, learned: \
a row of stages whose
capacitors and resistors are known and whose diodes, transistors and triodes are learned
(`models/train/stages`); grey-box: a known structure, its parameters fitted. \
The references of the first two
are circuits of our own, simulated (`models/train/circuits`), and the stages are built on the same
schematics: their figures say how well the parts were learned and are played, \
not how near a product is.
Other networks beside them were trained for the time that stands with them; \
the stages take 20 to 50 s.

{table(header, _rows(models, _costs(models, shipped, tonegraft)))}

No listening test was held, so no claim about audibility is made.

"""
    text += rates.section(shipped) + "\n" if (shipped / "rates.json").is_file() else ""
    text += "\n\n".join(_section(name, figures) for name, figures in models.items()) + "\n"
    out.write_text(text, encoding="utf-8")
    return out
