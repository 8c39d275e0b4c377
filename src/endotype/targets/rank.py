"""From findings to each patient's ranked targets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from endotype.tables import read_parquet, write_parquet
from endotype.targets.carriers import ANNOTATION_COLUMNS, find_carriers, gene_variants
from endotype.targets.links import (
    LINKS,
    association_links,
    carried_variant_links,
    subtype_enrichment,
    subtype_links,
)
from endotype.targets.score import TIER_ORDER, Evidence, patient_stream, rank_patient
from endotype.targets.table import read_targets
from endotype.variants.plink import open_store

TARGET_COLUMNS = {
    "patient": "str", "gene": "str", "intervention": "str", "action": "str", "tier": "str",
    "score": "float64", "rank": "int64", "rank_low": "int64", "rank_high": "int64",
    "probability_top3": "float64", "link": "str", "variant_id": "str", "detail": "str", "source": "str",
    "source_version": "str", "source_record": "str",
}  # fmt: skip

_TARGET = ["patient", "gene", "intervention", "action"]
_RANKS = ("rank", "rank_low", "rank_high")

UNKNOWN_DIRECTION = 0.5
"""Match of a target that needs a loss or a gain with a finding whose effect on the gene is not known."""

UNKNOWN_DIRECTION_NOTE = "Whether the gene loses or gains function is not known, which halves the weight."


def rank_targets(
    assignments: str | Path,
    annotation: str | Path,
    bfile: str | Path,
    loci: str | Path,
    genes: str | Path,
    targets: str | Path | None,
    people: str | Path,
    sample_qc: str | Path,
    draws: int,
    seed: int,
    out: str | Path,
    compound: str | Path | None = None,
) -> None:
    """Write ``targets.parquet``.

    Genotypes of patients that failed the sample QC are not used. Enrichment of a gene in a subtype is
    looked for among called patients that are in the statistics of the cohort. ``compound`` is
    ``annotation/compound.parquet``; without it the phase of two variants is unknown.

    Raises:
        InputError: faults of the target table.
    """
    table = read_targets(targets)
    wanted = set(table["gene"])
    store = open_store(bfile)
    qc = read_parquet(sample_qc, ["patient", "verdict", "in_statistics"])
    sound = set(qc.loc[(qc["verdict"] != "fail").to_numpy(bool), "patient"])
    known = set(read_parquet(people, ["patient"])["patient"])
    usable = store.people["iid"].isin(sound & known).to_numpy(bool)
    effects = read_parquet(annotation, ANNOTATION_COLUMNS)
    carriers = find_carriers(store, gene_variants(effects, wanted, store.n_people), usable)
    calls = read_parquet(assignments, ["patient", "subtype", "call", "posterior"])
    calls = calls[calls["patient"].isin(known).to_numpy(bool)]
    in_statistics = set(qc.loc[qc["in_statistics"].fillna(False).to_numpy(bool), "patient"]) & sound
    counted = calls[
        (calls["call"] == "called").to_numpy(bool) & calls["patient"].isin(in_statistics).to_numpy(bool)
    ]
    assessed = bool((effects["consequence_status"] == "assessed").any())
    enrichment = subtype_enrichment(
        carriers, counted.set_index("patient")["subtype"], sorted(wanted) if assessed else []
    )
    gene_table = read_parquet(genes, ["gene", "inheritance"]).dropna()
    links = pd.concat(
        [
            carried_variant_links(
                carriers,
                dict(zip(gene_table["gene"], gene_table["inheritance"], strict=True)),
                {} if compound is None else _phases(compound),
            ),
            subtype_links(calls, enrichment),
            association_links(read_parquet(loci), carriers, store, usable, wanted),
        ],
        ignore_index=True,
    )
    write_parquet(rank(table, links, draws, seed), out)


def _phases(compound: str | Path) -> dict[tuple[str, frozenset[str]], str]:
    pairs = read_parquet(compound, ["patient", "variant_1", "variant_2", "phase"])
    rows = pairs.itertuples(index=False, name=None)
    return {(patient, frozenset((a, b))): phase for patient, a, b, phase in rows}


def rank(targets: pd.DataFrame, links: pd.DataFrame, draws: int, seed: int) -> pd.DataFrame:
    """Every patient's targets, best first; a patient's rows depend on that patient's links alone.

    A target is a gene, an intervention and an action. Its tier is the best that any linked source gives it,
    and only
    sources of that tier enter its score: weak evidence never lifts a target into, or within, a stronger tier.

    Args:
        targets: of :func:`endotype.targets.table.read_targets`.
        links: :data:`endotype.targets.links.LINK_COLUMNS`.
        draws, seed: of the rank interval.

    Returns:
        :data:`TARGET_COLUMNS`, by patient, then rank.
    """
    rows = _evidence(targets, links)
    target = rows.groupby(_TARGET, sort=False).ngroup().to_numpy()
    # The strongest source of each target comes first and stands for it in the table.
    heads = np.flatnonzero(np.diff(target, prepend=-1))
    result = rows.iloc[heads].reset_index(drop=True)
    numbers = {name: np.empty(len(heads)) for name in ("score", *_RANKS, "probability_top3")}
    for patient, (first, last) in _spans(result["patient"].to_numpy()).items():
        mine = slice(*np.searchsorted(target, [first, last]))
        ranking = rank_patient(
            _patient_evidence(rows.iloc[mine], target[mine] - first),
            result["tier_order"].to_numpy()[first:last],
            draws,
            patient_stream(seed, patient),
        )
        for name, values in numbers.items():
            values[first:last] = getattr(ranking, name)
    result = result.assign(**numbers).astype(dict.fromkeys(_RANKS, "int64"))
    result["detail"] = [
        detail
        + (f" {UNKNOWN_DIRECTION_NOTE}" if match < 1 else "")
        + (f" Supported by {n} sources of this tier." if n > 1 else "")
        for detail, match, n in zip(
            result["detail"], result["match"], np.bincount(target, minlength=len(heads)), strict=True
        )
    ]
    result = result.sort_values(["patient", "rank"], kind="stable", ignore_index=True)
    return result[list(TARGET_COLUMNS)].astype(TARGET_COLUMNS)


def _evidence(targets: pd.DataFrame, links: pd.DataFrame) -> pd.DataFrame:
    """One row per patient and row of the target table: the strongest link that the row accepts.

    Sorted by patient and target, the strongest first; rows of weaker tiers than the target's best are gone.
    """
    rows = targets.assign(target_row=np.arange(len(targets))).merge(links, on="gene")
    accepted = (rows["requires"] == "any") | (rows["requires"] == rows["link"])
    match = np.where(
        (rows["direction"] == "any") | (rows["direction"] == rows["effect"]),
        1.0,
        np.where(rows["effect"] == "unknown", UNKNOWN_DIRECTION, 0.0),
    )
    rows = rows.assign(
        match=match,
        strength=rows["reliability"] * rows["weight"] * match,
        link_order=rows["link"].map({name: i for i, name in enumerate(LINKS)}),
        tier_order=rows["tier"].map(TIER_ORDER),
    )
    rows = rows[accepted.to_numpy(bool) & (match > 0)]
    rows = rows.sort_values(
        ["patient", "target_row", "strength", "link_order", "detail"],
        ascending=[True, True, False, True, True],
        kind="stable",
    ).drop_duplicates(["patient", "target_row"])
    rows = rows.assign(best=rows.groupby(_TARGET)["tier_order"].transform("min"))
    return rows[rows["tier_order"] == rows["best"]].sort_values(
        [*_TARGET, "strength", "target_row"], ascending=[True] * len(_TARGET) + [False, True], kind="stable"
    )


def _spans(patients: np.ndarray) -> dict[str, tuple[int, int]]:
    """First row, and the row after the last, of each patient in a sorted column."""
    names, first, count = np.unique(patients.astype(object), return_index=True, return_counts=True)
    return {str(p): (int(i), int(i + n)) for p, i, n in zip(names, first, count, strict=True)}


def _patient_evidence(rows: pd.DataFrame, target: np.ndarray) -> Evidence:
    is_subtype = (rows["link"] == "subtype").to_numpy(bool)
    return Evidence(
        target=target,
        reliability=rows["reliability"].to_numpy(float),
        factor=rows["match"].to_numpy(float) * np.where(is_subtype, 1.0, rows["weight"].to_numpy(float)),
        posterior=np.where(is_subtype, rows["posterior"].to_numpy(float), np.nan),
        log_odds=rows["log_odds"].to_numpy(float),
        log_odds_se=rows["log_odds_se"].to_numpy(float),
    )
