"""Who is analysed, for which traits, adjusted for what, and that everything left out has its reason."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from endotype.association.covariate_faults import name_faults
from endotype.association.covariates import choose_covariates, one_hot
from endotype.association.design import build_design, read_design
from endotype.association.prepare import prepare_design
from endotype.association.rank_normal import rank_inverse_normal
from endotype.association.relatives import drop_relatives
from endotype.association.statement import statement
from endotype.errors import InputError
from endotype.files import write_json
from endotype.tables import write_parquet

N = 120


def entry(kind: str, role: str, **more: object) -> dict[str, object]:
    return {
        "type": kind, "role": role, "unit": None, "range": None, "values": None, "description": None, **more
    }  # fmt: skip


@pytest.fixture
def cohort() -> dict[str, object]:
    """The tables that a design is made from, as the stages before write them."""
    rng = np.random.default_rng(6)
    patients = [f"P{i:03}" for i in range(N)]
    site = rng.choice(["north", "south", "west"], N, p=[0.5, 0.3, 0.2])
    clinical = pd.DataFrame(
        {
            "patient": patients,
            "age": rng.normal(50, 9, N),
            "site": pd.Series(site, dtype="str"),
            "smoker": pd.array(rng.random(N) < 0.3, dtype="boolean"),
            "ldl": rng.normal(3, 1, N),
            "asthma": pd.array(rng.random(N) < 0.4, dtype="boolean"),
            "eye": pd.Series(rng.choice(["blue", "brown", "green"], N), dtype="str"),
            "years": rng.exponential(5, N),
            "died": pd.array(rng.random(N) < 0.5, dtype="boolean"),
            "marker": rng.normal(size=N),
        }
    )
    clinical.loc[3, "ldl"] = np.nan
    clinical.loc[4, "asthma"] = pd.NA
    clinical.loc[5, "age"] = np.nan
    columns = {
        "patient": entry("text", "identifier"),
        "age": entry("number", "covariate"),
        "site": entry("category", "confounder", values=["north", "south", "west"]),
        "smoker": entry("binary", "covariate"),
        "ldl": entry("number", "trait"),
        "asthma": entry("binary", "trait"),
        "eye": entry("category", "trait", values=["blue", "brown", "green"]),
        "years": entry("number", "outcome"),
        "died": entry("binary", "outcome"),
        "marker": entry("number", "feature"),
    }
    order = list(reversed(patients))  # the genotypes' order is not the table's
    sex = rng.choice(["male", "female"], N)
    return {
        "clinical": clinical,
        "dictionary": {
            "missing": ["NA"],
            "columns": columns,
            "outcomes": {"survival": {"time": "years", "event": "died"}},
        },
        "people": pd.DataFrame({"patient": patients, "sex": sex}),
        "sample_qc": pd.DataFrame({"patient": order, "inferred_sex": sex[::-1], "in_statistics": True}),
        "relatedness": pd.DataFrame({"patient_a": ["P001"], "patient_b": ["P002"], "kinship": [0.25]}),
        "ancestry": pd.DataFrame({"patient": order} | {f"pc{j}": rng.normal(size=N) for j in (1, 2, 3)}),
    }


def build(cohort, n_components: int = 3):
    return build_design(**cohort, max_kinship=0.177, n_components=n_components)


def test_design_has_the_order_of_the_genotypes_and_numbers_only(cohort):
    design = build(cohort)
    assert list(design.frame["patient"]) == list(cohort["sample_qc"]["patient"])
    expected = ["patient", "asthma", "ldl", "survival.time", "survival.event", "age"]
    assert list(design.frame.columns)[:6] == expected
    assert list(design.frame.columns)[6:] == [
        "site.south", "site.west", "smoker", "sex", "pc1", "pc2", "pc3", "in_analysis",
    ]  # fmt: skip
    assert (design.frame.drop(columns=["patient", "in_analysis"]).dtypes == "float64").all()
    person = design.frame.set_index("patient").loc["P007"]
    source = cohort["clinical"].set_index("patient").loc["P007"]
    assert person["age"] == source["age"]
    assert person["survival.event"] == float(source["died"])


def test_missing_stays_missing(cohort):
    frame = build(cohort).frame.set_index("patient")
    assert np.isnan(frame.loc["P003", "ldl"])
    assert np.isnan(frame.loc["P004", "asthma"])
    assert np.isnan(frame.loc["P005", "age"])


def test_a_trait_holds_those_with_the_trait_and_all_covariates(cohort):
    design = build(cohort)
    ldl = design.trait("ldl")
    left_out = set(design.frame["patient"]) - set(design.frame["patient"].iloc[ldl.rows])
    assert left_out == {"P003", "P005", "P002"}  # no trait, no age, related to P001
    assert ldl.names == ("age", "site.south", "site.west", "smoker", "sex", "pc1", "pc2", "pc3")
    assert np.isfinite(ldl.covariates).all()
    cohort["clinical"].loc[8, "died"] = pd.NA  # a time without the word whether it ended with the event
    cohort["clinical"].loc[9, "years"] = np.nan
    left_out = set(design.frame["patient"]) - set(
        design.frame["patient"].iloc[build(cohort).trait("survival").rows]
    )
    assert left_out == {"P008", "P009", "P005", "P002"}
    survival = design.trait("survival")
    assert survival.kind == "cox" and survival.event is not None and survival.event.dtype == bool
    assert design.info["traits"]["ldl"]["n"] == len(ldl.rows)


def test_late_entry_goes_with_the_outcome(cohort):
    years = cohort["clinical"]["years"].to_numpy()
    begin = years * np.linspace(0, 0.9, N)
    begin[10], begin[11], begin[12] = np.nan, years[11], years[12] + 1  # unknown, or not before the time
    cohort["clinical"]["begin"] = begin
    cohort["dictionary"]["columns"]["begin"] = entry("number", "outcome")
    cohort["dictionary"]["outcomes"]["survival"]["entry"] = "begin"
    design = build(cohort)
    assert list(design.frame.columns)[3:6] == ["survival.time", "survival.event", "survival.entry"]
    survival = design.trait("survival")
    people = design.frame["patient"].iloc[survival.rows]
    assert set(design.frame["patient"]) - set(people) == {"P010", "P011", "P012", "P005", "P002"}
    expected = pd.Series(begin, cohort["clinical"]["patient"]).loc[people].to_numpy()
    np.testing.assert_array_equal(survival.entry, expected)
    assert design.info["traits"]["survival"]["n"] == len(people) == N - 5
    assert design.trait("ldl").entry is None


def test_a_trait_is_made_normal_by_rank_when_the_dictionary_says_so(cohort):
    plain = build(cohort)
    cohort["dictionary"]["columns"]["ldl"]["transform"] = "rank_normal"
    design = build(cohort)
    assert design.info["traits"]["ldl"]["transformation"].startswith("rank-based inverse normal")
    ldl = design.trait("ldl")
    np.testing.assert_array_equal(ldl.values, rank_inverse_normal(plain.trait("ldl").values))
    np.testing.assert_array_equal(ldl.rows, plain.trait("ldl").rows)
    others = [c for c in design.frame if c != "ldl"]
    pd.testing.assert_frame_equal(design.frame[others], plain.frame[others])
    assert "Trait: rank-based inverse normal" in statement(design.info, "ldl", alpha=0.05)
    cohort["clinical"]["ldl"] = 1.0  # can't be tested: nothing to transform
    assert "constant" in build(cohort).info["not_assessed"]["ldl"]


def test_who_is_left_out_is_counted_by_reason(cohort):
    cohort["clinical"] = cohort["clinical"].drop(index=[0, 1])
    cohort["sample_qc"].loc[5, "in_statistics"] = False
    cohort["relatedness"] = pd.DataFrame({"patient_a": ["P010"], "patient_b": ["P011"], "kinship": [0.5]})
    info = build(cohort).info
    assert info["samples"]["excluded"] == {
        "no clinical record": 2,
        "sample quality": 1,
        "closely related to another person": 1,
    }
    assert (
        info["samples"]["in_genotypes"] - sum(info["samples"]["excluded"].values())
        == (info["samples"]["in_analysis"])
    )
    assert info["samples"]["relatives_left_out"] == [{"patient": "P011", "relative": "P010"}]


def test_covariates_that_cannot_be_used_are_dropped_with_the_reason(cohort):
    clinical, columns = cohort["clinical"], cohort["dictionary"]["columns"]
    clinical["age_in_months"] = clinical["age"] * 12
    clinical["planet"] = 3.0
    clinical["rarely"] = np.where(np.arange(N) < 60, np.nan, 1.0 * np.arange(N))
    for name in ("age_in_months", "planet", "rarely"):
        columns[name] = entry("number", "covariate")
    cohort["people"]["sex"] = "female"
    info = build(cohort).info
    dropped = info["covariates"]["dropped"]
    assert dropped["age_in_months"] == "collinear with age"
    assert dropped["planet"] == "constant"
    assert dropped["sex"] == "constant"
    assert dropped["rarely"].startswith("missing for 59 of 119")
    assert info["samples"]["with_all_covariates"] > 100


def test_declared_sex_is_filled_from_the_genotypes(cohort):
    cohort["people"].loc[7, "sex"] = "unknown"
    cohort["sample_qc"].loc[N - 8, "inferred_sex"] = "male"
    assert build(cohort).frame.set_index("patient").loc["P007", "sex"] == 1
    cohort["sample_qc"].loc[N - 8, "inferred_sex"] = "unknown"
    assert np.isnan(build(cohort).frame.set_index("patient").loc["P007", "sex"])


def test_a_covariate_that_separates_is_dropped_for_that_trait_only(cohort):
    female = cohort["people"]["sex"].eq("female").to_numpy()
    asthma = cohort["clinical"]["asthma"].to_numpy(dtype=float, na_value=0) == 1
    cohort["clinical"]["asthma"] = pd.array(asthma & female, dtype="boolean")  # no man is a case
    info = build(cohort).info
    assert info["traits"]["asthma"]["dropped"] == {"sex": "separates the cases from the controls"}
    assert "sex" in info["traits"]["ldl"]["covariates"]


@pytest.mark.parametrize(
    ("column", "values", "reason"),
    [
        ("ldl", np.full(N, np.nan), "all values are missing"),
        ("ldl", np.full(N, 2.5), "constant"),
        ("asthma", np.arange(N) % 30 == 11, "4 cases; at least 10 are needed"),
        ("asthma", np.zeros(N, bool), "are controls"),
        ("asthma", np.ones(N, bool), "are cases"),
        ("died", np.arange(N) < 9, "events; at least 10 are needed"),
    ],
)
def test_traits_that_cannot_be_tested_say_why(cohort, column, values, reason):
    cohort["clinical"][column] = pd.array(values, "boolean") if values.dtype == bool else values
    info = build(cohort).info
    name = "survival" if column == "died" else column
    assert reason in info["not_assessed"][name]
    assert name not in info["traits"]


def test_a_category_is_not_tested_and_says_so(cohort):
    design = build(cohort)
    assert design.info["not_assessed"] == {"eye": "a category with more than two values is not tested"}
    with pytest.raises(InputError, match="more than two values"):
        design.trait("eye")
    with pytest.raises(InputError, match="no trait 'ldI'"):
        design.trait("ldI")


def test_without_principal_components_the_analysis_goes_on_and_says_so(cohort):
    cohort["ancestry"][["pc1", "pc2", "pc3"]] = np.nan
    info = build(cohort, n_components=4).info
    assert info["notes"] == ["0 of 4 principal components are available"]
    assert info["traits"]["ldl"]["n"] > 100


def test_nobody_at_all_gives_an_empty_design(cohort):
    for name in ("people", "sample_qc", "relatedness", "ancestry", "clinical"):
        cohort[name] = cohort[name].iloc[:0]
    design = build(cohort)
    assert len(design.frame) == 0
    assert set(design.info["not_assessed"]) == {"ldl", "asthma", "eye", "survival"}
    assert design.info["not_assessed"]["ldl"] == "nobody is in the analysis"


@pytest.mark.parametrize("name", ["genes", "loci", "summary", "design", "x.genes"])
def test_a_trait_named_like_a_file_of_the_stage_is_refused(cohort, name):
    cohort["dictionary"]["columns"][name] = entry("number", "trait")
    cohort["clinical"][name] = 1.0
    with pytest.raises(InputError, match="a trait named"):
        build(cohort)


def test_a_clinical_column_named_sex_or_pc1_keeps_its_name(cohort):
    for name in ("sex", "pc1"):
        cohort["clinical"][name] = np.random.default_rng(1).normal(size=N)
        cohort["dictionary"]["columns"][name] = entry("number", "covariate")
    frame = build(cohort).frame
    assert {"sex", "declared_sex", "pc1", "genetic_pc1", "pc2"} <= set(frame.columns)
    assert frame.columns.is_unique


def test_design_comes_back_from_disk_as_it_was(cohort, tmp_path):
    for name in ("clinical", "people", "sample_qc", "relatedness", "ancestry"):
        write_parquet(cohort[name], tmp_path / f"{name}.parquet")
    write_json(tmp_path / "dictionary.json", cohort["dictionary"])
    paths = [tmp_path / f"{n}.parquet" for n in ("people", "sample_qc", "relatedness", "ancestry")]
    written = []
    for folder in ("one", "two"):
        prepare_design(
            tmp_path / "clinical.parquet",
            tmp_path / "dictionary.json",
            *paths,
            tmp_path / folder,
            max_kinship=0.177,
            n_components=3,
        )
        written.append([p.read_bytes() for p in sorted((tmp_path / folder).iterdir())])
    assert written[0] == written[1]
    design = read_design(tmp_path / "one" / "design.parquet", tmp_path / "one" / "design.json")
    expected = build(cohort)
    pd.testing.assert_frame_equal(design.frame, expected.frame, check_dtype=False)
    assert design.info == name_faults(expected).info
    np.testing.assert_array_equal(design.trait("asthma").covariates, expected.trait("asthma").covariates)


def test_one_hot_leaves_out_the_most_frequent_level_and_unseen_ones():
    column = pd.Series(["b", "a", "b", None, "z"], dtype="str")
    table = one_hot("s", column, ["a", "b", "c"])
    assert list(table.columns) == ["s.a", "s.z"]
    assert table.iloc[3].isna().all()
    assert list(table["s.a"].dropna()) == [0, 1, 0, 0]
    assert one_hot("s", pd.Series([None, None], dtype="str"), ["a"]).shape == (2, 0)


def test_collinear_covariates_name_what_they_are_made_of():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(50, 3)), columns=["a", "b", "c"])
    frame["sum"] = 2 * frame["a"] - 1e4 * frame["c"] + 7
    assert choose_covariates(frame) == (["a", "b", "c"], {"sum": "collinear with a, c"})


def test_cox_drops_a_group_without_events_but_not_one_full_of_them():
    group = pd.DataFrame({"g": [0.0] * 10 + [1.0] * 10})
    events = np.array([False] * 10 + [True, False] * 5)
    assert choose_covariates(group, events, controls_matter=False)[1] == {"g": "a group without events"}
    events = np.array([True, False] * 5 + [True] * 10)
    assert choose_covariates(group, events, controls_matter=False)[0] == ["g"]


def test_relatives_keep_who_has_fewer_relatives_then_more_traits_then_the_smaller_id():
    def pairs(*rows):
        return pd.DataFrame(rows, columns=["patient_a", "patient_b", "kinship"])

    trio = pairs(("child", "mother", 0.25), ("child", "father", 0.25))
    everyone = ["child", "mother", "father"]
    assert drop_relatives(everyone, trio, 0.177, {}) == {"child": "father"}
    twins = pairs(("b", "a", 0.5))
    assert drop_relatives("ab", twins, 0.177, {"a": 1, "b": 1}) == {"b": "a"}
    assert drop_relatives("ab", twins, 0.177, {"a": 1, "b": 3}) == {"a": "b"}
    assert drop_relatives("ab", twins, 0.5, {}) == {}
    assert drop_relatives("a", twins, 0.177, {}) == {}


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.sampled_from([0.1, 0.2, 0.5])), max_size=30)
)
def test_no_related_pair_is_left_and_the_order_of_pairs_does_not_matter(rows):
    pairs = pd.DataFrame(
        [(f"P{a}", f"P{b}", k) for a, b, k in rows], columns=["patient_a", "patient_b", "kinship"]
    )
    everyone = [f"P{i}" for i in range(10)]
    dropped = drop_relatives(everyone, pairs, 0.177, {})
    assert dropped == drop_relatives(everyone[::-1], pairs.iloc[::-1], 0.177, {})
    close = pairs[(pairs["kinship"] > 0.177) & (pairs["patient_a"] != pairs["patient_b"])]
    assert not (~close["patient_a"].isin(dropped) & ~close["patient_b"].isin(dropped)).any()
    assert all(relative in everyone for relative in dropped.values())
