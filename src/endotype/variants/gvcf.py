"""What a gVCF says beside its variants: where a person was seen to have the reference, and how well.

A VCF is silent on sites without a variant; a gVCF tiles them with blocks of homozygous reference. Kept
as a table, the blocks answer, for a variant that others carry, whether this person has the reference there
or was not covered (:class:`BlockLookup`), and what part of a gene could have shown a variant
(:mod:`endotype.variants.callability`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pysam

from endotype import bcftools
from endotype.errors import input_error
from endotype.variants.interval_kernels import UNKNOWN, covering
from endotype.variants.intervals import Intervals, bases_within
from endotype.variants.row_groups import row_group_writer

SCHEMA = pa.schema(
    [
        ("patient", pa.string()),
        ("chrom", pa.string()),
        ("start", pa.int32()),
        ("end", pa.int32()),
        ("depth", pa.int32()),
        ("quality", pa.int32()),
        ("reference", pa.bool_()),
    ]
)
"""Columns of a table of blocks. 1-based, inclusive; depth and quality null when not given."""

ROW_GROUP = 1 << 15
"""Rows of a row group: small enough that a window of a contig is read without much around it."""

_HEADER = re.compile(r"^##(ALT=<ID=(NON_REF|\*)[,>]|GVCFBlock|INFO=<ID=BLOCKAVG_)", re.MULTILINE)
_ANY_OTHER = ("<NON_REF>", "<*>")
_LOOKED_AT = 2000
_SMALL_VARIANT = r"^(?:[A-Za-z*]+|<NON_REF>|<\*>)(?:,(?:[A-Za-z*]+|<NON_REF>|<\*>))*$"
_VALUES = ("MIN_DP", "DP", "GQ", "RGQ", "GQX")
_NO_CALL, _HOM_REF, _VARIANT = range(3)


def is_gvcf(path: str | Path, name: str | Path | None = None) -> bool:
    """Whether a VCF or BCF has reference blocks: its header announces them, and its first records show one.

    The header alone proves nothing: a joint VCF made from gVCFs keeps their lines. `name` is the file as the
    user knows it, where `path` is a copy of it.

    Raises:
        InputError: the header or the first records can't be read.
    """
    with _opened(path, drop_samples=True, name=name) as records:
        announced = _HEADER.search(str(records.header)) is not None
        return announced and any(_is_block(r) for r in islice(records, _LOOKED_AT))


@contextmanager
def _opened(
    path: str | Path, drop_samples: bool, name: str | Path | None = None
) -> Iterator[pysam.VariantFile]:
    pysam.set_verbosity(0)
    try:
        with pysam.VariantFile(str(path), drop_samples=drop_samples) as records:
            yield records
    except (ValueError, OSError, NotImplementedError) as error:
        found = f"a file that can't be read ({error})"
        raise input_error(name or path, found, "a whole VCF or BCF file") from None


def _is_block(record: pysam.VariantRecord) -> bool:
    if record.alts is None:
        return record.rlen > 1
    return len(record.alts) == 1 and record.alts[0] in _ANY_OTHER


def read_blocks(path: str | Path, patients: Sequence[str]) -> pa.Table:
    """The calls of a gVCF as one table (:data:`SCHEMA`), sorted by contig of the file, start and patient.

    ``reference`` is true for blocks: records whose only ALT is ``<NON_REF>``, ``<*>`` or ``.``, from POS to
    END, where the genotype is homozygous reference. Depth is MIN_DP, else DP; quality is GQ, else RGQ, else
    GQX. ``reference`` is false for small variants with a complete genotype of any kind, from POS to the
    end of REF. Calls that are missing, or missing in part, are no rows: nothing is known there.

    Args:
        path: VCF or BCF that bcftools can read.
        patients: samples to read; others are passed over.

    Raises:
        InputError: the file can't be read.
    """
    tables = list(_tables(path, patients))
    return pa.concat_tables(tables) if tables else SCHEMA.empty_table()


def write_blocks(path: str | Path, patients: Sequence[str], out: str | Path) -> int:
    """Write :func:`read_blocks` as Parquet in bounded memory; return the number of reference blocks.

    A file that is no gVCF (:func:`is_gvcf`) gives a table without rows.
    """
    n_blocks = 0
    with row_group_writer(out, SCHEMA, ROW_GROUP) as append:
        for table in _tables(path, patients) if is_gvcf(path) else ():
            append(table)
            n_blocks += pc.sum(table["reference"]).as_py() or 0
    return n_blocks


def rows_touching(path: str | Path, regions: Mapping[str, Intervals]) -> pa.Table:
    """The rows of a table of blocks that share a base with the regions (contig -> disjoint intervals)."""
    kept = []
    with pq.ParquetFile(path, read_dictionary=["patient", "chrom"]) as parquet:
        empty = parquet.schema_arrow.empty_table()
        for group in range(parquet.num_row_groups):
            table = parquet.read_row_group(group, use_threads=False)
            contigs = table["chrom"].combine_chunks()
            codes, start, end = contigs.indices.to_numpy(), table["start"].to_numpy(), table["end"].to_numpy()
            touching = np.zeros(len(table), bool)
            for code, chrom in enumerate(contigs.dictionary.to_pylist()):
                if chrom in regions:
                    rows = np.flatnonzero(codes == code)
                    touching[rows] = bases_within(start[rows], end[rows], *regions[chrom]) > 0
            kept.append(table.filter(pa.array(touching)))
    return pa.concat_tables(kept) if kept else empty


def _tables(path: str | Path, patients: Sequence[str]) -> Iterator[pa.Table]:
    """Rows of successive parts of the file. bcftools prints the fields, Arrow parses them."""
    with _opened(path, drop_samples=False) as records:
        samples = list(map(str, records.header.samples))
    fixed = ["chrom", "pos", "end", "ref", "alt"]
    wanted = [(name, i) for i, name in enumerate(samples) if name in set(patients)]
    columns = {f"{tag}{i}": pa.float64() for _, i in wanted for tag in _VALUES}
    types = {
        "chrom": pa.string(),
        "pos": pa.int32(),
        "end": pa.int32(),
        "ref": pa.string(),
        "alt": pa.string(),
    }
    types |= {f"GT{i}": pa.string() for _, i in wanted} | columns
    names = fixed + [f"{tag}{i}" for i in range(len(samples)) for tag in ("GT", *_VALUES)]
    per_sample = "".join(f"\\t%{tag}" for tag in ("GT", *_VALUES))
    query = "%CHROM\\t%POS\\t%END\\t%REF\\t%ALT" + (f"[{per_sample}]" if samples else "") + "\\n"
    try:
        # Without a named output, query of the pysam wheel frees its standard output twice when it ends.
        with bcftools.stream("query", "-u", "-o", "/dev/stdout", "-f", query, str(path)) as text:
            try:
                batches = pa_csv.open_csv(
                    text,
                    pa_csv.ReadOptions(column_names=names, use_threads=False, block_size=1 << 22),
                    pa_csv.ParseOptions(delimiter="\t", quote_char=False),
                    pa_csv.ConvertOptions(
                        column_types=types,
                        include_columns=list(types),
                        null_values=["."],
                        strings_can_be_null=False,
                    ),
                )
            except pa.ArrowInvalid as error:
                if "Empty CSV" in str(error):
                    return
                raise
            for batch in batches:
                yield _rows(batch, wanted)
    except (bcftools.BcftoolsError, pa.ArrowInvalid) as error:
        last = str(error).strip().splitlines()[-1]
        raise input_error(path, f"records that can't be read ({last})", "a whole gVCF") from None


def _rows(batch: pa.RecordBatch, wanted: Sequence[tuple[str, int]]) -> pa.Table:
    """The rows of one part of the file, record by record, patients in order."""
    alt = batch["alt"]
    is_block = pc.is_in(alt, value_set=pa.array([*_ANY_OTHER, "."])).to_numpy(zero_copy_only=False)
    is_variant = pc.match_substring_regex(alt, _SMALL_VARIANT).to_numpy(zero_copy_only=False) & ~is_block
    pos = batch["pos"].to_numpy()
    ref_end = pos + pc.utf8_length(batch["ref"]).to_numpy() - 1
    end = np.where(is_block, batch["end"].to_numpy(), ref_end)
    patients = sorted(name for name, _ in wanted)
    records, people, depths, qualities, references = [], [], [], [], []
    for name, i in wanted:
        call = _kind_of_call(batch[f"GT{i}"])
        reference = is_block & (call == _HOM_REF)
        chosen = np.flatnonzero(reference | (is_variant & (call != _NO_CALL)))
        records.append(chosen)
        people.append(np.full(len(chosen), patients.index(name)))
        depths.append(_first_given(batch, i, ("MIN_DP", "DP"))[chosen])
        qualities.append(_first_given(batch, i, ("GQ", "RGQ", "GQX"))[chosen])
        references.append(reference[chosen])
    if not wanted:
        return SCHEMA.empty_table()
    record, patient = np.concatenate(records), np.concatenate(people)
    order = np.lexsort((patient, record))
    record = record[order]
    return pa.table(
        [
            pa.array(patients).take(pa.array(patient[order])),
            batch["chrom"].take(pa.array(record)),
            pos[record],
            end[record].astype(np.int32),
            _whole_numbers(np.concatenate(depths)[order]),
            _whole_numbers(np.concatenate(qualities)[order]),
            np.concatenate(references)[order],
        ],
        schema=SCHEMA,
    )


def _kind_of_call(genotypes: pa.Array) -> np.ndarray:
    """int8: no (complete) call, homozygous reference, or anything else. Few words name all genotypes."""
    encoded = genotypes.dictionary_encode()
    kinds = []
    for word in encoded.dictionary.to_pylist():
        alleles = set(re.split(r"[/|]", word))
        kinds.append(_NO_CALL if "." in alleles else _HOM_REF if alleles == {"0"} else _VARIANT)
    return np.array(kinds, np.int8)[encoded.indices.to_numpy()]


def _first_given(batch: pa.RecordBatch, sample: int, tags: Sequence[str]) -> np.ndarray:
    """Of several fields the first that a call has, float64; NaN where it has none."""
    return pc.coalesce(*(batch[f"{tag}{sample}"] for tag in tags)).to_numpy(zero_copy_only=False)


def _whole_numbers(values: np.ndarray) -> pa.Array:
    given = np.isfinite(values)
    whole = np.clip(np.floor(np.where(given, values, 0)), 0, 2**31 - 1).astype(np.int32)
    return pa.array(whole, mask=~given)


@dataclass(frozen=True)
class _Window:
    """The blocks of all patients in one window of a contig, in the form of :func:`covering`."""

    chrom: str
    low: int
    high: int
    offsets: np.ndarray
    start: np.ndarray
    end: np.ndarray
    reach: np.ndarray
    depth: np.ndarray
    quality: np.ndarray

    def holds(self, chrom: str, start: int, end: int) -> bool:
        """Whether all of an interval is inside."""
        return self.chrom == chrom and self.low <= start and end <= self.high

    def covering(self, start: int, end: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """See :meth:`BlockLookup.covering`."""
        columns = self.offsets, self.start, self.end, self.reach, self.depth, self.quality
        return covering(*columns, start, end)


class BlockLookup:
    """Who has the reference at a place, by the blocks of several files.

    Only a window of a contig is held; it moves when a place outside it is asked for, so ask in ascending
    order. Its width follows from how many blocks there are.

    Args:
        paths: Parquet files of :func:`write_blocks`. A patient may be in several.
        patients: whom the answers are about, in their order.
        max_rows: about how many blocks are held.
    """

    def __init__(
        self, paths: Sequence[str | Path], patients: Sequence[str], max_rows: int = 1_000_000
    ) -> None:
        self._patients = {patient: number for number, patient in enumerate(patients)}
        self._max_rows = max_rows
        self._files = [(str(path), pq.read_metadata(path)) for path in paths]
        self._groups = [
            (file, group, *_extent(metadata.row_group(group)), metadata.row_group(group).num_rows)
            for file, (_, metadata) in enumerate(self._files)
            for group in range(metadata.num_row_groups)
        ]
        self._window: _Window | None = None

    def covering(self, chrom: str, start: int, end: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Whose blocks of homozygous reference hold every base of ``start .. end`` (1-based, inclusive).

        Returns:
            covered bool (n,); depth and quality int32 (n,), the smallest of the blocks that overlap, -1 where
            no block gives one or the place is not covered. A block of depth 0 covers nothing.
        """
        if self._window is None or not self._window.holds(chrom, start, end):
            self._window = self._load(chrom, start, end)
        return self._window.covering(start, end)

    def _load(self, chrom: str, start: int, end: int) -> _Window:
        width = 1 << 28
        while width > 1 << 13 and self._count(chrom, start, start + width) > self._max_rows:
            width //= 2
        high = max(end, start + width)
        parts = [
            self._read(file, groups, chrom, start, high) for file, groups in self._near(chrom, start, high)
        ]
        columns = [np.concatenate(column) for column in zip(*parts, strict=True)] if parts else _nothing()
        order = np.lexsort((columns[1], columns[0]))
        patient, first, last, depth, quality = (column[order] for column in columns)
        offsets = np.searchsorted(patient, np.arange(len(self._patients) + 1))
        reach = np.empty_like(last)
        for p in range(len(self._patients)):
            mine = slice(offsets[p], offsets[p + 1])
            np.maximum.accumulate(last[mine], out=reach[mine])
        return _Window(chrom, start, high, offsets, first, last, reach, depth, quality)

    def _count(self, chrom: str, start: int, end: int) -> float:
        """About how many rows are in a window."""
        return sum(
            rows * (min(end, high) - max(start, low) + 1) / (high - low + 1)
            for _, _, first, last, low, high, rows in self._groups
            if first <= chrom <= last and low <= end and start <= high
        )

    def _near(self, chrom: str, start: int, end: int) -> list[tuple[int, list[int]]]:
        """Files and their row groups that may have rows in a window."""
        found: dict[int, list[int]] = {}
        for file, group, first, last, low, high, _ in self._groups:
            if first <= chrom <= last and low <= end and start <= high:
                found.setdefault(file, []).append(group)
        return list(found.items())

    def _read(self, file: int, groups: list[int], chrom: str, start: int, end: int) -> list[np.ndarray]:
        path, metadata = self._files[file]
        with pq.ParquetFile(path, metadata=metadata, read_dictionary=["patient", "chrom"]) as parquet:
            table = parquet.read_row_groups(groups, use_threads=False)
        here = pc.and_(pc.equal(table["chrom"].cast(pa.string()), chrom), table["reference"])
        here = pc.and_(
            here, pc.and_(pc.less_equal(table["start"], end), pc.greater_equal(table["end"], start))
        )
        table = table.filter(here).combine_chunks()
        names = table["patient"].combine_chunks()
        numbers = np.array([self._patients.get(n, -1) for n in names.dictionary.to_pylist()], np.int64)
        patient = numbers[names.indices.to_numpy()] if len(table) else np.empty(0, np.int64)
        known = patient >= 0
        values = [
            pc.fill_null(table[c], UNKNOWN).to_numpy()[known] for c in ("start", "end", "depth", "quality")
        ]
        return [patient[known], *values]


def _nothing() -> list[np.ndarray]:
    return [np.empty(0, np.int64), *(np.empty(0, np.int32) for _ in range(4))]


def _extent(group: pq.RowGroupMetaData) -> tuple[str, str, int, int]:
    """First and last contig name, least start and largest end of the rows of a row group."""
    chrom, start, end = (
        group.column(SCHEMA.get_field_index(c)).statistics for c in ("chrom", "start", "end")
    )
    return chrom.min, chrom.max, start.min, end.max
