"""Stretches of the genome that matter to a criterion: hot spots, domains, repeats.

A table of the user's: ``chrom start end kind name source``, optionally ``strength`` and ``gene``;
coordinates 1-based and inclusive. Kinds: ``hotspot``, ``domain`` and ``critical`` (without benign
variation; PM1, and PVS1's "critical to protein function"), ``repeat`` (PM4, BP3), ``not_relevant`` (exon
that is in no biologically relevant transcript) and ``lof_frequent`` (exon in which loss of function is
frequent in the population; both PVS1).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from endotype.annotation.acmg.criteria import POINTS
from endotype.cohort.assembly import bare_name
from endotype.errors import InputError, Problem, nearest, visible
from endotype.tables import read_text_table, require_columns

KINDS = ("hotspot", "domain", "critical", "repeat", "not_relevant", "lof_frequent")
CRITICAL = ("critical", "hotspot", "domain")
COLUMNS = ["chrom", "start", "end", "kind", "name", "source"]


class Region(NamedTuple):
    """A stretch, 1-based and inclusive; ``row`` is its line in the table. An empty gene is any gene."""

    start: int
    end: int
    kind: str
    name: str
    source: str
    strength: str
    gene: str
    row: int


class Regions:
    """Regions by contig and kind, looked up by overlap."""

    def __init__(self, regions: Iterable[tuple[str, Region]]) -> None:
        groups: dict[tuple[str, str], list[Region]] = {}
        for chrom, region in regions:
            groups.setdefault((bare_name(chrom), region.kind), []).append(region)
        self._groups = {key: sorted(group) for key, group in groups.items()}
        self._reach = {key: max(r.end - r.start for r in group) for key, group in self._groups.items()}
        self._starts = {key: [r.start for r in group] for key, group in self._groups.items()}
        self.kinds = frozenset(kind for _, kind in self._groups)

    def overlapping(
        self, chrom: str, start: int, end: int, kinds: Iterable[str], gene: str | None = None
    ) -> Region | None:
        """The region of the first of ``kinds`` that touches the stretch, the strongest of them; or null."""
        for kind in kinds:
            key = (bare_name(chrom), kind)
            if key not in self._groups:
                continue
            stop = bisect_right(self._starts[key], end)
            begin = bisect_right(self._starts[key], start - self._reach[key] - 1)
            hits = [r for r in self._groups[key][begin:stop] if r.end >= start and r.gene in ("", gene)]
            if hits:
                return max(hits, key=lambda r: (POINTS.get(r.strength, 0), -r.row))
        return None


def read_regions(path: str | Path) -> Regions:
    """Read a table of regions.

    Raises:
        InputError: with every fault of the table.
    """
    table = read_text_table(path)
    require_columns(table, COLUMNS)
    problems = [
        Problem(table.path, line, "", f"{cells} cells", f"{table.rows.shape[1]} cells, as in the header")
        for line, cells in table.ragged
    ]
    regions = []
    for line, row in zip(table.rows.index, table.rows.to_dict("records"), strict=True):
        cells = {str(name): str(value).strip() for name, value in row.items()}
        wrong = _problems(table.path, int(line), cells)
        problems += wrong
        if not wrong:
            region = Region(
                int(cells["start"]),
                int(cells["end"]),
                cells["kind"],
                cells["name"],
                cells["source"],
                cells.get("strength", ""),
                cells.get("gene", ""),
                int(line),
            )
            regions.append((cells["chrom"], region))
    if problems:
        raise InputError(problems)
    return Regions(regions)


def _problems(path: str, line: int, cells: dict[str, str]) -> list[Problem]:
    problems = []
    start, end, kind, strength = cells["start"], cells["end"], cells["kind"], cells.get("strength", "")
    if not (start.isdecimal() and end.isdecimal() and 1 <= int(start) <= int(end)):
        found = f"start {visible(start)}, end {visible(end)}"
        problems.append(Problem(path, line, "start", found, "1 <= start <= end"))
    if kind not in KINDS:
        problems.append(
            Problem(path, line, "kind", visible(kind), "one of " + ", ".join(KINDS), nearest(kind, KINDS))
        )
    if strength and strength not in ("supporting", "moderate", "strong"):
        problems.append(Problem(path, line, "strength", visible(strength), "supporting, moderate or strong"))
    if not cells["chrom"]:
        problems.append(Problem(path, line, "chrom", "an empty cell", "a contig"))
    return problems
