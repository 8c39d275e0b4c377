"""Who carries a rare damaging or protein-changing variant of a gene, and of how many genes of a pathway."""

from __future__ import annotations

import numpy as np
import pandas as pd

from endotype.subtypes.views.carriers import qualifying
from endotype.variants.plink import MISSING, GenotypeStore

BLOCK = 1024


def gene_carriers(
    store: GenotypeStore, annotation: pd.DataFrame, patients: pd.Index, failed: set[str], least: int
) -> pd.DataFrame:
    """Carriers by gene, of the genes that ``least`` patients or more carry.

    Args:
        store: genotypes.
        annotation: columns of :data:`~endotype.subtypes.views.carriers.ANNOTATION_COLUMNS`.
        patients: whom to tell about, in this order.
        failed: patients whose genotypes may not be used.
        least: carriers that a gene needs.

    Returns:
        int8, indexed by patient, a column for each gene by name: 1 carries a qualifying variant, 0 some were
        assessed and none was seen, -1 no usable genotypes or all its calls missing.
    """
    rows = qualifying(annotation)[["variant_id", "gene"]].drop_duplicates()
    row_of = pd.Series(np.arange(store.n_variants), index=store.variants["id"].to_numpy())
    rows = rows.assign(at=row_of.reindex(rows["variant_id"]).to_numpy(dtype=float)).dropna(subset=["at"])
    rows = rows.sort_values(["gene", "at"], kind="stable")
    genes, gene = np.unique(rows["gene"].to_numpy(dtype=object).astype(str), return_inverse=True)
    at = rows["at"].to_numpy(dtype=np.int64)
    status = np.full((len(genes), store.n_people), -1, np.int8)
    for start in range(0, len(at), BLOCK):
        dosages = store.dosages(at[start : start + BLOCK])
        seen = np.where(dosages == MISSING, -1, dosages > 0).astype(np.int8)
        for g, own in zip(gene[start : start + BLOCK], seen, strict=True):
            np.maximum(status[g], own, out=status[g])
    status[:, [p in failed for p in store.people["iid"]]] = -1
    # Who has no genotypes has the place -1: the last column, where nothing is known.
    status = np.column_stack([status, np.full(len(genes), -1, np.int8)])
    status = status[:, pd.Index(store.people["iid"]).get_indexer(patients)]
    enough = (status == 1).sum(axis=1) >= least
    return pd.DataFrame(status[enough].T, index=patients, columns=genes[enough])


def pathway_burdens(carriers: pd.DataFrame, pathway_of: pd.DataFrame) -> pd.DataFrame:
    """Number of genes of each pathway that a patient carries a qualifying variant of.

    Args:
        carriers: of :func:`gene_carriers` with ``least`` 1, as genes that few carry count too.
        pathway_of: columns ``gene pathway``; a gene may be in several.

    Returns:
        Indexed like ``carriers``, a column for each pathway with a gene in it, by name; NaN where all of its
        genes are missing.
    """
    known = pathway_of.dropna().drop_duplicates()
    known = known[known["gene"].isin(carriers.columns)]
    result = {}
    for pathway in sorted(known["pathway"].unique()):
        genes = carriers[sorted(known.loc[known["pathway"] == pathway, "gene"])].to_numpy()
        result[pathway] = np.where((genes >= 0).any(axis=1), (genes == 1).sum(axis=1), np.nan)
    return pd.DataFrame(result, index=carriers.index)
