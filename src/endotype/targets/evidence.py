"""Rows of evidence: what each source says of an intervention or a gene that a patient is linked to."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from endotype.message import N_
from endotype.tables import read_parquet
from endotype.targets.diseases import Diseases
from endotype.targets.findings import BURDEN, COPY_NUMBER, FUSION, GERMLINE, SOMATIC
from endotype.targets.levels import DRUGGABLE, OTHER_DISEASE
from endotype.targets.links import LINKS
from endotype.targets.match import CLONAL
from endotype.targets.protein_change import is_residue, one_letter, residue_of

EVIDENCE_TYPES = {
    "patient": "str", "gene": "str", "intervention": "str", "action": "str", "direction": "str",
    "tier": "str", "level": "str", "link": "str", "variant_id": "str", "alteration": "str",
    "alteration_match": "str", "disease": "str", "disease_match": "str", "reliability": "float64",
    "weight": "float64", "strength": "float64", "used": "bool", "reason": "str", "rule": "str",
    "source": "str", "source_version": "str", "source_date": "str", "source_sha256": "str",
    "source_record": "str", "reference": "str", "safety": "str", "detail": "str",
    "input_file": "str", "input_line": "Int64",
}  # fmt: skip
"""Columns of ``targets/evidence.parquet``. ``weight`` is of the link and its match, ``strength`` reliability
x weight; ``used`` whether the row counts for its target's score, ``reason`` why it doesn't."""

HIDDEN_TYPES = {
    "factor": "float64", "fraction": "float64", "fraction_count": "float64", "fraction_gain": "float64",
}  # fmt: skip
"""Columns that the scores need besides: known weights, and a share that is drawn anew."""

_TYPES = EVIDENCE_TYPES | HIDDEN_TYPES

UNKNOWN_DIRECTION = 0.5
"""Match of a target that needs a loss or a gain with a finding whose effect on the gene is not known."""

UNKNOWN_DIRECTION_NOTE = N_("Whether the gene loses or gains function is not known, which halves the weight.")

DRUGGABLE_RELIABILITY = 0.1
"""Of a source of drug interactions: that a drug binds a product says nothing of a patient's benefit."""

LINK_OF_FEATURE = {
    GERMLINE: "carried_variant",
    SOMATIC: "tumour_variant",
    COPY_NUMBER: "tumour_variant",
    FUSION: "tumour_variant",
    BURDEN: "tumour_variant",
}
MAX_NAMED_DRUGS = 5

Sources = Mapping[str, Mapping[str, Any]]
"""Name -> entry of ``knowledge.json``."""


def evidence_table(columns: Mapping[str, object]) -> pd.DataFrame:
    """Columns as a table of all columns; those that aren't given are null, ``used`` is false."""
    table = pd.DataFrame(dict(columns)).reindex(columns=list(_TYPES))
    table["used"] = False
    for name, dtype in _TYPES.items():
        if dtype == "str":
            cells = table[name].astype(object)
            table[name] = cells.where(cells.notna() & (cells != ""), None)
    return table.astype(_TYPES)


def assertion_evidence(matched: pd.DataFrame, sources: Sources) -> pd.DataFrame:
    """Rows of :func:`endotype.targets.match.match_evidence` as evidence."""
    note = np.where(
        matched["effect_unknown"].to_numpy(bool),
        " What the change does to the gene isn't known, which halves the weight and allows the weakest tier.",
        "",
    )
    said = [
        f"{detail} {source} says: {says}; in {disease or 'no stated disease'}.{more}"
        for detail, source, says, disease, more in zip(
            matched["detail"], matched["a_source"], matched["a_says"], matched["a_disease"], note, strict=True
        )
    ]
    return evidence_table(
        {
            "patient": matched["patient"],
            "gene": matched["gene"],
            "intervention": matched["a_intervention"],
            "action": matched["action"],
            "direction": matched["a_direction"],
            "tier": matched["tier"],
            "level": matched["a_level"],
            "link": matched["feature"].map(LINK_OF_FEATURE),
            "variant_id": matched["variant_id"],
            "alteration": _alteration(matched),
            "alteration_match": matched["alteration_match"],
            "disease": matched["a_disease"],
            "disease_match": matched["disease_match"],
            "reliability": matched["a_reliability"],
            "reason": matched["reason"],
            "rule": "assertion",
            **_provenance(matched["a_source"], sources),
            "source_record": matched["a_record"],
            "reference": matched["a_reference"],
            "detail": said,
            "input_file": matched["input_file"],
            "input_line": matched["input_line"],
            "factor": matched["weight"],
            "fraction": matched["fraction"],
            "fraction_count": matched["fraction_count"],
            "fraction_gain": np.where(matched["fraction"].notna(), CLONAL, np.nan),
        }
    )


