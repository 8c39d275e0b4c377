"""Every criterion by itself: met, not met, not evaluable, and the limits in between."""

from __future__ import annotations

import dataclasses
import math

import pytest

from endotype.annotation.acmg import association, family, population, prediction, protein
from endotype.annotation.acmg.association import Association, VariantTest
from endotype.annotation.acmg.candidate import Candidate, Context, GeneFacts
from endotype.annotation.acmg.classify import evaluate
from endotype.annotation.acmg.criteria import CRITERIA, Finding
from endotype.annotation.acmg.family import Carrier, Family, Partner, Segregation
from endotype.annotation.acmg.known import GeneCounts, Known, KnownAllele, pathogenic_kind
from endotype.annotation.acmg.predictors import interval_of, read_predictors
from endotype.annotation.acmg.regions import Region, Regions
from endotype.annotation.acmg.settings import Settings, Threshold, Thresholds

PREDICTORS = read_predictors()


def variant(consequence: str = "missense_variant", impact: str = "MODERATE", **columns) -> Candidate:
    defaults = {
        "variant_id": "1:1000:A:G", "chrom": "1", "pos": 1000, "ref": "A", "alt": "G", "gene": "GENE",
        "gene_id": "ENSG1", "transcript": "ENST1.1", "consequence_status": "assessed", "protein_position": 50,
        "amino_acids": "K/R", "protein_length": 100, "population_status": "not_assessed",
    }  # fmt: skip
    inheritance = columns.pop("moi", ())
    facts = GeneFacts(frozenset(inheritance), columns.pop("lof", None), columns.pop("validity", None), 7)
    v = Candidate(**(defaults | {"consequence": consequence, "impact": impact} | columns))
    v.terms = frozenset(consequence.split("&"))
    v.facts = facts
    return v


def context(thresholds: Thresholds | None = None, **parts) -> Context:
    settings = Settings(**parts.pop("settings", {}))
    return Context(settings, thresholds or {}, PREDICTORS, **parts)


def one(criterion: str, about: str, value: str, strength: str | None = None) -> Thresholds:
    """The thresholds of GENE with a single row, which is line 2 of a panel's table."""
    threshold = Threshold(value, strength or CRITERIA[criterion].strength, "a panel", 2)
    return {("GENE", criterion, about): (threshold,)}


def says(finding: Finding) -> str:
    return finding.strength or finding.status


def seen(af=None, an=100_000, **columns) -> dict[str, object]:
    return {
        "population_status": "present",
        "population_af": af,
        "population_an": an,
        "population_row": 11,
    } | columns


