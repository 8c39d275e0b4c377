"""Populations, inheritance and the plan of the cohort."""

from __future__ import annotations

import numpy as np
import pytest

from endotype.errors import InputError
from endotype.simulation.genome import Contig, contigs, expected_sites_per_base
from endotype.simulation.parameters import Parameters
from endotype.simulation.plan import draw_cast
from endotype.simulation.population import Family, Meiosis, draw_meiosis, founder_haplotypes

PARAMETERS = Parameters(seed=11, patients=200)
CAST = draw_cast(PARAMETERS)


@pytest.fixture(scope="module")
def window() -> tuple[np.ndarray, np.ndarray]:
    return founder_haplotypes(Contig("1", 2_000_000), 400_000, 900_000, CAST, PARAMETERS)


def hudson_fst(a: np.ndarray, b: np.ndarray) -> float:
    """Ratio of averages over sites (Hudson 1992; Bhatia 2013), from allele frequencies."""
    within = a * (1 - a) + b * (1 - b)
    between = a * (1 - b) + b * (1 - a)
    return 1 - within.mean() / between.mean()


def test_positions_are_distinct_ascending_and_inside_the_window(window):
    pos, haplotypes = window
    assert (np.diff(pos) > 0).all()
    assert pos[0] > 400_000
    assert pos[-1] <= 900_000
    assert haplotypes.shape == (len(pos), 200, 2)
    assert set(np.unique(haplotypes)) == {0, 1}


def test_populations_differ_by_the_planned_fst(window):
    _, haplotypes = window
    frequency = [haplotypes[:, CAST.population == k].mean((1, 2)) for k in range(3)]
    assert hudson_fst(frequency[0], frequency[1]) == pytest.approx(0.045, abs=0.02)
    assert hudson_fst(frequency[0], frequency[2]) == pytest.approx(0.06, abs=0.02)
    # Split at random instead of by population there is no difference.
    mixed = np.random.default_rng(0).permutation(CAST.population)
    shuffled = [haplotypes[:, mixed == k].mean((1, 2)) for k in range(2)]
    assert hudson_fst(*shuffled) < 0.015


def test_the_number_of_sites_is_the_expected_one(window):
    pos, _ = window
    assert len(pos) == pytest.approx(500_000 * expected_sites_per_base(PARAMETERS), rel=0.15)


def test_the_genome_grows_with_the_variants_and_shrinks_with_the_patients():
    def length(**changes):
        return sum(c.length for c in contigs(Parameters(1, **changes)) if c.name != "MT")

    assert length(variants=80_000) == pytest.approx(2 * length(variants=40_000), rel=0.001)
    assert length(patients=4000) < length(patients=400)


def test_a_gamete_switches_haplotype_at_each_crossover():
    positions = np.array([10, 20, 30, 40, 50])
    haplotypes = np.stack([np.zeros(5), np.ones(5)], axis=1).astype(np.int8)
    gamete = Meiosis(np.array([15, 35]), first=0).gamete(positions, haplotypes)
    assert gamete.tolist() == [0, 1, 1, 0, 0]


def test_contigs_that_do_not_recombine_have_no_crossovers():
    random = np.random.default_rng(0)
    assert len(draw_meiosis(Contig("MT", 10**9), random, PARAMETERS).crossovers) == 0
    assert len(draw_meiosis(Contig("1", 10**9), random, PARAMETERS).crossovers) > 100


@pytest.mark.parametrize("name", ["1", "X", "Y", "MT"])
@pytest.mark.parametrize("son", [True, False])
def test_the_child_inherits_by_the_rules_of_the_contig(name, son):
    cast = draw_cast(PARAMETERS)
    cast.male[cast.child] = son
    alleles = np.zeros((400, 200, 2), np.int8)
    # Every haplotype is told apart by its own number.
    alleles[:, cast.father] = [1, 2]
    alleles[:, cast.mother] = [3, 4]
    if name in ("Y", "MT"):
        alleles[:, cast.father] = 1
        alleles[:, cast.mother] = 3
    Family(Contig(name, 10_000_000), cast, PARAMETERS).inherit(np.arange(1, 401) * 20_000, alleles)
    first, second = (set(alleles[:, cast.child, k].tolist()) for k in range(2))
    if name == "MT":
        assert (first, second) == ({3}, {3})
    elif name == "Y":
        assert first == {1}
    elif name == "X" and son:
        assert first <= {3, 4}
    elif name == "X":
        assert first == {1}
        assert second <= {3, 4}
    else:
        assert first == {1, 2}
        assert second == {3, 4}


def test_duplicates_share_one_genome():
    alleles = np.random.default_rng(1).integers(0, 2, (50, 200, 2)).astype(np.int8)
    Family(Contig("2", 1_000_000), CAST, PARAMETERS).inherit(np.arange(1, 51), alleles)
    a, b = CAST.duplicates
    assert (alleles[:, a] == alleles[:, b]).all()


def test_everybody_has_one_part_and_relatives_share_a_population():
    odd = CAST.odd
    assert len(odd) == 3 + 2 + 1 + 1 + PARAMETERS.only_genotyped
    assert not odd & set(CAST.ordinary.tolist())
    assert not set(CAST.atypical) & set(CAST.ordinary.tolist())
    trio = [CAST.father, CAST.mother, CAST.child]
    assert len(set(CAST.population[trio])) == 1
    assert CAST.male[CAST.father]
    assert not CAST.male[CAST.mother]
    assert np.flatnonzero(CAST.male != CAST.declared_male).tolist() == [CAST.sex_mismatch]


def test_endotypes_have_the_planned_sizes_in_every_population():
    shares = np.bincount(CAST.endotype[CAST.endotype >= 0]) / (CAST.endotype >= 0).sum()
    assert shares == pytest.approx(PARAMETERS.endotype_shares, abs=0.02)
    assert (CAST.endotype[CAST.atypical] == -1).all()


@pytest.mark.parametrize("wrong", [{"patients": 20}, {"variants": 10}, {"seed": -1}])
def test_a_cohort_too_small_for_what_is_planted_is_refused(wrong):
    with pytest.raises(InputError) as caught:
        Parameters(**{"seed": 1, **wrong}).check()
    (problem,) = caught.value.problems
    assert problem.column == f"--{next(iter(wrong))}"
