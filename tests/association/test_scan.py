"""Single-variant tests: against slow twins, against other programs, and unchanged by how they are run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy import stats

from endotype.association.design_source import DesignSource
from endotype.association.firth import refine_by_count, refine_firth, refine_wald_or_firth
from endotype.association.rare_case import BinaryNull
from endotype.association.scan import SCREEN, ScanOptions, associate, fit_null, parse_region, places, scan
from endotype.association.spa import refine_spa
from endotype.errors import InputError
from endotype.tables import write_parquet
from tests.association.builders import covariate_set, make_design, make_store, random_dosages
from tests.reference import association as slow

N, M = 150, 60

ALL = ScanOptions(min_allele_count=1)
SCORE_ALL = ScanOptions("score", min_allele_count=1)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A store, a design with one trait of each kind, and the raw arrays."""
    rng = np.random.default_rng(11)
    dosages = random_dosages(rng, M, N)
    covariates = covariate_set(rng, N)
    age = np.asarray(covariates["age"])
    risk = 1 / (1 + np.exp(-(0.05 * (age - 50) + 0.4 * np.maximum(dosages[3], 0) - 1)))
    case = (rng.random(N) < risk).astype(float)
    time = np.ceil(rng.exponential(20 / (1 + np.maximum(dosages[4], 0)), N))  # whole numbers: many ties
    event = (rng.random(N) < 0.6).astype(float)
    trait = 0.1 * age + np.maximum(dosages[2], 0) + rng.normal(size=N)
    traits = {"qt": ("linear", trait), "bt": ("logistic", case), "surv": ("cox", (time, event))}
    folder = tmp_path_factory.mktemp("study")
    store = make_store(folder / "g", dosages)
    design = make_design(traits, covariates, N)
    matrix = np.column_stack([np.asarray(v, float) for v in covariates.values()])
    return store, design, dosages, matrix, {"qt": trait, "bt": case, "time": time, "event": event}


def standardised(covariates: np.ndarray) -> np.ndarray:
    return (covariates - covariates.mean(axis=0)) / covariates.std(axis=0)


def results(study, trait: str, min_allele_count: int = 1, binary: str = "score") -> pd.DataFrame:
    store, design, *_ = study
    everything = slice(0, store.n_variants)
    return scan(
        store, design, [trait], everything, ScanOptions(min_allele_count=min_allele_count, test=binary)
    ).to_pandas()


def test_linear_is_least_squares_among_the_called(study):
    _, _, dosages, covariates, truth = study
    standard = standardised(covariates)  # plain least squares loses digits when scales differ by 1e6
    table = results(study, "qt")
    assert (table["status"] == "OK").all()
    for i, row in table.iterrows():
        beta, se, df = slow.ordinary_least_squares(truth["qt"], standard, dosages[i])
        np.testing.assert_allclose([row["beta"], row["se"]], [beta, se], rtol=1e-10)
        p = 2 * stats.t.sf(abs(beta / se), df)
        assert row["neg_log10_p"] == pytest.approx(-np.log10(p), rel=1e-9)
        assert (row["n"], row["n_missing"]) == ((dosages[i] >= 0).sum(), (dosages[i] < 0).sum())


def test_logistic_is_the_efficient_score_among_the_called(study):
    _, _, dosages, covariates, truth = study
    standard = standardised(covariates)
    table = results(study, "bt")
    assert (table["status"] == "OK").sum() > M / 2
    for i, row in table[table["status"] == "OK"].iterrows():
        score, information = slow.logistic_score(truth["bt"], standard, dosages[i])
        np.testing.assert_allclose(
            [row["beta"], row["se"], row["stat"]],
            [score / information, information**-0.5, score / information**0.5],
            rtol=1e-8,
        )


