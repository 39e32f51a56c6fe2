"""minihost, block by block: the host in which a test decides everything."""

import time

import minihost
import numpy as np
from common import juce_state

# Seconds for the loader of a live instance; a model takes some milliseconds.
SETTLE = 0.4


def open_plugin(args, rate=48_000, block=512, channels=2, outputs=None, sidechain=0, state=None, offline=False):
    """An instance that has been activated after its state was set, as a session is opened."""
    plugin = minihost.Plugin(
        str(args.vst3), sample_rate=float(rate), max_block_size=block, in_channels=channels, out_channels=outputs or channels,
        sidechain_channels=sidechain,
    )
    if state is not None:
        restore(plugin, state)
    activate(plugin, rate, offline)
    return plugin


def restore(plugin, state):
    """Sets a state. minihost calls one that changes nothing a failure, be it equal or refused by the plugin."""
    before = plugin.get_state()
    try:
        plugin.set_state(juce_state(state))
    except RuntimeError:
        if plugin.get_state() != before:
            raise


def activate(plugin, rate, offline=False):
    """Off and on again. minihost does that when the rate changes, so it changes twice.

    Behind each change minihost sets the state once more by itself, so the model is loaded once more while the plugin is active.
    Offline the first block waits for that; live it would be a crossfade in the midst of the test, so time is left for it.
    """
    plugin.non_realtime = offline
    plugin.sample_rate = float(rate * 2)
    plugin.sample_rate = float(rate)
    if not offline:
        time.sleep(SETTLE)


def play(plugin, audio, cuts, outputs=None, sidechain=None):
    """`audio: [channels, frames]` in blocks of the lengths that `cuts` yields, without compensation; `[outputs, frames]`."""
    frames = audio.shape[1]
    out = np.zeros((outputs or audio.shape[0], frames), dtype=np.float32)
    at = 0
    for length in cuts:
        if at >= frames:
            break
        end = min(at + length, frames)
        piece = np.ascontiguousarray(audio[:, at:end])
        result = np.zeros((out.shape[0], end - at), dtype=np.float32)
        if sidechain is None:
            plugin.process(piece, result)
        else:
            plugin.process_sidechain(piece, result, np.ascontiguousarray(sidechain[:, at:end]))
        out[:, at:end] = result
        at = end
    return out


def every(length):
    """Blocks of one length."""
    while True:
        yield length


def random_cuts(seed, largest):
    """Blocks of random lengths, 1 included."""
    random = np.random.default_rng(seed)
    while True:
        yield int(random.integers(1, largest + 1))


def compensated(plugin, audio, cuts, latency, **more):
    """As [`play`], with the reported latency taken off; the input is followed by silence of that length."""
    padded = np.pad(audio, ((0, 0), (0, latency)))
    return play(plugin, padded, cuts, **more)[:, latency:]
