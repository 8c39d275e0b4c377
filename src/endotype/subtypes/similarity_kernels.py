"""Inner loops of similarity networks: arrays in, arrays out.

Every entry of a result is summed by one thread, always in the same order, so that the bits are the same for
any number of threads. A network diffuses through the k nearest neighbours of a patient only, so a step costs
n² k and not n³.
"""

from __future__ import annotations

import numba
import numpy as np

from endotype.variants.pair_kernels import popcount

BLOCK = 8
"""Rows that are worked on together: as many doubles as a cache line holds."""


@numba.njit(cache=True)
def neighbour_means(distance: np.ndarray, k: int, out: np.ndarray) -> None:
    """Mean distance of each patient to the k nearest others; those not known (NaN) are left out.

    Args:
        distance: float64 (n, n).
        k: less than n.
        out: float64 (n,), filled; NaN where nobody's distance is known.
    """
    for i in range(distance.shape[0]):
        out[i] = _near_mean(distance, i, k)


@numba.njit(cache=True)
def _near_mean(distance: np.ndarray, i: int, k: int) -> float:
    n = distance.shape[0]
    others = np.empty(n - 1)
    known = 0
    for j in range(n):
        if j != i and distance[i, j] == distance[i, j]:
            others[known] = distance[i, j]
            known += 1
    if known == 0:
        return np.nan
    nearest = others[:known]
    if k < known:
        nearest = np.partition(nearest, k - 1)[:k]
    nearest = np.sort(nearest)  # one order of summing, whatever the order of patients
    total = 0.0
    for value in nearest:
        total += value
    return total / nearest.shape[0]


@numba.njit(cache=True)
def densities(distance: np.ndarray, near: np.ndarray, sigma: float, least: float, out: np.ndarray) -> None:
    """Normal density of each distance at the width of the pair; NaN stays.

    Args:
        distance: float64 (n, n), symmetric; the diagonal counts as 0.
        near: float64 (n,), from :func:`neighbour_means`.
        sigma: factor of the width.
        least: added to what is divided by.
        out: float64 (n, n), filled.
    """
    n = distance.shape[0]
    for i in range(n):
        for j in range(i, n):
            d = distance[i, j] if j > i else 0.0
            width = ((near[i] + near[j]) / 3 + d / 3 + least) * sigma
            z = d / width
            out[i, j] = out[j, i] = np.exp(-0.5 * z * z) / (width * np.sqrt(2 * np.pi))


@numba.njit(cache=True)
def nearest(network: np.ndarray, k: int, index: np.ndarray, weight: np.ndarray) -> None:
    """The k largest entries of each row, made to add up to 1; of equal ones the later column stays.

    Args:
        network: float64 (n, n).
        k: at most n.
        index, weight: int32 and float64 (n, k), filled; columns ascending.
    """
    for i in range(network.shape[0]):
        _nearest_row(network[i], k, index[i], weight[i])


@numba.njit(cache=True)
def _nearest_row(row: np.ndarray, k: int, index: np.ndarray, weight: np.ndarray) -> None:
    n = row.shape[0]
    limit = np.partition(row, n - k)[n - k]
    place = k
    above = 0
    for j in range(n):
        above += row[j] > limit
    room = k - above
    total = 0.0
    for back in range(n):
        j = n - 1 - back
        if row[j] > limit or (row[j] == limit and room > 0):
            room -= row[j] == limit
            place -= 1
            index[place] = j
            weight[place] = row[j]
            total += row[j]
    for t in range(k):
        weight[t] /= total


@numba.njit(cache=True, parallel=True)
def add_view(total: np.ndarray, network: np.ndarray, rows: np.ndarray) -> None:
    """Add the network of some patients, ``rows`` int64 (m,), to that of all."""
    m = rows.shape[0]
    for i in numba.prange(m):
        for j in range(m):
            total[rows[i], rows[j]] += network[i, j]


@numba.njit(cache=True, parallel=True)
def other_views(
    total: np.ndarray, own: np.ndarray, rows: np.ndarray, measured: np.ndarray, out: np.ndarray
) -> None:
    """Mean of the other views in which both patients were measured; one's own where there is no other.

    Args:
        total: float64 (n, n), sum over views.
        own: float64 (m, m), the view.
        rows: int64 (m,), its patients.
        measured: uint64 (n,), a bit for each view.
        out: float64 (m, m), filled.
    """
    m = rows.shape[0]
    for i in numba.prange(m):
        for j in range(m):
            shared = popcount(measured[rows[i]] & measured[rows[j]])
            if shared > 1:
                out[i, j] = (total[rows[i], rows[j]] - own[i, j]) / (np.float64(shared) - 1)
            else:
                out[i, j] = own[i, j]


