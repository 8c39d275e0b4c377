"""Quality of each person's genotypes, with a verdict and the reason for it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from endotype.cohort.assembly import par_regions, sex_chromosome
from endotype.files import write_json
from endotype.tables import read_parquet, write_parquet
from endotype.variants.ancestry import Ancestry, independent_variants, principal_components
from endotype.variants.kernels import HET, HOM_ALT, HOM_REF, MISSING_CALL, count_genotypes
from endotype.variants.pack import UNITS
from endotype.variants.plink import GenotypeStore, open_store
from endotype.variants.relatedness import MIN_SITES, declared_relationships, related_pairs

MIN_X_VARIANTS = 50
"""Common X variants needed to tell the sex."""

MALE_MIN_F, CLEARLY_MALE_MIN_F, FEMALE_MAX_F = 0.8, 0.95, 0.8
"""Inbreeding on X: males have no heterozygotes. Without a Y chromosome to look at, a male must be clear."""

MIN_CHARR_SITES = 100
"""Homozygous alternate calls needed to estimate contamination."""

TRANSITIONS = {"AG", "GA", "CT", "TC"}


@dataclass(frozen=True)
class Limits:
    """Thresholds of the verdicts (config section ``sample_qc``)."""

    min_call_rate: float = 0.9
    max_contamination: float = 0.05
    max_kinship: float = 0.177
    heterozygosity_mads: float = 6
    principal_components: int = 4


def qc_samples(
    prefix: str | Path,
    variant_qc: str | Path,
    reads: str | Path,
    people: str | Path,
    assembly: str,
    limits: Limits,
    out_dir: str | Path,
    pedigree: str | Path | None = None,
) -> None:
    """Write ``sample_qc.parquet``, ``relatedness.parquet``, ``ancestry.parquet`` and ``ancestry.json``.

    Args:
        prefix: genotype store.
        variant_qc, reads: tables of :mod:`endotype.variants.merge`.
        people: ``cohort/people.parquet``, for the declared sex.
        assembly: names the pseudoautosomal regions.
        limits: thresholds.
        out_dir: where to write.
        pedigree: PED file with the declared relationships.
    """
    out, store = Path(out_dir), open_store(prefix)
    table = sample_metrics(store, read_parquet(variant_qc), read_parquet(reads), assembly)
    sex = read_parquet(people, ["patient", "sex"]).set_index("patient")["sex"]
    table.insert(1, "declared_sex", sex.reindex(table["patient"]).fillna("unknown").to_numpy())

    autosomal = _autosomal(store)
    independent = independent_variants(store, autosomal)
    pairs = related_pairs(store, independent, declared_relationships(pedigree, store.people["iid"]))
    verdicts = _Verdicts(table, limits)
    verdicts.judge(pairs)

    fit = verdicts.usable() & ~_one_of_each_pair(pairs, table["patient"], limits.max_kinship)
    ancestry = principal_components(store, independent, fit, limits.principal_components)
    verdicts.judge_heterozygosity(ancestry, fit)
    write_parquet(verdicts.table(), out / "sample_qc.parquet")
    write_parquet(pairs, out / "relatedness.parquet")
    _write_ancestry(ancestry, table["patient"], fit, limits.principal_components, out)
    write_json(
        out / "ancestry.json",
        {
            "n_independent_variants": len(independent),
            "relatedness_assessed": len(independent) >= MIN_SITES,
            "relatedness_min_variants": MIN_SITES,
            "n_variants": ancestry.n_variants if ancestry else 0,
            "eigenvalues": ancestry.eigenvalues.tolist() if ancestry else [],
            "share_of_variance": ancestry.share.tolist() if ancestry else [],
            "n_people_in_fit": int(fit.sum()) if ancestry else 0,
        },
    )


def sample_metrics(
    store: GenotypeStore, variant_qc: pd.DataFrame, reads: pd.DataFrame, assembly: str
) -> pd.DataFrame:
    """Everything that is counted about each person, one row each in the order of the .fam.

    Rates are over autosomal variants of the store. A metric that can't be computed is missing.
    """
    kept = variant_qc[variant_qc["kept"]].reset_index(drop=True)
    autosomal = _autosomal(store)
    counts = _count(store, autosomal)
    called = counts[:, HOM_REF] + counts[:, HET] + counts[:, HOM_ALT]
    snv = ((kept["ref"].str.len() == 1) & (kept["alt"].str.len() == 1)).to_numpy(bool)
    transition = (kept["ref"] + kept["alt"]).isin(TRANSITIONS).to_numpy(bool)
    is_autosomal = np.zeros(len(kept), bool)
    is_autosomal[autosomal] = True
    ti = _carried(store, np.flatnonzero(is_autosomal & snv & transition))
    tv = _carried(store, np.flatnonzero(is_autosomal & snv & ~transition))
    single = (kept["alt_count"] == 1).to_numpy(bool)
    x_het, x_f = _x_heterozygosity(store, kept, assembly)
    y_variants = np.flatnonzero([sex_chromosome(c) == "Y" for c in kept["chrom"]])
    y_missing = _count(store, y_variants)[:, MISSING_CALL]
    table = pd.DataFrame({"patient": store.people["iid"].to_numpy(str)})
    table["x_het_rate"], table["x_inbreeding"] = x_het, x_f
    table["y_call_rate"] = _ratio(len(y_variants) - y_missing, np.full(len(table), len(y_variants)))
    table["inferred_sex"] = [
        infer_sex(f, y) for f, y in zip(table["x_inbreeding"], table["y_call_rate"], strict=True)
    ]
    table["call_rate"] = _ratio(called, called + counts[:, MISSING_CALL])
    table["n_het"], table["n_hom_alt"] = counts[:, HET], counts[:, HOM_ALT]
    table["n_singleton"] = _carried(store, np.flatnonzero(is_autosomal & single))
    table["ti_tv"] = _ratio(ti, tv)
    table["het_rate"] = _ratio(counts[:, HET], called)
    by_patient = reads.set_index("patient").reindex(table["patient"])
    for metric, count, total in (
        ("mean_depth", "n_depth", "sum_depth"),
        ("mean_genotype_quality", "n_quality", "sum_quality"),
        ("charr", "n_charr", "sum_charr"),
    ):
        table[metric] = _ratio(by_patient[total] / UNITS, by_patient[count])
    charr = table.pop("charr")
    table["contamination"] = np.where(by_patient["n_charr"] >= MIN_CHARR_SITES, charr, np.nan)
    return table


def infer_sex(inbreeding: float, y_call_rate: float) -> str:
    """Sex by X heterozygosity and, where there are Y variants, by whether they could be called.

    Returns ``male``, ``female``, ``ambiguous`` or, for want of X variants, ``not_assessed``.
    """
    if np.isnan(inbreeding):
        return "not_assessed"
    if np.isnan(y_call_rate):
        if inbreeding >= CLEARLY_MALE_MIN_F:
            return "male"
        return "female" if inbreeding < FEMALE_MAX_F else "ambiguous"
    has_y = y_call_rate >= 0.5
    if has_y and inbreeding >= MALE_MIN_F:
        return "male"
    return "female" if not has_y and inbreeding < FEMALE_MAX_F else "ambiguous"


class _Verdicts:
    """Collects, person by person, what speaks against the genotypes."""

    def __init__(self, metrics: pd.DataFrame, limits: Limits) -> None:
        self._metrics = metrics
        self._limits = limits
        self._failures: list[list[str]] = [[] for _ in range(len(metrics))]
        self._warnings: list[list[str]] = [[] for _ in range(len(metrics))]
        self._row = {patient: i for i, patient in enumerate(metrics["patient"])}

    def judge(self, pairs: pd.DataFrame) -> None:
        """Call rate, contamination, sex, duplicates, pedigree."""
        limits = self._limits
        for i, row in enumerate(self._metrics.to_dict("records")):
            if not row["call_rate"] >= limits.min_call_rate:
                self._failures[i].append(
                    f"call rate {row['call_rate']:.3f} is below {limits.min_call_rate:g}"
                )
            if row["contamination"] > limits.max_contamination:
                self._failures[i].append(
                    f"estimated contamination {row['contamination']:.3f} is above "
                    f"{limits.max_contamination:g}"
                )
            declared, inferred = row["declared_sex"], row["inferred_sex"]
            if {declared, inferred} == {"male", "female"}:
                self._failures[i].append(f"declared {declared}, but the genotypes are {inferred}")
            elif inferred == "ambiguous":
                self._warnings[i].append("the sex can't be told from the genotypes")
        for pair in pairs.to_dict("records"):
            self._judge_pair(pair["patient_a"], pair["patient_b"], pair["relationship"], pair["declared"])

    def _judge_pair(self, a: str, b: str, found: str, declared: str) -> None:
        for this, other in ((a, b), (b, a)):
            if found == "duplicate":
                self._failures[self._row[this]].append(
                    f"same genome as {other}: a duplicate, a swapped sample or an identical twin"
                )
            elif declared and declared != found:
                self._warnings[self._row[this]].append(
                    f"declared {declared} of {other}, but the genotypes say {found}"
                )

    def judge_heterozygosity(self, ancestry: Ancestry | None, fit: np.ndarray) -> None:
        """Heterozygosity far from what people of the same ancestry have, by median absolute deviations."""
        rate = self._metrics["het_rate"].to_numpy(float)
        if ancestry is None or fit.sum() < 20:
            return
        axes = np.column_stack([np.ones(len(rate)), ancestry.scores])
        coefficients, *_ = np.linalg.lstsq(axes[fit], rate[fit], rcond=None)
        residual = rate - axes @ coefficients
        center = np.median(residual[fit])
        mad = 1.4826 * np.median(np.abs(residual[fit] - center))
        for i, away in enumerate((residual - center) / mad if mad > 0 else np.zeros(len(rate))):
            if abs(away) > self._limits.heterozygosity_mads:
                self._warnings[i].append(f"heterozygosity is {away:+.1f} median absolute deviations off")

    def usable(self) -> np.ndarray:
        """Bool per person: nothing speaks strongly against the genotypes."""
        return np.array([not failures for failures in self._failures], bool)

    def table(self) -> pd.DataFrame:
        """The metrics with ``verdict``, ``reasons`` and ``in_statistics``."""
        order = (
            "patient declared_sex inferred_sex x_het_rate x_inbreeding y_call_rate call_rate n_het n_hom_alt"
        )
        order += " n_singleton ti_tv het_rate mean_depth mean_genotype_quality contamination"
        table = self._metrics[order.split()].copy()
        table["verdict"] = [
            "fail" if f else "warn" if w else "pass"
            for f, w in zip(self._failures, self._warnings, strict=True)
        ]
        table["reasons"] = ["; ".join(f + w) for f, w in zip(self._failures, self._warnings, strict=True)]
        table["in_statistics"] = self.usable()
        return table


def _one_of_each_pair(pairs: pd.DataFrame, patients: pd.Series, max_kinship: float) -> np.ndarray:
    """Bool per person: left out so that no pair closer than ``max_kinship`` stays whole.

    The person with most close relatives goes first; among equals the later id.
    """
    close = pairs[pairs["kinship"] > max_kinship]
    left = [set(pair) for pair in zip(close["patient_a"], close["patient_b"], strict=True)]
    out: set[str] = set()
    while left:
        degree: dict[str, int] = {}
        for pair in left:
            for person in pair:
                degree[person] = degree.get(person, 0) + 1
        worst = max(degree, key=lambda person: (degree[person], person))
        out.add(worst)
        left = [pair for pair in left if worst not in pair]
    return patients.isin(out).to_numpy(bool)


def _write_ancestry(
    ancestry: Ancestry | None, patients: pd.Series, fit: np.ndarray, n_components: int, out: Path
) -> None:
    table = pd.DataFrame({"patient": patients})
    for k in range(n_components):
        there = ancestry is not None and k < ancestry.scores.shape[1]
        table[f"pc{k + 1}"] = ancestry.scores[:, k] if ancestry is not None and there else np.nan
    table["used_for_fit"] = fit if ancestry is not None else False
    write_parquet(table, out / "ancestry.parquet")


def _autosomal(store: GenotypeStore) -> np.ndarray:
    kinds = {c: sex_chromosome(c) is None for c in store.variants["chrom"].unique()}
    return np.flatnonzero(store.variants["chrom"].map(kinds).to_numpy(bool))


def _count(store: GenotypeStore, variants: np.ndarray) -> np.ndarray:
    counts = np.zeros((store.n_people, 4), np.int64)
    for start in range(0, len(variants), 4096):
        rows = np.ascontiguousarray(store.packed[variants[start : start + 4096]])
        counts += count_genotypes(rows, store.n_people)
    return counts


def _carried(store: GenotypeStore, variants: np.ndarray) -> np.ndarray:
    counts = _count(store, variants)
    return counts[:, HET] + counts[:, HOM_ALT]


def _x_heterozygosity(
    store: GenotypeStore, kept: pd.DataFrame, assembly: str
) -> tuple[np.ndarray, np.ndarray]:
    """Heterozygous rate and inbreeding coefficient over common X variants outside the PAR."""
    par = [(start, end) for chrom, start, end in par_regions(assembly) if sex_chromosome(chrom) == "X"]
    on_x = np.array([sex_chromosome(c) == "X" for c in kept["chrom"]], bool)
    for start, end in par:
        on_x &= ~kept["pos"].between(start, end).to_numpy(bool)
    common = kept["alt_freq"].between(0.05, 0.95).to_numpy(bool)
    variants = np.flatnonzero(on_x & common)
    n = store.n_people
    if len(variants) < MIN_X_VARIANTS:
        return np.full(n, np.nan), np.full(n, np.nan)
    p = kept["alt_freq"].to_numpy(float)[variants]
    expected, observed, called = np.zeros(n), np.zeros(n), np.zeros(n)
    for start in range(0, len(variants), 1024):
        block = slice(start, start + 1024)
        dosage = store.dosages(variants[block])
        there = dosage >= 0
        expected += there.T @ (2 * p[block] * (1 - p[block]))
        observed += (dosage == 1).sum(axis=0)
        called += there.sum(axis=0)
    return _ratio(observed, called), 1 - _ratio(observed, expected)


def _ratio(numerator: object, denominator: object) -> np.ndarray:
    a, b = np.asarray(numerator, float), np.asarray(denominator, float)
    return np.divide(a, b, out=np.full(a.shape, np.nan), where=b > 0)
