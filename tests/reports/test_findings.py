"""How genotypes and clinical records become findings."""

from __future__ import annotations

import pandas as pd
import pytest

from endotype.cohort.assembly import Region
from endotype.reports.findings import review_stars, significance_group, zygosity
from tests.reports.conftest import Run

PAR = [Region("X", 60001, 2699520)]


@pytest.mark.parametrize(
    ("dosage", "chrom", "pos", "sex", "expected"),
    [
        (1, "1", 5, "male", "heterozygous"),
        (2, "chr1", 5, "unknown", "homozygous"),
        (2, "X", 5, "male", "hemizygous"),
        (2, "chrX", 5, "female", "homozygous"),
        (1, "X", 5, "female", "heterozygous"),
        (2, "X", 5, "unknown", "homozygous or hemizygous"),
        (1, "X", 5, "male", "mixed call on a haploid chromosome"),
        (2, "chrX", 70000, "male", "homozygous"),
        (1, "chrX", 70000, "male", "heterozygous"),
        (2, "Y", 5, "male", "hemizygous"),
        (2, "MT", 5, "female", "homoplasmic"),
        (1, "chrM", 5, "female", "mixed call on a haploid chromosome"),
    ],
)
def test_zygosity_follows_chromosome_and_sex(
    dosage: int, chrom: str, pos: int, sex: str, expected: str
) -> None:
    assert zygosity(dosage, chrom, pos, sex, PAR) == expected


@pytest.mark.parametrize(
    ("significance", "group"),
    [
        ("Pathogenic", "pathogenic"),
        ("Pathogenic/Likely_pathogenic|risk_factor", "pathogenic"),
        ("Conflicting_interpretations_of_pathogenicity", "uncertain"),
        ("Conflicting_classifications_of_pathogenicity", "uncertain"),
        ("Uncertain_significance", "uncertain"),
        ("Benign/Likely_benign", "benign"),
        ("Likely_benign", "benign"),
        ("drug_response", "other"),
        ("risk_factor", "other"),
        ("not_provided", "uncertain"),
    ],
)
def test_clinical_words_are_grouped(significance: str, group: str) -> None:
    assert significance_group(significance) == group


def test_an_unknown_review_status_has_no_stars_rather_than_zero() -> None:
    assert review_stars("reviewed_by_expert_panel") == 3
    assert review_stars("no_assertion_criteria_provided") == 0
    assert review_stars("something new") is None
    assert review_stars(None) is None


def test_pathogenic_variants_are_listed_with_the_confidence_of_their_review(written: Run) -> None:
    report = written.report("P0001")
    words = {c["id"]: c["confidence"]["word"] for c in report["claims"]}
    found = {item["variant_id"]: words[item["claim"]] for item in report["variants"]["items"]}
    assert found == {"1:1000:G:T": "established", "1:2000:C:A": "likely", "3:900:G:A": "uncertain"}
    assert report["variants"]["counts"] == {
        "listed": 3,
        "reportable": 2,
        "benign": 1,
        "common": 0,
        "no_call": 0,
    }


def test_a_pathogenic_record_without_criteria_is_uncertain(written: Run) -> None:
    (item,) = written.report("P0002")["variants"]["items"]
    assert (item["zygosity"], item["genotype"], item["review_stars"]) == ("hemizygous", "T", 0)
    (claim,) = [c for c in written.report("P0002")["claims"] if c["id"] == item["claim"]]
    assert claim["confidence"] == {"word": "uncertain", "value": 0, "kind": "review stars of 4"}


def test_one_altered_allele_of_a_recessive_gene_is_a_carrier_state(written: Run) -> None:
    notes = {
        p: {i["gene"]: i["inheritance_note"] for i in written.report(p)["variants"]["items"]}
        for p in ("P0001", "P0005")
    }
    assert "carrier state" in notes["P0001"]["GENEB"]
    assert "both alleles" in notes["P0005"]["GENEB"]
    assert notes["P0001"]["GENEA"] is None


def test_a_common_damaging_variant_is_counted_not_listed(run: Run) -> None:
    run.change(
        "annotation/variants.parquet",
        lambda t: t.assign(population_af=t["population_af"].where(t["variant_id"] != "3:990:G:C", 0.2)),
    )
    run.write()
    variants = run.report("P0013")["variants"]
    assert variants["items"] == []
    assert variants["counts"]["common"] == 1


def test_no_call_at_a_pathogenic_site_is_not_assessed(written: Run) -> None:
    report = written.report("P0004")
    assert report["variants"]["no_call"] == [{"variant_id": "1:1000:G:T", "gene": "GENEA"}]
    assert any("1:1000:G:T" in gap["reason"] for gap in report["not_assessed"])


