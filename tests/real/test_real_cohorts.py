"""Real genotypes through the whole workflow. The phenotypes are simulated and have no cause."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from endotype.variants.pack import pack_region
from endotype.variants.plink import open_store
from endotype.variants.site_filters import Filters
from tests.once import once
from tests.real.prepare import DEFAULT_DATA, UWGAC, prepare
from tests.variants.peers import plink2

ROOT = Path(__file__).parents[2]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.real,
    pytest.mark.skipif(
        not (DEFAULT_DATA / "MANIFEST.md").is_file(),
        reason="no real cohorts beside the repository (set ENDOTYPE_DATA to their folder)",
    ),
]


def run(name: str, workdir: Path) -> None:
    """Run a configuration whole."""
    prepare(name, workdir, every=3)  # a third of the autosomes says the same in a third of the time
    done = subprocess.run(
        [
            *(sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")),
            *("--directory", str(workdir), "--configfile", str(ROOT / "tests" / "real" / f"{name}.yaml")),
            *("--cores", "1"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-5000:]


@pytest.fixture(scope="session")
def kit(tmp_path_factory) -> Path:
    return once(tmp_path_factory, "kit", lambda folder: run("kit", folder)) / "results"


@pytest.fixture(scope="session")
def chr20(tmp_path_factory) -> Path:
    return once(tmp_path_factory, "chr20", lambda folder: run("chr20", folder)) / "results"


@pytest.fixture(scope="session")
def uwgac(tmp_path_factory) -> Path:
    return once(tmp_path_factory, "uwgac", lambda folder: run("uwgac", folder)) / "results"


def flow(results: Path) -> dict:
    return json.loads((results / "variants" / "flow.json").read_text())


def reports(results: Path) -> list[Path]:
    return sorted((results / "reports").glob("*/report.json"))


@pytest.mark.long
class TestExomesWithReferenceAndGenes:
    def test_every_allele_agrees_with_the_reference_and_is_accounted_for(self, kit):
        counts = flow(kit)
        assert counts["records_in"] == 122
        assert counts["alleles_in"] == counts["variants_normalised"] == 123
        assert counts["alleles_rejected"] == {}

    def test_every_kept_variant_has_a_consequence(self, kit):
        table = pd.read_parquet(kit / "annotation" / "variants.parquet")
        assert (table["consequence_status"] == "assessed").all()
        assert table["consequence"].notna().all()
        assert (table["consequence"].str.contains("missense_variant")).sum() > 20
        assert {"SAMD11", "OR4F5"} <= set(table["gene"].dropna())

    def test_everybody_has_a_report_and_no_subtype_is_invented(self, kit):
        assert len(reports(kit)) == 1182
        assert json.loads((kit / "subtypes" / "selection.json").read_text())["k"] == 1
        assert pd.read_parquet(kit / "association" / "loci.parquet").empty


@pytest.mark.long
class TestTwoFilesOfOtherPeopleWithoutReference:
    def test_the_files_are_joined_site_by_site(self, chr20):
        counts = flow(chr20)
        assert counts["records_in"] == 2 * 24_990
        assert counts["joined_across_files"] == counts["variants_normalised"] == 24_990
        store = pd.read_csv(chr20 / "variants" / "genotypes.fam", sep="\t", header=None)
        assert len(store) == 503
        qc = pd.read_parquet(chr20 / "variants" / "variant_qc.parquet")
        assert (qc["n_missing"] == 0).all()

    def test_the_store_equals_plink2s_own_conversion(self, chr20, tmp_path):
        shard = next((chr20 / "variants" / "shards").glob("20_*[0-9].bcf"))
        people = chr20 / "cohort" / "people.parquet"
        everything = Filters(min_genotype_quality=0, min_depth=0, min_call_rate=0, min_hwe_p=0)
        pack_region(shard, "20:1-70000000", people, "GRCh37", everything, tmp_path / "ours")
        kept = open_store(tmp_path / "ours").variants["id"]
        assert len(kept) > 24_000
        kept.to_csv(tmp_path / "kept.txt", header=False, index=False)
        plink2(
            *("--bcf", shard, "--set-all-var-ids", "@:#:$r:$a", "--new-id-max-allele-len", "900"),
            *("--extract", tmp_path / "kept.txt", "--make-bed", "--out", tmp_path / "theirs"),
        )
        assert (tmp_path / "ours.bed").read_bytes() == (tmp_path / "theirs.bed").read_bytes()

    def test_nobody_of_a_clean_panel_is_called_a_duplicate_or_of_the_wrong_sex(self, chr20):
        metrics = pd.read_parquet(chr20 / "variants" / "sample_metrics.parquet")
        assert (metrics["verdict"] != "fail").all()
        assert (metrics.loc[metrics["metric"] == "contamination", "verdict"] == "not_assessed").all()

    def test_what_needs_a_reference_is_not_assessed_and_said_so_in_every_report(self, chr20):
        table = pd.read_parquet(chr20 / "annotation" / "variants.parquet")
        assert (table["consequence_status"] == "not_assessed").all()
        assert len(reports(chr20)) == 503
        for path in reports(chr20):
            said = path.read_text()
            for words in ("Consequences of variants were not assessed", "Left alignment was not assessed"):
                assert words in said, path

    def test_no_relative_nor_subtype_nor_locus_is_invented(self, chr20):
        assert pd.read_parquet(chr20 / "variants" / "relatedness.parquet").empty
        assert json.loads((chr20 / "subtypes" / "selection.json").read_text())["k"] == 1
        assert pd.read_parquet(chr20 / "association" / "loci.parquet").empty


@pytest.mark.long
class TestTwelvePopulationsInOneFileAChromosome:
    def test_all_files_are_read(self, uwgac):
        counts = flow(uwgac)
        assert counts["records_in"] == 10_029
        assert counts["alleles_rejected"] == {}
        assert counts["structural"] == 12
        assert counts["alleles_in"] == counts["variants_normalised"] + counts["structural"]

    def test_the_first_axes_separate_the_populations(self, uwgac):
        axes = pd.read_parquet(uwgac / "variants" / "ancestry.parquet").set_index("patient")
        people = pd.read_csv(DEFAULT_DATA / UWGAC / "sample_phenotype_annotation.tsv", sep="\t")
        population = people.set_index("sample.id").loc[axes.index, "Population"]
        continent = population.map(
            dict.fromkeys(("ACB", "ASW", "LWK", "YRI"), "african")
            | dict.fromkeys(("CHB", "JPT"), "east asian")
            | dict.fromkeys(("CEU", "GBR"), "european")
            | {"GIH": "south asian"}
        ).dropna()
        scores = axes.loc[continent.index, ["pc1", "pc2", "pc3"]].to_numpy()
        centres = pd.DataFrame(scores).groupby(continent.to_numpy()).mean()
        nearest = np.linalg.norm(scores[:, None] - centres.to_numpy()[None], axis=2).argmin(axis=1)
        # Admixed people of the Caribbean and the South-West are African by name and between by genome.
        assert (centres.index[nearest] == continent.to_numpy()).mean() > 0.97

    def test_males_written_as_half_calls_are_kept_and_no_sex_is_wrong(self, uwgac):
        qc = pd.read_parquet(uwgac / "variants" / "sample_qc.parquet")
        assert (qc["verdict"] != "fail").all()
        males = qc[qc["declared_sex"] == "male"]
        assert (males["inferred_sex"] == "male").all()
        assert (qc["inferred_sex"] == "ambiguous").sum() == 1

    def test_no_locus_is_found_in_simulated_traits(self, uwgac):
        assert pd.read_parquet(uwgac / "association" / "loci.parquet").empty
        summary = json.loads((uwgac / "association" / "summary.json").read_text())
        # Of so few independent variants lambda scatters by more than a tenth.
        assert all(0.8 < trait["inflation"] < 1.25 for trait in summary["traits"].values())
