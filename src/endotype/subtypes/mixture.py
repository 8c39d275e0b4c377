"""A mixture of groups with features of four kinds, missing values left out of the likelihood.

In group k feature j is independent of the others given k: gaussian with mean and variance of its own,
Bernoulli or categorical with its own rates, or a negative binomial count. log f_k(x) sums over the features
that were seen, which is the likelihood when values are missing at random (McLachlan & Peel 2000, *Finite
Mixture Models*). Nothing is imputed. What confounders do to binary features and counts enters as an offset of
the log odds and of the log mean; gaussian features come with it taken off already.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from endotype.subtypes import kernels
from endotype.subtypes.kernels import BINARY, CATEGORY, COUNT, GAUSSIAN

PRIOR_STRENGTH = 0.3
"""Pseudo-patients, alike the whole cohort, that every group has beside its own."""

VARIANCE_FLOOR = 0.01
"""Least variance of a gaussian feature within a group; features have variance 1 in the cohort."""

SHORT_ITERATIONS, LONG_ITERATIONS = 8, 500
TOLERANCE = 1e-7
"""Gain of the log likelihood per patient under which EM has converged."""


@dataclass(frozen=True)
class Data:
    """Patients x columns as the kernels want them; make one with :meth:`of`.

    Attributes:
        x: float64, shape (n, p), 0 where missing; gaussian columns of variance near 1, binary and category
            columns 0 or 1, counts as they are.
        seen: bool, shape (n, p).
        kind: int8, shape (p,), of :data:`kernels.GAUSSIAN` to :data:`kernels.CATEGORY`.
        block: int64, shape (p,), which feature a column belongs to, from 0 and rising.
        shift: float64, shape (n, p), what confounders add to log odds and log means.
        points: float64, shape (n, p), values on comparable scales for distances: counts as standardised
            log(1 + x), category columns times √½, so that two levels are as far apart as 0 and 1.
    """

    x: np.ndarray
    seen: np.ndarray
    kind: np.ndarray
    block: np.ndarray
    shift: np.ndarray
    points: np.ndarray

    @classmethod
    def of(
        cls,
        values: np.ndarray,
        kind: np.ndarray,
        block: np.ndarray | None = None,
        shift: np.ndarray | None = None,
    ) -> Data:
        """From values of shape (n, p) with NaN where missing.

        ``kind`` may be bool, true where a column is binary and the others gaussian. ``block`` is needed when
        there are categories; ``shift`` is 0 without confounders.
        """
        seen = np.isfinite(values)
        kind = np.asarray(kind).astype(np.int8)
        points = np.where(seen, values, 0.0)
        points[:, kind == CATEGORY] *= 0.5**0.5
        for j in np.flatnonzero(kind == COUNT):
            logs = np.log1p(values[seen[:, j], j])
            spread = logs.std() if logs.size else 0.0
            points[seen[:, j], j] = (logs - logs.mean()) / spread if spread > 0 else 0.0
        return cls(
            np.where(seen, values, 0.0),
            seen,
            kind,
            np.arange(len(kind)) if block is None else np.asarray(block, np.int64),
            np.zeros(seen.shape) if shift is None else shift,
            points,
        )

    def rows(self, index: np.ndarray) -> Data:
        """Some of the patients."""
        return Data(
            self.x[index], self.seen[index], self.kind, self.block, self.shift[index], self.points[index]
        )

    def with_values(self, values: np.ndarray) -> Data:
        """The same columns, holes and shifts with other values, of shape (n, p)."""
        return Data.of(np.where(self.seen, values, np.nan), self.kind, self.block, self.shift)

    @cached_property
    def rising(self) -> np.ndarray:
        """:func:`kernels.rising_logs` of the counts."""
        return kernels.rising_logs(self.x, self.kind)

    @property
    def n(self) -> int:
        """Number of patients."""
        return self.x.shape[0]

    @property
    def binary(self) -> np.ndarray:
        """Which columns are binary features, bool, shape (p,)."""
        return self.kind == BINARY

    def moments(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and variance of each column over the patients in whom it was seen; each of shape (p,)."""
        count = np.maximum(self.seen.sum(axis=0), 1)
        mean = self.x.sum(axis=0) / count
        square = (np.where(self.seen, self.x - mean, 0.0) ** 2).sum(axis=0) / count
        return mean, square


