"""Similarity networks of patients: of one view, fused from several, cut into groups, carried to new patients.

Similarity network fusion (Wang et al. 2014, Nat Methods 11:333) takes a network of patients from each view
and lets each network diffuse through the nearest neighbours of the others until they agree. Everything here
is dense, n x n, by BLAS with one thread, so that the bytes do not depend on how many there are.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from threadpoolctl import threadpool_limits

_EPS = float(np.finfo(float).eps)
_ROTATIONS = 20
_SPREADS = 1000


def squared_distances(values: np.ndarray) -> np.ndarray:
    """Squared Euclidean distances between patients.

    Args:
        values: float64 (n, p), complete; scale columns of different units first.

    Returns:
        float64 (n, n), none below 0.
    """
    norm = np.einsum("ij,ij->i", values, values)
    return np.maximum(norm[:, None] + norm - 2 * values @ values.T, 0.0)


def affinity(distances: np.ndarray, k: int = 20, sigma: float = 0.5) -> np.ndarray:
    """Similarity by a normal kernel whose width is that of the neighbourhoods of both patients.

    With ``m_i`` the mean distance of i to its k nearest neighbours, the width of a pair is
    ``sigma (m_i + m_j + d_ij) / 3``.

    Args:
        distances: float64 (n, n), e.g. :func:`squared_distances`.
        k: neighbours, less than n.
        sigma: factor of the width.

    Returns:
        float64 (n, n), symmetric.

    Raises:
        ValueError: k is not between 1 and n - 1, or a distance is not finite.
    """
    n = len(distances)
    _require_neighbours(k, n)
    if not np.isfinite(distances).all():
        raise ValueError("a distance is not finite")
    d = (distances + distances.T) / 2
    np.fill_diagonal(d, 0.0)
    near = np.sort(d, axis=1)[:, 1 : k + 1].mean(axis=1) + _EPS
    width = np.maximum((near[:, None] + near) / 3 + d / 3 + _EPS, _EPS) * sigma
    density = np.exp(-0.5 * (d / width) ** 2) / (width * np.sqrt(2 * np.pi))
    return (density + density.T) / 2


def fuse(networks: Sequence[np.ndarray], k: int = 20, steps: int = 20) -> np.ndarray:
    """Similarity network fusion.

    Args:
        networks: of two or more views of the same patients, float64 (n, n) each, as from :func:`affinity`.
        k: neighbours through which a network diffuses.
        steps: of diffusion.

    Returns:
        float64 (n, n), symmetric, one half on the diagonal.

    Raises:
        ValueError: fewer than two networks, of different sizes, or k not between 1 and n - 1.
    """
    if len(networks) < 2 or len({network.shape for network in networks}) != 1:
        raise ValueError("fusion takes two networks or more, of the same patients")
    _require_neighbours(k, len(networks[0]))
    with threadpool_limits(limits=1, user_api="blas"):
        whole = [_symmetric(_normalised(network)) for network in networks]
        local = [_nearest_only(network, k) for network in whole]
        for _ in range(steps):
            total = np.sum(whole, axis=0)
            spread = [
                near @ ((total - own) / (len(whole) - 1)) @ near.T
                for near, own in zip(local, whole, strict=True)
            ]
            whole = [_symmetric(_normalised(network)) for network in spread]
        return _symmetric(_normalised(np.mean(whole, axis=0)))


def spectral_groups(network: np.ndarray, n_groups: int) -> np.ndarray:
    """Groups of a network by its normalised Laplacian (Ng et al. 2001), the eigenvectors rotated towards
    indicators of groups (Yu and Shi 2003).

    Args:
        network: float64 (n, n), symmetric, not negative.
        n_groups: how many.

    Returns:
        int64 (n,), numbered by first appearance.

    Raises:
        ValueError: more groups than patients, or fewer than one.
    """
    n = len(network)
    if not 1 <= n_groups <= n:
        raise ValueError(f"{n_groups} groups of {n} patients")
    values, vectors = _laplacian_spectrum(network)
    chosen = vectors[:, np.argsort(np.abs(values), kind="stable")[:n_groups]]
    norm = np.linalg.norm(chosen, axis=1, keepdims=True)
    rows = chosen / np.where(norm > 0, norm, 1)
    rotation = np.zeros((n_groups, n_groups))
    rotation[:, 0] = rows[max(round(n / 2) - 1, 0)]
    along = np.zeros(n)
    for j in range(1, n_groups):
        along += np.abs(rows @ rotation[:, j - 1])
        rotation[:, j] = rows[int(np.argmin(along))]
    before = 0.0
    labels = np.zeros(n, np.int64)
    for _ in range(_ROTATIONS):
        labels = np.argmax(rows @ rotation, axis=1)
        left, spread, right = np.linalg.svd(np.eye(n_groups)[labels].T @ rows)
        cut = 2 * (n - spread.sum())
        if abs(cut - before) < _EPS:
            break
        before = cut
        rotation = right.T @ left.T
    _, first, number = np.unique(labels, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[number]


def eigengap(network: np.ndarray, choices: Sequence[int] = (2, 3, 4, 5)) -> list[int]:
    """Numbers of groups by the gaps of the Laplacian's eigenvalues (von Luxburg 2007), the best first.

    It never says one: judge that against a null reference.
    """
    bare = (network + network.T) / 2
    bare = bare - np.diag(np.diag(bare))
    values = np.sort(np.abs(_laplacian_spectrum(bare)[0]))
    gaps = np.abs(np.diff(values)) * (1 - values[:-1]) / (1 - values[1:])
    return sorted(choices, key=lambda number: -gaps[number - 1])


def propagate_labels(network: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Groups of patients without a label, by random walks to those that have one (Zhu and Ghahramani 2002).

    Args:
        network: float64 (n, n).
        labels: int64 (n,), -1 without a label.

    Returns:
        float64 (n, groups), rows add up to 1; those with a label keep it.

    Raises:
        ValueError: nobody has a label.
    """
    known = labels >= 0
    if not known.any():
        raise ValueError("nobody has a label")
    given = np.eye(int(labels.max()) + 1)[np.where(known, labels, 0)] * known[:, None]
    walk = network / network.sum(axis=1, keepdims=True)
    found = given
    with threadpool_limits(limits=1, user_api="blas"):
        for _ in range(_SPREADS):
            found = walk @ found
            found[known] = given[known]
    total = found.sum(axis=1, keepdims=True)
    return found / np.where(total > 0, total, 1)


