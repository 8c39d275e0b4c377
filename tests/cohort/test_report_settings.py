"""Settings of the reports are checked before any job: the list of genes, consent, earlier reports."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from endotype.cohort.report_settings import report_readers
from endotype.config import complete
from endotype.errors import InputError
from endotype.files import write_text

DICTIONARY = """
columns:
  id: {role: identifier}
  agrees: {role: consent, type: category}
  age: {role: covariate, type: number}
"""


def faults(reports: dict[str, Any]) -> list[str]:
    config = complete(
        {
            "inputs": {"samples": "s.tsv", "clinical": "c.tsv", "dictionary": "d.yaml"},
            "reference": {"fasta": "r.fa"},
            "reports": reports,
        }
    )
    found = []
    for read in report_readers(config):
        try:
            read()
        except InputError as error:
            found += [f"{p.found} | {p.expected} | {p.suggestion}" for p in error.problems]
    return found


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_text("d.yaml", DICTIONARY)


def test_what_is_right_passes() -> None:
    write_text("l.tsv", "gene\nBRCA1\n")
    Path("before").mkdir()
    settings = {"consent": {"secondary_findings": "agrees"}, "previous": "before"}
    assert faults(settings | {"secondary_genes": {"path": "l.tsv", "version": "1"}}) == []
    assert faults({}) == []


def test_a_consent_column_is_one_of_the_dictionary_with_that_role() -> None:
    (unknown,) = faults({"consent": {"research": "agree"}})
    assert "agree" in unknown and unknown.endswith("| agrees")
    (role,) = faults({"consent": {"secondary_findings": "age"}})
    assert "'age' with the role covariate" in role


def test_earlier_reports_are_a_folder_and_not_the_one_that_is_written() -> None:
    assert "no such folder" in faults({"previous": "nowhere"})[0]
    Path("results/reports").mkdir(parents=True)
    assert "this run writes to" in faults({"previous": "results/reports"})[0]


def test_a_list_that_is_not_there_is_named() -> None:
    assert "no such file" in faults({"secondary_genes": {"path": "l.tsv", "version": "1"}})[0]
