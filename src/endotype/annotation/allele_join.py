"""Which rows of a sorted knowledge table are alleles of a block of variants.

Both sides are sorted by position, so positions are found by bisection, and only where they meet are REF and
ALT compared: as the codes of Parquet's own dictionaries, never as text. A general join would hash every
allele of the source first; a source has millions, a block few.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

_KEY = ("chrom", "pos", "ref", "alt")


def allele_hits(path: str | Path, contig: str | None, block: pa.Table) -> pa.Table:
    """The rows of a knowledge table that are alleles of a block, in the order of the table.

    Args:
        path: Parquet with ``chrom pos ref alt`` and further columns, sorted by contig and position.
        contig: what the table calls the block's contig; ``None`` when it has no rows there.
        block: ``nth pos ref alt``, sorted by ``pos``; ``nth`` is int64.

    Returns:
        ``nth`` of the variant, then the columns of the table without its key. An allele that the block has
        twice is there twice.
    """
    text = [f.name for f in pq.read_schema(path) if pa.types.is_string(f.type)]
    with pq.ParquetFile(path, read_dictionary=text) as file:
        schema = pa.schema([("nth", pa.int64()), *(f for f in pq.read_schema(path) if f.name not in _KEY)])
        positions = block["pos"].to_numpy()
        parts = []
        if contig is not None and len(positions):
            for group in range(file.metadata.num_row_groups):
                if _may_have(file, group, contig, int(positions[0]), int(positions[-1])):
                    parts.append(_group_hits(file, group, contig, block, positions, schema))
        return pa.concat_tables(parts) if parts else schema.empty_table()


def _may_have(file: pq.ParquetFile, group: int, contig: str, first: int, last: int) -> bool:
    metadata = file.metadata.row_group(group)
    names = file.schema_arrow.names
    chrom, pos = (metadata.column(names.index(name)).statistics for name in ("chrom", "pos"))
    if chrom is None or pos is None or not (chrom.has_min_max and pos.has_min_max):
        return True
    several = chrom.min != chrom.max
    return several or (chrom.min == contig and pos.min <= last and pos.max >= first)


def _group_hits(
    file: pq.ParquetFile, group: int, contig: str, block: pa.Table, positions: np.ndarray, schema: pa.Schema
) -> pa.Table:
    keys = file.read_row_group(group, columns=["chrom", "pos"], use_threads=False)
    # Of one contig the rows stand together.
    contigs, wanted = _codes(keys["chrom"], pa.array([contig], pa.string()))
    ours = np.flatnonzero(contigs == wanted[0])
    if not len(ours):
        return schema.empty_table()
    start = int(ours[0])
    here = keys["pos"].to_numpy()[start : int(ours[-1]) + 1]
    low, high = np.searchsorted(here, positions, "left"), np.searchsorted(here, positions, "right")
    counts = high - low
    variant = np.repeat(np.arange(len(positions)), counts)
    if not len(variant):
        return schema.empty_table()
    row = np.arange(len(variant)) - np.repeat(np.cumsum(counts) - counts, counts) + low[variant] + start
    same = np.ones(len(variant), bool)
    table = file.read_row_group(
        group, columns=[n for n in file.schema_arrow.names if n not in ("chrom", "pos")], use_threads=False
    )
    for name in ("ref", "alt"):
        theirs, mine = _codes(table[name], block[name])
        same &= theirs[row] == mine[variant]
    order = np.argsort(row[same], kind="stable")
    found = table.drop_columns(["ref", "alt"]).take(pa.array(row[same][order]))
    nth = block["nth"].to_numpy()[variant[same][order]]
    return found.add_column(0, "nth", pa.array(nth, pa.int64())).select(schema.names).cast(schema)


def _codes(theirs: pa.ChunkedArray, mine: pa.Array | pa.ChunkedArray) -> tuple[np.ndarray, np.ndarray]:
    """Texts as numbers that are equal where the texts are; what ``theirs`` hasn't got is -1 in ``mine``."""
    words = theirs.combine_chunks()
    if isinstance(words, pa.ChunkedArray):
        words = pa.concat_arrays(words.chunks) if words.num_chunks else pa.array([], pa.string())
    words = words if isinstance(words, pa.DictionaryArray) else words.dictionary_encode()
    of_mine = pc.index_in(mine, value_set=words.dictionary).fill_null(-1)
    return words.indices.to_numpy(zero_copy_only=False), np.asarray(of_mine.to_numpy())
