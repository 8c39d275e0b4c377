"""``subtype.py apply``: a frozen model and a table of patients, and nothing of the cohort it was learnt
from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from endotype.errors import InputError, Problem, input_error
from endotype.files import write_json
from endotype.subtypes.assign import assign
from endotype.subtypes.feature_table import (
    read_covariates,
    read_description,
    read_features,
    unknown_columns,
)
from endotype.subtypes.flip import Flip, flips, recorded
from endotype.subtypes.model import SubtypeModel, load_model
from endotype.tables import write_tsv


def apply_model(
    model: str | Path,
    patients: str | Path,
    out: str | Path,
    clinical: str | Path | None = None,
    ancestry: str | Path | None = None,
    features_info: str | Path | None = None,
    failed: frozenset[str] = frozenset(),
    with_flips: bool = True,
) -> tuple[pd.DataFrame, list[str]]:
    """Write the call of every patient, as TSV or, for a name that ends in ``.json``, as JSON.

    Args:
        model: ``model.json``.
        patients: TSV, CSV or Parquet with a column ``patient`` and the features.
        out: file to write.
        clinical, ancestry: tables with the model's confounders; without them their training means are used.
        features_info: description of the features with their units, checked against the model's.
        failed: patients that failed quality control.
        with_flips: whether to look for the changes that would change each call.

    Returns:
        The table that was written, and what is to be told.

    Raises:
        InputError: the model or a table can't be used, or a unit is another than the model's.
    """
    frozen = load_model(model)
    names = [f.name for f in frozen.features]
    table, unknown = read_features(patients, names)
    lacking = [name for name in names if name not in table.columns]
    messages = unknown_columns(patients, unknown, names, lacking)
    if stray := sorted(failed - set(table.index)):
        raise input_error(
            patients, f"no patient {', '.join(stray)}", "every patient that failed quality control"
        )
    if features_info is not None:
        check_units(frozen, features_info)
    if frozen.confounders and clinical is None and ancestry is None:
        shown = ", ".join(c.name for c in frozen.confounders[:10])
        messages.append(f"confounders aren't given, so nothing is taken off for them: {shown}")
    covariates = read_covariates(clinical, table.index, False), read_covariates(ancestry, table.index, True)
    refused = table.index.isin(failed)
    calls = assign(frozen, table, *covariates, refused)
    if with_flips and frozen.subtypes:
        place = calls.columns.tolist().index("unusable") + 1
        calls.insert(place, "flips", told_flips(frozen, table, *covariates, refused))
    messages += [
        f"{p}: {m}" for p, m in zip(calls["patient"], calls["unusable"], strict=True) if isinstance(m, str)
    ]
    if Path(out).suffix == ".json":
        write_json(out, {"model": _sha256(model), "messages": messages, "calls": _records(calls)})
    else:
        write_tsv(calls, out)
    return calls, messages


def check_units(model: SubtypeModel, path: str | Path) -> None:
    """See that described features have the units and kinds the model was learnt in.

    Raises:
        InputError: naming each that hasn't.
    """
    problems = []
    kinds = {f.name: f.kind for f in model.features}
    for entry in read_description(path):
        known = model.ranges.get(entry["name"])
        if known is None:
            continue
        if entry["unit"] != known.unit and entry["unit"] is not None:
            expected = f"unit {known.unit}" if known.unit else "no unit, as in the model"
            problems.append(Problem(str(path), None, entry["name"], f"unit {entry['unit']}", expected))
        if entry["kind"] != kinds[entry["name"]]:
            expected = f"kind {kinds[entry['name']]}"
            problems.append(Problem(str(path), None, entry["name"], f"kind {entry['kind']}", expected))
    if problems:
        raise InputError(problems)


def told_flips(
    model: SubtypeModel,
    features: pd.DataFrame,
    clinical: pd.DataFrame,
    ancestry: pd.DataFrame,
    failed: np.ndarray,
) -> pd.Series:
    """For each patient the smallest changes that would change the call, in words; null where there are
    none."""
    usable, _ = model.usable(features)
    data = model.data(usable, clinical, ancestry)
    place = np.full(data.n, "not_in_model") if model.ancestry is None else model.ancestry.status(ancestry)
    rows: list[str | None] = []
    for i in range(data.n):
        one = data.rows(np.array([i]))
        found = flips(model, one, bool(failed[i]), str(place[i]))
        rows.append("; ".join(_told(model, one, usable.iloc[i], flip) for flip in found) or None)
    return pd.Series(rows, index=range(len(rows)), dtype="str")


def _told(model: SubtypeModel, data: Any, raw: pd.Series, flip: Flip) -> str:
    parts = []
    for move in flip.moves:
        feature = model.features[move.block]
        limits = model.ranges.get(feature.name)
        unit = f" {limits.unit}" if limits is not None and limits.unit else ""
        before = float(raw[feature.name])
        after = recorded(model, data, before, move)
        parts.append(f"{feature.name} {before:g} -> {after:.4g}{unit}")
    return f"{' and '.join(parts)}: {flip.outcome}"


def _sha256(path: str | Path) -> str:
    from endotype.files import read_json

    return str(read_json(path)["sha256"])


def _records(calls: pd.DataFrame) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for row in calls.to_dict("records"):
        rows.append({str(name): None if pd.isna(value) else value for name, value in row.items()})
    return rows
