"""Who and what is planted, decided before the first genotype is drawn.

The plan fixes the people (sex, population, endotype, the trio, the duplicates and the other odd ones), which
genes have a part to play, and which rare variants are planted in them and in whom. Common causal variants
are only given a place here; the site is chosen among those that the population brings forth
(:mod:`endotype.simulation.population`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from endotype.simulation.genes import MISSENSE, STOP_GAINED, Gene, coding_change, coding_effects
from endotype.simulation.parameters import Parameters

ENDOTYPES = ("E1", "E2", "E3")
MECHANISMS = {"E1": "inflammation", "E2": "fibrosis", "E3": "metabolic_stress"}
BURDEN_MECHANISM = "lipid_transport"
OTHER_MECHANISMS = ("ion_channel", "dna_repair", "signalling", "cytoskeleton", "translation")


@dataclass(frozen=True)
class CausalPlace:
    """Where a common variant with an effect on a trait shall lie: a fraction of its contig's length."""

    trait: str
    contig: str
    fraction: float
    effect: float


@dataclass(frozen=True)
class Cast:
    """The genotyped people. Arrays are of shape (patients,); people are named by their index.

    ``male`` is the genetic sex, ``declared_male`` what the sample sheet says. ``endotype`` is the index into
    ``ENDOTYPES``, -1 for the atypical.
    """

    patients: list[str]
    samples: list[str]
    male: np.ndarray
    declared_male: np.ndarray
    population: np.ndarray
    endotype: np.ndarray
    father: int
    mother: int
    child: int
    duplicates: tuple[int, int]
    sex_mismatch: int
    contaminated: int
    contaminant: int
    only_genotyped: list[int]
    atypical: list[int]
    ordinary: np.ndarray = field(repr=False)
    """Indices of the people with no oddity, in random order; planted rare variants go to them alone."""

    @property
    def odd(self) -> set[int]:
        """People whom quality control may set aside, or who have no clinical record."""
        trio = {self.father, self.mother, self.child}
        return trio | {*self.duplicates, self.sex_mismatch, self.contaminated, *self.only_genotyped}


def draw_cast(parameters: Parameters) -> Cast:
    """Draw the people of the cohort."""
    random = parameters.stream("people")
    n = parameters.patients
    population = _shuffled_shares(n, parameters.population_shares, random)
    male = random.random(n) < 0.5
    endotype = _shuffled_shares(n, parameters.endotype_shares, random)
    order = [int(i) for i in random.permutation(n)]
    take = iter(order)
    father, mother, child, first, second, mismatch, contaminated, contaminant = (next(take) for _ in range(8))
    only_genotyped = sorted(next(take) for _ in range(parameters.only_genotyped))
    atypical = sorted(next(take) for _ in range(parameters.atypical_patients))
    male[[father, mother]] = True, False
    population[[mother, child]] = population[father]
    male[second], population[second] = male[first], population[first]
    male[contaminant], population[contaminant] = male[contaminated], population[contaminated]
    endotype[atypical] = -1
    declared = male.copy()
    declared[mismatch] = ~male[mismatch]
    return Cast(
        patients=[f"P{i + 1:04d}" for i in range(n)],
        samples=[f"S-{i:04d}" for i in random.permutation(n) + 1],
        male=male,
        declared_male=declared,
        population=population,
        endotype=endotype,
        father=father,
        mother=mother,
        child=child,
        duplicates=(first, second),
        sex_mismatch=mismatch,
        contaminated=contaminated,
        contaminant=contaminant,
        only_genotyped=only_genotyped,
        atypical=atypical,
        ordinary=np.array(list(take)),
    )


def _shuffled_shares(n: int, shares: Sequence[float], random: np.random.Generator) -> np.ndarray:
    """Group numbers of ``n`` people in random order, in exact proportions."""
    edges = np.round(np.cumsum(shares) * n).astype(int)
    return random.permutation(np.searchsorted(edges, np.arange(n), side="right"))


