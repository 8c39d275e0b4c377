"""Sample QC's algorithms as a reader would write them from the formula. Slow on purpose."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from math import comb

import numpy as np
import scipy.linalg


def hardy_weinberg_mid_p(n_hom_ref: int, n_het: int, n_hom_alt: int) -> float:
    """Two-sided mid-p by whole numbers: what is as probable as the observation counts half."""
    n = n_hom_ref + n_het + n_hom_alt
    rare = 2 * min(n_hom_ref, n_hom_alt) + n_het
    ways = {
        het: comb(n, het) * comb(n - het, (rare - het) // 2) * 2**het for het in range(rare % 2, rare + 1, 2)
    }
    less = sum(w for w in ways.values() if w < ways[n_het])
    same = sum(w for w in ways.values() if w == ways[n_het])
    return float(Fraction(2 * less + same, 2 * sum(ways.values())))


def r_squared(a: np.ndarray, b: np.ndarray) -> float:
    """Squared correlation of two rows of dosages over people called at both; NaN if one is constant."""
    both = (a >= 0) & (b >= 0)
    x, y = a[both].astype(float), b[both].astype(float)
    if not len(x) or x.std() == 0 or y.std() == 0:
        return float("nan")
    return float(np.corrcoef(x, y)[0, 1] ** 2)


def prune(dosage: np.ndarray, chrom: list[int], window: int, max_r2: float) -> list[bool]:
    """Keep a variant unless one that was kept among the ``window`` before it is correlated with it."""
    kept: list[bool] = []
    for v in range(len(dosage)):
        called = dosage[v][dosage[v] >= 0]
        keep = len(set(called.tolist())) > 1
        for u in range(max(0, v - window), v):
            if chrom[u] == chrom[v] and kept[u] and r_squared(dosage[u], dosage[v]) > max_r2:
                keep = False
        kept.append(keep)
    return kept


def runs(
    dosage: list[int],
    chrom: list[int],
    pos: list[int],
    max_gap: int,
    min_between: int,
    min_variants: int,
    min_length: int,
) -> list[tuple[int, int, int]]:
    """Runs of homozygosity as (first variant, last variant, homozygous variants).

    Called variants are cut into blocks where the chromosome ends or a gap is too wide. A block is written as
    lists of homozygous variants, one between every two heterozygotes; lists that are long enough on both
    sides of one heterozygote are joined.
    """
    blocks: list[list[int]] = []
    last = None
    for v in range(len(dosage)):
        if dosage[v] < 0:
            continue
        if last is None or chrom[v] != chrom[last] or pos[v] - pos[last] > max_gap:
            blocks.append([])
        blocks[-1].append(v)
        last = v
    found = []
    for block in blocks:
        parts: list[list[int]] = [[]]
        for v in block:
            if dosage[v] == 1:
                parts.append([])
            else:
                parts[-1].append(v)
        joined = [parts[0]]
        for before, part in pairwise(parts):
            if len(before) >= min_between and len(part) >= min_between:
                joined[-1] = joined[-1] + part
            else:
                joined.append(part)
        for run in joined:
            if len(run) >= max(min_variants, 1) and pos[run[-1]] - pos[run[0]] + 1 >= min_length:
                found.append((run[0], run[-1], len(run)))
    return found


def augmented_projection(Z: np.ndarray, y: np.ndarray, k: int) -> np.ndarray:
    """OADP by whole matrices: decompose people and newcomer together, turn back onto the old scores.

    Args:
        Z: standardised genotypes of the fit, variants by people.
        y: those of the newcomer.
        k: number of axes.

    The people of the fit are known by their first k axes alone, as the frozen loadings keep them.
    """
    U, d, Vt = np.linalg.svd(Z.T, full_matrices=False)
    U, d, Vt = U[:, :k], d[:k], Vt[:k]
    together = np.vstack([U * d @ Vt, y])
    left, values, _ = np.linalg.svd(together, full_matrices=False)
    new = left[:, :k] * values[:k]
    old = U * d
    turn, stretch = scipy.linalg.orthogonal_procrustes(new[:-1], old)
    scale = stretch / (new[:-1] ** 2).sum()
    return scale * new[-1] @ turn
