"""Who carries which candidate, in what form and from whom."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from endotype.annotation.inheritance.candidates import Candidates
from endotype.annotation.inheritance.family import Family
from endotype.annotation.inheritance.origin import ORIGINS, REASONS, ZYGOSITIES, trace, zygosity
from endotype.annotation.inheritance.segregation import TYPES as SEGREGATION_TYPES
from endotype.annotation.inheritance.segregation import Segregation
from endotype.cohort.assembly import sex_chromosome
from endotype.variants.mendelian import inheritance
from endotype.variants.plink import MISSING, GenotypeStore
from endotype.variants.ploidy import HaploidRule

BLOCK = 512
"""Candidates whose genotypes of everybody are in memory at a time."""

TYPES = {
    "variant": "int64",
    "person": "int64",
    "patient": "str",
    "zygosity": "str",
    "origin": "str",
    "origin_reason": "str",
    "father_dosage": "int64",
    "mother_dosage": "int64",
    "kind": "int64",
}


@dataclass(frozen=True)
class Carriers:
    """The carriers of all candidates.

    Attributes:
        rows: columns :data:`TYPES`, by variant and person: the number of the candidate, the place of the
            person in the store, and of the site and the child's sex among ``mendelian.COPIES``. Dosages of
            the parents are -1 where missing; ``zygosity`` and ``origin_reason`` may be empty.
        segregation: ``segregation.parquet``.
        n_misfits: calls that can't be: heterozygous where there is one copy, or of a woman on Y.
    """

    rows: pd.DataFrame
    segregation: pd.DataFrame
    n_misfits: int


def find_carriers(
    store: GenotypeStore, family: Family, candidates: Candidates, assembly: str, pedigree: str
) -> Carriers:
    """Trace every candidate through every family, a block of one contig at a time.

    Args:
        store: genotypes.
        family: its people.
        candidates: variants of the store.
        assembly: names the pseudoautosomal regions.
        pedigree: what an error calls the pedigree.
    """
    rule, counter = HaploidRule(family.sex, assembly), Segregation(family, pedigree)
    rows = [pd.DataFrame(columns=list(TYPES)).astype(TYPES)]
    families = [pd.DataFrame(columns=list(SEGREGATION_TYPES)).astype(SEGREGATION_TYPES)]
    n_misfits = 0
    for chrom, group in candidates.variants.groupby("chrom", sort=False):
        sites = _Sites.of(str(chrom), group, family, rule, assembly)
        for first in range(0, len(group), BLOCK):
            here = slice(first, first + BLOCK)
            dosage = store.dosages(group["row"].to_numpy()[here])
            found = _carriers(dosage, first, sites, family)
            n_misfits += int((dosage > 0).sum()) - len(found)
            rows.append(found)
            families.append(counter.count(group["variant_id"].tolist()[here], dosage))
    frame = pd.concat(rows, ignore_index=True).sort_values(["variant", "person"], ignore_index=True)
    return Carriers(frame, pd.concat(families, ignore_index=True), n_misfits)


@dataclass(frozen=True)
class _Sites:
    """Candidates of one contig: their numbers, who has one copy of each, and how each is inherited."""

    number: np.ndarray
    haploid: np.ndarray
    by_sex: np.ndarray
    is_y: bool
    kinds: dict[str, np.ndarray]

    @classmethod
    def of(cls, chrom: str, group: pd.DataFrame, family: Family, rule: HaploidRule, assembly: str) -> _Sites:
        pos = group["pos"].to_numpy()
        zone = rule.zones(chrom, pos)
        names = np.full(len(pos), chrom, object)
        kinds = {sex: inheritance(names, pos, sex, assembly) for sex in ("male", "female", "unknown")}
        return cls(group.index.to_numpy(), rule.rows[zone], zone == 1, sex_chromosome(chrom) == "Y", kinds)


def _carriers(dosage: np.ndarray, first: int, sites: _Sites, family: Family) -> pd.DataFrame:
    """The rows of one block; ``first`` is the place of its first variant among the sites."""
    sex = np.array(family.sex)
    v, p = np.nonzero(dosage > 0)
    site = v + first
    by_sex = sites.by_sex[site]
    form = zygosity(dosage[v, p].astype(np.int64), sites.haploid[site, p], by_sex & (sex[p] == "unknown"))
    if sites.is_y:
        form = np.where(by_sex & (sex[p] == "female"), -1, form)
    v, p, site, form = (array[form >= 0] for array in (v, p, site, form))
    father, mother = (_of_parent(dosage, v, parent[p]) for parent in (family.father, family.mother))
    kind = np.select([sex[p] == word for word in sites.kinds], [k[site] for k in sites.kinds.values()])
    origin, reason = trace(
        dosage[v, p].astype(np.int64), father, mother, kind, family.father[p] >= 0, family.mother[p] >= 0
    )
    columns = {
        "variant": sites.number[site],
        "person": p,
        "patient": np.array(family.patients, object)[p],
        "zygosity": np.array(ZYGOSITIES, object)[form],
        "origin": np.array(ORIGINS, object)[origin],
        "origin_reason": np.array(REASONS, object)[reason],
        "father_dosage": father,
        "mother_dosage": mother,
        "kind": kind,
    }
    return pd.DataFrame(columns).astype(TYPES)


def _of_parent(dosage: np.ndarray, variant: np.ndarray, parent: np.ndarray) -> np.ndarray:
    """A parent's dosage at some variants, missing where there is no parent."""
    return np.where(parent >= 0, dosage[variant, np.maximum(parent, 0)].astype(np.int64), MISSING)