@dataclass(frozen=True)
class Roles:
    """Genes with a part to play. No background variant changes their protein."""

    burden: Gene
    endotype: tuple[Gene, ...]
    dominant: tuple[Gene, Gene]
    recessive: Gene
    de_novo: Gene
    """A dominant disease gene that the child of the trio has a new variant of."""
    compound: Gene
    """A recessive disease gene that the child of the trio has a variant of from either parent."""
    decoys: tuple[Gene, ...]
    """Disease genes with target rows that nobody carries a damaging variant of."""

    @property
    def names(self) -> set[str]:
        """Names of all of them."""
        return {g.name for g in (self.burden, *self.endotype, *self.disease)}

    @property
    def disease(self) -> tuple[Gene, ...]:
        """Genes with a disease of their own."""
        return (*self.dominant, self.recessive, self.de_novo, self.compound, *self.decoys)


def assign_roles(genes: Sequence[Gene]) -> Roles:
    """Spread the roles over the contigs, the burden gene away from the causal variants of its trait."""
    on = {c: [g for g in genes if g.contig == c] for c in ("1", "2", "3", "4", "X")}
    return Roles(
        burden=on["4"][1],
        endotype=(on["1"][1], on["2"][1], on["3"][1]),
        dominant=(on["1"][4], on["3"][4]),
        recessive=on["2"][4],
        de_novo=on["1"][2],
        compound=on["2"][2],
        decoys=(on["4"][4], on["X"][1], on["3"][2]),
    )


def causal_places(parameters: Parameters) -> list[CausalPlace]:
    """Places of the common causal variants: traits on contigs of their own as far as there are enough."""
    return [
        CausalPlace("lipid_level", "1", 0.35, parameters.lipid_effect),
        CausalPlace("lipid_level", "2", 0.65, -parameters.lipid_effect),
        CausalPlace("airway_disease", "3", 0.40, parameters.airway_effect),
        CausalPlace("airway_disease", "4", 0.75, -parameters.airway_effect),
        CausalPlace("survival", "1", 0.85, parameters.survival_effect),
    ]


@dataclass(frozen=True)
class PlantedVariant:
    """A rare coding variant and its carriers: index of the person -> copies (1 or 2).

    ``purpose`` is ``burden``, ``endotype``, ``pathogenic``, ``de_novo``, ``compound`` or, for one that nobody
    carries, ``decoy``. ``protein_change`` is its HGVS name. ``haplotypes`` gives the alleles of the trio's
    people, for the child the one from the father first.
    """

    purpose: str
    gene: Gene
    pos: int
    ref: int
    alt: int
    effect: int
    protein_change: str
    carriers: Mapping[int, int]
    haplotypes: Mapping[int, tuple[int, int]] = field(default_factory=dict)


class CodingSites:
    """Gives out distinct coding changes of one gene, well apart from each other and from exon borders."""

    def __init__(self, gene: Gene, bases: np.ndarray, random: np.random.Generator) -> None:
        effects = coding_effects(gene, bases)
        positions = gene.coding_positions
        borders = np.array(gene.cds).ravel()
        inner = np.abs(positions[:, None] - borders[None, :]).min(1) > 5
        # A stop near the end of the protein may do little; the first codon is the start.
        inner &= (np.arange(len(positions)) > 8) & (np.arange(len(positions)) < 0.8 * len(positions))
        rows, alts = np.nonzero(inner[:, None] & (effects > 0))
        order = random.permutation(len(rows))
        self._choices = [
            (int(positions[r]), int(a), int(effects[r, a]))
            for r, a in zip(rows[order], alts[order], strict=True)
        ]
        self._gene = gene
        self._bases = bases
        self._used: list[int] = []

    def take(self, effect: int) -> tuple[int, int, int, int, str]:
        """Position, reference base, alternate base, effect and protein change of an unused change.

        Raises:
            RuntimeError: the gene has no such change left.
        """
        for pos, alt, what in self._choices:
            if what == effect and all(abs(pos - u) >= 6 for u in self._used):
                self._used.append(pos)
                change = coding_change(self._gene, self._bases, pos, alt)
                return pos, int(self._bases[pos - 1]), alt, effect, change
        raise RuntimeError("a gene is too short for the variants planted in it")


