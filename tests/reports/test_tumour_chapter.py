"""What a report says of tumours, and of people and cohorts without germline calls."""

from __future__ import annotations

import numpy as np
import pandas as pd

from endotype.reports.overview import write_index
from endotype.reports.tumours import MAX_MUTATIONS
from endotype.variants.plink import pack, write_store
from tests.reports.conftest import Run

LAST = "P0060"
"""Has a tumour and no genotypes."""


def test_mutations_are_listed_by_how_common_their_gene_is_and_the_rest_is_counted(written: Run) -> None:
    report = written.report(LAST)
    assert report["patient"]["n_tumours"] == 1
    assert report["tumours"]["statement"] == "1 tumour with 32 mutations."
    (tumour,) = report["tumours"]["items"]
    genes = [mutation["gene"] for mutation in tumour["mutations"]]
    assert genes[0] == "GENE5" and tumour["mutations"][0]["n_patients"] == 2
    assert len(genes) == MAX_MUTATIONS and tumour["n_more"] == 31 - MAX_MUTATIONS
    assert not {"SILENT1", "FILTERED1"} & set(genes)
    assert tumour["not_assessed"] == ["purity", "hypermutation"]


def test_the_page_shows_them_and_escapes_hostile_names(written: Run) -> None:
    page = written.page(LAST)
    assert "GENE5" in page and "<b>G</b>" not in page and "&lt;b&gt;G&lt;/b&gt;" in page
    assert "6 more mutations of this kind aren’t listed" in page
    assert 'id="tumours"' not in written.page("P0001")


def test_a_tumour_makes_nothing_of_the_germline_negative(written: Run) -> None:
    report = written.report(LAST)
    said = report["key_findings"]["statement"]
    assert "germline variants weren't assessed" in said and "stand under Tumours" in said
    assert report["variants"]["status"] == report["quality"]["status"] == "not_assessed"
    assert report["quality"]["verdict"] is None
    topics = {row["topic"] for row in report["not_assessed"]}
    assert "mutations of a tumour" not in topics and "carried variants" in topics
    without = written.report("P0001")
    assert without["tumours"]["status"] == "not_assessed"
    assert "mutations of a tumour" in {row["topic"] for row in without["not_assessed"]}


def test_a_cohort_without_germline_calls_has_no_row_of_zeros(run: Run) -> None:
    run.change("cohort/people.parquet", lambda people: people.assign(in_genotypes=False))
    run.change("variants/sample_qc.parquet", lambda qc: qc.iloc[:0])
    run.change("variants/relatedness.parquet", lambda pairs: pairs.iloc[:0])
    run.change("variants/ancestry.parquet", lambda axes: axes.iloc[:0])
    run.change("annotation/variants.parquet", lambda variants: variants.iloc[:0])
    run.change("association/loci.parquet", lambda loci: loci.iloc[:0])
    run.change("targets/targets.parquet", lambda targets: targets.iloc[:0])
    nobody = pd.DataFrame({n: [] for n in ("fid", "iid", "father", "mother", "sex", "phenotype")}, dtype=str)
    variants = pd.DataFrame({n: [] for n in ("chrom", "id", "cm", "pos", "alt", "ref")}, dtype=str)
    write_store(run.results / "variants/genotypes", pack(np.empty((0, 0), np.int8)), variants, nobody)

    def untested(summary: dict) -> None:
        why = "nobody is in the analysis"
        summary["traits"] = {name: {"assessed": False, "reason": why} for name in summary["traits"]}

    run.change_json(run.results / "association/summary.json", untested)
    ancestry = run.results / "variants/ancestry.json"
    run.change_json(ancestry, lambda summary: summary.update(relatedness_assessed=False))
    run.write()
    for patient in ("P0001", LAST):
        report = run.report(patient)
        statuses = {name: report[name]["status"] for name in ("variants", "quality", "associations")}
        assert set(statuses.values()) == {"not_assessed"}
        reasons = {row["topic"]: row["reason"] for row in report["not_assessed"]}
        assert "Nobody of the cohort has germline calls." in reasons.values()
        assert "relatedness" not in reasons
    write_index(run.results, run.config)
    page = (run.results / "reports/index.html").read_text()
    assert "Not assessed: no trait could be tested, because nobody has germline calls." in page
    assert "Not assessed: nobody has germline calls." in page
    assert "records read" not in page and "No locus reached significance" not in page
