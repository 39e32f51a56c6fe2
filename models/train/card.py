"""Writes a model's card from its figures, so that no number in it is typed by hand."""

from pathlib import Path

from .dataset import SYNTHETIC, TEST, TRAIN, VALIDATION
from .recipes import Recipe

_CIRCUITS = {
    "overdrive": """\
A non-inverting op-amp with an anti-parallel diode pair in its feedback (soft clipping), of our own
values. Input coupling 22 nF into 470 kΩ; leg to ground 4.3 kΩ + 56 nF, so that only what lies above
661 Hz is driven hard (the mid hump); feedback 22 kΩ + 480 kΩ · drive², 82 pF and the diodes; tone
shelf 1 kΩ against 150 nF + 33 Ω + 1.8 kΩ · tone²; output low-pass 3.3 kΩ, 6.8 nF.

With `v` the feedback voltage, `i` the leg's current and `u` the coupled input:

    i = (u - v_c) / Rg        C_g dv_c/dt = i
    C_f dv/dt = i - v / R_f - 2 I_s sinh(v / (n V_t))        out of the stage: u + v

The op-amp is ideal: it has neither rails nor a slew rate.""",
    "distortion": """\
A high-gain non-inverting op-amp that reaches its (uneven) rails, then an anti-parallel diode pair
to ground (hard clipping), of our own values. Input coupling 10 nF into 1 MΩ; gain leg 2.7 kΩ +
150 nF, feedback 4.7 kΩ + 245 kΩ · drive² with 100 pF; rails +4.2 V and -3.6 V, smooth; 470 nF and
2.2 kΩ into 15 nF, 100 kΩ and the diodes; tone as a blend of an 800 Hz low-pass and a 1.3 kHz
high-pass (a mid scoop); output low-pass 2.2 kΩ, 10 nF, make-up gain 2 · level.

With `u` the op-amp's output, `v` the diode voltage, `v_c` that of the coupling capacitor:

    i = (u - v_c - v) / R_s        C_c dv_c/dt = i
    C_d dv/dt = i - v / R_l - 2 I_s sinh(v / (n V_t))

The op-amp has no slew rate.""",
}


def _table(header: tuple[str, ...], rows: list[tuple]) -> str:
    lines = ["| " + " | ".join(header) + " |", "|" + " --- |" * len(header)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)


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
            "",
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
                f"{f['esr_from_zero_state']:.4f}",
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
        "from zero state",
        "scaled dry",
        "linear FIR",
        "peak / RMS dBFS (dry RMS)",
    )
    return _table(header, rows)


def _knob(recipe: Recipe, figures: dict) -> str:
    knob = figures.get("drive_knob")
    if knob is None:
        return ""
    low, high = recipe.drive_range
    settings = {float(k): v for k, v in knob["esr"].items()}
    inside = ", ".join(f"{k:g}: {v:.4f}" for k, v in settings.items() if low <= k <= high)
    outside = ", ".join(f"{k:g}: {v:.4f}" for k, v in settings.items() if not low <= k <= high)
    beyond = f" Outside the knob's range: {outside}." if outside else ""
    return (
        f"\nOverall by the Drive knob: median {knob['median']:.4f}, worst {knob['worst']:.4f}. "
        f"By setting: {inside}.{beyond} The table above is the default.\n"
    )


def write_card(path: Path, recipe: Recipe, figures: dict) -> None:
    """Writes the card of ``recipe`` to ``path``."""
    training = figures["training"]
    low, high = recipe.drive_range
    knobs = (
        f"Drive, {low:g} to {high:g}, default {recipe.drive}"
        if recipe.knob
        else f"none (drive {recipe.drive})"
    )
    levels = ", ".join(f"{k}: {v:.4f}" for k, v in figures["other_levels"].items())
    aliasing = "; ".join(
        f"{k}: {v['model']:.0f} dB (circuit {v['circuit']:.0f} dB)"
        for k, v in figures["aliasing_db"].items()
    )
    idle = figures["idle_output_dbfs"]
    idle = "digital silence" if idle <= -200 else f"{idle:.0f} dBFS"
    tried = "\n".join(f"- {line}" for line in recipe.tried) or "- none"
    macs = 4 * recipe.hidden * (recipe.hidden + recipe.features) + recipe.hidden
    path.write_text(
        f"""\
# {recipe.title}

{recipe.description}
Licence: MIT OR Apache-2.0. Sample rate 48 kHz, mono, no latency.
Controls: tone {recipe.tone}, level {recipe.level}; knobs: {knobs}. One sample of 1.0 is one volt.

This card is written by the recipe; every figure is in `{recipe.name}.json`.

## What it models

{_CIRCUITS[recipe.circuit.name]}

Solved at 384 kHz with Newton's method (`models/train/circuits.py`), after Yeh, Abel and Smith,
DAFx-07. `python -m train.check` compares it with the schematic's transfer function, shows that
every control is heard and that it adds no latency. It models a schematic, not a product.

## Network

A residual LSTM, {recipe.hidden} cells, {training["weights"]} weights, about {macs} multiply-adds a
sample. Trained on {training["seconds_of_audio"]} s, {training["updates"]} updates of 16 × 1024
samples, {training["cpu_seconds"]:.0f} CPU-seconds of one core; learning rate {recipe.learning_rate}
falling to 2 %, seed {recipe.seed}, one run. The epoch was chosen on the validation split;
the test split was judged once for each training listed here. ONNX Runtime and torch differ by {training["onnxruntime_difference"]:.1e}.

## Data

{_split(figures)}

Whole files: none is in two splits.

## Held-out results

{_results(figures)}

ESR is sum (y - p)² / sum y²; files are played after 0.5 s of silence. Worst second: among seconds
above -50 dBFS. Scaled dry: the input times the best constant. Linear FIR: 256 taps fitted on the
test file itself. Overall at other input levels: {levels}.
{_knob(recipe, figures)}
Silence in gives {idle} out, from the very first sample.

## Settings tried

{tried}

## Limits

- It aliases, as a network without oversampling does. Energy beside the harmonics of a -12 dBFS
  sine: {aliasing}.
- Levels well above full scale and inputs unlike instruments were not tested.
- One seed, so no spread is known. No listening test was held.
- At another sample rate than 48 kHz it sounds different.

## Make it again

    models/train/run {recipe.name} --audio DIR
""",
        encoding="utf-8",
    )