def test_cox_is_the_score_of_explicit_risk_sets(study):
    _, _, dosages, covariates, truth = study
    standard = standardised(covariates)
    coefficients = slow.cox_null(truth["time"], truth["event"] == 1, standard)
    table = results(study, "surv")
    assert (table["status"] == "OK").sum() > M / 2
    for i, row in table[table["status"] == "OK"].iterrows():
        data = (truth["time"], truth["event"] == 1, standard, coefficients, dosages[i])
        score, information = slow.cox_score(*data)
        assert row["test"] == "cox_score"
        expected = [score / information, information**-0.5, score / information**0.5]
        np.testing.assert_allclose([row["beta"], row["se"], row["stat"]], expected, rtol=1e-8)


def test_rare_alleles_keep_the_level_of_a_cox_model(tmp_path):
    """12 carriers of 370 people: the score test alone gives p < 1e-4 ten times too often."""
    rng = np.random.default_rng(12)
    n, m = 370, 100_000
    carriers = rng.random((m, n), dtype=np.float32).argpartition(12, axis=1)[:, :12]
    dosages = np.zeros((m, n), np.int8)
    np.put_along_axis(dosages, carriers, 1, axis=1)
    time, event = rng.exponential(size=n), rng.random(n) < 0.65
    design = make_design({"surv": ("cox", (time, event))}, {}, n)
    table = scan(make_store(tmp_path / "g", dosages), design, ["surv"], slice(0, m), ALL).to_pandas()
    p = 10 ** -table["neg_log10_p"]
    for level, limit in ((0.05, 1.1), (0.01, 1.2), (1e-3, 1.5), (1e-4, 2.5)):
        assert 0.5 < (p < level).mean() / level < limit, level


def test_counts_are_those_of_the_called_cases_and_controls(study):
    _, _, dosages, _, truth = study
    for i, row in results(study, "bt").iterrows():
        called = dosages[i] >= 0
        case = truth["bt"] == 1
        assert row["n_cases"] == (called & case).sum()
        assert row["n_controls"] == (called & ~case).sum()
        assert row["eac"] == dosages[i][called].sum()
        assert row["eaf"] == pytest.approx(dosages[i][called].mean() / 2)
        assert row["eaf_cases"] == pytest.approx(dosages[i][called & case].mean() / 2)
        assert row["eaf_controls"] == pytest.approx(dosages[i][called & ~case].mean() / 2)


def test_leaving_out_whole_covariate_level_is_exact(tmp_path):
    """When everyone of one site has no genotype, the site is no covariate any more: rank and df follow."""
    rng = np.random.default_rng(3)
    dosages = random_dosages(rng, 4, N, missing=0)
    site = (np.arange(N) % 3 == 0).astype(float)
    dosages[1, site == 1] = -1
    trait, age = rng.normal(size=N), rng.normal(50, 9, N)
    case = (rng.random(N) < 0.4).astype(float)
    design = make_design({"qt": ("linear", trait), "bt": ("logistic", case)}, {"age": age, "site": site}, N)
    table = scan(
        make_store(tmp_path / "g", dosages),
        design,
        ["qt", "bt"],
        slice(0, 4),
        SCORE_ALL,
    ).to_pandas()
    beta, se, df = slow.ordinary_least_squares(trait, np.column_stack([age, site]), dosages[1])
    assert df == (site == 0).sum() - 3
    row = table[table["trait"] == "qt"].iloc[1]
    np.testing.assert_allclose([row["beta"], row["se"]], [beta, se], rtol=1e-10)
    assert row["neg_log10_p"] == pytest.approx(-np.log10(2 * stats.t.sf(abs(beta / se), df)), rel=1e-9)
    score, information = slow.logistic_score(case, np.column_stack([age - 50, site]), dosages[1])
    assert table[table["trait"] == "bt"].iloc[1]["stat"] == pytest.approx(score / information**0.5, rel=1e-8)


