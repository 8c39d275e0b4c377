"""Results in the format of the GWAS Catalog, and what its own validator says of them."""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import yaml

from endotype.association.scan import VARIANT_SCHEMA
from endotype.association.sumstats import StudyMetadata, decimal_p, write_gwas_ssf
from endotype.errors import InputError
from endotype.tables import write_arrow

STUDY = StudyMetadata(
    "=cmd() asthma: \"x\"\n- y", "logistic", "GRCh38", "2026-01-02", 500, 120, 380, ("age", "sex"),
    statement="People without a genotype are left out.",
)  # fmt: skip
VALIDATOR = os.environ.get("ENDOTYPE_GWAS_SSF") or shutil.which("gwas-ssf")


def results(path: Path, chroms: list[str], per_chrom: int = 4) -> pd.DataFrame:
    """A result with odd rows at its beginning: no statistic, a symbolic allele, an unknown contig."""
    rng = np.random.default_rng(3)
    m = len(chroms) * per_chrom
    pos = np.tile(np.arange(per_chrom, 0, -1) * 100, len(chroms))
    frame = pd.DataFrame(
        {
            "id": [f"rs{i}" if i % 2 else f"{i}:$(x)<b>" for i in range(m)],
            "chrom": np.repeat(chroms, per_chrom),
            "pos": pos,
            "effect_allele": rng.choice(["C", "gt", "A"], m),
            "other_allele": "T",
            "n": 500 - rng.integers(0, 9, m),
            "n_missing": 0,
            "eac": 200,
            "eaf": rng.random(m),
            "beta": rng.normal(size=m),
            "se": rng.random(m) + 0.01,
            "stat": 1.0,
            "neg_log10_p": rng.exponential(size=m) * 200,
            "test": "logistic_score",
            "status": "OK",
        }
    )
    frame.loc[0, ["beta", "se", "neg_log10_p"]] = np.nan
    frame.loc[0, "status"] = "TOO_RARE"
    frame.loc[1, "effect_allele"] = "<DEL>"
    frame.loc[2, "chrom"] = "GL000220.1"
    schema = pa.schema([f for f in VARIANT_SCHEMA if f.name in frame.columns])
    write_arrow(pa.Table.from_pandas(frame, schema, preserve_index=False), path)
    return frame


def write(folder: Path, name: str = "x.tsv.gz", chroms: list[str] | None = None, **options) -> dict[str, int]:
    results(folder / "r.parquet", chroms or ["chr2", "X", "10"])
    out = folder / name
    return write_gwas_ssf(folder / "r.parquet", "t", out, STUDY, left_out=folder / "gone.tsv", **options)


def read(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)


def test_columns_order_and_values(tmp_path):
    counts = write(tmp_path)
    assert counts == {"in": 12, "written": 9, "left_out": 3}
    table = read(tmp_path / "x.tsv.gz")
    names = (
        "chromosome base_pair_location effect_allele other_allele beta standard_error"
        " effect_allele_frequency neg_log_10_p_value variant_id rsid ref_allele n"
    )
    assert " ".join(table.columns) == names
    assert list(table["chromosome"].unique()) == ["2", "10", "23"]
    places = list(zip(table["chromosome"].astype(int), table["base_pair_location"].astype(int), strict=True))
    assert places == sorted(places)
    source = pd.read_parquet(tmp_path / "r.parquet").query("chrom == 'X'").sort_values("pos")
    ours = table[table["chromosome"] == "23"]
    for mine, theirs in (
        ("beta", "beta"), ("standard_error", "se"), ("effect_allele_frequency", "eaf"),
        ("neg_log_10_p_value", "neg_log10_p"), ("n", "n"),
    ):  # fmt: skip
        assert ours[mine].astype(float).tolist() == source[theirs].tolist()
    assert ours["variant_id"].tolist() == [
        f"X_{p}_T_{a.upper()}" for p, a in zip(source["pos"], source["effect_allele"], strict=True)
    ]
    assert set(table["ref_allele"]) == {"OA"}
    assert set(table["rsid"].str.replace(r"\d+", "", regex=True)) == {"rs", "#NA"}


def test_rows_without_a_place_are_listed_with_the_reason(tmp_path):
    write(tmp_path)
    gone = read(tmp_path / "gone.tsv")
    assert gone["reason"].tolist() == [
        "no statistic",
        "an allele that is not made of bases",
        "a contig without a number in the format",
    ]
    assert gone["status"].tolist() == ["TOO_RARE", "OK", "OK"]


