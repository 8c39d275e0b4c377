"""Files that tell which bases of a person were seen: BED files of callable bases, BAM and CRAM files.

The sample sheet names them in its optional columns ``callable`` and ``alignment``.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import pandas as pd
import pysam

from endotype.cohort.findings import Findings
from endotype.cohort.sheet import resolve
from endotype.errors import InputError, Problem, input_error, visible

_COORDINATE = re.compile(r"\s*[0-9]{1,10}\s*")
_LARGEST = 2**31 - 1
_LOOKED_AT = 1000
"""Lines of a BED that the check of the inputs reads; the rest is checked where it is used."""


def check_coverage_files(
    sheet_path: str | Path, sheet: pd.DataFrame, fasta: str | None, findings: Findings
) -> None:
    """Open every file of the columns ``callable`` and ``alignment`` once; a person has one of each at most.

    Args:
        sheet_path: the sample sheet, to whose folder the paths are relative.
        sheet: its rows by line, as :func:`endotype.cohort.sheet.read_sheet` returns them.
        fasta: the run's reference, which CRAM files need.
        findings: gets the problems.
    """

    def open_bed(path: str) -> None:
        for _ in islice(bed_intervals(path), _LOOKED_AT):
            pass

    def open_reads(path: str) -> None:
        with open_alignment(path, fasta):
            pass

    openers: dict[str, Callable[[str], None]] = {"callable": open_bed, "alignment": open_reads}
    for column, opener in openers.items():
        given = sheet[sheet[column] != ""]
        opened: dict[str, tuple[int, str]] = {}
        of_patient: dict[str, tuple[int, str]] = {}
        for index, patient, text in zip(given.index, given["patient"], given[column], strict=True):
            line, path = int(index), resolve(text, sheet_path)
            first_line, first = of_patient.setdefault(patient, (line, path))
            if first != path:
                found = f"{visible(text)}, but another file of patient {visible(patient)} in row {first_line}"
                findings.problem(sheet_path, line, column, found, "one such file per patient")
            if path not in opened:
                opened[path] = line, patient
                _note(opener, path, sheet_path, line, column, findings)
            elif column == "alignment" and opened[path][1] != patient:
                other_line, other = opened[path]
                found = f"{visible(text)}, which is of patient {visible(other)} in row {other_line}"
                findings.problem(sheet_path, line, column, found, "one patient per alignment")


def _note(
    opener: Callable[[str], None],
    path: str,
    sheet_path: str | Path,
    line: int,
    column: str,
    findings: Findings,
) -> None:
    """Open a file; what is wrong with it as a whole is said of the cell that names it."""
    try:
        opener(path)
    except InputError as error:
        for p in error.problems:
            if p.row is None:
                p = Problem(
                    str(sheet_path), line, column, f"{visible(path)}: {p.found}", p.expected, p.suggestion
                )
            findings.problems.append(p)


def bed_intervals(path: str | Path) -> Iterator[tuple[int, str, int, int]]:
    """Line, contig, start and end (0-based, half-open) of each interval of a BED file, plain, gzip or bgzip.

    ``track``, ``browser``, blank and ``#`` lines are passed over, as are further columns.

    Raises:
        InputError: no such file, damaged, or at the first line that is not an interval.
    """
    for number, line in _lines(path):
        if not line.strip() or line.startswith(("#", "track", "browser")):
            continue
        cells = line.split("\t", 3) if "\t" in line else line.split(None, 3)
        if len(cells) < 3 or not all(map(_COORDINATE.fullmatch, cells[1:3])):
            found = f"the line {visible(line.rstrip(), 60)}"
            raise InputError(
                Problem(str(path), number, "", found, "contig, start and end, separated by tabs")
            )
        start, end = int(cells[1]), int(cells[2])
        if not start <= end <= _LARGEST:
            found = f"start {start}, end {end}"
            raise InputError(Problem(str(path), number, "", found, "0 <= start <= end"))
        yield number, cells[0], start, end


def _lines(path: str | Path) -> Iterator[tuple[int, str]]:
    try:
        with Path(path).open("rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
        with (gzip.open if packed else open)(path, "rt", encoding="utf-8") as stream:
            yield from enumerate(stream, start=1)
    except FileNotFoundError:
        raise input_error(path, "no such file", "a BED file") from None
    except (IsADirectoryError, PermissionError) as error:
        raise input_error(path, f"not readable ({error.strerror})", "a BED file") from None
    except (EOFError, zlib.error, gzip.BadGzipFile, UnicodeDecodeError) as error:
        raise input_error(path, f"a damaged file ({error})", "BED text, plain or gzip") from None


@contextmanager
def open_alignment(path: str | Path, fasta: str | Path | None = None) -> Iterator[pysam.AlignmentFile]:
    """Open an indexed BAM or CRAM file; a CRAM needs the reference its reads were written against.

    Raises:
        InputError: it can't be opened, is SAM text or has no index; or, while the block runs, is damaged.
    """
    pysam.set_verbosity(0)
    if not Path(path).exists():
        raise input_error(path, "no such file", "a BAM or CRAM file")
    try:
        # Closing a damaged file fails as well, so the whole block stands inside.
        with pysam.AlignmentFile(
            str(path), "r", reference_filename=str(fasta) if fasta else None
        ) as alignment:
            _check_use(alignment, Path(path), fasta is not None)
            yield alignment
    except (OSError, ValueError) as error:
        raise input_error(path, f"reads that can't be read ({error})", "a whole BAM or CRAM file") from None


def _check_use(alignment: pysam.AlignmentFile, path: Path, has_reference: bool) -> None:
    """See that reads can be fetched by place."""
    if not (alignment.is_bam or alignment.is_cram):
        raise input_error(path, "SAM text", "a BAM or CRAM file", "samtools sort -o OUT.bam")
    if alignment.is_cram and not has_reference:
        raise input_error(path, "a CRAM, and no reference FASTA", "reference.fasta, or a BAM")
    if not alignment.has_index():
        wanted = f"{path.name}.{'crai' if alignment.is_cram else 'bai'}"
        raise input_error(path, "no index beside the file", wanted, f"samtools index {path.name}")
