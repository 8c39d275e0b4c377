"""Results as GWAS-SSF, the summary-statistics format of the GWAS Catalog: a table and its metadata.

Format: https://github.com/EBISPOT/gwas-summary-statistics-standard (Hayhurst et al. 2022). The Catalog wants
-log10 p or p, alleles of bases only, a statistic in every row, and all 22 autosomes in a file.
"""

from __future__ import annotations

import datetime
import gzip
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq
import yaml

from endotype.association.result_files import read_rows, require_result
from endotype.association.statement import DOSAGE_CODING, EFFECTS
from endotype.cohort.assembly import bare_name
from endotype.errors import input_error
from endotype.files import atomic_path, write_text
from endotype.tables import write_tsv

VERSION = "GWAS-SSF v1.0"

NOT_AVAILABLE = "#NA"
"""How the format writes a value that is not there."""

LEFT_OUT_COLUMNS = {"id": "str", "chrom": "str", "pos": "Int64", "status": "str", "reason": "str"}
"""Columns of the table of rows that the format has no place for."""

_CHROMOSOMES = {str(i): i for i in range(1, 23)} | {
    "X": 23, "XY": 23, "PAR1": 23, "PAR2": 23, "23": 23, "Y": 24, "24": 24, "M": 25, "MT": 25, "25": 25,
}  # fmt: skip
_BASES = "ACGTacgt"

_COLUMNS = [
    "id", "chrom", "pos", "effect_allele", "other_allele", "n", "eaf", "beta", "se", "neg_log10_p", "status",
]  # fmt: skip


@dataclass(frozen=True)
class StudyMetadata:
    """What the metadata file says that the results don't.

    Attributes:
        trait: description of the trait.
        kind: ``linear``, ``logistic`` or ``cox``.
        genome_assembly: as the GWAS Catalog names it, e.g. ``GRCh38``.
        date: of the last change, ``YYYY-MM-DD``; it is not taken from the clock.
        n_cases: people with the event or disease; None for a quantitative trait.
        covariates: adjusted for.
        ancestry: of the samples, the Catalog's categories; empty where not reported.
        statement: what was done about missing data, relatives and multiple testing.
    """

    trait: str
    kind: str
    genome_assembly: str
    date: str
    n: int
    n_cases: int | None = None
    n_controls: int | None = None
    covariates: tuple[str, ...] = ()
    ancestry: tuple[str, ...] = ()
    genotyping_technology: tuple[str, ...] = ()
    sex: str = "NR"
    minor_allele_frequency_limit: float | None = None
    statement: str = ""


