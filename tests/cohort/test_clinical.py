"""Cells of the clinical table: what is read, what is missing, what is set aside and why."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from endotype.cohort.clinical import read_clinical
from endotype.cohort.dictionary import names_with_role, read_dictionary
from endotype.cohort.findings import Findings
from endotype.cohort.identity import reconcile
from endotype.cohort.pedigree import read_pedigree
from endotype.cohort.sheet import resolve
from endotype.errors import InputError

ROOT = Path(__file__).parents[2]


def read_column(folder: Path, entry: str, cells: list[str], padding: int = 100):
    """The values and the quarantine of one column; sound cells are added so that the dirty ones stay few."""
    (folder / "d.yaml").write_text(f"columns:\n  id: {{role: identifier}}\n  x: {entry}\n")
    sound = {"number": "1", "count": "1", "binary": "1", "category": "a"}[
        entry.split("type: ")[1].split(",")[0].rstrip("}")
    ]
    rows = [f"P{n}\t{cell}\n" for n, cell in enumerate([*cells, *[sound] * padding])]
    (folder / "c.tsv").write_text("id\tx\n" + "".join(rows))
    findings = Findings()
    table = read_clinical(folder / "c.tsv", read_dictionary(folder / "d.yaml"), findings)
    assert table is not None and not findings.problems, findings.problems
    values = table.frame.set_index("patient")["x"]
    return [values[f"P{n}"] for n in range(len(cells))], table.quarantine


def test_numbers(tmp_path):
    entry = "{type: number, unit: mmol/L, range: [-5, 12], role: covariate}"
    good = ["1", " 2.5 ", "-3", "+4.", ".5", "1e1", "007"]
    values, aside = read_column(tmp_path, entry, good)
    assert values == [1, 2.5, -3, 4, 0.5, 10, 7] and aside.empty
    bad = ["1,5", "5.1 mmol/L", "12.5", "-6", "inf", "nan", "1_000", "0x10", "٣", ">90", "1e999", "--1"]
    values, aside = read_column(tmp_path, entry, bad)
    assert all(v != v for v in values) and len(aside) == len(bad)
    assert aside["expected"].unique().tolist() == ["a number from -5 to 12 mmol/L"]
    assert aside["suggestion"].tolist()[:3] == [
        "1.5, if the comma is a decimal point", "5.1, if that is what is meant", "check the unit"
    ]  # fmt: skip


def test_counts(tmp_path):
    entry = "{type: count, range: [0, 500], role: covariate}"
    values, aside = read_column(tmp_path, entry, ["0", " 12 ", "1e2", "3.0", "+7"])
    assert values == [0, 12, 100, 3, 7] and aside.empty
    bad = ["1.5", "-1", "501", "three", "3 cells", "inf", "1,000", "9007199254740994"]
    values, aside = read_column(tmp_path, entry, bad)
    assert all(value is pd.NA for value in values) and len(aside) == len(bad)
    assert aside["expected"].unique().tolist() == ["a whole number from 0 to 500"]
    assert aside["suggestion"].tolist()[0] == "a measure that isn't counted has the type number"
    unlimited, aside = read_column(tmp_path, "{type: count, role: covariate}", ["-3", "123456", "1e17"])
    assert unlimited[1] == 123456 and aside["expected"].unique().tolist() == ["a whole number of at least 0"]


def test_binary_words(tmp_path):
    words = ["0", "1", "yes", "NO", "True", "false", "y", "N"]
    values, aside = read_column(tmp_path, "{type: binary, role: covariate}", words)
    assert values == [False, True, True, False, True, False, True, False] and aside.empty
    values, aside = read_column(tmp_path, "{type: binary, role: covariate}", ["2", "maybe", "-1", "1.0"])
    assert len(aside) == 4 and all(v is not True and v is not False for v in values)


def test_categories(tmp_path):
    entry = "{type: category, values: [a, no, 001], role: covariate}"
    values, aside = read_column(tmp_path, entry, ["no", "001", "a", "No", "1", "b"])
    assert values[:3] == ["no", "001", "a"]
    assert aside["found"].tolist() == ["'No'", "'1'", "'b'"] and aside["suggestion"].tolist()[0] == "no"


def test_missing_words_are_missing_and_not_set_aside(tmp_path):
    values, aside = read_column(tmp_path, "{type: number, role: covariate}", ["", "NA", ".", " ", " NA "])
    assert all(v != v for v in values) and aside.empty
    _, aside = read_column(tmp_path, "{type: number, role: covariate}", ["null", "n/a", "-9x"])
    assert len(aside) == 3


def test_a_negative_time_under_observation_is_set_aside(tmp_path):
    (tmp_path / "d.yaml").write_text(
        "columns:\n  id: {role: identifier}\n  t: {type: number, role: outcome}\n"
        "  e: {type: binary, role: outcome}\noutcomes:\n  death: {time: t, event: e}\n"
    )
    (tmp_path / "c.tsv").write_text("id\tt\te\n" + "".join(f"P{n}\t{n - 1}\t{n % 2}\n" for n in range(9)))
    findings = Findings()
    table = read_clinical(tmp_path / "c.tsv", read_dictionary(tmp_path / "d.yaml"), findings)
    assert table is not None and table.quarantine["found"].tolist() == ["'-1'"]


ENTRIES = """columns:
  id: {role: identifier}
  begin: {type: number, role: outcome}
  end: {type: number, role: outcome}
  died: {type: binary, role: outcome}
  relapse: {type: number, role: outcome}
  relapsed: {type: binary, role: outcome}
