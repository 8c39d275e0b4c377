"""A mixture of groups with gaussian and binary features, missing values left out of the likelihood.

In group k feature j is independent of the others given k: gaussian with mean and variance of its own, or
Bernoulli with its own rate. log f_k(x) sums over the features that were seen, which is the likelihood when
values are missing at random (McLachlan & Peel 2000, *Finite Mixture Models*). Nothing is imputed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from endotype.subtypes import kernels

PRIOR_STRENGTH = 0.3
"""Pseudo-patients, alike the whole cohort, that every group has beside its own."""

VARIANCE_FLOOR = 0.01
"""Least variance of a gaussian feature within a group; features have variance 1 in the cohort."""

SHORT_ITERATIONS, LONG_ITERATIONS = 8, 500
TOLERANCE = 1e-7
"""Gain of the log likelihood per patient under which EM has converged."""


@dataclass(frozen=True)
class Data:
    """Patients x features as the kernels want them.

    Attributes:
        x: float64, shape (n, p), 0 where missing; gaussian features of variance near 1, binary ones 0 or 1.
        seen: bool, shape (n, p).
        binary: bool, shape (p,).
    """

    x: np.ndarray
    seen: np.ndarray
    binary: np.ndarray

    @classmethod
    def of(cls, values: np.ndarray, binary: np.ndarray) -> Data:
        """From values of shape (n, p) with NaN where missing."""
        seen = np.isfinite(values)
        return cls(np.where(seen, values, 0.0), seen, np.asarray(binary, bool))

    def rows(self, index: np.ndarray) -> Data:
        """Some of the patients."""
        return Data(self.x[index], self.seen[index], self.binary)

    @property
    def n(self) -> int:
        """Number of patients."""
        return self.x.shape[0]

    def moments(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and variance of each feature over the patients in whom it was seen; each of shape (p,)."""
        count = np.maximum(self.seen.sum(axis=0), 1)
        mean = self.x.sum(axis=0) / count
        square = (np.where(self.seen, self.x - mean, 0.0) ** 2).sum(axis=0) / count
        return mean, square


@dataclass(frozen=True)
class Mixture:
    """Fitted parameters.

    Attributes:
        binary: bool, shape (p,).
        weights: shares of the groups, shape (k,), summing to 1.
        location: means (gaussian) or rates (binary), shape (k, p).
        variance: variances within groups, shape (k, p).
        log_likelihood: of the patients it was fitted to.
    """

    binary: np.ndarray
    weights: np.ndarray
    location: np.ndarray
    variance: np.ndarray
    log_likelihood: float

    @property
    def k(self) -> int:
        """Number of groups."""
        return len(self.weights)

    @property
    def n_parameters(self) -> int:
        """Free parameters: shares, a rate per binary and a mean and variance per gaussian feature."""
        binary = int(self.binary.sum())
        return self.k - 1 + self.k * (binary + 2 * (len(self.binary) - binary))

    def bic(self, n: int) -> float:
        """Bayesian information criterion for ``n`` patients (Schwarz 1978); lower is better."""
        return -2 * self.log_likelihood + self.n_parameters * float(np.log(max(n, 1)))

    def posterior(self, data: Data) -> np.ndarray:
        """Probability of each group for each patient, shape (n, k); rows sum to 1."""
        joint = kernels.log_joint(data.x, data.seen, self.binary, self.weights, self.location, self.variance)
        return kernels.normalise_rows(joint)[0]

    def labels(self, data: Data) -> np.ndarray:
        """The most probable group of each patient, int, shape (n,)."""
        return self.posterior(data).argmax(axis=1)

    def strangeness(self, data: Data) -> np.ndarray:
        """How unlike the members of each group a patient is: a standard normal score, shape (n, k).

        -log f_k(x) grows with the number of features that were seen, so it is first centred on its
        expectation in the group. Centred, plus its variance V, it follows a Gamma(V, 1) law, exactly for
        gaussian features and by two moments for binary ones; the cube root of Wilson & Hilferty (1931)
        makes it normal. For complete data the order is that of -log f_k.
        """
        excess, scatter = kernels.surprise(data.x, data.seen, self.binary, self.location, self.variance)
        safe = np.maximum(scatter, 1e-12)
        score = (np.cbrt((excess + scatter) / safe) - (1 - 1 / (9 * safe))) * 3 * np.sqrt(safe)
        return np.where(scatter > 1e-12, score, 0.0)

    def reordered(self, order: np.ndarray) -> Mixture:
        """The same mixture with its groups in another order."""
        return Mixture(
            self.binary,
            self.weights[order],
            self.location[order],
            self.variance[order],
            self.log_likelihood,
        )


def fit(
    data: Data,
    k: int,
    rng: np.random.Generator,
    restarts: int,
    strength: float = PRIOR_STRENGTH,
    floor: float = VARIANCE_FLOOR,
    tolerance: float = TOLERANCE,
    iterations: int = LONG_ITERATIONS,
) -> Mixture:
    """The best of ``restarts`` EM fits with ``k`` groups.

    Every restart runs a few iterations from k-means++ seeds; the best few go on to convergence
    (Biernacki, Celeux & Govaert 2003, "emEM"). Ties go to the earlier restart.
    """
    centre, spread = data.moments()
    x, seen, binary = data.x, data.seen, data.binary

    def run(start: np.ndarray, iterations: int) -> tuple[float, Mixture]:
        weights, location, variance, likelihood, trace = kernels.em(
            x, seen, binary, start, centre, spread, strength, floor, tolerance, iterations
        )
        return float(trace[-1]), Mixture(binary, weights, location, variance, float(likelihood))

    if k == 1 or data.n == 0:
        return run(np.full((data.n, k), 1.0 / k), 1)[1]
    starts = [kernels.seed_posteriors(x, seen, k, rng.random(k)) for _ in range(max(restarts, 1))]
    short = [run(start, SHORT_ITERATIONS) for start in starts]
    best = sorted(range(len(short)), key=lambda i: (-short[i][0], i))[: 1 + restarts // 7]
    finals = [run(short[i][1].posterior(data), iterations) for i in best]
    return max(finals, key=lambda result: result[0])[1]


def refine(
    data: Data,
    posterior: np.ndarray,
    strength: float = PRIOR_STRENGTH,
    floor: float = VARIANCE_FLOOR,
) -> Mixture:
    """EM to convergence from starting posteriors of shape (n, k), without restarts or random numbers."""
    centre, spread = data.moments()
    weights, location, variance, likelihood, _ = kernels.em(
        *(data.x, data.seen, data.binary, posterior, centre, spread, strength, floor),
        *(TOLERANCE, LONG_ITERATIONS),
    )
    return Mixture(data.binary, weights, location, variance, float(likelihood))