def test_a_frequency_that_is_absent_is_null_and_says_absent(written: Run) -> None:
    item = next(i for i in written.report("P0001")["variants"]["items"] if i["gene"] == "GENEA")
    assert (item["population_af"], item["population_status"]) == (None, "absent")
    assert '<div class="num">absent' in written.page("P0001")


def _item(run: Run, patient: str, variant: str) -> dict:
    (item,) = [i for i in run.report(patient)["variants"]["items"] if i["variant_id"] == variant]
    return item


def test_a_class_by_criteria_is_listed_with_its_criteria_and_its_doubts(written: Run) -> None:
    item = _item(written, "P0003", "2:1500:A:AT")
    assert item["group"] == "classified_pathogenic"
    assert item["origin"] == "de_novo"
    assert item["classification"]["class"] == "likely_pathogenic"
    assert [c["criterion"] for c in item["classification"]["criteria"]] == ["PVS1", "PM2"]
    (claim,) = [c for c in written.report("P0003")["claims"] if c["id"] == item["claim"]]
    assert "new in this person" in claim["text"]
    assert "likely pathogenic (9 points: PVS1, PM2)" in claim["text"]
    assert claim["confidence"] == {"word": "likely", "value": 9, "kind": "points of the ACMG/AMP criteria"}
    assert "The rules of 2015 give another class than the points: uncertain significance." in claim["limits"]
    rows = {(row["file"], row["key"]) for row in claim["input"]}
    assert ("annotation/classification.parquet", "2:1500:A:AT gene:GENEC") in rows
    assert claim["value"] == {"value": "likely pathogenic", "unit": None}
    assert claim["alternatives"] == ["uncertain significance by the rules of 2015"]
    page = written.page("P0003")
    for words in ("PVS1</b> (very strong): PVS1 is met.", "[a table, row 7]", "neither parent has it"):
        assert words in page


def test_a_criterion_that_another_excludes_is_shown_but_not_named_as_counted(written: Run) -> None:
    item = _item(written, "P0001", "1:1000:G:T")
    assert [c["criterion"] for c in item["classification"]["criteria"]] == ["PVS1", "PM2", "PP3"]
    (claim,) = [c for c in written.report("P0001")["claims"] if c["id"] == item["claim"]]
    assert "pathogenic (10 points: PVS1, PM2)" in claim["text"]
    assert "PP3</b> (supporting, not counted: another criterion already uses" in written.page("P0001")


def test_a_variant_without_a_class_is_not_classified(written: Run) -> None:
    assert _item(written, "P0002", "X:700:C:T")["classification"] is None
    assert "not classified" in written.page("P0002")


def test_an_override_is_told_with_who_when_and_why(run: Run) -> None:
    words = {"override": "class", "override_who": "curator 1", "override_when": "2026-01-02"}
    words |= {"override_why": "seen in three families.", "override_class": "pathogenic"}
    run.change("annotation/classification.parquet", lambda t: t.assign(**words))
    run.write()
    item = _item(run, "P0001", "1:2000:C:A")
    assert item["classification"]["class"] == "pathogenic"
    assert item["classification"]["class_points"] == "uncertain_significance"
    (claim,) = [c for c in run.report("P0001")["claims"] if c["id"] == item["claim"]]
    limit = "Set by curator 1 on 2026-01-02, not by the criteria alone: seen in three families."
    assert limit in claim["limits"]
    assert "set by a curator; by the criteria: uncertain significance" in run.page("P0001")


@pytest.mark.parametrize(
    ("phase", "note"),
    [("trans", "compound heterozygous"), ("cis", "a carrier state"), ("unknown", "phase unknown")],
)
def test_two_alleles_of_a_recessive_gene_are_told_with_their_phase(run: Run, phase: str, note: str) -> None:
    def second(table):
        row = table[table["variant_id"] == "1:1000:G:T"].assign(gene="GENEB", gene_id="gene:GENEB")
        return pd.concat([table[table["variant_id"] != "1:1000:G:T"], row], ignore_index=True)

    run.change("annotation/variants.parquet", second)
    run.change(
        "annotation/compound.parquet", lambda t: t.assign(variant_2="1:1000:G:T", phase=phase, gene="GENEB")
    )
    run.write()
    for variant in ("1:1000:G:T", "1:2000:C:A"):
        assert note in _item(run, "P0001", variant)["inheritance_note"]


def test_changes_that_variants_make_together_are_told_where_a_listed_one_takes_part(written: Run) -> None:
    (change,) = written.report("P0001")["variants"]["joint_changes"]
    assert change["variants"] == ["1:1000:G:T", "1:1001:A:G"]
    assert "read together: missense variant" in written.page("P0001")
    assert written.report("P0002")["variants"]["joint_changes"] == []
