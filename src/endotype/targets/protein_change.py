"""Protein changes as sources write them, brought to one form: ``p.Val600Glu``, ``V600E`` -> ``V600E``."""

from __future__ import annotations

import re

_THREE = {
    "Ala": "A", "Arg": "R", "Asn": "N", "Asp": "D", "Cys": "C", "Gln": "Q", "Glu": "E", "Gly": "G",
    "His": "H", "Ile": "I", "Leu": "L", "Lys": "K", "Met": "M", "Phe": "F", "Pro": "P", "Ser": "S",
    "Thr": "T", "Trp": "W", "Tyr": "Y", "Val": "V", "Ter": "*", "Sec": "U",
}  # fmt: skip
_NAMES = re.compile("|".join(_THREE))
_FRAMESHIFT = re.compile(r"([A-Z*]\d+)[A-Z]?fs.*")
_STOP = re.compile(r"([A-Z]\d+)X")
_RESIDUE = re.compile(r"[A-Z]\d+")
_SUBSTITUTION = re.compile(r"([A-Z]\d+)[A-Z]")


def one_letter(text: object) -> str:
    """The change in one-letter codes without ``p.``, accession and brackets; empty when there is none.

    A frameshift is told by its first residue alone (``G574fs``): where it ends is written in many ways.
    """
    if not isinstance(text, str):
        return ""
    change = text.rpartition(":")[2].strip().removeprefix("p.").strip("()")
    change = _NAMES.sub(lambda name: _THREE[name[0]], change)
    if change in ("", "?", "=", "."):
        return ""
    if found := _FRAMESHIFT.fullmatch(change):
        return f"{found[1]}fs"
    if found := _STOP.fullmatch(change):
        return f"{found[1]}*"
    return change


def is_residue(change: str) -> bool:
    """Whether a change names a residue alone, ``G12``: any substitution there."""
    return bool(_RESIDUE.fullmatch(change))


def residue_of(change: str) -> str:
    """The residue that a substitution is at, ``G12D`` -> ``G12``; empty for any other change."""
    found = _SUBSTITUTION.fullmatch(change)
    return found[1] if found else ""
