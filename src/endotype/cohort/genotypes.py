"""From the sample sheet to the variant files: which file holds whom, and whether the files go together."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import pandas as pd

from endotype.cohort.contigs import MappedFile, map_contigs
from endotype.cohort.findings import Findings
from endotype.cohort.reference import Reference
from endotype.cohort.sheet import COVERAGE_COLUMNS, SHEET_COLUMNS, resolve
from endotype.cohort.variant_file import VariantFile, inspect, last_position
from endotype.errors import InputError, Problem, input_error, nearest, visible
from endotype.files import fingerprint
from endotype.ids import fold

SAMPLES_COLUMNS = [*SHEET_COLUMNS, "file", *COVERAGE_COLUMNS]
_SEARCHED = 20
"""For so many absent samples the nearest name is searched; it takes long in a large file."""

FILES_COLUMNS = [
    "file", "path", "form", "index", "n_samples", "contigs", "contig_renames", "contigs_outside",
    "fingerprint",
]  # fmt: skip


@dataclass(frozen=True)
class Genotypes:
    """The variant files of a cohort.

    Attributes:
        samples: one row per person and variant file, columns :data:`SAMPLES_COLUMNS`, by patient and file.
        files: one row per variant file, columns :data:`FILES_COLUMNS`, in the order of the sheet.
        inspected: what was seen in the files that could be read, in the same order, under the contig names
            of the reference.
    """

    samples: pd.DataFrame
    files: pd.DataFrame
    inspected: tuple[MappedFile, ...]


def read_genotypes(
    sheet_path: str | Path,
    sheet: pd.DataFrame,
    reference: Reference | None,
    excerpt: bool,
    findings: Findings,
) -> Genotypes:
    """Open every file the sheet names, find every sample in its header, and lay the files side by side.

    Args:
        sheet_path: the sample sheet.
        sheet: its rows, as :func:`~endotype.cohort.sheet.read_sheet` returns them.
        reference: the FASTA whose contig names the files get; ``None`` leaves them.
        excerpt: it holds only the first part of each contig.
        findings: gets what is wrong.
    """
    paths_of = _FileSets(findings)
    rows: list[tuple[int, tuple[str, ...], str]] = []  # line, files, path of list or file as resolved
    for row in sheet.itertuples():
        opened = resolve(str(row.path), sheet_path)
        rows.append((int(str(row.Index)), paths_of(opened, str(row.file_type)), opened))
    order = {
        path: number for number, path in enumerate(dict.fromkeys(p for _, paths, _ in rows for p in paths))
    }
    inspected = {path: file for path in order if (file := findings.attempt(inspect, path)) is not None}
    mapped = {path: map_contigs(file, reference, excerpt, findings) for path, file in inspected.items()}
    for file in inspected.values():
        findings.warnings += file.warnings
    inspected = {path: each.file for path, each in mapped.items()}
    names = {path: set(file.samples) for path, file in inspected.items()}
    overlaps = _Overlaps()
    _check_lists(paths_of.lists, inspected, overlaps, findings)
    _check_presence(sheet_path, sheet, rows, names, findings)
    _check_overlaps(sheet_path, sheet, rows, inspected, overlaps, findings)
    _warn_of_left_out(sheet, rows, names, findings)
    samples = pd.DataFrame(
        [
            (*cells, order[opened], *(resolve(text, sheet_path) if text else "" for text in coverage))
            for (_, paths, _), cells, coverage in zip(
                rows,
                sheet[SHEET_COLUMNS].itertuples(index=False),
                sheet[COVERAGE_COLUMNS].itertuples(index=False),
                strict=True,
            )
            for opened in paths
        ],
        columns=SAMPLES_COLUMNS,
    ).astype({name: "int64" if name == "file" else "str" for name in SAMPLES_COLUMNS})
    files = pd.DataFrame(
        [(order[path], *_described(each)) for path, each in mapped.items()], columns=FILES_COLUMNS
    ).astype({name: "int64" if name in ("file", "n_samples") else "str" for name in FILES_COLUMNS})
    return Genotypes(
        samples.sort_values(["patient", "file"], ignore_index=True), files, tuple(mapped.values())
    )


def _described(mapped: MappedFile) -> tuple[str, str, str, int, str, str, str, str]:
    """A file's row in the table of files, without its number."""
    file = mapped.file
    contigs = [name for name in file.contigs if name not in mapped.outside]
    renames = json.dumps(mapped.renames, sort_keys=True)
    return (
        file.path, file.form, file.index or "", len(file.samples), ",".join(contigs), renames,
        ",".join(mapped.outside), fingerprint(file.path),
    )  # fmt: skip


class _FileSets:
    """The variant files behind a path of the sheet; a list is read once."""

    def __init__(self, findings: Findings) -> None:
        self.lists: dict[str, tuple[str, ...]] = {}
        self._findings = findings

    def __call__(self, opened: str, file_type: str) -> tuple[str, ...]:
        if file_type != "vcf_list":
            return (opened,)
        if opened not in self.lists:
            self.lists[opened] = self._findings.attempt(_read_list, opened) or ()
        return self.lists[opened]


def _read_list(path: str) -> tuple[str, ...]:
    """The paths in a list of variant files, relative to the folder of the list."""
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise input_error(path, "no such file", "a list of VCF files, one path per line") from None
    except (IsADirectoryError, PermissionError) as error:
        raise input_error(path, f"not readable ({error.strerror})", "a list of VCF files") from None
    except UnicodeDecodeError:
        raise input_error(
            path,
            "bytes that are not text",
            "a list of VCF files, one path per line",
            "a VCF has the file_type vcf",
        ) from None
    if text.startswith("##fileformat=VCF"):
        raise input_error(path, "a VCF", "a list of VCF files, one path per line", "use the file_type vcf")
    lines = {
        n: line.strip() for n, line in enumerate(text.splitlines(), 1) if line.strip() and line[0] != "#"
    }
    problems: list[Problem] = []
    first: dict[str, int] = {}
    for number, line in lines.items():
        opened = resolve(line, path)
        if opened in first:
            found = f"{visible(line)} again (first on line {first[opened]})"
            problems.append(Problem(path, number, "", found, "each file once"))
        first.setdefault(opened, number)
    if not lines:
        problems.append(Problem(path, None, "", "no paths", "one path per line"))
    if problems:
        raise InputError(problems)
    return tuple(first)


