"""Exports of a run and of results made by hand, and their metadata."""

from __future__ import annotations

import gzip
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import yaml

from endotype.association.scan import VARIANT_SCHEMA
from endotype.association.statement import DOSAGE_CODING
from endotype.association.sumstats_export import export_result, export_run, read_meta
from endotype.config import complete
from endotype.errors import InputError
from endotype.files import read_json, write_json
from endotype.tables import write_arrow
from tests.association.test_summary import planted, run_all
from tests.association.test_sumstats import VALIDATOR, read

ROOT = Path(__file__).parents[2]
SETTINGS = {
    "date": "2026-01-31",
    "assembly": None,
    "ancestry": ["European"],
    "genotyping_technology": ["Genome-wide sequencing"],
    "sex": "combined",
}


def whole_genome(path: Path, per_trait: int = 110_000) -> pd.DataFrame:
    """Results of two traits over the 22 autosomes and X, in no order, 3 % without a statistic."""
    rng = np.random.default_rng(4)
    m = per_trait * 2
    frame = pd.DataFrame(
        {
            "trait": np.repeat(["ldl", "asthma"], per_trait),
            "chrom": rng.choice([*map(str, range(1, 23)), "X"], m),
            "pos": rng.integers(1, 50_000_000, m),
            "id": [f"rs{i}" if i % 2 else "." for i in range(m)],
            "effect_allele": rng.choice(list("ACG"), m),
            "other_allele": "T",
            "n": 900 - rng.integers(0, 20, m),
            "eaf": rng.random(m),
            "beta": rng.normal(size=m),
            "se": 0.2,
            "neg_log10_p": rng.exponential(0.43, m),
            "test": np.repeat(["linear", "logistic_score"], per_trait),
            "status": "OK",
        }
    )
    frame["n_cases"] = np.where(frame["trait"] == "asthma", frame["n"] - 700, np.nan)
    frame["n_controls"] = np.where(frame["trait"] == "asthma", 700, np.nan)
    frame.loc[rng.random(m) < 0.03, ["beta", "se", "neg_log10_p"]] = np.nan
    frame.loc[frame["trait"] == "asthma", "neg_log10_p"] *= 900  # far below what a double holds
    frame = frame.reindex(columns=VARIANT_SCHEMA.names)
    write_arrow(pa.Table.from_pandas(frame, VARIANT_SCHEMA, preserve_index=False), path)
    return frame


@pytest.fixture(scope="module")
def genome(tmp_path_factory) -> tuple[Path, pd.DataFrame]:
    path = tmp_path_factory.mktemp("genome") / "r.parquet"
    return path, whole_genome(path)


def test_one_trait_of_several_with_what_the_result_says(genome, tmp_path):
    path, frame = genome
    counts = export_result(path, tmp_path / "a.tsv.gz", assembly="hg38", date="2026-01-31", trait="asthma")
    rows = frame[frame["trait"] == "asthma"]
    assert counts == {
        "in": len(rows),
        "written": int(rows["beta"].notna().sum()),
        "left_out": int(rows["beta"].isna().sum()),
    }
    table = read(tmp_path / "a.tsv.gz")
    assert len(table) == counts["written"] and len(read(tmp_path / "a.left_out.tsv")) == counts["left_out"]
    assert float(table["neg_log_10_p_value"].astype(float).max()) == rows["neg_log10_p"].max() > 1000
    meta = yaml.safe_load((tmp_path / "a.tsv.gz-meta.yaml").read_text())
    assert meta["genome_assembly"] == "GRCh38" and meta["trait_description"] == ["asthma"]
    sample = {"sample_size": 900, "case_control_study": True, "case_count": 200, "control_count": 700}
    assert meta["samples"] == [sample]
    assert meta["author_notes"].startswith(DOSAGE_CODING) and "log odds" in meta["author_notes"]


def test_a_metadata_file_adds_and_overrides(genome, tmp_path):
    path, _ = genome
    (tmp_path / "m.yaml").write_text(
        "trait: 'LDL: high'\nancestry: [European]\nsex: F\nn: 1234\ncovariates: [age]\n"
    )
    options = {"assembly": "T2T-CHM13", "date": "2026-01-31", "meta": tmp_path / "m.yaml"}
    export_result(path, tmp_path / "a.tsv", trait="ldl", **options)
    meta = yaml.safe_load((tmp_path / "a.tsv-meta.yaml").read_text())
    assert meta["trait_description"] == ["LDL: high"] and meta["sex"] == "F"
    assert meta["samples"] == [
        {"sample_size": 1234, "sample_ancestry": ["European"], "case_control_study": False}
    ]
    assert meta["adjusted_covariates"] == ["age"] and meta["genome_assembly"] == "T2T-CHM13"


