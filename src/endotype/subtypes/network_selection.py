"""How many groups networks of patients support: the same questions as of mixtures, asked of fusion or NEMO.

For each number of groups k the views are joined to a network of all patients, which is cut into k groups; and
again in resamples. k > 1 is taken only if each group is large enough, each is found again in the resamples
(mean Jaccard index, Hennig 2007), two halves of the resamples agree, and the resamples agree better (PAC)
than in every simulated cohort without groups that has the same correlations
(:mod:`endotype.subtypes.null_reference`). Of those that pass the largest is taken.

A network has no place for a new patient. Its groups are therefore carried over to a mixture: one of k groups
is fitted from the network's as its start, and the mixture is what is frozen and called with. How well it
keeps the network's groups is measured and recorded (adjusted Rand index).
"""

from __future__ import annotations

import numpy as np

from endotype.subtypes.axes import find_axes
from endotype.subtypes.consensus import by_size, consensus_labels, count, pac
from endotype.subtypes.consensus_fit import Consensus, adjusted_rand
from endotype.subtypes.kernels import GAUSSIAN
from endotype.subtypes.mixture import Data, Mixture, fit, fit_from
from endotype.subtypes.multiview import View, nemo_groups, snf_groups
from endotype.subtypes.null_reference import SHAPES, latent_factor, simulate
from endotype.subtypes.selection import (
    MIN_JACCARD,
    MIN_REPRODUCIBILITY,
    Candidate,
    Selection,
    Settings,
    jaccard,
)
from endotype.subtypes.similarity import spectral_groups

MAX_RESAMPLED = 500
"""Patients that resampling and the null cohorts work on."""

_STREAM = 40
_SHARE = 0.8