def test_one_step_for_the_missing_is_close_to_a_refit(study):
    _, _, dosages, covariates, truth = study
    standard = standardised(covariates)
    table = results(study, "bt")
    for i, row in table[table["status"] == "OK"].head(20).iterrows():
        called = dosages[i] >= 0
        score, information = slow.logistic_score(truth["bt"][called], standard[called], dosages[i][called])
        assert row["stat"] == pytest.approx(score / information**0.5, abs=0.1)


def test_statsmodels_agrees_on_linear_and_logistic(study):
    sm = pytest.importorskip("statsmodels.api", reason="statsmodels is not installed")
    _, _, dosages, covariates, truth = study
    standard = standardised(covariates)
    linear = results(study, "qt")
    for i, row in linear.head(20).iterrows():
        called = dosages[i] >= 0
        design = sm.add_constant(np.column_stack([standard, dosages[i]])[called])
        fit = sm.OLS(truth["qt"][called], design).fit()
        np.testing.assert_allclose(
            [row["beta"], row["se"], 10 ** -row["neg_log10_p"]],
            [fit.params[-1], fit.bse[-1], fit.pvalues[-1]],
            rtol=1e-8,
        )
    null = sm.GLM(truth["bt"], sm.add_constant(standard), family=sm.families.Binomial()).fit(tol=1e-14)
    complete = np.flatnonzero((dosages >= 0).all(axis=1))
    table = results(study, "bt")
    for i in [c for c in complete if table["status"][c] == "OK"]:
        chi2, p, *_ = null.score_test(exog_extra=dosages[i].astype(float)[:, None])
        assert table["stat"][i] ** 2 == pytest.approx(float(np.squeeze(chi2)), rel=1e-6)
        assert 10 ** -table["neg_log10_p"][i] == pytest.approx(float(np.squeeze(p)), rel=1e-6)


def test_lifelines_joint_fit_has_the_same_effect(tmp_path):
    """With 800 people and a common allele all tests are near one another, and so are the estimates."""
    lifelines = pytest.importorskip("lifelines", reason="lifelines is not installed")
    rng = np.random.default_rng(8)
    n = 800
    g, age = rng.binomial(2, 0.4, n).astype(np.int8), rng.normal(size=n)
    time, event = rng.exponential(np.exp(-0.15 * g - 0.5 * age)), rng.random(n) < 0.7
    design = make_design({"surv": ("cox", (time, event))}, {"age": age}, n)
    row = (
        scan(
            make_store(tmp_path / "g", g[None]),
            design,
            ["surv"],
            slice(0, 1),
            ALL,
        )
        .to_pandas()
        .iloc[0]
    )
    frame = pd.DataFrame({"age": age, "time": time, "event": event})
    with_g, without = (lifelines.CoxPHFitter().fit(f, "time", "event") for f in (frame.assign(g=g), frame))
    ratio = 2 * (with_g.log_likelihood_ - without.log_likelihood_)
    assert row["test"] == "cox_spa_firth"
    assert row["stat"] ** 2 == pytest.approx(ratio, rel=0.02)
    assert row["beta"] == pytest.approx(with_g.params_["g"], abs=0.02 * with_g.standard_errors_["g"])
    assert row["se"] == pytest.approx(with_g.standard_errors_["g"], rel=0.03)


