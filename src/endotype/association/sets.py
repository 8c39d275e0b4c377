"""Testing sets of variants against traits."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

import numpy as np
import pyarrow as pa

from endotype.association.design import Design, Trait
from endotype.association.null_model import NullModel
from endotype.association.scan import fit_null, one_blas_thread, places
from endotype.association.set_files import VariantSet
from endotype.association.set_scores import SetGenotypes, read_genotypes
from endotype.association.set_test import SetNull, SetOptions, TestedSet, test_set
from endotype.engine import Engine, LocalEngine, run_blocks, spans_of
from endotype.errors import visible
from endotype.variants.plink import GenotypeStore

SET_SCHEMA = pa.schema(
    [
        ("trait", pa.string()),
        ("set", pa.string()),
        ("mask", pa.string()),
        ("test", pa.string()),
        ("n", pa.int64()),
        ("n_listed", pa.int64()),
        ("n_variants", pa.int64()),
        ("n_collapsed", pa.int64()),
        ("n_carriers", pa.int64()),
        ("minor_alleles", pa.int64()),
        ("beta", pa.float64()),
        ("se", pa.float64()),
        ("stat", pa.float64()),
        ("neg_log10_p", pa.float64()),
        ("method", pa.string()),
        ("status", pa.string()),
    ]
)
"""Columns of a result. ``n_listed``: variants named for the set; ``n_variants``: of them tested (in the
genotypes, carried, called often enough); ``n_collapsed``: of these taken as one by SKAT and SKAT-O. Numbers
and ``method`` are null unless ``status`` is ``OK``."""

NullFactory = Callable[[str, str | None], tuple[Trait, NullModel]]
"""From a trait's name and a chromosome to the people who are tested and their null model. The chromosome is
the one that all variants of a set are on, None where they are on several or there are none."""

Progress = Callable[[int, int], None]
"""Called with the number of sets done, of all traits, and of all there are."""

SETS = 8
"""Sets of a block: more work than it costs to hand a block to a worker."""

_T = TypeVar("_T")

Work = Callable[[SetNull, SetGenotypes, np.ndarray | None], _T]
"""From a null model, the genotypes of a set and its weights to what is to be known of the set."""


def scan_sets(
    store: GenotypeStore,
    design: Design,
    traits: Sequence[str],
    sets: Sequence[VariantSet],
    options: SetOptions | None = None,
    *,
    engine: Engine | None = None,
    nulls: NullFactory | None = None,
    progress: Progress | None = None,
) -> pa.Table:
    """Test sets of variants against traits.

    Args:
        store: the genotypes.
        design: who is analysed and how.
        traits: names of testable traits.
        sets: as from :mod:`~endotype.association.set_files` or :mod:`~endotype.association.masks`.
        options: how.
        engine: tests the sets; None is one thread of this process. The result does not depend on it.
        nulls: makes the null models, one a trait and chromosome; without, one a trait is fitted, to the
            covariates alone.
        progress: is told how far it has come.

    Returns:
        :data:`SET_SCHEMA`, by trait, then by set, then by test.
    """
    chosen = options or SetOptions()
    found = each_set(
        *(store, design, traits, sets, partial(test_set, options=chosen), engine or LocalEngine()),
        nulls=nulls,
        progress=progress,
    )
    tables = [
        _table(name, sets, [n for n, _ in tested], [t for _, t in tested], chosen.tests)
        for name, tested in found
    ]
    return pa.concat_tables([SET_SCHEMA.empty_table(), *tables])


def each_set(
    store: GenotypeStore,
    design: Design,
    traits: Sequence[str],
    sets: Sequence[VariantSet],
    work: Work[_T],
    engine: Engine,
    *,
    nulls: NullFactory | None = None,
    progress: Progress | None = None,
    at_once: int = SETS,
) -> Iterator[tuple[str, list[tuple[int, _T]]]]:
    """For each trait, the number of people and what ``work`` says of each set, in their order.

    ``work`` takes the null model, the genotypes of the set and its weights, and can be pickled; ``at_once``
    sets are a block of the engine; other arguments as of :func:`scan_sets`.
    """
    groups: dict[str | None, list[int]] = {None: list(range(len(sets)))}
    if nulls is not None:
        groups = {}
        for i, members in enumerate(sets):
            groups.setdefault(_chromosome(store, members), []).append(i)

    def plain(name: str, _: str | None) -> tuple[Trait, NullModel]:
        trait = design.trait(name)
        return trait, fit_null(trait)

    make = nulls or plain
    done = 0
    with one_blas_thread(1):
        for name in traits:
            found: list[tuple[int, _T] | None] = [None] * len(sets)
            for chromosome, numbers in groups.items():
                if not numbers:
                    continue
                trait, model = make(name, chromosome)
                of_group = tuple(sets[i] for i in numbers)
                at = places(store, design, trait)
                block = SetBlock(name, store, at, SetNull.of(model), work, of_group)
                spans = list(spans_of(0, len(numbers), at_once))
                for span, answers in zip(spans, run_blocks(block, spans, engine), strict=True):
                    for i, answer in zip(numbers[slice(*span)], answers, strict=True):
                        found[i] = model.n, answer
                    done += len(answers)
                    if progress is not None:
                        progress(done, len(traits) * len(sets))
            yield name, [f for f in found if f is not None]


@dataclass(frozen=True)
class SetBlock(Generic[_T]):
    """Sets in one null model: what one block does, here or on a worker.

    Attributes:
        trait: its name.
        store: the genotypes.
        place: int64 (n_people,), the row of each person of the store in the model, or -1.
        null: the model.
        work: see :func:`each_set`.
        sets: those that are numbered.
    """

    trait: str
    store: GenotypeStore
    place: np.ndarray
    null: SetNull
    work: Work[_T]
    sets: tuple[VariantSet, ...]

    def __call__(self, start: int, end: int) -> list[_T]:
        """What ``work`` says of each set."""
        found = []
        for members in self.sets[start:end]:
            packed = np.ascontiguousarray(self.store.packed[members.rows])
            genotypes = read_genotypes(packed, self.place, self.null.n)
            found.append(self.work(self.null, genotypes, members.weights))
        return found

    def name(self, start: int, end: int) -> str:
        """The sets by name, with their trait."""
        words = [f"{visible(s.name)} {visible(s.mask)}" for s in (self.sets[start], self.sets[end - 1])]
        return f"sets {start + 1} to {end} of trait {visible(self.trait)} ({' to '.join(words)})"


def _chromosome(store: GenotypeStore, members: VariantSet) -> str | None:
    chromosomes = store.variants["chrom"].iloc[members.rows].unique()
    return str(chromosomes[0]) if len(chromosomes) == 1 else None


def _table(
    trait: str,
    sets: Sequence[VariantSet],
    people: Sequence[int],
    tested: Sequence[TestedSet],
    tests: Sequence[str],
) -> pa.Table:
    rows: dict[str, list[object]] = {name: [] for name in SET_SCHEMA.names}
    for members, n, found in zip(sets, people, tested, strict=True):
        for test, result, status in zip(tests, found.results, found.statuses, strict=True):
            row: dict[str, object] = {
                "trait": trait,
                "set": members.name,
                "mask": members.mask,
                "test": test,
                "n": n,
                "n_listed": members.n_listed,
                "n_variants": found.n_variants,
                "n_collapsed": found.n_collapsed,
                "n_carriers": found.n_carriers,
                "minor_alleles": found.minor_alleles,
                "method": result.method if status == "OK" else None,
                "status": status,
            }
            for column in ("beta", "se", "stat", "neg_log10_p"):
                number = float(getattr(result, column))
                row[column] = number if status == "OK" and math.isfinite(number) else None
            for column, value in row.items():
                rows[column].append(value)
    return pa.table({c: pa.array(v, SET_SCHEMA.field(c).type) for c, v in rows.items()}, schema=SET_SCHEMA)
