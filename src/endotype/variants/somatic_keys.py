"""One key per somatic allele: the same ``chrom:pos:ref:alt`` that the germline variants have.

The readers of tumour files (:mod:`endotype.variants.maf`, :mod:`endotype.variants.tumour_vcf`) give
*entries*, one row per allele of one tumour as the file writes it. Here the allele is checked against the
reference, trimmed, left-aligned, and named. An entry that can't be named has a ``reason``; none is dropped.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from endotype.cohort.assembly import bare_name
from endotype.cohort.reference import Reference
from endotype.variants.alleles import Fetch, left_align, trim

ENTRY_TYPES = {
    "chrom": "str", "pos": "int64", "ref": "str", "alt": "str",
    "gene": "str", "classification": "str", "protein_change": "str",
    "ref_reads": "Int64", "alt_reads": "Int64", "depth": "Int64", "vaf": "float64", "vaf_source": "str",
    "normal_depth": "Int64", "normal_vaf": "float64",
    "status": "str", "filter": "str", "has_normal": "bool", "caller": "str", "source_line": "int64",
    "reason": "str", "detail": "str",
}  # fmt: skip
"""Columns of an entry. Text is empty, and a number null, where the file says nothing; ``reason`` is empty
for an entry that can be used."""

REASONS = {
    "ragged_row": "the row has another number of cells than the header",
    "position_not_understood": "the position isn't a whole number above 0",
    "position_inconsistent": "start and end don't fit the length of the allele",
    "other_assembly": "NCBI_Build is another assembly than the run's",
    "no_alternate_allele": "no allele differs from the reference allele",
    "alt_equals_ref": "ALT is REF",
    "spanning_deletion": "'*' says that a deletion beside it covers the site; it is no variant of its own",
    "non_ref_placeholder": "'<NON_REF>' or '<*>' stands for any other allele; it is no variant",
    "symbolic_allele": "symbolic alleles and breakends are structural variants, not assessed here",
    "ref_not_acgt": "REF holds other letters than A, C, G, T",
    "alt_not_acgt": "ALT holds other letters than A, C, G, T",
    "contig_not_in_reference": "the reference has no such contig",
    "beyond_contig": "the allele reaches over an end of the contig in the reference",
    "ref_mismatch": "REF is not what the reference has there",
}
"""Every reason of ``somatic_rejects.tsv`` and what it means."""

KEY_STATUSES = {
    "normalised": "REF checked, trimmed and left-aligned",
    "trimmed": "trimmed; without a reference REF was not checked, and an indel may have other keys too",
    "not_anchored": "an indel of a MAF; without a reference it lacks its anchor base, and joins nothing",
}
"""What was done to make a ``variant_id``."""

_SEQUENCE = re.compile(r"[ACGT]+")
_NUMBERED = {"23": "X", "24": "Y", "25": "MT", "26": "MT"}
_WINDOW = 16_384


class Key(NamedTuple):
    """The name of an allele, or the reason (and detail) why it has none. ``pos`` is 1-based."""

    chrom: str
    pos: int
    ref: str
    alt: str
    status: str
    reason: str = ""
    detail: str = ""


@dataclass(frozen=True)
class Contigs:
    """How the run calls its contigs.

    Attributes:
        names: bare name (``X``, ``MT``) -> name in the run.
        complete: whether a contig that isn't among them doesn't exist.
        prefix: ``chr`` or nothing, for contigs that aren't among them.
    """

    names: Mapping[str, str]
    complete: bool
    prefix: str

    @classmethod
    def of(cls, names: Iterable[str], complete: bool) -> Contigs:
        """From the names in the run."""
        names = list(names)
        prefix = "chr" if names and all(name[:3].casefold() == "chr" for name in names) else ""
        by_bare: dict[str, str] = {}
        for name in names:
            by_bare.setdefault(bare_name(name), name)
        return cls(by_bare, complete, prefix)

    def name(self, written: str) -> str:
        """The run's name of a contig (``23`` is ``X``, ``chrM`` is ``MT``), or empty when there is none."""
        bare = bare_name(written)
        bare = _NUMBERED.get(bare, bare.upper() if bare.upper() in ("X", "Y") else bare)
        if bare in self.names:
            return self.names[bare]
        if self.complete or not written:
            return ""
        return self.prefix + ("M" if self.prefix and bare == "MT" else bare)


class _Bases:
    """Bases of a reference, read a window at a time: alleles come in the order of the genome."""

    def __init__(self, reference: Reference) -> None:
        self._reference = reference
        self._chrom, self._first, self._window = "", 0, ""

    def __call__(self, chrom: str, start: int, end: int) -> str:
        """Upper-case bases of a 1-based interval, both ends included."""
        at = start - self._first
        if chrom != self._chrom or at < 0 or end - self._first >= len(self._window):
            first = max(1, start - 200)  # room for an indel that moves to the left
            length = max(_WINDOW, end - first + 1)
            self._chrom, self._first = chrom, first
            self._window, at = self._reference.bases(chrom, first, length), start - first
        return self._window[at : end - self._first + 1]

    def length(self, chrom: str) -> int:
        return self._reference.lengths[chrom]


