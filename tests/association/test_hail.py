"""Single-variant numbers that R gave to the authors of hail's tests: six to ten people, mean imputation."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from endotype.association.linear import fit_linear
from endotype.association.logistic import fit_logistic
from endotype.association.rare_case import BinaryNull
from endotype.association.trait_groups import group_traits, score_traits
from endotype.association.wald import refine_wald
from endotype.variants.plink import pack
from tests.association.rare_case_data import ORACLES, needs_oracles

pytestmark = needs_oracles
HAIL = ORACLES / "hail"


def study(name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Dosages of the VCF, trait and two covariates of the people who have all of them."""
    lines = [line.split("\t") for line in (HAIL / f"{name}.vcf").read_text().splitlines() if line[:2] != "##"]
    header, records = lines[0][9:], lines[1:]
    pheno = pd.read_csv(HAIL / f"{name}.pheno", sep="\t", index_col="Sample", na_values=["0"])["Pheno"]
    covar = pd.read_csv(HAIL / f"{name}.cov", sep="\t", index_col="Sample")
    complete = [s for s in header if s in covar.index and s in pheno.index and pd.notna(pheno[s])]
    code = {"0/0": 0, "0/1": 1, "1/1": 2, "./.": -1}
    at = [header.index(s) for s in complete]
    dosages = np.array([[code[r[9 + i].split(":")[0].strip()] for i in at] for r in records], np.int8)
    return dosages, pheno[complete].to_numpy(float) - 1, covar.loc[complete].to_numpy(float)


def expected(test: str) -> pd.DataFrame:
    table = pd.read_csv(HAIL / "expected.tsv", sep="\t")
    return table[table["test"] == test].pivot_table(
        index="position", columns="field", values="value", aggfunc="first"
    )


def scores(dosages, model):
    place = [np.arange(model.n)]
    return score_traits(pack(dosages), group_traits([model], place), "mean")[0]


@pytest.mark.parametrize(
    "test",
    ["with_cov", "with_import_fam_quant", "with_import_fam_boolean"],
)
def test_linear(test):
    dosages, trait, covariates = study("regressionLinear")
    model = fit_linear(trait, covariates)
    with np.errstate(all="ignore"):
        found = model.statistics(scores(dosages, model))
    wanted = expected(f"test_linear_regression_{test}")
    for position, row in wanted.iterrows():
        i = int(str(position)) - 1
        # The expected numbers have six to eight digits.
        assert found.beta[i] == pytest.approx(float(row["beta"]), rel=2e-6)
        assert found.se[i] == pytest.approx(float(row["standard_error"]), rel=2e-6)
        assert found.stat[i] == pytest.approx(float(row["t_stat"]), rel=2e-6)
        assert 10 ** -found.neg_log10_p[i] == pytest.approx(float(row["p_value"]), rel=2e-6)


def test_logistic_score():
    dosages, case, covariates = study("regressionLogistic")
    model = fit_logistic(case == 1, covariates)
    found = model.statistics(scores(dosages[:3], model))
    for position, row in expected("test_logistic_regression_score").iterrows():
        i = int(str(position)) - 1
        assert found.stat[i] ** 2 == pytest.approx(float(row["chi_sq_stat"]), rel=1e-6)
        assert 10 ** -found.neg_log10_p[i] == pytest.approx(float(row["p_value"]), rel=1e-6)


def test_logistic_wald():
    dosages, case, covariates = study("regressionLogistic")
    null = BinaryNull.of(fit_logistic(case == 1, covariates))
    found = refine_wald(pack(dosages), np.arange(len(case)), null, np.arange(2), missing="mean").statistics
    for position, row in expected("test_logistic_regression_wald_test").iterrows():
        i = int(str(position)) - 1
        # R's glm stops at a relative change of the deviance of 1e-8, some 1e-5 of a coefficient from the end.
        assert found.beta[i] == pytest.approx(float(row["beta"]), rel=1e-4)
        assert found.se[i] == pytest.approx(float(row["standard_error"]), rel=1e-4)
        assert 10 ** -found.neg_log10_p[i] == pytest.approx(float(row["p_value"]), rel=1e-4)
