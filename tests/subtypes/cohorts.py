"""Made-up cohorts whose groups are known, as model values and as the files that the commands read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from endotype.files import write_json
from endotype.subtypes.assign import assign_subtypes
from endotype.subtypes.discover import Sources, discover_subtypes
from endotype.subtypes.mixture import Data
from endotype.subtypes.selection import Settings
from endotype.subtypes.views.build import ViewFiles, build_features
from endotype.tables import write_parquet
from endotype.variants import plink

N_MARKERS = 8
SHARES = (0.45, 0.30, 0.25)
PROFILES = np.array(
    [[0, 0, 0, 0, 0, 0, 0, 0], [2.5, 2.5, 2.5, 0, 0, 0, 0, 0], [0, 0, 0, -2.5, -2.5, 2.5, 0, 0]], float
)


def standardised(values: np.ndarray) -> np.ndarray:
    return (values - np.nanmean(values, axis=0)) / np.nanstd(values, axis=0)


def with_holes(values: np.ndarray, rng: np.random.Generator, share: float = 0.05) -> np.ndarray:
    return np.where(rng.random(values.shape) < share, np.nan, values)


def planted(rng: np.random.Generator, n: int = 400, holes: float = 0.05) -> tuple[Data, np.ndarray]:
    """Three groups in eight markers and three carrier features; the groups are returned too."""
    groups = rng.choice(3, n, p=SHARES)
    markers = standardised(PROFILES[groups] + rng.standard_normal((n, N_MARKERS)))
    carriers = (rng.random((n, 3)) < np.where(np.eye(3)[groups] > 0, 0.25, 0.01)).astype(float)
    return mixed(with_holes(markers, rng, holes), carriers), groups


def mixed(markers: np.ndarray, carriers: np.ndarray) -> Data:
    binary = np.r_[np.zeros(markers.shape[1], bool), np.ones(carriers.shape[1], bool)]
    return Data.of(np.hstack([markers, carriers]), binary)


def noise(rng: np.random.Generator, n: int = 400) -> Data:
    return mixed(rng.standard_normal((n, N_MARKERS)), (rng.random((n, 3)) < 0.07).astype(float))


def gradient(rng: np.random.Generator, latent: np.ndarray) -> Data:
    """One latent severity that moves all markers, and nobody apart."""
    loadings = rng.uniform(0.5, 1.5, N_MARKERS) * rng.choice([-1, 1], N_MARKERS)
    n = len(latent)
    markers = standardised(standardised(latent)[:, None] * loadings + rng.standard_normal((n, N_MARKERS)))
    return mixed(markers, (rng.random((n, 3)) < 0.07).astype(float))


@dataclass(frozen=True)
class CohortFiles:
    """Paths of a cohort on disk; ``groups`` by patient, for patients that belong to one."""

    folder: Path
    groups: pd.Series

    def __getattr__(self, name: str) -> Path:
        places = {"clinical": "clinical.parquet", "dictionary": "dictionary.json", "people": "people.parquet"}
        places |= {"sample_qc": "sample_qc.parquet", "ancestry": "ancestry.parquet", "bfile": "genotypes"}
        places |= {"annotation": "variants.parquet", "genes": "genes.parquet"}
        if name not in places:
            raise AttributeError(name)
        return self.folder / places[name]


MECHANISMS = ("lipid", "immune", "ion")


def write_cohort(
    folder: Path,
    n: int = 300,
    seed: int = 5,
    divided: bool = True,
    atypical: int = 3,
    site_shift: float = 3.0,
    assessed: bool = True,
) -> CohortFiles:
    """The files that the subtype commands read.

    The first ``atypical`` patients are far from every group. The last patient is only in the clinical
    table; the one before has failed quality control and is out of the statistics. Site shifts marker 8.
    """
    rng = np.random.default_rng(seed)
    patients = np.array([f"P{i:04d}" for i in range(n)])
    groups = rng.choice(3, n, p=SHARES) if divided else np.zeros(n, int)
    markers = PROFILES[groups] + rng.standard_normal((n, N_MARKERS))
    markers[:atypical] += rng.choice([-9.0, 9.0], (atypical, N_MARKERS))
    site = rng.choice(["east", "north", "west"], n)
    markers[:, 7] += np.where(site == "north", site_shift, 0.0)
    hazard = np.array([0.05, 0.1, 0.2])[groups]
    death, end = rng.exponential(1 / hazard), rng.uniform(2, 12, n)
    clinical = pd.DataFrame({"patient": patients})
    columns: dict[str, dict[str, Any]] = {}
    for j in range(N_MARKERS):
        clinical[f"marker_{j + 1}"] = with_holes(markers[:, j], rng, 0.03)
        columns[f"marker_{j + 1}"] = entry("number", "feature")
    clinical["site"] = pd.Series(site, dtype="str").mask(rng.random(n) < 0.02)
    clinical["years"], clinical["died"] = np.minimum(death, end), pd.array(death < end, "boolean")
    columns |= {"site": entry("category", "confounder"), "years": entry("number", "outcome")}
    columns |= {"died": entry("binary", "outcome")}
    write_parquet(clinical, folder / "clinical.parquet")
    outcomes = {"survival": {"time": "years", "event": "died"}}
    write_json(folder / "dictionary.json", {"missing": [""], "columns": columns, "outcomes": outcomes})
    write_parquet(pd.DataFrame({"patient": patients, "sex": "female"}), folder / "people.parquet")

    genotyped = patients[:-1]
    passed = genotyped != patients[-2]
    qc = pd.DataFrame(
        {"patient": genotyped, "verdict": np.where(passed, "pass", "fail"), "in_statistics": passed}
    )
    write_parquet(qc, folder / "sample_qc.parquet")
    pcs = pd.DataFrame(rng.standard_normal((n - 1, 2)), columns=["pc1", "pc2"])
    pcs.insert(0, "patient", genotyped)
    write_parquet(pcs, folder / "ancestry.parquet")
    _write_genotypes(folder, genotyped, groups[:-1], rng, assessed)
    typical = (np.arange(n) >= atypical) & (np.arange(n) < n - 2)
    return CohortFiles(folder, pd.Series(groups[typical], index=patients[typical]))


def entry(type_: str, role: str) -> dict[str, Any]:
    return {"type": type_, "role": role, "unit": None, "range": None, "values": None, "description": None}


def _write_genotypes(
    folder: Path, patients: np.ndarray, groups: np.ndarray, rng: np.random.Generator, assessed: bool
) -> None:
    """Twenty rare variants for each mechanism's gene, mostly carried in the group of that mechanism."""
    n_each = 20
    dosages = np.zeros((3 * n_each, len(patients)), np.int8)
    for m in range(3):
        carrier = rng.random(len(patients)) < np.where(groups == m, 0.25, 0.01)
        which = m * n_each + rng.integers(0, n_each, len(patients))
        dosages[which[carrier], np.flatnonzero(carrier)] = 1
    ids = [f"1:{1000 + v}:A:G" for v in range(len(dosages))]
    bim = pd.DataFrame(
        {"chrom": "1", "id": ids, "cm": "0", "pos": range(1000, 1000 + len(ids)), "alt": "G", "ref": "A"}
    )
    fam = pd.DataFrame(
        {"fid": "0", "iid": patients, "father": "0", "mother": "0", "sex": "0", "phenotype": "-9"}
    )
    plink.write_store(folder / "genotypes", plink.pack(dosages), bim, fam)
    gene = np.repeat([f"G{m + 1}" for m in range(3)], n_each)
    annotation = pd.DataFrame(
        {"variant_id": ids, "gene": gene, "impact": "HIGH", "consequence_status": "assessed"}
    )
    annotation["cohort_af"] = dosages.sum(axis=1) / (2 * len(patients))
    annotation["damaging"] = pd.array([True] * len(ids), "boolean")
    if not assessed:
        annotation["consequence_status"] = "not_assessed"
        annotation["gene"] = annotation["impact"] = pd.Series([None] * len(ids), dtype="str")
        annotation["damaging"] = pd.array([None] * len(ids), "boolean")
    write_parquet(annotation, folder / "variants.parquet")
    genes = pd.DataFrame(
        {"gene": [f"G{m + 1}" for m in range(3)], "mechanism": MECHANISMS, "inheritance": "AD"}
    )
    write_parquet(genes, folder / "genes.parquet")


def run_all(cohort: CohortFiles, out: Path, settings: Settings | None = None) -> Path:
    """Build, discover and assign; returns the folder of results."""
    files = ("clinical", "dictionary", "people", "sample_qc", "bfile", "annotation", "genes")
    build_features(ViewFiles(*(getattr(cohort, name) for name in files)), out)
    discover_subtypes(
        Sources(
            out / "features.parquet",
            out / "features.json",
            cohort.clinical,
            cohort.dictionary,
            cohort.people,
            cohort.sample_qc,
            cohort.ancestry,
        ),
        settings or Settings(outcome_permutations=200),
        out,
    )
    assign_subtypes(
        out / "model.json",
        out / "features.parquet",
        cohort.people,
        cohort.sample_qc,
        cohort.clinical,
        cohort.ancestry,
        out / "assignments.parquet",
    )
    return out
