"""Similarity networks of patients: of one view, fused from several, cut into groups, carried to new patients.

Similarity network fusion (Wang et al. 2014, Nat Methods 11:333) takes a network of patients from each view
and lets each network diffuse through the nearest neighbours of the others until they agree.

Missing data. Distances are over the features seen in both patients, scaled up to all of them. A patient
without any value in a view has no place in its network: a view speaks of its own patients only. Where the
mean of the *other* views is asked for, those count in which both patients were measured; a pair that no
other view knows keeps its own similarity. In the end a pair has the mean of the views that know it, and a
pair that no view knows the mean of all known pairs (the rule of NEMO). With complete views this is SNF
itself.

A network of n patients takes 8 n² bytes. Fusion of v views holds v + 2 of them beside its arguments.
Matrix products are by BLAS with one thread, so that the bytes do not depend on how many there are.
"""

from __future__ import annotations

from collections.abc import Sequence

import numba
import numpy as np
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import LinearOperator, eigsh
from threadpoolctl import threadpool_limits

from endotype.subtypes import similarity_kernels as kernels

_EPS = float(np.finfo(float).eps)
_ROTATIONS = 20
_SPREADS = 1000
_MANY = 800
"""Patients from which threads share a pass over a network."""

MAX_DENSE = 800
"""Patients up to which all eigenvectors are computed; beyond, only those that are needed."""


def squared_distances(values: np.ndarray) -> np.ndarray:
    """Squared Euclidean distances between patients, over the features seen in both.

    Args:
        values: float64 (n, p), NaN where missing; scale columns of different units first.

    Returns:
        float64 (n, n), symmetric, none below 0, 0 on the diagonal. Sums over s of p features are scaled by
        p / s; NaN where no feature was seen in both.
    """
    seen = np.isfinite(values)
    with threadpool_limits(limits=1, user_api="blas"):
        if seen.all():
            norm = np.einsum("ij,ij->i", values, values)
            found = values @ values.T
            found *= -2
            found += norm
            found += norm[:, None]
        else:
            filled, mask = np.where(seen, values, 0.0), seen.astype(np.float64)
            found = (filled**2) @ mask.T
            found += found.T.copy()
            found -= 2 * (filled @ filled.T)
            both = mask @ mask.T
            with np.errstate(invalid="ignore", divide="ignore"):
                found *= values.shape[1] / both
            found[both == 0] = np.nan
    np.maximum(found, 0.0, out=found)  # keeps NaN
    np.fill_diagonal(found, 0.0)
    return found


def affinity(distances: np.ndarray, k: int = 20, sigma: float = 0.5) -> np.ndarray:
    """Similarity by a normal kernel whose width is that of the neighbourhoods of both patients.

    With ``m_i`` the mean distance of i to its k nearest neighbours, the width of a pair is
    ``sigma (m_i + m_j + d_ij) / 3``.

    Args:
        distances: float64 (n, n), e.g. :func:`squared_distances`; NaN where not known.
        k: neighbours, less than n.
        sigma: factor of the width.

    Returns:
        float64 (n, n), symmetric. Pairs whose distance is not known have the mean of the known pairs.

    Raises:
        ValueError: k is not between 1 and n - 1, a distance is infinite, or nothing is known of a patient.
    """
    n = len(distances)
    _require_neighbours(k, n)
    if np.isinf(distances).any():
        raise ValueError("a distance is infinite")
    d = distances + distances.T
    d /= 2
    near = np.empty(n)
    kernels.neighbour_means(d, k, near)
    if np.isnan(near).any():
        raise ValueError(f"{int(np.isnan(near).sum())} patients share no feature with any other")
    found = np.empty((n, n))
    kernels.densities(d, near + _EPS, sigma, _EPS, found)
    unknown = np.isnan(found)
    if unknown.any():
        np.fill_diagonal(unknown, True)
        found[unknown & ~np.eye(n, dtype=bool)] = found[~unknown].mean()
    return found


