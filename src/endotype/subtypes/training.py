"""The patients that a model learns from, and the outcomes that it must not learn from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from endotype.subtypes.model import MIN_OBSERVED
from endotype.subtypes.outcome import Outcome
from endotype.subtypes.profile import numbers
from endotype.tables import read_parquet


@dataclass(frozen=True)
class Cohort:
    """Tables of the training patients, indexed by patient, with the same rows."""

    features: pd.DataFrame
    clinical: pd.DataFrame
    ancestry: pd.DataFrame

    def rows(self, chosen: np.ndarray) -> Cohort:
        """Some of the patients; bool, shape (n,)."""
        return Cohort(self.features[chosen], self.clinical[chosen], self.ancestry[chosen])


def training_cohort(
    features: str | Path,
    clinical: str | Path,
    people: str | Path,
    sample_qc: str | Path,
    ancestry: str | Path,
) -> Cohort:
    """Patients whom nothing in the sample QC keeps out of the statistics of the cohort.

    Who has no germline sample has no row in the QC. Patients need half of the features that anybody has.
    """
    table = read_parquet(features).set_index("patient")
    qc = read_parquet(sample_qc, ["patient", "in_statistics"])
    left_out = set(qc.loc[~qc["in_statistics"].fillna(False).to_numpy(bool), "patient"])
    eligible = set(read_parquet(people, ["patient"])["patient"]) - left_out
    recorded = table.notna().loc[:, table.notna().any()]
    observed = recorded.mean(axis=1) if recorded.shape[1] else pd.Series(1.0, index=table.index)
    chosen = table.index[table.index.isin(eligible) & (observed >= MIN_OBSERVED)].sort_values()
    return Cohort(
        table.loc[chosen],
        read_parquet(clinical).set_index("patient").reindex(chosen),
        read_parquet(ancestry).set_index("patient").reindex(chosen),
    )


def outcomes_of(clinical: pd.DataFrame, dictionary: Mapping[str, Any]) -> dict[str, Outcome]:
    """The dictionary's outcomes of these patients, by name in order."""
    found = {}
    for name, columns in sorted(dictionary.get("outcomes", {}).items()):
        entry = numbers(clinical[columns["entry"]]) if "entry" in columns else None
        found[name] = Outcome(numbers(clinical[columns["time"]]), numbers(clinical[columns["event"]]), entry)
    return found
