"""From the level that a source gives its evidence to a tier: ``resources/targets/levels.tsv``.

Tiers follow OncoKB's levels (Chakravarty et al. 2017, doi:10.1200/PO.17.00011): 1 approved, 2 standard
care, 3 (its 3A) clinical evidence, 3B standard or clinical evidence in another disease, 4 biological
evidence, R1 standard care and R2 evidence of resistance. Which level of a source stands for which is a
convention of Endotype; CIViC's letters are of Danos et al. 2019 (doi:10.1186/s13073-019-0687-x), ``I-A`` to
``II-D`` of AMP/ASCO/CAP (Li et al. 2017, doi:10.1016/j.jmoldx.2016.10.002).
"""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

from endotype.cohort.assembly import RESOURCES
from endotype.tables import read_text_table

RESOURCE = RESOURCES / "targets" / "levels.tsv"

TIER_ORDER = {"R1": 0, "1": 1, "2": 2, "3": 3, "3B": 4, "4": 5, "R2": 6, "D": 7}
"""Resistance and harm first: what must not be given has to be read before what may be. ``D``: druggable."""

WEAK_SENSITIVITY, WEAK_RESISTANCE, DRUGGABLE = "4", "R2", "D"

OTHER_DISEASE = {"1": "3B", "2": "3B", "3": "4", "R1": "R2"}
"""What becomes of a tier where the evidence is about another disease; other tiers stay."""


class Level(NamedTuple):
    """One level of a source: its tiers by direction and disease, and the reliability of its evidence."""

    tier_same: str
    tier_other: str
    resistance_same: str
    resistance_other: str
    reliability: float

    def tier(self, resistance: bool, disease_match: str) -> str:
        """The tier of evidence of this level.

        Where the patient's disease or that of the evidence isn't stated, benefit counts as evidence of
        another disease, resistance as of the same: what isn't known must neither promise nor hide a warning.
        """
        if resistance:
            return self.resistance_other if disease_match == "other" else self.resistance_same
        return self.tier_same if disease_match == "same" else self.tier_other


@cache
def levels() -> dict[tuple[str, str], Level]:
    """(kind of source, level) -> what it stands for."""
    rows = read_text_table(RESOURCE).rows
    return {
        (row["source"], row["level"]): Level(
            row["tier_same"],
            row["tier_other"],
            row["resistance_same"],
            row["resistance_other"],
            float(row["reliability"]),
        )
        for row in rows.to_dict("records")
    }


def level_word(kind: str, text: str | None) -> str:
    """A level as it stands in the table: CIViC's ``Tier I - Level A`` is ``I-A``."""
    text = (text or "").strip()
    if kind == "civic" and (found := re.fullmatch(r"(?i)tier (I{1,2})\s*-\s*level ([A-D])", text)):
        return f"{found[1].upper()}-{found[2].upper()}"
    return text
