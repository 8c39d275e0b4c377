"""Sites of one window as a caller would write them, with the trouble that real VCF files have."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from endotype.simulation.genes import MISSENSE, SYNONYMOUS, Gene, coding_effects
from endotype.simulation.genome import text
from endotype.simulation.parameters import Parameters
from endotype.simulation.plan import PlantedVariant

MIN_GAP = 25
"""Bases between a record that is given trouble and its neighbours, so that two never overlap."""

LOSS_LIMIT = 0.005
"""Highest frequency at which selection lets a variant end or prolong a protein."""


@dataclass
class Sites:
    """Records of one window in the order of their positions.

    ``pos`` int64 (n,), 1-based; ``ref`` and ``alts`` as written; ``alleles`` int8 (n, n_people, 2), indices
    into ref + alts; ``kind`` what was done to the record; ``passes`` the filter; ``clean`` whether all calls
    are good; ``copies`` how often the line is written.
    """

    pos: np.ndarray
    ref: list[str]
    alts: list[tuple[str, ...]]
    alleles: np.ndarray
    kind: list[str]
    passes: np.ndarray
    clean: np.ndarray
    copies: np.ndarray

    @property
    def n_alleles(self) -> np.ndarray:
        """Alleles of each record, the reference included, int8."""
        return np.array([1 + len(a) for a in self.alts], np.int8)

    def select(self, keep: np.ndarray) -> Sites:
        """The records where ``keep``, bool (n,), is true."""
        rows = np.flatnonzero(keep)
        return Sites(
            self.pos[rows],
            [self.ref[i] for i in rows],
            [self.alts[i] for i in rows],
            self.alleles[rows],
            [self.kind[i] for i in rows],
            self.passes[rows],
            self.clean[rows],
            self.copies[rows],
        )


class CodingTable:
    """What the genes of one contig allow at a position."""

    def __init__(self, genes: Iterable[Gene], protected: set[str], bases: np.ndarray) -> None:
        genes = list(genes)
        empty = np.zeros(0, np.int64)
        positions = [g.coding_positions for g in genes]
        effects = [coding_effects(g, bases) for g in genes]
        strict = [np.full(len(p), g.name in protected) for g, p in zip(genes, positions, strict=True)]
        self._positions = np.concatenate([empty, *positions])
        order = np.argsort(self._positions)
        self._positions = self._positions[order]
        self._effects = np.concatenate([np.zeros((0, 4), np.uint8), *effects])[order]
        self._strict = np.concatenate([np.zeros(0, bool), *strict])[order]
        self._splice = np.concatenate([empty, *(g.splice_positions for g in genes)])

    def alternate(
        self, pos: np.ndarray, ref: np.ndarray, alt: np.ndarray, frequency: np.ndarray
    ) -> np.ndarray:
        """Alternate bases after selection, int64 (n,); -1 where no variant is tolerated.

        Splice sites bear none; genes with a planted role only synonymous ones; elsewhere a variant that ends
        the protein early or late stays rare. A base that is not allowed gives way to the next one that is.
        """
        chosen = alt.astype(np.int64).copy()
        chosen[np.isin(pos, self._splice)] = -1
        if not len(self._positions):
            return chosen
        row = np.searchsorted(self._positions, pos).clip(0, len(self._positions) - 1)
        for i in np.flatnonzero(self._positions[row] == pos):
            limit = SYNONYMOUS if self._strict[row[i]] else MISSENSE if frequency[i] > LOSS_LIMIT else 3
            options = [(int(alt[i]) + k) % 4 for k in range(4)]
            allowed = [b for b in options if b != ref[i] and self._effects[row[i], b] <= limit]
            chosen[i] = allowed[0] if allowed else -1
        return chosen


def plain_sites(
    pos: np.ndarray,
    alleles: np.ndarray,
    planted: Sequence[PlantedVariant],
    bases: np.ndarray,
    coding: CodingTable,
    random: np.random.Generator,
) -> Sites:
    """Background single-base variants of a window, with the planted ones put in.

    Args:
        pos: 1-based positions, (n,).
        alleles: derived alleles of all people, (n, n_people, 2).
        planted: planted variants that lie in the window and have carriers.
        bases: codes of the whole contig.
        coding: selection.
        random: the stream of the window.
    """
    ref = bases[pos - 1].astype(np.int64)
    # Transitions are twice as common as both transversions together.
    change = random.choice([2, 1, 3], len(pos), p=[2 / 3, 1 / 6, 1 / 6])
    alt = coding.alternate(pos, ref, ref ^ change, alleles.mean((1, 2)))
    taken = np.isin(pos, [v.pos for v in planted])
    edge = (pos <= 2 * MIN_GAP) | (pos > len(bases) - 2 * MIN_GAP)
    keep = (alt >= 0) & ~taken & ~edge & alleles.any((1, 2))
    n_people = alleles.shape[1]
    extra = np.zeros((len(planted), n_people, 2), np.int8)
    for row, variant in enumerate(planted):
        for person, copies in variant.carriers.items():
            extra[row, person, :] = 1 if copies == 2 else np.eye(2, dtype=np.int8)[random.integers(2)]
    all_pos = np.concatenate([pos[keep], np.array([v.pos for v in planted], np.int64)])
    order = np.argsort(all_pos, kind="stable")
    letters = "ACGT"
    refs = [letters[b] for b in ref[keep]] + [letters[v.ref] for v in planted]
    alts = [letters[b] for b in alt[keep]] + [letters[v.alt] for v in planted]
    kinds = ["snv"] * int(keep.sum()) + ["planted"] * len(planted)
    return Sites(
        pos=all_pos[order],
        ref=[refs[i] for i in order],
        alts=[(alts[i],) for i in order],
        alleles=np.concatenate([alleles[keep], extra])[order],
        kind=[kinds[i] for i in order],
        passes=np.ones(len(order), bool),
        clean=np.array([kinds[i] == "planted" for i in order], bool),
        copies=np.ones(len(order), np.int64),
    )


def add_trouble(
    sites: Sites,
    off_limits: Iterable[tuple[int, int]],
    bases: np.ndarray,
    parameters: Parameters,
    random: np.random.Generator,
) -> None:
    """Turn some records into the kinds that break naive readers, in place.

    ``off_limits`` are 1-based intervals, such as exons and planted variants, whose records stay as they are.
    """
    free = np.ones(len(sites.pos), bool)
    for start, end in off_limits:
        free[
            np.searchsorted(sites.pos, start - MIN_GAP) : np.searchsorted(sites.pos, end + MIN_GAP, "right")
        ] = False
    gaps = np.diff(sites.pos, prepend=-(10**9), append=10**15)
    before, after = gaps[:-1], gaps[1:]
    alone = free & (before >= MIN_GAP) & (after >= MIN_GAP)
    p = parameters
    kinds = (
        ("multiallelic", p.multiallelic_rate),
        ("shifted_deletion", p.shifted_deletion_rate),
        ("shifted_insertion", p.shifted_insertion_rate),
        ("padded", p.padded_rate),
        ("mnv", p.mnv_rate),
        ("failing_filter", p.failing_rate),
        ("ref_mismatch", p.ref_mismatch_rate),
        ("duplicate", p.duplicate_rate),
    )
    fate = random.random(len(sites.pos))
    edges = np.cumsum([rate for _, rate in kinds])
    which = np.searchsorted(edges, fate, side="right")
    for i in np.flatnonzero(alone & (which < len(kinds))):
        _EDITS[kinds[which[i]][0]](sites, int(i), bases, random)
    near = free[:-1] & free[1:] & (before[:-1] >= MIN_GAP) & (after[1:] >= MIN_GAP) & (after[:-1] <= 6)
    for i in np.flatnonzero(near & (random.random(len(near)) < p.star_rate)):
        _span_by_deletion(sites, int(i), bases)


def plant_in_family(sites: Sites, planted: Iterable[PlantedVariant]) -> None:
    """Give the people of the trio the haplotypes of the variants planted in them, in place."""
    for variant in planted:
        if variant.haplotypes:
            row = int(np.flatnonzero(sites.pos == variant.pos)[0])
            sites.alleles[row, list(variant.haplotypes)] = list(variant.haplotypes.values())


def _multiallelic(sites: Sites, i: int, bases: np.ndarray, random: np.random.Generator) -> None:
    """Three in ten of the alternate haplotypes carry a second alternate base."""
    carried = sites.alleles[i] == 1
    moved = carried & (random.random(carried.shape) < 0.3)
    if not moved.any() or moved.sum() == carried.sum():
        return
    sites.alleles[i][moved] = 2
    other = next(b for b in "ACGT" if b not in (sites.ref[i], sites.alts[i][0]))
    sites.alts[i] = (sites.alts[i][0], other)
    sites.kind[i] = "multiallelic"


def _run_of_one_base(pos: int, bases: np.ndarray) -> tuple[int, int] | None:
    """A run of three or more equal bases near ``pos``, as 0-based first and last index."""
    for first in range(pos - 8, pos + 5):
        if bases[first] == bases[first + 1] == bases[first + 2] and bases[first - 1] != bases[first]:
            last = first + 2
            while bases[last + 1] == bases[first] and last < first + 8:
                last += 1
            return first, last
    return None


def _shifted_deletion(sites: Sites, i: int, bases: np.ndarray, random: np.random.Generator) -> None:
    """Loss of one base of a run, written at the run's right end instead of its left."""
    if run := _run_of_one_base(int(sites.pos[i]), bases):
        sites.pos[i] = run[1]
        sites.ref[i] = text(bases[run[1] - 1 : run[1] + 1])
        sites.alts[i] = (sites.ref[i][0],)
        sites.kind[i] = "shifted_deletion"


