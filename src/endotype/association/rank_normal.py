"""Rank-based inverse normal transformation of a quantitative trait."""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from endotype.errors import input_error
from endotype.message import N_

if TYPE_CHECKING:
    from endotype.association.design import Design

BLOM = 3 / 8
"""Blom's offset, which makes the transformed values close to expected normal order statistics."""

TRANSFORMATION = N_("rank-based inverse normal (Blom), ties averaged, among the people in the model")


def rank_inverse_normal(values: np.ndarray, offset: float = BLOM) -> np.ndarray:
    """Replace each value by the normal quantile of its rank (Blom 1958; Beasley, Erickson and Allison 2009).

    ``x = quantile((r - c) / (m - 2 c + 1))`` with r the rank among the m values that are there; tied values
    share the mean of their ranks. Transform the people who are analysed, not a larger cohort.

    Args:
        values: float64 (n,); NaN is missing and stays so.
        offset: c, in [0, 1/2]: 3/8 is Blom's, 0 van der Waerden's, 1/2 that of rankits.

    Returns:
        float64 (n,).

    Raises:
        ValueError: an infinite value, or an offset outside its range.
    """
    from scipy import special  # here, because a run without this option need not wait for it

    if not 0 <= offset <= 0.5:
        raise ValueError(f"offset {offset} is not in [0, 0.5]")
    values = np.asarray(values, float)
    if np.isinf(values).any():
        raise ValueError("an infinite value has no rank that means anything")
    transformed = np.full(values.shape, np.nan)
    there = ~np.isnan(values)
    _, place, ties = np.unique(values[there], return_inverse=True, return_counts=True)
    ranks = (np.cumsum(ties) - (ties - 1) / 2)[place]
    transformed[there] = special.ndtri((ranks - offset) / (there.sum() - 2 * offset + 1))
    return transformed


def transform_traits(design: Design, traits: Iterable[str]) -> Design:
    """The design with quantitative traits made normal by rank, among the people of each trait's model.

    The others keep no value of it, so that the model holds the same people. Each trait's ``info`` says so
    under ``transformation``.

    Raises:
        InputError: no such trait, one that can't be tested, or one that is not quantitative.
    """
    frame, info = design.frame.copy(), deepcopy(design.info)
    for name in traits:
        trait = design.trait(name)
        if trait.kind != "linear":
            raise input_error("the design", f"the {trait.kind} trait '{name}'", "a quantitative trait")
        values = np.full(len(frame), np.nan)
        values[trait.rows] = rank_inverse_normal(trait.values)
        frame[name] = values
        info["traits"][name]["transformation"] = TRANSFORMATION
    return replace(design, frame=frame, info=info)
