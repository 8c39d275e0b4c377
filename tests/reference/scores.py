"""Scores of dosages in a (generalised) linear null model, slow and obvious, one variant at a time."""

from __future__ import annotations

import numpy as np

from endotype.association.linear import LinearModel
from endotype.association.logistic import LogisticModel
from endotype.association.null_model import Scores


def plain_scores(model: LinearModel | LogisticModel, dosages: np.ndarray) -> Scores:
    """Counts, sums and rank of dosages (m, n) in the order of the model's people.

    Whole numbers may be -1, missing: those people are left out. Of any other dosages (burdens) only the
    sums and the rank mean something.
    """
    weight = model.weight if isinstance(model, LogisticModel) else np.ones(model.n)
    case = model.case if model.case is not None else np.zeros(model.n, bool)
    counts = np.zeros((len(dosages), 4), np.int64)
    sums = np.zeros((len(dosages), 4))
    rank = np.zeros(len(dosages), np.int64)
    for v, dosage in enumerate(dosages):
        called = dosage >= 0 if np.issubdtype(dosages.dtype, np.integer) else np.ones(model.n, bool)
        g, w, r, x = dosage[called].astype(float), weight[called], model.residual[called], model.basis[called]
        counts[v] = (~called).sum(), g.sum(), (~called & case).sum(), g[case[called]].sum()
        information = (x.T * w) @ x
        inverse = np.linalg.pinv(information, rcond=1e-9, hermitian=True)
        cross, left = (x.T * w) @ g, x.T @ r
        rank[v] = np.linalg.matrix_rank(information, tol=1e-9, hermitian=True)
        raw = (w * g) @ g
        sums[v] = (
            g @ r - cross @ inverse @ left,
            raw - cross @ inverse @ cross,
            raw,
            r @ r - left @ inverse @ left,
        )
    return Scores(counts, sums, rank)
