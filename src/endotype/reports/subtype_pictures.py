"""The pictures of the subtypes stage for the cohort's page, and everybody's place for the patients' pages."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup

from endotype.errors import input_error
from endotype.files import read_json
from endotype.reports.language import known
from endotype.tables import read_parquet

FOLDER = "subtypes/pictures"
EMBEDDED_BYTES = 1_500_000
"""Pictures are part of the page up to this total; further ones are linked."""

Row = dict[str, Any]


def subtype_pictures(results: Path) -> list[Row]:
    """What ``pictures.json`` lists, in its order: ``name title caption reason file svg``.

    ``svg`` is markup that this program wrote, None where there is no room; a run without pictures has none.
    """
    listed = results / FOLDER / "pictures.json"
    if not listed.is_file():
        return []
    left, found = EMBEDDED_BYTES, []
    for picture in read_json(listed)["pictures"]:
        row = dict(picture) | {"svg": None}
        row |= {name: known(row[name]) for name in ("title", "caption", "reason") if row.get(name)}
        if picture["file"] is not None:
            path = results / FOLDER / picture["file"]
            if not path.is_file():
                raise input_error(
                    path, "no such file", "a picture that pictures.json lists", "draw them again"
                )
            markup = path.read_text(encoding="utf-8")
            left -= len(markup.encode())
            row |= {"file": f"../{FOLDER}/{picture['file']}", "svg": Markup(markup) if left >= 0 else None}
        found.append(row)
    return found


@dataclass(frozen=True)
class Positions:
    """Where the subtypes lie on two frozen axes, and where each patient does.

    Attributes:
        share: of the variation that each axis takes up.
        groups: outlines of the subtypes: ``subtype n centre sides angle``.
        scores: columns ``axis_1 axis_2``, indexed by patient.
    """

    share: list[float]
    groups: list[Row]
    scores: pd.DataFrame

    def of(self, patient: str) -> Row | None:
        """One patient's place as ``report.json`` has it, without other patients; None without any."""
        if patient not in self.scores.index:
            return None
        place = self.scores.loc[patient].to_numpy(float)
        if not np.isfinite(place).all():
            return None
        return {"share": self.share, "groups": self.groups, "patient": place.tolist()}


def read_positions(results: Path) -> Positions | None:
    """Positions of a run; None where there aren't two axes, or pictures weren't drawn."""
    listed, table = results / FOLDER / "embedding.json", results / FOLDER / "positions.parquet"
    if not listed.is_file() or not table.is_file():
        return None
    content, scores = read_json(listed), read_parquet(table).set_index("patient")
    if not {"axis_1", "axis_2"} <= set(scores.columns):
        return None
    share = [float(s) for s in content["embedding"]["share"]]
    return Positions(share, content["groups"], scores[["axis_1", "axis_2"]])
