"""Null models and genotypes for the tests of variant sets."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from endotype.association.linear import LinearModel, fit_linear
from endotype.association.logistic import LogisticModel, fit_logistic
from endotype.association.set_scores import Projection, SetGenotypes, SetScores, project, read_genotypes
from endotype.association.skat import beta_weights
from endotype.variants.plink import pack

DATA = Path(os.environ.get("ENDOTYPE_DATA", Path(__file__).parents[3] / "shared" / "data"))
ORACLES = DATA / "oracles" / "assoc"


@dataclass(frozen=True)
class Case:
    """A set in a null model, with everything that made it."""

    dosages: np.ndarray
    trait: np.ndarray
    covariates: np.ndarray
    model: LinearModel | LogisticModel
    projection: Projection
    genotypes: SetGenotypes
    scores: SetScores
    weights: np.ndarray


def make_case(dosages: np.ndarray, trait: np.ndarray, covariates: np.ndarray, binary: bool) -> Case:
    """``dosages`` int8 (m, n), -1 missing."""
    model = fit_logistic(trait == 1, covariates) if binary else fit_linear(trait, covariates)
    projection = project(model)
    n = dosages.shape[1]
    genotypes = read_genotypes(pack(dosages.astype(np.int8)), np.arange(n), n)
    scores = projection.score(genotypes)
    weights = beta_weights(genotypes.minor_frequency)
    return Case(dosages, trait, covariates, model, projection, genotypes, scores, weights)


def random_case(
    seed: int, *, binary: bool = False, m: int = 12, n: int = 300, missing: float = 0.02, effect: float = 0.0
) -> Case:
    """Mostly rare variants, some of them counted for the common allele."""
    rng = np.random.default_rng(seed)
    frequency = np.append(rng.uniform(0.005, 0.05, m - 2), [0.4, 0.98])
    dosages = rng.binomial(2, frequency[:, None], (m, n)).astype(np.int8)
    covariates = rng.normal(size=(n, 2)) * [10, 0.1] + [50, 0]
    signal = 0.05 * covariates[:, 0] + effect * dosages.sum(axis=0)
    trait = signal + rng.normal(size=n)
    if binary:
        trait = (trait > np.quantile(trait, 0.7)).astype(float)
    dosages[rng.random(dosages.shape) < missing] = -1
    return make_case(dosages, trait, covariates, binary)
