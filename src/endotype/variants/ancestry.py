"""Ancestry axes: principal components of independent common variants.

Fitted on unrelated people of good quality, then everybody else is projected, so that relatives and bad
samples don't bend the axes. Genotypes are standardised by sqrt(2p(1-p)) (Patterson, Price, Reich 2006,
doi:10.1371/journal.pgen.0020190); a missing call counts as the mean.

Projected people come out too near to the centre, the more so the fewer people and the weaker the axis.
That is corrected person by person by online augmentation, decomposition and Procrustes (OADP: Zhang, Dey, Lee
2020, doi:10.1093/bioinformatics/btaa152). The axes are frozen as loadings, by which a person who comes later
is projected without touching anybody else's scores.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import scipy.linalg
from threadpoolctl import threadpool_limits

from endotype.cohort.assembly import bare_name, long_range_ld, sex_chromosome
from endotype.errors import input_error
from endotype.tables import read_parquet, write_parquet
from endotype.variants.kernels import (
    HET,
    HOM_ALT,
    HOM_REF,
    MISSING_CALL,
    count_carriers,
    hardy_weinberg,
    log_factorials,
)
from endotype.variants.pair_kernels import prune, variant_planes
from endotype.variants.plink import GenotypeStore, open_store

MIN_FREQUENCY = 0.01
MIN_CALL_RATE = 0.95
MIN_EXCESS_HET_P = 1e-6
"""Too many heterozygotes are mismapped reads. Too few are mixed ancestry, which is what is looked for."""

MAX_CANDIDATES = 100_000
LD_WINDOW, LD_MAX_R2 = 200, 0.1
BLOCK = 1024
LOADING_COLUMNS = ["variant_id", "chrom", "pos", "effect_allele", "other_allele", "frequency", "n_fit"]


@dataclass(frozen=True)
class Axes:
    """Frozen ancestry axes.

    Attributes:
        variants: ``variant_id chrom pos effect_allele other_allele``, one row a variant.
        frequency: float64 (m,), of the effect allele in the people of the fit.
        loadings: float64 (m, k), unit length each.
        singular: float64 (k,), singular values of the standardised genotypes of the fit.
        n_fit: number of people of the fit.
    """

    variants: pd.DataFrame
    frequency: np.ndarray
    loadings: np.ndarray
    singular: np.ndarray
    n_fit: int

    @property
    def unit(self) -> np.ndarray:
        """Factors (k,) that give the scores of the fit the variance one."""
        return np.sqrt(self.n_fit) / self.singular


@dataclass(frozen=True)
class Ancestry:
    """Principal components.

    Attributes:
        scores: float64 (n_people, k), mean zero and variance one over the people of the fit.
        eigenvalues: float64 (k,), of the genetic relationship matrix.
        share: float64 (k,), of its trace.
        n_variants: how many variants were used.
        axes: what a later person is projected by.
    """

    scores: np.ndarray
    eigenvalues: np.ndarray
    share: np.ndarray
    n_variants: int
    axes: Axes


def autosomal_variants(store: GenotypeStore) -> np.ndarray:
    """Indices of the variants on autosomes."""
    chroms = store.variants["chrom"]
    kinds = {c: sex_chromosome(c) is None for c in chroms.unique()}
    return np.flatnonzero(chroms.map(kinds).to_numpy(bool)) if len(chroms) else np.empty(0, np.int64)


def independent_variants(
    store: GenotypeStore, candidates: np.ndarray, assembly: str = "unspecified"
) -> np.ndarray:
    """Indices of ``candidates`` that are common, well called and nearly uncorrelated with their neighbours.

    Single nucleotide variants outside regions of long-range linkage disequilibrium (where the assembly is
    known), minor allele frequency at least 1 %, call rate at least 95 %, no excess of heterozygotes (exact
    p >= 1e-6), at most 100,000 of them evenly spread; then pruned from first to last: a variant stays unless
    its r-squared with one that stayed among the 200 before it is above 0.1.
    """
    candidates = candidates[
        _single_nucleotide(store, candidates) & ~_in_long_range_ld(store, candidates, assembly)
    ]
    counts = [
        count_carriers(np.ascontiguousarray(store.packed[candidates[start : start + BLOCK]]), store.n_people)
        for start in range(0, len(candidates), BLOCK)
    ]
    if not counts:
        return np.empty(0, np.int64)
    spread = candidates[_well_behaved(np.concatenate(counts))]
    if len(spread) > MAX_CANDIDATES:
        spread = spread[np.linspace(0, len(spread) - 1, MAX_CANDIDATES).astype(np.int64)]
    codes, _ = pd.factorize(store.variants["chrom"].to_numpy(str)[spread])
    kept = []
    for code in range(codes.max(initial=-1) + 1):
        here = spread[codes == code]
        hom, ref = variant_planes(np.ascontiguousarray(store.packed[here]), store.n_people)
        kept.append(here[prune(hom, ref, np.zeros(len(here), np.int64), LD_WINDOW, LD_MAX_R2)])
    return np.sort(np.concatenate(kept)) if kept else np.empty(0, np.int64)


def _well_behaved(counts: np.ndarray) -> np.ndarray:
    hom_ref, het, hom_alt = counts[:, HOM_REF], counts[:, HET], counts[:, HOM_ALT]
    called = hom_ref + het + hom_alt
    n = int(counts[0].sum())
    frequency = (het + 2 * hom_alt) / np.maximum(2 * called, 1)
    common = np.minimum(frequency, 1 - frequency) >= MIN_FREQUENCY
    well_called = counts[:, MISSING_CALL] <= (1 - MIN_CALL_RATE) * n
    _, excess = hardy_weinberg(hom_ref, het, hom_alt, log_factorials(2 * n))
    return common & well_called & (excess <= -np.log10(MIN_EXCESS_HET_P))


def _single_nucleotide(store: GenotypeStore, candidates: np.ndarray) -> np.ndarray:
    one = (store.variants["ref"].str.len() == 1) & (store.variants["alt"].str.len() == 1)
    return one.to_numpy(bool)[candidates]


def _in_long_range_ld(store: GenotypeStore, candidates: np.ndarray, assembly: str) -> np.ndarray:
    chrom = store.variants["chrom"].map(bare_name).to_numpy(str)[candidates]
    pos = store.variants["pos"].to_numpy()[candidates]
    inside = np.zeros(len(candidates), bool)
    for region in long_range_ld(assembly):
        inside |= (chrom == region.chrom) & (pos >= region.start) & (pos <= region.end)
    return inside


def allele_frequency(dosage: np.ndarray) -> np.ndarray:
    """Alternate allele frequency of each row of int8 dosages over its called people; NaN if none is."""
    called = (dosage >= 0).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(dosage > 0, dosage, 0).sum(axis=1) / (2 * called)


def principal_components(
    store: GenotypeStore, variants: np.ndarray, fit: np.ndarray, n_components: int
) -> Ancestry | None:
    """Principal components of all people, fitted on some.

    Two passes over the genotypes: the relationship matrix of the people of the fit, then the loadings and
    everybody's projection. Holds that matrix, 8 bytes by the square of the people of the fit, and a copy.

    Args:
        store: genotypes.
        variants: indices of the variants to use.
        fit: bool (n_people,), who is used to find the axes.
        n_components: how many axes; fewer are given when there are fewer people or variants.

    Returns:
        ``None`` when fewer than two people or variants are left. The sign of each axis makes its
        largest score positive.
    """
    n_fit = int(fit.sum())
    n_components = min(n_components, n_fit - 1, len(variants))
    if n_components < 1:
        return None
    relationship = np.zeros((n_fit, n_fit), order="F")
    used, frequency = [], []
    for start in range(0, len(variants), BLOCK):
        block = variants[start : start + BLOCK]
        dosage = store.dosages(block)[:, fit]
        p = allele_frequency(dosage)
        polymorphic = (p > 0) & (p < 1)
        used.append(block[polymorphic])
        frequency.append(p[polymorphic])
        Z = _standardised(dosage[polymorphic], p[polymorphic])
        relationship = scipy.linalg.blas.dsyrk(1.0, Z.T, beta=1.0, c=relationship, overwrite_c=1)
    used_variants, p = np.concatenate(used), np.concatenate(frequency)
    if not len(used_variants):
        return None
    trace = np.trace(relationship)
    values, vectors = scipy.linalg.eigh(
        relationship,
        lower=False,
        subset_by_index=(n_fit - n_components, n_fit - 1),
        overwrite_a=True,
        check_finite=False,
    )
    values, vectors = values[::-1], vectors[:, ::-1]
    good = values > 1e-9 * len(used_variants)
    values, vectors = values[good], vectors[:, good]
    largest = np.abs(vectors).argmax(axis=0)
    vectors = vectors * np.sign(vectors[largest, np.arange(vectors.shape[1])])
    if not len(values):
        return None
    loadings = np.empty((len(used_variants), len(values)))
    for start in range(0, len(used_variants), BLOCK):
        rows = slice(start, start + BLOCK)
        Z = _standardised(store.dosages(used_variants[rows])[:, fit], p[rows])
        loadings[rows] = Z @ vectors / np.sqrt(values)
    table = store.variants.iloc[used_variants]
    axes = Axes(_named(table), p, loadings, np.sqrt(values), n_fit)
    scores = np.empty((store.n_people, len(values)))
    scores[fit] = vectors * np.sqrt(n_fit)
    others = np.flatnonzero(~fit)
    scores[others] = project(axes, store, used_variants, people=others)
    return Ancestry(scores, values / len(used_variants), values / trace, len(used_variants), axes)


def project(
    axes: Axes,
    store: GenotypeStore,
    variants: np.ndarray,
    swapped: np.ndarray | None = None,
    people: np.ndarray | None = None,
    which: np.ndarray | None = None,
) -> np.ndarray:
    """Scores of people who did not take part in the fit, on the scale of those who did.

    Args:
        axes: the frozen axes.
        store: genotypes of the people to project.
        variants: indices in ``store`` of the variants of the axes.
        swapped: bool, where the alternate allele of the store is the axes' other allele.
        people: whom to project; all by default.
        which: rows of ``axes`` that ``variants`` are; all by default.

    Returns:
        float64 (n_selected, k); NaN for who has no call. A call that is missing is made up for: the sum over
        the loadings that could be used is divided by the share of their squares.
    """
    rows = np.arange(len(axes.frequency)) if which is None else which
    columns = np.arange(store.n_people) if people is None else people
    k = axes.loadings.shape[1]
    sums, weight = np.zeros((len(columns), k)), np.zeros((len(columns), k))
    squares, called = np.zeros(len(columns)), np.zeros(len(columns))
    if not len(columns):
        return sums
    for start in range(0, len(rows), BLOCK):
        block = slice(start, start + BLOCK)
        dosage = store.dosages(variants[block])[:, columns]
        if swapped is not None:
            flip = swapped[block, None] & (dosage >= 0)
            dosage = np.where(flip, 2 - dosage, dosage)
        Z, L = _standardised(dosage, axes.frequency[rows[block]]), axes.loadings[rows[block]]
        there = (dosage >= 0).astype(np.float64)
        sums += Z.T @ L
        weight += there.T @ (L * L)
        squares += np.einsum("ij,ij->j", Z, Z)
        called += there.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        sums = np.where(weight > 0, sums / weight, np.nan)
        squares = squares * len(axes.frequency) / called
    return unshrink(sums, squares, axes.singular) * axes.unit


def unshrink(projected: np.ndarray, squares: np.ndarray, singular: np.ndarray) -> np.ndarray:
    """Projections corrected for shrinkage by OADP (Zhang, Dey, Lee 2020).

    For each person, the decomposition of the fit is augmented by that one person, and the augmented axes are
    turned and scaled back onto the old ones (Procrustes), by which the person's place among them is known.
    All is done in k + 1 dimensions: the axes, and what of the person lies outside them.

    Args:
        projected: float64 (n, k), inner products of the standardised genotypes with unit loadings.
        squares: float64 (n,), squared length of the standardised genotypes.
        singular: float64 (k,), singular values of the fit.

    Returns:
        float64 (n, k), on the scale of ``projected``; NaN stays NaN.
    """
    n, k = projected.shape
    result = np.full((n, k), np.nan)
    usable = np.flatnonzero(np.isfinite(projected).all(axis=1) & np.isfinite(squares))
    for start in range(0, len(usable), BLOCK):
        rows = usable[start : start + BLOCK]
        augmented = np.zeros((len(rows), k + 1, k + 1))
        augmented[:, range(k), range(k)] = singular
        augmented[:, k, :k] = projected[rows]
        outside = squares[rows] - (projected[rows] ** 2).sum(axis=1)
        augmented[:, k, k] = np.sqrt(np.maximum(outside, 0.0))
        left, values, _ = np.linalg.svd(augmented)
        new = left[:, :, :k] * values[:, None, :k]
        # Procrustes from the augmented scores of the fit onto the old ones; the people's own directions,
        # orthonormal, fall out of the products.
        turn_left, stretch, turn_right = np.linalg.svd(new[:, :k].transpose(0, 2, 1) * singular)
        scale = stretch.sum(axis=1) / (new[:, :k] ** 2).sum(axis=(1, 2))
        turned = np.einsum("ij,ijk->ik", new[:, k], turn_left @ turn_right)
        result[rows] = scale[:, None] * turned
    return result


def write_axes(axes: Axes | None, n_components: int, path: str | Path) -> None:
    """Write frozen axes: ``LOADING_COLUMNS`` and ``loading1`` ... ``loadingN``.

    A loading is written so that the sum of standardised genotypes by loadings is the (uncorrected) score; its
    length then tells the singular value.
    """
    table = axes.variants.assign(frequency=axes.frequency, n_fit=axes.n_fit) if axes else _no_axes()
    for k in range(n_components):
        there = axes is not None and k < len(axes.singular)
        table[f"loading{k + 1}"] = axes.loadings[:, k] * axes.unit[k] if axes and there else np.nan
    write_parquet(table, path)


def read_axes(path: str | Path) -> Axes:
    """Read what :func:`write_axes` wrote.

    Raises:
        InputError: it isn't such a file, or holds no axes.
    """
    table = read_parquet(path)
    names = [c for c in table.columns if c.startswith("loading")]
    if absent := [c for c in LOADING_COLUMNS if c not in table.columns]:
        raise input_error(path, f"no column {absent[0]}", "variants/ancestry_loadings.parquet of a run")
    names = [c for c in names if table[c].notna().all()]
    if table.empty or not names:
        raise input_error(path, "no axes", "axes of a run that could assess ancestry")
    weights = table[names].to_numpy(float)
    n_fit = int(table["n_fit"].iloc[0])
    lengths = np.sqrt((weights**2).sum(axis=0))
    return Axes(
        table[LOADING_COLUMNS[:5]],
        table["frequency"].to_numpy(float),
        weights / lengths,
        np.sqrt(n_fit) / lengths,
        n_fit,
    )


@threadpool_limits.wrap(limits=1)
def project_samples(prefix: str | Path, loadings: str | Path, out: str | Path) -> pd.DataFrame:
    """Project the people of a genotype store onto frozen axes and write ``patient pc1..pcN n_variants``.

    Variants are matched by place and alleles, in either order. ``n_variants`` are those of the axes that the
    store has and the person was called at.

    Raises:
        InputError: a file can't be read, or fewer than half of the axes' variants are in the store.
    """
    store, axes = open_store(prefix), read_axes(loadings)
    which, variants, swapped = match_variants(axes.variants, store)
    if len(which) < len(axes.frequency) / 2:
        raise input_error(
            f"{prefix}.bim",
            f"{len(which)} of the {len(axes.frequency)} variants of the axes",
            "at least half of them",
        )
    scores = project(axes, store, variants, swapped, which=which)
    called = np.zeros(store.n_people, np.int64)
    for start in range(0, len(variants), BLOCK):
        called += (store.dosages(variants[start : start + BLOCK]) >= 0).sum(axis=0)
    table = pd.DataFrame({"patient": store.people["iid"].to_numpy(str)})
    for k in range(scores.shape[1]):
        table[f"pc{k + 1}"] = scores[:, k]
    table["n_variants"] = called
    write_parquet(table, out)
    return table


def match_variants(named: pd.DataFrame, store: GenotypeStore) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where variants are in a store, by place and alleles in either order; ``chr`` doesn't matter.

    Args:
        named: columns ``chrom pos effect_allele other_allele``.
        store: its alternate alleles are compared with the effect alleles.

    Returns:
        Rows of ``named`` that were found, their indices in the store, and whether the alleles are swapped.
    """
    wanted = _keys(named["chrom"], named["pos"], named["effect_allele"], named["other_allele"])
    table = store.variants
    found = []
    for alt, ref in (("alt", "ref"), ("ref", "alt")):
        keys = _keys(table["chrom"], table["pos"], table[alt], table[ref])
        # Of a key that is there twice the first counts.
        first = np.flatnonzero(~keys.duplicated())
        at = keys[first].get_indexer(wanted)
        found.append(np.where(at >= 0, first[at], -1) if len(first) else at)
    straight, crossed = found
    where = np.where(straight >= 0, straight, crossed)
    which = np.flatnonzero(where >= 0)
    return which, where[which], straight[which] < 0


def _keys(chrom: pd.Series, pos: pd.Series, alt: pd.Series, ref: pd.Series) -> pd.Index:
    return pd.Index(chrom.map(bare_name) + ":" + pos.astype(str) + ":" + alt + ":" + ref)


def _named(variants: pd.DataFrame) -> pd.DataFrame:
    """Rows of a .bim as the axes name them; the alternate allele is the effect allele."""
    names = {"id": "variant_id", "alt": "effect_allele", "ref": "other_allele"}
    return variants.rename(columns=names)[LOADING_COLUMNS[:5]].reset_index(drop=True)


def _no_axes() -> pd.DataFrame:
    types = ["str", "str", "int64", "str", "str", "float64", "int64"]
    return pd.DataFrame(columns=LOADING_COLUMNS).astype(dict(zip(LOADING_COLUMNS, types, strict=True)))


def _standardised(dosage: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Genotypes with mean 0 and variance 1 under Hardy-Weinberg, float64; a missing call is 0."""
    p = p[:, None]
    return np.where(dosage >= 0, dosage - 2 * p, 0.0) / np.sqrt(2 * p * (1 - p))
