"""A frozen model applied to patients: a call, or the reason why there is none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from endotype.errors import input_error
from endotype.subtypes.calls import decide
from endotype.subtypes.model import SubtypeModel, load_model
from endotype.subtypes.reference_range import NOT_IN_MODEL
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
    "information",
    "ancestry",
    "unusable",
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

    The first reason of :data:`endotype.subtypes.calls.REASONS` that holds against a call is given.
    Posteriors and typicality are null where no feature was seen. A feature that the table lacks is missing
    in everyone; a patient without ancestry is not out of reference, and the column ``ancestry`` says so.

    Args:
        model: the frozen model.
        features, clinical, ancestry: indexed by patient, with the same rows.
        failed: whether the patient failed quality control, bool, shape (n,).
    """
    n = len(features)
    result = pd.DataFrame({"patient": pd.Series(features.index, dtype="str")})
    names = model.subtypes
    usable, messages = model.usable(features)
    data = model.data(usable, clinical, ancestry)
    place = np.full(n, NOT_IN_MODEL) if model.ancestry is None else model.ancestry.status(ancestry)
    result["ancestry"] = pd.Series(place, dtype="str")
    result["unusable"] = pd.Series(["; ".join(m) if m else None for m in messages], dtype="str")
    if not names:
        result["subtype"] = result["second_subtype"] = pd.Series([None] * n, dtype="str")
        result["call"] = pd.Series(["no_call"] * n, dtype="str")
        result["reason"] = pd.Series(["no_subtypes"] * n, dtype="str")
        for column in ("posterior", "second_posterior", "typicality", "information"):
            result[column] = np.full(n, np.nan)
        return result[COLUMNS]
    calls = decide(model, data, np.asarray(failed, bool), place)
    nothing, called, row = ~data.seen.any(axis=1), calls.reason == "", np.arange(n)
    named = np.array([*names, None], dtype=object)
    result["subtype"] = pd.Series(named[np.where(called, calls.best, len(names))], dtype="str")
    result["call"] = pd.Series(np.where(called, "called", "no_call"), dtype="str")
    reason = np.where(called, np.array([None], object), calls.reason.astype(object))
    result["reason"] = pd.Series(reason, dtype="str")
    result["posterior"] = np.where(nothing, np.nan, calls.posterior[row, calls.best])
    result["second_subtype"] = pd.Series(named[np.where(nothing, len(names), calls.second)], dtype="str")
    result["second_posterior"] = np.where(nothing, np.nan, calls.posterior[row, calls.second])
    result["typicality"] = np.where(nothing, np.nan, calls.possible)
    result["information"] = calls.information
    result = result[COLUMNS]
    for index, name in enumerate(names):
        result[f"p_{name}"] = np.where(nothing, np.nan, calls.posterior[:, index])
    return result
