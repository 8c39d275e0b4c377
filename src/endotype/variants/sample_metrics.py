"""What is counted about each person, in one pass over the genotype store and one over the table of reads."""

from __future__ import annotations

import numpy as np
import pandas as pd

from endotype.cohort.assembly import par_regions, sex_chromosome
from endotype.errors import input_error
from endotype.variants.kernels import HET, HOM_ALT, HOM_REF, MISSING_CALL, count_by_class, sum_over_missing
from endotype.variants.pack import UNITS
from endotype.variants.plink import GenotypeStore

TRANSITIONS = {"AG", "GA", "CT", "TC"}

TRANSITION, TRANSVERSION, INSERTION, DELETION, OTHER = range(5)
"""Classes of autosomal variants. A variant that one person carries once is five further on."""

SINGLETON = 5
X_CLASS, Y_CLASS, N_CLASSES = 10, 11, 12
"""X and Y outside the pseudoautosomal regions. The mitochondrion and the PAR are in no class."""

BLOCK = 4096

MIN_CHARR_SITES = 100
"""Homozygous alternate calls needed to estimate contamination."""


def sample_metrics(
    store: GenotypeStore, kept: pd.DataFrame, reads: pd.DataFrame, assembly: str
) -> pd.DataFrame:
    """Everything that is counted about each person, one row each in the order of the .fam.

    Rates are over autosomal variants of the store. A measure that can't be computed is missing.

    Args:
        store: genotypes.
        kept: the rows of ``variant_qc.parquet`` that are kept, which are those of the store.
        reads: ``reads.parquet``.
        assembly: names the pseudoautosomal regions.

    Raises:
        InputError: the table of variants isn't that of the store.

    Returns:
        ``patient call_rate n_het n_hom_alt n_snv n_singleton ti_tv het_hom indel_ratio het_rate inbreeding
        y_call_rate mean_depth mean_genotype_quality x_depth_ratio y_depth_ratio contamination``.
        ``inbreeding`` is 1 - observed / expected heterozygotes by the cohort's frequencies (plink's F).
    """
    if len(kept) != store.n_variants:
        raise input_error(
            "variant_qc.parquet",
            f"{len(kept)} kept variants",
            f"the {store.n_variants} variants of the store",
        )
    kind = variant_classes(kept, assembly)
    counts = np.zeros((N_CLASSES, store.n_people, 4), np.int64)
    expected_when_all_called, heterozygosity = _expected_heterozygosity(kept, kind)
    not_called = np.zeros(store.n_people)
    for start in range(0, store.n_variants, BLOCK):
        rows = np.ascontiguousarray(store.packed[start : start + BLOCK])
        count_by_class(rows, kind[start : start + BLOCK], counts)
        sum_over_missing(rows, heterozygosity[start : start + BLOCK], not_called)
    autosomal = counts[:X_CLASS].sum(axis=0)
    carried = counts[:, :, HET] + counts[:, :, HOM_ALT]
    by_class = carried[:SINGLETON] + carried[SINGLETON:X_CLASS]
    called = autosomal[:, HOM_REF] + autosomal[:, HET] + autosomal[:, HOM_ALT]
    by_patient = reads.set_index("patient").reindex(store.people["iid"].to_numpy(str))
    also_called, also = (
        by_patient[name].fillna(0).to_numpy(float) for name in ("n_monomorphic_called", "n_monomorphic")
    )
    y = counts[Y_CLASS]
    table = pd.DataFrame({"patient": store.people["iid"].to_numpy(str)})
    table["call_rate"] = ratio(called + also_called, called + autosomal[:, MISSING_CALL] + also)
    table["n_het"], table["n_hom_alt"] = autosomal[:, HET], autosomal[:, HOM_ALT]
    table["n_snv"] = by_class[TRANSITION] + by_class[TRANSVERSION]
    table["n_singleton"] = carried[SINGLETON:X_CLASS].sum(axis=0)
    table["ti_tv"] = ratio(by_class[TRANSITION], by_class[TRANSVERSION])
    table["het_hom"] = ratio(autosomal[:, HET], autosomal[:, HOM_ALT])
    table["indel_ratio"] = ratio(by_class[INSERTION], by_class[DELETION])
    table["het_rate"] = ratio(autosomal[:, HET], called)
    table["inbreeding"] = 1 - ratio(autosomal[:, HET], expected_when_all_called - not_called)
    table["y_call_rate"] = ratio(y.sum(axis=1) - y[:, MISSING_CALL], y.sum(axis=1))
    for column, values in read_means(by_patient).items():
        table[column] = values
    return table


