"""Data of the tests of rare cases: a small simulated trait, and the example of regenie with its results."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from endotype.association.logistic import fit_logistic
from endotype.association.rare_case import BinaryNull
from endotype.variants.plink import open_store, pack

DATA = Path(os.environ.get("ENDOTYPE_DATA", Path(__file__).parents[3] / "shared" / "data"))
ORACLES = DATA / "oracles" / "assoc"
needs_oracles = pytest.mark.skipif(
    not ORACLES.is_dir(), reason=f"the expected results of other programs are not in {ORACLES}"
)


@dataclass(frozen=True)
class Study:
    """Dosages (m, n), -1 missing, and a binary trait with its covariates and null model."""

    dosages: np.ndarray
    case: np.ndarray
    covariates: np.ndarray
    null: BinaryNull

    @property
    def packed(self) -> np.ndarray:
        return pack(self.dosages)

    @property
    def place(self) -> np.ndarray:
        return np.arange(len(self.case))

    @property
    def rows(self) -> np.ndarray:
        return np.arange(len(self.dosages))


def simulated(n: int, frequencies: list[float], cases: float, missing: float, seed: int) -> Study:
    """One variant of each frequency; the second covariate is also one of the dosages' risk."""
    rng = np.random.default_rng(seed)
    covariates = np.column_stack([rng.normal(size=n), rng.integers(0, 2, n)])
    dosages = rng.binomial(2, np.array(frequencies)[:, None], (len(frequencies), n)).astype(np.int8)
    risk = covariates[:, 0] + 0.6 * dosages[-1] + rng.logistic(size=n)
    case = risk > np.quantile(risk, 1 - cases)
    dosages[rng.random(dosages.shape) < missing] = -1
    return Study(dosages, case, covariates, BinaryNull.of(fit_logistic(case, covariates)))


def example(trait: str) -> Study:
    """The 500 people and 1,000 variants of regenie's example."""
    folder = ORACLES / "regenie_example"
    store = open_store(folder / "example")
    sheet = pd.read_csv(folder / "phenotype_bin.txt", sep=" ", dtype={"IID": str}).set_index("IID")
    covariates = pd.read_csv(folder / "covariates.txt", sep=" ", dtype={"IID": str}).set_index("IID")
    people = store.people["iid"]
    case = sheet.loc[people, trait].to_numpy() == 1
    values = covariates.loc[people, ["V1", "V2", "V3"]].to_numpy(float)
    codes = (np.asarray(store.packed)[:, :, None] >> np.array([0, 2, 4, 6])) & 3
    dosages = np.array([2, -1, 1, 0], np.int8)[codes.reshape(len(codes), -1)[:, : len(people)]]
    return Study(dosages, case, values, BinaryNull.of(fit_logistic(case, values)))


def standardised(covariates: np.ndarray) -> np.ndarray:
    return (covariates - covariates.mean(axis=0)) / covariates.std(axis=0)


def nearly(found: np.ndarray, expected: np.ndarray, unit: np.ndarray | float, limit: float) -> None:
    """All differences are below ``limit`` units."""
    worst = np.max(np.abs(np.asarray(found) - np.asarray(expected)) / unit)
    assert worst < limit, worst
