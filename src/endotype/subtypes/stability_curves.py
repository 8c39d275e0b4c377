"""How well resamples agree at each k, beside cohorts without groups.

The proportion of ambiguous pairs (PAC) falls with k on pure noise, and a gradient alone gives a low one at
k = 2, so that its minimum says nothing. It is compared with cohorts that have the same correlations and no
groups, treated alike (John et al. 2020, Sci Rep 10:1816, "M3C"):

    RCSI_k = log10(mean null PAC_k / PAC_k)
    p_k    = Beta(PAC_k), with the mean and variance of the null cohorts' PAC_k

and, beside it, p times the number of k that were tried (Bonferroni), which doesn't depend on which of them
were worth a curve.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import beta

from endotype.subtypes.consensus import pac
from endotype.subtypes.em_runs import run_all
from endotype.subtypes.mixture import Data
from endotype.subtypes.null_reference import SHAPES, latent_factor, simulate
from endotype.subtypes.resampling import consensus_matrix, resampled_labels

MAX_PATIENTS = 1000
"""Patients of a curve; the null cohorts have as many, so that like is compared with like."""

RESAMPLES, RESTARTS, NULL_COHORTS = 20, 15, 20
LEAST_PAC = 1e-3
"""PAC under which cohorts are as good as each other, for the logarithm and the variance."""

QUANTILES = {"q05": 0.05, "q50": 0.50, "q95": 0.95}


@dataclass(frozen=True)
class Curve:
    """One k of the stability curve.

    Attributes:
        k: number of groups.
        pac: proportion of ambiguous pairs in the cohort.
        null_pac: its mean and quantiles (``q05``, ``q50``, ``q95``) in cohorts without groups.
        rcsi: relative cluster stability index, log10.
        p, p_adjusted: for a PAC as low as that; adjusted over the k that were tried.
    """

    k: int
    pac: float
    null_pac: dict[str, float]
    rcsi: float
    p: float
    p_adjusted: float


def stability_curves(data: Data, numbers: list[int], tried: int, seed: int, threads: int = 1) -> list[Curve]:
    """A :class:`Curve` for each k of ``numbers``.

    Args:
        data: patients; of more than :data:`MAX_PATIENTS` a random part is used.
        numbers: values of k, each 2 or more.
        tried: how many k were tried in all.
        seed: of resamples and null cohorts.
        threads: cohorts at a time; the result doesn't depend on it.
    """
    if data.n > MAX_PATIENTS:
        data = data.rows(np.sort(np.random.default_rng([seed, 10]).permutation(data.n)[:MAX_PATIENTS]))
    factor = latent_factor(data)

    def once(cohort: int) -> list[float]:
        """PAC at each k; cohort 0 is the real one."""
        shape = SHAPES[cohort % len(SHAPES)]
        these = (
            data if cohort == 0 else simulate(data, factor, shape, np.random.default_rng([seed, 11, cohort]))
        )
        return [
            pac(
                consensus_matrix(
                    resampled_labels(
                        *(these, k, RESAMPLES, RESTARTS),
                        lambda b, k=k: np.random.default_rng([seed, 12, cohort, k, b]),  # type: ignore[misc]
                    )
                )
            )
            for k in numbers
        ]

    table = np.array(run_all(once, range(NULL_COHORTS + 1), threads)).reshape(-1, len(numbers))
    observed, null = table[0], table[1:]
    p = np.array([lower_p(o, column) for o, column in zip(observed, null.T, strict=True)])
    return [
        Curve(
            k,
            float(observed[i]),
            {"mean": float(null[:, i].mean())}
            | {name: float(np.quantile(null[:, i], q)) for name, q in QUANTILES.items()},
            float(np.log10(max(null[:, i].mean(), LEAST_PAC) / max(observed[i], LEAST_PAC))),
            float(p[i]),
            float(min(p[i] * tried, 1)),
        )
        for i, k in enumerate(numbers)
    ]


def lower_p(observed: float, null: np.ndarray) -> float:
    """Probability of a PAC of ``observed`` or less, by a beta law with the moments of ``null`` (B,).

    1 where the null cohorts are as cleanly divided as can be.
    """
    mean = float(null.mean())
    variance = max(float(null.var(ddof=1)), LEAST_PAC**2)
    if mean <= LEAST_PAC:
        return 1.0
    concentration = mean * (1 - mean) / variance - 1
    if concentration <= 0:  # as far apart as 0 and 1 can be: count
        return float((1 + (null <= observed).sum()) / (1 + len(null)))
    return float(beta.cdf(max(observed, LEAST_PAC), mean * concentration, (1 - mean) * concentration))
