"""Haplotypes of three populations, window by window, and how they pass to a child and to a duplicate.

Populations split in two steps without later exchange, so that a pairwise Fst of about
``T / (T + 2N)`` arises (Hudson 1992; T generations since the split, N the population size). Windows are
simulated apart from each other: linkage disequilibrium ends at their borders, and memory does not grow with
the genome.
"""

from __future__ import annotations

from dataclasses import dataclass

import msprime
import numpy as np

from endotype.simulation.genome import Contig
from endotype.simulation.parameters import Parameters
from endotype.simulation.plan import Cast


def demography(relative_size: float, parameters: Parameters) -> msprime.Demography:
    """Populations P0 and P1 split last, P2 before; all of one size."""
    size = parameters.population_size * relative_size
    recent, old = parameters.split_generations
    model = msprime.Demography()
    for name in ("P0", "P1", "P2", "P01", "P012"):
        model.add_population(name=name, initial_size=size)
    model.add_population_split(time=recent, derived=["P0", "P1"], ancestral="P01")
    model.add_population_split(time=old, derived=["P01", "P2"], ancestral="P012")
    return model


def founder_haplotypes(
    contig: Contig, start: int, end: int, cast: Cast, parameters: Parameters
) -> tuple[np.ndarray, np.ndarray]:
    """Segregating sites of one window as if all people were unrelated.

    Args:
        contig: the contig.
        start: first base of the window, 0-based.
        end: the base after the last.
        cast: gives everyone's population.
        parameters: rates and sizes.

    Returns:
        Positions on the contig, 1-based, int64 (n_sites,), ascending and distinct; derived allele (0 or 1) of
        each person's two haplotypes, int8 (n_sites, n_people, 2). Contigs that nobody has two copies of have
        both places filled with the same haplotype.
    """
    copies = 2 if contig.recombines else 1
    sizes = np.bincount(cast.population, minlength=3)
    seeds = parameters.stream("ancestry", contig.name, start).integers(1, 2**31, 2)
    trees = msprime.sim_ancestry(
        samples=[
            msprime.SampleSet(int(n), population=f"P{i}", ploidy=copies) for i, n in enumerate(sizes) if n
        ],
        demography=demography(contig.relative_size, parameters),
        sequence_length=end - start,
        recombination_rate=parameters.recombination_rate if contig.recombines else 0.0,
        ploidy=2,
        random_seed=int(seeds[0]),
    )
    trees = msprime.sim_mutations(
        trees,
        rate=parameters.mutation_rate * contig.relative_rate,
        model=msprime.BinaryMutationModel(),
        random_seed=int(seeds[1]),
    )
    # msprime's people stand in order of population; put each at their place in the cohort.
    place = np.argsort(np.argsort(cast.population, kind="stable"), kind="stable")
    haplotypes = trees.genotype_matrix().reshape(-1, len(place), copies)[:, place]
    if copies == 1:
        haplotypes = np.repeat(haplotypes, 2, axis=2)
    return trees.sites_position.astype(np.int64) + start + 1, np.ascontiguousarray(haplotypes, np.int8)


@dataclass(frozen=True)
class Meiosis:
    """Which of a parent's two haplotypes is passed on along one contig."""

    crossovers: np.ndarray
    first: int

    def gamete(self, positions: np.ndarray, haplotypes: np.ndarray) -> np.ndarray:
        """The transmitted alleles, (n_sites,), from the parent's haplotypes of shape (n_sites, 2)."""
        phase = (np.searchsorted(self.crossovers, positions) + self.first) % 2
        return haplotypes[np.arange(len(positions)), phase]


def draw_meiosis(contig: Contig, random: np.random.Generator, parameters: Parameters) -> Meiosis:
    """Crossovers without interference (Haldane 1919) at the recombination rate of the simulation."""
    count = random.poisson(contig.length * parameters.recombination_rate) if contig.recombines else 0
    return Meiosis(np.sort(random.integers(1, contig.length, count)), int(random.integers(2)))


class Family:
    """Gives the child and the second of the duplicates the haplotypes that their relations ask for."""

    def __init__(self, contig: Contig, cast: Cast, parameters: Parameters) -> None:
        random = parameters.stream("meiosis", contig.name)
        self._contig = contig.name
        self._cast = cast
        self._paternal = draw_meiosis(contig, random, parameters)
        self._maternal = draw_meiosis(contig, random, parameters)

    def inherit(self, positions: np.ndarray, alleles: np.ndarray) -> None:
        """Overwrite the alleles, (n_sites, n_people, 2), of those who are not founders, in place."""
        cast = self._cast
        father, mother = alleles[:, cast.father], alleles[:, cast.mother]
        son = bool(cast.male[cast.child])
        maternal = self._maternal.gamete(positions, mother)
        if self._contig == "MT":
            pair = (mother[:, 0], mother[:, 0])
        elif self._contig == "Y":
            pair = (father[:, 0], father[:, 0])
        elif self._contig == "X":
            pair = (maternal, maternal) if son else (father[:, 0], maternal)
        else:
            pair = (self._paternal.gamete(positions, father), maternal)
        alleles[:, cast.child] = np.stack(pair, axis=1)
        original, copy = cast.duplicates
        alleles[:, copy] = alleles[:, original]