class TestPopulation:
    @pytest.mark.parametrize(
        ("columns", "ba1", "bs1"),
        [
            (seen(0.051), "stand_alone", "strong"),
            (seen(0.05), "not_met", "strong"),
            (seen(0.0101), "not_met", "strong"),
            (seen(0.01), "not_met", "not_met"),
            (seen(0.2, an=1999), "not_evaluable", "not_evaluable"),
            (seen(0.2, an=2000), "stand_alone", "strong"),
            (seen(0.2, an=None), "not_evaluable", "not_evaluable"),
            (seen(None), "not_evaluable", "not_evaluable"),
            (seen(0.2, population_faf=0.02), "not_met", "strong"),
            (seen(0.001, an=10, population_faf=0.06), "stand_alone", "strong"),
            ({"population_status": "absent"}, "not_met", "not_met"),
            ({"population_status": "not_assessed", "population_af": 0.5}, "not_evaluable", "not_evaluable"),
            ({"population_status": None}, "not_evaluable", "not_evaluable"),
            (seen(0.2, population_filter="AS_VQSR"), "not_evaluable", "not_evaluable"),
        ],
    )
    def test_too_frequent(self, columns, ba1, bs1):
        v = variant(**columns)
        assert (says(population.ba1(v, context())), says(population.bs1(v, context()))) == (ba1, bs1)

    def test_the_numbers_the_limit_and_the_row_are_said(self):
        finding = population.ba1(variant(**seen(0.2)), context())
        assert finding.numbers == {"allele_frequency": 0.2, "alleles": 100_000, "limit": 0.05}
        assert (finding.source, finding.source_row) == ("population_frequency", 11)
        assert "0.2" in finding.reason and "0.05" in finding.reason

    def test_a_gene_has_thresholds_of_its_own_the_strongest_first(self):
        rows = (Threshold("0.0001", "strong", "ENIGMA", 2), Threshold("0.00002", "supporting", "ENIGMA", 3))
        c = context({("GENE", "BS1", "frequency"): rows, **one("BA1", "frequency", "0.001")})
        for faf, expected in [(0.00011, "strong"), (0.0001, "supporting"), (0.00002, "not_met")]:
            assert says(population.bs1(variant(**seen(faf, population_faf=faf)), c)) == expected
        assert says(population.ba1(variant(**seen(0.002)), c)) == "stand_alone"
        assert says(population.ba1(variant(gene="OTHER", **seen(0.002)), c)) == "not_met"

    def test_exceptions_are_neither_ba1_nor_bs1(self):
        c = context(ba1_exceptions=frozenset({("1", 1000, "A", "G")}))
        for chrom in ("1", "chr1"):
            v = variant(chrom=chrom, **seen(0.2))
            assert says(population.ba1(v, c)) == says(population.bs1(v, c)) == "not_met"
        assert says(population.ba1(variant(alt="T", **seen(0.2)), c)) == "stand_alone"

    @pytest.mark.parametrize(
        ("columns", "moi", "expected"),
        [
            ({"population_status": "absent"}, (), "supporting"),
            ({"population_status": "absent"}, ("AR",), "supporting"),
            (seen(0.0) | {"population_status": "not_assessed"}, (), "not_evaluable"),
            ({}, (), "not_evaluable"),
            (seen(0.0, population_filter="AC0"), (), "not_evaluable"),
            (seen(0.0, population_filter="PASS"), (), "supporting"),
            (seen(0.0), (), "supporting"),
            (seen(0.0, an=0), (), "not_evaluable"),
            (seen(0.0, an=1999), (), "not_evaluable"),
            (seen(0.00001), (), "not_met"),
            (seen(0.00001), ("AD",), "not_met"),
            (seen(0.0001), ("AR",), "supporting"),
            (seen(0.00011), ("AR",), "not_met"),
            (seen(0.0001), ("AD", "AR"), "not_met"),
            (seen(0.00005, population_max_af=0.0002), ("AR",), "not_met"),
            (seen(None), (), "not_evaluable"),
        ],
    )
    def test_pm2(self, columns, moi, expected):
        assert says(population.pm2(variant(moi=moi, **columns), context())) == expected

    @pytest.mark.parametrize(
        ("columns", "moi", "thresholds", "expected"),
        [
            (seen(0.001, population_homozygotes=5, population_ac=20), ("AR",), {}, "strong"),
            (seen(0.001, population_homozygotes=4, population_ac=20), ("AR",), {}, "not_met"),
            (seen(0.001), ("AR",), {}, "not_evaluable"),
            ({"population_status": "absent"}, ("AR",), {}, "not_met"),
            ({"population_status": "not_assessed"}, ("AR",), {}, "not_evaluable"),
            (seen(0.001, population_homozygotes=9, population_ac=20), ("AD",), {}, "not_evaluable"),
            (seen(0.001, population_homozygotes=9, population_ac=20), (), {}, "not_evaluable"),
            (seen(0.001, population_homozygotes=0, population_ac=3), ("AD",),
             one("BS2", "heterozygotes", "3"),
             "strong"),
            (seen(0.001, population_homozygotes=1, population_ac=3), ("AD",),
             one("BS2", "heterozygotes", "3"),
             "not_met"),
            (seen(0.001, population_homozygotes=1, population_ac=3), ("AR",),
             one("BS2", "homozygotes", "1", "supporting"), "supporting"),
        ],
    )  # fmt: skip
    def test_bs2(self, columns, moi, thresholds, expected):
        assert says(population.bs2(variant(moi=moi, **columns), context(thresholds))) == expected


