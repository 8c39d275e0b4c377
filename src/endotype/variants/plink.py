"""The genotype store: PLINK 1 binary files, memory-mapped.

``PREFIX.bed`` holds 2 bits a call, variant-major, after three magic bytes; ``PREFIX.bim`` one line a variant;
``PREFIX.fam`` one line a person. Allele 1 (A1) is the alternate allele, allele 2 the reference, as
``plink2 --make-bed`` writes them from a VCF. Format: https://www.cog-genomics.org/plink/1.9/formats#bed
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pandas as pd

from endotype.errors import InputError, Problem, input_error, visible
from endotype.files import atomic_path

MAGIC = bytes([0x6C, 0x1B, 0x01])
MISSING = -1
"""The dosage of a call that is not there, in every int8 dosage array."""

_PIECE = 1 << 20
_MAX_PROBLEMS = 20

BIM_COLUMNS = ["chrom", "id", "cm", "pos", "alt", "ref"]
FAM_COLUMNS = ["fid", "iid", "father", "mother", "sex", "phenotype"]


class GenotypeStore:
    """A PLINK 1 fileset that is read in blocks.

    Attributes:
        packed: uint8 memory map, shape (n_variants, ceil(n_people / 4)).
        people: columns ``fid iid father mother sex phenotype``, one row a person, in file order.
    """

    def __init__(
        self,
        packed: np.ndarray,
        variants: pd.DataFrame | Callable[[], pd.DataFrame],
        people: pd.DataFrame,
        prefix: str | None = None,
    ) -> None:
        """``variants``: the table, or a function that reads it when it is first asked for.

        ``prefix``: of the fileset that this store is the whole of, if it is.
        """
        self.packed = packed
        self.people = people
        self._variants = variants
        self._prefix = prefix

    def __reduce__(self) -> tuple[Any, ...]:
        """To another process goes the place of the files, not their contents."""
        if self._prefix is not None:
            return open_store, (str(Path(self._prefix).absolute()),)
        return GenotypeStore, (np.asarray(self.packed), self.variants, self.people)

    @cached_property
    def variants(self) -> pd.DataFrame:
        """Columns ``chrom id cm pos alt ref``, one row a variant, in file order.

        Raises:
            InputError: positions that are no whole numbers.
        """
        return self._variants if isinstance(self._variants, pd.DataFrame) else self._variants()

    @property
    def n_variants(self) -> int:
        """Number of variants."""
        return len(self.packed)

    @property
    def n_people(self) -> int:
        """Number of people."""
        return len(self.people)

    def dosages(self, variants: np.ndarray | slice) -> np.ndarray:
        """Alternate allele counts of some variants, int8, shape (n_selected, n_people); -1 is missing."""
        return unpack(np.ascontiguousarray(self.packed[variants]), self.n_people)

    def person(self, index: int) -> np.ndarray:
        """Alternate allele counts of one person at every variant, int8 (n_variants,); -1 is missing.

        Reads one byte of each row of the memory map: nobody else is unpacked.

        Raises:
            IndexError: there is no such person.
        """
        if not 0 <= index < self.n_people:
            raise IndexError(f"person {index} of {self.n_people}")
        return unpack_person(np.asarray(self.packed), index)

    def blocks(self, size: int = 1024, first: int = 0, last: int | None = None) -> Iterator[slice]:
        """Slices of at most ``size`` variants that cover ``first`` to ``last`` in order."""
        end = self.n_variants if last is None else last
        for start in range(first, end, size):
            yield slice(start, min(start + size, end))

    def region(self, chrom: str, start: int, end: int) -> slice:
        """The variants with ``start <= pos <= end`` (1-based, inclusive) on one chromosome.

        Raises:
            InputError: the chromosome's variants don't stand together, or not by position.
        """
        on = np.flatnonzero((self.variants["chrom"] == chrom).to_numpy())
        if on.size == 0:
            return slice(0, 0)
        pos = self.variants["pos"].to_numpy()[on]
        wrong = np.flatnonzero((np.diff(on) != 1) | (np.diff(pos) < 0))
        if wrong.size:
            at = int(on[wrong[0] + 1])
            found = f"{chrom}:{pos[wrong[0] + 1]} after {chrom}:{pos[wrong[0]]}"
            hint = "leave the region out, or sort the fileset (plink2 --make-pgen --sort-vars)"
            expected = "variants of a chromosome side by side, by position, where a region is asked for"
            raise InputError(Problem("the .bim", at + 1, "pos", found, expected, hint))
        return slice(
            int(on[0] + np.searchsorted(pos, start, "left")),
            int(on[0] + np.searchsorted(pos, end, "right")),
        )


def open_store(prefix: str | Path) -> GenotypeStore:
    """Open ``prefix.bed/.bim/.fam``.

    Raises:
        InputError: a file is missing, isn't variant-major PLINK 1, or the sizes don't agree.
    """
    prefix = str(prefix)
    for suffix in (".bed", ".bim", ".fam"):
        if not Path(prefix + suffix).is_file():
            raise input_error(prefix + suffix, "no such file", "a PLINK 1 fileset (.bed, .bim, .fam)")
    people = _read_columns(prefix + ".fam", FAM_COLUMNS)
    bim, bed = Path(prefix + ".bim"), Path(prefix + ".bed")
    n_variants = _count_rows(bim)
    row_bytes = (len(people) + 3) // 4
    if bed.stat().st_size != len(MAGIC) + row_bytes * n_variants:
        with bim.open("rb") as lines:
            n_variants = sum(bool(line.strip()) for line in lines)
    expected = len(MAGIC) + row_bytes * n_variants
    with bed.open("rb") as stream:
        magic = stream.read(3)
    if magic != MAGIC:
        raise input_error(bed, f"first bytes {magic.hex()}", f"{MAGIC.hex()} (PLINK 1, variant-major)")
    if bed.stat().st_size != expected:
        raise input_error(
            bed,
            f"{bed.stat().st_size} bytes",
            f"{expected} bytes for {n_variants} variants of the .bim and {len(people)} people of the .fam",
        )
    shape = (n_variants, row_bytes)
    packed = np.memmap(bed, np.uint8, "r", len(MAGIC), shape) if n_variants else np.zeros(shape, np.uint8)
    return GenotypeStore(packed, partial(_read_variants, str(bim)), people, prefix)


def _count_rows(path: Path) -> int:
    """Lines of a text file; those that are blank count too."""
    rows, last = 0, b"\n"
    with path.open("rb") as stream:
        while piece := stream.read(_PIECE):
            rows += piece.count(b"\n")
            last = piece[-1:]
    return rows + (last != b"\n")


def _read_variants(path: str) -> pd.DataFrame:
    variants = _read_columns(path, BIM_COLUMNS)
    whole = variants["pos"].str.fullmatch(r"-?[0-9]{1,18}")
    if not whole.all():
        found = variants.loc[~whole, "pos"]
        raise InputError(
            [
                Problem(path, int(str(row)) + 1, "pos", visible(str(text)), "a whole number")
                for row, text in found.head(_MAX_PROBLEMS).items()
            ]
        )
    variants["pos"] = variants["pos"].astype("int64")
    return variants


def _read_columns(path: str, names: list[str]) -> pd.DataFrame:
    if Path(path).stat().st_size == 0:
        return pd.DataFrame({name: pd.Series(dtype="str") for name in names})
    return pd.read_csv(path, sep=r"\s+", header=None, names=names, dtype="str", keep_default_na=False)


class StoreWriter:
    """Writes a fileset block by block; the files take their names in :meth:`finish`, or never."""

    def __init__(self, prefix: str | Path, people: pd.DataFrame) -> None:
        self._prefix = str(prefix)
        self._people = people
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> StoreWriter:
        self._stack.__enter__()
        self._bed = self._stack.enter_context(atomic_path(self._prefix + ".bed"))
        self._bim = self._stack.enter_context(atomic_path(self._prefix + ".bim"))
        self._fam = self._stack.enter_context(atomic_path(self._prefix + ".fam"))
        self._stream = self._stack.enter_context(self._bed.open("wb"))
        self._stream.write(MAGIC)
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.__exit__(*error)  # type: ignore[arg-type]

    def append(self, packed: np.ndarray) -> None:
        """Add packed rows, uint8 (n_variants, ceil(n_people / 4))."""
        self._stream.write(np.ascontiguousarray(packed).tobytes())

    def finish(self, variants: pd.DataFrame) -> None:
        """Write .bim and .fam; ``variants`` has one row per appended one."""
        self._stream.flush()
        for path, frame, names in (
            (self._bim, variants, BIM_COLUMNS),
            (self._fam, self._people, FAM_COLUMNS),
        ):
            frame[names].to_csv(path, sep="\t", header=False, index=False, lineterminator="\n")


def write_store(prefix: str | Path, packed: np.ndarray, variants: pd.DataFrame, people: pd.DataFrame) -> None:
    """Write a fileset at once; the arguments are as in :class:`GenotypeStore`."""
    with StoreWriter(prefix, people) as store:
        store.append(packed)
        store.finish(variants)


@numba.njit(cache=True)
def pack(dosages: np.ndarray) -> np.ndarray:
    """Pack int8 alternate allele counts (n_variants, n_people), -1 missing, into PLINK's 2-bit rows.

    Haploid calls are written as homozygous (0 or 2), as PLINK 1 does; which contigs are haploid is known
    from the contig and the sex, not from the call.
    """
    n_variants, n_people = dosages.shape
    packed = np.zeros((n_variants, (n_people + 3) // 4), np.uint8)
    for v in range(n_variants):
        for i in range(n_people):
            d = dosages[v, i]
            code = 3 if d == 0 else 2 if d == 1 else 0 if d == 2 else 1
            packed[v, i >> 2] |= np.uint8(code << ((i & 3) << 1))
    return packed


@numba.njit(cache=True)
def unpack(packed: np.ndarray, n_people: int) -> np.ndarray:
    """The inverse of :func:`pack`."""
    n_variants = packed.shape[0]
    dosages = np.empty((n_variants, n_people), np.int8)
    for v in range(n_variants):
        for i in range(n_people):
            code = (packed[v, i >> 2] >> ((i & 3) << 1)) & 3
            dosages[v, i] = 0 if code == 3 else 1 if code == 2 else 2 if code == 0 else -1
    return dosages


@numba.njit(cache=True)
def unpack_person(packed: np.ndarray, index: int) -> np.ndarray:
    """One column of :func:`unpack`, int8 (n_variants,)."""
    n_variants = packed.shape[0]
    dosages = np.empty(n_variants, np.int8)
    shift = (index & 3) << 1
    for v in range(n_variants):
        code = (packed[v, index >> 2] >> shift) & 3
        dosages[v] = 0 if code == 3 else 1 if code == 2 else 2 if code == 0 else -1
    return dosages
