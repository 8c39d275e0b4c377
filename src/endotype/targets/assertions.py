"""What sources of the knowledge store say of interventions, in one form: :data:`ASSERTION_COLUMNS`.

A record that isn't understood, or that says nothing of an intervention, is kept with the reason why it makes
no target: nothing is dropped silently.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from endotype.tables import read_parquet
from endotype.targets.findings import BURDEN, COPY_NUMBER, FUSION, GERMLINE, SOMATIC
from endotype.targets.levels import level_word, levels
from endotype.targets.protein_change import one_letter

ASSERTION_COLUMNS = {
    "source": "str", "feature": "str", "gene": "str", "partner": "str", "alteration_type": "str",
    "alteration": "str", "exon": "str", "needs": "str", "min_burden": "float64", "intervention": "str",
    "direction": "str", "level": "str", "kind": "str", "reliability": "float64", "disease": "str",
    "disease_also": "str", "record": "str", "reference": "str", "says": "str", "unused": "str",
}  # fmt: skip
"""``alteration`` is the protein change asked for, ``needs`` ``loss`` where any loss of function will do.
``direction``: ``sensitivity``, ``resistance``, ``adverse_event``, ``no_benefit``, ``prognosis`` or ``none``.
``unused``: why the record makes no target, else empty."""

DIRECTED = ("sensitivity", "resistance", "adverse_event")
ASSERTION_KINDS = ("moalmanac", "civic")

STARS_UNKNOWN = 3
"""CIViC's rating of evidence that has none."""


def assertion_table(rows: Iterable[Mapping[str, object]]) -> pd.DataFrame:
    """Rows as a table of :data:`ASSERTION_COLUMNS`; texts that a row lacks are empty, numbers null."""
    table = pd.DataFrame(list(rows), columns=list(ASSERTION_COLUMNS))
    for name, dtype in ASSERTION_COLUMNS.items():
        if dtype == "str":
            table[name] = table[name].astype(object).where(table[name].notna(), "")
    return table.astype(ASSERTION_COLUMNS)


