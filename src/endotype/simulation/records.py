"""Records as lines of a VCF file, a block at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from endotype.simulation.calls import Calls, Contamination, allele_counts, sequence, vcf_lines
from endotype.simulation.genome import Contig
from endotype.simulation.parameters import ASSEMBLY, Parameters
from endotype.simulation.sites import Sites

CALLS_PER_BLOCK = 400_000
"""Genotypes that are turned into text at a time; bounds memory whatever the size of the cohort."""


def vcf_header(contigs: Sequence[Contig], samples: Sequence[str]) -> str:
    """Head of the cohort's VCF."""
    regions = "".join(f"##contig=<ID={c.name},length={c.length},assembly={ASSEMBLY}>\n" for c in contigs)
    return (
        "##fileformat=VCFv4.2\n"
        "##source=simulated cohort; no person's data\n"
        f"##reference={ASSEMBLY}\n"
        f"{regions}"
        '##FILTER=<ID=PASS,Description="All filters passed">\n'
        '##FILTER=<ID=LowQual,Description="Low site quality">\n'
        '##INFO=<ID=AC,Number=A,Type=Integer,Description="Called alternate alleles">\n'
        '##INFO=<ID=AN,Number=1,Type=Integer,Description="Called alleles">\n'
        '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n'
        '##FORMAT=<ID=AD,Number=R,Type=Integer,Description="Reads of each allele">\n'
        '##FORMAT=<ID=DP,Number=1,Type=Integer,Description="Reads">\n'
        '##FORMAT=<ID=GQ,Number=1,Type=Integer,Description="Genotype quality">\n'
        "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t" + "\t".join(samples) + "\n"
    )


def vcf_blocks(
    contig: str,
    records: Sites,
    ploidy: np.ndarray,
    depth_factor: np.ndarray,
    contamination: list[Contamination],
    parameters: Parameters,
    random: np.random.Generator,
) -> Iterator[tuple[bytes, dict[str, int]]]:
    """Lines of the records, and how many of their calls are in trouble, block by block.

    The arguments from ``ploidy`` on are those of :func:`endotype.simulation.calls.sequence`.
    """
    size = max(1, CALLS_PER_BLOCK // len(ploidy))
    for start in range(0, len(records.pos), size):
        part = records.select(np.arange(len(records.pos)) // size == start // size)
        calls = sequence(part.alleles, ploidy, part.clean, depth_factor, contamination, parameters, random)
        prefixes = _fixed_columns(contig, part, calls, ploidy, random)
        yield _lines(part, prefixes, calls, ploidy), calls.trouble


def _fixed_columns(
    contig: str, part: Sites, calls: Calls, ploidy: np.ndarray, random: np.random.Generator
) -> list[bytes]:
    """CHROM to FORMAT of each record; sites that fail the filter have a low QUAL too."""
    counts, total = allele_counts(calls, ploidy)
    quality = np.where(part.passes, random.integers(60, 3000, len(total)), random.integers(5, 30, len(total)))
    columns = []
    for i, alts in enumerate(part.alts):
        word = "PASS" if part.passes[i] else "LowQual"
        shown = ",".join(str(c) for c in counts[i, 1 : 1 + len(alts)])
        columns.append(
            f"{contig}\t{part.pos[i]}\t.\t{part.ref[i]}\t{','.join(alts)}\t{quality[i]}\t{word}"
            f"\tAC={shown};AN={total[i]}\tGT:AD:DP:GQ".encode()
        )
    return columns


def _lines(part: Sites, prefixes: list[bytes], calls: Calls, ploidy: np.ndarray) -> bytes:
    """The lines of a block; a duplicate is the same line again, byte for byte."""
    lines = vcf_lines(prefixes, part.n_alleles, calls, ploidy)
    if (part.copies == 1).all():
        return lines
    return b"".join(
        line * int(n) for line, n in zip(lines.splitlines(keepends=True), part.copies, strict=True)
    )
