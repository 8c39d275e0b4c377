"""Faults of covariates, traits and sheets: each is found, named, and counted before anything is tested."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from endotype.association.covariate_faults import (
    FAULT_COLUMNS,
    combination,
    find_faults,
    require_finite,
    strata_of_one_outcome,
)
from endotype.association.covariates import choose_covariates
from endotype.association.logistic import fit_logistic
from endotype.association.reconcile import reconcile
from endotype.association.separation import separating_columns
from endotype.association.sheets import design_from_sheets, read_sheet
from endotype.errors import InputError
from tests.association.builders import make_design

N = 200


@pytest.fixture
def rng():
    return np.random.default_rng(4)


class TestSeparation:
    def test_one_two_and_no_columns(self, rng):
        x = rng.normal(size=(N, 5))
        assert separating_columns(x, rng.random(N) < 0.3) == []
        assert separating_columns(x, x[:, 3] > 0.5) == [3]
        assert separating_columns(x, x[:, 1] + 2 * x[:, 4] > 1) == [1, 4]
        assert separating_columns(x[:, :0], x[:, 0] > 0) == []
        assert separating_columns(x, np.ones(N, bool)) == []

    def test_it_is_found_exactly_where_the_fit_fails(self, rng):
        """Small samples with coarse covariates separate now and then: somebody's risk is then 0 or 1."""
        found = {True: 0, False: 0}
        for _ in range(150):
            x = rng.integers(0, 3, (24, 3)).astype(float)
            cases = rng.random(24) < 1 / (1 + np.exp(2 - 2 * x[:, 0]))
            if not 0 < cases.sum() < 24 or np.linalg.matrix_rank(np.column_stack([np.ones(24), x])) < 4:
                continue
            separates = bool(separating_columns(x, cases))
            found[separates] += 1
            model = fit_logistic(cases, x)
            certain = not model.converged or model.weight.min() < 1e-8
            assert separates == certain
        assert min(found.values()) > 10

    def test_a_stratum_of_controls_is_quasi_separation(self, rng):
        site = (np.arange(N) < 20).astype(float)
        cases = (rng.random(N) < 0.4) & (site == 0)
        assert separating_columns(np.column_stack([rng.normal(size=N), site]), cases) == [1]

    def test_the_combination_is_dropped_by_name(self, rng):
        frame = pd.DataFrame(rng.normal(size=(N, 3)), columns=["age", "bmi", "pc1"])
        cases = (frame["age"] - frame["bmi"] > 0.3).to_numpy()
        kept, dropped = choose_covariates(frame, cases)
        assert kept == ["age", "pc1"]
        assert dropped == {"bmi": "separates the cases from the controls together with age"}
        assert fit_logistic(cases, frame[kept].to_numpy()).converged


