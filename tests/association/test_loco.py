"""REGENIE's predictions without one chromosome: read, matched, used as offsets; and REGENIE's own results."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from endotype.association.design import Trait
from endotype.association.loco import (
    fit_null_with_offset,
    keep_predicted,
    match_people,
    predictions_of,
    read_loco,
    read_prediction_list,
    regenie_chromosome,
)
from endotype.association.null_model import judge
from endotype.errors import InputError
from endotype.variants.plink import GenotypeStore, open_store
from tests.real.prepare import DEFAULT_DATA
from tests.reference import association as slow
from tests.reference.scores import plain_scores

ASSOC = DEFAULT_DATA / "oracles" / "assoc"


def people(ids: list[str], families: list[str] | None = None) -> pd.DataFrame:
    return pd.DataFrame({"fid": families or ids, "iid": ids})


def write_loco(path: Path, keys: list[str], rows: dict[str, list[object]]) -> Path:
    lines = [" ".join(["FID_IID", *keys])] + [" ".join(map(str, [c, *v])) for c, v in rows.items()]
    path.write_text("\n".join(lines) + " \n")  # REGENIE ends each line with a blank
    return path


class TestFiles:
    def test_list_and_predictions(self, tmp_path):
        folder = tmp_path / "step 1"
        folder.mkdir()
        write_loco(folder / "a_1.loco", ["P0_P0", "P1_P1"], {"1": [0.5, "NA"], "23": [-1, "NA"]})
        packed = folder / "b.loco.gz"
        packed.write_bytes(gzip.compress(b"FID_IID P0_P0\n1 1e-3\n", mtime=0))
        (folder / "fit_pred.list").write_text(f"ldl a_1.loco\nt2d {tmp_path}/elsewhere/b.loco\n\n")
        files = read_prediction_list(folder / "fit_pred.list")
        assert files == {"ldl": folder / "a_1.loco", "t2d": packed}
        loco = read_loco(files["ldl"])
        assert (loco.chroms, loco.keys) == (("1", "23"), ("P0_P0", "P1_P1"))
        np.testing.assert_array_equal(loco.values, [[0.5, np.nan], [-1, np.nan]])
        assert read_loco(files["t2d"]).values.tolist() == [[1e-3]]

    def test_all_faults_of_a_list_are_named(self, tmp_path):
        write_loco(tmp_path / "a.loco", ["x"], {"1": [0]})
        (tmp_path / "p.list").write_text("ldl a.loco\nldl a.loco\nalone\nhdl no.loco\n")
        with pytest.raises(InputError) as error:
            read_prediction_list(tmp_path / "p.list")
        assert [p.row for p in error.value.problems] == [2, 3, 4]
        with pytest.raises(InputError, match="no trait 'ldI'"):
            predictions_of({"ldl": tmp_path}, "ldI", "p.list")
        (tmp_path / "p.list").write_text("\n")
        with pytest.raises(InputError, match="empty file"):
            read_prediction_list(tmp_path / "p.list")
        with pytest.raises(InputError, match="no such file"):
            read_prediction_list(tmp_path / "absent.list")

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("IID a\n1 0\n", "a header that begins with FID_IID"),
            ("", "an empty file"),
            ("FID_IID a a\n1 0 0\n", "row 1: found 'a' again"),
            ("FID_IID a b\n1 0 0\n2 0\n", "row 3: found 2 words; expected 3"),
            ("FID_IID a b\n1 0 0\nchr1 0 0\n", "row 3, column FID_IID: found 'chr1' again"),
            ("FID_IID a b\n1 0 x\n", "row 2, column 'b': found 'x'"),
            ("FID_IID a b\n1 0 inf\n", "row 2, column 'b': found 'inf'"),
            ("FID_IID a b\n1 nan 0\n", "row 2, column 'a': found 'nan'"),
            ("FID_IID a b\n1 0 NA\n2 0 0\n", "1 people with NA on some chromosomes only"),
            ("FID_IID a b\n", "no row"),
        ],
    )
    def test_broken_predictions(self, tmp_path, text, message):
        (tmp_path / "x.loco").write_text(text)
        with pytest.raises(InputError, match=message):
            read_loco(tmp_path / "x.loco")

    def test_a_cut_off_gzip_file(self, tmp_path):
        whole = gzip.compress(b"FID_IID a b\n" + b"1 0 0\n" * 1000, mtime=0)
        (tmp_path / "x.loco.gz").write_bytes(whole[: len(whole) // 2])
        with pytest.raises(InputError, match="cut off or damaged"):
            read_loco(tmp_path / "x.loco.gz")


class TestMatching:
    def test_ids_with_underscores_are_not_taken_apart(self, tmp_path):
        file = write_loco(tmp_path / "x.loco", ["a_b_c", "a_x", "stranger_1"], {"1": [1, 2, 3]})
        found = match_people(read_loco(file), people(["c", "x", "new"], ["a_b", "a", "n"]))
        np.testing.assert_array_equal(found.of("1", ["x", "new", "c"]), [2, np.nan, 1])
        table = found.reconciliation.set_index("status")
        assert table["n"].to_dict() == {"kept": 2, "only_in_genotypes": 1, "only_in_sheet": 1}
        assert table.loc["only_in_sheet", "examples"] == "'stranger_1'"
        assert found.matched_by == "FID_IID"

    @pytest.mark.parametrize(
        ("key", "how"), [("F_P1", "FID_IID"), ("P1_P1", "IID_IID"), ("0_P1", "0_IID"), ("P1", "IID")]
    )
    def test_other_family_ids(self, tmp_path, key, how):
        file = write_loco(tmp_path / "x.loco", [key], {"1": [7]})
        found = match_people(read_loco(file), people(["P1", "P2"], ["F", "F"]))
        assert found.matched_by == how
        np.testing.assert_array_equal(found.of("1", ["P2", "P1"]), [np.nan, 7])

    def test_nobody_in_common_says_who_is_alike(self, tmp_path):
        file = write_loco(tmp_path / "x.loco", ["p-1_p-1"], {"1": [7]})
        with pytest.raises(InputError, match=r"none of its 1 people.*\n.*'p-1_p-1' is like 'P-1_P-1'"):
            match_people(read_loco(file), people(["P-1"]))

    def test_people_whose_ids_are_not_unique_are_refused(self, tmp_path):
        file = write_loco(tmp_path / "x.loco", ["a_b_c"], {"1": [7]})
        with pytest.raises(InputError, match="for two people"):
            match_people(read_loco(file), people(["c", "b_c"], ["a_b", "a"]))

    def test_chromosome_names_and_missing_ones(self, tmp_path):
        rows = {"1": [1], "2": [2], "23": [3]}
        found = match_people(read_loco(write_loco(tmp_path / "x.loco", ["P_P"], rows)), people(["P"]))
        for name, value in (("chr1", 1), ("02", 2), ("X", 3), ("chrX", 3), ("PAR1", 3), ("23", 3)):
            assert found.of(name, ["P"])[0] == value
        found.require(["1", "chrX"])
        with pytest.raises(InputError) as error:
            found.require(["1", "3", "MT", "3"])
        assert [p.found for p in error.value.problems] == [
            "no row for chromosome '3'",
            "no row for chromosome 'MT'",
        ]
        assert regenie_chromosome("GL000.1") == "GL000.1"


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(8)
    n = 300
    covariates = np.column_stack([rng.normal(50, 9, n), rng.integers(0, 2, n)])
    dosage = rng.binomial(2, 0.3, n).astype(float)
    offset = rng.normal(0, 0.6, n)
    return covariates, dosage, offset, rng


def make_trait(kind: str, values: np.ndarray, covariates: np.ndarray) -> Trait:
    return Trait("t", kind, np.arange(len(values)), values, None, covariates, ("a", "b"))


class TestOffsets:
    def test_a_quantitative_trait_is_adjusted_in_standard_deviations(self, data):
        covariates, dosage, offset, rng = data
        trait = 3 * offset + 0.1 * covariates[:, 0] + rng.normal(0, 2, len(offset))
        model = fit_null_with_offset(make_trait("linear", trait, covariates), offset)
        design = np.column_stack([np.ones(len(trait)), covariates])
        left = trait - design @ np.linalg.lstsq(design, trait, rcond=None)[0]
        sd = (left @ left / (len(trait) - 3)) ** 0.5
        beta, se, _ = slow.ordinary_least_squares(trait - sd * offset, covariates, dosage)
        found = model.statistics(plain_scores(model, dosage[None]))
        np.testing.assert_allclose([found.beta[0], found.se[0]], [beta, se], rtol=1e-9)

    def test_a_binary_trait_has_it_in_the_log_odds(self, data):
        import statsmodels.api as sm

        covariates, dosage, offset, rng = data
        risk = 1 / (1 + np.exp(-(2 * offset + 0.03 * (covariates[:, 0] - 50) - 0.5)))
        case = (rng.random(len(risk)) < risk).astype(float)
        model = fit_null_with_offset(make_trait("logistic", case, covariates), offset)
        design = sm.add_constant((covariates - covariates.mean(axis=0)) / covariates.std(axis=0))
        fit = sm.GLM(case, design, family=sm.families.Binomial(), offset=offset).fit(tol=1e-12)
        np.testing.assert_allclose(model.residual, case - fit.fittedvalues, atol=1e-9)
        weight = fit.fittedvalues * (1 - fit.fittedvalues)
        left = dosage - design @ np.linalg.solve((design.T * weight) @ design, (design.T * weight) @ dosage)
        z = left @ (case - fit.fittedvalues) / np.sqrt(weight @ left**2)
        assert model.statistics(plain_scores(model, dosage[None])).stat[0] == pytest.approx(z, rel=1e-7)
        assert model.converged

    def test_without_effect_it_is_the_plain_model(self, data):
        from endotype.association.logistic import fit_logistic

        covariates, _, offset, rng = data
        case = (rng.random(len(offset)) < 0.3).astype(float)
        model = fit_null_with_offset(make_trait("logistic", case, covariates), np.zeros(len(offset)))
        np.testing.assert_allclose(model.residual, fit_logistic(case == 1, covariates).residual, rtol=1e-12)

    def test_people_without_prediction_leave_the_model_and_are_counted(self, tmp_path, data):
        covariates, _, _, rng = data
        keys = [f"P{i}_P{i}" for i in range(300) if i % 10]
        file = write_loco(tmp_path / "x.loco", keys, {"1": [0.1] * 270})
        patients = [f"P{i}" for i in range(300)]
        offsets = match_people(read_loco(file), people(patients))
        assert offsets.reconciliation.set_index("status").loc["only_in_genotypes", "n"] == 30
        trait = make_trait("linear", rng.normal(size=300), covariates)
        kept = keep_predicted(trait, patients, offsets)
        assert kept.rows.tolist() == [i for i in range(300) if i % 10]
        np.testing.assert_array_equal(kept.values, trait.values[kept.rows])
        with pytest.raises(ValueError, match="must be left out first"):
            fit_null_with_offset(trait, offsets.of("1", patients))

    def test_a_time_to_event_is_refused(self, data):
        with pytest.raises(InputError, match="time to event"):
            fit_null_with_offset(make_trait("cox", np.ones(300), data[0]), np.zeros(300))


real = pytest.mark.skipif(not ASSOC.is_dir(), reason="REGENIE's example is not beside the repository")


def read_words(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, sep=r"\s+", dtype={"FID": str, "IID": str, "ID": str})


def example(kind: str, name: str, sheet: str, removed: bool) -> tuple[GenotypeStore, pd.DataFrame]:
    """REGENIE's example through our model with its own predictions, beside what it printed."""
    folder = ASSOC / "regenie_example"
    store = open_store(folder / "example")
    iids = store.people["iid"]
    values = read_words(folder / sheet).set_index("IID")[name].reindex(iids).to_numpy(float)
    covariates = read_words(folder / "covariates.txt").set_index("IID")[["V1", "V2", "V3"]].reindex(iids)
    use = np.isfinite(values) & covariates.notna().all(axis=1).to_numpy()
    if removed:
        lines = (folder / "fid_iid_to_remove.txt").read_text().splitlines()
        use &= ~iids.isin([line.split()[1] for line in lines if line.strip()]).to_numpy()
    rows = np.flatnonzero(use)
    trait = Trait(name, kind, rows, values[rows], None, covariates.to_numpy()[rows], ("V1", "V2", "V3"))
    fit = "fit_qt" if kind == "linear" else "fit_bin"
    listed = ASSOC / "regenie_expected" / f"{fit}_pred.list"
    offsets = match_people(read_loco(read_prediction_list(listed)[name]), store.people)
    trait = keep_predicted(trait, list(iids), offsets)
    (chrom,) = store.variants["chrom"].unique()
    model = fit_null_with_offset(trait, offsets.of(chrom, iids.iloc[trait.rows].tolist()))
    place = np.full(len(iids), -1)
    place[trait.rows] = np.arange(len(trait.rows))
    scores = model.score(np.ascontiguousarray(store.packed), place)
    n_missing, alleles = scores.counts.T[:2]
    n = model.n - n_missing
    nothing = np.zeros(len(n), bool)
    found = judge(model, scores, nothing, nothing, n).statistics
    ours = pd.DataFrame(
        {"n": n, "k": model.n - scores.rank, "eac": alleles, "beta": found.beta, "stat": found.stat},
        index=store.variants["id"],
    )
    return store, ours


