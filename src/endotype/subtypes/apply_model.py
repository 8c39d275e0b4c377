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
from endotype.subtypes.flip import Flip, described, flips
from endotype.subtypes.mixture import Data
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
    kinds = {f.name: f.kind for f in frozen.transform.features}
    kinds |= {c.column: "gaussian" for c in frozen.transform.confounders if c.source == "features"}
    names = list(kinds)
    table, unknown = read_features(patients, kinds)
    lacking = [name for name in names if name not in table.columns]
    messages = unknown_columns(patients, unknown, names, lacking)
    if stray := sorted(failed - set(table.index)):
        raise input_error(
            patients, f"no patient {', '.join(stray)}", "every patient that failed quality control"
        )
    if features_info is not None:
        check_units(frozen, features_info)
    given = {"clinical": clinical is not None, "ancestry": ancestry is not None, "features": True}
    if ungiven := [c.name for c in frozen.transform.confounders if not given[c.source]]:
        shown = ", ".join(ungiven[:10])
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
    kinds = {f.name: f.kind for f in model.transform.features}
    for entry in read_description(path):
        if entry["name"] not in kinds:
            continue
        known = model.ranges.get(entry["name"])
        if known is not None and entry["unit"] is not None and entry["unit"] != known.unit:
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


def _told(model: SubtypeModel, data: Data, raw: pd.Series, flip: Flip) -> str:
    return f"{' and '.join(described(model, data, raw, move) for move in flip.moves)}: {flip.outcome}"


def _sha256(path: str | Path) -> str:
    from endotype.files import read_json

    return str(read_json(path)["sha256"])


def _records(calls: pd.DataFrame) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for row in calls.to_dict("records"):
        rows.append({str(name): None if pd.isna(value) else value for name, value in row.items()})
    return rows
