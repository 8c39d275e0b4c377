"""Keeping a set of people in which nobody is closely related to anybody."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pandas as pd


def drop_relatives(
    people: Iterable[str], pairs: pd.DataFrame, max_kinship: float, n_traits: Mapping[str, int]
) -> dict[str, str]:
    """People to leave out so that no pair with ``kinship > max_kinship`` is left.

    Greedy: the person with most relatives goes first, then who has fewer traits measured, then the later id.

    Args:
        people: who could be analysed; pairs with anybody else do not count.
        pairs: columns ``patient_a patient_b kinship``.
        max_kinship: kinship coefficient, 0.5 for duplicates, 0.25 for parent and child.
        n_traits: number of traits measured, by patient.

    Returns:
        For each person left out, a relative of hers who was in at that moment.
    """
    candidates = set(people)
    relatives: dict[str, set[str]] = {}
    for a, b, kinship in zip(pairs["patient_a"], pairs["patient_b"], pairs["kinship"], strict=True):
        if kinship > max_kinship and a in candidates and b in candidates and a != b:
            relatives.setdefault(a, set()).add(b)
            relatives.setdefault(b, set()).add(a)
    dropped: dict[str, str] = {}
    while relatives:
        # max() takes the first of equals, so the later id stands first.
        worst = max(sorted(relatives, reverse=True), key=lambda p: (len(relatives[p]), -n_traits.get(p, 0)))
        dropped[worst] = min(relatives[worst])
        for relative in relatives.pop(worst):
            relatives[relative].discard(worst)
            if not relatives[relative]:
                del relatives[relative]
    return dropped