def key_entries(
    entries: pd.DataFrame,
    contigs: Contigs,
    reference: Reference | None,
) -> pd.DataFrame:
    """Name every allele; each distinct one is worked out once.

    Args:
        entries: columns :data:`ENTRY_TYPES`; alleles may hold ``-``, the empty allele of a MAF.
        contigs: how the run calls its contigs.
        reference: the open FASTA; ``None``: alleles are trimmed, not checked and not left-aligned.

    Returns:
        The same rows with ``chrom pos ref alt`` normalised and with ``variant_id key_status``. Entries that
        could not be named keep what the file wrote, and have a ``reason``.
    """
    columns = ["chrom", "pos", "ref", "alt"]
    usable = entries["reason"] == ""
    alleles = list(zip(*(entries[column].tolist() for column in columns), strict=True))
    wanted = sorted({allele for allele, ok in zip(alleles, usable, strict=True) if ok})
    names = {chrom: contigs.name(chrom) for chrom, *_ in wanted}
    bases = _Bases(reference) if reference else None
    named = {
        (chrom, pos, ref, alt): _key(names[chrom], chrom, pos, ref, alt, bases)
        for chrom, pos, ref, alt in wanted
    }
    blank = Key("", 0, "", "", "")
    keys = [named[allele] if ok else blank for allele, ok in zip(alleles, usable, strict=True)]
    made = pd.DataFrame(keys, columns=list(Key._fields), index=entries.index)
    out = entries.copy()
    done = usable & (made["reason"] == "")
    for column in columns:
        out[column] = out[column].where(~done, made[column])
    for column in ("reason", "detail"):
        out[column] = out[column].where(~usable, made[column])
    out["variant_id"] = [f"{key.chrom}:{key.pos}:{key.ref}:{key.alt}" if key.status else "" for key in keys]
    out["key_status"] = made["status"].where(done, "")
    return out.astype(ENTRY_TYPES | {"variant_id": "str", "key_status": "str"})


def _key(name: str, chrom: str, pos: int, ref: str, alt: str, bases: _Bases | None) -> Key:
    """The key of an allele on the contig that the run calls ``name`` and the file ``chrom``."""

    def fault(reason: str, detail: str = "") -> Key:
        return Key(chrom, pos, ref, alt, "", reason, detail)

    if ref != "-" and not _SEQUENCE.fullmatch(ref):
        return fault("ref_not_acgt")
    if alt != "-" and not _SEQUENCE.fullmatch(alt):
        return fault("alt_not_acgt")
    if ref == alt:
        return fault("alt_equals_ref")
    if not name:
        return fault("contig_not_in_reference")
    if pos < 1:
        return fault("position_not_understood")
    if bases is None:
        if "-" in (ref, alt):
            return Key(name, pos, ref, alt, "not_anchored")
        return Key(name, *trim(pos, ref, alt), "trimmed")
    length = bases.length(name)
    n_ref = 0 if ref == "-" else len(ref)
    if pos + max(n_ref, 1) - 1 > length:
        return fault("beyond_contig")
    there = bases(name, pos, pos + n_ref - 1) if n_ref else ""
    if n_ref and there != ref:
        return fault("ref_mismatch", f"reference has {there[:30]}")

    def fetch(first: int, last: int) -> str:
        return bases(name, first, last)

    pos, ref, alt = _anchored(pos, ref, alt, fetch)
    if not _SEQUENCE.fullmatch(ref):
        return fault("ref_not_acgt")
    return Key(name, *left_align(pos, ref, alt, fetch), "normalised")


def _anchored(pos: int, ref: str, alt: str, bases: Fetch) -> tuple[int, str, str]:
    """A MAF's ``-`` made a VCF's allele by the base before it (after it, where nothing is before it).

    A MAF gives an insertion the position of the base before it, and a deletion that of its first base.
    """
    if ref == "-":
        base = bases(pos, pos)
        return pos, base, base + alt
    if alt == "-" and pos > 1:
        base = bases(pos - 1, pos - 1)
        return pos - 1, base + ref, base
    if alt == "-":
        base = bases(pos + len(ref), pos + len(ref))
        return pos, ref + base, base
    return pos, ref, alt


def somatic_status(filters: str, origin: str, has_normal: bool, passing: Set[str]) -> str:
    """What an entry is said to be.

    Args:
        filters: words of FILTER joined by ``;``; empty or ``.`` when there is no verdict.
        origin: ``germline`` when the file says so in another field, else nothing.
        has_normal: whether it was called against a matched normal.
        passing: words of FILTER that pass.

    Returns:
        ``germline`` when the caller says so (a Mutect2 ``germline`` filter, VarScan2's SS, a MAF's
        Mutation_Status); ``filtered`` when a word of FILTER doesn't pass; ``somatic``; or, without a normal,
        ``somatic_or_germline``: germline origin is not excluded.
    """
    words = {word for word in re.split(r"[;,|\s]+", filters) if word not in ("", ".")}
    if origin == "germline" or words & {"germline", "germline_risk"}:
        return "germline"
    if words - passing:
        return "filtered"
    return "somatic" if has_normal else "somatic_or_germline"


def fraction(part: pd.Series, whole: pd.Series) -> pd.Series:
    """``part / whole`` as float64, null where either is missing or ``whole`` is 0."""
    numerator, denominator = part.astype("Float64"), whole.astype("Float64")
    ratio = (numerator / denominator.where(denominator > 0)).astype("float64")
    return pd.Series(np.where(np.isfinite(ratio), ratio, np.nan), index=part.index)
