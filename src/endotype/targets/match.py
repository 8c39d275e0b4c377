"""Findings of patients beside assertions of sources: one row of evidence for every pair about one gene."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from endotype.targets.assertions import DIRECTED
from endotype.targets.diseases import Diseases
from endotype.targets.findings import BURDEN, FUSION, GERMLINE, SOMATIC
from endotype.targets.levels import WEAK_RESISTANCE, WEAK_SENSITIVITY, levels
from endotype.targets.protein_change import is_residue, residue_of

UNKNOWN_EFFECT = 0.5
"""Weight of a change whose effect isn't known, where the source asks for any change that matters."""

CLONAL = 2.0
"""Allele fraction x 2, at most 1, is the weight of a tumour variant: the share of cells that carry it if the
tumour is pure and has two copies of the gene. It's a lower bound where it isn't pure."""

NO_FRACTION = 0.5
"""Weight of a tumour variant whose allele fraction isn't known."""


def condition(finding: Mapping[str, object], assertion: Mapping[str, object]) -> tuple[str, str]:
    """How well a finding meets what an assertion about the same gene and feature asks for.

    Returns:
        The match (``protein_change``, ``gene_and_type`` or ``gene``), and why the condition isn't met: empty
        where it is, ``effect`` where it asks for any change that matters and the effect isn't known.
    """
    feature = finding["feature"]
    change, has = str(assertion["alteration"]), str(finding["alteration"])
    asks_for_any = not (change or assertion["exon"])
    if feature == GERMLINE and asks_for_any and not finding["matters"]:
        return "gene", "the carried variant isn't known to be pathogenic or damaging"
    if feature == FUSION:
        partner = assertion["partner"]
        if partner and partner != finding["partner"]:
            return "gene", "another partner of the fusion"
        return ("gene_and_type" if partner else "gene"), ""
    if feature == BURDEN:
        enough = float(str(finding["burden"])) >= float(str(assertion["min_burden"]))
        return "gene_and_type", "" if enough else "fewer mutations per megabase than it asks for"
    if change:
        if change == has or (is_residue(change) and residue_of(has) == change):
            return "protein_change", ""
        return (
            "gene",
            "another change of the gene" if has else "the protein change of the finding isn't known",
        )
    kind = assertion["alteration_type"]
    if kind and kind != finding["alteration_type"]:
        return "gene", "another type of change"
    if assertion["exon"] and assertion["exon"] != finding["exon"]:
        return "gene", "another exon" if finding["exon"] else "the exon of the finding isn't known"
    if assertion["needs"] == "loss":
        return "gene_and_type", "" if finding["effect"] == "loss" else "effect"
    if feature == SOMATIC and not finding["matters"]:
        return ("gene_and_type" if kind else "gene"), "effect"
    return ("gene_and_type" if kind else "gene"), ""


