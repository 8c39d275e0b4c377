"""The text of a VCF file: its header, and its records without their genotypes."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import pysam

from endotype.cohort.survey import Site, Survey, affordable
from endotype.errors import InputError, Problem, input_error, visible

FIXED_COLUMNS = ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO"]

_MAX_BAD_RECORDS = 5
_QUALITY = re.compile(rb"\.|[-+]?((\d+\.?\d*|\.\d+)(e[-+]?\d+)?|nan|inf(inity)?)", re.IGNORECASE)


@dataclass(frozen=True)
class Header:
    """A VCF header: contigs with lengths, what it says of the assembly, samples, and its size."""

    contigs: dict[str, int | None]
    build_words: tuple[str, ...]
    samples: tuple[str, ...]
    n_columns: int
    n_lines: int


def read_header(path: str, stream: BinaryIO, needs_samples: bool) -> Header:
    """Read a header and leave the stream at the first record.

    Raises:
        InputError: not VCF 4, no #CHROM line, no samples although they are needed, a sample twice.
    """
    first = stream.readline(4096).decode("utf-8", "replace").rstrip("\r\n")
    match = re.match(r"##fileformat=VCFv(\d+)\.(\d+)", first)
    if not match:
        found = f"the first line {visible(first, 60)}"
        if first.startswith("#CHROM"):
            found = "no header lines above the #CHROM line"
        raise input_error(path, found, "a VCF file, which begins with ##fileformat=VCFv4")
    if match[1] != "4":
        raise input_error(path, f"VCF version {match[1]}.{match[2]}", "VCF version 4", "convert the file")
    contigs: dict[str, int | None] = {}
    words: list[str] = []
    for number, raw in enumerate(iter(stream.readline, b""), start=2):
        line = raw.decode("utf-8", "replace").rstrip("\r\n")
        if line.startswith("##"):
            note_meta(line, contigs, words)
            continue
        if line.startswith("#CHROM"):
            samples = _column_line(path, number, line, needs_samples)
            n_columns = 9 + len(samples) if samples or "\tFORMAT" in line else 8
            return Header(contigs, tuple(dict.fromkeys(words)), samples, n_columns, number)
        raise InputError(
            Problem(
                path, number, "", f"the line {visible(line, 60)}", "the #CHROM line before the first record"
            )
        )
    raise input_error(path, "no #CHROM line", "a VCF header that ends with the #CHROM line")


def note_meta(line: str, contigs: dict[str, int | None], words: list[str]) -> None:
    """Take contigs, and words about the assembly, from one line of a header."""
    if line.startswith("##contig=<"):
        name = re.search(r"[<,]ID=([^,>]+)", line)
        if name:
            length = re.search(r"[<,]length=(\d+)", line)
            contigs[name[1]] = int(length[1]) if length else None
        assembly = re.search(r"[<,]assembly=\"?([^,>\"]+)", line)
        if assembly:
            words.append(assembly[1])
    elif line.startswith("##reference="):
        words.append(line.removeprefix("##reference=").strip())


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
    if needs_samples and not samples:
        problems.append(Problem(path, number, "#CHROM", "a VCF without samples", "a VCF with genotypes"))
    if problems:
        raise InputError(problems)
    return tuple(samples)


def survey_lines(path: str, stream: BinaryIO, header: Header, limit: int | None) -> Survey:
    """Read records as text, all or the first ``limit``; check the number of columns, POS and QUAL of each.

    Raises:
        InputError: with the rows of the first faulty records.
    """
    survey = Survey()
    problems: list[Problem] = []
    n_tabs = header.n_columns - 1
    lines = enumerate(iter(stream.readline, b""), start=header.n_lines + 1)
    for number, line in itertools.islice(lines, limit):
        if not line.strip():
            continue
        cells = line.split(b"\t", 6)
        tabs = line.count(b"\t")
        if tabs != n_tabs:
            found = f"{tabs + 1} columns"
            problems.append(Problem(path, number, "", found, f"{n_tabs + 1} columns, as in the #CHROM line"))
        elif not cells[1].isdigit():
            found = visible(cells[1].decode("utf-8", "replace"))
            problems.append(Problem(path, number, "POS", found, "a position, a whole number"))
        elif not _QUALITY.fullmatch(cells[5]):
            found = visible(cells[5].decode("utf-8", "replace"))
            problems.append(Problem(path, number, "QUAL", found, "a number, or . for none"))
        else:
            survey.add(
                Site(cells[0].decode("utf-8", "replace"), int(cells[1]), cells[3].decode("utf-8", "replace"))
            )
        if len(problems) >= _MAX_BAD_RECORDS:
            break
    if problems:
        raise InputError(problems)
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
