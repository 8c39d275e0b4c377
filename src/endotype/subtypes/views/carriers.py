"""Rare burden: how many rare variants that damage or change a protein a patient carries, by gene set.

The gene sets are the mechanisms of the gene table.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from endotype.subtypes.views.feature import Feature, View
from endotype.variants.plink import MISSING, GenotypeStore

MAX_FREQUENCY = 0.01
"""Cohort frequency under which a variant is rare."""

ANNOTATION_COLUMNS = ["variant_id", "gene", "impact", "consequence_status", "cohort_af", "damaging"]


def carrier_view(
    name: str,
    store: GenotypeStore,
    annotation: pd.DataFrame,
    genes: pd.DataFrame,
    patients: pd.Index,
    failed: set[str],
    kind: str = "binary",
) -> View:
    """One feature per mechanism of the gene table, by name of the mechanism.

    ``binary``: 1 when a qualifying variant was seen, 0 when some were assessed and none was seen; ``count``:
    the number of copies. NaN when the patient has no usable genotypes, all qualifying calls are missing, or
    consequences were not assessed.

    Args:
        name: of the view.
        store: genotypes.
        annotation: :data:`ANNOTATION_COLUMNS`.
        genes: columns ``gene mechanism``.
        patients: of the result, in its order.
        failed: whose genotypes are not looked at.
        kind: ``binary`` or ``count``.
    """
    view = View(name, "carriers")
    mechanism_of = genes.dropna(subset=["gene", "mechanism"])
    mechanism_of = mechanism_of[mechanism_of["mechanism"].str.strip() != ""]
    assessed = bool((annotation["consequence_status"] == "assessed").any())
    if not assessed and len(mechanism_of):
        view.notes.append("Consequences of variants were not assessed, so carriers are unknown.")
    rows = (
        qualifying(annotation).merge(mechanism_of, on="gene")[["variant_id", "mechanism"]].drop_duplicates()
    )
    row_of = pd.Series(np.arange(store.n_variants), index=store.variants["id"].to_numpy())
    usable = np.array([p not in failed for p in store.people["iid"]], bool)
    for mechanism in sorted(mechanism_of["mechanism"].unique()):
        ids = rows.loc[rows["mechanism"] == mechanism, "variant_id"]
        index = np.sort(row_of.reindex(ids).dropna().to_numpy(dtype=np.int64))
        copies = carried_copies(store, index) if assessed else np.full(store.n_people, np.nan)
        if kind == "binary":
            copies = np.where(np.isfinite(copies), copies > 0, np.nan)
        by_patient = pd.Series(np.where(usable, copies, np.nan), index=store.people["iid"].to_numpy())
        verb = "carries a" if kind == "binary" else "copies of"
        view.add(
            Feature(
                f"carrier:{mechanism}",
                name,
                kind,
                f"{verb} rare (cohort frequency < {MAX_FREQUENCY:g}) damaging or protein-changing variant "
                f"in a gene of mechanism {mechanism}; {len(index)} such variants",
            ),
            by_patient.reindex(patients).to_numpy(dtype=float),
        )
    return view


def qualifying(annotation: pd.DataFrame) -> pd.DataFrame:
    """Rows of the annotation that make a carrier: rare, and damaging or of HIGH or MODERATE impact."""
    severe = annotation["impact"].isin(["HIGH", "MODERATE"]).to_numpy(bool)
    damaging = annotation["damaging"].fillna(False).to_numpy(bool)
    rare = (annotation["cohort_af"] < MAX_FREQUENCY).fillna(False).to_numpy(bool)
    return annotation[(severe | damaging) & rare & annotation["gene"].notna().to_numpy(bool)]


def carried_copies(store: GenotypeStore, variants: np.ndarray) -> np.ndarray:
    """Copies that each person of the store carries of the variants in these rows, or NaN; (n_people,)."""
    copies = np.zeros(store.n_people)
    called = np.zeros(store.n_people, bool)
    for start in range(0, len(variants), 1024):
        dosages = store.dosages(variants[start : start + 1024])
        copies += np.maximum(dosages, 0).sum(axis=0)
        called |= (dosages != MISSING).any(axis=0)
    if len(variants) == 0:
        called[:] = store.n_variants > 0
    return np.where(called, copies, np.nan)