def table_evidence(
    targets: pd.DataFrame,
    links: pd.DataFrame,
    diseases: Diseases,
    stated: Mapping[str, frozenset[str]],
    sha256: str | None,
) -> pd.DataFrame:
    """Rows of the target table: of each patient and row the strongest link that the row accepts.

    A row that names a disease is lowered where the patient has another one, as evidence of the store is.

    Args:
        targets: of :func:`endotype.targets.table.read_targets`.
        links: :data:`endotype.targets.links.LINK_COLUMNS`, subtype links with their whole weight.
        diseases, stated: as in :func:`endotype.targets.match.match_evidence`.
        sha256: of the file.
    """
    rows = targets.assign(target_row=np.arange(len(targets))).merge(links, on="gene", suffixes=("", "_found"))
    accepted = (rows["requires"] == "any") | (rows["requires"] == rows["link"])
    wanted = [one_letter(text) for text in rows["alteration"]]
    has = rows["alteration_found"].fillna("")
    exact = np.array(
        [
            w != "" and (w == h or (is_residue(w) and residue_of(h) == w))
            for w, h in zip(wanted, has, strict=True)
        ],
        bool,
    )
    accepted &= (rows["alteration"] == "") | exact
    match = np.where(
        (rows["direction"] == "any") | (rows["direction"] == rows["effect"]),
        1.0,
        np.where(rows["effect"] == "unknown", UNKNOWN_DIRECTION, 0.0),
    )
    share = np.minimum((rows["fraction"] * rows["fraction_gain"]).fillna(1.0), 1.0)
    rows = rows.assign(
        match=match,
        exact=exact,
        strength=rows["reliability"] * rows["weight"] * match * share,
        link_order=rows["link"].map({name: i for i, name in enumerate(LINKS)}),
    )
    rows = rows[accepted.to_numpy(bool) & (match > 0)]
    rows = rows.sort_values(
        ["patient", "target_row", "strength", "link_order", "detail"],
        ascending=[True, True, False, True, True],
        kind="stable",
    ).drop_duplicates(["patient", "target_row"])
    matches = [
        diseases.match(stated.get(patient, frozenset()), [disease]) if disease else "not_stated"
        for patient, disease in zip(rows["patient"], rows["disease"], strict=True)
    ]
    tiers = [
        OTHER_DISEASE.get(tier, tier) if found == "other" else tier
        for tier, found in zip(rows["tier"], matches, strict=True)
    ]
    against = (rows["action"] == "contraindicated").to_numpy(bool)
    resistance = rows["tier"].isin(["R1", "R2"]).to_numpy(bool)
    note = np.where(rows["match"].to_numpy() < 1, f" {UNKNOWN_DIRECTION_NOTE}", "")
    return evidence_table(
        {
            "patient": rows["patient"],
            "gene": rows["gene"],
            "intervention": rows["intervention"],
            "action": rows["action"],
            "direction": np.where(resistance, "resistance", np.where(against, "harm", "sensitivity")),
            "tier": tiers,
            "level": rows["level"],
            "link": rows["link"],
            "variant_id": rows["variant_id"],
            "alteration": rows["alteration_found"],
            "alteration_match": np.where(rows["exact"], "protein_change", "gene"),
            "disease": rows["disease"],
            "disease_match": matches,
            "reliability": rows["reliability"],
            "rule": "target_table",
            "source": rows["source"],
            "source_version": rows["source_version"],
            "source_sha256": sha256,
            "source_record": rows["source_record"],
            "reference": rows["reference"],
            "safety": rows["safety"],
            "detail": rows["detail"].to_numpy(object) + note.astype(object),
            "input_file": rows["input_file"],
            "input_line": rows["input_line"],
            "factor": rows["weight"] * rows["match"],
            "fraction": rows["fraction"],
            "fraction_count": rows["fraction_count"],
            "fraction_gain": rows["fraction_gain"].where(rows["fraction"].notna()),
        }
    )


def druggable_evidence(findings: pd.DataFrame, knowledge: str | Path, sources: Sources) -> pd.DataFrame:
    """Genes whose finding matters and whose products have drug interactions: one row a gene and source.

    These rows have a tier of their own, the weakest: they never lift another target.
    """
    parts = []
    matter = findings[findings["matters"].to_numpy(bool) & (findings["feature"] != BURDEN).to_numpy(bool)]
    first = matter.drop_duplicates(["patient", "gene"])
    for name, entry in sorted(sources.items()):
        if entry.get("kind") != "dgidb":
            continue
        drugs = _drugs(read_parquet(Path(knowledge) / entry["table"]), set(first["gene"]))
        rows = first.merge(drugs, on="gene")
        parts.append(
            evidence_table(
                {
                    "patient": rows["patient"],
                    "gene": rows["gene"],
                    "intervention": rows["drugs"],
                    "action": "druggable",
                    "direction": "interaction",
                    "tier": DRUGGABLE,
                    "link": rows["feature"].map(LINK_OF_FEATURE),
                    "variant_id": rows["variant_id"],
                    "alteration": _alteration(rows),
                    "alteration_match": "gene",
                    "disease_match": "not_stated",
                    "reliability": DRUGGABLE_RELIABILITY,
                    "rule": "druggable",
                    **_provenance(pd.Series(name, index=rows.index), sources),
                    "source_record": rows["record"],
                    "detail": rows["detail"] + " " + rows["says"],
                    "input_file": rows["input_file"],
                    "input_line": rows["input_line"],
                    "factor": rows["weight"],
                }
            )
        )
    return pd.concat(parts, ignore_index=True) if parts else evidence_table({})


