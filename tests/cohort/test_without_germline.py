"""Cohorts of whose people some or all have no germline calls: tumours or clinical features only."""

from __future__ import annotations

import pytest

from endotype.cohort.check import summary
from endotype.cohort.preflight import recorded_sexes, write_preflight
from endotype.config import complete
from endotype.errors import InputError
from endotype.tables import read_parquet
from tests.cohort.conftest import PATIENTS
from tests.cohort.test_tumour_sheet import maf, sheet


@pytest.fixture
def tumours(cohort):
    """Nobody has germline calls; ten of twelve patients have a tumour in one MAF, the first has two."""
    cohort.config["inputs"] |= {"samples": None, "tumours": "tumours.tsv"}
    barcodes = [f"T{n}" for n in range(11)]
    maf(cohort, barcodes)
    owners = [PATIENTS[0], *PATIENTS[:10]]
    sheet(cohort, *[f"{p}\t{t}\t\tmaf\tmany.maf" for p, t in zip(owners, barcodes, strict=True)])
    return cohort


def add_column(cohort, name: str, entry: str, cells: list[str]) -> None:
    """One more column of the clinical table."""
    lines = (cohort.folder / "clinical.tsv").read_text().splitlines()
    rows = [f"{line}\t{cell}" for line, cell in zip(lines, [name, *cells], strict=True)]
    cohort.write("clinical.tsv", "\n".join([*rows, ""]))
    cohort.edit(
        "dictionary.yaml", "  notes: {role: ignore}\n", f"  notes: {{role: ignore}}\n  {name}: {entry}\n"
    )


def test_people_are_those_of_the_clinical_table_and_of_the_tumour_sheet(tumours):
    result = tumours.check()
    people = result.people.set_index("patient")
    assert list(people.index) == PATIENTS
    assert not people["in_genotypes"].any() and people["in_clinical"].all()
    assert people["in_tumours"].tolist() == [True] * 10 + [False] * 2
    assert people["status"].tolist() == ["included"] * 10 + ["only_clinical"] * 2
    assert result.samples.empty and result.files.empty and result.contigs == ()
    status = result.reconciliation.set_index("patient")["status"]
    assert status.value_counts().to_dict() == {"matched": 10, "only_clinical": 2}
    assert result.counts["included"] == 10 and result.counts["tumours"] == 11


def test_what_the_germline_would_tell_is_not_assessed(tumours):
    result = tumours.check()
    assert result.not_assessed["germline variants"].startswith("Germline variants were not assessed")
    assert "no germline calls" in summary(result)
    assert not any("None of the variant files" in warning for warning in result.warnings)


def test_the_empty_tables_have_the_types_of_full_ones(cohort, tumours, tmp_path):
    with_germline = {**tumours.config, "inputs": tumours.config["inputs"] | {"samples": "samples.tsv"}}
    write_preflight(tumours.check(), tmp_path / "without")
    tumours.config = with_germline
    write_preflight(tumours.check(), tmp_path / "with")
    for name in ("people", "samples", "files", "tumours"):
        one, other = (read_parquet(tmp_path / f / f"{name}.parquet") for f in ("without", "with"))
        assert one.dtypes.to_dict() == other.dtypes.to_dict(), name


def test_clinical_features_alone_are_enough(cohort):
    cohort.config["inputs"]["samples"] = None
    people = cohort.check().people
    assert set(people["status"]) == {"only_clinical"} and len(people) == 12


def test_nothing_that_tells_patients_apart_is_an_error(cohort):
    cohort.config["inputs"]["samples"] = None
    cohort.edit("dictionary.yaml", "marker_1: {type: number, role: feature}", "marker_1: {role: ignore}")
    (problem,) = cohort.problems()
    assert problem.column == "inputs.samples"
    assert problem.found == "no sample sheet, no tumour sheet, and no clinical column with the role feature"


def test_a_sample_sheet_that_is_forgotten_is_an_error(cohort):
    del cohort.config["inputs"]["samples"]
    (problem,) = cohort.problems()
    assert (problem.column, problem.expected) == ("inputs.samples", "this key")


