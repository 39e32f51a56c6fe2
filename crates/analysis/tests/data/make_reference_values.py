#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Values that other implementations give, for the tests of tonegraft-analysis.

Writes ``reference_values.json`` beside itself. The signals are those of ``tests/signals/mod.rs``,
made the same way. Needs numpy, scipy, librosa, pyloudnorm, torch and auraloss (values in the
repository: numpy 2.4, scipy 1.17, librosa 0.11, pyloudnorm 0.2, torch 2.15, auraloss 0.4.0).
Run: ``python make_reference_values.py``.
"""

import json
from pathlib import Path

import auraloss
import librosa
import numpy as np
import pyloudnorm
import scipy.linalg
import scipy.signal
import scipy.stats
import torch

RATE = 48_000


def noise(frames: int, seed: int) -> np.ndarray:
    """``[frames]`` float64 in -1 .. 1, exact in single precision."""
    state, out = seed, np.empty(frames)
    for n in range(frames):
        state = (state * 1_664_525 + 1_013_904_223) % 2**32
        out[n] = (state >> 16) / 32_768.0 - 1.0
    return out


def material(frames: int) -> np.ndarray:
    """Plucked harmonics once a second, noise on the attack, a rising chirp; float32."""
    t = np.arange(frames) / RATE
    envelope = np.exp(-1.5 * np.mod(t, 1.0))
    tones = sum(np.sin(2 * np.pi * 110.0 * k * t) / k for k in range(1, 9))
    chirp = np.sin(2 * np.pi * (200.0 * t + 1500.0 * t * t))
    return (0.4 * envelope * tones + 0.05 * envelope * noise(frames, 1) + 0.1 * chirp).astype(
        np.float32
    )


def estimate_of(target: np.ndarray) -> np.ndarray:
    """A bent, offset and noisy copy; float32."""
    x = target.astype(np.float64)
    return (0.65 * np.tanh(1.4 * x) + 0.01 * noise(len(x), 2) + 0.003).astype(np.float32)


def notes() -> np.ndarray:
    """Four notes of half a second, eight harmonics each; float32."""
    t = np.arange(RATE // 2) / RATE
    out = [
        sum(np.sin(2 * np.pi * hz * k * t + 0.3 * k) / k for k in range(1, 9)) * 0.3
        for hz in (82.41, 110.0, 220.5, 440.0)
    ]
    return np.concatenate(out).astype(np.float32)


def sample_wise(t: np.ndarray, e: np.ndarray) -> dict[str, float]:
    """Errors of the estimate ``e`` of the target ``t``."""
    t, e = t.astype(np.float64), e.astype(np.float64)

    def esr(t: np.ndarray, e: np.ndarray) -> float:
        return float(np.sum((t - e) ** 2) / np.sum(t**2))

    def emphasised(coefficient: float) -> float:
        b = [1.0, -coefficient]
        return esr(scipy.signal.lfilter(b, [1.0], t), scipy.signal.lfilter(b, [1.0], e))

    tt, et = torch.tensor(t)[None], torch.tensor(e)[None]
    return {
        "esr": esr(t, e),
        "esr_auraloss": float(auraloss.time.ESRLoss()(et, tt)),
        "esr_preemphasis": emphasised(0.95),
        "esr_preemphasis_085": emphasised(0.85),
        "dc_auraloss": float(auraloss.time.DCLoss()(et, tt)),
        "snr_db": float(10 * np.log10(np.sum(t**2) / np.sum((t - e) ** 2))),
        "mse": float(np.mean((t - e) ** 2)),
        "mae": float(np.mean(np.abs(t - e))),
        "rmse": float(np.sqrt(np.mean((t - e) ** 2))),
        "relative_rmse": float(np.sqrt(np.mean((t - e) ** 2)) / np.sqrt(np.mean(t**2))),
        "relative_mae": float(np.mean(np.abs(t - e)) / np.mean(np.abs(t))),
        "correlation": float(scipy.stats.pearsonr(t, e).statistic),
        "gain": float(np.linalg.lstsq(e[:, None], t, rcond=None)[0][0]),
    }


def stft(t: np.ndarray, e: np.ndarray) -> dict[str, float]:
    """The distance with auraloss' defaults, and its parts."""
    torch.set_default_dtype(torch.float64)
    loss = auraloss.freq.MultiResolutionSTFTLoss(output="full")
    tt, et = (torch.tensor(x.astype(np.float64))[None, None] for x in (t, e))
    distance, convergence, log, _, _ = loss(et, tt)
    return {
        "distance": float(distance),
        "spectral_convergence": float(np.mean([float(x) for x in convergence])),
        "log_magnitude": float(np.mean([float(x) for x in log])),
    }


def mel_db(x: np.ndarray) -> np.ndarray:
    """``[128, frames]`` in dB."""
    power = librosa.feature.melspectrogram(
        y=x.astype(np.float64), sr=RATE, n_fft=2048, hop_length=512, n_mels=128
    )
    return librosa.power_to_db(power, ref=1.0, amin=1e-10, top_db=None)


def mfcc(x: np.ndarray) -> np.ndarray:
    """``[13, frames]``"""
    return librosa.feature.mfcc(y=x.astype(np.float64), sr=RATE, n_mfcc=13)


