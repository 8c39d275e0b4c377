"""Polygenic scores as a view: whole, and by mechanism of the gene table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from endotype.message import N_
from endotype.subtypes.scores import match_score, mechanism_scores, read_score_file, score_people
from endotype.subtypes.views.feature import Feature, View
from endotype.variants.plink import GenotypeStore


def score_view(
    name: str,
    paths: Sequence[str | Path],
    store: GenotypeStore,
    annotation: pd.DataFrame,
    genes: pd.DataFrame,
    patients: pd.Index,
    failed: set[str],
    assembly: str | None,
    by_mechanism: bool = False,
    min_match: float = 0.75,
) -> View:
    """One gaussian feature per score, and per score and mechanism.

    Args:
        name: of the view.
        paths: scoring files.
        store: genotypes.
        annotation: ``variant_id gene``.
        genes: ``gene mechanism``.
        patients: of the result, in its order.
        failed: whose genotypes are not looked at.
        assembly: of the run.
        by_mechanism: also the part of each score in the genes of each mechanism.
        min_match: a score of which less is in the cohort, by rows or by weight, is left out.

    Raises:
        InputError: faults of a file, or one of another assembly.
    """
    view = View(name, "scores")
    matches = [match_score(read_score_file(path), store.variants, assembly, min_match) for path in paths]
    if by_mechanism:
        matches += [part for match in matches for part in mechanism_scores(match, annotation, genes)]
    usable = np.array([p not in failed for p in store.people["iid"]], bool)
    result = score_people(store, matches, usable)
    for score, values, row in zip(
        result.names, result.sums.T, result.summary.to_dict("records"), strict=True
    ):
        feature = f"{name}:{score}"
        if row["status"] != "usable":
            view.left_out[feature] = row["reason"] or "not assessed"
            continue
        rate = N_("{file:.0%} of its file and {weight:.0%} of its weight").format(
            file=row["match_rate"], weight=row["weight_rate"]
        )
        source = N_("polygenic score {name}: {n!s} rows in the cohort, {rate} matched").format(
            name=score, n=row["n_matched"], rate=rate
        )
        by_patient = pd.Series(values, index=store.people["iid"].to_numpy()).reindex(patients)
        view.add(Feature(feature, name, "gaussian", source), by_patient.to_numpy(dtype=float))
    return view