def _require_neighbours(k: int, n: int) -> None:
    if not 1 <= k < n:
        raise ValueError(f"{k} neighbours among {n} patients")


def _symmetric(network: np.ndarray) -> np.ndarray:
    return (network + network.T) / 2


def _normalised(network: np.ndarray) -> np.ndarray:
    """Rows whose other entries add up to one half, and one half on the diagonal."""
    others = network.sum(axis=1) - np.diag(network)
    scaled = network / (2 * np.where(others == 0, 1.0, others))[:, None]
    np.fill_diagonal(scaled, 0.5)
    return scaled


def _nearest_only(network: np.ndarray, k: int) -> np.ndarray:
    """The k largest entries of each row, made to add up to 1; of equal ones the later column stays."""
    order = np.argsort(network, axis=1, kind="stable")[:, :-k]
    kept = network.copy()
    np.put_along_axis(kept, order, 0.0, axis=1)
    return kept / kept.sum(axis=1, keepdims=True)


def _laplacian_spectrum(network: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    degree = network.sum(axis=1)
    scale = 1 / np.sqrt(np.where(degree == 0, _EPS, degree))
    laplacian = np.diag(degree) - network
    with threadpool_limits(limits=1, user_api="blas"):
        values, vectors = np.linalg.eigh(scale[:, None] * laplacian * scale)
    return values, vectors
