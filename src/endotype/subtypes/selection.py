"""How many groups the cohort supports. One is a legal answer, and the usual one.

A number k > 1 is taken only if all of this holds; among those that pass, the one of lowest BIC:

* each group has at least ``min_size`` patients and ``min_fraction`` of them;
* BIC is better than that of one group;
* stability: each group is found again in refits to bootstrap samples, mean Jaccard >= 0.75 (Hennig 2007);
* prediction strength >= 0.8: two patients that one half of the cohort puts in a group are put together by
  the model of the other half (Tibshirani & Walther 2005);
* the gain in likelihood over one group is larger than in every cohort without groups of
  :mod:`endotype.subtypes.null_reference`.

Tests go from cheap to dear and stop at the first failure; what was not computed is null, not 0.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from endotype.subtypes import kernels
from endotype.subtypes.mixture import Data, Mixture, fit
from endotype.subtypes.null_reference import SHAPES, latent_factor, simulate

MIN_JACCARD, MIN_PREDICTION_STRENGTH = 0.75, 0.8
QUICK_RESTARTS = 5
MAX_RESAMPLED = 2000
"""Patients that resampling works on; more make it slower, not surer."""

NEIGHBOUR, STRANGE_MADS, MAX_STRANGE = 10, 5.0, 0.05
"""A patient is set aside if the log distance to the 10th nearest other patient is 5 robust standard
deviations over the median; of more than 5 % only the strangest."""


@dataclass(frozen=True)
class Settings:
    """Config section ``subtypes`` with the run's seed."""

    max_k: int = 6
    restarts: int = 20
    resamples: int = 20
    call_probability: float = 0.8
    typicality_alpha: float = 0.01
    min_size: int = 20
    min_fraction: float = 0.02
    outcome_permutations: int = 1000
    seed: int = 1


@dataclass
class Candidate:
    """What was found out about one k; ``None`` is "not computed"."""

    k: int
    log_likelihood: float
    bic: float
    sizes: list[int]
    jaccard: list[float] | None = None
    prediction_strength: float | None = None
    gain: float | None = None
    null_gain_max: dict[str, float] = field(default_factory=dict)
    null_p: dict[str, float] = field(default_factory=dict)
    accepted: bool = False
    verdict: str = ""


def set_aside(data: Data) -> np.ndarray:
    """Patients too unlike all others to learn from, bool, shape (n,); they would be groups of their own."""
    strange = np.zeros(data.n, bool)
    if data.n <= 5 * NEIGHBOUR or data.x.shape[1] == 0:
        return strange
    distance = kernels.neighbour_distance(data.points, data.seen, NEIGHBOUR)
    usable = np.isfinite(distance) & (distance > 0)
    if usable.sum() <= 5 * NEIGHBOUR:
        return strange
    logs = np.log(distance[usable])
    spread = 1.4826 * np.median(np.abs(logs - np.median(logs)))
    if spread == 0:
        return strange
    score = np.full(data.n, -np.inf)
    score[usable] = (logs - np.median(logs)) / spread
    order = np.argsort(-score, kind="stable")[: int(MAX_STRANGE * data.n)]
    strange[order[score[order] > STRANGE_MADS]] = True
    return strange


