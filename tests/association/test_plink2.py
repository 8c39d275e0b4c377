"""plink2 --glm beside the whole command, on every variant of two filesets: linear, Wald's and Firth's tests.

plink2 prints six significant digits: half a unit of the sixth is at most 5e-6 of a value. Its logistic models
are fitted in single precision, which is the tolerance there, stated beside each number.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from endotype.association.design_source import DesignSource
from endotype.association.scan import ScanOptions, associate
from endotype.variants.plink import open_store
from tests.association.builders import make_store, random_dosages
from tests.association.rare_case_data import DATA
from tests.reference import firth as slow

pytestmark = pytest.mark.skipif(shutil.which("plink2") is None, reason="plink2 is not installed")

CHR20 = DATA / "cohorts" / "kgp_chr20" / "unphased.vcf.gz"
PRINTED = 5.1e-6


@pytest.fixture(scope="module", params=["simulated", "chr20"])
def fileset(request, tmp_path_factory):
    """A fileset with a quantitative and a binary trait, both simulated, and three covariates."""
    folder = tmp_path_factory.mktemp(request.param)
    rng = np.random.default_rng(20)
    if request.param == "simulated":
        store = make_store(folder / "g", random_dosages(rng, 1500, 400, 0.03))
    elif not CHR20.is_file():
        pytest.skip(f"the chr20 panel is not at {CHR20}")
    else:
        run("--vcf", str(CHR20), "--set-all-var-ids", "@:#:$r:$a", "--new-id-max-allele-len", "200",
            "--make-bed", "--out", str(folder / "g"))  # fmt: skip
        store = open_store(folder / "g")
    n = store.n_people
    ids = store.people["iid"].tolist()
    causal = np.maximum(store.dosages(np.array([7, 20, 100])), 0).sum(axis=0)
    covariates = pd.DataFrame(rng.normal(size=(n, 3)), columns=["a", "b", "c"]).assign(
        b=lambda t: 1e4 * t["b"] + 5e5
    )
    qt = covariates["a"] + 0.7 * causal + rng.normal(size=n)
    case = (0.5 * covariates["a"] + 0.5 * causal + rng.logistic(size=n) > 0.7).astype(int)
    head = pd.DataFrame({"#IID": ids})
    head.assign(qt=qt, bt=case + 1).to_csv(folder / "pheno.tsv", sep="\t", index=False)
    pd.concat([head, covariates], axis=1).to_csv(folder / "covar.tsv", sep="\t", index=False)
    return folder


def run(*options: str) -> None:
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
    subprocess.run(["plink2", *options, "--threads", "1"], check=True, capture_output=True, env=environment)


def both(folder: Path, trait: str, test: str, glm: str = "skip-invalid-pheno") -> pd.DataFrame:
    """Rows of both programs, by variant; ours are in the order of the .bim."""
    run("--bfile", str(folder / "g"), "--pheno", str(folder / "pheno.tsv"), "--pheno-name", trait,
        "--covar", str(folder / "covar.tsv"), "--covar-variance-standardize",
        "--glm", "hide-covar", "omit-ref", glm, "cols=+nobs,+err,+beta,-orbeta",
        "--out", str(folder / glm))  # fmt: skip
    source = DesignSource(phenotypes=folder / "pheno.tsv", covariates=folder / "covar.tsv", traits=(trait,))
    out = folder / f"{test}.parquet"
    associate(folder / "g", out, source, options=ScanOptions(test, min_allele_count=1))
    (theirs,) = folder.glob(f"{glm}.{trait}.glm.*")
    peer = pd.read_csv(theirs, sep="\t")
    ours = pd.read_parquet(out)
    assert list(peer["ID"]) == list(ours["id"])
    assert list(peer["OBS_CT"]) == list(ours["n"])
    return pd.concat([ours, peer], axis=1)


def test_linear(fileset):
    table = both(fileset, "qt", "linear")
    assert (table["P"].notna() == (table["status"] == "OK")).all()
    known = table[table["status"] == "OK"]
    assert len(known) > 1000
    p = 10 ** -known["neg_log10_p"]
    np.testing.assert_allclose(known["beta"], known["BETA"], rtol=PRINTED)
    np.testing.assert_allclose(known["se"], known["SE"], rtol=PRINTED)
    np.testing.assert_allclose(p, known["P"], rtol=PRINTED)


def test_logistic(fileset):
    table = both(fileset, "bt", "logistic", "no-firth")
    known = table[(table["test"] == "logistic_wald") & table["P"].notna()]
    assert len(known) > 1000
    error = (known["beta"] - known["BETA"]).abs() / known["se"]
    assert error.max() < 1e-4 and error.median() < 2e-6  # standard errors
    np.testing.assert_allclose(known["se"], known["SE"], rtol=2e-4)
    # Where plink2 alone has Wald's test its estimate is on its way to infinity; Firth's answers here.
    theirs_only = table[(table["test"] == "logistic_firth") & table["P"].notna()]
    assert ((theirs_only["BETA"].abs() > 8) | (theirs_only["SE"] > 50)).all()
    ours_only = (table["test"] == "logistic_wald") & table["P"].isna()
    assert ours_only.sum() <= 0.001 * len(table)
    assert set(table["status"]) <= {"OK", "FIRTH", "MONOMORPHIC"}  # every variant is answered


def test_firth(fileset):
    table = both(fileset, "bt", "firth", "firth")
    known = table[(table["status"] == "FIRTH") & table["P"].notna()]
    assert len(known) > 1000
    assert (table.loc[table["status"] != "FIRTH", "status"] == "MONOMORPHIC").all()
    # plink2 ends its climb early, by up to a thousandth of a standard error. Where it differs most, the twin
    # decides who is at the maximum.
    error = (known["beta"] - known["BETA"]).abs() / known["se"]
    assert error.median() < 2e-5 and error.max() < 2e-3
    np.testing.assert_allclose(known["se"], known["SE"], rtol=1e-3)
    store = open_store(fileset / "g")
    covariates = pd.read_csv(fileset / "covar.tsv", sep="\t").iloc[:, 1:].to_numpy(float)
    case = pd.read_csv(fileset / "pheno.tsv", sep="\t")["bt"].to_numpy() == 2
    standard = (covariates - covariates.mean(axis=0)) / covariates.std(axis=0)
    for i in error.sort_values().index[-3:]:
        beta, *_ = slow.firth(case, standard, store.dosages(np.array([i]))[0])
        assert abs(table["beta"][i] - beta) < 1e-5 * table["se"][i]


def test_fallback_finds_what_plink2_finds(fileset):
    """The default of both: significant sets, by each program's own p-value, at three levels."""
    table = both(fileset, "bt", "logistic", "firth-fallback")
    p = 10 ** -table["neg_log10_p"]
    for level in (1e-2, 1e-3, 1e-4):
        ours, theirs = set(table.loc[p < level, "id"]), set(table.loc[table["P"] < level, "id"])
        # Where Firth takes over p is a likelihood ratio here and Wald's there.
        wald = set(table.loc[table["test"] == "logistic_wald", "id"])
        assert ours & wald == theirs & wald
