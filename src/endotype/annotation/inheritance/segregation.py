"""How a variant travels with the disease through a family: the counts behind PP1 and BS4."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from endotype.annotation.inheritance.family import Family
from endotype.variants.pedigree_kinship import kinship_coefficients

TYPES = {
    "variant_id": "str",
    "family": "str",
    "n_affected_carriers": "int64",
    "n_affected_noncarriers": "int64",
    "n_unaffected_carriers": "int64",
    "n_unaffected_noncarriers": "int64",
    "n_not_called": "int64",
    "meioses": "int64",
}


class Segregation:
    """Counts carriers by family; made once, asked for every block of variants.

    Args:
        family: the pedigree.
        source: what an error calls the pedigree.
    """

    def __init__(self, family: Family, source: str = "the pedigree") -> None:
        self._patients = family.patients
        self._members: dict[str, np.ndarray] = {}
        for i, (patient, name) in enumerate(zip(family.patients, family.family, strict=True)):
            if name and patient in family.affected:
                self._members[name] = np.append(self._members.get(name, np.zeros(0, np.int64)), i)
        self._members = {name: m for name, m in sorted(self._members.items()) if len(m) > 1}
        self._affected = np.array([family.affected.get(p, False) for p in family.patients], bool)
        self._phi = kinship_coefficients(dict(family.parents), source)

    def count(self, variant_ids: Sequence[str], dosage: np.ndarray) -> pd.DataFrame:
        """Families with a carrier and at least two members of known phenotype who have genotypes.

        Args:
            variant_ids: (n,).
            dosage: int8 (n, n_people), of the store. Whoever has a copy is a carrier.

        Returns:
            ``segregation.parquet``, by family within each variant.
        """
        rows = []
        for name, members in self._members.items():
            block = dosage[:, members]
            carrier, called, affected = block > 0, block >= 0, self._affected[members]
            for v in np.flatnonzero(carrier.any(axis=1)).tolist():
                ill = members[carrier[v] & affected]
                rows.append(
                    (
                        v,
                        variant_ids[v],
                        name,
                        len(ill),
                        int((called[v] & ~carrier[v] & affected).sum()),
                        int((carrier[v] & ~affected).sum()),
                        int((called[v] & ~carrier[v] & ~affected).sum()),
                        int((~called[v]).sum()),
                        count_meioses([self._patients[i] for i in ill], self._phi),
                    )
                )
        rows.sort(key=lambda row: (row[0], row[2]))
        return pd.DataFrame([row[1:] for row in rows], columns=list(TYPES)).astype(TYPES)


def count_meioses(carriers: Sequence[str], phi: Callable[[str, str], float]) -> int:
    """Meioses through which the affected carriers share one allele, given that the first of them has it.

    A relative of coefficient of relationship r = 2 phi has a rare allele of the index patient with
    probability r = (1/2)^m, so that m meioses are informative: 1 for a parent or sibling, 3 for a cousin
    (Jarvik and Browning 2016, doi:10.1016/j.ajhg.2016.04.003). Of several, each is counted from the nearest
    one who is counted already. Carriers who aren't related count nothing.

    Args:
        carriers: people of the pedigree.
        phi: kinship coefficient of two of them.
    """
    distance = {
        (a, b): round(-math.log2(2 * phi(a, b))) if 0 < phi(a, b) <= 0.5 else None
        for a in carriers
        for b in carriers
        if a != b
    }
    total, joined, waiting = 0, list(carriers[:1]), list(carriers[1:])
    while waiting:
        steps = [(d, b) for a in joined for b in waiting if (d := distance[a, b]) is not None]
        if not steps:
            joined, waiting = waiting[:1], waiting[1:]
            continue
        step, nearest = min(steps)
        total += max(step, 0)
        joined.append(nearest)
        waiting.remove(nearest)
    return total