def choose(data: Data, settings: Settings) -> tuple[Mixture, list[Candidate]]:
    """The fitted mixture of the chosen k, and the record of every k that was tried."""
    smallest = max(settings.min_size, int(np.ceil(settings.min_fraction * data.n)), 2)
    models = [fit(data, 1, _rng(settings, 0, 1), 1)]
    candidates = [Candidate(1, models[0].log_likelihood, models[0].bic(data.n), [data.n], accepted=True)]
    candidates[0].verdict = "one group: the cohort is not divided"
    largest = min(settings.max_k, data.n // smallest) if data.x.shape[1] else 1
    part = _part(data, settings)
    factor = latent_factor(part) if largest > 1 else np.empty((0, 0))
    for k in range(2, largest + 1):
        model = fit(data, k, _rng(settings, 0, k), settings.restarts)
        sizes = np.bincount(model.labels(data), minlength=k)
        candidate = Candidate(
            k, model.log_likelihood, model.bic(data.n), sorted(map(int, sizes), reverse=True)
        )
        candidate.verdict = _judge(candidate, candidates[0], model, part, factor, smallest, settings)
        candidate.accepted = not candidate.verdict
        candidate.verdict = candidate.verdict or "supported"
        models.append(model)
        candidates.append(candidate)
    best = min((c for c in candidates if c.accepted), key=lambda c: (c.k == 1, c.bic, c.k))
    return models[best.k - 1], candidates


def _judge(
    candidate: Candidate,
    one: Candidate,
    model: Mixture,
    part: Data,
    factor: np.ndarray,
    smallest: int,
    settings: Settings,
) -> str:
    """Why ``candidate`` is not supported, or the empty string; its measurements are filled in on the way."""
    if candidate.sizes[-1] < smallest:
        return f"a group of {candidate.sizes[-1]} patients, under the least size of {smallest}"
    if candidate.bic >= one.bic:
        return "BIC no better than that of one group"
    candidate.jaccard = stability(part, model, settings)
    if min(candidate.jaccard) < MIN_JACCARD:
        return (
            f"unstable: a group has a mean Jaccard index of {min(candidate.jaccard):.2f} in bootstrap samples"
        )
    candidate.prediction_strength = prediction_strength(part, candidate.k, settings)
    if candidate.prediction_strength < MIN_PREDICTION_STRENGTH:
        return f"prediction strength {candidate.prediction_strength:.2f}"
    candidate.gain = _gain(part, candidate.k, settings, 0)
    for index, shape in enumerate(SHAPES):
        gains = [
            _gain(simulate(part, factor, shape, _rng(settings, 3 + index, b)), candidate.k, settings, b + 1)
            for b in range(settings.resamples)
        ]
        exceeding = sum(g >= candidate.gain for g in gains)
        candidate.null_gain_max[shape] = max(gains)
        candidate.null_p[shape] = (1 + exceeding) / (1 + len(gains))
        if exceeding:
            return f"no larger gain in likelihood than in correlated {shape} data without groups"
    return ""


def stability(data: Data, model: Mixture, settings: Settings) -> list[float]:
    """Mean Jaccard index of each group with its best match in refits to bootstrap samples; shape (k,)."""
    labels = model.labels(data)
    total = np.zeros(model.k)
    for b in range(settings.resamples):
        rng = _rng(settings, 1, model.k, b)
        refit = fit(data.rows(rng.integers(0, data.n, data.n)), model.k, rng, QUICK_RESTARTS)
        total += jaccard(labels, refit.labels(data), model.k)
    return [float(t) for t in total / settings.resamples]


def jaccard(labels: np.ndarray, others: np.ndarray, k: int) -> np.ndarray:
    """Of each group A of ``labels``, the greatest |A ∩ B| / |A ∪ B| over groups B of ``others``; (k,)."""
    table = np.zeros((k, k))
    np.add.at(table, (labels, others), 1)
    union = table.sum(axis=1, keepdims=True) + table.sum(axis=0, keepdims=True) - table
    return (table / np.maximum(union, 1)).max(axis=1)


def prediction_strength(data: Data, k: int, settings: Settings) -> float:
    """Mean over random halves of the least share of pairs in a group that the other half's model keeps."""
    strengths = []
    for b in range(max(settings.resamples // 2, 1)):
        rng = _rng(settings, 2, k, b)
        order = rng.permutation(data.n)
        halves = [data.rows(np.sort(half)) for half in (order[: data.n // 2], order[data.n // 2 :])]
        models = [fit(half, k, rng, QUICK_RESTARTS) for half in halves]
        for mine, other in ((0, 1), (1, 0)):
            strengths.append(
                pairs_kept(models[mine].labels(halves[mine]), models[other].labels(halves[mine]), k)
            )
    return float(np.mean(strengths))


def pairs_kept(labels: np.ndarray, others: np.ndarray, k: int) -> float:
    """Least share, over groups of ``labels``, of its pairs of patients that ``others`` puts together too."""
    table = np.zeros((k, k))
    np.add.at(table, (labels, others), 1)
    size = table.sum(axis=1)
    big = size > 1
    if big.sum() < k:
        return 0.0
    return float(((table * (table - 1)).sum(axis=1) / (size * (size - 1))).min())


def _gain(data: Data, k: int, settings: Settings, b: int) -> float:
    """Log likelihood of k groups less that of one, fitted alike for real and simulated cohorts."""
    rng = _rng(settings, 5, k, b)
    return fit(data, k, rng, QUICK_RESTARTS).log_likelihood - fit(data, 1, rng, 1).log_likelihood


def _part(data: Data, settings: Settings) -> Data:
    if data.n <= MAX_RESAMPLED:
        return data
    return data.rows(np.sort(_rng(settings, 6).permutation(data.n)[:MAX_RESAMPLED]))


def _rng(settings: Settings, *purpose: int) -> np.random.Generator:
    """A stream of its own for each purpose, so that one test's length doesn't move the next one's draws."""
    return np.random.default_rng([settings.seed, *purpose])
