"""Numba kernels over raw BCF records. Arrays in, arrays out.

A block is uint8 bytes and the offsets of its records. ``scan`` finds where the parts of each record are, so
that other kernels and Python go straight to them. Layout: VCF specification 4.3, section 6.3.
"""

from __future__ import annotations

import numba
import numpy as np

(
    RID,
    POS,
    RLEN,
    N_ALLELE,
    N_INFO,
    N_FORMAT,
    ID_AT,
    REF_AT,
    REF_LEN,
    ALT_AT,
    ALT_LEN,
    FILTER_AT,
    INFO_AT,
    FORMAT_AT,
) = range(14)
"""Columns of :func:`scan`: numbers as in the record (POS 0-based), places as offsets in the block."""

TYPE, WIDTH, AT = range(3)
"""Last axis of the FORMAT table of :func:`scan`: BCF type, values per sample, place of the first."""

INT8, INT16, INT32, FLOAT, CHAR = 1, 2, 3, 5, 7

_SIZE = np.array([0, 1, 2, 4, 0, 4, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0], np.int64)

MISSING_INT = np.iinfo(np.int32).min
END_OF_VECTOR = MISSING_INT + 1
"""What :func:`integer` gives for a missing value and for the end of a short vector."""

_FLOAT_MISSING, _FLOAT_END = np.uint32(0x7F800001), np.uint32(0x7F800002)


