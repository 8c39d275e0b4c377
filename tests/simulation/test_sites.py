"""Sites: selection, and each kind of trouble."""

from __future__ import annotations

import numpy as np
import pytest

from endotype.simulation.genes import MISSENSE, STOP_GAINED, Gene, coding_effects, write_gene
from endotype.simulation.genome import random_bases, text
from endotype.simulation.parameters import Parameters
from endotype.simulation.plan import CodingSites, PlantedVariant
from endotype.simulation.sites import MIN_GAP, CodingTable, Sites, add_trouble, plain_sites

LENGTH = 60_000
GENE = Gene("EG001", "EGG1", "1", "-", ((2000, 2400), (3000, 3499)), ((2100, 2400), (3000, 3298)))
NO_TROUBLE = dict.fromkeys(
    [
        "multiallelic_rate",
        "shifted_deletion_rate",
        "shifted_insertion_rate",
        "padded_rate",
        "mnv_rate",
        "star_rate",
        "failing_rate",
        "ref_mismatch_rate",
        "duplicate_rate",
    ],
    0.0,
)


@pytest.fixture(scope="module")
def bases() -> np.ndarray:
    drawn = random_bases(LENGTH, 0.41, np.random.default_rng(4))
    write_gene(drawn, GENE, np.random.default_rng(5))
    return drawn


def haplotypes(n: int, frequency: float = 0.3) -> np.ndarray:
    drawn = (np.random.default_rng(6).random((n, 20, 2)) < frequency).astype(np.int8)
    drawn[:, 0, 0] = 1
    return drawn


def spread_sites(bases: np.ndarray, step: int = 60) -> Sites:
    pos = np.arange(200, LENGTH - 200, step)
    coding = CodingTable([], set(), bases)
    return plain_sites(pos, haplotypes(len(pos)), [], bases, coding, np.random.default_rng(7))


def troubled(bases: np.ndarray, step: int = 60, off_limits=(), **rates: float) -> tuple[Sites, Sites]:
    before, after = spread_sites(bases, step), spread_sites(bases, step)
    parameters = Parameters(1, **{**NO_TROUBLE, **rates})
    add_trouble(after, off_limits, bases, parameters, np.random.default_rng(8))
    return before, after


def haplotype(sites: Sites, row: int, allele: int, bases: np.ndarray) -> str:
    """The neighbourhood of a record with one of its alleles put in."""
    start = int(sites.pos[row]) - 1
    written = (sites.ref[row], *sites.alts[row])[allele]
    return text(bases[start - 60 : start]) + written + text(bases[start + len(sites.ref[row]) : start + 60])


def test_plain_sites_have_the_reference_base_and_another(bases):
    sites = spread_sites(bases)
    assert sites.ref == [text(bases[p - 1 : p]) for p in sites.pos]
    assert all(a[0] != r for r, a in zip(sites.ref, sites.alts, strict=True))
    transitions = sum(
        r + a[0] in ("AG", "GA", "CT", "TC") for r, a in zip(sites.ref, sites.alts, strict=True)
    )
    assert transitions / len(sites.ref) == pytest.approx(2 / 3, abs=0.06)


def effects_of(sites: Sites, bases: np.ndarray) -> list[int]:
    row_of = {int(p): i for i, p in enumerate(GENE.coding_positions)}
    effects = coding_effects(GENE, bases)
    return [
        int(effects[row_of[int(p)], "ACGT".index(a[0])])
        for p, a in zip(sites.pos, sites.alts, strict=True)
        if int(p) in row_of
    ]


@pytest.mark.parametrize(("protected", "allowed"), [({"EG001"}, {0}), (set(), {0, 1})])
def test_selection_keeps_common_variants_from_ending_proteins(bases, protected, allowed):
    pos = np.arange(GENE.start, GENE.end + 1)
    coding = CodingTable([GENE], protected, bases)
    sites = plain_sites(pos, haplotypes(len(pos)), [], bases, coding, np.random.default_rng(1))
    assert set(effects_of(sites, bases)) == allowed
    assert not set(sites.pos) & set(GENE.splice_positions)


def test_rare_variants_may_end_proteins_where_nothing_is_planted(bases):
    pos = np.arange(GENE.start, GENE.end + 1)
    rare = np.zeros((len(pos), 200, 2), np.int8)
    rare[:, 0, 0] = 1
    sites = plain_sites(pos, rare, [], bases, CodingTable([GENE], set(), bases), np.random.default_rng(1))
    assert STOP_GAINED in effects_of(sites, bases)