@pytest.mark.parametrize(
    ("section", "settings"),
    [
        ("inputs", {"pedigree": "family.ped"}),
        ("association", {"set_file": "sets.tsv"}),
        ("association", {"loco_predictions": "pred.list"}),
        ("annotation", {"compare_imported": True}),
        ("sample_qc", {"reference_panel": {"genotypes": "panel", "populations": "panel.tsv"}}),
    ],
)
def test_a_setting_that_needs_germline_calls_is_an_error_without_them(tumours, section, settings):
    config = tumours.config
    config[section] = config.get(section, {}) | settings
    with pytest.raises(InputError) as caught:
        complete(config, "config.yaml")
    (problem,) = caught.value.problems
    assert problem.column == f"{section}.{next(iter(settings))}"
    assert problem.found == "a setting of germline calls, and inputs.samples is null"


def test_a_tumour_of_somebody_unknown_is_an_error_with_the_nearest_name(tumours):
    tumours.edit("tumours.tsv", "P003\t", "P0O3\t")
    (problem,) = tumours.problems()
    assert (problem.column, problem.row) == ("patient", 5)
    assert problem.expected == "a patient of the sample sheet or of the clinical table"
    assert problem.suggestion == "did you mean P003?"


def test_in_a_mixed_cohort_who_has_only_a_tumour_is_included(cohort, tumours):
    tumours.config["inputs"]["samples"] = "samples.tsv"
    rows = cohort.sheet().splitlines()
    cohort.write("samples.tsv", "\n".join([*rows[:5], ""]))  # P001 to P004
    result = tumours.check()
    people = result.people.set_index("patient")
    assert people["in_genotypes"].sum() == 4
    assert people.loc["P008", ["in_genotypes", "in_tumours", "status"]].tolist() == [False, True, "included"]
    assert people.loc["P012", "status"] == "only_clinical"
    assert "germline variants" not in result.not_assessed
    assert not result.reconciliation["status"].eq("near_miss").any()


def test_tumours_do_not_hide_that_no_sample_is_of_the_clinical_table(cohort, tumours):
    tumours.config["inputs"]["samples"] = "samples.tsv"
    cohort.write("samples.tsv", cohort.sheet().replace("\nP", "\nQ"))
    problems = tumours.problems()
    assert any(p.expected == "patient ids of the sample sheet" for p in problems)


class TestSex:
    def test_it_is_that_of_the_clinical_table_where_no_sheet_says_it(self, tumours):
        cells = ["F", "male", "2", "", "female", "M", "1", "f", "unknown", "m", "male", "female"]
        add_column(tumours, "sex", "{type: category, role: covariate}", cells)
        sexes = tumours.check().people["sex"].tolist()
        assert sexes == [
            "female", "male", "female", "unknown", "female", "male", "male", "female", "unknown", "male",
            "male", "female",
        ]  # fmt: skip

    def test_the_sample_sheet_is_believed_and_the_difference_is_said(self, cohort):
        add_column(cohort, "sex", "{type: category, role: covariate}", ["male"] * 12)
        result = cohort.check()  # the sheet says female, male, unknown, female ...
        people = result.people.set_index("patient")["sex"]
        assert people[["P001", "P002", "P003"]].tolist() == ["female", "male", "male"]
        said = [warning for warning in result.warnings if "sample sheet" in warning]
        assert len(said) == 4 and "P001 is male in the clinical table and female" in said[0]

    def test_a_column_that_is_not_of_words_tells_nothing(self, tumours):
        add_column(tumours, "sex", "{type: binary, role: covariate}", ["0", "1"] * 6)
        result = tumours.check()
        assert recorded_sexes(result.clinical) == {}
        assert set(result.people["sex"]) == {"unknown"}


class TestLabels:
    def test_a_label_is_kept_and_is_neither_trait_nor_feature(self, tumours):
        add_column(tumours, "class", "{type: category, role: label}", ["A", "B"] * 6)
        result = tumours.check()
        assert result.clinical["class"].tolist() == ["A", "B"] * 6
        assert "class" not in result.traits

    @pytest.mark.parametrize("kind", ["number", "count"])
    def test_a_label_is_a_class(self, tumours, kind):
        add_column(tumours, "class", f"{{type: {kind}, role: label}}", ["1", "2"] * 6)
        (problem,) = tumours.problems()
        assert (problem.column, problem.expected) == ("class.type", "category or binary for a label")

    def test_a_count_is_kept_as_whole_numbers(self, tumours):
        add_column(tumours, "nodes", "{type: count, role: feature}", ["3", "", *["0"] * 10])
        nodes = tumours.check().clinical["nodes"]
        assert nodes.dtype == "Int64" and nodes[0] == 3 and nodes.isna().sum() == 1
