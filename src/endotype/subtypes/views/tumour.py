"""Tumour features: genes altered more than chance explains, recurrent codons, and the burden of mutations.

Which genes are drivers is told from the cohort's own mutations, without outside knowledge: a gene qualifies
when its mutations change the protein, or cut it short, more often than the mutations of all genes do, or when
patients share a codon. That passes over long genes that collect mutations without effect.
"""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from endotype.subtypes.views.feature import Feature, View

SOMATIC = ("somatic", "somatic_or_germline")
TRUNCATING = frozenset(
    (
        "Frame_Shift_Del",
        "Frame_Shift_Ins",
        "Nonsense_Mutation",
        "Splice_Site",
        "Translation_Start_Site",
        "Nonstop_Mutation",
    )
)
CHANGING = TRUNCATING | {"Missense_Mutation", "In_Frame_Del", "In_Frame_Ins"}
SILENT = frozenset(("Silent", "Synonymous"))

MAX_FDR = 0.05
SHARED_CODON = 3
"""Patients who share a codon of a gene, if they are a tenth of the gene's patients too."""

SOMATIC_COLUMNS = ["patient", "tumour", "gene", "classification", "protein_change", "status"]
_CODON = re.compile(r"^p\.(?:\()?([A-Z][a-z]{0,2}\d+)")


def driver_view(
    name: str,
    somatic: pd.DataFrame,
    tumours: pd.DataFrame,
    patients: pd.Index,
    min_carriers: int,
    genes: list[str] | None = None,
    top: int | None = None,
) -> View:
    """One binary feature per altered gene, and one per codon that patients share.

    1 when a protein-changing mutation was seen in any tumour of the patient, 0 when the patient has a tumour
    and none was seen, NaN for patients without a tumour. Mutations that may be germline, for want of a
    matched normal, count.

    Args:
        name: of the view.
        somatic: :data:`SOMATIC_COLUMNS` of ``variants/somatic.parquet``.
        tumours: ``variants/tumours.parquet``.
        patients: of the cohort.
        min_carriers: patients in whom a gene must be altered.
        genes: take these and no others; the others' tests are not made then.
        top: at most so many genes, those altered most often.
    """
    view = View(name, "tumour")
    called = somatic[somatic["status"].isin(SOMATIC).to_numpy(bool)]
    called = called[(called["gene"].fillna("") != "").to_numpy(bool)]
    if called.empty:
        view.notes.append("No tumour mutation names a gene, so no gene was assessed.")
        return view
    once = called.drop_duplicates(["patient", "gene", "classification"])
    changing = called[called["classification"].isin(CHANGING).to_numpy(bool)]
    carriers = changing.drop_duplicates(["patient", "gene"])["gene"].value_counts()
    carriers = carriers.sort_index().sort_values(ascending=False, kind="stable")
    if genes is not None:
        chosen = [gene for gene in dict.fromkeys(genes) if carriers.get(gene, 0) >= min_carriers]
        reasons = dict.fromkeys(chosen, "listed in the configuration")
        for gene in dict.fromkeys(genes):
            if gene not in reasons:
                view.left_out[f"{name}:{gene}"] = f"altered in {carriers.get(gene, 0)} patients"
    else:
        common = carriers[carriers >= min_carriers]
        reasons = driver_reasons(once, changing, list(common.index))
        chosen = [gene for gene in common.index if gene in reasons]
        view.notes.append(
            f"{len(common)} genes are altered in {min_carriers} patients or more; {len(chosen)} of them more "
            "than chance explains."
        )
    if top is not None and len(chosen) > top:
        for gene in chosen[top:]:
            view.left_out[f"{name}:{gene}"] = f"not among the {top} genes altered most often"
        chosen = chosen[:top]
    has_tumour = patients.isin(tumours["patient"])
    for gene in chosen:
        who = changing.loc[(changing["gene"] == gene).to_numpy(bool), "patient"]
        source = f"protein-changing mutation of {gene} in a tumour ({reasons[gene]})"
        view.add(Feature(f"{name}:{gene}", name, "binary", source), _carried(patients, who, has_tumour))
    if not len(tumours):
        view.notes.append("No patient has a tumour file.")
    return view