@pytest.mark.skipif(shutil.which("plink2") is None, reason="plink2 is not installed")
def test_plink2_agrees_to_the_digits_it_prints(study, tmp_path):
    store, _, dosages, covariates, truth = study
    prefix = tmp_path / "g"
    make_store(prefix, dosages)
    ids = pd.DataFrame({"#IID": store.people["iid"]})
    ids.assign(qt=truth["qt"]).to_csv(tmp_path / "pheno.txt", sep="\t", index=False)
    table = pd.DataFrame(covariates, columns=["age", "site", "pc1", "income"])
    pd.concat([ids, table], axis=1).to_csv(tmp_path / "covar.txt", sep="\t", index=False)
    subprocess.run(
        [
            *("plink2", "--bfile", str(prefix), "--pheno", str(tmp_path / "pheno.txt")),
            *("--covar", str(tmp_path / "covar.txt"), "--covar-variance-standardize"),
            *("--glm", "hide-covar", "omit-ref", "cols=+nobs", "--threads", "1"),
            *("--out", str(tmp_path / "out")),
        ],
        check=True,
        capture_output=True,
        env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
    )
    peer = pd.read_csv(tmp_path / "out.qt.glm.linear", sep="\t")
    ours = results(study, "qt")
    assert list(peer["ID"]) == list(ours["id"])
    assert list(peer["OBS_CT"]) == list(ours["n"])
    # plink2 prints six significant digits: half a unit of the sixth is at most 5e-6 of the value.
    for column, values in (("BETA", ours["beta"]), ("SE", ours["se"]), ("P", 10 ** -ours["neg_log10_p"])):
        np.testing.assert_allclose(values, peer[column], rtol=5.1e-6)


def test_every_row_says_why_it_has_no_statistic(tmp_path):
    n = 60
    rng = np.random.default_rng(5)
    site = (np.arange(n) < 30).astype(float)
    dosages = np.zeros((7, n), np.int8)
    dosages[1] = -1  # nobody called
    dosages[2] = 2  # everybody homozygous for alt
    dosages[3, :4] = 1  # rare
    dosages[4] = site  # the covariate itself
    dosages[5, :] = rng.binomial(2, 0.5, n)
    dosages[6, 2:] = -1  # too few called for the model
    dosages[6, :2] = [0, 1]
    design = make_design({"qt": ("linear", rng.normal(size=n))}, {"site": site}, n)
    store = make_store(tmp_path / "g", dosages)
    table = scan(store, design, ["qt"], slice(0, 7), ScanOptions()).to_pandas()
    assert list(table["status"]) == [
        "MONOMORPHIC", "NOT_CALLED", "MONOMORPHIC", "TOO_RARE", "COLLINEAR", "OK", "TOO_RARE",
    ]  # fmt: skip
    assert table.loc[table["status"] != "OK", ["beta", "se", "stat", "neg_log10_p"]].isna().all(axis=None)
    assert table.loc[table["status"] == "OK", ["beta", "se", "stat", "neg_log10_p"]].notna().all(axis=None)
    assert np.isnan(table.loc[1, "eaf"]) and table.loc[1, "n"] == 0
    assert scan(store, design, ["qt"], slice(6, 7), ALL).to_pandas()["status"][0] == "NOT_CALLED"


def test_separated_null_model_is_not_converged_and_its_rows_say_so(tmp_path):
    rng = np.random.default_rng(9)
    n = 100
    x = rng.normal(size=(2, n))
    store = make_store(tmp_path / "g", random_dosages(rng, 3, n, 0))
    # Neither covariate separates the cases, their sum does. The design would drop one; here it doesn't.
    traits = {"apart": ("logistic", x.sum(axis=0) > 0), "mixed": ("logistic", rng.random(n) < 0.5)}
    design = make_design(traits, {"a": x[0], "b": x[1]}, n)
    dropped = {"b": "separates the cases from the controls together with a"}
    assert design.info["traits"]["apart"]["dropped"] == dropped
    design.info["traits"]["apart"]["covariates"] = ["a", "b"]
    table = scan(store, design, ["apart", "mixed"], slice(0, 3), ALL).to_pandas()
    assert list(table["status"]) == ["NOT_CONVERGED"] * 3 + ["OK"] * 3
    assert table["stat"].isna().tolist() == [True] * 3 + [False] * 3


