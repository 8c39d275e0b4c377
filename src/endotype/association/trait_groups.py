"""Which traits can be scored in one pass, and the pass."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from endotype.association.cox import CoxModel
from endotype.association.cox_scan import CoxLayout, score_cox_block
from endotype.association.linear import LinearModel
from endotype.association.logistic import LogisticModel
from endotype.association.null_model import NullModel, Scores
from endotype.association.packed_scan import ScoreGroup, as_words, score_block, score_group

T = TypeVar("T")

_one_at_a_time = threading.Lock()
"""Kernels that start threads of their own must not be called by two threads at once."""


def alone(function: Callable[[np.ndarray], T]) -> Callable[[np.ndarray], T]:
    """A function that waits until no other thread is inside a kernel that starts threads of its own."""

    def called(rows: np.ndarray) -> T:
        with _one_at_a_time:
            return function(rows)

    return called


@dataclass(frozen=True)
class TraitGroup:
    """Traits that are scored together.

    Attributes:
        traits: their places in the list that was grouped.
        layout: what :func:`~endotype.association.packed_scan.score_block` takes, or, of one Cox model,
            :func:`~endotype.association.cox_scan.score_cox_block`.
    """

    traits: tuple[int, ...]
    layout: ScoreGroup | CoxLayout


def group_traits(models: Sequence[NullModel], places: Sequence[np.ndarray]) -> list[TraitGroup]:
    """Group traits by what they share.

    Linear models of the same people (the same pattern of missing phenotypes) and the same covariates go
    together; a logistic and a Cox model have weights of their own and go alone.

    Args:
        models: null models.
        places: for each, int64 (n_people,), the row of each person of the store in it, or -1.
    """
    shared: dict[tuple[bytes, bytes], list[int]] = {}
    groups = []
    for t, (model, place) in enumerate(zip(models, places, strict=True)):
        if isinstance(model, LinearModel):
            shared.setdefault((place.tobytes(), model.basis.tobytes()), []).append(t)
        elif isinstance(model, LogisticModel):
            layout = score_group(place, model.basis, model.residual[:, None], model.weight, model.case)
            groups.append(TraitGroup((t,), layout))
        elif isinstance(model, CoxModel):
            groups.append(TraitGroup((t,), model.layout(place)))
        else:
            raise TypeError(f"no way to score a {type(model).__name__}")
    for traits in shared.values():
        residuals = np.column_stack([_linear(models[t]).residual for t in traits])
        layout = score_group(places[traits[0]], _linear(models[traits[0]]).basis, residuals)
        groups.append(TraitGroup(tuple(traits), layout))
    return sorted(groups, key=lambda group: group.traits)


def score_traits(packed: np.ndarray, groups: Sequence[TraitGroup], missing: str = "drop") -> list[Scores]:
    """The scores of a block of variants for every trait.

    Args:
        packed: uint8 (n_variants, ceil(n_people / 4)), PLINK 1 rows.
        groups: of :func:`group_traits`.
        missing: ``drop`` or ``mean``; see :func:`~endotype.association.packed_scan.score_block`. Times to
            event always drop.

    Returns:
        One a trait, in the order of the models that were grouped.
    """
    words = as_words(packed)
    scores: dict[int, Scores] = {}
    for group in groups:
        if isinstance(group.layout, CoxLayout):
            scores[group.traits[0]] = score_cox_block(words, group.layout)
        else:
            scores |= zip(group.traits, score_block(words, group.layout, missing), strict=True)
    return [scores[t] for t in range(len(scores))]


def _linear(model: NullModel) -> LinearModel:
    assert isinstance(model, LinearModel)
    return model
