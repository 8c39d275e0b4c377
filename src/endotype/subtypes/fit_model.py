"""``subtype.py fit``: a table of patients and what its columns are, to a frozen model.

Without labels subtypes are discovered, and none is a legal answer; with a column of published labels they are
learnt. Labels of another engine (network fusion, consensus) are learnt the same way: that is how its groups
become a model that can be applied to one new patient, and the evaluation block says how well.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from endotype.errors import InputError, Problem, input_error, nearest, visible
from endotype.files import read_json, sha256_file
from endotype.subtypes.adjustment import (
    FeatureScale,
    design_matrix,
    find_confounders,
    fit_scale,
    principal_components,
)
from endotype.subtypes.discover import Cohort, discover
from endotype.subtypes.evaluation import Scheme, cross_validate
from endotype.subtypes.feature_table import (
    MISSING_WORDS,
    PATIENT,
    read_covariates,
    read_description,
    read_features,
    read_table,
)
from endotype.subtypes.freeze import freeze_labels
from endotype.subtypes.model import Limits, SubtypeModel, save_model
from endotype.subtypes.reference_range import FeatureRange, feature_range, fit_ancestry
from endotype.subtypes.selection import Settings
from endotype.subtypes.transform import FeatureTransform, recorded

MIN_LABELLED = 10
"""Patients that a label needs to be learnt: two in every fold of every fold."""


def fit_model(
    patients: str | Path,
    features_info: str | Path,
    out: str | Path,
    settings: Settings,
    labels: str | None = None,
    unclassified: tuple[str, ...] = (),
    clinical: str | Path | None = None,
    dictionary: str | Path | None = None,
    ancestry: str | Path | None = None,
    min_information: float | None = None,
) -> tuple[SubtypeModel, list[str]]:
    """Write ``model.json``.

    Args:
        patients: TSV, CSV or Parquet with a column ``patient``, the features, and the labels.
        features_info: YAML or JSON that gives name, kind, unit and view of each feature.
        out: the model.
        settings: limits of a call, the seed, and how subtypes are looked for.
        labels: column of published labels; without one, subtypes are discovered.
        unclassified: labels that mean "without a subtype".
        clinical, dictionary: confounders of the clinical table, as in a run.
        ancestry: principal components, confounders as well.
        min_information: least information fraction of a call.

    Returns:
        The model, and what is to be told.

    Raises:
        InputError: a table or a description can't be used.
    """
    info = read_description(features_info)
    names = [entry["name"] for entry in info]
    table, _ = read_features(patients, {entry["name"]: entry["kind"] for entry in info})
    problems = [
        Problem(
            str(patients),
            None,
            name,
            "no such column",
            "every described feature",
            nearest(name, table.columns),
        )
        for name in names
        if name not in table.columns
    ]
    for entry in info:
        if entry["name"] not in table.columns:
            continue
        if entry["kind"] == "category":
            seen = table[entry["name"]].dropna()
            entry["levels"] = entry["levels"] or sorted(set(seen))
            continue
        values = table[entry["name"]].to_numpy()
        finite = values[np.isfinite(values)]
        if entry["kind"] == "binary" and not np.isin(finite, (0.0, 1.0)).all():
            found, expected = "other values than 0 and 1", "a binary feature"
        elif entry["kind"] == "count" and ((finite < 0) | (finite != np.round(finite))).any():
            found, expected = "values that are no whole numbers from 0", "a count"
        else:
            continue
        problems.append(Problem(str(patients), None, entry["name"], found, expected))
    if problems:
        raise InputError(problems)
    described = read_json(dictionary) if dictionary is not None else {"columns": {}}
    cohort = Cohort(
        table, read_covariates(clinical, table.index, False), read_covariates(ancestry, table.index, True)
    )
    provenance = {
        name: sha256_file(path)
        for name, path in [
            ("patients", patients),
            ("features_info", features_info),
            ("clinical", clinical),
            ("dictionary", dictionary),
            ("ancestry", ancestry),
        ]
        if path is not None
    }
    with threadpool_limits(1):
        if labels is None:
            discovery = discover(cohort, {"features": info, "views": []}, described, settings)
            model, left_out = discovery.model, discovery.left_out
            # Discovery takes units from the dictionary; here they are told with the features.
            units = {entry["name"]: entry["unit"] for entry in info}
            model = replace(
                model, ranges={name: replace(r, unit=units[name]) for name, r in model.ranges.items()}
            )
        else:
            given = _labels(patients, labels, table.index)
            model, left_out = learn(cohort, info, described, given, unclassified, settings, str(patients))
    if min_information is not None:
        model = replace(model, limits=replace(model.limits, min_observed=min_information))
    model = replace(
        model,
        provenance={"inputs": provenance, "seed": settings.seed, "labels": labels, "left_out": left_out},
    )
    save_model(model, out)
    return model, [f"{patients}: {name} isn't used: {why}" for name, why in sorted(left_out.items())]


def learn(
    cohort: Cohort,
    info: list[dict[str, Any]],
    dictionary: dict[str, Any],
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
        info: described features.
        dictionary: of the clinical table, for the confounders.
        labels: of each patient, null where there is none; such patients don't train.
        unclassified: labels that mean "without a subtype".
        settings: limits and seed.
        source: named in errors.

    Returns:
        The model, and features that were left out with the reason.
    """
    known = labels.notna().to_numpy()
    cohort = Cohort(cohort.features[known], cohort.clinical[known], cohort.ancestry[known])
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
    confounders = find_confounders(dictionary, cohort.clinical, cohort.ancestry)
    design = design_matrix(confounders, cohort.clinical, cohort.ancestry)
    scales: list[FeatureScale] = []
    ranges: dict[str, FeatureRange] = {}
    left_out: dict[str, str] = {}
    for entry in info:
        name, kind, none = entry["name"], entry["kind"], (0.0,) * len(confounders)
        blank = FeatureScale(name, entry["view"], kind, "identity", 0.0, 1.0, none)
        values = recorded(cohort.features, blank)
        scale = fit_scale(name, entry["view"], kind, values, design, entry["levels"] or ())
        if isinstance(scale, str) and kind == "binary" and np.isfinite(values).any():
            scale = blank
        if isinstance(scale, str):
            left_out[name] = scale
            continue
        scales.append(scale)
        if kind != "category":
            ranges[name] = feature_range(name, entry["unit"], values, kind == "binary")
    if not scales:
        raise input_error(source, "no feature that varies between patients", "at least one")
    transform = FeatureTransform(tuple(confounders), tuple(scales))
    data = transform.data(cohort.features, cohort.clinical, cohort.ancestry)
    limits = Limits(settings.call_probability, settings.typicality_alpha)
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
        ranges=ranges,
        ancestry=fit_ancestry(cohort.ancestry, principal_components(cohort.ancestry), settings.seed),
        evaluation=evaluation,
    )
    return model, left_out


def _labels(path: str | Path, column: str, index: pd.Index) -> pd.Series:
    frame, _ = read_table(path)
    if column not in frame.columns or column == PATIENT:
        raise input_error(
            path,
            f"no column {visible(column)}",
            "the column of labels",
            nearest(column, map(str, frame.columns)),
        )
    text = frame[column].astype("str").str.strip()
    missing = frame[column].isna() | text.isin(MISSING_WORDS)
    return pd.Series(text.mask(missing).to_numpy(), index=index, name=column)
