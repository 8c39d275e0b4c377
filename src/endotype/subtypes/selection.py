"""How many groups the cohort supports. One is a legal answer, and the usual one.

A number k > 1 is taken only if all of this holds; among those that pass, the one of lowest BIC:

* each group has at least ``min_size`` patients and ``min_fraction`` of them;
* BIC is better than that of one group;
* stability: each group is found again in refits to bootstrap samples, mean Jaccard >= 0.75 (Hennig 2007);
* prediction strength >= 0.8: two patients that one half of the cohort puts in a group are put together by
  the model of the other half (after Tibshirani & Walther 2005);
* the gain in likelihood over one group is larger than in every cohort without groups of
  :mod:`endotype.subtypes.null_reference`;
* resamples agree better than in such cohorts: :mod:`endotype.subtypes.stability_curves`;
* the consensus of one half of the resamples gives the groups of the other half:
  :mod:`endotype.subtypes.consensus_fit`, whose mixture is the one that is kept.

Tests go from cheap to dear and a k that failed takes part in no dearer one; what was not computed is null,
not 0. With ``curves`` the numbers for the picture of stability are computed for the next k all the same.
They move no decision.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import linear_sum_assignment
from threadpoolctl import threadpool_limits

from endotype.subtypes import kernels
from endotype.subtypes.axes import Axes, find_axes
from endotype.subtypes.consensus_fit import Consensus, consensus_fit
from endotype.subtypes.em_runs import run_all
from endotype.subtypes.mixture import Data, Mixture, fit
from endotype.subtypes.null_reference import SHAPES, latent_factor, simulate
from endotype.subtypes.resampling import quick_fit
from endotype.subtypes.stability_curves import stability_curves

MIN_JACCARD, MIN_PREDICTION_STRENGTH, MIN_REPRODUCIBILITY = 0.75, 0.8, 0.9
MAX_NULL_P = 0.05
"""Of a k's own p-value on the stability curve. Not adjusted: what many k do to chance is held by the gain in
likelihood, which must pass every null cohort, and two groups far apart would be refused."""

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
    consensus_resamples: int = 60
    null_cohorts: int = 20
    curves: bool = False
    call_probability: float = 0.8
    typicality_alpha: float = 0.01
    min_size: int = 20
    min_fraction: float = 0.02
    outcome_permutations: int = 1000
    min_information: float = 0.5
    engine: str = "mixture"
    seed: int = 1


@dataclass
class Candidate:
    """What was found out about one k; ``None`` is "not computed".

    Attributes:
        k: number of groups.
        log_likelihood, bic: of the best fit.
        sizes: patients of each group, the largest first.
        jaccard: mean over bootstrap samples, of each group in the order of ``sizes``.
        prediction_strength: of the weakest group.
        gain: log likelihood less that of one group; beside it, for each law of the null reference, the
            greatest gain of its cohorts and the Monte-Carlo p-value.
        pac, null_pac, rcsi, pac_p, pac_p_adjusted: of :class:`~endotype.subtypes.stability_curves.Curve`.
        consensus_pac, reproducibility: of :class:`~endotype.subtypes.consensus_fit.Consensus`.
        carried_over: of groups of a network, agreement with the mixture that stands for them.
        accepted: whether every test was passed.
        verdict: why, in words.
    """

    k: int
    log_likelihood: float
    bic: float
    sizes: list[int]
    jaccard: list[float] | None = None
    prediction_strength: float | None = None
    gain: float | None = None
    null_gain_max: dict[str, float] = field(default_factory=dict)
    null_p: dict[str, float] = field(default_factory=dict)
    pac: float | None = None
    null_pac: dict[str, float] = field(default_factory=dict)
    rcsi: float | None = None
    pac_p: float | None = None
    pac_p_adjusted: float | None = None
    consensus_pac: float | None = None
    reproducibility: float | None = None
    carried_over: float | None = None
    accepted: bool = False
    verdict: str = ""


@dataclass(frozen=True)
class Selection:
    """What :func:`select` found.

    Attributes:
        mixture: of the chosen k.
        candidates: the record of every k that was tried, from 1.
        solutions: labels of every division that was tried, by name, int64 (n,); for
            :func:`endotype.subtypes.outcome.compare_outcomes`.
        chosen: name of the chosen one among them, or None for one group.
        consensus: of the chosen k; None for one group.
        axes: continuous axes, for one group; None with groups or where no axis stands out of the noise.
    """

    mixture: Mixture
    candidates: list[Candidate]
    solutions: dict[str, np.ndarray]
    chosen: str | None
    consensus: Consensus | None
    axes: Axes | None


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
    found = select(data, settings)
    return found.mixture, found.candidates


def select(data: Data, settings: Settings, threads: int = 1) -> Selection:
    """Choose k, fit its mixture, and keep what was tried.

    Args:
        data: patients, without those of :func:`set_aside`.
        settings: limits and lengths, and the seed.
        threads: fits at a time; the result doesn't depend on it.
    """
    with threadpool_limits(1):
        return _select(data, settings, threads)


def _select(data: Data, settings: Settings, threads: int) -> Selection:
    smallest = max(settings.min_size, int(np.ceil(settings.min_fraction * data.n)), 2)
    largest = max(min(settings.max_k, data.n // smallest), 1) if data.x.shape[1] else 1
    numbers = list(range(1, largest + 1))
    models = run_all(
        lambda k: fit(data, k, _rng(settings, 0, k), settings.restarts if k > 1 else 1), numbers, threads
    )
    tried = [_Tried.of(model, data) for model in models]
    one, several = tried[0].candidate, tried[1:]
    one.accepted, one.verdict = True, "one group: the cohort is not divided"
    part = data.rows(_part(data, settings))
    factor = latent_factor(part) if several else np.empty((0, 0))
    for each in several:
        _judge(each, one, part, factor, smallest, settings, threads)
    passed = [t.candidate.k for t in several if not t.candidate.verdict]
    # Beyond the next k a curve tells nobody anything, and costs as much as all that went before.
    shown = max(passed, default=2) + 1 if settings.curves else 0
    wanted = [t.candidate for t in several if t.candidate.k <= shown or not t.candidate.verdict]
    if wanted:
        _judge_by_curves(wanted, len(several), part, settings, threads)
    for each in several:
        if not each.candidate.verdict:
            _judge_by_consensus(each, data, smallest, settings, threads)
        each.candidate.accepted = not each.candidate.verdict
        each.candidate.verdict = each.candidate.verdict or "supported"
    best = min((t for t in tried if t.candidate.accepted), key=lambda t: (t.mixture.k == 1, *t.rank(data.n)))
    return Selection(
        mixture=best.mixture,
        candidates=[t.candidate for t in tried],
        solutions={t.name: t.mixture.labels(data) for t in several},
        chosen=best.name if best.mixture.k > 1 else None,
        consensus=best.consensus,
        axes=None if best.mixture.k > 1 else find_axes(data, _rng(settings, 9)),
    )


@dataclass
class _Tried:
    """One k with its mixture, which the consensus replaces if it gets so far."""

    candidate: Candidate
    mixture: Mixture
    consensus: Consensus | None = None

    @classmethod
    def of(cls, mixture: Mixture, data: Data) -> _Tried:
        sizes = np.bincount(mixture.labels(data), minlength=mixture.k)
        mixture = mixture.reordered(np.argsort(-sizes, kind="stable"))
        return cls(
            Candidate(
                mixture.k, mixture.log_likelihood, mixture.bic(data.n), sorted(map(int, sizes), reverse=True)
            ),
            mixture,
        )

    @property
    def name(self) -> str:
        return f"mixture k={self.mixture.k}"

    def rank(self, n: int) -> tuple[float, int]:
        return self.mixture.bic(n), self.mixture.k


def _judge(
    tried: _Tried,
    one: Candidate,
    part: Data,
    factor: np.ndarray,
    smallest: int,
    settings: Settings,
    threads: int,
) -> None:
    """Fill in the measurements and the verdict, which stays empty if every test so far is passed."""
    candidate = tried.candidate
    if candidate.sizes[-1] < smallest:
        candidate.verdict = f"a group of {candidate.sizes[-1]} patients, under the least size of {smallest}"
    elif candidate.bic >= one.bic:
        candidate.verdict = "BIC no better than that of one group"
    if settings.curves or not candidate.verdict:
        candidate.jaccard = stability(part, tried.mixture, settings, threads)
        if not candidate.verdict and min(candidate.jaccard) < MIN_JACCARD:
            candidate.verdict = (
                f"unstable: a group has a mean Jaccard index of {min(candidate.jaccard):.2f} "
                "in bootstrap samples"
            )
    if settings.curves or not candidate.verdict:
        candidate.prediction_strength = prediction_strength(part, tried.mixture, settings, threads)
        if not candidate.verdict and candidate.prediction_strength < MIN_PREDICTION_STRENGTH:
            candidate.verdict = f"prediction strength {candidate.prediction_strength:.2f}"
    if not candidate.verdict:
        candidate.verdict = _compare_gain(candidate, part, factor, settings, threads)


def _compare_gain(
    candidate: Candidate, part: Data, factor: np.ndarray, settings: Settings, threads: int
) -> str:
    gain = candidate.gain = _gain(part, candidate.k, settings, 0)
    for index, shape in enumerate(SHAPES):
        gains = run_all(
            lambda b, index=index, shape=shape: _gain(  # type: ignore[misc]
                simulate(part, factor, shape, _rng(settings, 3 + index, b)), candidate.k, settings, b + 1
            ),
            range(settings.null_cohorts),
            threads,
        )
        exceeding = sum(g >= gain for g in gains)
        candidate.null_gain_max[shape] = max(gains)
        candidate.null_p[shape] = (1 + exceeding) / (1 + len(gains))
        if exceeding:
            return f"no larger gain in likelihood than in correlated {shape} data without groups"
    return ""


def _judge_by_curves(
    candidates: list[Candidate], tried: int, part: Data, settings: Settings, threads: int
) -> None:
    curves = stability_curves(part, [c.k for c in candidates], tried, settings.seed, threads)
    for candidate, curve in zip(candidates, curves, strict=True):
        candidate.pac, candidate.null_pac, candidate.rcsi = curve.pac, curve.null_pac, curve.rcsi
        candidate.pac_p, candidate.pac_p_adjusted = curve.p, curve.p_adjusted
        if not candidate.verdict and curve.p > MAX_NULL_P:
            candidate.verdict = (
                f"resamples agree no better than in correlated data without groups: PAC {curve.pac:.2f}, "
                f"p {curve.p:.2g}"
            )


def _judge_by_consensus(tried: _Tried, data: Data, smallest: int, settings: Settings, threads: int) -> None:
    candidate = tried.candidate
    patients = _part(data, settings)
    mixture, consensus = consensus_fit(
        data,
        patients,
        candidate.k,
        settings.consensus_resamples,
        QUICK_RESTARTS,
        int(np.ceil(smallest * len(patients) / data.n)),
        lambda b: _rng(settings, 8, candidate.k, b),
        threads,
    )
    candidate.consensus_pac, candidate.reproducibility = consensus.pac, consensus.reproducibility
    agreed = _Tried.of(mixture, data)
    tried.mixture, tried.consensus = agreed.mixture, consensus
    if consensus.reproducibility < MIN_REPRODUCIBILITY:
        candidate.verdict = (
            f"two halves of the resamples give other groups: adjusted Rand index "
            f"{consensus.reproducibility:.2f}"
        )
    elif agreed.candidate.sizes[-1] < smallest:
        candidate.verdict = (
            f"a group of {agreed.candidate.sizes[-1]} patients in the consensus, under the least size of "
            f"{smallest}"
        )


def stability(data: Data, model: Mixture, settings: Settings, threads: int = 1) -> list[float]:
    """Mean Jaccard index of each group with its best match in refits to bootstrap samples; shape (k,)."""
    labels = model.labels(data)

    def once(b: int) -> np.ndarray:
        rng = _rng(settings, 1, model.k, b)
        refit = quick_fit(data.rows(rng.integers(0, data.n, data.n)), model.k, rng, QUICK_RESTARTS)
        return jaccard(labels, refit.labels(data), model.k)

    return [float(m) for m in np.mean(run_all(once, range(settings.resamples), threads), axis=0)]


def jaccard(labels: np.ndarray, others: np.ndarray, k: int) -> np.ndarray:
    """Of each group A of ``labels``, the greatest |A ∩ B| / |A ∪ B| over groups B of ``others``; (k,)."""
    table = np.zeros((k, k))
    np.add.at(table, (labels, others), 1)
    union = table.sum(axis=1, keepdims=True) + table.sum(axis=0, keepdims=True) - table
    return (table / np.maximum(union, 1)).max(axis=1)


def prediction_strength(data: Data, model: Mixture, settings: Settings, threads: int = 1) -> float:
    """Least, over groups, of the mean share of its pairs in a half that the other half's model keeps.

    Tibshirani & Walther take the least share first and the mean over random halves second. The least of k
    noisy shares falls with k though every group be stable, so groups of a half are matched to those of
    ``model``, and each has a mean of its own.
    """
    k, whole = model.k, model.labels(data)

    def once(b: int) -> np.ndarray:
        rng = _rng(settings, 2, k, b)
        order = rng.permutation(data.n)
        rows = [np.sort(half) for half in (order[: data.n // 2], order[data.n // 2 :])]
        halves = [data.rows(half) for half in rows]
        models = [quick_fit(half, k, rng, QUICK_RESTARTS) for half in halves]
        kept = np.zeros(k)
        for mine, other in ((0, 1), (1, 0)):
            labels = models[mine].labels(halves[mine])
            matched = match(whole[rows[mine]], labels, k)
            kept += pairs_kept(labels, models[other].labels(halves[mine]), k)[matched] / 2
        return kept

    return float(np.mean(run_all(once, range(max(settings.resamples // 2, 1)), threads), axis=0).min())


def match(labels: np.ndarray, others: np.ndarray, k: int) -> np.ndarray:
    """For each group of ``labels`` its partner among ``others``, one to one, with most patients in common."""
    table = np.zeros((k, k))
    np.add.at(table, (labels, others), 1)
    return linear_sum_assignment(-table)[1]


def pairs_kept(labels: np.ndarray, others: np.ndarray, k: int) -> np.ndarray:
    """Of each group of ``labels``, the share of its pairs that ``others`` puts together too; (k,).

    0 for a group of fewer than two patients.
    """
    table = np.zeros((k, k))
    np.add.at(table, (labels, others), 1)
    size = table.sum(axis=1)
    return (table * (table - 1)).sum(axis=1) / np.maximum(size * (size - 1), 1)


def _gain(data: Data, k: int, settings: Settings, b: int) -> float:
    """Log likelihood of k groups less that of one, fitted alike for real and simulated cohorts."""
    rng = _rng(settings, 5, k, b)
    return fit(data, k, rng, QUICK_RESTARTS).log_likelihood - fit(data, 1, rng, 1).log_likelihood


def _part(data: Data, settings: Settings) -> np.ndarray:
    """Positions of the patients that resampling works on."""
    if data.n <= MAX_RESAMPLED:
        return np.arange(data.n)
    return np.sort(_rng(settings, 6).permutation(data.n)[:MAX_RESAMPLED])


def _rng(settings: Settings, *purpose: int) -> np.random.Generator:
    """A stream of its own for each purpose, so that one test's length doesn't move the next one's draws."""
    return np.random.default_rng([settings.seed, *purpose])
