"""How genotypes and clinical records become findings."""

from __future__ import annotations

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
