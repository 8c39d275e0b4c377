"""Who carries which rare variant of the genes that have targets."""

from __future__ import annotations

import numpy as np
import pandas as pd

from endotype.annotation.severity import is_pathogenic
from endotype.variants.plink import GenotypeStore

RARE = 0.01
"""Frequency under which a variant can matter to one patient: in the population source, else in the cohort."""

ANNOTATION_COLUMNS = [
    "variant_id", "gene", "consequence", "impact", "consequence_status", "population_af", "population_status",
    "clinical_significance", "cohort_af", "damaging", "hgvs_p",
]  # fmt: skip

_IMPACT_ORDER = {"HIGH": 0, "MODERATE": 1, "LOW": 2, "MODIFIER": 3}


def gene_variants(
    annotation: pd.DataFrame, genes: set[str], n_people: int, classes: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Variants of some genes that damage or change the protein, one row per variant and gene.

    A (likely) pathogenic variant, by the clinical source or by its ACMG/AMP class, damages and counts at any
    frequency; all others must be rare. In a small cohort two copies are rare whatever their frequency. One
    that is (likely) benign by its class, and not pathogenic by the clinical source, doesn't damage.

    Args:
        annotation: :data:`ANNOTATION_COLUMNS`.
        genes: their names.
        n_people: people of the genotype store.
        classes: ``variant_id gene class`` of ``annotation/classification.parquet``.

    Returns:
        Columns ``variant_id gene consequence impact damaging hgvs_p pathogenic``, by gene and variant.
    """
    rows = annotation[annotation["gene"].isin(genes).to_numpy(bool)].copy()
    significance = rows["clinical_significance"]
    pathogenic = np.array(
        [bool(is_pathogenic(s)) if isinstance(s, str) else False for s in significance], bool
    )
    if classes is not None:
        words = classes.drop_duplicates(["variant_id", "gene"]).set_index(["variant_id", "gene"])["class"]
        word = words.reindex(pd.MultiIndex.from_frame(rows[["variant_id", "gene"]])).to_numpy(object)
        benign = np.isin(word.astype(str), ["benign", "likely_benign"]) & ~pathogenic
        pathogenic |= np.isin(word.astype(str), ["pathogenic", "likely_pathogenic"])
    else:
        benign = np.zeros(len(rows), bool)
    severe = rows["impact"].isin(["HIGH", "MODERATE"]).to_numpy(bool)
    in_source = (rows["population_status"] == "present").fillna(False).to_numpy(bool)
    cohort_rare = (rows["cohort_af"] <= max(RARE, 2.5 / max(2 * n_people, 1))).fillna(False).to_numpy(bool)
    source_rare = (rows["population_af"] < RARE).fillna(False).to_numpy(bool)
    rare = np.where(in_source, source_rare, cohort_rare)
    damaging = rows["damaging"].fillna(False).to_numpy(bool)
    rows["damaging"] = (damaging & ~benign) | (pathogenic & (classes is not None))
    rows["pathogenic"] = pathogenic
    rows = rows[pathogenic | (severe & rare)]
    rows = rows.assign(order=rows["impact"].map(_IMPACT_ORDER).fillna(len(_IMPACT_ORDER)))
    rows = rows.sort_values(["gene", "variant_id", "order", "consequence"], kind="stable")
    for name in ("damaging", "pathogenic"):
        rows[name] = rows.groupby(["gene", "variant_id"])[name].transform("max")
    rows = rows.drop_duplicates(["gene", "variant_id"])
    return rows[
        ["variant_id", "gene", "consequence", "impact", "damaging", "hgvs_p", "pathogenic"]
    ].reset_index(drop=True)


def find_carriers(store: GenotypeStore, variants: pd.DataFrame, usable: np.ndarray) -> pd.DataFrame:
    """One row for every patient and variant of :func:`gene_variants` with at least one copy.

    Args:
        store: genotypes.
        variants: of :func:`gene_variants`.
        usable: people whose genotypes may be used, bool, shape (n_people,).

    Returns:
        The columns of ``variants``, then ``patient`` and ``dosage`` (1 or 2).
    """
    row_of = pd.Series(np.arange(store.n_variants), index=store.variants["id"].to_numpy())
    at = row_of.reindex(variants["variant_id"]).to_numpy(dtype=float)
    known = np.flatnonzero(np.isfinite(at))
    people = store.people["iid"].to_numpy()
    parts = [variants.iloc[:0].assign(patient=pd.Series(dtype="str"), dosage=pd.Series(dtype="int64"))]
    for start in range(0, len(known), 1024):
        chosen = known[start : start + 1024]
        dosages = np.where(usable, store.dosages(at[chosen].astype(np.int64)), 0)
        which, who = np.nonzero(dosages > 0)
        part = variants.iloc[chosen[which]].reset_index(drop=True)
        parts.append(
            part.assign(
                patient=pd.Series(people[who], dtype="str"), dosage=dosages[which, who].astype("int64")
            )
        )
    return pd.concat(parts, ignore_index=True)
