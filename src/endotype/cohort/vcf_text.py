"""The text of a VCF file: its header, and its records as lines."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import pysam

from endotype.cohort.survey import Survey, affordable
from endotype.cohort.vcf_header import Declarations, check_meta, parse_version
from endotype.cohort.vcf_record import RecordChecker
from endotype.cohort.vcf_spec import Defects
from endotype.errors import InputError, Problem, input_error, visible

FIXED_COLUMNS = ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO"]

_MAX_BAD_RECORDS = 1000
"""After so many errors a file is not read on."""


@dataclass
class Contigs:
    """What the contig lines of a header say.

    Attributes:
        lengths: contig -> length in bp, ``None`` where none is given.
        md5s: contig -> MD5 of its sequence, in lower case, for those that have one.
        build_words: what the header says of the assembly (``##reference``, ``assembly=``).
    """

    lengths: dict[str, int | None]
    md5s: dict[str, str]
    build_words: list[str]

    def note(self, line: str) -> None:
        """Take what one line of a header says."""
        if line.startswith("##contig=<"):
            name = re.search(r"[<,]ID=([^,>]+)", line)
            if name:
                length = re.search(r"[<,]length=(\d+)", line)
                self.lengths[name[1]] = int(length[1]) if length else None
                if md5 := re.search(r"[<,](?:md5|M5)=\"?([0-9A-Fa-f]{32})\b", line):
                    self.md5s[name[1]] = md5[1].lower()
            assembly = re.search(r"[<,]assembly=\"?([^,>\"]+)", line)
            if assembly:
                self.build_words.append(assembly[1])
        elif line.startswith("##reference="):
            self.build_words.append(line.removeprefix("##reference=").strip())


@dataclass(frozen=True)
class Header:
    """A VCF header: its contigs, samples and declarations, and its size."""

    contigs: Contigs
    samples: tuple[str, ...]
    declared: Declarations
    n_columns: int
    n_lines: int


def read_header(path: str, stream: BinaryIO, needs_samples: bool, defects: Defects) -> Header:
    """Read a header and leave the stream at the first record.

    Raises:
        InputError: not VCF 4, no #CHROM line, no samples although they are needed, a sample twice.
    """
    first = stream.readline(4096).decode("utf-8", "replace").rstrip("\r\n")
    version = parse_version(first)
    if version is None:
        found = f"the first line {visible(first, 60)}"
        if first.startswith("#CHROM"):
            found = "no header lines above the #CHROM line"
        raise input_error(path, found, "a VCF file, which begins with ##fileformat=VCFv4.2 or the like")
    if version[0] != 4:
        raise input_error(path, f"VCF version {version[0]}.{version[1]}", "VCF version 4", "convert the file")
    contigs, declared = Contigs({}, {}, []), Declarations(version)
    for number, raw in enumerate(iter(stream.readline, b""), start=2):
        line = raw.decode("utf-8", "replace").rstrip("\r\n")
        if line.startswith("##"):
            contigs.note(line)
            check_meta(line, number, declared, defects)
            continue
        if line.startswith("#CHROM"):
            samples = _column_line(path, number, line, needs_samples)
            note_last_line(raw, number, defects)
            return Header(contigs, samples, declared, 9 + len(samples) if samples else 8, number)
        raise InputError(
            Problem(
                path, number, "", f"the line {visible(line, 60)}", "the #CHROM line before the first record"
            )
        )
    raise input_error(path, "no #CHROM line", "a VCF header that ends with the #CHROM line")


def note_last_line(line: bytes, number: int | None, defects: Defects) -> None:
    """Warn of a line without an end: it is the last one, and perhaps only a part of it is there."""
    if not line.endswith(b"\n"):
        expected = "a line end; if the file was cut off, records are missing"
        defects.warn(number, "", "no line end after the last line", expected)


def _column_line(path: str, number: int, line: str, needs_samples: bool) -> tuple[str, ...]:
    cells = line.split("\t")
    if len(cells) < 8 and len(line.split()) >= 8:
        raise InputError(
            Problem(path, number, "#CHROM", "columns separated by blanks", "columns separated by tabs")
        )
    if cells[:8] != FIXED_COLUMNS or (len(cells) > 8 and cells[8] not in ("FORMAT", "")):
        raise InputError(
            Problem(
                path, number, "#CHROM", visible(" ".join(cells[:9])), " ".join([*FIXED_COLUMNS, "FORMAT"])
            )
        )
    samples = cells[9:]
    problems = []
    if "" in cells:
        problems.append(
            Problem(path, number, "#CHROM", "an empty name (a trailing tab?)", "a name in every column")
        )
    problems += [
        Problem(path, number, "#CHROM", f"the sample {visible(name)} twice", "each sample once")
        for name in dict.fromkeys(name for name in samples if name and samples.count(name) > 1)
    ] if len(set(samples)) < len(samples) else []  # fmt: skip
    if len(cells) == 9 and not problems:
        problems.append(
            Problem(path, number, "#CHROM", "the column FORMAT without samples", "samples after it")
        )
    elif needs_samples and not samples:
        problems.append(Problem(path, number, "#CHROM", "a VCF without samples", "a VCF with genotypes"))
    if problems:
        raise InputError(problems)
    return tuple(samples)


def survey_lines(
    stream: BinaryIO, header: Header, checker: RecordChecker, limit: int | None, defects: Defects
) -> Survey:
    """Read records as text, all or the first ``limit``, and check each.

    Raises:
        InputError: with the rows of the first faulty records and the count of the others.
    """
    survey = Survey()
    lines = enumerate(iter(stream.readline, b""), start=header.n_lines + 1)
    for number, line in itertools.islice(lines, limit):
        if site := checker.check(line.rstrip(b"\r\n"), number):
            survey.add(site)
        if not line.endswith(b"\n"):
            note_last_line(line, number, defects)
        if defects.n_errors >= _MAX_BAD_RECORDS:
            break
    defects.raise_if_any()
    return survey


def check_values(path: str, header: Header) -> None:
    """Parse the first records whole: a value that isn't of its declared type ends every later step.

    htslib can't read plain gzip record by record from Python; such a file is parsed when it is normalised.
    """
    pysam.set_verbosity(0)
    n_read = 0
    try:
        with pysam.VariantFile(path) as vcf:
            for _ in itertools.islice(vcf, affordable(len(header.samples))):
                n_read += 1
    except (ValueError, OSError, NotImplementedError):
        raise InputError(
            Problem(
                path,
                header.n_lines + n_read + 1,
                "",
                "a record that can't be parsed",
                "INFO and FORMAT values of the types which the header declares",
                f"bcftools view {Path(path).name} > /dev/null says which value it is",
            )
        ) from None
