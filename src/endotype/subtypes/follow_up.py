"""One outcome of the clinical table as complete follow-up, with who was left out and why."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from endotype.subtypes.hazards import SurvivalData


@dataclass(frozen=True)
class FollowUp:
    """Follow-up of those whose record can be used.

    Attributes:
        survival: of the used, in the order of the table.
        used: bool (n,), over all rows of the table.
        left_out: reason -> patients.
    """

    survival: SurvivalData
    used: np.ndarray
    left_out: dict[str, int]


def read_follow_up(clinical: pd.DataFrame, columns: dict[str, str], eligible: np.ndarray) -> FollowUp:
    """Take an outcome from the clinical table.

    Args:
        clinical: a row a patient.
        columns: ``time`` and ``event``, and ``entry`` where people entered late.
        eligible: bool (n,), patients that are asked about; the others are not counted as left out.
    """

    def numbers(part: str) -> np.ndarray:
        return clinical[columns[part]].to_numpy(dtype=float, na_value=np.nan)

    time, event = numbers("time"), numbers("event")
    entry = numbers("entry") if "entry" in columns else None
    recorded = np.isfinite(time) & np.isfinite(event)
    reasons = [("time or event not recorded", ~recorded), ("time below 0", recorded & (time < 0))]
    if entry is not None:
        reasons.append(("entry not recorded", ~np.isfinite(entry)))
        with np.errstate(invalid="ignore"):
            reasons.append(("entry not before the end of follow-up", ~(entry < time)))
    used, left_out = eligible.copy(), {}
    for reason, hit in reasons:
        if number := int((used & hit).sum()):
            left_out[reason] = number
        used &= ~hit
    return FollowUp(
        SurvivalData(time[used], event[used] > 0, None if entry is None else entry[used]), used, left_out
    )
