"""One way to write a small variant: trimmed, left-aligned, upper case.

Two callers may write the same change at different positions and with different anchors. Tan, Abecasis and
Kang 2015 (doi:10.1093/bioinformatics/btv112) define the one form that all of them share: no base is written
that both alleles have at their end, at most one at their start, and the position is the smallest possible.
"""

from __future__ import annotations

from collections.abc import Callable

Fetch = Callable[[int, int], str]
"""Upper-case reference bases of a 1-based interval, both ends included."""

STEP = 100
"""Reference bases that are read at a time while an allele moves to the left."""


def trim(pos: int, ref: str, alt: str) -> tuple[int, str, str]:
    """Leave out what REF and ALT share, first at the end, then at the start; each keeps a base."""
    end = 0
    while end < min(len(ref), len(alt)) - 1 and ref[-1 - end] == alt[-1 - end]:
        end += 1
    ref, alt = ref[: len(ref) - end], alt[: len(alt) - end]
    start = 0
    while start < min(len(ref), len(alt)) - 1 and ref[start] == alt[start]:
        start += 1
    return pos + start, ref[start:], alt[start:]


def is_normalised(ref: str, alt: str) -> bool:
    """Whether an allele pair stands in its trimmed and left-aligned form (Tan 2015, lemma 1)."""
    return ref[-1] != alt[-1] and (min(len(ref), len(alt)) == 1 or ref[0] != alt[0])


def left_align(pos: int, ref: str, alt: str, reference: Fetch) -> tuple[int, str, str]:
    """The trimmed form of a variant at the smallest position.

    Args:
        pos: 1-based position of the first base of ``ref``.
        ref, alt: upper-case sequences that differ; ``ref`` is what the reference has there.
        reference: gives the bases to the left; it is asked for parts of ``1 .. pos - 1`` only.

    At position 1, and behind a base of the reference that isn't known (``N``), a variant stays as it is: its
    last base, which both alleles have, is its anchor.
    """
    left, start = "", pos  # reference bases read so far, and the position of the first of them
    while ref[-1] == alt[-1]:
        if min(len(ref), len(alt)) > 1:
            ref, alt = ref[:-1], alt[:-1]
            continue
        if pos == 1:
            break
        if pos == start:
            start = max(1, pos - STEP)
            left = reference(start, pos - 1)
        base = left[pos - 1 - start]
        if base not in "ACGT":
            break
        pos -= 1
        ref, alt = base + ref[:-1], base + alt[:-1]
    first = 0
    while first < min(len(ref), len(alt)) - 1 and ref[first] == alt[first]:
        first += 1
    return pos + first, ref[first:], alt[first:]


def atoms(pos: int, ref: str, alt: str) -> list[tuple[int, str, str]]:
    """The single changes a variant of several bases is made of, for look-up by position and allele.

    Bases are compared one by one from the left; what one allele has more is an indel at the last base
    that both have. A variant that is a single change is its own atom. A consequence must never be taken
    from atoms: two changes in one codon act together.
    """
    both = min(len(ref), len(alt))
    single = len(ref) != len(alt)
    found = [(pos + i, ref[i], alt[i]) for i in range(both - single) if ref[i] != alt[i]]
    if single:
        last = both - 1
        if ref[last] != alt[last]:
            found.append((pos + last, ref[last], alt[last]))
            found.append((pos + last, ref[last:], ref[last] + alt[last + 1 :]))
        else:
            found.append((pos + last, ref[last:], alt[last:]))
    return found