def test_p_values_that_a_double_cannot_hold(tmp_path):
    write(tmp_path, log_p=False)
    table = read(tmp_path / "x.tsv.gz")
    assert list(table.columns)[7] == "p_value"
    assert decimal_p(400.5) == "3.16228e-401"
    assert decimal_p(5000) == "1e-5000"
    assert decimal_p(2.0) == "0.01"
    assert decimal_p(0.0) == "1"
    assert decimal_p(310 - 1e-9) == "1e-310"


def test_metadata_says_what_the_file_is(tmp_path):
    write(tmp_path)
    meta = yaml.safe_load((tmp_path / "x.tsv.gz-meta.yaml").read_text())
    assert meta["trait_description"] == [STUDY.trait]
    assert meta["data_file_md5sum"] == hashlib.md5((tmp_path / "x.tsv.gz").read_bytes()).hexdigest()
    assert meta["samples"] == [
        {"sample_size": 500, "case_control_study": True, "case_count": 120, "control_count": 380}
    ]
    assert "two copies" in meta["author_notes"] and "log odds" in meta["author_notes"]
    assert STUDY.statement in meta["author_notes"]
    assert str(meta["date_metadata_last_modified"]) == "2026-01-02"
    assert "imputation_panel" not in meta


def test_same_input_gives_the_same_bytes(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        write(tmp_path / folder)
    for name in ("x.tsv.gz", "x.tsv.gz-meta.yaml", "gone.tsv"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert gzip.decompress((tmp_path / "a" / "x.tsv.gz").read_bytes()).count(b"\n") == 10


def test_an_empty_result_still_has_its_header(tmp_path):
    write_arrow(VARIANT_SCHEMA.empty_table(), tmp_path / "r.parquet")
    counts = write_gwas_ssf(
        tmp_path / "r.parquet", "t", tmp_path / "x.tsv", STUDY, left_out=tmp_path / "gone.tsv"
    )
    assert counts == {"in": 0, "written": 0, "left_out": 0}
    assert (tmp_path / "x.tsv").read_text().startswith("chromosome\tbase_pair_location")


def test_bad_input_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"\.tsv or \.tsv\.gz"):
        write(tmp_path, "x.csv")
    write_arrow(pa.table({"id": ["a"]}), tmp_path / "no.parquet")
    with pytest.raises(InputError, match="column beta"):
        write_gwas_ssf(
            tmp_path / "no.parquet", "t", tmp_path / "x.tsv", STUDY, left_out=tmp_path / "gone.tsv"
        )
    frame = results(tmp_path / "r.parquet", ["1"])
    frame["chrom"] = None
    schema = pa.schema([f for f in VARIANT_SCHEMA if f.name in frame.columns])
    write_arrow(pa.Table.from_pandas(frame, schema, preserve_index=False), tmp_path / "null.parquet")
    with pytest.raises(InputError, match="a row without a chromosome"):
        write_gwas_ssf(tmp_path / "null.parquet", "t", tmp_path / "x.tsv", STUDY, left_out=tmp_path / "g")
    assert not (tmp_path / "x.tsv").exists()
    with pytest.raises(InputError, match="YYYY-MM-DD"):
        write_gwas_ssf(
            tmp_path / "r.parquet",
            "t",
            tmp_path / "x.tsv",
            replace(STUDY, date="2026-13-01"),
            left_out=tmp_path / "g",
        )


@pytest.mark.skipif(not VALIDATOR, reason="gwas-ssf isn't installed (set ENDOTYPE_GWAS_SSF to its path)")
@pytest.mark.parametrize("log_p", [True, False])
@pytest.mark.parametrize("name", ["x.tsv", "x.tsv.gz"])
def test_the_catalogs_validator_accepts_it(tmp_path, name, log_p):
    write(tmp_path, name, [str(i) for i in range(1, 23)] + ["X", "Y", "MT"], log_p=log_p)
    command = [str(VALIDATOR), "validate", "--min-rows", "50", str(tmp_path / name)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "invalid" not in done.stdout, done.stdout + done.stderr
    read_back = subprocess.run(
        [str(VALIDATOR), "read", "--get-all-metadata", str(tmp_path / name)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "GRCh38" in read_back.stdout, read_back.stdout + read_back.stderr