def write_gwas_ssf(
    results: str | Path,
    trait: str,
    out: str | Path,
    study: StudyMetadata,
    *,
    left_out: str | Path,
    log_p: bool = True,
) -> dict[str, int]:
    """Write the results of one trait as GWAS-SSF, with ``OUT-meta.yaml`` beside it.

    Rows are sorted by chromosome and position; one chromosome is in memory at a time.

    Args:
        results: of :func:`~endotype.association.scan.associate`, or ``association/{trait}.parquet``; rows in
            any order.
        trait: whose rows are taken, where the result has those of several.
        out: ``.tsv`` or ``.tsv.gz``.
        study: for the metadata.
        left_out: TSV of the rows that are not in ``out``, with :data:`LEFT_OUT_COLUMNS`.
        log_p: write ``neg_log_10_p_value``, which does not underflow; else ``p_value``, in decimal digits
            that don't underflow either.

    Returns:
        Numbers of rows: ``in``, ``written``, and ``left_out``, which add up.

    Raises:
        InputError: another suffix, a date that is none, or a result without its columns or a chromosome.
    """
    out = Path(out)
    if not out.name.endswith((".tsv", ".tsv.gz")):
        raise input_error(out, f"the name {out.name}", "a name ending in .tsv or .tsv.gz")
    if not is_date(study.date):
        raise input_error("the metadata", f"the date '{study.date}'", "YYYY-MM-DD")
    require_result(results, _COLUMNS)
    gone: list[pd.DataFrame] = []
    written = 0
    with atomic_path(out) as path, path.open("wb") as raw:
        stream = gzip.GzipFile("", "wb", 6, raw, mtime=0) if out.suffix == ".gz" else raw
        for header, names in enumerate(_contigs(results, trait)):
            frame = read_rows(results, trait, _COLUMNS, [("chrom", "in", names)]).astype({"chrom": "str"})
            reasons = _why_left_out(frame)
            keep = reasons == ""
            table = _gwas_ssf(frame[keep], log_p)
            gone.append(frame.loc[~keep, ["id", "chrom", "pos", "status"]].assign(reason=reasons[~keep]))
            written += len(table)
            options = pa.csv.WriteOptions(
                include_header=header == 0, delimiter="\t", quoting_style="none", quoting_header="none"
            )
            pa.csv.write_csv(table, stream, options)
        if stream is not raw:
            stream.close()
    left = pd.concat(gone, ignore_index=True)[list(LEFT_OUT_COLUMNS)].astype(LEFT_OUT_COLUMNS)
    write_tsv(left, left_out)
    text = yaml.safe_dump(_metadata(out, study), sort_keys=False, allow_unicode=True, width=1000)
    write_text(out.with_name(f"{out.name}-meta.yaml"), text)
    return {"in": _count(results, trait), "written": written, "left_out": len(left)}


def is_date(text: str) -> bool:
    """Whether a text is a day as ``YYYY-MM-DD``."""
    try:
        return len(text) == 10 and bool(datetime.date.fromisoformat(text))
    except ValueError:
        return False


def _count(results: str | Path, trait: str) -> int:
    """Rows of a trait, counted apart from those that were written."""
    if "trait" not in pq.read_schema(results).names:
        return pq.read_metadata(results).num_rows
    batches = pq.ParquetFile(results).iter_batches(columns=["trait"])
    return sum(pc.sum(pc.equal(batch.column(0), trait)).as_py() or 0 for batch in batches)


def _contigs(results: str | Path, trait: str) -> list[list[str]]:
    """Names of contigs that share a number of the format, in its order; those without one last.

    There is a list, if an empty one, for a result without rows, whose table has a header all the same.
    """
    schema = pq.read_schema(results)
    columns = ["chrom", *(["trait"] if "trait" in schema.names else [])]
    seen: dict[str, None] = {}
    for batch in pq.ParquetFile(results).iter_batches(columns=columns):
        chosen = batch if len(columns) == 1 else batch.filter(pc.equal(batch.column("trait"), trait))
        seen |= dict.fromkeys(chosen.column("chrom").unique().to_pylist())
    if None in seen:
        raise input_error(results, "a row without a chromosome", "a name in column chrom of every row")
    names = pd.Series(list(seen), dtype="str")
    number = _bare(names).map(_CHROMOSOMES).fillna(len(_CHROMOSOMES) + 1)
    return [group.tolist() for _, group in names.groupby(number, sort=True)] or [[""]]


def _bare(chrom: pd.Series) -> pd.Series:
    return chrom.map({name: bare_name(name).upper() for name in chrom.unique()}).astype("str")


def _why_left_out(frame: pd.DataFrame) -> pd.Series:
    """The reason of each row, empty for those that stay."""
    chrom = _bare(frame["chrom"])
    numbers = frame[["beta", "se", "neg_log10_p", "eaf"]].to_numpy("float64", na_value=np.nan)
    reasons = np.select(
        [
            ~np.isfinite(numbers).all(axis=1),
            ~chrom.isin(_CHROMOSOMES),
            ~(_is_bases(frame["effect_allele"]) & _is_bases(frame["other_allele"])),
        ],
        ["no statistic", "a contig without a number in the format", "an allele that is not made of bases"],
        "",
    )
    return pd.Series(reasons, index=frame.index, dtype="str")


