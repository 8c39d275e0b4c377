"""Whole runs: same bytes for any number of cores and after any crash, nothing run twice, honest gaps."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pandas as pd
import pytest

from endotype.provenance.methods import methods
from tests.workflow.conftest import ROOT, Run

pytestmark = pytest.mark.slow


VARIANT_RESULTS = [
    *("variants/genotypes.bed", "variants/genotypes.bim", "variants/variant_qc.parquet"),
    *("variants/rejects.tsv", "variants/flow.json", "variants/reads.parquet"),
]
LATER_RESULTS = [
    "variants/sample_qc.parquet",
    "annotation/variants.parquet",
    "annotation/haplotypes.parquet",
    "annotation/inheritance.parquet",
    "annotation/classification.parquet",
    "annotation/criteria.parquet",
    "association/loci.parquet",
    "association/lipid_level.parquet",
    "association/plots/plots.json",
    "association/plots/forest.svg",
    "subtypes/features.parquet",
]


def report(run: Run, patient: str) -> dict:
    return json.loads((run.results / "reports" / patient / "report.json").read_text())


def patients(run: Run) -> list[str]:
    return pd.read_parquet(run.results / "cohort" / "people.parquet")["patient"].tolist()


class TestAFinishedRun:
    def test_every_patient_has_a_report(self, finished):
        for patient in patients(finished):
            assert report(finished, patient)["patient"]["id"] == patient
            assert (finished.results / "reports" / patient / "report.html").stat().st_size > 5000

    def test_the_manifest_holds_all_results(self, finished):
        subprocess.run(
            ["sha256sum", "-c", "--quiet", "provenance/manifest.sha256"], cwd=finished.results, check=True
        )
        listed = {line.split("  ")[1] for line in finished.manifest.splitlines()}
        there = {
            str(p.relative_to(finished.results))
            for p in finished.results.rglob("*")
            if p.is_file()
            and p.relative_to(finished.results).parts[0] not in ("provenance", "ro-crate-metadata.json")
            and p.name != ".snakemake_timestamp"  # Snakemake's own note on a folder
        }
        assert listed == there

    def test_no_result_holds_a_path_of_this_machine(self, finished):
        for path in finished.results.rglob("*"):
            if path.is_file():
                content = path.read_bytes()
                assert str(ROOT).encode() not in content, path
                assert str(finished.workdir).encode() not in content, path

    def test_a_second_run_does_nothing(self, finished):
        assert finished.planned() == set()
        done = finished()
        assert done.returncode == 0
        assert "Nothing to be done" in done.stdout + done.stderr

    def test_alleles_in_are_alleles_rejected_merged_or_kept(self, finished):
        flow = json.loads((finished.results / "variants" / "flow.json").read_text())
        gone = (
            sum(flow["alleles_rejected"].values()) + flow["duplicates_merged"] + flow["joined_across_files"]
        )
        filtered = sum(flow["variants_filtered"].values())
        assert flow["alleles_in"] == gone + filtered + flow["variants_kept"]
        assert flow["variants_kept"] == len(
            (finished.results / "variants" / "genotypes.bim").read_text().splitlines()
        )
        assert sum(flow["alleles_rejected"].values()) == len(
            (finished.results / "variants" / "rejects.tsv").read_text().splitlines()[1:]
        )

    def test_a_changed_threshold_re_runs_what_it_touches(self, finished, tmp_path):
        planned = finished.planned(finished.write_config(tmp_path / "config.yaml", subtypes={"max_k": 4}))
        assert {"discover_subtypes", "assign_subtypes", "rank_targets", "write_reports"} <= planned
        assert not planned & {"prepare_input", "normalise_variants", "associate", "annotate_variants"}

    def test_linting_finds_nothing(self, finished):
        done = finished("--lint")
        assert "Congratulations" in done.stdout + done.stderr, done.stdout + done.stderr

    @pytest.mark.parametrize(
        ("size", "names"),
        [
            (160_000, VARIANT_RESULTS),
            pytest.param(60_000, [*VARIANT_RESULTS, *LATER_RESULTS], marks=pytest.mark.long),
        ],
        ids=["genotypes", "all"],
    )
    def test_other_shards_give_the_same_results(self, finished, tmp_path, small_cohort, size, names):
        """What subtypes, targets and reports are made from is the same, so they are too."""
        small = Run(tmp_path / "small", small_cohort, variants={"shard_size": size})
        targets = {re.sub("/plots/.*", "/plots", f"results/{name}") for name in names}
        small.complete(*sorted(targets), cores=2)
        for name in names:
            assert (small.results / name).read_bytes() == (finished.results / name).read_bytes(), name


class TestInputErrors:
    @pytest.fixture
    def run(self, tmp_path, small_cohort) -> Run:
        return Run(tmp_path / "work", small_cohort)

    def refused(self, run: Run) -> str:
        """The page of problems; nothing was run or written."""
        done = run()
        assert done.returncode == 2, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        assert not run.results.exists()
        return done.stderr

    @pytest.mark.parametrize("hostile", ["$(touch X)", "../x", "-rf", "a b"])
    def test_a_hostile_id_is_refused_before_any_job(self, run, hostile):
        sheet = run.workdir / "cohort" / "samples.tsv"
        sheet.write_text(sheet.read_text().replace("P0003\t", f"{hostile}\t", 1))
        page = self.refused(run)
        assert "samples.tsv" in page and "row 4" in page
        assert not (run.workdir / "X").exists()

    def test_problems_of_all_files_stand_on_one_page(self, run):
        cohort = run.workdir / "cohort"
        sheet = cohort / "samples.tsv"
        sheet.write_text(sheet.read_text().replace("\tmale\t", "\tmael\t", 1))
        dictionary = cohort / "dictionary.yaml"
        dictionary.write_text(dictionary.read_text().replace("role: trait", "role: trat", 1))
        vcf = cohort / "cohort.vcf.gz"
        vcf.write_bytes(vcf.read_bytes()[:-1000])
        page = self.refused(run)
        assert all(name in page for name in ("samples.tsv", "dictionary.yaml", "cohort.vcf.gz"))
        assert "male" in page and "trait" in page

    def test_an_unknown_key_names_the_nearest(self, run):
        run.write_config(run.workdir / "config.yaml", variants={"min_dpeth": 5})
        assert "min_depth" in self.refused(run)


class TestGaps:
    @pytest.mark.long
    def test_no_variant_left_still_gives_every_patient_a_report(self, tmp_path, small_cohort):
        run = Run(tmp_path / "none", small_cohort, variants={"min_quality": 1e9}).complete(cores=2)
        assert (run.results / "variants" / "genotypes.bim").read_text() == ""
        for patient in patients(run)[:20]:
            said = json.dumps(report(run, patient)["not_assessed"]) + json.dumps(
                report(run, patient)["key_findings"]
            )
            assert re.search(r"(?i)no variant|0 variants|not assessed|nothing reportable", said)

    def test_without_a_reference_and_knowledge_what_is_not_assessed_is_said(self, tmp_path, small_cohort):
        run = Run(
            tmp_path / "bare",
            small_cohort,
            reference={"fasta": None, "genes": None, "allow_missing": True},
            knowledge=dict.fromkeys(["clinical_significance", "population_frequency", "genes", "targets"]),
        ).complete(
            "results/reports/P0001/report.json",
            "results/association/summary.json",
            "results/provenance/config.json",
            cores=2,
        )
        table = pd.read_parquet(run.results / "annotation" / "variants.parquet")
        assert (table["consequence_status"] == "not_assessed").all()
        assert table["population_af"].isna().all()
        some = report(run, "P0001")
        topics = json.dumps(some["not_assessed"])
        for word in ("eference", "onsequence", "requency", "ignificance", "arget"):
            assert word in topics
        assert len(pd.read_parquet(run.results / "association" / "lipid_level.parquet")) == len(table)
        assert "not tested" in methods(run.results)


def test_the_demo_configuration_plans_every_rule(tmp_path, small_cohort):
    rules = Run(tmp_path / "work", small_cohort).planned()
    written = set()
    for path in (ROOT / "workflow" / "rules").glob("*.smk"):
        written |= set(re.findall(r"^rule (\w+):", path.read_text(), re.MULTILINE))
    assert rules - {"all"} == written | {"write_reports", "render_reports"}
    sections = {
        "annotation": {"compare_imported": True},
        "association": {"gwas_ssf": {"date": "2026-01-31", "assembly": "EndoSim1"}},
    }
    asked = Run(tmp_path / "more", small_cohort, **sections).planned()
    assert asked == rules | {"compare_imported", "export_sumstats"}


def test_simulated_cohorts_are_the_same_for_the_same_seed(tmp_path, small_cohort):
    subprocess.run(
        [
            *(sys.executable, ROOT / "scripts" / "simulate_cohort.py", "--out", tmp_path / "again"),
            *("--seed", "7", "--patients", "150", "--variants", "4000", "--quiet"),
        ],
        check=True,
    )
    for path in small_cohort.iterdir():
        assert (tmp_path / "again" / path.name).read_bytes() == path.read_bytes(), path.name
