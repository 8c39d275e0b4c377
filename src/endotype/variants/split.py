"""A record with several ALTs as one record for each.

What belongs to an allele goes with it: GT, and every field that the header declares with one value an
allele (``A``, ``R``) or a genotype (``G``). A call of another ALT is neither the reference nor this ALT: it
becomes ``.``, so that ``1/2`` is ``1/.`` and ``./1``, and FORMAT/OA says of how many alleles this is known.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from endotype.variants.bcf import Field, Header
from endotype.variants.bcf_kernels import END_OF_VECTOR, MISSING_INT
from endotype.variants.bcf_record import (
    FLOAT_END,
    FLOAT_MISSING,
    Record,
    is_missing,
    lengths,
    text_vector,
    vector_text,
)

ORIGINAL = "ENDOTYPE_ORIGINAL"
OTHER = "OA"


class FormatLengthError(ValueError):
    """A FORMAT field has another number of values than its declaration says."""


@dataclass(frozen=True)
class Parts:
    """The records of the ALTs, in their order, and how many INFO fields could not be shared out."""

    records: list[Record]
    info_dropped: int


def check_lengths(record: Record, header: Header) -> None:
    """See that FORMAT fields with a value an allele or a genotype have as many as there must be.

    With one ALT nothing is shared out; there AD and PL must not have values of alleles that aren't there
    (:func:`~endotype.variants.bcf_kernels.classify` sees to the same). Samples without a call aren't judged.

    Raises:
        FormatLengthError: one has not, so that nobody can say which value belongs to what.
    """
    n = len(record.alleles)
    copies = _copies_called(record)
    for name, values in record.formats.items():
        number = header.formats.get(name, Field(".", "String")).number
        if number not in "ARG" or values.dtype == np.uint8 or name == "GT":
            continue
        found = lengths(values)
        if n == 2:
            wrong = (found > _number_of_values(number, n, 2)) & (name in ("AD", "PL"))
        else:
            wrong = ~_has_right_length(values, number, n)
            wrong |= (copies == 2) & (found == n) if number == "G" else False
        wrong &= (copies != 0) & ~is_missing(values).all(axis=1)
        if wrong.any():
            expected = _number_of_values(number, n, 2)
            raise FormatLengthError(f"{name} has {found[wrong][0]} values for {n} alleles, not {expected}")


def _copies_called(record: Record) -> np.ndarray:
    """How many alleles each call has, 0 for a call that is missing; -1 for all where there is no GT."""
    calls = record.formats.get("GT")
    if calls is None:
        return np.full(record.n_samples, -1)
    called = ((calls >> 1) > 0) & (calls != END_OF_VECTOR)
    return np.where(called.any(axis=1), lengths(calls), 0)


def _number_of_values(number: str, n: int, ploidy: int) -> int:
    """Values of a field with one an allele or a genotype (VCF specification 4.3, section 1.6.2)."""
    return {"A": n - 1, "R": n, "G": n if ploidy == 1 else n * (n + 1) // 2}[number]


def _has_right_length(values: np.ndarray, number: str, n: int) -> np.ndarray:
    """Which samples have as many values as one or two copies need, bool (n_samples,)."""
    return np.isin(lengths(values), [_number_of_values(number, n, ploidy) for ploidy in (1, 2)])


def split_record(record: Record, header: Header) -> Parts:
    """One record per ALT; INFO/ENDOTYPE_ORIGINAL says where each comes from.

    Args:
        record: its lengths are checked (:func:`check_lengths`).
        header: how fields are declared.

    AD keeps its sum: reads of the other ALTs are added to those of REF, since they are reads without this
    ALT.
    """
    n = len(record.alleles)
    if n == 2:
        return Parts([record], 0)
    source = "|".join([record.chrom, str(record.pos), record.alleles[0], ",".join(record.alleles[1:])])
    parts, dropped = [], 0
    for i in range(1, n):
        info = {}
        for name, values in record.info.items():
            shared = _part_of_info(values, header.info.get(name, Field(".", "String")), i, n)
            if shared is None:
                dropped += i == 1
            else:
                info[name] = shared
        formats = {}
        for name, values in record.formats.items():
            number = header.formats.get(name, Field(".", "String")).number
            if name == "GT":
                formats[name], formats[OTHER] = _part_of_calls(values, i)
            elif number in ("LA", "LR", "LG"):
                continue  # values of local alleles mean nothing without the others
            else:
                formats[name] = _part_of_format(name, values, number, i, n)
        info[ORIGINAL] = text_vector(f"{source}|{i}")
        parts.append(
            replace(record, alleles=(record.alleles[0], record.alleles[i]), info=info, formats=formats)
        )
    return Parts(parts, dropped)


def source_of(record: Record) -> str:
    """The multiallelic record that a record was split from, empty when it wasn't."""
    original = record.info.get(ORIGINAL)
    return "" if original is None else vector_text(original).rpartition("|")[0]


