"""The tests of one variant set in one null model, of the whole set or without one of its variants.

Linear and logistic models give the scores of the variants and their covariance, from which all tests follow.
A Cox model gives the score of a burden; the other tests of a time to event are ``UNAVAILABLE``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Protocol

import numpy as np

from endotype.association.acat import acat_o, acat_v
from endotype.association.cox import CoxModel
from endotype.association.cox_rare import refine_cox_dense
from endotype.association.linear import LinearModel
from endotype.association.logistic import LogisticModel
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
from endotype.association.rare_case import with_refined
from endotype.association.robust import robust_scores
from endotype.association.set_names import COX_TESTS, TESTS
from endotype.association.set_scores import Projection, SetGenotypes, SetScores, project
from endotype.association.skat import SetResult, beta_weights, burden, skat, skat_o
from endotype.association.trait_groups import alone

UNAVAILABLE = "UNAVAILABLE"
"""Status of a test that the trait's kind does not have."""

REMARKABLE = 1.96
"""|z| of the score of a burden in a Cox model from which it is tested again."""

EQUAL = (1.0, 1.0)
"""Parameters of the weights by frequency that weigh all variants alike."""

_COMBINED = ("burden", "skat", "acatv")


@dataclass(frozen=True)
class SetOptions:
    """How sets are tested.

    Attributes:
        tests: of :data:`TESTS`.
        beta: parameters of the weights by frequency; (1, 1) weighs all alike. Sets with weights of their own
            keep them, except in ``burden_unweighted``.
        collapse: SKAT and SKAT-O take variants of at most so many minor alleles as one; 0 takes none, and
            :data:`~endotype.association.set_scores.ULTRA_RARE` is what SAIGE-GENE+ and REGENIE do.
        min_case_alleles: for binary traits they also take as one the variants of which fewer minor alleles
            are expected among the cases (or the controls, where they are fewer). Without this SKAT finds far
            too much when cases are few, robust or not; 0 turns it off.
        robust: binary traits get saddlepoint variances.
        max_missing: variants with more missing genotypes are left out.
        min_minor_alleles: a set with fewer in all is ``TOO_RARE``, as is one
        min_carriers: with fewer carriers of a rarer allele, or
        min_event_carriers: with fewer carriers expected among the people with the event of a time to event.
            A binary trait needs no such rule, because its tails are a saddlepoint's.
        tail: method of SKAT's p-value.
    """

    tests: tuple[str, ...] = TESTS
    beta: tuple[float, float] = (1.0, 25.0)
    collapse: int = 0
    min_case_alleles: float = 2.0
    robust: bool = True
    max_missing: float = 0.15
    min_minor_alleles: int = 10
    min_carriers: int = 0
    min_event_carriers: float = 5.0
    tail: str = "inversion"


@dataclass(frozen=True)
class TestedSet:
    """The tests of one set, with what was tested and why a result is missing.

    Attributes:
        results: in the order of ``SetOptions.tests``.
        statuses: of each result, a word of :data:`~endotype.association.null_model.STATUS` or
            :data:`UNAVAILABLE`.
        n_variants: carried by someone and called often enough.
        n_collapsed: of these, taken as one by SKAT and SKAT-O.
        n_carriers: people with a rarer allele of any of these.
        minor_alleles: copies of the rarer alleles.
    """

    __test__ = False  # pytest would take it for a test

    results: tuple[SetResult, ...]
    statuses: tuple[str, ...]
    n_variants: int
    n_collapsed: int
    n_carriers: int
    minor_alleles: int


@dataclass(frozen=True)
class SetNull:
    """A null model made ready for sets, once for all of them.

    ``projection`` is None for a Cox model, whose burdens are scored by the model itself.
    """

    model: NullModel
    projection: Projection | None

    @classmethod
    def of(cls, model: NullModel) -> SetNull:
        """Prepare a model of any kind."""
        scored = isinstance(model, LinearModel | LogisticModel)
        return cls(model, project(model) if scored else None)

    @property
    def n(self) -> int:
        """People in the model."""
        return self.model.n

    def offers(self, test: str) -> bool:
        """Whether there is such a test for this kind of trait."""
        return self.projection is not None or test in COX_TESTS