def _shifted_insertion(sites: Sites, i: int, bases: np.ndarray, random: np.random.Generator) -> None:
    """Gain of one base of a run, written at the run's right end instead of its left."""
    if run := _run_of_one_base(int(sites.pos[i]), bases):
        sites.pos[i] = run[1] + 1
        sites.ref[i] = text(bases[run[1] : run[1] + 1])
        sites.alts[i] = (sites.ref[i] * 2,)
        sites.kind[i] = "shifted_insertion"


def _padded(sites: Sites, i: int, bases: np.ndarray, random: np.random.Generator) -> None:
    """A single-base change written with two bases more on the right."""
    tail = text(bases[sites.pos[i] : sites.pos[i] + 2])
    sites.ref[i] += tail
    sites.alts[i] = (sites.alts[i][0] + tail,)
    sites.kind[i] = "padded"


def _mnv(sites: Sites, i: int, bases: np.ndarray, random: np.random.Generator) -> None:
    """Two neighbouring bases changed together."""
    second = bases[sites.pos[i] : sites.pos[i] + 1]
    sites.ref[i] += text(second)
    sites.alts[i] = (sites.alts[i][0] + text(second ^ 2),)
    sites.kind[i] = "mnv"


def _failing_filter(sites: Sites, i: int, bases: np.ndarray, random: np.random.Generator) -> None:
    sites.passes[i] = False
    sites.kind[i] = "failing_filter"


