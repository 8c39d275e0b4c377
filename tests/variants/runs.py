"""From the text of a VCF through the normaliser, within this process, for tests that do it often."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import pysam.bcftools

from endotype.tables import read_tsv, write_parquet
from endotype.variants.bcf import Header, open_bcf, writing
from endotype.variants.bcf_kernels import END_OF_VECTOR, MISSING_INT
from endotype.variants.bcf_record import Record, parse_record
from endotype.variants.normalise import Normaliser, Reference, Reject, ShardCounts, Window
from endotype.variants.ploidy import HaploidRule
from endotype.variants.shard import Outputs, normalise_region
from endotype.variants.split import OTHER as OTHER_ALTS
from tests.reference.normalise import OTHER
from tests.variants.builders import read_vcf

Call = tuple[int, ...]

EVERYTHING = 2**31 - 10_000
"""Past every position there can be, with room for the margin."""


@dataclass
class Pass:
    """What one pass of the normaliser over one contig gave.

    Attributes:
        records: parsed, in order.
        calls: (position, REF, ALT) -> alleles of each sample; ``()`` where nothing is called.
        counts, rejects, structural: of the normaliser.
    """

    path: Path
    header: Header
    records: list[Record] = field(default_factory=list)
    calls: dict[tuple[int, str, str], list[Call]] = field(default_factory=dict)
    counts: ShardCounts = field(default_factory=ShardCounts)
    rejects: list[Reject] = field(default_factory=list)
    structural: int = 0
    called_monomorphic: list[int] = field(default_factory=list)

    def reasons(self) -> Counter[tuple[int, str, str, str]]:
        """The rejects as (position, REF, ALT, reason)."""
        return Counter((r["pos"], r["ref"], r["alt"], r["reason"]) for r in self.rejects)  # type: ignore[misc]


def to_bcf(vcf: Path, out: Path) -> Path:
    """A VCF as BCF, by htslib; pysam's own writer would mend END."""
    pysam.bcftools.view("--no-version", "-Ob1", "-o", str(out), str(vcf), catch_stdout=False)
    return out


def normalise(
    bcf: Path,
    fasta: Path | None,
    chrom: str,
    sex: Sequence[str] | None = None,
    assembly: str = "unspecified",
    window: tuple[int, int] = (1, EVERYTHING),
) -> Pass:
    """One pass over a contig; the variants are written beside the input as ``*.normal.bcf``."""
    with open_bcf(bcf) as reader:
        header = reader.header
        rule = HaploidRule(sex or ["unknown"] * len(header.samples), assembly)
        reference = Reference(str(fasta) if fasta else None, chrom, 1, window[1])
        normaliser = Normaliser(Window(chrom, *window), header, rule, reference, "in.vcf")
        variants = list(normaliser.variants(reader.blocks()))
        reference.close()
    out = bcf.with_suffix(".normal.bcf")
    rid = normaliser.header.contig(chrom)

    with writing(out, normaliser.header, f"{out}.csi") as writer:
        for variant in variants:
            writer.write(variant.data, rid, variant.pos - 1, variant.pos - 1 + len(variant.ref))
    result = Pass(out, normaliser.header, counts=normaliser.counts, rejects=normaliser.rejects)
    result.structural = normaliser.counts.structural
    result.called_monomorphic = normaliser.called_monomorphic.tolist()
    for variant in variants:
        record = parse_record(bytes(variant.data), normaliser.header)
        result.records.append(record)
        result.calls[(record.pos, *record.alleles)] = calls_of(record)  # type: ignore[index]
    return result


def calls_of(record: Record) -> list[Call]:
    """Alleles of each sample, ``OTHER`` for another ALT; ``()`` where the call says nothing."""
    values = record.formats.get("GT")
    if values is None:
        return [()] * record.n_samples
    others = record.formats.get(OTHER_ALTS, np.zeros((record.n_samples, 1), int))[:, 0]
    calls = []
    for row, n_others in zip(values, others.tolist(), strict=True):
        alleles = [int(v >> 1) - 1 for v in row if v != END_OF_VECTOR]
        assert n_others <= 0 or n_others == alleles.count(-1), "a call is known in part"
        call = tuple(OTHER if a < 0 else a for a in alleles)
        calls.append(call if n_others > 0 or -1 not in alleles else ())
    return calls


def texts_of(record: Record) -> list[str]:
    """The calls as a VCF writes them; the separator is that of the last allele."""
    texts = []
    for row in record.formats["GT"]:
        values = [int(v) for v in row if v != END_OF_VECTOR]
        separator = "|" if len(values) > 1 and values[-1] & 1 else "/"
        texts.append(separator.join("." if v >> 1 == 0 else str((v >> 1) - 1) for v in values))
    return texts


def values_of(record: Record, key: str) -> list[list[int | None]]:
    """Integer values of a FORMAT field of each sample."""
    return [
        [None if v == MISSING_INT else int(v) for v in row if v != END_OF_VECTOR]
        for row in np.asarray(record.formats[key])
    ]


@dataclass
class Whole:
    """What the normalise command leaves for one region, read back."""

    outputs: Outputs
    counts: ShardCounts
    calls: list[str]
    structural: list[str]
    rejects: pd.DataFrame


def normalise_file(
    folder: Path,
    vcf: Path,
    fasta: Path | None,
    region: str,
    sexes: dict[str, str] | None = None,
    assembly: str = "",
) -> Whole:
    """The normalise command as the workflow calls it, for a file as a user has it."""
    people = None
    if sexes is not None:
        people = folder / "people.parquet"
        table = pd.DataFrame({"patient": list(sexes), "sex": list(sexes.values()), "in_genotypes": True})
        write_parquet(table, people)
    outputs = Outputs.at(folder / "out" / "shard")
    (folder / "out").mkdir(exist_ok=True)
    counts = normalise_region([vcf], region, str(fasta) if fasta else None, outputs, people, assembly)
    return Whole(
        outputs,
        counts,
        read_vcf(outputs.variants),
        read_vcf(outputs.structural),
        read_tsv(outputs.rejects),
    )