def test_few_expected_alleles_among_cases_are_too_rare(tmp_path):
    n = 200
    rng = np.random.default_rng(2)
    case = np.zeros(n)
    case[:20] = 1
    dosages = np.zeros((1, n), np.int8)
    dosages[0, rng.choice(n, 30, replace=False)] = 1  # 30 alleles, 3 expected in cases
    design = make_design({"bt": ("logistic", case)}, {}, n)
    table = scan(
        make_store(tmp_path / "g", dosages),
        design,
        ["bt"],
        slice(0, 1),
        ScanOptions("score"),
    )
    assert table["status"].to_pylist() == ["TOO_RARE"]
    again = scan(make_store(tmp_path / "g", dosages), design, ["bt"], slice(0, 1), ScanOptions())
    assert again["status"].to_pylist()[0] in ("OK", "FIRTH")


@pytest.mark.parametrize(
    ("binary", "tests", "refine"),
    [
        ("auto", {"logistic_score", "logistic_firth"}, refine_by_count),
        ("logistic", {"logistic_score", "logistic_wald", "logistic_firth"}, refine_wald_or_firth),
        ("firth", {"logistic_score", "logistic_firth"}, refine_firth),
        ("spa", {"logistic_score", "logistic_spa"}, refine_spa),
    ],
)
def test_remarkable_variants_of_a_binary_trait_are_tested_again(tmp_path, binary, tests, refine):
    rng = np.random.default_rng(8)
    dosages = random_dosages(rng, 90, N, missing=0.02)
    dosages[:20] *= rng.random((20, N)) < 0.05  # few carriers
    case = (rng.random(N) < 0.15).astype(float)
    case[np.flatnonzero(dosages[0] == 0)[:3]] = 1
    age = rng.normal(50, 9, N)
    dosages[1] = np.where(case == 1, rng.random(N) < 0.2, 0)  # carried by cases only: separated
    store, design = (
        make_store(tmp_path / "g", dosages),
        make_design({"bt": ("logistic", case)}, {"age": age}, N),
    )
    screened = scan(store, design, ["bt"], slice(0, 90), SCORE_ALL).to_pandas()
    table = scan(
        store, design, ["bt"], slice(0, 90), ScanOptions(binary, SCREEN, min_allele_count=1)
    ).to_pandas()
    assert set(table["test"].dropna()) == tests
    known = screened["status"] == "OK"
    quiet = known & (screened["stat"].abs() < 1.96)
    assert quiet.sum() > 30
    pd.testing.assert_frame_equal(table[quiet], screened[quiet])
    trait = design.trait("bt")
    null = BinaryNull.of(fit_null(trait))
    loud = np.flatnonzero(known & ~quiet)
    assert len(loud) >= 2
    expected = refine(np.ascontiguousarray(store.packed), places(store, design, trait), null, loud)
    np.testing.assert_array_equal(table["status"].to_numpy()[loud], expected.status)
    for name in ("beta", "se", "stat", "neg_log10_p"):
        np.testing.assert_array_equal(table[name].to_numpy()[loud], getattr(expected.statistics, name))
    if binary == "auto":
        assert (table.loc[1, "status"], table.loc[1, "test"]) == ("FIRTH", "logistic_firth")
        assert np.isfinite(table.loc[1, "beta"])


def test_perfect_fit_is_finite(tmp_path):
    rng = np.random.default_rng(1)
    g = rng.binomial(2, 0.5, 300).astype(np.int8)
    design = make_design({"qt": ("linear", 3.0 * g)}, {}, 300)
    row = scan(make_store(tmp_path / "g", g[None]), design, ["qt"], slice(0, 1), ALL).to_pandas().iloc[0]
    assert row["beta"] == pytest.approx(3)
    assert 1000 < row["neg_log10_p"] < np.inf