@dataclass(frozen=True)
class Mixture:
    """Fitted parameters.

    Attributes:
        kind, block: as in :class:`Data`, shape (p,).
        weights: shares of the groups, shape (k,), summing to 1.
        location: means, rates or chances of levels, shape (k, p).
        variance: variances within groups, shape (k, p).
        log_likelihood: of the patients it was fitted to.
    """

    kind: np.ndarray
    block: np.ndarray
    weights: np.ndarray
    location: np.ndarray
    variance: np.ndarray
    log_likelihood: float

    @property
    def k(self) -> int:
        """Number of groups."""
        return len(self.weights)

    @property
    def binary(self) -> np.ndarray:
        """Which columns are binary features, bool, shape (p,)."""
        return self.kind == BINARY

    @property
    def n_parameters(self) -> int:
        """Free parameters: shares, and in each group a rate per binary feature, a mean and a variance per
        gaussian feature or count, and the chances of all levels but one per category."""
        two = int(np.isin(self.kind, (GAUSSIAN, COUNT)).sum())
        category = self.kind == CATEGORY
        levels = int(category.sum()) - len(np.unique(self.block[category]))
        return self.k - 1 + self.k * (int(self.binary.sum()) + 2 * two + levels)

    def bic(self, n: int) -> float:
        """Bayesian information criterion for ``n`` patients (Schwarz 1978); lower is better."""
        return -2 * self.log_likelihood + self.n_parameters * float(np.log(max(n, 1)))

    def log_joint(self, data: Data) -> np.ndarray:
        """log(weight_k) + log f_k(x_i), shape (n, k)."""
        return kernels.log_joint(
            data.x, data.seen, data.shift, self.kind, self.weights, self.location, self.variance
        )

    def posterior(self, data: Data) -> np.ndarray:
        """Probability of each group for each patient, shape (n, k); rows sum to 1."""
        return kernels.normalise_rows(self.log_joint(data))[0]

    def labels(self, data: Data) -> np.ndarray:
        """The most probable group of each patient, int, shape (n,)."""
        return self.posterior(data).argmax(axis=1)

    def strangeness(self, data: Data) -> np.ndarray:
        """How unlike the members of each group a patient is: a standard normal score, shape (n, k).

        -log f_k(x) grows with the number of features that were seen, so it is first centred on its
        expectation in the group. Centred, plus its variance V, it follows a Gamma(V, 1) law, exactly for
        gaussian features and by two moments for others; the cube root of Wilson & Hilferty (1931) makes it
        normal. For complete data the order is that of -log f_k.
        """
        excess, scatter = kernels.surprise(
            data.x, data.seen, data.shift, self.kind, self.block, self.location, self.variance
        )
        safe = np.maximum(scatter, 1e-12)
        score = (np.cbrt((excess + scatter) / safe) - (1 - 1 / (9 * safe))) * 3 * np.sqrt(safe)
        return np.where(scatter > 1e-12, score, 0.0)

    def reordered(self, order: np.ndarray) -> Mixture:
        """The same mixture with its groups in another order."""
        return Mixture(
            self.kind,
            self.block,
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
) -> Mixture:
    """The best of ``restarts`` EM fits with ``k`` groups.

    Every restart runs a few iterations from k-means++ seeds; the best few go on to convergence
    (Biernacki, Celeux & Govaert 2003, "emEM"). Ties go to the earlier restart.
    """

    def run(start: np.ndarray, iterations: int) -> tuple[float, Mixture]:
        return fit_from(data, start, iterations, strength, floor)

    if k == 1 or data.n == 0:
        return run(np.full((data.n, k), 1.0 / k), 1)[1]
    starts = [
        kernels.seed_posteriors(data.points, data.seen, k, rng.random(k)) for _ in range(max(restarts, 1))
    ]
    short = [run(start, SHORT_ITERATIONS) for start in starts]
    best = sorted(range(len(short)), key=lambda i: (-short[i][0], i))[: 1 + restarts // 7]
    finals = [run(short[i][1].posterior(data), LONG_ITERATIONS) for i in best]
    return max(finals, key=lambda result: result[0])[1]


def fit_from(
    data: Data,
    start: np.ndarray,
    iterations: int = LONG_ITERATIONS,
    strength: float = PRIOR_STRENGTH,
    floor: float = VARIANCE_FLOOR,
) -> tuple[float, Mixture]:
    """EM from starting posteriors (n, k); the penalised log likelihood, and the mixture."""
    centre, spread = data.moments()
    weights, location, variance, likelihood, trace = kernels.em(
        data.x,
        data.seen,
        data.shift,
        data.kind,
        start,
        centre,
        spread,
        strength,
        floor,
        TOLERANCE,
        iterations,
        data.rising,
    )
    return float(trace[-1]), Mixture(data.kind, data.block, weights, location, variance, float(likelihood))