def _check_lists(
    lists: dict[str, tuple[str, ...]],
    inspected: dict[str, VariantFile],
    overlaps: _Overlaps,
    findings: Findings,
) -> None:
    """The files of a list hold the same samples; where two of them overlap, that is said."""
    for path, members in lists.items():
        files = [inspected[member] for member in members if member in inspected]
        for file in files[1:]:
            different = sorted(set(file.samples) ^ set(files[0].samples))
            if different:
                findings.problem(
                    path,
                    None,
                    "",
                    f"{file.path} and {files[0].path} differ in {len(different)} samples, "
                    f"first {visible(different[0])}",
                    "files with the same samples",
                    "give each set of samples its own list",
                )
        for a, b in combinations(files, 2):
            if shared := overlaps(a, b):
                findings.warnings.append(
                    f"{path}: {a.path} and {b.path} overlap on {', '.join(shared[:3])}; a variant that both "
                    "have is merged where the genotypes agree, and missing where they don't."
                )


def _check_presence(
    sheet_path: str | Path,
    sheet: pd.DataFrame,
    rows: Sequence[tuple[int, tuple[str, ...], str]],
    names: dict[str, set[str]],
    findings: Findings,
) -> None:
    by_fold = {path: {fold(name): name for name in sorted(known)} for path, known in names.items()}
    n_absent = 0
    for (line, paths, _), sample in zip(rows, sheet["sample"], strict=True):
        for path in paths:
            if path in names and sample not in names[path]:
                n_absent += 1
                word = by_fold[path].get(fold(sample), "")
                if not word and n_absent <= _SEARCHED:
                    word = nearest(sample, sorted(names[path]))
                findings.problem(
                    sheet_path,
                    line,
                    "sample",
                    f"{visible(sample)}, which is not in {path}",
                    f"one of its {len(names[path])} samples",
                    f"did you mean {visible(word)}?" if word else "",
                )
                break


def _check_overlaps(
    sheet_path: str | Path,
    sheet: pd.DataFrame,
    rows: Sequence[tuple[int, tuple[str, ...], str]],
    inspected: dict[str, VariantFile],
    overlaps: _Overlaps,
    findings: Findings,
) -> None:
    """One person in two rows must not have two genotypes for the same contig."""
    entries: dict[str, list[tuple[int, str, tuple[str, ...]]]] = defaultdict(list)
    for (line, paths, opened), patient in zip(rows, sheet["patient"], strict=True):
        if all(opened != other for _, other, _ in entries[patient]):
            entries[patient].append((line, opened, paths))
    reported: set[tuple[str, str]] = set()
    for patient, files in entries.items():
        for (_, a, a_paths), (line, b, b_paths) in combinations(files, 2):
            if (a, b) in reported:
                continue
            shared = _shared_by_sets(a_paths, b_paths, inspected, overlaps)
            if shared:
                reported.add((a, b))
                findings.problem(
                    sheet_path,
                    line,
                    "path",
                    f"patient {visible(patient)} in {a} and in {b}, which overlap on {', '.join(shared[:3])}",
                    "files of different chromosomes or regions for one person",
                )


def _shared_by_sets(
    a_paths: Iterable[str],
    b_paths: Iterable[str],
    inspected: dict[str, VariantFile],
    overlaps: _Overlaps,
) -> list[str]:
    return [
        contig
        for a in a_paths
        for b in b_paths
        if a in inspected and b in inspected
        for contig in overlaps(inspected[a], inspected[b])
    ]


class _Overlaps:
    """Contigs on which the records of two files overlap, when it is known of both where they stand."""

    def __init__(self) -> None:
        self._spans: dict[tuple[str, str], tuple[int, int]] = {}

    def __call__(self, a: VariantFile, b: VariantFile) -> list[str]:
        if not (a.contigs_known and b.contigs_known):
            return []
        shared = [contig for contig in a.contigs if contig in set(b.contigs)]
        return [contig for contig in shared if self._meet(self._span(a, contig), self._span(b, contig))]

    @staticmethod
    def _meet(a: tuple[int, int], b: tuple[int, int]) -> bool:
        return a[0] <= b[1] and b[0] <= a[1]

    def _span(self, file: VariantFile, contig: str) -> tuple[int, int]:
        """POS of the first and the last record of a contig; the first is always among the sampled ones."""
        if (file.path, contig) not in self._spans:
            first = min((site.pos for site in file.sites if site.contig == contig), default=0)
            self._spans[file.path, contig] = first, last_position(file, contig)
        return self._spans[file.path, contig]


def _warn_of_left_out(
    sheet: pd.DataFrame,
    rows: Sequence[tuple[int, tuple[str, ...], str]],
    names: dict[str, set[str]],
    findings: Findings,
) -> None:
    wanted: dict[str, set[str]] = defaultdict(set)
    for (_, paths, _), sample in zip(rows, sheet["sample"], strict=True):
        for path in paths:
            wanted[path].add(sample)
    for path, present in names.items():
        if left_out := len(present - wanted[path]):
            findings.warnings.append(
                f"{path}: {left_out} of {len(present)} samples are not in the sample sheet."
            )