class TestPrediction:
    @pytest.mark.parametrize(
        ("score", "pp3", "bp4"),
        [
            (1.0, "strong", None), (0.932, "strong", None), (0.9319, "moderate", None),
            (0.773, "moderate", None),
            (0.7729, "supporting", None), (0.644, "supporting", None), (0.6439, None, None),
            (0.2901, None, None),
            (0.290, None, "supporting"), (0.1831, None, "supporting"), (0.183, None, "moderate"),
            (0.0161, None, "moderate"), (0.016, None, "strong"), (0.0031, None, "strong"),
            (0.003, None, "very_strong"), (0.0, None, "very_strong"),
        ],
    )  # fmt: skip
    def test_the_intervals_of_revel(self, score, pp3, bp4):
        found = [interval_of(PREDICTORS["revel"], name, score) for name in ("PP3", "BP4")]
        assert [f and f.strength for f in found] == [pp3, bp4]

    @pytest.mark.parametrize("tool", sorted(PREDICTORS))
    def test_intervals_of_a_criterion_never_overlap_and_pp3_and_bp4_never_meet(self, tool):
        ends = {e for i in PREDICTORS[tool] for e in (i.above, i.below) if e is not None}
        scores = sorted({x for e in ends for x in (e, math.nextafter(e, -1e9), math.nextafter(e, 1e9))})
        for score in [scores[0] - 1, *scores, scores[-1] + 1]:
            hits = [i for i in PREDICTORS[tool] if i.holds(score)]
            assert len(hits) <= 1, (tool, score, hits)
        order = {"supporting": 0, "moderate": 1, "strong": 2, "very_strong": 3}
        for name in ("PP3", "BP4"):
            worth = [order[h.strength] for s in scores if (h := interval_of(PREDICTORS[tool], name, s))]
            assert worth == sorted(worth, reverse=name == "BP4")

    @pytest.mark.parametrize(
        ("columns", "pp3", "bp4"),
        [
            ({"missense_score": 0.95}, "strong", "not_met"),
            ({"missense_score": 0.7, "splice_score": 0.0}, "supporting", "not_met"),
            ({"missense_score": 0.1, "splice_score": 0.2}, "supporting", "not_met"),
            ({"missense_score": 0.1, "splice_score": 0.1}, "not_met", "moderate"),
            ({"missense_score": 0.1, "splice_score": 0.15}, "not_met", "not_met"),
            ({"missense_score": 0.1}, "not_met", "moderate"),
            ({"missense_score": 0.001}, "not_met", "strong"),  # never very strong by itself
            ({"missense_score": 0.5}, "not_met", "not_met"),
            ({"splice_score": 0.5}, "supporting", "not_met"),
            ({"splice_score": 0.0}, "not_evaluable", "not_evaluable"),
            ({}, "not_evaluable", "not_evaluable"),
        ],
    )
    def test_missense(self, columns, pp3, bp4):
        v = variant(**columns)
        assert (says(prediction.pp3(v, context())), says(prediction.bp4(v, context()))) == (pp3, bp4)

    def test_only_the_chosen_tool_counts(self):
        v = variant(missense_score=0.7)
        assert says(prediction.pp3(v, context(settings={"missense_score": "alphamissense"}))) == "not_met"
        assert says(prediction.pp3(v, context(settings={"missense_score": None}))) == "not_evaluable"

    def test_missense_beside_a_splice_site_is_not_harmless_without_a_splice_score(self):
        v = variant("missense_variant&splice_region_variant", missense_score=0.1)
        assert says(prediction.bp4(v, context())) == "not_evaluable"

    def test_a_gene_has_thresholds_of_its_own(self):
        c = context(one("PP3", "score", "0.5", "moderate") | one("BP4", "score", "0.2"))
        assert says(prediction.pp3(variant(missense_score=0.5), c)) == "moderate"
        assert says(prediction.pp3(variant(missense_score=0.49), c)) == "not_met"
        assert says(prediction.bp4(variant(missense_score=0.2), c)) == "supporting"
        assert says(prediction.bp4(variant(missense_score=0.21), c)) == "not_met"

    @pytest.mark.parametrize(
        "term", ["stop_gained", "frameshift_variant", "splice_donor_variant", "start_lost"]
    )
    def test_what_pvs1_judges_is_not_predicted(self, term):
        v = variant(term, "HIGH", splice_score=0.99, missense_score=0.99)
        assert says(prediction.pp3(v, context())) == says(prediction.bp4(v, context())) == "not_met"

    def test_no_calibrated_score_covers_inframe_indels(self):
        v = variant("inframe_deletion", splice_score=0.0)
        assert says(prediction.bp4(v, context())) == "not_evaluable"
        assert says(prediction.pp3(variant("inframe_deletion", splice_score=0.3), context())) == "supporting"

    @pytest.mark.parametrize(
        ("consequence", "hgvs_c", "splice", "expected"),
        [
            ("synonymous_variant", None, 0.1, "supporting"),
            ("synonymous_variant", None, 0.11, "not_met"),
            ("synonymous_variant", None, None, "not_evaluable"),
            ("splice_region_variant&synonymous_variant", None, 0.0, "not_met"),
            ("intron_variant", "ENST1.1:c.88+7A>G", 0.0, "supporting"),
            ("intron_variant", "ENST1.1:c.88+6A>G", 0.0, "not_met"),
            ("intron_variant", "ENST1.1:c.89-21A>G", 0.0, "supporting"),
            ("intron_variant", "ENST1.1:c.89-20A>G", 0.0, "not_met"),
            ("intron_variant", "ENST1.1:c.-14+30_-14+31del", 0.0, "supporting"),
            ("intron_variant", "ENST1.1:c.89-25_89-20del", 0.0, "not_met"),
            ("intron_variant", None, 0.0, "not_evaluable"),
            ("5_prime_UTR_variant", "ENST1.1:c.-14A>G", 0.0, "not_met"),
            ("missense_variant", None, 0.0, "not_met"),
        ],
    )
    def test_bp7(self, consequence, hgvs_c, splice, expected):
        impact = "MODERATE" if consequence == "missense_variant" else "LOW"
        v = variant(consequence, impact, hgvs_c=hgvs_c, splice_score=splice)
        assert says(prediction.bp7(v, context())) == expected

    def test_bp7_asks_for_conservation_where_a_score_of_it_is_chosen(self):
        c = context(settings={"conservation_column": "phylop", "conservation_max": 1.5})
        for value, expected in [(1.5, "supporting"), (1.6, "not_met"), (None, "not_evaluable")]:
            v = variant("synonymous_variant", "LOW", splice_score=0.0, conservation=value)
            assert says(prediction.bp7(v, c)) == expected