def _is_bases(alleles: pd.Series) -> np.ndarray:
    return (alleles.str.len().gt(0) & alleles.str.strip(_BASES).eq("")).to_numpy(bool, na_value=False)


def _gwas_ssf(frame: pd.DataFrame, log_p: bool) -> pa.Table:
    """Rows that stay, in the columns and the order of the format."""
    frame = frame.assign(chromosome=_bare(frame["chrom"]).map(_CHROMOSOMES).astype("int64"))
    frame = frame.sort_values(["chromosome", "pos", "effect_allele"], kind="stable")
    effect, other = frame["effect_allele"].str.upper(), frame["other_allele"].str.upper()
    place = frame["chromosome"].replace({23: "X", 24: "Y", 25: "MT"}).astype(str)
    variant_id = place + "_" + frame["pos"].astype(str) + "_" + other + "_" + effect
    rsid = frame["id"].where(frame["id"].str.fullmatch(r"rs[0-9]+"), NOT_AVAILABLE)
    neg_log10_p = frame["neg_log10_p"].to_numpy(float)
    columns: dict[str, Any] = {
        "chromosome": frame["chromosome"],
        "base_pair_location": frame["pos"].astype("int64"),
        "effect_allele": effect,
        "other_allele": other,
        "beta": frame["beta"],
        "standard_error": frame["se"],
        "effect_allele_frequency": frame["eaf"],
        "neg_log_10_p_value": neg_log10_p,
        "variant_id": variant_id,
        "rsid": rsid,
        "ref_allele": pd.Series("OA", index=frame.index),
        "n": frame["n"].astype("int64"),
    }
    if not log_p:
        columns = {
            ("p_value" if k == "neg_log_10_p_value" else k): (
                [decimal_p(v) for v in neg_log10_p] if k == "neg_log_10_p_value" else v
            )
            for k, v in columns.items()
        }
    arrays = {
        name: pa.array(np.asarray(values), pa.string() if np.asarray(values).dtype == object else None)
        for name, values in columns.items()
    }
    return pa.table(arrays)


def decimal_p(neg_log10_p: float) -> str:
    """p as decimal digits, also where a double would be zero: 400.5 gives ``3.16228e-401``."""
    if neg_log10_p < 300:
        return f"{10.0**-neg_log10_p:.6g}"
    exponent = int(np.floor(-neg_log10_p))
    mantissa = f"{10.0 ** (-neg_log10_p - exponent):.6g}"
    if mantissa == "10":  # rounded up
        mantissa, exponent = "1", exponent + 1
    return f"{mantissa}e{exponent}"


def _metadata(out: Path, study: StudyMetadata) -> dict[str, Any]:
    """The metadata file; what is not known is not in it."""
    sample: dict[str, Any] = {"sample_size": study.n}
    if study.ancestry:
        sample["sample_ancestry"] = list(study.ancestry)
    sample["case_control_study"] = study.n_cases is not None
    if study.n_cases is not None:
        sample |= {"case_count": study.n_cases, "control_count": study.n_controls}
    with out.open("rb") as stream:
        checksum = hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    metadata: dict[str, Any] = {
        "author_notes": " ".join(filter(None, [DOSAGE_CODING, EFFECTS[study.kind], study.statement])),
        "date_metadata_last_modified": study.date,
        "trait_description": [study.trait],
        "genome_assembly": study.genome_assembly,
        "coordinate_system": "1-based",
        "genotyping_technology": list(study.genotyping_technology) or None,
        "samples": [sample],
        "sex": study.sex,
        "data_file_name": out.name,
        "file_type": VERSION,
        "data_file_md5sum": checksum,
        "analysis_software": "Endotype",
        "adjusted_covariates": list(study.covariates) or None,
        "minor_allele_freq_lower_limit": study.minor_allele_frequency_limit,
        "is_harmonised": False,
        "is_sorted": True,
    }
    return {key: value for key, value in metadata.items() if value is not None}
