"""Which genes are altered in which tumour patient, and how: the matrix behind the oncoprint."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

KINDS = ("truncating", "recurrent site", "splice", "in-frame", "missense")
"""What an alteration does, in the order in which one is taken where a gene has several."""

NONE = -1
MIN_RECURRENT, RECURRENT_SHARE = 3, 0.01
"""A missense or in-frame change is of a recurrent site if as many patients, and this share of them, have a
change of the same residue."""

_KIND_OF = {
    "nonsense_mutation": "truncating",
    "frame_shift_del": "truncating",
    "frame_shift_ins": "truncating",
    "nonstop_mutation": "truncating",
    "translation_start_site": "truncating",
    "de_novo_start_outofframe": "truncating",
    "stop_gained": "truncating",
    "frameshift_variant": "truncating",
    "stop_lost": "truncating",
    "start_lost": "truncating",
    "transcript_ablation": "truncating",
    "splice_site": "splice",
    "splice_acceptor_variant": "splice",
    "splice_donor_variant": "splice",
    "in_frame_del": "in-frame",
    "in_frame_ins": "in-frame",
    "inframe_deletion": "in-frame",
    "inframe_insertion": "in-frame",
    "missense_mutation": "missense",
    "missense_variant": "missense",
}
"""By word of a MAF's Variant_Classification and by Sequence Ontology term, in lower case."""

_RESIDUE = re.compile(r"p\.\(?([A-Za-z*]{1,3}?)(\d+)")


@dataclass(frozen=True)
class Alterations:
    """Genes x patients.

    Attributes:
        genes: most frequently altered first; of equals, by name.
        kind: int8, shape (genes, patients), index into :data:`KINDS`, :data:`NONE` where not altered.
        n_left_out: variants that aren't in the matrix, by reason.
        n_recurrent: patients with a change of one residue that make it a recurrent site.
    """

    genes: list[str]
    kind: np.ndarray
    n_left_out: dict[str, int]
    n_recurrent: int


def alteration_matrix(
    variants: pd.DataFrame, patients: Sequence[str], most: int, genes: Sequence[str] | None = None
) -> Alterations:
    """Somatic variants that change a protein, by gene and patient; all tumours of a patient as one.

    Args:
        variants: ``variants/somatic.parquet``: ``patient gene classification protein_change status``.
        patients: those with a tumour, whether altered or not; the columns.
        most: how many genes.
        genes: only these are looked at; None: all.
    """
    column = {patient: i for i, patient in enumerate(patients)}
    table = variants[["patient", "gene", "classification", "protein_change", "status"]]
    somatic = (table["status"] == "somatic").to_numpy(bool)
    kind = table["classification"].map(kind_of)
    known = table["patient"].isin(column).to_numpy(bool)
    named = (table["gene"].notna() & (table["gene"] != "")).to_numpy(bool)
    changing = kind.notna().to_numpy(bool)
    used = somatic & known & named & changing
    left_out = {
        "not known to be somatic": int((~somatic).sum()),
        "no change of a protein, or of unknown effect": int((somatic & ~changing).sum()),
        "no gene": int((somatic & changing & ~named).sum()),
        "of a patient who isn't in the cohort": int((somatic & changing & named & ~known).sum()),
    }
    table = table[used].assign(kind=kind[used])
    if genes is not None:
        table = table[table["gene"].isin(set(genes))]
    needed = max(MIN_RECURRENT, int(np.ceil(RECURRENT_SHARE * len(patients))))
    residue = table["protein_change"].map(residue_of)
    sites = table.assign(residue=residue)[table["kind"].isin(["missense", "in-frame"]) & residue.notna()]
    at_site = sites.groupby(["gene", "residue"])["patient"].transform("nunique")
    table.loc[sites.index[at_site >= needed], "kind"] = "recurrent site"
    frequency = table.groupby("gene")["patient"].nunique()
    shown = sorted(frequency.index, key=lambda gene: (-int(frequency[gene]), str(gene)))[:most]
    row = {gene: i for i, gene in enumerate(shown)}
    matrix = np.full((len(shown), len(patients)), len(KINDS), np.int8)
    for gene, patient, word in zip(table["gene"], table["patient"], table["kind"], strict=True):
        if gene in row:
            at = row[gene], column[patient]
            matrix[at] = min(matrix[at], KINDS.index(word))
    matrix[matrix == len(KINDS)] = NONE
    return Alterations([str(g) for g in shown], matrix, {k: n for k, n in left_out.items() if n}, needed)


def kind_of(classification: object) -> str | None:
    """One of :data:`KINDS`, or None for a silent or unknown change; the gravest of several terms."""
    if not isinstance(classification, str):
        return None
    terms = re.split(r"[&,;]", classification)
    kinds = [kind for term in terms if (kind := _KIND_OF.get(term.strip().lower()))]
    return min(kinds, key=KINDS.index) if kinds else None


def residue_of(protein_change: object) -> str | None:
    """The residue that a change begins with: ``R132`` of ``p.R132H``, ``Arg132`` of ``p.(Arg132His)``."""
    found = _RESIDUE.match(protein_change) if isinstance(protein_change, str) else None
    return f"{found[1]}{found[2]}" if found else None


def memo_order(kind: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Patients by group, those without one last, and in it so that altered genes come first, row by row.

    By whether the first gene is altered, then the second and so on (the memo sort of oncoprints); of those
    that are alike in this, by the kinds of alteration.
    """
    altered = [np.where(row >= 0, 0, 1) for row in kind]
    kinds = [np.where(row >= 0, row, len(KINDS)) for row in kind]
    group = np.where(labels < 0, labels.max(initial=0) + 1, labels)
    return np.lexsort([*reversed(kinds), *reversed(altered), group])
