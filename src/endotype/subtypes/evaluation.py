"""How well a model of given labels calls patients it has never seen: nested cross-validation.

In each outer fold everything is learnt anew from the other patients - penalty, temperature, typicality - by
inner folds of their own, and the patients of the fold are called. Nothing of a patient ever enters what is
used to call that patient, but for the transforms of gaussian features (centre and scale), which don't know
labels.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from endotype.subtypes.calibration import measures
from endotype.subtypes.calls import REASONS, decide
from endotype.subtypes.folds import stratified_folds
from endotype.subtypes.freeze import Frozen, freeze_labels
from endotype.subtypes.mixture import Data
from endotype.subtypes.model import Limits, SubtypeModel
from endotype.subtypes.reference_range import NOT_IN_MODEL
from endotype.subtypes.transform import FeatureTransform

OUTER_FOLDS = 5
_STREAM = 59


@dataclass(frozen=True)
class Scheme:
    """Labels to learn: their names in order, those that mean "without a subtype", and the limits of a
    call."""

    names: tuple[str, ...]
    unclassified: tuple[str, ...]
    limits: Limits

    def model(self, frozen: Frozen, n: int) -> SubtypeModel:
        """A model without transforms or ranges, for values that are model values already."""
        return SubtypeModel(
            names=self.names,
            transform=FeatureTransform((), ()),
            mixture=frozen.mixture,
            factors=frozen.factors,
            conformal=frozen.conformal,
            limits=self.limits,
            n_training=n,
            classifier=frozen.classifier,
            unclassified=self.unclassified,
        )


def cross_validate(data: Data, labels: np.ndarray, scheme: Scheme, seed: int) -> dict[str, Any]:
    """The evaluation block of a model of given labels; BLAS must be held to one thread by the caller.

    Returns:
        ``posterior``: the measures of :mod:`endotype.subtypes.calibration` over all patients, before any is
        refused; ``calls``: shares called and refused by reason, and the accuracy of the called; by label too.
    """
    k = len(scheme.names)
    folds = stratified_folds(labels, OUTER_FOLDS, np.random.default_rng([seed, _STREAM]))
    posterior = np.empty((data.n, k))
    reason = np.empty(data.n, dtype=object)
    for fold in range(OUTER_FOLDS):
        inside, outside = folds == fold, folds != fold
        alpha = scheme.limits.typicality_alpha
        frozen = freeze_labels(data.rows(outside), labels[outside], k, alpha, seed)
        calls = call(scheme.model(frozen, int(outside.sum())), data.rows(inside))
        posterior[inside], reason[inside] = calls
    called = reason == ""
    right = posterior.argmax(axis=1) == labels
    return {
        "method": f"nested cross-validation, {OUTER_FOLDS} outer folds",
        "posterior": measures(posterior, labels, list(scheme.names)),
        "calls": {
            "called": float(called.mean()),
            "accuracy_of_called": float(right[called].mean()) if called.any() else None,
            "no_call": {r: float((reason == r).mean()) for r in REASONS if (reason == r).any()},
            "called_by_label": {
                name: float(called[labels == c].mean()) for c, name in enumerate(scheme.names)
            },
        },
    }


def call(model: SubtypeModel, data: Data) -> tuple[np.ndarray, np.ndarray]:
    """Posterior (n, k) and reason (n,) for patients of whom only features are known."""
    calls = decide(model, data, np.zeros(data.n, bool), np.full(data.n, NOT_IN_MODEL))
    return calls.posterior, calls.reason


def hide_each(
    data: Data,
    labels: np.ndarray,
    names: tuple[str, ...],
    schemes: Sequence[Scheme],
    seed: int,
) -> Iterator[dict[str, Any]]:
    """What happens to patients of a class that the model was never shown, class by class.

    Each class in turn is kept from the model, which is fitted to four fifths of the others; its patients and
    the left-out fifth are called, in five folds. Flagged is who gets no call; false alarms are those among
    left-out patients of the classes shown, but for classes without a subtype, who are meant to get none.

    Args:
        data: patients.
        labels: their classes, int64, shape (n,).
        names: of the classes, in order.
        schemes: ways to call with the same fit: classes without a subtype, and limits. Typicality is
            calibrated for the least alpha among them.
        seed: of the folds.

    Yields:
        For each class and scheme the shares flagged and of false alarms.
    """
    alpha = min(scheme.limits.typicality_alpha for scheme in schemes)
    folds = stratified_folds(labels, OUTER_FOLDS, np.random.default_rng([seed, _STREAM]))
    for hidden, name in enumerate(names):
        shown = labels != hidden
        kept = [c for c in range(len(names)) if c != hidden]
        number = np.full(len(names), -1)
        number[kept] = np.arange(len(kept))
        flagged: list[list[np.ndarray]] = [[] for _ in schemes]
        alarms: list[list[np.ndarray]] = [[] for _ in schemes]
        for fold in range(OUTER_FOLDS):
            outside = shown & (folds != fold)
            frozen = freeze_labels(data.rows(outside), number[labels[outside]], len(kept), alpha, seed)
            for i, scheme in enumerate(schemes):
                rest = tuple(n for n in scheme.unclassified if n != name)
                without = Scheme(tuple(names[c] for c in kept), rest, scheme.limits)
                model = without.model(frozen, int(outside.sum()))
                flagged[i].append(call(model, data.rows(labels == hidden))[1] != "")
                subtype = ~np.isin(np.array(names, dtype=object)[labels], scheme.unclassified)
                alarms[i].append(call(model, data.rows(shown & (folds == fold) & subtype))[1] != "")
        for i, scheme in enumerate(schemes):
            yield {
                "hidden": name,
                "n": int((labels == hidden).sum()),
                "unclassified": list(scheme.unclassified),
                "typicality_alpha": scheme.limits.typicality_alpha,
                "flagged": float(np.mean(np.concatenate(flagged[i]))),
                "false_alarms": float(np.mean(np.concatenate(alarms[i]))),
            }
