"""What a BED, a gVCF or an alignment says of each gene of one person: how many coding bases are callable.

A :class:`Measure` keeps "none is callable" apart from "nothing is known", for which it gives the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from endotype.cohort.assembly import par_regions, sex_chromosome
from endotype.cohort.coverage_files import open_alignment
from endotype.variants.alignment import read_depth
from endotype.variants.bed import read_bed
from endotype.variants.coding import Coding
from endotype.variants.gvcf import rows_touching
from endotype.variants.intervals import Intervals, bases_within, union

OUTSIDE, ABSENT, LENGTH, NO_RECORDS = "outside_run", "contig_absent", "contig_length", "no_records"
"""Why a gene is not assessed (docs/results.md)."""

_JOINED = 300
"""Coding segments nearer than this many bp, about two reads, are read in one go."""


@dataclass(frozen=True)
class Limits:
    """A base is callable from so much depth (half of it where there is one copy) and genotype quality."""

    min_depth: float = 10
    min_genotype_quality: float = 20

    def depth(self, copies: int) -> float:
        """The least depth where a person has this many copies."""
        return self.min_depth * copies / 2


@dataclass(frozen=True)
class Genome:
    """Contigs of the run with lengths in bp; ``excerpt``: each is the first part of the real one."""

    lengths: Mapping[str, int]
    assembly: str = "unspecified"
    excerpt: bool = False
    fasta: str | None = None


class Measure(NamedTuple):
    """Callable bases of each gene, int64 (g,), and why a gene is not assessed, object (g,); '' if it is."""

    n_callable: np.ndarray
    reason: np.ndarray

    @property
    def assessed(self) -> np.ndarray:
        """Of which genes it says something, bool (g,)."""
        return self.reason == ""


class Place:
    """The coding bases of a run: which segments lie where, and of which a person has one copy."""

    def __init__(self, coding: Coding, genome: Genome) -> None:
        self.coding, self.genome = coding, genome
        self.by_contig = coding.segments_by_contig()
        ends = np.array([genome.lengths.get(chrom, 0) for chrom in coding.genes["chrom"]], np.int64)
        self.outside = coding.genes["end"].to_numpy(np.int64) > ends
        self._first_segment = np.searchsorted(coding.gene, np.arange(len(coding.genes)))
        kind = np.array([sex_chromosome(c) or "" for c in coding.genes["chrom"]], object)[coding.gene]
        paired = np.zeros(len(coding.gene), bool)
        for chrom, start, end in par_regions(genome.assembly):
            paired |= (kind == sex_chromosome(chrom)) & (coding.start >= start) & (coding.start <= end)
        self._haploid = kind == "MT"
        self._haploid_in_males = np.isin(kind, ["X", "Y"]) & ~paired

    def copies(self, sex: str) -> np.ndarray:
        """1 or 2 for each segment, as the genotype filters see it."""
        one = self._haploid | self._haploid_in_males if sex == "male" else self._haploid
        return np.where(one, 1, 2)

    def unions(self) -> dict[str, Intervals]:
        """Contig -> its coding bases."""
        return {c: union(self.coding.start[s], self.coding.end[s]) for c, s in self.by_contig.items()}

    def bases(self, segments: np.ndarray, intervals: Intervals) -> np.ndarray:
        """How many bases of each of the segments lie in the intervals."""
        return bases_within(self.coding.start[segments], self.coding.end[segments], *intervals)

    def blank(self) -> tuple[np.ndarray, np.ndarray]:
        """A count and a reason for each segment, to be filled."""
        return np.zeros(len(self.coding.gene), np.int64), np.full(len(self.coding.gene), "", object)

    def measure(self, n_callable: np.ndarray, reason: np.ndarray) -> Measure:
        """From segments to genes. All segments of a gene are on one contig and share the reason."""
        why = reason[self._first_segment]
        why[self.outside] = OUTSIDE
        return Measure(self.coding.per_gene(n_callable), why)


def by_bed(place: Place, path: str | Path) -> Measure:
    """Coding bases that a BED lists. Of a contig that it doesn't name it says nothing."""
    intervals = read_bed(path, None if place.genome.excerpt else place.genome.lengths)
    n_callable, reason = place.blank()
    for chrom, segments in place.by_contig.items():
        if chrom in intervals:
            n_callable[segments] = place.bases(segments, intervals[chrom])
        else:
            reason[segments] = ABSENT
    return place.measure(n_callable, reason)