def match_evidence(
    findings: pd.DataFrame, assertions: pd.DataFrame, diseases: Diseases, stated: Mapping[str, frozenset[str]]
) -> pd.DataFrame:
    """Evidence rows of patients.

    A patient's finding and an assertion are compared when both are of one gene and one kind of feature. Rows
    whose condition isn't met, or whose assertion makes no target, are there with ``reason`` and without tier.
    Where an assertion asks for any change of the gene and the effect of the patient's isn't known, its tier
    is the weakest and its weight halved.

    Args:
        findings: :data:`endotype.targets.findings.FINDING_COLUMNS`.
        assertions: :data:`endotype.targets.assertions.ASSERTION_COLUMNS`.
        diseases: what is known of names.
        stated: patient -> names of the disease, of :meth:`Diseases.names`; patients without one may lack.

    Returns:
        The columns of both (those of assertions with ``a_`` before), with ``tier action weight
        disease_match alteration_match effect_unknown reason``.
    """
    finding = findings.reset_index(drop=True)
    assertion = assertions.reset_index(drop=True)
    kinds, kind_of = _kinds(finding)
    pairs = kinds[["gene", "feature", "kind"]].merge(
        assertion[["gene", "feature"]].assign(a=np.arange(len(assertion))), on=["gene", "feature"]
    )
    kind_rows, assertion_rows = kinds.to_dict("records"), assertion.to_dict("records")
    said = [
        condition(kind_rows[kind], assertion_rows[a])
        for kind, a in zip(pairs["kind"], pairs["a"], strict=True)
    ]
    pairs = pairs.assign(match=[m for m, _ in said], unmet=[u for _, u in said])
    rows = pd.DataFrame({"f": np.arange(len(finding)), "kind": kind_of}).merge(
        pairs[["kind", "a", "match", "unmet"]], on="kind"
    )
    out = pd.concat(
        [
            finding.iloc[rows["f"].to_numpy()].reset_index(drop=True),
            assertion.iloc[rows["a"].to_numpy()].reset_index(drop=True).add_prefix("a_"),
        ],
        axis=1,
    )
    out["alteration_match"] = rows["match"].to_numpy(object)
    out["disease_match"] = _disease_matches(out["patient"], rows["a"], assertion, diseases, stated)
    unknown = (rows["unmet"] == "effect").to_numpy(bool)
    reason = np.where(unknown, "", rows["unmet"].to_numpy(object))
    out["reason"] = np.where(out["a_unused"] != "", out["a_unused"].to_numpy(object), reason)
    out["effect_unknown"] = unknown
    out["tier"], out["action"] = _tiers(out)
    no_fraction = ((out["feature"] == SOMATIC) & out["fraction"].isna()).to_numpy(bool)
    out["weight"] = (
        out["weight"].to_numpy(float)
        * np.where(no_fraction, NO_FRACTION, 1.0)
        * np.where(unknown, UNKNOWN_EFFECT, 1.0)
    )
    out["gene"] = _named(out)
    # A fusion is a finding, and its record an assertion, of both of its genes: the record speaks once.
    once = ["patient", "gene", "a_source", "a_record", "a_intervention", "a_direction"]
    twice = out.duplicated(once).to_numpy(bool) & (out["a_partner"] != "").to_numpy(bool)
    return out[~twice].reset_index(drop=True)


_CONDITION = [
    "gene", "feature", "partner", "alteration_type", "alteration", "exon", "effect", "matters", "burden",
]  # fmt: skip
"""Columns of a finding that decide whether a condition is met: patients share most of them."""


def _kinds(finding: pd.DataFrame) -> tuple[pd.DataFrame, np.ndarray]:
    """The distinct findings as far as conditions go, numbered ``kind``; and the number of each finding."""
    number = finding.groupby(_CONDITION, sort=False, dropna=False).ngroup().to_numpy()
    kinds = finding[_CONDITION].assign(kind=number).drop_duplicates("kind")
    return kinds.sort_values("kind").reset_index(drop=True), number


def _disease_matches(
    patients: pd.Series,
    assertion_of: pd.Series,
    assertions: pd.DataFrame,
    diseases: Diseases,
    stated: Mapping[str, frozenset[str]],
) -> list[str]:
    names = list(zip(assertions["disease"], assertions["disease_also"], strict=True))
    known: dict[tuple[frozenset[str], tuple[str, str]], str] = {}
    found = []
    for patient, a in zip(patients, assertion_of, strict=True):
        key = (stated.get(patient, frozenset()), names[a])
        if key not in known:
            known[key] = diseases.match(key[0], [key[1][0], *key[1][1].split("|")])
        found.append(known[key])
    return found


def _tiers(rows: pd.DataFrame) -> tuple[list[str], list[str]]:
    table = levels()
    tiers, actions = [], []
    for kind, level, direction, disease, reason, unknown in zip(
        rows["a_kind"], rows["a_level"], rows["a_direction"], rows["disease_match"], rows["reason"],
        rows["effect_unknown"], strict=True,
    ):  # fmt: skip
        against = direction in ("resistance", "adverse_event")
        actions.append("" if direction not in DIRECTED else "contraindicated" if against else "indicated")
        if reason or direction not in DIRECTED:
            tiers.append("")
        elif unknown:
            tiers.append(WEAK_RESISTANCE if against else WEAK_SENSITIVITY)
        else:
            tiers.append(table[kind, level].tier(against, disease))
    return tiers, actions


def _named(rows: pd.DataFrame) -> list[str]:
    """What a target is called: its gene, of a fusion that asks for a partner both genes."""
    return [
        "::".join(sorted((gene, partner))) if partner and partner == wanted else gene
        for gene, partner, wanted in zip(rows["gene"], rows["partner"], rows["a_partner"], strict=True)
    ]
