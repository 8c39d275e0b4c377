"""Which variant carries the signal of a set: every test again without each variant in turn.

The scores of the variants and their covariance are those of the whole set, of which one row and column is
left out; no genotype is read again. Each result is the one of the set without that variant.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pyarrow as pa

from endotype.association.design import Design
from endotype.association.null_model import OK
from endotype.association.set_files import VariantSet
from endotype.association.set_scores import SetGenotypes
from endotype.association.set_test import Prepared, SetNull, SetOptions
from endotype.association.sets import NullFactory, Progress, each_set
from endotype.engine import Engine, LocalEngine
from endotype.variants.plink import GenotypeStore

LOVO_SCHEMA = pa.schema(
    [
        ("trait", pa.string()),
        ("set", pa.string()),
        ("mask", pa.string()),
        ("test", pa.string()),
        ("variant", pa.string()),
        ("minor_alleles", pa.int64()),
        ("neg_log10_p", pa.float64()),
        ("neg_log10_p_without", pa.float64()),
        ("rank", pa.int64()),
    ]
)
"""One row for each variant of a set that was tested. ``neg_log10_p`` is that of the whole set, and
``neg_log10_p_without`` that of the others; null where they are too few or carried too rarely to be tested.
``rank`` is 1 for the variant without which least is left."""


@dataclass(frozen=True)
class LeftOut:
    """One test of a set without each of its variants.

    Attributes:
        test: its name.
        neg_log10_p: of the whole set.
        variants: int64 (m,), which variants of the set were tested.
        minor_alleles: int64 (m,), copies of the rarer allele of each.
        without: float64 (m,), -log10 p without each; NaN where the others can't be tested.
    """

    test: str
    neg_log10_p: float
    variants: np.ndarray
    minor_alleles: np.ndarray
    without: np.ndarray

    @property
    def rank(self) -> np.ndarray:
        """int64 (m,), 1 for the variant without which least is left; ties by the order of the variants."""
        left = np.where(np.isnan(self.without), -math.inf, self.without)
        rank = np.empty(len(left), np.int64)
        rank[np.argsort(left, kind="stable")] = np.arange(1, len(left) + 1)
        return rank


def leave_one_out(
    null: SetNull, genotypes: SetGenotypes, weights: np.ndarray | None, options: SetOptions
) -> tuple[LeftOut, ...]:
    """Every test of a set without each of its variants; nothing for tests that the whole set has not.

    Arguments as of :func:`~endotype.association.set_test.test_set`.
    """
    whole = Prepared(null, genotypes, weights, options)
    if whole.status != OK:
        return ()
    of_all = {test: whole.run(test).neg_log10_p for test in options.tests}
    made = [test for test, p in of_all.items() if not math.isnan(p)]
    without = np.full((len(made), len(whole.kept)), math.nan)
    if made:
        for j in range(len(whole.kept)):
            others = whole.without(j)
            without[:, j] = [others.run(test).neg_log10_p for test in made]
    counts = whole.genotypes.minor_count.astype(np.int64)
    return tuple(
        LeftOut(test, of_all[test], whole.kept, counts, values)
        for test, values in zip(made, without, strict=True)
    )


def scan_leave_one_out(
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
    """Leave each variant of each set out in turn; arguments as of :func:`~.sets.scan_sets`.

    Returns:
        :data:`LOVO_SCHEMA`, by trait, then by set, then by test, then by id of the variant.
    """
    work = partial(leave_one_out, options=options or SetOptions())
    ids = store.variants["id"].to_numpy()
    tables = [LOVO_SCHEMA.empty_table()]
    each = each_set(
        *(store, design, traits, sets, work, engine or LocalEngine()),
        nulls=nulls,
        progress=progress,
        at_once=1,  # few sets, and each is as many tests as it has variants
    )
    for trait, found in each:
        for members, (_, answers) in zip(sets, found, strict=True):
            tables += [_table(trait, members, ids, answer) for answer in answers]
    return pa.concat_tables(tables).combine_chunks()


def _table(trait: str, members: VariantSet, ids: np.ndarray, answer: LeftOut) -> pa.Table:
    m = len(answer.variants)
    same = {"trait": trait, "set": members.name, "mask": members.mask, "test": answer.test}
    columns = {name: pa.repeat(pa.scalar(value, pa.string()), m) for name, value in same.items()} | {
        "variant": pa.array(ids[members.rows[answer.variants]], pa.string()),
        "minor_alleles": answer.minor_alleles,
        "neg_log10_p": np.full(m, answer.neg_log10_p),
        "neg_log10_p_without": pa.array(answer.without, from_pandas=True),
        "rank": answer.rank,
    }
    return pa.table(columns, schema=LOVO_SCHEMA)
