"""Groups of patients measured in several views: similarity network fusion or NEMO, then spectral groups.

A view is a table of patients x features, standardised by the caller (gaussian and count features to
variance 1, counts after a logarithm; binary ones as 0 and 1). Missing values stay missing. These networks
place the patients of the cohort only: for new ones fit a model to the groups.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from endotype.subtypes.consensus import by_size
from endotype.subtypes.kernels import CATEGORY
from endotype.subtypes.nemo import CHOICES, default_neighbours, nemo_group_numbers, nemo_network
from endotype.subtypes.similarity import affinity, eigengap, fuse_in_place, spectral_groups, squared_distances

View = tuple[np.ndarray, np.ndarray]
"""Values, float64 (n, p) with NaN where missing, and the kind of each feature, int8 (p,)."""

NEIGHBOURS, STEPS = 20, 20
"""Of fusion; in a view of fewer patients all others are neighbours."""


@dataclass(frozen=True)
class NetworkGroups:
    """What was found.

    Attributes:
        labels: int64 (n,), numbered by size, the largest first; -1 for patients that no view can
            compare with anybody.
        rows: int64 (m,), the patients with a group.
        network: float64 (m, m), theirs.
        numbers: numbers of groups by eigengap, the best first. They never say one.
        neighbours: how many were used in each view.
    """

    labels: np.ndarray
    rows: np.ndarray
    network: np.ndarray
    numbers: list[int]
    neighbours: list[int]


def snf_groups(
    views: Sequence[View], n_groups: int | None = None, neighbours: int = NEIGHBOURS, steps: int = STEPS
) -> NetworkGroups:
    """Groups by similarity network fusion (Wang et al. 2014), on distances that are not squared.

    Args:
        views: two or more, of the same patients in the same order.
        n_groups: how many; by eigengap if None.
        neighbours: in each view, fewer where it has fewer patients.
        steps: of diffusion.

    Raises:
        ValueError: views of different patients; a view that can compare fewer than three patients, or in
            which all are alike; fewer than two views.
    """
    rows, present, parts = _parts(views)
    near = min([neighbours, *(len(part) - 1 for part in parts)])
    networks = [affinity(np.sqrt(part), near) for part in parts]
    del parts
    network = fuse_in_place(networks, near, steps, present)
    numbers = eigengap(network, [c for c in (2, 3, 4, 5) if c < len(rows)])
    return _grouped(len(views[0][0]), rows, network, numbers, n_groups, [near] * len(views))


def nemo_groups(
    views: Sequence[View], n_groups: int | None = None, neighbours: int | None = None
) -> NetworkGroups:
    """Groups by NEMO (Rappoport & Shamir 2019).

    Args:
        views: one or more, of the same patients in the same order.
        n_groups: how many; by the authors' eigengap if None.
        neighbours: in each view; a sixth of its patients if None.

    Raises:
        ValueError: as :func:`snf_groups`.
    """
    rows, present, parts = _parts(views)
    near = [min(neighbours or default_neighbours(len(part)), len(part) - 1) for part in parts]
    networks = [affinity(part, k) for part, k in zip(parts, near, strict=True)]
    network = nemo_network(networks, near, present)
    numbers = nemo_group_numbers(network, CHOICES)
    return _grouped(len(views[0][0]), rows, network, numbers, n_groups, near)


def view_distances(values: np.ndarray, kind: np.ndarray) -> np.ndarray:
    """Squared distances in a view, float64 (n, n): a category that differs counts 1, as a binary feature."""
    weight = np.where(kind == CATEGORY, np.sqrt(0.5), 1.0)
    return squared_distances(values * weight)


def _parts(views: Sequence[View]) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    """Patients in any view; of these, who is in each view; squared distances of those."""
    if not views or len({len(values) for values, _ in views}) != 1:
        raise ValueError("views take the same patients, in the same order")
    parts, seen = [], np.zeros((len(views), len(views[0][0])), bool)
    for v, (values, kind) in enumerate(views):
        here = np.flatnonzero(np.isfinite(values).any(axis=1))
        part = view_distances(values[here], kind)
        # who shares no feature with anybody has no place in the view
        placed = np.isfinite(part).sum(axis=1) > 1
        if placed.sum() < 3:
            raise ValueError(f"view {v + 1} can compare {int(placed.sum())} patients; at least 3 are needed")
        part = part[np.ix_(placed, placed)]
        if np.nanmax(part) == 0:
            raise ValueError(f"all patients are alike in view {v + 1}")
        seen[v, here[placed]] = True
        parts.append(part)
    rows = np.flatnonzero(seen.any(axis=0))
    return rows, seen[:, rows], parts


def _grouped(
    n: int,
    rows: np.ndarray,
    network: np.ndarray,
    numbers: list[int],
    n_groups: int | None,
    neighbours: list[int],
) -> NetworkGroups:
    labels = np.full(n, -1, np.int64)
    labels[rows] = by_size(spectral_groups(network, n_groups or numbers[0]))
    return NetworkGroups(labels, rows, network, numbers, neighbours)