def read_assertions(knowledge: str | Path, sources: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """The assertions of all sources of a store that make them.

    Args:
        knowledge: folder of the store.
        sources: name -> entry of ``knowledge.json``, as far as loaded.
    """
    rows: list[Mapping[str, object]] = []
    for name, entry in sorted(sources.items()):
        read = {"moalmanac": _moalmanac, "civic": _civic}.get(entry.get("kind", ""))
        if read is not None:
            table = read_parquet(Path(knowledge) / entry["table"])
            table = table.astype(object).where(table.notna(), None)
            rows += [row | {"source": name, "kind": entry["kind"]} for row in read(table)]
    return assertion_table(rows)


def intervention_name(text: str | None, separator: str = "+") -> str:
    """A therapy, or a combination with its parts in alphabetical order: ``Dabrafenib + Trametinib``."""
    parts = {part.strip().casefold(): part.strip() for part in (text or "").split(separator) if part.strip()}
    return " + ".join(parts[key] for key in sorted(parts))


def _with_level(row: dict[str, object], kind: str, text: str | None) -> dict[str, object]:
    """The row with its level and reliability; a level that isn't known makes no target."""
    word = level_word(kind, text)
    known = levels().get((kind, word))
    row |= {"level": word, "reliability": known.reliability if known else 0.0}
    if not row.get("unused") and known is None:
        row["unused"] = "its level isn't known"
    return row


# -- Molecular Oncology Almanac ------------------------------------------------------------------------------

_NOT_LOOKED_AT = "its kind of feature isn't looked at"


def _moalmanac(table: pd.DataFrame) -> list[dict[str, object]]:
    genes = table.groupby("source_row")["gene_source"].agg(list).to_dict()
    return [_moalmanac_row(row, genes[row["source_row"]]) for row in table.to_dict("records")]


def _moalmanac_row(row: Mapping[Any, Any], genes: list[str | None]) -> dict[str, object]:
    feature = row["feature_type"]
    gene = row["gene"] or row["gene_source"] or ""
    out: dict[str, object] = {
        "feature": feature,
        "gene": gene,
        "intervention": intervention_name(row["therapies"]),
        "disease": row["disease_term"] or row["disease"],
        "disease_also": "|".join(filter(None, (row["disease_code"], row["disease"]))),
        "record": row["record"],
        "reference": f"PMID:{row['pmid']}" if row["pmid"] else row["reference"],
    }
    said = [feature, gene, row["alteration_type"], row["alteration"]]
    if feature in (SOMATIC, GERMLINE):
        out |= {"alteration_type": row["alteration_type"], "alteration": one_letter(row["alteration"])}
        out["exon"] = row["exon"] if not out["alteration"] else ""
        said += [f"exon {row['exon']}"] if out["exon"] else []
        if row["alteration_type"] == "Activating mutation":
            out["unused"] = "whether a mutation activates isn't known here"
    elif feature == COPY_NUMBER:
        out |= {"alteration_type": row["alteration"]}
    elif feature == FUSION:
        partner = next((g for g in genes if g and g != row["gene_source"]), "")
        out |= {"alteration_type": row["alteration"], "partner": partner}
        said += [f"with {partner}"] if partner else []
    elif feature == BURDEN:
        out |= {"gene": "mutational burden", "min_burden": row["mutations_per_mb"]}
        said += [f"{row['mutations_per_mb']:g} per megabase"] if row["mutations_per_mb"] else []
        if row["mutations_per_mb"] is None:
            out["unused"] = "it names no mutations per megabase"
    else:
        out["unused"] = _NOT_LOOKED_AT
    if row["resistance"]:
        out["direction"] = "resistance"
    elif row["adverse_event"]:
        out["direction"] = "adverse_event"
    elif row["sensitivity"]:
        out["direction"] = "sensitivity"
    elif row["sensitivity"] is not None:
        out |= {"direction": "no_benefit", "unused": "it records no benefit"}
    elif row["favourable_prognosis"] is not None:
        out |= {"direction": "prognosis", "unused": "it is about prognosis, not an intervention"}
    else:
        out |= {"direction": "none", "unused": "it is about no intervention"}
    if row["deprecated"]:
        out["unused"] = "its source has withdrawn it"
    if not out.get("unused") and not out["intervention"]:
        out["unused"] = "it names no intervention"
    out["says"] = " ".join(str(word) for word in said if word)
    return _with_level(out, "moalmanac", row["evidence_level"])


# -- CIViC ---------------------------------------------------------------------------------------------------

_CHANGE = re.compile(r"(?:p\.)?([A-Z]\d+(?:[A-Z*]|_?[A-Z0-9]*(?:del|ins|dup|fs)\w*|fs\S*)?)", re.ASCII)
_LOSS = frozenset(
    {
        *("loss-of-function", "loss of function", "inactivating mutation", "truncating mutation"),
        *("loss of function mutation", "deleterious mutation", "frameshift truncation"),
    }
)
_WORDS: Mapping[str, dict[str, object]] = {
    "mutation": {"feature": SOMATIC},
    "oncogenic mutation": {"feature": SOMATIC},
    "amplification": {"feature": COPY_NUMBER, "alteration_type": "Amplification"},
    "copy number gain": {"feature": COPY_NUMBER, "alteration_type": "Amplification"},
    "deletion": {"feature": COPY_NUMBER, "alteration_type": "Deletion"},
    "loss": {"feature": COPY_NUMBER, "alteration_type": "Deletion"},
    "fusion": {"feature": FUSION, "alteration_type": "Fusion"},
    "rearrangement": {"feature": FUSION, "alteration_type": "Fusion"},
}
_EXON = re.compile(r"exon (\d+) (deletion|insertion)", re.IGNORECASE)
_DIRECTION = {
    "sensitivity/response": "sensitivity",
    "sensitivity": "sensitivity",
    "resistance": "resistance",
    "reduced sensitivity": "resistance",
    "adverse response": "adverse_event",
}


def profile_condition(profile: str | None) -> dict[str, object] | None:
    """What a CIViC molecular profile asks for, as columns of an assertion; ``None`` when not understood.

    Profiles of several variants (``AND``, ``OR``, ``NOT``), expression and methylation aren't understood.
    """
    text = (profile or "").strip()
    if not text or re.search(r"\b(?:AND|OR|NOT)\b", text):
        return None
    name, _, rest = text.partition(" ")
    rest = re.sub(r"\s*\(.*\)$", "", rest.strip())
    if "::" in name:
        first, _, second = name.partition("::")
        genes = [g for g in (first, second) if g not in ("v", "?", "")]
        kind = rest.split(" ")[0].casefold()
        if kind not in ("", "fusion") or not genes or " " in rest:
            return None
        partner = genes[1] if len(genes) > 1 else ""
        return {"feature": FUSION, "alteration_type": "Fusion", "partner": partner, "first": genes[0]}
    folded = rest.casefold()
    if folded in _WORDS:
        return dict(_WORDS[folded])
    if folded in _LOSS:
        return {"feature": SOMATIC, "needs": "loss"}
    if exon := _EXON.fullmatch(rest):
        return {"feature": SOMATIC, "exon": exon[1], "alteration_type": exon[2].capitalize()}
    if _CHANGE.fullmatch(rest):
        return {"feature": SOMATIC, "alteration": one_letter(rest)}
    return None


def _civic(table: pd.DataFrame) -> list[dict[str, object]]:
    return [row for record in table.to_dict("records") for row in _civic_rows(record)]


def _civic_rows(row: Mapping[Any, Any]) -> list[dict[str, object]]:
    condition = profile_condition(row["molecular_profile"])
    gene = row["gene"] or row["gene_source"] or ""
    out: dict[str, object] = {
        "gene": gene,
        "disease": row["disease"],
        "disease_also": f"DOID:{row['disease_id']}" if row["disease_id"] else "",
        "record": row["record"],
        "reference": row["reference"],
        "says": row["molecular_profile"],
        "direction": "none",
    }
    if condition is None:
        out["unused"] = "its molecular profile isn't understood"
    else:
        first = condition.pop("first", "")
        if condition.get("partner") and row["gene_source"] == condition["partner"]:
            condition["partner"] = first
        out |= condition
    if "germline" in (row["origin"] or "").casefold() and out.get("feature") == SOMATIC:
        out["feature"] = GERMLINE
    stars = row["rating"] if row["rating"] is not None else STARS_UNKNOWN
    if (row["evidence_type"] or "").casefold() != "predictive":
        out["unused"] = f"it is {(row['evidence_type'] or 'of no type').casefold()}, not predictive"
    elif (row["evidence_direction"] or "").casefold() != "supports":
        out |= {"direction": "no_benefit", "unused": "it doesn't support its statement"}
    elif (row["status"] or "accepted").casefold() != "accepted":
        out["unused"] = "its source hasn't accepted it"
    else:
        direction = _DIRECTION.get((row["significance"] or "").casefold())
        out["direction"] = direction or "none"
        if direction is None and not out.get("unused"):
            out["unused"] = "its significance isn't understood"
    together = (row["together"] or "").casefold()
    therapies = re.sub(r"\s*,\s*", ",", row["therapies"] or "")
    names = therapies.split(",") if together == "substitutes" else [therapies]
    names = [intervention_name(name, ",") for name in names]
    rows = []
    for name in names:
        one = out | {"intervention": name}
        if not one.get("unused") and not name:
            one["unused"] = "it names no intervention"
        one = _with_level(one, "civic", row["evidence_level"])
        one["reliability"] = float(str(one["reliability"])) * (0.6 + 0.08 * float(stars))
        rows.append(one)
    return rows
