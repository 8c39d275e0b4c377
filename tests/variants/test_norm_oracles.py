"""bcftools norm's own cases, and the table of what is safe where bcftools is not.

:data:`CASES` has a line for each of the 76 ``vcf_norm`` cases: what of ours is compared, or why it differs.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar

import pysam.bcftools
import pytest

from endotype.variants.alleles import atoms, left_align, trim
from tests.variants import runs
from tests.variants.builders import write_fasta

DATA = Path(__file__).parents[3] / "shared" / "data"
BCFTOOLS = DATA / "oracles" / "bcftools"
EDGE = DATA / "oracles" / "norm_edge"

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not BCFTOOLS.is_dir(), reason="the oracle files (../shared/data) are not here"),
]

JOINS = "alleles are never joined into one record: each variant stands alone"
FILTERS = "a filter expression of bcftools, which is not offered"
REWRITES = "REF is never rewritten: a mismatch is rejected (edge cases 13 and 14)"
REMOVES = "nothing is removed by its type: other alleles at a position are variants of their own"
PIPED = "the output is read again by -m +: " + JOINS

# What is compared, of variants that bcftools and we both keep:
#   sites    position, REF and ALT
#   copies   and which haplotypes have the ALT (bcftools writes 0 where we write another ALT)
#   calls    and the calls as they are written
#   atoms    the single changes that variants are made of
#   passed   records of structural variants, untouched
CASES = [
    ("norm.check-ref", "norm.check-ref.1.out", "-c s", "", REWRITES),
    ("norm.filter", "norm.filter.1.out", "@norm.filter.txt", "", JOINS),
    ("norm.filter", "norm.filter.1.out", 'ALT!="C"', "", JOINS),
    ("norm.filter", "norm.filter.2.out", "@norm.filter.txt", "", FILTERS),
    ("norm.filter", "norm.filter.2.out", 'ALT!="C"', "", FILTERS),
    ("norm.6", "norm.6.1.out", "-c e", "sites", "a variant that is there twice is there once"),
    ("norm.breakend.1", "norm.breakend.1.1.out", "-m -", "passed", ""),
    ("norm.sort", "norm.sort.1.out", "-m - norm", "sites", "our order is by allele"),
    ("norm.sort", "norm.sort.2.out", "-S lex", "sites", ""),
    ("norm.join-missing-ploidy", "norm.join-missing-ploidy.1.out", "-m +", "", JOINS),
    ("norm.split.5", "norm.split.5.1.out", "--multi-overlaps .", "calls", ""),
    ("norm.symbolic.3", "norm.symbolic.3.1.out", "-f", "sites", "<DUP> is not moved"),
    ("norm", "norm.out", "-cx", "", "multiallelic records are always split; see norm.split.and.norm.out"),
    ("norm.split", "norm.split.out", "-m- norm", "copies", "alleles are trimmed"),
    ("norm.split.2", "norm.split.2.out", "-m-", "sites", "alleles are trimmed"),
    ("norm.split.3", "norm.split.3.out", "--force", "", "vectors of a wrong length: the record is rejected"),
    ("norm.split.4", "norm.split.4.1.out", "-m- norm", "copies", "AD keeps its sum; see the next case"),
    ("norm.split.4", "norm.split.4.2.out", "--keep-sum", "copies", "AD is compared too"),
    ("norm.split", "norm.split.and.norm.out", "-f norm.fa", "copies", ""),
    ("norm.merge", "norm.merge.out", "-m+ norm", "", JOINS),
    ("norm.merge.2", "norm.merge.2.out", "-m+", "", JOINS),
    ("norm.merge.3", "norm.merge.3.out", "-m+", "", JOINS),
    ("norm.merge", "norm.merge.strict.out", "-s", "", JOINS),
    ("norm.setref", "norm.setref.out", "-Nc s", "", REWRITES),
    ("norm.telomere", "norm.telomere.out", "-f", "", "REF of N is rejected (edge case 17)"),
    ("norm.rmdup", "norm.rmdup.1.out", "snps", "", REMOVES),
    ("norm.rmdup", "norm.rmdup.2.out", "indels", "", REMOVES),
    ("norm.rmdup", "norm.rmdup.3.out", "both", "", REMOVES),
    ("norm.rmdup", "norm.rmdup.4.out", "all", "", REMOVES),
    ("norm.rmdup", "norm.rmdup.5.out", "none", "sites", "records are split, so alleles are compared"),
    ("norm.rmdup", "norm.rmdup.5.out", "exact", "sites", "records are split, so alleles are compared"),
    ("norm.rmdup.2", "norm.rmdup.2.1.out", "none", "calls", ""),
    ("norm.rmdup.2", "norm.rmdup.2.1.out", "exact", "calls", ""),
    ("norm.rmdup.2", "norm.rmdup.2.1.out", "indels", "calls", ""),
    ("norm.rmdup.2", "norm.rmdup.2.2.out", "any", "", REMOVES),
    ("norm.rmdup.2", "norm.rmdup.2.2.out", "both", "", REMOVES),
    ("norm.rmdup.2", "norm.rmdup.2.2.out", "snps", "", REMOVES),
    ("norm.rmdup.3", "norm.rmdup.3.1.out", "exact", "", "structural records are passed on, all of them"),
    ("norm.rmdup.3", "norm.rmdup.3.2.out", "all", "", REMOVES),
    ("norm.2", "norm.2.out", "-c s", "", REWRITES),
    ("norm.iupac", "norm.iupac.out", "-c s", "", REWRITES),
    ("norm.3", "norm.3.out", "-c s --old", "", REWRITES),
    ("norm.3", "norm.3.2.out", "alt=", "", REWRITES),
    ("atomize.split.1", "atomize.split.1.0.out", "split.1.vcf |", "", PIPED),
    ("atomize.split.1", "atomize.split.1.1.out", "|", "atoms", ""),
    ("atomize.split.1", "atomize.split.1.1.out", "--force -a", "atoms", ""),
    ("atomize.split.1", "atomize.split.1.2.out", "--atom-overlaps .", "atoms", ""),
    ("atomize.split.1", "atomize.split.1.3.out", "--atomize --old", "atoms", "* is no atom"),
    ("atomize.split.2", "atomize.split.2.1.out", "--atomize --old", "atoms", "* is no atom"),
    ("atomize.split.2", "atomize.split.2.2.out", "--atom-overlaps .", "atoms", ""),
    ("atomize.split.3", "atomize.split.3.1.out", "--atom-overlaps .", "atoms", ""),
    ("atomize.split.4", "atomize.split.4.1.out", ". --old-rec-tag OLD_REC atomize", "atoms", ""),
    ("atomize.split.4", "atomize.split.4.2.out", "ILEN=0", "", FILTERS),
    ("atomize.split.5", "atomize.split.5.1.out", "--atom-overlaps .", "atoms", ""),
    ("atomize.split.5", "atomize.split.5.2.out", "-rec-tag OLD_REC atomize", "atoms", "* is no atom"),
    ("norm.4", "norm.4.1.out", "+both", "", JOINS),
    ("norm.4", "norm.4.2.out", "+any", "", JOINS),
    ("norm.5", "norm.5.1.out", "--multi-overlaps 0", "copies", "alleles are trimmed"),
    ("norm.5", "norm.5.2.out", "--multi-overlaps .", "calls", "alleles are trimmed"),
    ("norm.m-any", "norm.m-any.1.out", "-m -any", "sites", "values of alleles are compared too"),
    ("norm.phased-split", "norm.phased-split.1.out", "-m -any", "sites", "four copies are no call"),
    ("norm.phased-join", "norm.phased-join.1.out", "+any", "", JOINS),
    ("norm.symbolic", "norm.symbolic.1.out", "--old-rec-tag", "sites", "symbolic alleles are not moved"),
    ("norm.symbolic.2", "norm.symbolic.2.out", "--old-rec-tag", "sites", "symbolic alleles are not moved"),
    ("norm.right-align", "norm.right-align.1.out", "ORI -f", "sites", ""),
    ("norm.right-align", "norm.right-align.2.out", "-g", "", "positions are the leftmost on both strands"),
    ("norm.atom-split-norm", "norm.atom-split-norm.1.out", "-a -m -any", "atoms", ""),
    ("norm.string-tags", "norm.string-tags.1.out", "-m -any", "sites", "values of alleles are compared too"),
    ("norm.split.merge", "norm.split.merge.1.out", "+both", "", PIPED),
    ("norm.split.merge", "norm.split.merge.2.out", "+indels", "", PIPED),
    ("norm.split.merge", "norm.split.merge.3.out", "+snps", "", PIPED),
    ("norm.split.merge", "norm.split.merge.3.out", "+snps", "", PIPED),
    ("norm.split.merge", "norm.split.merge.4.out", "+any", "", PIPED),
    ("norm.split.merge", "norm.split.merge.5.out", "type=", "", FILTERS),
    ("norm.merge.4", "norm.merge.4.1.out", "+any", "", JOINS),
    ("norm.merge.4", "norm.merge.4.2.out", "+both", "", JOINS),
]  # fmt: skip


def chosen(*kinds: str) -> list[tuple[str, str, str]]:
    """(input, expected output, kind) of the cases that are compared so, each once."""
    return sorted({(source, out, kind) for source, out, _, kind, _ in CASES if kind in kinds})


def rows_of(path: Path) -> list[list[str]]:
    lines = path.read_text().splitlines()
    return [line.split("\t") for line in lines if line and not line.startswith("#")]


Key = tuple[str, int, str, str]


def is_sequence(allele: str) -> bool:
    return re.fullmatch("[ACGTacgt]+", allele) is not None


def fasta_of(source: str, folder: Path) -> Path | None:
    """A copy of a case's reference, where an index may be made."""
    name = {"norm.split": "norm", "norm.6": "norm.2", "norm.symbolic.2": "norm.symbolic"}.get(source, source)
    theirs = BCFTOOLS / f"{name}.fa"
    if not theirs.is_file():
        return None
    copy = folder / "ref.fa"
    copy.write_bytes(theirs.read_bytes())
    pysam.faidx(str(copy))
    return copy


