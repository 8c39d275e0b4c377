"""A small cohort with late entry, ties, and variants of all frequencies, some genotypes missing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from endotype.association.cox import CoxModel, fit_cox

N = 170

RULES = [(late, ties) for late in (False, True) for ties in ("efron", "breslow")]


@dataclass(frozen=True)
class Cohort:
    """Times of n people; covariates (n, c); dosages (m, n), -1 missing in the second half of the rows."""

    time: np.ndarray
    event: np.ndarray
    entry: np.ndarray
    covariates: np.ndarray
    dosages: np.ndarray

    def model(self, late: bool, ties: str) -> CoxModel:
        return fit_cox(self.time, self.event, self.covariates, entry=self.entry if late else None, ties=ties)


def cohort(ticks: float, n_covariates: int = 3, seed: int = 21) -> Cohort:
    """Times are whole multiples of 1 / ticks, a power of 2: no rounding. Few ticks make many ties."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(N, n_covariates))
    frequencies = np.array([0.3, 0.95, 0.02, 0.01, 0.5, 0.1])
    dosages = rng.binomial(2, frequencies[:, None], (len(frequencies), N)).astype(np.int8)
    dosages[:, 3] = 1
    hazard = np.exp(0.3 * x.sum(axis=1) + 0.4 * dosages[0])
    entry = np.floor(rng.uniform(0, 6, N) * ticks) / ticks
    time = entry + np.ceil(rng.exponential(12 / hazard) * ticks) / ticks
    gaps = dosages.copy()
    gaps[rng.random(gaps.shape) < 0.06] = -1
    gaps[1, time == time.max()] = -1  # the last risk sets lose people
    return Cohort(time, rng.random(N) < 0.6, entry, x, np.vstack([dosages, gaps]))