def plant(
    contig: str,
    bases: np.ndarray,
    roles: Roles,
    cast: Cast,
    parameters: Parameters,
) -> list[PlantedVariant]:
    """Rare variants of one contig, sorted by position. ``bases`` are the codes of the whole contig."""
    n = parameters.patients
    per_variant = max(1, int(parameters.carriers_per_variant * n))
    planted: list[PlantedVariant] = []

    def spread(purpose: str, gene: Gene, effect_cycle: Sequence[int], people: Sequence[int]) -> None:
        sites = CodingSites(gene, bases, parameters.stream("coding sites", gene.name))
        for number, start in enumerate(range(0, len(people), per_variant)):
            effect = effect_cycle[number % len(effect_cycle)]
            carriers = {int(p): 1 for p in people[start : start + per_variant]}
            planted.append(PlantedVariant(purpose, gene, *sites.take(effect), carriers))

    for number, gene in enumerate(roles.endotype):
        if gene.contig == contig:
            spread("endotype", gene, [STOP_GAINED], _endotype_carriers(number, cast, parameters))
    if roles.burden.contig == contig:
        people = parameters.stream("burden").permutation(cast.ordinary)
        count = round(parameters.burden_carriers * n)
        spread("burden", roles.burden, [STOP_GAINED, STOP_GAINED, MISSENSE], people[:count].tolist())
    for gene, effect, carriers in _pathogenic(roles, cast, parameters):
        if gene.contig == contig:
            sites = CodingSites(gene, bases, parameters.stream("coding sites", gene.name))
            planted.append(PlantedVariant("pathogenic", gene, *sites.take(effect), carriers))
    for gene in roles.decoys:
        if gene.contig == contig:
            sites = CodingSites(gene, bases, parameters.stream("coding sites", gene.name))
            planted += [PlantedVariant("decoy", gene, *sites.take(STOP_GAINED), {}) for _ in range(2)]
    for purpose, gene, haplotypes in _of_the_child(roles, cast):
        if gene.contig == contig:
            sites = CodingSites(gene, bases, parameters.stream("coding sites", gene.name))
            for alleles in haplotypes:
                carriers = {person: sum(pair) for person, pair in alleles.items()}
                planted.append(PlantedVariant(purpose, gene, *sites.take(STOP_GAINED), carriers, alleles))
    return sorted(planted, key=lambda v: v.pos)


def _of_the_child(roles: Roles, cast: Cast) -> list[tuple[str, Gene, list[dict[int, tuple[int, int]]]]]:
    """What makes the child of the trio ill: a new variant, and one variant of a gene from either parent."""
    father, mother, child = cast.father, cast.mother, cast.child
    return [
        ("de_novo", roles.de_novo, [{child: (1, 0)}]),
        (
            "compound",
            roles.compound,
            [{father: (1, 0), child: (1, 0)}, {mother: (1, 0), child: (0, 1)}],
        ),
    ]


def _endotype_carriers(number: int, cast: Cast, parameters: Parameters) -> list[int]:
    people = parameters.stream("endotype carriers", number).permutation(cast.ordinary)
    inside = people[cast.endotype[people] == number]
    outside = people[cast.endotype[people] != number]
    carriers = [
        *inside[: round(parameters.endotype_carriers * len(inside))],
        *outside[: round(parameters.endotype_carriers_elsewhere * len(outside))],
    ]
    return [int(p) for p in parameters.stream("endotype variants", number).permutation(carriers)]


def _pathogenic(roles: Roles, cast: Cast, parameters: Parameters) -> list[tuple[Gene, int, dict[int, int]]]:
    """Six carriers of three variants: two and two of dominant genes; of a recessive one, one with two copies
    and one with a single copy.
    """
    people = [int(p) for p in parameters.stream("pathogenic").permutation(cast.ordinary)[:6]]
    return [
        (roles.dominant[0], STOP_GAINED, {people[0]: 1, people[1]: 1}),
        (roles.dominant[1], MISSENSE, {people[2]: 1, people[3]: 1}),
        (roles.recessive, STOP_GAINED, {people[4]: 2, people[5]: 1}),
    ]
