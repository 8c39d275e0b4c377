"""How much of what the model needs a patient brings: not a count of features, but what they tell apart.

The weight of a column is the mutual information of its value and the group: for binary columns and levels of
a category from their rates, for gaussian columns and counts half the logarithm of the ratio of the variance
over all groups and that within (exact for one shared variance and normal groups far closer than they are
wide, an upper bound otherwise). The information fraction is the share of the weights that was seen. Columns
that say the same are each counted: the fraction is a rule of thumb, and monotone in what is seen.
"""

from __future__ import annotations

import numpy as np

from endotype.subtypes.kernels import BINARY, CATEGORY
from endotype.subtypes.mixture import Data, Mixture


def discrimination(mixture: Mixture) -> np.ndarray:
    """Mutual information of each column with the group, in nats, shape (p,)."""
    share = mixture.weights[:, None]
    location, variance = mixture.location, mixture.variance
    mean = (share * location).sum(axis=0)
    within = (share * variance).sum(axis=0)
    between = (share * (location - mean) ** 2).sum(axis=0)
    result = 0.5 * np.log1p(between / np.maximum(within, 1e-12))
    named = np.isin(mixture.kind, (BINARY, CATEGORY))
    yes = (share * location * np.log(np.maximum(location, 1e-300) / np.maximum(mean, 1e-300))).sum(axis=0)
    no = (
        share * (1 - location) * np.log(np.maximum(1 - location, 1e-300) / np.maximum(1 - mean, 1e-300))
    ).sum(axis=0)
    result = np.where(named, yes + np.where(mixture.kind == BINARY, no, 0.0), result)
    return np.maximum(result, 0.0)


def information_fraction(mixture: Mixture, data: Data) -> np.ndarray:
    """Share of the model's information that each patient brings, shape (n,), from 0 to 1.

    Added up column by column, so that a patient alone gets the bits that the same patient gets among others.
    Where no column tells groups apart all count alike.
    """
    weight = discrimination(mixture)
    if not weight.sum() > 0:
        weight = np.ones_like(weight)
    seen, total = np.zeros(data.n), 0.0
    for j, w in enumerate(weight):
        seen += np.where(data.seen[:, j], w, 0.0)
        total += w
    return seen / total if total > 0 else seen
