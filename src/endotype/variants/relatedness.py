"""Who is related to whom, by KING-robust kinship.

Manichaikul et al. 2010 (doi:10.1093/bioinformatics/btq559), equation 11: it compares two people without
allele frequencies, so it holds in mixed ancestry.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations_with_replacement
from pathlib import Path

import numpy as np
import pandas as pd

from endotype.variants.plink import GenotypeStore

DEGREES = (
    (0.354, "duplicate"),
    (0.177, "first_degree"),
    (0.0884, "second_degree"),
    (0.0442, "third_degree"),
)
"""Lower limits of kinship for each relationship (Manichaikul 2010, table 1)."""

PARENT_CHILD_MAX_IBS0 = 0.005
"""Parent and child share an allele everywhere: the share of opposite homozygotes is error only."""

MIN_SITES = 1000
"""Fewer independent sites give kinship too noisy to name relatives by."""

NOISE = 0.65
"""Kinship of strangers scatters by about this over the root of the number of heterozygous sites."""

MIN_STANDARD_ERRORS = 5
"""Kinship nearer to zero than this many standard errors isn't reported, whatever its degree."""

TILE = 1024

COLUMNS = {
    "patient_a": "str",
    "patient_b": "str",
    "n_sites": "int64",
    "n_het_het": "int64",
    "n_ibs0": "int64",
    "kinship": "float64",
    "relationship": "str",
    "declared": "str",
}


def king_counts(store: GenotypeStore, variants: np.ndarray) -> dict[str, np.ndarray]:
    """Pairwise site counts over some variants, each int32 (n_people, n_people).

    Keys: ``het_het`` both heterozygous, ``ibs0`` opposite homozygotes, ``het_called`` row heterozygous and
    column called, ``called`` both called.
    """
    n = store.n_people
    totals = {key: np.zeros((n, n), np.int32) for key in ("het_het", "ibs0", "het_called", "called")}
    for start in range(0, len(variants), TILE):
        dosage = store.dosages(variants[start : start + TILE])
        # Counts within a tile are below 2**24, so float32 products are exact.
        ref, het, alt = ((dosage == d).astype(np.float32) for d in (0, 1, 2))
        called = (dosage >= 0).astype(np.float32)
        for rows, columns in combinations_with_replacement(_tiles(n), 2):
            for key, product in (
                ("het_het", het[:, rows].T @ het[:, columns]),
                ("ibs0", ref[:, rows].T @ alt[:, columns] + alt[:, rows].T @ ref[:, columns]),
                ("called", called[:, rows].T @ called[:, columns]),
            ):
                totals[key][rows, columns] += product.astype(np.int32)
                if rows != columns:
                    totals[key][columns, rows] += product.T.astype(np.int32)
            totals["het_called"][rows, columns] += (het[:, rows].T @ called[:, columns]).astype(np.int32)
            if rows != columns:
                totals["het_called"][columns, rows] += (het[:, columns].T @ called[:, rows]).astype(np.int32)
    return totals


def _tiles(n: int) -> list[slice]:
    return [slice(start, min(start + TILE, n)) for start in range(0, n, TILE)]


def kinship(counts: dict[str, np.ndarray]) -> np.ndarray:
    """KING-robust kinship, float64 (n_people, n_people), NaN where a pair has no heterozygous site."""
    het_i = counts["het_called"].astype(np.float64)
    het_j = het_i.T
    smaller = np.minimum(het_i, het_j)
    with np.errstate(divide="ignore", invalid="ignore"):
        shared = (counts["het_het"] - 2.0 * counts["ibs0"]) / (2 * smaller)
        phi = shared + 0.5 - (het_i + het_j) / (4 * smaller)
    return np.where(smaller > 0, phi, np.nan)


def related_pairs(
    store: GenotypeStore, variants: np.ndarray, declared: dict[tuple[str, str], str] | None = None
) -> pd.DataFrame:
    """Pairs of people above the third-degree limit, by patient ids; columns ``COLUMNS``.

    Args:
        store: genotypes.
        variants: autosomal, common, independent variants; fewer than ``MIN_SITES`` give an empty table.
        declared: relationship of the pedigree by pair of ids in ascending order.
    """
    declared = declared or {}
    people = store.people["iid"].to_numpy(str)
    rows = []
    if len(variants) >= MIN_SITES:
        counts = king_counts(store, variants)
        phi = kinship(counts)
        fewer_het = np.minimum(counts["het_called"], counts["het_called"].T)
        limit = np.maximum(DEGREES[-1][0], MIN_STANDARD_ERRORS * NOISE / np.sqrt(np.maximum(fewer_het, 1)))
        close = np.argwhere(np.triu(np.nan_to_num(phi, nan=-1) > limit, 1))
        for i, j in close:
            a, b = sorted((people[i], people[j]))
            called, ibs0 = int(counts["called"][i, j]), int(counts["ibs0"][i, j])
            rows.append(
                {
                    "patient_a": a,
                    "patient_b": b,
                    "n_sites": called,
                    "n_het_het": int(counts["het_het"][i, j]),
                    "n_ibs0": ibs0,
                    "kinship": float(phi[i, j]),
                    "relationship": relationship(float(phi[i, j]), ibs0 / called),
                    "declared": declared.get((a, b), ""),
                }
            )
    table = pd.DataFrame(rows, columns=list(COLUMNS)).astype(COLUMNS)
    return table.sort_values(["patient_a", "patient_b"], ignore_index=True)


def relationship(phi: float, ibs0_rate: float) -> str:
    """The word for a kinship coefficient and a rate of opposite homozygotes."""
    for limit, word in DEGREES:
        if phi > limit:
            if word != "first_degree":
                return word
            return "parent_child" if ibs0_rate < PARENT_CHILD_MAX_IBS0 else "full_sibling"
    return "unrelated"


def declared_relationships(pedigree: str | Path | None, people: Iterable[str]) -> dict[tuple[str, str], str]:
    """Parent-child and sibling pairs of a PED file (family, person, father, mother, ...)."""
    if pedigree is None:
        return {}
    known = set(people)
    parents: dict[str, tuple[str, str]] = {}
    for line in Path(pedigree).read_text(encoding="utf-8").splitlines():
        cells = line.split()
        if len(cells) >= 4 and not line.startswith("#"):
            parents[cells[1]] = (cells[2], cells[3])
    pairs: dict[tuple[str, str], str] = {}
    for child, couple in parents.items():
        for parent in couple:
            if child in known and parent in known:
                pairs[_ordered(child, parent)] = "parent_child"
    for a, b in combinations_with_replacement(sorted(parents), 2):
        if a != b and parents[a] == parents[b] and "0" not in parents[a] and {a, b} <= known:
            pairs[_ordered(a, b)] = "full_sibling"
    return pairs


def _ordered(a: str, b: str) -> tuple[str, str]:
    return (a, b) if a < b else (b, a)