@dataclass
class Ours:
    passes: list[runs.Pass]

    def records(self) -> dict[Key, object]:
        return {(r.chrom, r.pos, *r.alleles): r for one in self.passes for r in one.records}


def normalise(source: str, folder: Path, with_reference: bool) -> Ours:
    """A case's input through the normaliser, contig by contig."""
    vcf = BCFTOOLS / f"{source}.vcf"
    fasta = fasta_of(source, folder) if with_reference else None
    bcf = runs.to_bcf(vcf, folder / "in.bcf")
    contigs = sorted({row[0] for row in rows_of(vcf)})
    if fasta is not None:
        with pysam.FastaFile(str(fasta)) as reference:
            contigs = [c for c in contigs if c in reference.references]
    return Ours([runs.normalise(bcf, fasta, contig) for contig in contigs])


def variants_of(rows: list[list[str]]) -> dict[Key, list[str]]:
    """bcftools' rows in our form: split, trimmed, upper case; and the calls of each."""
    found: dict[Key, list[str]] = {}
    for row in rows:
        for alt in row[4].split(","):
            if is_sequence(row[3]) and is_sequence(alt) and row[3].upper() != alt.upper():
                pos, ref, alt = trim(int(row[1]), row[3].upper(), alt.upper())
                found.setdefault((row[0], pos, ref, alt), row[9:])
    return found


