"""The classification of a table of variants: what is chosen, written, counted, overridden and refused."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from endotype.annotation.acmg import run, select
from endotype.annotation.acmg.classify import classify_variants
from endotype.annotation.acmg.clinical import describe_known
from endotype.annotation.acmg.criteria import CRITERIA
from endotype.annotation.acmg.lookups import read_ba1_exceptions
from endotype.annotation.acmg.overrides import read_overrides
from endotype.annotation.acmg.regions import read_regions
from endotype.annotation.acmg.settings import Settings, read_settings, read_thresholds
from endotype.annotation.acmg.tables import CLASSIFICATION_SCHEMA, CRITERIA_SCHEMA
from endotype.cohort.assembly import RESOURCES
from endotype.errors import InputError
from endotype.files import write_json
from tests.annotation.builders import base_at, write_bcf, write_fasta, write_gff

ROOT = Path(__file__).parents[2]
HOSTILE = "<b>=1+1&;$(x)\u202e"


def row(pos: int, alt: str = "G", **columns) -> dict[str, object]:
    base = {
        "variant_id": f"1:{pos}:A:{alt}", "chrom": "1", "pos": pos, "ref": "A", "alt": alt, "gene": "GENE",
        "gene_id": "ENSG1", "transcript": "ENST1.1", "biotype": "protein_coding", "mane": "select",
        "canonical": True, "consequence": "missense_variant", "impact": "MODERATE", "protein_position": 50,
        "amino_acids": "K/R", "protein_length": 100, "cds_length": 303, "nmd": None, "new_stop": None,
        "hgvs_c": "ENST1.1:c.149A>G", "hgvs_p": "ENSP1.1:p.(Lys50Arg)", "most_severe": True,
        "population_status": "absent", "population_af": None, "population_an": None,
        "clinical_status": "absent",
        "clinical_significance": None, "clinical_stars": None, "revel": None, "spliceai": None,
        "consequence_status": "assessed",
    }  # fmt: skip
    return base | columns


def nonsense(pos: int, alt: str = "G", **columns) -> dict[str, object]:
    return row(pos, alt, consequence="stop_gained", impact="HIGH", nmd="predicted", new_stop=50) | columns


def write_variants(path: Path, rows: list[dict[str, object]]) -> Path:
    names = list(rows[0])
    types = {
        **dict.fromkeys(("pos", "protein_position", "protein_length", "cds_length", "new_stop"), pa.int64()),
        **dict.fromkeys(
            ("population_an", "population_row", "clinical_stars", "revel_table__row"), pa.int64()
        ),
        **dict.fromkeys(("population_af", "revel", "spliceai"), pa.float64()),
        **dict.fromkeys(("canonical", "most_severe", "chosen"), pa.bool_()),
    }
    schema = pa.schema([(name, types.get(name, pa.string())) for name in names])
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), path)
    return path


def write_store(folder: Path, **columns) -> Path:
    folder.mkdir(exist_ok=True)
    genes = {
        "gene": ["GENE"],
        "gene_id": ["ENSG1"],
        "inheritance": ["AD"],
        "lof_mechanism": ["yes"],
    } | columns
    pq.write_table(pa.table(genes), folder / "genes.parquet")
    sources = {"revel_table": {"columns": ["revel"]}, "population_frequency": {}}
    write_json(folder / "knowledge.json", {"assembly": "GRCh38", "sources": sources})
    return folder


def classify(
    tmp_path: Path, rows: list[dict[str, object]], **arguments
) -> tuple[pd.DataFrame, pd.DataFrame, dict]:
    variants = write_variants(tmp_path / "variants.parquet", rows)
    arguments = {"knowledge": write_store(tmp_path / "k")} | arguments
    summary = classify_variants(variants, tmp_path / "out", **arguments)
    tables = [pq.read_table(tmp_path / "out" / f"{n}.parquet") for n in ("classification", "criteria")]
    assert [t.schema for t in tables] == [CLASSIFICATION_SCHEMA, CRITERIA_SCHEMA]
    frames = [t.to_pandas().astype(object) for t in tables]
    return *(f.where(f.notna(), None) for f in frames), summary


def finding(criteria: pd.DataFrame, criterion: str, variant_id: str | None = None) -> pd.Series:
    chosen = criteria[criteria["criterion"] == criterion]
    if variant_id:
        chosen = chosen[chosen["variant_id"] == variant_id]
    assert len(chosen) == 1
    return chosen.iloc[0]


class TestTables:
    def test_a_null_variant_that_is_absent_from_the_population_is_likely_pathogenic(self, tmp_path):
        classes, criteria, _ = classify(tmp_path, [nonsense(100)])
        (c,) = classes.to_dict("records")
        assert c["class"] == c["class_points"] == c["class_2015"] == "likely_pathogenic"
        assert (c["agree"], c["points"], c["criteria"]) == (True, 9, "PVS1 PM2_Supporting")
        assert (c["inheritance"], c["clinvar_agrees"], c["override"]) == ("AD", None, None)
        assert list(criteria["criterion"]) == list(CRITERIA)
        assert (c["n_met"], c["n_met"] + c["n_not_met"] + c["n_not_evaluable"]) == (2, 28)

    def test_points_of_the_criteria_make_the_points_of_the_variant(self, tmp_path):
        rows = [nonsense(100), row(200, revel=0.95), row(300, population_status="present", population_af=0.2,
                population_an=9999), row(400, revel=0.1, spliceai=0.0)]  # fmt: skip
        classes, criteria, _ = classify(tmp_path, rows)
        sums = criteria.groupby("variant_id")["points"].sum()
        assert [sums[v] for v in classes["variant_id"]] == list(classes["points"]) == [9, 5, -8, -1]
        assert list(classes["class"]) == [
            "likely_pathogenic", "uncertain_significance", "benign", "likely_benign",
        ]  # fmt: skip

    def test_where_the_schemes_disagree_both_are_shown_and_the_setting_decides(self, tmp_path):
        rows = [row(100, population_status="present", population_af=0.02, population_an=9999)]
        for scheme, expected in [("points", "likely_benign"), ("rules_2015", "uncertain_significance")]:
            classes, _, summary = classify(tmp_path, rows, settings=Settings(scheme=scheme))
            (c,) = classes.to_dict("records")
            assert (c["class_points"], c["class_2015"]) == ("likely_benign", "uncertain_significance")
            assert (c["class"], c["agree"]) == (expected, False)
            assert summary["schemes_disagree"] == 1 and summary["classes"][expected] == 1

    def test_what_is_not_counted_twice_stays_met_and_says_what_stands_for_it(self, tmp_path):
        rows = [row(100, population_status="present", population_af=0.2, population_an=9999)]
        classes, criteria, _ = classify(tmp_path, rows)
        bs1 = finding(criteria, "BS1")
        assert (bs1["status"], bs1["counted"], bs1["points"], bs1["excluded_by"]) == ("met", False, 0, "BA1")
        assert classes["criteria"][0] == "BA1"

    def test_numbers_and_rows_lead_back_to_the_source(self, tmp_path):
        columns = {"revel": 0.95, "revel_table__status": "present", "revel_table__row": 12,
         "population_row": 77, "population_an": 9999,
                   "population_status": "present", "population_af": 0.3}  # fmt: skip
        _, criteria, _ = classify(tmp_path, [row(100, **columns)])
        pp3, ba1 = finding(criteria, "PP3"), finding(criteria, "BA1")
        assert (pp3["source"], pp3["source_row"]) == ("revel_table", 12)
        assert (ba1["source"], ba1["source_row"]) == ("population_frequency", 77)
        assert ba1["numbers"] == '{"allele_frequency": 0.3, "alleles": 9999, "limit": 0.05}'
        assert "Pejaver" in pp3["reason"]

    def test_the_clinical_source_is_shown_and_never_taken(self, tmp_path):
        clinical = {"clinical_status": "present", "clinical_stars": 4}
        rows = [
            row(100, clinical_significance="Pathogenic", **clinical),
            nonsense(200, clinical_significance="Likely_pathogenic", **clinical),
            row(300, clinical_significance="drug_response", **clinical),
        ]
        classes, _, summary = classify(tmp_path, rows)
        assert list(classes["class"]) == [
            "uncertain_significance",
            "likely_pathogenic",
            "uncertain_significance",
        ]
        assert list(classes["clinvar_agrees"]) == [False, True, None]
        assert summary["clinical_source"] == {"agrees": 1, "disagrees": 1, "says_nothing": 1}
        without = [r | {"clinical_status": "absent", "clinical_significance": None} for r in rows]
        assert list(classify(tmp_path, without)[0]["points"]) == list(classes["points"])

    def test_a_table_with_the_bare_minimum_of_columns_makes_no_evidence(self, tmp_path):
        names = (
            "variant_id",
            "chrom",
            "pos",
            "ref",
            "alt",
            "gene",
            "consequence",
            "impact",
            "consequence_status",
        )
        classes, criteria, _ = classify(tmp_path, [{n: row(1)[n] for n in names}], knowledge=None)
        assert classes["points"][0] == 0 and not (criteria["status"] == "met").any()

    def test_not_a_number_is_no_number(self, tmp_path):
        nan = {"revel": float("nan"), "population_af": float("nan"), "population_status": "present"}
        _, criteria, _ = classify(tmp_path, [row(100, population_an=9999, **nan)])
        for name in ("PP3", "BP4", "BA1", "PM2"):
            assert finding(criteria, name)["status"] == "not_evaluable"

    def test_hostile_names_stay_text(self, tmp_path):
        knowledge = write_store(tmp_path / "k", gene=[HOSTILE])
        classes, criteria, _ = classify(tmp_path, [nonsense(100, gene=HOSTILE)], knowledge=knowledge)
        assert classes["gene"][0] == HOSTILE and classes["class"][0] == "likely_pathogenic"
        assert HOSTILE in finding(criteria, "BP2")["gene"]
        assert json.loads(finding(criteria, "PVS1")["numbers"])["nmd"] == "predicted"

    def test_the_bytes_do_not_depend_on_the_blocks(self, tmp_path, monkeypatch):
        rows = [make(p, alt=a, gene_id=g, gene=g, revel=p / 1000, transcript=t)
                for p in range(100, 104) for make, a in ((row, "G"), (nonsense, "T"))
                for g in ("ENSG1", "ENSG2") for t in ("A", "B")]  # fmt: skip
        whole, criteria, summary = classify(tmp_path, rows)
        for size in (1, 7):
            monkeypatch.setattr(select, "_BATCH", size)
            again, criteria_again, summary_again = classify(tmp_path, rows)
            pd.testing.assert_frame_equal(again, whole)
            pd.testing.assert_frame_equal(criteria_again, criteria)
            assert summary_again == summary
        assert len(whole) == 16 and summary["rows"] == {
            "rows": 32, "classified": 16, "other_transcript": 16,
        }  # fmt: skip


class TestSelection:
    def test_one_transcript_per_gene_and_rows_that_say_nothing_are_counted(self, tmp_path):
        intron = {"consequence": "intron_variant", "impact": "MODIFIER", "hgvs_c": "ENST1.1:c.88+50A>G"}
        near = {"consequence": "upstream_gene_variant", "impact": "MODIFIER", "gene": "B", "gene_id": "ENSG2"}
        rows = [
            row(100, transcript="X", mane=None, canonical=False),
            row(100, transcript="Y"),
            row(100, **near),
            row(200, **intron),
            row(300, **intron, clinical_status="present", clinical_significance="Benign"),
            row(300, **near, clinical_status="present", clinical_significance="Benign"),
            row(400, **intron, spliceai=0.11),
            row(500, **intron, spliceai=0.1),
            row(600, consequence=None, impact=None, consequence_status="not_assessed"),
        ]
        classes, _, summary = classify(tmp_path, rows)
        assert list(classes["variant_id"]) == ["1:100:A:G", "1:300:A:G", "1:400:A:G"]
        assert list(classes["transcript"]) == ["Y", "ENST1.1", "ENST1.1"]
        assert summary["rows"] == {
            "rows": 9, "classified": 3, "other_transcript": 1, "another_gene_is_affected": 1,
            "another_row_stands_for_it": 1, "no_impact_no_record": 2, "consequence_not_assessed": 1,
        }  # fmt: skip

    @pytest.mark.parametrize(
        ("better", "worse"),
        [
            ({"chosen": True, "mane": None}, {"chosen": False, "mane": "select"}),
            ({"mane": "select"}, {"mane": "plus_clinical"}),
            ({"mane": "plus_clinical"}, {"mane": None}),
            ({"mane": None}, {"mane": None, "canonical": False}),
            ({"biotype": "protein_coding", "mane": None, "canonical": False},
             {"biotype": "lncRNA", "mane": None,
             "canonical": False}),
            ({"cds_length": 600}, {"cds_length": 303}),
            ({"transcript": "A"}, {"transcript": "B"}),
        ],
    )  # fmt: skip
    def test_the_transcript_of_choice(self, tmp_path, better, worse):
        rows = [row(1, **({"transcript": name, "chosen": None} | columns))
                for name, columns in (("T1", better), ("T2", worse))]  # fmt: skip
        for order in (rows, rows[::-1]):
            classes, _, summary = classify(tmp_path, order)
            assert list(classes["transcript"]) == [rows[0]["transcript"]]
            assert summary["rows"]["other_transcript"] == 1


OVERRIDE = "variant_id\tgene\tclass\tcriterion\tstatus\tstrength\twho\twhen\twhy\treference\n"


class TestOverrides:
    def _table(self, tmp_path: Path, *rows: str) -> Path:
        path = tmp_path / "overrides.tsv"
        path.write_text(OVERRIDE + "".join(r + "\n" for r in rows), encoding="utf-8")
        return path

    def test_stand_beside_the_automatic_result(self, tmp_path):
        path = self._table(
            tmp_path,
            "1:100:A:G\tGENE\tbenign\t\t\t\tKLM\t2026-01-31\tseen often\tPMID:1",
            "1:200:A:G\tENSG1\t\tPS3\tmet\t\tKLM\t2026-02-01\tassay\t",
            "1:200:A:G\tENSG1\t\tPM2\tnot_met\t\tNOP\t2026-02-02\tfounder\tPMID:2",
            "1:900:A:G\tGENE\tbenign\t\t\t\tKLM\t2026-01-31\tgone\t",
        )
        classes, criteria, summary = classify(
            tmp_path, [nonsense(100), nonsense(200), row(300)], overrides=path
        )
        first, second, third = classes.to_dict("records")
        assert (first["class"], first["override_class"], first["override"]) == (
            "likely_pathogenic",
            "benign",
            "class",
        )
        assert (first["override_who"], first["override_when"], first["override_points"]) == (
            "KLM",
            "2026-01-31",
            None,
        )
        assert (second["class"], second["points"]) == ("likely_pathogenic", 9)
        assert (second["override"], second["override_class"], second["override_points"]) == (
            "criteria",
            "pathogenic",
            12,
        )
        assert (second["override_who"], second["override_why"]) == ("KLM; NOP", "assay; founder")
        assert third["override"] is None
        ps3 = finding(criteria, "PS3", "1:200:A:G")
        assert (ps3["status"], ps3["override_status"], ps3["override_strength"]) == (
            "not_evaluable",
            "met",
            "strong",
        )
        assert summary["overrides_used"] == 3
        assert [o["variant_id"] for o in summary["overrides_without_variant"]] == ["1:900:A:G"]

    def test_make_a_candidate_of_a_variant_without_impact(self, tmp_path):
        path = self._table(tmp_path, "1:100:A:G\tGENE\tpathogenic\t\t\t\tKLM\t2026-01-31\tRNA\t")
        rows = [row(100, consequence="intron_variant", impact="MODIFIER")]
        rows.append(rows[0] | {"gene": "B", "gene_id": "ENSG2"})
        assert list(classify(tmp_path, rows, overrides=path)[0]["gene"]) == ["GENE"]
        assert len(classify(tmp_path, rows)[0]) == 0

    @pytest.mark.parametrize(
        ("cells", "column"),
        [
            ("1:100:A:G\tG\tbenigne\t\t\t\tK\t2026-01-31\tw\t", "class"),
            ("1:100:A:G\tG\t\tPM9\tmet\t\tK\t2026-01-31\tw\t", "criterion"),
            ("1:100:A:G\tG\t\tPM2\tyes\t\tK\t2026-01-31\tw\t", "status"),
            ("1:100:A:G\tG\t\tPM2\tmet\thuge\tK\t2026-01-31\tw\t", "strength"),
            ("1:100:A:G\tG\t\tPM2\tmet\tstand_alone\tK\t2026-01-31\tw\t", "strength"),
            ("1:100:A:G\tG\t\tPM2\tnot_met\tstrong\tK\t2026-01-31\tw\t", "strength"),
            ("1:100:A:G\tG\tbenign\tPM2\tmet\t\tK\t2026-01-31\tw\t", "class"),
            ("1:100:A:G\tG\t\t\t\t\tK\t2026-01-31\tw\t", "class"),
            ("1:100:A:G\tG\tbenign\t\t\t\tK\t31.1.2026\tw\t", "when"),
            ("1:100:A:G\tG\tbenign\t\t\t\t\t2026-01-31\tw\t", "who"),
            ("1:100:A:G\tG\tbenign\t\t\t\tK\t2026-01-31\t\t", "why"),
            ("1:100:A:G\t\tbenign\t\t\t\tK\t2026-01-31\tw\t", "gene"),
            ("1-100-A-G\tG\tbenign\t\t\t\tK\t2026-01-31\tw\t", "variant_id"),
            ("1:100:A:<DEL>\tG\tbenign\t\t\t\tK\t2026-01-31\tw\t", "variant_id"),
        ],
    )
    def test_faults_are_named_by_row_and_column(self, tmp_path, cells, column):
        path = self._table(tmp_path, "1:1:A:G\tG\tbenign\t\t\t\tK\t2026-01-31\tw\t", cells)
        with pytest.raises(InputError) as error:
            read_overrides(path)
        assert (column, 3) in {(p.column, p.row) for p in error.value.problems}

    def test_the_same_decision_twice_is_a_fault(self, tmp_path):
        line = "1:1:A:G\tG\tbenign\t\t\t\tK\t2026-01-31\tw\t"
        with pytest.raises(InputError, match="second time"):
            read_overrides(self._table(tmp_path, line, line))

    def test_alleles_may_come_in_four_columns(self, tmp_path):
        path = tmp_path / "o.csv"
        path.write_text(
            "chrom,pos,ref,alt,gene,class,who,when,why,reference\n1,100,A,G,GENE,benign,K,2026-01-31,w,\n"
        )
        assert list(read_overrides(path)) == [("1:100:A:G", "GENE")]


class TestUserTables:
    THRESHOLDS = "gene\tcriterion\tproperty\tthreshold\tstrength\tsource\n"

    @pytest.mark.parametrize(
        ("cells", "column"),
        [
            ("G\tBA2\tfrequency\t0.1\t\ts", "criterion"), ("G\tBA1\tfrequencies\t0.1\t\ts", "property"),
            ("G\tBA1\thomozygotes\t3\t\ts", "property"), ("G\tBA1\tfrequency\t5 %\t\ts", "threshold"),
            ("G\tBA1\tfrequency\t1.5\t\ts", "threshold"), ("G\tBA1\tfrequency\tnan\t\ts", "threshold"),
            ("G\tPM1\tprotein_positions\t9-3\t\ts", "threshold"),
            ("G\tPM1\tapplies\tmaybe\t\ts", "threshold"),
            ("G\tBA1\tfrequency\t0.1\tmega\ts", "strength"), ("\tBA1\tfrequency\t0.1\t\ts", "gene"),
            ("G\tBA1\tfrequency\t0.1\t\t", "source"),
        ],
    )  # fmt: skip
    def test_faults_of_thresholds(self, tmp_path, cells, column):
        path = tmp_path / "thresholds.tsv"
        path.write_text(self.THRESHOLDS + "G\tBA1\tfrequency\t0.001\t\ts\n" + cells + "\n")
        with pytest.raises(InputError) as error:
            read_thresholds(path)
        assert [(p.column, p.row) for p in error.value.problems] == [(column, 3)]

    def test_an_empty_table_of_thresholds_changes_nothing(self, tmp_path):
        path = tmp_path / "thresholds.tsv"
        path.write_text(self.THRESHOLDS)
        assert read_thresholds(path) == read_thresholds(None) == {}

    @pytest.mark.parametrize(
        ("cells", "column"),
        [
            ("1\t10\t5\thotspot\tn\ts", "start"), ("1\t0\t5\thotspot\tn\ts", "start"),
            ("1\ta\t5\thotspot\tn\ts", "start"), ("1\t1\t5\thotspots\tn\ts", "kind"),
            ("\t1\t5\thotspot\tn\ts", "chrom"),
        ],
    )  # fmt: skip
    def test_faults_of_regions(self, tmp_path, cells, column):
        path = tmp_path / "regions.tsv"
        path.write_text("chrom\tstart\tend\tkind\tname\tsource\n1\t1\t2\trepeat\t\ts\n" + cells + "\n")
        with pytest.raises(InputError) as error:
            read_regions(path)
        assert [(p.column, p.row) for p in error.value.problems] == [(column, 3)]

    @pytest.mark.parametrize(
        "values",
        [
            {"missense_scores": "revel"}, {"ba1_frequency": "0.05"}, {"ba1_frequency": 2},
            {"ba1_frequency": None},
            {"scheme": "bayes"}, {"known_min_stars": 1.5}, {"known_min_stars": True}, {"missense_score": 3},
            {"conservation_column": "phylop"}, {"de_novo_phenotype": ""},
        ],
    )  # fmt: skip
    def test_settings_are_checked(self, values):
        with pytest.raises(InputError):
            read_settings(values)

    def test_settings_that_are_right_are_taken(self):
        settings = read_settings({"missense_score": None, "ba1_frequency": 0, "ps4_trait": "ill"})
        assert (settings.missense_score, settings.ba1_frequency, settings.ps4_trait) == (None, 0, "ill")

    def test_a_score_without_calibration_is_refused(self, tmp_path):
        with pytest.raises(InputError, match="revel"):
            classify(tmp_path, [row(1)], settings=Settings(missense_score="revell"))


class TestOtherTables:
    def test_the_cohorts_own_association_and_families(self, tmp_path):
        scan = {
            "id": ["1:100:A:G", "1:200:A:G"], "effect_allele": ["G", "G"], "other_allele": ["A", "A"],
            "beta": [3.0, None], "se": [0.1, None], "neg_log10_p": [20.0, None], "status": ["OK", "TOO_RARE"],
            "n_cases": [100, 100], "eaf_cases": [0.2, 0.0],
        }  # fmt: skip
        carriers = {
            "patient": ["P1", "P2"], "variant_id": ["1:100:A:G"] * 2, "gene": ["GENE"] * 2,
            "gene_id": ["ENSG1"] * 2,
            "zygosity": ["heterozygous"] * 2, "origin": ["de_novo", "maternal"], "parents": [2, 2],
            "parentage_confirmed": [True, None], "affected": [True, True],
        }  # fmt: skip
        pairs = {
            "patient": ["P1"], "gene": ["GENE"], "gene_id": ["ENSG1"], "variant_1": ["1:100:A:G"],
            "variant_2": ["1:200:A:G"], "phase": ["cis"], "phase_source": ["trio"], "detail": [""],
        }  # fmt: skip
        families = {
            "variant_id": ["1:100:A:G"], "family": ["F1"], "n_affected_carriers": [4],
            "n_affected_noncarriers": [0],
            "n_unaffected_carriers": [0], "meioses": [4],
        }  # fmt: skip
        paths = {}
        for name, table in [("association", scan), ("inheritance", carriers), ("compound", pairs),
                            ("segregation", families)]:  # fmt: skip
            paths[name] = tmp_path / f"{name}.parquet"
            pq.write_table(pa.table(table), paths[name])
        clinical = {"clinical_status": "present", "clinical_significance": "Pathogenic", "clinical_stars": 3}
        settings = Settings(ps4_trait="ill", de_novo_phenotype="consistent")
        rows = [row(100), row(200, **clinical)]
        _, criteria, _ = classify(tmp_path, rows, settings=settings, **paths)
        expected = {
            "PS4": "strong",
            "PS2": "moderate",
            "PM6": None,
            "PP1": "moderate",
            "BP2": "supporting",
            "PM3": None,
        }
        for name, strength in expected.items():
            assert finding(criteria, name, "1:100:A:G")["strength"] == strength, name
        ps4 = finding(criteria, "PS4", "1:200:A:G")
        assert (ps4["status"], ps4["source_row"]) == ("not_evaluable", 2)

    @pytest.mark.parametrize("phase", ["trans", "cis"])
    def test_a_partner_may_be_pathogenic_by_its_own_criteria_but_two_do_not_lift_each_other(
        self, tmp_path, phase
    ):
        """A truncating variant lifts the missense one in trans; neither of two missense ones the other."""
        ids = {"GENE": (100, 200), "OTHER": (300, 400)}
        truncating = {"consequence": "stop_gained", "impact": "HIGH", "nmd": "predicted", "new_stop": 9}
        rows = [
            row(100, **truncating), row(200),
            row(300, gene="OTHER", gene_id="ENSG2"), row(400, gene="OTHER", gene_id="ENSG2"),
        ]  # fmt: skip
        store = write_store(
            tmp_path / "mine", gene=list(ids), gene_id=["ENSG1", "ENSG2"], inheritance=["AR"] * 2,
            lof_mechanism=["yes"] * 2,
        )  # fmt: skip
        names = {gene: [f"1:{pos}:A:G" for pos in places] for gene, places in ids.items()}
        carriers = [
            {
                "patient": "P1", "variant_id": name, "gene": gene, "gene_id": "", "zygosity": "heterozygous",
                "origin": "unknown", "parents": 0, "parentage_confirmed": None, "affected": True,
            }
            for gene, pair in names.items()
            for name in pair
        ]  # fmt: skip
        pairs = [
            {"patient": "P1", "gene": gene, "gene_id": "", "variant_1": a, "variant_2": b, "phase": phase}
            for gene, (a, b) in names.items()
        ]
        for name, table in (("inheritance", carriers), ("compound", pairs)):
            pq.write_table(pa.Table.from_pylist(table), tmp_path / f"{name}.parquet")
        _, criteria, _ = classify(
            tmp_path, rows, knowledge=store,
            inheritance=tmp_path / "inheritance.parquet", compound=tmp_path / "compound.parquet",
        )  # fmt: skip
        met = {v: finding(criteria, "PM3", v)["status"] for pair in names.values() for v in pair}
        lifted = "met" if phase == "trans" else "not_met"
        assert met == {
            "1:100:A:G": "not_met", "1:200:A:G": lifted, "1:300:A:G": "not_met", "1:400:A:G": "not_met",
        }  # fmt: skip
        numbers = json.loads(finding(criteria, "PM3", "1:200:A:G")["numbers"])
        assert numbers["partners_by_criteria"] == ["1:100:A:G"]

    def test_a_table_of_another_kind_is_refused(self, tmp_path):
        pq.write_table(pa.table({"x": [1]}), tmp_path / "x.parquet")
        for name in ("association", "inheritance", "compound", "segregation"):
            with pytest.raises(InputError, match="no column"):
                classify(
                    tmp_path, [row(1)], settings=Settings(ps4_trait="t"), **{name: tmp_path / "x.parquet"}
                )


class TestWithTheEngine:
    """Over a small genome: the clinical source's alleles and the cohort's go through the same engine."""

    @pytest.fixture
    def world(self, tmp_path):
        from endotype.annotation.effects.predict import predict_effects

        fasta, gff = write_fasta(tmp_path), write_gff(tmp_path)
        store = write_store(tmp_path / "k", gene=["FW1"], gene_id=["FWD"])
        known = [("c1", 113, "A", "G"), ("c1", 117, "G", "C"), ("c1", 113, "A", "C"), ("zz", 5, "A", "C")]
        clinical = {
            "chrom": [k[0] for k in known], "pos": [k[1] for k in known], "ref": [k[2] for k in known],
            "alt": [k[3] for k in known],
            "clinical_significance": ["Pathogenic", "Likely_pathogenic", "Pathogenic", "Pathogenic"],
            "clinical_id": ["11", "12", "13", "14"], "clinical_stars": [2, 3, 1, 3],
            "source_row": [5, 6, 7, 8], "pathogenic": [True] * 4,
        }  # fmt: skip
        pq.write_table(pa.table(clinical), store / "clinical_significance.parquet")
        cohort = [("c1", 110, "A", "G"), ("c1", 114, "A", "G"), ("c1", 117, "G", "A"), ("c1", 131, "G", "A"),
                  ("c1", 113, "A", "G")]  # fmt: skip
        for chrom, pos, ref, _ in [*known[:3], *cohort]:
            assert base_at(chrom, pos) == ref
        bcf = write_bcf(tmp_path / "v.bcf", cohort)
        predict_effects(bcf, tmp_path / "variants.parquet", fasta, gff)
        return tmp_path, store, fasta, gff

    def test_established_alleles_are_found_on_the_protein(self, world):
        folder, store, fasta, gff = world
        known = describe_known(store, fasta, gff, 2)
        assert known.read == {
            "pathogenic_alleles": 4, "contig_not_in_reference": 1, "not_plain_bases": 0, "described": 3,
            "in_no_gene": 0,
        }  # fmt: skip
        classify_variants(
            folder / "variants.parquet", folder / "o", knowledge=store, genes=gff, fasta=fasta, known=known
        )
        criteria = pd.read_parquet(folder / "o" / "criteria.parquet")
        pm5 = finding(criteria, "PM5", "c1:114:A:G")  # K2R beside K2E
        assert (pm5["strength"], pm5["source"], pm5["source_row"]) == ("moderate", "clinical_significance", 5)
        assert json.loads(pm5["numbers"])["known_variant"] == "c1:113:A:G"
        own = finding(criteria, "PM5", "c1:113:A:G")  # K2E itself; K2Q has too few stars
        assert own["status"] == "not_met"
        assert (
            finding(criteria, "PVS1", "c1:110:A:G")["strength"] == "moderate"
        )  # the start; K2E is behind it
        assert finding(criteria, "PVS1", "c1:117:G:A")["strength"] is not None  # W3*
        donor = finding(criteria, "PVS1", "c1:131:G:A")  # of the first exon
        assert (donor["status"], donor["reason"].split(";")[0]) == (
            "not_evaluable",
            "The first or the last exon can't be skipped",
        )

    def test_the_command_line_does_what_the_library_does_byte_for_byte(self, world):
        folder, store, fasta, gff = world
        arguments = {
            "variants": folder / "variants.parquet",
            "knowledge": store,
            "genes": gff,
            "fasta": fasta,
        }
        done = _command(**arguments, out=folder / "a")
        assert done.returncode == 0, done.stderr
        run.classify(arguments.pop("variants"), folder / "b", **arguments)
        digests = []
        for out in (folder / "a", folder / "b"):
            files = sorted(out.iterdir())
            assert [f.name for f in files] == [
                "classification.json",
                "classification.parquet",
                "criteria.parquet",
            ]
            digests.append([hashlib.sha256(f.read_bytes()).hexdigest() for f in files])
        assert digests[0] == digests[1]
        assert str(folder) not in (folder / "a" / "classification.json").read_text()

    def test_the_command_line_refuses_with_code_2(self, world):
        folder, *_ = world
        bad, variants = folder / "settings.json", folder / "variants.parquet"
        bad.write_text('{"ba1": 1}')
        done = _command(variants=variants, settings=bad, out=folder / "z")
        assert done.returncode == 2 and "ba1" in done.stderr and "Traceback" not in done.stderr
        for text in ("[]", "{"):
            bad.write_text(text)
            with pytest.raises(InputError, match="JSON"):
                run.classify(variants, folder / "z", settings=bad)
        with pytest.raises(InputError, match="trait"):
            run.classify(variants, folder / "z", association=variants)
        assert not (folder / "z").exists()


def _command(**arguments: Path) -> subprocess.CompletedProcess[str]:
    words = [word for name, value in arguments.items() for word in (f"--{name}", str(value))]
    command = [sys.executable, str(ROOT / "scripts" / "classify_variants.py"), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


class TestResources:
    def test_the_checksums_are_those_of_the_page(self):
        page = (RESOURCES / "README.md").read_text()
        stated = dict(re.findall(r"\| `acmg/(\w+\.tsv)` \|.*`([0-9a-f]{64})` \|", page))
        files = (RESOURCES / "acmg").glob("*.tsv")
        assert stated == {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}

    def test_the_nine_exceptions_are_there_on_both_assemblies(self):
        old, new = read_ba1_exceptions("b37"), read_ba1_exceptions("hg38")
        assert len(old) == len(new) == 9 and not old & new
        assert ("6", 26093141, "G", "A") in old and ("6", 26092913, "G", "A") in new  # HFE C282Y
        assert {(c, r, a) for c, _, r, a in old} == {(c, r, a) for c, _, r, a in new}
        assert read_ba1_exceptions("EndoSim1") == read_ba1_exceptions(None) == frozenset()


def test_the_package_needs_no_other_tables(tmp_path):
    """Without any of them the classes are those of the variants table alone."""
    path = write_variants(tmp_path / "v.parquet", [nonsense(100)])
    classify_variants(path, tmp_path / "o")
    with duckdb.connect() as con:
        found = con.execute(f"SELECT class, criteria FROM '{tmp_path}/o/classification.parquet'").fetchall()
    assert found == [("uncertain_significance", "PM2_Supporting")]
