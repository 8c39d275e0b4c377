"""Testing sets of variants against traits."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa

from endotype.association.acat import acat_o, acat_v
from endotype.association.design import Design
from endotype.association.null_model import (
    COLLINEAR,
    MONOMORPHIC,
    NOT_CALLED,
    NOT_CONVERGED,
    OK,
    STATUS,
    TOO_RARE,
    NullModel,
)
from endotype.association.robust import robust_scores
from endotype.association.scan import fit_null, one_blas_thread, places
from endotype.association.set_files import VariantSet
from endotype.association.set_scores import (
    Projection,
    SetGenotypes,
    SetScores,
    project,
    read_genotypes,
)
from endotype.association.skat import SetResult, beta_weights, burden, skat, skat_o
from endotype.variants.plink import GenotypeStore

TESTS = ("burden", "skat", "skato", "acatv", "acato")

_COMBINED = ("burden", "skat", "acatv")

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


@dataclass(frozen=True)
class SetOptions:
    """How sets are tested.

    Attributes:
        tests: of :data:`TESTS`.
        beta: parameters of the weights by frequency; (1, 1) weighs all alike. Sets with weights of their own
            keep them.
        collapse: SKAT and SKAT-O take variants of at most so many minor alleles as one; 0 takes none, and
            :data:`~endotype.association.set_scores.ULTRA_RARE` is what SAIGE-GENE+ and REGENIE do.
        min_case_alleles: for binary traits they also take as one the variants of which fewer minor alleles
            are expected among the cases (or the controls, where they are fewer). Without this SKAT finds far
            too much when cases are few, robust or not; 0 turns it off.
        robust: binary traits get saddlepoint variances.
        max_missing: variants with more missing genotypes are left out.
        min_minor_alleles: a set with fewer in all is ``TOO_RARE``.
        tail: method of SKAT's p-value.
    """

    tests: tuple[str, ...] = TESTS
    beta: tuple[float, float] = (1.0, 25.0)
    collapse: int = 0
    min_case_alleles: float = 2.0
    robust: bool = True
    max_missing: float = 0.15
    min_minor_alleles: int = 10
    tail: str = "inversion"


@dataclass(frozen=True)
class TestedSet:
    """The tests of one set, with what was tested and why a result is missing."""

    results: tuple[SetResult, ...]
    n_variants: int
    n_collapsed: int
    minor_alleles: int
    status: int


def scan_sets(
    store: GenotypeStore,
    design: Design,
    traits: Sequence[str],
    sets: Sequence[VariantSet],
    options: SetOptions | None = None,
    threads: int = 1,
) -> pa.Table:
    """Test sets of variants against traits.

    Args:
        store: the genotypes.
        design: who is analysed and how.
        traits: names of testable linear or logistic traits.
        sets: as from :mod:`~endotype.association.set_files` or :mod:`~endotype.association.masks`.
        options: how.
        threads: share the sets. The result does not depend on it.

    Returns:
        :data:`SET_SCHEMA`, by trait, then by set, then by test.

    Raises:
        TypeError: a trait's null model is neither linear nor logistic.
    """
    chosen = options or SetOptions()
    tables = [SET_SCHEMA.empty_table()]
    with one_blas_thread(1), ThreadPoolExecutor(max(1, threads)) as pool:
        for name in traits:
            trait = design.trait(name)
            model = fit_null(trait)
            projection, place = project(model), places(store, design, trait)

            def one(
                members: VariantSet,
                model: NullModel = model,
                projection: Projection = projection,
                place: np.ndarray = place,
            ) -> TestedSet:
                packed = np.ascontiguousarray(store.packed[members.rows])
                genotypes = read_genotypes(packed, place, projection.n)
                return test_set(model, projection, genotypes, members.weights, chosen)

            tested = list(pool.map(one, sets))
            tables.append(_table(name, model.n, sets, tested, chosen.tests))
    return pa.concat_tables(tables)


def test_set(
    model: NullModel,
    projection: Projection,
    genotypes: SetGenotypes,
    weights: np.ndarray | None,
    options: SetOptions,
) -> TestedSet:
    """Test one set in one null model.

    Args:
        model: linear or logistic.
        projection: of ``model``.
        genotypes: of all variants of the set.
        weights: float64, one a variant of ``genotypes``; None for weights by frequency.
        options: how.
    """
    usable = (genotypes.minor_count > 0) & (genotypes.missing_rate <= options.max_missing)
    kept = genotypes.take(usable)
    rare = kept.minor_count <= options.collapse
    if model.case is not None:
        share = float(model.case.mean())
        rare |= kept.minor_count * min(share, 1 - share) < options.min_case_alleles
    n_variants, n_collapsed = int(usable.sum()), int(rare.sum()) if rare.sum() > 1 else 0
    minor_alleles = int(kept.minor_count.sum())

    def answer(results: Iterator[SetResult] | None, status: int) -> TestedSet:
        found = tuple(results or (SetResult(test, math.nan, "") for test in options.tests))
        return TestedSet(found, n_variants, n_collapsed, minor_alleles, status)

    if n_variants == 0:
        return answer(None, NOT_CALLED if len(genotypes) == 0 else MONOMORPHIC)
    if minor_alleles < options.min_minor_alleles:
        return answer(None, TOO_RARE)
    if not model.converged:
        return answer(None, NOT_CONVERGED)
    own = None if weights is None else weights[usable]
    return answer(_results(projection, kept, rare, own, options), OK)


test_set.__test__ = False  # type: ignore[attr-defined]  # pytest would take it for a test


class _Weighted:
    """A set under one choice of weights; scores are computed when a test first asks for them."""

    def __init__(
        self,
        projection: Projection,
        genotypes: SetGenotypes,
        rare: np.ndarray,
        own: np.ndarray | None,
        beta: tuple[float, float],
        robust: bool,
    ) -> None:
        self._projection, self._genotypes, self._rare, self._own = projection, genotypes, rare, own
        self._beta, self._robust = beta, robust and projection.risk is not None

    @cached_property
    def single(self) -> tuple[SetScores, np.ndarray]:
        """Scores and weights of all variants."""
        return self._score(self._genotypes, self._own)

    @cached_property
    def collapsed(self) -> tuple[SetScores, np.ndarray]:
        """The same with the rare variants as one, whose weight is the mean of theirs where they have any."""
        rare, own = self._rare, self._own
        if rare.sum() < 2:
            return self.single
        mean = None if own is None else np.append(own[~rare], own[rare].mean())
        return self._score(self._genotypes.collapse(rare), mean)

    def _score(self, genotypes: SetGenotypes, own: np.ndarray | None) -> tuple[SetScores, np.ndarray]:
        weights = beta_weights(genotypes.minor_frequency, *self._beta) if own is None else own
        scores = self._projection.score(genotypes)
        if self._robust:
            scores = robust_scores(self._projection, genotypes, scores, weights)
        return scores, weights


def _results(
    projection: Projection,
    genotypes: SetGenotypes,
    rare: np.ndarray,
    own: np.ndarray | None,
    options: SetOptions,
) -> Iterator[SetResult]:
    first = _Weighted(projection, genotypes, rare, own, options.beta, options.robust)
    done: dict[str, SetResult] = {}
    for test in options.tests:
        if test != "acato":
            done[test] = _run(test, first, options)
            yield done[test]
            continue
        parts = [done.get(t) or _run(t, first, options) for t in _COMBINED]
        if own is None:  # the second set of weights of ACAT-O treats all frequencies alike
            second = _Weighted(projection, genotypes, rare, None, (1.0, 1.0), options.robust)
            parts += [_run(t, second, options) for t in _COMBINED]
        yield acat_o(parts)


def _run(test: str, weighted: _Weighted, options: SetOptions) -> SetResult:
    if test == "skat":
        return skat(*weighted.collapsed, options.tail)
    if test == "skato":
        return skat_o(*weighted.collapsed)
    return {"burden": burden, "acatv": acat_v}[test](*weighted.single)


def _table(
    trait: str, n: int, sets: Sequence[VariantSet], tested: Sequence[TestedSet], tests: Sequence[str]
) -> pa.Table:
    rows: dict[str, list[object]] = {name: [] for name in SET_SCHEMA.names}
    for members, found in zip(sets, tested, strict=True):
        for test, result in zip(tests, found.results, strict=True):
            known = found.status == OK and not math.isnan(result.neg_log10_p)
            status = found.status if found.status != OK or known else COLLINEAR
            row: dict[str, object] = {
                "trait": trait,
                "set": members.name,
                "mask": members.mask,
                "test": test,
                "n": n,
                "n_listed": members.n_listed,
                "n_variants": found.n_variants,
                "n_collapsed": found.n_collapsed,
                "minor_alleles": found.minor_alleles,
                "method": result.method if known else None,
                "status": STATUS[status],
            }
            for column in ("beta", "se", "stat", "neg_log10_p"):
                number = float(getattr(result, column))
                row[column] = number if known and math.isfinite(number) else None
            for column, value in row.items():
                rows[column].append(value)
    return pa.table({c: pa.array(v, SET_SCHEMA.field(c).type) for c, v in rows.items()}, schema=SET_SCHEMA)
