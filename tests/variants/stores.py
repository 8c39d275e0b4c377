"""Genotype stores and the tables beside them, made in a test."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from endotype.tables import write_parquet
from endotype.variants.pack import UNITS
from endotype.variants.plink import GenotypeStore, pack, write_store


def variant_table(n: int, chrom: str = "1", step: int = 1000, alt: str = "A", ref: str = "C") -> pd.DataFrame:
    """Rows of a .bim, ``step`` bp apart."""
    pos = np.arange(1, n + 1) * step
    table = pd.DataFrame({"chrom": chrom, "id": [f"{chrom}:{p}:{ref}:{alt}" for p in pos], "cm": "0"})
    return table.assign(pos=pos, alt=alt, ref=ref)


def people_table(names: list[str]) -> pd.DataFrame:
    """Rows of a .fam."""
    fam = pd.DataFrame({"fid": "0", "iid": names, "father": "0", "mother": "0"})
    return fam.assign(sex="0", phenotype="-9")


def store_of(
    dosage: np.ndarray, variants: pd.DataFrame | None = None, names: list[str] | None = None
) -> GenotypeStore:
    """A store in memory."""
    names = names or [f"P{i:04d}" for i in range(dosage.shape[1])]
    variants = variant_table(len(dosage)) if variants is None else variants
    return GenotypeStore(pack(np.ascontiguousarray(dosage, np.int8)), variants, people_table(names))


def save(prefix: Path, store: GenotypeStore) -> Path:
    """Write a store."""
    write_store(prefix, store.packed, store.variants, store.people)
    return prefix


def kept_table(store: GenotypeStore) -> pd.DataFrame:
    """The kept rows of ``variant_qc.parquet``, as far as sample QC reads them."""
    dosage = store.dosages(slice(None))
    table = store.variants.rename(columns={"id": "variant_id"})[["variant_id", "chrom", "pos", "ref", "alt"]]
    for value, name in enumerate(("n_hom_ref", "n_het", "n_hom_alt")):
        table[name] = (dosage == value).sum(axis=1)
    table["alt_count"] = table["n_het"] + 2 * table["n_hom_alt"]
    called = table["n_hom_ref"] + table["n_het"] + table["n_hom_alt"]
    table["alt_freq"] = table["alt_count"] / (2 * called)
    return table.assign(kept=True)


def reads_table(patients: list[str], **means: object) -> pd.DataFrame:
    """``reads.parquet`` with 1,000 values behind each mean; ``depth=30`` or an array over patients."""
    table = pd.DataFrame({"patient": patients})
    for name in ("depth", "quality", "charr", "depth_x", "depth_y"):
        given = name in means
        table[f"n_{name}"] = 1000 if given else 0
        mean = np.broadcast_to(np.asarray(means.get(name, 0.0), float), len(patients))
        table[f"sum_{name}"] = np.rint(mean * 1000 * UNITS).astype(np.int64)
    return table.assign(n_monomorphic=0, n_monomorphic_called=0)


def write_cohort(folder: Path, store: GenotypeStore, sex: list[str], reads: pd.DataFrame) -> dict[str, Path]:
    """Everything ``qc_samples`` reads; its arguments by name."""
    save(folder / "g", store)
    patients = store.people["iid"].tolist()
    write_parquet(kept_table(store), folder / "variant_qc.parquet")
    write_parquet(reads, folder / "reads.parquet")
    write_parquet(pd.DataFrame({"patient": patients, "sex": sex}), folder / "people.parquet")
    return {
        "prefix": folder / "g",
        "variant_qc": folder / "variant_qc.parquet",
        "reads": folder / "reads.parquet",
        "people": folder / "people.parquet",
    }
