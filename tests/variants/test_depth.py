"""The picture of a gene's depth: what it shows, and that its bytes depend on nothing else."""

from __future__ import annotations

import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from endotype.errors import InputError
from endotype.variants.callable_sources import Limits
from endotype.variants.coding import read_coding
from endotype.variants.depth import FLANK, by_blocks, by_reads, plot_depth
from endotype.variants.gvcf import write_blocks
from tests.variants.test_callability import GENES, read, write_bam
from tests.variants.test_gvcf import write_gvcf

ROOT = Path(__file__).parents[2]
BLOCKS = [
    "1 90 A <NON_REF> END=130 GT:DP:GQ 0/0:12:20",
    "1 131 A <NON_REF> END=139 GT:DP:GQ 0/0:99:19",
    "1 140 AAA A,<NON_REF> . GT:DP:GQ 0/1:30:60",
    "1 201 A <NON_REF> END=250 GT:DP:GQ 0/0:9:60",
]


@pytest.fixture
def genes(tmp_path):
    path = tmp_path / "genes.gff3"
    path.write_text(GENES)
    return path


@pytest.fixture
def blocks(tmp_path):
    write_blocks(write_gvcf(tmp_path / "a.g.vcf", BLOCKS), ["A"], tmp_path / "a.parquet")
    return tmp_path / "a.parquet"


def test_depth_along_the_coding_bases_of_blocks(genes, blocks):
    coding = read_coding(genes)
    seen = by_blocks(coding, coding.find("ONE"), [blocks], "A", 10, 20)
    assert seen.position[[0, -1]].tolist() == [101 - FLANK, 250 + FLANK]
    at = {int(p): (int(d), bool(c), bool(ok)) for p, d, c, ok in zip(*vars(seen).values(), strict=True)}
    assert at[100] == (12, False, True)
    assert [at[p] for p in (101, 131, 140, 143, 201)] == [
        (12, True, True),
        (99, True, False),
        (30, True, True),
        (-1, True, False),
        (9, True, False),
    ]
    assert seen.fraction == (30 + 3) / 110


def test_depth_along_the_coding_bases_of_reads(genes, tmp_path):
    reads = [read(f"r{n}", 0, 141, 20) for n in range(12)] + [read("one", 0, 201, 30)]
    coding = read_coding(genes)
    seen = by_reads(coding, 0, write_bam(tmp_path / "a.bam", reads), None, 10)
    assert sorted(set(seen.depth.tolist())) == [0, 1, 12]
    assert seen.fraction == 20 / 110


def test_the_picture_says_who_what_and_how_much(genes, blocks, tmp_path):
    fraction = plot_depth(genes, "G1", tmp_path / "a.svg", Limits(), blocks=[blocks], patient="A")
    text = (tmp_path / "a.svg").read_text()
    ET.fromstring(text)
    assert fraction == pytest.approx(0.3)
    assert "ONE (G1) in A: 30 % of 110 coding bases callable" in text
    assert "depth ≥ 10 and genotype quality ≥ 20" in text
    assert "<dc:date>" not in text and str(tmp_path) not in text


def test_the_same_input_gives_the_same_bytes(genes, blocks, tmp_path):
    for name in ("a.svg", "b.svg"):
        plot_depth(genes, "ONE", tmp_path / name, Limits(), blocks=[blocks], patient="A")
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def test_a_man_needs_half_the_depth_on_x(genes, tmp_path):
    reads = write_bam(tmp_path / "a.bam", [read(f"r{n}", 2, 11, 50) for n in range(6)])
    for sex, fraction in (("male", 1), ("female", 0)):
        assert plot_depth(genes, "FIVE", tmp_path / "a.svg", Limits(), alignment=reads, sex=sex) == fraction


def test_hostile_names_stay_text(genes, tmp_path):
    genes.write_text(GENES.replace("Name=ONE", "Name=<script>$x^2$"))
    bam = write_bam(tmp_path / "a.bam", [read("r", 0, 101, 20)])
    plot_depth(genes, "G1", tmp_path / "a.svg", Limits(), alignment=bam, patient="$(touch x)<b>")
    text = (tmp_path / "a.svg").read_text()
    ET.fromstring(text)
    assert "<script>" not in text and "&lt;script&gt;$x^2$" in text


@pytest.mark.parametrize(
    ("gene", "patient", "found"),
    [("ONNE", "A", "did you mean ONE?"), ("G2", "A", "no record"), ("ONE", "B", "no record")],
)
def test_what_cannot_be_drawn_is_an_input_error(genes, blocks, tmp_path, gene, patient, found):
    with pytest.raises(InputError, match=re.escape(found)):
        plot_depth(genes, gene, tmp_path / "a.svg", Limits(), blocks=[blocks], patient=patient)
    assert not (tmp_path / "a.svg").exists()


def test_a_contig_that_does_not_reach_the_gene_is_an_input_error(genes, tmp_path):
    bam = write_bam(tmp_path / "a.bam", [read("r", 0, 101, 20)], {"1": 200})
    with pytest.raises(InputError, match="no contig '1' that reaches the gene"):
        plot_depth(genes, "ONE", tmp_path / "a.svg", Limits(), alignment=bam)


def test_the_command_draws_and_refuses(genes, blocks, tmp_path):
    command = [sys.executable, str(ROOT / "scripts/plot_depth.py"), "--blocks", str(blocks), "--patient", "A"]
    command += ["--genes", str(genes), "--out", str(tmp_path / "a.svg"), "--gene"]
    drawn = subprocess.run([*command, "ONE"], capture_output=True, text=True)
    assert (drawn.returncode, drawn.stdout) == (0, "ONE: 0.3000 of the coding bases are callable\n")
    refused = subprocess.run([*command, "TWO"], capture_output=True, text=True)
    assert refused.returncode == 2 and "Traceback" not in refused.stderr and "'TWO'" in refused.stderr