def allele(alt="T", amino_acids="K/N", position=50, *, likely=False, stars=2, near=False, missense=True):
    return KnownAllele(
        f"1:1001:A:{alt}", "GENE", "ENST1.1", position, amino_acids, missense, near, likely, stars, "99", 5
    )


class TestSameResidue:
    @pytest.mark.parametrize(
        ("alleles", "ps1", "pm5"),
        [
            ([], "not_met", "not_met"),
            ([allele(amino_acids="K/R")], "strong", "not_met"),
            ([allele(amino_acids="K/R", likely=True)], "moderate", "not_met"),
            ([allele()], "not_met", "moderate"),
            ([allele(likely=True)], "not_met", "supporting"),
            ([allele(amino_acids="K/R"), allele("C")], "strong", "moderate"),
            ([allele(likely=True), allele("C")], "not_met", "moderate"),
            ([allele(stars=1)], "not_met", "not_met"),
            ([allele(near=True)], "not_met", "not_met"),
            ([allele(amino_acids="K/*", missense=False)], "not_met", "not_met"),
            ([allele(position=51)], "not_met", "not_met"),
            ([allele(amino_acids="Q/R")], "not_met", "not_met"),  # another reference residue: another protein
        ],
    )
    def test_ps1_and_pm5(self, alleles, ps1, pm5):
        c = context(known=Known(alleles, {}))
        assert (says(protein.ps1(variant(), c)), says(protein.pm5(variant(), c))) == (ps1, pm5)

    def test_its_own_record_is_never_evidence(self):
        mine = allele(amino_acids="K/R")._replace(variant_id="1:1000:A:G")
        c = context(known=Known([mine], {}))
        assert says(protein.ps1(variant(), c)) == says(protein.pm5(variant(), c)) == "not_met"

    def test_the_comparison_is_named(self):
        finding = protein.ps1(variant(), context(known=Known([allele(amino_acids="K/R")], {})))
        assert finding.numbers is not None and finding.numbers["known_variant"] == "1:1001:A:T"
        assert (finding.source, finding.source_row) == ("clinical_significance", 5)

    def test_a_splicing_effect_forbids_the_comparison(self):
        c = context(known=Known([allele()], {}))
        assert says(protein.pm5(variant(splice_score=0.2), c)) == "not_met"
        assert says(protein.pm5(variant(splice_score=0.19), c)) == "moderate"
        near = variant("missense_variant&splice_region_variant")
        assert says(protein.pm5(near, c)) == "not_evaluable"

    def test_without_described_alleles_nothing_is_said(self):
        assert says(protein.ps1(variant(), context())) == "not_evaluable"
        assert says(protein.ps1(variant("synonymous_variant", "LOW"), context())) == "not_met"
        assert says(protein.pm5(variant(consequence_status="not_assessed"), context())) == "not_evaluable"

    @pytest.mark.parametrize(
        ("words", "kind"),
        [
            ("Pathogenic", "pathogenic"), ("Pathogenic/Likely_pathogenic", "likely_pathogenic"),
            ("Likely_pathogenic|risk_factor", "likely_pathogenic"), ("Uncertain_significance", None),
            ("Conflicting_classifications_of_pathogenicity", None), ("risk_factor", None), (None, None),
        ],
    )  # fmt: skip
    def test_what_counts_as_established(self, words, kind):
        assert pathogenic_kind(words) == kind


