"""Every case of bcftools' own suite of real transcripts, through our gene model, our csq and our reading.

A case is a VCF with the consequence that is expected in INFO/EXP, or what csq is to print in ``.txt`` (with
genotypes) and ``.txt-l`` (with ``-l``). Entries of one record are compared as a set: their order means
nothing. Cases without an expectation are those that once crashed csq.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pysam
import pytest

from endotype import bcftools
from endotype.annotation.consequences import run_csq
from endotype.annotation.csq_gff import write_csq_gff
from endotype.annotation.gene_model import GeneModel, read_gene_model
from endotype.annotation.haplotypes import haplotypes_with, mask_of

SUITE = Path(__file__).parents[3] / "shared" / "data" / "oracles" / "bcftools" / "csq"

pytestmark = [
    pytest.mark.real,
    pytest.mark.slow,
    pytest.mark.skipif(not SUITE.is_dir(), reason="bcftools' csq suite is not at hand"),
]

# These gene models have exons and CDS but no lines for what is between. csq then finds no untranslated
# region; we tell it of them, so that it says one thing more.
WITHOUT_UTRS = {
    "ENST00000263103-INS-insertions": (
        "feature_truncation|BICC1|ENST00000373886|protein_coding",
        "3_prime_utr&feature_truncation|BICC1|ENST00000373886|protein_coding",
    ),
    "ENST00000318249.2-synonymous-start-lost": (
        "start_retained|NBPF3|ENST00000318249|protein_coding|+",
        "start_retained|NBPF3|ENST00000318249|protein_coding|+,5_prime_utr|NBPF3|ENST00000318249|protein_coding",
    ),
}


class Case(NamedTuple):
    name: str
    vcf: Path
    fasta: Path
    gff: Path
    expected: Path | None
    local: bool


def _cases() -> Iterator[Case]:
    for vcf in sorted(SUITE.glob("*/*.vcf")):
        folder = vcf.parent
        models = {path.stem: path for path in folder.glob("*.gff")}
        gff = models.get(vcf.stem) or models.get(folder.name) or min(models.values())
        for local in (False, True):
            text = vcf.with_suffix(".txt-l" if local else ".txt")
            if text.exists() or not local:
                name = f"{folder.name}-{vcf.stem}{'-l' if local else ''}"
                yield Case(name, vcf, next(folder.glob("*.fa")), gff, text if text.exists() else None, local)


CASES = list(_cases())


def test_the_suite_is_whole():
    assert len({case.vcf for case in CASES}) == 92
    assert sum(case.expected is not None for case in CASES) == 102


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_case_of_bcftools_own_suite_gets_the_expected_consequences(tmp_path, case):
    model = read_gene_model(_mended(case.gff, tmp_path))
    called = _called(case, model, tmp_path)
    records = list(_described(called, model))
    if case.expected is not None:
        found = [(r.key, words) for r in records for words in r.printed()]
        expected = _blocks(case.expected)
    else:
        by_place = _expected_of_vcf(case.vcf)
        found = [(r.key, r.entries) for r in records if by_place.get(r.key)]
        expected = [(key, words) for key, words in by_place.items() if words]
        assert len(records) == len(by_place)
    if case.name in WITHOUT_UTRS:
        without, with_utr = WITHOUT_UTRS[case.name]
        expected = [(k, _entries(with_utr) if words == _entries(without) else words) for k, words in expected]
    assert found == expected


Key = tuple[int, str, str]


class _Record(NamedTuple):
    """A record, its entries, and those of each patient who has any; ``None`` without genotypes."""

    key: Key
    entries: frozenset[str]
    of_patients: list[frozenset[str]] | None

    def printed(self) -> list[frozenset[str]]:
        """What the suite prints of it."""
        return [self.entries] if self.of_patients is None else self.of_patients


def _entries(text: str) -> frozenset[str]:
    return frozenset() if text in (".", "") else frozenset(text.split(","))


def _blocks(path: Path) -> list[tuple[Key, frozenset[str]]]:
    """A ``.txt`` has a block a record: what is expected, then what is printed, one line a patient.

    With genotypes a line ends in one field for each haplotype.
    """
    found = []
    for block in path.read_text().strip().split("\n\n"):
        lines = [line.split("\t") for line in block.strip("\n").split("\n")]
        genotypes = len(lines[0]) > 4
        for pos, ref, alt, *haplotypes in lines if genotypes else lines[-1:]:
            words = frozenset().union(*map(_entries, haplotypes))
            found.append(((int(pos), ref, alt), words))
    return found


def _expected_of_vcf(path: Path) -> dict[Key, frozenset[str]]:
    found = {}
    for line in path.read_text().splitlines():
        if line.startswith("#"):
            continue
        _, pos, _, ref, alt, _, _, text, *_ = line.split("\t")
        info = dict(pair.partition("=")[::2] for pair in text.split(";"))
        found[int(pos), ref, alt] = _entries(info.get("EXP", ""))
    return found


def _mended(gff: Path, folder: Path) -> Path:
    """Two gene models of the suite have tabs for the blanks of a description; GFF3 has nine columns."""
    lines = [line.split("\t") for line in gff.read_text().splitlines()]
    path = folder / "mended.gff3"
    path.write_text("".join("\t".join([*line[:8], " ".join(line[8:])]) + "\n" for line in lines))
    return path


def _called(case: Case, model: GeneModel, folder: Path) -> list[tuple[Path, list[str], list[str]]]:
    """For each contig the BCF with BCSQ and the names behind csq's numbers."""
    sites = str(folder / "sites.bcf")
    bcftools.run("annotate", "--no-version", "-x", "INFO", "-Ob", "-W", "-o", sites, str(case.vcf))
    with pysam.VariantFile(sites) as variants:
        chroms = list(dict.fromkeys(record.chrom for record in variants))
    called = []
    for chrom in chroms:
        numbers = model.numbers(chrom).tolist()
        genes = write_csq_gff(model, numbers, chrom, folder / "genes.gff3")
        out = folder / f"{len(called)}.bcf"
        options = ["-l"] if case.local else ["-p", "a"]
        run_csq(sites, str(case.fasta), str(folder / "genes.gff3"), chrom, str(out), options)
        called.append((out, [model.by_number[i].transcript for i in numbers], genes))
    return called


def _described(called: list[tuple[Path, list[str], list[str]]], model: GeneModel) -> Iterator[_Record]:
    for path, transcripts, genes in called:
        with pysam.VariantFile(str(path)) as variants:
            for record in variants:
                values = [_named(value, transcripts, genes, model) for value in record.info.get("BCSQ", ())]
                key = record.pos, str(record.ref), ",".join(record.alts or (".",))
                of_patients = None
                if record.samples:
                    mask = mask_of(record)
                    has = [haplotypes_with(i, mask).any(axis=1) for i in range(len(values))]
                    of_patients = [
                        words
                        for n in range(len(record.samples))
                        if (words := frozenset(v for v, h in zip(values, has, strict=True) if h[n]))
                    ]
                yield _Record(key, frozenset(values), of_patients)


def _named(value: str, transcripts: list[str], genes: list[str], model: GeneModel) -> str:
    """An entry with names for numbers; the suite's transcripts are named without version."""
    fields = value.split("|")
    if len(fields) > 1 and fields[1]:
        fields[1] = model.genes[genes[int(fields[1])]].gene
    if len(fields) > 2 and fields[2]:
        name = transcripts[int(fields[2])]
        bare, _, version = name.rpartition(".")
        fields[2] = bare if name.startswith("ENS") and version.isdecimal() else name
    return "|".join(fields)
