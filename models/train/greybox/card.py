"""Writes the card of a grey-box effect from its figures; no number in it is typed by hand."""

from pathlib import Path

from ..dataset import TEST
from .effect import Effect


def _table(header: tuple[str, ...], rows: list[tuple]) -> str:
    lines = ["| " + " | ".join(header) + " |", "|" + " --- |" * len(header)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def _knobs(effect: Effect) -> str:
    rows = [
        (
            k.name,
            f"{k.low:g} to {k.high:g}{' ' + k.unit if k.unit else ''}",
            f"{k.default:g}",
            "by ratios" if k.log else "evenly",
        )
        for k in effect.knobs
    ]
    return _table(("knob", "range", "default", "turns"), rows)


def _waveforms(effect: Effect, figures: dict) -> str:
    w = figures.get("waveforms")
    if w is None:
        return ""
    names = {
        "esr": "**model**",
        "esr_pre_emphasised": "model, both pre-emphasised",
        "scaled_dry": "scaled dry",
        "linear_fir": "best linear FIR, 256 taps",
    }
    summary = [
        (label, f"{w[key]['median']:.2g}", f"{w[key]['worst']:.2g}")
        for key, label in names.items()
    ]
    rows = [
        (
            ", ".join(f"{k} {v:.3g}" for k, v in row["settings"].items()),
            f"{row['esr']:.2g}",
            f"{row['scaled_dry']:.2g}",
            f"{row['linear_fir']:.2g}",
        )
        for row in w["rows"]
    ]
    kept = w["esr"]["worst"] <= effect.bar
    clips = "; ".join(figures["overall"]["files"])
    played = f"stereo made of the held-out files are played ({clips})"
    return f"""\
Error-to-signal ratio over {len(rows)} settings: 16 drawn over the whole range of all knobs (seed
fixed, none on the grid of the fit), the default, and each knob at both ends. The
first 6 s of {"each held-out file are played" if effect.channels == 1 else played},
after half a second of silence.

{_table(("", "median", "worst"), summary)}

{"The bar is kept" if kept else "**The bar is missed at the worst setting**"}: {effect.bars}.

<details><summary>By setting</summary>

{_table(("settings", "ESR", "scaled dry", "linear FIR"), rows)}

</details>
"""


def _networks(effect: Effect, figures: dict) -> str:
    found = figures.get("more_baselines")
    if not found:
        return ""
    data = figures["more_baselines_data"]
    default = next(
        r for r in figures["waveforms"]["rows"] if r["settings"] == effect.defaults()
    )
    heard = (
        ", as on a mono track (the mean of both channels)" if effect.channels == 2 else ""
    )
    rows = [(title, f"{value:.2g}") for title, value in found.items()]
    rows.append(("**this model**, on the excerpts above", f"{default['esr']:.2g}"))
    return f"""\
## Other ways, on the same data (default setting)

Fitted to {data["train_seconds"]:.0f} s of synthetic playing and what the reference makes of
it{heard}, all knobs at their defaults; judged by the
error-to-signal ratio over the first {data["test_seconds"]:g} s of each held-out file, after half a
second of silence. Beside each network stands what its training took.

{_table(("form", "ESR"), rows)}

"""


def _further(figures: dict) -> str:
    return "\n".join(f"- {name}: {text}" for name, text in figures.get("said", {}).items())


def _parameters(parameters: dict) -> str:
    def text(value: object) -> str:
        if isinstance(value, list):
            return ", ".join(text(v) for v in value)
        return f"{value:.6g}" if isinstance(value, float) else str(value)

    return _table(("parameter", "fitted"), [(k, text(v)) for k, v in parameters.items()])


def write_card(path: Path, effect: Effect, figures: dict) -> None:
    """Writes the card to ``path``."""
    idle = figures["idle_output_dbfs"]
    idle = "digital silence" if idle <= -200 else f"{idle:.0f} dBFS at most"
    heard = "; ".join(
        f"{name} {change['reference']:.2g} (model {change['model']:.2g})"
        for name, change in figures["controls"].items()
    )
    files = [
        (s.file, "test", s.licence) for s in TEST if s.file not in figures["missing_files"]
    ]
    tried = "\n".join(f"- {line}" for line in effect.tried) or "- nothing else"
    limits = "\n".join(f"- {line}" for line in effect.limits) or "- none known"
    further = _further(figures)
    seconds = figures["cpu_seconds"]
    path.write_text(
        f"""\
# {effect.title}

{effect.description}
Licence: MIT OR Apache-2.0. Sample rate 48 kHz, {figures["latency_samples"]} samples of latency.

This card is written by the recipe; every figure is in `{effect.name}.json`.

{_knobs(effect)}

## What it is fitted to

{effect.reference_text}

## Structure

{effect.structure_text}

{_parameters(figures["parameters"])}

The fit took {seconds["fit"]:.0f} CPU-seconds, all of it with the judgement {seconds["all"]:.0f}.

## Held-out results

{_waveforms(effect, figures)}
{further}

From end to end of each knob the output changes by this part of its power, all others at their
defaults: {heard}.

Silence in gives {idle} out over all settings. The engine and ONNX Runtime differ by
{figures["runtime_difference"]:.1e} of the peak at most (0.8 s of playing, two settings).

{_networks(effect, figures)}## Data

Probes for the fit are noise and impulses, made by the recipe. No recording was used to fit.

{_table(("file", "use", "licence, source"), files)}

## Settings tried

{tried}

## Limits

{limits}
- No listening test was held.

## Make it again

    models/train/run {effect.name} --audio DIR
""",
        encoding="utf-8",
    )
