"""Assemblies, pseudoautosomal regions, shards, and the tables under resources/."""

from __future__ import annotations

import hashlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from endotype.cohort.assembly import (
    RESOURCES,
    bare_name,
    canonical_assembly,
    contig_lengths,
    guess_assembly,
    par_regions,
    sex_chromosome,
)
from endotype.cohort.shards import shards
from endotype.ids import ID_PATTERN


def test_the_checksums_of_the_resources_are_those_of_their_page():
    page = (RESOURCES / "README.md").read_text()
    stated = dict(re.findall(r"\| `(\w+\.tsv)` \|.*`([0-9a-f]{64})` \|", page))
    assert stated == {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in RESOURCES.glob("*.tsv")
    }


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("hg19", "GRCh37"), ("b37", "GRCh37"), ("GRCh37.p13", "GRCh37"), ("hs37d5.fa.gz", "GRCh37"),
        ("g1k_v37", "GRCh37"), ("hg38", "GRCh38"), ("GRCh38_full_analysis_set", "GRCh38"),
        ("EndoSim1", None), ("T2T-CHM13v2.0", None), ("", None), ("GRCm38", None),
    ],
)  # fmt: skip
def test_assemblies_are_known_by_their_many_names(name, expected):
    assert canonical_assembly(name) == expected


@pytest.mark.parametrize("assembly", ["GRCh37", "GRCh38"])
@pytest.mark.parametrize("prefix", ["", "chr"])
def test_an_assembly_is_recognised_by_any_one_of_its_chromosomes(assembly, prefix):
    for contig, length in contig_lengths(assembly).items():
        expected = None if contig == "MT" else assembly
        assert guess_assembly({prefix + contig: length, "decoy": 7}) == expected


def test_no_chromosome_has_the_same_length_in_both_assemblies():
    a, b = contig_lengths("GRCh37"), contig_lengths("GRCh38")
    assert set(a) == set(b) and len(a) == 25
    assert [name for name in a if a[name] == b[name]] == ["MT"]


def test_unknown_lengths_are_no_assembly():
    assert guess_assembly({"1": 1000, "2": None}) is None and guess_assembly({}) is None


@pytest.mark.parametrize("assembly", ["GRCh37", "GRCh38"])
def test_pseudoautosomal_regions_pair_and_lie_inside_their_chromosomes(assembly):
    x, y = ([r for r in par_regions(assembly) if r.chrom == c] for c in "XY")
    lengths = contig_lengths(assembly)
    assert [r.end - r.start for r in x] == [r.end - r.start for r in y] and len(x) == 2
    assert all(1 <= r.start < r.end <= lengths[r.chrom] for r in x + y)


def test_pseudoautosomal_regions_are_those_of_the_consortium():
    assert par_regions("hg19")[0] == ("X", 60001, 2699520)
    assert par_regions("GRCh38")[1] == ("X", 155701383, 156030895)
    assert par_regions("EndoSim1") == ()


@pytest.mark.parametrize(
    ("contig", "expected"),
    [("X", "X"), ("chrX", "X"), ("chrY", "Y"), ("M", "MT"), ("chrM", "MT"), ("MT", "MT"), ("chrx", "X"),
     ("1", None), ("chr", None), ("X_random", None)],
)  # fmt: skip
def test_sex_chromosomes_are_known_with_and_without_chr(contig, expected):
    assert sex_chromosome(contig) == expected


def test_bare_names():
    assert [bare_name(n) for n in ("chr1", "Chr2", "chrM", "HLA-A")] == ["1", "2", "MT", "HLA-A"]


def test_shards_are_fixed_windows_in_the_order_of_the_contigs():
    assert [tuple(s) for s in shards([("2", 25), ("1", 10), ("0", 0)], 10)] == [
        ("2_1_10", "2", 1, 10), ("2_11_20", "2", 11, 20), ("2_21_25", "2", 21, 25), ("1_1_10", "1", 1, 10)
    ]  # fmt: skip
    assert shards([], 10) == []
    with pytest.raises(ValueError, match="at least 1"):
        shards([("1", 5)], 0)


contigs = st.lists(
    st.tuples(st.text("aA1/*:_-. ;$é", min_size=1, max_size=6), st.integers(1, 500)),
    max_size=6, unique_by=lambda c: c[0],
)  # fmt: skip


@given(contigs, st.integers(1, 120))
def test_shards_cover_every_base_once_and_their_names_are_unique_and_safe(contigs, size):
    made = shards(contigs, size)
    for contig, length in contigs:
        covered = [p for s in made if s.chrom == contig for p in range(s.start, s.end + 1)]
        assert covered == list(range(1, length + 1))
    assert len({s.name for s in made}) == len(made)
    assert all(re.fullmatch(ID_PATTERN.pattern.replace("63", "99"), s.name) for s in made)