@real
@pytest.mark.real
@pytest.mark.parametrize("name", ["Y1", "Y2"])
def test_regenie_quantitative_results_are_reproduced(name):
    """The effect is the same. REGENIE's chi-square is a score test, (n - k) R^2, ours t^2 of the full model:
    t^2 = chi2 (n - k - 1) / (n - k - chi2), with k covariates and intercept. It prints six digits, of beta
    and of chi2, which t^2 near 0 magnifies no further."""
    expected = read_words(ASSOC / "regenie_expected" / f"qt_pred_{name}.regenie.gz").set_index("ID")
    _, ours = example("linear", name, "phenotype.txt", removed=False)
    ours = ours.reindex(expected.index)
    # The example codes the alleles 1 and 2; REGENIE's effect allele is the one of .bim's first column.
    np.testing.assert_array_equal(ours["n"], expected["N"])
    np.testing.assert_allclose(ours["beta"], expected["BETA"], rtol=2e-5, atol=5e-7)
    df = ours["k"]
    chi2 = expected["CHISQ"]
    np.testing.assert_allclose(ours["stat"] ** 2, chi2 * (df - 1) / (df - chi2), rtol=3e-5, atol=1e-7)
    # p of the two tests: what REGENIE's null variance costs, named.
    p = stats.chi2.logsf(chi2, 1) / -np.log(10)
    np.testing.assert_allclose(p, expected["LOG10P"], rtol=2e-5, atol=1e-6)


@real
@pytest.mark.real
@pytest.mark.parametrize("name", ["Y1", "Y2"])
def test_regenie_binary_results_are_reproduced_where_it_has_no_firth(name):
    """REGENIE corrects by Firth below p = 0.01; above, it prints the score test that is ours too."""
    expected = read_words(ASSOC / "regenie_expected" / f"bt_firth_approx_{name}.regenie.gz").set_index("ID")
    _, ours = example("logistic", name, "phenotype_bin.txt", removed=True)
    expected = expected[expected["LOG10P"] < 1.9]
    ours = ours.reindex(expected.index)
    assert len(expected) > 900
    np.testing.assert_array_equal(ours["n"], expected["N"])
    np.testing.assert_allclose(ours["stat"] ** 2, expected["CHISQ"], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(ours["beta"], expected["BETA"], rtol=1e-4, atol=1e-6)
