"""Small references and VCFs made in a test, as text a reader can check."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pysam


def write_fasta(path: Path, **contigs: str) -> Path:
    """A FASTA with its index; contig ``c1`` is given as ``c1="ACGT"``."""
    path.write_text("".join(f">{name}\n{sequence}\n" for name, sequence in contigs.items()))
    pysam.faidx(str(path))
    return path


def write_vcf(
    path: Path,
    records: Sequence[str],
    samples: Sequence[str] = ("A", "B"),
    contigs: Sequence[tuple[str, int]] = (("c1", 1000),),
    formats: Sequence[str] = ("GT",),
) -> Path:
    """A VCF as text. A record is ``"pos ref alt [gt ...]"``, or with leading ``contig:`` before ``pos``."""
    types = {
        "GT": "Number=1,Type=String",
        "DP": "Number=1,Type=Integer",
        "GQ": "Number=1,Type=Integer",
        "AD": "Number=R,Type=Integer",
    }
    lines = ["##fileformat=VCFv4.3", '##FILTER=<ID=bad,Description="bad">']
    lines += [f"##contig=<ID={name},length={length}>" for name, length in contigs]
    lines += [f'##FORMAT=<ID={key},{types[key]},Description="{key}">' for key in formats]
    lines.append("\t".join(["#CHROM POS ID REF ALT QUAL FILTER INFO FORMAT".replace(" ", "\t"), *samples]))
    for record in records:
        place, ref, alt, *calls = record.split()
        contig, _, pos = place.rpartition(":")
        fixed = [contig or contigs[0][0], pos, ".", ref, alt, "50", "PASS", ".", ":".join(formats)]
        lines.append("\t".join([*fixed, *calls]))
    path.write_text("\n".join(lines) + "\n")
    return path


def read_vcf(path: Path | str) -> list[str]:
    """The records of a file as ``"pos ref alt gt ..."``, calls written with ``/`` or ``|``."""
    rows = []
    with pysam.VariantFile(str(path)) as variants:
        for record in variants:
            calls = []
            for call in record.samples.values():
                genotype = call.get("GT", (None,))
                separator = "|" if call.phased and len(genotype) > 1 else "/"
                calls.append(separator.join("." if a is None else str(a) for a in genotype))
            rows.append(" ".join([str(record.pos), record.ref, ",".join(record.alts or (".",)), *calls]))
    return rows