def test_planted_variants_replace_what_is_at_their_place(bases):
    site = CodingSites(GENE, bases, np.random.default_rng(2)).take(MISSENSE)
    variant = PlantedVariant("pathogenic", GENE, *site, {3: 1, 5: 2})
    pos = np.arange(GENE.start, GENE.end + 1, 1)
    coding = CodingTable([GENE], set(), bases)
    sites = plain_sites(pos, haplotypes(len(pos)), [variant], bases, coding, np.random.default_rng(1))
    (row,) = np.flatnonzero(sites.pos == variant.pos)
    assert sites.kind[row] == "planted"
    assert sites.clean[row]
    assert sites.alleles[row].sum(1).tolist() == [{3: 1, 5: 2}.get(i, 0) for i in range(20)]
    assert (np.diff(sites.pos) > 0).all()


def test_coding_sites_are_well_apart(bases):
    sites = CodingSites(GENE, bases, np.random.default_rng(2))
    taken = sorted(sites.take(STOP_GAINED)[0] for _ in range(8))
    assert min(np.diff(taken)) >= 6


def test_multiallelic_records_share_out_the_alternate_haplotypes(bases):
    before, after = troubled(bases, multiallelic_rate=1.0)
    rows = [i for i, k in enumerate(after.kind) if k == "multiallelic"]
    assert len(rows) > 0.9 * len(after.kind)
    for row in rows:
        assert len({after.ref[row], *after.alts[row]}) == 3
        assert ((after.alleles[row] > 0) == (before.alleles[row] > 0)).all()
        assert {1, 2} <= set(after.alleles[row].ravel())


@pytest.mark.parametrize(
    ("rate", "kind", "change"),
    [("shifted_deletion_rate", "shifted_deletion", -1), ("shifted_insertion_rate", "shifted_insertion", 1)],
)
def test_shifted_indels_say_the_same_as_their_left_most_form(bases, rate, kind, change):
    _, after = troubled(bases, **{rate: 1.0})
    rows = [i for i, k in enumerate(after.kind) if k == kind]
    assert len(rows) > 0.3 * len(after.kind)
    for row in rows:
        ref, (alt,) = after.ref[row], after.alts[row]
        start = int(after.pos[row]) - 1
        assert ref == text(bases[start : start + len(ref)])
        assert len(alt) - len(ref) == change
        # The base before is the same: the indel can be written further left, so it isn't left-aligned.
        assert bases[start - 1] == bases[start]


def test_padded_records_trim_to_the_original(bases):
    before, after = troubled(bases, padded_rate=1.0)
    for row, kind in enumerate(after.kind):
        assert kind == "padded"
        assert len(after.ref[row]) == 3
        assert haplotype(after, row, 0, bases) == haplotype(before, row, 0, bases)
        assert haplotype(after, row, 1, bases) == haplotype(before, row, 1, bases)


def test_mnvs_change_two_neighbouring_bases(bases):
    _, after = troubled(bases, mnv_rate=1.0)
    for row in range(len(after.kind)):
        ref, (alt,) = after.ref[row], after.alts[row]
        assert ref == text(bases[after.pos[row] - 1 : after.pos[row] + 1])
        assert all(r != a for r, a in zip(ref, alt, strict=True))


def test_ref_mismatches_disagree_with_the_reference(bases):
    before, after = troubled(bases, ref_mismatch_rate=1.0)
    for row in range(len(after.kind)):
        assert after.ref[row] not in (before.ref[row], after.alts[row][0])


def test_duplicates_and_failing_sites_are_marked(bases):
    assert (troubled(bases, duplicate_rate=1.0)[1].copies == 2).all()
    assert not troubled(bases, failing_rate=1.0)[1].passes.any()


def test_star_alleles_stand_where_the_deletion_is_carried(bases):
    pos = np.array([1000, 1004, 5000])
    sites = plain_sites(
        pos, haplotypes(3), [], bases, CodingTable([], set(), bases), np.random.default_rng(7)
    )
    deleted = sites.alleles[0] == 1
    add_trouble(sites, [], bases, Parameters(1, **{**NO_TROUBLE, "star_rate": 1.0}), np.random.default_rng(8))
    assert sites.kind == ["spanning_deletion", "star", "snv"]
    assert sites.ref[0] == text(bases[999:1004])
    assert sites.alts[1][1] == "*"
    assert ((sites.alleles[1] == 2) == deleted).all()


def test_records_near_an_interval_that_is_off_limits_stay_as_they_are(bases):
    _, after = troubled(bases, off_limits=[(20_000, 30_000)], padded_rate=1.0)
    near = (after.pos >= 20_000 - MIN_GAP) & (after.pos <= 30_000 + MIN_GAP)
    assert {k for k, n in zip(after.kind, near, strict=True) if n} == {"snv"}
    assert {k for k, n in zip(after.kind, near, strict=True) if not n} == {"padded"}


def test_crowded_records_stay_as_they_are(bases):
    _, after = troubled(bases, step=MIN_GAP - 5, padded_rate=1.0)
    assert set(after.kind) == {"snv"}
