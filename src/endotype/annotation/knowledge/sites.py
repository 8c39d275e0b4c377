"""Alleles of a source as a sorted table, one row each, written as the cohort's are.

Alleles are split, checked against the reference, left-aligned by ``bcftools norm`` and sorted, so that they
can be joined with a cohort that went through the same. Every allele of the source is kept or counted under
the reason why not. Nothing is held in memory but a batch: alleles stream through Parquet and DuckDB.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from endotype import bcftools
from endotype.annotation.database import arrow_batches, ordered_duckdb
from endotype.annotation.knowledge.kernels import agrees_with_reference
from endotype.annotation.knowledge.values import ARROW_TYPES, join_text, reduce_by
from endotype.annotation.reference import Reference, match_contigs
from endotype.cohort.knowledge_kinds import Column
from endotype.errors import InputError, Problem, input_error, visible
from endotype.files import atomic_path

ROW_GROUP = 65_536
"""Rows of a row group: small enough that a join of one region reads little, large enough to compress."""

_WINDOW = 4_000_000
"""Bases of the reference that are held at once."""
_MIN_CHECKED, _MAX_MISMATCH = 20, 0.5
"""With another assembly about three of four reference alleles disagree by chance, with the same few do."""

KEYS: Mapping[str, Sequence[tuple[str, pa.DataType]]] = {
    "allele": (("chrom", pa.string()), ("pos", pa.int64()), ("ref", pa.string()), ("alt", pa.string())),
    "position": (("chrom", pa.string()), ("pos", pa.int64())),
    "region": (("chrom", pa.string()), ("start", pa.int64()), ("end", pa.int64())),
}
"""The columns that say what a row of a table is about."""


@dataclass
class SiteCounts:
    """Records and alleles of a source: ``alleles_in = kept + sum(dropped.values())``.

    Of positions and regions an "allele" is a row. ``without_value`` counts kept alleles whose value can't be
    used (a frequency among no alleles). ``contigs`` are those of the kept ones.
    """

    records_in: int = 0
    alleles_in: int = 0
    kept: int = 0
    left_aligned: int = 0
    without_value: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    contigs: list[str] = field(default_factory=list)

    def entry(self) -> dict[str, Any]:
        """The counts as ``knowledge.json`` has them."""
        return vars(self) | {"dropped": dict(sorted((+self.dropped).items()))}


def site_schema(key: str, columns: Sequence[Column]) -> pa.Schema:
    """Columns of a table of the store: its key, its values, and the number of the record they are from."""
    values = [(column.name, ARROW_TYPES[column.type]) for column in columns]
    return pa.schema([*KEYS[key], *values, ("source_row", pa.int64())])


def empty_table(out: str | Path, schema: pa.Schema) -> None:
    """Write the table of a source that was not given: the right columns and no rows."""
    with atomic_path(out) as temporary:
        pq.write_table(schema.empty_table(), temporary, compression="zstd")


def write_sites(
    batches: Iterator[pa.Table],
    key: str,
    columns: Sequence[Column],
    out: str | Path,
    counts: SiteCounts,
    source: str,
    folder: str,
    fasta: str | Path | None = None,
    prefer: str = "source_row",
) -> None:
    """Check, left-align, sort and write the rows of a source as Parquet.

    Rows are sorted by contig (as the reference has them, else by first appearance), then by the key; contigs
    are named as in the reference. Several rows of one key become one: each column by its ``combine``, after
    ``prefer``, and ``source_row`` is that of the first. Without a reference nothing is checked against it or
    left-aligned.

    Args:
        batches: tables with ``chrom``, ``pos`` (or ``start`` and ``end``) and alleles as text, the values
            typed, ``source_row``, and optionally ``reason``: why a row can't be used, else null.
        key: ``allele``, ``position`` or ``region``. Regions are never merged.
        columns: the values.
        out: the Parquet file.
        counts: is counted into.
        source: the file, for messages.
        folder: for temporary files.
        fasta: indexed reference.
        prefer: SQL order among rows of one key.

    Raises:
        InputError: positions that are no numbers, or most alleles disagree with the reference.
    """
    raw, indels, aligned = (f"{folder}/{name}" for name in ("rows.parquet", "indels.vcf", "aligned.tsv"))
    Path(aligned).touch()
    with ExitStack() as stack:
        reference = None if fasta is None else stack.enter_context(Reference(fasta))
        checked = _checked(batches, key, reference, counts, source)
        _write_raw(checked, key, columns, raw, indels if reference and key == "allele" else None, reference)
    if fasta is not None and key == "allele":
        _left_align(indels, str(fasta), aligned)
    _write_sorted(raw, aligned, key, columns, out, folder, counts, prefer)


# -- checks ------------------------------------------------------------------------------------------------


def _checked(
    batches: Iterator[pa.Table], key: str, reference: Reference | None, counts: SiteCounts, source: str
) -> Iterator[pa.Table]:
    """Usable rows with ``contig``, the place of the contig in the order, and ``row``, a running number."""
    place = _contig_places(reference)
    check = {"allele": _allele_faults, "position": _position_faults, "region": _region_faults}[key]
    n_checked = 0
    for batch in batches:
        n = len(batch)
        batch = batch.append_column("row", pa.array(np.arange(n) + counts.alleles_in, pa.int64()))
        counts.alleles_in += n
        named = batch["chrom"].combine_chunks().dictionary_encode()
        places = [(-1, None) if name is None else place(name) for name in named.dictionary.to_pylist()]
        at = named.indices.fill_null(-1).to_numpy(zero_copy_only=False)
        contigs = np.array([p[0] for p in places] + [-1], np.int32)[at]
        names = pa.array([p[1] for p in places] + [None], pa.string()).take(
            pa.array(np.where(at < 0, len(places), at))
        )
        batch = batch.set_column(batch.schema.get_field_index("chrom"), "chrom", names)
        batch = batch.append_column("contig", pa.array(contigs))
        batch = _whole_positions(batch, key, source)
        if "reason" not in batch.column_names:
            batch = batch.append_column("reason", pa.nulls(n, pa.string()))
        reasons = Reasons(n)
        reasons.add(contigs < 0, "contig_not_in_reference")
        batch = check(batch, reasons, reference)
        n_checked += int(np.sum((reasons.code == 0) | (reasons.code == reasons.of("ref_mismatch"))))
        own = batch["reason"].combine_chunks()
        for word in pc.unique(own).drop_null().to_pylist():
            reasons.add(_bools(pc.equal(own, word)), word)
        counts.dropped.update(reasons.counts())
        yield batch.filter(pa.array(reasons.code == 0)).drop_columns("reason")
    mismatches = counts.dropped["ref_mismatch"]
    if n_checked >= _MIN_CHECKED and mismatches > _MAX_MISMATCH * n_checked:
        raise input_error(
            source,
            f"{mismatches} of {n_checked} reference alleles that disagree with the reference FASTA",
            "variants of the same assembly as the reference",
        )


class Reasons:
    """Why each of ``n`` rows can't be used: the first reason that was added for it."""

    def __init__(self, n: int) -> None:
        self.code = np.zeros(n, np.int16)
        self._words = [""]

    def of(self, word: str) -> int:
        """The code of a reason."""
        if word not in self._words:
            self._words.append(word)
        return self._words.index(word)

    def add(self, rows: np.ndarray, word: str) -> None:
        """Give the reason to those rows (bool, shape (n,)) that have none yet."""
        self.code[rows & (self.code == 0)] = self.of(word)

    def counts(self) -> Counter[str]:
        """How many rows have each reason."""
        n = np.bincount(self.code, minlength=len(self._words))
        return Counter({w: int(c) for w, c in zip(self._words[1:], n[1:], strict=True) if c})