def fuse(
    networks: Sequence[np.ndarray], k: int = 20, steps: int = 20, present: np.ndarray | None = None
) -> np.ndarray:
    """Similarity network fusion.

    Args:
        networks: of two or more views, float64 (n_v, n_v) each, symmetric, as from :func:`affinity`.
        k: neighbours through which a network diffuses.
        steps: of diffusion.
        present: bool (views, n), which patients each network has, in this order; all by default.

    Returns:
        float64 (n, n), symmetric, one half on the diagonal.

    Raises:
        ValueError: fewer than two networks or more than 64, sizes that do not fit, a network that is not
            symmetric, a patient in no view, or k not between 1 and n_v - 1.
    """
    return fuse_in_place([np.array(network, np.float64) for network in networks], k, steps, present)


def fuse_in_place(
    networks: list[np.ndarray], k: int = 20, steps: int = 20, present: np.ndarray | None = None
) -> np.ndarray:
    """:func:`fuse` that overwrites its networks: of 5,000 patients each would take 200 MB more."""
    members, measured = _members(networks, present)
    n = len(measured)
    for v, network in enumerate(networks):
        if not 1 <= k < len(network):
            raise ValueError(f"{k} neighbours among {len(network)} patients of view {v + 1}")
        if not _is_symmetric(network):
            raise ValueError(f"the network of view {v + 1} is not symmetric")
    threads = numba.get_num_threads()
    if n < _MANY:
        numba.set_num_threads(1)  # waiting for each other at the end of each pass would take longer than it
    try:
        return _fuse(networks, members, measured, k, steps)
    finally:
        numba.set_num_threads(threads)


def _fuse(
    networks: list[np.ndarray], members: list[np.ndarray], measured: np.ndarray, k: int, steps: int
) -> np.ndarray:
    n = len(measured)
    for network in networks:
        _normalise(network)
    local = []
    for network in networks:
        index, weight = np.empty((len(network), k), np.int32), np.empty((len(network), k))
        kernels.nearest(network, k, index, weight)
        local.append((index, weight))
    total = np.zeros((n, n))
    for network, rows in zip(networks, members, strict=True):
        kernels.add_view(total, network, rows)
    others = np.empty(max(map(len, networks)) ** 2)
    for _ in range(steps):
        # of the sum of all views and one of them follows the mean of the others: each is renewed in its place
        for network, rows, (index, weight) in zip(networks, members, local, strict=True):
            rest = others[: network.size].reshape(network.shape)
            kernels.other_views(total, network, rows, measured, rest)
            kernels.diffuse(index, weight, rest, network)
            _normalise(network)
        total[:] = 0.0
        for network, rows in zip(networks, members, strict=True):
            kernels.add_view(total, network, rows)
    average_views(total, measured)
    _normalise(total)
    return total


def average_views(total: np.ndarray, measured: np.ndarray) -> None:
    """Turn a sum over views into the mean of those that two patients share, in place.

    Args:
        total: float64 (n, n).
        measured: uint64 (n,), a bit for each view a patient has. A pair without a shared one gets the mean of
            all pairs of different patients that have one.
    """
    known = np.empty((len(total), 2))
    kernels.mean_of_views(total, measured, known)
    total[np.isnan(total)] = known[:, 0].sum() / max(known[:, 1].sum(), 1.0)


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
    chosen = laplacian_spectrum(network, n_groups)[1]
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
    values = bare_spectrum(network, max(choices) + 1)
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


def laplacian_spectrum(network: np.ndarray, number: int) -> tuple[np.ndarray, np.ndarray]:
    """The smallest eigenvalues of the normalised Laplacian 1 - D^-1/2 W D^-1/2, and their vectors.

    Up to :data:`MAX_DENSE` patients all are computed, beyond by Lanczos iteration from a fixed start.
    Parts of the network that nothing connects are taken one by one: their eigenvalues are equal, and an
    iteration from one vector would find some of them only.

    Args:
        network: float64 (n, n), symmetric, not negative.
        number: how many; at most n.

    Returns:
        float64 (number,) ascending and float64 (n, number).
    """
    n = len(network)
    degree = network.sum(axis=1)
    scale = 1 / np.sqrt(np.where(degree == 0, _EPS, degree))
    with threadpool_limits(limits=1, user_api="blas"):
        if n <= MAX_DENSE:
            laplacian = np.diag(degree) - network
            values, vectors = np.linalg.eigh(scale[:, None] * laplacian * scale)
        else:
            values, vectors = _by_parts(network, degree * scale**2, scale, number)
    order = np.argsort(np.abs(values), kind="stable")[:number]
    return np.abs(values[order]), vectors[:, order]