def _drugs(table: pd.DataFrame, genes: set[str]) -> pd.DataFrame:
    """Of each gene its drugs in one phrase: columns ``gene drugs says record``."""
    gene = table["gene"].where(table["gene"].notna(), table["gene_source"])
    rows = table.assign(gene=gene)
    rows = rows[rows["gene"].isin(genes).to_numpy(bool) & rows["drug"].notna().to_numpy(bool)]
    rows = rows.assign(
        approved=rows["approved"].astype("boolean").fillna(False).to_numpy(bool),
        score=rows["score"].astype("float64").fillna(-1.0),
    )
    rows = rows.sort_values(
        ["gene", "approved", "score", "drug", "source_row"], ascending=[True, False, False, True, True]
    )
    out = []
    for name, group in rows.groupby("gene", sort=True):
        one = group.drop_duplicates("drug")
        approved = int(one["approved"].sum())
        shown = ", ".join(one["drug"].iloc[:MAX_NAMED_DRUGS])
        plural = "" if len(one) == 1 else "s"
        count = f"{len(one)} drug{plural} with a recorded interaction"
        says = f"{count}{f', {approved} of them approved' if approved else ''}: {shown}"
        says += "." if len(one) <= MAX_NAMED_DRUGS else " and others."
        out.append((name, count, f"{says} That a drug acts on a product is no evidence of benefit.",
                    f"row {one['source_row'].iloc[0]}"))  # fmt: skip
    return pd.DataFrame(out, columns=["gene", "drugs", "says", "record"], dtype="str")


def gene_evidence(findings: pd.DataFrame, genes: pd.DataFrame, sources: Sources) -> pd.DataFrame:
    """What is known of the genes of carried variants that matter: their diseases and their constraint.

    These rows name no intervention and make no target.

    Args:
        findings: of patients.
        genes: ``annotation/genes.parquet``.
        sources: of the store.
    """
    carried = findings[(findings["feature"] == GERMLINE).to_numpy(bool) & findings["matters"].to_numpy(bool)]
    first = carried.drop_duplicates(["patient", "gene"])
    known = genes[genes["gene"].notna()].drop_duplicates("gene")
    rows = first.merge(known.drop(columns=["exon"], errors="ignore"), on="gene", suffixes=("", "_gene"))
    parts = []
    for what, value, source, record in (
        ("gene_disease", "validity", "validity_source", "validity_row"),
        ("constraint", "loeuf", "constraint_source", "constraint_row"),
    ):
        part = rows[rows[value].notna().to_numpy(bool)]
        if what == "gene_disease":
            level = part["validity"].astype(object)
            disease = part["validity_disease"].astype(object)
            words = [
                f"The relation of {g} to {d} is {v}."
                for g, d, v in zip(part["gene"], part["validity_disease"], part["validity"], strict=True)
            ]
        else:
            level = pd.Series([f"LOEUF {v:.2f}" for v in part["loeuf"]], index=part.index, dtype=object)
            disease = pd.Series(None, index=part.index, dtype=object)
            words = [
                f"Upper bound of observed over expected loss of function in {g}: {v:.2f}."
                for g, v in zip(part["gene"], part["loeuf"], strict=True)
            ]
        parts.append(
            evidence_table(
                {
                    "patient": part["patient"],
                    "gene": part["gene"],
                    "direction": what,
                    "level": level,
                    "link": "carried_variant",
                    "variant_id": part["variant_id"],
                    "alteration": _alteration(part),
                    "alteration_match": "gene",
                    "disease": disease,
                    "disease_match": "not_stated",
                    "reason": "it is about the gene, not an intervention",
                    "rule": what,
                    **_provenance(part[source], sources),
                    "source_record": [f"row {r}" for r in part[record]],
                    "detail": words,
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def _alteration(rows: pd.DataFrame) -> pd.Series:
    return rows["alteration"].where(rows["alteration"] != "", rows["alteration_type"])


def _provenance(names: pd.Series, sources: Sources) -> dict[str, object]:
    entries = {name: sources.get(name, {}) for name in names.unique()}
    return {"source": names} | {
        f"source_{key}": names.map({name: entry.get(key) for name, entry in entries.items()}).astype(object)
        for key in ("version", "date", "sha256")
    }
