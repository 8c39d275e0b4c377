"""What the command offers beyond its defaults: named tests, mean imputation, offsets, split, the sidecar."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from endotype.association.design_source import DesignSource
from endotype.association.rank_normal import rank_inverse_normal
from endotype.association.rare_case import BinaryNull
from endotype.association.scan import ScanOptions, associate, fit_null, places, scan
from endotype.association.split import Split
from endotype.association.wald import refine_wald
from endotype.errors import InputError
from endotype.variants.plink import open_store
from tests.association.builders import covariate_set, make_design, make_store, random_dosages
from tests.reference import association as slow

N, M = 240, 40
SCRIPT = Path(__file__).parents[2] / "scripts" / "associate.py"


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A fileset of three chromosomes with sheets, and the raw numbers."""
    folder = tmp_path_factory.mktemp("options")
    rng = np.random.default_rng(5)
    dosages = random_dosages(rng, M, N, 0.05)
    make_store(folder / "g", dosages, ["1"] * 15 + ["2"] * 15 + ["X"] * 10)
    age = rng.normal(50, 10, N)
    qt = 0.05 * age + 0.5 * np.maximum(dosages[3], 0) + rng.normal(size=N)
    case = (rng.random(N) < 1 / (1 + np.exp(-0.03 * (age - 55)))).astype(int)
    time, event = rng.exponential(size=N), rng.integers(0, 2, N)
    ids = [f"P{i}" for i in range(N)]
    pd.DataFrame({"IID": ids, "qt": qt, "case": case, "time": time, "event": event}).to_csv(
        folder / "pheno.tsv", sep="\t", index=False
    )
    pd.DataFrame({"IID": ids, "age": age}).to_csv(folder / "covar.tsv", sep="\t", index=False)
    return folder, dosages, age, qt, case


def source(folder: Path, *traits: str, **more: object) -> DesignSource:
    return DesignSource(
        phenotypes=folder / "pheno.tsv", covariates=folder / "covar.tsv", traits=traits, **more
    )


def run(
    study, out: Path, *traits: str, options: ScanOptions | None = None, loco=None, **more
) -> pd.DataFrame:
    folder = study[0]
    associate(folder / "g", out, source(folder, *traits, **more), options=options, loco=loco)
    return pd.read_parquet(out)


def imputed(dosages: np.ndarray) -> np.ndarray:
    """float64, the mean of the called in the gaps."""
    called = dosages >= 0
    mean = np.where(called, dosages, 0).sum(axis=1) / called.sum(axis=1)
    return np.where(called, dosages, mean[:, None])


class TestMean:
    def test_linear_is_least_squares_on_imputed_dosages(self, study, tmp_path):
        _, dosages, age, qt, _ = study
        table = run(study, tmp_path / "o.parquet", "qt", options=ScanOptions(missing="mean"))
        tested = 0
        for row, g in zip(table.itertuples(), imputed(dosages), strict=True):
            design = np.column_stack([np.ones(N), age, g])
            beta, (rss,), *_ = np.linalg.lstsq(design, qt, rcond=None)
            se = np.sqrt(np.linalg.inv(design.T @ design)[-1, -1] * rss / (N - 3))
            if row.status != "OK":
                continue
            tested += row.n_missing > 0
            # beta and se by normal equations: the two ways differ in the last few of 16 digits
            assert row.beta == pytest.approx(beta[-1], rel=1e-9)
            assert row.se == pytest.approx(se, rel=1e-9)
        assert tested > M / 2

    @pytest.mark.parametrize("test", ["logistic", "firth", "spa"])
    def test_a_second_test_imputes_too(self, study, tmp_path, test):
        """Not the effects of dropping, and not far from them."""
        mean = run(study, tmp_path / "m.parquet", "case", options=ScanOptions(test, missing="mean"))
        drop = run(study, tmp_path / "d.parquet", "case", options=ScanOptions(test))
        known = mean["beta"].notna() & drop["beta"].notna()
        assert known.sum() > M / 2
        assert (mean.loc[known, "beta"] != drop.loc[known, "beta"]).all()
        np.testing.assert_allclose(mean.loc[known, "beta"], drop.loc[known, "beta"], atol=0.2)

    def test_wald_is_maximum_likelihood_on_imputed_dosages(self, study, tmp_path):
        _, dosages, age, _, case = study
        table = run(study, tmp_path / "o.parquet", "case", options=ScanOptions("logistic", missing="mean"))
        standard = (age - age.mean()) / age.std()
        for row, g in zip(table.itertuples(), imputed(dosages), strict=True):
            if row.status != "OK":
                continue
            coefficients = slow.logistic_null(case.astype(float), np.column_stack([standard, g]))
            assert row.beta == pytest.approx(coefficients[-1], rel=1e-6, abs=1e-8)

    def test_a_time_to_event_can_only_drop(self, study, tmp_path):
        with pytest.raises(InputError, match="'time'"):
            run(study, tmp_path / "o.parquet", "time", event="event", options=ScanOptions(missing="mean"))


