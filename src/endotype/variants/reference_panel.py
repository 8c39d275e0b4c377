"""The nearest population of a reference panel.

Axes are fitted on the panel over variants it shares with the cohort, and the cohort is projected onto them,
corrected for shrinkage. Each population is a normal distribution on the axes, its covariance drawn a quarter
of the way to the one that all share, because small populations can't tell theirs (regularised discriminant
analysis: Friedman 1989, doi:10.1080/01621459.1989.10478752). A person far from all, or between two, has none.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import scipy.stats

from endotype.errors import InputError, Problem, input_error, visible
from endotype.message import N_
from endotype.tables import read_text_table
from endotype.variants.ancestry import (
    Axes,
    autosomal_variants,
    independent_variants,
    match_variants,
    principal_components,
    project,
)
from endotype.variants.plink import GenotypeStore, open_store
from endotype.variants.relatedness import MIN_SITES, related_pairs, unrelated_set

MIN_PEOPLE = 10
"""Fewer people don't make a population of a panel."""

MAX_AXES = 20
FAR = 1e-6
"""Further from the nearest population than this share of its people: from nowhere the panel knows."""

SHARED_COVARIANCE = 0.25
"""How much of a population's covariance is that of all."""

PALINDROMES = {"AT", "TA", "CG", "GC"}
"""The strand of these can't be told when the alleles may be swapped."""


@dataclass(frozen=True)
class Panel:
    """Populations on the axes of a reference panel.

    Attributes:
        axes: frozen axes of the panel.
        names: the populations, sorted.
        centers: float64 (n_populations, k).
        covariances: float64 (n_populations, k, k).
        n_people: people of the panel by whom this was fitted.
    """

    axes: Axes
    names: tuple[str, ...]
    centers: np.ndarray
    covariances: np.ndarray
    n_people: int


@dataclass(frozen=True)
class Populations:
    """The population of each person.

    Attributes:
        name: text (n,), empty where none.
        probability: float64 (n,), of the nearest population; NaN for who is far from all.
        reason: text (n,), why a person has none; empty otherwise.
        n_variants: how many variants were compared.
        n_panel: by how many people of the panel; 0 when nothing was assessed.
    """

    name: np.ndarray
    probability: np.ndarray
    reason: np.ndarray
    n_variants: int
    n_panel: int


def assign_populations(
    store: GenotypeStore,
    genotypes: str | Path,
    populations: str | Path,
    assembly: str,
    max_kinship: float,
    min_probability: float,
) -> Populations:
    """Place the people of a store among the populations of a panel.

    Args:
        store: the cohort.
        genotypes: PLINK 1 fileset of the panel, of the same assembly; its alleles may be in either order.
        populations: TSV with ``sample population`` of the people of the panel.
        assembly: names regions that are left out of axes.
        max_kinship: one of each closer pair of the panel is left out of the fit.
        min_probability: of the nearest population, for it to be named.

    Raises:
        InputError: a file can't be read, or they don't go together.
    """
    panel_store = open_store(genotypes)
    labels = read_populations(populations, panel_store.people["iid"].to_numpy(str))
    shared = _shared_variants(panel_store, store, genotypes)
    variants = independent_variants(panel_store, shared, assembly)
    n = store.n_people
    if len(variants) < MIN_SITES:
        why = f"the reference panel shares {len(variants)} independent variants, fewer than {MIN_SITES}"
        empty = np.full(n, "", object)
        return Populations(empty, np.full(n, np.nan), np.full(n, why, object), len(variants), 0)
    panel = fit_panel(panel_store, variants, labels, max_kinship)
    which, where, swapped = match_variants(panel.axes.variants, store)
    scores = project(panel.axes, store, where, swapped, which=which)
    return _name(panel, scores, min_probability)


def read_populations(path: str | Path, samples: np.ndarray) -> np.ndarray:
    """Population of each sample of the panel, text; empty for those the table doesn't have.

    Raises:
        InputError: no such columns, a sample twice, or nobody of the panel in the table.
    """
    table = read_text_table(path)
    rows = table.rows
    if absent := [c for c in ("sample", "population") if c not in rows.columns]:
        raise input_error(
            path, f"the columns {', '.join(map(visible, rows.columns))}", f"a column '{absent[0]}'"
        )
    names = rows["sample"].str.strip()
    if names.duplicated().any():
        again = names[names.duplicated()]
        raise InputError(
            [
                Problem(str(path), int(str(r)), "sample", f"{visible(s)} again", "each sample once")
                for r, s in again.items()
            ]
        )
    labels = rows["population"].str.strip().set_axis(names).reindex(samples).fillna("")
    if not (labels != "").any():
        raise input_error(path, "nobody of the reference panel", "samples of the panel's .fam")
    return labels.to_numpy(str)