@numba.njit(cache=True)
def mean_of_views(total: np.ndarray, measured: np.ndarray, known: np.ndarray) -> None:
    """Divide a sum over views by the number of views that two patients share; NaN where none.

    Args:
        total: float64 (n, n), overwritten.
        measured: uint64 (n,), a bit for each view.
        known: float64 (n, 2), filled: sum and number of known entries below the diagonal of each row.
    """
    n = total.shape[0]
    for i in range(n):
        below, number = 0.0, 0.0
        for j in range(n):
            shared = popcount(measured[i] & measured[j])
            if shared > 0:
                total[i, j] /= np.float64(shared)
                if j < i:
                    below += total[i, j]
                    number += 1.0
            else:
                total[i, j] = np.nan
        known[i, 0] = below
        known[i, 1] = number


@numba.njit(cache=True, parallel=True)
def diffuse(index: np.ndarray, weight: np.ndarray, network: np.ndarray, out: np.ndarray) -> None:
    """S W S' of a symmetric W, S being the k-sparse matrix of :func:`nearest`.

    Args:
        index, weight: int32 and float64 (n, k).
        network: W, float64 (n, n).
        out: float64 (n, n), filled; symmetric to the last bit.
    """
    n = network.shape[0]
    blocks = (n + BLOCK - 1) // BLOCK
    for half in numba.prange((blocks + 1) // 2):
        short = np.int64(half)
        _diffuse_block(index, weight, network, short * BLOCK, out)
        if blocks - 1 - short != short:
            _diffuse_block(index, weight, network, (blocks - 1 - short) * BLOCK, out)


@numba.njit(cache=True)
def _diffuse_block(
    index: np.ndarray, weight: np.ndarray, network: np.ndarray, start: np.int64, out: np.ndarray
) -> None:
    n, k = index.shape
    rows = min(BLOCK, n - start)
    # the block of S W, transposed: what one neighbour adds to all rows lies in one cache line
    reached = np.zeros((n, BLOCK))
    line = np.empty(n)
    for b in range(rows):
        line[:] = 0.0
        for t in range(k):
            share = weight[start + b, t]
            source = network[index[start + b, t]]
            for j in range(n):
                line[j] += share * source[j]
        for j in range(n):
            reached[j, b] = line[j]
    for j in range(start, n):
        s0 = s1 = s2 = s3 = s4 = s5 = s6 = s7 = 0.0
        for t in range(k):
            share = weight[j, t]
            near = reached[index[j, t]]
            s0 += share * near[0]
            s1 += share * near[1]
            s2 += share * near[2]
            s3 += share * near[3]
            s4 += share * near[4]
            s5 += share * near[5]
            s6 += share * near[6]
            s7 += share * near[7]
        sums = (s0, s1, s2, s3, s4, s5, s6, s7)
        for b in range(rows):
            if start + b <= j:
                out[start + b, j] = out[j, start + b] = sums[b]


@numba.njit(cache=True, parallel=True)
def row_scales(network: np.ndarray, out: np.ndarray) -> None:
    """One over twice the sum of the other entries of each row; one half for a row without any."""
    n = network.shape[0]
    for i in numba.prange(n):
        total = 0.0
        for j in range(n):
            if j != i:
                total += network[i, j]
        out[i] = 0.5 / total if total != 0 else 0.5


@numba.njit(cache=True, parallel=True)
def rescale(network: np.ndarray, scale: np.ndarray) -> None:
    """Rows times their scale, one half on the diagonal, then the mean with the transpose; in place.

    Of a symmetric network the mean with the transpose is the entry times the mean of both scales.
    """
    n = network.shape[0]
    for i in numba.prange(n):
        for j in range(n):
            network[i, j] = 0.5 if i == j else network[i, j] * ((scale[i] + scale[j]) / 2)


@numba.njit(cache=True)
def relative_similarity(network: np.ndarray, k: int, out: np.ndarray) -> None:
    """Each row's k largest entries, and all equal to the k-th, made to add up to 1; others 0.

    Args:
        network: float64 (n, n); a patient is one of its own neighbours.
        k: at most n.
        out: float64 (n, n), filled; not symmetric.
    """
    for i in range(network.shape[0]):
        _relative_row(network[i], k, out[i])


@numba.njit(cache=True)
def _relative_row(row: np.ndarray, k: int, out: np.ndarray) -> None:
    n = row.shape[0]
    limit = np.partition(row, n - k)[n - k]
    total = 0.0
    for j in range(n):
        if row[j] >= limit:
            total += row[j]
    for j in range(n):
        out[j] = row[j] / total if row[j] >= limit else 0.0