class TestFaults:
    def test_everything_is_listed_once_with_what_was_done(self, rng):
        sex, age = rng.integers(0, 2, N).astype(float), rng.normal(50, 9, N)
        south, north = np.zeros(N), np.zeros(N)
        south[:60], north[60:130] = 1, 1
        case = (rng.random(N) < 0.5).astype(float)
        case[(north == 1) & (sex == 1)] = 1
        traits = {
            "bt": ("logistic", case),
            "few": ("logistic", np.arange(N) < 7),
            "flat": ("linear", np.full(N, 3.0)),
            "by_sex": ("logistic", np.where(sex == 1, rng.random(N) < 0.5, 0)),
        }
        covariates = {
            "age": age, "sex": sex, "site.south": south, "site.north": north,
            "months": 12 * age + 3 * sex - 5, "planet": np.full(N, 3.0),
        }  # fmt: skip
        table = find_faults(make_design(traits, covariates, N))
        assert list(table.columns) == list(FAULT_COLUMNS)
        rows = {(r.trait, r.kind, r.columns): (r.effect, r.detail) for r in table.itertuples()}
        assert len(rows) == len(table)
        assert rows["", "collinear", "months"] == (
            "covariate_dropped", "collinear with age, sex: months = 12 age + 3 sex - 5",
        )  # fmt: skip
        assert rows["", "covariate", "planet"] == ("covariate_dropped", "constant")
        assert rows["few", "trait", "few"][1] == "7 cases; at least 10 are needed"
        assert rows["flat", "trait", "flat"][0] == "trait_not_assessed"
        assert rows["by_sex", "separating", "sex"][0] == "covariate_dropped"
        n = int(((north == 1) & (sex == 1)).sum())
        assert rows["bt", "stratum", "sex; site"] == (
            "warning", f"sex = 1 and site = north: all {n} people are cases",
        )  # fmt: skip
        assert rows["by_sex", "stratum", "sex"][1].endswith("are controls")
        assert [key for key in rows if key[0] == "bt"] == [("bt", "stratum", "sex; site")]

    def test_a_design_without_faults_gives_no_row(self, rng):
        design = make_design({"qt": ("linear", rng.normal(size=N))}, {"age": rng.normal(size=N)}, N)
        table = find_faults(design)
        assert len(table) == 0 and list(table.columns) == list(FAULT_COLUMNS)

    def test_strata_too_small_to_mean_anything_are_left_out(self):
        levels = pd.Series(["a"] * 8 + ["b"] * 92)
        cases = np.arange(100) % 4 == 0
        cases[:8] = False
        assert strata_of_one_outcome({"site": levels}, cases) == []  # two cases would be expected
        cases[:8] = True
        assert strata_of_one_outcome({"site": levels}, cases) == [
            (("site",), "site = a: all 8 people are cases")
        ]

    def test_infinite_values_end_the_run_and_missing_ones_do_not(self, rng):
        values = rng.normal(size=N)
        values[3], values[5], values[9:30] = np.nan, -np.inf, np.inf
        design = make_design({"qt": ("linear", rng.normal(size=N))}, {}, N)
        design.frame["age"] = values
        with pytest.raises(InputError) as error:
            find_faults(design)
        problems = error.value.problems
        assert problems[0].found == "-inf of 'P5'" and problems[0].column == "age"
        assert problems[-1].found == "12 more infinite values"
        require_finite(design.frame.drop(index=[5, *range(9, 30)]), ["age"])

    def test_a_combination_is_written_as_people_write_it(self, rng):
        frame = pd.DataFrame({"a": rng.normal(size=30), "b": 1e6 * rng.normal(size=30)})
        frame["c"] = -frame["a"] + 2e-6 * frame["b"]
        frame["d"] = frame["a"]
        assert combination(frame, "c", ["a", "b"]) == "c = -a + 2e-06 b"
        assert combination(frame, "d", ["a"]) == "d = a"


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


