"""Type I error and power of the single-variant tests, as the command chooses them, over simulated traits.

The long cases are 1,000 null traits by 60 variants of minor allele frequency 0.3 to 50 %; the others a part
of them. Limits are binomial (99.9 %) around the level. A test of few alleles has few possible p-values and
may fall below its level; it must not lie above it, and must reach it where the cases have many minor alleles.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from endotype.association.design_source import DesignSource
from endotype.association.linear import fit_linear
from endotype.association.logistic import fit_logistic
from endotype.association.rare_case import BinaryNull, with_refined
from endotype.association.scan import BINARY_TESTS, ScanOptions, associate
from endotype.association.trait_groups import group_traits, score_traits
from endotype.variants.plink import pack
from tests.association.builders import make_store

N, M = 2000, 60
LEVELS = (0.05, 1e-3)
TRAITS = [40, pytest.param(1000, marks=pytest.mark.long)]
MANY = 20  # minor alleles expected among the cases


@pytest.fixture(scope="module")
def genotypes():
    rng = np.random.default_rng(31)
    frequency = np.exp(rng.uniform(np.log(0.003), np.log(0.5), M))
    dosages = rng.binomial(2, frequency[:, None], (M, N)).astype(np.int8)
    minor = np.minimum(dosages.sum(axis=1), 2 * N - dosages.sum(axis=1))
    dosages[rng.random(dosages.shape) < 0.01] = -1
    return pack(dosages), minor


def require_level(neg_log10_p: np.ndarray, many: np.ndarray) -> None:
    """Not above the level (columns are variants), and at it among the variants that ``many`` names."""
    assert np.isfinite(neg_log10_p).all()
    for level in LEVELS:
        found = neg_log10_p >= -np.log10(level)
        _, high = stats.binom.ppf([0.0005, 0.9995], found.size, level)
        assert found.sum() <= high, (level, found.mean() / level)
        low, high = stats.binom.ppf([0.0005, 0.9995], found[:, many].size, level)
        assert low <= found[:, many].sum() <= high, (level, found[:, many].mean() / level)


@pytest.mark.parametrize("n_traits", TRAITS)
def test_linear(genotypes, n_traits):
    packed, _ = genotypes
    rng = np.random.default_rng(32)
    covariates = rng.normal(size=(N, 3))
    models = [fit_linear(covariates[:, 0] + rng.normal(size=N), covariates) for _ in range(n_traits)]
    places = [np.arange(N)] * n_traits
    scores = score_traits(packed, group_traits(models, places))
    p = np.array([m.statistics(s).neg_log10_p for m, s in zip(models, scores, strict=True)])
    require_level(p, np.ones(M, bool))


@pytest.mark.parametrize("n_traits", TRAITS)
@pytest.mark.parametrize("cases", [0.01, 0.2])
@pytest.mark.parametrize("test", ["auto", "firth", "spa"])
def test_binary(genotypes, n_traits, cases, test):
    packed, minor = genotypes
    rng = np.random.default_rng(33)
    covariates = rng.normal(size=(N, 3))
    options = ScanOptions(test, 0.05)
    place = np.arange(N)
    p = []
    for _ in range(n_traits):
        risk = 0.5 * covariates[:, 0] + rng.logistic(size=N)
        model = fit_logistic(risk > np.quantile(risk, 1 - cases), covariates)
        null = BinaryNull.of(model)
        (scores,) = score_traits(packed, group_traits([model], [place]))
        found, status = with_refined(
            model.statistics(scores),
            np.full(M, "OK", object),
            lambda rows, null=null: BINARY_TESTS[test](packed, place, null, rows),
            options.threshold,
        )
        assert set(status) <= {"OK", "FIRTH", "SPA"}
        p.append(found.neg_log10_p)
    require_level(np.array(p), minor * cases >= MANY)


@pytest.mark.skipif(shutil.which("plink2") is None, reason="plink2 is not installed")
@pytest.mark.parametrize("kind", ["linear", "binary"])
def test_power_is_not_below_that_of_plink2(kind, tmp_path: Path):
    """60 planted effects of mixed frequency: at 1e-3 as many are found, but for one at the limit."""
    rng = np.random.default_rng(34)
    n, m = 1500, 300
    frequency = np.exp(rng.uniform(np.log(0.01), np.log(0.5), m))
    dosages = rng.binomial(2, frequency[:, None], (m, n)).astype(np.int8)
    make_store(tmp_path / "g", dosages)
    effects = rng.choice([-1, 1], m) * 0.16 / np.sqrt(2 * frequency * (1 - frequency))
    effects[60:] = 0
    liability = effects @ (dosages - 2 * frequency[:, None]) + rng.logistic(size=n) / 1.8
    values = liability if kind == "linear" else 1 + (liability > np.quantile(liability, 0.7))
    sheet = pd.DataFrame({"#IID": [f"P{i}" for i in range(n)], "y": values})
    sheet.to_csv(tmp_path / "pheno.tsv", sep="\t", index=False)
    subprocess.run(
        ["plink2", "--bfile", str(tmp_path / "g"), "--pheno", str(tmp_path / "pheno.tsv"),
         "--glm", "allow-no-covars", "omit-ref", "--threads", "1", "--out", str(tmp_path / "peer")],
        check=True, capture_output=True, env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
    )  # fmt: skip
    (result,) = tmp_path.glob("peer.y.glm.*")
    theirs = pd.read_csv(result, sep="\t")["P"]
    associate(
        tmp_path / "g", tmp_path / "o.parquet", DesignSource(phenotypes=tmp_path / "pheno.tsv", traits=("y",))
    )
    ours = 10 ** -pd.read_parquet(tmp_path / "o.parquet")["neg_log10_p"]
    found, peer = int((ours < 1e-3).sum()), int((theirs < 1e-3).sum())
    assert peer >= 12  # else this would say nothing
    assert found >= peer - 1