def fit_panel(store: GenotypeStore, variants: np.ndarray, labels: np.ndarray, max_kinship: float) -> Panel:
    """Axes and populations of a panel; by its unrelated people whose population is known.

    As many axes as there are populations less one, at least two and at most 20.

    Raises:
        InputError: fewer than two populations have ten people.
    """
    patients = store.people["iid"].to_numpy(str)
    stay = unrelated_set(related_pairs(store, variants), pd.Series(1.0, patients), max_kinship)
    usable = stay.to_numpy(bool) & (labels != "")
    names, sizes = np.unique(labels[usable], return_counts=True)
    names = names[sizes >= MIN_PEOPLE]
    if len(names) < 2:
        raise input_error(
            "sample_qc.reference_panel",
            f"{len(names)} populations with {MIN_PEOPLE} unrelated people",
            "at least two such populations",
        )
    fit = usable & np.isin(labels, names)
    ancestry = principal_components(store, variants, fit, min(max(len(names) - 1, 2), MAX_AXES))
    assert ancestry is not None
    scores = ancestry.scores
    centers = np.stack([scores[fit & (labels == name)].mean(axis=0) for name in names])
    own = np.stack([np.cov(scores[fit & (labels == name)].T) for name in names])
    of_all = np.average(own, axis=0, weights=[(fit & (labels == name)).sum() - 1 for name in names])
    covariances = SHARED_COVARIANCE * of_all + (1 - SHARED_COVARIANCE) * own
    return Panel(ancestry.axes, tuple(map(str, names)), centers, covariances, int(fit.sum()))


def _name(panel: Panel, scores: np.ndarray, min_probability: float) -> Populations:
    """The most probable population of each person, all being as frequent beforehand."""
    n, k = scores.shape
    distance, density = np.empty((n, len(panel.names))), np.empty((n, len(panel.names)))
    for p, (center, covariance) in enumerate(zip(panel.centers, panel.covariances, strict=True)):
        away = scores - center
        distance[:, p] = np.einsum("ij,ij->i", away @ np.linalg.inv(covariance), away)
        density[:, p] = -0.5 * (distance[:, p] + np.linalg.slogdet(covariance)[1])
    density -= density.max(axis=1, keepdims=True)
    probability = np.exp(density) / np.exp(density).sum(axis=1, keepdims=True)
    best = np.nan_to_num(probability, nan=-1.0).argmax(axis=1)
    rows = np.arange(n)
    placed = np.isfinite(scores).all(axis=1)
    near = scipy.stats.chi2.sf(distance[rows, best], k) >= FAR
    sure = probability[rows, best] >= min_probability
    names = np.array(panel.names, object)[best]
    reason = np.select(
        [~placed, ~near, ~sure],
        [
            N_("no genotype of the axes is called"),
            N_("far from every population of the panel"),
            N_("between populations"),
        ],
        "",
    ).astype(object)
    given = reason == ""
    return Populations(
        np.where(given, names, ""),
        np.where(placed & near, probability[rows, best], np.nan),
        reason,
        len(panel.axes.frequency),
        panel.n_people,
    )


def _shared_variants(panel: GenotypeStore, store: GenotypeStore, genotypes: str | Path) -> np.ndarray:
    """Indices in the panel of autosomal variants that the cohort has too and whose strand is sure."""
    autosomal = autosomal_variants(panel)
    table = panel.variants.iloc[autosomal]
    sure = ~(table["alt"] + table["ref"]).isin(PALINDROMES).to_numpy(bool)
    named = table.rename(columns={"alt": "effect_allele", "ref": "other_allele"})
    which, _, _ = match_variants(named[sure], store)
    if not len(which):
        raise input_error(f"{genotypes}.bim", "no variant of the cohort", "a panel of the cohort's assembly")
    return autosomal[sure][which]
