"""The target table: every fault of it is named with its row and column."""

from __future__ import annotations

import pytest

from endotype.errors import InputError
from endotype.targets.table import COLUMNS, OPTIONAL_COLUMNS, read_targets

GOOD = {
    "gene": "G1",
    "intervention": "Drug A",
    "action": "indicated",
    "tier": "1",
    "level": "A",
    "direction": "any",
    "requires": "any",
    "reliability": "0.9",
    "source": "made up",
    "source_version": "1",
    "source_record": "r1",
}


def write(path, *rows, columns=COLUMNS):
    lines = ["\t".join(columns)] + ["\t".join(row.get(c, "") for c in columns) for row in rows]
    path.write_text("\n".join(lines) + "\n")
    return path


def test_a_good_table_is_read_in_its_order(tmp_path):
    table = read_targets(
        write(tmp_path / "t.tsv", GOOD, GOOD | {"gene": "A0", "tier": "R1", "action": "contraindicated"})
    )
    assert table["gene"].tolist() == ["G1", "A0"]
    assert table["reliability"].dtype == "float64"
    assert table["tier"].tolist() == ["1", "R1"]


def test_no_table_and_a_table_without_rows_are_empty(tmp_path):
    for table in (read_targets(None), read_targets(write(tmp_path / "t.tsv"))):
        assert table.columns.tolist() == [*COLUMNS, *OPTIONAL_COLUMNS]
        assert len(table) == 0


@pytest.mark.parametrize(
    ("column", "value", "suggestion"),
    [
        ("tier", "5", ""),
        ("tier", "r1", "R1"),
        ("action", "Indicatd", "indicated"),
        ("level", "F", ""),
        ("direction", "los", "loss"),
        ("requires", "carried variant", "carried_variant"),
        ("reliability", "1.2", ""),
        ("reliability", "high", ""),
        ("reliability", "nan", ""),
        ("gene", " ", ""),
        ("source", "", ""),
    ],
)
def test_a_faulty_cell_is_named(tmp_path, column, value, suggestion):
    other = GOOD | {"source_record": "r2", column: value}
    with pytest.raises(InputError) as caught:
        read_targets(write(tmp_path / "t.tsv", GOOD, other))
    (problem,) = caught.value.problems
    assert (problem.row, problem.column, problem.suggestion) == (3, column, suggestion)


def test_all_faults_come_at_once(tmp_path):
    rows = [GOOD | {"tier": "9"}, GOOD | {"level": "Z"}, GOOD | {"tier": "R1"}]
    with pytest.raises(InputError) as caught:
        read_targets(write(tmp_path / "t.tsv", *rows))
    found = {(p.row, p.column) for p in caught.value.problems}
    assert found == {(2, "tier"), (3, "level"), (3, "source_record"), (4, "action"), (4, "source_record")}


def test_a_missing_column_and_a_ragged_row_are_named(tmp_path):
    with pytest.raises(InputError, match="reliability"):
        read_targets(write(tmp_path / "t.tsv", GOOD, columns=[c for c in COLUMNS if c != "reliability"]))
    path = write(tmp_path / "t.tsv", GOOD)
    path.write_text(path.read_text() + "G2\tDrug\n")
    with pytest.raises(InputError, match="row 3: found 2 cells"):
        read_targets(path)
