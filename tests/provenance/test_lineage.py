"""A sentence of a report is followed back to rows, commands and the user's files."""

from __future__ import annotations

import gzip

import pytest

from endotype.errors import InputError
from endotype.provenance.lineage import list_claims, trace_claim
from endotype.provenance.lineage_page import chain_page, claims_page
from endotype.provenance.rows import result_rows
from tests.provenance.tiny import VCF, make_run


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("run"))


def test_claims_are_listed(results):
    assert [c["id"] for c in list_claims(results, "P1")] == ["subtype-0123", "variant-0456", "variant-0789"]
    assert "subtype-0123" in claims_page("P1", list_claims(results, "P1"))


def test_a_claim_goes_back_to_the_line_of_the_clinical_table(results):
    chain = trace_claim(results, "P2", "subtype")
    assert chain["rows"] == [
        {
            "file": "subtypes/assignments.parquet",
            "key": "P2",
            "sha256": chain["rows"][0]["sha256"],
            "found": [{"patient": "P2", "call": "no call"}],
        }
    ]
    assert [s["rule"] for s in chain["steps"]] == ["assign_subtypes", "write_reports_0", "check_inputs"]
    assert [i["path"] for i in chain["inputs"]] == ["cohort/clinical.tsv"]
    assert chain["inputs"][0]["records"] == [{"line": 3, "cells": {"patient": "P2", "age": "\x1b[31m61"}}]
    job = chain["steps"][0]["jobs"][0]
    assert job["code"] == job["code_now"] and "$ENDOTYPE/scripts/assign_subtypes.py" in job["command"]


def test_a_variant_goes_back_to_its_shard_and_to_the_record_of_the_sample(results):
    chain = trace_claim(results, "P1", "variant-04")
    normalise = next(s for s in chain["steps"] if s["rule"] == "normalise_variants")
    assert [j["outputs"] for j in normalise["jobs"]] == [["results/variants/shards/1_1_500.bcf"]]
    assert [row["transcript"] for row in chain["rows"][0]["found"]] == ["T1", "T2"]
    record = next(i for i in chain["inputs"] if i["path"].endswith(".gz"))["records"][0]
    assert record["records"] == ["1\t100\trs1\tA\tC,G\t50\tPASS\t.\tGT\t0/2"] and record["note"] is None
    assert "variants.min_depth" in chain["parameters"]["named"]
    assert chain["parameters"]["values"]["variants.min_depth"] == 10


def test_a_file_that_was_changed_or_moved_is_not_quoted(tmp_path):
    results = make_run(tmp_path)
    path = tmp_path / "cohort" / "calls.vcf.gz"
    with gzip.open(path, "wt") as stream:
        stream.write(VCF.replace("0/2", "0/0"))
    record = trace_claim(results, "P1", "variant-04")["inputs"][0]["records"][0]
    assert record["records"] == [] and "changed since" in record["note"]
    path.unlink()
    entry = trace_claim(results, "P1", "variant-04")["inputs"][0]
    assert entry["status"] == "not found" and entry["records"] == []


def test_nothing_of_the_data_reaches_the_terminal_as_a_command(results):
    for claim in ("subtype", "variant-04"):
        text = chain_page(trace_claim(results, "P2", claim))
        assert all(c.isprintable() or c == "\n" for c in text)
    assert "\x1b" not in claims_page("P1", list_claims(results, "P1"))


@pytest.mark.parametrize(
    ("patient", "claim", "words"),
    [
        ("P3", "subtype", "no report of"),
        ("../P1", "subtype", "no report of"),
        ("P1", "variant-", "2 claims that begin with"),
        ("P1", "variant-045", None),
        ("P1", "subtypo-0123", "did you mean subtype-0123"),
    ],
)
def test_who_and_what_must_be_clear(results, patient, claim, words):
    if words is None:
        assert trace_claim(results, patient, claim)["claim"]["id"] == "variant-0456"
        return
    with pytest.raises(InputError, match=words):
        trace_claim(results, patient, claim)


def test_a_row_that_is_not_there_is_no_row(results):
    assert result_rows(results, "subtypes/assignments.parquet", "P9") == []
    assert result_rows(results, "no/table.parquet", "P9") == []
