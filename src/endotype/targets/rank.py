"""From evidence to each patient's ranked targets."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pandas as pd

from endotype.message import N_
from endotype.targets.evidence import EVIDENCE_TYPES
from endotype.targets.levels import TIER_ORDER
from endotype.targets.links import Subtypes
from endotype.targets.place import ABSENT, Places, place, without_each_source
from endotype.targets.score import Evidence, patient_stream, rank_draws

TARGET_TYPES = {
    "patient": "str", "gene": "str", "intervention": "str", "action": "str", "tier": "str",
    "score": "float64", "rank": "int64", "rank_low": "int64", "rank_high": "int64",
    "probability_top3": "float64", "link": "str", "variant_id": "str", "detail": "str", "source": "str",
    "source_version": "str", "source_record": "str",
    "level": "str", "direction": "str", "alteration": "str", "alteration_match": "str", "disease": "str",
    "disease_match": "str", "safety": "str", "n_evidence": "int64", "sources": "str",
    "stable_without_source": "float64", "rank_without_source": "str",
}  # fmt: skip
"""Columns of ``targets/targets.parquet``."""

TOP = 3
_RANKS = ("rank_low", "rank_high")
_TARGET = ["patient", "flagged", "gene", "key", "action"]


class Ranked(NamedTuple):
    """Targets, the evidence behind them, and Kendall's tau of each patient with two targets or more."""

    targets: pd.DataFrame
    evidence: pd.DataFrame
    kendall_tau: dict[str, float]


def rank(
    evidence: pd.DataFrame,
    subtypes: Subtypes | None,
    draws: int,
    seed: int,
    source_weights: Mapping[str, float] | None = None,
) -> Ranked:
    """Every patient's targets, best first; a patient's rows depend on that patient's evidence alone.

    A target is a gene, an intervention and an action; interventions are compared without regard to case. Its
    tier is the best that any source gives it, and only evidence of that tier enters its score: weak evidence
    never lifts a target into, or within, a stronger tier. Of equal targets one without a safety flag goes
    first, then by name.

    Args:
        evidence: rows of :mod:`endotype.targets.evidence`.
        subtypes: what the weights of subtype links are made of.
        draws, seed: of the rank interval.
        source_weights: source -> weight from 0 to 1; a source that isn't there has 1.

    Returns:
        :data:`TARGET_TYPES` by patient, then rank; :data:`EVIDENCE_TYPES` by patient, then rank of the
        target, then strength, rows without a target last.
    """
    weights = source_weights or {}
    rows = _with_strength(evidence, subtypes, weights)
    candidate = rows[rows["tier"].notna()].reset_index(drop=True)
    rest = rows[rows["tier"].isna()]
    candidate = _flagged(candidate)
    candidate["target"] = candidate.groupby(_TARGET, sort=True).ngroup().astype("int64")
    candidate = candidate.sort_values(
        ["target", "strength", "source", "source_record", "detail"],
        ascending=[True, False, True, True, True],
        kind="stable",
        na_position="first",
        ignore_index=True,
    )
    numbers = _Numbers.of(candidate)
    places = place(
        numbers.target, numbers.patient, numbers.tier, numbers.strength, np.ones(len(candidate), bool)
    )
    candidate["used"] = places.used
    weaker = pd.Series("a stronger tier stands for the target", index=candidate.index, dtype="str")
    candidate["reason"] = candidate["reason"].where(places.used, weaker)
    targets, tau = _targets(candidate, places, numbers, subtypes, draws, seed, weights)
    candidate["rank"] = places.rank[numbers.target]
    behind = pd.concat([candidate, rest.assign(rank=ABSENT)], ignore_index=True)
    behind = behind.sort_values(
        ["patient", "rank", "used", "strength", "gene", "source", "source_record", "detail"],
        ascending=[True, True, False, False, True, True, True, True],
        kind="stable",
        ignore_index=True,
    )
    return Ranked(targets, behind[list(EVIDENCE_TYPES)].astype(EVIDENCE_TYPES), tau)


class _Numbers(NamedTuple):
    """Evidence as arrays: ``patient`` of each target, all others of each row."""

    target: np.ndarray
    patient: np.ndarray
    tier: np.ndarray
    strength: np.ndarray
    source: np.ndarray
    sources: list[str]

    @classmethod
    def of(cls, rows: pd.DataFrame) -> _Numbers:
        target = rows["target"].to_numpy(np.int64)
        first = np.flatnonzero(np.diff(target, prepend=-1))
        source, names = pd.factorize(rows["source"].fillna(""), sort=True)
        return cls(
            target,
            pd.factorize(rows["patient"].iloc[first])[0].astype(np.int64),
            rows["tier"].map(TIER_ORDER).to_numpy(np.int64),
            rows["strength"].to_numpy(float),
            source.astype(np.int64),
            [str(name) for name in names],
        )


