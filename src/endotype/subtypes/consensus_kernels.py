"""Inner loops of consensus clustering: trees, k-means and counting over many resamples at once.

Every resample, and every row of a matrix of counts, is computed by one thread alone; counts are whole
numbers. So the bits are the same for any number of threads. ``labels`` is int16 with -1 for "not sampled".
"""

from __future__ import annotations

import numba
import numpy as np

from endotype.variants.pair_kernels import popcount


@numba.njit(cache=True)
def average_linkage(distance: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The tree of average linkage (UPGMA, Sokal & Michener 1958), merges in the order they are made.

    Of equally near pairs the one with the lowest first member is merged, then the lowest second, as R's
    ``hclust`` does, so that trees with ties are alike too. Nearest neighbours are kept and renewed only where
    a merge touched them.

    Args:
        distance: float64 (n, n), symmetric; the upper triangle is overwritten.

    Returns:
        first, second: int64 (n - 1,), a member of each of the merged groups, first < second.
        height: float64 (n - 1,).
    """
    n = distance.shape[0]
    first = np.empty(max(n - 1, 0), np.int64)
    second = np.empty(max(n - 1, 0), np.int64)
    height = np.empty(max(n - 1, 0))
    size = np.ones(n)
    alive = np.ones(n, np.bool_)
    near = np.zeros(n, np.int64)
    nearest = np.full(n, np.inf)
    for i in range(n - 1):
        for j in range(i + 1, n):
            if distance[i, j] < nearest[i]:
                nearest[i] = distance[i, j]
                near[i] = j
    for step in range(n - 1):
        least = np.inf
        a = -1
        for i in range(n - 1):
            if alive[i] and nearest[i] < least:
                least = nearest[i]
                a = i
        b = near[a]
        first[step], second[step], height[step] = a, b, least
        alive[b] = False
        total = size[a] + size[b]
        nearest[a] = np.inf
        for c in range(n):
            if not alive[c] or c == a:
                continue
            to_a = distance[a, c] if a < c else distance[c, a]
            to_b = distance[b, c] if b < c else distance[c, b]
            joined = (size[a] * to_a + size[b] * to_b) / total
            if a < c:
                distance[a, c] = joined
                if joined < nearest[a]:
                    nearest[a] = joined
                    near[a] = c
            else:
                distance[c, a] = joined
                if joined < nearest[c]:
                    nearest[c] = joined
                    near[c] = a
        size[a] = total
        for i in range(n - 1):
            if alive[i] and i != a and (near[i] == a or near[i] == b):
                nearest[i] = np.inf
                for j in range(i + 1, n):
                    if alive[j] and distance[i, j] < nearest[i]:
                        nearest[i] = distance[i, j]
                        near[i] = j
    return first, second, height


@numba.njit(cache=True)
def cut(first: np.ndarray, second: np.ndarray, k: int) -> np.ndarray:
    """Groups after all but the last ``k - 1`` merges, int64 (n,), numbered by first appearance."""
    n = first.shape[0] + 1
    parent = np.arange(n)
    for step in range(n - k):
        # a group's name is its lowest member, and ``first`` is that member
        parent[second[step]] = first[step]
    label = np.empty(n, np.int64)
    found = 0
    for i in range(n):
        if parent[i] == i:
            label[i] = found
            found += 1
        else:
            label[i] = label[parent[i]]
    return label


@numba.njit(cache=True, parallel=True)
def hierarchical_resamples(distance: np.ndarray, rows: np.ndarray, ks: np.ndarray, out: np.ndarray) -> None:
    """Average linkage of each resample, cut into each number of groups.

    Args:
        distance: float64 (n, n), symmetric.
        rows: int64 (resamples, m), the patients of each.
        ks: int64 (choices,), each at most m.
        out: int16 (choices, n, resamples), filled where a patient was drawn.
    """
    for r in numba.prange(rows.shape[0]):
        _tree_groups(distance, rows[r], ks, out[:, :, r])


@numba.njit(cache=True)
def _tree_groups(distance: np.ndarray, rows: np.ndarray, ks: np.ndarray, out: np.ndarray) -> None:
    m = rows.shape[0]
    part = np.empty((m, m))
    for i in range(m):
        for j in range(m):
            part[i, j] = distance[rows[i], rows[j]]
    first, second, _ = average_linkage(part)
    for choice in range(ks.shape[0]):
        label = cut(first, second, ks[choice])
        for i in range(m):
            out[choice, rows[i]] = label[i]


@numba.njit(cache=True)
def squared_gaps(columns: np.ndarray, point: np.ndarray, out: np.ndarray) -> None:
    """Squared distance of each patient to a point, float64 (n,): of many patients at once, so that every sum
    keeps its order and the processor's vectors are used all the same; ``columns`` (p, n), ``point`` (p,)."""
    p, n = columns.shape
    out[:] = 0.0
    for j in range(p):
        here = point[j]
        for i in range(n):
            d = columns[j, i] - here
            out[i] += d * d


@numba.njit(cache=True)
def lloyd(columns: np.ndarray, centres: np.ndarray, iterations: int) -> tuple[np.ndarray, float]:
    """k-means from given centres (Lloyd 1982), until no patient moves.

    A group that loses all its patients keeps its centre. Of equally near centres the first wins.

    Args:
        columns: float64 (p, n), patients run fastest.
        centres: float64 (k, p), overwritten.
        iterations: at most.

    Returns:
        int64 (n,) groups, and the sum of squared distances to the centres they were assigned by.
    """
    p, n = columns.shape
    k = centres.shape[0]
    label = np.full(n, -1)
    best = np.empty(n, np.int64)
    least = np.empty(n)
    gap = np.empty(n)
    for _ in range(iterations):
        squared_gaps(columns, centres[0], least)
        best[:] = 0
        for c in range(1, k):
            squared_gaps(columns, centres[c], gap)
            for i in range(n):
                if gap[i] < least[i]:
                    best[i], least[i] = c, gap[i]
        moved = False
        for i in range(n):
            moved |= label[i] != best[i]
            label[i] = best[i]
        if not moved:
            break
        count = np.zeros(k)
        for i in range(n):
            count[label[i]] += 1
        total = np.empty(k)
        for j in range(p):
            total[:] = 0.0
            for i in range(n):
                total[label[i]] += columns[j, i]
            for c in range(k):
                if count[c] > 0:
                    centres[c, j] = total[c] / count[c]
    within = 0.0
    for value in least:
        within += value
    return label, within


@numba.njit(cache=True)
def spread_centres(columns: np.ndarray, uniforms: np.ndarray) -> np.ndarray:
    """Starting centres, each a patient drawn in proportion to the squared distance from those before it
    (k-means++, Arthur & Vassilvitskii 2007).

    ``columns`` is float64 (p, n); ``uniforms`` (k,) in [0, 1) make the draws.
    """
    p, n = columns.shape
    k = uniforms.shape[0]
    centres = np.empty((k, p))
    nearest = np.full(n, np.inf)
    gap = np.empty(n)
    for c in range(k):
        total = 0.0
        if c > 0:
            for value in nearest:
                total += value
        chosen = n - 1
        if total > 0:
            goal, so_far = uniforms[c] * total, 0.0
            for i in range(n):
                so_far += nearest[i]
                if so_far > goal:
                    chosen = i
                    break
        else:
            chosen = min(int(uniforms[c] * n), n - 1)
        for j in range(p):
            centres[c, j] = columns[j, chosen]
        squared_gaps(columns, centres[c], gap)
        for i in range(n):
            nearest[i] = min(nearest[i], gap[i])
    return centres


@numba.njit(cache=True)
def kmeans(columns: np.ndarray, uniforms: np.ndarray, iterations: int) -> np.ndarray:
    """The best of several k-means, int64 (n,), of ``columns`` (p, n) from ``uniforms`` (restarts, k).

    Ties go to the earlier restart.
    """
    best = np.zeros(columns.shape[1], np.int64)
    least = np.inf
    for start in range(uniforms.shape[0]):
        label, within = lloyd(columns, spread_centres(columns, uniforms[start]), iterations)
        if within < least:
            best, least = label, within
    return best


@numba.njit(cache=True, parallel=True)
def kmeans_resamples(
    x: np.ndarray, rows: np.ndarray, ks: np.ndarray, uniforms: np.ndarray, iterations: int, out: np.ndarray
) -> None:
    """k-means of each resample for each number of groups.

    Args:
        x: float64 (n, p).
        rows: int64 (resamples, m).
        ks: int64 (choices,).
        uniforms: float64 (resamples, restarts, sum of ks) in [0, 1).
        iterations: at most, of each restart.
        out: int16 (choices, n, resamples), filled where a patient was drawn.
    """
    for r in numba.prange(rows.shape[0]):
        _kmeans_groups(x, rows[r], ks, uniforms[r], iterations, out[:, :, r])


@numba.njit(cache=True)
def _kmeans_groups(
    x: np.ndarray, rows: np.ndarray, ks: np.ndarray, uniforms: np.ndarray, iterations: int, out: np.ndarray
) -> None:
    m, p = rows.shape[0], x.shape[1]
    part = np.empty((p, m))
    for i in range(m):
        for j in range(p):
            part[j, i] = x[rows[i], j]
    start = 0
    for choice in range(ks.shape[0]):
        label = kmeans(part, uniforms[:, start : start + ks[choice]], iterations)
        start += ks[choice]
        for i in range(m):
            out[choice, rows[i]] = label[i]


@numba.njit(cache=True)
def pack_labels(labels: np.ndarray, planes: int) -> np.ndarray:
    """Bits of the labels, 64 resamples to a word.

    Args:
        labels: int16 (n, resamples), less than 2 ** planes.
        planes: bits of a label.

    Returns:
        uint64 (n, planes + 1, words); the last plane says who was sampled.
    """
    n, resamples = labels.shape
    words = (resamples + 63) // 64
    out = np.zeros((n, planes + 1, words), np.uint64)
    for i in range(n):
        for r in range(resamples):
            if labels[i, r] < 0:
                continue
            word, bit = r // 64, np.uint64(r % 64)
            out[i, planes, word] |= np.uint64(1) << bit
            for plane in range(planes):
                value = np.uint64((labels[i, r] >> plane) & 1)
                out[i, plane, word] |= value << bit
    return out


@numba.njit(cache=True, parallel=True)
def count_pairs(packed: np.ndarray, together: np.ndarray, sampled: np.ndarray) -> None:
    """In how many resamples two patients were in one group, and in how many both were sampled.

    Two labels are the same where no bit differs: a word answers 64 resamples at once.

    Args:
        packed: from :func:`pack_labels`.
        together, sampled: int32 (n, n), filled on both sides of the diagonal.
    """
    n = packed.shape[0]
    for half in numba.prange((n + 1) // 2):
        # a long row and a short one of the triangle, so that every thread has as much to do
        short = np.int64(half)
        _count_row(packed, short, together, sampled)
        if n - 1 - short != short:
            _count_row(packed, n - 1 - short, together, sampled)


@numba.njit(cache=True)
def _count_row(packed: np.ndarray, i: np.int64, together: np.ndarray, sampled: np.ndarray) -> None:
    n, all_planes, words = packed.shape
    planes = all_planes - 1
    for j in range(i, n):
        same, both = np.uint64(0), np.uint64(0)
        for w in range(words):
            apart = np.uint64(0)
            for plane in range(planes):
                apart |= packed[i, plane, w] ^ packed[j, plane, w]
            seen = packed[i, planes, w] & packed[j, planes, w]
            both += popcount(seen)
            same += popcount(seen & ~apart)
        together[i, j] = together[j, i] = np.int32(same)
        sampled[i, j] = sampled[j, i] = np.int32(both)
