"""The score of a target, its place among the patient's targets, and how sure that place is."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

HARMONIC_LIMIT = float(np.sum(1 / np.arange(1, 1001) ** 2))
"""Harmonic sum of a thousand ones, 1.6439."""

RELIABILITY_COUNT, POSTERIOR_COUNT, WEIGHT_COUNT = 20.0, 50.0, 20.0
"""Observations that a source's reliability, a posterior and, of each source, the weights of sources are taken
to rest on when they are drawn anew."""

FRACTION_LIMIT = 500.0
"""Reads beyond which more reads don't make an allele fraction surer."""

COVERAGE = 0.9
"""Share of the draws that a rank interval holds."""


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
        tiers: places of each target's tier, shape (g,).
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
    """The evidence of one patient: e rows for g targets, from s sources.

    What several rows rest on is one quantity, drawn once: an allele fraction, the patient's posterior, the
    enrichment of a gene in a subtype, the weight of a source.

    Attributes:
        target: index of the target that each row speaks for, ascending, 0 to g - 1, int, shape (e,).
        source: index of its source, int, shape (e,).
        reliability: of the source's record, shape (e,).
        factor: whatever is taken as known: weights of link, match and source, shape (e,).
        fraction_of: index of the fraction that the row rests on, -1 for none, int, shape (e,).
        fraction, fraction_count, fraction_gain: a share, the observations it rests on, and by what it is
            multiplied before it is cut at 1; shape (f,).
        term_row, term_subtype, term_gain: of each pair of a subtype row and a subtype that its gene is
            enriched in: row, index into ``posterior``, index into ``log_odds``; int, shape (t,).
        posterior: of the patient's subtypes, shape (k,); empty without subtype rows.
        log_odds, log_odds_se: of each gene and subtype, shape (o,).
        source_weight: of the sources, shape (s,).
    """

    target: np.ndarray
    source: np.ndarray
    reliability: np.ndarray
    factor: np.ndarray
    fraction_of: np.ndarray
    fraction: np.ndarray
    fraction_count: np.ndarray
    fraction_gain: np.ndarray
    term_row: np.ndarray
    term_subtype: np.ndarray
    term_gain: np.ndarray
    posterior: np.ndarray
    log_odds: np.ndarray
    log_odds_se: np.ndarray
    source_weight: np.ndarray

    def strengths(self) -> np.ndarray:
        """Reliability x weights x shares, shape (e,)."""
        return self._strengths(
            self.reliability[None],
            self.fraction[None],
            self.posterior[None],
            self.log_odds[None],
            np.ones((1, len(self.source_weight))),
        )[0]

    def drawn_strengths(self, draws: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Strengths with everything uncertain drawn anew, and with the weights of sources alone.

        Reliability r from Beta(20 r + 1/2, 20 (1 - r) + 1/2), fractions likewise with their own counts; the
        posterior from a Dirichlet law with 50 observations; log odds ratios from their normal law, gains
        under 0 cut; the weights of s sources from a Dirichlet law with 20 s observations.

        Returns:
            Two arrays of shape (draws, e).
        """
        reliability = _beta(self.reliability, RELIABILITY_COUNT, draws, rng)
        fraction = _beta(self.fraction, np.minimum(self.fraction_count, FRACTION_LIMIT), draws, rng)
        posterior = _dirichlet(self.posterior * POSTERIOR_COUNT, draws, rng)
        noise = rng.standard_normal((draws, len(self.log_odds)))
        log_odds = self.log_odds + noise * self.log_odds_se
        total = self.source_weight.sum()
        share = self.source_weight / total if total > 0 else self.source_weight
        weights = _dirichlet(share * WEIGHT_COUNT * len(share), draws, rng, prior=0.0)
        weights = np.divide(weights, share, out=np.ones_like(weights), where=share > 0)
        fixed = self._strengths(
            self.reliability[None], self.fraction[None], self.posterior[None], self.log_odds[None], weights
        )
        return self._strengths(reliability, fraction, posterior, log_odds, weights), fixed

    def _strengths(
        self,
        reliability: np.ndarray,
        fraction: np.ndarray,
        posterior: np.ndarray,
        log_odds: np.ndarray,
        weights: np.ndarray,
    ) -> np.ndarray:
        """All arguments have draws on the first axis, or 1 there."""
        out = reliability * self.factor * weights[:, self.source]
        on = np.flatnonzero(self.fraction_of >= 0)
        if len(on):
            share = np.minimum(fraction * self.fraction_gain, 1.0)
            out[:, on] *= share[:, self.fraction_of[on]]
        if len(self.term_row):
            gain = -np.expm1(-np.maximum(log_odds, 0.0))
            terms = posterior[:, self.term_subtype] * gain[:, self.term_gain]
            rows, first = np.unique(self.term_row, return_index=True)
            out[:, rows] *= np.add.reduceat(terms, first, axis=1)
        return np.minimum(out, 1.0)


@dataclass(frozen=True)
class Ranking:
    """Places of one patient's targets among the draws, each array of shape (g,).

    ``kendall_tau`` is the mean of Kendall's tau between the order of the targets and their order when the
    weights of the sources alone are drawn anew; NaN with one target.
    """

    rank_low: np.ndarray
    rank_high: np.ndarray
    probability_top3: np.ndarray
    kendall_tau: float


def scores_of(strengths: np.ndarray, target: np.ndarray, n_targets: int) -> np.ndarray:
    """Harmonic scores of targets, strengths of shape (..., e) with ``target`` ascending -> (..., g)."""
    if len(target) == n_targets:  # one row of evidence each, which is the rule
        return strengths / HARMONIC_LIMIT
    edges = np.searchsorted(target, np.arange(n_targets + 1))
    return np.stack(
        [harmonic_score(strengths[..., edges[t] : edges[t + 1]]) for t in range(n_targets)], axis=-1
    )


def rank_draws(
    evidence: Evidence, tiers: np.ndarray, rank: np.ndarray, draws: int, rng: np.random.Generator
) -> Ranking:
    """How sure the places of one patient's targets are.

    Args:
        evidence: what speaks for them.
        tiers: places of each target's tier, shape (g,).
        rank: the targets' ranks, from 1, shape (g,).
        draws: Monte-Carlo draws.
        rng: of :func:`patient_stream`.
    """
    n = len(tiers)
    if n == 1:
        return Ranking(rank, rank, np.ones(1), float("nan"))
    full, weights = evidence.drawn_strengths(draws, rng)
    drawn = order_of(tiers, scores_of(full, evidence.target, n))
    low, high = rank_intervals(drawn, rank)
    moved = order_of(tiers, scores_of(weights, evidence.target, n))
    return Ranking(low, high, (drawn <= 3).mean(axis=0), _mean_tau(moved, rank))


def rank_intervals(drawn: np.ndarray, rank: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The shortest intervals that hold :data:`COVERAGE` of the drawn ranks, widened to hold the rank.

    Of equally short ones the one that holds most draws, then the first.

    Args:
        drawn: ranks from 1, shape (draws, g).
        rank: shape (g,).
    """
    draws, n = drawn.shape
    count = np.stack([(drawn == r).sum(axis=0) for r in range(1, n + 1)])  # (ranks, g)
    before = np.vstack([np.zeros(n, np.int64), np.cumsum(count, axis=0)])
    need = int(np.ceil(COVERAGE * draws - 1e-9))
    low, high = np.empty(n, np.int64), np.empty(n, np.int64)
    open_ = np.ones(n, bool)
    for width in range(1, n + 1):
        held = before[width:] - before[:-width]
        best = held.argmax(axis=0)
        enough = open_ & (held[best, np.arange(n)] >= need)
        low[enough], high[enough] = best[enough] + 1, best[enough] + width
        open_ &= ~enough
        if not open_.any():
            break
    return np.minimum(low, rank), np.maximum(high, rank)


def patient_stream(seed: int, patient: str) -> np.random.Generator:
    """A random stream that depends on the seed and the patient alone, never on the other patients."""
    return np.random.default_rng([seed, int.from_bytes(hashlib.sha256(patient.encode()).digest()[:8], "big")])


def _mean_tau(moved: np.ndarray, rank: np.ndarray) -> float:
    """Mean Kendall's tau between orders without ties, shape (draws, g), and one order, shape (g,)."""
    by_rank = moved[:, np.argsort(rank)]
    n = by_rank.shape[1]
    swapped = sum(int((by_rank[:, i : i + 1] > by_rank[:, i + 1 :]).sum()) for i in range(n - 1))
    return 1 - 4 * swapped / (n * (n - 1) * len(moved))


def _beta(mean: np.ndarray, count: float | np.ndarray, draws: int, rng: np.random.Generator) -> np.ndarray:
    return rng.beta(mean * count + 0.5, (1 - mean) * count + 0.5, (draws, len(mean)))


def _dirichlet(counts: np.ndarray, draws: int, rng: np.random.Generator, prior: float = 0.5) -> np.ndarray:
    """Draws of a Dirichlet law, shape (draws, k); of one or no class there is nothing to draw."""
    if len(counts) < 2:
        return np.ones((draws, len(counts)))
    gamma = rng.standard_gamma(counts + prior, (draws, len(counts)))
    total = gamma.sum(axis=1, keepdims=True)
    return np.divide(gamma, total, out=np.full_like(gamma, 1 / len(counts)), where=total > 0)
