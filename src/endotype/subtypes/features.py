"""The patient x feature table that subtypes are looked for in, before any adjustment.

Clinical features are the dictionary's columns of role ``feature``. For each mechanism of the gene table
there is one
more: whether the patient carries a rare variant that damages, or changes the protein of, one of its genes.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from endotype.errors import input_error
from endotype.files import read_json, write_json
from endotype.tables import read_parquet, write_parquet
from endotype.variants.plink import MISSING, GenotypeStore, open_store

MAX_FREQUENCY = 0.01
"""Cohort frequency under which a variant is rare."""

CARRIER_VIEW = "carriers"
ANNOTATION_COLUMNS = ["variant_id", "gene", "impact", "consequence_status", "cohort_af", "damaging"]


@dataclass(frozen=True)
class Feature:
    """One column of ``features.parquet``.

    Attributes:
        name: the column.
        view: ``clinical`` or ``carriers``.
        kind: ``gaussian`` or ``bernoulli`` (0 and 1).
        source: what it was made from, for people.
    """

    name: str
    view: str
    kind: str
    source: str


def build_features(
    clinical: str | Path,
    dictionary: str | Path,
    people: str | Path,
    sample_qc: str | Path,
    bfile: str | Path,
    annotation: str | Path,
    genes: str | Path,
    out_dir: str | Path,
) -> None:
    """Write ``features.parquet`` and ``features.json`` to ``out_dir``.

    Args:
        clinical, dictionary, people: files of ``cohort/``.
        sample_qc: genotypes of patients whose verdict is ``fail`` are not looked at.
        bfile: prefix of the genotype store.
        annotation, genes: files of ``annotation/``.
        out_dir: where to write.

    Raises:
        InputError: two features would have the same name.
    """
    patients = pd.Index(read_parquet(people, ["patient"])["patient"].sort_values(), name="patient")
    described = read_json(dictionary)
    features, columns = clinical_features(
        read_parquet(clinical).set_index("patient").reindex(patients), described
    )
    qc = read_parquet(sample_qc, ["patient", "verdict"])
    carriers = carrier_features(
        open_store(bfile),
        read_parquet(annotation, ANNOTATION_COLUMNS),
        read_parquet(genes, ["gene", "mechanism"]),
        patients,
        set(qc.loc[qc["verdict"] == "fail", "patient"]),
    )
    features, columns = features + carriers[0], columns + carriers[1]
    names = [f.name for f in features]
    if clash := sorted({n for n in ["patient", *names] if ["patient", *names].count(n) > 1}):
        raise input_error(dictionary, f"several features named {', '.join(clash)}", "one feature of a name")
    table = pd.DataFrame(dict(zip(names, columns, strict=True)), index=patients).reset_index()
    write_parquet(table, Path(out_dir) / "features.parquet")
    write_json(Path(out_dir) / "features.json", {"features": [asdict(f) for f in features]})


def clinical_features(
    clinical: pd.DataFrame, dictionary: dict[str, Any]
) -> tuple[list[Feature], list[np.ndarray]]:
    """Features of role ``feature``, in the dictionary's order; ``clinical`` is indexed by patient.

    A category gives one binary feature per level. Of two levels the second alone is kept: the first says
    the same.
    """
    features: list[Feature] = []
    columns: list[np.ndarray] = []
    for name, entry in dictionary["columns"].items():
        if entry["role"] != "feature" or name not in clinical.columns:
            continue
        values = clinical[name]
        if entry["type"] == "category":
            levels = [str(v) for v in entry.get("values") or sorted(values.dropna().unique())]
            for level in levels[1:] if len(levels) == 2 else levels:
                hit = (values == level).to_numpy(dtype=float, na_value=np.nan)
                columns.append(np.where(values.isna(), np.nan, hit))
                features.append(Feature(f"{name}={level}", "clinical", "bernoulli", f"{name} is {level}"))
            continue
        kind = "bernoulli" if entry["type"] == "binary" else "gaussian"
        columns.append(values.to_numpy(dtype=float, na_value=np.nan))
        features.append(Feature(name, "clinical", kind, entry.get("description") or name))
    return features, columns


def carrier_features(
    store: GenotypeStore,
    annotation: pd.DataFrame,
    genes: pd.DataFrame,
    patients: pd.Index,
    failed: set[str],
) -> tuple[list[Feature], list[np.ndarray]]:
    """One carrier feature per mechanism of the gene table, by name of the mechanism.

    1 when a qualifying variant was seen, 0 when some were assessed and none was seen, NaN when the patient
    has no usable genotypes, all qualifying calls are missing, or consequences were not assessed.
    """
    mechanism_of = genes.dropna(subset=["gene", "mechanism"])
    mechanism_of = mechanism_of[mechanism_of["mechanism"].str.strip() != ""]
    assessed = bool((annotation["consequence_status"] == "assessed").any())
    rows = (
        qualifying(annotation).merge(mechanism_of, on="gene")[["variant_id", "mechanism"]].drop_duplicates()
    )
    row_of = pd.Series(np.arange(store.n_variants), index=store.variants["id"].to_numpy())
    usable = np.array([p not in failed for p in store.people["iid"]], bool)
    features, columns = [], []
    for mechanism in sorted(mechanism_of["mechanism"].unique()):
        ids = rows.loc[rows["mechanism"] == mechanism, "variant_id"]
        index = np.sort(row_of.reindex(ids).dropna().to_numpy(dtype=np.int64))
        status = carrier_status(store, index) if assessed else np.full(store.n_people, np.nan)
        by_patient = pd.Series(np.where(usable, status, np.nan), index=store.people["iid"].to_numpy())
        columns.append(by_patient.reindex(patients).to_numpy(dtype=float))
        features.append(
            Feature(
                f"carrier:{mechanism}",
                CARRIER_VIEW,
                "bernoulli",
                f"carries a rare (cohort frequency < {MAX_FREQUENCY:g}) damaging or protein-changing variant "
                f"in a gene of mechanism {mechanism}; {len(index)} such variants",
            )
        )
    return features, columns


def qualifying(annotation: pd.DataFrame) -> pd.DataFrame:
    """Rows of the annotation that make a carrier: rare, and damaging or of HIGH or MODERATE impact."""
    severe = annotation["impact"].isin(["HIGH", "MODERATE"]).to_numpy(bool)
    damaging = annotation["damaging"].fillna(False).to_numpy(bool)
    rare = (annotation["cohort_af"] < MAX_FREQUENCY).fillna(False).to_numpy(bool)
    return annotation[(severe | damaging) & rare & annotation["gene"].notna().to_numpy(bool)]


def carrier_status(store: GenotypeStore, variants: np.ndarray) -> np.ndarray:
    """1, 0 or NaN for each person of the store, over the variants in these rows; shape (n_people,)."""
    carries = np.zeros(store.n_people, bool)
    called = np.zeros(store.n_people, bool)
    for start in range(0, len(variants), 1024):
        dosages = store.dosages(variants[start : start + 1024])
        carries |= (dosages > 0).any(axis=0)
        called |= (dosages != MISSING).any(axis=0)
    if len(variants) == 0:
        called[:] = store.n_variants > 0
    return np.where(called, carries.astype(float), np.nan)
