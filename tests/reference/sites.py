"""What a record of a sites VCF says of one of its alleles, one record at a time, in the order of thought."""

from __future__ import annotations

import math
import re


def own_part(text: str, allele: int, n_alleles: int, number: str = "A") -> str | None:
    """The part of an INFO text that belongs to one allele; ``None`` when it is missing or nobody's own."""
    if number != "1" and n_alleles > 1:
        parts = text.split(",")
        if len(parts) != n_alleles:
            return None
        text = parts[allele]
    return None if text.strip() in ("", ".") else text


def number_of(text: str | None) -> float | None:
    """A finite decimal number, else ``None``."""
    if text is None or not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", text):
        return None
    value = float(text)
    return value if math.isfinite(value) else None


def count_of(text: str | None) -> int | None:
    """A whole number of 0 or more, else ``None``."""
    value = number_of(text)
    return int(value) if value is not None and value >= 0 and value == int(value) else None


def frequency(af: str, ac: str, an: str, allele: int, n_alleles: int) -> tuple:
    """Frequency, count and number of an allele; AF goes before AC / AN, and needs someone counted."""
    f = number_of(own_part(af, allele, n_alleles))
    count = count_of(own_part(ac, allele, n_alleles))
    total = count_of(own_part(an, allele, n_alleles, "1"))
    if f is None and count is not None and total:
        f = count / total
    if total == 0 or (f is not None and not 0 <= f <= 1):
        f = None
    return f, count, total


def significance(text: str, allele: int, n_alleles: int) -> str | None:
    """ClinVar's words for an allele; a comma followed by ``_`` is part of a word."""
    if n_alleles == 1:
        return None if text in ("", ".") else text
    parts = re.split(r",(?!_)", text)
    if len(parts) != n_alleles or parts[allele] == ".":
        return None
    return parts[allele]