def copies(call: str) -> list[bool]:
    """Which haplotypes have the ALT."""
    return [allele == "1" for allele in re.split(r"[/|]", call)]


def test_every_case_has_a_line():
    with (BCFTOOLS / "cases.tsv").open() as stream:
        rows = [row for row in csv.DictReader(stream, delimiter="\t") if row["type"] == "vcf_norm"]
    assert len(rows) == len(CASES) == 76
    assert Counter((r["in"], r["out"]) for r in rows) == Counter((c[0], c[1]) for c in CASES)
    for source, out, option, kind, reason in CASES:
        commands = [r["command"] for r in rows if (r["in"], r["out"]) == (source, out)]
        assert any(option in command for command in commands), (source, out, option)
        assert kind or reason


def test_how_many_are_compared():
    assert Counter(bool(kind) for *_, kind, _ in CASES) == {True: 35, False: 41}


@pytest.mark.parametrize(("source", "out", "kind"), chosen("sites", "copies", "calls"))
def test_variants(tmp_path, source, out, kind):
    with_reference = any(" -f " in command for command in commands_of(source, out))
    ours = normalise(source, tmp_path, with_reference).records()
    theirs = variants_of(rows_of(BCFTOOLS / out))
    assert sorted(ours) == sorted(theirs)
    for key, calls in theirs.items():
        if kind == "sites":
            continue
        texts = [call.partition(":")[0] for call in calls]
        mine = runs.texts_of(ours[key])
        if kind == "calls":
            assert mine == texts, key
        else:
            assert [copies(a) for a in mine] == [copies(b) for b in texts], key