def _bools(mask: pa.Array) -> np.ndarray:
    if isinstance(mask, pa.ChunkedArray):
        mask = mask.combine_chunks()
    return np.asarray(pc.fill_null(mask, False).to_numpy(zero_copy_only=False), np.bool_)


def _contig_places(reference: Reference | None) -> Callable[[str], tuple[int, str | None]]:
    """From a source's contig to its place in the order and its name in the reference, or ``None``."""
    order = {} if reference is None else {name: i for i, name in enumerate(reference.lengths)}

    @cache
    def place(source: str) -> tuple[int, str | None]:
        if reference is None:
            return order.setdefault(source, len(order)), source
        name = match_contigs([source], order).get(source)
        return (-1, None) if name is None else (order[name], name)

    return place


def _whole_positions(batch: pa.Table, key: str, source: str) -> pa.Table:
    """Positions as int64; null where the file has none (dbNSFP of the other assembly)."""
    for name in ("start", "end") if key == "region" else ("pos",):
        i = batch.schema.get_field_index(name)
        if not pa.types.is_string(batch.schema.field(i).type):
            continue
        text = batch[name].combine_chunks()
        wrong = ~_bools(pc.fill_null(pc.match_substring_regex(text, r"^\d{1,10}$"), True))
        # CADD and others write a range or a float nowhere; a word here means another column.
        if wrong.any():
            problems = [
                Problem(source, None, f"{name} of record {batch['source_row'][int(j)].as_py()}",
                        visible(text[int(j)].as_py()), "a position")
                for j in np.flatnonzero(wrong)[:20]
            ]  # fmt: skip
            raise InputError(problems)
        batch = batch.set_column(i, name, pc.cast(text, pa.int64()))
    return batch