def region(kind, start=990, end=1010, strength="", gene="", chrom="1"):
    return chrom, Region(start, end, kind, "site", "a paper", strength, gene, 4)


class TestRegions:
    @pytest.mark.parametrize(
        ("regions", "expected"),
        [
            ([region("hotspot")], "moderate"),
            ([region("domain", strength="supporting")], "supporting"),
            ([region("domain"), region("critical", strength="strong")], "strong"),
            ([region("hotspot", start=1000, end=1000)], "moderate"),
            ([region("hotspot", start=1001)], "not_met"),
            ([region("hotspot", end=999)], "not_met"),
            ([region("hotspot", chrom="2")], "not_met"),
            ([region("hotspot", gene="OTHER")], "not_met"),
            ([region("hotspot", gene="GENE", chrom="chr1")], "moderate"),
            ([region("repeat")], "not_evaluable"),
        ],
    )
    def test_pm1(self, regions, expected):
        assert says(protein.pm1(variant(), context(regions=Regions(regions)))) == expected

    def test_pm1_by_residues_of_the_gene(self):
        for residues, expected in [("50-50", "moderate"), ("1-49", "not_met"), ("51-60", "not_met")]:
            assert (
                says(protein.pm1(variant(), context(one("PM1", "protein_positions", residues)))) == expected
            )

    def test_pm1_is_not_evaluable_without_a_table_and_not_met_for_silent_variants(self):
        assert says(protein.pm1(variant(), context())) == "not_evaluable"
        silent = variant("synonymous_variant", "LOW")
        assert says(protein.pm1(silent, context(regions=Regions([region("hotspot")])))) == "not_met"

    @pytest.mark.parametrize(
        ("v", "regions", "pm4", "bp3"),
        [
            (variant("inframe_deletion", ref="AAAAAAA", alt="A"), [region("repeat", 1, 5)], "moderate",
             "not_met"),
            (variant("inframe_deletion", ref="AAAA", alt="A"), [region("repeat", 1, 5)], "supporting",
             "not_met"),
            (variant("inframe_insertion", ref="A", alt="AAAA"), [region("repeat")], "not_met", "supporting"),
            (variant("inframe_insertion", ref="A", alt="AAAA"), [region("repeat"), region("domain")],
             "not_met",
             "not_met"),
            (variant("inframe_deletion", ref="AAAA", alt="A"), [region("domain")], "not_evaluable",
             "not_evaluable"),
            (variant("inframe_deletion", ref="AAAA", alt="A"), None, "not_evaluable", "not_evaluable"),
            (variant("stop_lost", "HIGH"), None, "moderate", "not_met"),
            (variant("frameshift_variant&stop_lost", "HIGH"), None, "not_met", "not_met"),
            (variant(), [region("repeat")], "not_met", "not_met"),
        ],
    )  # fmt: skip
    def test_length_and_repeats(self, v, regions, pm4, bp3):
        c = context(regions=None if regions is None else Regions(regions))
        assert (says(protein.pm4(v, c)), says(protein.bp3(v, c))) == (pm4, bp3)