def warped(x: np.ndarray, y: np.ndarray, band: int | None) -> float:
    """DTW distance over the number of cells of its path; steps of one, all of weight 1."""
    cost = scipy.spatial.distance.cdist(x.T, y.T)
    if band is not None:
        n, m = cost.shape
        i, j = np.indices(cost.shape)
        cost[np.abs(j - i * (m - 1) / (n - 1)) > band] = np.inf
    total, path = librosa.sequence.dtw(C=cost, backtrack=True)
    return float(total[-1, -1] / len(path))


def gaussians(x: np.ndarray, y: np.ndarray) -> dict[str, float]:
    """Between normal distributions fitted to ``[13, frames]``."""
    (mx, cx), (my, cy) = ((z.mean(axis=1), np.cov(z)) for z in (x, y))
    root = scipy.linalg.sqrtm(cx @ cy).real
    inverse = np.linalg.inv(cy)
    d = my - mx
    kl = 0.5 * (
        np.trace(inverse @ cx)
        + d @ inverse @ d
        - len(d)
        + np.linalg.slogdet(cy)[1]
        - np.linalg.slogdet(cx)[1]
    )
    return {"frechet": float((mx - my) @ (mx - my) + np.trace(cx + cy - 2 * root)), "kl": float(kl)}


def bs1770(x: np.ndarray) -> float:
    """Integrated loudness of one channel at 48 kHz by the tables of BS.1770-4; LUFS."""
    shelf = (
        [1.53512485958697, -2.69169618940638, 1.19839281085285],
        [1.0, -1.69065929318241, 0.73248077421585],
    )
    high_pass = [1.0, -2.0, 1.0], [1.0, -1.99004745483398, 0.99007225036621]
    y = scipy.signal.lfilter(*high_pass, scipy.signal.lfilter(*shelf, x.astype(np.float64)))
    step, block = RATE // 10, 4 * RATE // 10
    power = np.array([np.mean(y[n : n + block] ** 2) for n in range(0, len(y) - block + 1, step)])

    def loudness(p: np.ndarray) -> np.ndarray:
        return -0.691 + 10 * np.log10(p)

    power = power[loudness(power) > -70.0]
    power = power[loudness(power) > loudness(np.mean(power)) - 10.0]
    return float(loudness(np.mean(power)))


def main() -> None:
    """Writes the file."""
    target = material(96_000)
    estimate = estimate_of(target)
    late = np.concatenate([np.zeros(3_000, np.float32), estimate])[:90_000]
    mel_t, mel_e = mel_db(target), mel_db(estimate)
    mfcc_t, mfcc_e = mfcc(target), mfcc(estimate)
    filters = librosa.filters.mel(sr=RATE, n_fft=2048, n_mels=128, dtype=np.float64)
    long = material(480_000)
    values = {
        "check": {
            "target": [float(x) for x in target[5000:5005]],
            "estimate": [float(x) for x in estimate[5000:5005]],
        },
        "error": sample_wise(target, estimate),
        "stft": stft(target, estimate),
        "stft_short": stft(target[:1025], estimate[:1025]),
        "mel": {
            "filter_sums": [float(x) for x in filters.sum(axis=1)],
            "filter_centroids": [float(x) for x in filters @ np.arange(1025) / filters.sum(axis=1)],
            "frame_0": [float(x) for x in mel_t[:, 0]],
            "frame_50": [float(x) for x in mel_t[:, 50]],
            "frames": mel_t.shape[1],
            "mean": float(mel_t.mean()),
            "distance": float(np.mean(np.abs(mel_t - mel_e))),
        },
        "mfcc": {
            "frame_0": [float(x) for x in mfcc_t[:, 0]],
            "frame_50": [float(x) for x in mfcc_t[:, 50]],
            "mean": [float(x) for x in mfcc_t.mean(axis=1)],
        },
        "dtw": {
            "full": warped(mfcc_t, mfcc(late), None),
            "band_20": warped(mfcc_t, mfcc(late), 20),
            "band_3": warped(mfcc_t, mfcc(late), 3),
        },
        "distance": gaussians(mfcc_t, mfcc_e),
        "loudness": {
            "target_bs1770": bs1770(long),
            "estimate_bs1770": bs1770(estimate_of(long)),
            "target": float(pyloudnorm.Meter(RATE).integrated_loudness(long.astype(np.float64))),
            "estimate": float(
                pyloudnorm.Meter(RATE).integrated_loudness(estimate_of(long).astype(np.float64))
            ),
        },
        "spectrum": {
            "welch": [
                float(x)
                for x in 2
                * scipy.signal.welch(
                    target.astype(np.float64),
                    RATE,
                    "hann",
                    4096,
                    2048,
                    detrend=False,
                    scaling="spectrum",
                )[1][1:200:9]
            ],
        },
        "pitch": {
            "yin": [
                float(x)
                for x in librosa.yin(
                    notes().astype(np.float64),
                    fmin=40.0,
                    fmax=1000.0,
                    sr=RATE,
                    frame_length=4096,
                    hop_length=6000,
                    center=False,
                )
            ],
        },
    }
    path = Path(__file__).with_name("reference_values.json")
    path.write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
