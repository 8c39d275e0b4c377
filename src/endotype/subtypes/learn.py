"""Published classes learnt: a calibrated classifier with its evaluation by nested cross-validation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from endotype.errors import InputError, Problem, input_error, nearest, visible
from endotype.subtypes.adjustment import principal_components
from endotype.subtypes.evaluation import Scheme, cross_validate
from endotype.subtypes.freeze import freeze_labels
from endotype.subtypes.model import Limits, SubtypeModel
from endotype.subtypes.reference_range import feature_ranges, fit_ancestry
from endotype.subtypes.selection import Settings
from endotype.subtypes.training import Cohort
from endotype.subtypes.transform import fit_transform

MIN_LABELLED = 10
"""Patients that a label needs to be learnt: two in every fold of every fold."""


def learn(
    cohort: Cohort,
    info: Mapping[str, Any],
    dictionary: Mapping[str, Any],
    labels: pd.Series,
    unclassified: tuple[str, ...],
    settings: Settings,
    source: str,
) -> tuple[SubtypeModel, dict[str, str]]:
    """A model of given labels with its evaluation; BLAS must be held to one thread by the caller.

    A binary feature that is the same in every patient stays in the model: who differs is unlike all of
    training.

    Args:
        cohort: tables of all patients.
        info: ``features.json``.
        dictionary: of the clinical table, for the confounders.
        labels: of each patient, null where there is none; such patients don't train.
        unclassified: labels that mean "without a subtype".
        settings: limits and seed.
        source: named in errors.

    Returns:
        The model, and features that were left out with the reason.
    """
    known = labels.notna().to_numpy()
    cohort = cohort.rows(known)
    names, codes = np.unique(labels[known].to_numpy(dtype=object).astype(str), return_inverse=True)
    counts = np.bincount(codes, minlength=len(names))
    problems = [
        Problem(
            source,
            None,
            str(labels.name),
            f"{n} patients labelled {visible(str(name))}",
            f"{MIN_LABELLED} or more",
        )
        for name, n in zip(names, counts, strict=True)
        if n < MIN_LABELLED
    ]
    problems += [
        Problem(
            source,
            None,
            str(labels.name),
            f"no label {visible(name)}",
            "labels that occur",
            nearest(name, names),
        )
        for name in unclassified
        if name not in names
    ]
    if len(names) < 2:
        problems.append(Problem(source, None, str(labels.name), f"{len(names)} labels", "two or more"))
    if problems:
        raise InputError(problems)
    transform, left_out = fit_transform(
        cohort.features, cohort.clinical, cohort.ancestry, info, dictionary, keep_constant=True
    )
    if not transform.features:
        raise input_error(source, "no feature that varies between patients", "at least one")
    data = transform.data(cohort.features, cohort.clinical, cohort.ancestry)
    limits = Limits(settings.call_probability, settings.typicality_alpha, settings.min_information)
    scheme = Scheme(tuple(str(name) for name in names), unclassified, limits)
    frozen = freeze_labels(data, codes, len(names), settings.typicality_alpha, settings.seed)
    assert frozen.choice is not None
    evaluation = cross_validate(data, codes, scheme, settings.seed) | {
        "penalties": {str(penalty): loss for penalty, loss in frozen.choice.losses.items()},
        "shares": dict(zip(scheme.names, (counts / counts.sum()).tolist(), strict=True)),
        "without_label": int((~known).sum()),
    }
    model = replace(
        scheme.model(frozen, data.n),
        transform=transform,
        ranges=feature_ranges(cohort.features, info["features"], transform.features),
        ancestry=fit_ancestry(cohort.ancestry, principal_components(cohort.ancestry), settings.seed),
        evaluation=evaluation,
    )
    return model, left_out