def commands_of(source: str, out: str) -> list[str]:
    with (BCFTOOLS / "cases.tsv").open() as stream:
        rows = csv.DictReader(stream, delimiter="\t")
        return [row["command"] for row in rows if (row["in"], row["out"]) == (source, out)]


@pytest.mark.parametrize(("source", "out", "kind"), chosen("atoms"))
def test_atoms(tmp_path, source, out, kind):
    fasta = fasta_of(source, tmp_path)
    found = set()
    for chrom, *variant in variants_of(rows_of(BCFTOOLS / f"{source}.vcf")):
        if fasta is None:
            found |= {(chrom, *atom) for atom in atoms(*variant)}
            continue
        with pysam.FastaFile(str(fasta)) as reference:
            bases = partial(fetch, reference, chrom)
            found |= {(chrom, *left_align(*atom, bases)) for atom in atoms(*left_align(*variant, bases))}
    assert found == set(variants_of(rows_of(BCFTOOLS / out)))


def fetch(reference: pysam.FastaFile, chrom: str, start: int, end: int) -> str:
    return reference.fetch(chrom, start - 1, end).upper()


@pytest.mark.parametrize(("source", "out", "kind"), chosen("passed"))
def test_structural_records_pass_untouched(tmp_path, source, out, kind):
    passed = normalise(source, tmp_path, with_reference=True)
    kept = sum(one.counts.structural for one in passed.passes)
    assert kept == len(rows_of(BCFTOOLS / out)) == len(rows_of(BCFTOOLS / f"{source}.vcf"))
    assert rows_of(BCFTOOLS / out) == rows_of(BCFTOOLS / f"{source}.vcf")
    assert not any(one.rejects or one.records for one in passed.passes)


def test_reads_keep_their_sum_as_with_keep_sum(tmp_path):
    ours = normalise("norm.split.4", tmp_path, with_reference=False).records()
    for key, calls in variants_of(rows_of(BCFTOOLS / "norm.split.4.2.out")).items():
        _, reads, other = calls[0].split(":")
        for field, text in (("AD", reads), ("XX", other)):
            numbers = [None if n == "." else int(n) for n in text.split(",")]
            assert runs.values_of(ours[key], field) == [numbers], (key, field)


@pytest.mark.parametrize("source", ["norm.m-any", "norm.string-tags"])
def test_values_go_with_their_alleles(tmp_path, source):
    normalise(source, tmp_path, with_reference=False)
    (tmp_path / "in.normal.bcf").unlink()
    bcf = tmp_path / "in.bcf"
    found: dict[Key, dict[str, list[str]]] = {}
    for contig in sorted({row[0] for row in rows_of(BCFTOOLS / f"{source}.vcf")}):
        one = runs.normalise(bcf, None, contig)
        text = pysam.bcftools.view("-H", str(one.path))
        for row in (line.split("\t") for line in text.splitlines()):
            values = [dict(zip(row[8].split(":"), cell.split(":"), strict=False)) for cell in row[9:]]
            found[(row[0], int(row[1]), row[3], row[4])] = {
                key: [cell.get(key, ".") for cell in values] for key in row[8].split(":")
            }
    for row in rows_of(BCFTOOLS / f"{source}.1.out"):
        key = next(iter(variants_of([row])))
        for place, name in enumerate(row[8].split(":")):
            theirs = [cell.split(":")[place] if ":" in cell or place == 0 else "." for cell in row[9:]]
            if name != ".":
                missing = {".", ".,.", ""}
                mine = ["." if v in missing else v for v in found[key][name]]
                assert mine == ["." if v in missing else v for v in theirs], (key, name)


