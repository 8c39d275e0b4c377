"""Mutations of a MAF file as entries: one row per allele of a tumour, in the file's own coordinates.

The Mutation Annotation Format (GDC, MAF specification 2.4) writes an insertion as ``-`` > bases, between
Start_Position and End_Position, and a deletion as bases > ``-``, from Start_Position to End_Position.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from endotype.cohort.maf_table import COLUMNS, MafRows, assembly_of_maf, read_maf_header
from endotype.variants.somatic_keys import ENTRY_TYPES, fraction, somatic_status

_MISSING_ALLELES = {"", ".", "NA", "N/A", "NULL", "NONE", "[NOT AVAILABLE]"}
_INHERITED = ["germline", "loh"]  # what is lost in a loss of heterozygosity is an inherited allele
_NO_NORMAL = {
    "",
    ".",
    "-",
    "NA",
    "N/A",
    "none",
    "None",
    "NONE",
    "null",
    "[Not Available]",
    "NORMAL",
    "__UNKNOWN__",
}
_COUNTS = ["ref_reads", "alt_reads", "depth", "normal_ref_reads", "normal_alt_reads", "normal_depth"]


@dataclass(frozen=True)
class MafEntries:
    """What a MAF holds of some tumours.

    Attributes:
        entries: columns :data:`~endotype.variants.somatic_keys.ENTRY_TYPES` and ``barcode``, by line.
        n_rows: rows of the file, of whomever; blank lines don't count.
        n_rows_of_others: rows of tumours that were not asked for.
        ragged: (line, cells) of rows that don't have as many cells as the header.
        n_cells_not_understood: column -> cells that should be numbers and are not.
    """

    entries: pd.DataFrame
    n_rows: int
    n_rows_of_others: int
    ragged: list[tuple[int, int]]
    n_cells_not_understood: dict[str, int]


def read_maf(
    path: str,
    has_normal: Mapping[str, bool],
    assembly: str | None = None,
    passing: Collection[str] = ("PASS",),
) -> MafEntries:
    """Read the mutations of some tumours.

    Args:
        path: MAF, plain or gzip.
        has_normal: barcode of each tumour that is wanted -> whether the sheet names a matched normal; one
            that the file names counts as well.
        assembly: ``GRCh37`` or ``GRCh38``; rows of another NCBI_Build get a reason. ``None``: not compared.
        passing: words of FILTER that pass.

    Raises:
        InputError: the file can't be read or lacks a required column.
    """
    rows = MafRows(read_maf_header(path), list(COLUMNS))
    blocks, n_rows, n_wanted = [], 0, 0
    for frame in rows:
        wanted = frame["barcode"].isin(list(has_normal))
        n_rows += len(frame)
        n_wanted += int(wanted.sum())
        blocks.append(frame[wanted])
    text = pd.concat(blocks) if blocks else pd.DataFrame(columns=["barcode"], dtype="str")
    text = text.reindex(columns=list(COLUMNS), fill_value="")
    entries, not_understood = _entries(text, has_normal, assembly, frozenset(passing))
    return MafEntries(
        entries, n_rows + len(rows.ragged), n_rows - n_wanted, list(rows.ragged), not_understood
    )


def _entries(
    text: pd.DataFrame, has_normal: Mapping[str, bool], assembly: str | None, passing: frozenset[str]
) -> tuple[pd.DataFrame, dict[str, int]]:
    numbers, not_understood = _numbers(text)
    out = pd.DataFrame(index=text.index)
    for column in ("barcode", "chrom", "gene", "classification", "protein_change"):
        out[column] = text[column]
    out["ref_reads"], out["alt_reads"] = numbers["ref_reads"], numbers["alt_reads"]
    informative = numbers["ref_reads"] + numbers["alt_reads"]
    depth = numbers["depth"].where(numbers["depth"] > 0)  # tools write 0 for a depth that nobody counted
    depth = depth.where((depth >= informative) | informative.isna(), informative)
    out["depth"] = depth.fillna(informative)
    by_reads = fraction(numbers["alt_reads"], informative.where(informative > 0, depth))
    out["vaf"] = by_reads.fillna(numbers["vaf"])
    out["vaf_source"] = np.select(
        [by_reads.notna(), numbers["vaf"].notna()], ["reads", "reported"], "not_assessed"
    )
    normal = numbers["normal_ref_reads"] + numbers["normal_alt_reads"]
    out["normal_depth"] = numbers["normal_depth"].where(numbers["normal_depth"] > 0).fillna(normal)
    out["normal_vaf"] = fraction(numbers["normal_alt_reads"], normal.where(normal > 0, out["normal_depth"]))
    out["filter"] = text["filter"]
    said = text["mutation_status"].str.casefold()
    out["has_normal"] = (
        text["barcode"].map(dict(has_normal)).astype(bool)
        | ~text["normal_barcode"].isin(_NO_NORMAL)
        | (said == "somatic")
    )
    origin = said.where(said.isin(_INHERITED), "").replace("loh", "germline")
    out["status"] = _statuses(out["filter"], origin, out["has_normal"], passing)
    out["caller"] = "maf"
    out["source_line"] = text.index.astype("int64")
    out = _with_alleles(out, text, assembly)
    return out.astype(ENTRY_TYPES)[["barcode", *ENTRY_TYPES]].reset_index(drop=True), not_understood


def _numbers(text: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, int]]:
    """Read counts (Int64) and allele fractions (0 to 1); and how many cells are neither that nor missing."""
    out, not_understood = pd.DataFrame(index=text.index), {}
    for column in [*_COUNTS, "vaf", "vaf_percent"]:
        cells = text[column].str.replace(",", ".", regex=False)  # a decimal comma
        missing = cells.str.fullmatch(r"|\.|-+|na|n/a|nan|null|none|\[not available\]", case=False)
        values = pd.to_numeric(cells.where(~missing), errors="coerce")
        limit = 1 if column == "vaf" and not (values > 1).any() else 100
        good = np.isfinite(values) & (values >= 0)
        good &= (values == values.round()) & (values < 1e9) if column in _COUNTS else values <= limit
        if n_bad := int((~missing & ~good).sum()):
            not_understood[column] = n_bad
        values = values.where(good)
        out[column] = values.astype("Int64") if column in _COUNTS else values.astype("float64") / limit
    out["vaf"] = out["vaf"].fillna(out.pop("vaf_percent"))
    return out, not_understood


def _statuses(
    filters: pd.Series, origin: pd.Series, has_normal: pd.Series, passing: frozenset[str]
) -> pd.Series:
    """:func:`~endotype.variants.somatic_keys.somatic_status` of every row, worked out once for rows alike."""
    said = list(zip(filters, origin, has_normal, strict=True))
    status = {row: somatic_status(*row, passing) for row in dict.fromkeys(said)}
    return pd.Series([status[row] for row in said], index=filters.index, dtype="str")


def _with_alleles(out: pd.DataFrame, text: pd.DataFrame, assembly: str | None) -> pd.DataFrame:
    """Add ``pos ref alt reason detail``; a row whose two alleles are both new becomes two entries.

    Of Tumor_Seq_Allele1 and 2 the one that isn't Reference_Allele is the mutation; files differ in which.
    """
    ref, first, second = (
        text[column].str.upper().str.replace(r"^-+$", "-", regex=True)
        for column in ("ref", "allele_1", "allele_2")
    )
    has_first = ~first.isin(_MISSING_ALLELES) & (first != ref)
    has_second = ~second.isin(_MISSING_ALLELES) & (second != ref)
    start, end = _position(text["start"]), _position(text["end"])
    span = ref.str.len().where(ref != "-", 2)  # an insertion stands between two bases
    other = {word: bool(assembly and assembly_of_maf(word) != assembly) for word in text["build"].unique()}
    faults = {
        "other_assembly": (text["build"] != "") & text["build"].map(other).astype(bool),
        "position_not_understood": start.isna() | (end.isna() & (text["end"] != "")),
        "no_alternate_allele": ~has_first & ~has_second,
        "position_inconsistent": (end - start + 1 != span).fillna(False),
    }
    out["pos"], out["ref"], out["alt"] = start.fillna(0), ref, second.where(has_second, first)
    out["reason"] = np.select([fault.to_numpy(bool) for fault in faults.values()], list(faults), "")
    place = text["start"].str.cat(text["end"], sep="-")
    details = {
        "other_assembly": text["build"],
        "position_not_understood": place,
        "position_inconsistent": place,
    }
    out["detail"] = ""
    for reason, detail in details.items():
        out["detail"] = out["detail"].mask(out["reason"] == reason, detail)
    two = has_first & has_second & (first != second)
    return pd.concat([out, out[two].assign(alt=first[two])]).sort_index(kind="stable")


def _position(cells: pd.Series) -> pd.Series:
    """Whole numbers above 0 as Int64, null for anything else."""
    numbers = pd.to_numeric(cells.where(cells.str.fullmatch(r"[0-9]{1,10}"))).astype("Int64")
    return numbers.where(numbers > 0)
