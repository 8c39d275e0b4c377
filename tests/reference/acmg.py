"""The combining rules of ACMG/AMP, copied line by line from the papers' tables; slow and obvious.

Richards et al. 2015 (doi:10.1038/gim.2015.30), table 5; Tavtigian et al. 2020
(doi:10.1002/humu.24088), tables 2 and 3.
"""

from __future__ import annotations

from typing import NamedTuple


class Counts(NamedTuple):
    """How many criteria are met at each strength."""

    very_strong: int = 0
    strong: int = 0
    moderate: int = 0
    supporting: int = 0
    stand_alone: int = 0
    benign_very_strong: int = 0
    benign_strong: int = 0
    benign_moderate: int = 0
    benign_supporting: int = 0


def by_points(n: Counts) -> str:
    """Table 3 of the points' paper: 1, 2, 4 and 8 points; BA1 alone is benign."""
    if n.stand_alone > 0:
        return "benign"
    points = 8 * n.very_strong + 4 * n.strong + 2 * n.moderate + n.supporting
    points -= 8 * n.benign_very_strong + 4 * n.benign_strong + 2 * n.benign_moderate + n.benign_supporting
    for least, klass in ((10, "pathogenic"), (6, "likely_pathogenic"), (0, "uncertain_significance")):
        if points >= least:
            return klass
    return "likely_benign" if points >= -6 else "benign"


def by_rules(n: Counts) -> str:
    """Table 5 of the guideline; each row of it is one line here, "at least" where it says so."""
    # What the table does not know: very strong beyond the first is at least strong.
    vs = min(n.very_strong, 1)
    s = n.strong + max(n.very_strong - 1, 0)
    m, p = n.moderate, n.supporting
    pathogenic = [
        vs >= 1 and s >= 1,
        vs >= 1 and m >= 2,
        vs >= 1 and m == 1 and p >= 1,
        vs >= 1 and p >= 2,
        s >= 2,
        s == 1 and m >= 3,
        s == 1 and m == 2 and p >= 2,
        s == 1 and m == 1 and p >= 4,
    ]
    likely_pathogenic = [
        vs == 1 and m == 1,
        s == 1 and 1 <= m <= 2,
        s == 1 and p >= 2,
        m >= 3,
        m == 2 and p >= 2,
        m == 1 and p >= 4,
        vs == 1 and p >= 1,  # ClinGen SVI 2020: a null variant with PM2 at supporting
    ]
    # Nor does it know benign moderate (two supporting) and very strong (two strong).
    bs = n.benign_strong + 2 * n.benign_very_strong
    bp = n.benign_supporting + 2 * n.benign_moderate
    benign = [n.stand_alone >= 1, bs >= 2]
    likely_benign = [bs == 1 and bp >= 1, bp >= 2]
    for_it = "pathogenic" if any(pathogenic) else "likely_pathogenic" if any(likely_pathogenic) else ""
    against = "benign" if any(benign) else "likely_benign" if any(likely_benign) else ""
    if for_it and against:
        return "uncertain_significance"
    return for_it or against or "uncertain_significance"
