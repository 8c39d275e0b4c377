"""MAF files as text: which columns they have, by which names, and their rows a block at a time.

The Mutation Annotation Format names its columns in many ways: the GDC, cBioPortal, Firehose and MC3 differ
in case, in words and in what they leave out. This module finds the columns; what they mean is
:mod:`endotype.variants.maf`.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from endotype.cohort.assembly import canonical_assembly
from endotype.cohort.compression import DAMAGED, compression_of, damaged, open_stream
from endotype.errors import InputError, Problem, input_error, nearest, visible

COLUMNS: dict[str, tuple[str, ...]] = {
    "gene": ("Hugo_Symbol",),
    "build": ("NCBI_Build",),
    "chrom": ("Chromosome",),
    "start": ("Start_Position",),
    "end": ("End_Position",),
    "classification": ("Variant_Classification",),
    "ref": ("Reference_Allele",),
    "allele_1": ("Tumor_Seq_Allele1",),
    "allele_2": ("Tumor_Seq_Allele2",),
    "barcode": ("Tumor_Sample_Barcode",),
    "normal_barcode": ("Matched_Norm_Sample_Barcode",),
    "mutation_status": ("Mutation_Status",),
    "filter": ("FILTER",),
    "protein_change": ("HGVSp_Short", "Protein_Change", "Amino_Acid_Change"),
    "ref_reads": ("t_ref_count", "i_t_ref_count", "tumor_ref_reads"),
    "alt_reads": ("t_alt_count", "i_t_alt_count", "TVarCov", "tumor_var_reads", "tumors_var_reads"),
    "depth": ("t_depth", "i_t_depth", "TTotCov", "tumor_depth"),
    "vaf": ("t_vaf", "tumor_f", "i_tumor_f"),
    "vaf_percent": ("i_TumorVAF_WU", "TumorVAF_WU", "tumor_vaf"),
    "normal_ref_reads": ("n_ref_count", "i_n_ref_count", "normal_ref_reads"),
    "normal_alt_reads": ("n_alt_count", "i_n_alt_count", "NVarCov", "normal_var_reads"),
    "normal_depth": ("n_depth", "NTotCov", "normal_depth"),
}
"""What a column means -> the names it goes by, the preferred one first; case doesn't matter."""

REQUIRED = ("chrom", "start", "ref", "barcode")
"""Columns a MAF must have; besides, one of ``allele_1`` and ``allele_2``."""

_MISSING = pa.array(
    ["", ".", "-", "--", "NA", "N/A", "na", "nan", "NaN", "null", "NULL", "None", "[Not Available]"]
)
_BLOCK_BYTES = 8 << 20
_MAX_COMMENTS = 10_000


@dataclass(frozen=True)
class MafHeader:
    """Where a MAF's columns are.

    Attributes:
        path: the file.
        line: 1-based line of the column names.
        names: the column names as written.
        positions: meaning (a key of :data:`COLUMNS`) -> 0-based columns, the preferred one first.
    """

    path: str
    line: int
    names: tuple[str, ...]
    positions: dict[str, tuple[int, ...]]


def read_maf_header(path: str) -> MafHeader:
    """Find the columns of a MAF file, plain or gzip.

    Raises:
        InputError: no such file, damaged, not text, a VCF, or with every required column that is absent.
    """
    with closing(open_stream(path, compression_of(path, "a MAF table"))) as stream:
        try:
            for number in range(1, _MAX_COMMENTS + 1):
                raw = stream.readline(1 << 20)
                text = raw.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
                if text.startswith("##fileformat=VCF"):
                    raise input_error(path, "a VCF", "a MAF table", "a VCF has the file_type vcf")
                if not raw or (text.strip() and not text.startswith("#")):
                    break
        except UnicodeDecodeError:
            raise input_error(path, "bytes that are not UTF-8", "a MAF table, UTF-8 text") from None
        except DAMAGED as error:
            raise damaged(path, error) from None
    names = tuple(name.strip() for name in text.split("\t"))
    positions = _positions(names)
    problems = [
        Problem(path, number, name, f"the columns {visible(', '.join(names), 200)}", f"a column {name}", hint)
        for name, hint in _absent(names, positions)
    ]
    if problems:
        raise InputError(problems)
    return MafHeader(path, number, names, positions)


def _key(name: str) -> str:
    return re.sub(r"[\s.]+", "_", name.strip()).casefold()


def _positions(names: Sequence[str]) -> dict[str, tuple[int, ...]]:
    """Columns of each meaning; of names that differ only by case the one spelt as the format has it."""
    by_key: dict[str, int] = {}
    for position, name in enumerate(names):
        by_key.setdefault(_key(name), position)
    found = {}
    for meaning, synonyms in COLUMNS.items():
        places = [
            names.index(name) if name in names else by_key[_key(name)]
            for name in synonyms
            if _key(name) in by_key
        ]
        if places:
            found[meaning] = tuple(dict.fromkeys(places))
    return found


