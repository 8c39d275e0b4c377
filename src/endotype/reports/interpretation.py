"""What the annotation stage concluded of a variant and of a patient: class, criteria, origin and phase."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from endotype.reports.language import N_, _, ngettext
from endotype.reports.results import is_one_of, read_result
from endotype.reports.text import listed, plain, words

Row = dict[str, Any]

PATHOGENIC_CLASSES = ("pathogenic", "likely_pathogenic")
CLASSIFICATION = "annotation/classification.parquet"
CRITERIA = "annotation/criteria.parquet"
INHERITANCE = "annotation/inheritance.parquet"
COMPOUND = "annotation/compound.parquet"
HAPLOTYPES = "annotation/haplotypes.parquet"

ORIGIN_WORDS = {
    "de_novo": N_("new in this person: neither parent has it"),
    "maternal": N_("from the mother"),
    "paternal": N_("from the father"),
    "biparental": N_("one copy from either parent"),
    "inherited": N_("inherited, from which parent is not known"),
}
"""What a page says of an origin; shown in the language of the report."""


@dataclass(frozen=True)
class Interpretation:
    """What a run concluded, for the variants that reports can show.

    Attributes:
        classes: (variant id, gene id) -> the row of ``classification.parquet`` with its met criteria.
    """

    classes: dict[tuple[str, str], Row] = field(default_factory=dict)

    def of(self, variant_id: str, gene_id: str | None) -> Row | None:
        """The classification of a variant for a gene, or ``None`` when it wasn't classified."""
        return self.classes.get((variant_id, gene_id or ""))


def pathogenic_variants(results: Path) -> set[str]:
    """Ids of all variants that are (likely) pathogenic by criteria or by a curator's override."""
    where = is_one_of("class", PATHOGENIC_CLASSES) | is_one_of("override_class", PATHOGENIC_CLASSES)
    return set(read_result(results / CLASSIFICATION, ["variant_id"], where)["variant_id"])


def read_interpretation(results: Path, variants: Iterable[str]) -> Interpretation:
    """Classes and met criteria of some variants.

    Raises:
        InputError: a table is missing.
    """
    wanted = is_one_of("variant_id", list(variants))
    met: dict[tuple[str, str], list[Row]] = defaultdict(list)
    columns = ["variant_id", "gene_id", *_CRITERION]
    for row in _rows(results / CRITERIA, columns, wanted & is_one_of("status", ["met"])):
        met[row["variant_id"], row["gene_id"] or ""].append({name: row[name] for name in _CRITERION})
    classes = {}
    columns = ["variant_id", "gene_id", "override_class", *_CLASS]
    for row in _rows(results / CLASSIFICATION, columns, wanted):
        key = row["variant_id"], row["gene_id"] or ""
        classes[key] = {name: row[name] for name in _CLASS} | {"criteria": met.get(key, [])}
        classes[key]["class"] = row["override_class"] or row["class"]
    return Interpretation(classes)


_CRITERION = ("criterion", "strength", "points", "counted", "reason", "source", "source_row")
_CLASS = (
    *("class", "points", "class_points", "class_2015", "agree", "n_met", "n_not_met", "n_not_evaluable"),
    *("clinvar_agrees", "override", "override_who", "override_when", "override_why"),
)


def read_origins(results: Path, patients: list[str]) -> dict[str, dict[str, str]]:
    """Patient -> variant id -> where the variant came from, as far as it is known."""
    rows = _by_patient(results / INHERITANCE, patients, ["variant_id", "origin"])
    return {patient: {row["variant_id"]: row["origin"] for row in found} for patient, found in rows.items()}


def read_pairs(results: Path, patients: list[str]) -> dict[str, list[Row]]:
    """Patient -> pairs of variants in one gene: ``gene variant_1 variant_2 phase phase_source``."""
    return _by_patient(
        results / COMPOUND, patients, ["gene", "variant_1", "variant_2", "phase", "phase_source"]
    )


def read_joint_changes(results: Path, patients: list[str]) -> dict[str, list[Row]]:
    """Patient -> protein changes that several variants of one copy of a gene make together."""
    names = ["gene", "transcript", "variants", "consequence", "amino_acid_change", "haplotype", "phase"]
    changes = _by_patient(results / HAPLOTYPES, patients, names)
    for rows in changes.values():
        for row in rows:
            row["variants"] = str(row["variants"]).split("|")
    return changes


def _by_patient(path: Path, patients: list[str], names: list[str]) -> dict[str, list[Row]]:
    rows: dict[str, list[Row]] = defaultdict(list)
    for row in _rows(path, ["patient", *names], is_one_of("patient", patients)):
        rows[row.pop("patient")].append(row)
    return dict(rows)


def _rows(path: Path, columns: list[str], where: pc.Expression) -> list[Row]:
    return [plain(row) for row in read_result(path, columns, where).to_dict("records")]


def class_words(row: Row) -> str:
    """``likely pathogenic (7 points: PVS1, PM2)``: a class as a reader sees it."""
    named = listed(c["criterion"] for c in row["criteria"] if c["counted"]) or _("no criterion met")
    return ngettext(
        "{name} ({n:,} point: {criteria})",
        "{name} ({n:,} points: {criteria})",
        row["points"],
        name=words(row["class"]),
        criteria=named,
    )
