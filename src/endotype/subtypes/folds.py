"""Folds of a cross-validation: every class spread evenly, the same for the same seed."""

from __future__ import annotations

import numpy as np


def stratified_folds(labels: np.ndarray, n_folds: int, rng: np.random.Generator) -> np.ndarray:
    """The fold of each patient, int64, shape (n,), from 0 to ``n_folds`` - 1.

    Patients of one class are shuffled and dealt out in turn, and the next class goes on where the last one
    stopped: classes and folds are both even to one patient.
    """
    fold = np.empty(len(labels), np.int64)
    dealt = 0
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        fold[rng.permutation(members)] = (dealt + np.arange(len(members))) % n_folds
        dealt += len(members)
    return fold
