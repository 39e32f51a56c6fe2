"""Writes listening_values.json: binomial statistics as scipy computes them.

    python3 -m venv venv && venv/bin/pip install scipy==1.17.1
    venv/bin/python make_listening_values.py

What it writes carries the project's licence (MIT OR Apache-2.0).
"""

import json
from pathlib import Path

import scipy
from scipy.optimize import brentq
from scipy.stats import beta, binom, binomtest

COUNTS = [1, 2, 5, 8, 10, 12, 16, 20, 25, 40, 100, 500]
CONFIDENCES = [0.9, 0.95, 0.99]


def interval(k, n, confidence):
    """Clopper and Pearson; checked against binomtest, which stops its search at 2e-12."""
    tail = (1 - confidence) / 2
    low = float(beta.ppf(tail, k, n - k + 1)) if k > 0 else 0.0
    high = float(beta.isf(tail, k + 1, n - k)) if k < n else 1.0
    rough = binomtest(k, n).proportion_ci(confidence, method="exact")
    assert abs(low - rough.low) < 1e-11 and abs(high - rough.high) < 1e-11
    return low, high


def tests():
    for n in COUNTS:
        for k in sorted({0, 1, n // 3, n // 2, (n + 1) // 2, (3 * n) // 4, n - 1, n}):
            yield {
                "k": k,
                "n": n,
                "greater": binomtest(k, n, 0.5, alternative="greater").pvalue,
                "two_sided": binomtest(k, n, 0.5, alternative="two-sided").pvalue,
                "tails": [[p, float(binom.sf(k - 1, n, p))] for p in (0.05, 0.3, 0.75, 0.99)],
                "intervals": [[c, *interval(k, n, c)] for c in CONFIDENCES],
            }


def powers():
    for n in COUNTS:
        for alpha in (0.05, 0.01):
            critical = next((k for k in range(n + 1) if binom.sf(k - 1, n, 0.5) <= alpha), None)
            rate = None
            if critical is not None:
                rate = brentq(lambda p: binom.sf(critical - 1, n, p) - 0.8, 0.5, 1 - 1e-15, xtol=1e-14)
            yield {"n": n, "alpha": alpha, "power": 0.8, "critical": critical, "correct": rate}


def betas():
    for a in (0.5, 1.0, 3.0, 20.0, 400.0):
        for b in (0.5, 2.0, 7.0, 350.0):
            for x in (0.001, 0.2, 0.5, 0.55, 0.97):
                yield [a, b, x, float(beta.cdf(x, a, b))]


values = {"scipy": scipy.__version__, "tests": list(tests()), "powers": list(powers()), "betas": list(betas())}
path = Path(__file__).with_name("listening_values.json")
path.write_text(json.dumps(values, indent=None, separators=(",", ":")) + "\n")
