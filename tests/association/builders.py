"""Small filesets, designs and annotation tables for the tests of association."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from endotype.association.design import Design, describe
from endotype.variants.plink import GenotypeStore, open_store, pack, write_store


def random_dosages(
    rng: np.random.Generator, n_variants: int, n_people: int, missing: float = 0.02
) -> np.ndarray:
    """Dosages of all frequencies, int8, -1 missing."""
    frequency = rng.uniform(0.01, 0.99, n_variants)
    dosages = rng.binomial(2, frequency[:, None], (n_variants, n_people)).astype(np.int8)
    dosages[rng.random(dosages.shape) < missing] = -1
    return dosages


def make_store(prefix: Path, dosages: np.ndarray, chroms: list[str] | None = None) -> GenotypeStore:
    """Write dosages as a fileset of people P0, P1, ... and open it; positions are 100, 200, ..."""
    n_variants, n_people = dosages.shape
    chrom = chroms or ["1"] * n_variants
    pos = [100 * (i + 1) for i in range(n_variants)]
    variants = pd.DataFrame(
        {
            "chrom": chrom,
            "id": [f"{c}:{p}:A:C" for c, p in zip(chrom, pos, strict=True)],
            "cm": 0,
            "pos": pos,
            "alt": "C",
            "ref": "A",
        }
    )
    people = pd.DataFrame(
        {
            "fid": 0,
            "iid": [f"P{i}" for i in range(n_people)],
            "father": 0,
            "mother": 0,
            "sex": 0,
            "phenotype": -9,
        }
    )
    write_store(prefix, pack(dosages), variants, people)
    return open_store(prefix)


def make_design(traits: dict[str, tuple[str, object]], covariates: dict[str, object], n: int) -> Design:
    """A design of people P0, P1, ...; a trait is (kind, values), of kind cox ((time, event[, entry]))."""
    columns: dict[str, object] = {"patient": [f"P{i}" for i in range(n)]}
    for name, (kind, values) in traits.items():
        if kind == "cox":
            for part, column in zip(("time", "event", "entry"), values, strict=False):  # type: ignore[call-overload]
                columns[f"{name}.{part}"] = np.asarray(column, float)
        else:
            columns[name] = np.asarray(values, float)
    columns |= {name: np.asarray(values, float) for name, values in covariates.items()}
    frame = pd.DataFrame(columns | {"in_analysis": True})
    kinds = {name: kind for name, (kind, _) in traits.items()}
    return Design(frame, describe(frame, kinds, list(covariates)))


def covariate_set(rng: np.random.Generator, n: int) -> dict[str, object]:
    """Covariates of very different scales."""
    return {
        "age": rng.normal(50, 12, n),
        "site": rng.integers(0, 2, n),
        "pc1": rng.normal(0, 0.01, n),
        "income": rng.normal(5e4, 1e4, n),
    }


def annotation_table(**columns: object) -> pd.DataFrame:
    """Rows of annotation/variants.parquet with the columns that association reads."""
    frame = pd.DataFrame(columns)
    defaults = {
        "gene_id": frame.get("gene"),
        "impact": "HIGH",
        "consequence": "stop_gained",
        "damaging": True,
        "population_af": np.nan,
        "cohort_af": 0.001,
        "consequence_status": "assessed",
        "most_severe": True,
    }
    for name, value in defaults.items():
        if name not in frame:
            frame[name] = value
    return frame


def gene_table(**columns: object) -> pd.DataFrame:
    """Rows of annotation/genes.parquet."""
    frame = pd.DataFrame(columns)
    for name in ("strand", "mechanism", "inheritance", "disease"):
        frame[name] = None
    return frame