def _absent(names: Sequence[str], positions: dict[str, tuple[int, ...]]) -> Iterator[tuple[str, str]]:
    """Required columns that are not there, each with the name that was perhaps meant."""
    known = {position for places in positions.values() for position in places}
    others = [name for position, name in enumerate(names) if position not in known]
    absent = [COLUMNS[meaning][0] for meaning in REQUIRED if meaning not in positions]
    if "allele_1" not in positions and "allele_2" not in positions:
        absent.append("Tumor_Seq_Allele2")
    for name in absent:
        word = nearest(name, others)
        hint = f"did you mean it by {visible(word)}?" if word else ""
        if len(names) == 1:
            hint = "columns are separated by tabs"
        yield name, hint


@dataclass
class MafRows:
    """The rows of a MAF, as text, a block at a time.

    Iterating gives tables with one column per wanted meaning that the file has, cells without outer blanks;
    of several columns with one meaning the first cell that isn't missing. The index is the line of the file.
    Rows that don't have as many cells as the header are not among them but in ``ragged`` (line, cells);
    blank lines are passed over and counted in ``blank``.
    """

    header: MafHeader
    wanted: Sequence[str]
    ragged: list[tuple[int, int]] = field(default_factory=list)
    blank: int = 0

    def __iter__(self) -> Iterator[pd.DataFrame]:
        header = self.header
        meanings = [meaning for meaning in self.wanted if meaning in header.positions]
        places = sorted({place for meaning in meanings for place in header.positions[meaning]})
        columns = [str(place) for place in range(len(header.names))]
        self.ragged.clear()
        self.blank = 0
        if len(columns) == 1:
            return
        path = header.path
        try:
            with closing(_open(path)) as stream:
                reader = pyarrow.csv.open_csv(
                    stream,
                    read_options=pyarrow.csv.ReadOptions(
                        skip_rows=header.line,
                        column_names=columns,
                        use_threads=False,  # with threads, rows with too many cells have no number
                        block_size=_BLOCK_BYTES,
                    ),
                    parse_options=pyarrow.csv.ParseOptions(
                        delimiter="\t",
                        quote_char=False,
                        ignore_empty_lines=False,  # or lines could not be counted
                        invalid_row_handler=self._note,
                    ),
                    convert_options=pyarrow.csv.ConvertOptions(
                        column_types={str(place): pa.string() for place in places},
                        include_columns=[str(place) for place in places],
                        strings_can_be_null=False,
                    ),
                )
                line = header.line + 1
                for batch in reader:
                    lines, line = self._lines(line, len(batch))
                    cells = {p: pc.utf8_trim_whitespace(batch.column(str(p))) for p in places}
                    frame = pd.DataFrame(
                        {m: _coalesce([cells[p] for p in header.positions[m]]) for m in meanings},
                        index=pd.Index(lines, name="line"),
                    ).astype("str")
                    blank = (frame == "").all(axis=1)
                    self.blank += int(blank.sum())
                    yield frame[~blank]
        except DAMAGED as error:
            raise damaged(path, error) from None
        except pa.ArrowInvalid as error:
            found = (
                "bytes that are not UTF-8" if "UTF8" in str(error) else f"text that can't be read ({error})"
            )
            raise input_error(path, found, "a MAF table, UTF-8 text") from None

    def _note(self, row: pyarrow.csv.InvalidRow) -> str:
        self.ragged.append((int(row.number), int(row.actual_columns)))
        return "skip"

    def _lines(self, first: int, n: int) -> tuple[np.ndarray, int]:
        """Lines of the next ``n`` whole rows from line ``first`` on, and the line after them."""
        ragged = np.array([line for line, _ in self.ragged if line >= first], dtype=np.int64)
        lines = np.arange(first, first + n + len(ragged), dtype=np.int64)
        lines = lines[~np.isin(lines, ragged)][:n]
        return lines, int(lines[-1]) + 1 if n else first


def _open(path: str) -> pa.NativeFile:
    if compression_of(path) == "plain":
        return pa.OSFile(path)
    return pa.PythonFile(gzip.open(Path(path), "rb"), mode="r")


def _coalesce(columns: Sequence[pa.Array]) -> pa.Array:
    """Cell by cell the first of several columns that isn't missing."""
    first = columns[0]
    for other in columns[1:]:
        first = pc.if_else(pc.is_in(first, _MISSING), other, first)
    return first


@dataclass(frozen=True)
class MafSurvey:
    """Who is in a MAF, and on which assembly: barcodes, and words for the build, with their first lines."""

    barcodes: dict[str, int]
    builds: dict[str, int]


def survey_maf(path: str) -> MafSurvey:
    """Read the barcodes and builds of a whole MAF.

    Raises:
        InputError: the file can't be read or lacks a required column.
    """
    rows = MafRows(read_maf_header(path), ("barcode", "build", "chrom"))
    barcodes: dict[str, int] = {}
    builds: dict[str, int] = {}
    for frame in rows:
        for column, seen in (("barcode", barcodes), ("build", builds)):
            if column in frame:
                firsts = frame[column].drop_duplicates()
                for line, text in zip(firsts.index, firsts, strict=True):
                    seen.setdefault(str(text), int(line))
    return MafSurvey(barcodes, builds)


def assembly_of_maf(word: str) -> str:
    """``GRCh37`` for ``37``, ``hg19``, ``GRCh37-lite``; a word that isn't known as it is written."""
    number = f"GRCh{word}" if word in ("37", "38") else word
    return canonical_assembly(number) or word
