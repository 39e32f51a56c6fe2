"""``models/train/run process``: dry audio through a reference, with the checks that keep a training
from learning something else than the effect.

``process --lv2 URI`` plays by ``lv2apply``, ``process --vst3 FILE`` by ``pedalboard``;
``process --reaper CHAIN.RfxChain`` writes a list for ``reaper -batchconvert`` and
``process --wet WET.wav`` takes what that, or a device, has made. Each gives WET aligned with DRY:

- a second of silence is played first and cut off again, so that the effect has settled;
- anything that the host says on its error output ends it;
- every control that is set is turned to both ends, and has to change the output;
- what comes out is finite, not silent, not beyond full scale, without flat tops that were not
  there;
- the delay is measured and taken off.
"""

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import soundfile

from . import hosts
from .metrics import decibels, esr
from .recording import clipped, lag, onset, read

SETTLE_SECONDS = 1.0
PROBE_SECONDS = 4.0
HEARD = 1e-6
"""The least change of the output, in parts of its power, that counts as one."""

QUIET_DB = -60.0

Play = Callable[[np.ndarray, Mapping[str, float]], np.ndarray]
"""Audio ``[n]`` and controls to ``[n]``, from a fresh instance."""


class BadReference(Exception):
    """What was played is nothing to train on; the text says what, and what to do."""


def settled(play: Play, x: np.ndarray, controls: Mapping[str, float], rate: int) -> np.ndarray:
    """``play`` after silence that is cut off again: ``[n]`` to ``[n]``."""
    silence = np.zeros(int(SETTLE_SECONDS * rate))
    y = play(np.concatenate([silence, x]), controls)
    if len(y) < len(silence) + len(x):
        raise BadReference(
            f"{len(silence) + len(x)} frames went in and {len(y)} came out: the plugin does not "
            "give a frame for a frame, choose another one."
        )
    return y[len(silence) : len(silence) + len(x)]


def dead_controls(
    play: Play,
    x: np.ndarray,
    settings: Mapping[str, float],
    ranges: Mapping[str, tuple[float, float]],
    rate: int,
) -> list[str]:
    """Those of ``ranges`` (control to its ends) that do not change what comes out for ``x``."""
    dead = []
    for name, ends in ranges.items():
        low, high = (settled(play, x, dict(settings) | {name: end}, rate) for end in ends)
        loudest = max((low, high), key=lambda y: float(np.sum(y**2)))
        other = low if loudest is high else high
        if not np.any(loudest) or esr(loudest, other) < HEARD:
            dead.append(name)
    return dead


def check_level(x: np.ndarray, y: np.ndarray) -> None:
    """Raises ``BadReference`` for an output ``[n]`` that is not usable beside the input."""
    if not np.isfinite(y).all():
        raise BadReference("What comes out has samples that are not numbers.")
    level = decibels(float(np.sqrt(np.mean(y**2))))
    if level < QUIET_DB:
        raise BadReference(
            f"What comes out is silent, or nearly so ({level:.0f} dB RMS): is it bypassed, does it "
            "lack a channel, is its output turned down?"
        )
    peak = float(np.max(np.abs(y)))
    if peak > 1.0:
        raise BadReference(
            f"What comes out peaks at {decibels(peak):+.1f} dBFS: turn its output, or the input, "
            "down by that much, since a plugin that is overloaded is another effect."
        )
    flat = clipped(y)
    if peak > 0.98 and flat > 1e-4 * len(y) and clipped(x) < flat / 2:
        raise BadReference(
            f"{flat} samples stand at full scale in flat tops: the output is clipped, turn it down."
        )


