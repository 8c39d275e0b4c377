"""Testing the sets of a file in the genotypes of a fileset: what ``associate.py --sets`` does."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from endotype.association.design import Design, Trait
from endotype.association.design_source import DesignSource, tell_faults
from endotype.association.loco import LocoOffsets, read_offsets
from endotype.association.null_model import NullModel
from endotype.association.result_stream import ResultWriter
from endotype.association.scan import ScanOptions, plan_scan
from endotype.association.set_files import VariantIndex
from endotype.association.set_input import read_sets
from endotype.association.set_lovo import LOVO_SCHEMA, scan_leave_one_out
from endotype.association.set_test import TESTS, SetOptions
from endotype.association.sets import SET_SCHEMA, NullFactory, Progress, scan_sets
from endotype.association.sidecar import statements, write_sidecar
from endotype.association.statement import STATEMENT
from endotype.engine import Engine, EngineSettings, open_engine
from endotype.errors import InputError, Problem, input_error, nearest, visible
from endotype.files import to_json
from endotype.tables import write_tsv
from endotype.variants.plink import GenotypeStore, open_store

SUFFIXES = (".tsv.gz", ".tsv", ".parquet")

_SECONDS_BETWEEN_NOTES = 10.0


def associate_sets(
    bfile: str | Path,
    sets: str | Path,
    out: str | Path,
    source: DesignSource,
    *,
    annotations: str | Path | None = None,
    masks: str | Path | None = None,
    tests: Sequence[str] | None = None,
    leave_one_out: bool = False,
    traits: list[str] | None = None,
    loco: str | Path | None = None,
    alpha: float = 0.05,
    progress: bool = False,
    min_minor_alleles: int = 10,
    threads: int = 1,
    engine: EngineSettings | None = None,
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
        source, traits, loco, alpha, progress: as of :func:`~endotype.association.scan.associate`.
        min_minor_alleles: sets with fewer minor alleles in all are ``TOO_RARE``.
        threads: share the sets, where this process tests them. The result does not depend on it,
        engine: nor on where sets are tested.

    Raises:
        InputError: tests or formats that there are not, files that don't go together, or what their readers
            refuse.
    """
    store = open_store(bfile)
    chosen = source.load(store.people)
    names = traits or list(source.traits) or chosen.traits
    if progress:
        tell_faults(chosen)
    options = SetOptions(tests=choose_tests(tests), min_minor_alleles=min_minor_alleles)
    predictions = None
    if loco:
        with_offset = [name for name in names if chosen.trait(name).kind != "cox"]
        predictions = read_offsets(loco, store, with_offset, slice(0, store.n_variants))
    lines = statements(chosen, names, alpha, "mean", predictions, cox_drops=False)
    with open_engine(engine, threads, Path(out).parent) as opened:
        write_set_tests(
            *(store, chosen, names, sets, out, options),
            annotations=annotations,
            masks=masks,
            leave_one_out=leave_one_out,
            engine=opened,
            nulls=null_factory(store, chosen, predictions) if predictions else None,
            lines=lines,
            progress=progress,
        )
    if source.from_sheets:
        write_sidecar(out, chosen, names, asdict(options), lines, predictions)


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
    engine: Engine | None = None,
    nulls: NullFactory | None = None,
    lines: Mapping[str, str] | None = None,
    progress: bool = False,
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
        *(store, design, traits, found.sets, options),
        engine=engine,
        nulls=nulls,
        progress=_told("sets tested") if progress else None,
    )
    schema = SET_SCHEMA.with_metadata({STATEMENT: to_json(dict(lines or {}))})
    with ResultWriter(out, schema, 1) as writer:
        writer.append(0, table)
    if leave_one_out:
        left_out = scan_leave_one_out(
            *(store, design, traits, found.sets, options),
            engine=engine,
            nulls=nulls,
            progress=_told("sets tested without each variant") if progress else None,
        )
        with ResultWriter(beside(out, f"lovo{_suffix(out)}"), LOVO_SCHEMA, 1) as writer:
            writer.append(0, left_out)


def null_factory(store: GenotypeStore, design: Design, predictions: Mapping[str, LocoOffsets]) -> NullFactory:
    """Null models with REGENIE's offsets, of all but times to event; see
    :func:`~endotype.association.scan.plan_scan`.

    A set on several chromosomes, which no prediction leaves out together, has no offset.
    """

    def null(trait: str, chrom: str | None) -> tuple[Trait, NullModel]:
        offsets = predictions if chrom is not None else None
        plan = plan_scan(store, design, [trait], ScanOptions("score"), offsets, chrom or "")
        return plan.traits[0], plan.models[0]

    return null


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
