"""Burden, SKAT and SKAT-O of a variant set, from its scores.

With scores U of covariance V and a weight w for each variant, burden is ``(sum w U)^2``, SKAT is
``sum w^2 U^2``, and SKAT-O the best of ``rho burden + (1 - rho) SKAT`` over a grid of rho.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import special

from endotype.association import set_kernels
from endotype.association.mixture import liu_moments, mixture_tail, positive_eigenvalues
from endotype.association.set_scores import SetScores
from endotype.association.tails import neg_log10_p_normal

RHO_GRID = (0.0, 0.1**2, 0.2**2, 0.3**2, 0.5**2, 0.5, 1.0)
"""Shares of burden in SKAT-O, those of R SKAT's ``optimal.adj``."""

LARGEST_RHO = 0.999
"""Stands for 1 inside SKAT-O, as in R SKAT: at 1 the line of the integral is vertical."""

_LN10 = math.log(10.0)
_NODES, _NODE_WEIGHTS = np.polynomial.legendre.leggauss(8)
_LONGEST_PIECE = 1.0
_TAIL_TOLERANCE = 1e-5
_SMALLEST_LOG10_P = 290.0


@dataclass(frozen=True)
class SetResult:
    """One test of one set.

    Attributes:
        test: ``burden``, ``skat``, ``skato``, ``acatv`` or ``acato``.
        neg_log10_p: NaN where nothing can be said.
        method: how the p-value was found; see each test.
        stat: z of a burden, Q of SKAT, the best rho of SKAT-O; NaN otherwise.
        beta: of a burden, effect of one unit of weighted dosage; NaN otherwise.
        se: standard error of ``beta``.
    """

    test: str
    neg_log10_p: float
    method: str
    stat: float = math.nan
    beta: float = math.nan
    se: float = math.nan


def beta_weights(frequency: np.ndarray, a: float = 1.0, b: float = 25.0) -> np.ndarray:
    """Density of the beta distribution at each minor allele frequency: rare variants weigh more (Wu 2011)."""
    return np.exp(special.xlogy(a - 1, frequency) + special.xlog1py(b - 1, -frequency) - special.betaln(a, b))


def burden(scores: SetScores, weights: np.ndarray) -> SetResult:
    """Score test of the weighted sum of dosages; ``method`` is ``normal``.

    ``beta`` and ``se`` are one Newton step from the null model, as of a single variant's score test.
    """
    score = float(weights @ scores.score)
    information = float(weights @ scores.information @ weights)
    if not _informative(information, scores, weights):
        return SetResult("burden", math.nan, "")
    z = score / math.sqrt(information)
    p = float(neg_log10_p_normal(np.array([z]))[0])
    return SetResult("burden", p, "normal", z, score / information, 1 / math.sqrt(information))


def skat(scores: SetScores, weights: np.ndarray, method: str = "inversion") -> SetResult:
    """The sequence kernel association test (Wu et al., Am J Hum Genet 89:82, 2011), weighted linear kernel.

    ``Q = sum w^2 U^2`` is a mixture of chi-squares with the eigenvalues of ``diag(w) V diag(w)``.

    Args:
        scores: of m variants.
        weights: float64 (m,).
        method: of the tail, one of :data:`~endotype.association.mixture.METHODS`; the result's ``method``
            is the one that answered.
    """
    q = float(np.sum((weights * scores.score) ** 2))
    eigenvalues = positive_eigenvalues(weights[:, None] * scores.information * weights)
    if len(eigenvalues) == 0:
        return SetResult("skat", math.nan, "")
    tail = mixture_tail(eigenvalues, q, method)
    return SetResult("skat", tail.neg_log10_p, tail.method, q)


def skat_rho(scores: SetScores, weights: np.ndarray, rho: float, method: str = "inversion") -> SetResult:
    """The test of ``rho burden + (1 - rho) SKAT`` for a rho fixed before (SKAT at 0, burden at 1)."""
    kernel = weights[:, None] * scores.information * weights
    rows = kernel.sum(axis=1)
    u = weights * scores.score
    eigenvalues = positive_eigenvalues(_with_correlation(kernel, rows, float(rows.sum()), len(u), rho))
    if len(eigenvalues) == 0:
        return SetResult("skat_rho", math.nan, "")
    q = (1 - rho) * float(u @ u) + rho * float(u.sum()) ** 2
    tail = mixture_tail(eigenvalues, q, method)
    return SetResult("skat_rho", tail.neg_log10_p, tail.method, q)


