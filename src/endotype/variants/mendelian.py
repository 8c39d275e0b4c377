"""Mendelian consistency: could a child's genotype come from its parents?

A child has one allele of each parent on the autosomes and in the pseudoautosomal regions; a daughter has
one of her father's only X; a son has his X from his mother and his Y from his father; the mitochondrion
comes from the mother. Errors show a wrong genotype, a swapped sample or a pedigree that is not true.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from endotype.cohort.assembly import par_regions, sex_chromosome
from endotype.cohort.pedigree import read_pedigree
from endotype.tables import write_parquet
from endotype.variants.mendelian_kernels import (
    CONSISTENT,
    INCONSISTENT,
    SKIPPED,
    UNTESTED,
    count_packed,
    judge_alleles,
    judge_packed,
    verdicts_by_code,
)
from endotype.variants.plink import GenotypeStore, open_store

__all__ = [
    "CONSISTENT",
    "INCONSISTENT",
    "SKIPPED",
    "UNTESTED",
    "check_pedigree",
    "inheritance",
    "judge_alleles",
    "pedigree_trios",
    "trio_errors",
    "trio_verdicts",
]

Trio = tuple[str, str, str]
"""Child, father, mother; a parent who is not known is the empty string."""

COLUMNS = ["child", "father", "mother", "n_checked", "n_consistent", "n_inconsistent", "n_skipped", "rate"]

_SEXES = ("male", "female", "unknown")

# Copies (father's, mother's) that a child's alleles are drawn from. On X and Y they depend on the child's
# sex; where it isn't known nothing can be said, and nobody hands down anything.
_INHERITANCE = {
    "autosome": (2, 2),
    "X of a daughter": (1, 2),
    "X of a son": (0, 2),
    "Y of a son": (1, 0),
    "MT": (0, 2),
    "unknown": (0, 0),
}
_KINDS = list(_INHERITANCE)
COPIES = np.array(list(_INHERITANCE.values()), np.int64)
"""int64 (k, 2): copies of the father and of the mother, by kind of site (:func:`inheritance`)."""


def inheritance(chrom: np.ndarray, pos: np.ndarray, sex: str, assembly: str) -> np.ndarray:
    """Which row of :data:`COPIES` holds at each site for a child of this sex, int64 (m,).

    Args:
        chrom: text (m,), contig names, with or without ``chr``.
        pos: int (m,), 1-based positions.
        sex: ``male``, ``female`` or ``unknown``.
        assembly: names the pseudoautosomal regions, which are inherited as autosomes are.
    """
    contig, names = pd.factorize(chrom)
    kind = np.full(len(pos), _KINDS.index("autosome"), np.int64)
    for number, name in enumerate(names):
        chromosome = sex_chromosome(str(name))
        if chromosome is None:
            continue
        here = contig == number
        for region in par_regions(assembly):
            if sex_chromosome(region.chrom) == chromosome:
                here &= (pos < region.start) | (pos > region.end)
        kind[here] = _KINDS.index(_kind_of(chromosome, sex))
    return kind


def _kind_of(chromosome: str, sex: str) -> str:
    kinds = {
        ("X", "female"): "X of a daughter",
        ("X", "male"): "X of a son",
        ("Y", "male"): "Y of a son",
    }
    return "MT" if chromosome == "MT" else kinds.get((chromosome, sex), "unknown")


def trio_verdicts(store: GenotypeStore, trio: Trio, assembly: str) -> np.ndarray:
    """The verdict on one trio at each variant of a store, uint8 (n_variants,).

    ``SKIPPED``: the child has no call that can be judged (missing, or heterozygous where it has one copy,
    or its sex is not known). ``UNTESTED``: no parent who hands down a copy here has a call.
    ``CONSISTENT`` and ``INCONSISTENT``: judged, by one parent where the other has no call. The child's sex
    is that of the ``.fam``. Multiallelic sites are judged allele by allele, as they are stored;
    :func:`judge_alleles` judges them whole.
    """
    columns, sex = _places(store, [trio])
    kind = _kinds(store, assembly)[sex[0]]
    verdict = np.empty(store.n_variants, np.uint8)
    judge_packed(store.packed, columns[0], kind, verdicts_by_code(COPIES), verdict)
    return verdict


def trio_errors(store: GenotypeStore, trios: Sequence[Trio], assembly: str) -> pd.DataFrame:
    """How often each child's genotypes contradict its parents'.

    Args:
        store: packed genotypes; sex is that of the ``.fam``.
        trios: child, father, mother. A person who is not in the store has no calls; with one parent the
            check is of that parent alone.
        assembly: names the pseudoautosomal regions.

    Returns:
        One row per trio in the order given: ``child father mother n_checked n_consistent n_inconsistent
        n_skipped rate``. ``n_checked`` is consistent + inconsistent; ``n_skipped`` are all other variants
        of the store; ``rate`` is inconsistent / checked, null where none was checked.
    """
    columns, sex = _places(store, trios)
    counts = count_packed(store.packed, columns, sex, _kinds(store, assembly), verdicts_by_code(COPIES))
    rows = [(*trio, *_summary(row)) for trio, row in zip(trios, counts, strict=True)]
    table = pd.DataFrame(rows, columns=COLUMNS)
    types = {**dict.fromkeys(COLUMNS[:3], "str"), **dict.fromkeys(COLUMNS[3:7], "int64"), "rate": "float64"}
    return table.astype(types)


def _places(store: GenotypeStore, trios: Sequence[Trio]) -> tuple[np.ndarray, np.ndarray]:
    """Columns of each trio, int64 (t, 3), -1 where absent; place in ``_SEXES`` of its child, int64 (t,)."""
    place = {patient: i for i, patient in enumerate(store.people["iid"])}
    columns = np.array([[place.get(person, -1) for person in trio] for trio in trios], np.int64)
    columns = columns.reshape(len(trios), 3)
    code = {"1": _SEXES.index("male"), "2": _SEXES.index("female")}
    sexes = np.array([code.get(str(c), _SEXES.index("unknown")) for c in store.people["sex"]], np.int64)
    children = columns[:, 0]
    return columns, np.where(children >= 0, sexes[children], _SEXES.index("unknown"))


def _kinds(store: GenotypeStore, assembly: str) -> np.ndarray:
    """:func:`inheritance` of every variant for a child of each of ``_SEXES``, int64 (3, n_variants)."""
    chrom, pos = store.variants["chrom"].to_numpy(), store.variants["pos"].to_numpy()
    return np.stack([inheritance(chrom, pos, sex, assembly) for sex in _SEXES])


def _summary(counts: np.ndarray) -> tuple[int, int, int, int, float]:
    consistent, inconsistent = int(counts[CONSISTENT]), int(counts[INCONSISTENT])
    checked = consistent + inconsistent
    rate = inconsistent / checked if checked else float("nan")
    return checked, consistent, inconsistent, int(counts[SKIPPED] + counts[UNTESTED]), rate


def pedigree_trios(pedigree: pd.DataFrame, people: Sequence[str]) -> list[Trio]:
    """The trios that genotypes can check, sorted: the child and at least one parent are among ``people``.

    Args:
        pedigree: of :func:`endotype.cohort.pedigree.read_pedigree`.
        people: patients with genotypes. A parent who is not among them becomes the empty string.
    """
    known = set(people)
    trios = []
    for child, father, mother in pedigree[["individual", "father", "mother"]].itertuples(index=False):
        parents = tuple(parent if parent in known else "" for parent in (father, mother))
        if child in known and any(parents):
            trios.append((child, *parents))
    return sorted(trios)


def check_pedigree(prefix: str | Path, pedigree: str | Path, assembly: str, out: str | Path) -> pd.DataFrame:
    """Write :func:`trio_errors` of a pedigree file as Parquet and return it.

    Raises:
        InputError: the store or the pedigree can't be read.
    """
    store = open_store(prefix)
    trios = pedigree_trios(read_pedigree(pedigree), store.people["iid"].tolist())
    table = trio_errors(store, trios, assembly)
    write_parquet(table, out)
    return table