class TestNormEdgeFiles:
    """The 28 one-record files: the column ``safe_result`` of their table, as it turns out here."""

    #           file: variants "pos ref alt calls", reasons of rejects, structural, monomorphic
    SAFE: ClassVar[dict[str, tuple]] = {
        "altalt": (["44 C G 1/1 0/1"], []),
        "altref": ([], ["alt_equals_ref"]),
        "bnd": ([], [], 1, 0),
        "complex": (["5 ACGT TC 0/1 0/0"], []),
        "dotalt": ([], [], 0, 1),
        "dupA": (["40 T C 0/1 0/0"], []),
        "dupB": (["40 T C 0/0 0/1"], []),
        "halfcall": (["5 A C ./. ./.", "5 A G ./. ./."], []),
        "hapX": (["5 A C 1 0/.", "5 A G . 0/1"], []),
        "iupacalt": ([], ["alt_not_acgt"]),
        "iupacref": ([], ["ref_not_acgt"]),
        "lal_del": (["7 GT G 0/1 ./."], []),
        "lal_del2": ([], ["ref_mismatch"]),
        "lower": (["8 T A 0/1 0/0"], []),
        "mnv": (["5 ACG TCT 0/1 1|0"], []),
        "multi": (["4 T A 1/. 0|0", "4 T C ./1 0|0"], []),
        "nonref": (["11 T A 0/1 0/0"], []),
        "nref": ([], ["ref_not_acgt"]),
        "pos1": (["1 AC A 0/1 0/0"], []),
        "refmm": ([], ["ref_mismatch"]),
        "short": ([], ["format_length", "format_length"]),
        "star": (["22 A G ./1 0/1"], ["spanning_deletion"]),
        "str_del": (["13 TGCA T 0/1 0|1"], []),
        "str_ins": ([], ["ref_mismatch"]),
        "swap": ([], ["ref_mismatch"]),
        "symdel": ([], [], 1, 0),
        "triploid": (["46 A C ./. 0/0", "46 A T ./. 0/0"], []),
    }  # fmt: skip

    def test_every_file_is_here(self):
        assert {path.stem for path in EDGE.glob("*.vcf")} == {*self.SAFE, "unkcontig"}

    @pytest.mark.parametrize("name", SAFE)
    def test_safe_result(self, tmp_path, name):
        variants, reasons, structural, monomorphic = (*self.SAFE[name], 0, 0)[:4]
        vcf = EDGE / f"{name}.vcf"
        contig = rows_of(vcf)[0][0]
        (tmp_path / "ref.fa").write_bytes((EDGE / "ref.fa").read_bytes())
        bcf = runs.to_bcf(vcf, tmp_path / "in.bcf")
        pysam.faidx(str(tmp_path / "ref.fa"))
        ours = runs.normalise(bcf, tmp_path / "ref.fa", contig)
        assert [" ".join([str(r.pos), *r.alleles, *runs.texts_of(r)]) for r in ours.records] == variants
        assert [reject["reason"] for reject in ours.rejects] == reasons
        assert (ours.counts.structural, ours.counts.monomorphic) == (structural, monomorphic)

    def test_two_files_of_one_variant_lose_no_carrier(self, tmp_path):
        both = tmp_path / "both.vcf"
        first = (EDGE / "dupA.vcf").read_text()
        both.write_text(first + "\t".join(rows_of(EDGE / "dupB.vcf")[0]) + "\n")
        fasta = write_fasta(
            tmp_path / "ref.fa", chr1=(EDGE / "ref.fa").read_text().split(">")[1].split("\n")[1]
        )
        ours = runs.normalise(runs.to_bcf(both, tmp_path / "in.bcf"), fasta, "chr1")
        # Each record says of one sample what the other contradicts: both calls are missing, and counted.
        assert [runs.texts_of(r) for r in ours.records] == [["./.", "./."]]
        assert ours.counts.genotypes_in_conflict == 2
