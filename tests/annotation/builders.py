"""A genome small enough to read: its genes, written base by base, and the files of a run over it.

Contig ``c1`` has a gene of two exons on the forward strand and, at ``mirror(p)``, its reverse complement;
``c2`` a gene without a protein; ``MT`` a gene in the mitochondrial code; ``c3`` none.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from endotype import bcftools

COMPLEMENT = str.maketrans("ACGT", "TGCA")

EXON_1 = "GATTACAGC" + "ATGAAATGGCAAGGTCTGTAC"  # 5' UTR 101-109; CDS 110-130: M K W Q G L Y
INTRON = "GTAAGTCCTTCCTTGGCCTTGGTTTTCCAG"  # 131-160
EXON_2 = "GAACGTAAACCATCAAACTAA" + "GGCATTACA"  # CDS 161-181: E R K P S N *; 3' UTR 182-190
GENE = EXON_1 + INTRON + EXON_2


def reverse_complement(bases: str) -> str:
    return bases.translate(COMPLEMENT)[::-1]


def mirror(pos: int) -> int:
    """Where the base at ``pos`` of the forward gene is in the reverse one."""
    return 491 - pos


def _random_bases(length: int, seed: int) -> str:
    return "".join(random.Random(seed).choices("ACGT", k=length))


def _contigs() -> dict[str, str]:
    c1 = _random_bases(600, 1)
    c1 = c1[:100] + GENE + c1[190:300] + reverse_complement(GENE) + c1[390:]
    # 210 A's with one T in front: an indel there can be written at many places.
    c2 = _random_bases(100, 2) + "T" + "A" * 20 + "C" + _random_bases(178, 3)
    mt = _random_bases(50, 4) + "ATGTGAAAATGGCCATAA" + _random_bases(32, 5)
    return {"c1": c1, "c2": c2, "c3": _random_bases(200, 6), "MT": mt}


CONTIGS = _contigs()

HOSTILE_NAME = "RV|1,x@;&"
"""The reverse gene's name, with every character that csq's output gives a meaning to."""

_GFF = """##gff-version 3
chrc1 t gene 101 190 . + . ID=gene:FWD;Name=FW1;biotype=protein_coding
chrc1 t mRNA 101 190 . + . ID=transcript:FWD.1;Parent=gene:FWD;biotype=protein_coding
chrc1 t exon 101 130 . + . Parent=transcript:FWD.1
chrc1 t five_prime_UTR 101 109 . + . Parent=transcript:FWD.1
chrc1 t CDS 110 130 . + 0 Parent=transcript:FWD.1
chrc1 t exon 161 190 . + . Parent=transcript:FWD.1
chrc1 t CDS 161 181 . + 0 Parent=transcript:FWD.1
chrc1 t three_prime_UTR 182 190 . + . Parent=transcript:FWD.1
chrc1 t exon 361 390 . - . Parent=transcript:REV.1
chrc1 t CDS 361 381 . - 0 Parent=transcript:REV.1
chrc1 t exon 301 330 . - . Parent=transcript:REV.1
chrc1 t CDS 310 330 . - 0 Parent=transcript:REV.1
chrc1 t mRNA 301 390 . - . ID=transcript:REV.1;Parent=gene:REV;biotype=protein_coding
chrc1 t gene 301 390 . - . ID=gene:REV;Name=RV|1%2Cx@%3B%26;biotype=protein_coding
chrc2 t ncRNA_gene 10 60 . + . ID=gene:NC;biotype=lncRNA
chrc2 t lnc_RNA 10 60 . + . ID=transcript:NC.1;Parent=gene:NC;biotype=lncRNA
chrc2 t exon 10 60 . + . Parent=transcript:NC.1
chrc2 t gene 150 180 . + . ID=gene:ODD;biotype=unheard_of
chrc2 t mRNA 150 180 . + . ID=transcript:ODD.1;Parent=gene:ODD;biotype=unheard_of
chrc2 t exon 150 180 . + . Parent=transcript:ODD.1
chrM t gene 51 68 . + . ID=gene:MTG;Name=MTG;biotype=protein_coding
chrM t mRNA 51 68 . + . ID=transcript:MTG.1;Parent=gene:MTG;biotype=protein_coding
chrM t exon 51 68 . + . Parent=transcript:MTG.1
chrM t CDS 51 68 . + 0 Parent=transcript:MTG.1
"""


def write_fasta(folder: Path) -> Path:
    path = folder / "genome.fa"
    lines = [f">{name}\n{bases}\n" for name, bases in CONTIGS.items()]
    path.write_text("".join(lines))
    return path


def write_gff(folder: Path, text: str = _GFF) -> Path:
    """The gene model; its contigs are called ``chrc1``, ``chrM`` ..., its UTRs are missing on one gene."""
    path = folder / "genes.gff3"
    rows = [line if line.startswith("#") else line.replace(" ", "\t") for line in text.splitlines()]
    path.write_text("\n".join(rows) + "\n")
    return path


def base_at(chrom: str, pos: int, length: int = 1) -> str:
    return CONTIGS[chrom][pos - 1 : pos - 1 + length]


def write_bcf(path: Path, variants: Iterable[tuple[str, int, str, str]], info: str = ".") -> Path:
    """Variants as a BCF file with two samples, sorted, and an index."""
    order = list(CONTIGS)
    text = path.with_suffix(".vcf")
    with text.open("w") as stream:
        stream.write("##fileformat=VCFv4.3\n")
        stream.writelines(f"##contig=<ID={name},length={len(CONTIGS[name])}>\n" for name in order)
        stream.write('##INFO=<ID=BCSQ,Number=.,Type=String,Description="of another gene model">\n')
        stream.write('##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n')
        stream.write("#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tp1\tp2\n")
        for chrom, pos, ref, alt in sorted(variants, key=lambda v: (order.index(v[0]), v[1:])):
            stream.write(f"{chrom}\t{pos}\t.\t{ref}\t{alt}\t.\tPASS\t{info}\tGT\t0/1\t./.\n")
    bcftools.run("view", "--no-version", "-Ob", "-o", str(path), str(text))
    return path


def write_sites(
    path: Path, header: Sequence[str], records: Iterable[tuple[str, int, str, str, str, str]]
) -> Path:
    """A sites VCF without contig lines, as ClinVar's: records are (chrom, pos, id, ref, alt, info)."""
    rows = "".join(f"{c}\t{p}\t{i}\t{r}\t{a}\t.\t.\t{info}\n" for c, p, i, r, a, info in records)
    columns = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
    path.write_text("\n".join(["##fileformat=VCFv4.1", *header]) + "\n" + columns + rows)
    return path


