"""Runs of homozygosity, and the share of the genome in them.

Consecutive runs over common variants (as in Marras et al. 2015, doi:10.1111/age.12259): no window slides, so
a run begins and ends at a variant that can be named. A long run says that a person's parents are related;
F_ROH is the share of the genome in long runs (McQuillan et al. 2008, doi:10.1016/j.ajhg.2008.08.007).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from endotype.cohort.assembly import sex_chromosome
from endotype.variants.plink import GenotypeStore
from endotype.variants.run_kernels import covered_length, homozygous_runs

MIN_FREQUENCY = 0.05
"""Everybody is homozygous at rare variants, which says nothing of descent."""

MIN_BETWEEN = 50
"""Homozygous variants on both sides of a heterozygote that doesn't end a run."""

MIN_COVERED = 100_000_000
"""bp in which a run could be seen, to speak of a share of the genome. Variants must also stand so close that
the shortest run holds its least number of them on average; else only the longest runs could be seen."""

PEOPLE = 256
"""People whose genotypes are held at a time."""

COLUMNS = {
    "patient": "str",
    "chrom": "str",
    "start": "int64",
    "end": "int64",
    "n_variants": "int64",
    "kb": "float64",
}


@dataclass(frozen=True)
class RunLimits:
    """What counts as a run (config section ``sample_qc``)."""

    min_kb: float = 1500
    min_variants: int = 50
    max_gap_kb: float = 1000


def runs_of_homozygosity(
    store: GenotypeStore, kept: pd.DataFrame, limits: RunLimits
) -> tuple[pd.DataFrame, np.ndarray]:
    """Autosomal runs of every person, and F_ROH.

    Args:
        store: genotypes.
        kept: the rows of ``variant_qc.parquet`` of the store.
        limits: what counts.

    Returns:
        Columns ``COLUMNS``, by person in the order of the .fam and place; and float64 (n_people,), the share
        of the bp between common variants no further apart than the largest gap that lies in runs; NaN for
        everybody when those are fewer than 100 Mb or the variants too sparse for the shortest run.
    """
    chroms = kept["chrom"].astype(str)
    autosomal = chroms.map({c: sex_chromosome(c) is None for c in chroms.unique()}).astype(bool)
    common = kept["alt_freq"].between(MIN_FREQUENCY, 1 - MIN_FREQUENCY)
    variants = np.flatnonzero((autosomal & common).to_numpy(bool))
    names = chroms.to_numpy(str)[variants]
    chrom, _ = pd.factorize(names)
    pos = kept["pos"].to_numpy(np.int64)[variants]
    gap = int(limits.max_gap_kb * 1000)
    covered = covered_length(chrom, pos, gap)
    dense = covered / max(len(variants), 1) <= 1000 * limits.min_kb / limits.min_variants
    patients = store.people["iid"].to_numpy(str)
    share = np.full(store.n_people, np.nan)
    found = []
    for start in range(0, store.n_people, PEOPLE):
        for i, dosage in enumerate(_columns(store, variants, start), start):
            runs = homozygous_runs(
                dosage, chrom, pos, gap, MIN_BETWEEN, limits.min_variants, int(limits.min_kb * 1000)
            )
            first, last, n = runs.T
            length = pos[last] - pos[first] + 1
            if covered >= MIN_COVERED and dense:
                share[i] = (length - 1).sum() / covered
            found.append(
                pd.DataFrame(
                    {
                        "patient": np.full(len(runs), patients[i]),
                        "chrom": names[first],
                        "start": pos[first],
                        "end": pos[last],
                        "n_variants": n,
                        "kb": length / 1000,
                    }
                )
            )
    found = [table for table in found if len(table)]
    table = pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=list(COLUMNS))
    return table.astype(COLUMNS), share


def _columns(store: GenotypeStore, variants: np.ndarray, start: int) -> np.ndarray:
    """Dosages of some people at some variants, one row a person, int8."""
    stop = min(start + PEOPLE, store.n_people)
    # A byte holds four people, and PEOPLE is a multiple of four.
    packed = np.ascontiguousarray(np.asarray(store.packed)[variants, start // 4 : (stop + 3) // 4])
    narrow = GenotypeStore(packed, store.variants.iloc[variants], store.people.iloc[start:stop])
    return np.ascontiguousarray(narrow.dosages(slice(None)).T)
