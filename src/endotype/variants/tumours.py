"""The tumours of a cohort: somatic variants under the keys of the germline ones, and a verdict per tumour.

Every allele of the tumour files is accounted for, tumour by tumour and file by file::

    alleles = kept + merged + rejected + not in this tumour

A variant that a tumour has more than once (two rows of a MAF, two callers' files) is one row; of its entries
the one with the earlier status of :data:`STATUS_ORDER` is kept, then the one that comes first.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from endotype.cohort.assembly import canonical_assembly
from endotype.cohort.reference import open_reference
from endotype.errors import InputError, Problem
from endotype.files import read_json, write_json
from endotype.message import N_
from endotype.tables import read_parquet, write_parquet, write_tsv
from endotype.variants.bed import read_bed
from endotype.variants.maf import read_maf
from endotype.variants.somatic_keys import ENTRY_TYPES, Contigs, key_entries
from endotype.variants.tumour_burden import BURDEN_TYPES, BurdenLimits, measure_burden
from endotype.variants.tumour_vcf import read_tumour_vcf

STATUS_ORDER = ["germline", "somatic", "somatic_or_germline", "filtered"]

SOMATIC_TYPES = {
    "patient": "str", "tumour": "str", "variant_id": "str",
    "chrom": "str", "pos": "int64", "ref": "str", "alt": "str",
    "gene": "str", "classification": "str", "protein_change": "str",
    "ref_reads": "Int64", "alt_reads": "Int64", "depth": "Int64", "vaf": "float64", "vaf_source": "str",
    "normal_depth": "Int64", "normal_vaf": "float64",
    "status": "str", "filter": "str", "caller": "str", "key_status": "str", "n_records": "int64",
    "source_file": "str", "source_line": "int64",
}  # fmt: skip

REJECT_TYPES = {
    "patient": "str", "tumour": "str", "file": "str", "line": "int64",
    "chrom": "str", "pos": "Int64", "ref": "str", "alt": "str", "reason": "str", "detail": "str",
}  # fmt: skip

TUMOUR_TYPES = {
    "patient": "str", "tumour": "str", "normal": "str", "n_files": "int64", "callers": "str",
    "n_alleles": "int64", "n_not_in_tumour": "int64", "n_rejected": "int64", "n_merged": "int64",
    "n_variants": "int64",
    "n_somatic": "int64", "n_somatic_or_germline": "int64", "n_germline": "int64", "n_filtered": "int64",
    **BURDEN_TYPES,
    "verdict": "str", "not_assessed": "str",
}  # fmt: skip

MAX_REF_MISMATCH = 0.5
"""A file of which more alleles than this share disagree with the reference is of another genome."""

_ENOUGH = 20

_ADDED_TYPES = {"row": "int64", "patient": "str", "tumour": "str", "source_file": "str"}
"""Columns an entry has besides its own: the row of the sheet (0..) and what stands there."""


@dataclass(frozen=True)
class TumourSettings:
    """What the configuration says of tumours. ``passing``: words of FILTER that pass."""

    passing: tuple[str, ...] = ("PASS",)
    limits: BurdenLimits = field(default_factory=BurdenLimits)


def prepare_tumours(
    sheet: str | Path,
    preflight: str | Path,
    fasta: str | None,
    assembly: str,
    settings: TumourSettings,
    out_dir: str | Path,
) -> None:
    """Write ``somatic.parquet``, ``tumours.parquet``, ``somatic_rejects.tsv`` and ``somatic.json``.

    Args:
        sheet: ``cohort/tumours.parquet``; without rows the tables are empty.
        preflight: ``cohort/preflight.json``, for the names of the contigs when there is no FASTA.
        fasta: the reference; ``None`` leaves out the check of REF, anchors and left alignment.
        assembly: as the configuration names it.
        settings: see there.
        out_dir: where to write.

    Raises:
        InputError: a file that can't be read, or that is of another genome than the FASTA.
    """
    rows = read_parquet(sheet)
    contents = list(_read_files(rows, canonical_assembly(assembly), settings.passing))
    names = [contig["name"] for contig in read_json(preflight)["contigs"]]
    entries = pd.concat([content.entries for content in contents] or [_no_entries()], ignore_index=True)
    with ExitStack() as stack:
        reference = stack.enter_context(open_reference(fasta)) if fasta and len(rows) else None
        if reference:
            names = list(reference.lengths)
        contigs = Contigs.of(names, complete=reference is not None)
        entries = key_entries(entries, contigs, reference)
    _check_genome(entries, fasta)
    usable = entries["reason"] == ""
    variants = merge_entries(entries[usable], names)
    rejects = pd.concat([*(content.ragged for content in contents), _rejects(entries[~usable])])
    rejects = rejects.reindex(columns=list(REJECT_TYPES)).astype(REJECT_TYPES)
    ledger = _ledger(rows, entries, variants, contents)
    tumours = _tumours(rows, ledger, variants, contigs, reference is not None, settings.limits)
    out = Path(out_dir)
    write_parquet(variants.astype(SOMATIC_TYPES)[list(SOMATIC_TYPES)], out / "somatic.parquet")
    write_parquet(tumours.astype(TUMOUR_TYPES)[list(TUMOUR_TYPES)], out / "tumours.parquet")
    write_tsv(rejects, out / "somatic_rejects.tsv")
    write_json(
        out / "somatic.json",
        {
            "files": [content.info for content in contents],
            "tumours": ledger,
            "reference_checked": reference is not None,
            "pass_filters": list(settings.passing),
            "limits": vars(settings.limits),
        },
    )


# -- reading -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _FileContent:
    """What one file holds of one tumour (VCF) or of several (MAF).

    Attributes:
        info: the file and its counts, for ``somatic.json``.
        entries: columns of an entry and ``_ADDED_TYPES``.
        ragged: rejected rows that belong to no tumour, columns ``REJECT_TYPES``.
        n_alleles: row of the sheet -> its alleles in this file.
        n_not_in_tumour: row of the sheet -> those that its genotype doesn't have.
    """

    info: dict[str, Any]
    entries: pd.DataFrame
    ragged: pd.DataFrame
    n_alleles: Mapping[int, int]
    n_not_in_tumour: Mapping[int, int]


def _read_files(rows: pd.DataFrame, assembly: str | None, passing: tuple[str, ...]) -> Iterator[_FileContent]:
    """Every file of the sheet, in its order; a MAF is read once for all its tumours."""
    for path, of_file in rows.groupby("path", sort=False):
        for _, of_kind in of_file.groupby("file_type", sort=False):
            if (of_kind["file_type"] == "maf").all():
                yield _read_maf(str(path), of_kind, assembly, passing)
            else:
                for row in of_kind.itertuples():
                    yield _read_vcf(row, passing)


def _read_maf(path: str, rows: pd.DataFrame, assembly: str | None, passing: tuple[str, ...]) -> _FileContent:
    has_normal = dict(zip(rows["tumour_in_file"], rows["normal"] != "", strict=True))
    maf = read_maf(path, has_normal, assembly, passing)
    row_of = dict(zip(rows["tumour_in_file"], rows.index, strict=True))
    entries = maf.entries.assign(row=maf.entries["barcode"].map(row_of)).drop(columns="barcode")
    ragged = pd.DataFrame(
        [(path, line, "ragged_row", f"{cells} cells") for line, cells in maf.ragged],
        columns=["file", "line", "reason", "detail"],
    )
    info = {
        "path": path,
        "file_type": "maf",
        "caller": "maf",
        "records": maf.n_rows,
        "records_of_other_tumours": maf.n_rows_of_others,
        "records_without_a_tumour": len(maf.ragged),
        "cells_not_understood": maf.n_cells_not_understood,
    }
    n_alleles = Counter(entries["row"].tolist())
    return _FileContent(info, _of_rows(entries, rows), ragged, n_alleles, {})


def _read_vcf(row: Any, passing: tuple[str, ...]) -> _FileContent:
    path = str(row.path)
    vcf = read_tumour_vcf(path, row.tumour_in_file, row.normal_in_file, row.normal != "", row.caller, passing)
    entries = vcf.entries.assign(row=row.Index)
    info = {
        "path": path,
        "file_type": "vcf",
        "caller": vcf.caller,
        "records": vcf.n_records,
        "records_of_other_tumours": 0,
        "records_without_a_tumour": 0,
        "cells_not_understood": {},
    }
    rows = pd.DataFrame([row._asdict()]).set_index("Index")
    return _FileContent(
        info,
        _of_rows(entries, rows),
        pd.DataFrame(columns=list(REJECT_TYPES)),
        {row.Index: vcf.n_alleles},
        {row.Index: vcf.n_not_in_tumour},
    )


def _of_rows(entries: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """The entries with what the sheet says of their rows."""
    said = rows.loc[entries["row"], ["patient", "tumour", "path"]].set_axis(entries.index)
    entries = entries.assign(patient=said["patient"], tumour=said["tumour"], source_file=said["path"])
    return entries.astype(ENTRY_TYPES | _ADDED_TYPES)


def _no_entries() -> pd.DataFrame:
    types = ENTRY_TYPES | _ADDED_TYPES
    return pd.DataFrame({name: pd.Series(dtype=dtype) for name, dtype in types.items()})


def _check_genome(entries: pd.DataFrame, fasta: str | None) -> None:
    """Stop at a file of another genome, before most of it becomes rejects."""
    compared = entries[entries["key_status"].eq("normalised") | entries["reason"].eq("ref_mismatch")]
    wrong = compared["reason"].eq("ref_mismatch").groupby(compared["source_file"], sort=False)
    problems = [
        Problem(
            str(path),
            None,
            "REF",
            f"{int(different):,} of {n:,} reference alleles that aren't in the FASTA",
            f"variants of the genome of {fasta}",
            "use the reference that the variants were called on",
        )
        for path, different, n in zip(wrong.groups, wrong.sum(), wrong.size(), strict=True)
        if n >= _ENOUGH and different > MAX_REF_MISMATCH * n
    ]
    if problems:
        raise InputError(problems)


# -- tables ------------------------------------------------------------------------------------------


def merge_entries(entries: pd.DataFrame, contigs: Sequence[str]) -> pd.DataFrame:
    """One row per tumour and variant, with ``n_records``, the entries it was made of.

    Sorted by patient, tumour and place; contigs in the order of ``contigs``, others after them by name.
    """
    order = {name: number for number, name in enumerate(contigs)}
    others = sorted(set(entries["chrom"]) - set(order), key=lambda name: (len(name), name))
    order |= {name: len(order) + number for number, name in enumerate(others)}
    ranked = entries.assign(
        contig=entries["chrom"].map(order), rank=entries["status"].map(STATUS_ORDER.index)
    )
    alike = ["patient", "tumour", "contig", "pos", "ref", "alt"]
    ranked = ranked.sort_values([*alike, "rank", "row", "source_line"], kind="stable")
    first = ~ranked.duplicated(alike)
    out = ranked[first].drop(columns=["contig", "rank"]).reset_index(drop=True)
    group = first.cumsum().to_numpy(np.int64) - 1
    return out.assign(n_records=np.bincount(group, minlength=len(out)))


def _rejects(entries: pd.DataFrame) -> pd.DataFrame:
    return entries.rename(columns={"source_file": "file", "source_line": "line"})[list(REJECT_TYPES)]


def _ledger(
    rows: pd.DataFrame, entries: pd.DataFrame, variants: pd.DataFrame, contents: list[_FileContent]
) -> list[dict[str, Any]]:
    """What became of the alleles of every row of the sheet. The counts add up, or the run stops."""
    ledger = []
    kept = Counter(variants["row"].tolist())
    by_reason: dict[int, Counter[str]] = defaultdict(Counter)
    for number, reason in zip(entries["row"].tolist(), entries["reason"].tolist(), strict=True):
        by_reason[number][reason] += 1
    for number, row in enumerate(rows.itertuples()):
        rejected = by_reason[number]
        usable = rejected.pop("", 0)
        counts: dict[str, Any] = {
            "patient": row.patient,
            "tumour": row.tumour,
            "path": row.path,
            "alleles": sum(content.n_alleles.get(number, 0) for content in contents),
            "not_in_tumour": sum(content.n_not_in_tumour.get(number, 0) for content in contents),
            "rejected": dict(sorted(rejected.items())),
            "kept": kept[number],
        }
        counts["merged"] = usable - counts["kept"]
        accounted = counts["not_in_tumour"] + sum(counts["rejected"].values()) + usable
        if accounted != counts["alleles"]:
            raise RuntimeError(f"alleles of {row.path} that are not accounted for: {counts}")
        ledger.append(counts)
    return ledger


def _tumours(
    rows: pd.DataFrame,
    ledger: list[dict[str, Any]],
    variants: pd.DataFrame,
    contigs: Contigs,
    has_reference: bool,
    limits: BurdenLimits,
) -> pd.DataFrame:
    """One row per tumour, sorted by patient and tumour: ``TUMOUR_TYPES``."""
    counts = rows[["patient", "tumour", "normal", "normal_in_file", "callable"]].assign(
        n_files=1,
        n_alleles=[row["alleles"] for row in ledger],
        n_not_in_tumour=[row["not_in_tumour"] for row in ledger],
        n_rejected=[sum(row["rejected"].values()) for row in ledger],
        n_merged=[row["merged"] for row in ledger],
    )
    out = counts.groupby(["patient", "tumour"], as_index=False).agg(
        {"normal": "first", "normal_in_file": "max", "callable": "first"}
        | {name: "sum" for name in counts.columns if name.startswith("n_")}
    )
    out["normal"] = out["normal"].where(out["normal"] != "", out["normal_in_file"])
    of_tumour = variants.groupby(["patient", "tumour"])
    callers = of_tumour["caller"].agg(lambda names: ",".join(sorted(set(names))))
    at = pd.MultiIndex.from_frame(out[["patient", "tumour"]])
    for name in STATUS_ORDER:
        n = variants[variants["status"] == name].groupby(["patient", "tumour"]).size()
        out[f"n_{name}"] = n.reindex(at, fill_value=0).to_numpy(np.int64)
    out["n_variants"] = out[[f"n_{name}" for name in STATUS_ORDER]].sum(axis=1)
    out["callers"] = callers.reindex(at, fill_value="").to_numpy()
    matched = of_tumour["has_normal"].all().reindex(at, fill_value=False).to_numpy(bool)
    out["has_normal"] = (out["normal"] != "") | matched
    regions = {
        path: {contigs.name(name) or name: bases for name, bases in read_bed(path).items()}
        for path in dict.fromkeys(out["callable"])
        if path
    }
    out = out.join(measure_burden(variants, out, regions, limits))
    has_reads = of_tumour["vaf"].count().reindex(at, fill_value=0).to_numpy() > 0
    out["verdict"] = [verdict(row) for row in out.itertuples()]
    out["not_assessed"] = [
        "; ".join(_not_assessed(row, bool(reads), has_reference))
        for row, reads in zip(out.itertuples(), has_reads, strict=True)
    ]
    return out


def verdict(row: Any) -> str:
    """One tumour in a sentence or two; ``row`` has the columns of ``tumours.parquet`` and ``has_normal``."""
    one = row.n_mutations == 1
    if row.has_normal:
        kind = N_("{n:,} somatic mutation") if one else N_("{n:,} somatic mutations")
    else:
        kind = N_("{n:,} variant, somatic or germline") if one else N_("{n:,} variants, somatic or germline")
    said = kind.format(n=row.n_mutations)
    if pd.notna(row.mutations_per_megabase):
        said = N_("{mutations}, {rate:.1f} per megabase of {callable:.1f} callable").format(
            mutations=said, rate=row.mutations_per_megabase, callable=row.callable_megabases
        )
    said = {
        "hypermutated": N_("{mutations}: hypermutated ({rule})."),
        "not_hypermutated": N_("{mutations}: not hypermutated (not {rule})."),
        "not_assessed": N_("{mutations}. Hypermutation was not assessed: {rule}."),
    }[row.hypermutation].format(mutations=said, rule=row.hypermutation_rule)
    if not row.has_normal:
        said += " " + N_("No matched normal: germline origin is not excluded.")
    if row.n_rejected:
        aside = N_("{rejected:,} of {alleles:,} alleles were set aside.")
        said += " " + aside.format(rejected=row.n_rejected, alleles=row.n_alleles)
    return said


def _not_assessed(row: Any, has_reads: bool, has_reference: bool) -> list[str]:
    topics = {
        N_("purity"): False,
        N_("germline origin"): bool(row.has_normal),
        N_("mutations per megabase"): pd.notna(row.mutations_per_megabase),
        N_("hypermutation"): row.hypermutation != "not_assessed",
        N_("nonsynonymous mutations"): pd.notna(row.n_nonsynonymous),
        N_("allele fractions"): has_reads or not row.n_variants,
        N_("reference alleles and left alignment"): has_reference,
    }
    return [topic for topic, assessed in topics.items() if not assessed]