def _contig_lengths(batch: pa.Table, reference: Reference) -> np.ndarray:
    lengths = np.array([*reference.lengths.values(), 0], np.int64)
    return lengths[batch["contig"].to_numpy()]


def _allele_faults(batch: pa.Table, reasons: Reasons, reference: Reference | None) -> pa.Table:
    """Why alleles can't be joined with a cohort; upper-cases them."""
    for name in ("ref", "alt"):
        upper = pc.utf8_upper(pc.fill_null(batch[name].combine_chunks(), "."))
        batch = batch.set_column(batch.schema.get_field_index(name), name, upper)
    pos = pc.fill_null(batch["pos"].combine_chunks(), -1).to_numpy()
    ref, alt = batch["ref"].combine_chunks(), batch["alt"].combine_chunks()
    reasons.add(_bools(pc.is_null(batch["pos"])), "no_position")
    reasons.add(_bools(pc.equal(alt, ".")), "no_alternate_allele")
    bases = r"^[ACGT]+$"
    is_bases = _bools(pc.match_substring_regex(alt, bases))
    reasons.add(~is_bases & _bools(pc.match_substring_regex(alt, r"[\]\[<>*.]")), "symbolic_allele")
    reasons.add(~is_bases, "not_acgt")
    reasons.add(~_bools(pc.match_substring_regex(ref, bases)), "not_acgt")
    reasons.add(_bools(pc.equal(ref, alt)), "alt_equals_ref")
    if reference is not None:
        length = pc.binary_length(ref).to_numpy()
        beyond = (pos < 1) | (pos + length - 1 > _contig_lengths(batch, reference))
        reasons.add(beyond, "beyond_reference")
        reasons.add(~_agree(batch, pos, ref, reasons.code == 0, reference), "ref_mismatch")
    return batch


def _position_faults(batch: pa.Table, reasons: Reasons, reference: Reference | None) -> pa.Table:
    pos = pc.fill_null(batch["pos"].combine_chunks(), -1).to_numpy()
    reasons.add(_bools(pc.is_null(batch["pos"])), "no_position")
    reasons.add(pos < 1, "beyond_reference")
    if reference is not None:
        reasons.add(pos > _contig_lengths(batch, reference), "beyond_reference")
    return batch


