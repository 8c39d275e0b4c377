"""Consequence, ``g.``, ``c.`` and ``p.`` of each variant here, and consequence alone in a peer, in turn.

    python -m benchmarks.annotation --variants 100000

On a simulated contig with genes of two transcripts each, on both strands:

* ``predict_effects``: the command, from BCF, FASTA and GFF3 to Parquet, one process and one thread, against
  ``bcftools csq -l`` on the same files (the copy in the pysam wheel, and that of the system where there is
  one), which gives terms alone, no HGVS names and no table. mehari, the fastest open engine that gives them,
  needs a later Python than ours; 7,000 to 13,000 variants a second were measured with it on the genome of the
  HGVS oracle.
* ``describe_block``: the engine alone, once it is compiled.

Times are seconds of the processor, so that other work on the machine doesn't count. Prints ratios (above 1:
we are faster), variants a second and the largest memory of a process; writes JSON.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pysam

from endotype import bcftools
from endotype.annotation.effects.alleles import CODES
from endotype.annotation.effects.table import Index, Window, describe_block
from endotype.annotation.gene_model import read_gene_model
from endotype.annotation.reference import Reference
from endotype.annotation.splicing import build_transcripts
from endotype.files import to_json, write_json

TOP = Path(__file__).parents[1]
GENE_STEP, EXONS, EXON, INTRON = 20_000, 8, 162, 1500
"""A gene every so many bases: exons and introns of so many bases, the first and last 60 untranslated."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--variants", type=int, default=100_000)
    parser.add_argument("--genes", type=int, default=500)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", type=Path, help="JSON file")
    a = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result = measure(Path(folder), a)
    print(to_json(result), end="")
    if a.out:
        write_json(a.out, result)


def measure(folder: Path, a: argparse.Namespace) -> dict[str, object]:
    """Seconds of the processor of each round, medians, and ratios taken round by round."""
    bcf, fasta, gff = simulate(folder, a.variants, a.genes)
    ours = [sys.executable, TOP / "scripts" / "predict_effects.py"]
    ours += ["--bcf", bcf, "--fasta", fasta, "--genes", gff, "--out", folder / "effects.parquet"]
    _timed(ours)  # compiles the kernels, fills the file cache
    csq = ["csq", "-l", "-f", fasta, "-g", gff, "-Ob", "-o", folder / "csq.bcf", bcf]
    peers = {"bcftools_csq_wheel": [sys.executable, "-m", "endotype.bcftools", *csq]}
    if system := shutil.which("bcftools"):
        peers["bcftools_csq_system"] = [system, *csq]
    rounds, memory = [], 0.0
    rows, engine = describe(bcf, fasta, gff, a.repeats)
    for i in range(a.repeats):
        row = {"predict_effects": _timed(ours), "describe_block": engine[i]}
        # Of the first round alone: later ones would count the peers' processes too.
        memory = memory or resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        rounds.append(row | {name: _timed(command) for name, command in peers.items()})
    seconds = {k: statistics.median(r[k] for r in rounds) for k in rounds[0]}
    return {
        "variants": a.variants,
        "rows": rows,
        "transcripts": 2 * a.genes,
        "largest_process_megabytes": round(memory),
        "seconds": seconds,
        "variants_per_second": {k: round(a.variants / s) for k, s in seconds.items()},
        "ratio": {
            f"{peer} / predict_effects": statistics.median(r[peer] / r["predict_effects"] for r in rounds)
            for peer in peers
        },
        "rounds": rounds,
    }


def describe(bcf: Path, fasta: Path, gff: Path, repeats: int) -> tuple[int, list[float]]:
    """Rows, and seconds of each run of the engine over all variants, in blocks of 20,000."""
    with pysam.VariantFile(str(bcf)) as variants:
        records = [(r.pos, r.ref, r.alts[0]) for r in variants]
    with Reference(fasta) as reference:
        index = Index.of(build_transcripts(read_gene_model(gff), "1", reference))
        text = reference.bases("1", 1, reference.lengths["1"])
    window = Window(CODES[np.frombuffer(text.encode(), np.uint8)], 1, len(text))
    times = []
    for _ in range(repeats + 1):
        begin, rows = time.process_time(), 0
        for start in range(0, len(records), 20_000):
            positions, refs, alts = zip(*records[start : start + 20_000], strict=True)
            rows += describe_block(index, window, np.array(positions), refs, alts).num_rows
        times.append(time.process_time() - begin)
    return rows, times[1:]


