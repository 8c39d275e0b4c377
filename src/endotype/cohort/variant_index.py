"""Random access to an indexed VCF or BCF: its contigs, and records from all over the genome."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from contextlib import closing
from typing import Any, cast

import pysam

from endotype.cohort.survey import Site, affordable
from endotype.cohort.vcf_record import RecordChecker
from endotype.errors import input_error

_PROBES = 4
_RECORDS_PER_PROBE = 50


class Indexed:
    """Random access to the sites of an indexed VCF or BCF; with a checker, lines of a VCF are checked."""

    def __init__(self, path: str, index: str, is_bcf: bool, checker: RecordChecker | None = None) -> None:
        pysam.set_verbosity(0)
        self._bcf = pysam.VariantFile(path, index_filename=index, drop_samples=True) if is_bcf else None
        self._vcf = None if is_bcf else pysam.TabixFile(path, index=index, encoding="latin-1")
        self._checker = checker

    def close(self) -> None:
        """Close the file."""
        for file in (self._bcf, self._vcf):
            if file is not None:
                file.close()

    def contigs(self) -> list[str]:
        """Contigs that have records."""
        listed = self._bcf.header.contigs if self._bcf is not None else cast(Any, self._vcf).contigs
        return [name for name in map(str, listed) if next(self.sites(name, 1), None) is not None]

    def sites(self, contig: str, start: int) -> Iterator[Site]:
        """Sites with POS >= ``start`` on one contig."""
        if self._vcf is not None:
            for line in self._vcf.fetch(contig, max(start - 1, 0)):
                if self._checker is not None:
                    site = self._checker.check(line.encode("latin-1"), None, in_order=False)
                else:
                    cells = line.split("\t", 4)
                    site = Site(cells[0], int(cells[1]), cells[3]) if cells[1].isdigit() else None
                if site is not None and site.pos >= start:
                    yield site
        else:
            assert self._bcf is not None
            for record in self._bcf.fetch(contig, max(start - 1, 0)):
                if record.pos >= start:
                    yield Site(str(record.chrom), int(record.pos), str(record.ref))


def indexed_contigs(path: str, index: str, is_bcf: bool) -> tuple[str, ...]:
    """The contigs that have records.

    Raises:
        InputError: the index can't be used with the file.
    """
    try:
        with closing(Indexed(path, index, is_bcf)) as records:
            return tuple(records.contigs())
    except (ValueError, OSError, IndexError) as error:
        raise input_error(
            index,
            f"an index that doesn't fit the file ({error})",
            f"the index of {path}",
            "make the index again",
        ) from None


def probe(
    path: str,
    index: str,
    is_bcf: bool,
    contigs: Iterable[str],
    lengths: dict[str, int | None],
    n_samples: int,
    checker: RecordChecker | None = None,
) -> list[Site]:
    """Sites at evenly spaced places of every contig; with a checker, their records are checked too."""
    contigs = list(contigs)[:100]
    each = min(_RECORDS_PER_PROBE, affordable(n_samples) // (_PROBES * max(len(contigs), 1)) + 1)
    sites: list[Site] = []
    with closing(Indexed(path, index, is_bcf, checker)) as records:
        for contig in contigs:
            length = lengths.get(contig) or 0
            for place in range(_PROBES):
                start = 1 + place * length // _PROBES
                sites += itertools.islice(records.sites(contig, start), each)
    return sites
