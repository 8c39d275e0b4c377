"""One BCF record taken apart, for the few that must change, and put together again."""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from endotype.variants.bcf import Header
from endotype.variants.bcf_kernels import END_OF_VECTOR, MISSING_INT, count_matrix, value_range

FLOAT_MISSING, FLOAT_END = np.uint32(0x7F800001), np.uint32(0x7F800002)

_DTYPES: dict[int, np.dtype[Any]] = {
    1: np.dtype("<i1"),
    2: np.dtype("<i2"),
    3: np.dtype("<i4"),
    5: np.dtype("<u4"),
    7: np.dtype("u1"),
}
_LOWEST = {1: -120, 2: -32760, 3: -(2**31) + 8}
_HIGHEST = {1: 127, 2: 32767, 3: 2**31 - 1}


@dataclass(frozen=True)
class Record:
    """A record as values; what stands where is known by name.

    Vectors are int32 (with ``MISSING_INT`` and ``END_OF_VECTOR``), uint32 (the bits of float32) or uint8
    (text): the dtype says which.

    Attributes:
        chrom: name of the contig.
        pos: 1-based.
        id: as in VCF, ``.`` when there is none.
        alleles: REF and the ALTs.
        quality: the four bytes of QUAL.
        filters: names; empty when no filter was applied.
        info: vectors, shape (n_values,); a flag has none.
        formats: vectors, shape (n_samples, n_values). GT as BCF has it: (allele + 1) * 2 + phased.
        n_samples: number of samples.
        span: bases of the reference that the record covers.
    """

    chrom: str
    pos: int
    id: str
    alleles: tuple[str, ...]
    quality: bytes
    filters: tuple[str, ...]
    info: dict[str, np.ndarray]
    formats: dict[str, np.ndarray]
    n_samples: int
    span: int

    def with_alleles(self, pos: int, ref: str, alt: str) -> Record:
        """The record with its variant written otherwise."""
        info = {name: value for name, value in self.info.items() if name != "END"}
        return replace(self, pos=pos, alleles=(ref, alt), span=len(ref), info=info)


def parse_alleles(data: bytes) -> tuple[str, tuple[str, ...]]:
    """ID and alleles of a record, without the rest of it."""
    n_alleles = struct.unpack_from("<I", data, 24)[0] >> 16
    name, at = _read(data, 32)
    alleles = []
    for _ in range(n_alleles):
        allele, at = _read(data, at)
        alleles.append(_text(allele))
    return _text(name) or ".", tuple(alleles)


def parse_record(data: bytes, header: Header) -> Record:
    """Take one record apart; ``data`` begins at its first byte."""
    l_shared = struct.unpack_from("<I", data)[0]
    rid, pos, span, quality, counts, sizes = struct.unpack_from("<iii4sII", data, 8)
    n_info, n_alleles = counts & 0xFFFF, counts >> 16
    n_samples, n_formats = sizes & 0xFFFFFF, sizes >> 24
    at = 32
    name, at = _read(data, at)
    alleles = []
    for _ in range(n_alleles):
        allele, at = _read(data, at)
        alleles.append(_text(allele))
    filters, at = _read(data, at)
    info: dict[str, np.ndarray] = {}
    for _ in range(n_info):
        key, at = _read(data, at)
        value, at = _read(data, at)
        info[header.keys[int(key[0])]] = value
    at = 8 + l_shared
    formats: dict[str, np.ndarray] = {}
    for _ in range(n_formats):
        key, at = _read(data, at)
        kind, width, at = _descriptor(data, at)
        dtype = _DTYPES.get(kind, _DTYPES[1])
        values = np.frombuffer(data, dtype, width * n_samples, at).reshape(n_samples, width)
        at += width * n_samples * dtype.itemsize
        formats[header.keys[int(key[0])]] = _widened(values, kind)
    return Record(
        header.contigs[rid],
        pos + 1,
        _text(name) or ".",
        tuple(alleles),
        quality,
        tuple(header.keys[int(number)] for number in filters),
        info,
        formats,
        n_samples,
        span,
    )


def encode_record(record: Record, header: Header) -> bytes:
    """Put a record together. Fields that the header doesn't declare are left out."""
    numbers = {name: number for number, name in header.keys.items()}
    parts = [_typed_text("" if record.id == "." else record.id)]
    parts += [_typed_text(allele) for allele in record.alleles]
    parts.append(_typed(np.array([numbers[f] for f in record.filters if f in numbers], np.int32)))
    info = {name: value for name, value in record.info.items() if name in header.info}
    for name, value in info.items():
        parts += [_key(numbers[name]), _typed(value)]
    formats = {name: value for name, value in record.formats.items() if name in header.formats}
    shared = b"".join(parts)
    indiv = b"".join(_key(numbers[name]) + _vectors(value) for name, value in formats.items())
    fixed = struct.pack(
        "<iii4sII",
        header.contig(record.chrom),
        record.pos - 1,
        record.span,
        record.quality,
        len(record.alleles) << 16 | len(info),
        len(formats) << 24 | record.n_samples,
    )
    return struct.pack("<II", len(fixed) + len(shared), len(indiv)) + fixed + shared + indiv