def test_people_outside_the_model_do_not_matter(study, tmp_path):
    """Scrambled genotypes of people without the trait change no byte."""
    store, design, dosages, *_ = study
    rng = np.random.default_rng(0)
    frame = design.frame.copy()
    out = rng.choice(N, 30, replace=False)
    frame.loc[out, "qt"] = np.nan
    from endotype.association.design import Design, describe

    smaller = Design(frame, describe(frame, {"qt": "linear"}, design.info["covariates"]["kept"]))
    scrambled = dosages.copy()
    scrambled[:, out] = random_dosages(rng, M, len(out))
    one = scan(store, smaller, ["qt"], slice(0, M), ALL)
    two = scan(make_store(tmp_path / "g", scrambled), smaller, ["qt"], slice(0, M), ALL)
    assert one.equals(two)
    assert (one["n"].to_numpy() + one["n_missing"].to_numpy() == N - 30).all()


def test_shards_and_threads_change_no_bit(tmp_path):
    rng = np.random.default_rng(4)
    n, m = 1001, 2500  # several blocks; a last byte with padding; enough people for a sum to be split
    store = make_store(tmp_path / "g", random_dosages(rng, m, n, 0.05))
    traits = {
        "qt": ("linear", rng.normal(size=n)),
        "bt": ("logistic", rng.integers(0, 2, n)),
        "surv": ("cox", (rng.exponential(size=n), rng.integers(0, 2, n))),
        "late": ("cox", (np.ceil(30 * rng.random(n)), rng.integers(0, 2, n), np.floor(30 * rng.random(n)))),
    }
    design = make_design(traits, covariate_set(rng, n), n)
    whole = scan(store, design, list(traits), slice(0, m), ScanOptions(), threads=1)
    assert whole.equals(scan(store, design, list(traits), slice(0, m), ScanOptions(), threads=2))
    for trait in traits:
        parts = [
            scan(store, design, [trait], slice(a, b), ScanOptions())
            for a, b in ((0, 7), (7, 1031), (1031, m))
        ]
        of_trait = whole.filter(pa.compute.equal(whole["trait"], trait)).combine_chunks()
        assert pa.concat_tables(parts).combine_chunks().equals(of_trait)


def test_no_variants_give_an_empty_table_with_all_columns(study, tmp_path):
    _, design, *_ = study
    store = make_store(tmp_path / "g", np.zeros((0, N), np.int8))
    table = scan(store, design, ["qt", "bt", "surv"], slice(0, 0), ScanOptions())
    assert table.num_rows == 0
    assert table.schema.names[:3] == ["trait", "id", "chrom"]


def test_type_one_error_is_that_of_the_level(tmp_path):
    """200 null traits of each kind x 25 variants: shares below 0.05 and 0.005 are within binomial limits."""
    rng = np.random.default_rng(77)
    n, m, repeats = 300, 25, 200
    frequency = np.linspace(0.1, 0.9, m)
    store = make_store(tmp_path / "g", rng.binomial(2, frequency[:, None], (m, n)).astype(np.int8))
    covariates = covariate_set(rng, n)
    pull = 0.03 * (np.asarray(covariates["age"]) - 50)
    for kind in ("linear", "logistic", "cox"):
        traits = {}
        for i in range(repeats):
            noise = rng.logistic(size=n)
            traits[f"t{i}"] = {
                "linear": ("linear", pull + noise),
                "logistic": ("logistic", pull + noise > 0.5),
                "cox": ("cox", (rng.exponential(np.exp(-pull)), rng.random(n) < 0.5)),
            }[kind]
        table = scan(
            store,
            make_design(traits, covariates, n),
            list(traits),
            slice(0, m),
            ALL,
        ).to_pandas()
        p = 10 ** -table["neg_log10_p"]
        assert len(p) == m * repeats and p.notna().all()
        for level in (0.05, 0.005):
            low, high = stats.binom.ppf([0.0005, 0.9995], len(p), level)
            assert low <= (p < level).sum() <= high, (kind, level, (p < level).mean())