def simulate(folder: Path, n_variants: int, n_genes: int) -> tuple[Path, Path, Path]:
    """Variants in and around genes: nine of ten substitutions, the rest insertions and deletions."""
    random = np.random.default_rng(1)
    genome = random.choice(np.frombuffer(b"ACGT", np.uint8), GENE_STEP * (n_genes + 1))
    gff = folder / "genes.gff3"
    with gff.open("w") as stream:
        stream.write("##gff-version 3\n")
        for g in range(n_genes):
            start, forward = GENE_STEP * (g + 1) - GENE_STEP // 2, g % 2 == 0
            _plant(genome, start, forward, random)
            _write_gene(stream, g, start, forward)
    fasta = folder / "genome.fa"
    fasta.write_bytes(b">1\n" + genome.tobytes() + b"\n")
    pysam.faidx(str(fasta))
    span = EXONS * EXON + (EXONS - 1) * INTRON
    gene = random.integers(0, n_genes, n_variants)
    # Half of the variants in exons, as in an exome.
    exon, into = random.integers(0, EXONS, n_variants), random.integers(0, EXON, n_variants)
    place = np.where(
        random.random(n_variants) < 0.5,
        exon * (EXON + INTRON) + into,
        random.integers(-1000, span + 1000, n_variants),
    )
    positions = np.sort(GENE_STEP * (gene + 1) - GENE_STEP // 2 + place)
    kind, size = random.random(n_variants), random.integers(1, 7, n_variants)
    vcf = folder / "variants.vcf"
    text = genome.tobytes().decode()
    with vcf.open("w") as stream:
        stream.write(f"##fileformat=VCFv4.3\n##contig=<ID=1,length={len(text)}>\n")
        stream.write("#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n")
        for pos, k, s in zip(positions.tolist(), kind.tolist(), size.tolist(), strict=True):
            ref = text[pos - 1]
            if k < 0.9:
                alt = "ACGT"[("ACGT".index(ref) + s % 3 + 1) % 4]
            elif k < 0.95:
                alt = ref + text[pos + 50 : pos + 50 + s]
            else:
                ref, alt = text[pos - 1 : pos + s], ref
            stream.write(f"1\t{pos}\t.\t{ref}\t{alt}\t.\t.\t.\n")
    bcf = folder / "variants.bcf"
    bcftools.run("view", "--no-version", "-Ob1", "-o", str(bcf), str(vcf))
    bcftools.run("index", str(bcf))
    return bcf, fasta, gff


def _exons(start: int) -> list[tuple[int, int]]:
    return [(start + i * (EXON + INTRON), start + i * (EXON + INTRON) + EXON - 1) for i in range(EXONS)]


def _plant(genome: np.ndarray, start: int, forward: bool, random: np.random.Generator) -> None:
    """Write a reading frame into the exons of a gene, without a stop before its end."""
    codons = np.array([list(c.encode()) for c in ("GCT", "AAG", "CTG", "GAT", "TGG", "ACC")], np.uint8)
    coding = EXONS * EXON - 120
    frame = codons[random.integers(0, len(codons), coding // 3)].reshape(-1)
    frame[:3], frame[-3:] = list(b"ATG"), list(b"TAA")
    places = np.concatenate([np.arange(a - 1, b) for a, b in _exons(start)])[60:-60]
    complement = np.zeros(256, np.uint8)
    complement[list(b"ACGT")] = list(b"TGCA")
    genome[places] = frame if forward else complement[frame][::-1]


def _write_gene(stream: object, g: int, start: int, forward: bool) -> None:
    strand, exons = "+" if forward else "-", _exons(start)

    def line(kind: str, a: int, b: int, attributes: str, phase: str = ".") -> None:
        print(f"1\t.\t{kind}\t{a}\t{b}\t.\t{strand}\t{phase}\t{attributes}", file=stream)

    line("gene", start, exons[-1][1], f"ID=gene:G{g};Name=G{g};biotype=protein_coding;gene_id=G{g}")
    for t in range(2):
        name = f"T{g}{'ab'[t]}"
        parent = f"Parent=transcript:{name}"
        line("mRNA", start, exons[-1][1], f"ID=transcript:{name};Parent=gene:G{g};biotype=protein_coding")
        for i, (a, b) in enumerate(exons):
            line("exon", a, b, parent)
            first, last = a + 60 * (i == 0), b - 60 * (i == EXONS - 1)
            before = sum(min(d, exons[-1][1] - 60) - max(c, start + 60) + 1 for c, d in exons[:i])
            after = sum(min(d, exons[-1][1] - 60) - max(c, start + 60) + 1 for c, d in exons[i + 1 :])
            line("CDS", first, last, f"{parent};protein_id=P{name}", str(-(before if forward else after) % 3))
            if i == 0:
                line("five_prime_UTR" if forward else "three_prime_UTR", a, a + 59, parent)
            if i == EXONS - 1:
                line("three_prime_UTR" if forward else "five_prime_UTR", b - 59, b, parent)


def _timed(command: list[object]) -> float:
    """Seconds of the processor that a command and its children used."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([str(part) for part in command], check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


if __name__ == "__main__":
    main()