def variant_classes(kept: pd.DataFrame, assembly: str) -> np.ndarray:
    """Class of each variant, int8 (m,); -1 for those in no class."""
    ref, alt = kept["ref"].astype(str), kept["alt"].astype(str)
    longer = alt.str.len().to_numpy(int) - ref.str.len().to_numpy(int)
    snv = ((ref.str.len() == 1) & (alt.str.len() == 1)).to_numpy(bool)
    transition = (ref + alt).isin(TRANSITIONS).to_numpy(bool)
    kind = np.select(
        [snv & transition, snv, longer > 0, longer < 0],
        [TRANSITION, TRANSVERSION, INSERTION, DELETION],
        OTHER,
    ).astype(np.int8)
    kind[(kept["alt_count"] == 1).to_numpy(bool)] += SINGLETON
    names, pos = kept["chrom"].astype(str), kept["pos"].to_numpy()
    for contig in names.unique():
        chromosome = sex_chromosome(contig)
        if chromosome is None:
            continue
        on = (names == contig).to_numpy(bool)
        inside = np.zeros(len(kept), bool)
        for region in par_regions(assembly):
            if region.chrom == chromosome:
                inside |= on & (pos >= region.start) & (pos <= region.end)
        kind[on] = {"X": X_CLASS, "Y": Y_CLASS}.get(chromosome, -1)
        kind[inside] = -1
    return kind


def read_means(by_patient: pd.DataFrame) -> dict[str, np.ndarray]:
    """Means of ``reads.parquet``, float64 (n,) each; NaN where nothing was summed.

    Depth of X and Y is relative to that of the autosomes. ``contamination`` is CHARR (Lu et al. 2023,
    doi:10.1016/j.ajhg.2023.10.011): over homozygous alternate calls of common variants, the share of reads of
    the reference divided by how frequent the reference is elsewhere. Without frequencies of another
    population there are no such sums, and it isn't assessed: the cohort itself is too small to give them.
    """
    means = {
        name: ratio(by_patient[f"sum_{name}"].to_numpy(float) / UNITS, by_patient[f"n_{name}"])
        for name in ("depth", "quality", "charr", "depth_x", "depth_y")
    }
    enough = by_patient["n_charr"].to_numpy(float) >= MIN_CHARR_SITES
    return {
        "mean_depth": means["depth"],
        "mean_genotype_quality": means["quality"],
        "x_depth_ratio": means["depth_x"] / means["depth"],
        "y_depth_ratio": means["depth_y"] / means["depth"],
        "contamination": np.where(enough, means["charr"], np.nan),
    }


def _expected_heterozygosity(kept: pd.DataFrame, kind: np.ndarray) -> tuple[float, np.ndarray]:
    """2p(1-p) of each autosomal variant by the genotypes called, 0 elsewhere; and its sum."""
    hom_ref, het, hom_alt = (kept[name].to_numpy(float) for name in ("n_hom_ref", "n_het", "n_hom_alt"))
    p = ratio(het + 2 * hom_alt, 2 * (hom_ref + het + hom_alt))
    each = np.where((kind >= 0) & (kind < X_CLASS), np.nan_to_num(2 * p * (1 - p)), 0.0)
    return float(each.sum()), each


def ratio(numerator: object, denominator: object) -> np.ndarray:
    """Element by element, float64; NaN where the denominator isn't positive."""
    a, b = np.asarray(numerator, float), np.asarray(denominator, float)
    return np.divide(a, b, out=np.full(np.broadcast(a, b).shape, np.nan), where=b > 0)
