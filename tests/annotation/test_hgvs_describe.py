"""The command for a user's list of names."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from endotype.annotation.hgvs.describe import Described, describe_names, read_names
from endotype.errors import InputError
from tests.annotation.builders import write_fasta, write_gff

SCRIPT = Path(__file__).parents[2] / "scripts" / "describe_hgvs.py"
NAMES = """\ufeff# my names

FWD.1:c.4A>G
REV.1:c.4A>G
  FWD.1:c.21+1G>A
FWD.1:c.6_7insA
c1:g.110A>G
NP_1.1:p.K2E
=cmd|'/c calc'!A1
FWD.1:c.4C>G
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("names")
    (folder / "names.txt").write_text(NAMES, encoding="utf-8")
    return folder, write_fasta(folder), write_gff(folder)


def test_a_row_for_every_name(files):
    folder, fasta, genes = files
    out = folder / "out.parquet"
    describe_names(read_names(folder / "names.txt"), out, fasta, genes)
    table = pd.read_parquet(out)
    assert list(table.columns) == list(Described._fields)
    assert table["line"].tolist() == [3, 4, 5, 6, 7, 8, 9, 10]
    rows = table.astype(object).where(table.notna(), None).set_index("line").to_dict("index")
    assert rows[3]["normalised"] == "FWD.1:c.4A>G"
    assert (rows[3]["hgvs_g"], rows[3]["variant_id"]) == ("c1:g.113A>G", "c1:113:A:G")
    assert rows[3]["hgvs_p"] == "FWD.1:p.(Lys2Glu)"
    assert (rows[4]["variant_id"], rows[4]["hgvs_p"]) == ("c1:378:T:C", "REV.1:p.(Lys2Glu)")
    assert rows[5]["hgvs_g"] == "c1:g.131G>A"
    assert rows[6]["normalised"] == "FWD.1:c.6dup"
    assert rows[6]["variant_id"] == "c1:112:G:GA"
    assert (rows[7]["variant_id"], rows[7]["hgvs_p"]) == ("c1:110:A:G", None)
    assert (rows[8]["normalised"], rows[8]["variant_id"]) == ("NP_1.1:p.Lys2Glu", None)
    assert "bases" in rows[8]["problem"]
    assert rows[9]["problem"].startswith("at character 1: ")
    assert rows[10]["problem"] == "the name says 'C', FWD.1 has 'A' there"
    assert rows[10]["normalised"] is None


def test_text_is_safe_in_a_spreadsheet_and_the_same_each_time(files):
    folder, fasta, genes = files
    names = read_names(folder / "names.txt")
    for out in ("one.tsv", "two.tsv"):
        describe_names(names, folder / out, fasta, genes)
    assert (folder / "one.tsv").read_bytes() == (folder / "two.tsv").read_bytes()
    assert "\t=cmd" not in (folder / "one.tsv").read_text()


def test_without_a_gene_model_the_genome_alone(files):
    folder, fasta, _ = files
    describe_names([(1, "c1:g.110A>G"), (2, "FWD.1:c.4A>G")], folder / "g.parquet", fasta)
    table = pd.read_parquet(folder / "g.parquet")
    assert table["problem"].isna().tolist() == [True, False]
    assert table["problem"][1] == "transcripts need a gene model"


def test_the_command_fails_if_no_name_could_be_described(files):
    folder, fasta, genes = files
    command = [sys.executable, SCRIPT, "--fasta", fasta, "--genes", genes, "--out", folder / "c.tsv", "x"]
    bad = subprocess.run(command, capture_output=True, text=True)
    assert bad.returncode == 2 and "row 1: found 'x': at character 2" in bad.stderr
    assert (folder / "c.tsv").read_text().count("\n") == 2  # the table says what is wrong, row by row
    with pytest.raises(InputError, match="no such file"):
        read_names(folder / "missing.txt")
    with pytest.raises(InputError, match="no names"):
        describe_names([], folder / "e.tsv", fasta)
    (folder / "latin.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="UTF-8"):
        read_names(folder / "latin.txt")
