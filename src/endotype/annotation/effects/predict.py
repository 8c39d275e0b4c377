"""The effects table of a file of variants: streamed, in blocks that are near each other on the genome."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from endotype import bcftools
from endotype.annotation.effects.alleles import CODES
from endotype.annotation.effects.table import (
    DISTANCE,
    NOT_ASSESSED,
    SCHEMA,
    Index,
    Window,
    WindowTooSmallError,
    describe_block,
    not_assessed_block,
)
from endotype.annotation.gene_model import GeneModel, model_contig, read_gene_model
from endotype.annotation.hgvs.names import genomic_sequence
from endotype.annotation.reference import Reference, indexed_fasta
from endotype.annotation.splicing import build_transcripts
from endotype.errors import input_error
from endotype.files import atomic_path

BLOCK_VARIANTS = 20_000
BLOCK_SPAN = 1 << 22
"""A block has at most so many variants on at most so many bases."""

_MARGIN = 2_000
"""Reference bases read beside a block; more where a change slides further."""
_NEAR = 100_000
"""Transcripts so far (bp) from the variants are built too: more than any change slides."""
_TEXT_BLOCK = 1 << 24

Block = tuple[str, np.ndarray, pa.StringArray, pa.StringArray]
"""Contig, POS, REF and ALT of variants that follow each other."""


def predict_effects(
    bcf: str | Path,
    out: str | Path,
    fasta: str | Path | None = None,
    gff: str | Path | None = None,
    *,
    assembly: str | None = None,
    distance: int = DISTANCE,
) -> None:
    """Write what each variant does to each transcript: Parquet with the columns of ``SCHEMA``.

    Rows come in the order of the variants, then of the transcripts by start, end and name. Every variant has
    at least one row. Without a reference or gene model, and on contigs that one of them lacks, variants are
    ``not_assessed`` with the reason in ``hgvs_status``. Memory holds one block of variants and the
    transcripts around those of one contig.

    Args:
        bcf: BCF or VCF of split, normalised and sorted variants; genotypes aren't looked at.
        out: the Parquet file.
        fasta: reference, plain or bgzip; an index isn't needed.
        gff: gene model, GFF3 of Ensembl, GENCODE or RefSeq.
        assembly: name of the reference's assembly, for accessions; by default told by its lengths.
        distance: how far beside a transcript a variant still is up- or downstream of it, in bases.

    Raises:
        InputError: the variants, FASTA or GFF3 file can't be used.
    """
    with tempfile.TemporaryDirectory() as folder, atomic_path(out) as temporary:
        sites = f"{folder}/sites.tsv"
        try:
            bcftools.run("query", "-f", "%CHROM\\t%POS\\t%REF\\t%ALT\\n", "-o", sites, str(bcf))
        except bcftools.BcftoolsError as error:
            found = f"a file that can't be read ({str(error).strip().splitlines()[-1]})"
            raise input_error(bcf, found, "BCF or VCF of variants") from None
        with pq.ParquetWriter(temporary, SCHEMA, compression="zstd") as writer:
            for table in _tables(sites, fasta, gff, assembly, distance):
                writer.write_table(table)


def _tables(
    sites: str, fasta: str | Path | None, gff: str | Path | None, assembly: str | None, distance: int
) -> Iterator[pa.Table]:
    if fasta is None or gff is None:
        for block in _blocks(sites):
            yield not_assessed_block(*block, "no_reference" if fasta is None else "no_gene_model")
        return
    spans = _spans(sites)
    if not spans:
        return
    model = read_gene_model(gff, spans)
    with indexed_fasta(fasta) as indexed, Reference(indexed) as reference:
        engine: _Contig | None = None
        for block in _blocks(sites):
            chrom = block[0]
            if engine is None or engine.chrom != chrom:
                engine = _Contig(chrom, spans[chrom], model, reference, assembly, distance)
            yield engine.describe(block)


class _Contig:
    """The engine on one contig of the variants."""

    def __init__(
        self,
        chrom: str,
        span: tuple[int, int],
        model: GeneModel,
        reference: Reference,
        assembly: str | None,
        distance: int,
    ) -> None:
        self.chrom, self._reference, self._distance = chrom, reference, distance
        self._fault = ""
        if chrom not in reference.lengths:
            self._fault = "contig_not_in_reference"
        elif model_contig(model, chrom) is None:
            self._fault = "contig_not_in_gene_model"
        else:
            self._left_out = model.left_out(model_contig(model, chrom) or chrom)
            near = max(1, span[0] - distance - _NEAR), span[1] + distance + _NEAR
            self._index = Index.of(build_transcripts(model, chrom, reference, near))
            self._sequence = genomic_sequence(chrom, reference.lengths, assembly)

    def describe(self, block: Block) -> pa.Table:
        if self._fault:
            return not_assessed_block(*block, self._fault)
        _, positions, refs, alts = block
        length = self._reference.lengths[self.chrom]
        longest = max(_longest(refs), _longest(alts))
        margin = _MARGIN + 2 * longest
        while True:
            first = max(1, int(positions.min()) - margin)
            last = min(length, int(positions.max()) + longest + margin)
            window = Window(self._bases(first, last), first, length)
            try:
                table = describe_block(
                    self._index,
                    window,
                    positions,
                    refs,
                    alts,
                    sequence_name=self._sequence,
                    distance=self._distance,
                )
                return _without_left_out(table, *self._left_out)
            except WindowTooSmallError:
                margin *= 4

    def _bases(self, first: int, last: int) -> np.ndarray:
        text = self._reference.bases(self.chrom, first, max(0, last - first + 1))
        return CODES[np.frombuffer(text.encode("ascii", "replace"), np.uint8)]


def _without_left_out(table: pa.Table, starts: np.ndarray, ends: np.ndarray) -> pa.Table:
    """The table, its variants that are in a transcript left out of the model and in no other not assessed."""
    if not len(starts):
        return table
    alone = pc.equal(table["consequence"], "intergenic_variant").to_numpy(zero_copy_only=False)
    rows = np.flatnonzero(alone)
    first = table["pos"].to_numpy()[rows]
    last = first + pc.binary_length(table["ref"]).to_numpy()[rows] - 1
    inside = rows[np.any((starts <= last[:, None]) & (ends >= first[:, None]), axis=1)]
    if not len(inside):
        return table
    hit = np.zeros(len(table), bool)
    hit[inside] = True
    unknown = {"consequence": None, "impact": None, "hgvs_status": "transcript_excluded"}
    unknown["consequence_status"] = NOT_ASSESSED
    for name, value in unknown.items():
        column = pc.if_else(pa.array(hit), pa.scalar(value, pa.string()), table[name])
        table = table.set_column(table.schema.get_field_index(name), table.schema.field(name), column)
    return table


def _longest(texts: pa.StringArray) -> int:
    return int(pc.max(pc.binary_length(texts)).as_py() or 0)


def _blocks(sites: str) -> Iterator[Block]:
    """The variants in blocks: of one contig, not too many, not too far apart."""
    for batch in _batches(sites):
        chroms = batch.column(0).dictionary_encode()
        codes = chroms.indices.to_numpy()
        positions = batch.column(1).to_numpy()
        start = 0
        for end in [*(np.flatnonzero(np.diff(codes)) + 1).tolist(), len(codes)]:
            while start < end:
                within = np.searchsorted(positions[start:end], positions[start] + BLOCK_SPAN)
                stop = start + min(BLOCK_VARIANTS, max(1, int(within)))
                part = batch.slice(start, stop - start)
                refs, alts = (pa.concat_arrays([part.column(i)]) for i in (2, 3))
                yield chroms.dictionary[int(codes[start])].as_py(), positions[start:stop], refs, alts
                start = stop


def _batches(sites: str) -> Iterator[pa.RecordBatch]:
    if not Path(sites).stat().st_size:
        return
    with pyarrow.csv.open_csv(
        sites,
        read_options=pyarrow.csv.ReadOptions(
            column_names=["chrom", "pos", "ref", "alt"], block_size=_TEXT_BLOCK, use_threads=False
        ),
        parse_options=pyarrow.csv.ParseOptions(delimiter="\t", quote_char=False),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types={"chrom": pa.string(), "pos": pa.int64(), "ref": pa.string(), "alt": pa.string()},
            strings_can_be_null=False,
        ),
    ) as reader:
        yield from reader


def _spans(sites: str) -> dict[str, tuple[int, int]]:
    """First and last base that the variants of each contig cover, in the order of the file."""
    spans: dict[str, tuple[int, int]] = {}
    for chrom, positions, refs, _ in _blocks(sites):
        low, high = spans.get(chrom, (int(positions[0]), 0))
        end = int(positions.max()) + _longest(refs)
        spans[chrom] = (min(low, int(positions.min())), max(high, end))
    return spans
