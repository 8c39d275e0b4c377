"""The people of the genotype store and their declared relatives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from endotype.cohort.pedigree import PEDIGREE_COLUMNS, read_pedigree
from endotype.errors import InputError, Problem, visible
from endotype.tables import read_parquet
from endotype.variants.plink import GenotypeStore

_AFFECTED = {"2": True, "1": False, "0": None, "-9": None, ".": None}


@dataclass(frozen=True)
class Family:
    """Who is whose child, in the order of the store.

    Attributes:
        patients: ids, in the order of the store.
        sex: ``male`` ``female`` ``unknown`` of each, as declared.
        father, mother: place of each one's parent in the store, -1 where there is none; int64 (n,).
        family: name of the family in the pedigree, empty for whoever is not in it.
        affected: person -> whether the pedigree calls him or her affected; who isn't there is not known.
        parents: person of the pedigree -> the known ones of father and mother, with genotypes or not.
        parentage: place of a patient -> whether the genotypes confirm every parent who has some.
    """

    patients: list[str]
    sex: list[str]
    father: np.ndarray
    mother: np.ndarray
    family: list[str]
    affected: Mapping[str, bool]
    parents: Mapping[str, tuple[str, ...]]
    parentage: Mapping[int, bool]


def read_family(
    store: GenotypeStore,
    people: str | Path,
    pedigree: str | Path | None = None,
    relatedness: str | Path | None = None,
) -> Family:
    """Read who the people of a store are.

    Args:
        store: whose people.
        people: ``cohort/people.parquet``, for the declared sex.
        pedigree: PED file; its sixth column says who is affected (2) and who isn't (1).
        relatedness: ``variants/relatedness.parquet``, which confirms or contradicts declared parents.

    Raises:
        InputError: with every fault of the pedigree.
    """
    patients = store.people["iid"].tolist()
    place = {patient: i for i, patient in enumerate(patients)}
    table = read_parquet(people, ["patient", "sex"])
    sexes = dict(zip(table["patient"], table["sex"], strict=True))
    rows = read_pedigree(pedigree) if pedigree else pd.DataFrame(columns=PEDIGREE_COLUMNS, dtype="str")
    father, mother = np.full(len(patients), -1, np.int64), np.full(len(patients), -1, np.int64)
    names = [""] * len(patients)
    parents: dict[str, tuple[str, ...]] = {}
    for name, person, his, hers, _ in rows[PEDIGREE_COLUMNS].itertuples(index=False):
        parents[person] = tuple(parent for parent in (his, hers) if parent)
        if person in place:
            i = place[person]
            father[i], mother[i], names[i] = place.get(his, -1), place.get(hers, -1), name
    return Family(
        patients,
        [str(sexes.get(patient, "unknown")) for patient in patients],
        father,
        mother,
        names,
        read_affected(pedigree) if pedigree else {},
        parents,
        _parentage(patients, father, mother, relatedness),
    )


def read_affected(pedigree: str | Path) -> dict[str, bool]:
    """Person -> affected, by the sixth column of a PED file; who has 0, -9 or nothing there is left out.

    Raises:
        InputError: another value than 0, 1, 2 or -9.
    """
    affected: dict[str, bool] = {}
    problems = []
    known = set(read_pedigree(pedigree)["individual"])
    for number, line in enumerate(Path(pedigree).read_text(encoding="utf-8-sig").splitlines(), start=1):
        cells = line.split()
        if line.startswith("#") or len(cells) < 6 or cells[1] not in known:
            continue
        if cells[5] not in _AFFECTED:
            expected = "2 (affected), 1 (not affected), 0 or -9 (not known)"
            problems.append(Problem(str(pedigree), number, "phenotype", visible(cells[5]), expected))
        elif (value := _AFFECTED[cells[5]]) is not None:
            affected[cells[1]] = value
    if problems:
        raise InputError(problems)
    return affected


def _parentage(
    patients: list[str], father: np.ndarray, mother: np.ndarray, relatedness: str | Path | None
) -> dict[int, bool]:
    """Whether kinship agrees with every parent who has genotypes; without a figure nobody is in it."""
    if relatedness is None:
        return {}
    table = read_parquet(relatedness, ["patient_a", "patient_b", "relationship"])
    seen = {
        frozenset((a, b)): word
        for a, b, word in table.itertuples(index=False)
        if isinstance(word, str) and word
    }
    confirmed = {}
    for i, patient in enumerate(patients):
        declared = [patients[p] for p in (father[i], mother[i]) if p >= 0]
        words = [seen.get(frozenset((patient, parent))) for parent in declared]
        if any(word not in (None, "parent_child") for word in words):
            confirmed[i] = False
        elif words and None not in words:
            confirmed[i] = True
    return confirmed
