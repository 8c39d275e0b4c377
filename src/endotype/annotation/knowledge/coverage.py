"""Where a frequency source could have seen a variant, so that "absent" and "not looked at" are told apart.

From a BED file of what is covered, or from gnomAD's coverage tables, which give for each position the share
of people with at least 20 reads.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from endotype.annotation.knowledge.records import SOURCE_ROW, RecordFile, open_records
from endotype.annotation.knowledge.values import typed
from endotype.cohort.knowledge_kinds import KEY_COLUMNS, Column
from endotype.cohort.knowledge_sources import Source

_COVERED = Column("over_20", ("over_20", "over_20x"), "number", True)


def is_bed(path: str) -> bool:
    """Whether a file is named as a BED file."""
    return path.endswith((".bed", ".bed.gz", ".bed.bgz"))


def open_coverage(path: str) -> RecordFile:
    """Open gnomAD's coverage table: ``#chrom pos ... over_20`` or ``locus ... over_20``.

    Raises:
        InputError: no such file, or other columns.
    """

    def is_header(cells: list[str]) -> bool:
        return bool(set(_COVERED.names) & set(cells)) and (
            "locus" in cells
            or bool(set(KEY_COLUMNS["chrom"]) & set(cells) and set(KEY_COLUMNS["pos"]) & set(cells))
        )

    return open_records(path, is_header, "a BED file, or a table with locus (or chrom, pos) and over_20")  # type: ignore[arg-type]


def coverage_batches(source: Source, file: RecordFile) -> Iterator[pa.Table]:
    """Runs of neighbouring positions that are covered, as regions ``chrom start end source_row``.

    A position is covered where ``over_20`` is at least ``source.min_covered``.
    """
    over = next(name for name in _COVERED.names if name in file.columns)
    keys = ["locus"] if "locus" in file.columns else [
        next(n for n in KEY_COLUMNS[k] if n in file.columns) for k in ("chrom", "pos")
    ]  # fmt: skip
    for batch in file.batches([*keys, over]):
        rows = batch[SOURCE_ROW].combine_chunks()
        chrom, pos = (batch[keys[0]].combine_chunks(), batch[keys[-1]].combine_chunks())
        if keys == ["locus"]:
            found = pc.extract_regex(chrom, r"^(?P<c>.+):(?P<p>\d{1,10})$")
            chrom, pos = pc.struct_field(found, "c"), pc.struct_field(found, "p")
        at = typed(pos, Column("pos", (keys[-1],), "integer"), file.path, rows)
        share = typed(batch[over].combine_chunks(), _COVERED, file.path, rows)
        covered = pc.and_(pc.greater_equal(share, source.min_covered), pc.is_valid(at))
        keep = pc.and_(pc.fill_null(covered, False), pc.is_valid(chrom))
        names = chrom.filter(keep)
        places = at.filter(keep).to_numpy().astype(np.int64)
        if not len(places):
            continue
        code = names.dictionary_encode().indices.to_numpy()
        starts = np.append(True, (np.diff(places) != 1) | (np.diff(code) != 0))
        first = np.flatnonzero(starts)
        last = np.append(first[1:], len(places)) - 1
        yield pa.table(
            {
                "chrom": names.take(pa.array(first)),
                "start": pa.array(places[first]),
                "end": pa.array(places[last]),
                SOURCE_ROW: rows.filter(keep).take(pa.array(first)),
            }
        )


def merged(table: pa.Table) -> pa.Table:
    """Regions, sorted by contig and start, as ones that neither overlap nor touch."""
    if not len(table):
        return table
    frame = table.to_pandas()
    group = frame["chrom"].ne(frame["chrom"].shift()).cumsum()
    reach = frame.groupby(group)["end"].cummax().groupby(group).shift()
    new = reach.isna() | (frame["start"] > reach.fillna(0) + 1)
    number = new.cumsum()
    one = frame.groupby(number, sort=False).agg(
        chrom=("chrom", "first"),
        start=("start", "first"),
        end=("end", "max"),
        source_row=("source_row", "first"),
    )
    return pa.Table.from_pandas(one, schema=table.schema, preserve_index=False).replace_schema_metadata(None)
