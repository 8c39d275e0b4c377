"""Whether the subtypes are ancestry, batch, site, sex or mutation burden under another name.

Every confounder is compared with the partition and with each subtype against all others. An association
beyond a limit is a hard warning, a record with a sentence that reports must show: subtypes that follow where
or how patients were measured are no finding about the disease.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy.cluster.vq import ClusterError, kmeans2

from endotype.message import N_
from endotype.subtypes.adjustment import principal_components
from endotype.subtypes.agreement import (
    adjusted_rand_index,
    contingency,
    cramers_v,
    eta_squared,
    pearson_chi2,
    standardised_difference,
)
from endotype.subtypes.multiplicity import benjamini_hochberg
from endotype.subtypes.names import plain_label

MAX_ANCESTRY_GROUPS = 6
"""Patients are grouped by their ancestry axes into 2 to so many groups; the agreement of the best counts."""

MIN_PATIENTS = 10
"""Patients with a confounder recorded that its comparison needs."""

MAX_LEVELS = 100
"""Levels of a category; one with more is no group but a name."""

Kind = Literal["numeric", "category"]


@dataclass(frozen=True)
class Limits:
    """Beyond which an association is a hard warning.

    Attributes:
        ari: adjusted Rand index of the partition with a category or with groups of ancestry.
        eta_squared: share of a number's variance between subtypes; of a category, the square of Cramér's V.
    """

    ari: float = 0.1
    eta_squared: float = 0.25


@dataclass(frozen=True)
class AuditColumn:
    """A confounder of n patients.

    Attributes:
        name, source: the column and the table it is from.
        kind: ``numeric`` or ``category``.
        values: float64 (n,) with NaN where missing; of a category the number of the level.
        levels: of a category.
    """

    name: str
    source: str
    kind: Kind
    values: np.ndarray
    levels: tuple[str, ...] = ()


def audit_columns(
    dictionary: dict[str, Any],
    clinical: pd.DataFrame,
    ancestry: pd.DataFrame,
    people: pd.DataFrame,
    burden: pd.DataFrame | None = None,
    removed: pd.DataFrame | None = None,
) -> list[AuditColumn]:
    """The confounders of the run: the dictionary's, the sex, ancestry axes and populations, mutation burden.

    Args:
        dictionary: ``dictionary.json``.
        clinical, ancestry, people: indexed by patient, with the same rows.
        burden: numbers of mutations, a column each; compared as log(1 + number).
        removed: features that the model takes as confounders.
    """
    found = []
    for name, entry in dictionary["columns"].items():
        if entry["role"] == "confounder" and name in clinical.columns:
            found.append(audit_column(name, "clinical", clinical[name]))
    if "sex" in people.columns and not any(c.name == "sex" for c in found):
        sex = people["sex"].where(people["sex"].isin(["male", "female"]))
        found.append(audit_column("sex", "people", sex))
    found += [audit_column(pc, "ancestry", ancestry[pc]) for pc in principal_components(ancestry)]
    if "population" in ancestry.columns and ancestry["population"].notna().any():
        found.append(audit_column("population", "ancestry", ancestry["population"]))
    if burden is not None:
        for name in burden.columns:
            numbers = pd.to_numeric(burden[name]).to_numpy(dtype=float, na_value=np.nan)
            logs = np.log1p(np.where(numbers >= 0, numbers, np.nan))
            found.append(AuditColumn(f"log({name} + 1)", "burden", "numeric", logs))
    if removed is not None:
        found += [audit_column(name, "features", removed[name]) for name in removed.columns]
    return found


def audit_column(name: str, source: str, values: pd.Series) -> AuditColumn:
    """One column of a table: numbers as they are, words and yes/no as levels in the order of the alphabet."""
    is_bool = pd.api.types.is_bool_dtype(values.dtype)
    if pd.api.types.is_numeric_dtype(values.dtype) and not is_bool:
        return AuditColumn(name, source, "numeric", values.to_numpy(dtype=float, na_value=np.nan))
    text = pd.Series([None if pd.isna(v) else str(v) for v in values], dtype="object")
    levels = tuple(sorted(text.dropna().unique()))
    number = {level: float(i) for i, level in enumerate(levels)}
    return AuditColumn(
        name,
        source,
        "category",
        np.array([np.nan if v is None else number[v] for v in text], float),
        levels,
    )


def audit(
    labels: np.ndarray,
    names: list[str],
    columns: list[AuditColumn],
    limits: Limits | None = None,
    permutations: int = 999,
    seed: int = 1,
) -> dict[str, Any]:
    """Compare subtypes with confounders.

    p-values are by permutation of the patients, p = (1 + #{permuted >= observed}) / (permutations + 1); the
    statistic is eta squared or Pearson's chi-square. q is over all of them (Benjamini & Hochberg).

    Args:
        labels: int64 (n,), 0 to k - 1, or -1 for patients without a subtype, who are left out.
        names: of the k subtypes; none or one: not assessed.
        columns: confounders of the same patients.
        limits: of a hard warning.
        permutations, seed: of the tests.

    Returns:
        ``status``, and ``reason`` where not assessed; ``limits``; ``confounders``, a record each with its
        measures of the partition and of each subtype; ``ancestry_groups``; ``warnings``.
    """
    limits = limits or Limits()
    base: dict[str, Any] = {
        "limits": {"ari": limits.ari, "eta_squared": limits.eta_squared},
        "permutations": permutations,
        "confounders": [],
        "ancestry_groups": None,
        "warnings": [],
    }
    if len(names) < 2:
        return base | {"status": "not_assessed", "reason": "there are no subtypes to compare"}
    if not columns:
        return base | {"status": "not_assessed", "reason": "no confounder is recorded"}
    records = [
        _compare(c, labels, names, permutations, np.random.default_rng([seed, 41, i]))
        for i, c in enumerate(columns)
    ]
    tests = [t for r in records if r["status"] == "assessed" for t in [r, *r["subtypes"]]]
    p = np.array([np.nan if t["p"] is None else t["p"] for t in tests], float)
    for test, q in zip(tests, benjamini_hochberg(p), strict=True):
        test["q"] = _number(q)
    groups = _ancestry_groups(columns, labels, seed)
    return base | {
        "status": "assessed",
        "reason": None,
        "confounders": records,
        "ancestry_groups": groups,
        "warnings": _warnings(records, groups, limits),
    }


def _compare(
    column: AuditColumn, labels: np.ndarray, names: list[str], permutations: int, rng: np.random.Generator
) -> dict[str, Any]:
    record: dict[str, Any] = {"confounder": column.name, "source": column.source, "kind": column.kind}
    kept = (labels >= 0) & np.isfinite(column.values)
    values, groups = column.values[kept], labels[kept]
    record["n"] = int(kept.sum())
    record["n_missing"] = int((labels >= 0).sum()) - record["n"]
    reason = _no_comparison(column, values, groups)
    if reason:
        return record | {"status": "not_assessed", "reason": reason, "subtypes": []}
    k = len(names)
    statistic = eta_squared if column.kind == "numeric" else _chi2
    levels = values if column.kind == "numeric" else values.astype(np.int64)
    whole = float(statistic(levels, groups, k))
    present = [g for g in range(k) if 0 < int((groups == g).sum()) < len(groups)]
    single = np.array([statistic(levels, (groups == g).astype(np.int64), 2) for g in present])
    exceeding, exceeding_single = 0, np.zeros(len(present), np.int64)
    for _ in range(permutations):
        shuffled = rng.permutation(groups)
        # The margin keeps a permutation that equals the observed order from losing to rounding.
        exceeding += bool(statistic(levels, shuffled, k) >= whole * (1 - 1e-12))
        for j, g in enumerate(present):
            value = statistic(levels, (shuffled == g).astype(np.int64), 2)
            exceeding_single[j] += bool(value >= single[j] * (1 - 1e-12))
    record |= {"status": "assessed", "reason": None} | _measures(column.kind, levels, groups, k)
    record["p"] = (1 + exceeding) / (1 + permutations)
    record["subtypes"] = []
    for j, g in enumerate(present):
        inside = groups == g
        own: dict[str, Any] = {**_measures(column.kind, levels, inside.astype(np.int64), 2)}
        own |= {"subtype": names[g], "n": int(inside.sum())} | _difference(column, levels, inside)
        record["subtypes"].append(own | {"p": (1 + int(exceeding_single[j])) / (1 + permutations)})
    return record


def _no_comparison(column: AuditColumn, values: np.ndarray, groups: np.ndarray) -> str:
    if len(values) < MIN_PATIENTS:
        few = N_("recorded in {n!s} patients with a subtype, fewer than {least!s}")
        return few.format(n=len(values), least=MIN_PATIENTS)
    if values.min() == values.max():
        return N_("the same in every patient with a subtype")
    if len(np.unique(groups)) < 2:
        return N_("recorded in one subtype only")
    if column.kind == "category" and len(np.unique(values)) > MAX_LEVELS:
        return N_("more than {n!s} levels").format(n=MAX_LEVELS)
    return ""


def _chi2(levels: np.ndarray, groups: np.ndarray, k: int) -> float:
    return pearson_chi2(contingency(groups, levels))


def _measures(kind: Kind, levels: np.ndarray, groups: np.ndarray, k: int) -> dict[str, float | None]:
    if kind == "numeric":
        return {
            "eta_squared": _number(eta_squared(levels, groups, k)),
            "cramers_v": None,
            "ari": None,
        }
    return {
        "eta_squared": None,
        "cramers_v": _number(cramers_v(contingency(groups, levels))),
        "ari": _number(adjusted_rand_index(groups, levels)),
    }


def _difference(column: AuditColumn, levels: np.ndarray, inside: np.ndarray) -> dict[str, Any]:
    """Standardised difference of a subtype from the others; of a category, of its most different level."""
    if column.kind == "numeric":
        value = standardised_difference(levels[inside], levels[~inside])
        return {"standardised_difference": _number(value), "level": None}
    best, at = float("nan"), None
    for number, level in enumerate(column.levels):
        hit = (levels == number).astype(float)
        value = standardised_difference(hit[inside], hit[~inside])
        if np.isfinite(value) and not abs(value) <= abs(best):
            best, at = value, level
    return {"standardised_difference": _number(best), "level": at}


def _ancestry_groups(columns: list[AuditColumn], labels: np.ndarray, seed: int) -> dict[str, Any] | None:
    """Agreement of the partition with groups of genetically similar patients; ``None`` without axes.

    k-means on the ancestry axes as they are (the first say most) from 10 starts, into 2 to
    :data:`MAX_ANCESTRY_GROUPS` groups; a partition that is ancestry agrees with one of these numbers.
    """
    axes = [c for c in columns if c.source == "ancestry" and c.kind == "numeric"]
    if not axes:
        return None
    points = np.column_stack([c.values for c in axes])
    kept = (labels >= 0) & np.isfinite(points).all(axis=1)
    points, groups = points[kept], labels[kept]
    tried = []
    for number in range(2, min(MAX_ANCESTRY_GROUPS, len(points) // MIN_PATIENTS) + 1):
        found = _nearest_groups(points, number, np.random.default_rng([seed, 42, number]))
        tried.append({"groups": number, "ari": _number(adjusted_rand_index(groups, found))})
    usable = [t for t in tried if t["ari"] is not None]
    best = max(usable, key=lambda t: (t["ari"], -int(t["groups"] or 0)), default=None)
    return {"n": len(points), "tried": tried, "groups": best and best["groups"], "ari": best and best["ari"]}


def _nearest_groups(points: np.ndarray, number: int, rng: np.random.Generator) -> np.ndarray:
    best, labels = np.inf, np.zeros(len(points), np.int64)
    for _ in range(10):
        try:
            centres, found = kmeans2(points, number, minit="++", rng=rng, iter=50, missing="raise")
        except ClusterError:  # a group lost all its patients: this start is no answer
            continue
        spread = float(((points - centres[found]) ** 2).sum())
        if spread < best:
            best, labels = spread, found.astype(np.int64)
    return labels


def _warnings(
    records: list[dict[str, Any]], groups: dict[str, Any] | None, limits: Limits
) -> list[dict[str, Any]]:
    found = []

    def warn(what: str, confounder: str, measure: str, value: float, limit: float, text: str) -> None:
        found.append(
            {
                "of": what,
                "confounder": confounder,
                "measure": measure,
                "value": value,
                "limit": limit,
                "sentence": f"{text} "
                + N_("They may describe {confounder} rather than the disease.").format(confounder=confounder),
            }
        )

    for record in records:
        if record["status"] != "assessed":
            continue
        name = plain_label(record["confounder"], 80)
        # Of two subtypes each is the partition.
        for part in [record, *(record["subtypes"] if len(record["subtypes"]) > 2 else [])]:
            what = part.get("subtype", "partition")
            who = N_("The subtypes")
            if what != "partition":
                who = N_("Members of subtype {subtype}").format(subtype=what)
            share = part["eta_squared"]
            if share is not None and share > limits.eta_squared:
                text = N_(
                    "{who} differ in {confounder}: {share:.0%} of its variance goes with them "
                    "(limit {limit:.0%})."
                ).format(who=who, confounder=name, share=share, limit=limits.eta_squared)
                warn(what, name, "eta_squared", share, limits.eta_squared, text)
            v, limit = part["cramers_v"], float(np.sqrt(limits.eta_squared))
            if v is not None and v > limit:
                text = N_("{who} differ in {confounder}: Cramér's V {v:.2f} (limit {limit:.2f}).").format(
                    who=who, confounder=name, v=v, limit=limit
                )
                warn(what, name, "cramers_v", v, limit, text)
        ari = record["ari"]
        if ari is not None and ari > limits.ari:
            text = N_(
                "The subtypes agree with {confounder}: adjusted Rand index {ari:.2f} (limit {limit:.2f})."
            ).format(confounder=name, ari=ari, limit=limits.ari)
            warn("partition", name, "ari", ari, limits.ari, text)
    if groups and groups["ari"] is not None and groups["ari"] > limits.ari:
        text = N_(
            "The subtypes agree with {n!s} groups of genetically similar patients: adjusted Rand index "
            "{ari:.2f} (limit {limit:.2f})."
        ).format(n=groups["groups"], ari=groups["ari"], limit=limits.ari)
        warn("partition", "ancestry", "ari", groups["ari"], limits.ari, text)
    return found


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