def _ref_mismatch(sites: Sites, i: int, bases: np.ndarray, random: np.random.Generator) -> None:
    """REF is a base that the reference doesn't have there."""
    sites.ref[i] = next(b for b in "ACGT" if b not in (sites.ref[i], sites.alts[i][0]))
    sites.kind[i] = "ref_mismatch"


def _duplicate(sites: Sites, i: int, bases: np.ndarray, random: np.random.Generator) -> None:
    sites.copies[i] = 2
    sites.kind[i] = "duplicate"


_EDITS = {
    "multiallelic": _multiallelic,
    "shifted_deletion": _shifted_deletion,
    "shifted_insertion": _shifted_insertion,
    "padded": _padded,
    "mnv": _mnv,
    "failing_filter": _failing_filter,
    "ref_mismatch": _ref_mismatch,
    "duplicate": _duplicate,
}


def _span_by_deletion(sites: Sites, i: int, bases: np.ndarray) -> None:
    """Make site ``i`` a deletion over site ``i + 1``, whose alleles on those haplotypes become ``*``."""
    j = i + 1
    if sites.kind[i] != "snv" or sites.kind[j] != "snv":
        return
    index = int(sites.pos[i]) - 1
    sites.ref[i] = text(bases[index : int(sites.pos[j])])
    sites.alts[i] = (sites.ref[i][0],)
    sites.alleles[j][sites.alleles[i] == 1] = 2
    sites.alts[j] = (sites.alts[j][0], "*")
    sites.kind[i], sites.kind[j] = "spanning_deletion", "star"
