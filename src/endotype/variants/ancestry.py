"""Ancestry axes: principal components of independent common variants.

Fitted on unrelated people of good quality, then everybody is projected, so that relatives and bad samples
don't bend the axes. Genotypes are standardised by sqrt(2p(1-p)) (Patterson, Price, Reich 2006,
doi:10.1371/journal.pgen.0020190); a missing call counts as the mean.
"""

from __future__ import annotations

from dataclasses import dataclass

import allel
import numpy as np
import scipy.linalg

from endotype.variants.plink import GenotypeStore

MIN_FREQUENCY = 0.01
MAX_CANDIDATES = 100_000
LD_WINDOW, LD_STEP, LD_MAX_R2 = 200, 50, 0.1
BLOCK = 1024


@dataclass(frozen=True)
class Ancestry:
    """Principal components.

    Attributes:
        scores: float64 (n_people, k), zero mean over the people of the fit; NaN column-free.
        eigenvalues: float64 (k,), of the genetic relationship matrix.
        share: float64 (k,), of its trace.
        n_variants: how many variants were used.
    """

    scores: np.ndarray
    eigenvalues: np.ndarray
    share: np.ndarray
    n_variants: int


def independent_variants(store: GenotypeStore, candidates: np.ndarray) -> np.ndarray:
    """Indices of ``candidates`` that are common and nearly uncorrelated with their neighbours.

    Minor allele frequency at least 1 %, at most 100,000 of them evenly spread, then pruned by r-squared
    below 0.1 in windows of 200 variants (``allel.locate_unlinked``), chromosome by chromosome.
    """
    common = []
    for start in range(0, len(candidates), BLOCK):
        block = candidates[start : start + BLOCK]
        frequency = allele_frequency(store.dosages(block))
        common.append(block[np.minimum(frequency, 1 - frequency) >= MIN_FREQUENCY])
    spread = np.concatenate(common) if common else np.empty(0, np.int64)
    if len(spread) > MAX_CANDIDATES:
        spread = spread[np.linspace(0, len(spread) - 1, MAX_CANDIDATES).astype(np.int64)]
    chroms = store.variants["chrom"].to_numpy(str)[spread]
    kept = []
    for chrom in dict.fromkeys(chroms):
        here = spread[chroms == chrom]
        dosage = store.dosages(here)
        if len(here) > 1:
            here = here[allel.locate_unlinked(dosage, size=LD_WINDOW, step=LD_STEP, threshold=LD_MAX_R2)]
        kept.append(here)
    return np.concatenate(kept) if kept else np.empty(0, np.int64)


def allele_frequency(dosage: np.ndarray) -> np.ndarray:
    """Alternate allele frequency of each row of int8 dosages over its called people; NaN if none is."""
    called = (dosage >= 0).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(dosage > 0, dosage, 0).sum(axis=1) / (2 * called)


def principal_components(
    store: GenotypeStore, variants: np.ndarray, fit: np.ndarray, n_components: int
) -> Ancestry | None:
    """Principal components of all people, fitted on some.

    Args:
        store: genotypes.
        variants: indices of the variants to use.
        fit: bool (n_people,), who is used to find the axes.
        n_components: how many axes; fewer are given when there are fewer people or variants.

    Returns:
        ``None`` when fewer than two people or variants are left. The sign of each axis makes its
        largest loading positive.
    """
    n_components = min(n_components, int(fit.sum()) - 1, len(variants))
    if n_components < 1:
        return None
    n, n_fit = store.n_people, int(fit.sum())
    relationship = np.zeros((n_fit, n_fit))
    cross = np.zeros((n, n_fit))
    used = 0
    for start in range(0, len(variants), BLOCK):
        Z = _standardised(store.dosages(variants[start : start + BLOCK]), fit)
        used += len(Z)
        cross += Z.T @ Z[:, fit]
    if not used:
        return None
    relationship = cross[fit]
    values, vectors = scipy.linalg.eigh(
        relationship / used, subset_by_index=(n_fit - n_components, n_fit - 1)
    )
    values, vectors = values[::-1], vectors[:, ::-1]
    good = values > 1e-9
    values, vectors = values[good], vectors[:, good]
    # Scores of the fit are eigenvectors scaled to unit variance; the others are projected by the loadings
    # Z_fit' v / lambda, of which the cross product is all that is needed.
    scores = cross @ vectors / (values * used) * np.sqrt(n_fit)
    largest = np.abs(scores[fit]).argmax(axis=0)
    scores *= np.sign(scores[fit][largest, np.arange(scores.shape[1])])
    return Ancestry(scores, values, values / np.trace(relationship / used), used)


def _standardised(dosage: np.ndarray, fit: np.ndarray) -> np.ndarray:
    """Genotypes with mean 0 and variance 1 under Hardy-Weinberg, by the frequencies of ``fit``."""
    frequency = allele_frequency(dosage[:, fit])
    polymorphic = (frequency > 0) & (frequency < 1)
    dosage, p = dosage[polymorphic], frequency[polymorphic, None]
    return np.where(dosage >= 0, dosage - 2 * p, 0.0) / np.sqrt(2 * p * (1 - p))
