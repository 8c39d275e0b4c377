"""Every number of the simulation in one place, and the random streams that come from its seed."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np

from endotype.errors import InputError, Problem

ASSEMBLY = "EndoSim1"
"""Name of the synthetic genome; it is in every header, so that nobody takes it for human."""

MIN_PATIENTS = 100
MIN_VARIANTS = 4000


@dataclass(frozen=True)
class Parameters:
    """What a simulated cohort is made of.

    Rates are per record or per call as their comments say; effects of ``lipid_level`` are in standard
    deviations of its noise, those of ``airway_disease`` log odds and those of ``survival`` log hazards,
    all per allele. The effects are large so that they are found in 400 patients at Bonferroni levels.
    """

    seed: int
    patients: int = 400
    variants: int = 40_000

    # Population genetics. Recombination is twenty times the human rate: a genome of a few million bases then
    # has as many independent stretches as kinship and principal components need.
    population_size: int = 10_000
    population_shares: tuple[float, ...] = (0.40, 0.35, 0.25)
    split_generations: tuple[int, int] = (900, 1200)
    mutation_rate: float = 1.25e-8
    recombination_rate: float = 2e-7
    mitochondrial_length: int = 16_000
    mitochondrial_rate_factor: float = 20.0
    window: int = 200_000
    gc_content: float = 0.41

    # Genes: at least `min_genes`, and one per `gene_spacing` bases where the genome is larger than that.
    min_genes: int = 64
    gene_spacing: int = 170_000

    # Sequencing, per call.
    mean_depth: float = 30.0
    mean_depth_haploid: float = 20.0
    depth_spread: float = 0.1  # coefficient of variation between people
    read_error: float = 0.002
    missing_rate: float = 0.01
    low_quality_rate: float = 0.015
    half_call_rate: float = 0.0002
    contamination: float = 0.15

    # Trouble, per record.
    multiallelic_rate: float = 0.015
    shifted_deletion_rate: float = 0.012
    shifted_insertion_rate: float = 0.010
    padded_rate: float = 0.004
    mnv_rate: float = 0.005
    star_rate: float = 0.3  # of the pairs of sites that are near enough for one deletion to cover both
    failing_rate: float = 0.01
    ref_mismatch_rate: float = 0.0003
    duplicate_rate: float = 0.001

    # Planted effects.
    lipid_effect: float = 0.65
    burden_effect: float = 1.7
    burden_carriers: float = 0.10
    airway_effect: float = 1.4
    survival_effect: float = 0.85
    carriers_per_variant: float = 0.0125
    """People who share one planted rare variant, as a fraction of all; twice the allele frequency."""
    endotype_shares: tuple[float, ...] = (0.45, 0.30, 0.25)
    endotype_carriers: float = 0.25
    endotype_carriers_elsewhere: float = 0.01
    endotype_hazards: tuple[float, ...] = (1.0, 2.0, 4.0)
    marker_shift: float = 2.7
    atypical_shift: float = 9.0
    atypical_patients: int = 3
    population_shift: float = 0.5
    """Difference of traits between populations; found as false signals when structure is not adjusted for."""

    # The clinical table.
    only_genotyped: int = 2
    only_clinical: int = 2
    missing_cells: float = 0.02
    dirty_cells: float = 0.01

    # Knowledge.
    known_frequency_rate: float = 0.9
    reference_panel_alleles: int = 20_000

    def check(self) -> None:
        """Raise an :class:`InputError` when the cohort is too small to hold what is planted."""
        problems = []
        for option, value, least, most in (
            ("--patients", self.patients, MIN_PATIENTS, 99_999),
            ("--variants", self.variants, MIN_VARIANTS, 20_000_000),
            ("--seed", self.seed, 0, 2**63 - 1),
        ):
            if not least <= value <= most:
                problems.append(
                    Problem("command line", None, option, str(value), f"a number from {least} to {most}")
                )
        if problems:
            raise InputError(problems)

    def stream(self, *names: str | int) -> np.random.Generator:
        """The random stream of one purpose: a change of one purpose leaves the draws of the others."""
        keys = [n if isinstance(n, int) else zlib.crc32(n.encode()) for n in names]
        return np.random.default_rng([self.seed, *keys])
