"""A normalised shard to packed genotypes: genotype filters, site filters, counts.

One pass over the BCF. Each variant gets a row in the QC table, kept or not; those kept are packed, 2 bits a
call. Per-person sums that need more than the genotype (depth, quality, reads of the reference at
homozygous alternate calls) are taken in the same pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from cyvcf2 import VCF

from endotype.cohort.assembly import par_regions, sex_chromosome
from endotype.tables import read_parquet, write_parquet
from endotype.variants.kernels import decode_calls, hardy_weinberg, log_factorials
from endotype.variants.normalise import Window, parse_region
from endotype.variants.plink import StoreWriter, pack

QC_DTYPES = {
    "variant_id": "str",
    "chrom": "str",
    "pos": "int64",
    "ref": "str",
    "alt": "str",
    "site_filter": "str",
    "kept": "bool",
    "reason": "str",
    "n_called": "int64",
    "n_missing": "int64",
    "n_hom_ref": "int64",
    "n_het": "int64",
    "n_hom_alt": "int64",
    "alt_count": "int64",
    "allele_number": "int64",
    "alt_freq": "float64",
    "call_rate": "float64",
    "hwe_neg_log10_p": "float64",
    "n_genotypes_masked": "int64",
}

UNITS = 2**20
"""Sums of reads and qualities are whole numbers of this part of one."""

READ_COLUMNS = ["n_depth", "sum_depth", "n_quality", "sum_quality", "n_charr", "sum_charr"]


@dataclass(frozen=True)
class Filters:
    """Which calls and sites are trusted (config section ``variants``)."""

    pass_filters: tuple[str, ...] = ("PASS",)
    min_quality: float = 0
    min_genotype_quality: float = 20
    min_depth: float = 10
    min_call_rate: float = 0.9
    min_hwe_p: float = 1e-10


class _ReadSums:
    """Per-person sums over calls: depth, genotype quality, CHARR terms.

    Kept as whole numbers, the sums in units of 1 / ``UNITS``, so that they don't depend on how the genome
    was cut into shards.
    """

    def __init__(self, n_people: int) -> None:
        self.values = np.zeros((n_people, len(READ_COLUMNS)), np.int64)

    def add(self, dosage: np.ndarray, call: _Call, frequency: float | None) -> None:
        """Add one variant; ``frequency`` of ALT elsewhere, or ``None`` where CHARR leaves the site out."""
        called = dosage >= 0
        for column, values in ((0, call.depth), (2, call.quality)):
            self._add(column, called & np.isfinite(values), values)
        if frequency is None or call.allele_depths is None:
            return
        reference_frequency = 1 - frequency
        if not 0.05 < reference_frequency < 0.95:
            return
        reads = call.allele_depths
        total = reads[:, 0] + reads[:, 1]
        use = (dosage == 2) & (reads[:, 0] >= 0) & (total >= 10) & (total <= 100)
        self._add(4, use, reads[:, 0] / np.maximum(total, 1) / reference_frequency)

    def _add(self, column: int, use: np.ndarray, values: np.ndarray) -> None:
        self.values[use, column] += 1
        self.values[use, column + 1] += np.rint(values[use].astype(np.float64) * UNITS).astype(np.int64)


@dataclass(frozen=True)
class _Call:
    """FORMAT values of one variant; NaN where a person has none."""

    alleles: np.ndarray
    depth: np.ndarray
    quality: np.ndarray
    allele_depths: np.ndarray | None


def pack_region(
    bcf: str | Path,
    region: str,
    people: str | Path,
    assembly: str,
    filters: Filters,
    prefix: str | Path,
    frequencies: str | Path | None = None,
) -> None:
    """:func:`pack_shard` with the declared sex of ``cohort/people.parquet``."""
    declared = read_parquet(people, ["patient", "sex"]).set_index("patient")["sex"]
    sex = declared.reindex(VCF(str(bcf)).samples).fillna("unknown").tolist()
    pack_shard(bcf, parse_region(region), sex, assembly, filters, prefix, frequencies)


def pack_shard(
    bcf: str | Path,
    window: Window,
    sex: Sequence[str],
    assembly: str,
    filters: Filters,
    prefix: str | Path,
    frequencies: str | Path | None = None,
) -> None:
    """Write one shard's genotype store, QC table and per-person sums.

    Args:
        bcf: normalised shard; its samples are the patients.
        window: the shard's place, used to read only its part of ``frequencies``.
        sex: declared sex of each sample, ``male``, ``female`` or ``unknown``: decides who is haploid where.
        assembly: names the pseudoautosomal regions.
        filters: what is trusted.
        prefix: writes ``prefix.bed/.bim/.fam``, ``prefix.qc.parquet``, ``prefix.reads.parquet``.
        frequencies: Parquet with ``chrom pos ref alt allele_frequency`` of an external population, for
            contamination; without it the CHARR sums stay 0.
    """
    reader = VCF(str(bcf), gts012=False)
    people = list(reader.samples)
    known = _external_frequencies(frequencies, window)
    haploid_on = _HaploidRule(np.array(sex), assembly)
    lf = log_factorials(2 * len(people))
    sums = _ReadSums(len(people))
    rows: list[dict[str, object]] = []
    dosage, ploidy = np.empty(len(people), np.int8), np.empty(len(people), np.int8)
    with StoreWriter(prefix, fam_table(people, sex)) as store:
        for variant in reader:
            call = _read_call(variant, len(people))
            haploid = haploid_on(variant.CHROM, variant.POS)
            masked = decode_calls(
                call.alleles,
                haploid,
                call.quality,
                call.depth,
                filters.min_genotype_quality,
                filters.min_depth,
                dosage,
                ploidy,
            )
            row, excess = _qc_row(variant, dosage, ploidy, haploid, lf)
            row["n_genotypes_masked"] = masked
            row["reason"] = _site_fault(row, variant.QUAL, excess, filters)
            row["kept"] = not row["reason"]
            rows.append(row)
            if row["kept"]:
                store.append(pack(dosage[None]))
                key = (variant.POS, variant.REF, variant.ALT[0])
                snv = len(variant.REF) == len(variant.ALT[0]) == 1
                if snv and sex_chromosome(variant.CHROM) is None:
                    sums.add(dosage, call, known.get(key))
                else:
                    sums.add(dosage, call, None)
        qc = pd.DataFrame(rows, columns=list(QC_DTYPES)).astype(QC_DTYPES)
        store.finish(bim_table(qc))
    write_parquet(qc, f"{prefix}.qc.parquet")
    reads = pd.DataFrame(sums.values, columns=READ_COLUMNS)
    write_parquet(reads.assign(patient=people)[["patient", *READ_COLUMNS]], f"{prefix}.reads.parquet")


def bim_table(variant_qc: pd.DataFrame) -> pd.DataFrame:
    """The rows of a .bim: the kept variants of a QC table."""
    kept = variant_qc[variant_qc["kept"]]
    return (
        kept[["chrom", "variant_id", "pos", "alt", "ref"]].rename(columns={"variant_id": "id"}).assign(cm="0")
    )


def fam_table(people: Sequence[str], sex: Sequence[str]) -> pd.DataFrame:
    """The rows of a .fam: FID 0, IID the patient, sex 1 male, 2 female, 0 unknown, no phenotype."""
    code = pd.Series(list(sex), dtype="str").map({"male": "1", "female": "2"}).fillna("0")
    return pd.DataFrame({"fid": "0", "iid": list(people), "father": "0", "mother": "0"}).assign(
        sex=code.to_numpy(), phenotype="-9"
    )


class _HaploidRule:
    """Who carries one copy of a site: everybody on MT; on X and Y outside the PAR, declared males."""

    def __init__(self, sex: np.ndarray, assembly: str) -> None:
        self._male = sex == "male"
        self._none = np.zeros(len(sex), bool)
        self._all = np.ones(len(sex), bool)
        self._par = par_regions(assembly)

    def __call__(self, chrom: str, pos: int) -> np.ndarray:
        kind = sex_chromosome(chrom)
        if kind is None:
            return self._none
        if kind == "MT":
            return self._all
        in_par = any(sex_chromosome(c) == kind and start <= pos <= end for c, start, end in self._par)
        return self._none if in_par else self._male


def _read_call(variant: VCF, n: int) -> _Call:
    return _Call(
        alleles=variant.genotype.array()[:, :-1]
        if variant.genotype is not None
        else np.full((n, 2), -1, "i2"),
        depth=_scalar_format(variant, "DP", n),
        quality=_scalar_format(variant, "GQ", n),
        allele_depths=_allele_depths(variant),
    )


def _scalar_format(variant: VCF, key: str, n: int) -> np.ndarray:
    """A FORMAT value per person as float32, NaN where it is missing or not in the record."""
    values = variant.format(key) if key in variant.FORMAT else None
    if values is None or values.dtype.kind not in "if":
        return np.full(n, np.nan, np.float32)
    numbers = values[:, 0].astype(np.float32)
    numbers[numbers < 0] = np.nan
    return numbers


def _allele_depths(variant: VCF) -> np.ndarray | None:
    depths = variant.format("AD") if "AD" in variant.FORMAT else None
    if depths is None or depths.dtype.kind != "i" or depths.shape[1] != 2:
        return None
    return depths


def _qc_row(
    variant: VCF, dosage: np.ndarray, ploidy: np.ndarray, haploid: np.ndarray, lf: np.ndarray
) -> tuple[dict[str, object], float]:
    """The counts of one variant, and -log10 p of the test for too many heterozygotes."""
    chrom, pos, ref, alt = variant.CHROM, variant.POS, variant.REF, variant.ALT[0]
    counts = np.bincount(dosage + 1, minlength=4)
    copies = ploidy.astype(np.int64)
    alt_count = int((dosage.astype(np.int64) * copies)[dosage > 0].sum()) // 2
    number = int(copies.sum())
    # A Y chromosome is not there to be called in people who have none.
    eligible = haploid.sum() if sex_chromosome(chrom) == "Y" else len(dosage)
    called = int((dosage >= 0).sum())
    eligible = max(int(eligible), called)
    diploid = dosage[ploidy == 2]
    n_ref, n_het, n_alt = (np.array([(diploid == d).sum()]) for d in (0, 1, 2))
    two_sided, excess = hardy_weinberg(n_ref, n_het, n_alt, lf)
    row: dict[str, object] = {
        "variant_id": f"{chrom}:{pos}:{ref}:{alt}",
        "chrom": chrom,
        "pos": pos,
        "ref": ref,
        "alt": alt,
        "site_filter": variant.FILTER or "PASS",
        "n_called": called,
        "n_missing": eligible - called,
        "n_hom_ref": int(counts[1]),
        "n_het": int(counts[2]),
        "n_hom_alt": int(counts[3]),
        "alt_count": alt_count,
        "allele_number": number,
        "alt_freq": alt_count / number if number else np.nan,
        "call_rate": called / eligible if eligible else np.nan,
        "hwe_neg_log10_p": two_sided[0],
    }
    return row, float(excess[0])


def _site_fault(
    row: dict[str, object], quality: float | None, excess_heterozygotes: float, filters: Filters
) -> str:
    """Why a site is left out of the store, the first reason that holds; empty if it is kept."""
    site_filters = str(row["site_filter"]).split(";")
    if not set(site_filters) <= {*filters.pass_filters, "PASS"}:
        return "site_filter"
    if quality is not None and quality < filters.min_quality:
        return "low_quality"
    if not row["n_called"]:
        return "no_calls"
    if row["call_rate"] < filters.min_call_rate:  # type: ignore[operator]
        return "low_call_rate"
    if not row["alt_count"]:
        return "not_carried"
    # Too few heterozygotes is what mixed ancestry gives; too many is what mismapped reads give.
    if excess_heterozygotes > -np.log10(filters.min_hwe_p):
        return "heterozygote_excess"
    return ""


def _external_frequencies(path: str | Path | None, window: Window) -> dict[tuple[int, str, str], float]:
    if path is None:
        return {}
    table = read_parquet(path)
    here = table[(table["chrom"] == window.chrom) & table["pos"].between(window.start, window.end)]
    here = here[here["allele_frequency"].notna()]
    return dict(
        zip(zip(here["pos"], here["ref"], here["alt"], strict=True), here["allele_frequency"], strict=True)
    )