class Prepared:
    """The usable variants of a set in a null model, ready for any test.

    What the tests share is computed when one first asks for it.

    Attributes:
        genotypes: of the variants that are carried and called often enough.
        kept: int64, which variants of the set these are.
        status: index into :data:`~endotype.association.null_model.STATUS`, OK where tests can be made.
    """

    def __init__(
        self, null: SetNull, genotypes: SetGenotypes, weights: np.ndarray | None, options: SetOptions
    ) -> None:
        """``genotypes`` of all variants of the set; ``weights`` one each, None for weights by frequency."""
        usable = (genotypes.minor_count > 0) & (genotypes.missing_rate <= options.max_missing)
        self.kept = np.flatnonzero(usable)
        nothing = NOT_CALLED if len(genotypes) == 0 else MONOMORPHIC
        self._fill(
            null, genotypes.take(usable), None if weights is None else weights[usable], options, nothing
        )

    def _fill(
        self,
        null: SetNull,
        genotypes: SetGenotypes,
        own: np.ndarray | None,
        options: SetOptions,
        nothing: int = MONOMORPHIC,
        raw: SetScores | None = None,
    ) -> None:
        self.genotypes, self._null, self._own, self._options = genotypes, null, own, options
        self._variants: _Tests | None = None
        self._raw = raw
        self._fewer = 1.0  # share of the people who are the fewer of cases and controls
        needed = float(options.min_carriers)
        if null.model.case is not None and null.n:
            share = float(null.model.case.mean())
            self._fewer = min(share, 1 - share)
            if null.projection is None and share > 0:
                needed = max(needed, options.min_event_carriers / share)
        too_rare = self.minor_alleles < options.min_minor_alleles or self.n_carriers < needed
        if len(genotypes) == 0:
            self.status = nothing
        elif too_rare:
            self.status = TOO_RARE
        else:
            self.status = OK if null.model.converged else NOT_CONVERGED

    @property
    def minor_alleles(self) -> int:
        """Copies of the rarer alleles."""
        return int(self.genotypes.minor_count.sum())

    @cached_property
    def n_carriers(self) -> int:
        """People with a rarer allele; a mean filled in is a fraction, and makes nobody a carrier."""
        copies, carries = self.genotypes.dosage, np.zeros(self.genotypes.n, bool)
        carries[self.genotypes.person[copies == np.floor(copies)]] = True
        return int(carries.sum())

    @cached_property
    def rare(self) -> np.ndarray:
        """bool (m,), variants that SKAT and SKAT-O take as one, if they are two or more."""
        count, options = self.genotypes.minor_count, self._options
        rare = count <= options.collapse
        if self._null.model.case is not None:
            rare |= count * self._fewer < options.min_case_alleles
        return np.asarray(rare)

    def run(self, test: str) -> SetResult:
        """One test; NaN unless ``status`` is OK and the kind of trait has it."""
        if self.status != OK or not self._null.offers(test):
            return SetResult(test, math.nan, "")
        if self._variants is None:
            if self._null.projection is None:
                assert isinstance(self._null.model, CoxModel)
                self._variants = _CoxTests(self._null.model, self.genotypes, self._own, self._options)
            else:
                self._variants = _ScoreTests(
                    *(self._null.projection, self.genotypes, self.rare, self._own, self._options, self._raw)
                )
        return self._variants.run(test)

    def answer(self) -> TestedSet:
        """All tests of the options."""
        tests = self._options.tests
        results = tuple(self.run(test) for test in tests)
        n_rare = int(self.rare.sum())
        return TestedSet(
            results,
            tuple(self._word(t, r) for t, r in zip(tests, results, strict=True)),
            len(self.genotypes),
            n_rare if n_rare > 1 and self._null.projection is not None else 0,
            self.n_carriers,
            self.minor_alleles,
        )

    def _word(self, test: str, result: SetResult) -> str:
        if not self._null.offers(test):
            return UNAVAILABLE
        return STATUS[COLLINEAR if self.status == OK and math.isnan(result.neg_log10_p) else self.status]

    def without(self, j: int) -> Prepared:
        """The set without its usable variant j; scores are not computed again."""
        others = np.delete(np.arange(len(self.genotypes)), j)
        left = Prepared.__new__(Prepared)
        left.kept = self.kept[others]
        raw = None
        if isinstance(self._variants, _ScoreTests):
            raw = self._variants.raw.take(others)
        own = None if self._own is None else self._own[others]
        left._fill(self._null, self.genotypes.take(others), own, self._options, raw=raw)
        return left


def test_set(
    null: SetNull, genotypes: SetGenotypes, weights: np.ndarray | None, options: SetOptions
) -> TestedSet:
    """Test one set in one null model.

    Args:
        null: prepared by :meth:`SetNull.of`.
        genotypes: of all variants of the set.
        weights: float64, one a variant of ``genotypes``; None for weights by frequency.
        options: how.
    """
    return Prepared(null, genotypes, weights, options).answer()


test_set.__test__ = False  # type: ignore[attr-defined]  # pytest would take it for a test


class _Tests(Protocol):
    def run(self, test: str) -> SetResult: ...


