"""Groups and their patients made into the frozen parts of a model: typicality, and for given labels a
classifier.

Calibration is cross-conformal (Vovk 2015): each patient is scored by a model of the other folds, so that the
scores are those of a patient who is new. The frozen model is fitted to everybody.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from endotype.subtypes import typicality
from endotype.subtypes.calibration import softmax
from endotype.subtypes.classifier import Choice, Classifier, choose_penalty, fit_classifier
from endotype.subtypes.conformal import Conformal, calibrate
from endotype.subtypes.folds import stratified_folds
from endotype.subtypes.mixture import Data, Mixture, fit_from
from endotype.subtypes.typicality import Factors, fit_factors

FOLDS = 5
_STREAM = 53


@dataclass(frozen=True)
class Frozen:
    """Parts of a model; ``choice`` says how the classifier's penalty was chosen."""

    mixture: Mixture
    factors: Factors
    conformal: Conformal
    classifier: Classifier | None = None
    choice: Choice | None = None


def mixture_of(data: Data, membership: np.ndarray) -> Mixture:
    """The mixture whose groups are given: one maximisation step from memberships (n, k), rows summing to
    1."""
    return fit_from(data, membership, 1)[1]


def freeze_groups(mixture: Mixture, data: Data, alpha: float, seed: int) -> Frozen:
    """Typicality for groups that a mixture found; the mixture itself stays as it is.

    The held-out mixtures keep the memberships that the mixture gave and learn the groups' laws anew without
    the fold. BLAS must be held to one thread by the caller.

    Args:
        mixture: groups, fitted to ``data``.
        data: the patients it was fitted to.
        alpha: the typicality that must be reachable.
        seed: of the folds.
    """
    membership = mixture.posterior(data)
    labels = membership.argmax(axis=1)
    folds = _folds(labels, seed)
    own: dict[str, np.ndarray] = {}
    for fold in np.unique(folds):
        inside, outside = folds == fold, folds != fold
        others = data.rows(outside)
        held_out = mixture_of(others, membership[outside])
        factors = fit_factors(held_out, others, labels[outside])
        patients = data.rows(inside)
        scored = typicality.scores(held_out, factors, patients, held_out.posterior(patients))
        _collect(own, scored, labels, inside)
    factors = fit_factors(mixture, data, labels)
    if not own:
        own = {name: np.empty(0) for name in typicality.component_names(mixture)}
    return Frozen(mixture, factors, calibrate(own, labels, mixture.k, alpha))


def freeze_labels(data: Data, labels: np.ndarray, k: int, alpha: float, seed: int) -> Frozen:
    """A calibrated classifier of given labels and its typicality.

    BLAS must be held to one thread by the caller.

    Args:
        data: training patients.
        labels: int64, shape (n,), each of 0..k-1 at least twice.
        k: number of labels.
        alpha: the typicality that must be reachable.
        seed: of the folds.
    """
    one_hot = np.eye(k)
    folds = _folds(labels, seed)
    outside = [folds != fold for fold in range(FOLDS)]
    mixtures = [mixture_of(data.rows(rows), one_hot[labels[rows]]) for rows in outside]
    choice = choose_penalty(data, labels, folds, mixtures)
    posterior = softmax(choice.logits, choice.temperature)
    # By the group a patient is called to, as a new one will be: by true labels, those of classes that are
    # often missed would make anything look ordinary there.
    called = posterior.argmax(axis=1)
    own: dict[str, np.ndarray] = {}
    for fold, held_out in enumerate(mixtures):
        inside = folds == fold
        factors = fit_factors(held_out, data.rows(outside[fold]), labels[outside[fold]])
        scored = typicality.scores(held_out, factors, data.rows(inside), posterior[inside])
        _collect(own, scored, called, inside)
    mixture = mixture_of(data, one_hot[labels])
    classifier = fit_classifier(data, labels, mixture, choice.penalty)
    return Frozen(
        mixture,
        fit_factors(mixture, data, labels),
        calibrate(own, called, k, alpha),
        replace(classifier, temperature=choice.temperature),
        choice,
    )


def _folds(labels: np.ndarray, seed: int) -> np.ndarray:
    return stratified_folds(labels, FOLDS, np.random.default_rng([seed, _STREAM]))


def _collect(
    own: dict[str, np.ndarray], scored: dict[str, np.ndarray], labels: np.ndarray, inside: np.ndarray
) -> None:
    """Write the scores of patients ``inside`` in their own groups to their places."""
    for name, values in scored.items():
        column = own.setdefault(name, np.zeros(len(labels)))
        column[inside] = values[np.arange(int(inside.sum())), labels[inside]]
