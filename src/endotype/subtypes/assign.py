"""A frozen model applied to patients: a call, or the reason why there is none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from endotype.errors import input_error
from endotype.subtypes.model import SubtypeModel, load_model
from endotype.tables import read_parquet, write_parquet

COLUMNS = [
    "patient",
    "subtype",
    "call",
    "reason",
    "posterior",
    "second_subtype",
    "second_posterior",
    "typicality",
]


def assign_subtypes(
    model: str | Path,
    features: str | Path,
    people: str | Path,
    sample_qc: str | Path,
    clinical: str | Path,
    ancestry: str | Path,
    out: str | Path,
) -> None:
    """Write ``assignments.parquet``: one row for every patient of ``people``.

    Raises:
        InputError: the model was changed, or the features lack one that it needs.
    """
    frozen = load_model(model)
    patients = pd.Index(read_parquet(people, ["patient"])["patient"].sort_values(), name="patient")
    table = read_parquet(features).set_index("patient").reindex(patients)
    if lacking := [f.name for f in frozen.transform.features if f.name not in table.columns]:
        raise input_error(features, f"no column {', '.join(lacking)}", "every feature of the model")
    qc = read_parquet(sample_qc, ["patient", "verdict"])
    failed = patients.isin(qc.loc[qc["verdict"] == "fail", "patient"])
    assignments = assign(
        frozen,
        table,
        read_parquet(clinical).set_index("patient").reindex(patients),
        read_parquet(ancestry).set_index("patient").reindex(patients),
        failed,
    )
    write_parquet(assignments, out)


def assign(
    model: SubtypeModel,
    features: pd.DataFrame,
    clinical: pd.DataFrame,
    ancestry: pd.DataFrame,
    failed: np.ndarray,
) -> pd.DataFrame:
    """Assignments as in ``docs/results.md``; each patient's row depends on that patient alone.

    The first reason that holds against a call is given: ``no_subtypes``, ``failed_qc``,
    ``insufficient_data``, ``atypical``, ``ambiguous``. Posteriors and typicality are null where no feature
    was seen.

    Args:
        model: the frozen model.
        features, clinical, ancestry: indexed by patient, with the same rows.
        failed: whether the patient's genotypes failed quality control, bool, shape (n,).
    """
    n = len(features)
    result = pd.DataFrame({"patient": pd.Series(features.index, dtype="str")})
    result["subtype"] = pd.Series([None] * n, dtype="str")
    names = model.subtypes
    if not names:
        result["call"] = pd.Series(["no_call"] * n, dtype="str")
        result["reason"] = pd.Series(["no_subtypes"] * n, dtype="str")
        result["second_subtype"] = pd.Series([None] * n, dtype="str")
        for column in ("posterior", "second_posterior", "typicality"):
            result[column] = np.full(n, np.nan)
        return result[COLUMNS]
    data = model.data(features, clinical, ancestry)
    posterior = model.mixture.posterior(data)
    order = np.argsort(-posterior, axis=1, kind="stable")
    best, second, row = order[:, 0], order[:, 1], np.arange(n)
    observed = data.seen.mean(axis=1)
    nothing = observed == 0
    typicality = model.typicality(data, best)
    reason = np.select(
        [
            failed,
            observed < model.min_observed,
            typicality <= model.typicality_alpha,
            posterior[row, best] < model.call_probability,
        ],
        ["failed_qc", "insufficient_data", "atypical", "ambiguous"],
        "",
    )
    named = np.array([*names, None], dtype=object)
    called = reason == ""
    result["subtype"] = pd.Series(named[np.where(called, best, len(names))], dtype="str")
    result["call"] = pd.Series(np.where(called, "called", "no_call"), dtype="str")
    result["reason"] = pd.Series(
        np.where(called, np.array([None], object), reason.astype(object)), dtype="str"
    )
    result["posterior"] = np.where(nothing, np.nan, posterior[row, best])
    result["second_subtype"] = pd.Series(named[np.where(nothing, len(names), second)], dtype="str")
    result["second_posterior"] = np.where(nothing, np.nan, posterior[row, second])
    result["typicality"] = np.where(nothing, np.nan, typicality)
    for index, name in enumerate(names):
        result[f"p_{name}"] = np.where(nothing, np.nan, posterior[:, index])
    return result
