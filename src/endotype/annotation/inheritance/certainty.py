"""How certain a new variant is, by the reads of the parents who don't have it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from endotype.annotation.inheritance.calls import Call
from endotype.annotation.inheritance.family import Family
from endotype.variants.mendelian import COPIES


@dataclass(frozen=True)
class DeNovoRules:
    """What makes a new variant certain, besides parents whom their kinship confirms.

    Attributes:
        min_parent_depth: reads of each parent at the site.
        min_parent_quality: genotype quality of each parent.
        max_parent_alt_reads: reads of a parent that may carry the allele.
    """

    min_parent_depth: int = 10
    min_parent_quality: int = 20
    max_parent_alt_reads: int = 1


TYPES = {"de_novo_certainty": "str", "de_novo_doubts": "str"} | {
    f"{parent}_{what}": "Int64"
    for parent in ("father", "mother")
    for what in ("depth", "quality", "alt_reads")
}
"""Columns of :func:`judge_de_novo`."""


def judge_de_novo(
    carriers: pd.DataFrame, calls: Mapping[tuple[int, str], Call], family: Family, rules: DeNovoRules
) -> pd.DataFrame:
    """Certainty of the new variants among the carriers, ``high`` or ``low``; null for all others.

    Args:
        carriers: ``Carriers.rows``.
        calls: (variant, patient) -> call of the parents, where one was read. What isn't recorded is a doubt.
        family: the parents.
        rules: what is certain.

    Returns:
        Columns :data:`TYPES` for each row of ``carriers``; doubts are joined by ``|``.
    """
    rows = []
    columns = ("variant", "person", "origin", "kind")
    for variant, person, origin, kind in zip(*(carriers[c].tolist() for c in columns), strict=True):
        row: dict[str, object] = dict.fromkeys(TYPES)
        if origin == "de_novo":
            doubts: list[str] = []
            for parent, copies in zip(("father", "mother"), COPIES[kind], strict=True):
                if copies:
                    place = getattr(family, parent)[person]
                    call = calls.get((variant, family.patients[place]))
                    row |= _seen(parent, call)
                    doubts += _doubts(parent, call, rules)
            if person not in family.parentage:
                doubts.append("parentage_not_assessed")
            elif not family.parentage[person]:
                doubts.append("parentage_refuted")
            row |= {
                "de_novo_certainty": "low" if doubts else "high",
                "de_novo_doubts": "|".join(doubts) or None,
            }
        rows.append(row)
    return pd.DataFrame(rows, columns=list(TYPES)).astype(TYPES)


def _seen(parent: str, call: Call | None) -> dict[str, object]:
    if call is None:
        return {}
    return {
        f"{parent}_depth": call.depth,
        f"{parent}_quality": call.quality,
        f"{parent}_alt_reads": call.alt_reads,
    }


def _doubts(parent: str, call: Call | None, rules: DeNovoRules) -> list[str]:
    """Why a parent's reference call isn't beyond doubt."""
    depth, quality, reads = (call.depth, call.quality, call.alt_reads) if call else (None, None, None)
    judged = {
        "depth": None if depth is None else depth >= rules.min_parent_depth,
        "quality": None if quality is None else quality >= rules.min_parent_quality,
        "alt_reads": None if reads is None else reads <= rules.max_parent_alt_reads,
    }
    words = {False: "", None: "_not_recorded"}
    return [f"{parent}_{name}{words[good]}" for name, good in judged.items() if not good]
