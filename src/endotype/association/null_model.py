"""What every null model offers, and the rules that turn scores into rows of a result.

A null model is a trait explained by its covariates alone. It is fitted once; a test takes it and a block of
dosages. :class:`LinearModel`, :class:`LogisticModel` and :class:`CoxModel` stand in files of their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from endotype.association import kernels

STATUS = ("OK", "MONOMORPHIC", "TOO_RARE", "COLLINEAR", "NOT_CONVERGED", "NOT_CALLED")
"""Why a row has a statistic or has none; the codes of :attr:`Tested.status` index this."""

WITH_RESULT = ("OK", "FIRTH", "SPA")
"""Statuses of rows that have a statistic: of the test itself, or of the one that took its place."""

OK, MONOMORPHIC, TOO_RARE, COLLINEAR, NOT_CONVERGED, NOT_CALLED = range(len(STATUS))

_COLLINEAR = 1e-9


@dataclass(frozen=True)
class Statistics:
    """Effects and tests, float64 arrays of one length; NaN where nothing can be said.

    ``stat`` is signed: t for a linear model, the standardised score z or the root of a likelihood ratio for
    the others. ``test`` (text) says which.
    """

    beta: np.ndarray
    se: np.ndarray
    stat: np.ndarray
    neg_log10_p: np.ndarray
    test: np.ndarray


@dataclass(frozen=True)
class Scores:
    """What the kernels return: counts (n_tests, 4), sums (n_tests, 4), rank (n_tests,).

    ``imputed``: people without a genotype were given the mean of the called and not left out.
    """

    counts: np.ndarray
    sums: np.ndarray
    rank: np.ndarray
    imputed: bool = False

    def left_out(self) -> np.ndarray:
        """int64 (n_tests,), people of the model who are not in the test."""
        return 0 * self.counts[:, kernels.N_MISSING] if self.imputed else self.counts[:, kernels.N_MISSING]

    @property
    def collinear(self) -> np.ndarray:
        """Tests whose dosage is a combination of the covariates, as far as numbers can tell."""
        information = self.sums[:, kernels.INFORMATION]
        return ~(information > _COLLINEAR * self.sums[:, kernels.RAW_INFORMATION])


class NullModel(Protocol):
    """A trait explained by its covariates, ready to be scored."""

    @property
    def n(self) -> int:
        """People in the model."""
        ...

    @property
    def case(self) -> np.ndarray | None:
        """bool (n,), who is a case or had the event; None for a quantitative trait."""
        ...

    @property
    def converged(self) -> bool:
        """Whether the covariates' coefficients were found."""
        ...

    def score(self, packed: np.ndarray, place: np.ndarray) -> Scores:
        """Score packed genotypes; ``place`` gives each person of the store her row, or -1."""
        ...

    def statistics(self, scores: Scores) -> Statistics:
        """Effects and tests from scores, before any of them is set aside."""
        ...


@dataclass(frozen=True)
class Tested:
    """Statistics with the reason where there are none.

    ``status`` is int8, an index into :data:`STATUS`.
    """

    statistics: Statistics
    status: np.ndarray


def judge(
    model: NullModel, scores: Scores, monomorphic: np.ndarray, rare: np.ndarray, n_called: np.ndarray
) -> Tested:
    """Blank the statistics that must not be read, and say why, the first reason that holds.

    Args:
        model: the null model that was scored.
        scores: of m tests.
        monomorphic: bool (m,), all called people have the same genotype of a single allele.
        rare: bool (m,), fewer carriers than the test can bear.
        n_called: int (m,), people with a genotype.
    """
    too_few = model.n - scores.left_out() - scores.rank - 1 < 1
    status = np.select(
        [
            n_called == 0,
            monomorphic,
            rare,
            too_few,
            np.full(len(rare), not model.converged),
            scores.collinear,
        ],
        [NOT_CALLED, MONOMORPHIC, TOO_RARE, NOT_CALLED, NOT_CONVERGED, COLLINEAR],
        OK,
    ).astype(np.int8)
    with np.errstate(all="ignore"):
        found = model.statistics(scores)
    usable = status == OK
    columns = (found.beta, found.se, found.stat, found.neg_log10_p)
    beta, se, stat, neg_log10_p = (np.where(usable, values, np.nan) for values in columns)
    return Tested(Statistics(beta, se, stat, neg_log10_p, found.test), status)