class TestNamedTests:
    def test_every_variant_has_the_test_that_was_named(self, study, tmp_path):
        table = run(study, tmp_path / "o.parquet", "case", options=ScanOptions("logistic"))
        assert set(table.loc[table["status"] == "OK", "test"]) == {"logistic_wald"}
        assert set(table.loc[table["status"] == "FIRTH", "test"]) <= {"logistic_firth"}
        screened = run(study, tmp_path / "o.parquet", "case", options=ScanOptions("logistic", 0.05))
        assert {"logistic_wald", "logistic_score"} <= set(screened["test"])
        store = open_store(study[0] / "g")
        design = make_design({"case": ("logistic", study[4])}, {"age": study[2]}, N)
        trait = design.trait("case")
        null = BinaryNull.of(fit_null(trait))
        rows = np.flatnonzero(table["status"] == "OK")
        direct = refine_wald(np.asarray(store.packed), places(store, design, trait), null, rows)
        np.testing.assert_array_equal(table.loc[rows, "beta"], direct.statistics.beta)

    def test_linear_takes_a_trait_of_two_values_as_it_is(self, study, tmp_path):
        table = run(study, tmp_path / "o.parquet", "case", options=ScanOptions("linear"))
        assert set(table["test"]) == {"linear"} and table["n_cases"].isna().all()

    @pytest.mark.parametrize(("test", "trait"), [("firth", "qt"), ("cox", "qt"), ("logistic", "qt")])
    def test_one_that_fits_no_trait_is_an_error(self, study, tmp_path, test, trait):
        with pytest.raises(InputError, match=f"{test}, but qt is a quantitative trait"):
            run(study, tmp_path / "o.parquet", trait, options=ScanOptions(test))
        assert not (tmp_path / "o.parquet").exists()

    def test_all_options_that_are_none_are_named_at_once(self):
        with pytest.raises(InputError) as caught:
            ScanOptions("fisher", 1.5, "skip", 0)
        assert [p.file for p in caught.value.problems] == [
            "--test", "--missing", "--screen", "--min-allele-count",
        ]  # fmt: skip