def skat_o(scores: SetScores, weights: np.ndarray, grid: tuple[float, ...] = RHO_GRID) -> SetResult:
    """SKAT-O, the best mixture of burden and SKAT (Lee, Wu and Lin, Biostatistics 13:762, 2012).

    The p-value of each rho comes from the exact tail; their minimum is judged by one integral over the
    burden's part of the statistics, as R SKAT's ``optimal.adj`` does. ``stat`` is the rho of the minimum, and
    ``method`` is ``integration``; ``bonferroni`` where the minimum times the number of rho is smaller or the
    integral is not to be had; ``skat`` where the set has one variant or its burden no variance.
    """
    u = weights * scores.score
    kernel = weights[:, None] * scores.information * weights
    rows = kernel.sum(axis=1)
    total = float(rows.sum())
    if len(u) < 2 or not _informative(total, scores, weights):
        alone = skat(scores, weights)
        return SetResult("skato", alone.neg_log10_p, alone.method and "skat", 0.0)

    m = len(u)
    rho = np.minimum(np.array(grid), LARGEST_RHO)
    q = (1 - rho) * float(u @ u) + rho * float(u.sum()) ** 2
    spectra = [positive_eigenvalues(_with_correlation(kernel, rows, total, m, r)) for r in rho]
    each = np.array([mixture_tail(e, x).neg_log10_p for e, x in zip(spectra, q, strict=True)])
    best = int(np.argmax(each))
    bonferroni = max(0.0, each[best] - math.log10(len(rho)))
    if each[best] > _SMALLEST_LOG10_P:
        return SetResult("skato", bonferroni, "bonferroni", grid[best])

    # The statistic that each rho would have to reach for the smallest p-value, by its matched chi-square.
    p_min = 10.0 ** -each[best]
    limits = np.empty(len(rho))
    for k, spectrum in enumerate(spectra):
        mean, sd, df = liu_moments(spectrum)
        limits[k] = (special.chdtri(df, p_min) - df) / math.sqrt(2 * df) * sd + mean
    # The burden's part is tau times a chi-square of 1 df; what is left of the kernel is another mixture.
    rest = kernel - np.outer(rows, rows) / total
    left = positive_eigenvalues(rest)
    tau = total * rho + (1 - rho) * float(rows @ rows) / total
    variance = 2 * float(np.sum(left**2))
    overlap = 4 * float(rows @ rest @ rows) / total
    shrink = math.sqrt(variance / (variance + overlap)) if variance > 0 else 1.0
    intercept, slope = limits / (1 - rho), tau / (1 - rho)
    mean = float(left.sum())
    floor = mean - mean / shrink  # what the bound is before shrinking makes it 0
    log_scale = -each[best] * _LN10
    found, failures = set_kernels.skat_o_tail(
        left,
        shrink,
        intercept,
        slope,
        set_kernels.envelope_edges(intercept, slope, floor, _LONGEST_PIECE),
        _NODES,
        _NODE_WEIGHTS,
        log_scale,
        _TAIL_TOLERANCE,
    )
    if failures or not 0 < found < math.inf:
        return SetResult("skato", bonferroni, "bonferroni", grid[best])
    integral = max(0.0, -(math.log(found) + log_scale) / _LN10)
    if bonferroni > integral:
        return SetResult("skato", bonferroni, "bonferroni", grid[best])
    return SetResult("skato", integral, "integration", grid[best])


def _informative(information: float, scores: SetScores, weights: np.ndarray) -> bool:
    """Whether a burden varies beyond what the covariates say of it."""
    return information > 1e-9 * float(np.sum(weights**2 * np.abs(np.diag(scores.information))))


def _with_correlation(kernel: np.ndarray, rows: np.ndarray, total: float, m: int, rho: float) -> np.ndarray:
    """``R^1/2 kernel R^1/2`` for ``R = (1 - rho) I + rho 11'``; ``rows`` and ``total`` are its sums.

    ``R^1/2 = a I + b 11'``, so that no matrix has to be multiplied.
    """
    a = math.sqrt(1 - rho)
    b = (math.sqrt(1 - rho + m * rho) - a) / m
    shift = a * b * rows + 0.5 * b * b * total
    return a * a * kernel + shift[:, None] + shift[None, :]
