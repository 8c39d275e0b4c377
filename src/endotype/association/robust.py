"""Scores of a binary trait with few cases: variances that a saddlepoint approximation says they have.

The normal tail of a rare variant's score is far too light or too heavy when cases are few. Each variance is
replaced by the one at which the normal tail would be the saddlepoint's, and correlations are kept; the sum of
the scores gets the same treatment (Zhao et al., Am J Hum Genet 106:3, 2020; SAIGE-GENE does so too).
Efficient resampling, which the paper uses below 10 minor alleles, is not.
"""

from __future__ import annotations

import math

import numpy as np
from scipy import special

from endotype.association import set_kernels
from endotype.association.set_scores import Projection, SetGenotypes, SetScores

CUTOFF = 2.0
"""Standardised scores below this keep their normal variance."""

_LN10 = math.log(10.0)


def robust_scores(
    projection: Projection, genotypes: SetGenotypes, scores: SetScores, weights: np.ndarray
) -> SetScores:
    """Scores with their covariance adjusted for a skewed binary trait.

    Args:
        projection: of a logistic null model.
        genotypes: of the m variants.
        scores: ``projection.score(genotypes)``.
        weights: float64 (m,), of the tests that will follow; the burden's tail depends on them.

    Raises:
        ValueError: the trait is not binary.
    """
    if projection.risk is None:
        raise ValueError("robust scores are of binary traits")
    z = scores.z
    ratio = np.ones(len(scores))
    for j in np.flatnonzero(np.abs(z) > CUTOFF):
        dosage = np.zeros(projection.n)
        span = slice(genotypes.start[j], genotypes.start[j + 1])
        dosage[genotypes.person[span]] = genotypes.dosage[span]
        ratio[j] = _variance_ratio(projection, dosage, float(scores.score[j]), float(z[j]))
    root = np.sqrt(ratio)
    information = root[:, None] * scores.information * root

    score = float(weights @ scores.score)
    variance = float(weights @ scores.information @ weights)
    if variance > 0 and abs(score) > CUTOFF * math.sqrt(variance):
        dosage = np.zeros(projection.n)
        rows = np.repeat(np.arange(len(genotypes)), np.diff(genotypes.start))
        np.add.at(dosage, genotypes.person, genotypes.dosage * weights[rows])
        ratio_of_sum = _variance_ratio(projection, dosage, score, score / math.sqrt(variance))
        # The kernel is only ever widened: a burden that is tamer than its variants changes nothing.
        adjusted = float(weights @ information @ weights)
        information = information * max(1.0, ratio_of_sum * variance / adjusted)
    return SetScores(scores.score, information, scores.frequency, scores.count)


def saddlepoint_p(adjusted: np.ndarray, risk: np.ndarray, score: float) -> float:
    """-log10 of the two-sided p-value of a score ``sum adjusted (case - risk)``; NaN where there is none.

    That is so of the most extreme score there can be, which has no saddle point.

    Barndorff-Nielsen's form of the saddlepoint approximation (Dey et al., Am J Hum Genet 101:37, 2017).

    Args:
        adjusted: float64 (n,), the dosage with the covariates taken out.
        risk: float64 (n,), null probability of being a case.
        score: the observed one, not 0.
    """
    largest = np.where(adjusted > 0, adjusted * (1 - risk), -adjusted * risk).sum()
    smallest = -np.where(adjusted > 0, adjusted * risk, -adjusted * (1 - risk)).sum()
    tails = []
    for side in (score, -score):
        if not smallest < side < largest:
            if side == score:
                return math.nan
            continue  # no outcome is as extreme on the other side
        at, value, second, code = set_kernels.score_saddle(adjusted, risk, side)
        if code != 0 or second <= 0:
            return math.nan
        w = math.copysign(math.sqrt(max(0.0, 2 * (at * side - value))), at)
        v = at * math.sqrt(second)
        if w == 0 or v / w <= 0:
            return math.nan
        tails.append(float(special.log_ndtr(-abs(w + math.log(v / w) / w))))
    return max(0.0, -float(np.logaddexp.reduce(tails)) / _LN10)


def _variance_ratio(projection: Projection, dosage: np.ndarray, score: float, z: float) -> float:
    """What the variance of a score has to be multiplied by; 1 where the saddlepoint gives no answer."""
    assert projection.risk is not None
    adjusted = dosage - projection.basis @ (projection.weighted_basis.T @ dosage)
    p = saddlepoint_p(adjusted, projection.risk, score)
    if not p > 0:
        return 1.0
    # log p of a two-sided normal test is log 2 + log_ndtr(-z), of which the inverse is at hand.
    matched = -special.ndtri_exp(-p * _LN10 - math.log(2.0))
    return float((z / matched) ** 2) if matched > 0 else 1.0