class TestOffsets:
    @pytest.fixture
    def predictions(self, study, tmp_path):
        rng = np.random.default_rng(9)
        lines = ["FID_IID " + " ".join(f"0_P{i}" for i in range(N))]
        offsets = {c: rng.normal(0, 0.5, N) for c in ("1", "2", "23")}
        lines += [c + " " + " ".join(map(repr, map(float, v))) for c, v in offsets.items()]
        (tmp_path / "qt.loco").write_text("\n".join(lines) + "\n")
        (tmp_path / "case.loco").write_text("\n".join(lines) + "\n")
        (tmp_path / "pred.list").write_text("qt qt.loco\ncase case.loco\n")
        return tmp_path / "pred.list", offsets

    def test_each_chromosome_is_tested_without_its_own_prediction(self, study, tmp_path, predictions):
        _, dosages, age, qt, _ = study
        path, offsets = predictions
        table = run(study, tmp_path / "o.parquet", "qt", "case", loco=path)
        linear = table[table["trait"] == "qt"]
        covariates = np.column_stack([np.ones(N), age])
        left = qt - covariates @ np.linalg.lstsq(covariates, qt, rcond=None)[0]
        scale = np.sqrt(left @ left / (N - 2))
        tested = 0
        for row, g in zip(linear.itertuples(), dosages, strict=True):
            offset = offsets[{"X": "23"}.get(row.chrom, row.chrom)]
            beta, se, _ = slow.ordinary_least_squares(qt - scale * offset, age[:, None], g)
            if row.status == "OK":
                tested += 1
                assert (row.beta, row.se) == pytest.approx((beta, se), rel=1e-9)
        assert tested > M / 2
        assert (table.loc[table["trait"] == "case", "status"] == "OK").sum() > M / 2

    def test_the_statement_says_so_and_missing_chromosomes_are_an_error(self, study, tmp_path, predictions):
        path, _ = predictions
        run(study, tmp_path / "o.parquet", "qt", loco=path)
        described = json.loads((tmp_path / "o.parquet.json").read_text())
        assert "offsets (matched by FID_IID)" in described["statement"]["qt"]
        text = (tmp_path / "qt.loco").read_text().splitlines()
        (tmp_path / "qt.loco").write_text("\n".join([text[0], text[1]]) + "\n")
        with pytest.raises(InputError, match="no row for chromosome '2'"):
            run(study, tmp_path / "o.parquet", "qt", loco=path)


def test_parts_of_a_split_share_nobody_and_are_told(study, tmp_path):
    parts = {}
    for part in ("discovery", "replication"):
        table = run(study, tmp_path / f"{part}.parquet", "qt", split=Split("s", 0.6), part=part)
        parts[part] = table["n"] + table["n_missing"]
        described = json.loads((tmp_path / f"{part}.parquet.json").read_text())
        assert f"the {part} part" in described["statement"]["qt"]
    assert (parts["discovery"] + parts["replication"] == N).all()


def test_rank_normal_is_the_transformation_among_the_people_of_the_model(study, tmp_path):
    table = run(study, tmp_path / "o.parquet", "qt", rank_normal=True)
    _, dosages, age, qt, _ = study
    beta, se, _ = slow.ordinary_least_squares(rank_inverse_normal(qt), age[:, None], dosages[0])
    assert (table["beta"][0], table["se"][0]) == pytest.approx((beta, se), rel=1e-9)
    assert "inverse normal" in json.loads((tmp_path / "o.parquet.json").read_text())["statement"]["qt"]


def test_parquet_carries_the_statement_and_the_sidecar_the_rest(study, tmp_path):
    run(study, tmp_path / "o.parquet", "qt")
    inside = json.loads(pq.read_schema(tmp_path / "o.parquet").metadata[b"statement"])
    described = json.loads((tmp_path / "o.parquet.json").read_text())
    assert inside == described["statement"]
    line = inside["qt"]
    for word in ("Missing data:", "Relatedness: not assessed", "Multiple testing:"):
        assert word in line
    assert "X" in described["dosage_coding"]
    assert described["reconciliation"][0] == {
        "source": "phenotypes", "status": "kept", "n": N, "detail": "",
        "examples": "'P0'; 'P1'; 'P2'; 'P3'; 'P4'; …",
    }  # fmt: skip


def test_bytes_do_not_depend_on_threads_or_regions(study, tmp_path):
    folder = study[0]
    traits = source(folder, "qt", "case")
    for threads in (1, 2, 8):
        associate(folder / "g", tmp_path / f"{threads}.tsv", traits, threads=threads)
    whole = (tmp_path / "1.tsv").read_bytes()
    assert (tmp_path / "2.tsv").read_bytes() == (tmp_path / "8.tsv").read_bytes() == whole
    lines = []
    for trait in ("qt", "case"):
        for region in ("1", "2:1-2200", "2:2201-9999", "X"):
            associate(folder / "g", tmp_path / "part.tsv", traits, traits=[trait], region=region)
            lines += (tmp_path / "part.tsv").read_text().splitlines(keepends=True)[1:]
    assert "".join(lines).encode() == whole.split(b"\n", 1)[1]