class BlockTables:
    """Tables of gVCF blocks, of which only the rows on coding bases are held.

    They are held until a person comes who isn't in them: people of one file mostly follow each other.
    """

    def __init__(self, regions: dict[str, Intervals]) -> None:
        self._regions = regions
        self._held: dict[str, pa.Table] = {}

    def of(self, patient: str, paths: Sequence[str]) -> pa.Table | None:
        """One person's rows; ``None`` when no file has any row at all, because none is a gVCF."""
        paths = [path for path in paths if pq.read_metadata(path).num_rows]
        kept = {path: self._held[path] for path in paths if path in self._held}
        self._held = {p: kept[p] if p in kept else rows_touching(p, self._regions) for p in paths}
        if not paths:
            return None
        mine = [t.filter(pc.equal(t["patient"].cast(pa.string()), patient)) for t in self._held.values()]
        return pa.concat_tables(mine)


def by_blocks(place: Place, table: pa.Table, sex: str, limits: Limits) -> Measure:
    """Coding bases in blocks or calls that pass the limits.

    A gene on none of whose coding bases is a record lies outside the regions that were called.
    """
    n_callable, reason = place.blank()
    n_recorded, copies = np.zeros_like(n_callable), place.copies(sex)
    chroms, start, end = table["chrom"].cast(pa.string()), table["start"].to_numpy(), table["end"].to_numpy()
    # What a record doesn't give isn't held against it, as for genotypes.
    depth, quality = (
        pc.fill_null(table[name].cast(pa.float64()), np.inf).to_numpy() for name in ("depth", "quality")
    )
    sure = (quality >= limits.min_genotype_quality) & (depth > 0)
    for chrom, segments in place.by_contig.items():
        here = np.flatnonzero(pc.equal(chroms, chrom).to_numpy())
        n_recorded[segments] = place.bases(segments, union(start[here], end[here]))
        for n in (1, 2):
            group = segments[copies[segments] == n]
            enough = here[sure[here] & (depth[here] >= limits.depth(n))]
            n_callable[group] = place.bases(group, union(start[enough], end[enough]))
    measure = place.measure(n_callable, reason)
    measure.reason[measure.assessed & (place.coding.per_gene(n_recorded) == 0)] = NO_RECORDS
    return measure


def by_alignment(place: Place, path: str | Path, sex: str, limits: Limits, wanted: np.ndarray) -> Measure:
    """Coding bases under enough usable reads, of the wanted genes (bool (g,)); others count as 0.

    A contig that the file doesn't have, has in another length, or has no read on is not assessed.
    """
    n_callable, reason = place.blank()
    copies = place.copies(sex)
    with open_alignment(path, place.genome.fasta) as alignment:
        lengths = dict(zip(alignment.references, alignment.lengths, strict=True))
        for chrom, segments in place.by_contig.items():
            length, expected = lengths.get(chrom), place.genome.lengths.get(chrom, 0)
            if length is None:
                reason[segments] = ABSENT
            elif not (length == expected or (place.genome.excerpt and length > expected)):
                reason[segments] = LENGTH
            elif next(alignment.fetch(chrom), None) is None:
                reason[segments] = NO_RECORDS
            else:
                chosen = segments[wanted[place.coding.gene[segments]]]
                least = np.maximum([limits.depth(n) for n in copies[chosen]], 1)
                low, high = place.coding.start[chosen], place.coding.end[chosen]
                n_callable[chosen] = deep_bases(low, high, least, partial(read_depth, alignment, chrom))
    return place.measure(n_callable, reason)


def deep_bases(
    low: np.ndarray, high: np.ndarray, least: np.ndarray, depth_of: Callable[[int, int], np.ndarray]
) -> np.ndarray:
    """How many bases of each segment ``low .. high`` (m,) are at least ``least`` (m,) deep, int64 (m,).

    ``depth_of`` gives the depth of every base between two positions; neighbours are asked for together.
    """
    counts = np.zeros(len(low), np.int64)
    for start, padded in zip(*union(low, high + _JOINED), strict=True):
        end = int(padded) - _JOINED
        depth = depth_of(int(start), end)
        inside = (low >= start) & (low <= end)
        for limit in np.unique(least[inside]):
            group = np.flatnonzero(inside & (least == limit))
            upto = np.r_[0, np.cumsum(depth >= limit)]
            counts[group] = upto[high[group] - start + 1] - upto[low[group] - start]
    return counts
