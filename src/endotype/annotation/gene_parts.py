"""Exons and coding segments of transcripts: from loose parts to checked, sorted arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

EXON, CDS, UTR = 0, 1, 2
"""Kinds of parts. A table of parts has ``owner`` (number of the transcript), ``kind``, ``start``, ``end``,
``phase``, ``strand`` (1, -1, 0) and ``contig`` (a number), sorted by owner, kind and place."""

_MAX_SLIP = 2
"""Coding segments that leave out or repeat so many bases are a ribosome's slip, not a fault of the file."""

REASONS = {
    "no_exons": "neither exons nor CDS",
    "mixed_contigs": "parts on several contigs",
    "mixed_strands": "parts on another strand than its own",
    "no_strand": "no strand",
    "overlapping_exons": "exons that overlap",
    "exons_outside_transcript": "exons beyond its own bounds",
    "cds_outside_exons": "CDS outside its exons",
    "overlapping_cds": "CDS that overlap",
}
"""Why a transcript is left out, in words."""


@dataclass(frozen=True)
class Segments:
    """Stretches of the genome by transcript: those of transcript ``i`` are ``offset[i]:offset[i + 1]``.

    1-based, inclusive, ascending in the genome. int64; ``phase`` int8, of coding segments only: bases before
    the first whole codon, and -1 where the file doesn't say.
    """

    offset: np.ndarray
    start: np.ndarray
    end: np.ndarray
    phase: np.ndarray

    def of(self, i: int) -> slice:
        """Where the segments of transcript ``i`` are."""
        return slice(int(self.offset[i]), int(self.offset[i + 1]))


def no_segments() -> Segments:
    """The segments of no transcripts."""
    none = np.zeros(0, np.int64)
    return Segments(np.zeros(1, np.int64), none, none, np.zeros(0, np.int8))


def segments(parts: pd.DataFrame, kind: int, kept: Sequence[int]) -> Segments:
    """The parts of one kind of the kept transcripts (ascending), which get the numbers 0, 1, ..."""
    frame = parts[parts["kind"] == kind]
    numbers = np.array(kept, np.int64)
    frame = frame[np.isin(frame["owner"], numbers)]
    counts = np.bincount(np.searchsorted(numbers, frame["owner"]), minlength=len(kept))
    return Segments(
        np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        frame["start"].to_numpy(np.int64),
        frame["end"].to_numpy(np.int64),
        frame["phase"].to_numpy(np.int8),
    )


def with_exons(parts: pd.DataFrame, n: int) -> tuple[pd.DataFrame, dict[str, int]]:
    """Parts without UTRs. Exons are made of CDS and UTRs where there are none; adjoining ones become one."""
    exons = parts[parts["kind"] == EXON]
    without = np.ones(n, bool)
    without[exons["owner"].to_numpy(np.int64)] = False
    others = parts[parts["kind"] != EXON]
    derived = others[without[others["owner"].to_numpy(np.int64)]]
    if len(derived):
        exons = pd.concat([exons, _union(derived)]).sort_values(["owner", "start", "end"], kind="stable")
    exons = _joined(exons)
    coding = parts[parts["kind"] == CDS]
    notes = {"exons_derived": int(derived["owner"].nunique())} if len(derived) else {}
    return pd.concat([exons, coding], ignore_index=True), notes


def _union(derived: pd.DataFrame) -> pd.DataFrame:
    """The union of the parts of each transcript, as exons."""
    frame = derived.sort_values(["owner", "start", "end"], kind="stable")
    reach = frame.groupby("owner")["end"].cummax()
    before = reach.groupby(frame["owner"]).shift(fill_value=-1)
    begins = (frame["start"] > before + 1).to_numpy()
    run = np.cumsum(begins)
    merged = frame.assign(end=reach).groupby(run, as_index=False).agg(
        {name: "max" if name == "end" else "first" for name in frame.columns}
    )  # fmt: skip
    return merged.assign(kind=EXON, phase=-1).astype(frame.dtypes.to_dict())


def _joined(exons: pd.DataFrame) -> pd.DataFrame:
    """Exons with no base between them as one: an intron of no bases is none. They must not overlap."""
    owner, start, end = (exons[name].to_numpy() for name in ("owner", "start", "end"))
    if not len(exons):
        return exons
    adjoins = np.zeros(len(exons), bool)
    adjoins[1:] = (owner[1:] == owner[:-1]) & (start[1:] == end[:-1] + 1)
    if not adjoins.any():
        return exons
    last = np.append(np.flatnonzero(~adjoins)[1:], len(exons)) - 1
    return exons[~adjoins].assign(end=end[last])


