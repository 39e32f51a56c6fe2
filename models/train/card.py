"""Writes a model's card from its figures, so that no number in it is typed by hand."""

from pathlib import Path

from .dataset import SYNTHETIC, TEST, TRAIN, VALIDATION
from .recipes import Recipe
from .report import number
from .report import table as _table


def _split(figures: dict) -> str:
    missing = figures["training"]["missing_files"]
    rows = []
    for split, sources in (("training", TRAIN), ("validation", VALIDATION), ("test", TEST)):
        seed, seconds = SYNTHETIC["train" if split == "training" else split]
        for source in sources:
            if source.file not in missing:
                gains = ", ".join(f"{g:+.0f} dB" if g else "as recorded" for g in source.gains_db)
                rows.append((split, source.file, gains, source.licence))
        rows.append(
            (split, f"synthetic, seed {seed}, {seconds:.0f} s", "-34 to -2 dB", "this project's")
        )
    rows += [
        ("training", name, "as recorded, -10 dB", "the caller's")
        for name in figures["training"]["extra_files"]
    ]
    return _table(("split", "file", "level", "licence, source"), rows)


def _results(figures: dict) -> str:
    overall = figures["overall"]
    rows = [
        (
            "**overall**",
            f"**{overall['esr']:.4f}**",
            f"{overall['esr_pre_emphasised']:.4f}",
            f"{max(figures['files'][f]['esr_worst_second'] for f in overall['files']):.4f}",
            f"{overall['baseline_scaled_dry']:.3f}",
            f"{overall['baseline_linear_fir']:.3f}",
            "",
        )
    ]
    for name, f in figures["files"].items():
        rows.append(
            (
                name,
                f"{f['esr']:.4f}",
                f"{f['esr_pre_emphasised']:.4f}",
                f"{f['esr_worst_second']:.4f}",
                f"{f['baseline_scaled_dry']:.3f}",
                f"{f['baseline_linear_fir']:.3f}",
                f"{f['peak_dbfs']:.1f} / {f['rms_dbfs']:.1f} ({f['dry_rms_dbfs']:.1f})",
            )
        )
    header = (
        "held-out file",
        "ESR",
        "ESR, pre-emphasised",
        "worst second",
        "scaled dry",
        "linear FIR",
        "peak / RMS dBFS (dry RMS)",
    )
    return _table(header, rows)


def _sweep(figures: dict) -> str:
    told = figures["report"]
    bar = told["bars"][0]
    rows = [
        (", ".join(f"{k} {v:g}" for k, v in point["settings"].items()), f"{point['value']:.5f}")
        for point in told["sweep"]
    ]
    return (
        f"Median {bar['median']:.5f}, worst **{bar['worst']:.5f}** (bar {bar['limit']}).\n\n"
        + _table(("setting", "ESR, all held-out playing"), rows)
    )


def _seeds(figures: dict) -> str:
    seeds = figures.get("seeds")
    if not seeds:
        return "One seed, so no spread is known."
    listed = ", ".join(f"{k}: {number(v)}" for k, v in seeds["worst"].items())
    return f"Worst setting by seed: {listed}."


def _baselines(figures: dict) -> str:
    return "; ".join(f"{k} {number(v)}" for k, v in figures["report"]["baselines"].items())


def _network(recipe: Recipe, training: dict) -> str:
    return f"""\
What stands before the first nonlinear part is known (`front.py`), what follows the last one is
linear: both are FIRs, fitted by least squares and blended by the knobs. Between them is what was
trained: an LSTM of {recipe.hidden} cells behind a FIR of 16 taps, beside a static path,
{training["weights"]} weights; the FIRs have {training["fixed_taps"]} taps.
Trained on {training["seconds_of_audio"]} s, \
{training["updates"]} updates of 16 × {recipe.chunk} samples,
{training["cpu_seconds"]:.0f} CPU-seconds ({training["device"]}); \
learning rate {recipe.learning_rate}
falling to 1 % at {recipe.updates} updates, seed {training["seed"]}; training ends early where the
validation's mean ESR is below {recipe.enough:g} (0: never). The epoch was chosen on the validation
split. ONNX Runtime and torch differ by {training["onnxruntime_difference"]:.1e}."""


