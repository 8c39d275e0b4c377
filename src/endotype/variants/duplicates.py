"""Several records of one variant as one: calls complete each other, and those that contradict are missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import reduce

import numpy as np

from endotype.variants.bcf_kernels import END_OF_VECTOR, MISSING_INT
from endotype.variants.bcf_record import FLOAT_END, FLOAT_MISSING, Record, padded
from endotype.variants.split import OTHER

NOTHING, IN_PART, WHOLE = range(3)
"""What is known of a call: nothing, how many copies of this ALT it has, or every allele."""


def merge_records(sources: Sequence[Sequence[Record]]) -> tuple[Record, int]:
    """Join records of the same variant and samples.

    Args:
        sources: the records by the input record they are of: a multiallelic record that names an allele twice
            has several parts, of which one call is made (``1/2`` of two equal ALTs is homozygous).

    Returns:
        The first record with the calls of all, and how many calls contradict each other.

    The call of which most is known is taken, with all its FORMAT values; among equals, the first. Calls
    contradict each other that have other numbers of copies of the ALT, or, as far as they are known, other
    alleles; it makes no difference in which order they come. Fields that the first record lacks are left out.
    """
    sources = [called for parts in sources if (called := [p for p in parts if "GT" in p.formats])] or sources
    if "GT" not in sources[0][0].formats:
        return sources[0][0], 0
    if any(OTHER in part.formats for parts in sources for part in parts):
        sources = [[_with_others(part) for part in parts] for parts in sources]
    records = [reduce(_same_call, parts) for parts in sources]
    width = max(record.formats["GT"].shape[1] for record in records)
    alleles = np.stack([_alleles(padded(record.formats["GT"], width)) for record in records])
    known = np.stack([_known(a, record) for a, record in zip(alleles, records, strict=True)])
    conflict = _contradicts(alleles, known)
    chosen = known.argmax(axis=0)
    formats = {name: _chosen(name, records, chosen) for name in records[0].formats}
    calls = formats["GT"]
    calls[conflict] = np.where(calls[conflict] == END_OF_VECTOR, END_OF_VECTOR, 0)
    if OTHER in formats:
        formats[OTHER][conflict] = 0
    return replace(records[0], formats=formats), int(conflict.sum())


def _same_call(first: Record, second: Record) -> Record:
    """Two parts of one record as one call: an allele is this ALT if it is in either."""
    a, b = first.formats["GT"], second.formats["GT"]
    both = np.where(_alleles(b) > _alleles(a), b, a)
    formats = {**first.formats, "GT": both}
    if OTHER in formats:
        left = (_alleles(both) == -1).sum(axis=1, dtype=np.int32)[:, None]
        formats[OTHER] = np.minimum(np.minimum(formats[OTHER], second.formats[OTHER]), left)
    return replace(first, formats=formats)


def _contradicts(alleles: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Which samples have calls that can't all be true, bool (n_samples,).

    Args:
        alleles: (n_records, n_samples, width); known: (n_records, n_samples).
    """
    conflict = np.zeros(known.shape[1], bool)
    copies = (alleles == 1).sum(axis=2)
    in_order = np.sort(alleles, axis=2)
    for i in range(len(known)):
        for j in range(i):
            both = (known[i] > NOTHING) & (known[j] > NOTHING)
            differ = (in_order[i] != in_order[j]).any(axis=1) & (known[i] == known[j])
            conflict |= both & ((copies[i] != copies[j]) | differ)
    return conflict


def _chosen(name: str, records: Sequence[Record], chosen: np.ndarray) -> np.ndarray:
    """A FORMAT field with each sample's values from the record chosen for it; missing where that has none."""
    first = records[0].formats[name]
    fields = [record.formats.get(name) for record in records]
    values = [None if f is None or f.dtype != first.dtype else f for f in fields]
    width = max(v.shape[1] for v in values if v is not None)
    out = _missing(len(first), width, first.dtype)
    for number, value in enumerate(values):
        if value is not None:
            mine = chosen == number
            out[mine] = padded(value, width)[mine]
    return out


def _missing(n: int, width: int, dtype: np.dtype) -> np.ndarray:
    """``n`` vectors that say that there is no value."""
    one, end = {
        np.dtype("i4"): (MISSING_INT, END_OF_VECTOR),
        np.dtype("u4"): (FLOAT_MISSING, FLOAT_END),
    }.get(dtype, (ord("."), 0))
    out = np.full((n, width), end, dtype)
    out[:, :1] = one  # a field that no sample has may have no width
    return out


def _alleles(calls: np.ndarray) -> np.ndarray:
    """Allele numbers; -1 missing, -2 past the end of the call."""
    return np.where(calls == END_OF_VECTOR, -2, (calls >> 1) - 1)


def _known(alleles: np.ndarray, record: Record) -> np.ndarray:
    """How much is known of each call."""
    called, gone = (alleles >= 0).sum(axis=1), (alleles == -1).sum(axis=1)
    others = record.formats[OTHER][:, 0] if OTHER in record.formats else np.zeros_like(gone)
    return np.where(called + np.maximum(others, 0) == 0, NOTHING, np.where(gone == 0, WHOLE, IN_PART))


def _with_others(record: Record) -> Record:
    """The record with OA, 0 where it has none."""
    if OTHER in record.formats:
        return record
    none = np.zeros((record.n_samples, 1), np.int32)
    return replace(record, formats={**record.formats, OTHER: none})