class TestGeneLevel:
    @pytest.mark.parametrize(
        ("z", "counts", "thresholds", "expected"),
        [
            (3.09, GeneCounts(5, 5), {}, "supporting"),
            (3.08, GeneCounts(5, 5), {}, "not_met"),
            (None, GeneCounts(5, 5), {}, "not_evaluable"),
            (4.0, GeneCounts(4, 6), {}, "not_met"),
            (4.0, GeneCounts(5, 4), {}, "not_evaluable"),
            (4.0, None, one("PP2", "applies", "yes"), "supporting"),
            (2.0, None, one("PP2", "applies", "yes"), "not_met"),
            (2.5, GeneCounts(9, 1), one("PP2", "missense_z", "2.4"), "supporting"),
        ],
    )
    def test_pp2(self, z, counts, thresholds, expected):
        known = None if counts is None else Known([], {"ENSG1": counts})
        assert says(protein.pp2(variant(missense_z=z), context(thresholds, known=known))) == expected

    @pytest.mark.parametrize(
        ("counts", "thresholds", "expected"),
        [
            (GeneCounts(1, 9), {}, "supporting"),
            (GeneCounts(2, 9), {}, "not_met"),
            (GeneCounts(0, 9), {}, "not_evaluable"),
            (None, {}, "not_evaluable"),
            (None, one("BP1", "applies", "yes", "strong"), "strong"),
        ],
    )
    def test_bp1(self, counts, thresholds, expected):
        known = None if counts is None else Known([], {"ENSG1": counts})
        assert says(protein.bp1(variant(), context(thresholds, known=known))) == expected

    def test_neither_is_of_other_variants_than_missense(self):
        v = variant("inframe_deletion", missense_z=9.0)
        assert says(protein.pp2(v, context())) == says(protein.bp1(v, context())) == "not_met"


def scan_row(**columns) -> VariantTest:
    row = {
        "other_allele": "A", "effect_allele": "G", "beta": math.log(8.0), "se": 0.2, "neg_log10_p": 9.0,
        "status": "OK", "n_cases": 100, "eaf_cases": 0.05, "row": 3,
    }  # fmt: skip
    return VariantTest(**(row | columns))


class TestPS4:
    @pytest.mark.parametrize(
        ("columns", "expected"),
        [
            ({}, "strong"),
            ({"beta": math.log(5.0)}, "not_met"),
            ({"beta": math.log(5.01)}, "strong"),
            ({"se": 1.1}, "not_met"),  # the interval has 1 in it
            ({"neg_log10_p": -math.log10(5e-8) - 1e-6}, "not_met"),
            ({"neg_log10_p": -math.log10(5e-8) + 1e-6}, "strong"),
            ({"eaf_cases": 0.02}, "not_met"),  # 4 alleles
            ({"eaf_cases": 0.025}, "strong"),
            (
                {"beta": -math.log(8.0), "effect_allele": "A", "other_allele": "G", "eaf_cases": 0.95},
                "strong",
            ),
            ({"beta": -math.log(8.0)}, "not_met"),
            ({"status": "TOO_RARE", "beta": None, "se": None, "neg_log10_p": None}, "not_evaluable"),
            ({"n_cases": None}, "not_evaluable"),
            ({"se": 0.0}, "not_evaluable"),
        ],
    )
    def test_by_the_cohorts_own_test(self, columns, expected):
        result = Association("ill", {"1:1000:A:G": scan_row(**columns)})
        assert says(association.ps4(variant(), context(association=result))) == expected

    def test_is_not_evaluable_without_a_result_for_the_variant(self):
        assert says(association.ps4(variant(), context())) == "not_evaluable"
        assert (
            says(association.ps4(variant(), context(association=Association("ill", {})))) == "not_evaluable"
        )


