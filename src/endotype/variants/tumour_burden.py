"""How many somatic mutations a tumour has, and whether that is hypermutation.

Per megabase, when it is known where mutations could have been seen: more than 10 a megabase (Campbell et
al. 2017, Cell 171:1042, doi:10.1016/j.cell.2017.09.048; the limit is configurable). Otherwise against the
other tumours of the cohort: more than *k* scaled median absolute deviations above the median of log10
counts (Leys et al. 2013, J Exp Soc Psychol 49:764: k = 3), of at least 20 tumours. Fewer: not assessed.
A count of mutations of one tumour alone says nothing, because it depends on what was sequenced.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from endotype.variants.intervals import Intervals, bases_within

MIN_TUMOURS = 20
"""Fewer tumours than these say nothing about outliers."""

MAD_TO_SD = 1.4826
"""A median absolute deviation times this is the standard deviation of a normal distribution."""

NONSYNONYMOUS = frozenset(
    {
        "Missense_Mutation", "Nonsense_Mutation", "Nonstop_Mutation", "Splice_Site", "Translation_Start_Site",
        "Frame_Shift_Del", "Frame_Shift_Ins", "In_Frame_Del", "In_Frame_Ins",
        "De_novo_Start_InFrame", "De_novo_Start_OutOfFrame",
        "Start_Codon_SNP", "Start_Codon_Del", "Start_Codon_Ins", "Stop_Codon_Del", "Stop_Codon_Ins",
    }
)  # fmt: skip
"""Words of a MAF's Variant_Classification (GDC's and Oncotator's) that change the protein or its splicing."""

COUNTED = ("somatic", "somatic_or_germline")
"""Statuses that count as mutations: what passed the filters and isn't called germline."""


@dataclass(frozen=True)
class BurdenLimits:
    """When a tumour is hypermutated.

    Attributes:
        callable_megabases: size of what was sequenced, of tumours without a BED file; ``None``: not known.
        per_megabase: more mutations a megabase than these.
        mads: more scaled MADs above the median of log10 counts than these.
    """

    callable_megabases: float | None = None
    per_megabase: float = 10.0
    mads: float = 3.0


BURDEN_TYPES = {
    "n_mutations": "int64", "n_snv": "int64", "n_mnv": "int64", "n_indel": "int64",
    "n_nonsynonymous": "Int64", "n_callable": "Int64", "callable_megabases": "float64",
    "mutations_per_megabase": "float64", "median_vaf": "float64",
    "hypermutation": "str", "hypermutation_rule": "str",
}  # fmt: skip


def measure_burden(
    variants: pd.DataFrame,
    tumours: pd.DataFrame,
    regions: Mapping[str, Mapping[str, Intervals]],
    limits: BurdenLimits,
) -> pd.DataFrame:
    """Count the mutations of every tumour and look for hypermutation.

    Args:
        variants: one row per tumour and variant, with ``patient tumour chrom pos ref alt status
            classification vaf``.
        tumours: one row per tumour, with ``patient tumour callable has_normal``.
        regions: BED path -> contig, named as in ``variants`` -> callable bases.
        limits: see there.

    Returns:
        A row per row of ``tumours``, in its order, with the columns of ``BURDEN_TYPES``.
        ``n_nonsynonymous`` is null for a tumour of which no mutation is classified (a VCF says nothing).
        ``n_callable``: mutations inside the callable regions; it and the burden per megabase are null when
        the regions' size isn't known.
    """
    counted = variants[variants["status"].isin(COUNTED)]
    n_ref, n_alt = (counted[c].where(counted[c] != "-", "").str.len() for c in ("ref", "alt"))
    flags = counted[["patient", "tumour", "vaf"]].assign(
        n_mutations=1,
        n_snv=(n_ref == 1) & (n_alt == 1),
        n_mnv=(n_ref == n_alt) & (n_ref > 1),
        n_indel=n_ref != n_alt,
        n_nonsynonymous=counted["classification"].isin(NONSYNONYMOUS),
        n_classified=counted["classification"] != "",
    )
    grouped = flags.groupby(["patient", "tumour"])
    at = pd.MultiIndex.from_frame(tumours[["patient", "tumour"]])
    sums = grouped[list(flags.columns[3:])].sum().reindex(at, fill_value=0)
    out = sums.astype("Int64").reset_index(drop=True)
    out["n_nonsynonymous"] = out["n_nonsynonymous"].where(out.pop("n_classified") > 0)
    out["median_vaf"] = grouped["vaf"].median().reindex(at).to_numpy(float)
    sizes = [_callable(row, counted, regions, limits) for row in tumours.itertuples()]
    out["n_callable"] = pd.array([n for n, _ in sizes], dtype="Int64")
    out["n_callable"] = out["n_callable"].fillna(out["n_mutations"])
    out["callable_megabases"] = np.array([size for _, size in sizes], dtype=float)
    out["n_callable"] = out["n_callable"].where(out["callable_megabases"] > 0)
    out["mutations_per_megabase"] = (out["n_callable"] / out["callable_megabases"]).astype("Float64")
    out["hypermutation"], out["hypermutation_rule"] = _judge(
        out, tumours["has_normal"].to_numpy(bool), limits
    )
    return out[list(BURDEN_TYPES)].astype(BURDEN_TYPES)