def _part_of_calls(calls: np.ndarray, i: int) -> tuple[np.ndarray, np.ndarray]:
    """GT of one ALT, and how many alleles of each call are another ALT, int32 (n_samples, 1)."""
    allele = (calls >> 1) - 1
    there = (calls != END_OF_VECTOR) & (allele > 0)
    out = calls.copy()
    out[there & (allele == i)] = 4 | (calls[there & (allele == i)] & 1)
    other = there & (allele != i)
    out[other] = calls[other] & 1
    return out, other.sum(axis=1, dtype=np.int32)[:, None]


def _genotypes(i: int) -> list[int]:
    """Places of the genotypes 0/0, 0/i, i/i among those of all alleles."""
    return [0, i * (i + 1) // 2, i * (i + 1) // 2 + i]


def _part_of_format(name: str, values: np.ndarray, number: str, i: int, n: int) -> np.ndarray:
    if number not in "ARG" or len(number) != 1:
        return values
    if values.dtype == np.uint8:
        texts = [bytes(row).rstrip(b"\0").decode("utf-8", "replace") for row in values]
        chosen = [_part_of_text(text, number, i, n) or "." for text in texts]
        width = max(map(len, map(str.encode, chosen)))
        rows = [np.frombuffer(text.encode().ljust(width, b"\0"), np.uint8) for text in chosen]
        return np.array(rows)
    missing, end = (FLOAT_MISSING, FLOAT_END) if values.dtype == np.uint32 else (MISSING_INT, END_OF_VECTOR)

    def pick(columns: list[int]) -> np.ndarray:
        out = np.full((len(values), len(columns)), missing, values.dtype)
        for k, column in enumerate(columns):
            if column < values.shape[1]:
                out[:, k] = values[:, column]
        # A sample without values has one that says so; one without a call may have values that fit nothing.
        nothing = is_missing(values).all(axis=1) | ~_has_right_length(values, number, n)
        out[nothing, 0], out[nothing, 1:] = missing, end
        return out

    if number == "A":
        return pick([i - 1])
    if number == "R":
        out = pick([0, i])
        if name == "AD" and values.dtype == np.int32:
            others = [k for k in range(1, min(n, values.shape[1])) if k != i]
            more = np.where(is_missing(values[:, others]), 0, values[:, others]).sum(axis=1)
            known = ~is_missing(out[:, 0])
            out[known, 0] += more[known].astype(np.int32)
        return out
    out = pick(_genotypes(i))
    one_copy = lengths(values) == n
    if one_copy.any():
        haploid = pick([0, i])
        out[one_copy, :2], out[one_copy, 2] = haploid[one_copy], end
    return out


def _part_of_info(values: np.ndarray, field: Field, i: int, n: int) -> np.ndarray | None:
    if field.number not in ("A", "R", "G"):
        return values
    if values.dtype == np.uint8:
        text = _part_of_text(vector_text(values), field.number, i, n)
        return None if text is None else text_vector(text)
    columns = _columns_of(field.number, i, n, values.size)
    return None if columns is None else values[columns]


def _part_of_text(text: str, number: str, i: int, n: int) -> str | None:
    values = text.split(",")
    columns = _columns_of(number, i, n, len(values))
    return None if columns is None else ",".join(values[c] for c in columns)


def _columns_of(number: str, i: int, n: int, size: int) -> list[int] | None:
    """Which of ``size`` values belong to REF and ALT ``i`` of ``n`` alleles; ``None`` if nobody can say."""
    if size == _number_of_values(number, n, 2):
        return {"A": [i - 1], "R": [0, i], "G": _genotypes(i)}[number]
    return [0, i] if number == "G" and size == n else None
