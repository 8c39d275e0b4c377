"""What subtypes are compared in: features, other clinical columns, genes and pathways."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from endotype.subtypes.audit import audit_column
from endotype.subtypes.characterise import Trait

MIN_GENE_CARRIERS = 5
"""Patients with a subtype who carry a qualifying variant that a gene needs to be compared."""


@dataclass(frozen=True)
class Subjects:
    """Tables of the patients, indexed by patient, with the same rows.

    Attributes:
        features: recorded values, of ``features.parquet``.
        values: float64 (n, p), the same as the model sees them, NaN where missing.
        clinical, ancestry, people: of the cohort and the variants stage.
        burden: numbers of mutations, or ``None``.
        removed: features that the model takes as confounders, or ``None``.
        carriers: of :func:`~endotype.subtypes.carriers.gene_carriers`, or ``None``.
        pathways: of :func:`~endotype.subtypes.carriers.pathway_burdens`, or ``None``.
        pathway_of: columns ``gene pathway``, or ``None``.
    """

    features: pd.DataFrame
    values: np.ndarray
    clinical: pd.DataFrame
    ancestry: pd.DataFrame
    people: pd.DataFrame
    burden: pd.DataFrame | None = None
    removed: pd.DataFrame | None = None
    carriers: pd.DataFrame | None = None
    pathways: pd.DataFrame | None = None
    pathway_of: pd.DataFrame | None = None


def find_traits(
    subjects: Subjects,
    info: list[dict[str, Any]],
    used: set[str],
    labels: np.ndarray,
    dictionary: dict[str, Any],
) -> tuple[list[Trait], dict[str, Any]]:
    """What the subtypes are compared in, and how many genes were too rarely carried for it.

    Features first, then clinical columns that are neither features nor outcomes, genes and pathways. A gene
    or pathway counts as used where the carriers of its mechanism were.
    """
    traits = [
        _trait(f["name"], str(f["view"]), subjects.features[f["name"]], f["name"] in used) for f in info
    ]
    for name, entry in dictionary["columns"].items():
        if entry["role"] in ("confounder", "covariate", "trait") and name in subjects.clinical.columns:
            traits.append(_trait(name, entry["role"], subjects.clinical[name], False))
    left_out = 0
    used_pathways = {p.removeprefix("carrier:") for p in used if p.startswith("carrier:")}
    if subjects.carriers is not None and subjects.pathway_of is not None:
        pathway_of = subjects.pathway_of.dropna()
        used_genes = set(pathway_of.loc[pathway_of["pathway"].isin(used_pathways), "gene"])
        for gene in subjects.carriers.columns:
            status = subjects.carriers[gene].to_numpy()
            if int((status[labels >= 0] == 1).sum()) < MIN_GENE_CARRIERS:
                left_out += 1
                continue
            carries = np.where(status >= 0, status.astype(float), np.nan)
            traits.append(Trait(gene, "gene", "binary", carries, gene in used_genes))
    if subjects.pathways is not None:
        for pathway in subjects.pathways.columns:
            burdens = subjects.pathways[pathway].to_numpy(dtype=float)
            traits.append(Trait(pathway, "pathway", "number", burdens, pathway in used_pathways))
    return traits, {
        "n_genes": sum(t.group == "gene" for t in traits),
        "n_genes_left_out": left_out,
        "genes_left_out_reason": f"fewer than {MIN_GENE_CARRIERS} carriers among patients with a subtype",
        "genes_status": "not_assessed" if subjects.carriers is None else "assessed",
    }


def _trait(name: str, group: str, values: pd.Series, used: bool) -> Trait:
    """A column as a trait: numbers that are all 0 or 1 are yes/no, words are categories."""
    column = audit_column(name, group, values)
    if column.kind == "category" and set(column.levels) <= {"False", "True"}:
        return Trait(name, group, "binary", values.to_numpy(dtype=float, na_value=np.nan), used)
    if column.kind == "category":
        return Trait(name, group, "category", column.values, used, column.levels)
    seen = column.values[np.isfinite(column.values)]
    binary = seen.size > 0 and bool(np.isin(seen, (0.0, 1.0)).all())
    return Trait(name, group, "binary" if binary else "number", column.values, used)