@numba.njit(cache=True, nogil=True)
def record_offsets(data: np.ndarray) -> np.ndarray:
    """Where whole records begin, and where the last whole one ends, int64 (n + 1,)."""
    found = np.empty(len(data) // 32 + 2, np.int64)
    found[0] = 0
    n, at = 0, 0
    while at + 8 <= len(data):
        size = 8 + _u32(data, at) + _u32(data, at + 4)
        if at + size > len(data) or size < 32:
            break
        at += size
        n += 1
        found[n] = at
    return found[: n + 1].copy()


@numba.njit(cache=True, nogil=True)
def _u32(data: np.ndarray, at: int) -> int:
    return (
        np.int64(data[at])
        | np.int64(data[at + 1]) << 8
        | np.int64(data[at + 2]) << 16
        | np.int64(data[at + 3]) << 24
    )


@numba.njit(cache=True, nogil=True)
def _i32(data: np.ndarray, at: int) -> int:
    value = _u32(data, at)
    return value - (np.int64(1) << 32) if value >= np.int64(1) << 31 else value


@numba.njit(cache=True, nogil=True)
def integer(data: np.ndarray, at: int, kind: int) -> int:
    """One integer of a BCF vector; ``MISSING_INT`` and ``END_OF_VECTOR`` whatever its width."""
    if kind == 1:
        value = np.int64(data[at])
        if value >= 128:
            value -= 256
        return value if value >= -120 else MISSING_INT + (value + 128)
    if kind == 2:
        value = np.int64(data[at]) | np.int64(data[at + 1]) << 8
        if value >= 32768:
            value -= 65536
        return value if value >= -32760 else MISSING_INT + (value + 32768)
    return _i32(data, at)


@numba.njit(cache=True, nogil=True)
def _typed(data: np.ndarray, at: int) -> tuple[int, int, int]:
    """Type, number of values and place of the values of the typed vector at ``at``."""
    head = np.int64(data[at])
    kind, n = head & 15, head >> 4
    at += 1
    if n == 15:
        length_kind = np.int64(data[at]) & 15
        n = integer(data, at + 1, length_kind)
        at += 1 + _SIZE[length_kind]
    return kind, n, at


@numba.njit(cache=True, nogil=True)
def scan(
    data: np.ndarray, offsets: np.ndarray, n_samples: int, wanted: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Find the parts of every record of a block.

    Args:
        data, offsets: a block.
        n_samples: samples of the header.
        wanted: int64 (k,), numbers of FORMAT keys to look for.

    Returns:
        int64 (n, 14) of the columns above, ALT being the first one (length 0 when there is none);
        float32 (n,) QUAL, NaN where missing; int64 (n, k, 3) of each wanted FORMAT field, type 0 where a
        record doesn't have it.
    """
    n = len(offsets) - 1
    core = np.zeros((n, 14), np.int64)
    quality = np.empty(n, np.float32)
    formats = np.zeros((n, len(wanted), 3), np.int64)
    for r in range(n):
        at = offsets[r] + 8
        shared_end = at + _u32(data, offsets[r])
        core[r, RID] = _i32(data, at)
        core[r, POS] = _i32(data, at + 4)
        core[r, RLEN] = _i32(data, at + 8)
        bits = np.uint32(_u32(data, at + 12))
        quality[r] = np.nan if bits == _FLOAT_MISSING else np.array([bits], np.uint32).view(np.float32)[0]
        counts = _u32(data, at + 16)
        core[r, N_INFO], core[r, N_ALLELE] = counts & 0xFFFF, counts >> 16
        core[r, N_FORMAT] = _u32(data, at + 20) >> 24
        at += 24
        core[r, ID_AT] = at
        _, length, at = _typed(data, at)
        at += length
        for allele in range(core[r, N_ALLELE]):
            _, length, at = _typed(data, at)
            if allele == 0:
                core[r, REF_AT], core[r, REF_LEN] = at, length
            elif allele == 1:
                core[r, ALT_AT], core[r, ALT_LEN] = at, length
            at += length
        core[r, FILTER_AT] = at
        kind, length, at = _typed(data, at)
        core[r, INFO_AT] = at + length * _SIZE[kind]
        core[r, FORMAT_AT] = shared_end
        at = shared_end
        for _ in range(core[r, N_FORMAT]):
            kind, _, at = _typed(data, at)
            key = integer(data, at, kind)
            at += _SIZE[kind]
            kind, length, at = _typed(data, at)
            for k in range(len(wanted)):
                if wanted[k] == key:
                    formats[r, k, TYPE], formats[r, k, WIDTH], formats[r, k, AT] = kind, length, at
            at += n_samples * length * _SIZE[kind]
    return core, quality, formats


@numba.njit(cache=True, nogil=True)
def info_numbers(data: np.ndarray, core: np.ndarray, key: int) -> np.ndarray:
    """The first value of an INFO field of every record, float64 (n,); NaN where it is missing."""
    found = np.full(len(core), np.nan)
    for r in range(len(core)):
        at = core[r, INFO_AT]
        for _ in range(core[r, N_INFO]):
            kind, _, at = _typed(data, at)
            number = integer(data, at, kind)
            at += _SIZE[kind]
            kind, length, at = _typed(data, at)
            if number == key and length > 0:
                if kind == 5:
                    bits = np.uint32(_u32(data, at))
                    if bits != _FLOAT_MISSING and bits != _FLOAT_END:
                        found[r] = np.array([bits], np.uint32).view(np.float32)[0]
                elif kind in (1, 2, 3):
                    value = integer(data, at, kind)
                    if value > MISSING_INT + 7:
                        found[r] = value
            at += length * _SIZE[kind]
    return found


@numba.njit(cache=True, nogil=True)
def first_filters(data: np.ndarray, core: np.ndarray) -> np.ndarray:
    """Number of FILTER names and the first of them (-1 when there is none) of every record, int64 (n, 2)."""
    found = np.full((len(core), 2), -1, np.int64)
    for r in range(len(core)):
        kind, length, at = _typed(data, core[r, FILTER_AT])
        found[r, 0] = length
        if length > 0:
            found[r, 1] = integer(data, at, kind)
    return found


SPECIAL, PLAIN, MONOMORPHIC, REFERENCE_BLOCK = range(4)
"""What :func:`classify` tells apart."""


@numba.njit(cache=True, nogil=True)
def classify(
    data: np.ndarray,
    core: np.ndarray,
    formats: np.ndarray,
    n_samples: int,
    reference: np.ndarray,
    low: int,
    has_reference: bool,
) -> np.ndarray:
    """What is to be done with each record.

    ``PLAIN`` ones stand in normal form already: one ALT; REF and ALT are upper-case ``ACGT``, trimmed and
    left-aligned, and one of them is a single base; REF is the reference's; there are at most two alleles a
    call, and no others than these. ``MONOMORPHIC`` ones have no ALT but a REF that is right. A
    ``REFERENCE_BLOCK`` is a stretch of a gVCF that says "no variant here". All others are ``SPECIAL``.

    Args:
        formats: of :func:`scan` for GT, AD, PL, in this order.
        reference: uint8, upper-case bases from 0-based ``low`` on.

    Returns:
        uint8 (n,).
    """
    kinds = np.zeros(len(core), np.uint8)
    for r in range(len(core)):
        n_alleles, ref_at, ref_len = core[r, N_ALLELE], core[r, REF_AT], core[r, REF_LEN]
        alt_at, alt_len = core[r, ALT_AT], core[r, ALT_LEN]
        if n_alleles == 1 and core[r, RLEN] > ref_len:
            kinds[r] = REFERENCE_BLOCK
            continue
        if n_alleles == 2 and _stands_for_any(data, alt_at, alt_len):
            kinds[r] = REFERENCE_BLOCK
            continue
        if n_alleles == 0 or n_alleles > 2 or ref_len == 0 or core[r, POS] < 0:
            continue
        wide = False
        for k in range(3):
            wide = wide or (formats[r, k, TYPE] != 0 and formats[r, k, WIDTH] > (3 if k == 2 else 2))
        fine = not wide or n_alleles == 1
        for i in range(ref_len):
            fine = fine and _is_base(data[ref_at + i])
        for i in range(alt_len):
            fine = fine and _is_base(data[alt_at + i])
        if n_alleles == 2:
            fine = fine and alt_len > 0 and (ref_len == 1 or alt_len == 1)
            fine = fine and data[ref_at + ref_len - 1] != data[alt_at + alt_len - 1]
        if fine and n_alleles == 2 and formats[r, 0, TYPE] != 0:
            fine = in_range(data, formats[r, 0], n_samples, n_alleles)
        if fine and has_reference:
            start = core[r, POS] - low
            if start < 0 or start + ref_len > len(reference):
                fine = False
            else:
                for i in range(ref_len):
                    fine = fine and data[ref_at + i] == reference[start + i]
        if fine:
            kinds[r] = PLAIN if n_alleles == 2 else MONOMORPHIC
    return kinds


@numba.njit(cache=True, nogil=True)
def in_range(data: np.ndarray, field: np.ndarray, n_samples: int, n_alleles: int) -> bool:
    """Whether all calls of a record name alleles that it has; ``field`` is type, width and place of GT."""
    kind, at = field[TYPE], field[AT]
    highest = 2 * n_alleles + 1
    if kind == 1:
        beyond = 0
        for i in range(at, at + n_samples * field[WIDTH]):
            beyond |= np.int64(data[i] > highest) & np.int64(data[i] < 128)
        return beyond == 0
    beyond = 0
    for i in range(n_samples * field[WIDTH]):
        beyond |= np.int64(integer(data, at + i * _SIZE[kind], kind) > highest)
    return beyond == 0


@numba.njit(cache=True, nogil=True)
def _stands_for_any(data: np.ndarray, at: int, length: int) -> bool:
    """Whether an ALT is ``<NON_REF>``, ``<*>`` or ``<X>``."""
    if length == 3:
        middle = data[at + 1]
        return data[at] == 60 and data[at + 2] == 62 and (middle == 42 or middle == 88)
    if length != 9 or data[at] != 60:
        return False
    name = (78, 79, 78, 95, 82, 69, 70)
    same = True
    for i in range(7):
        same = same and data[at + 1 + i] == name[i]
    return same


@numba.njit(cache=True, nogil=True)
def _is_base(letter: int) -> bool:
    return letter == 65 or letter == 67 or letter == 71 or letter == 84


@numba.njit(cache=True, nogil=True)
def settle_calls(data: np.ndarray, field: np.ndarray, haploid: np.ndarray) -> tuple[int, int]:
    """Make the calls of one record say what they mean; ``data`` is changed in place.

    A half call (``./1``) where one copy is all a person has becomes that copy, elsewhere it becomes
    missing. A call of more than two alleles becomes missing.

    Args:
        field: type, width and place of GT.
        haploid: bool (n_samples,), who has one copy of the site.

    Returns:
        How many half calls and how many calls of more than two alleles were made missing.
    """
    kind, width, at = field[TYPE], field[WIDTH], field[AT]
    size = _SIZE[kind]
    half = 0
    many = 0
    for i in range(len(haploid)):
        begin = at + i * width * size
        if kind == 1 and width == 2:
            a, b = data[begin], data[begin + 1]
            if a >= 2 and a < 128 and b >= 2:  # both alleles called, or one and the end
                continue
        called, missing, keep = 0, 0, np.int64(0)
        for j in range(width):
            value = integer(data, begin + j * size, kind)
            if value == END_OF_VECTOR:
                break
            if value >> 1 > 0:
                called += 1
                keep = value
            else:
                missing += 1
        if called + missing > 2:
            if called > 0:
                many += 1
            _blank(data, begin, width, size, 2)
        elif called == 1 and missing == 1:
            if haploid[i]:
                _put(data, begin, size, keep & ~1)
                _end(data, begin + size, width - 1, size)
            else:
                half += 1
                _blank(data, begin, width, size, 2)
    return half, many


@numba.njit(cache=True, nogil=True)
def _put(data: np.ndarray, at: int, size: int, value: int) -> None:
    for b in range(size):
        data[at + b] = (value >> (8 * b)) & 0xFF


@numba.njit(cache=True, nogil=True)
def _end(data: np.ndarray, at: int, n: int, size: int) -> None:
    """Mark ``n`` values as past the end of the vector."""
    for j in range(n):
        for b in range(size):
            data[at + j * size + b] = 0
        data[at + j * size] = 1
        data[at + (j + 1) * size - 1] |= 0x80


@numba.njit(cache=True, nogil=True)
def _blank(data: np.ndarray, at: int, width: int, size: int, ploidy: int) -> None:
    for j in range(ploidy):
        _put(data, at + j * size, size, 0)
    _end(data, at + ploidy * size, width - ploidy, size)


@numba.njit(cache=True, nogil=True)
def allele_counts(
    data: np.ndarray, field: np.ndarray, other: np.ndarray, n_samples: int
) -> tuple[int, int, int]:
    """AC of the first ALT, AN and NS (samples with a known allele) of one record.

    Args:
        field, other: type, width and place of GT and of OA, the alleles that are another ALT of the site.
    """
    kind, width, at = field[TYPE], field[WIDTH], field[AT]
    size = _SIZE[kind]
    ac, an, ns = 0, 0, 0
    if kind == 1 and width == 2 and other[TYPE] == 0:
        for i in range(n_samples):
            a, b = data[at + 2 * i], data[at + 2 * i + 1]
            first, second = np.int64(a >= 2), np.int64((b >= 2) & (b < 128))
            ac += np.int64((a >> 1) == 2) + np.int64((b >> 1) == 2)
            an += first + second
            ns += first | second
        return ac, an, ns
    for i in range(n_samples):
        known = others(data, other, i)
        for _ in range(width):
            value = np.int64(data[at]) if kind == 1 else integer(data, at, kind)
            at += size
            if value == END_OF_VECTOR or (kind == 1 and value == 129):
                continue
            known += value >= 2
            ac += (value >> 1) == 2
        an += known
        ns += known > 0
    return ac, an, ns


@numba.njit(cache=True, nogil=True)
def others(data: np.ndarray, field: np.ndarray, i: int) -> int:
    """OA of one sample: how many alleles of its call are another ALT of the site; 0 where it isn't given."""
    if field[TYPE] == 0 or field[WIDTH] == 0:
        return 0
    value = integer(data, field[AT] + i * field[WIDTH] * _SIZE[field[TYPE]], field[TYPE])
    return value if value > 0 else 0


@numba.njit(cache=True, nogil=True)
def refreshed(
    data: np.ndarray,
    start: int,
    stop: int,
    core: np.ndarray,
    counts: tuple[int, int, int],
    keys: np.ndarray,
    out: np.ndarray,
    place: int,
) -> int:
    """Copy one record with AC, AN, AF and NS counted anew; INFO otherwise stays.

    Args:
        start, stop: where the record is in ``data``.
        core: its row of :func:`scan`.
        counts: AC, AN, NS.
        keys: int64 (4,), the numbers of AC, AN, AF, NS in the header.
        out, place: uint8, where to write.

    Returns:
        Bytes written.
    """
    at = core[INFO_AT]
    head = at - start
    out[place : place + head] = data[start:at]
    end = place + head
    kept = 0
    for _ in range(core[N_INFO]):
        begin = at
        kind, _, at = _typed(data, at)
        number = integer(data, at, kind)
        at += _SIZE[kind]
        kind, length, at = _typed(data, at)
        at += length * _SIZE[kind]
        if number != keys[0] and number != keys[1] and number != keys[2] and number != keys[3]:
            out[end : end + at - begin] = data[begin:at]
            end += at - begin
            kept += 1
    end = _add_integer(out, end, keys[0], counts[0])
    end = _add_integer(out, end, keys[1], counts[1])
    end = _add_integer(out, end, keys[3], counts[2])
    added = 3
    if counts[1] > 0:
        end = _add_key(out, end, keys[2])
        out[end] = 0x15
        value = np.array([np.float32(counts[0] / counts[1])], np.float32).view(np.uint32)[0]
        _put(out, end + 1, 4, np.int64(value))
        end += 5
        added += 1
    _put(out, place, 4, end - place - 8)
    _put(out, place + 8 + 16, 4, core[N_ALLELE] << 16 | (kept + added))
    samples = stop - core[FORMAT_AT]
    out[end : end + samples] = data[core[FORMAT_AT] : stop]
    return end + samples - place


@numba.njit(cache=True, nogil=True)
def _add_key(out: np.ndarray, at: int, key: int) -> int:
    if key < 128:
        out[at] = 0x11
        _put(out, at + 1, 1, key)
        return at + 2
    if key < 32768:
        out[at] = 0x12
        _put(out, at + 1, 2, key)
        return at + 3
    out[at] = 0x13
    _put(out, at + 1, 4, key)
    return at + 5


@numba.njit(cache=True, nogil=True)
def _add_integer(out: np.ndarray, at: int, key: int, value: int) -> int:
    at = _add_key(out, at, key)
    return _add_key(out, at, value)


@numba.njit(cache=True, nogil=True)
def rewrite_plain(
    data: np.ndarray,
    offsets: np.ndarray,
    core: np.ndarray,
    gt: np.ndarray,
    other: np.ndarray,
    plain: np.ndarray,
    keys: np.ndarray,
    n_samples: int,
    out: np.ndarray,
) -> np.ndarray:
    """Copy plain records with their counts made anew.

    Args:
        gt, other: int64 (n, 3), the GT and OA fields of each record.
        plain: bool (n,), which to copy.
        keys: numbers of AC, AN, AF, NS.
        out: uint8, with room for the block and 64 bytes a record.

    Returns:
        int64 (n + 1,) places in ``out``; a record that isn't plain takes none.
    """
    places = np.zeros(len(core) + 1, np.int64)
    at = 0
    for r in range(len(core)):
        places[r] = at
        if plain[r]:
            counts = (0, 0, 0)
            if gt[r, TYPE] != 0:
                counts = allele_counts(data, gt[r], other[r], n_samples)
            at += refreshed(data, offsets[r], offsets[r + 1], core[r], counts, keys, out, at)
    places[len(core)] = at
    return places


@numba.njit(cache=True, nogil=True)
def settle_block(
    data: np.ndarray, gt: np.ndarray, chosen: np.ndarray, haploid: np.ndarray, zone: np.ndarray
) -> np.ndarray:
    """:func:`settle_calls` for the chosen records of a block.

    Args:
        gt: int64 (n, 3), the GT field of each record.
        chosen: bool (n,).
        haploid: bool (n_zones, n_samples).
        zone: int64 (n,), the row of ``haploid`` that holds for each record.

    Returns:
        int64 (n, 2): half calls and calls of more than two alleles that were made missing.
    """
    changed = np.zeros((len(gt), 2), np.int64)
    for r in range(len(gt)):
        if chosen[r] and gt[r, TYPE] != 0:
            half, many = settle_calls(data, gt[r], haploid[zone[r]])
            changed[r, 0], changed[r, 1] = half, many
    return changed


@numba.njit(cache=True, nogil=True)
def count_called(data: np.ndarray, gt: np.ndarray, chosen: np.ndarray, called: np.ndarray) -> None:
    """Add to ``called`` (int64 (n_samples,)) the chosen records at which each sample has a whole call."""
    for r in range(len(gt)):
        kind, width, at = gt[r, TYPE], gt[r, WIDTH], gt[r, AT]
        if not chosen[r] or kind == 0:
            continue
        size = _SIZE[kind]
        for i in range(len(called)):
            whole = 0
            for j in range(width):
                value = integer(data, at + (i * width + j) * size, kind)
                if value == END_OF_VECTOR:
                    break
                if value >> 1 != 1:
                    whole = 0
                    break
                whole = 1
            called[i] += whole


@numba.njit(cache=True, nogil=True)
def count_matrix(calls: np.ndarray, other: np.ndarray) -> tuple[int, int, int]:
    """:func:`allele_counts` of a record that was taken apart: int32 GT (n, width) and OA (n,)."""
    ac, an, ns = 0, 0, 0
    for i in range(calls.shape[0]):
        known = max(0, other[i])
        for j in range(calls.shape[1]):
            value = calls[i, j]
            if value >= 2:
                known += 1
                ac += (value >> 1) == 2
        an += known
        ns += known > 0
    return ac, an, ns


@numba.njit(cache=True, nogil=True)
def value_range(values: np.ndarray) -> tuple[int, int, bool]:
    """Smallest and largest value that is there (0 and 0 when none is), and whether any is not there."""
    low, high, gap, found = 0, 0, False, False
    for value in values.ravel():
        if value <= END_OF_VECTOR:
            gap = True
        elif not found:
            low, high, found = value, value, True
        else:
            low, high = min(low, value), max(high, value)
    return low, high, gap
