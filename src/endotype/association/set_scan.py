"""Testing the sets of a file in the genotypes of a fileset: what ``associate.py --sets`` does."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path

from endotype.association.design import Design, read_design
from endotype.association.result_stream import ResultWriter
from endotype.association.set_files import VariantIndex
from endotype.association.set_input import read_sets
from endotype.association.set_lovo import LOVO_SCHEMA, scan_leave_one_out
from endotype.association.set_test import TESTS, SetOptions
from endotype.association.sets import SET_SCHEMA, NullFactory, Progress, scan_sets
from endotype.association.sheets import design_from_sheets
from endotype.errors import InputError, Problem, input_error, nearest, visible
from endotype.tables import write_tsv
from endotype.variants.plink import GenotypeStore, open_store

SUFFIXES = (".tsv.gz", ".tsv", ".parquet")

_SECONDS_BETWEEN_NOTES = 10.0


def associate_sets(
    bfile: str | Path,
    sets: str | Path,
    out: str | Path,
    *,
    annotations: str | Path | None = None,
    masks: str | Path | None = None,
    tests: Sequence[str] | None = None,
    leave_one_out: bool = False,
    design: str | Path | None = None,
    design_info: str | Path | None = None,
    phenotypes: str | Path | None = None,
    covariates: str | Path | None = None,
    event: str | None = None,
    traits: list[str] | None = None,
    min_minor_alleles: int = 10,
    threads: int = 1,
) -> None:
    """Test the sets of a file; write Parquet, TSV or packed TSV, by the name of ``out``.

    Beside ``out`` stands a table of the variants that the file names and that were not tested, with line and
    reason: ``sets.dropped.tsv`` of ``sets.parquet``. With ``leave_one_out`` another, ``sets.lovo.parquet``,
    has every test without each variant.

    Args:
        bfile: prefix of the fileset.
        sets: see :func:`~endotype.association.set_input.read_sets`, as for ``annotations`` and ``masks``.
        out: .parquet, .tsv or .tsv.gz, of :data:`~endotype.association.sets.SET_SCHEMA`.
        tests: of :data:`~endotype.association.set_test.TESTS`; all without.
        design, design_info: files of the workflow, or
        phenotypes, covariates, event, traits: sheets; as of :func:`~endotype.association.scan.associate`.
        min_minor_alleles: sets with fewer minor alleles in all are ``TOO_RARE``.
        threads: share the sets. The result does not depend on it.

    Raises:
        InputError: tests or formats that there are not, files that don't go together, or what their readers
            refuse.
    """
    store = open_store(bfile)
    if design is not None and design_info is not None:
        chosen = read_design(design, design_info)
    elif phenotypes is not None and traits:
        chosen = design_from_sheets(store.people["iid"], phenotypes, covariates, traits, event)
    else:
        raise input_error(
            "command line",
            "neither a design nor sheets",
            "--design and --design-info, or --pheno and --trait",
        )
    options = SetOptions(tests=choose_tests(tests), min_minor_alleles=min_minor_alleles)
    write_set_tests(
        *(store, chosen, traits or chosen.traits, sets, out, options),
        annotations=annotations,
        masks=masks,
        leave_one_out=leave_one_out,
        threads=threads,
    )


def write_set_tests(
    store: GenotypeStore,
    design: Design,
    traits: Sequence[str],
    sets: str | Path,
    out: str | Path,
    options: SetOptions,
    *,
    annotations: str | Path | None = None,
    masks: str | Path | None = None,
    leave_one_out: bool = False,
    threads: int = 1,
    nulls: NullFactory | None = None,
) -> None:
    """:func:`associate_sets` of a design that is at hand, with null models of the caller's making."""
    dropped_path = beside(out, "dropped.tsv")
    found = read_sets(sets, VariantIndex(store.variants), annotations, masks)
    write_tsv(found.dropped, dropped_path)
    if len(found.dropped):
        _note(
            f"{len(found.dropped):,} variants of {sets} were not tested: "
            + ", ".join(f"{n:,} {reason}" for reason, n in found.dropped["reason"].value_counts().items())
            + f" (listed in {dropped_path})"
        )
    table = scan_sets(
        *(store, design, traits, found.sets, options, threads), nulls=nulls, progress=_told("sets tested")
    )
    with ResultWriter(out, SET_SCHEMA, 1) as writer:
        writer.append(0, table)
    if leave_one_out:
        left_out = scan_leave_one_out(
            *(store, design, traits, found.sets, options, threads),
            nulls=nulls,
            progress=_told("sets tested without each variant"),
        )
        with ResultWriter(beside(out, f"lovo{_suffix(out)}"), LOVO_SCHEMA, 1) as writer:
            writer.append(0, left_out)


def choose_tests(names: Sequence[str] | None) -> tuple[str, ...]:
    """Tests by name, in the order of :data:`~endotype.association.set_test.TESTS`; all without names.

    Raises:
        InputError: there is no such test.
    """
    if names is None:
        return TESTS
    unknown = [name for name in names if name not in TESTS]
    if unknown or not names:
        raise InputError(
            [
                Problem("--set-tests", None, "", visible(name), f"one of {', '.join(TESTS)}", near)
                for name in unknown or [""]
                for near in [nearest(name, TESTS)]
            ]
        )
    return tuple(test for test in TESTS if test in names)


def beside(out: str | Path, ending: str) -> Path:
    """``FOLDER/sets.ENDING`` of ``FOLDER/sets.parquet``.

    Raises:
        InputError: ``out`` has another suffix than those of :data:`SUFFIXES`.
    """
    path = Path(out)
    return path.with_name(f"{path.name.removesuffix(_suffix(out))}.{ending}")


def _suffix(out: str | Path) -> str:
    name = Path(out).name
    for suffix in SUFFIXES:
        if name.endswith(suffix) and name != suffix:
            return suffix
    raise input_error(out, f"the suffix '{Path(out).suffix}'", ".parquet, .tsv or .tsv.gz")


def _told(what: str) -> Progress:
    """Says on stderr, now and then, how far it has come."""
    last = time.monotonic()

    def progress(done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last > _SECONDS_BETWEEN_NOTES:
            last = now
            _note(f"{done:,} of {total:,} {what}")

    return progress


def _note(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