CLINVAR_HEADER = [
    "##fileDate=2026-01-05",
    "##source=ClinVar",
    '##ID=<Description="ClinVar Variation ID">',
    '##INFO=<ID=CLNSIG,Number=.,Type=String,Description="significance">',
    '##INFO=<ID=CLNREVSTAT,Number=.,Type=String,Description="review status">',
    '##INFO=<ID=CLNDN,Number=.,Type=String,Description="disease">',
]
GNOMAD_HEADER = [
    '##INFO=<ID=AC,Number=A,Type=Integer,Description="count">',
    '##INFO=<ID=AN,Number=1,Type=Integer,Description="number">',
    '##INFO=<ID=AF,Number=A,Type=Float,Description="frequency">',
]


def variant_qc(
    variants: Sequence[tuple[str, int, str, str]], kept: Sequence[bool] | None = None
) -> pd.DataFrame:
    """A ``variant_qc.parquet`` in the order of ``variants``, with the columns that annotation reads."""
    frame = pd.DataFrame(variants, columns=["chrom", "pos", "ref", "alt"])
    frame["pos"] = frame["pos"].astype("int64")
    text = frame.astype("str")
    frame.insert(0, "variant_id", text["chrom"] + ":" + text["pos"] + ":" + text["ref"] + ":" + text["alt"])
    frame["kept"] = [True] * len(frame) if kept is None else kept
    return frame.assign(kept=frame["kept"].astype(bool), alt_freq=0.25)
