"""Sample QC whole: what is counted, what is planted is found, and nothing else is."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from endotype.config import schema
from endotype.errors import InputError
from endotype.variants.kernels import (
    HET,
    HOM_ALT,
    HOM_REF,
    MISSING_CALL,
    count_by_class,
    count_carriers,
    sum_over_missing,
)
from endotype.variants.outliers import usual
from endotype.variants.plink import pack
from endotype.variants.sample_metrics import (
    DELETION,
    INSERTION,
    OTHER,
    SINGLETON,
    TRANSITION,
    TRANSVERSION,
    X_CLASS,
    Y_CLASS,
    sample_metrics,
    variant_classes,
)
from endotype.variants.sample_qc import Limits, pedigree_disagrees, qc_samples
from endotype.variants.verdicts import Bounds, Verdicts
from tests.variants.peers import plink2
from tests.variants.stores import kept_table, reads_table, save, store_of, variant_table, write_cohort


@pytest.mark.parametrize("n_people", [1, 5, 8])
def test_counts_by_class_by_variant_and_over_missing_calls(n_people):
    rng = np.random.default_rng(n_people)
    dosage = rng.integers(-1, 3, (90, n_people)).astype(np.int8)
    kind = rng.integers(-1, 3, 90).astype(np.int8)
    weight = rng.random(90)
    counts = np.zeros((3, n_people, 4), np.int64)
    count_by_class(pack(dosage), kind, counts)
    totals = np.zeros(n_people)
    sum_over_missing(pack(dosage), weight, totals)
    by_variant = count_carriers(pack(dosage), n_people)
    for column, value in ((HOM_REF, 0), (HET, 1), (HOM_ALT, 2), (MISSING_CALL, -1)):
        assert (by_variant[:, column] == (dosage == value).sum(axis=1)).all()
        for c in range(3):
            assert (counts[c, :, column] == (dosage[kind == c] == value).sum(axis=0)).all()
    np.testing.assert_allclose(totals, ((dosage < 0) * weight[:, None]).sum(axis=0), atol=1e-12)


def test_classes_of_variants():
    rows = [
        ("1", 10, "A", "G", 5, TRANSITION),
        ("chr1", 10, "C", "T", 1, TRANSITION + SINGLETON),
        ("1", 10, "A", "C", 5, TRANSVERSION),
        ("1", 10, "A", "AT", 5, INSERTION),
        ("1", 10, "AT", "A", 1, DELETION + SINGLETON),
        ("1", 10, "AT", "GC", 5, OTHER),
        ("X", 5_000_000, "A", "G", 1, X_CLASS),
        ("X", 100_000, "A", "G", 5, -1),
        ("chrY", 5_000_000, "A", "G", 5, Y_CLASS),
        ("MT", 10, "A", "G", 5, -1),
    ]
    kept = pd.DataFrame(rows, columns=["chrom", "pos", "ref", "alt", "alt_count", "class"])
    assert variant_classes(kept, "GRCh38").tolist() == kept["class"].tolist()


def test_metrics_equal_what_is_counted_by_hand():
    changes = [("A", "G"), ("C", "T"), ("A", "T"), ("A", "AT"), ("AT", "A"), ("G", "A")]
    dosage = np.array(
        [[1, 0, 2], [0, 0, 1], [1, 1, 0], [1, 2, -1], [2, 1, 0], [0, 1, -1]],
        np.int8,
    )
    table = pd.DataFrame(
        {"chrom": "1", "id": [f"v{i}" for i in range(6)], "cm": "0", "pos": range(1, 7)}
    ).assign(alt=[alt for _, alt in changes], ref=[ref for ref, _ in changes])
    store = store_of(dosage, table, ["a", "b", "c"])
    reads = reads_table(["c", "a", "b"], depth=[10, 20, 30], quality=50, depth_x=[5, 10, 30])
    reads.loc[0, ["n_monomorphic", "n_monomorphic_called"]] = [4, 3]
    ours = sample_metrics(store, kept_table(store), reads, "GRCh38").set_index("patient")
    assert ours["n_het"].tolist() == [3, 3, 1]
    assert ours["n_hom_alt"].tolist() == [1, 1, 1]
    assert ours["call_rate"].tolist() == pytest.approx([1, 1, 7 / 10])
    assert ours["n_snv"].tolist() == [2, 2, 2]
    assert ours["n_singleton"].tolist() == [0, 1, 1]
    assert ours["ti_tv"].tolist() == pytest.approx([1, 1, np.nan], nan_ok=True)
    assert ours["het_hom"].tolist() == [3, 3, 1]
    assert ours["indel_ratio"].tolist() == pytest.approx([1, 1, np.nan], nan_ok=True)
    assert ours["mean_depth"].tolist() == [20, 30, 10]
    assert ours["x_depth_ratio"].tolist() == [0.5, 1, 0.5]
    assert ours["y_depth_ratio"].isna().all() and ours["contamination"].isna().all()
    p = np.array([3 / 6, 1 / 6, 2 / 6, 3 / 4, 3 / 6, 1 / 4])
    expected = 2 * p * (1 - p)
    called = dosage >= 0
    f = [1 - (dosage[:, i] == 1).sum() / expected[called[:, i]].sum() for i in range(3)]
    assert ours["inbreeding"].tolist() == pytest.approx(f)


def test_heterozygotes_and_inbreeding_equal_plink2(tmp_path):
    rng = np.random.default_rng(5)
    dosage = rng.binomial(2, rng.uniform(0.02, 0.98, (1500, 1)), (1500, 60)).astype(np.int8)
    dosage[rng.random(dosage.shape) < 0.03] = -1
    store = store_of(dosage)
    save(tmp_path / "g", store)
    plink2("--bfile", tmp_path / "g", "--het", "--missing", "sample-only", "--out", tmp_path / "p")
    het = pd.read_csv(tmp_path / "p.het", sep="\t")
    missing = pd.read_csv(tmp_path / "p.smiss", sep="\t")
    patients = store.people["iid"].tolist()
    ours = sample_metrics(store, kept_table(store), reads_table(patients), "GRCh38")
    # plink2 prints six significant digits.
    np.testing.assert_allclose(ours["inbreeding"], het["F"], atol=1e-6)
    assert (ours["n_het"] == het["OBS_CT"] - het["O(HOM)"]).all()
    np.testing.assert_allclose(1 - ours["call_rate"], missing["F_MISS"], atol=1e-6)


def test_tables_of_another_store_are_an_error():
    store = store_of(np.zeros((4, 2)))
    with pytest.raises(InputError, match="3 kept variants"):
        sample_metrics(store, kept_table(store).iloc[:3], reads_table(["P0000", "P0001"]), "GRCh38")


def test_the_limits_are_those_of_the_configuration():
    keys = schema("config")["properties"]["sample_qc"]["properties"]
    ours = {limit.name: limit.default for limit in fields(Limits)}
    theirs = {name: entry["default"] for name, entry in keys.items() if name != "reference_panel"}
    assert ours == theirs


class TestVerdicts:
    def judge(self, value, bounds, detail=None):
        verdicts = Verdicts([str(i) for i in range(len(value))])
        verdicts.judge("m", "Call rate", np.array(value), bounds, "Not looked at.", detail)
        return verdicts.table([None] * len(value))

    def test_each_side_of_each_limit(self):
        table = self.judge(
            [0.5, 0.9, 0.92, 0.95, 0.97, 0.995, 1.0, np.nan],
            Bounds(warn_below=0.95, fail_below=0.9, warn_above=0.98, fail_above=0.999),
        )
        assert table["verdict"].tolist() == [
            *("fail", "warn", "warn", "pass", "pass", "warn", "fail", "not_assessed")
        ]
        assert table["explanation"].tolist()[:3] == [
            "Call rate 0.5 is below 0.9.",
            "Call rate 0.9 is below 0.95.",
            "Call rate 0.92 is below 0.95.",
        ]
        assert table["explanation"].tolist()[-1] == "Not looked at."
        assert table["lower"].tolist()[:3] == [0.9, 0.95, 0.95]

    def test_a_value_next_to_its_limit_is_written_with_the_digits_that_tell_them_apart(self):
        table = self.judge([0.89999999, 12345.6], Bounds(fail_below=0.9, warn_above=12345.5))
        assert table["explanation"].tolist() == [
            "Call rate 0.89999999 is below 0.9.",
            "Call rate 12345.6 is above 12345.5.",
        ]

    def test_numbers_are_never_written_with_an_exponent(self):
        table = self.judge([1505.0, 0.0000004, 0.0], Bounds(warn_above=1600.0))
        assert table["explanation"].tolist() == [
            "Call rate 1505 is at most 1600.",
            "Call rate 0.0000004 is at most 1600.",
            "Call rate 0 is at most 1600.",
        ]

    def test_the_worst_verdict_is_the_persons_and_failures_are_named_first(self):
        verdicts = Verdicts(["a", "b", "c"])
        verdicts.judge("x", "X", np.array([1.0, 3.0, np.nan]), Bounds(warn_above=2), "Nothing.")
        verdicts.judge("y", "Y", np.array([1.0, 3.0, np.nan]), Bounds(fail_above=2), "Nothing.")
        assert verdicts.overall() == ["pass", "fail", "not_assessed"]
        assert verdicts.reasons() == ["", "Y 3 is above 2; X 3 is above 2", ""]
        assert verdicts.failed().tolist() == [False, True, False]


class TestUsual:
    def test_a_measure_that_follows_the_axes_has_no_outliers_but_the_planted_one(self):
        rng = np.random.default_rng(1)
        scores = rng.normal(size=(200, 2))
        values = 5 + scores @ [2.0, -1.0] + rng.normal(0, 0.1, 200)
        values[7] += 2
        found = usual(values, np.ones(200, bool), scores, None)
        away = np.abs(values - found.center) / found.deviation
        assert away.argmax() == 7 and away[7] > 15
        assert np.sort(away)[-2] < 4
        assert found.deviation[0] == pytest.approx(0.1, rel=0.2)

    def test_within_populations_and_not_in_small_ones(self):
        values = np.concatenate([np.linspace(0, 1, 30), np.linspace(10, 11, 30), np.linspace(5, 6, 5)])
        names = np.array(["a"] * 30 + ["b"] * 30 + ["c"] * 3 + [""] * 2)
        found = usual(values, np.ones(65, bool), None, names)
        assert found.center[0] == pytest.approx(0.5) and found.center[40] == pytest.approx(10.5)
        assert np.isnan(found.center[60:]).all()

    def test_too_few_people_or_no_scatter_say_nothing(self):
        assert np.isnan(usual(np.arange(19.0), np.ones(19, bool), None, None).center).all()
        assert np.isnan(usual(np.ones(50), np.ones(50, bool), None, None).deviation).all()


@pytest.mark.parametrize(
    ("found", "declared", "disagrees"),
    [
        ("parent_child", "parent_child", False),
        ("full_sibling", "parent_child", True),
        ("unrelated", "parent_child", True),
        ("second_degree", "full_sibling", True),
        ("third_degree", "second_degree", False),
        ("unrelated", "second_degree", True),
        ("unrelated", "third_degree", False),
        ("full_sibling", "second_degree", True),
        ("duplicate", "full_sibling", True),
    ],
)
def test_when_a_pedigree_disagrees(found, declared, disagrees):
    assert pedigree_disagrees(found, declared) is disagrees


N, N_AUTOSOMAL, N_X, N_Y = 60, 4000, 300, 40
DAD, MUM, KID, TWIN, COPY, DIRTY, POOR, SWAPPED, LIAR, XXY, X0 = range(11)


def genome(rng: np.random.Generator) -> tuple[np.ndarray, pd.DataFrame, list[str]]:
    """60 people, women at even places, with one of everything that can be wrong among the first."""
    frequency = rng.uniform(0.1, 0.9, (N_AUTOSOMAL + N_X, 1))
    mother_side = rng.binomial(1, frequency, (len(frequency), N))
    father_side = rng.binomial(1, frequency, (len(frequency), N))
    pick = rng.random((2, len(frequency))) < 0.5
    father_side[:, KID] = np.where(pick[0], mother_side[:, DAD], father_side[:, DAD])
    mother_side[:, KID] = np.where(pick[1], mother_side[:, MUM], father_side[:, MUM])
    dosage = mother_side + father_side
    female = np.arange(N) % 2 == 0
    female[[DAD, MUM, SWAPPED]] = [False, True, False]
    dosage[N_AUTOSOMAL:, ~female] = 2 * mother_side[N_AUTOSOMAL:, ~female]
    dosage[:, COPY] = dosage[:, TWIN]
    female[COPY] = female[TWIN]
    y = np.where(female, -1, 2 * rng.binomial(1, 0.3, (N_Y, N)))
    dosage = np.concatenate([dosage, y])
    for person, x_copies, has_y in ((XXY, 2, True), (X0, 1, False)):
        both = mother_side[N_AUTOSOMAL:, person] + father_side[N_AUTOSOMAL:, person]
        dosage[N_AUTOSOMAL:-N_Y, person] = both if x_copies == 2 else 2 * mother_side[N_AUTOSOMAL:, person]
        dosage[-N_Y:, person] = 0 if has_y else -1
    dosage[:N_AUTOSOMAL][rng.random((N_AUTOSOMAL, N)) < 0.01] = -1
    dosage[:N_AUTOSOMAL, POOR][rng.random(N_AUTOSOMAL) < 0.3] = -1
    het = rng.random(N_AUTOSOMAL) < 0.25
    dosage[:N_AUTOSOMAL, DIRTY][het] = 1
    tables = [
        variant_table(N_AUTOSOMAL, "1", 5000, "G", "A"),
        variant_table(N_X, "X", 300_000),
        variant_table(N_Y, "Y", 100_000),
    ]
    sex = ["female" if f else "male" for f in female]
    sex[SWAPPED] = "female"
    sex[XXY] = "male"
    sex[X0] = "female"
    return dosage.astype(np.int8), pd.concat(tables, ignore_index=True), sex


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cohort")
    dosage, table, sex = genome(np.random.default_rng(12))
    store = store_of(dosage, table)
    names = store.people["iid"].tolist()
    contamination = np.full(N, 0.005)
    contamination[DIRTY] = 0.08
    male = np.array([(dosage[-1, i] >= 0) for i in range(N)])
    x = np.where(male, 0.5, 1.0)
    x[[XXY, X0]] = [1.0, 0.5]
    reads = reads_table(
        names, depth=30, quality=60, charr=contamination, depth_x=30 * x, depth_y=np.where(male, 14.0, 0.0)
    )
    arguments = write_cohort(folder, store, sex, reads)
    ped = folder / "family.ped"
    ped.write_text(
        f"F {names[KID]} {names[DAD]} {names[MUM]} 0 -9\nF {names[DAD]} 0 0 1 -9\nF {names[MUM]} 0 0 2 -9\n"
        f"G {names[LIAR]} {names[DIRTY + 20]} 0 0 -9\nG {names[DIRTY + 20]} 0 0 0 -9\n"
    )
    qc_samples(**arguments, assembly="GRCh38", limits=Limits(), out_dir=folder / "out", pedigree=ped)
    return folder, arguments, ped, names


def read(folder, name):
    return pd.read_parquet(folder / "out" / name)


def test_everything_planted_is_found_and_nobody_else_fails(judged):
    folder, _, _, names = judged
    qc = read(folder, "sample_qc.parquet").set_index("patient")
    failed = set(qc.index[qc["verdict"] == "fail"])
    assert failed == {names[i] for i in (TWIN, COPY, DIRTY, POOR, SWAPPED)}
    assert (qc["in_statistics"] == (qc["verdict"] != "fail")).all()
    reasons = {i: qc.loc[names[i], "reasons"] for i in range(11)}
    assert f"Same genome as {names[COPY]}" in reasons[TWIN]
    assert "Estimated contamination 0.08 is above 0.05" in reasons[DIRTY]
    assert "Call rate 0.70" in reasons[POOR] and "is below 0.9" in reasons[POOR]
    assert "Declared female, but the genotypes are male" in reasons[SWAPPED]
    assert "two X and a Y, as in XXY" in reasons[XXY]
    assert "one X and no Y, as in X0" in reasons[X0]
    assert f"Declared parent or child of {names[DIRTY + 20]}, by the genotypes unrelated" in reasons[LIAR]
    assert qc.loc[[names[XXY], names[X0]], "inferred_sex"].tolist() == ["ambiguous", "ambiguous"]
    others = [names[i] for i in range(11, N) if i != DIRTY + 20]
    # Chance alone gives some of them a remark by median absolute deviations; nothing else.
    remarked = qc.loc[others][qc.loc[others, "verdict"] != "pass"]
    assert len(remarked) <= 3 and remarked["reasons"].str.contains("median absolute").all()


def test_the_trio_is_confirmed_and_one_of_each_pair_leaves_the_unrelated(judged):
    folder, _, _, names = judged
    pairs = read(folder, "relatedness.parquet").set_index(["patient_a", "patient_b"])
    assert pairs.loc[(names[DAD], names[KID]), "relationship"] == "parent_child"
    assert pairs.loc[(names[DAD], names[KID]), "declared"] == "parent_child"
    qc = read(folder, "sample_qc.parquet").set_index("patient")
    assert not qc.loc[names[KID], "unrelated"]
    assert qc.loc[[names[DAD], names[MUM]], "unrelated"].all()
    assert qc.loc[[names[TWIN], names[COPY]], "unrelated"].sum() == 1
    metrics = read(folder, "sample_metrics.parquet").set_index(["patient", "metric"])
    assert metrics.loc[(names[KID], "mendelian_errors"), "value"] < 0.001
    assert metrics.loc[(names[LIAR], "mendelian_errors"), "verdict"] == "warn"
    assert metrics.loc[(names[20], "mendelian_errors"), "verdict"] == "not_assessed"


def test_axes_are_fitted_on_the_unrelated_without_a_fault_of_the_sample(judged):
    folder, _, _, names = judged
    used = read(folder, "ancestry.parquet").set_index("patient")["used_for_fit"]
    assert not used[[names[i] for i in (KID, TWIN, COPY, DIRTY, POOR)]].any()
    assert used[[names[i] for i in (DAD, MUM, SWAPPED, 20, 30)]].all()
    assert used.sum() == N - 5


def test_every_person_has_every_metric_and_each_says_why(judged):
    folder, _, _, names = judged
    table = read(folder, "sample_metrics.parquet")
    assert table.columns.tolist() == [
        *("patient", "metric", "value", "lower", "upper", "verdict", "explanation", "population")
    ]
    metrics = table["metric"].unique()
    assert len(metrics) == 18
    assert table["patient"].tolist() == [name for name in names for _ in metrics]
    assert table["verdict"].isin(["pass", "warn", "fail", "not_assessed"]).all()
    assert table["explanation"].str.fullmatch(r"[A-Z].*\.").all()
    assert not table["explanation"].str.contains(";").any()
    assert table["population"].isna().all()
    assessed = table[table["verdict"] != "not_assessed"]
    assert assessed["value"].notna().mean() > 0.9
    # What isn't assessed is never a pass: there is no panel, and too little genome for runs.
    never = table[table["metric"].isin(["ancestry", "roh"])]
    assert (never["verdict"] == "not_assessed").all() and never["value"].isna().all()
    worst = table.groupby("patient")["verdict"].agg(
        lambda v: "fail" if "fail" in set(v) else "warn" if "warn" in set(v) else "pass"
    )
    qc = read(folder, "sample_qc.parquet").set_index("patient")
    assert (qc["verdict"] == worst.reindex(qc.index)).all()


def test_the_same_again_byte_for_byte(judged, tmp_path):
    folder, arguments, ped, _ = judged
    qc_samples(**arguments, assembly="GRCh38", limits=Limits(), out_dir=tmp_path, pedigree=ped)
    first = sorted(path for path in (folder / "out").iterdir())
    assert len(first) == 7
    for path in first:
        assert (tmp_path / path.name).read_bytes() == path.read_bytes(), path.name


def test_depth_and_contamination_that_are_not_there_are_not_assessed(judged, tmp_path):
    _, arguments, _, names = judged
    bare = tmp_path / "reads.parquet"
    reads_table(names).to_parquet(bare)
    qc_samples(**{**arguments, "reads": bare}, assembly="GRCh38", limits=Limits(), out_dir=tmp_path / "out")
    table = read(tmp_path, "sample_metrics.parquet")
    for metric in (
        "mean_depth",
        "mean_genotype_quality",
        "contamination",
        "x_depth_ratio",
        "mendelian_errors",
    ):
        assert (table.loc[table["metric"] == metric, "verdict"] == "not_assessed").all()
    qc = read(tmp_path, "sample_qc.parquet")
    assert qc.loc[DIRTY, "verdict"] != "fail" and np.isnan(qc.loc[DIRTY, "contamination"])


def test_an_empty_store_and_one_person_give_tables_all_the_same(tmp_path):
    for name, dosage in (("nothing", np.zeros((0, 3))), ("one", np.ones((10, 1)))):
        folder = tmp_path / name
        folder.mkdir()
        store = store_of(dosage, variant_table(len(dosage)))
        patients = store.people["iid"].tolist()
        arguments = write_cohort(folder, store, ["unknown"] * len(patients), reads_table(patients))
        qc_samples(**arguments, assembly="GRCh38", limits=Limits(), out_dir=folder / "out")
        assert read(folder, "sample_qc.parquet")["patient"].tolist() == patients
        assert pq.read_schema(folder / "out" / "ancestry.parquet").names[-2:] == [
            "population",
            "population_probability",
        ]
