"""Genes: reading frames, and effects of changes as bcftools csq sees them."""

from __future__ import annotations

import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from endotype.simulation.genes import (
    MISSENSE,
    START_OR_STOP_LOST,
    STOP_GAINED,
    SYNONYMOUS,
    Gene,
    coding_effects,
    gff3_header,
    gff3_lines,
    place_genes,
    write_gene,
)
from endotype.simulation.genome import Contig, contigs, random_bases, text, windows, write_fasta_record
from endotype.simulation.parameters import Parameters
from tests.reference.simulation import AMINO_ACID, reverse_complement, translate

PARAMETERS = Parameters(seed=3, patients=150, variants=4000)


@pytest.fixture(scope="module")
def genome() -> tuple[list[Contig], list[Gene], dict[str, np.ndarray]]:
    parts = contigs(PARAMETERS)
    genes = place_genes(parts, PARAMETERS)
    bases = {c.name: random_bases(c.length, 0.41, PARAMETERS.stream("bases", c.name)) for c in parts}
    for gene in genes:
        write_gene(bases[gene.contig], gene, PARAMETERS.stream("codons", gene.name))
    return parts, genes, bases


def coding_text(gene: Gene, bases: np.ndarray) -> str:
    spliced = "".join(text(bases[start - 1 : end]) for start, end in gene.cds)
    return spliced if gene.strand == "+" else reverse_complement(spliced)


def test_there_are_enough_genes_on_both_strands_and_none_on_y(genome):
    _, genes, _ = genome
    assert len(genes) >= 60
    assert {g.strand for g in genes} == {"+", "-"}
    assert {g.contig for g in genes} == {"1", "2", "3", "4", "X", "MT"}
    assert {len(g.cds) for g in genes} >= {2, 3, 4, 5, 6}


def test_genes_do_not_overlap_and_lie_on_their_contig(genome):
    parts, genes, _ = genome
    length = {c.name: c.length for c in parts}
    for gene, following in pairwise(genes):
        assert 1 <= gene.start < gene.end <= length[gene.contig]
        assert following.contig != gene.contig or following.start > gene.end


def test_every_gene_reads_from_atg_to_its_only_stop(genome):
    _, genes, bases = genome
    for gene in genes:
        protein = translate(coding_text(gene, bases[gene.contig]))
        assert protein.startswith("M")
        assert protein.index("*") == len(protein) - 1


def test_every_intron_begins_with_gt_and_ends_with_ag(genome):
    _, genes, bases = genome
    for gene in genes:
        for (_, end), (start, _) in zip(gene.exons[:-1], gene.exons[1:], strict=True):
            intron = text(bases[gene.contig][end : start - 1])
            intron = intron if gene.strand == "+" else reverse_complement(intron)
            assert (intron[:2], intron[-2:]) == ("GT", "AG")


def test_effects_agree_with_a_codon_table(genome):
    _, genes, bases = genome
    for gene in genes[:8]:
        sequence = bases[gene.contig]
        effects = coding_effects(gene, sequence)
        original = coding_text(gene, sequence)
        for row in range(0, len(original), 7):
            for new in range(4):
                letter = "ACGT"[new] if gene.strand == "+" else "TGCA"[new]
                codon = row // 3 * 3
                changed = original[:row] + letter + original[row + 1 :]
                before, after = (AMINO_ACID[s[codon : codon + 3]] for s in (original, changed))
                expected = SYNONYMOUS if before == after else STOP_GAINED if after == "*" else MISSENSE
                if before != after and (before == "*" or codon == 0):
                    expected = START_OR_STOP_LOST
                assert effects[row, new] == expected