def _region_faults(batch: pa.Table, reasons: Reasons, reference: Reference | None) -> pa.Table:
    start, end = (pc.fill_null(batch[n].combine_chunks(), -1).to_numpy() for n in ("start", "end"))
    reasons.add((start < 0) | (end < 0), "no_position")
    reasons.add((start < 1) | (end < start), "empty_region")
    if reference is not None:
        reasons.add(end > _contig_lengths(batch, reference), "beyond_reference")
    return batch


def _agree(
    batch: pa.Table, pos: np.ndarray, ref: pa.Array, usable: np.ndarray, reference: Reference
) -> np.ndarray:
    """Whether each usable REF is what the reference has; true for rows that aren't usable."""
    agree = np.ones(len(batch), np.bool_)
    rows = np.flatnonzero(usable)
    contigs = batch["contig"].to_numpy()
    rows = rows[np.lexsort((pos[rows], contigs[rows]))]
    chunk = (pos[rows] - 1) // _WINDOW
    new = np.flatnonzero((np.diff(contigs[rows]) != 0) | (np.diff(chunk) != 0)) + 1
    names = list(reference.lengths)
    for part in np.split(rows, new):
        if not part.size:
            continue
        alleles = ref.take(pa.array(part)).cast(pa.large_string())
        offsets = np.frombuffer(alleles.buffers()[1], np.int64)[: len(part) + 1]
        text = np.frombuffer(alleles.buffers()[2], np.uint8)
        first = int(pos[part[0]])
        last = int((pos[part] + np.diff(offsets)).max())
        window = reference.bases(names[contigs[part[0]]], first, last - first).encode()
        agree[part] = agrees_with_reference(text, offsets, pos[part] - first, np.frombuffer(window, np.uint8))
    return agree


# -- one form ----------------------------------------------------------------------------------------------


def _write_raw(
    batches: Iterator[pa.Table],
    key: str,
    columns: Sequence[Column],
    out: str,
    indels: str | None,
    reference: Reference | None,
) -> None:
    """Write rows as Parquet, and alleles longer than one base also as a VCF whose ID is the row number."""
    schema = pa.schema(
        [("row", pa.int64()), ("contig", pa.int32()), *[(f.name, f.type) for f in site_schema(key, columns)]]
    )
    with ExitStack() as stack:
        writer = stack.enter_context(pq.ParquetWriter(out, schema))
        vcf = None if indels is None else stack.enter_context(Path(indels).open("wb"))
        if vcf is not None and reference is not None:
            head = "".join(f"##contig=<ID={n},length={length}>\n" for n, length in reference.lengths.items())
            columns_line = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
            vcf.write(f"##fileformat=VCFv4.3\n{head}{columns_line}".encode())
        for batch in batches:
            writer.write_table(batch.select(schema.names).cast(schema))
            if vcf is not None:
                length = pc.add(pc.binary_length(batch["ref"]), pc.binary_length(batch["alt"]))
                longer = batch.filter(pc.greater(length, 2)).select(["chrom", "pos", "row", "ref", "alt"])
                for name in ("qual", "filter", "info"):
                    longer = longer.append_column(name, pa.array(["."] * len(longer), pa.string()))
                plain = pacsv.WriteOptions(include_header=False, delimiter="\t", quoting_style="none")
                pacsv.write_csv(longer, vcf, plain)


def _left_align(indels: str, fasta: str, out: str) -> None:
    bcftools.pipe(
        [
            ["norm", "--no-version", "-f", fasta, "-c", "e", "-Ou", indels],
            ["query", "-f", "%ID\\t%POS\\t%REF\\t%ALT\\n", "-o", out, "-"],
        ]
    )


