"""One row per patient: what came out, what was looked at, and what wasn't."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from endotype.message import N_
from endotype.targets.levels import TIER_ORDER
from endotype.targets.rank import Ranked
from endotype.visible import words

PATIENT_TYPES = {
    "patient": "str", "status": "str", "n_findings": "int64", "n_evidence": "int64", "n_targets": "int64",
    "n_contraindicated": "int64", "best_tier": "str", "kendall_tau": "float64", "looked_at": "str",
    "not_assessed": "str", "statement": "str",
}  # fmt: skip
"""Columns of ``targets/patients.parquet``. ``status``: ``targets``, ``none_found`` or ``not_assessed``;
``n_targets`` without those that are druggable alone."""

NEVER_LOOKED_AT = N_("microsatellite stability, mutational signatures and expression: not looked at")


@dataclass(frozen=True)
class Seen:
    """What a run had to look at: whether there is a source, and which patients have what.

    ``without_gene``: patient -> tumour variants without a gene. ``calls``: the assignments.
    """

    sources: bool
    table: bool
    genotyped: frozenset[str]
    with_tumour: frozenset[str]
    without_gene: Mapping[str, int]
    with_burden: frozenset[str]
    alterations: bool
    hotspots: bool
    stated: frozenset[str]
    calls: pd.DataFrame

    def topics(self, patient: str, call: str | None) -> tuple[list[str], list[str]]:
        """Topics that were looked at in a patient, and those that weren't, each with the reason."""
        looked: list[str] = []
        lacking: list[str] = []

        def say(topic: str, there: bool, lacks: str) -> None:
            (looked if there else lacking).append(topic if there else lacks)

        tumour, genotyped = patient in self.with_tumour, patient in self.genotyped
        lacks = N_("carried variants: no usable genotypes or no consequences")
        say(N_("carried variants"), genotyped, lacks)
        say(N_("tumour variants"), tumour, N_("tumour variants: no tumour file"))
        if n := self.without_gene.get(patient, 0):
            said = N_("{n} tumour variant: no gene is known")
            lacking.append((said if n == 1 else N_("{n} tumour variants: no gene is known")).format(n=n))
        if tumour:
            say(N_("hotspots"), self.hotspots, N_("hotspots: no table of hotspots"))
            lacks = N_("mutational burden: not measured per megabase")
            say(N_("mutational burden"), patient in self.with_burden, lacks)
        lacks = N_("copy number and fusions: no table of alterations")
        say(N_("copy number and fusions"), self.alterations, lacks)
        if self.table:
            no_call = N_("subtype: no assignment")
            if call:
                no_call = N_("subtype: no call ({reason})").format(reason=words(call))
            say(N_("subtype"), call == "", no_call)
            say(N_("associations"), genotyped, N_("associations: no usable genotypes"))
        say(N_("disease"), patient in self.stated, N_("disease: not stated"))
        lacking.append(NEVER_LOOKED_AT)
        return looked, lacking


def patient_table(people: pd.Series, ranked: Ranked, findings: pd.DataFrame, seen: Seen) -> pd.DataFrame:
    """One row for every patient, by name: :data:`PATIENT_TYPES`."""
    calls = seen.calls.assign(
        why=np.where(
            seen.calls["call"] == "called",
            "",
            (seen.calls["reason"] if "reason" in seen.calls else pd.Series("", seen.calls.index)).fillna(""),
        )
    )
    why = dict(zip(calls["patient"], calls["why"], strict=True))
    n_findings = findings.groupby("patient").size()
    n_evidence = ranked.evidence.groupby("patient").size()
    targets = ranked.targets
    # That drugs act on a gene's product is nothing to act on.
    actionable = targets[(targets["action"] != "druggable").to_numpy(bool)]
    n_targets = actionable.groupby("patient").size()
    against = targets[(targets["action"] == "contraindicated").to_numpy(bool)].groupby("patient").size()
    indicated = targets[(targets["action"] == "indicated").to_numpy(bool)]
    best = indicated.drop_duplicates("patient").set_index("patient")["tier"].to_dict()
    rows = []
    for patient in people:
        looked, lacking = seen.topics(patient, why.get(patient))
        n = int(n_targets.get(patient, 0))
        could = patient in seen.genotyped or patient in seen.with_tumour or seen.alterations
        status = "targets" if n else "none_found" if seen.sources and could else "not_assessed"
        rows.append(
            {
                "patient": patient,
                "status": status,
                "n_findings": int(n_findings.get(patient, 0)),
                "n_evidence": int(n_evidence.get(patient, 0)),
                "n_targets": n,
                "n_contraindicated": int(against.get(patient, 0)),
                "best_tier": best.get(patient),
                "kendall_tau": ranked.kendall_tau.get(patient, np.nan),
                "looked_at": "; ".join(looked),
                "not_assessed": "; ".join(lacking),
                "statement": _statement(status, n, seen.sources),
            }
        )
    return pd.DataFrame(rows, columns=list(PATIENT_TYPES)).astype(PATIENT_TYPES)


def _statement(status: str, n: int, sources: bool) -> str:
    if status == "targets":
        said = N_("{n} target rest on what was found in this patient.")
        return (said if n == 1 else N_("{n} targets rest on what was found in this patient.")).format(n=n)
    if status == "none_found":
        return N_("No actionable target: nothing in the sources fits what was found in this patient.")
    if not sources:
        return N_("Not assessed: the run has no source of targets.")
    return N_("Not assessed: there is neither a usable genotype nor a tumour file to look at.")


def summary(
    patients: pd.DataFrame,
    ranked: Ranked,
    assertions: pd.DataFrame,
    sources: Mapping[str, Mapping[str, Any]],
    table: Mapping[str, Any] | None,
    settings: Mapping[str, Any],
) -> dict[str, Any]:
    """``targets/summary.json``: sources with their versions, what of them was used, and what came out."""
    used = ranked.evidence[ranked.evidence["used"].to_numpy(bool)]
    by_source = used.groupby("source").size().to_dict()
    described = {}
    for name, entry in sorted(sources.items()):
        rows = assertions[(assertions["source"] == name).to_numpy(bool)]
        described[name] = {
            "kind": entry["kind"],
            "file": entry.get("file"),
            "version": entry.get("version"),
            "date": entry.get("date"),
            "sha256": entry.get("sha256"),
            "licence": entry.get("licence"),
            "assertions": len(rows),
            "assertions_unused": dict(sorted(Counter(rows.loc[rows["unused"] != "", "unused"]).items())),
            "evidence_used": int(by_source.get(name, 0)),
        }
    tiers = Counter(ranked.targets["tier"])
    statuses = Counter(patients["status"])
    return {
        "sources": described,
        "target_table": table,
        "settings": dict(settings),
        "patients": {name: statuses[name] for name in ("targets", "none_found", "not_assessed")},
        "targets": {name: tiers[name] for name in TIER_ORDER},
        "evidence": {"rows": len(ranked.evidence), "used": len(used)},
        "reasons_not_used": dict(sorted(Counter(ranked.evidence["reason"].dropna()).items())),
    }
