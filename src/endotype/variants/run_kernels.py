"""Numba kernel of runs of homozygosity."""

from __future__ import annotations

import numba
import numpy as np


@numba.njit(cache=True)
def homozygous_runs(
    dosage: np.ndarray,
    chrom: np.ndarray,
    pos: np.ndarray,
    max_gap: int,
    min_between: int,
    min_variants: int,
    min_length: int,
) -> np.ndarray:
    """Runs of homozygosity of one person.

    Called variants that follow each other with no heterozygote and no gap between them are a stretch. Two
    stretches of at least ``min_between`` variants that one single heterozygote parts are joined over it: an
    error in a run, or a new mutation. A missing call is passed over.

    Args:
        dosage: int8 (m,), alternate allele counts in genome order, -1 missing.
        chrom: int (m,), code of the chromosome.
        pos: int64 (m,).
        max_gap: bp between neighbouring called variants beyond which a run can't go on.
        min_between: homozygous variants needed on both sides of a heterozygote that is passed over.
        min_variants, min_length: homozygous variants and bp (last - first + 1) of the runs that are given.

    Returns:
        int64 (n_runs, 3): indices of the first and the last variant, and the number of homozygous ones.
    """
    starts, stops, sizes, joined = _stretches(dosage, chrom, pos, max_gap)
    runs = np.empty((starts.shape[0], 3), np.int64)
    n_runs = 0
    s = 0
    while s < starts.shape[0]:
        first, size = starts[s], sizes[s]
        # The stretch before the heterozygote counts alone: a chain of short ones is no run.
        while (
            s + 1 < starts.shape[0]
            and joined[s + 1]
            and sizes[s] >= min_between
            and sizes[s + 1] >= min_between
        ):
            s += 1
            size += sizes[s]
        if size >= min_variants and pos[stops[s]] - pos[first] + 1 >= min_length:
            runs[n_runs, 0], runs[n_runs, 1], runs[n_runs, 2] = first, stops[s], size
            n_runs += 1
        s += 1
    return runs[:n_runs]


@numba.njit(cache=True)
def _stretches(
    dosage: np.ndarray, chrom: np.ndarray, pos: np.ndarray, max_gap: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """First and last variant and size of each stretch; whether one heterozygote parts it from the last."""
    m = dosage.shape[0]
    starts, stops, sizes = np.empty(m, np.int64), np.empty(m, np.int64), np.zeros(m, np.int64)
    joined = np.zeros(m, np.bool_)
    n = 0
    before = -1
    hets = 2
    for v in range(m):
        if dosage[v] < 0:
            continue
        if before >= 0 and (chrom[v] != chrom[before] or pos[v] - pos[before] > max_gap):
            hets = 2
        if dosage[v] == 1:
            hets += 1
        else:
            if hets > 0:
                starts[n] = v
                joined[n] = hets == 1
                n += 1
                hets = 0
            stops[n - 1] = v
            sizes[n - 1] += 1
        before = v
    return starts[:n], stops[:n], sizes[:n], joined[:n]


@numba.njit(cache=True)
def covered_length(chrom: np.ndarray, pos: np.ndarray, max_gap: int) -> int:
    """bp between neighbouring variants that no gap parts, summed: where a run could have been seen."""
    total = 0
    for v in range(1, pos.shape[0]):
        if chrom[v] == chrom[v - 1] and pos[v] - pos[v - 1] <= max_gap:
            total += pos[v] - pos[v - 1]
    return total
