"""Which associations are significant, and which of them are one and the same locus."""

from __future__ import annotations

import numpy as np
import pandas as pd

from endotype.association.genome_order import genome_rank

LOCUS_COLUMNS = {
    "trait": "str", "kind": "str", "id": "str", "chrom": "str", "pos": "Int64", "start": "Int64",
    "end": "Int64", "gene": "str", "mask": "str", "effect_allele": "str", "eaf": "float64", "beta": "float64",
    "se": "float64", "neg_log10_p": "float64", "n": "Int64", "n_significant": "Int64",
    "threshold": "float64",
}  # fmt: skip
"""Columns of ``association/loci.parquet``. ``threshold`` is the p-value that had to be undercut."""


def significant(neg_log10_p: pd.Series, alpha: float) -> tuple[pd.Series, float | None]:
    """Bonferroni's rule over the tests that were made (nulls were not).

    Returns:
        A boolean for each row, and the threshold ``alpha / tests``, None without tests.
    """
    tests = int(neg_log10_p.notna().sum())
    if tests == 0:
        return pd.Series(False, index=neg_log10_p.index), None
    return (neg_log10_p > -np.log10(alpha / tests)).fillna(False), alpha / tests


def variant_loci(
    trait: str, results: pd.DataFrame, alpha: float, window: int, nearest_gene: NearestGene
) -> pd.DataFrame:
    """Independent significant loci of one trait.

    Greedy clumping by distance: the strongest variant left takes all significant ones within ``window`` base
    pairs into its locus. Of equally strong ones the first along the genome leads, then by allele and id, so
    the order of the rows does not matter.

    Args:
        trait: its name.
        results: columns of ``association/{trait}.parquet``.
        alpha: family-wise error rate.
        window: base pairs on either side.
        nearest_gene: gives the gene of a variant.

    Returns:
        :data:`LOCUS_COLUMNS`, strongest first.
    """
    hit, threshold = significant(results["neg_log10_p"], alpha)
    return clump(trait, results[hit], threshold, window, nearest_gene)


def clump(
    trait: str, found: pd.DataFrame, threshold: float | None, window: int, nearest_gene: NearestGene
) -> pd.DataFrame:
    """As :func:`variant_loci`, of the significant rows alone."""
    left = found.assign(_rank=genome_rank(found["chrom"])).sort_values(
        ["neg_log10_p", "_rank", "pos", "effect_allele", "id"], ascending=[False] + [True] * 4, kind="stable"
    )
    rows = []
    while len(left):
        lead = left.iloc[0]
        near = (left["chrom"] == lead["chrom"]) & ((left["pos"] - lead["pos"]).abs() <= window)
        inside = left.loc[near, "pos"]
        rows.append(
            {
                "trait": trait,
                "kind": "variant",
                "id": lead["id"],
                "chrom": lead["chrom"],
                "pos": lead["pos"],
                "start": inside.min(),
                "end": inside.max(),
                "gene": nearest_gene(lead["id"], lead["chrom"], int(lead["pos"])),
                "mask": None,
                "effect_allele": lead["effect_allele"],
                "eaf": lead["eaf"],
                "beta": lead["beta"],
                "se": lead["se"],
                "neg_log10_p": lead["neg_log10_p"],
                "n": lead["n"],
                "n_significant": len(inside),
                "threshold": threshold,
            }
        )
        left = left[~near]
    return loci_table(rows)


def gene_loci(trait: str, results: pd.DataFrame, alpha: float, kind: str = "gene") -> pd.DataFrame:
    """Significant genes, or sets of the user's, of one trait; ``id`` is the name, alleles are null.

    ``gene`` is the name of a gene, null for another set. ``beta`` and ``se`` are per rare allele of ``mask``.

    Args:
        trait: its name.
        results: columns of ``association/{trait}.genes.parquet``.
        alpha: family-wise error rate over the genes, or over the other sets.
        kind: ``gene`` or ``set``.
    """
    results = results[results["kind"] == kind]
    hit, threshold = significant(results["neg_log10_p"], alpha)
    found = results[hit].sort_values("neg_log10_p", ascending=False, kind="stable")
    return loci_table(
        [
            {
                "trait": trait,
                "kind": kind,
                "id": row["gene"],
                "chrom": row["chrom"],
                "pos": row["start"],
                "start": row["start"],
                "end": row["end"],
                "gene": row["gene"] if kind == "gene" else None,
                "mask": row["mask"],
                "effect_allele": None,
                "eaf": None,
                "beta": row["beta"],
                "se": row["se"],
                "neg_log10_p": row["neg_log10_p"],
                "n": row["n"],
                "n_significant": 1,
                "threshold": threshold,
            }
            for _, row in found.iterrows()
        ]
    )


def loci_table(rows: list[dict[str, object]]) -> pd.DataFrame:
    """Rows as a table with :data:`LOCUS_COLUMNS` and their types."""
    return pd.DataFrame(rows, columns=list(LOCUS_COLUMNS)).astype(LOCUS_COLUMNS)


class NearestGene:
    """The gene of a variant: the one it acts on most severely, else the nearest on its chromosome.

    Args:
        severest: gene by variant id, where a variant touches one.
        genes: columns ``gene chrom start end``; rows without a place are passed over.
    """

    def __init__(self, severest: dict[str, str], genes: pd.DataFrame) -> None:
        self._severest = severest
        placed = genes.dropna(subset=["gene", "chrom", "start", "end"])
        self._by_chrom = {str(chrom): group for chrom, group in placed.groupby("chrom", sort=True)}

    def __call__(self, variant_id: str, chrom: str, pos: int) -> str | None:
        """Its name; None when no gene is known on the chromosome. Ties go to the first in the table."""
        if variant_id in self._severest:
            return self._severest[variant_id]
        genes = self._by_chrom.get(chrom)
        if genes is None:
            return None
        start, end = genes["start"].to_numpy(np.int64), genes["end"].to_numpy(np.int64)
        distance = np.maximum(0, np.maximum(start - pos, pos - end))
        return str(genes["gene"].iloc[int(np.argmin(distance))])
