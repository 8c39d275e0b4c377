"""``subtype.py fit``: a table of patients and what its columns are, to a frozen model.

Without labels subtypes are discovered, and none is a legal answer; with a column of published labels they are
learnt. Labels of another engine (network fusion, consensus) are learnt the same way: that is how its groups
become a model that can be applied to one new patient, and the evaluation block says how well.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from endotype.errors import InputError, Problem, input_error, nearest, visible
from endotype.files import read_json, sha256_file
from endotype.subtypes.discover import discover
from endotype.subtypes.feature_table import (
    MISSING_WORDS,
    PATIENT,
    read_covariates,
    read_description,
    read_features,
    read_table,
)
from endotype.subtypes.learn import learn
from endotype.subtypes.model import SubtypeModel, save_model
from endotype.subtypes.selection import Settings
from endotype.subtypes.training import Cohort


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
    described_info = {"features": info, "views": []}
    with threadpool_limits(1):
        if labels is None:
            discovery = discover(cohort, described_info, described, settings)
            model, left_out = discovery.model, discovery.left_out
        else:
            given = _labels(patients, labels, table.index)
            model, left_out = learn(
                cohort, described_info, described, given, unclassified, settings, str(patients)
            )
    if min_information is not None:
        model = replace(model, limits=replace(model.limits, min_observed=min_information))
    model = replace(
        model,
        provenance={"inputs": provenance, "seed": settings.seed, "labels": labels, "left_out": left_out},
    )
    save_model(model, out)
    return model, [f"{patients}: {name} isn't used: {why}" for name, why in sorted(left_out.items())]


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