KEY = ("1:1000:A:G", "GENE")


def carrier(
    patient="P1", zygosity="heterozygous", origin="de_novo", parents=2, confirmed=True, affected=True
):
    return Carrier(patient, zygosity, origin, parents, confirmed, affected)


class TestDeNovo:
    @pytest.mark.parametrize(
        ("carriers", "phenotype", "ps2", "pm6"),
        [
            ([carrier()], "heterogeneous", "supporting", "not_met"),
            ([carrier()], "consistent", "moderate", "not_met"),
            ([carrier()], "specific", "strong", "not_met"),
            ([carrier(), carrier("P2")], "specific", "very_strong", "not_met"),
            ([carrier(confirmed=False)], "specific", "not_met", "moderate"),
            ([carrier(confirmed=None)], "consistent", "not_met", "supporting"),
            ([carrier(confirmed=None)], "heterogeneous", "not_met", "not_met"),
            ([carrier(), carrier("P2", confirmed=False)], "consistent", "moderate", "not_met"),
            ([carrier(affected=False)], "specific", "not_met", "not_met"),
            ([carrier(affected=None)], "specific", "not_evaluable", "not_evaluable"),
            ([carrier(origin="maternal")], "specific", "not_met", "not_met"),
            ([carrier(parents=1, origin="unknown")], "specific", "not_evaluable", "not_evaluable"),
            ([], "specific", "not_evaluable", "not_evaluable"),
        ],
    )
    def test_points_of_patients(self, carriers, phenotype, ps2, pm6):
        c = context(family=Family({KEY: carriers}), settings={"de_novo_phenotype": phenotype})
        assert (says(family.ps2(variant(), c)), says(family.pm6(variant(), c))) == (ps2, pm6)

    def test_does_not_explain_a_recessive_disease(self):
        c = context(family=Family({KEY: [carrier()]}))
        assert says(family.ps2(variant(moi=["AR"]), c)) == "not_met"

    def test_is_not_evaluable_without_a_pedigree(self):
        assert (
            says(family.ps2(variant(), context()))
            == says(family.pm6(variant(), context()))
            == "not_evaluable"
        )


def partner(phase="trans", kind="pathogenic", patient="P1"):
    return Partner(patient, "1:2000:C:T", phase, kind)


class TestCompound:
    @pytest.mark.parametrize(
        ("carriers", "partners", "expected"),
        [
            ([carrier()], [partner()], "moderate"),
            ([carrier()], [partner(kind="likely_pathogenic")], "moderate"),
            ([carrier()], [partner("unknown")], "supporting"),
            ([carrier()], [partner("unknown", "likely_pathogenic")], "not_met"),
            ([carrier()], [partner("cis")], "not_met"),
            ([carrier()], [partner(kind=None)], "not_met"),
            ([carrier()], [partner(), partner("unknown")], "moderate"),  # one patient counts once
            ([carrier(), carrier("P2")], [partner(), partner(patient="P2")], "strong"),
            ([carrier(zygosity="homozygous")], [], "supporting"),
            ([carrier(p, "homozygous") for p in ("P1", "P2", "P3")], [], "moderate"),
            ([carrier(affected=False)], [partner()], "not_met"),
            ([carrier(affected=None)], [partner()], "not_evaluable"),
        ],
    )
    def test_pm3(self, carriers, partners, expected):
        c = context(family=Family({KEY: carriers}, {KEY: partners}))
        assert says(family.pm3(variant(moi=["AR"]), c)) == expected

    def test_bp2_asks_for_a_partner_that_the_clinical_source_establishes(self):
        for by_criteria, status in ((False, "supporting"), (True, "not_met")):
            known = Partner("P1", "1:2000:C:T", "cis", "pathogenic", by_criteria)
            c = context(family=Family({KEY: [carrier()]}, {KEY: [known]}))
            assert says(family.bp2(variant(moi=["AR"]), c)) == status

    def test_pm3_is_of_recessive_genes(self):
        c = context(family=Family({KEY: [carrier()]}, {KEY: [partner()]}))
        assert says(family.pm3(variant(moi=["AD"]), c)) == "not_met"
        assert says(family.pm3(variant(), c)) == "not_evaluable"
        assert says(family.pm3(variant(moi=["AR"]), context())) == "not_evaluable"

    @pytest.mark.parametrize(
        ("partners", "expected"),
        [
            ([partner("cis")], "supporting"), ([partner("trans")], "not_met"),
            ([partner("unknown")], "not_evaluable"),
            ([partner("cis", "likely_pathogenic")], "not_met"), ([], "not_met"),
        ],
    )  # fmt: skip
    def test_bp2(self, partners, expected):
        assert says(family.bp2(variant(), context(family=Family(None, {KEY: partners})))) == expected
        assert says(family.bp2(variant(), context())) == "not_evaluable"