def aligned(x: np.ndarray, y: np.ndarray, rate: int) -> tuple[np.ndarray, int]:
    """``y [n]`` with its delay against ``x [n]`` taken off (zeros behind it), and that delay in
    samples. Raises ``BadReference`` where it is ahead: no effect plays the future."""
    rough, certain = lag(x, y, min(rate, len(x) // 2))
    if certain < 8.0:
        # Nothing to measure by: an effect that resembles its input at no delay has none to take
        # off.
        return y, 0
    delay = onset(x, y, rough)
    if delay < -8:
        raise BadReference(
            f"What comes out is {-delay} samples ahead of the input: the files are swapped or cut."
        )
    if delay <= 4:
        # Too near to be told from the effect's own rise.
        return y, 0
    return np.concatenate([y[delay:], np.zeros(delay)]), delay


def _read(path: Path) -> tuple[np.ndarray, int]:
    x, rate = read(path, BadReference)
    if not np.isfinite(x).all() or len(x) < rate:
        raise BadReference(f"{path}: give at least a second of audio, all of it numbers.")
    return x.mean(axis=1), rate


def _excerpt(x: np.ndarray, rate: int) -> np.ndarray:
    """The loudest stretch, to turn the controls on."""
    length = min(len(x), int(PROBE_SECONDS * rate))
    energy = np.cumsum(np.concatenate([[0.0], x**2]))
    at = int(np.argmax(energy[length:] - energy[: len(energy) - length]))
    return x[at : at + length]


def process(
    x: np.ndarray,
    rate: int,
    play: Play,
    settings: Mapping[str, float],
    ranges: Mapping[str, tuple[float, float]],
) -> tuple[np.ndarray, list[str]]:
    """``x [n]`` through ``play``, checked and aligned, and what is to be said about it.

    ``ranges`` are all controls that can be turned; those of them that ``settings`` names have to be
    heard. Raises ``BadReference``."""
    notes = []
    probe = _excerpt(x, rate)
    turned = {k: ranges[k] for k in settings if k in ranges}
    dead = dead_controls(play, probe, settings, turned, rate)
    if dead:
        raise BadReference(
            f"These controls change nothing: {', '.join(dead)}. Is the effect on, is its mix up? A "
            "plugin that misses a feature of its host may run and ignore its controls."
        )
    y = settled(play, x, settings, rate)
    check_level(x, y)
    again = settled(play, probe, settings, rate)
    first = settled(play, probe, settings, rate)
    if not np.array_equal(again, first):
        notes.append(
            "Played twice it differs: something in it is random or moves by itself, which a "
            "network cannot learn."
        )
    y, delay = aligned(x, y, rate)
    notes.append(f"It is {delay} samples late; that was taken off." if delay else "No delay.")
    notes.append(f"Level {decibels(np.std(y) / max(np.std(x), 1e-12)):+.1f} dB.")
    return y, notes


def reaper_list(chain: Path, dry: list[Path], out: Path, rate: int) -> str:
    """The text of a list for ``reaper -batchconvert``: each file through the FX chain, into ``out``
    as 32-bit float WAV."""
    for path in (chain, *dry):
        if '"' in str(path) or "\n" in str(path):
            raise BadReference(f"{path}: Reaper's list cannot name a path with a quotation mark.")
    files = "\n".join(str(path.resolve()) for path in dry)
    return f"""\
{files}
<CONFIG
  SRATE {rate}
  NCH 1
  FXCHAIN "{chain.resolve()}"
  OUTPATH "{out.resolve()}"
  OUTPATTERN "$item"
  <OUTFMT
    ZXZhdyAAAA==
  >
>
"""


def _arguments(given: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="models/train/run process",
        description=__doc__.replace("``", ""),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    way = parser.add_mutually_exclusive_group(required=True)
    way.add_argument("--lv2", metavar="URI", help="an LV2 plugin, by lv2apply (Debian: lilv-utils)")
    way.add_argument("--vst3", type=Path, metavar="FILE", help="a VST3 plugin, by pedalboard")
    way.add_argument("--reaper", type=Path, metavar="CHAIN", help="an .RfxChain: write a list")
    way.add_argument("--wet", type=Path, help="what Reaper, or a device, made of DRY")
    parser.add_argument("dry", type=Path, metavar="DRY", help="what goes in, clean")
    parser.add_argument("out", type=Path, metavar="OUT", help="WET.wav; with --reaper the list")
    parser.add_argument(
        "--set", action="append", default=[], metavar="CONTROL=VALUE", help="may be repeated"
    )
    parser.add_argument(
        "--channels", type=int, choices=(1, 2), help="of the plugin (both are tried)"
    )
    return parser.parse_args(given)


def _settings(given: list[str], ranges: Mapping[str, tuple[float, float]]) -> dict[str, float]:
    settings = {}
    for item in given:
        name, equals, value = item.partition("=")
        try:
            number = float(value)
        except ValueError:
            equals = ""
        if not equals or name not in ranges:
            raise BadReference(
                f"--set {item}: write CONTROL=VALUE; there are "
                f"{', '.join(ranges) or 'no controls'}."
            )
        low, high = ranges[name]
        if not low <= number <= high:
            raise BadReference(f"--set {item}: {name} goes from {low:g} to {high:g}.")
        settings[name] = number
    return settings


def run(args: argparse.Namespace) -> list[str]:
    """Does what the command line says; returns what there is to say."""
    x, rate = _read(args.dry)
    if args.reaper is not None:
        if not args.reaper.is_file():
            raise BadReference(
                f"{args.reaper}: no such file; save the FX chain from Reaper's FX window."
            )
        folder = args.out.parent / f"{args.out.stem}-wet"
        folder.mkdir(parents=True, exist_ok=True)
        padded = folder / f"{args.dry.stem}.wav"
        silence = np.zeros(int(SETTLE_SECONDS * rate))
        soundfile.write(padded, np.concatenate([silence, x]), rate, subtype="FLOAT")
        done = folder / "done"
        args.out.write_text(reaper_list(args.reaper, [padded], done, rate), encoding="utf-8")
        wet = done / padded.name
        return [
            f"Wrote {args.out}. Now: reaper -batchconvert {args.out}",
            f"Then: models/train/run process --wet {wet} {padded} OUT.wav",
        ]
    if args.wet is not None:
        y, wet_rate = _read(args.wet)
        if wet_rate != rate:
            raise BadReference(f"{args.dry} is at {rate} Hz, {args.wet} at {wet_rate} Hz.")
        length = min(len(x), len(y))
        x, y = x[:length], y[:length]
        check_level(x, y)
        y, delay = aligned(x, y, rate)
        notes = [f"It is {delay} samples late; that was taken off." if delay else "No delay."]
        notes.append("Its controls could not be turned: listen whether it is the effect.")
    else:
        host = (
            hosts.lv2(args.lv2, rate, args.channels)
            if args.lv2
            else hosts.vst3(args.vst3, rate, args.channels)
        )
        settings = _settings(args.set, host.ranges)
        y, notes = process(x, rate, host.play, settings, host.ranges)
    soundfile.write(args.out, y, rate, subtype="FLOAT")
    return [*notes, f"Wrote {args.out}: {len(y) / rate:.1f} s at {rate} Hz."]


def main(given: list[str]) -> None:
    """Processes, or says in a sentence why not."""
    try:
        for line in run(_arguments(given)):
            print(line)
    except (BadReference, hosts.HostError) as error:
        raise SystemExit(f"Not processed. {error}") from error
