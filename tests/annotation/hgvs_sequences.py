"""The sequences that come with the HGVS fixtures, for the tests that normalise names."""

from __future__ import annotations

import gzip
import json
import re
from dataclasses import dataclass, field
from pathlib import Path

from endotype.annotation.hgvs.axis import Axis, Contig, Messenger, Numbering, numbered_by, placed
from endotype.annotation.hgvs.axis import reverse_complement as turned_round
from endotype.annotation.hgvs.model import HgvsError

ORACLES = Path(__file__).parents[3] / "shared" / "data" / "oracles"
FIXTURES = ORACLES / "hgvs_fixtures"


class NoSequenceError(LookupError):
    """The fixtures don't hold the bases that are asked for."""


def load(path: str):
    file = FIXTURES / path
    return json.loads(gzip.open(file).read() if file.suffix == ".gz" else file.read_bytes())


def fasta(path: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in gzip.decompress((FIXTURES / path).read_bytes()).decode().splitlines():
        if line[0] == ">":
            name = line[1:].split()[0]
            found[name] = ""
        else:
            found[name] += line.strip().upper()
    return found


@dataclass
class Windows:
    """Bases of some intervals of one sequence, which may lie on another sequence."""

    name: str
    parts: list[tuple[int, str]] = field(default_factory=list)
    parent: tuple[Windows, int, int, int] | None = None
    """The sequence it lies on, the first and last position there, and the strand."""

    def __call__(self, start: int, end: int) -> str:
        for first, bases in self.parts:
            if first < start and end <= first + len(bases):
                return bases[start - first - 1 : end - first]
        if self.parent is not None:
            other, low, high, strand = self.parent
            if strand > 0:
                return other(low + start - 1, low + end - 1)
            return turned_round(other(high - end + 1, high - start + 1))
        raise NoSequenceError(f"{self.name}:{start}-{end} is not in the fixtures")


class MutalyzerSequences:
    """Transcripts of the snapshot and the genomic windows of the Mutalyzer cases."""

    def __init__(self) -> None:
        data = load("mutalyzer-normalize/genomic-windows.json.gz")
        self.lengths = data["contig_lengths"]
        self.windows: dict[str, Windows] = {}
        for part in data["genomic"]:
            window = self.windows.setdefault(part["contig"], Windows(part["contig"]))
            window.parts.append((part["start"], part["bases"]))
        self.placements = {one["parent"]: one for one in data["placements"]}
        for name, one in self.placements.items():
            window = self.windows.setdefault(name, Windows(name))
            other = self.windows.setdefault(one["nc"], Windows(one["nc"]))
            window.parent = (other, one["nc_start"], one["nc_end"], 1 if one["strand"] == "+" else -1)
            self.lengths.setdefault(name, one["nc_end"] - one["nc_start"] + 1)
        self.placed = {one["id"]: one for one in data["transcripts"]}
        for one in data["transcripts"]:
            for exon in one["exons"]:
                bases = one["sequence"][exon["start"] - 1 : exon["end"]].upper()
                window = self.windows.setdefault(one["chromosome"], Windows(one["chromosome"]))
                window.parts.append(
                    (exon["genomic_start"] - 1, bases if one["strand"] == "+" else turned_round(bases))
                )
        self.transcripts = fasta("mutalyzer-normalize/reference-snapshot/transcripts.fna.gz")
        self.metadata = load("mutalyzer-normalize/reference-snapshot/transcripts.metadata.json")[
            "transcripts"
        ]

    def axis(self, reference: str, selector: str, kind: str) -> Axis:
        if kind in "gmo":
            return self._contig(reference, selector, kind)
        if selector:
            return self._placed(reference, selector, kind)
        if reference not in self.transcripts:
            raise NoSequenceError(f"{reference} is not in the fixtures")
        bases = self.transcripts[reference]
        numbering = Numbering(reference, len(bases), numbered_by(kind, reference, self._cds(reference)))
        return Messenger(reference, "", kind, bases, numbering)

    def _cds(self, name: str) -> tuple[int, int] | None:
        one = self.metadata[name]
        return (one["cds_start"] - 1, one["cds_end"]) if one.get("cds_start") else None

    def _contig(self, reference: str, selector: str, kind: str) -> Contig:
        if reference[:2] in ("NM", "NR") or selector or (kind == "m") != (reference == "NC_012920.1"):
            raise HgvsError(f"{reference} has no names that begin with {kind}.")
        if reference not in self.windows:
            raise NoSequenceError(f"{reference} is not in the fixtures")
        return Contig(reference, "", kind, self.lengths[reference], self.windows[reference])

    def _placed(self, reference: str, selector: str, kind: str) -> Axis:
        contig = self._contig(reference, "", "g")
        if re.fullmatch(r"[A-Z0-9]+", selector) and not selector.isdigit():
            named = [name for name, one in self.placed.items() if one["gene_symbol"] == selector]
            named = [name for name in named if self._exons(reference, name)]
            if len(named) != 1:
                raise HgvsError(f"{selector} is not one transcript of {reference}")
            selector = named[0]
        if selector.startswith("NR_") and kind == "c":
            raise HgvsError(f"{selector} codes for nothing")
        exons = self._exons(reference, selector)
        if not exons:
            raise NoSequenceError(f"{selector} has no place on {reference} in the fixtures")
        strand, bounds = exons
        if min(bounds)[0] < 1 or max(bounds)[1] > contig.length:
            raise NoSequenceError(f"{selector} is on {reference} only in part")
        return placed(reference, selector, kind, contig, strand, bounds, self._cds(selector))

    def _exons(self, reference: str, name: str) -> tuple[int, list[tuple[int, int]]] | None:
        one, placement = self.placed.get(name), self.placements.get(reference)
        if one is None or placement is None:
            return None
        strand = 1 if one["strand"] == "+" else -1
        genomic = [(exon["genomic_start"], exon["genomic_end"]) for exon in one["exons"]]
        if one["chromosome"] != placement["nc"]:
            return self._by_sequence(reference, one, strand, genomic)
        low, high = placement["nc_start"], placement["nc_end"]
        if placement["strand"] == "+":
            return strand, [(start - low + 1, end - low + 1) for start, end in genomic]
        return -strand, [(high - end + 1, high - start + 1) for start, end in genomic]

    def _by_sequence(self, reference, one, strand, genomic):
        """Exons of a transcript of another assembly: their distances hold, they lie where the bases fit."""
        if strand < 0:
            return None
        for exon, (start, _) in zip(one["exons"], genomic, strict=True):
            bases = one["sequence"][exon["start"] - 1 : exon["end"]]
            for first, window in self.windows[reference].parts:
                for skip in range(0, max(1, len(bases) - 60), 20):
                    at = window.find(bases[skip : skip + 60])
                    if at >= 0 and len(bases) >= 60:
                        shift = first + at + 1 - skip - start
                        return strand, [(low + shift, high + shift) for low, high in genomic]
        return None


class Small:
    """One contig ``1`` and its transcripts, all in memory: ``name -> (strand, exons, cds)``."""

    def __init__(self, genome: str, transcripts: dict | None = None) -> None:
        self.genome, self.transcripts = genome, transcripts or {}

    def bases(self, start: int, end: int) -> str:
        assert 1 <= start <= end <= len(self.genome), (start, end)
        return self.genome[start - 1 : end]

    def axis(self, reference: str, selector: str, kind: str) -> Axis:
        contig = Contig("1", "", "g", len(self.genome), self.bases)
        if kind == "g" and reference == "1":
            return contig
        if (selector or reference) not in self.transcripts:
            raise HgvsError(f"no sequence {reference}")
        strand, exons, cds = self.transcripts[selector or reference]
        return placed("", selector or reference, kind, contig, strand, list(exons), cds)