def test_order_of_variants_changes_no_row(study, tmp_path):
    folder, *_ = study
    order = np.random.default_rng(1).permutation(M)
    store = open_store(folder / "g")
    lines = (folder / "g.bim").read_text().splitlines()
    for suffix in (".fam",):
        (tmp_path / f"h{suffix}").write_bytes((folder / f"g{suffix}").read_bytes())
    (tmp_path / "h.bim").write_text("".join(lines[i] + "\n" for i in order))
    (tmp_path / "h.bed").write_bytes(b"\x6c\x1b\x01" + np.ascontiguousarray(store.packed[order]).tobytes())
    sorted_, shuffled = tmp_path / "a.parquet", tmp_path / "b.parquet"
    associate(folder / "g", sorted_, source(folder, "qt", "case"))
    associate(tmp_path / "h", shuffled, source(folder, "qt", "case"))
    a, b = (pd.read_parquet(p).sort_values(["trait", "id"], ignore_index=True) for p in (sorted_, shuffled))
    pd.testing.assert_frame_equal(a, b, check_exact=True)
    with pytest.raises(InputError, match="side by side"):
        associate(tmp_path / "h", shuffled, source(folder, "qt"), region="1:1-500")


def test_the_command_line_reaches_all_of_it(study, tmp_path):
    folder = study[0]
    out = tmp_path / "o.tsv.gz"
    command = [
        *(sys.executable, str(SCRIPT), "--bfile", str(folder / "g"), "--pheno", str(folder / "pheno.tsv")),
        *("--covar", str(folder / "covar.tsv"), "--trait", "case", "--test", "firth", "--screen", "0.2"),
        *("--missing", "mean", "--split-salt", "s", "--split-share", "0.9", "--threads", "2"),
        *("--region", "1", "--out", str(out), "--quiet"),
    ]
    subprocess.run(command, check=True)
    table = pd.read_csv(out, sep="\t")
    assert len(table) == 15 and {"logistic_score", "logistic_firth"} == set(table["test"])
    options = json.loads(Path(f"{out}.json").read_text())["options"]
    assert options["screen"] == 0.2 and options["missing"] == "mean" and options["test"] == "firth"
    done = subprocess.run([*command, "--test", "wald"], capture_output=True, text=True)
    assert done.returncode == 2 and "--test" in done.stderr and "Traceback" not in done.stderr


def test_scan_in_memory_takes_the_policy_too(study):
    folder, *_ = study
    store = open_store(folder / "g")
    rng = np.random.default_rng(2)
    design = make_design({"qt": ("linear", rng.normal(size=N))}, covariate_set(rng, N), N)
    drop, mean = (
        scan(store, design, ["qt"], slice(0, M), ScanOptions(missing=m)).to_pandas() for m in ("drop", "mean")
    )
    assert (drop["n"] == mean["n"]).all() and (drop["se"] != mean["se"]).all()


def test_strata_of_controls_only_are_named_before_the_scan(study, tmp_path, capsys):
    folder, _, age, _, case = study
    site = np.where(np.cumsum(case == 0) <= 40, case == 0, False).astype(int)  # 40 people, all controls
    ids = [f"P{i}" for i in range(N)]
    noise = np.random.default_rng(3).integers(0, 2, N)
    table = pd.DataFrame({"IID": ids, "age": age, "site": site, "sex": noise})
    table.loc[np.flatnonzero(case == 1)[:1], "site"] = 1  # one case, so that site alone doesn't separate
    table.loc[np.flatnonzero(case == 1)[:1], "sex"] = 0
    table.to_csv(tmp_path / "covar.tsv", sep="\t", index=False)
    from_sheets = DesignSource(None, None, folder / "pheno.tsv", tmp_path / "covar.tsv", ("case",))
    associate(folder / "g", tmp_path / "o.parquet", from_sheets, progress=True)
    faults = json.loads((tmp_path / "o.parquet.json").read_text())["faults"]
    strata = [f for f in faults if f["kind"] == "stratum"]
    assert [(f["trait"], f["columns"], f["effect"]) for f in strata] == [("case", "site; sex", "warning")]
    assert "warning: 'case': 'site; sex': " in capsys.readouterr().err
