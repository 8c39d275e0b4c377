"""Cox regression of a time to event: fitted once without the dosage, which is then scored."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from endotype.association import cox_kernels
from endotype.association.cox_risk_sets import RiskSets
from endotype.association.cox_scan import CoxLayout, CoxRows, cox_layout, cox_rows, score_cox_block
from endotype.association.kernels import N_COUNTS
from endotype.association.logistic import score_statistics
from endotype.association.newton import CERTAIN, maximise, standardised
from endotype.association.null_model import Scores, Statistics
from endotype.association.packed_scan import as_words


@dataclass(frozen=True)
class CoxModel:
    """A time to event with the covariates' part of its hazard; n people in the order of the data.

    Attributes:
        sets: who is at risk when, and the rule for ties.
        covariates: float64 (n, c), standardised.
        coefficients: float64 (c,), of ``covariates``.
        hazard: float64 (n,), relative hazard under the null model.
        information: float64 (c, c), of the covariates.
    """

    sets: RiskSets
    covariates: np.ndarray
    coefficients: np.ndarray
    hazard: np.ndarray
    information: np.ndarray
    converged: bool

    @property
    def n(self) -> int:
        """People in the model."""
        return len(self.hazard)

    @property
    def case(self) -> np.ndarray:
        """bool (n,), who had the event."""
        return self.sets.event.astype(bool)

    @property
    def expected(self) -> np.ndarray:
        """float64 (n,), each person's expected events in her follow-up (Breslow 1974; ties by ``sets``)."""
        return self.rows.rows[-1]

    @cached_property
    def rows(self) -> CoxRows:
        """What the scores of dosages are made of."""
        return cox_rows(self.sets, self.covariates, self.hazard, self.information)

    @cached_property
    def count_basis(self) -> np.ndarray:
        """float64 (c + 1, n), intercept and covariates, ``basis diag(expected) basis' = I``."""
        design = np.vstack([np.ones(self.n), self.covariates.T])
        lower = np.linalg.cholesky((design * self.expected) @ design.T)
        return np.ascontiguousarray(np.linalg.solve(lower, design))

    def layout(self, place: np.ndarray) -> CoxLayout:
        """In the order of a genotype store; see :func:`~endotype.association.cox_scan.cox_layout`."""
        return cox_layout(place, self.sets, self.hazard, self.rows)

    def score(self, packed: np.ndarray, place: np.ndarray) -> Scores:
        """See :class:`~endotype.association.null_model.NullModel`."""
        return score_cox_block(as_words(packed), self.layout(place))

    def score_dense(self, dosages: np.ndarray) -> Scores:
        """See :class:`~endotype.association.null_model.NullModel`."""
        event, first, last, *_ = self.sets.arrays
        sums = cox_kernels.score_dense(
            dosages, self.rows.rows, self.hazard, event, first, last, self.rows.squares
        )
        counts = np.zeros((len(sums), N_COUNTS), np.int64)
        return Scores(counts, sums, np.full(len(sums), self.covariates.shape[1], np.int64))

    def statistics(self, scores: Scores) -> Statistics:
        """The score test of the partial likelihood (Cox 1972), and the one-step estimates that belong to it.

        ``z = U / sqrt(V)``; ``beta = U / V``, a log hazard ratio, and ``se = 1 / sqrt(V)`` are one Newton
        step from the null: close for small effects. People without a genotype are left out of every risk
        set; the null coefficients then follow by one Newton step.
        """
        return score_statistics(scores, "cox_score")


def fit_cox(
    time: np.ndarray,
    event: np.ndarray,
    covariates: np.ndarray,
    *,
    entry: np.ndarray | None = None,
    ties: str = "efron",
) -> CoxModel:
    """Fit the null model by Newton's method with step halving.

    Args:
        time: float64 (n,), end of follow-up.
        event: bool (n,), whether it ended with the event.
        covariates: float64 (n, c), complete, of full rank together with an intercept.
        entry: float64 (n,), start of follow-up, before ``time``: from then on a person is at risk (left
            truncation). None: everybody from the beginning.
        ties: ``efron`` (1977), which is closer to the likelihood of times without ties and the default of
            survival::coxph, or ``breslow`` (1974), which draws effects to 0 where ties are many.

    Returns:
        A model; ``converged`` is false when a covariate has no finite estimate, or the iteration did not
        settle.

    Raises:
        ValueError: another rule for ties, or a follow-up that ends when it begins or before.
    """
    sets = RiskSets.of(time, event, entry, ties)
    centred = standardised(covariates)
    columns = np.ascontiguousarray(centred.T)
    found = maximise(lambda b: cox_kernels.partial_likelihood(columns, b, *sets.arrays), len(columns))
    _, _, information = cox_kernels.partial_likelihood(columns, found.coefficients, *sets.arrays)
    predictor = centred @ found.coefficients
    converged = found.converged and bool(np.all(np.abs(predictor) < CERTAIN))
    try:
        np.linalg.cholesky(information)
    except np.linalg.LinAlgError:
        information, converged = np.eye(len(columns)), False
    hazard = np.exp(np.clip(predictor, -CERTAIN, CERTAIN))
    return CoxModel(sets, centred, found.coefficients, hazard, information, converged)
