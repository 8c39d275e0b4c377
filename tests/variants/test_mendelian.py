"""Mendelian checks: the rule, the store, the real trio, bcftools' own cases."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pysam
import pytest
from hypothesis import given
from hypothesis import strategies as st

from endotype.tables import read_parquet
from endotype.variants.mendelian import (
    CONSISTENT,
    COPIES,
    INCONSISTENT,
    SKIPPED,
    UNTESTED,
    inheritance,
    judge_alleles,
    pedigree_trios,
    trio_errors,
    trio_verdicts,
)
from endotype.variants.plink import open_store, pack, write_store
from tests.reference import mendelian as reference
from tests.variants.builders import write_vcf
from tests.variants.peers import bcftools_plugin

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data"
NAMES = {SKIPPED: "skipped", UNTESTED: "untested", CONSISTENT: "consistent", INCONSISTENT: "inconsistent"}


def as_row(call: tuple[int | None, ...] | None) -> tuple[int, int]:
    """A call in the form of the kernels."""
    alleles = [-1 if a is None else a for a in call or (None, None)]
    return (alleles[0], alleles[1] if len(alleles) > 1 else -2)


def judge(child, father, mother, copies) -> str:
    rows = [np.array([as_row(call)], np.int16) for call in (child, father, mother)]
    verdict = judge_alleles(*rows, np.array([copies[0]]), np.array([copies[1]]))
    return NAMES[int(verdict[0])]


ALLELE = st.sampled_from([None, 0, 1, 2])
CALL = st.one_of(st.none(), st.tuples(ALLELE), st.tuples(ALLELE, ALLELE))


@given(CALL, CALL, CALL, st.sampled_from([tuple(row) for row in COPIES.tolist()]))
def test_the_rule_equals_listing_all_children(child, father, mother, copies):
    assert judge(child, father, mother, copies) == reference.verdict(child, father, mother, copies)


@pytest.mark.parametrize(
    ("kind", "child", "father", "mother", "verdict"),
    [
        ((2, 2), (0, 1), (0, 0), (1, 1), "consistent"),
        ((2, 2), (0, 1), (0, 0), (0, 0), "inconsistent"),
        ((2, 2), (1, 1), (0, 1), (0, 0), "inconsistent"),
        ((2, 2), (1, 2), (0, 1), (0, 2), "consistent"),  # a multiallelic site, judged whole
        ((2, 2), (1, 2), (1, 2), (0, 0), "inconsistent"),  # each allele alone would pass
        ((2, 2), (1, 1), None, (0, 0), "inconsistent"),  # one parent is enough to contradict
        ((2, 2), (0, 1), None, (0, 0), "consistent"),
        ((2, 2), (0, 1), None, None, "untested"),
        ((2, 2), None, (0, 0), (0, 0), "skipped"),
        ((2, 2), (None, 1), (0, 0), (0, 0), "skipped"),  # a half call is no call
        ((0, 2), (1,), (0,), (0, 1), "consistent"),  # a son's X is his mother's
        ((0, 2), (1,), (1,), (0, 0), "inconsistent"),
        ((0, 2), (1, 1), (0,), (0, 1), "consistent"),  # one copy, written twice
        ((0, 2), (0, 1), (0,), (0, 1), "skipped"),  # two alleles of one copy
        ((1, 2), (0, 1), (0,), (0, 0), "inconsistent"),  # a daughter has her father's only X
        ((1, 0), (1,), (0,), None, "inconsistent"),  # Y
        ((0, 0), (1, 1), (0, 0), (0, 0), "skipped"),
    ],
)
def test_rule(kind, child, father, mother, verdict):
    assert judge(child, father, mother, kind) == verdict


@pytest.mark.parametrize(
    ("contig", "pos", "sex", "copies"),
    [
        ("1", 10, "unknown", (2, 2)),
        ("chrX", 5_000_000, "female", (1, 2)),
        ("X", 5_000_000, "male", (0, 2)),
        ("X", 5_000_000, "unknown", (0, 0)),
        ("X", 20_000, "male", (2, 2)),  # pseudoautosomal
        ("chrY", 5_000_000, "male", (1, 0)),
        ("Y", 5_000_000, "female", (0, 0)),
        ("chrM", 10, "unknown", (0, 2)),
    ],
)
def test_who_hands_down_what(contig, pos, sex, copies):
    (kind,) = inheritance(np.array([contig]), np.array([pos]), sex, "GRCh38")
    assert tuple(COPIES[kind]) == copies


PEOPLE = ["mum", "dad", "son", "daughter", "alone"]


def make_store(folder: Path, sites: list[tuple[str, int]], dosages: list[list[int]]) -> Path:
    variants = pd.DataFrame(
        {
            "chrom": [c for c, _ in sites],
            "id": [f"{c}:{p}:A:C" for c, p in sites],
            "cm": "0",
            "pos": [p for _, p in sites],
            "alt": "C",
            "ref": "A",
        }
    )
    people = pd.DataFrame({"fid": "0", "iid": PEOPLE, "father": "0", "mother": "0"})
    people = people.assign(sex=["2", "1", "1", "2", "0"], phenotype="-9")
    write_store(folder / "store", pack(np.array(dosages, np.int8)), variants, people)
    return folder / "store"


SITES = [("1", 10), ("1", 20), ("X", 5_000_000), ("X", 20_000), ("Y", 5_000_000), ("MT", 10), ("2", 5)]
#           mum dad son daughter alone
DOSAGES = [
    [0, 2, 1, 1, 0],  # 1: fine
    [0, 0, 1, 0, 2],  # 1: the son's allele is new
    [0, 2, 0, 1, 1],  # X: the son has his mother's, the daughter one of each
    [0, 2, 0, 1, 1],  # PAR: the son lacks his father's
    [-1, 2, 0, -1, 0],  # Y: the son's isn't his father's
    [2, 0, 2, 0, 0],  # MT: the daughter's isn't her mother's
    [-1, -1, 1, -1, 0],  # nothing to compare with
]


def test_counts_of_trios_and_their_sums(tmp_path):
    store = open_store(make_store(tmp_path, SITES, DOSAGES))
    trios = [("son", "dad", "mum"), ("daughter", "dad", "mum"), ("alone", "", "mum")]
    table = trio_errors(store, trios, "GRCh38").set_index("child")
    counts = ["n_checked", "n_consistent", "n_inconsistent", "n_skipped"]
    assert table.loc["son", counts].tolist() == [6, 3, 3, 1]
    assert table.loc["daughter", counts].tolist() == [5, 4, 1, 2]
    # Site 20 contradicts the mother alone; X and Y say nothing, as the sex is not known.
    assert table.loc["alone", counts].tolist() == [4, 2, 2, 3]
    assert table["rate"].tolist() == [3 / 6, 1 / 5, 2 / 4]
    assert (table["n_checked"] + table["n_skipped"] == store.n_variants).all()
    verdicts = trio_verdicts(store, trios[0], "GRCh38")
    assert store.variants["id"][verdicts == INCONSISTENT].tolist() == [
        "1:20:A:C",
        "X:20000:A:C",
        "Y:5000000:A:C",
    ]


def test_a_rate_of_nothing_is_null_and_nothing_is_an_empty_table(tmp_path):
    store = open_store(make_store(tmp_path, SITES, DOSAGES))
    table = trio_errors(store, [("nobody", "dad", "mum")], "GRCh38")
    assert table["n_skipped"].tolist() == [len(SITES)] and table["rate"].isna().all()
    assert trio_errors(store, [], "GRCh38").empty


def test_a_large_store_is_judged_as_single_calls_are(tmp_path):
    rng = np.random.default_rng(4)
    dosages = rng.integers(-1, 3, (40_000, len(PEOPLE)), dtype=np.int8)
    sites = [("7", i + 1) for i in range(len(dosages))]
    store = open_store(make_store(tmp_path, sites, dosages))
    verdict = trio_verdicts(store, ("son", "dad", "mum"), "GRCh38")
    alleles = np.array([[-1, -1], [0, 0], [0, 1], [1, 1]], np.int16)
    mother, father, son = (alleles[dosages[:, i] + 1] for i in range(3))
    two = np.full(len(dosages), 2)
    assert np.array_equal(verdict, judge_alleles(son, father, mother, two, two))
    counts = np.bincount(verdict, minlength=4)
    assert (counts > 0).all()
    row = trio_errors(store, [("son", "dad", "mum")], "GRCh38").iloc[0]
    assert (row.n_consistent, row.n_inconsistent) == (counts[CONSISTENT], counts[INCONSISTENT])
    assert row.n_skipped == counts[SKIPPED] + counts[UNTESTED]


def test_the_command_writes_a_row_for_each_child_that_can_be_checked(tmp_path):
    prefix = make_store(tmp_path, SITES, DOSAGES)
    (tmp_path / "all.ped").write_text(
        "f son dad mum 1\nf daughter dad absent 2\nf dad 0 0 1\nf mum 0 0 2\nf elsewhere dad mum 2\n"
    )
    command = [sys.executable, str(ROOT / "scripts" / "check_mendelian.py"), "--bfile", str(prefix)]
    command += [
        "--pedigree",
        str(tmp_path / "all.ped"),
        "--assembly",
        "hg38",
        "--out",
        str(tmp_path / "o.parquet"),
    ]
    subprocess.run(command, check=True, capture_output=True)
    table = read_parquet(tmp_path / "o.parquet")
    assert table[["child", "father", "mother"]].to_numpy().tolist() == [
        ["daughter", "dad", ""],
        ["son", "dad", "mum"],
    ]
    assert table["n_inconsistent"].tolist() == [0, 3]


def test_trios_of_a_pedigree():
    rows = [("c", "f", "m"), ("d", "f", "gone"), ("f", "", ""), ("e", "gone", "lost")]
    pedigree = pd.DataFrame(rows, columns=["individual", "father", "mother"])
    assert pedigree_trios(pedigree, ["d", "c", "f", "m", "e"]) == [("c", "f", "m"), ("d", "f", "")]


def place_kind(record: pysam.VariantRecord, sex: str) -> int:
    return int(inheritance(np.array([record.chrom]), np.array([record.pos]), sex, "unspecified")[0])


def verdicts_of_file(
    path: Path, child: str, father: str, mother: str
) -> tuple[list[tuple], np.ndarray, np.ndarray]:
    """Records of a VCF (chrom, pos, ref, alts), verdicts on whole records, and whether all calls are there.

    The child is taken for a son where its call on X or Y is haploid: the test files give no sex.
    """
    keys, calls, kinds, complete = [], [], [], []
    with pysam.VariantFile(str(path)) as variants:
        for record in variants:
            trio = [record.samples[name]["GT"] for name in (child, father, mother)]
            sex = "male" if len(trio[0]) == 1 else "female"
            kinds.append(place_kind(record, sex))
            keys.append((record.chrom, record.pos, record.ref, ",".join(record.alts or (".",))))
            calls.append([as_row(call) for call in trio])
            needed = [trio[0], *(call for call, n in zip(trio[1:], COPIES[kinds[-1]], strict=True) if n)]
            complete.append(not any(None in call for call in needed))
    people = np.array(calls, np.int16)
    copies = COPIES[kinds]
    verdict = judge_alleles(*(people[:, i] for i in range(3)), copies[:, 0], copies[:, 1])
    return keys, verdict, np.array(complete)


@pytest.mark.parametrize("seed", [1, 2])
def test_random_trios_are_counted_as_bcftools_counts_them(tmp_path, seed):
    rng = np.random.default_rng(seed)
    words = np.array(["0/0", "0/1", "1/1", "1/2", "0/2", "./."])
    records = [f"{i + 1} A C,G " + " ".join(rng.choice(words, 3)) for i in range(400)]
    vcf = write_vcf(tmp_path / "in.vcf", records, ("m", "f", "c"))
    out = bcftools_plugin("+mendelian", str(vcf), "-t", "m,f,c", "-m", "c")
    # A comment line names the columns: good, bad, skipped, trio.
    good, bad, skipped, _ = next(line for line in out.splitlines() if line and line[0] != "#").split("\t")
    _, verdict, _ = verdicts_of_file(vcf, "c", "f", "m")
    counts = Counter(NAMES[v] for v in verdict.tolist())
    assert (counts["consistent"] + counts["untested"], counts["inconsistent"], counts["skipped"]) == (
        int(good),
        int(bad),
        int(skipped),
    )


@pytest.mark.real
@pytest.mark.skipif(not DATA.is_dir(), reason="the real files (../shared/data) are not here")
class TestPublishedTrio:
    """HG002 and parents: 9,940 records, the counts of bcftools 1.16 +mendelian."""

    def test_the_counts_and_each_inconsistent_record(self):
        expected = dict(
            line.split("\t")
            for line in (DATA / "oracles/mendelian_trio/counts.tsv").read_text().splitlines()[1:4]
        )
        keys, verdict, _ = verdicts_of_file(
            DATA / "annotation_kit/trio/ashk-trio.vcf.gz", "HG002", "HG003", "HG004"
        )
        counts = Counter(NAMES[v] for v in verdict.tolist())
        # bcftools calls a child consistent with parents of whom neither has a call; we say untested.
        assert counts["untested"] == 1
        assert counts["consistent"] + counts["untested"] == int(expected["consistent"]) == 9833
        assert counts["inconsistent"] == int(expected["inconsistent"]) == 91
        assert counts["skipped"] == int(expected["skipped"]) == 16
        listed = pd.read_csv(DATA / "oracles/mendelian_trio/inconsistent_records.tsv", sep="\t", dtype=str)
        theirs = [
            (c, int(p), r, a) for c, p, r, a in listed[["chrom", "pos", "ref", "alt"]].itertuples(index=False)
        ]
        assert [key for key, v in zip(keys, verdict, strict=True) if v == INCONSISTENT] == theirs