def _with_strength(
    evidence: pd.DataFrame, subtypes: Subtypes | None, weights: Mapping[str, float]
) -> pd.DataFrame:
    evidence = evidence.reset_index(drop=True)
    share = np.minimum((evidence["fraction"] * evidence["fraction_gain"]).fillna(1.0).to_numpy(float), 1.0)
    whole = np.ones(len(evidence))
    by_subtype = (evidence["link"] == "subtype").to_numpy(bool)
    if by_subtype.any() and subtypes is None:
        raise ValueError("a subtype link without what its weight is made of")
    for gene, rows in evidence[by_subtype].groupby("gene"):
        assert subtypes is not None
        whole[rows.index] = subtypes.weights(str(gene)).loc[rows["patient"]].to_numpy()
    trust = evidence["source"].map(lambda name: weights.get(name, 1.0)).astype(float).fillna(1.0)
    factor = evidence["factor"].to_numpy(float) * trust.to_numpy(float)
    weight = factor * share * whole
    strength = np.minimum(evidence["reliability"].to_numpy(float) * weight, 1.0)
    return evidence.assign(factor=factor, weight=weight, strength=strength)


def _flagged(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with ``key``, the intervention without case; ``flagged``, whether caution is called for.

    An indicated target is flagged where a row of it says so, or where the patient has a row that speaks
    against the same intervention; ``safety`` then says which.
    """
    rows = rows.assign(key=rows["intervention"].str.casefold())
    against = rows[(rows["action"] == "contraindicated").to_numpy(bool)]
    against = against.assign(order=against["tier"].map(TIER_ORDER)).sort_values(["order", "gene"])
    first = against.drop_duplicates(["patient", "key"])
    note = {
        (p, k): N_("Also listed as contraindicated for {gene} (tier {tier}).").format(gene=g, tier=t)
        for p, k, g, t in zip(first["patient"], first["key"], first["gene"], first["tier"], strict=True)
    }
    said = []
    for p, k, a, safety in zip(rows["patient"], rows["key"], rows["action"], rows["safety"], strict=True):
        own = safety if isinstance(safety, str) else ""
        other = note.get((p, k), "") if a == "indicated" else ""
        said.append(" ".join(filter(None, (own, other))))
    rows = rows.assign(safety=pd.Series(said, index=rows.index, dtype="str").replace("", None))
    target = ["patient", "gene", "key", "action"]
    return rows.assign(
        flagged=rows["safety"].notna().groupby([rows[n] for n in target]).transform("max").astype(bool)
    )


def _targets(
    rows: pd.DataFrame,
    places: Places,
    numbers: _Numbers,
    subtypes: Subtypes | None,
    draws: int,
    seed: int,
    weights: Mapping[str, float],
) -> tuple[pd.DataFrame, dict[str, float]]:
    used = rows[places.used].reset_index(drop=True)
    target = used["target"].to_numpy(np.int64)
    n_rows = np.bincount(target, minlength=len(numbers.patient))
    # The strongest evidence of each target comes first and stands for it in the table.
    heads = np.flatnonzero(np.diff(target, prepend=-1))
    result = used.iloc[heads].reset_index(drop=True)
    result = result.assign(score=places.score, rank=places.rank, n_evidence=n_rows)
    names = used.groupby("target")["source"].agg(lambda s: ";".join(sorted(set(s.dropna()))))
    result["sources"] = names.to_numpy(object)
    safety = (
        rows.dropna(subset="safety").groupby("target")["safety"].agg(lambda s: " ".join(dict.fromkeys(s)))
    )
    result["safety"] = safety.reindex(np.arange(len(result))).to_numpy(object)
    result = result.assign(**_stability(numbers, places))
    intervals = {name: places.rank.copy() for name in _RANKS}
    top = (places.rank <= TOP).astype(float)
    tau: dict[str, float] = {}
    draw = _Drawer(used, subtypes, weights)
    edges = np.searchsorted(numbers.patient, np.arange(numbers.patient.max(initial=-1) + 2))
    for (first, last), patient in zip(pairwise(edges), result["patient"].unique(), strict=True):
        mine = slice(*np.searchsorted(target, [first, last]))
        ranking = rank_draws(
            draw.of(patient, mine, target[mine] - first),
            places.tier[first:last],
            places.rank[first:last],
            draws,
            patient_stream(seed, patient),
        )
        intervals["rank_low"][first:last] = ranking.rank_low
        intervals["rank_high"][first:last] = ranking.rank_high
        top[first:last] = ranking.probability_top3
        if last - first > 1:
            tau[patient] = ranking.kendall_tau
    result = result.assign(**intervals, probability_top3=top)
    result["detail"] = [
        detail + (f" Supported by {n} records of this tier." if n > 1 else "")
        for detail, n in zip(result["detail"], n_rows, strict=True)
    ]
    result = result.sort_values(["patient", "rank"], kind="stable", ignore_index=True)
    return result[list(TARGET_TYPES)].astype(TARGET_TYPES), tau


def _stability(numbers: _Numbers, places: Places) -> dict[str, np.ndarray | list[str]]:
    """``rank_without_source`` and ``stable_without_source`` of each target.

    The first lists the target's rank without each source of the patient (``none`` where it is gone). The
    second is the share of those sources without which the target is still there, and still on its side of
    the line between the first three and the others.
    """
    n = len(numbers.sources)
    without = without_each_source(
        numbers.target, numbers.patient, numbers.tier, numbers.strength, numbers.source, n
    )
    has = np.zeros((n, numbers.patient.max(initial=-1) + 1), bool)
    has[numbers.source, numbers.patient[numbers.target]] = True
    of_patient = has[:, numbers.patient]
    same = (without > 0) & ((without <= TOP) == (places.rank <= TOP))
    count = np.maximum(of_patient.sum(axis=0), 1)
    texts = [
        ";".join(f"{numbers.sources[s]}={without[s, t] or 'none'}" for s in np.flatnonzero(of_patient[:, t]))
        for t in range(len(numbers.patient))
    ]
    return {
        "stable_without_source": (same & of_patient).sum(axis=0) / count,
        "rank_without_source": texts,
    }


class _Drawer:
    """Makes :class:`Evidence` of slices of the used rows; columns are taken out of the table once."""

    def __init__(self, used: pd.DataFrame, subtypes: Subtypes | None, weights: Mapping[str, float]) -> None:
        self.reliability = used["reliability"].to_numpy(float)
        self.factor = used["factor"].to_numpy(float)
        self.source = used["source"].fillna("").to_numpy(object)
        self.gene = used["gene"].to_numpy(object)
        self.is_subtype = (used["link"] == "subtype").to_numpy(bool)
        self.fraction = used[["fraction", "fraction_count", "fraction_gain"]].to_numpy(float)
        self.variant = used["variant_id"].fillna("").to_numpy(object)
        self.subtypes, self.weights = subtypes, weights

    def of(self, patient: str, rows: slice, target: np.ndarray) -> Evidence:
        """The evidence of one patient; ``target`` counts from 0."""
        names, source = np.unique(self.source[rows].astype(str), return_inverse=True)
        fraction_of, fractions = self._fractions(rows)
        terms, posterior, odds = self._terms(patient, rows)
        return Evidence(
            target=target,
            source=source,
            reliability=self.reliability[rows],
            factor=self.factor[rows],
            fraction_of=fraction_of,
            fraction=fractions[:, 0],
            fraction_count=fractions[:, 1],
            fraction_gain=fractions[:, 2],
            term_row=terms[:, 0],
            term_subtype=terms[:, 1],
            term_gain=terms[:, 2],
            posterior=posterior,
            log_odds=odds[:, 0],
            log_odds_se=odds[:, 1],
            source_weight=np.array([self.weights.get(name, 1.0) for name in names]),
        )

    def _fractions(self, rows: slice) -> tuple[np.ndarray, np.ndarray]:
        """Index of the fraction of each row, and the fractions: those of one variant are one."""
        values = self.fraction[rows]
        index = np.full(len(values), -1)
        known: dict[tuple[object, ...], int] = {}
        for at in np.flatnonzero(np.isfinite(values[:, 0])):
            key = (self.variant[rows][at], *values[at])
            index[at] = known.setdefault(key, len(known))
        table = np.array([key[1:] for key in known], float).reshape(-1, 3)
        return index, table

    def _terms(self, patient: str, rows: slice) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        at = np.flatnonzero(self.is_subtype[rows])
        if not len(at) or self.subtypes is None:
            return np.empty((0, 3), np.int64), np.empty(0), np.empty((0, 2))
        posterior = self.subtypes.posterior.loc[patient]
        columns = {name: i for i, name in enumerate(posterior.index)}
        terms: list[tuple[int, int, int]] = []
        odds: dict[tuple[str, str], tuple[int, float, float]] = {}
        for row in at:
            gene = self.gene[rows][row]
            for subtype, log_odds, se in self.subtypes.gains[gene]:
                if subtype in columns:
                    number = odds.setdefault((gene, subtype), (len(odds), log_odds, se))[0]
                    terms.append((int(row), columns[subtype], number))
        table = np.array([value[1:] for value in odds.values()], float).reshape(-1, 2)
        return np.array(terms, np.int64).reshape(-1, 3), posterior.to_numpy(float), table