def test_regions_are_inclusive_and_names_with_colons_are_understood(tmp_path):
    dosages = np.zeros((4, 8), np.int8)
    store = make_store(tmp_path / "g", dosages, ["1", "1", "HLA:1", "HLA:1"])
    assert parse_region(store, "1:100-200") == slice(0, 2)
    assert parse_region(store, "1:101-199") == slice(1, 1)
    assert parse_region(store, "HLA:1:300-300") == slice(2, 3)
    assert parse_region(store, "HLA:1") == slice(2, 4)
    assert parse_region(store, "2") == slice(0, 0)
    assert parse_region(store, None) == slice(0, 4)
    for bad in ("1:5-2", "1:a-b", "1:0-5"):
        with pytest.raises(InputError, match="--region"):
            parse_region(store, bad)


def sheets(study, folder: Path) -> tuple[Path, Path, Path]:
    """A fileset with sheets of the study in PLINK's manner: blanks, 1/2 coding, -9 for missing."""
    _, _, dosages, covariates, truth = study
    make_store(folder / "g", dosages)
    pheno = ["FID IID qt bt time event entry"]
    covar = ["IID,age,site,pc1,income"]
    for i in range(N):
        case = "-9" if i == 3 else str(int(truth["bt"][i]) + 1)
        numbers = f"{float(truth['qt'][i])!r} {case} {truth['time'][i]} {int(truth['event'][i])}"
        pheno.append(f"0 P{i} {numbers} {float(truth['time'][i]) * (0.5 if i % 2 else 0.0)}")
        age, site, pc1, income = (float(v) for v in covariates[i])
        covar.append(f"P{i},{age!r},{'north' if site else 'south'},{pc1!r},{income!r}")
    (folder / "pheno.txt").write_text("\n".join(pheno) + "\n")
    (folder / "covar.csv").write_text("\n".join(covar[:1] + covar[:0:-1]) + "\n")  # another order
    return folder / "g", folder / "pheno.txt", folder / "covar.csv"


def test_sheets_by_hand_give_what_the_design_gives(study, tmp_path):
    prefix, pheno, covar = sheets(study, tmp_path)
    out = tmp_path / "out.parquet"
    source = DesignSource(phenotypes=pheno, covariates=covar, traits=("qt", "bt"))
    associate(prefix, out, source, traits=["qt"], options=ALL)
    by_hand = pd.read_parquet(out)
    pd.testing.assert_frame_equal(by_hand, results(study, "qt"), rtol=1e-12)
    associate(prefix, out, DesignSource(None, None, pheno, covar, ("time",), "event"), traits=["time"])
    assert pd.read_parquet(out)["test"].str.startswith("cox_").all()
    associate(prefix, out, source, traits=["bt"])
    table = pd.read_parquet(out)
    assert set(table["test"]) <= {"logistic_score", "logistic_wald", "logistic_firth"}
    assert (table["n"] + table["n_missing"] == N - 1).all()


def test_entries_of_a_sheet_are_those_of_the_model(study, tmp_path):
    _, _, dosages, covariates, truth = study
    prefix, pheno, covar = sheets(study, tmp_path)
    out = tmp_path / "out.parquet"
    source = DesignSource(None, None, pheno, covar, ("time",), "event", "entry")
    associate(prefix, out, source, options=SCORE_ALL)
    table = pd.read_parquet(out)
    entry = truth["time"] * np.where(np.arange(N) % 2, 0.5, 0.0)
    data = (truth["time"], truth["event"] == 1, standardised(covariates))
    coefficients = slow.cox_null(*data, entry)
    for i, row in table[table["status"] == "OK"].iterrows():
        score, information = slow.cox_score(*data, coefficients, dosages[i], entry)
        assert row["stat"] == pytest.approx(score / information**0.5, rel=1e-7)
    lines = pheno.read_text().splitlines()
    lines[5] = lines[5].rsplit(" ", 1)[0] + " NA"
    pheno.write_text("\n".join(lines) + "\n")
    associate(prefix, out, source)
    table = pd.read_parquet(out)
    assert (table["n"] + table["n_missing"] == N - 1).all()  # no entry: not followed
    with pytest.raises(InputError, match="an entry column 'entry' without an event column"):
        associate(prefix, out, DesignSource(phenotypes=pheno, traits=("time",), entry="entry"))
    for value in ("1000", "-1"):
        lines[7] = lines[7].rsplit(" ", 1)[0] + f" {value}"
        pheno.write_text("\n".join(lines) + "\n")
        with pytest.raises(InputError, match="up to, not including, 'time' of the same row") as caught:
            associate(prefix, out, source)
        (problem,) = caught.value.problems
        assert (problem.row, problem.column) == (8, "entry") and f"'{value}'" in problem.found


