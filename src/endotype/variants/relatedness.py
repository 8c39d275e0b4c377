"""Who is related to whom, by KING-robust kinship.

Manichaikul et al. 2010 (doi:10.1093/bioinformatics/btq559), equation 11: it compares two people without
allele frequencies, so it holds in mixed ancestry. People are compared in rows of ``ROWS``, and only pairs
that matter are kept, so that memory grows with the number of people, not with its square.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from endotype.engine import Engine, LocalEngine, run_blocks, spans_of
from endotype.errors import visible
from endotype.variants.pair_kernels import WORD, both_called, fill_person_planes, king_rows
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

ROWS = 64
"""People compared with all others at a time."""

BLOCK = 64 * WORD
"""Variants that are read at a time; a multiple of a word."""

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


@dataclass(frozen=True)
class PairCounts:
    """Genotype counts of some pairs of people, int64 (n_pairs,) each, in the order of ``i``, then ``j``.

    Attributes:
        i, j: indices of the people, ``i < j``.
        het_het: both heterozygous.
        ibs0: opposite homozygotes.
        het_i, het_j: heterozygous in one, and called in the other.
        called: called in both.
        kinship: KING-robust, float64; NaN where one has no heterozygous site.
    """

    i: np.ndarray
    j: np.ndarray
    het_het: np.ndarray
    ibs0: np.ndarray
    het_i: np.ndarray
    het_j: np.ndarray
    called: np.ndarray
    kinship: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "kinship", kinship(self.het_het, self.ibs0, self.het_i, self.het_j))


def kinship(het_het: np.ndarray, ibs0: np.ndarray, het_i: np.ndarray, het_j: np.ndarray) -> np.ndarray:
    """KING-robust kinship by counts over sites called in both, float64; NaN without a heterozygous site."""
    smaller = np.minimum(het_i, het_j)
    with np.errstate(divide="ignore", invalid="ignore"):
        phi = (het_het - 2.0 * ibs0) / (2.0 * smaller) + 0.5 - (het_i + het_j) / (4.0 * smaller)
    return np.where(smaller > 0, phi, np.nan)


def pair_counts(
    store: GenotypeStore,
    variants: np.ndarray,
    min_kinship: float = -np.inf,
    always: Mapping[int, list[int]] | None = None,
    engine: Engine | None = None,
) -> PairCounts:
    """Compare everybody with everybody over some variants, and keep the pairs that are close.

    Args:
        store: genotypes.
        variants: indices of autosomal, independent variants.
        min_kinship: pairs at or below are dropped, unless they are in ``always``. The default keeps all.
        always: person -> people with higher indices whose pairs are kept whatever their kinship.
        engine: compares rows of people; None is one thread of this process.
    """
    block = PairBlock(store, variants, min_kinship, dict(always or {}))
    kept = list(run_blocks(block, spans_of(0, store.n_people, ROWS), engine or LocalEngine()))
    if not kept:
        kept.append((np.empty(0, np.int64),) * 6)
    i, j, het_het, ibs0, het_i, het_j = (
        np.concatenate(column).astype(np.int64) for column in zip(*kept, strict=True)
    )
    return PairCounts(i, j, het_het, ibs0, het_i, het_j, both_called(*block.planes, i, j))


@dataclass(frozen=True)
class PairBlock:
    """Some people against all after them: what one block of :func:`pair_counts` does, here or on a worker.

    The attributes are its arguments.
    """

    store: GenotypeStore
    variants: np.ndarray
    min_kinship: float
    always: Mapping[int, list[int]]

    def __call__(self, start: int, end: int) -> tuple[np.ndarray, ...]:
        """The columns ``i j het_het ibs0 het_i het_j`` of the pairs that are kept."""
        n = self.store.n_people
        counts = np.empty((4, end - start, n), np.int32)
        king_rows(*self.planes, start, end, counts)
        tile = counts[0], counts[1], counts[0] + counts[2], counts[0] + counts[3]
        keep = np.nan_to_num(kinship(*tile), nan=-np.inf) > self.min_kinship
        if self.min_kinship == -np.inf:
            keep[:] = True
        for person in range(start, end):
            keep[person - start, : person + 1] = False
            keep[person - start, self.always.get(person, [])] = True
        row, j = np.nonzero(keep)
        return row + start, j, *(table[row, j] for table in tile)

    def name(self, start: int, end: int) -> str:
        """The people by their ids."""
        ids = self.store.people["iid"].to_numpy(str)
        return f"kinship of people {visible(ids[start])} to {visible(ids[end - 1])} with all after them"

    @cached_property
    def planes(self) -> tuple[np.ndarray, np.ndarray]:
        """Of :func:`person_planes`; a worker makes its own from the files."""
        return person_planes(self.store, self.variants)

    def __getstate__(self) -> dict[str, Any]:
        """Without the planes, which are as large as the genotypes."""
        return {name: value for name, value in self.__dict__.items() if name != "planes"}


def person_planes(store: GenotypeStore, variants: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Bit planes of people over some variants, uint64 (n_people, ceil(n_variants / 64)) each.

    What the planes mean is said in :mod:`endotype.variants.pair_kernels`.
    """
    hom = np.zeros((store.n_people, (len(variants) + WORD - 1) // WORD), np.uint64)
    ref = np.zeros_like(hom)
    for first in range(0, len(variants), BLOCK):
        rows = np.ascontiguousarray(store.packed[variants[first : first + BLOCK]])
        fill_person_planes(rows, first, hom, ref)
    return hom, ref


def related_pairs(
    store: GenotypeStore,
    variants: np.ndarray,
    declared: Mapping[tuple[str, str], str] | None = None,
    engine: Engine | None = None,
) -> pd.DataFrame:
    """Pairs of people above the third-degree limit, and declared ones; columns ``COLUMNS``.

    Args:
        store: genotypes.
        variants: autosomal, common, independent variants; fewer than ``MIN_SITES`` give an empty table.
        declared: relationship of the pedigree by pair of ids in ascending order. A declared pair that is not
            close is listed as ``unrelated``.
        engine: as of :func:`pair_counts`.
    """
    declared = declared or {}
    people = store.people["iid"].to_numpy(str)
    if len(variants) < MIN_SITES:
        return pd.DataFrame(columns=list(COLUMNS)).astype(COLUMNS)
    pairs = pair_counts(store, variants, DEGREES[-1][0], _declared_indices(people, declared), engine)
    with np.errstate(invalid="ignore", divide="ignore"):
        noise = MIN_STANDARD_ERRORS * NOISE / np.sqrt(np.maximum(np.minimum(pairs.het_i, pairs.het_j), 1))
        ibs0_rate = pairs.ibs0 / pairs.called
    rows = []
    for k, phi in enumerate(pairs.kinship):
        a, b = sorted((str(people[pairs.i[k]]), str(people[pairs.j[k]])))
        said = declared.get((a, b), "")
        found = relationship(phi, ibs0_rate[k]) if phi > max(DEGREES[-1][0], noise[k]) else "unrelated"
        if said or found != "unrelated":
            counted = int(pairs.called[k]), int(pairs.het_het[k]), int(pairs.ibs0[k])
            rows.append((a, b, *counted, float(phi), found, said))
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


def unrelated_set(pairs: pd.DataFrame, call_rate: pd.Series, max_kinship: float) -> pd.Series:
    """Who stays when one of each close pair is left out, bool by patient.

    The person with most close relatives goes first; among equals who has the lower call rate, then the
    later id.

    Args:
        pairs: columns ``patient_a patient_b kinship``.
        call_rate: by patient; everybody of the answer. Pairs with anybody else don't count.
        max_kinship: pairs above are close.
    """
    relatives: dict[str, set[str]] = {}
    close = pairs[pairs["kinship"] > max_kinship]
    for a, b in zip(close["patient_a"], close["patient_b"], strict=True):
        if a in call_rate.index and b in call_rate.index:
            relatives.setdefault(a, set()).add(b)
            relatives.setdefault(b, set()).add(a)
    rate = call_rate.fillna(0.0)
    out = set()
    while relatives:
        # max() takes the first of equals, so the later id stands first.
        worst = max(sorted(relatives, reverse=True), key=lambda p: (len(relatives[p]), -rate[p]))
        out.add(worst)
        for other in relatives.pop(worst):
            relatives[other].discard(worst)
            if not relatives[other]:
                del relatives[other]
    return pd.Series(~call_rate.index.isin(list(out)), call_rate.index)


def _declared_indices(people: np.ndarray, declared: Mapping[tuple[str, str], str]) -> dict[int, list[int]]:
    at = {str(person): index for index, person in enumerate(people)}
    wanted: dict[int, list[int]] = {}
    for a, b in declared:
        i, j = sorted((at[a], at[b]))
        wanted.setdefault(i, []).append(j)
    return wanted
