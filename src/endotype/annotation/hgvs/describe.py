"""A table of names that a user has: normalised, on the genome, as VCF alleles, with the protein."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from endotype.annotation.effects.alleles import CODES
from endotype.annotation.effects.table import Window, WindowTooSmallError, describe_block
from endotype.annotation.gene_model import read_gene_model
from endotype.annotation.hgvs.axis import Placed
from endotype.annotation.hgvs.genome import Genome
from endotype.annotation.hgvs.model import Description, HgvsError
from endotype.annotation.hgvs.normalise import normalise_description
from endotype.annotation.hgvs.parse import parse
from endotype.annotation.hgvs.project import to_genomic, to_vcf
from endotype.annotation.reference import Reference, indexed_fasta
from endotype.errors import InputError, Problem, input_error, visible
from endotype.tables import write_parquet, write_tsv

_SHOWN = 20
"""Names that the error lists if none could be described."""

_MARGIN = 2_000
"""Bases beside a transcript that are read first, to see how far a change moves."""


class Described(NamedTuple):
    """One row of the table; what doesn't apply is null.

    ``line`` is that of the file, or the number of the argument. ``variant_id`` is of the left-aligned VCF
    allele, with the contig's name in the FASTA. ``problem`` says why the rest is null, or, beside a name,
    what is missing.
    """

    line: int
    input: str
    normalised: str | None = None
    hgvs_g: str | None = None
    variant_id: str | None = None
    chrom: str | None = None
    pos: int | None = None
    ref: str | None = None
    alt: str | None = None
    hgvs_p: str | None = None
    problem: str | None = None


def describe_names(
    names: Sequence[tuple[int, str]],
    out: str | Path,
    fasta: str | Path,
    genes: str | Path | None = None,
    source: str = "names",
    assembly: str | None = None,
) -> None:
    """Write a table with a row for each name, in their order, with the columns of :class:`Described`.

    Args:
        names: line number and text of each.
        out: ``.parquet``, or else tab-separated text.
        fasta: reference.
        genes: gene model; without it only g. and m. names can be placed.
        source: what the names are from, for messages.
        assembly: of the reference, where its contigs' lengths don't tell it.

    Raises:
        InputError: a file can't be used; no names; or none of them could be described (the table is written
            all the same).
    """
    if not names:
        raise input_error(source, "no names", "HGVS names, one a line")
    model = None if genes is None else read_gene_model(genes)
    with indexed_fasta(fasta) as indexed, Reference(indexed) as reference:
        engine = _Engine(reference, Genome(reference, model, assembly))
        rows = [engine.describe(line, text) for line, text in names]
    frame = pd.DataFrame(rows, columns=list(Described._fields)).astype({"pos": "Int64"})
    if Path(out).suffix == ".parquet":
        write_parquet(frame, out)
    else:
        write_tsv(frame, out)
    bad = [row for row in rows if row.normalised is None]
    if len(bad) == len(rows):
        expected = "an HGVS name that fits the reference and the gene model"
        raise InputError(
            [
                Problem(source, row.line, "", f"{visible(row.input)}: {row.problem}", expected)
                for row in bad[:_SHOWN]
            ]
        )


def read_names(path: str | Path) -> list[tuple[int, str]]:
    """Names of a file, one a line; blank lines and lines that begin with ``#`` are passed over."""
    path = Path(path)
    if not path.is_file():
        raise input_error(path, "no such file", "HGVS names, one a line")
    try:
        lines: Iterable[str] = path.read_text(encoding="utf-8-sig").split("\n")
    except UnicodeDecodeError:
        raise input_error(path, "bytes that are not UTF-8", "HGVS names, one a line") from None
    numbered = ((number, line.strip()) for number, line in enumerate(lines, start=1))
    return [(number, line) for number, line in numbered if line and not line.startswith("#")]


class _Engine:
    def __init__(self, reference: Reference, genome: Genome) -> None:
        self._reference, self._genome = reference, genome

    def describe(self, line: int, text: str) -> Described:
        try:
            found = normalise_description(parse(text), self._genome)
        except HgvsError as error:
            return Described(line, text, problem=str(error))
        row = Described(line, text, str(found))
        if found.kind == "p":
            return row._replace(hgvs_p=str(found), problem="a protein name doesn't tell the bases")
        try:
            row = row._replace(hgvs_g=str(to_genomic(found, self._genome)))
            accession, pos, ref, alt = to_vcf(found, self._genome)
        except HgvsError as error:
            return row._replace(problem=str(error))
        chrom = self._genome.contig_of(accession)
        row = row._replace(variant_id=f"{chrom}:{pos}:{ref}:{alt}", chrom=chrom, pos=pos, ref=ref, alt=alt)
        return row._replace(hgvs_p=self._protein(found, chrom, pos, ref, alt))

    def _protein(self, found: Description, chrom: str, pos: int, ref: str, alt: str) -> str | None:
        """The predicted protein name on the transcript that the name is of; null if it names none."""
        axis = self._genome.axis(found.reference, found.selector, found.kind)
        if not isinstance(axis, Placed):
            return None
        transcripts, i = self._genome.built(axis.numbering.name)
        length = self._reference.lengths[chrom]
        start, end = min(int(transcripts.start[i]), pos), max(int(transcripts.end[i]), pos + len(ref))
        margin = _MARGIN
        while True:
            low, high = max(1, start - margin), min(length, end + margin)
            bases = self._reference.bases(chrom, low, high - low + 1).encode("ascii", "replace")
            window = Window(CODES[np.frombuffer(bases, np.uint8)], low, length)
            try:
                table = describe_block(transcripts, window, np.array([pos]), [ref], [alt])
            except WindowTooSmallError:
                margin *= 4
                continue
            names = dict(zip(table["transcript"].to_pylist(), table["hgvs_p"].to_pylist(), strict=True))
            return names.get(transcripts.name[i])
