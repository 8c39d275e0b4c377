"""Records as the checks of the input see them: where they stand and what they say of the reference."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

HEAD_RECORDS = 1000


class Site(NamedTuple):
    """Where a record stands and what it says of the reference; ``pos`` is 1-based."""

    contig: str
    pos: int
    ref: str


@dataclass
class Survey:
    """What reading records has shown so far."""

    contigs: dict[str, int] = field(default_factory=dict)  # contig -> largest POS
    sites: list[Site] = field(default_factory=list)
    n_records: int = 0
    stride: int = 1

    def add(self, site: Site) -> None:
        """Note a record; of the sites, keep evenly spaced ones, fewer the longer the file is."""
        self.contigs[site.contig] = max(self.contigs.get(site.contig, 0), site.pos)
        if self.n_records % self.stride == 0:
            self.sites.append(site)
            if len(self.sites) > 2 * HEAD_RECORDS:
                self.sites = self.sites[::2]
                self.stride *= 2
        self.n_records += 1


def affordable(n_samples: int) -> int:
    """How many records may be read, so that a file of many samples takes no longer than one of few."""
    return max(100, min(HEAD_RECORDS, 2_000_000 // max(n_samples, 1)))
