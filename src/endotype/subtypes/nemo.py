"""NEMO: neighbourhoods of patients in several views, averaged where both were measured.

Rappoport & Shamir 2019 (Bioinformatics 35:3348). In a view the similarity of i to its k nearest neighbours
is made relative, S(i, j) = w_ij / sum of w over the neighbours of i, and 0 for others; both directions are
added; views are averaged over those that have both patients. Nothing is imputed and no view waits for
another, so patients without a view are no trouble.

As in the authors' program: w is the kernel of :func:`endotype.subtypes.similarity.affinity` on *squared*
distances, i is one of its own k neighbours, all that tie with the k-th are kept, and pairs that share no view
have the mean of the pairs that do.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from endotype.subtypes import similarity_kernels as kernels
from endotype.subtypes.similarity import average_views, bare_spectrum, measured_views

NEIGHBOUR_RATIO = 6
"""Patients of a view per neighbour."""

CHOICES = tuple(range(2, 16))


def default_neighbours(n: int) -> int:
    """n / 6 rounded (a half to even, as R does), at least 1."""
    return max(round(n / NEIGHBOUR_RATIO), 1)


def nemo_network(networks: Sequence[np.ndarray], k: Sequence[int], present: np.ndarray) -> np.ndarray:
    """One network of several views.

    Args:
        networks: affinities of each view's patients, float64 (n_v, n_v), symmetric.
        k: neighbours in each view; a patient is its own first.
        present: bool (views, n), which patients each network has, in this order.

    Returns:
        float64 (n, n), symmetric.

    Raises:
        ValueError: a patient in no view; sizes that do not fit; k not between 1 and n_v.
    """
    measured = measured_views(present)
    n = len(measured)
    total = np.zeros((n, n))
    for v, (network, near, here) in enumerate(zip(networks, k, present, strict=True)):
        rows = np.flatnonzero(here)
        if network.shape != (len(rows), len(rows)) or not 1 <= near <= len(rows):
            raise ValueError(
                f"view {v + 1}: {near} neighbours in a network of {network.shape}, {len(rows)} there"
            )
        relative = np.empty(network.shape)
        kernels.relative_similarity(np.ascontiguousarray(network), near, relative)
        kernels.add_view(total, relative + relative.T, rows)
    average_views(total, measured)
    return total


def nemo_group_numbers(network: np.ndarray, choices: Sequence[int] = CHOICES) -> list[int]:
    """Numbers of groups by the authors' eigengap: each gap times its place; the best first.

    The place weighs for many groups, and one is never said: judge it against a null reference. Choices that
    the network is too small for are left out.
    """
    values = bare_spectrum(network, max(choices) + 1)
    gaps = np.abs(np.diff(values)) * np.arange(1, len(values))
    return sorted((c for c in choices if c <= len(gaps)), key=lambda number: -gaps[number - 1])