def select_networks(data: Data, column_views: list[str], engine: str, settings: Settings) -> Selection:
    """Choose k and carry the groups over to a mixture.

    Args:
        data: patients.
        column_views: the view of each column of ``data``.
        engine: ``snf`` or ``nemo``.
        settings: as for mixtures.

    Raises:
        ValueError: fewer than two views for fusion, or a view that compares fewer than three patients.
    """
    smallest = max(settings.min_size, int(np.ceil(settings.min_fraction * data.n)), 2)
    largest = max(min(settings.max_k, data.n // smallest), 1) if data.x.shape[1] else 1
    one = fit(data, 1, _rng(settings, 1), 1)
    first = Candidate(1, one.log_likelihood, one.bic(data.n), [data.n], accepted=True)
    first.verdict = "one group: the cohort is not divided"
    candidates, solutions = [first], {}
    ks = list(range(2, largest + 1))
    best: tuple[str, Mixture, Consensus] | None = None
    if ks:
        whole = _cut(data, column_views, engine, ks)
        patients = np.sort(_rng(settings, 2).permutation(data.n)[:MAX_RESAMPLED])
        part = data.rows(patients)
        drawn = _resample(part, column_views, engine, ks, settings, 0)
        null = _null_pacs(part, column_views, engine, ks, settings)
    for k in ks:
        labels = by_size(whole[k])
        mixture = fit_from(data, np.eye(k)[labels])[1]
        sizes = np.bincount(labels, minlength=k)
        each = Candidate(
            k, mixture.log_likelihood, mixture.bic(data.n), sorted(map(int, sizes), reverse=True)
        )
        matrix = _matrix(part.n, drawn, k)
        indices = [jaccard(labels[patients[rows]], found[k], k) for rows, found in drawn]
        each.jaccard = [float(j) for j in np.mean(indices, axis=0)]
        each.pac = each.consensus_pac = pac(matrix)
        halves = [consensus_labels(_matrix(part.n, drawn[half::2], k), k) for half in (0, 1)]
        each.reproducibility = adjusted_rand(*halves)
        q05, q50, q95 = (float(q) for q in np.quantile(null[k], [0.05, 0.5, 0.95]))
        each.null_pac = {"mean": float(np.mean(null[k])), "q05": q05, "q50": q50, "q95": q95}
        each.pac_p = (1 + sum(p <= each.pac for p in null[k])) / (1 + len(null[k]))
        each.carried_over = adjusted_rand(labels, mixture.labels(data))
        each.verdict = _verdict(each, smallest, null[k])
        each.accepted = not each.verdict
        each.verdict = each.verdict or "supported"
        candidates.append(each)
        solutions[f"{engine} k={k}"] = labels
        if each.accepted:
            consensus = Consensus(patients, matrix.astype(np.float32), each.pac, each.reproducibility)
            best = (f"{engine} k={k}", mixture, consensus)
    if best is None:
        return Selection(one, candidates, solutions, None, None, find_axes(data, _rng(settings, 9)))
    return Selection(best[1], candidates, solutions, best[0], best[2], None)


def _verdict(candidate: Candidate, smallest: int, null: list[float]) -> str:
    assert candidate.pac is not None and candidate.jaccard and candidate.reproducibility is not None
    if candidate.sizes[-1] < smallest:
        return f"a group of {candidate.sizes[-1]} patients, under the least size of {smallest}"
    if min(candidate.jaccard) < MIN_JACCARD:
        return f"unstable: a group has a mean Jaccard index of {min(candidate.jaccard):.2f} in resamples"
    if candidate.reproducibility < MIN_REPRODUCIBILITY:
        agreement = f"adjusted Rand index {candidate.reproducibility:.2f}"
        return f"two halves of the resamples give other groups: {agreement}"
    if any(p <= candidate.pac for p in null):
        return f"resamples agree no better than in correlated data without groups: PAC {candidate.pac:.2f}"
    return ""


def _cut(data: Data, column_views: list[str], engine: str, ks: list[int]) -> dict[int, np.ndarray]:
    """Groups of the network of these patients, for each k."""
    names = np.array(column_views)
    views: list[View] = []
    for name in dict.fromkeys(column_views):
        columns = np.flatnonzero(names == name)
        values = np.where(data.seen[:, columns], data.points[:, columns], np.nan)
        # Points of every kind are on comparable scales already.
        views.append((values, np.full(len(columns), GAUSSIAN, np.int8)))
    join = snf_groups if engine == "snf" else nemo_groups
    first = join(views, ks[0])
    labels = {ks[0]: first.labels}
    for k in ks[1:]:
        cut = np.full(data.n, -1, np.int64)
        cut[first.rows] = by_size(spectral_groups(first.network, k))
        labels[k] = cut
    return labels


Drawn = list[tuple[np.ndarray, dict[int, np.ndarray]]]


def _resample(
    data: Data, column_views: list[str], engine: str, ks: list[int], settings: Settings, stream: int
) -> Drawn:
    drawn = []
    for b in range(settings.resamples):
        order = _rng(settings, 3, stream, b).permutation(data.n)
        rows = np.sort(order[: int(np.ceil(_SHARE * data.n))])
        drawn.append((rows, _cut(data.rows(rows), column_views, engine, ks)))
    return drawn


def _matrix(n: int, drawn: Drawn, k: int) -> np.ndarray:
    """Consensus of the resamples; pairs that were never drawn together are apart."""
    labels = np.full((n, len(drawn)), -1, np.int64)
    for b, (rows, found) in enumerate(drawn):
        labels[rows, b] = found[k]
    return np.nan_to_num(count(labels).matrix)


def _null_pacs(
    data: Data, column_views: list[str], engine: str, ks: list[int], settings: Settings
) -> dict[int, list[float]]:
    factor = latent_factor(data)
    found: dict[int, list[float]] = {k: [] for k in ks}
    for b in range(settings.null_cohorts):
        cohort = simulate(data, factor, SHAPES[b % len(SHAPES)], _rng(settings, 4, b))
        drawn = _resample(cohort, column_views, engine, ks, settings, b + 1)
        for k in ks:
            found[k].append(pac(_matrix(data.n, drawn, k)))
    return found


def _rng(settings: Settings, *purpose: int) -> np.random.Generator:
    return np.random.default_rng([settings.seed, _STREAM, *purpose])
