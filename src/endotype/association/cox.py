"""Cox regression of a time to event: fitted once without the dosage, which is then scored."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from endotype.association import kernels
from endotype.association.logistic import score_statistics
from endotype.association.newton import CERTAIN, maximise, standardised
from endotype.association.null_model import Scores, Statistics
from endotype.association.tails import neg_log10_p_normal


@dataclass(frozen=True)
class CoxModel:
    """A time to event with the covariates' part of its hazard. Arrays have times **descending**.

    Attributes:
        order: int64 (n,), the row of the data that each row of the model came from.
        covariates: float64 (n, c), standardised.
        hazard: float64 (n,), relative hazard under the null model.
        event: uint8 (n,).
        tie_end: int64, the row after the last one of each distinct time.
        information: float64 (c, c), of the covariates.
    """

    order: np.ndarray
    covariates: np.ndarray
    hazard: np.ndarray
    event: np.ndarray
    tie_end: np.ndarray
    information: np.ndarray
    converged: bool

    @property
    def n(self) -> int:
        """People in the model."""
        return len(self.hazard)

    @property
    def case(self) -> np.ndarray:
        """bool (n,), who had the event, in the order of the data."""
        seen = np.empty(self.n, bool)
        seen[self.order] = self.event.astype(bool)
        return seen

    def score(self, packed: np.ndarray, place: np.ndarray) -> Scores:
        """See :class:`~endotype.association.null_model.NullModel`."""
        row_of = np.empty(self.n, np.int64)
        row_of[self.order] = np.arange(self.n)
        sorted_place = np.where(place < 0, -1, row_of[place]) if self.n else place
        return Scores(*kernels.cox_score_packed(packed, sorted_place, *self._arrays))

    def score_dense(self, dosages: np.ndarray) -> Scores:
        """See :class:`~endotype.association.null_model.NullModel`."""
        by_time = np.ascontiguousarray(dosages[:, self.order])
        sums, rank = kernels.cox_score_dense(by_time, *self._arrays)
        return Scores(np.zeros((len(sums), kernels.N_COUNTS), np.int64), sums, rank)

    def statistics(self, scores: Scores) -> Statistics:
        """The score test of the partial likelihood, Breslow's rule for ties (Cox 1972, Breslow 1974).

        ``beta = U / V`` is one Newton step from the null: a log hazard ratio that is close for small
        effects. From ``|z| = 2`` on the likelihood ratio is taken instead, because the tail of z is too heavy
        for rare alleles: ``stat`` is its signed root, ``beta`` the estimate and ``se = beta / stat``; without
        a finite estimate beta and se are those of the score. People without a genotype are left out of every
        risk set; the null coefficients then follow by one Newton step.
        """
        score = score_statistics(scores, "cox_score")
        estimate, ratio = scores.sums[:, kernels.ESTIMATE], scores.sums[:, kernels.LIKELIHOOD_RATIO]
        climbed = np.isfinite(ratio)
        finite = climbed & np.isfinite(estimate)
        stat = np.where(climbed, np.sign(score.stat) * np.sqrt(np.maximum(ratio, 0)), score.stat)
        return Statistics(
            np.where(finite, estimate, score.beta),
            np.where(finite, estimate / stat, score.se),
            stat,
            neg_log10_p_normal(stat),
            np.where(climbed, "cox_likelihood_ratio", score.test),
        )

    @property
    def _arrays(self) -> tuple[np.ndarray, ...]:
        return (self.covariates, self.hazard, self.event, self.tie_end, self.information)


def fit_cox(time: np.ndarray, event: np.ndarray, covariates: np.ndarray) -> CoxModel:
    """Fit the null model by Newton's method with step halving.

    Args:
        time: float64 (n,), follow-up until the event or the end of observation.
        event: bool (n,), whether the event was seen at that time.
        covariates: float64 (n, c), complete, of full rank together with an intercept.

    Returns:
        A model; ``converged`` is false when a covariate has no finite estimate, or the iteration did not
        settle.
    """
    order = np.argsort(-time, kind="stable")
    centred = standardised(covariates)
    x, seen, sorted_time = np.ascontiguousarray(centred[order]), event[order].astype(bool), time[order]
    tie_end = np.flatnonzero(np.append(sorted_time[1:] != sorted_time[:-1], True)) + 1 if len(time) else order
    # The risk set of a person holds everyone down to the end of her tie.
    last = tie_end[np.searchsorted(tie_end, np.flatnonzero(seen), "right")] - 1 if len(time) else order

    found = maximise(lambda b: _partial_likelihood(b, x, seen, last), x.shape[1])
    _, _, information = _partial_likelihood(found.coefficients, x, seen, last)
    predictor = x @ found.coefficients
    converged = found.converged and bool(np.all(np.abs(predictor) < CERTAIN))
    return CoxModel(
        order.astype(np.int64),
        x,
        np.exp(np.clip(predictor, -CERTAIN, CERTAIN)),
        seen.astype(np.uint8),
        tie_end.astype(np.int64),
        information,
        converged,
    )


def _partial_likelihood(
    coefficients: np.ndarray, x: np.ndarray, seen: np.ndarray, last: np.ndarray
) -> tuple[float, np.ndarray, np.ndarray]:
    """Breslow's log partial likelihood, its gradient and its information; times descending.

    ``last`` is, for each event, the last row of its risk set.
    """
    predictor = x @ coefficients
    hazard = np.exp(np.clip(predictor, -500, 500))
    risk = np.cumsum(hazard)[last]
    mean = np.cumsum(hazard[:, None] * x, axis=0)[last] / risk[:, None]
    square = np.cumsum(hazard[:, None, None] * x[:, :, None] * x[:, None, :], axis=0)[last]
    information = (square / risk[:, None, None] - mean[:, :, None] * mean[:, None, :]).sum(axis=0)
    likelihood = float(predictor[seen].sum() - np.log(risk).sum())
    return likelihood, x[seen].sum(axis=0) - mean.sum(axis=0), information