def _callable(
    row: Any,
    counted: pd.DataFrame,
    regions: Mapping[str, Mapping[str, Intervals]],
    limits: BurdenLimits,
) -> tuple[int | None, float | None]:
    """Mutations of a tumour inside its callable regions (``None``: all of them), and their size in Mb."""
    if not row.callable:
        return None, limits.callable_megabases
    mine = counted[(counted["patient"] == row.patient) & (counted["tumour"] == row.tumour)]
    bases = regions[row.callable]
    inside = sum(
        int(bases_within(at, at, *bases[str(chrom)]).sum())
        for chrom, positions in mine.groupby("chrom", sort=False)["pos"]
        if str(chrom) in bases
        for at in [positions.to_numpy(np.int64)]
    )
    return inside, sum(int((end - start + 1).sum()) for start, end in bases.values()) / 1e6


def _judge(burden: pd.DataFrame, has_normal: np.ndarray, limits: BurdenLimits) -> tuple[list[str], list[str]]:
    """The verdict on each tumour and the rule behind it.

    Without a matched normal the count holds germline variants too. It is an upper bound: below the limit
    per megabase a tumour isn't hypermutated, above it nobody knows. Outliers are looked for among tumours
    of the same kind only, where germline variants are in all counts alike.
    """
    verdicts, rules = [], []
    per_megabase = burden["mutations_per_megabase"].to_numpy(float)
    counts = burden["n_mutations"].to_numpy(int)
    outlier = {kind: outlier_limit(counts[has_normal == kind], limits.mads) for kind in (True, False)}
    n_of_kind = {kind: int((has_normal == kind).sum()) for kind in (True, False)}
    for rate, count, matched in zip(per_megabase, counts, has_normal.tolist(), strict=True):
        limit = outlier[matched]
        if np.isfinite(rate):
            above = rate > limits.per_megabase
            rule = f"more than {limits.per_megabase:g} mutations per megabase"
            if above and not matched:
                verdicts.append("not_assessed")
                rules.append(f"{rule}, but without a matched normal the count holds germline variants")
                continue
        elif limit is not None:
            above = count > limit
            rule = (
                f"more than {limit:.0f} mutations, {limits.mads:g} median absolute deviations above the "
                f"median of log10 counts of the {n_of_kind[matched]} tumours "
                f"{'with' if matched else 'without'} a matched normal"
            )
        else:
            verdicts.append("not_assessed")
            few = n_of_kind[matched] < MIN_TUMOURS
            why = (
                f"fewer than {MIN_TUMOURS} such tumours" if few else "half of the tumours have the same count"
            )
            rules.append(f"the callable size is not known, and {why} in the cohort")
            continue
        verdicts.append("hypermutated" if above else "not_hypermutated")
        rules.append(rule)
    return verdicts, rules


def outlier_limit(counts: np.ndarray, mads: float) -> float | None:
    """The count above which a tumour is an outlier; ``None`` when that can't be said.

    10 to the power of median + ``mads`` x 1.4826 x MAD of log10(count), where a count of 0 is taken as 1.
    """
    if len(counts) < MIN_TUMOURS:
        return None
    logs = np.log10(np.maximum(counts, 1))
    median = float(np.median(logs))
    mad = float(np.median(np.abs(logs - median)))
    return 10 ** (median + mads * MAD_TO_SD * mad) if mad > 0 else None