def bare_spectrum(network: np.ndarray, number: int) -> np.ndarray:
    """:func:`laplacian_spectrum` of the network without its diagonal: values only, at most n of them."""
    bare = (network + network.T) / 2
    np.fill_diagonal(bare, 0.0)
    return laplacian_spectrum(bare, min(number, len(bare)))[0]


def _by_parts(
    network: np.ndarray, whole: np.ndarray, scale: np.ndarray, number: int
) -> tuple[np.ndarray, np.ndarray]:
    count, part = connected_components(network > 0, directed=False)
    values, vectors = [], []
    for c in range(count):
        rows = np.flatnonzero(part == c)
        inside = network if count == 1 else network[np.ix_(rows, rows)]
        wanted, m = min(number, len(rows)), len(rows)
        adjacency = scale[rows, None] * inside * scale[rows]
        if m <= MAX_DENSE or wanted > m // 4:
            found, within = np.linalg.eigh(np.diag(whole[rows]) - adjacency)
        else:
            start = np.sqrt(np.maximum(whole[rows], _EPS)) + np.cos(np.arange(m))
            product = LinearOperator((m, m), matvec=lambda v, a=adjacency: a @ v, dtype=np.float64)
            leading, within = eigsh(product, wanted, which="LA", v0=start, tol=0, ncv=max(4 * wanted, 40))
            found = 1 - leading
        order = np.argsort(found, kind="stable")[:wanted]
        full = np.zeros((len(network), wanted))
        full[rows] = within[:, order]
        values.append(found[order])
        vectors.append(full)
    return np.concatenate(values), np.concatenate(vectors, axis=1)


def _members(
    networks: Sequence[np.ndarray], present: np.ndarray | None
) -> tuple[list[np.ndarray], np.ndarray]:
    """Rows of each view's patients, and a bit for each view of each patient."""
    if not 2 <= len(networks) <= 64:
        raise ValueError(f"{len(networks)} networks; fusion takes two to 64 views")
    if present is None:
        present = np.ones((len(networks), len(networks[0])), bool)
    sizes = [network.shape for network in networks]
    if len(present) != len(networks) or sizes != [(int(p.sum()),) * 2 for p in present]:
        raise ValueError(f"networks of {sizes} do not fit the patients of the views")
    return [np.flatnonzero(p) for p in present], measured_views(present)


def measured_views(present: np.ndarray) -> np.ndarray:
    """Bit v of a patient's word says whether it has view v: uint64 (n,) from bool (views, n).

    Raises:
        ValueError: a patient without any view.
    """
    bits = (present.astype(np.uint64) << np.arange(len(present), dtype=np.uint64)[:, None]).sum(axis=0)
    if not bits.all():
        raise ValueError(f"{int((bits == 0).sum())} patients are in no view")
    return bits.astype(np.uint64)


def _is_symmetric(network: np.ndarray) -> bool:
    most = 1e-12 * max(network.max(initial=0.0), -network.min(initial=0.0))
    # some rows at a time: whole differences would take more memory than the fusion
    starts = range(0, len(network), 256)
    return all(np.abs(network[s : s + 256] - network[:, s : s + 256].T).max() <= most for s in starts)


def _require_neighbours(k: int, n: int) -> None:
    if not 1 <= k < n:
        raise ValueError(f"{k} neighbours among {n} patients")


def _normalise(network: np.ndarray) -> None:
    """Rows whose other entries add up to one half, one half on the diagonal, made symmetric; in place."""
    scale = np.empty(len(network))
    kernels.row_scales(network, scale)
    kernels.rescale(network, scale)
