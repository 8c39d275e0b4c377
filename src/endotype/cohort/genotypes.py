"""From the sample sheet to the variant files: which file holds whom, and whether the files go together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import pandas as pd

from endotype.cohort.findings import Findings
from endotype.cohort.sheet import resolve
from endotype.cohort.variant_file import VariantFile, inspect
from endotype.errors import InputError, Problem, input_error, nearest, visible
from endotype.ids import fold

SAMPLES_COLUMNS = ["patient", "sample", "sex", "file_type", "path", "file"]
_SEARCHED = 20
"""For so many absent samples the nearest name is searched; it takes long in a large file."""

FILES_COLUMNS = ["file", "path", "n_samples", "contigs"]


@dataclass(frozen=True)
class Genotypes:
    """The variant files of a cohort.

    Attributes:
        samples: one row per person and variant file, columns :data:`SAMPLES_COLUMNS`, by patient and file.
        files: one row per variant file, columns :data:`FILES_COLUMNS`, in the order of the sheet.
        inspected: what was seen in the files that could be read, in the same order.
    """

    samples: pd.DataFrame
    files: pd.DataFrame
    inspected: tuple[VariantFile, ...]


def read_genotypes(sheet_path: str | Path, sheet: pd.DataFrame, findings: Findings) -> Genotypes:
    """Open every file the sheet names, find every sample in its header, and lay the files side by side."""
    paths_of = _FileSets(findings)
    rows: list[tuple[int, tuple[str, ...], str]] = []  # line, files, path of list or file as resolved
    for row in sheet.itertuples():
        opened = resolve(str(row.path), sheet_path)
        rows.append((int(str(row.Index)), paths_of(opened, str(row.file_type)), opened))
    order = {
        path: number for number, path in enumerate(dict.fromkeys(p for _, paths, _ in rows for p in paths))
    }
    inspected = {path: file for path in order if (file := findings.attempt(inspect, path)) is not None}
    names = {path: set(file.samples) for path, file in inspected.items()}
    _check_lists(paths_of.lists, inspected, findings)
    _check_presence(sheet_path, sheet, rows, names, findings)
    _check_overlaps(sheet_path, sheet, rows, inspected, findings)
    _warn_of_left_out(sheet, rows, names, findings)
    samples = pd.DataFrame(
        [
            (patient, sample, sex, file_type, path, order[opened])
            for (_, paths, _), (patient, sample, sex, file_type, path) in zip(
                rows, sheet.itertuples(index=False), strict=True
            )
            for opened in paths
        ],
        columns=SAMPLES_COLUMNS,
    ).astype({name: "int64" if name == "file" else "str" for name in SAMPLES_COLUMNS})
    files = pd.DataFrame(
        [(order[p], p, len(f.samples), ",".join(f.contigs)) for p, f in inspected.items()],
        columns=FILES_COLUMNS,
    ).astype({"file": "int64", "path": "str", "n_samples": "int64", "contigs": "str"})
    return Genotypes(
        samples.sort_values(["patient", "file"], ignore_index=True), files, tuple(inspected.values())
    )


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
    lists: dict[str, tuple[str, ...]], inspected: dict[str, VariantFile], findings: Findings
) -> None:
    """The files of a list hold the same samples, and each contig is in one file only."""
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
            if shared := _shared_contigs(a, b):
                findings.problem(
                    path,
                    None,
                    "",
                    f"{a.path} and {b.path} both have records on {', '.join(shared[:3])}",
                    "files with different chromosomes",
                    "concatenate them with bcftools concat first",
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
            shared = _shared_by_sets(a_paths, b_paths, inspected)
            if shared:
                reported.add((a, b))
                findings.problem(
                    sheet_path,
                    line,
                    "path",
                    f"patient {visible(patient)} in {a} and in {b}, which both have records on "
                    f"{', '.join(shared[:3])}",
                    "one file per person and chromosome",
                )


def _shared_by_sets(
    a_paths: Iterable[str], b_paths: Iterable[str], inspected: dict[str, VariantFile]
) -> list[str]:
    return [
        contig
        for a in a_paths
        for b in b_paths
        if a in inspected and b in inspected
        for contig in _shared_contigs(inspected[a], inspected[b])
    ]


def _shared_contigs(a: VariantFile, b: VariantFile) -> list[str]:
    """Contigs that both files have records on, when that is known of both."""
    if not (a.contigs_known and b.contigs_known):
        return []
    return [contig for contig in a.contigs if contig in set(b.contigs)]


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
