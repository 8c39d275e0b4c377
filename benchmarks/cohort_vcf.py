"""A large simulated VCF and its reference, for measuring; not a cohort to learn anything from.

    python -m benchmarks.cohort_vcf --people 2500 --variants 100000 --out FOLDER

One in twelve variants is an indel, one in thirty is multiallelic, some indels stand unaligned, as in a joint
call set. Genotypes are independent. ``--reads`` adds AD, DP and GQ to every call.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pysam

from endotype import bcftools
from endotype.variants.bgzf import BgzfWriter

SPACING = 30
BASES = np.frombuffer(b"ACGT", np.uint8)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--people", type=int, default=2500)
    parser.add_argument("--variants", type=int, default=100_000)
    parser.add_argument("--reads", action="store_true", help="AD, DP and GQ beside GT")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True)
    a = parser.parse_args()
    make(a.out, a.people, a.variants, a.reads, a.seed)


def make(folder: Path, people: int, variants: int, reads: bool, seed: int = 1) -> tuple[Path, Path]:
    """Write ``cohort.vcf.gz`` (.csi) and ``reference.fa`` (.fai); return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    length = (variants + 2) * SPACING
    reference = BASES[rng.integers(0, 4, length)].tobytes().decode()
    fasta, vcf = folder / "reference.fa", folder / "cohort.vcf.gz"
    fasta.write_text(f">1\n{reference}\n")
    pysam.faidx(str(fasta))
    with vcf.open("wb") as stream, BgzfWriter(stream) as out:
        out.write(_header(length, people, reads))
        for i in range(variants):
            out.write(_record(rng, reference, SPACING * (i + 1), people, reads))
    bcftools.run("index", "-f", "-c", str(vcf))
    return vcf, fasta


def _header(length: int, people: int, reads: bool) -> bytes:
    lines = [
        "##fileformat=VCFv4.2",
        f"##contig=<ID=1,length={length}>",
        '##FILTER=<ID=PASS,Description="All filters passed">',
        '##INFO=<ID=AC,Number=A,Type=Integer,Description="Copies of ALT">',
        '##INFO=<ID=AN,Number=1,Type=Integer,Description="Alleles called">',
        '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">',
    ]
    if reads:
        lines += [
            '##FORMAT=<ID=AD,Number=R,Type=Integer,Description="Reads of each allele">',
            '##FORMAT=<ID=DP,Number=1,Type=Integer,Description="Reads">',
            '##FORMAT=<ID=GQ,Number=1,Type=Integer,Description="Quality">',
        ]
    names = "\t".join(f"P{i:06d}" for i in range(people))
    lines.append(f"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t{names}")
    return ("\n".join(lines) + "\n").encode()


def _record(rng: np.random.Generator, reference: str, pos: int, people: int, reads: bool) -> bytes:
    ref = reference[pos - 1]
    others = [b for b in "ACGT" if b != ref]
    kind = rng.random()
    if kind < 1 / 12:
        inserted = reference[pos : pos + int(rng.integers(1, 6))]
        ref, alts = (ref + inserted, [ref]) if kind < 1 / 24 else (ref, [ref + inserted])
        if kind < 1 / 120:  # padded at its end, so that it has to be trimmed
            after = reference[pos + len(ref) - 1]
            ref, alts = ref + after, [alts[0] + after]
    elif kind < 1 / 12 + 1 / 30:
        alts = others[:2]
    else:
        alts = [others[int(rng.integers(0, 3))]]
    frequency = min(0.5, 10 ** rng.uniform(-4, -0.3))
    alleles = (rng.random((people, 2)) < frequency).astype(np.uint8)
    if len(alts) == 2:
        alleles *= rng.integers(1, 3, alleles.shape, dtype=np.uint8)
    ac = [int((alleles == k + 1).sum()) for k in range(len(alts))]
    fixed = (
        f"1\t{pos}\t.\t{ref}\t{','.join(alts)}\t50\tPASS\tAC={','.join(map(str, ac))};AN={2 * people}\t"
        f"{'GT:AD:DP:GQ' if reads else 'GT'}"
    )
    if not reads:
        text = np.tile(np.frombuffer(b"\t0/0", np.uint8), (people, 1))
        text[:, 1] += alleles[:, 0]
        text[:, 3] += alleles[:, 1]
        return fixed.encode() + text.tobytes() + b"\n"
    depth = np.minimum(rng.poisson(30, people), 99)
    wanted = 1 + len(alts)
    text = np.tile(np.frombuffer(b"\t0/0:" + b"00," * (wanted - 1) + b"00:00:00", np.uint8), (people, 1))
    text[:, 1] += alleles[:, 0]
    text[:, 3] += alleles[:, 1]
    left = depth.copy()
    for k in range(wanted - 1, -1, -1):
        share = (alleles == k).sum(axis=1) / 2
        n = left if k == 0 else np.minimum(left, np.rint(depth * share).astype(np.int64))
        left = left - n
        _two_digits(text, 5 + 3 * k, n)
    _two_digits(text, 5 + 3 * wanted, depth)
    _two_digits(text, 8 + 3 * wanted, np.minimum(99, depth * 3))
    return fixed.encode() + text.tobytes() + b"\n"


def _two_digits(text: np.ndarray, at: int, values: np.ndarray) -> None:
    text[:, at] = 48 + values // 10
    text[:, at + 1] = 48 + values % 10


if __name__ == "__main__":
    main()