def _write_sorted(
    raw: str,
    aligned: str,
    key: str,
    columns: Sequence[Column],
    out: str | Path,
    folder: str,
    counts: SiteCounts,
    prefer: str,
) -> None:
    """Put the left-aligned alleles in their places, sort, and make one row of each key."""
    names = [name for name, _ in KEYS[key]]
    moved, source = "false", "raw"
    if key == "allele":
        moved = "coalesce(n.pos <> a.pos, false)"
        source = f"""(SELECT a.* REPLACE (
                coalesce(n.pos, a.pos) AS pos, coalesce(n.ref, a.ref) AS ref, coalesce(n.alt, a.alt) AS alt
            ), {moved} AS moved
            FROM raw a LEFT JOIN read_csv($aligned, auto_detect = false, header = false, delim = '\t',
                quote = '', columns = {{row: 'BIGINT', pos: 'BIGINT', ref: 'VARCHAR', alt: 'VARCHAR'}}) n
            USING (row))"""
    order = ", ".join(["contig", *(f'"{n}"' for n in names[1:]), prefer, "row"])
    query = f"""
        WITH raw AS (SELECT * FROM read_parquet($raw))
        SELECT * {"" if key == "allele" else ", false AS moved"} FROM {source} ORDER BY {order}"""
    parameters = {"raw": raw} | ({"aligned": aligned} if key == "allele" else {})
    schema = site_schema(key, columns)
    with (
        ordered_duckdb(folder) as con,
        atomic_path(out) as temporary,
        pq.ParquetWriter(temporary, schema, compression="zstd") as writer,
    ):
        batches = (pa.Table.from_batches([b]) for b in arrow_batches(con, query, parameters, ROW_GROUP))
        for table in batches if key == "region" else whole_keys(batches, names):
            counts.left_aligned += pc.sum(table["moved"]).as_py() or 0
            one = table if key == "region" else one_row_each(table, names, columns)
            counts.dropped["duplicate_" + key] += len(table) - len(one)
            counts.kept += len(one)
            counts.contigs += [c for c in pc.unique(one["chrom"]).to_pylist() if c not in counts.contigs]
            if columns and key == "allele":
                counts.without_value += one[columns[0].name].null_count
            writer.write_table(one.select(schema.names).cast(schema), row_group_size=ROW_GROUP)


def whole_keys(batches: Iterator[pa.Table], names: Sequence[str]) -> Iterator[pa.Table]:
    """The rows of sorted batches, cut so that all rows of one key stand in one table."""
    held: pa.Table | None = None
    for batch in batches:
        table = batch if held is None else pa.concat_tables([held, batch])
        starts = key_starts(table, names)
        if len(starts) == 1:
            held = table
            continue
        yield table.slice(0, int(starts[-1]))
        held = table.slice(int(starts[-1]))
    if held is not None and len(held):
        yield held


def key_starts(table: pa.Table, names: Sequence[str]) -> np.ndarray:
    """Rows of a sorted table at which another key begins, the first among them."""
    new = np.zeros(len(table), np.bool_)
    new[:1] = True
    for name in names:
        column = table[name].combine_chunks()
        if len(column) > 1:
            new[1:] |= _bools(pc.not_equal(column[1:], column[:-1]))
    return np.flatnonzero(new)


def one_row_each(table: pa.Table, names: Sequence[str], columns: Sequence[Column]) -> pa.Table:
    """One row of each key of a sorted table: the first, with the columns combined as they say."""
    starts = key_starts(table, names)
    if len(starts) == len(table):
        return table
    one = table.take(pa.array(starts))
    for column in columns:
        if column.combine == "first":
            continue
        values = table[column.name].combine_chunks()
        if column.type in ("number", "integer"):
            numbers = pc.cast(values, pa.float64()).to_numpy(zero_copy_only=False)
            best = pa.array(reduce_by(column.combine, numbers, starts), pa.float64(), from_pandas=True)
            combined = best.cast(ARROW_TYPES[column.type])
        else:
            ends = np.append(starts[1:], len(table))
            texts = [values.slice(a, b - a).to_pylist() for a, b in zip(starts, ends, strict=True)]
            combined = pa.array([join_text(part, column.combine) for part in texts], pa.string())
        one = one.set_column(one.schema.get_field_index(column.name), column.name, combined)
    return one
