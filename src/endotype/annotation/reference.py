"""The reference sequence: made readable without touching the user's folder, and asked for bases."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pysam

from endotype.cohort.assembly import match_contigs as match_contigs
from endotype.errors import input_error

_CHUNK = 1 << 20


@contextlib.contextmanager
def indexed_fasta(path: str | Path) -> Iterator[Path]:
    """A path of the FASTA file with its index beside it.

    The index is the user's where there is one; else it is made in a temporary folder, next to a link.

    Raises:
        InputError: no such file, or neither plain text nor bgzip.
    """
    path = Path(path)
    if not path.is_file():
        raise input_error(path, "no such file", "a reference FASTA file")
    suffixes = [".fai", ".gzi"] if path.suffix in (".gz", ".bgz") else [".fai"]
    if all(Path(f"{path}{suffix}").is_file() for suffix in suffixes):
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        link = Path(folder, path.name)
        link.symlink_to(path.resolve())
        try:
            pysam.faidx(str(link))  # type: ignore[attr-defined]
        except pysam.SamtoolsError:
            raise input_error(
                path,
                "a FASTA file that can't be indexed",
                "plain text or bgzip, lines of one length",
                "gzip -dc FILE | bgzip > FILE.gz",
            ) from None
        yield link


class Reference:
    """Bases and contigs of an indexed FASTA file; reads neighbouring bases from one chunk in memory."""

    def __init__(self, path: str | Path) -> None:
        self._fasta = pysam.FastaFile(str(path))
        self.lengths = dict(zip(self._fasta.references, self._fasta.lengths, strict=True))
        self._chrom, self._first, self._bases = "", 0, ""

    def __enter__(self) -> Reference:
        return self

    def __exit__(self, *_: object) -> None:
        self._fasta.close()

    def bases(self, chrom: str, pos: int, length: int) -> str:
        """``length`` upper-case bases from 1-based ``pos`` on; fewer at the end of the contig."""
        start = pos - 1
        at = start - self._first
        if chrom != self._chrom or at < 0 or at + length > len(self._bases):
            self._chrom, self._first, at = chrom, start, 0
            self._bases = self._fasta.fetch(chrom, start, start + max(length, _CHUNK)).upper()
        return self._bases[at : at + length]
