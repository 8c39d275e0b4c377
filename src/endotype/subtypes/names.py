"""Names of subtypes by a fixed rule from their features; never by what they might mean biologically.

A name is the stable id and the features that set the subtype apart most, such as ``S2: IDH1+, TP53+; age
low``. Names describe the cohort they were made in; the id is what a program should use.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Any

import pandas as pd

from endotype.message import N_

NO_FEATURE = N_("no distinguishing feature")

_MEANT = frozenset(",;<>&\"'`|*[]\\@")
"""Signs that separate the parts of a name, or that mean something in HTML, Markdown and spreadsheets."""


@dataclass(frozen=True)
class NameRule:
    """When a feature is part of a name, and how long a name may be.

    Attributes:
        fdr: largest q of the characterisation.
        size: least Cohen's h of a yes/no, or standardised difference of a number; 0.8 is large (Cohen 1988,
            *Statistical Power Analysis for the Behavioral Sciences*).
        features: most features in a name, strongest first.
        label: most characters of a feature's label.
        length: most characters of a name.
    """

    fdr: float = 0.05
    size: float = 0.8
    features: int = 3
    label: int = 32
    length: int = 120


def name_subtypes(
    names: list[str], characterisation: pd.DataFrame, rule: NameRule | None = None
) -> list[dict[str, Any]]:
    """A name for each subtype.

    Args:
        names: stable ids, ``S1`` and so on.
        characterisation: of :func:`~endotype.subtypes.characterise.characterise`; rows without a comparable
            ``size`` (categories) take no part.
        rule: limits.

    Returns:
        For each subtype ``subtype``, ``name``, and ``features``: the exact names behind the labels, with
        ``direction`` (``+`` ``-`` ``high`` ``low``), ``size`` and ``q``. Ties go by name of the feature.
    """
    rule = rule or NameRule()
    result = []
    for subtype in names:
        rows = characterisation[
            (characterisation["subtype"] == subtype)
            & (characterisation["status"] == "assessed")
            & (characterisation["q"] <= rule.fdr)
            & (characterisation["size"].abs() >= rule.size)
        ]
        strongest = sorted(rows.to_dict("records"), key=lambda r: (-round(abs(r["size"]), 9), r["name"]))
        features = [
            {
                "name": row["name"],
                "direction": _direction(row["kind"], row["size"]),
                "size": float(row["size"]),
                "q": float(row["q"]),
            }
            for row in strongest[: rule.features]
        ]
        result.append({"subtype": subtype, "name": _compose(subtype, features, rule), "features": features})
    return result


def plain_label(text: str, length: int) -> str:
    """Text that can't change how the text around it is read, cut to ``length`` characters.

    Control, formatting (bidirectional, zero-width), private and unassigned characters and marks that stack
    become ``?``; all blanks become a space; signs that separate the parts of a name, or that mean something
    in HTML, Markdown and spreadsheets, become ``_``.
    """
    shown = []
    for character in unicodedata.normalize("NFKC", text):
        category = unicodedata.category(character)
        if character in _MEANT:
            shown.append("_")
        elif category.startswith("Z") or character in "\t\n\r":
            shown.append(" ")
        elif category.startswith("C") or category in {"Mn", "Me"}:
            shown.append("?")
        else:
            shown.append(character)
    label = " ".join("".join(shown).split()) or "?"
    return label if len(label) <= length else label[: length - 1].rstrip() + "…"


def _direction(kind: str, size: float) -> str:
    if kind == "binary":
        return "+" if size > 0 else "-"
    return "high" if size > 0 else "low"


def _compose(subtype: str, features: list[dict[str, Any]], rule: NameRule) -> str:
    """The id, then yes/no findings, then numbers; features that would make it too long are left out."""
    if not features:
        return f"{subtype}: {NO_FEATURE}"
    for number in range(len(features), 0, -1):
        parts: tuple[list[str], list[str]] = ([], [])
        for feature in features[:number]:
            label = plain_label(feature["name"], rule.label)
            signed = feature["direction"] in "+-"
            parts[not signed].append(
                f"{label}{feature['direction']}"
                if signed
                else (N_("{feature} high") if feature["direction"] == "high" else N_("{feature} low")).format(
                    feature=label
                )
            )
        name = f"{subtype}: " + "; ".join(", ".join(part) for part in parts if part)
        if len(name) <= rule.length:
            return name
    return f"{subtype}: {NO_FEATURE}"
