"""What is taken from a sites VCF: of ClinVar the significance of an allele, of gnomAD its frequency.

A record may have several alleles, and a text of the record is an allele's own only when it says so: one
value in a field of two alleles belongs to neither.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pyarrow as pa

from endotype.annotation.severity import CLINICAL_WORDS, is_pathogenic, unknown_clinical_words
from endotype.errors import nearest, visible

Fields = Sequence[str]
"""The INFO texts of a record, in the order of ``SiteFormat.tags``; ``.`` is missing."""


@dataclass(frozen=True)
class SiteFormat:
    """What is taken from a kind of sites VCF.

    Attributes:
        name: what the source is called in ``knowledge.json``, and its table.
        required: sets of INFO tags, one of which the header must have whole: AF, or AC and AN.
        tags: INFO tags that are read where the header has them.
        columns: columns of the table after ``chrom pos ref alt``.
        read_allele: ``(fields, id, allele, n_alleles)`` to the values of ``columns``, or why to drop it.
        prefer: SQL order among several records of one allele; the first is kept.
        check: the distinct texts of the first column to (found, expected, suggestion) of each fault.
    """

    name: str
    required: tuple[tuple[str, ...], ...]
    tags: tuple[str, ...]
    columns: tuple[tuple[str, pa.DataType], ...]
    read_allele: Callable[[Fields, str, int, int], tuple[object, ...] | str]
    prefer: str
    check: Callable[[list[str]], list[tuple[str, str, str]]] = lambda _: []


def _read_clinical(fields: Fields, name: str, allele: int, n_alleles: int) -> tuple[object, ...] | str:
    significance, review_status, condition = fields
    if significance == ".":
        return "no_significance"
    mine = _of_allele(significance, allele, n_alleles)
    if mine is None:
        return "ambiguous_significance"
    if mine == ".":
        return "no_significance"
    review = _of_allele(review_status, allele, n_alleles) or review_status
    disease = _of_allele(condition, allele, n_alleles) or condition
    ids = name.split(";")
    own_id = ids[allele] if len(ids) == n_alleles else name
    return (
        mine,
        None if review == "." else review,
        None if disease == "." else disease.replace("|", "; ").replace("_", " "),
        None if own_id == "." else own_id,
        is_pathogenic(mine),
    )


def _of_allele(text: str, allele: int, n_alleles: int) -> str | None:
    """The part of a list that belongs to one allele; ``None`` when the list doesn't say which.

    A comma followed by ``_`` is part of ClinVar's words (``criteria_provided,_single_submitter``).
    """
    if n_alleles == 1:
        return text
    parts = re.split(r",(?!_)", text)
    return parts[allele] if len(parts) == n_alleles else None


def _check_significance(values: list[str]) -> list[tuple[str, str, str]]:
    words = sorted({word for value in values for word in unknown_clinical_words(value)})
    return [
        (f"the clinical significance {visible(word)}", "a word of ClinVar's", nearest(word, CLINICAL_WORDS))
        for word in words
    ]


def _read_frequency(fields: Fields, name: str, allele: int, n_alleles: int) -> tuple[object, ...] | str:
    ac, an, af = (_number(text, allele, n_alleles) for text in (fields[0], fields[1], fields[2]))
    if an is None:
        an = _number(fields[1], 0, 1)
    if af is None and ac is not None and an:
        af = ac / an
    # Without a single allele counted nothing is known, whatever the file says.
    if an == 0 or (af is not None and not 0 <= af <= 1):
        af = None
    return af, None if ac is None else int(ac), None if an is None else int(an)


def _number(text: str, allele: int, n_alleles: int) -> float | None:
    """The finite number of one allele in a comma-separated list; ``None`` when it is missing or no number."""
    parts = text.split(",")
    if len(parts) != n_alleles:
        return None
    try:
        number = float(parts[allele])
    except ValueError:
        return None
    return number if math.isfinite(number) else None


CLINICAL = SiteFormat(
    name="clinical_significance",
    required=(("CLNSIG",),),
    tags=("CLNSIG", "CLNREVSTAT", "CLNDN"),
    columns=(
        ("clinical_significance", pa.string()),
        ("review_status", pa.string()),
        ("condition", pa.string()),
        ("clinical_id", pa.string()),
        ("pathogenic", pa.bool_()),
    ),
    read_allele=_read_clinical,
    prefer="pathogenic DESC, row",
    check=_check_significance,
)
"""ClinVar's VCF. A pathogenic record of an allele goes before another one of the same allele."""

FREQUENCY = SiteFormat(
    name="population_frequency",
    required=(("AF",), ("AC", "AN")),
    tags=("AC", "AN", "AF"),
    columns=(
        ("allele_frequency", pa.float64()),
        ("allele_count", pa.int64()),
        ("allele_number", pa.int64()),
    ),
    read_allele=_read_frequency,
    prefer="allele_number DESC NULLS LAST, row",
)
"""gnomAD's sites VCF. The record with the most alleles counted goes before others of the same allele."""