class TestSegregation:
    @pytest.mark.parametrize(
        ("families", "pp1", "bs4"),
        [
            ([(2, 0, 2)], "not_met", "not_met"),
            ([(3, 0, 3)], "supporting", "not_met"),
            ([(4, 0, 4)], "moderate", "not_met"),
            ([(6, 0, 5)], "strong", "not_met"),
            ([(2, 0, 1), (2, 0, 1)], "supporting", "not_met"),
            ([(2, 0, 2), (2, 0, 1)], "moderate", "not_met"),
            ([(3, 0, 2), (3, 0, 2)], "strong", "not_met"),
            ([(3, 1, 5)], "not_met", "supporting"),
            ([(3, 2, 5)], "not_met", "strong"),
            ([(1, 0, 0)], "not_evaluable", "not_evaluable"),
            ([(0, 3, 0)], "not_evaluable", "not_evaluable"),
        ],
    )
    def test_meioses_and_relatives(self, families, pp1, bs4):
        rows = [
            Segregation(f"F{i}", with_it, without, 0, m) for i, (with_it, without, m) in enumerate(families)
        ]
        c = context(family=Family(segregation={"1:1000:A:G": rows}))
        assert (says(family.pp1(variant(), c)), says(family.bs4(variant(), c))) == (pp1, bs4)

    def test_is_not_evaluable_without_families(self):
        for c in (context(), context(family=Family(segregation={}))):
            assert says(family.pp1(variant(), c)) == says(family.bs4(variant(), c)) == "not_evaluable"


class TestAll:
    def test_every_criterion_has_a_finding_with_a_sentence(self):
        findings = evaluate(variant(), context())
        assert [f.criterion for f in findings] == list(CRITERIA) and len(findings) == 28
        for f in findings:
            assert f.reason.endswith(".") and f.reason[0].isupper()
            assert (f.strength is not None) == (f.status == "met")

    def test_what_is_known_of_nothing_is_evidence_for_nothing(self):
        fields = {f.name: None for f in dataclasses.fields(Candidate)}
        nothing = {
            n: None for n in fields if n not in ("variant_id", "chrom", "pos", "ref", "alt", "facts", "terms")
        }
        v = Candidate("1:1:A:C", "1", 1, "A", "C", **nothing)
        assert not [f for f in evaluate(v, context()) if f.status != "not_evaluable"]

    @pytest.mark.parametrize("name", sorted(CRITERIA))
    def test_a_gene_can_do_without_any_criterion(self, name):
        v = variant("stop_gained", "HIGH", nmd="predicted", lof="yes", **seen(0.9))
        finding = next(f for f in evaluate(v, context(one(name, "applies", "no"))) if f.criterion == name)
        assert (finding.status, finding.source, finding.source_row) == ("not_met", "thresholds", 2)

    @pytest.mark.parametrize("name", ["PS3", "BS3", "PP4", "BP5", "PP5", "BP6"])
    def test_what_needs_a_person_says_so(self, name):
        finding = next(f for f in evaluate(variant(), context()) if f.criterion == name)
        assert finding.status == "not_evaluable"
        assert ("person" in finding.reason) != (name in ("PP5", "BP6"))