class TestSheets:
    PEOPLE = pd.Series([f"P{i}" for i in range(30)])

    def sheet(self, path: Path, header: str, row, ids=range(30)) -> Path:
        return write(path, "\n".join([header, *[row(i) for i in ids]]) + "\n")

    def test_family_sheets_and_plain_tables_say_the_same(self, tmp_path):
        plink = self.sheet(tmp_path / "a.txt", "#FID IID y", lambda i: f"F{i} P{i}   {i % 7}.5")
        table = self.sheet(tmp_path / "b.csv", "patient,y", lambda i: f"P{i},{i % 7}.5")
        a, b = (design_from_sheets(self.PEOPLE, path, None, ["y"]) for path in (plink, table))
        pd.testing.assert_frame_equal(a.frame, b.frame)
        assert read_sheet(plink).families["P3"] == "F3" and read_sheet(table).families is None
        assert read_sheet(plink).line("P3") == 5

    def test_who_matches_is_counted(self, tmp_path):
        pheno = self.sheet(tmp_path / "p.txt", "FID IID y", lambda i: f"F P{i} {i}", range(5, 40))
        covar = self.sheet(tmp_path / "c.txt", "IID age", lambda i: f"{'p' if i == 2 else 'P'}{i} {i * i}")
        design = design_from_sheets(self.PEOPLE, pheno, covar, ["y"], families=pd.Series(["F"] * 29 + ["G"]))
        rows = {(r["source"], r["status"]): r for r in design.info["reconciliation"]}
        counts = {key: row["n"] for key, row in rows.items()}
        assert counts == {
            ("phenotypes", "kept"): 25, ("phenotypes", "only_in_genotypes"): 5,
            ("phenotypes", "only_in_sheet"): 10, ("phenotypes", "family_differs"): 1,
            ("covariates", "kept"): 29, ("covariates", "only_in_genotypes"): 1,
            ("covariates", "only_in_sheet"): 1,
        }  # fmt: skip
        assert rows["phenotypes", "only_in_sheet"]["examples"] == "'P30'; 'P31'; 'P32'; 'P33'; 'P34'; …"
        assert rows["phenotypes", "family_differs"]["examples"] == "'P29': 'G', 'F'"
        assert "'p2' is like 'P2'" in rows["covariates", "only_in_sheet"]["detail"]

    def test_strangers_only_are_an_error_that_shows_both_sides(self, tmp_path):
        pheno = self.sheet(tmp_path / "p.txt", "IID y", lambda i: f"Q{i} {i}")
        with pytest.raises(InputError, match=r"none of its 30 people.*'Q0'.*which has 30 people \('P0'"):
            design_from_sheets(self.PEOPLE, pheno, None, ["y"])

    def test_words_and_infinity_among_numbers_are_named_with_their_line(self, tmp_path):
        pheno = self.sheet(tmp_path / "p.txt", "IID y", lambda i: f"P{i} {'inf' if i == 4 else i}")
        with pytest.raises(InputError, match="row 6, column y: found 'inf' of 'P4'"):
            design_from_sheets(self.PEOPLE, pheno, None, ["y"])
        good = self.sheet(tmp_path / "g.txt", "IID y", lambda i: f"P{i} {i}")
        for text in ("inf", "1e999", "high"):
            covar = self.sheet(
                tmp_path / "c.txt", "IID age", lambda i, text=text: f"P{i} {text if i == 4 else i}"
            )
            with pytest.raises(InputError, match=f"row 6, column age: found '{text}' of 'P4'"):
                design_from_sheets(self.PEOPLE, good, covar, ["y"])

    def test_words_in_all_rows_are_levels(self, tmp_path):
        good = self.sheet(tmp_path / "g.txt", "IID y", lambda i: f"P{i} {i}")
        covar = self.sheet(
            tmp_path / "c.txt",
            "IID site",
            lambda i: f"P{i} {'NA' if i == 3 else 's' if i % 3 else 'n'}",
        )
        design = design_from_sheets(self.PEOPLE, good, covar, ["y"])
        assert design.info["covariates"]["kept"] == ["site.n"]
        assert np.isnan(design.frame["site.n"][3])
        assert design.info["traits"]["y"]["n"] == 29

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("IID y y\nP1 1 2\n", "the column twice"),
            ("IID IID y\nP1 1 2\n", "the column twice"),
            ("y z\n1 2\n", "a column IID or patient"),
            ("IID y\nP1 1\nP1 2\n", "row 3, column IID: found 'P1' again"),
            ("IID y\nP1 1 2\n", "row 2: found 3 cells; expected 2 cells"),
        ],
    )
    def test_broken_sheets(self, tmp_path, text, message):
        with pytest.raises(InputError, match=message):
            read_sheet(write(tmp_path / "s.txt", text))

    def test_people_that_are_twice_in_the_genotypes_are_refused(self, tmp_path):
        good = self.sheet(tmp_path / "g.txt", "IID y", lambda i: f"P{i} {i}")
        with pytest.raises(InputError, match="the IID 'P1' twice"):
            design_from_sheets(pd.Series(["P1", "P1", "P2"]), good, None, ["y"])


def test_reconciliation_adds_up():
    table = reconcile("x", ["a", "b", "P-007"], ["b", "p-7", "z", "y"]).set_index("status")
    assert table["n"].to_dict() == {"kept": 1, "only_in_genotypes": 2, "only_in_sheet": 3}
    expected = "1 differ from an id of the genotypes only in writing: 'p-7' is like 'P-007'"
    assert table.loc["only_in_sheet", "detail"] == expected
    assert reconcile("x", [], [])["n"].tolist() == [0, 0, 0]
