"""The score of a target, its place among the patient's targets, and how sure that place is."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

TIER_ORDER = {"R1": 0, "1": 1, "2": 2, "3": 3, "4": 4}
"""Resistance first: what must not be given has to be read before what may be."""

HARMONIC_LIMIT = float(np.sum(1 / np.arange(1, 1001) ** 2))
"""Harmonic sum of a thousand ones, 1.6439."""

RELIABILITY_COUNT, POSTERIOR_COUNT = 20.0, 50.0
"""Observations that a source's reliability and a posterior are taken to rest on when they are drawn anew."""

INTERVAL = (0.05, 0.95)


def harmonic_score(strengths: np.ndarray) -> np.ndarray:
    """Open Targets' harmonic sum: sum of s_(i) / i² over the sorted strengths, divided by that of 1000 ones.

    Args:
        strengths: from 0 to 1, evidence on the last axis. (1, 0.9, 0.8) gives 0.799.

    Returns:
        Scores from 0 to 1, without the last axis.
    """
    ordered = -np.sort(-np.asarray(strengths, float), axis=-1)
    places = np.arange(1, ordered.shape[-1] + 1)
    return (ordered / places**2).sum(axis=-1) / HARMONIC_LIMIT


def order_of(tiers: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Ranks from 1, tier first and score within the tier; ties by position.

    Args:
        tiers: :data:`TIER_ORDER` of each target, shape (g,).
        scores: from 0 to 1, shape (..., g).
    """
    # A score is at most 1, so two tiers never overlap.
    keys = 2.0 * tiers - scores
    order = np.argsort(keys, axis=-1, kind="stable")
    ranks = np.empty_like(order)
    np.put_along_axis(ranks, order, np.broadcast_to(np.arange(1, len(tiers) + 1), order.shape), axis=-1)
    return ranks


@dataclass(frozen=True)
class Evidence:
    """The evidence of one patient, each array of shape (e,).

    Attributes:
        target: index of the target that each row speaks for, 0 to g - 1.
        reliability: of the source.
        factor: direction match x link weight, for rows without a posterior; direction match for subtype rows.
        posterior, log_odds, log_odds_se: of subtype rows, NaN in others.
    """

    target: np.ndarray
    reliability: np.ndarray
    factor: np.ndarray
    posterior: np.ndarray
    log_odds: np.ndarray
    log_odds_se: np.ndarray

    def strengths(self) -> np.ndarray:
        """Reliability x link weight, shape (e,)."""
        subtype = np.isfinite(self.posterior)
        gain = -np.expm1(-np.where(subtype, self.log_odds, 0.0))
        return self.reliability * self.factor * np.where(subtype, self.posterior * gain, 1.0)

    def drawn_strengths(self, draws: int, rng: np.random.Generator) -> np.ndarray:
        """Strengths with everything uncertain drawn anew, shape (draws, e).

        Reliability r from Beta(20 r + 1/2, 20 (1 - r) + 1/2); the posterior of the called subtype from the
        Beta margin of a Dirichlet with 50 observations; the log odds ratio from its normal law, gains under
        0 cut.
        """
        strengths = _beta(self.reliability, RELIABILITY_COUNT, draws, rng) * self.factor
        subtype = np.flatnonzero(np.isfinite(self.posterior))
        posterior = _beta(self.posterior[subtype], POSTERIOR_COUNT, draws, rng)
        noise = rng.standard_normal((draws, len(subtype)))
        log_odds = self.log_odds[subtype] + noise * self.log_odds_se[subtype]
        strengths[:, subtype] *= posterior * -np.expm1(-np.maximum(log_odds, 0.0))
        return strengths


@dataclass(frozen=True)
class Ranking:
    """Scores and places of one patient's targets, each array of shape (g,)."""

    score: np.ndarray
    rank: np.ndarray
    rank_low: np.ndarray
    rank_high: np.ndarray
    probability_top3: np.ndarray


def rank_patient(evidence: Evidence, tiers: np.ndarray, draws: int, rng: np.random.Generator) -> Ranking:
    """Rank one patient's targets.

    Args:
        evidence: what speaks for them.
        tiers: :data:`TIER_ORDER` of each target, shape (g,).
        draws: Monte-Carlo draws; the interval holds the middle 90 % of the drawn ranks.
        rng: of :func:`patient_stream`.
    """
    score = _scores(evidence.strengths(), evidence.target, len(tiers))
    rank = order_of(tiers, score)
    if len(tiers) == 1 or draws == 0:
        return Ranking(score, rank, rank, rank, (rank <= 3).astype(float))
    drawn = order_of(tiers, _scores(evidence.drawn_strengths(draws, rng), evidence.target, len(tiers)))
    low = np.quantile(drawn, INTERVAL[0], axis=0, method="lower")
    high = np.quantile(drawn, INTERVAL[1], axis=0, method="higher")
    return Ranking(score, rank, np.minimum(low, rank), np.maximum(high, rank), (drawn <= 3).mean(axis=0))


def patient_stream(seed: int, patient: str) -> np.random.Generator:
    """A random stream that depends on the seed and the patient alone, never on the other patients."""
    return np.random.default_rng([seed, int.from_bytes(hashlib.sha256(patient.encode()).digest()[:8], "big")])


def _scores(strengths: np.ndarray, target: np.ndarray, n_targets: int) -> np.ndarray:
    if len(target) == n_targets:  # one row of evidence each, which is the rule
        return strengths[..., np.argsort(target)] / HARMONIC_LIMIT
    return np.stack([harmonic_score(strengths[..., target == t]) for t in range(n_targets)], axis=-1)


def _beta(mean: np.ndarray, count: float, draws: int, rng: np.random.Generator) -> np.ndarray:
    return rng.beta(mean * count + 0.5, (1 - mean) * count + 0.5, (draws, len(mean)))
