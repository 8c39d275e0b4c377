"""Who has one copy of a site: everybody on MT; on X and Y outside the pseudoautosomal regions, males."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from endotype.cohort.assembly import par_regions, sex_chromosome


class HaploidRule:
    """Copies by contig, position and declared sex.

    Attributes:
        rows: bool (3, n_people): nobody, the males, everybody.
    """

    def __init__(self, sex: Sequence[str], assembly: str) -> None:
        male = np.array([s == "male" for s in sex], bool)
        self.rows = np.array([np.zeros_like(male), male, np.ones_like(male)])
        self._par = par_regions(assembly)

    def zones(self, chrom: str, positions: np.ndarray) -> np.ndarray:
        """The row of ``rows`` that holds at each 1-based position of a contig, int64 (n,)."""
        kind = sex_chromosome(chrom)
        zone = np.full(len(positions), {None: 0, "MT": 2}.get(kind, 1), np.int64)
        if kind in ("X", "Y"):
            for contig, start, end in self._par:
                if sex_chromosome(contig) == kind:
                    zone[(positions >= start) & (positions <= end)] = 0
        return zone