def driver_reasons(once: pd.DataFrame, changing: pd.DataFrame, genes: list[str]) -> dict[str, str]:
    """Genes that are altered more than chance explains, with the reason.

    Binomial tests of each gene against the share over all genes: protein-changing among all mutations of
    known effect (a ratio like dN/dS, taken within the cohort), and truncating among protein-changing ones;
    Benjamini-Hochberg over both tests of all genes. Or a shared codon: :data:`SHARED_CODON`.

    Args:
        once: one row per patient, gene and classification.
        changing: protein-changing mutations.
        genes: to test.
    """
    from scipy.stats import binom, false_discovery_control

    known = once[once["classification"].isin(CHANGING | SILENT).to_numpy(bool)]
    is_changing = known["classification"].isin(CHANGING)
    is_truncating = known["classification"].isin(TRUNCATING)
    table = pd.DataFrame({"gene": known["gene"], "changing": is_changing, "truncating": is_truncating})
    sums = table.groupby("gene").agg(["sum", "size"]).reindex(genes)
    n, n_changing = sums["changing"]["size"].to_numpy(), sums["changing"]["sum"].to_numpy()
    n_truncating = sums["truncating"]["sum"].to_numpy()
    p_changing = binom.sf(n_changing - 1, n, float(is_changing.mean()))
    share = float(is_truncating.sum() / max(is_changing.sum(), 1))
    p_truncating = binom.sf(n_truncating - 1, n_changing, share)
    tested = np.concatenate([p_changing, p_truncating])
    fdr = false_discovery_control(tested).reshape(2, -1) if len(tested) else np.empty((2, 0))
    codon = changing["protein_change"].fillna("").str.extract(_CODON, expand=False)
    missense = changing.assign(codon=codon).dropna(subset=["codon"])
    missense = missense[~missense["classification"].isin(TRUNCATING).to_numpy(bool)]
    shared = missense.drop_duplicates(["patient", "gene", "codon"]).groupby(["gene", "codon"]).size()
    patients = changing.drop_duplicates(["patient", "gene"])["gene"].value_counts()
    reasons: dict[str, str] = {}
    for at, gene in enumerate(genes):
        most = shared[shared.index.get_level_values("gene") == gene].droplevel("gene").sort_index()
        if len(most) and most.max() >= max(SHARED_CODON, patients[gene] / 10):
            reasons[gene] = f"{int(most.max())} patients share codon {most.idxmax()}"
        elif fdr[0, at] < MAX_FDR:
            reasons[gene] = (
                f"{int(n_changing[at])} of {int(n[at])} mutations change the protein, "
                f"false discovery rate {fdr[0, at]:.2g}"
            )
        elif fdr[1, at] < MAX_FDR:
            reasons[gene] = (
                f"{int(n_truncating[at])} of {int(n_changing[at])} mutations cut it short, "
                f"false discovery rate {fdr[1, at]:.2g}"
            )
    return reasons


def burden_view(name: str, tumours: pd.DataFrame, patients: pd.Index) -> View:
    """Counts of single-base mutations and of short insertions and deletions, per patient.

    Of several tumours of a patient the first by name counts.
    """
    view = View(name, "tumour_burden")
    first = tumours.sort_values(["patient", "tumour"]).drop_duplicates("patient").set_index("patient")
    for column, words in (("n_snv", "single-base mutations"), ("n_indel", "insertions and deletions")):
        values = first[column].reindex(patients).to_numpy(dtype=float, na_value=np.nan)
        view.add(Feature(f"{name}:{column}", name, "count", f"{words} of the tumour"), values)
    return view


def log_burden(tumours: pd.DataFrame, patients: pd.Index) -> np.ndarray:
    """log10(mutations + 1) of the first tumour of each patient, NaN without one; shape (n,)."""
    first = tumours.sort_values(["patient", "tumour"]).drop_duplicates("patient").set_index("patient")
    return np.log10(first["n_mutations"].reindex(patients).to_numpy(dtype=float, na_value=np.nan) + 1)


def _carried(patients: pd.Index, carriers: pd.Series, has_tumour: np.ndarray) -> np.ndarray:
    return np.where(has_tumour, patients.isin(carriers).astype(float), np.nan)
