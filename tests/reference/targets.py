"""Slow, obvious twins of the ranking of targets."""

from __future__ import annotations

import pandas as pd

ORDER = ["R1", "1", "2", "3", "3B", "4", "R2", "D"]


def slow_ranks(evidence: pd.DataFrame) -> dict[tuple[str, str], tuple[str, float, int]]:
    """(patient, intervention) -> tier, score and rank, for evidence of one gene and action without flags."""
    limit = sum(1 / i**2 for i in range(1, 1001))
    out = {}
    for patient in sorted(set(evidence["patient"])):
        mine = evidence[evidence["patient"] == patient]
        keys = []
        for intervention in sorted(set(mine["intervention"])):
            rows = mine[mine["intervention"] == intervention]
            tier = min(rows["tier"], key=ORDER.index)
            strengths = sorted(rows.loc[rows["tier"] == tier, "strength"], reverse=True)
            score = sum(s / i**2 for i, s in enumerate(strengths, start=1)) / limit
            keys.append((ORDER.index(tier), -score, intervention))
        for place, (tier_place, score, intervention) in enumerate(sorted(keys), start=1):
            out[patient, intervention] = (ORDER[tier_place], -score, place)
    return out
