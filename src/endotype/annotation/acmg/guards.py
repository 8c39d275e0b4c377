"""No fact counts twice: criteria that rest on the same observation, and which of them is left out.

A criterion that is left out stays met, with no points and the name of the one that is counted instead.

* BA1 covers BS1, and either leaves no room for PM2 or PM3, which presume a rare allele.
* BS1 and BS2 count the same people of the population source: one of them.
* PVS1 already says that the protein is lost: not with PP3 or PM4 (Abou Tayoun et al. 2018, Walker et al.
  2023).
* PS1 and PM5 compare with the same residue: one of them.
* PM1 and PP3 both see conserved residues: together strong at most (Pejaver et al. 2022).

Of two, the one that counts more is kept, so that pathogenic evidence that is added never lowers the sum.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from endotype.annotation.acmg.criteria import POINTS


def left_out(strengths: Mapping[str, str]) -> dict[str, str]:
    """Criteria that are met but not counted, each with the criterion that stands for it.

    Args:
        strengths: strength of every criterion that is met, pathogenic and benign.
    """
    counted = {name: POINTS[strength] for name, strength in strengths.items()}
    out: dict[str, str] = {}

    def points(names: Sequence[str]) -> int:
        return sum(counted.get(name, 0) for name in names)

    def drop(names: Sequence[str], instead: str) -> None:
        for name in names:
            if counted.pop(name, None) is not None:
                out[name] = instead

    def keep_one(one: str, others: Sequence[str]) -> None:
        """``one`` or ``others``, whichever counts more; ``one`` when they are equal."""
        if points([one]) and points(others):
            if points([one]) >= points(others):
                drop(others, one)
            else:
                drop([one], max(others, key=lambda name: counted.get(name, 0)))

    for common, covered in (("BA1", ("BS1", "PM2", "PM3")), ("BS1", ("PM2", "PM3"))):
        if common in counted:
            drop(covered, common)
    keep_one("BS1", ["BS2"])
    keep_one("PVS1", ["PP3", "PM4"])
    keep_one("PS1", ["PM5"])
    if points(["PM1", "PP3"]) > POINTS["strong"]:
        keep_one("PM1", ["PP3"])
    return out