def counted(record: Record) -> Record:
    """The record with AC, AN, AF and NS counted from its calls; it has one ALT."""
    calls = record.formats.get("GT", np.zeros((record.n_samples, 1), np.int32))
    other = record.formats.get("OA", np.zeros((record.n_samples, 1), np.int32))
    ac, an, ns = count_matrix(calls, np.ascontiguousarray(other[:, 0]))
    info = {name: value for name, value in record.info.items() if name not in ("AC", "AN", "AF", "NS")}
    info["AC"], info["AN"] = np.array([ac], np.int32), np.array([an], np.int32)
    info["NS"] = np.array([ns], np.int32)
    if an:
        info["AF"] = np.array([ac / an], np.float32).view(np.uint32)
    return replace(record, info=info)


def text_vector(text: str) -> np.ndarray:
    """Text as an INFO vector."""
    return np.frombuffer(text.encode(), np.uint8)


def vector_text(vector: np.ndarray) -> str:
    """An INFO vector as text."""
    return _text(vector)


def lengths(values: np.ndarray) -> np.ndarray:
    """How many values each sample has, int64 (n_samples,), the end of short vectors not counted."""
    end = FLOAT_END if values.dtype == np.uint32 else END_OF_VECTOR
    return (values != end).sum(axis=1)


def is_missing(values: np.ndarray) -> np.ndarray:
    """Which values are missing or past the end, bool of the same shape."""
    if values.dtype == np.uint32:
        return (values == FLOAT_MISSING) | (values == FLOAT_END)
    return (values == MISSING_INT) | (values == END_OF_VECTOR)


def padded(values: np.ndarray, width: int) -> np.ndarray:
    """FORMAT values with room for ``width`` a sample."""
    more = width - values.shape[1]
    if more <= 0:
        return values
    fill = {np.dtype("u4"): FLOAT_END, np.dtype("i4"): END_OF_VECTOR}.get(values.dtype, 0)
    return np.hstack([values, np.full((len(values), more), fill, values.dtype)])


def _widened(values: np.ndarray, kind: int) -> np.ndarray:
    """Integers as int32 with the sentinels of int32."""
    if kind not in (1, 2):
        return values.copy()
    wide = values.astype(np.int32)
    floor = {1: -128, 2: -32768}[kind]
    low = wide < _LOWEST[kind]
    wide[low] += MISSING_INT - floor
    return wide


def _descriptor(data: bytes, at: int) -> tuple[int, int, int]:
    head = data[at]
    kind, length = head & 15, head >> 4
    at += 1
    if length == 15:
        value, at = _read(data, at)
        length = int(value[0])
    return kind, length, at


def _read(data: bytes, at: int) -> tuple[np.ndarray, int]:
    kind, length, at = _descriptor(data, at)
    dtype = _DTYPES.get(kind, _DTYPES[1])
    if kind == 0:
        return np.zeros(0, np.int32), at
    values = np.frombuffer(data, dtype, length, at)
    return _widened(values, kind), at + length * dtype.itemsize


def _text(values: np.ndarray) -> str:
    return values.astype(np.uint8).tobytes().rstrip(b"\0").decode("utf-8", "replace")


def _head(kind: int, length: int) -> bytes:
    if length < 15:
        return bytes([length << 4 | kind])
    return bytes([0xF0 | kind]) + _typed(np.array([length], np.int32))


def _key(number: int) -> bytes:
    if number < 128:
        return struct.pack("<BB", 0x11, number)
    return struct.pack("<BH", 0x12, number) if number < 32768 else struct.pack("<BI", 0x13, number)


def _typed_text(text: str) -> bytes:
    data = text.encode()
    return _head(7, len(data)) + data


def _typed(values: np.ndarray) -> bytes:
    if values.size == 0 and values.dtype == np.int32:
        return b"\0"
    kind, narrow = _narrowed(values)
    return _head(kind, values.size) + narrow.tobytes()


def _vectors(values: np.ndarray) -> bytes:
    kind, narrow = _narrowed(values)
    return _head(kind, values.shape[1]) + narrow.tobytes()


def _narrowed(values: np.ndarray) -> tuple[int, np.ndarray]:
    """The BCF type of a vector and its values in that type; integers as narrow as they fit."""
    if values.dtype == np.uint32:
        return 5, values.astype("<u4")
    if values.dtype == np.uint8:
        return 7, values
    low, high, gap = value_range(values)
    kind = next(k for k in (1, 2, 3) if _LOWEST[k] <= low and high <= _HIGHEST[k])
    if kind == 3 or not gap:
        return kind, values.astype(_DTYPES[kind])
    narrow = values.copy()
    gone = is_missing(values)
    narrow[gone] -= MISSING_INT - {1: -128, 2: -32768}[kind]
    return kind, narrow.astype(_DTYPES[kind])