outcomes:
  death: {time: end, event: died, entry: begin}
"""


def read_entries(folder: Path, rows: list[str], more: str = ""):
    (folder / "d.yaml").write_text(ENTRIES + more)
    sound = [f"S{n}\t1\t9\t{n % 2}\t8\t1" for n in range(40)]
    text = "id\tbegin\tend\tdied\trelapse\trelapsed\n" + "\n".join([*rows, *sound]) + "\n"
    (folder / "c.tsv").write_text(text)
    findings = Findings()
    table = read_clinical(folder / "c.tsv", read_dictionary(folder / "d.yaml"), findings)
    assert table is not None
    return table, findings


RELAPSE = "  relapse: {time: relapse, event: relapsed, entry: begin}\n"


def test_entries_that_are_not_before_the_end_are_set_aside_and_who_lacks_one_is_counted(tmp_path):
    rows = [
        "A\t5\t5\t1\t.\t.",
        "B\t6\t5\t0\t.\t.",
        "C\t-1\t5\t0\t.\t.",
        "D\tNA\t5\t1\t.\t.",
        "E\t0\t.\t.\t.\t.",
    ]
    table, findings = read_entries(tmp_path, rows, RELAPSE)
    assert not findings.problems
    aside = table.quarantine[["row", "column", "found", "expected", "suggestion"]].to_numpy().tolist()
    expected = "a number below end or relapse of the same row"
    hint = "that is 5; both must be on one clock, such as age"
    assert aside == [
        ["2", "begin", "'5'", expected, hint],
        ["3", "begin", "'6'", expected, hint],
        ["4", "begin", "'-1'", "a number of at least 0", ""],
    ]
    begin = table.frame.set_index("patient")["begin"]
    assert begin[["A", "B", "C", "D"]].isna().all() and begin["E"] == 0 and begin["S1"] == 1
    assert findings.warnings == [
        "2 patients have time and event of the outcome death, but no entry; left out of this outcome.",
        "2 patients have time and event of the outcome death, but an entry that is not before the time; left "
        "out of this outcome.",
    ]


def test_an_entry_that_one_of_two_outcomes_can_use_is_kept(tmp_path):
    table, findings = read_entries(tmp_path, ["A\t5\t7\t1\t3\t1"], RELAPSE)
    assert table.quarantine.empty and table.frame.set_index("patient").loc["A", "begin"] == 5
    (warning,) = findings.warnings
    assert warning.startswith("1 patient has time and event of the outcome relapse, but an entry that is not")


def test_times_that_are_counted_from_the_entry_are_an_error(tmp_path):
    rows = [f"A{n}\t{50 + n}\t{n % 7}\t1\t.\t." for n in range(30)]
    _, findings = read_entries(tmp_path, rows, RELAPSE)
    (problem,) = findings.problems
    assert (problem.column, problem.row) == ("begin", 2)
    assert "30 of 70 cells that can't be read" in problem.found


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["", " ", "P"]),
            st.text(st.characters(codec="utf-8", exclude_characters="\t\n\r\0\"", exclude_categories=["Cs"]),
                    max_size=6),
        ),
        max_size=12,
    )
)  # fmt: skip
def test_every_row_is_kept_or_set_aside_and_every_cell_is_read_missing_or_set_aside(tmp_path, cells):
    (tmp_path / "d.yaml").write_text(
        "columns:\n  id: {role: identifier}\n  x: {type: number, role: covariate}\n  n: {role: ignore}\n"
    )
    rows = [(f"P{n}" if stem == "P" else stem, cell) for n, (stem, cell) in enumerate(cells)]
    text = "id\tx\tn\n" + "".join(f"{i}\t{c}\tz\n" for i, c in rows)
    (tmp_path / "c.tsv").write_text(text, newline="")
    table = read_clinical(tmp_path / "c.tsv", read_dictionary(tmp_path / "d.yaml"), Findings())
    assert table is not None
    assert table.n_rows == len(rows) == len(table.frame) + table.n_rows_quarantined
    dirty = table.quarantine[table.quarantine["column"] == "x"]
    missing = sum(i.strip() != "" and c.strip() in ("", "NA", ".") for i, c in rows)
    assert len(table.frame) == table.frame["x"].notna().sum() + len(dirty) + missing


def test_the_example_dictionary_is_sound_and_complete():
    dictionary = read_dictionary(ROOT / "config/dictionary.example.yaml")
    assert names_with_role(dictionary, "trait") == ["ldl", "asthma"]
    assert dictionary["columns"]["site"]["values"] == ["north", "south"]
    assert dictionary["columns"]["age"]["range"] == [18.0, 100.0]
    assert set(dictionary["columns"]["notes"]) == {"type", "unit", "range", "values", "role", "description"}
    assert dictionary["outcomes"] == {"survival": {"time": "follow_up", "event": "died"}}


@pytest.mark.parametrize(
    "text", ["", "columns:\n", "columns: [a]\n", "columns: {a: trait}\n", "- a\n", "7\n"]
)
def test_a_dictionary_of_another_shape_is_a_problem_and_no_crash(tmp_path, text):
    (tmp_path / "d.yaml").write_text(text)
    with pytest.raises(InputError):
        read_dictionary(tmp_path / "d.yaml")


def test_reconciliation_names_near_misses_by_their_difference():
    genotyped = {"P-007": "S1", "Q1": "S2", "abc": "S3", "only": "S4", "both": "S5"}
    table = reconcile(genotyped, {"P-7", "q1", "a\u200bbc", "both", "other"}).set_index("patient")
    assert table["status"].to_dict() == {
        "P-007": "near_miss", "P-7": "near_miss", "Q1": "near_miss", "q1": "near_miss", "abc": "near_miss",
        "a\u200bbc": "near_miss", "only": "only_genotyped", "other": "only_clinical", "both": "matched",
    }  # fmt: skip
    assert "leading zeros" in table.loc["P-007", "reason"] and "case" in table.loc["q1", "reason"]
    assert "invisible" in table.loc["abc", "reason"] and table.loc["both", "sample"] == "S5"


def test_reconciliation_of_nobody_is_an_empty_table():
    assert list(reconcile({}, set()).columns) == ["patient", "sample", "status", "nearest", "reason"]


@pytest.mark.parametrize(
    ("path", "beside", "expected"),
    [
        ("a.vcf", "in/samples.tsv", "in/a.vcf"),
        ("../a.vcf", "in/samples.tsv", "a.vcf"),
        ("/data/a.vcf", "in/samples.tsv", "/data/a.vcf"),
        ("-rf.vcf", "samples.tsv", "./-rf.vcf"),
        ("a.vcf", "samples.tsv", "a.vcf"),
    ],
)
def test_paths_are_relative_to_the_file_they_stand_in(path, beside, expected):
    assert resolve(path, beside) == expected


def test_a_pedigree_is_read_with_and_without_a_header(tmp_path):
    path = tmp_path / "p.ped"
    path.write_text("family\tindivid\tfather\tmother\tsex\nF\tC\tA\tB\tF\nF\tA\t0\t0\tM\nF\tB\t0\t0\t2\n")
    frame = read_pedigree(path)
    assert frame.to_numpy().tolist() == [
        ["F", "A", "", "", "male"], ["F", "B", "", "", "female"], ["F", "C", "A", "B", "female"]
    ]  # fmt: skip
    path.write_text("F A 0 0 1\nF A 0 0 1\nF B B 0 x\nF C\n")
    with pytest.raises(InputError) as caught:
        read_pedigree(path)
    assert sorted(p.row for p in caught.value.problems if p.row) == [2, 3, 3, 4]


def test_a_header_of_a_pedigree_is_passed_over_and_a_person_called_father_is_not(tmp_path):
    path = tmp_path / "family.ped"
    path.write_text("family individual father mother sex\nF father 0 0 1\nF kid father mum 2\n")
    assert read_pedigree(path)["individual"].tolist() == ["father", "kid"]
    path.write_text("F kid father mum 2\nF father 0 0 1\n")
    assert read_pedigree(path)["individual"].tolist() == ["father", "kid"]