def test_bad_input_is_refused(genome, tmp_path):
    path, _ = genome
    options = {"assembly": "GRCh38", "date": "2026-01-31"}
    with pytest.raises(InputError, match="one of ldl, asthma"):
        export_result(path, tmp_path / "a.tsv", **options)
    with pytest.raises(InputError, match="asthma"):
        export_result(path, tmp_path / "a.tsv", trait="astma", **options)
    with pytest.raises(InputError, match="YYYY-MM-DD"):
        export_result(path, tmp_path / "a.tsv", trait="ldl", assembly="GRCh38", date="31.1.2026")
    (tmp_path / "m.yaml").write_text("sex: both\nancestri: [x]\nn: many\ncovariates: age\n")
    with pytest.raises(InputError) as caught:
        read_meta(tmp_path / "m.yaml")
    found = {(p.row, p.column) for p in caught.value.problems}
    assert found == {(1, "sex"), (2, "ancestri"), (3, "n"), (4, "covariates")}
    assert "ancestry" in str(caught.value)
    assert not list(tmp_path.glob("a.tsv*"))


def test_a_run_exports_every_trait_and_says_why_not(tmp_path):
    planted(tmp_path)
    run_all(tmp_path, tmp_path / "association")
    write_json(tmp_path / "dictionary.json", {"columns": {"qt": {"description": "A quantity"}}})
    for out in ("one", "two"):
        export_run(tmp_path / "association", tmp_path / "dictionary.json", tmp_path / out, SETTINGS, "b37")
    listed = read_json(tmp_path / "one/export.json")
    assert listed["empty"] == {"file": None, "reason": "all values are missing"}
    for trait in ("qt", "null_status", "surv"):
        rows = listed[trait]["rows"]
        assert rows["in"] == 300 == rows["written"] + rows["left_out"]
    meta = yaml.safe_load((tmp_path / "one/qt.tsv.gz-meta.yaml").read_text())
    summary = read_json(tmp_path / "association/summary.json")
    assert meta["trait_description"] == ["A quantity"] and meta["genome_assembly"] == "GRCh37"
    assert meta["author_notes"].endswith(summary["traits"]["qt"]["statement"])
    assert meta["adjusted_covariates"] == summary["traits"]["qt"]["covariates"]
    assert DOSAGE_CODING in meta["author_notes"] and DOSAGE_CODING in summary["method"]["sex_chromosomes"]
    files = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert len(files) == 1 + 3 * 3
    for name in files:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_the_configuration_asks_for_a_day_and_an_assembly():
    base = {
        "inputs": {"samples": "a", "clinical": "b", "dictionary": "c"},
        "reference": {"fasta": "x.fa", "assembly": "hg38"},
    }
    assert complete(base)["association"]["gwas_ssf"] is None
    filled = complete(base | {"association": {"gwas_ssf": {"date": "2026-01-31"}}})
    assert filled["association"]["gwas_ssf"] == SETTINGS | {
        "ancestry": [], "genotyping_technology": [], "sex": "NR"
    }  # fmt: skip
    with pytest.raises(InputError, match="date"):
        complete(base | {"association": {"gwas_ssf": {}}})
    with pytest.raises(InputError, match="a day, YYYY-MM-DD"):
        complete(base | {"association": {"gwas_ssf": {"date": "2026-02-30"}}})
    base["reference"] = {"fasta": "x.fa", "assembly": "Own1"}
    with pytest.raises(InputError, match="as the GWAS Catalog names it"):
        complete(base | {"association": {"gwas_ssf": {"date": "2026-01-31"}}})
    complete(base | {"association": {"gwas_ssf": {"date": "2026-01-31", "assembly": "Own1"}}})


def test_the_command(genome, tmp_path):
    path, _ = genome
    command = [
        sys.executable,
        str(ROOT / "scripts/export_sumstats.py"),
        "--result",
        str(path),
        "--assembly",
        "b37",
    ]
    command += ["--date", "2026-01-31", "--out", str(tmp_path / "a.tsv.gz")]
    done = subprocess.run(
        [*command, "--trait", "ldl", "--p-value"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0 and "of 110000 rows written" in done.stdout, done.stderr
    assert b"\tp_value\t" in gzip.decompress((tmp_path / "a.tsv.gz").read_bytes())[:300]
    done = subprocess.run([*command, "hdl"], capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "Traceback" not in done.stderr


@pytest.mark.skipif(not VALIDATOR, reason="gwas-ssf isn't installed (set ENDOTYPE_GWAS_SSF to its path)")
@pytest.mark.parametrize("trait", ["ldl", "asthma"])
def test_the_catalogs_validator_accepts_a_whole_genome_as_it_is(genome, tmp_path, trait):
    """With its own limits: all 22 autosomes and 100,000 rows."""
    path, _ = genome
    export_result(path, tmp_path / "a.tsv.gz", assembly="GRCh38", date="2026-01-31", trait=trait)
    command = [str(VALIDATOR), "validate", str(tmp_path / "a.tsv.gz")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "Data table is valid" in done.stdout, done.stdout + done.stderr