def run_csq(folder: Path, genome, variants: list[tuple[str, int, int, int]]) -> dict[tuple, set[str]]:
    """Consequences by ``bcftools csq`` of (contig, pos, ref, alt) given as base codes."""
    parts, genes, bases = genome
    hosts = {g.contig for g in genes}
    with (folder / "r.fa").open("wb") as fasta, (folder / "r.fa.fai").open("w") as index:
        for contig in parts:
            write_fasta_record(fasta, index, contig.name, bases[contig.name])
    (folder / "g.gff3").write_text(gff3_header(parts) + "".join(s for g in genes for s in gff3_lines(g)))
    order = [c.name for c in parts if c.name in hosts]
    lines = [f"##contig=<ID={c.name},length={c.length}>" for c in parts]
    lines += ["#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"]
    for chrom, pos, ref, alt in sorted(variants, key=lambda v: (order.index(v[0]), v[1])):
        lines.append(f"{chrom}\t{pos}\t.\t{'ACGT'[ref]}\t{'ACGT'[alt]}\t.\t.\t.")
    (folder / "v.vcf").write_text("##fileformat=VCFv4.2\n" + "\n".join(lines) + "\n")
    command = ["csq", "-l", "-f", folder / "r.fa", "-g", folder / "g.gff3", folder / "v.vcf"]
    done = subprocess.run(
        [sys.executable, "-m", "endotype.bcftools", *map(str, command)], capture_output=True, check=True
    )
    found = {}
    for line in done.stdout.decode().splitlines():
        if not line.startswith("#"):
            chrom, pos, _, ref, alt, *_, info = line.split("\t")
            consequences = info.partition("BCSQ=")[2].split(",")
            words = {word for c in consequences for word in c.split("|")[0].split("&")}
            found[chrom, int(pos), "ACGT".index(ref), "ACGT".index(alt)] = words
    return found


def test_effects_agree_with_bcftools_csq_on_both_strands(genome, tmp_path):
    _, genes, bases = genome
    expected = {}
    for strand in "+-":
        gene = next(g for g in genes if g.strand == strand and len(g.cds) >= 3)
        effects = coding_effects(gene, bases[gene.contig])
        for row, pos in enumerate(gene.coding_positions):
            ref = int(bases[gene.contig][pos - 1])
            for alt in {0, 1, 2, 3} - {ref}:
                expected[gene.contig, int(pos), ref, alt] = effects[row, alt]
    words = {
        SYNONYMOUS: ("synonymous", "stop_retained"),
        MISSENSE: ("missense",),
        STOP_GAINED: ("stop_gained",),
    }
    words[START_OR_STOP_LOST] = ("start_lost", "stop_lost")
    found = run_csq(tmp_path, genome, list(expected))
    assert len(found) == len(expected)
    for variant, effect in expected.items():
        # Beside an exon border csq adds words of splicing.
        assert found[variant] & set(words[effect]), (variant, found[variant], effect)


def test_splice_positions_are_splice_sites_to_bcftools_csq(genome, tmp_path):
    _, genes, bases = genome
    gene = next(g for g in genes if g.strand == "-" and len(g.cds) >= 3)
    variants = [
        (gene.contig, int(p), int(b := bases[gene.contig][p - 1]), int(b) ^ 2) for p in gene.splice_positions
    ]
    assert len(variants) == 4 * (len(gene.exons) - 1)
    for words in run_csq(tmp_path, genome, variants).values():
        assert words & {"splice_donor", "splice_acceptor"}


@pytest.mark.parametrize(("length", "size"), [(10, 100), (100, 100), (151, 100), (1_234_567, 200_000)])
def test_windows_cover_a_contig_once(length, size):
    spans = list(windows(length, size))
    assert spans[0][0] == 0
    assert spans[-1][1] == length
    assert all(a[1] == b[0] for a, b in pairwise(spans))


def test_the_fasta_index_finds_every_contig(genome, tmp_path):
    import pysam

    parts, _, bases = genome
    with (tmp_path / "r.fa").open("wb") as fasta, (tmp_path / "r.fa.fai").open("w") as index:
        for contig in parts:
            write_fasta_record(fasta, index, contig.name, bases[contig.name])
    with pysam.FastaFile(str(tmp_path / "r.fa")) as opened:
        for contig in parts:
            assert opened.fetch(contig.name) == text(bases[contig.name])