def faults(parts: pd.DataFrame, places: pd.DataFrame, n: int) -> tuple[dict[int, str], dict[str, set[int]]]:
    """Why transcripts can't be used at all, and the marks of those whose exons can but whose CDS can't."""
    reasons: dict[int, str] = {}

    def fault(owners: np.ndarray, reason: str) -> None:
        for i in np.unique(owners):
            reasons.setdefault(int(i), reason)

    of = parts["owner"].to_numpy(np.int64)
    there = np.zeros(n, bool)
    there[of] = True
    fault(np.flatnonzero(~there), "no_exons")
    place = {name: places[name].to_numpy() for name in places}
    fault(of[parts["contig"].to_numpy() != place["contig"][of]], "mixed_contigs")
    fault(np.flatnonzero(place["strand"] == 0), "no_strand")
    strand = parts["strand"].to_numpy()
    fault(of[(strand != place["strand"][of]) & (strand != 0)], "mixed_strands")
    exons, coding = (parts[parts["kind"] == kind] for kind in (EXON, CDS))
    owner, start, end = (exons[name].to_numpy(np.int64) for name in ("owner", "start", "end"))
    fault(owner[1:][(owner[1:] == owner[:-1]) & (start[1:] <= end[:-1])], "overlapping_exons")
    outside = (start < place["start"][owner]) | (end > place["end"][owner])
    fault(owner[outside], "exons_outside_transcript")
    # The exon of a CDS is the last one of its transcript that doesn't begin after it.
    c_owner, c_start, c_end = (coding[name].to_numpy(np.int64) for name in ("owner", "start", "end"))
    span = int(max(end.max(initial=0), c_end.max(initial=0))) + 1
    at = np.searchsorted(owner * span + start, c_owner * span + c_start, side="right") - 1
    if not len(coding):
        return reasons, {}
    inside = (at >= 0) & (owner[at] == c_owner) & (end[at] >= c_end)
    fault(c_owner[~inside], "cds_outside_exons")
    overlap = np.where(c_owner[1:] == c_owner[:-1], c_end[:-1] - c_start[1:] + 1, 0)
    fault(c_owner[1:][overlap > _MAX_SLIP], "overlapping_cds")
    first, last = _ends(c_owner)
    # A base of exon e lies before[e] - start[e] further on in the joined exons than in the genome.
    before = np.cumsum(end - start + 1) - (end - start + 1) - start
    spliced = (before[at[last]] + c_end[last] + 1) - (before[at[first]] + c_start[first])
    coded = np.add.reduceat(c_end - c_start + 1, first)
    broken = c_owner[first][np.abs(spliced - coded) > _MAX_SLIP * (last - first + 1)]
    wrong = _wrong_phases(coding, place["strand"], first, last)
    return reasons, {"cds_not_contiguous": set(broken.tolist()), "wrong_phase": set(wrong.tolist())}


def _ends(owner: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the first and last row of each run of equal owners."""
    first = np.flatnonzero(np.append(True, owner[1:] != owner[:-1]))
    return first, np.append(first[1:], len(owner)) - 1


def _wrong_phases(
    coding: pd.DataFrame, strand: np.ndarray, first: np.ndarray, last: np.ndarray
) -> np.ndarray:
    """Transcripts one of whose CDS has another phase than the coding bases before it leave.

    After ``n`` coding bases, the first CDS having phase ``p``, the next codon begins ``(p - n) mod 3`` bases
    on (GFF3 specification).
    """
    owner = coding["owner"].to_numpy(np.int64)
    length = (coding["end"] - coding["start"] + 1).to_numpy(np.int64)
    phase = coding["phase"].to_numpy(np.int64)
    through = np.cumsum(length)
    group = np.repeat(np.arange(len(first)), last - first + 1)
    forward = strand[owner] > 0
    passed = np.where(
        forward, through - length - (through - length)[first][group], through[last][group] - through
    )
    begins = np.where(strand[owner[first]] > 0, phase[first], phase[last])[group]
    expected = (np.maximum(begins, 0) - passed) % 3
    return np.unique(owner[(phase >= 0) & (phase != expected)])
