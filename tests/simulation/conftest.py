"""One small simulated cohort for all tests of the simulation."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pysam
import pytest

from endotype.simulation.cohort import simulate_cohort
from endotype.simulation.parameters import Parameters

SMALL = Parameters(seed=7, patients=160, variants=6000)


@dataclass(frozen=True)
class Cohort:
    """A simulated cohort on disk, with its parts read back."""

    folder: Path

    @cached_property
    def truth(self) -> dict[str, Any]:
        return json.loads((self.folder / "truth.json").read_text())

    @cached_property
    def records(self) -> list[pysam.VariantRecord]:
        with pysam.VariantFile(str(self.folder / "cohort.vcf.gz")) as vcf:
            return [record.copy() for record in vcf]

    def records_on(self, *contigs: str) -> list[pysam.VariantRecord]:
        return [r for r in self.records if r.chrom in contigs]

    @cached_property
    def sample_of(self) -> dict[str, str]:
        return {p["patient"]: p["sample"] for p in self.truth["people"]}

    @cached_property
    def clinical(self) -> pd.DataFrame:
        return pd.read_csv(self.folder / "clinical.tsv", sep="\t", dtype="str", keep_default_na=False)

    def good_genotype(self, record: pysam.VariantRecord, patient: str) -> tuple[int, ...] | None:
        """The sorted alleles of a call of good quality; None for any other call."""
        call = record.samples[self.sample_of[patient]]
        if None in call["GT"] or call["GQ"] is None or call["GQ"] < 20:
            return None
        return tuple(sorted(call["GT"]))

    def dosages(self, variant_id: str) -> np.ndarray:
        """Alternate allele counts of all people, NaN where not well called."""
        chrom, pos, ref, alt = variant_id.split(":")
        record = next(
            r for r in self.records if (r.chrom, str(r.pos), r.ref, r.alts) == (chrom, pos, ref, (alt,))
        )
        calls = [self.good_genotype(record, p) for p in self.sample_of]
        return np.array([np.nan if c is None else sum(c) for c in calls])


@pytest.fixture(scope="session")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    folder = tmp_path_factory.mktemp("simulation") / "cohort"
    simulate_cohort(folder, SMALL, show_progress=False)
    return Cohort(folder)