class _ScoreTests:
    """Tests of a set in a linear or logistic model, under weights by frequency, by the set, or equal ones."""

    def __init__(
        self,
        projection: Projection,
        genotypes: SetGenotypes,
        rare: np.ndarray,
        own: np.ndarray | None,
        options: SetOptions,
        raw: SetScores | None,
    ) -> None:
        self._projection, self._genotypes, self._rare, self._own = projection, genotypes, rare, own
        self._options = options
        self._known_raw = raw
        self._found: dict[tuple[str, bool], SetResult] = {}
        self._single: dict[bool, tuple[SetScores, np.ndarray]] = {}
        self._collapsed: dict[bool, tuple[SetScores, np.ndarray]] = {}

    @cached_property
    def raw(self) -> SetScores:
        """Scores of all variants under the normal approximation, whatever their weights."""
        return self._known_raw or self._projection.score(self._genotypes)

    @cached_property
    def _as_one(self) -> tuple[SetGenotypes, SetScores]:
        """The rare variants as one, and the scores."""
        genotypes = self._genotypes.collapse(self._rare)
        return genotypes, self._projection.score(genotypes)

    def run(self, test: str, equal: bool = False) -> SetResult:
        """``equal``: all variants weigh alike, whatever the options and the set say."""
        key = test, equal
        if key not in self._found:
            self._found[key] = self._run(test, equal)
        return self._found[key]

    def _run(self, test: str, equal: bool) -> SetResult:
        if test == "acato":
            parts = [self.run(t) for t in _COMBINED]
            if self._own is None:  # the second set of weights of ACAT-O treats all frequencies alike
                parts += [self.run(t, True) for t in _COMBINED]
            return acat_o(parts)
        if test == "burden_unweighted":
            return self.run("burden", True)
        if test == "skat":
            return skat(*self._of_collapsed(equal), self._options.tail)
        if test == "skato":
            return skat_o(*self._of_collapsed(equal))
        return {"burden": burden, "acatv": acat_v}[test](*self._of_single(equal))

    def _of_single(self, equal: bool) -> tuple[SetScores, np.ndarray]:
        """Scores and weights of all variants."""
        if equal not in self._single:
            own = None if equal else self._own
            self._single[equal] = self._weighted(self._genotypes, self.raw, own, equal)
        return self._single[equal]

    def _of_collapsed(self, equal: bool) -> tuple[SetScores, np.ndarray]:
        """The same with the rare variants as one, whose weight is the mean of theirs where they have any."""
        rare = self._rare
        if rare.sum() < 2:
            return self._of_single(equal)
        if equal not in self._collapsed:
            own = None if equal or self._own is None else self._own
            mean = None if own is None else np.append(own[~rare], own[rare].mean())
            self._collapsed[equal] = self._weighted(*self._as_one, mean, equal)
        return self._collapsed[equal]

    def _weighted(
        self, genotypes: SetGenotypes, scores: SetScores, own: np.ndarray | None, equal: bool
    ) -> tuple[SetScores, np.ndarray]:
        beta = EQUAL if equal else self._options.beta
        weights = beta_weights(genotypes.minor_frequency, *beta) if own is None else own
        if self._options.robust and self._projection.risk is not None:
            scores = robust_scores(self._projection, genotypes, scores, weights)
        return scores, weights


class _CoxTests:
    """Burdens in a Cox model; a remarkable score is tested again, as that of a single variant is."""

    def __init__(
        self, model: CoxModel, genotypes: SetGenotypes, own: np.ndarray | None, options: SetOptions
    ) -> None:
        self._model, self._genotypes, self._own, self._options = model, genotypes, own, options

    @cached_property
    def _both(self) -> tuple[SetResult, SetResult]:
        m = len(self._genotypes)
        weights = self._own
        if weights is None:
            weights = beta_weights(self._genotypes.minor_frequency, *self._options.beta)
        rows = np.repeat(np.arange(m), np.diff(self._genotypes.start))
        sums = np.zeros((2, self._genotypes.n))
        for total, weight in zip(sums, (weights, np.ones(m)), strict=True):
            np.add.at(total, self._genotypes.person, self._genotypes.dosage * weight[rows])
        scores = self._model.score_dense(sums)
        with np.errstate(all="ignore"):
            found = self._model.statistics(scores)
        status = np.where(scores.collinear, STATUS[COLLINEAR], STATUS[OK]).astype(object)
        again = alone(partial(refine_cox_dense, sums, self._model))
        found, _ = with_refined(found, status, again, REMARKABLE)
        first, second = (
            SetResult(test, math.nan, "")
            if scores.collinear[i]
            else SetResult(
                *(test, float(found.neg_log10_p[i]), str(found.test[i])),
                *(float(found.stat[i]), float(found.beta[i]), float(found.se[i])),
            )
            for i, test in enumerate(COX_TESTS)
        )
        return first, second

    def run(self, test: str) -> SetResult:
        return self._both[COX_TESTS.index(test)]
