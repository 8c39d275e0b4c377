"""Population frequency, from gnomAD's sites VCF of any version (2, 3, 4; exomes, genomes or joint), or alike.

What is taken, and the INFO tags that versions call it by, in the order of preference, is in ``TAGS``. The
filtering allele frequency is the lower bound of 95 % confidence of the group where that is highest
(Whiffin 2017, doi:10.1038/gim.2017.26); version 2 gives it per group, of which the highest is taken.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from endotype.annotation.knowledge.records import SOURCE_ROW, RecordFile
from endotype.annotation.knowledge.values import typed
from endotype.annotation.knowledge.vcf_alleles import Alleles
from endotype.cohort.knowledge_kinds import Column
from endotype.errors import input_error

COLUMNS = (
    Column("allele_frequency", ("AF",), "number"),
    Column("allele_count", ("AC",), "integer"),
    Column("allele_number", ("AN",), "integer"),
    Column("homozygotes", ("nhomalt",), "integer"),
    Column("max_frequency", ("AF_grpmax",), "number"),
    Column("max_group", ("grpmax",)),
    Column("filtering_frequency", ("fafmax_faf95_max",), "number"),
    Column("site_filter", ("FILTER",)),
)
PREFER = "allele_number DESC NULLS LAST, source_row"
"""The record with the most alleles counted goes before others of the same allele."""

TAGS = {
    "AF": ("AF_joint", "AF"),
    "AC": ("AC_joint", "AC"),
    "AN": ("AN_joint", "AN"),
    "homozygotes": ("nhomalt_joint", "nhomalt", "Hom", "AC_Hom"),
    "max_frequency": ("AF_grpmax_joint", "AF_grpmax", "AF_popmax", "AF_POPMAX"),
    "max_group": ("grpmax_joint", "grpmax", "popmax", "POPMAX"),
    "filtering_frequency": ("fafmax_faf95_max_joint", "fafmax_faf95_max", "faf95_popmax", "faf95_max"),
}
_FAF_GROUPS = ("faf95_afr", "faf95_amr", "faf95_eas", "faf95_nfe", "faf95_sas")
_REQUIRED = (("AF",), ("AC", "AN"))


def frequency_batches(file: RecordFile) -> Iterator[pa.Table]:
    """One row per allele with ``chrom pos ref alt``, ``COLUMNS`` and ``source_row``.

    A frequency among no alleles, or outside 0 to 1, is null.

    Raises:
        InputError: the header has neither AF, nor AC and AN.
    """
    tag = {n: next((t for t in names if t in file.columns), None) for n, names in TAGS.items()}
    if not any(all(tag[name] for name in choice) for choice in _REQUIRED):
        raise input_error(file.path, "a header without the INFO tags", "INFO/AF or AC and AN")
    groups = [] if tag["filtering_frequency"] else [t for t in _FAF_GROUPS if t in file.columns]
    wanted = [t for t in tag.values() if t] + groups
    for batch in file.batches(["CHROM", "POS", "REF", "ALT", "FILTER", *wanted]):
        alleles = Alleles(batch["ALT"].combine_chunks())
        rows = alleles.whole(batch[SOURCE_ROW].combine_chunks())

        def number(
            name: str | None, to: str = "number", a: Alleles = alleles, b: pa.Table = batch
        ) -> pa.Array:
            if name is None:
                return pa.nulls(a.n, pa.float64())
            text = a.by_number(b[name].combine_chunks(), file.numbers[name])
            return _usable(text, to)

        af, ac, an = number(tag["AF"]), number(tag["AC"], "integer"), number(tag["AN"], "integer")
        homozygotes = number(tag["homozygotes"], "integer")
        faf = number(tag["filtering_frequency"])
        if groups:
            faf = pc.max_element_wise(*(number(group) for group in groups))
        group = pa.nulls(alleles.n, pa.string())
        if tag["max_group"]:
            name = tag["max_group"]
            group = pc.utf8_lower(alleles.by_number(batch[name].combine_chunks(), file.numbers[name]))
        filters = alleles.whole(batch["FILTER"].combine_chunks())
        yield pa.table(
            {
                "chrom": alleles.whole(batch["CHROM"].combine_chunks()),
                "pos": alleles.whole(batch["POS"].combine_chunks()),
                "ref": alleles.whole(batch["REF"].combine_chunks()),
                "alt": alleles.alt,
                "allele_frequency": _frequency(af, ac, an),
                "allele_count": _whole(ac),
                "allele_number": _whole(an),
                "homozygotes": _whole(homozygotes),
                "max_frequency": _share(number(tag["max_frequency"])),
                "max_group": group,
                "filtering_frequency": _share(faf),
                "site_filter": pc.if_else(pc.equal(filters, "PASS"), None, filters),
                SOURCE_ROW: rows,
            }
        )


_ANY = Column("value", ("value",), "number")
_FORM = r"^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$"


def _usable(text: pa.Array, to: str) -> pa.Array:
    """Numbers as float64; what is no finite number, and a count that isn't whole or is negative, is null."""
    cells = pc.if_else(pc.fill_null(pc.match_substring_regex(text, _FORM), False), text, None)
    numbers = typed(cells, _ANY, "", pa.nulls(len(cells), pa.int64()))
    if to == "integer":
        sound = pc.and_(pc.greater_equal(numbers, 0), pc.equal(numbers, pc.floor(numbers)))
        numbers = pc.if_else(pc.fill_null(sound, False), numbers, None)
    return numbers


def _frequency(af: pa.Array, ac: pa.Array, an: pa.Array) -> pa.Array:
    """AF, else AC / AN; null where no allele was counted, whatever the file says."""
    some = pc.greater(an, 0)
    computed = pc.if_else(pc.fill_null(some, False), pc.divide(ac, pc.if_else(some, an, None)), None)
    value = pc.coalesce(af, computed)
    none_counted = pc.fill_null(pc.equal(an, 0), False)
    return _share(pc.if_else(none_counted, None, value))


def _share(values: pa.Array) -> pa.Array:
    inside = pc.and_(pc.greater_equal(values, 0), pc.less_equal(values, 1))
    return pc.if_else(pc.fill_null(inside, False), values, None)


def _whole(values: pa.Array) -> pa.Array:
    numbers = values.to_numpy(zero_copy_only=False).astype(np.float64)
    return pa.array(np.nan_to_num(numbers).astype(np.int64), pa.int64(), mask=np.isnan(numbers))