def test_packed_tsv_is_the_same_bytes_every_time(study, tmp_path):
    prefix, pheno, covar = sheets(study, tmp_path)
    written = []
    for name in ("a.tsv.gz", "b.tsv.gz"):
        associate(prefix, tmp_path / name, DesignSource(None, None, pheno, covar, ("qt", "bt")))
        written.append((tmp_path / name).read_bytes())
    assert written[0] == written[1]
    assert written[0][3:8] == bytes(5)  # gzip header: no file name, no time
    table = pd.read_csv(tmp_path / "a.tsv.gz", sep="\t")
    assert len(table) == 2 * M
    assert '"' not in pd.read_csv(tmp_path / "a.tsv.gz", sep="\t", quoting=3)["id"][0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("IID y\nP0 1\nP0 2\n", "'P0' again"),
        ("IID y\nP0 tall\nP1 2\n", "'tall'"),
        ("name y\nP0 1\n", "a column IID or patient"),
        ("IID z\nP0 1\n", "no column 'y'"),
        ("IID y\nP0 1 2\n", "3 cells"),
        ("IID y\n" + "".join(f"P{i} 1.5\n" for i in range(N)), "constant"),
        ("IID y\n" + "".join(f"P{i} NA\n" for i in range(N)), "all values are missing"),
    ],
)
def test_sheets_that_cannot_be_used_are_named(study, tmp_path, text: str, message: str):
    prefix, pheno, _ = sheets(study, tmp_path)
    pheno.write_text(text)
    with pytest.raises(InputError, match=message):
        associate(prefix, tmp_path / "o.parquet", DesignSource(phenotypes=pheno, traits=("y",)))
    assert not (tmp_path / "o.parquet").exists()


def test_command_line_ends_with_2_and_a_page_of_text(study, tmp_path):
    prefix, pheno, _ = sheets(study, tmp_path)
    script = Path(__file__).parents[2] / "scripts" / "associate.py"
    done = subprocess.run(
        [
            *(sys.executable, str(script), "--bfile", str(prefix), "--pheno", str(pheno), "--trait", "q"),
            *("--out", str(tmp_path / "o.parquet")),
        ],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert "no column 'q'" in done.stderr and "-> qt" in done.stderr
    assert "Traceback" not in done.stderr


def test_people_without_genotypes_are_an_error(study, tmp_path):
    _, design, dosages, *_ = study
    store = make_store(tmp_path / "g", dosages[:, :100])
    with pytest.raises(InputError, match="P149"):
        scan(store, design, ["qt"], slice(0, M), ALL)


def test_design_on_disk_gives_the_same(study, tmp_path):
    from endotype.files import write_json

    store, design, dosages, *_ = study
    make_store(tmp_path / "g", dosages)
    write_parquet(design.frame, tmp_path / "d.parquet")
    write_json(tmp_path / "d.json", design.info)
    associate(
        tmp_path / "g", tmp_path / "o.parquet", DesignSource(tmp_path / "d.parquet", tmp_path / "d.json")
    )
    expected = scan(store, design, ["bt", "qt", "surv"], slice(0, M), ScanOptions()).to_pandas()
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "o.parquet"), expected)
