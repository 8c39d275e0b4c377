"""Linear regression of a quantitative trait on covariates and one dosage at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from endotype.association.null_model import Scores, Statistics
from endotype.association.packed_scan import as_words, score_block, score_group
from endotype.association.tail_kernels import neg_log10_p_t


@dataclass(frozen=True)
class LinearModel:
    """A quantitative trait with its covariates projected out.

    Attributes:
        basis: float64 (n, k), orthonormal columns that span the intercept and the covariates.
        residual: float64 (n,), what they leave of the trait.
    """

    basis: np.ndarray
    residual: np.ndarray
    converged: bool = True
    case: np.ndarray | None = None

    @property
    def n(self) -> int:
        """People in the model."""
        return len(self.residual)

    def score(self, packed: np.ndarray, place: np.ndarray) -> Scores:
        """See :class:`~endotype.association.null_model.NullModel`."""
        (scores,) = score_block(as_words(packed), score_group(place, self.basis, self.residual[:, None]))
        return scores

    def statistics(self, scores: Scores) -> Statistics:
        """Least squares in the people of the test: ``t`` with ``n - rank - 1`` degrees of freedom.

        With ``g`` and ``y`` after projection, ``beta = g'y / g'g`` and
        ``se^2 = (y'y - beta g'y) / (df g'g)``: the Frisch-Waugh-Lovell theorem.
        """
        score, information, _, total, *_ = scores.sums.T
        df = self.n - scores.left_out() - scores.rank - 1
        beta = score / information
        # A perfect fit leaves rounding; the floor keeps its statistic finite and its sign right.
        left = np.maximum(total - beta * score, np.finfo(float).eps * total)
        se = np.sqrt(left / df / information)
        stat = beta / se
        return Statistics(beta, se, stat, neg_log10_p_t(stat, df), np.full(len(stat), "linear", object))


def fit_linear(trait: np.ndarray, covariates: np.ndarray) -> LinearModel:
    """Project the intercept and the covariates out of a trait.

    Args:
        trait: float64 (n,), complete.
        covariates: float64 (n, c), complete, of full rank together with an intercept.
    """
    scale = covariates.std(axis=0)
    centred = (covariates - covariates.mean(axis=0)) / np.where(scale > 0, scale, 1)
    basis = np.linalg.qr(np.column_stack([np.ones(len(trait)), centred])).Q
    residual = trait - trait.mean()
    for _ in range(2):  # twice is enough: what the first pass leaves of the covariates, the second takes
        residual = residual - basis @ (basis.T @ residual)
    return LinearModel(np.ascontiguousarray(basis), residual)