def _stages(recipe: Recipe, training: dict) -> str:
    rate = "the audio rate" if recipe.times == 1 else f"{recipe.times} times the audio rate"
    shared = (
        f"\nIts stages are those of `{recipe.core.replace('_', '-')}`; only the FIR behind them is "
        "its own."
        if recipe.core_of
        else ""
    )
    return f"""\
A row of stages (`stages`) at {rate}: the schematic's capacitors and resistors are known,
what its diodes, transistors or triodes answer was learned, as small functions of \
one or two voltages
without memory: one layer of hidden units each, {training["weights"]} weights in all, \
from examples of
what each part was asked while the device played the training material, in two turns. \
The states come
back after one sample (the key `feedback`). What follows the last stage is linear: FIRs, fitted by
least squares, {training["fixed_taps"]} taps. \
What the stages make above the audio band would fold back
into it: in the fit of what leads down to the audio rate its energy counts {recipe.clean:g} times \
as much
as an error.{shared}
{training["seconds_of_audio"]:.0f} s of the training material were used, \
{training["cpu_seconds"]:.0f} CPU-seconds, seed
{training["seed"]}. Beside the two numbers named below nothing was
chosen by validation. The engine and the simulation that was learned with differ by
{training["engine_difference"]:.1e} at most."""


def _model(recipe: Recipe, training: dict) -> str:
    return (_stages if recipe.times else _network)(recipe, training)


def write_card(path: Path, recipe: Recipe, figures: dict) -> None:
    """Writes the card of ``recipe`` to ``path``."""
    training = figures["training"]
    circuit = recipe.circuit
    knobs = ", ".join(
        f"{name} 0 to 1 (default {default:g})"
        for name, default in zip(circuit.knobs, recipe.defaults, strict=True)
        if name
    )
    levels = ", ".join(f"{k}: {v:.4f}" for k, v in figures["other_levels"].items())
    aliasing = "; ".join(
        f"{k}: {v['model']:.0f} dB (circuit {v['circuit']:.0f} dB)"
        for k, v in figures["aliasing_db"].items()
    )
    hiss = figures["hiss_db"]
    idle = figures["idle_output_dbfs"]
    idle = "digital silence" if idle <= -199 else f"{idle:.0f} dBFS"
    tried = "\n".join(f"- {line}" for line in recipe.tried) or "- none"
    engine = figures.get("engine") or {}
    in_engine = "; ".join(f"{k}: {v['esr']:.5f}" for k, v in engine.items()) or "not measured"
    cost = figures.get("cost") or {}
    of_real_time = (
        f"{cost['realtime_percent']:.2g} % of real time (blocks of 64 frames, one thread, "
        "where the model was made)"
        if cost
        else "not measured"
    )
    path.write_text(
        f"""\
# {recipe.title}

{recipe.description}
Licence: MIT OR Apache-2.0. Sample rate 48 kHz, mono, no latency. Knobs: {knobs}.
One sample of 1.0 is one volt at the input.

This card is written by the recipe; every figure is in `{recipe.file}.json`.

## What it models

{circuit.text}

Solved at 384 kHz with Newton's method (`models/train/circuits`), after Yeh, Abel and Smith,
DAFx-07. `models/train/check.py` compares it with the schematic's transfer function, shows that
every control is heard and that it adds no latency. It models a schematic, not a product.

## Model

{_model(recipe, training)}
{recipe.looks}
Cost: {of_real_time}.

## Data

{_split(figures)}

Whole files: none is in two splits. In training the first knob moves over its whole range.

## Held-out results

### Over the knobs

{_sweep(figures)}

The level knob is a factor and changes no ratio. {_seeds(figures)}

### At the default setting

{_results(figures)}

ESR is sum (y - p)² / sum y²; files are played after 0.5 s of silence. Worst second: among seconds
above -50 dBFS. Scaled dry: the input times the best constant. Linear FIR: 256 taps fitted on the
test file itself. At other input levels: {levels}. In the Rust engine (`tonegraft compare`):
{in_engine}.

Baselines over both files: {_baselines(figures)}.

### Hiss, silence, aliasing

Silence in gives {idle} out, from the very first sample. Between the harmonics of a sustained note
with a noise floor of -66 dBFS: {hiss["model"]:.1f} dB (circuit {hiss["circuit"]:.1f} dB). Aliasing
(energy beside the harmonics of a sine): {aliasing}.
Loudness for the standard signal: {figures["loudness_db"]:.1f} dB.

## Settings tried

{tried}

## Limits

- It aliases more than the circuit does; see the figures above.
- Levels well above full scale and inputs unlike instruments were not tested.
- No listening test was held.
- At another sample rate than 48 kHz the player converts.

## Make it again

    models/train/run {recipe.file} --audio DIR
""",
        encoding="utf-8",
    )
